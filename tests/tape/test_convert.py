"""Cells to typed arrays: what passes, what is listed, and that no locale is asked."""

from __future__ import annotations

import locale
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scfcap.errors import InputError
from scfcap.periods import add_months
from scfcap.tape import convert


def numbers(*cells: object, percent: bool = False) -> tuple[list[float], dict[int, str]]:
    values, issues = convert.numbers(pa.array(cells), "rate", percent=percent)
    return values.tolist(), {int(row): issue.reason for issue in issues for row in issue.rows}


def dates(*cells: object, form: str | None = None) -> tuple[list[str], dict[int, str]]:
    values, issues = convert.dates(pa.array(cells), "origination_date", form)
    flagged = {int(row): issue.reason for issue in issues for row in issue.rows}
    return [str(v) for v in values], flagged


class TestNumbers:
    def test_texts_that_are_numbers(self) -> None:
        cells = ("1", " 2.5 ", "-3", "+4", ".5", "6.", "1e3", "007")
        assert numbers(*cells) == ([1.0, 2.5, -3.0, 4.0, 0.5, 6.0, 1000.0, 7.0], {})

    @pytest.mark.parametrize(
        ("cell", "reason"),
        [
            ("12%", "percent_sign"),
            ("12.5 %", "percent_sign"),
            ("1,234.50", "separator"),
            ("1 234", "separator"),
            ("1'234'567", "separator"),
            ("inf", "not_finite"),
            ("-Infinity", "not_finite"),
            ("1e999", "not_finite"),
            ("12,5", "not_a_number"),
            ("$5", "not_a_number"),
            ("0x10", "not_a_number"),
            ("1_000", "not_a_number"),
            ("abc", "not_a_number"),
            ("１２", "not_a_number"),
        ],
    )
    def test_texts_that_are_not(self, cell: str, reason: str) -> None:
        values, flagged = numbers("1", cell, "3")
        assert flagged == {1: reason}
        assert np.isnan(values[1])
        assert values[::2] == [1.0, 3.0]

    @pytest.mark.parametrize("cell", ["", "  ", "NA", "n/a", "NaN", "null", None])
    def test_missing_is_no_fault_of_the_cell(self, cell: str | None) -> None:
        values, flagged = numbers("1", cell)
        assert flagged == {}
        assert np.isnan(values[1])

    def test_a_listed_percent_column_may_carry_the_sign(self) -> None:
        assert numbers("12.5%", "8", "4 %", percent=True) == ([0.125, 0.08, 0.04], {})

    def test_typed_cells(self) -> None:
        values, flagged = numbers(1.5, None, float("inf"), float("nan"))
        assert flagged == {2: "not_finite"}
        assert values[0] == 1.5
        assert np.isnan(values[1:]).all()
        cents = pa.array([1, 2], pa.decimal128(12, 2))
        assert convert.numbers(cents, "rate")[0].tolist() == [1.0, 2.0]

    def test_a_column_that_holds_no_numbers(self) -> None:
        with pytest.raises(InputError, match=r"column rate: found cells of type date32"):
            convert.numbers(pa.array([date(2020, 1, 1)]), "rate")

    @given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
    def test_texts_read_back_exactly(self, cells: list[float]) -> None:
        assert numbers(*(repr(cell) for cell in cells)) == (cells, {})


