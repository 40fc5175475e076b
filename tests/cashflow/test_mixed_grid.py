"""The kernel on weeks and then months, against the same loans on a grid of days, added up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from scfcap.axes import BULLET, EQUAL_PRINCIPAL, LEVEL_PAYMENT, ORDER, REVOLVING_LINE
from scfcap.cashflow.flows import Flows
from scfcap.cashflow.kernel import run_kernel
from scfcap.cashflow.loans import LoanArrays
from scfcap.credit.curves import CurveSet, build_curves
from scfcap.errors import InputError
from scfcap.periods import PeriodGrid
from scfcap.pool.terms import DatedTerms, monthly_terms, new_terms
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.scenario import Scenario

AS_OF = date(2013, 12, 31)
MIXED = PeriodGrid.build(AS_OF, 18, "weeks_then_months")
DAILY = PeriodGrid.build(AS_OF, int(MIXED.days[-1]), "day")


def curves(grid: PeriodGrid, scenarios: dict[str, Scenario] | None = None, **credit) -> CurveSet:
    behaviour = SegmentCredit(**({"cdr": 0.0, "severity": 0.6, "recovery_lag": 2} | credit))
    chosen = scenarios or {"base": Scenario()}
    return build_curves(("a",), {"a": behaviour}, chosen, grid, stated_in="month")


def loans(kinds: tuple[int, ...], count: int = 300, seed: int = 3) -> LoanArrays:
    """Loans that stand at the start, and later ones, instalments by the month."""
    random = np.random.default_rng(seed)
    start = np.where(random.random(count) < 0.4, 0, random.integers(1, 320, count))
    end = start + random.integers(20, 400, count)
    kind = random.choice(kinds, count).astype(np.int64)
    balance = random.lognormal(0.0, 1.0, count)
    made = LoanArrays(
        group=np.zeros(count, dtype=np.int64),
        curve=np.zeros(count, dtype=np.int64),
        loan_type=kind,
        balance=balance,
        rate=random.uniform(0.05, 0.3, count),
        accrued=np.zeros(count),
        hazard_scale=np.ones(count),
        start_day=start.astype(np.int64),
        maturity_day=end.astype(np.int64),
    )
    by_month = np.isin(kind, (LEVEL_PAYMENT, EQUAL_PRINCIPAL))
    terms = new_terms(
        None, AS_OF, kind, days=(made.start_day, made.maturity_day), lent=balance, dated=by_month
    )
    return replace(made, terms=terms)


def added(flow: np.ndarray) -> np.ndarray:
    """Flows by day [T] added up by period of the mixed grid."""
    return np.add.reduceat(flow, MIXED.days[:-1])


def both(made: LoanArrays, **credit: float) -> tuple[Flows, Flows]:
    return run_kernel(made, curves(MIXED, **credit), 1), run_kernel(
        made, curves(DAILY, **credit), 1
    )


def test_instalments_fall_on_the_same_days_whatever_the_grid():
    mixed, daily = both(loans((LEVEL_PAYMENT, EQUAL_PRINCIPAL)))
    for name in ("scheduled", "interest", "originated"):
        flow, fine = (getattr(each, name).reshape(-1) for each in (mixed, daily))
        assert flow == pytest.approx(added(fine), rel=1e-9, abs=1e-9), name
    assert mixed.closing[0, 0] == pytest.approx(daily.closing[0, 0, MIXED.days[1:] - 1], rel=1e-9)


def test_what_is_paid_at_maturity_is_paid_in_its_period():
    mixed, daily = both(loans((BULLET, ORDER, REVOLVING_LINE)))
    assert mixed.scheduled[0, 0] == pytest.approx(added(daily.scheduled[0, 0]), rel=1e-9, abs=1e-9)
    # Interest runs by twelfths of a year in months, by days in the others.
    assert mixed.interest.sum() == pytest.approx(daily.interest.sum(), rel=6e-3)


def test_factors_are_near_those_of_days_where_loans_default_and_prepay():
    made = loans((LEVEL_PAYMENT, BULLET, ORDER, REVOLVING_LINE), 800)
    mixed, daily = both(made, cdr=0.1, cpr=0.3)
    mixed.check()
    # In a month defaults are taken before its prepayments and instalments, by day after half; and
    # what matures inside a period is not repaid early in it.
    repaid = [(each.scheduled + each.prepaid)[0, 0] for each in (mixed, daily)]
    default = [each.default[0, 0] for each in (mixed, daily)]
    for (flow, fine), near in ((default, 0.03), (repaid, 0.003)):
        assert flow[:13].sum() == pytest.approx(added(fine)[:13].sum(), rel=near)
        assert flow.sum() == pytest.approx(fine.sum(), rel=near)
    closing = daily.closing[0, 0, MIXED.days[1:] - 1]
    assert mixed.closing[0, 0] == pytest.approx(closing, rel=0.03, abs=0.02 * closing.max())


def test_recoveries_come_by_the_day():
    made = loans((BULLET,), 400)
    found = run_kernel(made, curves(MIXED, cdr=0.3), 1)
    ends = pd.DatetimeIndex([AS_OF, *MIXED.ends])
    expected = np.zeros(len(MIXED) + 1)
    for t in range(1, len(MIXED) + 1):
        step = pd.offsets.MonthEnd(2) if ends[t].is_month_end else pd.DateOffset(months=2)
        due = int(np.searchsorted(ends, ends[t] + step))
        if due <= len(MIXED):
            expected[due] += 0.4 * found.default[0, 0, t - 1]
    assert found.recovery[0, 0] == pytest.approx(expected[1:], rel=1e-12, abs=1e-12)
    lost = found.default.sum() - found.loss.sum() - found.recovery.sum()
    assert found.receivable[0, 0, -1] == pytest.approx(lost, rel=1e-9)


def test_outstanding_loans_pay_by_the_month_from_their_maturity_back():
    maturity = np.array([45, 200, 31])
    kept = new_terms(
        None, AS_OF, np.full(3, LEVEL_PAYMENT), days=(np.zeros(3, dtype=np.int64), maturity),
        lent=np.ones(3), dated=np.array([False, False, True]),
    )  # fmt: skip
    assert kept is not None
    rows = np.array([True, True, True])
    terms = monthly_terms(kept, rows, AS_OF, maturity)
    ends = [pd.Timestamp(AS_OF) + pd.Timedelta(days=int(day)) for day in maturity]
    for n, end in enumerate(ends[:2]):
        back = [end - pd.DateOffset(months=k) for k in range(12)]
        first = min(day for day in back if day > pd.Timestamp(AS_OF))
        assert terms.next_day[n] == (first - pd.Timestamp(AS_OF)).days
    assert terms.dated.tolist() == [True, True, True]
    alone = monthly_terms(None, np.array([True, False, True]), AS_OF, maturity)
    assert isinstance(alone, DatedTerms)
    assert alone.dated.tolist() == [True, False, True]


def test_a_shock_told_by_months_acts_in_the_weeks_of_its_month():
    shock = {"kind": "borrower_stress", "from_period": 2, "to_period": 4, "default_multiple": 3.0}
    scenario = Scenario.model_validate({"shocks": [shock]})
    found = curves(MIXED, {"base": scenario}, cdr=0.1).stress.default_multiple[0, 0]
    ends = pd.DatetimeIndex(MIXED.ends)
    inside = (ends > "2014-01-31") & (ends <= "2014-04-30")
    assert found.tolist() == np.where(inside, 3.0, 1.0).tolist()


def test_roll_rates_want_equal_periods():
    rolls = np.eye(7).tolist()
    with pytest.raises(InputError, match="weeks and then months"):
        curves(MIXED, cdr=None, roll_rates=rolls)
