"""Day counts: how many years lie between two days, by the conventions of contracts.

=================  =================================================================================
``30/360``         bond basis: a 31st at the start is a 30th; at the end too, if the start is a 30th
                   or 31st (ISDA 2006 Definitions, 4.16(f))
``30E/360``        eurobond basis: a 31st is a 30th at both ends (4.16(g))
``30/360-us``      as 30/360, and a start on the last day of February is a 30th (BMA, Uniform
                   Practices, ch. SF, E.1); an end there is not moved
``act/365``        days over 365 (4.16(d))
``act/360``        days over 360 (4.16(e))
``act/act-isda``   days in a leap year over 366, others over 365 (4.16(b))
``act/act-icma``   shares of the regular periods between payments (ICMA rule 251), so that a full
                   month is 1/12 whatever its days
``act/act-afb``    whole years back from the end, the rest over 366 if it holds a 29 February
                   (ISDA, "EMU and Market Conventions: Recent Developments", 1998)
=================  =================================================================================

The first day is in, the last day out. :func:`exact_fraction` takes dates and is exact;
:func:`fraction` is the same rule for loops over loans, on offsets from ``as_of``.
"""

from __future__ import annotations

import calendar
from datetime import date
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from scfcap.axes import DAY_COUNTS
from scfcap.compiled import compiled
from scfcap.periods import add_months, is_month_end
from scfcap.quantities import FloatArray, IntArray

#: Codes: places in :data:`~scfcap.axes.DAY_COUNTS`.
(
    THIRTY_360,
    THIRTY_E_360,
    THIRTY_US_360,
    ACT_365,
    ACT_360,
    ACT_ACT_ISDA,
    ACT_ACT_ICMA,
    ACT_ACT_AFB,
) = range(len(DAY_COUNTS))

#: Months known beyond either end of :class:`DayTables`: a regular period reaches over it.
_MARGIN = 24
#: Shares of a year in which both 1/365 and 1/366 are whole.
_LEAP_CYCLE = 365 * 366


class Regular(NamedTuple):
    """The regular payment days of a contract, which ``act/act-icma`` asks for.

    One of them is in the month of ``reference``; they follow each other by ``months``, on the day
    ``anchor`` (1 to 31) or the month's last.
    """

    reference: date
    months: int
    anchor: int

    def day(self, number: int) -> date:
        """The regular day ``number`` steps after the one in the month of ``reference``."""
        moved = add_months(self.reference.replace(day=1), number * self.months)
        return month_day(moved.year, moved.month, self.anchor)


def month_day(year: int, month: int, anchor: int) -> date:
    """The day ``anchor`` (1 to 31) of a month, or its last."""
    return date(year, month, min(anchor, calendar.monthrange(year, month)[1]))


def month_days(month: Any, anchor: IntArray) -> Any:
    """:func:`month_day` of arrays that broadcast: of ``datetime64[M]``, as ``datetime64[D]``."""
    one = np.timedelta64(1, "M")
    last = (month + one).astype("datetime64[D]") - np.timedelta64(1, "D")
    first = month.astype("datetime64[D]")
    return np.minimum(first + (anchor - 1).astype("timedelta64[D]"), last)


def code_of(day_count: str) -> int:
    """Code of a convention.

    Raises:
        ValueError: there is none of that name.
    """
    if day_count not in DAY_COUNTS:
        msg = f"day_count: {day_count!r}, expected one of {', '.join(DAY_COUNTS)}"
        raise ValueError(msg)
    return DAY_COUNTS.index(day_count)


def days_30_360(start: date, end: date, day_count: str = "30/360") -> int:
    """Days from ``start`` to ``end`` where every month has 30 [days].

    Raises:
        ValueError: ``day_count`` is not one of the three that count so.
    """
    code = code_of(day_count)
    if code > THIRTY_US_360:
        msg = f"day_count: {day_count!r}, expected one of {', '.join(DAY_COUNTS[:3])}"
        raise ValueError(msg)
    if start == end:  # also at the end of February, where the start alone is moved
        return 0
    first, last = start.day, end.day
    if code == THIRTY_US_360 and start.month == 2 and is_month_end(start):
        first = 30
    first = min(first, 30)
    if last == 31 and (code == THIRTY_E_360 or first == 30):
        last = 30
    return 360 * (end.year - start.year) + 30 * (end.month - start.month) + last - first


def year_fraction(start: date, end: date, day_count: str, regular: Regular | None = None) -> float:
    """Years from ``start`` to ``end`` [years]: :func:`exact_fraction` as a float."""
    return float(exact_fraction(start, end, day_count, regular))


