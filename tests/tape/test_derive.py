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
    return typed(table.select(chosen), spec(**tables), AS_OF)


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
            ("days_past_due", "error", 0),
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


class TestUnits:
    @pytest.mark.parametrize(
        ("tables", "cell", "rate"),
        [
            ({"percent": ("rate",)}, "12", 0.12),
            ({"basis_points": ("rate",)}, "1250", 0.125),
            ({"daily": ("rate",)}, "0.0005", 0.1825),
            ({"monthly": ("rate",)}, "0.015", 0.18),
            ({"percent": ("rate",), "monthly": ("rate",)}, "1.5", 0.18),
            ({"basis_points": ("rate",), "daily": ("rate",)}, "5", 0.1825),
            ({"scale": {"rate": 0.001}}, "120", 0.12),
        ],
    )
    def test_rates(self, tables: dict[str, Any], cell: str, rate: float) -> None:
        tape = read(without("rate", rate=[cell, cell]), **tables)
        np.testing.assert_allclose(tape.columns["rate"], rate, rtol=1e-15)
        assert not tape.issues

    def test_amounts_in_thousands_with_marks_and_signs(self) -> None:
        cells = without("original_balance", "current_balance", face=["¥1.200,5", "(3,25) ¥"])
        tape = read(
            cells | {"current_balance": ["1.000,5", "7"]},
            columns={"original_balance": "face"},
            decimal=",",
            thousands=".",
            currency_text=("original_balance",),
            scale={"original_balance": 1000.0, "current_balance": 10_000.0},
        )
        assert tape.columns["original_balance"].tolist() == [1_200_500.0, -3_250.0]
        assert tape.columns["current_balance"].tolist() == [10_005_000.0, 70_000.0]

    def test_numbers_that_are_kept_are_in_the_same_form(self) -> None:
        tape = read(GOOD | {"fee": ["1,5", "2"]}, decimal=",", keep=("fee",))
        assert tape.kept["fee"].tolist() == [1.5, 2.0]


class TestExpressions:
    def test_theirs_as_they_stand_and_ours_in_our_units(self) -> None:
        """0.12 a year on 50 is 6; their column holds 12."""
        tape = read(
            without("rate", Pct=["12", "24"]),
            columns={"rate": "Pct"},
            percent=("rate",),
            derive={
                "instalment": Derive(how="expression", expression="current_balance * rate"),
                "score": Derive(how="expression", expression="Pct * 10"),
            },
        )
        np.testing.assert_allclose(tape.columns["instalment"], [6.0, 48.0], rtol=1e-15)
        assert tape.columns["score"].tolist() == [120.0, 240.0]

    def test_each_kind_of_column(self) -> None:
        cells = without("maturity_date", "segment", Settled=["2013-12-05", ""], Q=["Yes", "No"])
        tape = read(
            cells,
            derive={
                "maturity_date": Derive(how="expression", expression="origination_date + 30"),
                "segment": Derive(how="expression", expression='if(Q == "Yes", "odd", "even")'),
                "buyer_id": Derive(how="expression", expression="Q"),
                "days_past_due": Derive(how="expression", expression="max(as_of - Settled, 0)"),
                "score": Derive(how="expression", expression='Q == "Yes"'),
            },
            values={"segment": {"odd": "disputed"}},
        )
        assert [str(day) for day in tape.columns["maturity_date"]] == ["2013-12-01", "2013-12-31"]
        assert labels(tape.columns["segment"]) == ["disputed", "even"]
        assert tape.columns["buyer_id"].to_pylist() == ["Yes", "No"]
        assert tape.columns["days_past_due"][0] == 26.0
        assert np.isnan(tape.columns["days_past_due"][1])
        assert tape.columns["score"].tolist() == [1.0, 0.0]

    def test_columns_wait_for_those_they_are_made_of(self) -> None:
        tape = read(
            GOOD,
            derive={
                "instalment": Derive(how="expression", expression="score / 2"),
                "score": Derive(how="expression", expression="original_balance * 2"),
            },
        )
        assert tape.columns["instalment"].tolist() == [100.0, 200.0]

    def test_a_faulty_cell_is_listed_under_the_column(self) -> None:
        tape = read(
            GOOD | {"fee": ["1", "x"]},
            derive={"score": Derive(how="expression", expression="fee * 2")},
        )
        (issue,) = tape.issues
        assert (issue.column, issue.reason, issue.rows.tolist()) == ("score", "not_a_number", [1])
        assert "source column fee" in str(issue.detail)

    def test_booleans_are_answers(self) -> None:
        cells = GOOD | {"flag": [True, None]}
        tape = read(cells, derive={"score": Derive(how="expression", expression="if(flag, 1, 0)")})
        assert tape.columns["score"][0] == 1.0
        assert np.isnan(tape.columns["score"][1])

    @pytest.mark.parametrize(
        ("target", "expression", "said"),
        [
            ("score", "origination_date", "found days; expected cells of kind number"),
            ("score", '"x"', "found texts; expected cells of kind number"),
            ("region", "rate", "found numbers; expected cells of kind category"),
            ("maturity_date", "rate", "found numbers; expected cells of kind date"),
            ("score", "origination_date * 2", "expected a number"),
            ("score", "nothing * 2", "no column nothing"),
        ],
    )
    def test_what_does_not_fit(self, target: str, expression: str, said: str) -> None:
        cells = without(target) if target in GOOD else GOOD
        with pytest.raises(InputError, match=said):
            read(cells, derive={target: Derive(how="expression", expression=expression)})


class TestJoins:
    def test_keys_and_classes_of_several_columns(self) -> None:
        cells = without("loan_id", "segment", Bank=["1", "2"], No=["007", ""], P=["x", "y"])
        tape = read(
            cells,
            derive={
                "loan_id": Derive(how="join", columns=("Bank", "No"), by="-"),
                "segment": Derive(how="join", columns=("P", "loan_type")),
                "region": Derive(how="join", columns=("P", "rate"), by=" at "),
            },
        )
        assert tape.columns["loan_id"].to_pylist() == ["1-007", None]
        assert labels(tape.columns["segment"]) == ["x|bullet", "y|order"]
        assert labels(tape.columns["region"]) == ["x at 0.12", "y at 0.24"]

    def test_an_amount_is_no_text(self) -> None:
        derive = {"score": Derive(how="join", columns=("segment", "loan_id"))}
        with pytest.raises(InputError, match="found texts; expected cells of kind number"):
            read(GOOD, derive=derive)


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
            ({"monthly": ("score",)}, "score, a number"),
            ({"basis_points": ("original_balance",)}, "original_balance, a money"),
            ({"scale": {"loan_id": 10.0}}, "loan_id, a text"),
            ({"currency_text": ("rate",)}, "rate, a rate"),
            ({"date_formats": {"Nothing": "%Y"}}, "'Nothing'"),
            ({"where": "Nothing == 1"}, "no column Nothing"),
            ({"group": {"by": "Nothing"}}, "no column Nothing"),
            ({"term": {"column": "Nothing", "unit": "days"}}, "no column Nothing"),
            (
                {"percent": ("score",), "constants": {"score": 1}},
                "score, which [tape.constants] gives",
            ),
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
