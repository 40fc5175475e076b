"""Grids of equal periods, and of weeks and then months; pandas' calendar is the witness."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scfcap.periods import PeriodGrid

DAYS = st.dates(date(2008, 1, 1), date(2030, 12, 31))


def mixed(as_of: date, months: int = 12) -> PeriodGrid:
    return PeriodGrid.build(as_of, months, "weeks_then_months")


def test_a_year_is_thirteen_weeks_and_nine_months():
    grid = mixed(date(2013, 12, 31))
    weeks = pd.date_range("2014-01-07", periods=13, freq="7D")
    months = pd.date_range("2014-04-30", "2014-12-31", freq="ME")
    assert [pd.Timestamp(end) for end in grid.ends] == [*weeks, *months]
    lengths = [7 / 365] * 13 + [29 / 365] + [1 / 12] * 8
    assert grid.year_fractions == pytest.approx(lengths, rel=1e-15)


@given(DAYS, st.integers(1, 40))
def test_months_follow_the_weeks_to_month_ends(as_of, months):
    grid = mixed(as_of, months)
    ends = pd.DatetimeIndex(grid.ends)
    horizon = pd.Timestamp(as_of) + (
        pd.offsets.MonthEnd(months)
        if pd.Timestamp(as_of).is_month_end
        else pd.DateOffset(months=months)
    )
    steps = np.diff(grid.days)
    assert (steps[:13] == 7).all()
    assert ends[13:].is_month_end.all()
    if len(grid) > 13:
        assert 14 <= steps[13] <= 44
        assert (steps[14:] >= 28).all()
        assert (steps[14:] <= 31).all()
        assert ends[-1] >= horizon
        assert ends[-1] - horizon < timedelta(days=31)
        assert pd.Timestamp(ends[-2]) < horizon
    else:
        # The last week holds the horizon, or the thirteenth ends less than two weeks before the
        # month end that would.
        stub = horizon + pd.offsets.MonthEnd(0) - ends[-1]
        assert timedelta(0) <= ends[-1] - horizon < timedelta(days=7) or (
            len(grid) == 13 and stub < timedelta(days=14)
        )
    assert grid.year_fractions.sum() == pytest.approx(grid.days[-1] / 365.0, abs=0.02)


@given(DAYS, st.integers(1, 40), st.integers(1, 60))
def test_a_grid_goes_on_and_is_cut_as_it_began(as_of, months, periods):
    grid = mixed(as_of, months)
    other = grid.extended(periods)
    both = min(len(grid), periods)
    assert len(other) == periods
    assert other.ends[:both] == grid.ends[:both]
    for since in {0, 5, 13, both - 1} & set(range(both)):
        part = grid.since(since)
        assert part.ends == grid.ends[since:]
        assert part.year_fractions == pytest.approx(grid.year_fractions[since:], rel=1e-15)
        assert part.extended(len(part) + 3).ends[: len(part)] == part.ends


@given(
    DAYS,
    st.sampled_from(["month", "week", "weeks_then_months"]),
    st.integers(0, 14),
    st.sampled_from(["month", "week"]),
)
def test_what_is_later_by_months_or_weeks_is_found_by_its_day(as_of, frequency, count, unit):
    grid = PeriodGrid.build(as_of, 9, frequency)
    found = grid.later(count, unit)
    if frequency == unit:
        assert found.tolist() == list(range(count, len(grid) + 1 + count))
        return
    ends = pd.DatetimeIndex([as_of, *grid.extended(len(grid) + 80).ends])
    for t, close in enumerate(ends[: len(grid) + 1]):
        if unit == "week":
            day = close + pd.Timedelta(weeks=count)
        elif close.is_month_end:
            day = close + pd.offsets.MonthEnd(count) if count else close
        else:
            day = close + pd.DateOffset(months=count)
        assert ends[found[t]] >= day
        assert found[t] == 0 or ends[found[t] - 1] < day
        assert (found[t] > t) == (count > 0)


@pytest.mark.parametrize("frequency", ["week", "weeks_then_months"])
def test_units_of_periods_add_up_to_those_of_the_calendar(frequency):
    grid = PeriodGrid.build(date(2013, 12, 31), 52 if frequency == "week" else 12, frequency)
    days = pd.date_range("2014-01-01", grid.ends[-1])
    each = pd.Series(1.0 / days.days_in_month, index=days)
    at = np.searchsorted(grid.days, (days - pd.Timestamp(grid.as_of)).days)
    assert grid.units("month") == pytest.approx(each.groupby(at).sum().to_numpy(), rel=1e-12)
    assert grid.units("week") == pytest.approx(np.diff(grid.days) / 7.0, rel=1e-12)
    assert PeriodGrid.build(date(2013, 12, 31), 4).units("month").tolist() == [1.0] * 4
