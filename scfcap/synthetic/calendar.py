"""Days and months of a simulated platform, and how much it lends on each day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scfcap.compiled import compiled
from scfcap.periods import add_months, is_month_end
from scfcap.quantities import FloatArray, IntArray
from scfcap.schema.lives import LivesSpec
from scfcap.synthetic.platform import SEASON, intensity

#: Months after ``as_of`` in which loans made before it still fall due.
AHEAD = 16


class Days(NamedTuple):
    """A calendar as loops read it.

    ``month`` and ``of_month`` (day of the month, from 0), by day, run :data:`AHEAD` months beyond
    ``as_of``; ``first`` and ``length`` give, by month, its first day and its days.
    """

    month: IntArray
    of_month: IntArray
    first: IntArray
    length: IntArray


@dataclass(frozen=True)
class Calendar:
    """Day 0 is ``start``, day ``days`` is ``as_of``; loans are made on days 1 to ``days``.

    Month 0 is that of ``start``, ``base`` its number since 1970-01. ``lending``: weight of
    lending up to each day; with the season and the rush before 11 November, without growth.
    """

    start: date
    as_of: date
    days: int
    base: int
    table: Days
    lending: FloatArray

    @property
    def months(self) -> int:
        """Months up to that of ``as_of``."""
        return int(self.table.month[self.days]) + 1

    def month(self, day: IntArray) -> IntArray:
        """Month of days, the last one known for later days."""
        return self.table.month[np.minimum(day, len(self.table.month) - 1)]

    def dates(self, days: Any) -> npt.NDArray[np.datetime64]:
        """Dates of day numbers (datetime64[s])."""
        counted = np.asarray(days, dtype=np.int64).astype("timedelta64[D]")
        return (np.datetime64(self.start, "D") + counted).astype("datetime64[s]")

    def day_of(self, day: date) -> int:
        """Number of a day."""
        return (day - self.start).days


def make_calendar(spec: LivesSpec, as_of: date) -> Calendar:
    """The calendar of ``spec.months`` months before ``as_of``."""
    start = add_months(as_of, -spec.months, month_end=is_month_end(as_of))
    base = (start.year - 1970) * 12 + start.month - 1
    months = base + np.arange(spec.months + AHEAD + 2)
    begin = months.astype("datetime64[M]").astype("datetime64[D]")
    first = (begin - np.datetime64(start, "D")).astype(np.int64)
    length = np.diff(first)
    first = first[:-1]
    day = np.arange(int(first[-1] + length[-1]))
    month = np.searchsorted(first, day, "right") - 1
    return Calendar(
        start=start,
        as_of=as_of,
        days=(as_of - start).days,
        base=base,
        table=Days(month, day - first[month], first, length),
        lending=_lending(as_of, (as_of - start).days),
    )


@compiled
def months_later(days: Days, day: int, months: int) -> int:
    """The day ``months`` later, cut to the month's length."""
    to = days.month[day] + months
    return int(days.first[to] + min(days.of_month[day], days.length[to] - 1))


def _lending(as_of: date, days: int) -> FloatArray:
    """Cumulative weight by day, 0 on day 0.

    Within a month it moves as the stock's :func:`~scfcap.synthetic.platform.intensity`; the
    month as a whole lends as :data:`~scfcap.synthetic.platform.SEASON` says.
    """
    weight = intensity(as_of, days)[::-1]  # of days 1 to ``days``
    day = np.datetime64(as_of, "D") - np.arange(days)[::-1].astype("timedelta64[D]")
    number = day.astype("datetime64[M]").astype(np.int64)
    index = number - number[0]
    month = number[0] + np.arange(index[-1] + 2)
    length = np.diff(month.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64)
    mean = np.bincount(index, weight) / np.bincount(index) * length
    season = np.array([SEASON.get(m, 1.0) for m in range(13)])[number % 12 + 1]
    return np.concatenate([[0.0], np.cumsum(weight / mean[index] * season)])
