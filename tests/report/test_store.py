"""The run folder is whole or absent, and the same run writes the same bytes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scfcap.errors import InputError
from scfcap.report.store import read_run, save_run
from scfcap.report.tables import Table

MANIFEST = {"model": "example", "as_of": pd.Timestamp("2013-12-31"), "seed": np.int64(7)}
RESULT = {"objective": 1.5, "worth": float("nan"), "counts": np.array([1, 2])}


def _workbook(path: Path) -> None:
    path.write_bytes(b"workbook")


def test_a_run_reads_back_as_it_was_saved(tables: dict[str, Table], tmp_path: Path) -> None:
    saved = save_run(
        tmp_path / "deep" / "run", tables, MANIFEST, RESULT, ("book.xlsx", _workbook),
        {"rejects.csv": b"row\n"},
    )  # fmt: skip
    run = read_run(saved.folder)
    assert run.workbook == saved.workbook == tmp_path / "deep" / "run" / "book.xlsx"
    assert run.result == {"objective": 1.5, "worth": None, "counts": [1, 2]}
    assert run.manifest["as_of"] == "2013-12-31"
    assert run.manifest["tables"] == sorted(tables)
    assert (saved.folder / "rejects.csv").read_bytes() == b"row\n"
    assert set(run.tables) == set(tables)
    for name, table in run.tables.items():
        assert (table.title, dict(table.units)) == (tables[name].title, dict(tables[name].units))
        pd.testing.assert_frame_equal(
            table.frame, tables[name].frame, check_dtype=False, check_column_type=False
        )


def test_the_same_run_writes_the_same_bytes(tables: dict[str, Table], tmp_path: Path) -> None:
    folders = [save_run(tmp_path / n, tables, MANIFEST, RESULT).folder for n in ("a", "b")]
    files = [sorted(p.relative_to(f) for p in f.rglob("*") if p.is_file()) for f in folders]
    assert files[0] == files[1]
    assert len(files[0]) == len(tables) + 2
    for name in files[0]:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_a_failure_leaves_nothing_behind(tables: dict[str, Table], tmp_path: Path) -> None:
    def fails(path: Path) -> None:
        path.write_bytes(b"half")
        msg = "the writer fell over"
        raise RuntimeError(msg)

    with pytest.raises(RuntimeError, match="fell over"):
        save_run(tmp_path / "run", tables, MANIFEST, RESULT, ("book.xlsx", fails))
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_the_older_run(tables: dict[str, Table], tmp_path: Path) -> None:
    save_run(tmp_path / "run", tables, MANIFEST, RESULT)

    def fails(_: Path) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        save_run(tmp_path / "run", tables, MANIFEST, {"objective": 2.0}, ("book.xlsx", fails))
    assert read_run(tmp_path / "run").result["objective"] == 1.5
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_an_older_run_is_replaced_whole(tables: dict[str, Table], tmp_path: Path) -> None:
    save_run(tmp_path / "run", tables, MANIFEST, RESULT, extra={"rejects.csv": b"1"})
    few = {"plan_income": tables["plan_income"]}
    save_run(tmp_path / "run", few, MANIFEST, RESULT)
    assert not (tmp_path / "run" / "rejects.csv").exists()
    assert set(read_run(tmp_path / "run").tables) == {"plan_income"}
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_an_empty_folder_is_taken(tables: dict[str, Table], tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert save_run(tmp_path / "run", tables, MANIFEST, RESULT).folder == tmp_path / "run"


def test_a_folder_of_other_files_is_refused(tables: dict[str, Table], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(InputError, match=r"mine.*a folder with other files.*Give another --out"):
        save_run(tmp_path / "mine", tables, MANIFEST, RESULT)
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_file_is_refused(tables: dict[str, Table], tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="a file or a link"):
        save_run(tmp_path / "taken", tables, MANIFEST, RESULT)
    with pytest.raises(InputError, match="cannot be written"):
        save_run(tmp_path / "taken" / "run", tables, MANIFEST, RESULT)


def test_names_cannot_leave_the_folder(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1.0]})
    odd = {name: Table(name, name, frame) for name in ("../../up", "deal_a/b", "deal_a-b")}
    folder = save_run(tmp_path / "run", odd, MANIFEST, RESULT, extra={"../r.csv": b""}).folder
    assert [p.name for p in tmp_path.iterdir()] == ["run"]
    assert set(read_run(folder).tables) == set(odd)


@pytest.mark.parametrize("damage", ["no manifest", "no json", "a list", "no parquet"])
def test_a_damaged_run_is_said_to_be_so(
    tables: dict[str, Table], tmp_path: Path, damage: str
) -> None:
    folder = save_run(tmp_path / "run", tables, MANIFEST, RESULT).folder
    if damage == "no manifest":
        (folder / "manifest.json").unlink()
    elif damage == "no parquet":
        (folder / "tables" / "plan_income.parquet").write_bytes(b"nothing")
    else:
        text = json.dumps([1]) if damage == "a list" else "{"
        (folder / "result.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=str(folder)):
        read_run(folder)
