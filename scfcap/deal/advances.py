"""What lines lend on the loans of a deal, date by date."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from scfcap.deal.actuals import ActualAssets
from scfcap.deal.assets import Assets
from scfcap.deal.loan_assets import LoanAssets
from scfcap.deal.loan_stock import LoanStock
from scfcap.quantities import FloatArray, IntArray


class Base(Protocol):
    """A borrowing base of a deal's loans."""

    def amount(self, assets: Assets, period: int, pool: FloatArray, late: FloatArray) -> FloatArray:
        """What is lent on the loans that ``assets`` hold in ``period`` [K], in currency.

        ``pool`` [K] performs, ``late`` [K] of it is past due; period 0 is closing.
        """


@dataclass(frozen=True)
class ShareOfPool:
    """A base that stays what it is of the loans on the tape: by shares, where loans are no longer
    known one by one.

    ``share`` of what performs and is not past due, less ``reserves`` [currency].
    """

    share: float
    reserves: float = 0.0

    def amount(
        self,
        assets: Assets,  # noqa: ARG002
        period: int,  # noqa: ARG002
        pool: FloatArray,
        late: FloatArray,
    ) -> FloatArray:
        """See :class:`Base`."""
        return np.asarray(self.share * np.maximum(pool - late, 0.0) - self.reserves)


@dataclass
class ByLoan:
    """The base of whole loans, each at its own balance on the date.

    ``lends`` gives it [currency] from the stock, rows of it, the balance of each that performs and
    is not past due, and the period. Where loans are not whole, or in the past, ``share`` holds.
    """

    lends: Callable[[LoanStock, IntArray, FloatArray, int], float]
    share: ShareOfPool
    _found: tuple[LoanAssets, int, int, FloatArray] | None = field(default=None, repr=False)

    def amount(self, assets: Assets, period: int, pool: FloatArray, late: FloatArray) -> FloatArray:
        """See :class:`Base`."""
        past = 0
        if isinstance(assets, ActualAssets):
            past, assets = assets.past, assets.projected
        if not isinstance(assets, LoanAssets) or (past and period <= past):
            return self.share.amount(assets, period, pool, late)
        known = self._found
        if known is not None and known[0] is assets and known[1:3] == (period, assets.changes):
            return known[3]
        standing = assets.standing(period - past)
        found = np.array(
            [self.lends(assets.stock, rows, owed, period - past) for rows, owed in standing]
        )
        self._found = (assets, period, assets.changes, found)
        return found
