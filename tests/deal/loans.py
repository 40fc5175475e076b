"""Whole loans for tests of purchases: stocks written row by row, and curves that say little."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from scfcap.axes import INTEREST_ONLY_BULLET
from scfcap.credit.curves import CurveSet, build_curves
from scfcap.deal.choosing import Limits
from scfcap.deal.loan_stock import LoanStock
from scfcap.periods import PeriodGrid
from scfcap.quantities import FloatArray, IntArray
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.scenario import Scenario

CLOSING = date(2019, 12, 31)


@dataclass(frozen=True)
class Loan:
    """A bullet loan with monthly interest; ``day`` on which it is on offer, -1: held at closing."""

    name: str
    balance: float
    day: int = -1
    term: int = 400
    rate: float = 0.12
    eligible: bool = True
    kind: int = INTEREST_ONLY_BULLET
    breach_after: int = -1


def no_limits(count: int) -> Limits:
    return limits_of(count)


def limits_of(
    count: int,
    keys: Sequence[Sequence[int]] = (),
    share: Sequence[float] = (),
    amount: Sequence[float] | None = None,
    top: Sequence[int] | None = None,
    values: Sequence[Sequence[float]] = (),
    least: Sequence[float] | None = None,
    most: Sequence[float] | None = None,
) -> Limits:
    """Limits and covenants over ``count`` loans; what is not said does not bind."""
    m, c = len(keys), len(values)
    return Limits(
        keys=np.array(keys, dtype=np.int64).reshape(m, count),
        share=np.array(share if len(share) else [np.inf] * m, dtype=np.float64),
        amount=np.array([np.inf] * m if amount is None else amount, dtype=np.float64),
        top=np.array([1] * m if top is None else top, dtype=np.int64),
        values=np.array(values, dtype=np.float64).reshape(c, count),
        least=np.array([-np.inf] * c if least is None else least, dtype=np.float64),
        most=np.array([np.inf] * c if most is None else most, dtype=np.float64),
    )


def stock_of(
    loans: Sequence[Loan], limits: Limits | None = None, quality: FloatArray | None = None
) -> LoanStock:
    def of(name: str) -> IntArray:
        return np.array([getattr(loan, name) for loan in loans], dtype=np.int64)

    day, term = of("day"), of("term")
    breach = of("breach_after")
    return LoanStock(
        loan_id=np.array([loan.name for loan in loans], dtype=object),
        curve=np.zeros(len(loans), dtype=np.int64),
        loan_type=of("kind"),
        balance=np.array([loan.balance for loan in loans], dtype=np.float64),
        rate=np.array([loan.rate for loan in loans], dtype=np.float64),
        day=day,
        origination_day=np.maximum(day, 0),
        maturity_day=np.maximum(day, 0) + term,
        days_past_due=np.zeros(len(loans), dtype=np.int64),
        eligible=np.array([loan.eligible for loan in loans]),
        limits=no_limits(len(loans)) if limits is None else limits,
        breach_after=breach if (breach >= 0).any() else None,
        quality=quality,
    )


def curves_of(
    periods: int,
    scenarios: Mapping[str, Scenario] | None = None,
    frequency: Any = "month",
    **credit: Any,
) -> CurveSet:
    """One segment that pays as it should, unless ``credit`` says otherwise."""
    stated = {"cdr": 0.0, "severity": 0.0} | credit
    segment = SegmentCredit.model_validate(stated)
    grid = PeriodGrid.build(CLOSING, periods, frequency)
    return build_curves(["s"], {"s": segment}, scenarios or {"base": Scenario()}, grid)
