"""Loans that are paid by the buyers of orders, on days of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scfcap.quantities import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Payers:
    """How buyers pay; arrays have shape (loans,), and are 0 where a loan is paid by its borrower.

    ``amount`` [currency]: what the buyer owes on the order, of which it leaves the share
    ``dilution`` unpaid. ``pay_day`` [loans, parts]: days, offsets from ``as_of`` and above 0, on
    which equal parts of it are paid. ``fee``: share of the amount that each order costs;
    ``recourse``: share of a shortfall that the seller makes good.
    """

    amount: FloatArray
    dilution: FloatArray
    pay_day: IntArray
    fee: float
    recourse: float

    def __len__(self) -> int:
        return len(self.amount)

    @property
    def by_buyer(self) -> BoolArray:
        """Loans that are paid by buyers."""
        return self.pay_day[:, 0] > 0

    @property
    def last_day(self) -> int:
        """Last day on which a part of an order is paid, offset from ``as_of``."""
        return int(self.pay_day.max(initial=0))

    def where(self, chosen: Any) -> Payers:
        """Those of the loans picked by an index or a mask."""
        return Payers(
            self.amount[chosen],
            self.dilution[chosen],
            self.pay_day[chosen],
            self.fee,
            self.recourse,
        )
