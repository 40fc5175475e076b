"""Tapes in chunks, here and over Dask: the answer is that of one pass over the whole."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from distributed import KilledWorker
from distributed.client import FutureCancelledError
from distributed.comm import CommClosedError

import scfcap
from scfcap import cluster
from scfcap.api import spread
from scfcap.cashflow.chunks import Repeats
from scfcap.cashflow.paths import Draw
from scfcap.cashflow.project import project
from scfcap.cluster import explain_tape, project_paths, project_tape
from scfcap.errors import InputError
from scfcap.tape.checks import RejectedRows
from scfcap.tape.files import read_any

NAME = "alibaba-2013"
LOANS = 1_000
GROUP = 90  # rows of a row group: no part of a file, so that chunks end anywhere


@pytest.fixture(scope="module")
def frame():
    return scfcap.load(NAME, overrides={"tape.platform.loans": LOANS}).tape().frame


def write(folder, frame, files=4, group=GROUP):
    """The rows of ``frame`` as Parquet files of one folder."""
    folder.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    size = -(-len(frame) // files)
    for k in range(files):
        part = table.slice(k * size, size)
        pq.write_table(part, folder / f"part-{k}.parquet", row_group_size=group)
    return folder


def model_of(tape, **overrides):
    return scfcap.load(NAME, tape=tape, overrides={"tape.source": "file"} | overrides)


def assert_same(found, expected):
    assert (found.scenarios, found.segments) == (expected.scenarios, expected.segments)
    assert found.grid == expected.grid
    size = expected.flows.opening[:, :, 0].max()
    for field in dataclasses.fields(expected.flows):
        ours, theirs = getattr(found.flows, field.name), getattr(expected.flows, field.name)
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9 * size, err_msg=field.name)


@pytest.fixture(scope="module")
def tape(tmp_path_factory, frame):
    return write(tmp_path_factory.mktemp("tape") / "loans", frame)


@pytest.fixture(scope="module")
def whole(tape):
    return model_of(tape).cashflow()


class TestChunks:
    @pytest.mark.parametrize("rows", [1, 200, 400, 10_000])
    def test_they_add_up_to_the_single_pass(self, tape, whole, rows):
        model = model_of(tape)
        assert cluster.streamed(model) is not None
        assert_same(project_tape(model, chunk_rows=rows), whole)
        assert not model._kept, "the whole tape was read after all"

    def test_progress_is_told_by_stage(self, tape):
        told = []
        project_tape(model_of(tape), chunk_rows=250, progress=lambda *said: told.append(said))
        assert told == [(stage, k, 4) for stage in ("tape", "cash flows") for k in range(5)]

    def test_folders_that_name_a_segment_are_a_column(self, tmp_path, frame, whole):
        for segment, rows in frame.groupby("segment", observed=True):
            part = rows.drop(columns="segment").reset_index(drop=True)
            write(tmp_path / "loans" / f"segment={segment}", part, files=1)
        assert_same(project_tape(model_of(tmp_path / "loans"), chunk_rows=400), whole)
        assert_same(model_of(tmp_path / "loans").cashflow(), whole)

    @pytest.mark.parametrize("kind", ["file", "memory"])
    def test_an_address_is_read_as_a_folder_is(self, tape, whole, kind):
        import fsspec

        place = f"file://{tape}"
        if kind == "memory":
            place = "memory://loans"
            fsspec.filesystem("memory").put(f"{tape}/", "/loans/", recursive=True)
        assert_same(project_tape(model_of(place), chunk_rows=400), whole)
        assert_same(model_of(Path(place)).cashflow(), whole)

    def test_one_file_is_a_data_set_too(self, tmp_path, frame, whole):
        file = write(tmp_path, frame, files=1) / "part-0.parquet"
        assert_same(project_tape(model_of(file), chunk_rows=400), whole)

    def test_loans_that_are_gone_may_fill_a_chunk(self, tmp_path, frame):
        gone = frame.copy()
        gone["status"] = gone["status"].astype(str)
        gone.loc[:299, "status"] = "repaid"
        gone.loc[:299, "current_balance"] = 0.0
        tape = write(tmp_path / "loans", gone)
        assert_same(project_tape(model_of(tape), chunk_rows=250), model_of(tape).cashflow())

    def test_rows_may_be_chosen(self, tmp_path, frame):
        ordered = frame.sort_values("segment", ignore_index=True)
        tape = write(tmp_path / "loans", ordered)
        only = {"tape.where": 'segment != "b2b"'}
        found = project_tape(model_of(tape, **only), chunk_rows=250)
        assert_same(found, model_of(tape, **only).cashflow())
        assert "b2b" not in found.segments
        with pytest.raises(InputError, match=r"none of 1,000 rows left by tape\.where"):
            project_tape(model_of(tape, **{"tape.where": 'segment == "none"'}))

    def test_core_enterprises_are_those_of_the_whole(self, tmp_path, frame):
        tape = write(tmp_path / "loans", frame)
        failing = {"scenarios.stress.include": ["core-failure"]}
        expected = model_of(tape, **failing).cashflow()
        assert expected.flows.struck.max() > 0.0
        assert_same(project_tape(model_of(tape, **failing), chunk_rows=400), expected)

    def test_paths_are_drawn_as_on_the_whole(self, tape):
        def drawn(model):
            curves = model.curves()
            draw = Draw(model.spec.factors, 3, model.exposures(), ())
            return curves.under(draw.paths(curves, curves.grid, 3).stress)

        model = model_of(tape)
        expected = project(model.pool(), drawn(model))
        assert_same(project_tape(model_of(tape), chunk_rows=400, curves_of=drawn), expected)

    @pytest.mark.parametrize(
        "said",
        [
            'contract.b2b={payment_every = "2 weeks", day_count = "act/365", calendar = "CN"}',
            'credit.where=[{name = "late", test = "days_past_due > 0", severity = 0.9}]',
        ],
    )
    def test_contracts_and_rules_hold_in_chunks(self, tape, whole, said):
        def model():
            return scfcap.load(NAME, tape=tape, overrides=["tape.source=file", said])

        expected = model().cashflow()
        assert_same(project_tape(model(), chunk_rows=400), expected)
        changed = expected.flows.recovery - whole.flows.recovery
        assert np.abs(changed).max() > 1.0 or expected.grid != whole.grid

    def test_money_is_scaled_by_the_whole(self, tape):
        seen = []
        project_tape(
            model_of(tape),
            chunk_rows=400,
            curves_of=lambda stand_in: seen.append(stand_in) or stand_in.curves(),
        )
        assert seen[0].pool().total == pytest.approx(model_of(tape).pool().total, rel=1e-12)
        assert seen[0].spec.lenders[0].limit == pytest.approx(model_of(tape).spec.lenders[0].limit)


@pytest.mark.parametrize(
    ("name", "folder", "rows"),
    [("sba-case", "sba_case", 500), ("aart-2017-3", "aart_2017_3_panel", 1_000)],
)
def test_real_tapes_in_chunks(tmp_path, data_dir, name, folder, rows):
    """Texts, derived columns, rows left out and rows refused: as in one pass over the CSV files."""
    own = scfcap.load(name, tape=data_dir(folder))
    spec = own.loaded.spec.tape
    files = [data_dir(folder) / file for file in spec.paths or (spec.path,)]
    table, _ = read_any(files, options=spec)
    pq.write_table(table, tmp_path / "tape.parquet", row_group_size=rows)
    model = scfcap.load(name, tape=tmp_path / "tape.parquet")
    assert cluster.streamed(model) is not None
    assert_same(project_tape(model, chunk_rows=rows), own.cashflow())


class TestAsAWhole:
    """Where a tape must be read as a whole, its loans are projected in slices."""

    def test_text_and_generated_loans(self, tmp_path, frame, whole):
        frame.to_csv(tmp_path / "loans.csv", index=False)
        model = model_of(tmp_path / "loans.csv")
        assert cluster.streamed(model) is None
        assert_same(project_tape(model, chunk_rows=400), whole)
        generated = scfcap.load(NAME, overrides={"tape.platform.loans": LOANS})
        assert cluster.streamed(generated) is None
        assert_same(project_tape(generated, chunk_rows=500), generated.cashflow())

    @pytest.mark.parametrize(
        "overrides",
        [
            {"tape.rules.double_pledge": "error"},
            {"tape.rules": {"rate.outlier": "error"}},
            {"tape.group.by": "loan_id"},
            {"tape.currency_text": ["current_balance"]},
            {"tape.duplicates": "drop_equal", "tape.derive.loan_id.how": "row_number"},
        ],
    )
    def test_what_rows_say_of_each_other(self, tape, overrides):
        texts = [f"{key}={_toml(value)}" for key, value in overrides.items()]
        model = scfcap.load(NAME, tape=tape, overrides=["tape.source=file", *texts])
        assert cluster.streamed(model) is None


def _toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{k}" = {json.dumps(v)}' for k, v in value.items()) + "}"
    return json.dumps(value)


class TestFaults:
    def test_a_bad_row_is_named_by_file_and_row(self, tmp_path, frame):
        bad = frame.copy()
        bad.loc[250 + 171, "rate"] = -0.25
        tape = write(tmp_path / "loans", bad)
        with pytest.raises(RejectedRows) as error:
            project_tape(model_of(tape), chunk_rows=400)
        first, last = error.value.problems
        assert first.where.startswith("part-1.parquet row 172, ")
        assert first.where.endswith("rate")
        assert "-0.25" in first.found
        assert last.found == "1 faulty row"

    @pytest.mark.parametrize("column", ["payment_fee", "loan_id", "buyer_id", "score"])
    def test_nan_of_a_parquet_file_is_no_empty_cell(self, tmp_path, frame, column):
        tape = tmp_path / "loans" / "part-0.parquet"
        tape.parent.mkdir()
        cells = [None] * len(frame)
        if column == "loan_id":
            cells = [float(k) for k in range(len(frame))]
        plain = pa.Table.from_pandas(frame.drop(columns=column, errors="ignore"))
        pq.write_table(plain.append_column(column, pa.array(cells, pa.float64())), tape)
        assert len(model_of(tape.parent).tape().rejects) == 0
        cells[7] = float("inf") if column == "loan_id" else float("nan")
        pq.write_table(plain.append_column(column, pa.array(cells, pa.float64())), tape)
        for attempt in (
            lambda: project_tape(model_of(tape.parent), chunk_rows=400),
            lambda: model_of(tape.parent).tape(),
        ):
            with pytest.raises(RejectedRows, match=rf"row 8.*, {column}: found '\w+' \(nan\)"):
                attempt()

    def test_the_limit_is_on_the_whole_tape(self, tmp_path, frame):
        bad = frame.copy()
        bad.loc[90:139, "rate"] = np.nan
        tape = write(tmp_path / "loans", bad)
        model = model_of(tape, **{"tape.reject_limit": 0.05})
        assert_same(
            project_tape(model_of(tape, **{"tape.reject_limit": 0.05}), chunk_rows=250),
            model.cashflow(),
        )
        with pytest.raises(RejectedRows, match=r"50 faulty rows; expected at most 4\.90% of"):
            project_tape(model_of(tape, **{"tape.reject_limit": 0.049}), chunk_rows=250)

    def test_a_tape_without_a_good_row_is_refused(self, tmp_path, frame):
        tape = write(tmp_path / "loans", frame.assign(rate=np.nan))
        with pytest.raises(RejectedRows, match="1,000 faulty rows"):
            project_tape(model_of(tape, **{"tape.reject_limit": 1.0}), chunk_rows=400)

    def test_a_loan_in_two_chunks_is_found(self, tmp_path, frame):
        double = frame.copy()
        double.loc[850, "loan_id"] = double.loc[40, "loan_id"]
        tape = write(tmp_path / "loans", double)
        with pytest.raises(RejectedRows) as error:
            project_tape(model_of(tape), chunk_rows=400)
        said = str(error.value)
        assert "part-3.parquet row 101, loan_id" in said
        assert "repeated id" in said
        assert "part-0.parquet row 41 has it too" in said
        with pytest.raises(
            RejectedRows, match=r"each loan once; part-0\.parquet row 41 has it too"
        ):
            model_of(tape).tape()  # as a whole
        loose = {"tape.reject_limit": 0.002}
        found = project_tape(model_of(tape, **loose), chunk_rows=400)
        assert_same(found, model_of(tape, **loose).cashflow())

    def test_the_longest_loan_counts_only_where_it_is_kept(self, tmp_path, frame):
        double = frame.copy()
        longest = double["maturity_date"].max() + pd.Timedelta(days=400)
        double.loc[850, ["loan_id", "maturity_date"]] = [double.loc[40, "loan_id"], longest]
        tape = write(tmp_path / "loans", double)
        loose = {"tape.reject_limit": 0.002}
        found = project_tape(model_of(tape, **loose), chunk_rows=400)
        assert_same(found, model_of(tape, **loose).cashflow())

    def test_equal_rows_of_two_chunks_are_dropped(self, tmp_path, frame):
        rows = [*range(400), 10, 20, 20, *range(400, 900), 30, *range(900, 1_000), 10]
        double = frame.iloc[rows].reset_index(drop=True)
        double.loc[903, "rate"] *= 1.5  # the second row of loan 30 is another one
        tape = write(tmp_path / "loans", double)
        loose = {"tape.duplicates": "drop_equal", "tape.reject_limit": 1 / 1_001}
        found = project_tape(model_of(tape, **loose), chunk_rows=400)
        assert_same(found, model_of(tape, **loose).cashflow())
        tight = {"tape.duplicates": "drop_equal"}
        with pytest.raises(RejectedRows, match="1 faulty row"):
            project_tape(model_of(tape, **tight), chunk_rows=400)

    def test_numbered_rows_are_no_repeats(self, tape, whole):
        numbered = {"tape.derive.loan_id.how": "row_number"}
        assert_same(project_tape(model_of(tape, **numbered), chunk_rows=400), whole)

    def test_a_tape_that_changes_meanwhile_is_refused(self, tmp_path, frame):
        tape = write(tmp_path / "loans", frame)
        less = frame.assign(current_balance=frame["current_balance"] / 2.0)

        def change(stage, done, _count):
            if (stage, done) == ("cash flows", 0):
                write(tape, less)

        with pytest.raises(InputError, match="a tape that nobody changes while it is read"):
            project_tape(model_of(tape), chunk_rows=400, progress=change)

    def test_partitions_need_the_same_columns(self, tmp_path, frame):
        tape = write(tmp_path / "loans", frame)
        write(tape / "more", frame.drop(columns="rate").assign(rates=0.1), files=1)
        (tape / "more" / "part-0.parquet").rename(tape / "part-9.parquet")
        with pytest.raises(InputError) as error:
            project_tape(model_of(tape))
        (problem,) = error.value.problems
        assert problem.where == "part-9.parquet"
        assert problem.found == "no column rate and further columns rates"
        assert problem.expected == "the columns of part-0.parquet"

    def test_a_segment_without_a_curve_is_named(self, tmp_path, frame):
        strange = frame.copy()
        strange["segment"] = strange["segment"].astype(str)
        strange.loc[999, "segment"] = "unheard"
        tape = write(tmp_path / "loans", strange)
        with pytest.raises(InputError, match="no curve for segment 'unheard'"):
            project_tape(model_of(tape), chunk_rows=400)

    def test_an_empty_data_set_is_refused(self, tmp_path, frame):
        tape = write(tmp_path / "loans", frame.iloc[:0], files=1)
        with pytest.raises(InputError, match="no rows"):
            project_tape(model_of(tape))

    def test_where_it_works_is_stated_once(self, tape):
        with pytest.raises(InputError, match="one of the two"):
            project_tape(model_of(tape), workers=2, address="tcp://127.0.0.1:1")

    def test_no_scheduler_there(self, tape, monkeypatch):
        monkeypatch.setattr(cluster, "CONNECT", 0.5)
        with pytest.raises(InputError) as error:
            project_tape(model_of(tape), address="tcp://127.0.0.1:9")
        (problem,) = error.value.problems
        assert problem.where == "--cluster tcp://127.0.0.1:9"
        assert problem.found.startswith("no scheduler there")
        assert "dask scheduler" in problem.action

    @pytest.mark.parametrize("address", ["nonsense", "nothing://somewhere:1"])
    def test_no_address_at_all(self, tape, monkeypatch, address):
        """Told before a client is made, which would complain when it is taken down."""
        monkeypatch.setattr(cluster, "CONNECT", 0.5)
        monkeypatch.setattr("distributed.Client", None)
        with pytest.raises(InputError, match="no scheduler there"):
            project_tape(model_of(tape), address=address)

    def test_the_extra_is_named_where_it_is_missing(self, tape, monkeypatch):
        monkeypatch.setitem(sys.modules, "distributed", None)
        with pytest.raises(InputError, match=r"pip install 'scfcap\[cluster\]'"):
            project_tape(model_of(tape), workers=2)


def test_repeats_are_found_wherever_hashes_fall(tmp_path):
    repeats = Repeats(tmp_path)
    low, high = np.uint64(5), np.uint64(2**64 - 1)
    repeats.add(np.array([low, 7, high], dtype=np.uint64))
    repeats.add(np.array([high, 2**63], dtype=np.uint64))
    repeats.add(np.array([low, 2**63, 2**62], dtype=np.uint64))
    assert repeats.found().tolist() == [5, 2**63, 2**64 - 1]


class Cluster:
    """A scheduler and workers, each a process of its own."""

    def __init__(self, folder, workers=2):
        self._file = folder / "scheduler.json"
        shared = ["--scheduler-file", str(self._file), "--no-dashboard"]
        self._log = (folder / "log").open("w")
        self.scheduler = self._start("scheduler", "--port", "0", "--host", "127.0.0.1", *shared)
        self.workers = [
            self._start("worker", "--nthreads", "1", "--no-nanny", *shared) for _ in range(workers)
        ]
        self.address = self._address()

    def _start(self, kind, *arguments):
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *arguments]
        return subprocess.Popen(command, stdout=self._log, stderr=self._log)

    def _address(self):
        for _ in range(300):
            if self._file.exists() and (text := self._file.read_text()):
                return json.loads(text)["address"]
            time.sleep(0.1)
        pytest.fail("the scheduler did not start")

    def close(self):
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()
        self._log.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    started = Cluster(tmp_path_factory.mktemp("dask"))
    yield started
    started.close()


def assert_same_paths(found, expected):
    assert (found.seed, found.segments, found.grid) == (
        *(expected.seed, expected.segments),
        expected.grid,
    )
    np.testing.assert_array_equal(found.number, expected.number)
    np.testing.assert_array_equal(found.failures, expected.failures)
    size = expected.closing.max()
    for kind in ("flow", "total"):
        ours, theirs = getattr(found, kind), getattr(expected, kind)
        assert ours.keys() == theirs.keys()
        for name in theirs:
            np.testing.assert_allclose(
                ours[name], theirs[name], rtol=1e-9, atol=1e-9 * size, err_msg=f"{kind} {name}"
            )
    np.testing.assert_allclose(found.closing, expected.closing, rtol=1e-9, atol=1e-9 * size)


#: A core enterprise fails in about every third path.
RISKS = {"factors.core.probability": 0.02}


class TestPaths:
    """Monte Carlo paths of a tape in chunks."""

    @pytest.mark.parametrize(("rows", "at_once"), [(200, 10**7), (400, 2_000), (10_000, 1)])
    def test_they_are_those_of_the_single_pass(self, tape, whole, monkeypatch, rows, at_once):
        monkeypatch.setattr(spread, "_FIGURES", at_once)
        expected = model_of(tape, **RISKS).distribution(9, seed=5)
        assert 0 < (expected.failures > 0).sum() < 9
        model = model_of(tape, **RISKS)
        flows, found = project_paths(model, 9, 5, chunk_rows=rows)
        assert not model._kept, "the whole tape was read after all"
        assert_same(flows, whole)
        assert_same_paths(found, expected)

    def test_a_pool_in_slices(self):
        model = scfcap.load(NAME, overrides={"tape.platform.loans": LOANS})
        flows, found = project_paths(model, 7, chunk_rows=300)
        assert_same(flows, model.cashflow())
        assert_same_paths(found, model.distribution(7))

    def test_a_tape_that_changes_meanwhile_is_told(self, tmp_path, frame):
        tape = write(tmp_path / "loans", frame, files=2)

        def change(stage, done, _count):
            if (stage, done) == ("paths", 0):
                part = frame.iloc[: len(frame) // 2].copy()
                part["current_balance"] *= 0.5
                write(tape, part, files=1)

        with pytest.raises(InputError, match=r"at the second reading.*nobody changes"):
            project_paths(model_of(tape), 3, chunk_rows=400, progress=change)

    @pytest.mark.parametrize("count", [0, -1, 10**9])
    def test_no_paths_and_too_many_are_refused_before_the_tape_is_read(self, tape, count):
        with pytest.raises(InputError, match="paths"):
            project_paths(model_of(tape), count)


class TestOneLoan:
    """A loan explained, wherever it stands."""

    @pytest.mark.parametrize("place", [0, 401, -1])
    def test_it_is_explained_as_on_the_whole(self, tape, frame, place):
        loan = str(frame["loan_id"].iloc[place])
        expected = model_of(tape).explain(loan, "stress")
        found = explain_tape(model_of(tape), loan, "stress", chunk_rows=GROUP)
        assert (found.loan_id, found.scenario) == (loan, "stress")
        for name, table in expected.tables().items():
            pd.testing.assert_frame_equal(found.tables()[name], table, rtol=1e-9, obj=name)

    def test_the_rest_is_not_read_once_it_is_found(self, tape, frame):
        told = []
        loan = str(frame["loan_id"].iloc[0])
        explain_tape(
            model_of(tape), loan, chunk_rows=GROUP, progress=lambda *said: told.append(said)
        )
        assert [done for stage, done, _ in told if stage == "loan"] == [0]

    def test_one_that_is_not_there_is_told_with_names_like_it(self, tape, frame):
        loan = str(frame["loan_id"].iloc[3])
        with pytest.raises(InputError, match=rf"no such loan among.*Did you mean.*{loan}"):
            explain_tape(model_of(tape), f"{loan}x", chunk_rows=GROUP)


class TestDask:
    """One cluster for all: the last test kills one of its two workers."""

    def test_what_a_worker_finds_reaches_the_user(self, running, tmp_path, frame):
        bad = frame.copy()
        bad.loc[250 + 171, "rate"] = -0.25
        tape = write(tmp_path / "loans", bad)
        with pytest.raises(RejectedRows, match=r"part-1\.parquet row 172, "):
            project_tape(model_of(tape), chunk_rows=400, address=running.address)

    def test_a_file_that_vanishes_is_named(self, running, tmp_path, frame):
        tape = write(tmp_path / "loans", frame)

        def lose(stage, _done, _count):
            if stage == "cash flows":
                (tape / "part-3.parquet").unlink(missing_ok=True)

        with pytest.raises(InputError, match=r"part-3\.parquet: found no such file"):
            project_tape(model_of(tape), chunk_rows=400, address=running.address, progress=lose)

    def test_slices_of_a_pool_are_spread_too(self, running):
        model = scfcap.load(NAME, overrides={"tape.platform.loans": LOANS})
        found = project_tape(model, chunk_rows=400, address=running.address)
        assert_same(found, model.cashflow())

    def test_paths_are_spread_too(self, running, tape, whole):
        flows, found = project_paths(
            model_of(tape, **RISKS), 9, 5, chunk_rows=400, address=running.address
        )
        assert_same(flows, whole)
        assert_same_paths(found, model_of(tape, **RISKS).distribution(9, seed=5))

    def test_a_loan_is_found_on_a_worker(self, running, tape, frame):
        loan = str(frame["loan_id"].iloc[700])
        found = explain_tape(model_of(tape), loan, chunk_rows=GROUP, address=running.address)
        expected = model_of(tape).explain(loan)
        for name, table in expected.tables().items():
            pd.testing.assert_frame_equal(found.tables()[name], table, rtol=1e-9, obj=name)

    def test_a_worker_of_another_version_is_refused(self, running, tape, monkeypatch):
        monkeypatch.setattr(cluster, "__version__", "9.9.9")
        with pytest.raises(InputError, match=r"workers with scfcap 0\..*9\.9\.9 on each"):
            project_tape(model_of(tape), address=running.address)

    def test_a_killed_worker_costs_time_and_not_the_answer(self, running, tape, whole):
        victim = running.workers[0]

        def kill(stage, done, _count):
            if (stage, done) == ("cash flows", 2) and victim.poll() is None:
                victim.send_signal(signal.SIGKILL)
                victim.wait()

        found = project_tape(
            model_of(tape), chunk_rows=GROUP, address=running.address, progress=kill
        )
        assert victim.returncode == -signal.SIGKILL
        assert running.workers[1].poll() is None
        assert_same(found, whole)


_PEAK = """
import resource, sys
import scfcap
from scfcap.cluster import project_tape
for tape in sys.argv[1:]:
    model = scfcap.load("alibaba-2013", tape=tape, overrides={"tape.source": "file"})
    project_tape(model, chunk_rows=20_000)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is counted in other units elsewhere")
