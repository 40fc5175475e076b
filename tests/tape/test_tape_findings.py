"""What is found: where it stands in which file, how much is listed, and what it weighs."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scfcap.errors import InputError
from scfcap.schema.tape import TapeSpec
from scfcap.tape import checks
from scfcap.tape.cells import MOST_LISTED, Issue
from scfcap.tape.checks import RejectedRows
from scfcap.tape.findings import Origin, findings_of, first_problems, reasons_of, why_refused
from scfcap.tape.read import read_tape
from scfcap.tape.schema import Tape

AS_OF = date(2013, 12, 31)
HEADER = (
    "loan_id,segment,loan_type,origination_date,maturity_date,original_balance,"
    "current_balance,rate\n"
)


def row(name: str, balance: str = "100") -> str:
    return f"{name},s,bullet,2013-12-01,2014-06-01,100,{balance},0.1\n"


def issue(rows: list[int], severity: Any = "error", reason: str = "odd") -> Issue:
    values = [str(k) for k in rows[:MOST_LISTED]]
    return Issue("rate", reason, severity, "even", np.array(rows), values)


class TestFiles:
    """Two files as one tape: rows are numbered in their own file."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "a.csv").write_text(HEADER + row("1") + row("2", "-1") + row("3"))
        (tmp_path / "b.csv").write_text(HEADER + row("4") + row("1") + row("5", "x"))
        return tmp_path

    def read(self, folder: Path, limit: float, **tables: Any) -> Tape:
        spec = TapeSpec(source="file", paths=("a.csv", "b.csv"), reject_limit=limit, **tables)
        return read_tape(spec, as_of=AS_OF, folder=folder)

    def test_findings_and_rejects_name_file_and_row(self, folder: Path) -> None:
        tape = self.read(folder, 0.9)
        found = tape.findings[["file", "row", "reason"]].to_numpy().tolist()
        assert found == [
            ["a.csv", 2, "negative"],
            ["b.csv", 2, "equal_row"],
            ["b.csv", 3, "not_a_number"],
        ]
        assert tape.findings["loan_id"].tolist() == ["2", "1", "5"]
        assert list(tape.rejects.columns[:3]) == ["file", "row", "reason"]
        assert tape.rejects[["file", "row"]].to_numpy().tolist() == [
            *(["a.csv", 2], ["b.csv", 2], ["b.csv", 3]),
        ]

    def test_a_refusal_names_them_too(self, folder: Path) -> None:
        with pytest.raises(RejectedRows) as error:
            self.read(folder, 0.0)
        assert "b.csv row 3, loan 5, current_balance: found 'x'" in str(error.value)

    def test_rows_that_were_left_out_still_count(self, folder: Path) -> None:
        tape = self.read(folder, 0.9, where='loan_id in ("4", "5")')
        assert tape.findings[["file", "row"]].to_numpy().tolist() == [["b.csv", 3]]


def test_of_one_fault_many_rows_are_counted_and_fewer_listed() -> None:
    many = issue(list(range(MOST_LISTED + 500)), "warning")
    found = findings_of([issue([7]), many])
    assert len(found) == 1 + MOST_LISTED + 1
    assert found.iloc[0].to_dict() == {
        "row": 0,
        "column": "rate",
        "value": "500 more rows",
        "reason": "odd",
        "severity": "warning",
        "detail": "the first 100,000 are listed",
    }
    counted = reasons_of([many], np.full(MOST_LISTED + 500, 2.0))
    assert counted[["rows", "balance"]].to_numpy().tolist() == [[100_500, 201_000.0]]


def test_reasons_count_each_row_once_and_add_what_it_owes() -> None:
    balance = np.array([10.0, 20.0, np.nan, 40.0])
    issues = [
        issue([0, 1], "warning"),
        issue([1, 2], "warning"),
        issue([3]),
        issue([-1], "warning", "whole"),
    ]
    columns = ["severity", "reason", "rows", "balance"]
    assert reasons_of(issues, balance)[columns].to_numpy().tolist() == [
        ["error", "odd", 1, 40.0],
        ["warning", "odd", 3, 30.0],
        ["warning", "whole", 1, 0.0],
    ]


def test_a_row_is_refused_for_all_its_faults() -> None:
    issues = [issue([0, 2]), issue([1], "warning"), issue([2, 3], reason="late"), issue([0, 3])]
    mask, why = why_refused(issues, 5)
    assert mask.tolist() == [True, False, True, True, False]
    assert why.to_pylist() == [
        "rate: odd; rate: odd",
        "rate: odd; rate: late",
        "rate: late; rate: odd",
    ]


def test_rows_of_a_narrowed_tape_of_several_files() -> None:
    origin = Origin(np.array([1, 4, 5]), (("a", 3), ("empty", 0), ("b", 3)))
    numbers, files = origin.numbers(np.array([-1, 0, 1, 2]))
    assert numbers.tolist() == [0, 2, 2, 3]
    assert files == ["", "a", "b", "b"]


