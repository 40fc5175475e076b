"""Day counts against the published vectors, a peer, and the exact rule against the compiled one."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scfcap.axes import DAY_COUNTS
from scfcap.daycount import (
    DayTables,
    Regular,
    code_of,
    day_in_month,
    days_30_360,
    exact_fraction,
    fraction,
    fractions,
    month_day,
    month_days,
    months_later,
    year_fraction,
)
from scfcap.periods import add_months
from tests.witnesses import daycounts
from tests.witnesses.book import holds
from tests.witnesses.daycounts import PEERS, quantlib_day

AS_OF = date(2013, 12, 31)
OFFSETS = DayTables.build(AS_OF, 12_000, -8_000)

days = st.dates(date(1993, 1, 1), date(2043, 12, 31))


def offset(day: date) -> int:
    return (day - AS_OF).days


def test_three_30_360_conventions_as_published() -> None:
    holds(daycounts.thirty_360())


def test_actual_actual_as_published() -> None:
    holds(daycounts.actual())


def test_an_odd_quarter_at_month_end_by_the_icma_rule() -> None:
    holds(daycounts.odd_quarter())
    regular = Regular(date(2000, 5, 31), 3, 31)
    got = exact_fraction(date(1999, 11, 30), date(2000, 4, 30), "act/act-icma", regular)
    assert got == Fraction(1, 4) + Fraction(1, 4) * Fraction(61, 92)


@given(st.sampled_from(sorted(PEERS)), days, days)
def test_quantlib_counts_the_same(name: str, one: date, other: date) -> None:
    start, end = sorted((one, other))
    if name == "act/act-afb" and (end.month, end.day) == (2, 28):
        return  # the peer moves to a 29th once it passes a leap year, also from a 28th that is not
        # its month's last
    there = [quantlib_day(day) for day in (start, end)]
    assert year_fraction(start, end, name) == pytest.approx(
        PEERS[name].yearFraction(*there), rel=1e-13, abs=1e-13
    )


@given(st.sampled_from(DAY_COUNTS), days, days, st.sampled_from([1, 2, 3, 6, 12]), st.data())
def test_compiled_counts_are_the_exact_ones(
    name: str, one: date, other: date, months: int, data: st.DataObject
) -> None:
    start, end = sorted((one, other))
    anchor = data.draw(st.integers(1, 31))
    reference = data.draw(days)
    reference = month_day(reference.year, reference.month, anchor)
    got = fraction(
        code_of(name), offset(start), offset(end), OFFSETS, (offset(reference), months, anchor)
    )
    exact = year_fraction(start, end, name, Regular(reference, months, anchor))
    assert got == pytest.approx(exact, rel=1e-13, abs=2e-14)


@pytest.mark.parametrize("name", ["30/360-us", "act/act-afb"])
def test_the_end_of_february_in_both_forms(name: str) -> None:
    ends = [date(y, 2, 28) for y in range(2000, 2020)] + [date(y, 2, 29) for y in (2004, 2008)]
    for start in ends:
        for end in [*ends, date(2012, 2, 29), date(2013, 3, 1)]:
            if start <= end:
                got = fraction(code_of(name), offset(start), offset(end), OFFSETS, (0, 0, 0))
                assert got == pytest.approx(year_fraction(start, end, name), abs=1e-13)


@given(st.sampled_from(DAY_COUNTS), days, st.integers(0, 800), st.integers(0, 800))
def test_a_later_end_never_counts_less(name: str, start: date, near: int, more: int) -> None:
    regular = Regular(start, 1, start.day)
    ends = [start + timedelta(near), start + timedelta(near + more)]
    got = [exact_fraction(start, end, name, regular) for end in ends]
    if name == "act/act-afb":  # a 29 February in the rest lengthens its year
        assert got[1] >= got[0] * Fraction(365, 366)
    else:
        assert got[1] >= got[0]


@given(days, st.integers(-60, 60), st.integers(1, 31))
def test_months_later_keeps_to_the_anchor(day: date, months: int, anchor: int) -> None:
    got = AS_OF + timedelta(int(months_later(offset(day), months, anchor, OFFSETS)))
    moved = add_months(day.replace(day=1), months)
    if OFFSETS.month_start[0] <= offset(moved) < OFFSETS.month_start[-2]:
        assert got == month_day(moved.year, moved.month, anchor)


def test_a_month_beyond_the_tables_is_their_last() -> None:
    tables = DayTables.build(AS_OF, 30)
    assert day_in_month(99_999_999, 31, tables) == tables.month_start[-1] - 1
    assert day_in_month(0, 1, tables) == tables.month_start[0]


def test_a_full_month_is_a_twelfth_by_icma_and_arrays_agree_with_scalars() -> None:
    regular = Regular(date(2024, 1, 31), 1, 31)
    for number in range(24):
        got = exact_fraction(regular.day(number), regular.day(number + 1), "act/act-icma", regular)
        assert got == Fraction(1, 12)
    codes = np.arange(len(DAY_COUNTS))
    start, end = np.full(8, -45), np.full(8, 1_000)
    each = [fraction(c, -45, 1_000, OFFSETS, (0, 0, 0)) for c in codes]
    assert fractions(codes, start, end, OFFSETS).tolist() == each
    assert each[code_of("act/act-icma")] == each[code_of("act/act-isda")]


@pytest.mark.parametrize("name", DAY_COUNTS)
def test_no_time_passes_within_a_day(name: str) -> None:
    for day in (date(2013, 2, 28), date(2016, 2, 29), date(2013, 1, 31), date(2013, 2, 15)):
        assert year_fraction(day, day, name, Regular(day, 1, day.day)) == 0.0
        at = offset(day)
        assert fraction(code_of(name), at, at, OFFSETS, (at, 1, day.day)) == 0.0


@given(days, st.integers(1, 31))
def test_the_day_of_a_month_is_the_same_in_arrays_and_in_compiled_code(
    inside: date, anchor: int
) -> None:
    wanted = month_day(inside.year, inside.month, anchor)
    month = np.array([inside], dtype="datetime64[M]")
    assert month_days(month, np.array([anchor]))[0] == np.datetime64(wanted, "D")
    number = 12 * inside.year + inside.month - 1
    assert day_in_month(number, anchor, OFFSETS) == offset(wanted)


def test_what_cannot_be_counted_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'30/361', expected one of 30/360, "):
        year_fraction(AS_OF, AS_OF, "30/361")
    with pytest.raises(ValueError, match=r"'act/365', expected one of 30/360, 30E/360, 30/360-us$"):
        days_30_360(AS_OF, AS_OF, "act/365")
    with pytest.raises(ValueError, match="end: 2013-12-30, expected 2013-12-31 or later"):
        year_fraction(AS_OF, AS_OF - timedelta(1), "act/365")
    with pytest.raises(ValueError, match="act/act-icma: expected the regular payment days"):
        year_fraction(AS_OF, AS_OF, "act/act-icma")
