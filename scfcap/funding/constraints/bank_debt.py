"""Credit lines."""

from __future__ import annotations

from collections.abc import Iterator

from scfcap.funding.program import Absent, Key, Row
from scfcap.funding.variables import Book


def bank_debt(book: Book) -> Iterator[tuple[Key, Row | Absent]]:
    """``sum_{tenor} sum_{t-tenor < u <= t} X[h,tenor,u] + older <= max(L[h,t], older)``.

    Axes: lender, period. What a scenario cuts is called: new draws fit under the line that is left
    at every close. A line below what is drawn stops new draws; term draws run to their end.
    """
    for x in book.inputs.lenders:
        for t in book.inputs.periods:
            terms = book.debt(x.name, t)
            if not terms.coefficients:
                yield (x.name, t), Absent("no new draws")
            else:
                terms.plus(float(x.open_balance[t]))
                yield (x.name, t), Row(terms, "<=", x.room(t))
