"""What falls due when, as terms of the program: the ladder, the gaps and their rows share it.

Days are counted from a close. Loans are due as their cash is expected in the plan's scenario,
evenly within a period, no new loan counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from math import inf

import numpy as np

from scfcap.funding.capital import tax_due
from scfcap.funding.entries import notes_repaid
from scfcap.funding.program import Terms
from scfcap.funding.shortfall import shortfall_due
from scfcap.funding.support import paid
from scfcap.funding.tenor import day_due
from scfcap.funding.variables import Book
from scfcap.periods import PeriodGrid
from scfcap.quantities import FloatArray, IntArray

#: Days left and amount.
Dated = tuple[float, Terms]


def repaid_within(
    performing: FloatArray, repaid: FloatArray, days: IntArray, t: int, within: Sequence[float]
) -> FloatArray:
    """Share of each cohort's principal at the close of ``t`` that is repaid within days [J, W].

    ``performing`` [J, T + 1] and ``repaid`` [J, T] are those of the factors, ``days`` [T + 1]
    those of their grid. Zero of a cohort that has nothing at that close.
    """
    sums = np.pad(np.cumsum(repaid[:, t:], axis=1), ((0, 0), (1, 0)))
    left = (days[t:] - days[t]).astype(np.float64)
    wanted = np.minimum(np.asarray(within, dtype=np.float64), left[-1])
    upper = np.clip(np.searchsorted(left, wanted, side="left"), 1, max(len(left) - 1, 1))
    if len(left) == 1:
        return np.zeros((len(performing), len(wanted)))
    part = (wanted - left[upper - 1]) / (left[upper] - left[upper - 1])
    found = sums[:, upper - 1] * (1.0 - part) + sums[:, upper] * part
    standing = performing[:, t][:, None]
    return np.asarray(np.divide(found, standing, out=np.zeros_like(found), where=standing > 0.0))


def repaid_later(
    performing: FloatArray, repaid: FloatArray, days: IntArray, t: int, after: float
) -> FloatArray:
    """Share of each cohort's principal at the close of ``t`` that is repaid after days [J].

    What stands at the end of the factors' grid is repaid after it.
    """
    ever = repaid[:, t:].sum(axis=1) + performing[:, -1]
    standing = performing[:, t]
    share = np.divide(ever, standing, out=np.zeros_like(ever), where=standing > 0.0)
    return np.asarray(share - repaid_within(performing, repaid, days, t, [after])[:, 0])


def due_grid(book: Book) -> PeriodGrid:
    """The plan's periods, and as many more as anything that it owes may run."""
    inputs = book.inputs
    longest = [] if inputs.p2p is None else [len(inputs.p2p.open_repaid)]
    longest += [d.legal_end for d in inputs.deals]
    longest += [x.payout_lag for x in inputs.partners]
    return inputs.grid.extended(inputs.horizon + max(longest, default=0) + 1)


def restricted_cash(book: Book, t: int) -> Terms:
    """Cash and reserves of all series at the close of ``t``."""
    terms = Terms()
    for d in book.inputs.deals:
        terms.extend(book.deal_cash(d, t)).extend(book.reserve(d, t))
    return terms


def debts_due(book: Book, grid: PeriodGrid, t: int) -> Iterator[Dated]:
    """Draws that stand at the close of ``t``: older ones on their day, new ones at a close."""
    inputs = book.inputs
    for lender in inputs.spec.lenders:
        for draw in lender.draws:
            if t < max(_period(grid, draw.maturity), 1):
                left = (draw.maturity - inputs.grid.as_of).days - float(grid.days[t])
                yield max(left, 0.0), Terms().plus(draw.amount / inputs.unit)
    for x in inputs.lenders:
        for tenor, _ in x.tenors:
            for since in x.maturity(tenor).standing(t):
                column = book.program.find("X", (x.name, tenor, since))
                yield _days_left(book, since, tenor, t), Terms().add(column)


def notes_due(book: Book, grid: PeriodGrid, t: int) -> Iterator[Dated]:
    """Notes sold that stand at the close of ``t``: as the plan repays them, then the legal end."""
    last = book.inputs.horizon
    for d in book.inputs.deals:
        standing = book.all_notes(d, t)
        if not standing.coefficients and standing.constant == 0.0:
            continue
        for u in range(t + 1, last + 1):
            yield _left(grid, t, u), notes_repaid(book, d, u)
        yield _left(grid, t, max(d.legal_end, last + 1)), book.all_notes(d, last)


def coupons_due(book: Book, grid: PeriodGrid, t: int) -> Iterator[Dated]:
    """Coupons owed at the close of ``t``: at once where they are paid, else after the revolving."""
    vehicle = book.inputs.vehicle
    for d in book.inputs.deals:
        assert vehicle is not None
        paid = vehicle.coupon_timing == "paid"
        due = t + 1 if paid else max(d.last_revolving + 1, t + 1)
        for i in range(len(d.repaid_by)):
            yield _left(grid, t, due), book.accrued(d, i, t)


def p2p_due(book: Book, grid: PeriodGrid, t: int) -> Iterator[Dated]:
    """P2P notes that stand at the close of ``t``."""
    p2p = book.inputs.p2p
    if p2p is None:
        return
    for u in range(t + 1, len(p2p.open_repaid)):
        yield _left(grid, t, u), Terms().plus(float(p2p.open_repaid[u]))
    for since in p2p.maturity.standing(t):
        yield _days_left(book, since, p2p.tenor, t), book.placed(since)


def claims_due(book: Book, grid: PeriodGrid, t: int) -> Iterator[Dated]:
    """Claims under guarantees on defaults up to the close of ``t``, due after their lag."""
    for x in book.inputs.partners:
        for due in range(t + 1, t + x.payout_lag + 1):
            yield _left(grid, t, due), paid(book, x, due)


def others_due(book: Book, grid: PeriodGrid, t: int) -> Iterator[Dated]:
    """What is owed at the close of ``t`` beside funding: coupons, claims, what is missing, tax."""
    yield from coupons_due(book, grid, t)
    yield from claims_due(book, grid, t)
    if book.inputs.may_lack:
        yield shortfall_due(book, grid, t)
    if book.inputs.spec.tax is not None:
        yield tax_due(book, grid, t)


def _days_left(book: Book, since: int, tenor: int, t: int) -> float:
    """Days from the close of ``t`` to the day on which money raised in ``since`` is due."""
    grid = book.inputs.grid
    day = day_due(grid, since, tenor, book.inputs.spec.plan.unit)
    return float((day - grid.as_of).days - int(grid.days[t]))


def _left(grid: PeriodGrid, t: int, u: int) -> float:
    return float(grid.days[u] - grid.days[t])


def _period(grid: PeriodGrid, day: date) -> float:
    """Period of a day; beyond the grid it is never reached."""
    return grid.index(day) if day <= grid.ends[-1] else inf