class TestDates:
    def test_iso_with_and_without_times(self) -> None:
        cells = ("2017-07-25", "2017-07-25 23:59:59.000000", "2017-07-25T08:22:56Z", " 2017-07-25 ")
        assert dates(*cells) == (["2017-07-25"] * 4, {})

    @pytest.mark.parametrize(
        "cell",
        ["25/07/2017", "2017-7-5", "2018-02-30", "2017-13-01", "2017-07-25x", "20170725", "soon"],
    )
    def test_what_is_no_date(self, cell: str) -> None:
        values, flagged = dates("2020-02-29", cell)
        assert (values, flagged) == (["2020-02-29", "NaT"], {1: "not_a_date"})

    def test_out_of_range(self) -> None:
        assert dates("1899-12-31", "9999-12-31", "1900-01-01")[1] == {
            0: "date_out_of_range",
            1: "date_out_of_range",
        }

    def test_missing(self) -> None:
        assert dates("", None, "NA") == (["NaT"] * 3, {})

    @pytest.mark.parametrize(
        ("form", "cell", "expected"),
        [
            ("%b-%Y", "Mar-2018", "2018-03-01"),
            ("%b-%Y", "mar-2018", "2018-03-01"),
            ("%d %B %Y", "5 December 2013", "2013-12-05"),
            ("%d/%m/%Y", "31/12/2013", "2013-12-31"),
            ("%m/%d/%y", "12/31/68", "2068-12-31"),
            ("%m/%d/%y", "12/31/69", "1969-12-31"),
            ("%Y%m%d", "20131231", "2013-12-31"),
            ("%d.%m.%Y %H:%M", "01.02.2013 23:59", "2013-02-01"),
        ],
    )
    def test_forms(self, form: str, cell: str, expected: str) -> None:
        assert dates(cell, "?", form=form) == ([expected, "NaT"], {1: "not_a_date"})

    def test_whole_numbers_with_a_form(self) -> None:
        assert dates(20131231, 20130230, form="%Y%m%d") == (
            ["2013-12-31", "NaT"],
            {1: "not_a_date"},
        )
        assert dates(20131231) == (["NaT"], {0: "not_a_date"})

    def test_typed_cells(self) -> None:
        assert dates(date(2013, 12, 31), None) == (["2013-12-31", "NaT"], {})
        stamps = pa.array([1388534399999999], pa.timestamp("us"))  # 2013-12-31 23:59:59.999999
        assert str(convert.dates(stamps, "x")[0][0]) == "2013-12-31"
        east = pa.array([1388505600], pa.timestamp("s", "Asia/Shanghai"))  # 16:00 UTC
        assert str(convert.dates(east, "x")[0][0]) == "2014-01-01"

    @pytest.mark.parametrize("form", ["%q-%Y", "%d-%m", "%Y-%Y", "%-d %Y"])
    def test_a_form_that_cannot_be_used(self, form: str) -> None:
        with pytest.raises(InputError, match=r"tape\.date_formats"):
            dates("1", form=form)

    def test_no_locale_is_asked(self) -> None:
        before = locale.setlocale(locale.LC_TIME)
        for name in ("de_DE.UTF-8", "fr_FR.UTF-8", "zh_CN.UTF-8", "C.UTF-8"):
            try:
                locale.setlocale(locale.LC_TIME, name)
            except locale.Error:
                continue
            try:
                assert dates("May-2018", "Dec-2018", form="%b-%Y")[1] == {}
                assert dates("Mai-2018", "déc-2018", form="%b-%Y")[1] != {}
            finally:
                locale.setlocale(locale.LC_TIME, before)

    @given(st.lists(st.dates(date(1900, 1, 1), date(2200, 12, 31)), min_size=1, max_size=20))
    def test_iso_dates_read_back(self, days: list[date]) -> None:
        assert dates(*(day.isoformat() for day in days)) == ([str(day) for day in days], {})


class TestTexts:
    @pytest.mark.parametrize(
        ("cells", "expected"),
        [
            (["007", " a ", "", None], ["007", "a", None, None]),
            ([1, 2, None], ["1", "2", None]),
            ([1.0, 2.5, None], ["1", "2.5", None]),
        ],
    )
    def test_keys_stay_text(self, cells: list[object], expected: list[str | None]) -> None:
        found, issues = convert.texts(pa.array(cells), "loan_id")
        assert found.to_pylist() == expected
        assert not issues

    def test_length_is_bounded(self) -> None:
        found, issues = convert.texts(pa.array(["x" * 1000, "x" * 1001]), "loan_id")
        assert found.to_pylist()[1] is None
        assert [(i.reason, i.rows.tolist(), len(i.values[0])) for i in issues] == [
            ("text_too_long", [1], 80)
        ]


class TestCategories:
    def test_vocabulary_maps_texts_of_any_column(self) -> None:
        for cells in (["15", "30", None, "15"], [15, 30, None, 15], [15.0, 30.0, None, 15.0]):
            codes, issues = convert.categories(pa.array(cells), "segment", {"15": "15d"})
            assert codes.labels == ("15d", "30")
            assert codes.codes.tolist() == [0, 1, -1, 0]
            assert not issues

    def test_two_source_values_become_one(self) -> None:
        cells = pa.array(["Late (16-30 days)", "Late (31-120 days)", "Current"])
        mapped = {"Late (16-30 days)": "late", "Late (31-120 days)": "late", "Current": "current"}
        codes, _ = convert.categories(cells.dictionary_encode(), "status", mapped)
        assert codes.labels == ("current", "late")
        assert codes.codes.tolist() == [1, 1, 0]

    def test_number_of_classes_is_bounded(self) -> None:
        cells = pa.array([str(k) for k in range(convert.MAX_CATEGORIES + 1)])
        with pytest.raises(InputError, match=r"column segment: found 10,001 distinct values"):
            convert.categories(cells, "segment")

    def test_chunks_with_their_own_dictionaries(self) -> None:
        chunks = [
            pa.array(["b", "a"]).dictionary_encode(),
            pa.array(["c", "b"]).dictionary_encode(),
        ]
        codes, _ = convert.categories(pa.chunked_array(chunks), "segment")
        assert [codes.labels[k] for k in codes.codes] == ["b", "a", "c", "b"]


@given(
    st.dates(date(1950, 1, 1), date(2150, 1, 1)),
    st.integers(-600, 600),
)
def test_add_months_agrees_with_the_calendar(day: date, months: int) -> None:
    moved = convert.add_months(np.array([day], "datetime64[D]"), np.array([float(months)]))
    assert moved[0].astype(date) == add_months(day, months)


def test_add_months_keeps_what_is_missing() -> None:
    days = np.array(["NaT", "2013-01-31"], "datetime64[D]")
    assert np.isnat(convert.add_months(days, np.array([1.0, np.nan]))).all()
    assert date(2013, 1, 31) + timedelta(28) == add_months(date(2013, 1, 31), 1)