def exact_fraction(
    start: date, end: date, day_count: str, regular: Regular | None = None
) -> Fraction:
    """Years from ``start`` to ``end`` [years], exactly.

    Raises:
        ValueError: ``end`` is before ``start``, the convention is unknown, or it is
            ``act/act-icma`` and there are no ``regular`` days.
    """
    code = code_of(day_count)
    if end < start:
        msg = f"end: {end}, expected {start} or later"
        raise ValueError(msg)
    days = (end - start).days
    if code <= THIRTY_US_360:
        return Fraction(days_30_360(start, end, day_count), 360)
    if code == ACT_365:
        return Fraction(days, 365)
    if code == ACT_360:
        return Fraction(days, 360)
    if code == ACT_ACT_ISDA:
        return _isda(end) - _isda(start)
    if code == ACT_ACT_AFB:
        return _afb(start, end)
    if regular is None or regular.months < 1:
        msg = "act/act-icma: expected the regular payment days, by months"
        raise ValueError(msg)
    return _icma(start, end, regular)


def _isda(day: date) -> Fraction:
    length = 365 + calendar.isleap(day.year)
    return day.year + Fraction(day.timetuple().tm_yday - 1, length)


def _icma(start: date, end: date, regular: Regular) -> Fraction:
    apart = 12 * (start.year - regular.reference.year) + start.month - regular.reference.month
    number = apart // regular.months
    if regular.day(number) > start:
        number -= 1
    elif regular.day(number + 1) <= start:
        number += 1
    total, low = Fraction(0), regular.day(number)
    while low < end:
        number += 1
        high = regular.day(number)
        days = (min(end, high) - max(start, low)).days
        total += Fraction(days * regular.months, (high - low).days * 12)
        low = high
    return total


def _afb(start: date, end: date) -> Fraction:
    """Whole years back from ``end``; from 28 February to the 29th where there is one."""
    years, whole = 0, end
    while True:
        back = add_months(end, -12 * (years + 1))
        if end.month == 2 and is_month_end(end):
            back = month_day(back.year, 2, 29)
        if back < start:
            break
        years, whole = years + 1, back
    leap = whole.year if calendar.isleap(whole.year) else start.year
    extra = calendar.isleap(leap) and start <= date(leap, 2, 29) < whole
    return years + Fraction((whole - start).days, 365 + extra)


class _Packed(NamedTuple):
    """:class:`DayTables` in one array: compiled code counts references to each that it passes."""

    first: int
    first_month: int
    months: int
    rows: IntArray  # [days, 4]: month, day, act/act-isda position; first day of the row's month


class DayTables(NamedTuple):
    """The calendar by day offset from ``as_of``, for compiled code.

    Row of an offset: offset - ``first``. Months are numbered year x 12 + month - 1; that of row 0
    of ``month_start`` is ``first_month``. ``packed`` holds the same, for :func:`fraction`.
    """

    first: int
    first_month: int
    month_of: IntArray  # [days] number of the month
    day_of: IntArray  # [days] day of the month
    month_start: IntArray  # [months] offset of the first of each month; reaches over both ends
    packed: _Packed

    @classmethod
    def build(cls, as_of: date, last_day: int, first_day: int = 0) -> DayTables:
        """Tables for the offsets ``first_day`` to ``last_day``, both in [days from ``as_of``]."""
        start = np.datetime64(as_of, "D")
        days = start + np.arange(first_day, last_day + 1).astype("timedelta64[D]")
        month = days.astype("datetime64[M]")
        number = month.astype(np.int64) + 12 * 1970
        day = (days - month.astype("datetime64[D]")).astype(np.int64) + 1
        first_month = int(number[0]) - _MARGIN
        months = np.arange(first_month, number[-1] + _MARGIN + 1) - 12 * 1970
        month_start = (months.astype("datetime64[M]").astype("datetime64[D]") - start).astype(
            np.int64
        )
        rows = np.zeros((max(len(days), len(months)), 4), dtype=np.int64)
        rows[: len(days), :3] = np.stack([number, day, _positions(days)], axis=1)
        rows[: len(months), 3] = month_start
        packed = _Packed(first_day, first_month, len(months), rows)
        return cls(first_day, first_month, number, day, month_start, packed)