def test_memory_does_not_grow_with_the_tape(tmp_path):
    """Of 180,000 more loans the whole pass holds about 150 MiB."""
    rows = 20_000
    loans = scfcap.load(NAME, overrides={"tape.platform.loans": rows}).tape().frame
    table = pa.Table.from_pandas(loans, preserve_index=False)
    place = table.column_names.index("loan_id")
    for name, chunks in (("few", 2), ("many", 11)):
        (tmp_path / name).mkdir()
        for k in range(chunks):
            ids = pa.array([f"{k}-{n}" for n in range(rows)])
            pq.write_table(
                table.set_column(place, "loan_id", ids), tmp_path / name / f"{k}.parquet"
            )
    command = [sys.executable, "-c", _PEAK, tmp_path / "few", tmp_path / "many"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    few, many = map(float, done.stdout.split())
    assert many - few < 30.0  # MiB


class _Work:
    """A piece of work that ends badly, or never."""

    def __init__(self, error=None):
        self.error = error

    def add_done_callback(self, call):
        if self.error is not None:
            call(self)

    def result(self):
        raise self.error


class _Idle:
    """A cluster whose workers have gone."""

    def nthreads(self):
        return {}


class TestWaiting:
    hands = cluster.Dask(_Idle(), "--cluster here")

    def test_it_ends_where_no_worker_is_left(self, monkeypatch):
        monkeypatch.setattr(cluster, "PATIENCE", 2.0)
        monkeypatch.setattr(cluster, "_STEP", 0.01)
        with pytest.raises(InputError, match="--cluster here: found no worker for 2 seconds"):
            self.hands._result(_Work())

    def test_work_that_kills_its_workers_is_told(self):
        work = _Work(KilledWorker("chunk-7", None, 3))
        with pytest.raises(InputError, match=r"workers did not survive \(chunk-7\).*row groups"):
            self.hands._result(work)

    @pytest.mark.parametrize(
        "error", [CommClosedError("gone"), FutureCancelledError("chunk-7", "lost")]
    )
    def test_a_scheduler_that_goes_away_is_told(self, error):
        with pytest.raises(InputError, match="a scheduler that went away"):
            self.hands._result(_Work(error))

    @pytest.mark.parametrize("error", [TimeoutError("of ours"), OSError("of ours")])
    def test_an_error_of_the_work_stays_one(self, error):
        with pytest.raises(type(error), match="of ours"):
            self.hands._result(_Work(error))


def test_workers_of_this_machine(tape, whole):
    assert_same(project_tape(model_of(tape), chunk_rows=500, workers=1), whole)
