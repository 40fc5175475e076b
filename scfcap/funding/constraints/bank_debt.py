"""Credit lines."""

from __future__ import annotations

from collections.abc import Iterator

from scfcap.funding.program import Absent, Key, Row, Terms
from scfcap.funding.variables import Book


def bank_debt(book: Book) -> Iterator[tuple[Key, Row | Absent]]:
    """``sum_{tenor} sum_{t-tenor < u <= t} X[h,tenor,u] + older <= max(L[h,t], older)``.

    Axes: lender, period. What a scenario cuts is called: new draws fit under the line that is left
    at every close. A line below what is drawn stops new draws; term draws run to their end. Where
    banks are chosen, ``L[h,t] V[h]`` is the line: none of a bank that is not.
    """
    for x in book.inputs.lenders:
        for t in book.inputs.periods:
            terms = book.debt(x.name, t)
            chosen = book.program.find("V", x.name)
            if not terms.coefficients:
                yield (x.name, t), Absent("no new draws")
            elif chosen is not None:
                yield (x.name, t), Row(terms.add(chosen, -x.line(t)), "<=")
            else:
                terms.plus(float(x.open_balance[t]))
                yield (x.name, t), Row(terms, "<=", x.room(t))


def lender_count(book: Book) -> Iterator[tuple[Key, Row | Absent]]:
    """``sum_h V[h] <= n - banks owed already``, ``V[h]`` 0 or 1. One row.

    No more banks lend than the law allows; a bank that is not chosen lends in no period.
    """
    choice = book.inputs.choice
    terms = Terms()
    for name in () if choice is None else choice.names:
        terms.add(book.program.find("V", name))
    if choice is None or not terms.coefficients:
        yield "banks", Absent("all banks may lend")
    else:
        yield "banks", Row(terms, "<=", float(choice.most))
