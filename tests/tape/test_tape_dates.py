"""Days in several forms, day counts of other programs, and Chinese dates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scfcap.tape.dates import dates


def read(
    cells: Sequence[object], form: str | Sequence[str] | None
) -> tuple[list[str], dict[int, str]]:
    days, issues = dates(pa.array(cells), "x", form)
    found = {int(row): issue.reason for issue in issues for row in issue.rows}
    return [str(day) for day in days], found


@pytest.mark.parametrize(
    ("form", "cell", "day"),
    [
        # SAS Language Reference: 1960-01-01 is 0, 17 October 1991 is 11612.
        ("sas", 0, "1960-01-01"),
        ("sas", 11612, "1991-10-17"),
        ("sas", "11612", "1991-10-17"),
        ("sas", 11612.0, "1991-10-17"),
        ("sas", -1, "1959-12-31"),
        # ECMA-376 part 1, 18.17.4.1, 1900 date base: 1 is 1900-01-01, 39448 is 2008-01-01.
        ("excel", 1, "1900-01-01"),
        ("excel", 59, "1900-02-28"),
        ("excel", 61, "1900-03-01"),
        ("excel", "39448.75", "2008-01-01"),
        ("unix", 0, "1970-01-01"),
        ("unix", 1388534399, "2013-12-31"),
        ("unix", "1388534400", "2014-01-01"),
    ],
)
def test_day_counts(form: str, cell: object, day: str) -> None:
    assert read([cell], form) == ([day], {})


@pytest.mark.parametrize(
    ("form", "cell"),
    [("excel", 60), ("excel", 0), ("excel", -3), ("sas", "x"), ("sas", "1e3"), ("unix", "1e300")],
)
def test_what_is_no_day_of_a_count(form: str, cell: object) -> None:
    assert read([cell], form) == (["NaT"], {0: "not_a_date"})


@given(st.dates(date(1900, 3, 1), date(2200, 12, 31)))
def test_counts_agree_with_the_calendar(day: date) -> None:
    assert read([(day - date(1960, 1, 1)).days], "sas")[0] == [str(day)]
    assert read([(day - date(1899, 12, 30)).days], "excel")[0] == [str(day)]
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    seconds = (noon - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    assert read([seconds], "unix")[0] == [str(day)]


@pytest.mark.parametrize("cell", ["2013年12月31日", " 2013 年 12 月 31 日 "])
def test_chinese_dates_need_no_form(cell: str) -> None:
    assert read([cell, "2014-01-01", None], None) == (["2013-12-31", "2014-01-01", "NaT"], {})


def test_other_chinese_forms_are_formats() -> None:
    assert read(["2013年12月", "13年1月5日"], ("%Y年%m月", "%y年%m月%d日")) == (
        ["2013-12-01", "2013-01-05"],
        {},
    )


def test_the_first_form_that_fits_holds() -> None:
    forms = ("%m/%d/%Y", "%Y-%m-%d", "sas")
    cells = ["1/15/2013", "2013-01-16", "11612", "NA", "16.1.2013"]
    assert read(cells, forms) == (
        ["2013-01-15", "2013-01-16", "1991-10-17", "NaT", "NaT"],
        {4: "not_a_date"},
    )


def test_two_readings_are_reported_and_the_first_is_kept() -> None:
    days, issues = dates(
        pa.array(["1/2/2013", "3/3/2013", "25/2/2013"]), "x", ("%m/%d/%Y", "%d/%m/%Y")
    )
    assert [str(day) for day in days] == ["2013-01-02", "2013-03-03", "2013-02-25"]
    (issue,) = issues
    assert (issue.reason, issue.severity, issue.rows.tolist()) == ("ambiguous_date", "warning", [0])


def test_a_reader_of_the_wrong_order_fails_loudly() -> None:
    """Month-first dates read day first: only days up to the twelfth would pass."""
    assert read(["1/2/2013", "1/15/2013"], "%d/%m/%Y")[1] == {1: "not_a_date"}
