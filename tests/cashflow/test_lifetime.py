"""A lifetime default rate is what new loans meet, whatever they prepay."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from scfcap.axes import LOAN_TYPES
from scfcap.cashflow.cohorts import NewLoans, project_cohort
from scfcap.cashflow.lifetime import defaulted, hazard_scale
from scfcap.credit.curves import CurveSet
from scfcap.schema.credit import SegmentCredit

MakeCurves = Callable[..., CurveSet]


def _one(term: int) -> NewLoans:
    kind = np.array([LOAN_TYPES.index("interest_only_bullet")])
    return NewLoans(np.ones(1), np.zeros(1), kind, np.array([term]))


@pytest.mark.parametrize("frequency", ["day", "week", "month"])
@pytest.mark.parametrize(("rate", "cpr"), [(0.005, 0.98), (0.25, 0.9998), (0.03, 0.0), (0.4, 1.0)])
@pytest.mark.parametrize("term", [5, 30, 135])
def test_new_loans_default_at_the_stated_rate(
    make_curves: MakeCurves, frequency: str, rate: float, cpr: float, term: int
) -> None:
    """Weeks and days exactly; months, which are not equally long, in the mean of a year."""
    credit = SegmentCredit(lifetime_default=rate, cpr=cpr, severity=1.0)
    curves = make_curves(160, frequency, a=credit)
    made = range(1, 13)
    shares = [project_cohort(_one(term), 0, t, 1.0, curves).default.sum() for t in made]
    exact = frequency != "month" or cpr == 0.0
    assert np.mean(shares) == pytest.approx(rate, rel=1e-9 if exact else 0.025)


def test_without_prepayment_the_hazard_is_the_rates_own(make_curves: MakeCurves) -> None:
    curves = make_curves(6, a=SegmentCredit(lifetime_default=0.1, severity=1.0))
    scale = hazard_scale(np.zeros(2, dtype=np.int64), np.array([45, 365]), curves)
    assert scale.tolist() == [365 / 45, 1.0]


def test_a_yearly_rate_is_not_scaled(make_curves: MakeCurves) -> None:
    curves = make_curves(6, a=SegmentCredit(cdr=0.1, cpr=0.5, severity=1.0))
    assert hazard_scale(np.zeros(1, dtype=np.int64), np.array([45]), curves).tolist() == [1.0]


def test_a_certain_default_stays_one(make_curves: MakeCurves) -> None:
    curves = make_curves(12, a=SegmentCredit(lifetime_default=1.0, cpr=0.5, severity=1.0))
    assert project_cohort(_one(90), 0, 1, 1.0, curves).default.sum() == pytest.approx(1.0)


def test_short_periods_come_to_the_continuous_formula() -> None:
    """Competing risks: h / (h + q) (1 - exp(-(h + q) t)) default before t."""
    h, q, t = 0.002, 0.010, 135
    share = defaulted(np.array([h]), np.array([q]), np.array([t]), 1e-2)
    expected = h / (h + q) * -np.expm1(-(h + q) * t)
    assert share[0] == pytest.approx(expected, rel=1e-3)
