"""Limits on what the book is made of."""

from __future__ import annotations

from collections.abc import Iterator

from scfcap.funding.program import Absent, Key, Row, Terms
from scfcap.funding.variables import Book, on_books


def book_share(book: Book) -> Iterator[tuple[Key, Row | Absent]]:
    """``sum_{s in S} H[s,t] - share * sum_s H[s,t] <= 0`` over own loans and the vehicle's.

    Axes: limit, period. Linear, because both sides are balances.
    """
    inputs = book.inputs
    for limit in inputs.spec.concentration:
        chosen = {inputs.segments.index(s) for s in limit.segments if s in inputs.segments}
        for t in inputs.periods:
            terms = Terms()
            for where in on_books(inputs):
                for j in book.standing(where, t):
                    inside = int(inputs.cohorts.segment[j]) in chosen
                    terms.extend(book.held(j, where, t), float(inside) - limit.share)
            if not terms.coefficients:
                yield (limit.name, t), Absent("no loans")
            else:
                yield (limit.name, t), Row(terms, "<=")
