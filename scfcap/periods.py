"""Time grids: ``as_of``, then period ends.

A flow belongs to the period whose end is the first at or after its date. A month counts as
1/12 of a year (30/360), a week or a day as its days over 365. A grid has equal periods, or
weeks first and calendar months after them; what lies between the last week and the first month
end, from two weeks to a month and a half, is one period and counts by its days.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from scfcap.quantities import FloatArray, IntArray

Frequency = Literal["day", "week", "month"]
#: What a grid may be built of: equal periods, or weeks and then months.
GridFrequency = Literal["day", "week", "month", "weeks_then_months"]
#: Weeks with which a grid of weeks and months begins.
FIRST_WEEKS: Final = 13
#: Least days from the last of them to the first month end.
_LEAST_STUB: Final = 14
#: Periods a year [1/year].
PER_YEAR: Final[Mapping[Frequency, float]] = {"month": 12.0, "week": 365.0 / 7.0, "day": 365.0}


def add_months(day: date, months: int, *, month_end: bool = False) -> date:
    """``day`` moved by ``months``, cut to the month's length; to its last day if ``month_end``."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, last if month_end else min(day.day, last))


def is_month_end(day: date) -> bool:
    """Whether ``day`` is the last day of its month."""
    return day.day == calendar.monthrange(day.year, day.month)[1]


def months_between(as_of: date, first: IntArray, last: IntArray) -> FloatArray:
    """Months from ``first`` to ``last``, offsets from ``as_of`` [days] that broadcast.

    Whole months by the calendar, as :func:`add_months` counts them (from a month's last day to
    month ends), and the part of the month begun by its days; at least 0.
    """
    begin, end = (np.datetime64(as_of, "D") + np.asarray(d).astype("m8[D]") for d in (first, last))
    begin, end = np.broadcast_arrays(begin, np.maximum(begin, end))
    month = begin.astype("M8[M]")
    one = np.timedelta64(1, "M")
    place = (begin - month.astype("M8[D]")).astype(np.int64)
    month_end = begin == (month + one).astype("M8[D]") - np.timedelta64(1, "D")

    def anniversary(months: IntArray) -> npt.NDArray[np.datetime64]:
        at = month + months.astype("m8[M]")
        length = ((at + one).astype("M8[D]") - at.astype("M8[D]")).astype(np.int64)
        day = np.where(month_end, length - 1, np.minimum(place, length - 1))
        return np.asarray(at.astype("M8[D]") + day.astype("m8[D]"))

    whole = (end.astype("M8[M]") - month).astype(np.int64)
    whole = np.where(anniversary(whole) > end, whole - 1, whole)
    before, after = anniversary(whole), anniversary(whole + 1)
    part = (end - before).astype(np.float64) / (after - before).astype(np.float64)
    return np.asarray(whole + part)


def month_end_after(day: date, least: int = 1) -> date:
    """The first month end at least ``least`` days after ``day``."""
    return add_months(day + timedelta(days=least), 0, month_end=True)


def moved(day: date, count: int, unit: Frequency) -> date:
    """``day`` moved by ``count`` months, weeks or days; from a month's end to month ends."""
    if unit == "month":
        return add_months(day, count, month_end=is_month_end(day))
    return day + timedelta(days=(7 if unit == "week" else 1) * count)


