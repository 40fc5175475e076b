"""``scfcap propose``: what an offered source of funds is worth, and what to pay for it at most."""

from __future__ import annotations

from datetime import date
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

if TYPE_CHECKING:
    from scfcap.report.proposals import ProposalReport

Name = Annotated[
    str | None,
    typer.Argument(help="A proposal of the model. Without it: the only one.", metavar="[NAME]"),
]
Line = Annotated[
    float | None, typer.Option("--line", metavar="AMOUNT", help="A line, with --tenor.")
]
BuyerOf = Annotated[
    float | None,
    typer.Option("--buyer", metavar="AMOUNT", help="A buyer of loans, with --eligibility."),
]
Supply = Annotated[
    float | None,
    typer.Option("--p2p", metavar="AMOUNT", help="P2P lenders who place so much a period."),
]
Series = Annotated[
    float | None,
    typer.Option("--series", metavar="AMOUNT", help="A series of the programme, with --closing."),
]
Tenor = Annotated[
    int | None, typer.Option("--tenor", metavar="N", help="Periods to repayment.", min=1)
]
Rate = Annotated[
    float | None, typer.Option("--rate", metavar="RATE", help="What it asks for, such as 0.09.")
]
Fee = Annotated[
    float | None, typer.Option("--fee", metavar="RATE", help="Commitment fee of a line.")
]
Eligibility = Annotated[
    str | None, typer.Option("--eligibility", metavar="SET", help="What a buyer takes.")
]
Discount = Annotated[
    float | None, typer.Option("--discount", metavar="SHARE", help="What a buyer pays below par.")
]
ClosingDay = Annotated[
    str | None, typer.Option("--closing", metavar="DATE", help="Day on which a series is issued.")
]
Spread = Annotated[
    float | None,
    typer.Option("--spread", metavar="RATE", help="Coupons above those of the programme."),
]
#: Name of what is described by options.
OFFER = "offer"


def propose(
    model: ModelArgument,
    name: Name = None,
    line: Line = None,
    buyer: BuyerOf = None,
    p2p: Supply = None,
    series: Series = None,
    tenor: Tenor = None,
    rate: Rate = None,
    fee: Fee = None,
    eligibility: Eligibility = None,
    discount: Discount = None,
    closing: ClosingDay = None,
    spread: Spread = None,
    tape: TapePath = None,
    overrides: Overrides = None,
    reject_limit: RejectLimit = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Judge a source that is offered: its worth by price and size, and what to pay at most."""

    def work(terminal: Terminal) -> Outcome:
        amounts = {"line": line, "buyer": buyer, "p2p": p2p, "series": series}
        terms = {
            "tenor": tenor, "rate": rate, "commitment_fee": fee, "eligibility": eligibility,
            "discount": discount, "closing": None if closing is None else _day(closing),
            "spread": spread,
        }  # fmt: skip
        more = _described(amounts, terms, name)
        asked = Asked(model, tape, [*(overrides or ()), *more], reject_limit, out)
        loaded = asked.load()
        for station, step in (("tape", loaded.tape), ("pool", loaded.pool), ("plan", loaded.plan)):
            terminal.progress(station)
            step()
        terminal.progress("prices")
        report = loaded.propose(OFFER if more else name)
        folder = None if out is None else report.save(out).folder
        terminal.finish()
        _show(terminal, report)
        if folder is not None:
            terminal.say("", f"Tables: {shown_path(folder)}")
        return Outcome({**report.document(), "folder": folder})

    execute(Terminal(json=json, quiet=quiet, traceback=traceback), work)


def _described(
    amounts: dict[str, float | None], terms: dict[str, Any], name: str | None
) -> list[str]:
    """The proposal that options describe, as an override; none where the model's is asked for."""
    from scfcap.errors import InputError, Problem
    from scfcap.schema.write import override_text

    given = {kind: amount for kind, amount in amounts.items() if amount is not None}
    stated = {key: value for key, value in terms.items() if value is not None}
    if not given and not stated:
        return []
    if len(given) != 1 or name is not None:
        options = ", ".join(f"--{kind}" for kind in given) or "terms alone"
        raise InputError(
            Problem(
                "scfcap propose",
                options if name is None else f"{options} and the proposal {name}",
                "one of --line, --buyer, --p2p, --series with its terms, or a proposal's name",
            )
        )
    ((kind, amount),) = given.items()
    offer = {"name": OFFER, "kind": kind, "amount": amount, **stated}
    return [override_text("proposals", [offer])]


def _day(text: str) -> date:
    from scfcap.errors import InputError, Problem

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(Problem("--closing", repr(text), "a date such as 2014-04-30")) from None


def _show(terminal: Terminal, report: ProposalReport) -> None:
    from scfcap.report.proposals import METHOD

    terminal.say(*report.sentences(), "")
    rows = [_row(row) for row in report.prices.to_dict("records")]
    first = report.prices.columns[0]
    heads = [str(first), "all in", "average", "most", "from", "to", "worth", "what limits it"]
    title = f"By what it costs, {report.currency}"
    terminal.say(grid(title, heads, rows, [str(first), "all in", "average", "most", "worth"]), "")
    if len(report.by_size):
        sizes = [
            [f"{row['amount']:,.0f}", f"{row['worth']:,.0f}", f"{row['worth_of_more']:.4f}"]
            for row in report.by_size.to_dict("records")
        ]
        heads = ["size", "worth", "one more"]
        terminal.say(grid(f"By its size, {report.currency}", heads, sizes, heads), "")
    terminal.say(METHOD)


def _row(row: dict[Any, Any]) -> list[str]:
    price, *_ = row.values()
    cost = row["all_in"]
    days = ["" if row[x] != row[x] else f"{row[x]:%Y-%m-%d}" for x in ("first", "last")]
    return [
        f"{price:.3%}",
        "" if cost != cost else f"{cost:.3%}",
        *(f"{row[x]:,.0f}" for x in ("average", "most")),
        *days,
        f"{row['worth']:,.0f}",
        str(row["binds"]),
    ]
