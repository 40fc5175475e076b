"""Limits on what the book is made of."""

from __future__ import annotations

from collections.abc import Iterator

from scfcap.funding.company import capital
from scfcap.funding.program import Absent, Key, Row, Terms
from scfcap.funding.variables import Book, on_books
from scfcap.schema.plan import BookShare


def by_segment(limit: BookShare) -> bool:
    """Whether a limit is on segments and of the book: :func:`book_share` has its rows."""
    return limit.core is None and limit.base == "book"


def book_share(book: Book) -> Iterator[tuple[Key, Row | Absent]]:
    """``sum_{s in S} H[s,t] - share * sum_s H[s,t] <= 0`` over own loans and the vehicle's.

    Axes: limit, period. Linear, because both sides are balances.
    """
    inputs = book.inputs
    for limit in inputs.spec.concentration:
        if not by_segment(limit):
            continue
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


def core_share(book: Book) -> Iterator[tuple[Key, Row | Absent]]:
    """``sum_s part[s,e] H[s,t] <= share base[t]`` over own loans and the vehicle's.

    Axes: limit, period. ``part`` is what of a segment hangs on core enterprise e, as of the
    outstanding loans; of a limit on segments it is one. The base is ``sum_s H[s,t]``, ``K[t]``, or
    ``K[t]`` and the deductions.
    """
    inputs = book.inputs
    for limit in inputs.spec.concentration:
        if by_segment(limit):
            continue
        part = inputs.core_shares[limit.name]
        of_book = limit.share if limit.base == "book" else 0.0
        for t in inputs.periods:
            terms = Terms()
            for where in on_books(inputs):
                for j in book.standing(where, t):
                    segment = int(inputs.cohorts.segment[j])
                    terms.extend(book.held(j, where, t), float(part[segment]) - of_book)
            if not terms.coefficients and terms.constant <= 0.0:
                yield (limit.name, t), Absent("no loans")
                continue
            right = 0.0
            if limit.base != "book":
                terms.extend(capital(book, t), -limit.share)
                right = limit.share * inputs.deductions * (limit.base == "net_assets")
            if terms.coefficients:
                yield (limit.name, t), Row(terms, "<=", right)
            else:
                yield (limit.name, t), Absent("opening loans only")