class TestReferences:
    def read(self, folder: Path, buyers: list[str], **reference: str) -> Tape:
        cells = HEADER.strip() + ",buyer_id,region\n"
        lines = [f"{row(str(k)).strip()},{buyer},R1\n" for k, buyer in enumerate(buyers)]
        (folder / "tape.csv").write_text(cells + "".join(lines))
        spec = TapeSpec.model_validate(
            {
                "source": "file",
                "path": "tape.csv",
                "reject_limit": 0.9,
                "reference": {"buyer_id": {"path": "buyers.csv", "column": "Buyer", **reference}},
            }
        )
        return read_tape(spec, as_of=AS_OF, folder=folder)

    def test_who_is_not_on_the_list_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "buyers.csv").write_text("Buyer;Name\n007;x\nB 2 ;y\n;z\n")
        tape = self.read(tmp_path, ["007", "B 2", "7", ""], delimiter=";")
        (finding,) = tape.findings.to_dict("records")
        assert (finding["row"], finding["value"], finding["reason"]) == (3, "7", "not_on_list")
        assert finding["detail"] == "a value of buyers.csv ([tape.reference.buyer_id])"
        assert len(tape.frame) == 3, "a missing buyer is another rule's"

    def test_classes_have_lists_too(self, tmp_path: Path) -> None:
        (tmp_path / "regions.csv").write_text("code\nR2\n")
        reference = {"region": {"path": "regions.csv", "column": "code"}}
        frame = pd.DataFrame(
            [r.strip().split(",") for r in (row("1"), row("2"))], columns=HEADER.strip().split(",")
        ).assign(region=["R1", "R2"])
        spec = TapeSpec.model_validate(
            {
                "source": "platform",
                "platform": {"loans": 1, "seed": 0},
                "reject_limit": 0.9,
                "reference": reference,
            }
        )
        tape = read_tape(spec, as_of=AS_OF, folder=tmp_path, frame=frame)
        assert tape.findings[["row", "column"]].to_numpy().tolist() == [[1, "region"]]

    @pytest.mark.parametrize(
        ("text", "said"),
        [("Name\nx\n", "no column Buyer"), ("Buyer,Name\n,x\n", "no values")],
    )
    def test_a_list_that_is_none(self, tmp_path: Path, text: str, said: str) -> None:
        (tmp_path / "buyers.csv").write_text(text)
        with pytest.raises(InputError, match=rf"tape\.reference\.buyer_id.*{said}"):
            self.read(tmp_path, ["a"])

    def test_a_list_outside_of_the_folder(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="leaves"):
            self.read(tmp_path, ["a"], path="../buyers.csv")


def test_many_repeated_rows_are_refused_in_bounds(tmp_path: Path) -> None:
    count = MOST_LISTED + 50
    table = pa.table(
        {
            "loan_id": pa.repeat("x", count),
            "segment": pa.repeat("s", count),
            "loan_type": pa.repeat("bullet", count),
            "origination_date": pa.repeat("2013-12-01", count),
            "maturity_date": pa.repeat("2014-06-01", count),
            "original_balance": pa.repeat(100.0, count),
            "current_balance": pa.repeat(100.0, count),
            "rate": pa.repeat(0.1, count),
        }
    )
    pq.write_table(table, tmp_path / "tape.parquet")
    spec = TapeSpec(source="file", path="tape.parquet")
    with pytest.raises(checks.RejectedRows) as error:
        read_tape(spec, as_of=AS_OF, folder=tmp_path)
    assert len(error.value.findings) == MOST_LISTED + 1
    assert len(error.value.rejects) == count - 1
    assert error.value.reasons[["reason", "rows"]].to_numpy().tolist() == [["equal_row", count - 1]]
    assert len(error.value.problems) == 22


class TestLoans:
    """A finding names the loan of its row, where it has one."""

    def test_the_loan_stands_in_the_table_and_in_the_refusal(self) -> None:
        loans = pa.array(["x", None, "z"])
        issues = [issue([0, 1]), issue([-1], severity="warning")]
        found = findings_of(issues, loans=loans)
        assert found[["row", "loan_id"]].to_numpy().tolist() == [[0, ""], [1, "x"], [2, ""]]
        said = [str(p) for p in first_problems(issues, "t.csv", loans=loans)]
        assert said[0].startswith("t.csv row 1, loan x, rate: found")
        assert said[1].startswith("t.csv row 2, rate: found")

    def test_an_id_with_control_characters_is_quoted(self) -> None:
        (problem,) = first_problems([issue([0])], "t.csv", loans=pa.array(["a\x1b[2J\nb"]))
        assert problem.where == "t.csv row 1, loan 'a\\x1b[2J\\nb', rate"

    def test_a_tape_without_findings_has_the_column_all_the_same(self) -> None:
        assert "loan_id" in findings_of([], loans=pa.array(["x"])).columns
        assert "loan_id" not in findings_of([]).columns
