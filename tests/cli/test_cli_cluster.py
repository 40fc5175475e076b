"""``--workers`` and ``--cluster``, and tapes too large to be read as a whole, from the terminal."""

from __future__ import annotations

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scfcap import cluster, load
from scfcap.tape import limits


@pytest.fixture
def parted(mini):
    """The small model, its tape as Parquet with four loans in a row group."""
    folder = mini()
    loans = pd.read_csv(folder / "tape.csv")
    pq.write_table(pa.Table.from_pandas(loans), folder / "tape.parquet", row_group_size=4)
    return folder


def test_a_tape_beyond_the_limit_is_streamed(scfcap, parted, tmp_path, monkeypatch):
    tape = parted / "tape.parquet"
    whole = json.loads(scfcap("project", parted, "--tape", tape, "--json").stdout)
    with monkeypatch.context() as patched:
        patched.setattr(limits, "MAX_ROWS", 39)
        assert cluster.too_large(load(parted, tape=tape))
        assert not cluster.too_large(load(parted))
        assert scfcap("pool", parted, "--tape", tape).exit_code == 2
    monkeypatch.setattr(cluster, "too_large", lambda _: True)
    done = scfcap("project", parted, "--tape", tape, "--out", tmp_path / "out", "--json")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    for ours, theirs in zip(document["totals"], whole["totals"], strict=True):
        assert ours == pytest.approx(theirs, nan_ok=True)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["digests"]["tape"].startswith("footers ")


def test_no_scheduler_is_the_users_to_start(scfcap, parted, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT", 0.5)
    done = scfcap("project", parted, "--cluster", "tcp://127.0.0.1:9")
    assert done.exit_code == 2
    assert "--cluster tcp://127.0.0.1:9: found no scheduler there" in done.stderr
    assert "Traceback" not in done.stderr


def test_one_or_the_other(scfcap, parted):
    done = scfcap("project", parted, "--cluster", "tcp://127.0.0.1:9", "--workers", 2)
    assert done.exit_code == 2
    assert "a cluster has its own workers" in done.stderr


def test_paths_and_a_loan_go_with_workers(scfcap, parted):
    def document(*options):
        done = scfcap("project", parted, "--tape", parted / "tape.parquet", "--json", *options)
        assert done.exit_code == 0, done.stderr
        return json.loads(done.stdout)

    here, there = (document("--paths", 5, *more) for more in ((), ("--workers", 1)))
    names = [name for name in here if name.startswith("distribution")]
    assert names
    for name in names:
        for ours, theirs in zip(there[name], here[name], strict=True):
            assert ours == pytest.approx(theirs, nan_ok=True), name
    alone, found = (document("--loan", "L007", *more) for more in ((), ("--workers", 1)))
    assert found["loan_id"] == "L007"
    assert found["loan_terms"] == alone["loan_terms"]
    assert found["loan_steps"] == alone["loan_steps"]


def test_a_loan_is_sought_in_a_tape_beyond_the_limit(scfcap, parted, monkeypatch):
    monkeypatch.setattr(cluster, "too_large", lambda _: True)
    tape = parted / "tape.parquet"
    found = json.loads(scfcap("project", parted, "--tape", tape, "--loan", "L007", "--json").stdout)
    assert found["loan_periods"]
    done = scfcap("project", parted, "--tape", tape, "--loan", "L00")
    assert done.exit_code == 2
    assert "no such loan" in done.stderr