@dataclass(frozen=True)
class PeriodGrid:
    """Period ends after ``as_of``; period ``t`` (from 1) covers ``(ends[t-1], ends[t]]``.

    ``weeks`` is None where all periods are a ``frequency`` long; else the grid begins with so many
    weeks (if it has as many periods), and months follow, to calendar month ends.
    """

    as_of: date
    ends: tuple[date, ...]
    frequency: Frequency
    weeks: int | None = None

    @classmethod
    def build(cls, as_of: date, periods: int, frequency: GridFrequency = "month") -> PeriodGrid:
        """A grid of ``periods`` equal periods; months keep to month ends if ``as_of`` is one.

        "weeks_then_months": ``periods`` months, of which the first 13 weeks go by the week; then
        months up to the month end on or after the last of those months. Where that is less than
        two weeks after a week's end, that week is the last.
        """
        if frequency == "weeks_then_months":
            return cls._weeks_then_months(as_of, periods)
        if frequency == "month":
            last = is_month_end(as_of)
            ends = tuple(add_months(as_of, k + 1, month_end=last) for k in range(periods))
        else:
            step = timedelta(days=7 if frequency == "week" else 1)
            ends = tuple(as_of + step * (k + 1) for k in range(periods))
        return cls(as_of, ends, frequency)

    @classmethod
    def _weeks_then_months(cls, as_of: date, months: int) -> PeriodGrid:
        horizon = add_months(as_of, months, month_end=is_month_end(as_of))
        last = month_end_after(horizon, 0)
        weeks = -(-(horizon - as_of).days // 7)
        whole = cls(as_of, (), "month", FIRST_WEEKS).extended(FIRST_WEEKS + months + 1)
        if weeks <= FIRST_WEEKS:
            return whole.extended(weeks)
        return whole.extended(max(sum(end <= last for end in whole.ends), FIRST_WEEKS))

    def extended(self, periods: int) -> PeriodGrid:
        """The same grid, ``periods`` long."""
        if self.weeks is None:
            return PeriodGrid.build(self.as_of, periods, self.frequency)
        weeks = min(self.weeks, periods)
        ends = [self.as_of + timedelta(days=7 * (k + 1)) for k in range(weeks)]
        day = self.as_of + timedelta(days=7 * self.weeks)
        for k in range(periods - weeks):
            day = month_end_after(day, 1 if k else _LEAST_STUB)
            ends.append(day)
        return PeriodGrid(self.as_of, tuple(ends), self.frequency, self.weeks)

    def reaching(self, days: int) -> PeriodGrid:
        """The same grid, gone on where it ends before the day ``days`` after ``as_of``."""
        if days <= self.days[-1]:
            return self
        shortest = {"month": 28, "week": 7, "day": 1}[self.frequency]
        return self.extended((self.weeks or 0) + days // shortest + 1)

    def since(self, period: int) -> PeriodGrid:
        """The grid from the close of ``period`` on (0: ``as_of``): the same ends."""
        start = self.as_of if period == 0 else self.ends[period - 1]
        weeks = None if self.weeks is None else max(self.weeks - period, 0)
        return PeriodGrid(start, self.ends[period:], self.frequency, weeks)

    def __len__(self) -> int:
        return len(self.ends)

    @cached_property
    def days(self) -> IntArray:
        """Day offsets of ``as_of`` and of each end from ``as_of`` [days], shape (T + 1,)."""
        return np.array([0, *((end - self.as_of).days for end in self.ends)], dtype=np.int64)

    @cached_property
    def year_fractions(self) -> FloatArray:
        """Length of each period [years], shape (T,)."""
        if self.weeks is not None:
            years = np.diff(self.days) / 365.0
            before = (self.as_of, *self.ends)[self.weeks : len(self)]
            years[self.weeks :][[is_month_end(day) for day in before]] = 1.0 / 12.0
            return years
        if self.frequency == "month":
            return np.full(len(self), 1.0 / 12.0)
        return np.diff(self.days) / 365.0

    @property
    def per_year(self) -> float:
        """Periods a year [1/year]: 12 months, 365/7 weeks, 365 days; months after the weeks."""
        return PER_YEAR[self.frequency]

    @property
    def mixed(self) -> bool:
        """Whether periods differ in length: weeks, then months."""
        return self.weeks is not None

    def told_in(self, unit: Frequency) -> bool:
        """Whether a period of the grid is one ``unit``, so that both may be counted alike."""
        return not self.mixed and self.frequency == unit

    def day_after(self, period: int, count: int, unit: Frequency) -> date:
        """The day ``count`` units after the close of ``period`` (0: ``as_of``)."""
        return moved((self.as_of, *self.ends)[period], count, unit)

    def later(self, count: int, unit: Frequency) -> IntArray:
        """Period that holds the day ``count`` units after each close, ``as_of`` too, (T + 1,).

        Counted on beyond the grid's end. By count where a period is a unit.
        """
        periods = np.arange(len(self) + 1)
        if self.told_in(unit):
            return periods + count
        days = [(self.day_after(t, count, unit) - self.as_of).days for t in range(len(self) + 1)]
        return np.asarray(np.searchsorted(self.reaching(max(days)).days, days, side="left"))

    def units(self, unit: Frequency) -> FloatArray:
        """How many units each period is long, by days within each unit from ``as_of``, (T,)."""
        if self.told_in(unit):
            return np.ones(len(self))
        counted = PeriodGrid.build(self.as_of, 0, unit).reaching(int(self.days[-1])).days
        return np.diff(np.interp(self.days, counted, np.arange(float(len(counted)))))

    def index(self, day: date) -> int:
        """Period (from 1) to which a flow on ``day`` belongs; 0 at or before ``as_of``.

        Returns ``len(self) + 1`` for a day after the last end.
        """
        if day <= self.as_of:
            return 0
        return int(np.searchsorted(self.days, (day - self.as_of).days, side="left"))

    def ages(self, origination_days: IntArray) -> IntArray:
        """Age of opening loans at ``as_of`` in whole periods (months where they differ).

        ``origination_days`` are offsets from ``as_of`` [days], at most zero. A loan made in the
        period that ends at ``as_of`` has age 0.
        """
        mean_length = 365.0 / self.per_year
        return np.floor(-np.asarray(origination_days, dtype=np.float64) / mean_length).astype(
            np.int64
        )
