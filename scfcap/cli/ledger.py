"""``scfcap ledger``: who holds which loan since when, what is under way, and its next step."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from scfcap.errors import InputError, Problem

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table as RichTable

    from scfcap.api.model import Model
    from scfcap.ledger.confirmations import Confirmed
    from scfcap.ledger.deliveries import Settled
    from scfcap.ledger.store import Ledger
    from scfcap.ledger.tapes import Taken
    from scfcap.ledger.trace import Trace

#: Rows of a table that are shown; ``--out`` writes them all.
SHOWN = 20

File = Annotated[
    Path | None,
    typer.Option(
        "--file",
        metavar="PATH",
        help="The ledger's database. Without it: reports/out/MODEL/ledger.sqlite.",
    ),
]
On = Annotated[
    datetime | None,
    typer.Option(
        "--on", metavar="DATE", formats=["%Y-%m-%d"],
        help="Show the ledger as of a day; or the business day of what is done, which is "
        "otherwise the model's, or the ledger's last if that is later.",
    ),
]  # fmt: skip
Since = Annotated[
    datetime | None,
    typer.Option(
        "--since", metavar="DATE", formats=["%Y-%m-%d"],
        help="Show which loans changed their holder since the close of a day.",
    ),
]  # fmt: skip
Loan = Annotated[
    str | None, typer.Option("--loan", metavar="ID", help="Show what became of a loan.")
]
TraceOf = Annotated[
    str | None,
    typer.Option(
        "--trace",
        metavar="CHANNEL",
        help="Show the purchases of a series or buyer: price + income = received + balance + loss.",
    ),
]
Open = Annotated[
    bool, typer.Option("--open", help="Open the ledger, from the model's tape and its channels.")
]
Roll = Annotated[bool, typer.Option("--roll", help="Go on to the model's tape of a later day.")]
Deliver = Annotated[
    Path | None,
    typer.Option(
        "--deliver",
        metavar="RUN",
        help="Propose what an allocation's run folder asks for, and send it: write the lists.",
    ),
]
Send = Annotated[bool, typer.Option("--send", help="Send what is proposed and not sent yet.")]
Confirm = Annotated[
    Path | None,
    typer.Option(
        "--confirm",
        metavar="FILE",
        help="Import what a funder answered: loan_id, answer (accepted or refused), reason.",
    ),
]
Settle = Annotated[
    int | None,
    typer.Option("--settle", metavar="ID", help="Settle a delivery: its loans change holder."),
]
Cancel = Annotated[
    int | None,
    typer.Option("--cancel", metavar="ID", help="Take a delivery back: its loans are free."),
]


def ledger(
    model: ModelArgument,
    tape: TapePath = None,
    overrides: Overrides = None,
    reject_limit: RejectLimit = None,
    file: File = None,
    on: On = None,
    since: Since = None,
    loan: Loan = None,
    trace: TraceOf = None,
    open_it: Open = False,
    roll: Roll = False,
    deliver: Deliver = None,
    send: Send = False,
    confirm: Confirm = None,
    settle: Settle = None,
    cancel: Cancel = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Who holds which loan since when; deliveries to funders, their answers, what was received."""
    given = {
        "--open": open_it or None, "--roll": roll or None, "--deliver": deliver,
        "--send": send or None, "--confirm": confirm, "--settle": settle, "--cancel": cancel,
    }  # fmt: skip

    def work(terminal: Terminal) -> Outcome:
        from scfcap.api.ledgers import ledger_file

        act = _one(given)
        shown = Shown(_day(on), _day(since), loan, trace)
        terminal.progress("model")
        loaded = Asked(model, tape, overrides, reject_limit, out).load()
        place = file or ledger_file(loaded)
        said = [] if act is None else _done(terminal, loaded, place, act, given[act], shown.on)
        if act is not None:
            shown = Shown()
        return _show(terminal, loaded, place, model, shown, said, out)

    execute(Terminal(json=json, quiet=quiet, traceback=traceback), work)


@dataclass(frozen=True)
class Shown:
    """What of the ledger is asked for."""

    on: date | None = None
    since: date | None = None
    loan: str | None = None
    trace: str | None = None


def _day(given: datetime | None) -> date | None:
    return None if given is None else given.date()


def _one(given: dict[str, Any]) -> str | None:
    """The one thing that is to be done. Raises InputError where several are."""
    asked = [name for name, value in given.items() if value is not None]
    if len(asked) > 1:
        action = "Give them one after the other: each is done whole, or not at all."
        raise InputError(Problem(" ".join(asked), "several things to do", "one at a time", action))
    return asked[0] if asked else None


