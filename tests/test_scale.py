"""Stations over a partitioned tape, as the campaign of scale asks them, at a size of a moment."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pyarrow.parquet as pq
import pytest

import scfcap

FOLDER = Path(__file__).parents[1] / "benchmarks" / "campaigns"


@pytest.fixture(scope="module")
def scale() -> ModuleType:
    spec = importlib.util.spec_from_file_location("campaign_scale", FOLDER / "scale.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tape(scale: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = scfcap.load(scale.MODEL).loaded.spec
    return scale.write_tape(tmp_path_factory.mktemp("scale") / "tape", spec, 1_500, part=600)


def test_a_tape_is_written_in_parts_that_share_no_loan_and_no_borrower(tape: Path) -> None:
    files = sorted(tape.glob("part=*/loans.parquet"))
    frames = [pq.ParquetFile(file).read().to_pandas() for file in files]
    assert [len(frame) for frame in frames] == [600, 600, 300]
    whole = pd.concat(frames)
    assert whole["loan_id"].is_unique
    owners = [set(frame["borrower_id"]) for frame in frames]
    assert not owners[0] & owners[1]
    assert not owners[1] & owners[2]


def test_the_pool_of_the_parts_is_that_of_pandas(scale: ModuleType, tape: Path) -> None:
    from platform_tape import pool_by_pandas

    pool = scfcap.load(scale.MODEL, tape=tape).pool()
    expected = pool_by_pandas(tape)["segment"]["sum"]
    strata = pool.tables["stratification_segment"].set_index("name")["balance"]
    assert strata.to_dict() == pytest.approx(expected.to_dict(), rel=1e-12)


def test_a_command_is_measured_and_its_words_kept(scale: ModuleType, tape: Path) -> None:
    found = scale.measure(["pool", scale.MODEL, "--tape", str(tape)], 300.0)
    assert found.ended == ""
    assert found.said["loans"] == 1_500
    assert 50.0 < found.peak < 4_096.0
    assert found.processor > 0.0
    assert found.workers == ()


def test_a_command_that_fails_is_told(scale: ModuleType, tmp_path: Path) -> None:
    found = scale.measure(["pool", scale.MODEL, "--tape", str(tmp_path / "none")], 300.0)
    assert found.ended == "exit 2"


def test_documents_that_differ_are_told_apart(scale: ModuleType) -> None:
    one = {"a": [1.0, {"b": "x"}], "n": 3}
    assert scale.differing(one, {"a": [1.0 + 1e-12, {"b": "x"}], "n": 3}) == []
    assert scale.differing(one, {"a": [1.0 + 1e-6, {"b": "x"}], "n": 3}) == [
        ".a[0]: 1.0 and 1.000001"
    ]
    assert scale.differing(one, {"a": [1.0, {"b": "y"}], "n": 3}) == [".a[1].b: 'x' and 'y'"]
    assert scale.differing(one, {"a": [1.0], "n": 3})


def test_lines_are_fitted_over_the_sizes_of_a_station(scale: ModuleType) -> None:
    rows = [
        (1_000_000, "pool", 5.0, 8.0, 500, "none"),
        (3_000_000, "pool", 9.0, 20.0, 1_100, "none"),
        (3_000_000, "allocate: stopped after 5 s", 5.0, 5.0, 9, "none"),
        (1_000_000, "allocate", 5.0, 5.0, 9, "none"),
    ]
    (said,) = scale.fitted(rows)
    assert "`pool`: 200 + 300.0 MiB a million and 2 + 6.0 processor seconds a million" in said
    assert "allocate" not in said
    assert scale.fitted(rows[:1]) == []


def test_rows_are_added_to_those_of_other_sizes_and_stations(scale: ModuleType) -> None:
    old = [[3_000_000, "pool", 1.0], [1_000_000, "pool: stopped after 5 s", 5.0]]
    found = scale.added(old, [(1_000_000, "pool", 2.0)])
    assert found == [(1_000_000, "pool", 2.0), (3_000_000, "pool", 1.0)]
