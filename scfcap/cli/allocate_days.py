"""``scfcap allocate MODEL --days N``: funding dates one after another, three ways."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scfcap.cli.grid import grid
from scfcap.cli.terminal import Asked, Outcome, Terminal, shown_path
from scfcap.errors import InputError, Problem

if TYPE_CHECKING:
    from scfcap.report.allocation_days import DaysReport

#: Dates at most.
MOST = 366

Days = Annotated[
    int | None,
    typer.Option(
        "--days",
        metavar="N",
        min=1,
        max=MOST,
        help="Go through N business days: loans pay, new ones come; beside the greedy and the "
        "proportional way.",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", metavar="S", min=0, help="Of what loans do over the days. [default: 0]"),
]


def over_days(terminal: Terminal, asked: Asked, days: int, seed: int | None) -> Outcome:
    """Place the loans day by day, show and save what came of it."""
    from scfcap.api.allocating_days import allocation_days

    model = asked.load()
    terminal.progress("tape")
    model.tape()
    terminal.progress("days")
    report = allocation_days(model, days, seed or 0)
    folder = None
    if asked.out is not None:
        terminal.progress("report")
        folder = report.save(asked.out).folder
    terminal.finish()
    _show(terminal, report)
    if folder is not None:
        terminal.say("", f"Tables and picture: {shown_path(folder)}")
    return Outcome({**report.document(), "folder": folder})


def refuse_beside(days: int | None, seed: int | None, *others: Path | None) -> None:
    """Raise InputError where options do not go together."""
    if days is None and seed is not None:
        raise InputError(Problem("--seed", str(seed), "--days N beside it", "Give --days too."))
    if days is not None and any(other is not None for other in others):
        raise InputError(
            Problem(
                "--days",
                "--before or --start beside it",
                "neither: the days begin with the tape's channels and carry on by themselves",
                "Leave --before and --start out.",
            )
        )


def _show(terminal: Terminal, report: DaysReport) -> None:
    by = report.run.by_way
    figures = ["income", "move_cost", "left", "total", "moved", "moves", "broken_days"]
    rows = [
        [str(row["way"]), *(f"{row[name]:,.0f}" for name in figures)] for _, row in by.iterrows()
    ]
    heads = ["way", "income", "cost of moves", "worth at the end", "total", "moved", "moves",
             "dates with broken limits"]  # fmt: skip
    terminal.say(grid(f"Over all dates, {report.currency}", heads, rows, heads[1:]), "")
    terminal.say(*report.run.sentences(report.currency))
