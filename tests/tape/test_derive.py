"""The mapping of a model file: where columns come from, and what is wrong with a mapping."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from scfcap.errors import InputError
from scfcap.schema.tape import Derive, TapeSpec
from scfcap.tape.convert import Codes
from scfcap.tape.derive import Typed, source_columns, typed

AS_OF = date(2013, 12, 31)
GOOD: dict[str, list[Any]] = {
    "loan_id": ["a", "b"],
    "segment": ["s", "t"],
    "loan_type": ["bullet", "order"],
    "origination_date": ["2013-11-01", "2013-12-01"],
    "maturity_date": ["2014-01-01", "2014-02-01"],
    "original_balance": ["100", "200"],
    "current_balance": ["50", "200"],
    "rate": ["0.12", "0.24"],
}


def spec(**tables: Any) -> TapeSpec:
    return TapeSpec(source="file", path="tape.csv", **tables)


def read(cells: dict[str, list[Any]], **tables: Any) -> Typed:
    table = pa.table(cells)
    chosen = source_columns(spec(**tables), table.column_names, "tape.csv")
    return typed(table.select(chosen), spec(**tables), AS_OF, "tape.csv")


def without(*names: str, **more: list[Any]) -> dict[str, list[Any]]:
    return {k: v for k, v in GOOD.items() if k not in names} | more


def labels(codes: Codes) -> list[str]:
    return [codes.labels[k] if k >= 0 else "" for k in codes.codes]


class TestSources:
    def test_own_names_need_no_mapping_and_the_rest_has_defaults(self) -> None:
        tape = read(GOOD)
        assert not tape.issues
        assert tape.columns["borrower_id"].to_pylist() == ["a", "b"]
        assert tape.columns["days_past_due"].tolist() == [0.0, 0.0]
        assert labels(tape.columns["status"]) == ["current", "current"]
        assert labels(tape.columns["channel"]) == ["own_capital", "own_capital"]
        assert "score" not in tape.columns

    def test_columns_constants_percent_and_daily(self) -> None:
        cells = without("rate", "segment", "loan_type", Rate=["0.05", "0.1"])
        tape = read(
            cells,
            columns={"rate": "Rate"},
            constants={"segment": "s", "loan_type": "bullet", "score": 7},
            percent=("rate",),
            daily=("rate",),
        )
        np.testing.assert_allclose(tape.columns["rate"], [0.1825, 0.365], rtol=1e-15)
        assert labels(tape.columns["segment"]) == ["s", "s"]
        assert tape.columns["score"].tolist() == [7.0, 7.0]

    def test_a_mapping_wins_over_a_column_of_our_name(self) -> None:
        tape = read(GOOD | {"R": ["0.5", "0.6"]}, columns={"rate": "R"})
        assert tape.columns["rate"].tolist() == [0.5, 0.6]

    def test_columns_that_no_one_asked_for_are_not_read(self) -> None:
        cells = GOOD | {"noise": ["x", "y"], "kept": ["1", "02"], "also": ["1", "2"]}
        table = pa.table(cells)
        asked = spec(keep=("kept", "also"))
        assert "noise" not in source_columns(asked, table.column_names, "tape.csv")
        tape = read(cells, keep=("kept", "also"))
        assert tape.kept["kept"].to_pylist() == ["1", "02"], "a leading zero makes it a key"
        assert tape.kept["also"].tolist() == [1, 2]

    def test_empty_cells_of_optional_columns_stay_unknown_and_are_reported(self) -> None:
        cells = GOOD | {
            "borrower_id": ["x", ""],
            "days_past_due": ["", "3"],
            "status": ["current", None],
            "channel": ["own_capital", ""],
        }
        tape = read(cells)
        assert {(i.column, i.severity, *i.rows.tolist()) for i in tape.issues} == {
            ("borrower_id", "warning", 1),
            ("days_past_due", "warning", 0),
            ("status", "warning", 1),
            ("channel", "warning", 1),
        }
        assert np.isnan(tape.columns["days_past_due"][0])
        assert labels(tape.columns["status"]) == ["current", ""]


class TestDerived:
    def test_add_days_flat_rate_and_days_past_maturity(self) -> None:
        # 30 days, a charge of 15%: 0.15 * 365 / 30 = 1.825 a year.
        cells = without("maturity_date", "rate", total=["115", "200"], term=["30", "60"])
        tape = read(
            cells,
            derive={
                "days_past_due": Derive(how="days_past_maturity"),
                "maturity_date": Derive(how="add_days", column="origination_date", by="term"),
                "rate": Derive(how="flat_rate", column="total", by="original_balance", days="term"),
            },
        )
        assert [str(day) for day in tape.columns["maturity_date"]] == ["2013-12-01", "2014-01-30"]
        np.testing.assert_allclose(tape.columns["rate"], [1.825, 0.0], rtol=1e-12, atol=1e-15)
        assert tape.columns["days_past_due"].tolist() == [30.0, 0.0]

    def test_add_months_on_a_mapped_date_uses_its_format(self) -> None:
        cells = without("origination_date", "maturity_date", issued=["Jan-2013", "Dec-2012"])
        tape = read(
            cells | {"months": [36, 60]},
            columns={"origination_date": "issued"},
            derive={"maturity_date": Derive(how="add_months", column="issued", by="months")},
            date_formats={"origination_date": "%b-%Y"},
        )
        assert [str(day) for day in tape.columns["maturity_date"]] == ["2016-01-01", "2017-12-01"]

    def test_row_number(self) -> None:
        tape = read(without("loan_id"), derive={"loan_id": Derive(how="row_number")})
        assert tape.columns["loan_id"].to_pylist() == ["1", "2"]

    def test_faults_in_the_source_of_a_derived_column_are_listed_under_it(self) -> None:
        cells = without("rate", total=["5%", "210"], term=["30", "0"])
        tape = read(
            cells,
            derive={
                "rate": Derive(how="flat_rate", column="total", by="original_balance", days="term")
            },
        )
        found = {(i.column, i.reason, *i.rows.tolist()): str(i.detail) for i in tape.issues}
        assert set(found) == {("rate", "percent_sign", 0), ("rate", "not_finite", 1)}
        assert "source column total" in found["rate", "percent_sign", 0]
        assert np.isnan(tape.columns["rate"]).all()

    @pytest.mark.parametrize("how", ["add_days", "add_months"])
    def test_terms_that_are_no_whole_number(self, how: Any) -> None:
        cells = without("maturity_date", loan_id=["a", "b"], term=["1.5", "1e300"])
        tape = read(
            cells, derive={"maturity_date": Derive(how=how, column="origination_date", by="term")}
        )
        (issue,) = tape.issues
        assert (issue.column, issue.reason) == ("maturity_date", "not_whole")
        assert issue.rows.tolist() == [0, 1]
        assert np.isnat(tape.columns["maturity_date"]).all()

    def test_rates_that_look_like_percent(self) -> None:
        (issue,) = read(without("rate", rate=["12.5", "8"])).issues
        assert (issue.reason, issue.severity) == ("rates_look_like_percent", "warning")
        assert issue.rows.tolist() == [-1]


class TestFaultyMappings:
    @pytest.mark.parametrize(
        ("tables", "said"),
        [
            ({"columns": {"rat": "rate"}}, "Did you mean rate?"),
            ({"columns": {"rate": "Rate"}}, "no column Rate"),
            ({"columns": {"rate": "Rate"}}, "Did you mean rate?"),
            ({"keep": ("flag",)}, "no column flag"),
            ({"percent": ("maturity_date",)}, "maturity_date, a date"),
            ({"daily": ("original_balance",)}, "original_balance, a money"),
            ({"values": {"rate": {"a": "b"}}}, "rate, a rate"),
            ({"date_formats": {"rate": "%Y"}}, "rate, a rate"),
            (
                {"columns": {"rate": "rate"}, "constants": {"rate": 0.1}},
                "rate more than once",
            ),
        ],
    )
    def test_is_refused_in_words(self, tables: dict[str, Any], said: str) -> None:
        with pytest.raises(InputError) as error:
            read(GOOD, **tables)
        assert said in str(error.value)

    def test_all_that_is_missing_at_once(self) -> None:
        with pytest.raises(InputError) as error:
            read(without("rate", "loan_id"), columns={"score": "points"})
        assert "no column for loan_id, rate (there are: segment, " in str(error.value)
        assert "no column points" in str(error.value)

    @pytest.mark.parametrize(
        "constants",
        [{"score": "x"}, {"origination_date": 3}, {"segment": 5}],
    )
    def test_constants_of_the_wrong_kind(self, constants: dict[str, Any]) -> None:
        cells = without(*constants)
        with pytest.raises(InputError, match=r"tape\.constants"):
            read(cells, constants=constants)

    def test_a_derived_column_on_one_that_comes_later(self) -> None:
        with pytest.raises(InputError, match=r"tape.derive.maturity_date: found no column"):
            read(
                without("origination_date", "maturity_date", term=["1", "2"]),
                derive={
                    "maturity_date": Derive(how="add_days", column="origination_date", by="term"),
                    "origination_date": Derive(how="add_days", column="maturity_date", by="term"),
                },
            )
