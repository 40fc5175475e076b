"""Maturity ladder: what falls due when, at every close, and the gaps between both sides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from scfcap.axes import OWN
from scfcap.cashflow.cohorts import CohortFactors
from scfcap.funding.capital import PROVISIONS, TAX, tax_due
from scfcap.funding.company import cash
from scfcap.funding.maturities import (
    Dated,
    claims_due,
    coupons_due,
    debts_due,
    due_grid,
    notes_due,
    p2p_due,
    repaid_within,
    restricted_cash,
)
from scfcap.funding.partner_books import CLAIMS, KEPT, OWED
from scfcap.funding.program import Solution, Terms
from scfcap.funding.provisions import provisions
from scfcap.funding.shortfall import MISSING_LINE, shortfall_due
from scfcap.funding.statements import frame_of
from scfcap.funding.support import receivable
from scfcap.funding.variables import Book, on_books
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
    once. Bank debt and P2P notes are due on their day, a period's end but for draws of before.
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
        self.days = factors.grid.days
        self.grid = due_grid(book)

    def _value(self, terms: Terms) -> float:
        return terms.value(self.x)

    def lines(self, t: int) -> Iterator[_Line]:
        """Side, item and amounts by bucket [money units]."""
        book = self.book
        yield "asset", "loans on the own book", self._loans([OWN], t)
        yield "asset", "loans of the vehicle", self._loans(on_books(book.inputs)[1:], t)
        sold = [x.place for x in book.inputs.buyers if x.recourse is not None]
        if sold:
            yield *KEPT, self._loans(sold, t)
        due = Terms()
        for where in on_books(book.inputs):
            due.extend(book.receivable(where, t))
        for x in book.inputs.supported:
            due.extend(receivable(book, x, t))
        undated = np.zeros(len(BUCKETS))
        undated[BUCKETS.index("undated")] = self._value(due)
        yield "asset", "recoveries expected", undated
        kept = restricted_cash(book, t)
        yield "asset", "restricted cash of the vehicle", self._dated([(0.0, kept)])
        yield "asset", "free cash", self._dated([(0.0, cash(book, t))])
        grid = self.grid
        yield "liability", "bank and other debt", self._dated(debts_due(book, grid, t))
        yield "liability", "notes held by others", self._dated(notes_due(book, grid, t))
        yield "liability", "accrued coupons", self._dated(coupons_due(book, grid, t))
        yield "liability", "P2P notes", self._dated(p2p_due(book, grid, t))
        if sold:
            yield *OWED, self._loans(sold, t)
        if any(x.cover > 0.0 for x in book.inputs.partners):
            yield *CLAIMS, self._dated(claims_due(book, grid, t))
        if book.inputs.provisions is not None:
            held = np.zeros(len(BUCKETS))
            held[BUCKETS.index("undated")] = self._value(provisions(book, t))
            yield PROVISIONS.side, PROVISIONS.item, held
        if book.inputs.spec.tax is not None:
            yield TAX.side, TAX.item, self._dated([tax_due(book, grid, t)])
        if book.inputs.may_lack:
            yield *MISSING_LINE, self._dated([shortfall_due(book, grid, t)])

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
        within = repaid_within(self.performing, self.repaid, self.days, t, HORIZONS)
        summed = (weight * self.performing[:, t]) @ within
        by_bucket = np.diff(summed, prepend=0.0)
        later = float(flows.sum()) - float(summed[-1]) + left
        return np.array([*by_bucket, later, 0.0, total - float(flows.sum()) - left])

    def _dated(self, parts: Iterable[Dated]) -> FloatArray:
        """Amounts by the days left until each."""
        amounts = np.zeros(len(BUCKETS))
        for days, terms in parts:
            amounts[int(np.searchsorted(HORIZONS, days, side="left"))] += self._value(terms)
        return amounts
