"""Entries and stocks of loans that others hold: fees, recourse, guarantees.

What partners lend is no flow of the company; its share of a joint loan is among its own loans.
"""

from __future__ import annotations

from collections.abc import Iterator

from scfcap.axes import BANK_TRANSFER
from scfcap.funding.booking import Earned, Entry, Held, Line, Moved, Purse, Stock
from scfcap.funding.partner import Supported
from scfcap.funding.program import Terms
from scfcap.funding.support import claims, cost, paid, receivable, recovered
from scfcap.funding.variables import Book

#: Lines of the statements.
FEES = "fees from partners"
BORNE = "credit losses of others' loans"
PAID = "recourse and guarantees paid"
CLAIMS = Line("liability", "claims under guarantees")
KEPT = Line("asset", "loans sold with recourse")
OWED = Line("liability", "owed on loans sold with recourse")


def recourse_entries(book: Book, t: int) -> Iterator[Entry]:
    """Loans sold whose defaults the company pays."""
    for buyer in book.inputs.buyers:
        if buyer.recourse is not None:
            yield from _support(book, buyer, BANK_TRANSFER, "recourse", t)


def recourse_stocks(book: Book, t: int) -> Iterator[Stock]:
    """Recoveries to come; the loans stay on the balance sheet, and as much is owed for them."""
    for buyer in book.inputs.buyers:
        if buyer.recourse is not None:
            held = book.total(buyer.place, t)
            yield Stock(held, KEPT)
            yield Stock(held, OWED)
            yield Stock(receivable(book, buyer, t), Line("asset", "recoveries expected"))


def partner_entries(book: Book, t: int) -> Iterator[Entry]:
    """Fees of what partners hold, and what guarantees cost."""
    for x in book.inputs.partners:
        fee = Terms().extend(book.total(x.place, t - 1), x.fee * float(book.inputs.year[t]))
        purse = Purse(1.0, x.channel, f"{x.name}: fees")
        yield Entry(fee, purse, Earned(1.0, FEES), Moved(1.0, "operating", FEES))
        if x.cover > 0.0:
            yield from _support(book, x, x.channel, "guarantee", t)


def partner_stocks(book: Book, t: int) -> Iterator[Stock]:
    """Partners' loans, off the balance sheet; claims yet to be paid, recoveries to come."""
    for x in book.inputs.partners:
        yield Stock(book.total(x.place, t), held=Held(x.channel, f"{x.name}: loans"))
        if x.cover > 0.0:
            yield Stock(receivable(book, x, t), Line("asset", "recoveries expected"))
            yield Stock(claims(book, x, t), CLAIMS)


def _support(book: Book, x: Supported, channel: str, what: str, t: int) -> Iterator[Entry]:
    """Defaults paid, what is recovered of them, and their cost when they happen."""
    yield Entry(
        paid(book, x, t),
        Purse(-1.0, channel, f"{x.name}: {what} paid"),
        moved=Moved(-1.0, "operating", PAID),
    )
    yield Entry(
        recovered(book, x, t),
        Purse(1.0, channel, f"{x.name}: recoveries"),
        moved=Moved(1.0, "operating", "recoveries"),
    )
    yield Entry(cost(book, x, t), earned=Earned(-1.0, BORNE))
