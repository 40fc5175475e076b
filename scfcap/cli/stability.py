"""``scfcap plan MODEL --stability``: does the plan depend on which paths were drawn?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scfcap.cli.terminal import Outcome, Terminal
from scfcap.errors import InputError, Problem

if TYPE_CHECKING:
    from scfcap.api.model import Model

Stability = Annotated[
    bool,
    typer.Option(
        "--stability",
        help="Instead of a plan: whether it depends on which Monte Carlo paths were drawn.",
    ),
]
Seeds = Annotated[
    int | None,
    typer.Option("--seeds", metavar="N", min=2, help="Draws to plan over. [default: 10]"),
]
EvaluationPaths = Annotated[
    int | None,
    typer.Option(
        "--evaluation-paths",
        metavar="N",
        min=1,
        help="Other paths on which first decisions are judged. [default: 100]",
    ),
]


def run_stability(
    terminal: Terminal, model: Model, seeds: int | None, paths: int | None, out: Path | None
) -> Outcome:
    """Plan over several draws, judge first decisions on other paths, and tell the verdict."""
    from scfcap.api.stability import stability
    from scfcap.report.files import records

    if out is not None:
        found = f"{out} beside --stability"
        raise InputError(Problem("--out", found, "one of the two", "Use --json for figures."))
    told = stability(model, seeds or 10, paths or 100, terminal.progress)
    terminal.finish()
    table, currency = told.table(), model.spec.currency
    terminal.say(*told.sentences(), "")
    for row in records(table):
        terminal.say(
            f"seed {row['seed']}: expects {currency} {row['inside_amount']:,.0f}, "
            f"comes to {row['outside_amount']:,.0f}"
        )
    return Outcome(
        {
            "accepted": told.accepted,
            "spread": told.relative,
            "bias": told.bias,
            "foresight_amount": told.foresight * told.example.unit,
            "scenarios": told.paths,
            "sentences": told.sentences(),
            "seeds": records(table),
        }
    )


def refuse_alone(seeds: int | None, paths: int | None) -> None:
    """Refuse options that mean nothing without ``--stability``."""
    given = [name for name, x in (("--seeds", seeds), ("--evaluation-paths", paths)) if x]
    if given:
        raise InputError(
            Problem(given[0], "no --stability beside it", "--stability", "Add it, or leave it out.")
        )
