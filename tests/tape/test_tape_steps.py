"""Rows left out, dropped as equal and folded; what leaves is counted, and sums are kept."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scfcap.errors import InputError
from scfcap.schema.tape import Derive, GroupSpec, TapeSpec
from scfcap.tape.read import read_tape
from scfcap.tape.schema import Tape

AS_OF = date(2013, 12, 31)
#: One row a repayment: three loans in five rows, and a refused purchase.
PAYMENTS: dict[str, list[Any]] = {
    "Loan": ["L1", "L2", "L1", "NA", "L3", "L2"],
    "Issued": ["2013-10-01", "2013-10-02", "2013-10-01", "NA", "2013-12-05", "2013-10-02"],
    "Due": ["2014-02-01", "2014-02-02", "2014-02-01", "NA", "2014-02-05", "2014-02-02"],
    "Value": ["100", "200", "100", "40", "300", "200"],
    "Repaid": ["30", "50", "20.5", "NA", "NA", "5"],
    "PaidOn": ["2013-11-01", "2013-11-02", "2013-12-01", "NA", "NA", "2013-10-20"],
    "State": ["1", "1", "1", "0", "1", "1"],
}
MAPPING: dict[str, Any] = {
    "columns": {
        "loan_id": "Loan",
        "origination_date": "Issued",
        "maturity_date": "Due",
        "original_balance": "Value",
        "paid_principal": "Repaid",
    },
    "constants": {"segment": "s", "loan_type": "bullet", "rate": 0.1},
    "derive": {
        "current_balance": Derive(
            how="expression", expression="Value - if(Repaid is missing, 0, Repaid)"
        )
    },
    "group": GroupSpec(by="Loan", take={"Repaid": "sum", "PaidOn": "max"}),
    "where": "State == 1",
    "keep": ("PaidOn",),
}


def read(cells: dict[str, list[Any]], limit: float = 0.0, **tables: Any) -> Tape:
    spec = TapeSpec.model_validate(
        {"source": "platform", "platform": {"loans": 1, "seed": 0}, "reject_limit": limit, **tables}
    )
    return read_tape(spec, as_of=AS_OF, folder=Path(), frame=pd.DataFrame(cells))


def totals(tape: Tape) -> dict[str, list[float]]:
    columns = ["item", "rows", "original_balance", "current_balance", "paid_principal"]
    return {item: found for item, *found in tape.totals[columns].to_numpy().tolist()}


def test_one_row_a_repayment_becomes_one_row_a_loan() -> None:
    tape = read(PAYMENTS, **MAPPING)
    frame = tape.frame
    assert frame["loan_id"].tolist() == ["L1", "L2", "L3"]
    assert frame["original_balance"].tolist() == [100.0, 200.0, 300.0]
    assert frame["paid_principal"].tolist()[:2] == [50.5, 55.0]
    assert np.isnan(frame["paid_principal"][2])
    assert frame["current_balance"].tolist() == [49.5, 145.0, 300.0]
    assert [str(day)[:10] for day in frame["PaidOn"]][:2] == ["2013-12-01", "2013-11-02"]
    assert not len(tape.findings)


def test_each_step_is_counted_and_adds_up() -> None:
    """Worked by hand from PAYMENTS: the rows of L1 and L2 count their amounts twice."""
    assert totals(read(PAYMENTS, **MAPPING)) == {
        "read": [6, 940.0, 834.5, 105.5],
        "left out": [1, 40.0, 40.0, 0.0],
        "merged": [2, 300.0, 300.0, 0.0],
        "rejected": [0, 0.0, 0.0, 0.0],
        "kept": [3, 600.0, 494.5, 105.5],
    }


def test_rows_that_should_agree_and_do_not_are_rejected() -> None:
    cells = PAYMENTS | {"Value": ["100", "200", "110", "40", "300", "200"]}
    tape = read(cells, limit=0.5, **MAPPING)
    (finding,) = tape.findings.to_dict("records")
    assert (finding["row"], finding["column"], finding["reason"]) == (
        *(1, "original_balance", "varies_in_group"),
    )
    assert finding["value"] == "110"
    assert "in all rows of a Loan, as in the first (100)" in finding["detail"]
    assert tape.frame["loan_id"].tolist() == ["L2", "L3"]
    kept = read(cells, **MAPPING, rules={"varies_in_group": "warning"})
    assert kept.frame["original_balance"].tolist() == [100.0, 200.0, 300.0]


def test_findings_of_folded_loans_name_their_first_row_of_the_file() -> None:
    cells = PAYMENTS | {"Value": ["100", "200", "100", "40", "-3", "200"]}
    tape = read(cells, limit=0.5, **MAPPING)
    assert set(tape.findings["row"]) == {5}
    assert tape.rejects["row"].tolist() == [5]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("first", [1.0, 4.0]),
        ("last", [3.0, np.nan]),
        ("sum", [4.0, 4.0]),
        ("min", [1.0, 4.0]),
        ("max", [3.0, 4.0]),
        ("count", [2.0, 1.0]),
    ],
)
def test_what_a_loan_takes_from_its_rows(how: str, expected: list[float]) -> None:
    cells = base(["a", "b", "a", "b"]) | {"score": ["1", "4", "3", "NA"]}
    tape = read(cells, group={"by": "loan_id", "take": {"score": how}})
    np.testing.assert_array_equal(tape.frame["score"], expected)


def test_a_faulty_cell_of_a_sum_rejects_its_loan() -> None:
    cells = base(["a", "b", "a"]) | {"paid_principal": ["1", "2", "x"]}
    group = {"by": "loan_id", "take": {"paid_principal": "sum"}}
    tape = read(cells, limit=0.5, group=group)
    found = tape.findings[tape.findings["severity"] == "error"]
    assert found[["row", "value", "reason"]].to_numpy().tolist() == [[1, "x", "not_a_number"]]
    assert tape.frame["loan_id"].tolist() == ["b"]


def test_rows_without_a_key_are_not_folded_into_one_loan() -> None:
    tape = read(base(["a", None, None, "a"]), limit=0.9, group={"by": "loan_id"})
    assert tape.rejects["row"].tolist() == [2, 3]
    assert tape.rejects["reason"].tolist() == ["loan_id: missing"] * 2


def base(ids: list[Any]) -> dict[str, list[Any]]:
    one = {
        "segment": "s",
        "loan_type": "bullet",
        "origination_date": "2013-12-01",
        "maturity_date": "2014-06-01",
        "original_balance": "100",
        "current_balance": "100",
        "rate": "0.1",
    }
    return {"loan_id": ids} | {name: [cell] * len(ids) for name, cell in one.items()}


class TestWhere:
    def test_an_answer_that_nobody_has_leaves_a_row_out_and_is_said(self) -> None:
        cells = base(["a", "b", "c"]) | {"points": ["700", "NA", "500"]}
        tape = read(cells, where="points >= 600")
        assert tape.frame["loan_id"].tolist() == ["a"]
        (finding,) = tape.findings.to_dict("records")
        assert (finding["row"], finding["reason"], finding["value"]) == (
            *(0, "undetermined", "1 row"),
        )
        assert totals(tape)["left out"][0] == 2

    @pytest.mark.parametrize(
        ("where", "kept"),
        [
            ('loan_id != "a"', ["b", "c"]),
            ("rate > 0.12", ["b", "c"]),  # ours, in our units
            ("RatePct > 14", ["c"]),  # theirs, as it stands
            ("as_of - Paid >= 40", ["a", "c"]),
            ('Paid == "2013-11-01" or flag is missing', ["a", "b"]),
            ('flag in ("x")', ["a", "c"]),
        ],
    )
    def test_names_and_kinds(self, where: str, kept: list[str]) -> None:
        cells = base(["a", "b", "c"]) | {
            "RatePct": ["10", "14", "15"],
            "Paid": ["01.11.2013", "30.11.2013", "02.11.2013"],
            "flag": ["x", "", "x"],
        }
        del cells["rate"], cells["origination_date"]
        mapping = {"rate": "RatePct", "origination_date": "Paid"}
        forms = {"origination_date": "%d.%m.%Y"}
        tape = read(cells, where=where, columns=mapping, percent=("rate",), date_formats=forms)
        assert tape.frame["loan_id"].tolist() == kept

    def test_nothing_left_is_refused(self) -> None:
        with pytest.raises(InputError, match=r"none of 1 rows left by tape\.where"):
            read(base(["a"]), where="rate > 1")

    def test_kinds_that_do_not_go_together(self) -> None:
        with pytest.raises(InputError, match=r"tape\.where: found .*expected two numbers"):
            read(base(["a"]) | {"flag": [3]}, where='flag == "x"', keep=("flag",))

    def test_a_column_that_is_derived_later(self) -> None:
        derived = {"score": {"how": "expression", "expression": "rate * 2"}}
        with pytest.raises(InputError, match=r"score, which .tape\.derive. works out later"):
            read(base(["a"]), where="score > 1", derive=derived)


class TestEqualRows:
    def test_equal_rows_are_dropped_and_counted_only_where_asked(self) -> None:
        cells = base(["a", "b", "a"])
        tape = read(cells, duplicates="drop_equal")
        assert tape.frame["loan_id"].tolist() == ["a", "b"]
        assert totals(tape)["dropped as equal"] == [1, 100.0, 100.0, 0.0]
        found = read(cells, limit=0.5).findings
        assert found["reason"].tolist() == ["equal_row"]
        assert 'row 1 has it too, all equal: duplicates = "drop_equal"' in found["detail"][0]

    def test_a_repeated_loan_with_another_amount_stays_an_error(self) -> None:
        cells = base(["a", "b", "a"]) | {"current_balance": ["100", "100", "99"]}
        tape = read(cells, limit=0.5, duplicates="drop_equal")
        assert tape.findings[["row", "reason"]].to_numpy().tolist() == [[3, "repeated_id"]]

    def test_missing_equals_missing(self) -> None:
        cells = base(["a", "a"]) | {"region": [None, None]}
        assert len(read(cells, duplicates="drop_equal").frame) == 1


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "d"]),
        st.integers(1, 10_000).map(lambda cents: cents / 100),
        st.sampled_from(["0", "1", ""]),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=40)
@given(ROWS, st.sampled_from(["reject", "drop_equal"]), st.booleans())
def test_no_balance_disappears(
    rows: list[tuple[str, float, str]], duplicates: str, chosen: bool
) -> None:
    ids, amounts, flags = (list(column) for column in zip(*rows, strict=True))
    cells = base(ids) | {"original_balance": amounts, "current_balance": amounts, "flag": flags}
    tables: dict[str, Any] = {"duplicates": duplicates, "where": "flag == 1" if chosen else None}
    take = {"original_balance": "sum", "current_balance": "sum", "flag": "first"}
    if chosen and "1" not in flags:
        return
    tape = read(cells, group={"by": "loan_id", "take": take}, keep=("flag",), **tables)
    items = tape.totals.set_index("item")
    assert items.loc["read", "rows"] == len(rows)
    assert items.loc["read", "original_balance"] == pytest.approx(sum(amounts), abs=1e-6)
    parts = items.drop(index="read").sum()
    np.testing.assert_allclose(parts.to_numpy(dtype=float), items.loc["read"], atol=1e-5)
    expected: dict[str, float] = {}
    seen = set()
    for row in rows:
        if (chosen and row[2] != "1") or (duplicates == "drop_equal" and row in seen):
            continue
        seen.add(row)
        expected[row[0]] = expected.get(row[0], 0.0) + row[1]
    assert tape.frame["loan_id"].tolist() == list(expected)
    np.testing.assert_allclose(tape.frame["current_balance"], list(expected.values()), rtol=1e-12)
