"""Addresses, sheet names and number formats."""

from __future__ import annotations

from datetime import date

import pytest

from scfcap.report.book import (
    Area,
    Formula,
    Look,
    Sheet,
    Style,
    address,
    letter,
    quoted,
    sheet_name,
)


@pytest.mark.parametrize(
    ("column", "text"), [(1, "A"), (26, "Z"), (27, "AA"), (702, "ZZ"), (703, "AAA"), (16384, "XFD")]
)
def test_column_letters(column: int, text: str) -> None:
    assert letter(column) == text


def test_areas_as_formulas_write_them() -> None:
    area = Area("Cash flows", 2, 3, 4, 5)
    assert area.local == "C2:E4"
    assert area.absolute == "'Cash flows'!$C$2:$E$4"
    assert Area("Plan", 2, 3, 2, 3).linked == "Plan!C2"
    assert address(7, 28) == "AB7"


@pytest.mark.parametrize(
    ("name", "text"),
    [("Plan", "Plan"), ("It's", "'It''s'"), ("2013", "'2013'"), ("贷", "'贷'")],
)
def test_sheet_names_in_formulas(name: str, text: str) -> None:
    assert quoted(name) == text


def test_sheet_names_fit_excel() -> None:
    assert sheet_name("a/b:c*?[d]") == "a b c   d"
    assert sheet_name("'quoted'") == "quoted"
    long = sheet_name("x" * 40)
    assert len(long) == 31
    again = sheet_name("X" * 40, [long])
    assert again == "X" * 29 + " 2"
    assert sheet_name("[]") == "Sheet"


@pytest.mark.parametrize(
    ("unit", "label", "scale"), [(1.0, "CNY", ""), (1e3, "CNY k", ","), (1e6, "CNY m", ",,")]
)
def test_amounts_are_shown_in_their_unit(unit: float, label: str, scale: str) -> None:
    look = Look("CNY", unit)
    assert look.label == label
    assert look.axis() == f"#,##0{scale}"
    assert look.money().startswith("#,##0.00" + scale if scale else "#,##0_)")


def test_an_unusual_unit_is_shown_in_full() -> None:
    assert Look("CNY", 1e5).label == "CNY"
    assert Look("CNY", 1e5).say(123_456.0) == "CNY 123,456"


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (1_234_567_890.0, "CNY 1,235 m"),
        (12_345_678.0, "CNY 12.3 m"),
        (1_234_567.0, "CNY 1.23 m"),
        (-41_200.0, "CNY -0.04 m"),
    ],
)
def test_amounts_in_words(amount: float, text: str) -> None:
    assert Look("CNY", 1e6).say(amount) == text


def test_a_formula_reads_as_the_engines_figure() -> None:
    sheet = Sheet("S")
    sheet.put(1, 1, 2.0, Style())
    sheet.put(2, 1, 3.0, Style())
    area = sheet.put(3, 1, Formula("=SUM(A1:A2)", 5.0), Style())
    assert sheet.value(area) == 5.0
    assert (sheet.last_row, sheet.last_column) == (3, 1)


def _paged(blocks: list[int], last: int) -> list[int]:
    """Breaks of a narrow sheet of ``last`` rows: 32 rows of 15 points fit on a page."""
    sheet = Sheet("S", widths={1: 20.0}, blocks=blocks)
    sheet.put(last, 1, 1.0, Style())
    return sheet.breaks


def test_a_block_that_does_not_fit_begins_a_page() -> None:
    assert _paged([1, 20, 30], 40) == [29]
    assert _paged([1, 20, 30], 32) == []


def test_a_block_longer_than_a_page_is_cut_where_it_falls() -> None:
    assert _paged([5, 50], 60) == []


def test_pages_are_filled_one_after_the_other() -> None:
    assert _paged([1, 17, 33, 49, 65], 80) == [32, 64]


def test_what_spills_a_little_over_a_page_is_made_to_fit() -> None:
    """A page has 505 points, of which 97% are used: 32 rows of 15 points; 1.3 pages are 42."""
    made = {}
    for last in (32, 33, 42, 43):
        sheet = Sheet("s")
        sheet.reach(last, 1)
        sheet.squeeze()
        made[last] = sheet.one_page
    assert made == {32: False, 33: True, 42: True, 43: False}


def test_periods_are_named_by_month_or_by_their_last_day() -> None:
    day = date(2014, 3, 7)
    assert Look("CNY", 1e6).say_day(day) == "March 2014"
    assert Look("CNY", 1e6, "week").say_day(day) == "7 March 2014"
    assert Look("CNY", 1e6, "week").say_day(day, short=True) == "7 Mar 2014"
    assert Look("CNY", 1e6, "week").day == "d mmm yy"
