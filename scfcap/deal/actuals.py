"""Collections that have come in, before the loans of a deal are projected."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scfcap.deal.assets import Assets, Collected
from scfcap.quantities import BoolArray, FloatArray
from scfcap.schema.deal import ActualRow


class ActualAssets:
    """``rows`` of a deal's collections, the same in every scenario, and ``after`` them its loans.

    Purchases of the past are given: they are due whatever the cash, and what was bought came in.
    ``start`` is the pool at the start [currency].
    """

    def __init__(self, rows: Sequence[ActualRow], start: float, after: Assets) -> None:
        self._rows, self._start, self._after = rows, start, after
        self._spent = np.zeros(len(after.scenarios))

    @property
    def scenarios(self) -> tuple[str, ...]:
        """Names of the K scenarios."""
        return self._after.scenarios

    def _all(self, amount: float) -> FloatArray:
        return np.full(len(self.scenarios), amount)

    def opening(self) -> FloatArray:
        """Performing pool at the start [K]."""
        return self._all(self._start)

    def collect(self, period: int) -> Collected:
        """What came in, or what the loans are projected to do."""
        if period > len(self._rows):
            return self._after.collect(period - len(self._rows))
        self._spent = np.zeros(len(self.scenarios))
        row = self._rows[period - 1]
        return Collected(
            interest=self._all(row.interest),
            principal=self._all(row.principal),
            recovery=self._all(row.recovery),
            default=self._all(row.default),
            pool=self._all(row.pool - _bought(row)),
            delinquent=self._all(row.delinquent),
        )

    def wish(self, period: int, cash: FloatArray) -> FloatArray:
        """What is left of the purchase that was made, or what is on offer."""
        if period > len(self._rows):
            return self._after.wish(period - len(self._rows), cash)
        return np.maximum(self._rows[period - 1].purchases - self._spent, 0.0)

    def buy(self, period: int, cash: FloatArray) -> FloatArray:
        """What came in for the first ``cash`` [K] of a period; gives its balance."""
        if period > len(self._rows):
            return self._after.buy(period - len(self._rows), cash)
        row = self._rows[period - 1]
        first = (cash > 0.0) & (self._spent <= 0.0)
        self._spent = self._spent + cash
        return np.where(first, _bought(row), 0.0)

    @property
    def projected(self) -> Assets:
        """The loans after the past."""
        return self._after

    @property
    def past(self) -> int:
        """Periods that are given."""
        return len(self._rows)

    def sell(self, period: int, where: BoolArray) -> FloatArray:
        """Give up all loans in the scenarios ``where`` [K]; none in the past."""
        if period > len(self._rows):
            return self._after.sell(period - len(self._rows), where)
        return np.zeros(len(where))


def _bought(row: ActualRow) -> float:
    return row.purchases if row.bought is None else row.bought
