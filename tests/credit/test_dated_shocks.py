"""Days of shocks told as periods: by the calendar, read off by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from scfcap.credit.dated_shocks import by_period, day_after
from scfcap.credit.stated import Stated
from scfcap.errors import InputError
from scfcap.periods import Frequency, PeriodGrid
from scfcap.schema.scenario import Scenario

AS_OF = date(2013, 12, 31)


def told(*shocks: dict[str, Any], unit: Frequency = "month", **own: Any) -> list[Any]:
    scenario = Scenario.model_validate({"shocks": shocks, **own})
    return list(by_period("now", scenario, AS_OF, unit).shocks)


@pytest.mark.parametrize(
    ("day", "as_of", "zero", "expected"),
    [
        ("11-11", AS_OF, None, date(2014, 11, 11)),
        ("12-31", AS_OF, None, date(2014, 12, 31)),
        ("01-01", AS_OF, None, date(2014, 1, 1)),
        ("02-29", AS_OF, None, date(2014, 2, 28)),
        ("11-11", date(2013, 11, 10), date(2000, 1, 1), date(2013, 11, 11)),
        (date(2014, 5, 2), AS_OF, None, date(2014, 5, 2)),
        # From 30 September 2019: one month; five to 29 February and 15 days.
        (date(2019, 10, 31), AS_OF, date(2019, 9, 30), date(2014, 1, 31)),
        (date(2020, 3, 15), AS_OF, date(2019, 9, 30), date(2014, 6, 15)),
        (date(2018, 7, 1), AS_OF, date(2019, 9, 30), date(2012, 10, 1)),
    ],
)
def test_a_day_by_the_calendar(
    day: date | str, as_of: date, zero: date | None, expected: date
) -> None:
    assert day_after(day, as_of, zero) == expected


def test_the_eleventh_of_november_is_in_november_and_in_its_week() -> None:
    peak = {"kind": "outage", "days": 5, "on": "11-11"}
    assert told(peak)[0].from_period == 11
    # 11 November 2014 is day 315: the last day of the week 45.
    assert told(peak, unit="week")[0].from_period == 45
    scenarios = {"now": Scenario.model_validate({"shocks": [peak]})}
    grid = PeriodGrid.build(AS_OF, 12, "weeks_then_months")
    shock = Stated("month", grid).scenarios(scenarios)["now"].shocks[0]
    first = getattr(shock, "from_period")  # noqa: B009
    assert grid.ends[first - 1] == date(2014, 11, 30)


def test_a_window_by_days() -> None:
    shut = {"kind": "market_shut", "on": date(2014, 2, 10), "until": date(2014, 8, 9)}
    assert (told(shut)[0].from_period, told(shut)[0].to_period) == (2, 8)
    winter = {"kind": "market_shut", "on": "10-01", "until": "02-28"}
    assert (told(winter)[0].from_period, told(winter)[0].to_period) == (10, 14)


def test_what_began_by_as_of_is_left_out() -> None:
    off = {"kind": "p2p_run_off", "share": 0.5}
    days = [date(2013, 12, 31), date(2014, 1, 1), date(2030, 1, 1)]
    assert [x.from_period for x in told(*({**off, "on": day} for day in days))] == [1, 193]
    history = [{**off, "on": date(2019, 9, 30)}, {**off, "on": date(2019, 10, 31)}]
    assert [x.from_period for x in told(*history, day_zero=date(2019, 9, 30))] == [1]
    ended = {"kind": "market_shut", "until": date(2013, 6, 30)}
    assert told(ended) == []


def test_a_shock_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(InputError, match="from period 6 to 3"):
        told({"kind": "market_shut", "on": date(2014, 6, 1), "until": date(2014, 3, 1)})


def test_the_including_scenarios_day_zero_comes_first() -> None:
    one = Scenario(day_zero=date(2016, 1, 31))
    other = Scenario(day_zero=date(2019, 9, 30))
    assert one.and_also(other).day_zero == date(2016, 1, 31)
    assert Scenario().and_also(other).day_zero == date(2019, 9, 30)