def _done(
    terminal: Terminal, model: Model, place: Path, act: str, value: Any, on: date | None
) -> list[str]:
    """Do one thing in the ledger; what there is to say of it."""
    from scfcap.api import ledgers
    from scfcap.ledger import tapes
    from scfcap.ledger.confirmations import confirm
    from scfcap.ledger.deliveries import settle
    from scfcap.ledger.outbox import deliver, open_ledger
    from scfcap.report.files import csv_bytes

    if act in ("--open", "--roll"):
        terminal.progress("tape")
        tape = model.tape()
    terminal.progress("ledger")
    with open_ledger(place, create=act == "--open") as book:
        day = ledgers.business_day(model, book, on)
        acts: dict[str, Callable[[], list[str]]] = {
            "--open": lambda: _taken(tapes.open_with(book, tape), model),
            "--roll": lambda: _taken(tapes.roll(book, tape), model),
            "--deliver": lambda: _sent(ledgers.deliver_run(book, value, day)),
            "--send": lambda: _sent(deliver(book, day, csv_bytes)),
            "--confirm": lambda: _confirmed(confirm(book, value, day)),
            "--settle": lambda: _settled(settle(book, value, day), model),
            "--cancel": lambda: _cancelled(book, value, day),
        }
        return acts[act]()


def _show(
    terminal: Terminal, model: Model, place: Path, name: str, shown: Shown, said: list[str],
    out: Path | None,
) -> Outcome:  # fmt: skip
    """Tell what stands in the ledger, from one state of it, and save it if asked to."""
    from scfcap.ledger import frames
    from scfcap.ledger.store import read_from
    from scfcap.ledger.trace import trace
    from scfcap.report.ledger import document, save_ledger, standing

    with closing(read_from(place)) as book:
        tables = standing(book, shown.on)
        traced = None
        if shown.loan is not None:
            tables["ledger_loan"] = frames.history(book, shown.loan)
        if shown.since is not None:
            last = shown.on or book.last() or shown.since
            tables["ledger_moves"] = frames.moves(book, shown.since, last)
        if shown.trace is not None:
            traced = trace(book, shown.trace, shown.on)
            tables["ledger_trace"] = traced.loans
        told = {**document(model.name, book, tables), "said": said}
        if traced is not None:
            told["trace"] = {"channel": traced.channel, "on": traced.on, **traced.total}
        begun = f"as of {shown.on or book.last()}"
        next_steps = _next_steps(book, tables["ledger_deliveries"], name)
    terminal.finish()
    currency = model.loaded.spec.currency
    terminal.say(*said, *([""] if said else []))
    if shown.loan is not None:
        terminal.say(_history(tables["ledger_loan"], shown.loan, currency))
    elif traced is not None:
        _say_trace(terminal, traced, currency)
    elif shown.since is not None:
        moved = tables["ledger_moves"]
        terminal.say(_rows(f"Changes of holder since {shown.since}, {currency}", moved))
        _say_more(terminal, len(moved))
    else:
        title = f"Who holds what {begun}, {currency}"
        terminal.say(_rows(title, tables["ledger_holders"]), "")
        _say_deliveries(terminal, tables["ledger_deliveries"], currency)
        terminal.say(*next_steps)
    if out is not None:
        folder = save_ledger(out, told, tables, currency).folder
        terminal.say("", f"Tables: {shown_path(folder)}")
        told["folder"] = folder
    return Outcome(told)


def _next_steps(book: Ledger, deliveries: pd.DataFrame, name: str) -> list[str]:
    """A sentence for each delivery that is not closed: what to do next."""
    said = []
    command = f"scfcap ledger {name}"
    for row in deliveries[deliveries["closed"].isna()].head(SHOWN).to_dict("records"):
        number, status = row["delivery"], row["status"]
        if row["begun"]:
            text = f"was being sent when a process died: {command} --send completes it."
        elif status == "proposed":
            text = f"is proposed: {command} --send writes its list."
        elif status == "sent":
            who = _parties(row)
            text = (
                f"is sent: hand {shown_path(book.lists / row['file'])} to {who}, and import the "
                f"answer with {command} --confirm FILE."
            )
        else:
            text = f"is {status}: {command} --settle {number} once it is paid."
        said.append(f"Delivery {number} {text}")
    return said or [f"Nothing is under way. {command} --deliver RUN sends an allocation's lists."]


def _parties(row: dict[Any, Any]) -> str:
    """Who gets a list: the funders among its holders."""
    keys = [row["origin"], row["destination"]]
    return " and ".join(key for key in keys if ":" in key)


