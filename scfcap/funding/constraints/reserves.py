"""What the company asks of itself beside income: lending, and room for what may come."""

from __future__ import annotations

from collections.abc import Iterator

from scfcap.funding.company import cash
from scfcap.funding.objective import weighted_lending
from scfcap.funding.program import Key, Row, Terms
from scfcap.funding.shortfall import missing
from scfcap.funding.variables import Book

Rows = Iterator[tuple[Key, Row]]


def ready(book: Book, t: int) -> Terms:
    """Free cash at the close of ``t`` that is not missing money, and what lines leave undrawn.

    A line that is closed to draws in ``t`` counts nothing.
    """
    terms = cash(book, t).extend(missing(book, t), -1.0)
    for x in book.inputs.lenders:
        if t not in x.closed and book.program.find("V", x.name) is None:
            terms.plus(x.room(t) - float(x.open_balance[t])).extend(book.debt(x.name, t), -1.0)
    return terms


def lending_floor(book: Book) -> Rows:
    """``sum_s,t w[s] O[s,t] >= lending_floor``. Axes: none."""
    floor = book.inputs.spec.plan.lending_floor
    if floor > 0.0:
        yield "plan", Row(weighted_lending(book), ">=", floor / book.inputs.unit)


def headroom(book: Book) -> Rows:
    """``M[t] - u[t] + sum_h (L[h,t] - B[h,t]) >= headroom``.

    Axes: period. Lines that may be chosen or not, and those closed to draws, count nothing.
    """
    least = book.inputs.spec.plan.headroom / book.inputs.unit
    if least > 0.0:
        for t in book.inputs.periods:
            yield t, Row(ready(book, t), ">=", least)
