"""A frozen pool: nothing writes to it, its digest is its inputs', and a file proves itself."""

from __future__ import annotations

import copy
import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scfcap.errors import InputError
from scfcap.pool.build import Around, build_pool
from scfcap.pool.snapshot import Pool
from scfcap.pool.store import read_snapshot, snapshot_bytes, write_snapshot
from scfcap.schema.pool import (
    AdvanceRate,
    BorrowingBaseSpec,
    Concentration,
    EligibilitySet,
    PoolSpec,
    Rule,
)
from scfcap.schema.tape import PlatformSpec, TapeSpec
from scfcap.tape.schema import Tape

SPEC = PoolSpec(
    eligibility={
        "e": EligibilitySet(
            rules=(Rule(test="score >= 560"),),
            concentrations=(
                Concentration(column="borrower_id", share=0.4, treatment="cut_back"),
                Concentration(column="segment", share=0.4, treatment="reserve"),
            ),
        )
    },
    borrowing_base={
        "bank": BorrowingBaseSpec(
            eligibility="e",
            advance_rates=(AdvanceRate(test="rate < 0.25", rate=0.8),),
            drawn=0.0,
        )
    },
    stratify_by=("segment", "score"),
)
MAPPING = TapeSpec(source="platform", platform=PlatformSpec(loans=5, seed=1))


@pytest.fixture
def pool(tape: Tape) -> Pool:
    return build_pool(tape, SPEC, Around(mapping=MAPPING))


def test_nothing_writes_to_a_pool(pool: Pool) -> None:
    arrays = [getattr(pool, f.name) for f in fields(pool)]
    arrays = [a for a in arrays if isinstance(a, np.ndarray)]
    assert len(arrays) == 10
    for array in [*arrays, *pool.eligibility.values(), *pool.counted.values()]:
        with pytest.raises(ValueError, match="read-only"):
            array[0] = array[0]
    with pytest.raises(TypeError):
        pool.eligibility["e"] = pool.eligibility["e"]  # type: ignore[index]


def test_a_copy_is_as_frozen(pool: Pool) -> None:
    other = copy.deepcopy(pool)
    assert other.digest == pool.digest
    assert other.eligibility["e"].tolist() == pool.eligibility["e"].tolist()
    with pytest.raises(ValueError, match="read-only"):
        other.balance[0] = 0.0
    with pytest.raises(TypeError):
        other.tables["x"] = other.tables["usable"]  # type: ignore[index]


def test_a_pool_does_not_freeze_what_it_was_given(tape: Tape) -> None:
    build_pool(tape, SPEC)
    tape.frame.loc[0, "current_balance"] = 1.0
    assert tape.frame["current_balance"].iloc[0] == 1.0


def test_the_digest_follows_every_input(tape: Tape, pool: Pool) -> None:
    same = build_pool(tape, SPEC, Around(mapping=MAPPING))
    assert same.digest == pool.digest
    assert list(pool.inputs) == ["as_of", "mapping", "rules", "tape"]
    others = {
        "tape": build_pool(replace(tape, digest="other"), SPEC, Around(mapping=MAPPING)),
        "rules": build_pool(
            tape, SPEC.model_copy(update={"stratify_by": ("segment",)}), Around(mapping=MAPPING)
        ),
        "mapping": build_pool(
            tape, SPEC, Around(mapping=MAPPING.model_copy(update={"percent": ("rate",)}))
        ),
    }
    for name, other in others.items():
        assert other.digest != pool.digest
        assert pool.changed(other.inputs) == [name]


