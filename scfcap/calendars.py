"""Business days: where a payment day moves when banks are closed.

``CN``
    China: the State Council's holidays, and the weekends that are worked instead. They are only
    known for the years of which the yearly notice is in package ``holidays`` (:attr:`~
    BusinessCalendar.certain_to`); later years have the statutory days by the lunar calendar, by
    calculation, and no worked weekends.
``US``
    The Federal Reserve's; a holiday on a Saturday is not made up for.
``TARGET`` or ``ECB``
    The euro's settlement days. Both follow rules that hold until they are changed.
``none``
    Weekends only.
``every-day``
    No day is closed.

Any other code of a country or an exchange that package ``holidays`` knows (``DE``, ``NYSE``) is
taken as that package gives it. Outside its years (1950 to 2100 at most) only weekends are closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np

from scfcap.axes import CONVENTIONS
from scfcap.quantities import BoolArray, IntArray

NO_HOLIDAYS: Final = "none"
EVERY_DAY: Final = "every-day"
#: The calendars that are described above.
CALENDARS: Final = ("CN", "US", "TARGET", "ECB", NO_HOLIDAYS, EVERY_DAY)

#: Longest run of closed days that is looked over [days].
_REACH = 40
_WEEKEND = frozenset({5, 6})
_KNOWN_YEARS = (1950, 2100)


@dataclass(frozen=True)
class BusinessCalendar:
    """Days on which banks are closed, for the years ``first_year`` to ``last_year``.

    ``closed`` holds the holidays, ``worked`` the days of weekends that are worked, ``weekend`` the
    weekdays (0 Monday) that are closed. ``certain_to`` is the last year that the published notices
    cover; None where days follow rules, or nothing is said of it.
    """

    name: str
    first_year: int
    last_year: int
    closed: frozenset[date]
    worked: frozenset[date]
    weekend: frozenset[int]
    certain_to: int | None = None

    @classmethod
    def load(cls, name: str, first_year: int, last_year: int) -> BusinessCalendar:
        """The calendar of a name for these years and one more at both ends.

        Raises:
            ValueError: there is none of that name.
        """
        low, high = max(first_year - 1, _KNOWN_YEARS[0]), min(last_year + 1, _KNOWN_YEARS[1])
        if name in (NO_HOLIDAYS, EVERY_DAY):
            weekend = _WEEKEND if name == NO_HOLIDAYS else frozenset[int]()
            return cls(name, low, high, frozenset(), frozenset(), weekend)
        days = _holidays(name, range(low, high + 1))
        worked = frozenset(day for day in days.weekend_workdays if low <= day.year <= high)
        notices = getattr(days, "special_public_holidays", {}) if name == "CN" else {}
        return cls(
            name, low, high, frozenset(days), worked, frozenset(days.weekend),
            max(notices, default=None),
        )  # fmt: skip

    def is_business_day(self, day: date) -> bool:
        """Whether payments are made on ``day``."""
        if day in self.worked:
            return True
        return day.weekday() not in self.weekend and day not in self.closed


def known(name: str) -> bool:
    """Whether there is a calendar of that name."""
    if name in CALENDARS:
        return True
    import holidays

    return name in {*holidays.list_supported_countries(), *holidays.list_supported_financial()}


def adjust(day: date, calendar: BusinessCalendar, convention: str) -> date:
    """``day``, or the business day that the convention puts in its place.

    ``following`` is the next one, ``preceding`` the last; the modified forms go the other way
    where that would leave the month.

    Raises:
        ValueError: the convention is unknown, or no business day is near.
    """
    _check(convention)
    if convention == "unadjusted" or calendar.is_business_day(day):
        return day
    step = -1 if convention.endswith("preceding") else 1
    moved = _next_open(day, calendar, step)
    if convention.startswith("modified") and moved.month != day.month:
        moved = _next_open(day, calendar, -step)
    return moved


def adjusted_days(as_of: date, last_day: int, calendar: str, convention: str) -> IntArray:
    """:func:`adjust` for every day from ``as_of`` on, for compiled code.

    Shape (last_day + 1,): the row of a day's offset from ``as_of`` holds that of the adjusted day
    [days]; a day that moves back over ``as_of`` has an offset below zero.

    Raises:
        ValueError: the calendar or the convention is unknown.
    """
    _check(convention)
    offsets = np.arange(-_REACH, last_day + _REACH + 1)
    dates = np.datetime64(as_of, "D") + offsets.astype("timedelta64[D]")
    years = dates.astype("datetime64[Y]").astype(np.int64) + 1970
    held = BusinessCalendar.load(calendar, int(years[0]), int(years[-1]))
    if convention == "unadjusted":
        return offsets[_REACH:-_REACH]
    is_open = _open_days(held, dates)
    last = np.maximum.accumulate(np.where(is_open, offsets, offsets[0]))
    following = np.minimum.accumulate(np.where(is_open, offsets, offsets[-1])[::-1])[::-1]
    moved, other = (last, following) if convention.endswith("preceding") else (following, last)
    if convention.startswith("modified"):
        month = dates.astype("datetime64[M]")
        moved = np.where(month[moved + _REACH] == month, moved, other)
    return np.asarray(moved[_REACH:-_REACH], dtype=np.int64)


def _check(convention: str) -> None:
    if convention not in CONVENTIONS:
        msg = f"convention: {convention!r}, expected one of {', '.join(CONVENTIONS)}"
        raise ValueError(msg)


def _next_open(day: date, calendar: BusinessCalendar, step: int) -> date:
    for _ in range(_REACH):
        day += timedelta(step)
        if calendar.is_business_day(day):
            return day
    msg = f"calendar {calendar.name}: no business day within {_REACH} days of {day}"
    raise ValueError(msg)


def _open_days(calendar: BusinessCalendar, dates: np.ndarray[Any, Any]) -> BoolArray:
    """Whether each of consecutive ``dates`` is a business day."""
    weekday = (dates.astype("datetime64[D]").astype(np.int64) + 3) % 7
    is_open = ~np.isin(weekday, list(calendar.weekend))
    for days, value in ((calendar.closed, False), (calendar.worked, True)):
        rows = (np.array(sorted(days), dtype="datetime64[D]") - dates[0]).astype(np.int64)
        is_open[rows[(rows >= 0) & (rows < len(dates))]] = value
    return is_open


def _holidays(name: str, years: range) -> Any:
    """The package's holidays of a calendar; it is heavy, hence imported here."""
    import holidays

    if name == "US":
        days = holidays.country_holidays("US", years=years)
        kept = holidays.country_holidays("US", years=years, observed=False)
        for day in [day for day in days if day.weekday() == 4 and day not in kept]:
            del days[day]  # offices close on the Friday before a Saturday; the Reserve Banks do not
        return days
    code = "ECB" if name == "TARGET" else name
    if code in holidays.list_supported_financial():
        return holidays.financial_holidays(code, years=years)
    if code in holidays.list_supported_countries():
        return holidays.country_holidays(code, years=years)
    msg = (
        f"calendar: {name!r}, expected one of {', '.join(CALENDARS)}, or the code of a country "
        "or exchange that package holidays knows"
    )
    raise ValueError(msg)
