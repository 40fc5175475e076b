"""Business days against a peer, the conventions by hand, and the table against the single day."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
import QuantLib
from hypothesis import given
from hypothesis import strategies as st

from scfcap.axes import CONVENTIONS
from scfcap.calendars import (
    CALENDARS,
    BusinessCalendar,
    adjust,
    adjusted_days,
    known,
)

AS_OF = date(2013, 12, 31)
LAST_DAY = 5_000
HELD = {name: BusinessCalendar.load(name, 2008, 2028) for name in CALENDARS}
# The modified forms differ from the plain ones only at the ends of months.
MOVED = {
    (name, convention): adjusted_days(AS_OF, LAST_DAY, name, convention)
    for name in CALENDARS
    for convention in CONVENTIONS
}


@pytest.mark.parametrize(
    ("name", "peer", "years"),
    [
        ("CN", QuantLib.China(QuantLib.China.IB), (2008, 2024)),
        ("US", QuantLib.UnitedStates(QuantLib.UnitedStates.FederalReserve), (2008, 2028)),
        ("TARGET", QuantLib.TARGET(), (2008, 2028)),
        ("none", QuantLib.WeekendsOnly(), (2008, 2028)),
        ("every-day", QuantLib.NullCalendar(), (2008, 2028)),
    ],
)
def test_quantlib_has_the_same_business_days(
    name: str, peer: QuantLib.Calendar, years: tuple[int, int]
) -> None:
    # For China the interbank market, which works the weekends that make up for holidays.
    day, last = date(years[0], 1, 1), date(years[1], 12, 31)
    wrong = []
    while day <= last:
        there = peer.isBusinessDay(QuantLib.Date(day.day, day.month, day.year))
        if HELD[name].is_business_day(day) != there:
            wrong.append(day)
        day += timedelta(1)
    assert wrong == []


def test_worked_weekends_and_golden_weeks_of_china() -> None:
    # State Council notice of 2013: National Day 1 to 7 October; 29 September and 12 October worked.
    china = HELD["CN"]
    assert [china.is_business_day(date(2013, 10, d)) for d in (1, 7, 8, 12, 13)] == [
        False, False, True, True, False,
    ]  # fmt: skip
    assert china.is_business_day(date(2013, 9, 29))
    assert adjust(date(2013, 10, 1), china, "following") == date(2013, 10, 8)
    assert adjust(date(2013, 10, 1), china, "preceding") == date(2013, 9, 30)


def test_only_the_years_of_a_notice_are_certain() -> None:
    assert HELD["CN"].certain_to is not None
    assert HELD["CN"].certain_to >= 2026
    assert HELD["TARGET"].certain_to is None
    later = BusinessCalendar.load("CN", 2060, 2060)
    assert later.worked == frozenset()
    assert not later.is_business_day(date(2060, 10, 1))


@pytest.mark.parametrize(
    ("convention", "expected"),
    [
        ("unadjusted", date(2014, 5, 31)),
        ("following", date(2014, 6, 2)),
        ("modified_following", date(2014, 5, 30)),
        ("preceding", date(2014, 5, 30)),
        ("modified_preceding", date(2014, 5, 30)),
    ],
)
def test_a_saturday_at_month_end(convention: str, expected: date) -> None:
    assert adjust(date(2014, 5, 31), HELD["none"], convention) == expected


def test_a_sunday_at_the_start_of_a_month() -> None:
    first = date(2014, 6, 1)
    assert adjust(first, HELD["none"], "modified_preceding") == date(2014, 6, 2)
    assert adjust(first, HELD["none"], "preceding") == date(2014, 5, 30)


PEER_CONVENTIONS = {
    "unadjusted": QuantLib.Unadjusted,
    "following": QuantLib.Following,
    "modified_following": QuantLib.ModifiedFollowing,
    "preceding": QuantLib.Preceding,
    "modified_preceding": QuantLib.ModifiedPreceding,
}


@given(st.sampled_from(CALENDARS), st.sampled_from(CONVENTIONS), st.integers(0, LAST_DAY))
def test_the_table_is_the_rule_day_by_day(name: str, convention: str, row: int) -> None:
    day = AS_OF + timedelta(row)
    moved = AS_OF + timedelta(int(MOVED[name, convention][row]))
    assert moved == adjust(day, HELD[name], convention)
    assert convention == "unadjusted" or HELD[name].is_business_day(moved)
    if name == "TARGET":
        there = QuantLib.TARGET().adjust(
            QuantLib.Date(day.day, day.month, day.year), PEER_CONVENTIONS[convention]
        )
        assert there.ISO() == moved.isoformat()


def test_the_table_is_in_order_and_reaches_back_over_as_of() -> None:
    for name in CALENDARS:
        assert (np.diff(MOVED[name, "following"]) >= 0).all()
    new_year = adjusted_days(date(2014, 1, 1), 0, "TARGET", "preceding")
    assert new_year.tolist() == [-1]


def test_other_codes_and_far_years() -> None:
    germany = BusinessCalendar.load("DE", 2014, 2014)
    assert not germany.is_business_day(date(2014, 10, 3))
    assert not BusinessCalendar.load("NYSE", 2014, 2014).is_business_day(date(2014, 4, 18))
    far = BusinessCalendar.load("TARGET", 9999, 9999)
    assert far.is_business_day(date(9999, 12, 31))
    assert known("CN")
    assert known("DE")
    assert not known("XX")


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="calendar: 'XX', expected one of CN, US, TARGET, ECB"):
        BusinessCalendar.load("XX", 2014, 2014)
    for refuse in (
        lambda: adjust(AS_OF, HELD["none"], "nearest"),
        lambda: adjusted_days(AS_OF, 10, "none", "nearest"),
    ):
        with pytest.raises(ValueError, match="convention: 'nearest', expected one of unadjusted"):
            refuse()


def test_no_business_day_in_reach_is_said() -> None:
    never = BusinessCalendar("never", 2014, 2014, frozenset(), frozenset(), frozenset(range(7)))
    with pytest.raises(ValueError, match="calendar never: no business day within 40 days"):
        adjust(AS_OF, never, "following")