def _positions(days: np.ndarray[Any, Any]) -> IntArray:
    """Years and their shares up to each day by act/act-isda [1/133,590 of a year]."""
    year = days.astype("datetime64[Y]")
    begin = year.astype("datetime64[D]")
    length = ((year + np.timedelta64(1, "Y")).astype("datetime64[D]") - begin).astype(np.int64)
    in_year = (days - begin).astype(np.int64) * (_LEAP_CYCLE // length)
    return np.asarray(year.astype(np.int64) * _LEAP_CYCLE + in_year)


@compiled
def day_in_month(month: int, anchor: int, tables: DayTables) -> int:
    """Offset of the day ``anchor`` (1 to 31) of a month, or of its last [days].

    A month that the tables do not reach is taken as the nearest that they do.
    """
    return packed_day(month, anchor, tables.packed)


@compiled
def packed_day(month: int, anchor: int, tables: _Packed) -> int:
    """:func:`day_in_month` for loops."""
    row = min(max(month - tables.first_month, 0), tables.months - 2)
    begin = tables.rows[row, 3]
    return begin + min(anchor, tables.rows[row + 1, 3] - begin) - 1  # type: ignore[no-any-return]


@compiled
def months_later(day: int, months: int, anchor: int, tables: DayTables) -> int:
    """Offset of the day ``anchor`` of the month that is ``months`` after that of ``day``."""
    return packed_day(tables.month_of[day - tables.first] + months, anchor, tables.packed)


@compiled
def fraction(
    day_count: int, start: int, end: int, tables: DayTables, regular: tuple[int, int, int]
) -> float:
    """Years between two offsets by a convention's code [years]; ``start`` <= ``end``.

    ``regular`` is (offset of a regular payment day, months between them, anchor), which only
    ``act/act-icma`` reads; where months are 0 it is taken as ``act/act-isda``.
    """
    return packed_fraction(day_count, start, end, tables.packed, regular)


@compiled
def packed_fraction(
    day_count: int, start: int, end: int, tables: _Packed, regular: tuple[int, int, int]
) -> float:
    """:func:`fraction` for loops: with one array to pass a call costs less."""
    if day_count == ACT_365:
        return (end - start) / 365.0
    if day_count == ACT_360:
        return (end - start) / 360.0
    low, high = start - tables.first, end - tables.first
    if day_count <= THIRTY_US_360:
        return _thirty(day_count, low, high, tables) / 360.0
    if day_count == ACT_ACT_AFB:
        return _afb_offsets(start, end, tables)
    if day_count == ACT_ACT_ICMA and regular[1] > 0:
        return position(end, tables, regular) - position(start, tables, regular)
    return (tables.rows[high, 2] - tables.rows[low, 2]) / _LEAP_CYCLE  # type: ignore[no-any-return]


@compiled
def fractions(day_count: IntArray, start: IntArray, end: IntArray, tables: DayTables) -> FloatArray:
    """:func:`fraction` over arrays, all of shape (n,) [years]; without regular days."""
    years = np.empty(len(start))
    for i in range(len(start)):
        years[i] = fraction(day_count[i], start[i], end[i], tables, (0, 0, 0))
    return years


@compiled
def _thirty(day_count: int, low: int, high: int, tables: _Packed) -> int:
    """Days between two rows where every month has 30."""
    if low == high:
        return 0
    first, last = tables.rows[low, 1], tables.rows[high, 1]
    month = tables.rows[low, 0]
    if day_count == THIRTY_US_360 and month % 12 == 1 and tables.rows[low + 1, 1] == 1:
        first = 30
    first = min(first, 30)
    if last == 31 and (day_count == THIRTY_E_360 or first == 30):
        last = 30
    return 30 * (tables.rows[high, 0] - month) + last - first  # type: ignore[no-any-return]


@compiled
def position(day: int, tables: _Packed, regular: tuple[int, int, int]) -> float:
    """Regular periods and their shares up to a day by act/act-icma [years]."""
    reference, months, anchor = regular
    rows, last = tables.rows, tables.months - 2
    origin = rows[reference - tables.first, 0]
    apart = rows[day - tables.first, 0] - origin
    number = apart if months == 1 else apart // months
    # Twice what packed_day says, written out: a call costs more than what it does.
    here = min(max(origin + number * months - tables.first_month, 0), last)
    low = rows[here, 3] + min(anchor, rows[here + 1, 3] - rows[here, 3]) - 1
    step = months if low <= day else -months
    there = min(max(here + step, 0), last)
    high = rows[there, 3] + min(anchor, rows[there + 1, 3] - rows[there, 3]) - 1
    if step < 0:
        number, low, high = number - 1, high, low
    return (number + (day - low) / max(high - low, 1)) * months / 12.0  # type: ignore[no-any-return]


@compiled
def _afb_offsets(start: int, end: int, tables: _Packed) -> float:
    month, day = tables.rows[end - tables.first, 0], tables.rows[end - tables.first, 1]
    if month % 12 == 1 and end + 1 == packed_day(month + 1, 1, tables):
        day = 29
    low = tables.rows[start - tables.first, 0]
    years = max((month - low) // 12 - 1, 0)
    while (
        month - 12 * (years + 1) >= low
        and packed_day(month - 12 * (years + 1), day, tables) >= start
    ):
        years += 1
    whole = packed_day(month - 12 * years, day, tables) if years else end
    length = 365.0
    for year in (low // 12, (month - 12 * years) // 12):
        march = packed_day(12 * year + 2, 1, tables)
        leap = march - packed_day(12 * year + 1, 1, tables) == 29
        if leap and start < march and march - 1 < whole:
            length = 366.0
    return float(years + (whole - start) / length)