def test_written_and_read_back(pool: Pool, tmp_path: Path) -> None:
    path = write_snapshot(pool, tmp_path / "pool.parquet")
    back = read_snapshot(path, pool.inputs)
    assert [p.name for p in tmp_path.iterdir()] == ["pool.parquet"]
    for name in ("balance", "segment", "maturity_day", "rate"):
        np.testing.assert_array_equal(getattr(back, name), getattr(pool, name))
    assert back.loan_id.tolist() == pool.loan_id.tolist()
    assert (back.places, back.segments, back.as_of) == (pool.places, pool.segments, pool.as_of)
    assert (back.digest, dict(back.inputs)) == (pool.digest, dict(pool.inputs))
    np.testing.assert_array_equal(back.counted["e"], pool.counted["e"])
    for name, frame in pool.tables.items():
        pd.testing.assert_frame_equal(back.tables[name], frame, check_dtype=False)
    mine, theirs = back.borrowing_bases["bank"], pool.borrowing_bases["bank"]
    figure = "excess:each borrower_id"
    assert mine.explain(figure)["amount"].tolist() == theirs.explain(figure)["amount"].tolist()
    assert snapshot_bytes(back) == snapshot_bytes(pool)


def test_limits_of_lines_are_kept(pool: Pool, tmp_path: Path) -> None:
    ratio = np.linspace(0.5, 2.0, len(pool))
    ratio[0] = np.nan
    path = write_snapshot(replace(pool, limit_ratio=ratio), tmp_path / "pool.parquet")
    np.testing.assert_array_equal(read_snapshot(path).limit_ratio, ratio)
    write_snapshot(pool, path)
    assert read_snapshot(path).limit_ratio is None


def test_a_changed_input_is_noticed(pool: Pool, tmp_path: Path) -> None:
    path = write_snapshot(pool, tmp_path / "pool.parquet")
    with pytest.raises(InputError, match="made from other inputs: tape"):
        read_snapshot(path, {**pool.inputs, "tape": "other"})


def test_a_changed_file_is_refused(pool: Pool, tmp_path: Path) -> None:
    path = write_snapshot(pool, tmp_path / "pool.parquet")
    table = pq.read_table(path)
    balance = pool.balance.copy()
    balance[0] += 0.01
    at = table.column_names.index("balance")
    pq.write_table(table.set_column(at, "balance", pa.array(balance)), path)
    with pytest.raises(InputError, match="changed after it was written"):
        read_snapshot(path)
    about = json.loads(table.schema.metadata[b"scfcap_pool"])
    for change in (
        {"inputs": {**about["inputs"], "tape": "other"}},
        {"tables": {**about["tables"], "usable": about["tables"]["eligibility"]}},
        {"as_of": "2014-01-01"},
    ):
        metadata = {b"scfcap_pool": json.dumps({**about, **change}).encode()}
        pq.write_table(table.replace_schema_metadata(metadata), path)
        with pytest.raises(InputError, match="changed after it was written"):
            read_snapshot(path)


@pytest.mark.parametrize("content", [b"no parquet", None])
def test_what_is_no_snapshot(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.parquet"
    if content is None:
        pq.write_table(pa.table({"a": [1]}), path)
    else:
        path.write_bytes(content)
    with pytest.raises(InputError, match="a pool as scfcap wrote it"):
        read_snapshot(path)


def test_ids_become_texts_when_they_are_asked_for(tape: Tape) -> None:
    from scfcap.pool.build import loans_of

    made = loans_of(tape)
    texts = vars(made)["loan_id"]
    assert not isinstance(texts, np.ndarray)
    assert vars(made.with_(digest="d"))["loan_id"] is texts, "a copy asks for nothing"
    assert copy.deepcopy(made).loan_id.tolist() == list(texts)
    assert made.loan_id.dtype == object
    assert made.loan_id.tolist() == list(texts)
    assert made.loan_id is made.loan_id
    with pytest.raises(ValueError, match="read-only"):
        made.loan_id[0] = "another"
    with pytest.raises(TypeError, match="loan_id"):
        Pool(as_of=tape.as_of)  # type: ignore[call-arg]


def test_a_base_holds_balances_once(pool: Pool) -> None:
    trace = pool.borrowing_bases["bank"].trace
    assert np.shares_memory(trace["balance"].to_numpy(), pool.balance)
