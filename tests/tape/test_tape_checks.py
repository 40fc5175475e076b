"""Every rule trips on the row it is meant for, nothing is dropped, and totals tie."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scfcap.errors import InputError
from scfcap.schema.tape import TapeSpec
from scfcap.tape.checks import RejectedRows
from scfcap.tape.read import read_tape
from scfcap.tape.schema import Tape

AS_OF = date(2013, 12, 31)
#: Three good loans. Level payment: 1200 at 12% over 12 months is 106.62 a month.
GOOD: dict[str, list[Any]] = {
    "loan_id": ["a", "b", "c"],
    "segment": ["s", "s", "t"],
    "loan_type": ["level_payment", "bullet", "order"],
    "origination_date": ["2013-11-30", "2013-12-01", "2013-11-30"],
    "maturity_date": ["2014-11-30", "2014-03-01", "2014-01-31"],
    "original_balance": ["1200", "200", "300"],
    "current_balance": ["1105.38", "200", "300.004"],
    "rate": ["0.12", "0", "1"],
    "status": ["current", "late", "default"],
    "channel": ["own_capital", "securitization:series-1", "bank_transfer:bank-a"],
    "days_past_due": ["0", "3", "30"],
    "instalment": ["106.62", "1", ""],
    "paid_principal": ["94.62", "0", ""],
}


def read(cells: dict[str, list[Any]], limit: float = 0.0, **tables: Any) -> Tape:
    spec = TapeSpec(source="file", path="unused.csv", reject_limit=limit, **tables)
    return from_frame(pd.DataFrame(cells), spec)


def from_frame(frame: pd.DataFrame, spec: TapeSpec) -> Tape:
    platform = TapeSpec.model_validate(
        spec.model_dump() | {"source": "platform", "platform": {"loans": 1, "seed": 0}}
    )
    return read_tape(platform, as_of=AS_OF, folder=Path(), frame=frame)


def with_cell(column: str, row: int, value: object) -> dict[str, list[Any]]:
    cells = {name: list(values) for name, values in GOOD.items()}
    cells[column][row] = value
    return cells


def test_good_rows_pass_without_a_word() -> None:
    tape = read(GOOD)
    assert len(tape.findings) == 0
    assert len(tape.rejects) == 0
    assert len(tape.frame) == 3
    assert str(tape.frame["origination_date"].dtype) == "datetime64[s]"
    assert str(tape.frame["segment"].dtype) == "category"
    assert tape.frame["days_past_due"].dtype == "int64"


ERRORS = [
    ("loan_id", 1, "a", "repeated_id"),
    ("loan_id", 1, "", "missing"),
    ("segment", 0, "", "missing"),
    ("loan_type", 2, "baloon", "unknown_value"),
    ("status", 0, "cured", "unknown_value"),
    ("channel", 1, "bank-a", "unknown_value"),
    ("origination_date", 2, "2014-01-01", "after_as_of"),
    ("origination_date", 2, "2013-11-31", "not_a_date"),
    ("maturity_date", 0, "2013-11-29", "before_origination"),
    ("maturity_date", 0, "", "missing"),
    ("original_balance", 1, "0", "zero"),
    ("original_balance", 1, "1,200", "separator"),
    ("original_balance", 1, "1e300", "too_large"),
    ("current_balance", 0, "-0.01", "negative"),
    ("current_balance", 1, "200.01", "above_original"),
    ("current_balance", 1, "nan", "nan"),
    ("loan_id", 1, "NaN", "nan"),
    ("loan_id", 1, "inf", "nan"),
    ("segment", 1, "NaN", "nan"),
    ("current_balance", 1, "inf", "not_finite"),
    ("rate", 0, "12%", "percent_sign"),
    ("rate", 0, "1.01", "out_of_range"),
    ("rate", 0, "-0.01", "out_of_range"),
    ("days_past_due", 0, "-1", "negative"),
    ("days_past_due", 0, "1.5", "not_whole"),
    ("instalment", 0, "-106.62", "negative"),
    ("paid_principal", 1, "-1", "negative"),
]


@pytest.mark.parametrize(("column", "row", "value", "reason"), ERRORS)
def test_each_fault_is_listed_and_its_row_alone_rejected(
    column: str, row: int, value: str, reason: str
) -> None:
    cells = with_cell(column, row, value)
    with pytest.raises(RejectedRows) as error:
        read(cells)
    which = "" if column == "loan_id" else f", loan {'abc'[row]}"
    assert f"row {row + 1}{which}, {column}: found {value!r}" in str(error.value)
    tape = read(cells, limit=0.5)
    faults = tape.findings[tape.findings["severity"] == "error"]
    assert faults[["row", "column", "value", "reason"]].to_numpy().tolist() == [
        [row + 1, column, value, reason]
    ]
    assert tape.rejects["row"].tolist() == [row + 1]
    assert tape.rejects["reason"].tolist() == [f"{column}: {reason}"]
    assert tape.rejects[column].tolist() == [value]
    assert len(tape.frame) == 2


WARNINGS = [
    ("maturity_date", 1, "2013-12-30", "past_maturity", "a maturity on or after as_of"),
    ("status", 1, "repaid", "repaid_but_owing", "no balance once repaid"),
    ("instalment", 0, "106.65", "instalment_differs", "106.62 by the annuity formula"),
    (
        *("paid_principal", 0, "90", "principal_gap"),
        "gap 4.62 = original 1,200.00 - outstanding 1,105.38 - repaid 90.00",
    ),
]


@pytest.mark.parametrize(("column", "row", "value", "reason", "detail"), WARNINGS)
def test_each_warning_is_listed_and_its_row_kept(
    column: str, row: int, value: str, reason: str, detail: str
) -> None:
    tape = read(with_cell(column, row, value))
    found = tape.findings[tape.findings["reason"] == reason]
    assert found[["row", "column", "value", "severity"]].to_numpy().tolist() == [
        [row + 1, column, value, "warning"]
    ]
    assert found["detail"].iloc[0].startswith(detail)
    assert len(tape.frame) == 3


def test_what_is_within_tolerance_passes() -> None:
    assert len(read(with_cell("instalment", 0, "106.63")).findings) == 0
    assert len(read(with_cell("maturity_date", 1, "2013-12-31")).findings) == 0
    assert len(read(with_cell("original_balance", 0, "-5"), limit=0.5).frame) == 2


def test_a_line_may_be_drawn_beyond_its_first_amount() -> None:
    cells = with_cell("current_balance", 1, "250")
    cells["loan_type"][1] = "revolving_line"
    cells["paid_principal"][1] = ""
    assert len(read(cells).findings) == 0


def test_instalment_of_a_loan_without_interest() -> None:
    cells = with_cell("rate", 0, "0")
    cells["instalment"][0] = "100.00"
    assert len(read(cells).findings) == 0


def test_charge_off_is_a_loss_and_totals_tie() -> None:
    cells = with_cell("status", 0, "charged_off")
    cells["current_balance"][0] = "0"
    tape = read(cells)
    (finding,) = tape.findings.to_dict("records")
    assert finding["reason"] == "charged_off_loss"
    assert finding["detail"] == (
        "loss 1,105.38 = original 1,200.00 - outstanding 0.00 - repaid 94.62"
    )
    read_row = tape.totals.set_index("item").loc["read"]
    assert read_row.to_dict() == {
        "rows": 3,
        "original_balance": 1700.0,
        "current_balance": 500.004,
        "paid_principal": 94.616,
        "loss": 1105.38,
        "unexplained": 0.0,
    }


def test_a_refusal_lists_twenty_faults_and_counts_the_rest() -> None:
    cells = {name: [values[0]] * 60 for name, values in GOOD.items()}
    cells["loan_id"] = [str(k) for k in range(60)]
    cells["rate"] = ["12%"] * 50 + ["0.12"] * 10
    with pytest.raises(RejectedRows) as error:
        read(cells, limit=0.5)
    problems = error.value.problems
    assert len(problems) == 22
    assert problems[20].found == "30 more faults"
    assert problems[21].found == "50 faulty rows"
    assert problems[21].expected == "at most 50.00% of 60 rows"
    assert "--reject-limit 0.8334" in problems[21].action
    assert len(error.value.findings) == 50
    assert len(error.value.rejects) == 50
    assert len(read(cells, limit=0.8334).frame) == 10


def test_several_faults_of_a_row_are_all_named() -> None:
    cells = with_cell("rate", 1, "x")
    cells["current_balance"][1] = "-1"
    with pytest.raises(RejectedRows) as error:
        read(cells)
    assert error.value.rejects["reason"].tolist() == [
        "rate: not_a_number; current_balance: negative"
    ]


def test_a_tape_without_one_good_row_is_refused_at_any_limit() -> None:
    cells = {name: values[:1] for name, values in GOOD.items()} | {"rate": ["x"]}
    with pytest.raises(RejectedRows):
        read(cells, limit=1.0)


def test_no_category_is_left_of_rejected_rows() -> None:
    tape = read(with_cell("rate", 2, "x"), limit=0.5)
    assert list(tape.frame["segment"].cat.categories) == ["s"]


def test_columns_of_the_source_called_row_or_reason() -> None:
    cells = with_cell("rate", 2, "x") | {"row": ["q", "w", "e"], "reason": ["1", "2", "3"]}
    rejects = read(cells, limit=0.5, keep=("row", "reason")).rejects
    assert rejects[["row", "row (source)", "reason (source)"]].to_numpy().tolist() == [
        [3, "e", "3"]
    ]


AMOUNTS = st.sampled_from(["100", "0.01", "250.5", "-3", "0", "", "1,0", "inf"])
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "d", ""]),
        AMOUNTS,
        AMOUNTS,
        st.sampled_from(["0.1", "5%", "60", ""]),
        st.sampled_from(["current", "charged_off", "repaid", "?"]),
        st.sampled_from(["2013-12-01", "2014-05-01", "x"]),
        AMOUNTS,
    ),
    min_size=1,
    max_size=12,
)


def read_or_refused(cells: dict[str, list[Any]]) -> Tape | RejectedRows:
    try:
        return read(cells, limit=1.0)
    except RejectedRows as error:
        return error


@settings(max_examples=50)
@given(ROWS)
def test_rows_in_are_rows_kept_and_rejected(rows: list[tuple[str, ...]]) -> None:
    names = (
        *("loan_id", "original_balance", "current_balance", "rate", "status"),
        *("origination_date", "paid_principal"),
    )
    cells: dict[str, list[Any]] = {
        name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }
    cells |= {
        "segment": ["s"] * len(rows),
        "loan_type": ["bullet"] * len(rows),
        "maturity_date": ["2014-06-30"] * len(rows),
    }
    tape = read_or_refused(cells)
    if isinstance(tape, RejectedRows):
        assert sorted(tape.rejects["row"]) == list(range(1, len(rows) + 1))
        assert set(tape.findings.query("severity == 'error'")["row"]) == set(tape.rejects["row"])
        return
    assert len(tape.frame) + len(tape.rejects) == len(rows)
    assert set(tape.findings.query("severity == 'error'")["row"]) == set(tape.rejects["row"])
    totals = tape.totals.set_index("item")
    for name in totals:
        read_, rejected, kept = totals[name]
        assert read_ == pytest.approx(rejected + kept, abs=1e-6)
    assert totals.loc["kept", "current_balance"] == pytest.approx(
        tape.frame["current_balance"].sum(), abs=1e-6
    )
    explained = totals[["current_balance", "paid_principal", "loss", "unexplained"]].sum(axis=1)
    assert explained.tolist() == pytest.approx(totals["original_balance"].tolist(), abs=1e-5)


def test_an_input_error_reaches_the_user() -> None:
    with pytest.raises(InputError) as error:
        read(with_cell("rate", 0, "12%"), columns={"rate": "rate"})
    assert error.value.exit_code == 2
    assert str(error.value).startswith(
        "synthetic platform row 1, loan a, rate: found '12%' (percent sign); "
        "expected a decimal (0.12 for 12%), or the column in [tape].percent."
    )


def test_without_stated_repayments_what_is_gone_counts_as_repaid() -> None:
    cells = {name: values for name, values in GOOD.items() if name != "paid_principal"}
    read_row = read(cells | {"current_balance": ["1105.38", "150", "300"]}).totals.iloc[0]
    assert read_row["paid_principal"] == pytest.approx(94.62 + 50.0)
    assert read_row[["loss", "unexplained"]].tolist() == [0.0, 0.0]
    charged_off = cells | {"status": ["charged_off", "late", "default"]}
    read_row = read(charged_off).totals.iloc[0]
    assert read_row["unexplained"] == pytest.approx(94.62, abs=1e-6)
