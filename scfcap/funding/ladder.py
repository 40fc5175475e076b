"""Maturity ladder: what falls due when, at every close, and the gaps between both sides."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from math import inf

import numpy as np
import pandas as pd

from scfcap.axes import OWN
from scfcap.cashflow.cohorts import CohortFactors
from scfcap.funding.cash_flow import restricted_cash
from scfcap.funding.company import cash
from scfcap.funding.entries import notes_repaid
from scfcap.funding.program import Solution, Terms
from scfcap.funding.statements import frame_of
from scfcap.funding.tenor import day_due
from scfcap.funding.variables import Book, on_books
from scfcap.periods import PeriodGrid
from scfcap.quantities import FloatArray

#: Days by which sums are taken: the usual horizons of a maturity gap.
HORIZONS = (7, 30, 90, 180, 360)
#: Buckets, and what is in none: no day is known, or it is not expected back.
BUCKETS = (*(f"to {days} days" for days in HORIZONS), "later", "undated", "expected to default")

_Line = tuple[str, str, FloatArray]


def maturity_ladder(book: Book, solution: Solution, factors: CohortFactors) -> pd.DataFrame:
    """Assets and liabilities of the group at each close by the days left [currency].

    ``item`` as on the balance sheet; its buckets add up to it. Loans are due as their cash is
    expected in the plan's scenario, evenly within a period, no new loan counted; cash is there at
    once. Bank debt and P2P notes are due on their day, older P2P notes at the end of its period.
    Notes fall due as the plan repays them, beyond the horizon at the legal end. Recoveries have no
    day.
    """
    rows: list[tuple[object, ...]] = []
    unit, grid = book.inputs.unit, book.inputs.grid
    ladder = _Ladder(book, solution, factors)
    for t in range(book.inputs.horizon + 1):
        end = grid.as_of if t == 0 else grid.ends[t - 1]
        for side, item, amounts in ladder.lines(t):
            rows.extend(
                (t, end, side, item, bucket, unit * float(amount))
                for bucket, amount in zip(BUCKETS, amounts, strict=True)
            )
    return frame_of(rows, ["period", "end", "side", "item", "bucket", "amount"])


def maturity_gaps(ladder: pd.DataFrame) -> pd.DataFrame:
    """Assets less liabilities due within 7, 30, 90, 180 and 360 days of each close [currency].

    ``gap_h = sum(assets due <= h) - sum(liabilities due <= h)``.
    """
    rows: list[tuple[object, ...]] = []
    for (period, end), part in ladder.groupby(["period", "end"], sort=True):
        due = part.pivot_table("amount", "bucket", "side", aggfunc="sum", fill_value=0.0)
        sums = due.reindex(list(BUCKETS[: len(HORIZONS)]), fill_value=0.0).cumsum()
        for days, (_, line) in zip(HORIZONS, sums.iterrows(), strict=True):
            assets, owed = float(line.get("asset", 0.0)), float(line.get("liability", 0.0))
            rows.append((period, end, days, assets, owed, assets - owed))
    names = ["period", "end", "within_days", "assets_due", "liabilities_due", "gap"]
    return frame_of(rows, names)


class _Ladder:
    def __init__(self, book: Book, solution: Solution, factors: CohortFactors) -> None:
        self.book, self.x = book, solution.x
        inputs = book.inputs
        k = factors.scenarios.index(inputs.spec.plan.scenario)
        self.performing, self.repaid = factors.performing[k], factors.repaid[k]
        self.days = np.asarray(factors.grid.days, dtype=np.float64)
        longest = [] if inputs.p2p is None else [len(inputs.p2p.open_repaid)]
        longest += [d.legal_end for d in inputs.deals]
        self.grid: PeriodGrid = inputs.grid.extended(inputs.horizon + max(longest, default=0) + 1)

    def _value(self, terms: Terms) -> float:
        return terms.value(self.x)

    def lines(self, t: int) -> Iterator[_Line]:
        """Side, item and amounts by bucket [money units]."""
        book = self.book
        yield "asset", "loans on the own book", self._loans([OWN], t)
        yield "asset", "loans of the vehicle", self._loans(on_books(book.inputs)[1:], t)
        due = Terms()
        for where in on_books(book.inputs):
            due.extend(book.receivable(where, t))
        undated = np.zeros(len(BUCKETS))
        undated[BUCKETS.index("undated")] = self._value(due)
        yield "asset", "recoveries expected", undated
        restricted = self._value(restricted_cash(book, t))
        yield "asset", "restricted cash of the vehicle", self._dated(t, [(t, restricted)])
        yield "asset", "free cash", self._dated(t, [(t, self._value(cash(book, t)))])
        yield "liability", "bank and other debt", self._debt(t)
        yield "liability", "notes held by others", self._dated(t, list(self._notes(t)))
        yield "liability", "accrued coupons", self._dated(t, list(self._coupons(t)))
        yield "liability", "P2P notes", self._p2p(t)

    def _loans(self, places: list[str], t: int) -> FloatArray:
        """Expected principal of what stands at the close of ``t``, by bucket."""
        book = self.book
        weight = np.zeros(len(self.performing))
        for where in places:
            for j in book.standing(where, t):
                standing = float(self.performing[j, t])
                if standing > 0.0:
                    weight[j] += self._value(book.held(j, where, t)) / standing
        flows = weight @ self.repaid[:, t:]
        left = float(weight @ self.performing[:, -1])
        total = float(weight @ self.performing[:, t])
        summed = np.interp(
            HORIZONS, self.days[t:] - self.days[t], np.concatenate(([0.0], np.cumsum(flows)))
        )
        by_bucket = np.diff(summed, prepend=0.0)
        later = float(flows.sum()) - float(summed[-1]) + left
        return np.array([*by_bucket, later, 0.0, total - float(flows.sum()) - left])

    def _day(self, t: int) -> float:
        return float(self.grid.days[t])

    def _bucketed(self, parts: list[tuple[float, float]]) -> FloatArray:
        """Amounts by the days left until each."""
        amounts = np.zeros(len(BUCKETS))
        for days, amount in parts:
            amounts[int(np.searchsorted(HORIZONS, days, side="left"))] += amount
        return amounts

    def _dated(self, t: int, parts: list[tuple[int, float]]) -> FloatArray:
        """Amounts by bucket of what is due at the close of a period."""
        return self._bucketed([(self._day(u) - self._day(t), amount) for u, amount in parts])

    def _debt(self, t: int) -> FloatArray:
        inputs = self.book.inputs
        parts: list[tuple[float, float]] = []
        for lender in inputs.spec.lenders:
            for draw in lender.draws:
                if t < max(self._period(draw.maturity), 1):
                    days = max((draw.maturity - inputs.grid.as_of).days - self._day(t), 0.0)
                    parts.append((days, draw.amount / inputs.unit))
        for x in inputs.lenders:
            for tenor, _ in x.tenors:
                for since in x.maturity(tenor).standing(t):
                    column = self.book.program.find("X", (x.name, tenor, since))
                    amount = self._value(Terms().add(column))
                    parts.append((self._left(since, tenor, t), amount))
        return self._bucketed(parts)

    def _period(self, day: date) -> float:
        """Period of a day; beyond the grid it is never reached."""
        return self.grid.index(day) if day <= self.grid.ends[-1] else inf

    def _notes(self, t: int) -> Iterator[tuple[int, float]]:
        book = self.book
        for d in book.inputs.deals:
            if self._value(book.all_notes(d, t)) == 0.0:
                continue
            for u in range(t + 1, book.inputs.horizon + 1):
                yield u, self._value(notes_repaid(book, d, u))
            left = self._value(book.all_notes(d, book.inputs.horizon))
            yield max(d.legal_end, book.inputs.horizon + 1), left

    def _coupons(self, t: int) -> Iterator[tuple[int, float]]:
        """Coupons that are owed: due at once where they are paid, else after the revolving."""
        vehicle = self.book.inputs.vehicle
        for d in self.book.inputs.deals:
            assert vehicle is not None
            paid = vehicle.coupon_timing == "paid"
            due = t + 1 if paid else max(d.last_revolving + 1, t + 1)
            for i in range(len(d.repaid_by)):
                yield due, self._value(self.book.accrued(d, i, t))

    def _left(self, since: int, tenor: int, t: int) -> float:
        """Days from the close of ``t`` to the day on which money raised in ``since`` is due."""
        inputs = self.book.inputs
        day = day_due(inputs.grid, since, tenor, inputs.spec.plan.unit)
        return (day - inputs.grid.as_of).days - self._day(t)

    def _p2p(self, t: int) -> FloatArray:
        book, p2p = self.book, self.book.inputs.p2p
        if p2p is None:
            return np.zeros(len(BUCKETS))
        older = [(u, float(p2p.open_repaid[u])) for u in range(t + 1, len(p2p.open_repaid))]
        new = [
            (self._left(since, p2p.tenor, t), self._value(book.placed(since)))
            for since in p2p.maturity.standing(t)
        ]
        return self._dated(t, older) + self._bucketed(new)
