"""Loans worked on some at a time, and what is let go of: the answer is that of all at once."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import scfcap
from scfcap.api import sparing
from scfcap.api.allocating import columns
from scfcap.api.model import Model
from scfcap.cashflow import slices
from scfcap.cashflow.cohorts import CohortFactors
from scfcap.cashflow.slices import sliced
from scfcap.funding.allocation import assemble, by_plan, exact, plan_cells, structure
from scfcap.funding.allocation.sample import sample
from scfcap.funding.allocation.solve import allocate
from scfcap.pool.snapshot import Pool

LOANS = 900
SMALL = {"plan.periods": 4, "plan.contingency": []}


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = scfcap.load("alibaba-2013", overrides={"tape.platform.loans": LOANS}).tape().frame
    file = tmp_path_factory.mktemp("many") / "loans.parquet"
    pq.write_table(pa.Table.from_pandas(made, preserve_index=False), file)
    return file


def model_of(tape: Path) -> Model:
    return scfcap.load("alibaba-2013", tape=tape, overrides={"tape.source": "file"} | SMALL)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    """Few loans at a time, wherever some are taken at a time."""
    for module, name in (
        (slices, "AT_ONCE"), (slices, "PART"), (sparing, "AT_ONCE"), (structure, "HELD"),
        (structure, "AT_ONCE"), (assemble, "HELD"), (by_plan, "HELD"), (plan_cells, "MANY"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, 200)
    return 200


def test_a_program_of_many_loans_has_the_same_answer(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    program = sample("few", 3_000)
    once = allocate(program)
    request.getfixturevalue("few")
    monkeypatch.setattr("scfcap.funding.allocation.evaluate.BLOCK", 700)
    parted = allocate(program)
    assert parted.bound == pytest.approx(once.bound, rel=1e-9)
    assert parted.gap <= max(2.0 * once.gap, 1e-6)
    # What proves a placement does not depend on how many loans are taken at a time.
    whole = structure.structure(program)
    assert isinstance(whole.unit, structure.Units)
    sums = exact.exact_sums(program, whole, once.choice)
    assert (sums.value, sums.activity.tolist()) == (once.value, once.activity.tolist())


def test_cohorts_of_a_pool_in_slices_are_those_of_the_whole(
    tape: Path, request: pytest.FixtureRequest
) -> None:
    once: CohortFactors = model_of(tape).factors()
    request.getfixturevalue("few")
    parted = model_of(tape).factors()
    for each in fields(CohortFactors):
        ours, theirs = getattr(parted, each.name), getattr(once, each.name)
        if isinstance(theirs, np.ndarray):
            np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-12, err_msg=each.name)
        else:
            assert ours == theirs


def test_a_slice_of_a_pool_asks_for_no_texts(tape: Path) -> None:
    pool = model_of(tape).pool()
    part = sliced(pool, 10, 30)
    assert not isinstance(vars(pool)["loan_id"], np.ndarray)
    assert isinstance(part, Pool)
    assert part.loan_id.tolist() == pool.loan_id[10:30].tolist()
    assert part.balance.tolist() == pool.balance[10:30].tolist()


def test_what_is_kept_of_a_tape_and_its_pool_says_the_same(tape: Path, few: int) -> None:
    assert few < LOANS
    whole, model = model_of(tape), model_of(tape)
    sparing.spare(model, ("rate",))
    assert "rate" in model.tape().frame
    assert "paid_principal" not in model.tape().frame
    assert not model.pool().borrowing_bases
    assert model.pool().segment.dtype == np.int16
    for name in ("segment", "place", "maturity_day", "days_past_due"):
        assert getattr(model.pool(), name).tolist() == getattr(whole.pool(), name).tolist()
    ours, theirs = columns(model), columns(whole)
    for name in ("borrower_id", "buyer_id", "status"):
        mine, other = ours.values(name), theirs.values(name)
        assert mine.codes.tolist() == other.codes.tolist()
        assert list(mine.labels) == list(other.labels)
    for name in ("score", "remaining_days"):
        assert ours.numbers(name).tolist() == theirs.numbers(name).tolist()


def test_nothing_is_let_go_of_where_a_model_makes_its_tape(few: int) -> None:
    model = scfcap.load("alibaba-2013", overrides={"tape.platform.loans": 2 * few} | SMALL)
    columns = list(model.tape().frame)
    sparing.spare(model)
    assert list(model.tape().frame) == columns
