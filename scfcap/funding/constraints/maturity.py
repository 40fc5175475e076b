"""Limits on when money falls due."""

from __future__ import annotations

from collections.abc import Iterator

from scfcap.funding.company import capital, cash
from scfcap.funding.maturities import (
    Dated,
    debts_due,
    due_grid,
    notes_due,
    others_due,
    p2p_due,
    restricted_cash,
)
from scfcap.funding.program import Absent, Key, Row, Terms
from scfcap.funding.variables import Book, on_books
from scfcap.periods import PeriodGrid
from scfcap.quantities import FloatArray

Rows = Iterator[tuple[Key, Row | Absent]]


def _loans(book: Book, share: FloatArray, t: int) -> Terms:
    """``share[j, t]`` of the principal on the group's books at the close of ``t``."""
    terms = Terms()
    for where in on_books(book.inputs):
        for j in book.standing(where, t):
            terms.extend(book.held(j, where, t), float(share[j, t]))
    return terms


def _funding(book: Book, grid: PeriodGrid, t: int) -> Iterator[Dated]:
    yield from debts_due(book, grid, t)
    yield from notes_due(book, grid, t)
    yield from p2p_due(book, grid, t)


def maturity_gap(book: Book) -> Rows:
    """``M[t] + Q[t] + sum_j within[j,h,t] H[j,t] - sum_{due <= h} (X, N, Z, U) >= -buffer_h``.

    Axes: days h, period. U are coupons, claims under guarantees and tax that are owed. Loans of
    the group as their cash is expected within h days of the close, no new loan counted; free and
    restricted cash at once. The gap of the maturity ladder.
    """
    inputs = book.inputs
    grid = due_grid(book)
    for gap in inputs.spec.plan.maturity_gaps:
        within = inputs.maturing[gap.days].within
        for t in inputs.periods:
            terms = cash(book, t).extend(restricted_cash(book, t)).extend(_loans(book, within, t))
            for left, amount in (*_funding(book, grid, t), *others_due(book, grid, t)):
                if left <= gap.days:
                    terms.extend(amount, -1.0)
            yield (gap.days, t), Row(terms, ">=", -gap.buffer / inputs.unit)


def tenor_match(book: Book) -> Rows:
    """``sum_j later[j,h,t] H[j,t] <= share (sum_{due > h} (X, N, Z) + K[t])``. Axes: period.

    Own loans and the vehicle's whose cash is expected later than h days after the close, against
    debt, notes and P2P notes that are due later, and net capital.
    """
    inputs = book.inputs
    match = inputs.spec.plan.tenor_match
    if match is None:
        return
    grid, later = due_grid(book), inputs.maturing[match.days].later
    for t in inputs.periods:
        terms = _loans(book, later, t).extend(capital(book, t), -match.share)
        for left, amount in _funding(book, grid, t):
            if left > match.days:
                terms.extend(amount, -match.share)
        yield t, Row(terms, "<=")
