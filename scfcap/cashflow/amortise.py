"""Contract schedules in cents: what one loan owes on each date, if all goes well.

Interest of a period is the opening balance times the period's rate, rounded to the cent, half to
even; a level payment is rounded once; the last payment takes the remainder. All is exact: amounts
and rates are read at their shortest decimal form and rates are divided as fractions.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd

from scfcap.axes import BULLET, EQUAL_PRINCIPAL, LEVEL_PAYMENT, LOAN_TYPES, ORDER
from scfcap.quantities import FloatArray


@dataclass(frozen=True)
class Schedule:
    """Payments of one loan [currency, whole cents], shape (instalments,).

    ``balance`` is what is owed after the payment; bullets and orders pay their interest with the
    last one.
    """

    interest: FloatArray
    principal: FloatArray
    balance: FloatArray

    def to_frame(self) -> pd.DataFrame:
        """One row a payment."""
        return pd.DataFrame(
            {
                "payment": np.arange(1, len(self.balance) + 1),
                "interest": self.interest,
                "principal": self.principal,
                "balance": self.balance,
            }
        )


def level_payment(principal: float, rate: float, instalments: int, per_year: int = 12) -> float:
    """The level payment of a loan [currency], rounded to the cent.

    ``rate`` is a year's, paid ``per_year`` times: P·i / (1 - (1 + i)^-n), i = rate / per_year.
    """
    return _level(_cents(principal), _exact(rate) / per_year, instalments) / 100


def schedule(
    loan_type: str, principal: float, rate: float, instalments: int, per_year: int = 12
) -> Schedule:
    """Schedule of a loan of ``principal`` [currency] at ``rate`` [1/year].

    Raises:
        ValueError: ``loan_type`` is not one of :data:`~scfcap.axes.LOAN_TYPES`, or there is no
            instalment.
    """
    if loan_type not in LOAN_TYPES:
        msg = f"loan_type: {loan_type!r}, expected one of {', '.join(LOAN_TYPES)}"
        raise ValueError(msg)
    kind = LOAN_TYPES.index(loan_type)
    if instalments < 1:
        msg = f"instalments: {instalments}, expected at least 1"
        raise ValueError(msg)
    step = _exact(rate) / per_year
    owed = _cents(principal)
    payment = _level(owed, step, instalments) if kind == LEVEL_PAYMENT else 0
    share = round(Fraction(owed, instalments)) if kind == EQUAL_PRINCIPAL else 0
    at_end = kind in (BULLET, ORDER)
    rows: list[tuple[int, int, int]] = []
    for number in range(1, instalments + 1):
        last = number == instalments
        interest = round(owed * step * (instalments if at_end else 1))
        repaid = owed if last else payment - interest if kind == LEVEL_PAYMENT else share
        repaid = min(repaid, owed)
        owed -= repaid
        rows.append((0 if at_end and not last else interest, repaid, owed))
    interest_, principal_, balance = np.array(rows, dtype=np.float64).T / 100.0
    return Schedule(interest_, principal_, balance)


def _exact(value: float) -> Fraction:
    return Fraction(repr(float(value)))


def _cents(amount: float) -> int:
    """Whole cents, half to even (``round`` on a fraction)."""
    return round(_exact(amount) * 100)


def _level(cents: int, step: Fraction, instalments: int) -> int:
    """Level payment in cents; the power is exact."""
    if step == 0:
        return round(Fraction(cents, instalments))
    growth = (1 + step) ** instalments
    return round(cents * step * growth / (growth - 1))