def _taken(taken: Taken, model: Model) -> list[str]:
    money = model.loaded.spec.currency
    if taken.repeated:
        return [f"The tape of {taken.on} is in the ledger already; nothing was changed."]
    said = [
        f"The ledger has come to {taken.on}: {taken.loans:,} loans owe {money} "
        f"{taken.balance:,.2f}; {taken.new:,} of them are new ({taken.new_balance:,.2f}).",
    ]
    if taken.first:
        return said
    said += [
        f"Since the tape before: principal {taken.principal:,.2f}, {_interest(taken.interest)}, "
        f"losses {taken.loss:,.2f}, recoveries {taken.recovered:,.2f}; {taken.repaid:,} loans were "
        f"repaid, {taken.charged_off:,} charged off.",
    ]
    if taken.drawn:
        said.append(f"Balances rose by {taken.drawn:,.2f}: taken as drawn.")
    if taken.unexplained:
        said.append(
            f"Balances fell by {taken.unexplained:,.2f} more than paid_principal bears out; it is "
            "kept apart as unexplained. Ask for a tape that says what it was."
        )
    if taken.vanished:
        first = ", ".join(taken.vanished[:3])
        said.append(
            f"{len(taken.vanished):,} loans are no longer on the tape ({first} ...); nothing is "
            "taken as repaid. They are frozen until a tape says what became of them."
        )
    if taken.elsewhere is not None and len(taken.elsewhere):
        row = taken.elsewhere.iloc[0]
        said.append(
            f"{len(taken.elsewhere):,} loans are elsewhere on the tape, such as {row['loan_id']}: "
            f"{row['tape']}, in the ledger {row['ledger']}. The ledger's holder stands; correct "
            "the tape's channel column, or move them by a delivery."
        )
    return said


def _interest(amount: float) -> str:
    if amount != amount:
        return "interest not told (keep paid_interest in the tape)"
    return f"interest {amount:,.2f}"


def _sent(done: tuple[Any, ...]) -> list[str]:
    if not done:
        return ["Nothing is left to be sent."]
    return [f"Delivery {sent.delivery} is sent: {shown_path(sent.file)}" for sent in done]


def _confirmed(done: Confirmed) -> list[str]:
    states = ", ".join(f"delivery {number} is {status}" for number, status in done.deliveries)
    if done.repeated:
        return [
            f"These answers are in the ledger already; nothing was changed: {states}. "
            "A file that answers a later delivery names it in a column delivery."
        ]
    return [f"{done.accepted:,} loans are accepted, {done.refused:,} refused: {states}."]


def _settled(done: Settled, model: Model) -> list[str]:
    money = model.loaded.spec.currency
    lapsed = (
        f" {done.lapsed:,} that were repaid or lost meanwhile stay where they were."
        if done.lapsed
        else ""
    )
    return [
        f"Delivery {done.delivery} is settled: {done.loans:,} loans that owe {money} "
        f"{done.balance:,.2f} have a new holder, for {done.price:,.2f}.{lapsed}"
    ]


def _cancelled(book: Ledger, number: int, day: date) -> list[str]:
    from scfcap.ledger.deliveries import cancel

    cancel(book, number, day)
    return [f"Delivery {number} is cancelled; its loans are free. Tell the funder if it was sent."]


def _say_deliveries(terminal: Terminal, deliveries: pd.DataFrame, currency: str) -> None:
    wanted = ["delivery", "date", "direction", "channel", "status", "loans", "balance", "price",
              "accepted", "refused"]  # fmt: skip
    under_way = deliveries.loc[deliveries["closed"].isna(), wanted]
    if len(under_way):
        terminal.say(_rows(f"Under way, {currency}", under_way))
        _say_more(terminal, len(under_way))
        terminal.say("")


def _history(table: pd.DataFrame, loan: str, currency: str) -> RichTable:
    empty = [name for name in table if table[name].isna().all() or (table[name] == "").all()]
    return _rows(f"Loan {loan}, {currency}", table.drop(columns=empty), most=len(table))


def _say_trace(terminal: Terminal, found: Trace, currency: str) -> None:
    wanted = ["loan_id", "date", "price", "income", "received", "balance", "loss", "left", "how"]
    extra = [name for name in ("drawn", "unexplained") if found.total[name]]
    title = f"Purchases of {found.channel} until {found.on}, {currency}"
    terminal.say(_rows(title, found.loans[[*wanted, *extra]]))
    _say_more(terminal, len(found.loans))
    total = found.total
    left = " + ".join(f"{name} {total[name]:,.2f}" for name in ("price", "income", *extra[:1]))
    right = " + ".join(
        f"{name} {total[name]:,.2f}"
        for name in ("received", "balance", "loss", *(["unexplained"] if extra[1:] else []))
    )
    terminal.say("", f"All {len(found.loans):,} purchases: {left} = {right}, to the cent.")
    if not found.interest_stated:
        terminal.say(
            "Not every tape tells what interest was paid: income is without it there. Keep "
            "paid_interest in [tape] keep."
        )


def _say_more(terminal: Terminal, rows: int) -> None:
    if rows > SHOWN:
        terminal.say(f"and {rows - SHOWN:,} more; --out DIR writes them all.")


def _rows(title: str, table: pd.DataFrame, most: int = SHOWN) -> RichTable:
    """A table to show: amounts with cents, days, nothing where nothing is known."""
    import pandas as pd

    heads = [str(name).replace("_", " ") for name in table]
    numbers = [
        head
        for head, name in zip(heads, table, strict=True)
        if pd.api.types.is_numeric_dtype(table[name])
    ]
    rows = [[_cell(value) for value in row] for row in table.head(most).to_numpy(dtype=object)]
    return grid(title, heads, rows, numbers)


def _cell(value: Any) -> str:
    import pandas as pd

    if value is None or pd.isna(value):
        return ""
    if isinstance(value, date):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
