"""``scfcap allocate``: which loan goes to which funder, within which limits, and how sure it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scfcap.cli.grid import grid
from scfcap.cli.options import (
    Json,
    ModelArgument,
    Out,
    Overrides,
    Quiet,
    RejectLimit,
    TapePath,
    Traceback,
)
from scfcap.cli.terminal import Asked, Outcome, Terminal, execute, shown_path

if TYPE_CHECKING:
    from scfcap.report.allocation import AllocationReport

#: Rows that are shown of what binds.
SHOWN = 15

Before = Annotated[
    Path | None,
    typer.Option(
        "--before",
        metavar="FILE_OR_RUN",
        help="An earlier allocation, loan_id and channel, instead of the tape's channels.",
    ),
]
Start = Annotated[
    Path | None,
    typer.Option("--start", metavar="RUN", help="An earlier allocation's prices to start from."),
]


def allocate(
    model: ModelArgument,
    tape: TapePath = None,
    overrides: Overrides = None,
    reject_limit: RejectLimit = None,
    before: Before = None,
    start: Start = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Allocate the loans: which goes to which funder today, what binds, and how far from the best
    the answer is at most.
    """

    def work(terminal: Terminal) -> Outcome:
        loaded = Asked(model, tape, overrides, reject_limit, out).load()
        for station, step in (("tape", loaded.tape), ("pool", loaded.pool)):
            terminal.progress(station)
            step()
        terminal.progress("allocation")
        report = loaded.allocation(before, start)
        folder = None
        if out is not None:
            terminal.progress("report")
            folder = report.save(out).folder
        terminal.finish()
        _show(terminal, report)
        if folder is not None:
            terminal.say("", f"Tables: {shown_path(folder)}")
        return Outcome({**report.document(), "folder": folder})

    execute(Terminal(json=json, quiet=quiet, traceback=traceback), work)


def _show(terminal: Terminal, report: AllocationReport) -> None:
    currency = report.assembled.currency
    figures = ["today", "in", "out", "after", "least", "most", "loans", "value"]
    if report.channels["counted"].notna().any():
        figures.insert(4, "counted")
    if report.channels["availability"].notna().any():
        figures.append("availability")
    heads = ["channel", *figures, "what binds most", "price"]
    rows = [
        [
            str(row["channel"]),
            *(_amount(row[name]) for name in figures),
            _dearest(report, str(row["channel"])),
            "" if row["price"] != row["price"] else f"{row['price']:.4%}",
        ]
        for row in report.channels.to_dict("records")
    ]
    terminal.say(grid(f"By channel, {currency}", heads, rows, [*figures, "price"]), "")
    binding = report.limits[report.limits["price"] > 0.0]
    binding = binding.sort_values("price", ascending=False, kind="stable")
    lines = [
        [
            str(row["row"]),
            *(_amount(row[name]) for name in ("right", "activity", "slack")),
            f"{row['price']:.4%}",
        ]
        for row in binding.head(SHOWN).to_dict("records")
    ]
    if lines:
        heads = ["limit", "right side", "used", "free", "price"]
        terminal.say(grid(f"What binds, {currency}", heads, lines, heads[1:]))
        if len(binding) > SHOWN:
            terminal.say(f"and {len(binding) - SHOWN:,} more.")
        terminal.say("")
    terminal.say(*report.sentences())


def _amount(value: float) -> str:
    return "" if value != value else f"{value:,.0f}"


def _dearest(report: AllocationReport, channel: str) -> str:
    """The row with the highest price on a channel, without the channel's own name."""
    rows = report.binding(channel)["row"]
    return str(rows.iloc[0]).removeprefix(f"{channel}: ") if len(rows) else ""
