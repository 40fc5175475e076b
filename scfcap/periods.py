"""Time grids: ``as_of``, then period ends.

A flow belongs to the period whose end is the first at or after its date. A month counts as
1/12 of a year (30/360), a week or a day as its days over 365.
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


@dataclass(frozen=True)
class PeriodGrid:
    """Period ends after ``as_of``; period ``t`` (from 1) covers ``(ends[t-1], ends[t]]``."""

    as_of: date
    ends: tuple[date, ...]
    frequency: Frequency

    @classmethod
    def build(cls, as_of: date, periods: int, frequency: Frequency = "month") -> PeriodGrid:
        """A grid of ``periods`` equal periods; months keep to month ends if ``as_of`` is one."""
        if frequency == "month":
            last = is_month_end(as_of)
            ends = tuple(add_months(as_of, k + 1, month_end=last) for k in range(periods))
        else:
            step = timedelta(days=7 if frequency == "week" else 1)
            ends = tuple(as_of + step * (k + 1) for k in range(periods))
        return cls(as_of, ends, frequency)

    def extended(self, periods: int) -> PeriodGrid:
        """The same grid, ``periods`` long."""
        return PeriodGrid.build(self.as_of, periods, self.frequency)

    def __len__(self) -> int:
        return len(self.ends)

    @cached_property
    def days(self) -> IntArray:
        """Day offsets of ``as_of`` and of each end from ``as_of`` [days], shape (T + 1,)."""
        return np.array([0, *((end - self.as_of).days for end in self.ends)], dtype=np.int64)

    @cached_property
    def year_fractions(self) -> FloatArray:
        """Length of each period [years], shape (T,)."""
        if self.frequency == "month":
            return np.full(len(self), 1.0 / 12.0)
        return np.diff(self.days) / 365.0

    @property
    def per_year(self) -> float:
        """Periods a year [1/year]: 12 months, 365/7 weeks, 365 days."""
        return PER_YEAR[self.frequency]

    def index(self, day: date) -> int:
        """Period (from 1) to which a flow on ``day`` belongs; 0 at or before ``as_of``.

        Returns ``len(self) + 1`` for a day after the last end.
        """
        if day <= self.as_of:
            return 0
        return int(np.searchsorted(self.days, (day - self.as_of).days, side="left"))

    def ages(self, origination_days: IntArray) -> IntArray:
        """Age of opening loans at ``as_of`` in whole periods, shape as given.

        ``origination_days`` are offsets from ``as_of`` [days], at most zero. A loan made in the
        period that ends at ``as_of`` has age 0.
        """
        mean_length = 365.0 / self.per_year
        return np.floor(-np.asarray(origination_days, dtype=np.float64) / mean_length).astype(
            np.int64
        )
