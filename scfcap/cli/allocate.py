"""``scfcap allocate``: which loan goes to which funder, within which limits, and how sure it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scfcap.cli.allocate_days import Days, Seed, over_days, refuse_beside
from scfcap.cli.allocate_told import tell_funder, tell_loan
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
from scfcap.errors import InputError, Problem

if TYPE_CHECKING:
    from scfcap.api.model import Model
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

Loan = Annotated[
    str | None, typer.Option("--loan", metavar="ID", help="Say why this loan goes where it goes.")
]
FunderKey = Annotated[
    str | None,
    typer.Option(
        "--funder",
        metavar="KEY",
        help="Show this funder's report, such as bank_debt:bank-a: borrowing base or purchases.",
    ),
]


Ledger = Annotated[
    bool,
    typer.Option(
        "--ledger",
        help="Begin with the holders and deliveries of the model's ledger (see scfcap ledger) "
        "instead of the tape's channels; --before PATH for one in another place.",
    ),
]


def allocate(
    model: ModelArgument,
    tape: TapePath = None,
    overrides: Overrides = None,
    reject_limit: RejectLimit = None,
    before: Before = None,
    ledger: Ledger = False,
    start: Start = None,
    loan: Loan = None,
    funder: FunderKey = None,
    days: Days = None,
    seed: Seed = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Allocate the loans: which goes to which funder today, what binds, and how far from the best
    the answer is at most.
    """

    def work(terminal: Terminal) -> Outcome:
        from scfcap.api.sparing import give_back, spare
        from scfcap.funding.allocation.explain import position_of
        from scfcap.report.delivery import LIST_FACTS

        refuse_beside(days, seed, before, start)
        asked = Asked(model, tape, overrides, reject_limit, out)
        if days is not None:
            return over_days(terminal, asked, days, seed)
        loaded = asked.load()
        for station, step in (("tape", loaded.tape), ("pool", loaded.pool)):
            terminal.progress(station)
            step()
        if loan is not None:  # said before the long part, not after it
            position_of(loaded.pool().loan_id, loan)
        spare(loaded, LIST_FACTS if out is not None or funder is not None else ())
        give_back(len(loaded.pool()))
        terminal.progress("allocation")
        report = loaded.allocation(_begin(loaded, before, ledger), start)
        folder = None
        if out is not None:
            terminal.progress("report")
            folder = report.save(out).folder
        terminal.finish()
        told: dict[str, object] = {}
        if loan is None and funder is None:
            _show(terminal, report)
        if loan is not None:
            told["explained"] = tell_loan(terminal, report, loan)
        if funder is not None:
            told["handed"] = tell_funder(terminal, report, funder)
        if folder is not None:
            terminal.say("", f"Tables, lists: {shown_path(folder)}")
        return Outcome({**report.document(), **told, "folder": folder})

    execute(Terminal(json=json, quiet=quiet, traceback=traceback), work)


def _begin(model: Model, before: Path | None, ledger: bool) -> Path | None:
    """Where the day begins: an earlier allocation, or the ledger."""
    if not ledger:
        return before
    if before is not None:
        action = "Leave one of them out; --before takes the path of a ledger, too."
        found = "two beginnings"
        raise InputError(Problem("--before and --ledger", found, "one of them", action))
    from scfcap.api.ledgers import ledger_file
    from scfcap.ledger.store import read_from

    path = ledger_file(model)
    read_from(path).close()
    return path


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
