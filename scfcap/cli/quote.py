"""``scfcap quote``: what one more loan earns, and where it would be funded."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scfcap.cli import completing
from scfcap.cli.grid import grid
from scfcap.cli.options import Json, ModelArgument, Overrides, Quiet, TapePath, Traceback
from scfcap.cli.terminal import Outcome, Terminal, execute

if TYPE_CHECKING:
    from scfcap.funding.quote_words import Quote

Amount = Annotated[
    float, typer.Option("--amount", metavar="AMOUNT", help="Amount in the model's currency.")
]
Tenor = Annotated[int, typer.Option("--tenor", metavar="DAYS", help="Days until it is repaid.")]
Segment = Annotated[str, typer.Option("--segment", metavar="NAME", help="Segment of the tape.")]
Rate = Annotated[
    float | None,
    typer.Option("--rate", metavar="RATE", help="Rate a year, such as 0.18. Else the segment's."),
]
Period = Annotated[
    int | None,
    typer.Option("--period", metavar="N", help="Period of the plan it is made in. Else the first."),
]
Day = Annotated[
    datetime | None,
    typer.Option(
        "--date", metavar="DAY", formats=["%Y-%m-%d"], help="A day of that period instead."
    ),
]
RunFolder = Annotated[
    Path | None,
    typer.Option(
        "--run",
        metavar="DIR",
        help="The run to quote from. Else the model's latest.",
        autocompletion=completing.runs,
    ),
]
Verify = Annotated[
    bool, typer.Option("--verify", help="Solve the plan again with the loan, and tell both.")
]


def quote(
    model: ModelArgument,
    amount: Amount,
    tenor: Tenor,
    segment: Segment,
    rate: Rate = None,
    period: Period = None,
    day: Day = None,
    run: RunFolder = None,
    verify: Verify = False,
    tape: TapePath = None,
    overrides: Overrides = None,
    json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Quote one more loan from the prices of the last plan: what it earns, what would fund it."""

    def work(terminal: Terminal) -> Outcome:
        from scfcap.api.quoting import quote as asked

        on: date | None = None if day is None else day.date()
        found = asked(
            *(model, segment, amount, tenor),
            rate=rate, period=period, on=on, run=run, overrides=list(overrides or ()),
            tape=tape, verify=verify,
        )  # fmt: skip
        terminal.finish()
        terminal.say(*found.sentences, "")
        _show(terminal, found)
        return Outcome(found.document())

    execute(Terminal(json=json, quiet=quiet, traceback=traceback), work)


def _show(terminal: Terminal, found: Quote) -> None:
    for title, rows in (
        ("What the plan earns with it", found.income),
        (f"What pays for it by {found.made}", found.cash),
    ):
        if rows:
            lines = [[name, f"{x:,.2f}"] for name, x in rows]
            terminal.say(grid(title, ["line", found.currency], lines, [found.currency]), "")
