"""Sale of loans to banks."""

from __future__ import annotations

from collections.abc import Iterator

from scfcap.funding.program import Absent, Key, Row
from scfcap.funding.variables import Book

Rows = Iterator[tuple[Key, Row | Absent]]


def transfer_stock(book: Book) -> Rows:
    """``sum_j H[j,b,t] <= limit[b]``. Axes: buyer, period. Principal that a buyer will hold."""
    for buyer in book.inputs.buyers:
        for t in book.inputs.periods:
            terms = book.total(buyer.place, t)
            if not terms.coefficients:
                yield (buyer.name, t), Absent("nothing can be sold")
            else:
                yield (buyer.name, t), Row(terms, "<=", buyer.room(t))


def transfer_flow(book: Book) -> Rows:
    """``sum_j Y[j,b,t] <= cap[b] units[t]``. Axes: buyer, period. Principal that a buyer takes.

    The cap is that of a unit of the model, of which a period has ``units`` (1 where it is one).
    """
    for buyer in book.inputs.buyers:
        for t in book.inputs.periods:
            terms = book.sold(buyer.place, t)
            if buyer.per_period is None or not terms.coefficients:
                yield (buyer.name, t), Absent("no limit a period")
            else:
                yield (
                    (buyer.name, t),
                    Row(terms, "<=", buyer.per_period * float(book.inputs.units[t])),
                )
