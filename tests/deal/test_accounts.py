from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest

from scfcap.deal.accounts import closing_state, opening_state, period_of
from scfcap.periods import Frequency, PeriodGrid
from scfcap.schema.securitization import Issue, SecuritizationSpec, Series

Terms = Callable[..., SecuritizationSpec]


def outstanding(**changes: Any) -> Series:
    """The first series of 2013: 500m, closed on 2013-07-28."""
    fields: dict[str, Any] = {
        "name": "series-1",
        "closing": date(2013, 7, 28),
        "pool_at_closing": 500e6,
        "notes": {"mezzanine": 75e6, "senior": 375e6},
    }
    return Series(**(fields | changes))


@pytest.mark.parametrize(
    ("day", "period"),
    [
        (date(2013, 12, 31), 0),
        (date(2013, 12, 1), 0),
        (date(2013, 11, 30), -1),
        (date(2013, 7, 28), -5),
        (date(2014, 1, 1), 1),
        (date(2014, 1, 31), 1),
        (date(2014, 2, 1), 2),
        (date(2016, 12, 31), 36),
    ],
)
def test_period_of_months(grid: Callable[[int], PeriodGrid], day: date, period: int) -> None:
    assert period_of(grid(2), day) == period


@pytest.mark.parametrize(
    ("frequency", "day", "period"),
    [
        ("week", date(2013, 12, 24), -1),
        ("week", date(2013, 12, 25), 0),
        ("week", date(2014, 1, 8), 2),
        ("day", date(2013, 12, 21), -10),
        ("day", date(2014, 3, 1), 60),
    ],
)
def test_period_of_weeks_and_days(frequency: Frequency, day: date, period: int) -> None:
    assert period_of(PeriodGrid.build(date(2013, 12, 31), 3, frequency), day) == period


def test_period_of_keeps_to_the_day_of_the_month() -> None:
    grid = PeriodGrid.build(date(2014, 1, 15), 3)
    days = [date(2013, 12, 15), date(2013, 12, 16), date(2014, 2, 15), date(2014, 2, 16)]
    assert [period_of(grid, day) for day in days] == [-1, 0, 1, 2]


def test_opening_state_dates_and_targets(terms: Terms, grid: Callable[[int], PeriodGrid]) -> None:
    """12 months of revolving and 3 of payment from 2013-07-28 end on 2014-07-28 and 2014-10-28."""
    spec = terms(revolving_periods=12, amortising_periods=3, reserve_rate=0.01)
    state = opening_state(spec, outstanding(reserve=2e6, cash=1e6), 490e6, grid(6))
    assert (state.closing_period, state.last_revolving, state.legal_end) == (-5, 7, 10)
    assert state.ends(spec) == 10
    assert state.notes.tolist() == [375e6, 75e6]
    assert (state.cash, state.reserve, state.pool) == (1e6, 2e6, 490e6)
    assert state.reserve_target == pytest.approx(4.5e6)
    assert state.accrued.tolist() == [0.0, 0.0]


def test_coupon_accrued_since_closing_is_owed(
    terms: Terms, grid: Callable[[int], PeriodGrid]
) -> None:
    spec = terms(revolving_periods=12, coupon_timing="accrued_while_revolving")
    state = opening_state(spec, outstanding(), 500e6, grid(12))
    # five whole months at 6% and 12%
    np.testing.assert_allclose(state.accrued, [375e6 * 0.06 * 5 / 12, 75e6 * 0.12 * 5 / 12])
    # a series that has amortised before as_of has paid what had accrued
    gone = opening_state(spec, outstanding(closing=date(2012, 11, 15)), 500e6, grid(12))
    assert gone.last_revolving == -1
    assert gone.accrued.tolist() == [0.0, 0.0]


def test_series_above_its_trigger_does_not_revolve_again(
    terms: Terms, grid: Callable[[int], PeriodGrid]
) -> None:
    spec = terms(revolving_periods=12)
    below = opening_state(spec, outstanding(cumulative_default=50e6), 450e6, grid(12))
    above = opening_state(spec, outstanding(cumulative_default=50.1e6), 449.9e6, grid(12))
    assert (below.last_revolving, above.last_revolving) == (7, 0)
    assert above.legal_end == below.legal_end


def test_closing_state(terms: Terms, grid: Callable[[int], PeriodGrid]) -> None:
    spec = terms(revolving_periods=12, amortising_periods=3, reserve_rate=0.01)
    issue = Issue(name="series-3", closing=date(2014, 3, 15), max_pool=500e6)
    state = closing_state(spec, issue, [75.0, 15.0], 100.0, grid(12))
    assert (state.closing_period, state.last_revolving, state.legal_end) == (3, 15, 18)
    assert state.pool == 0.0
    assert state.pool_at_closing == 100.0
    assert state.reserve_target == pytest.approx(0.9)
