"""Tables of prices against the rows' own coefficients, which are written as a dense array."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scfcap.funding.allocation import evaluate
from scfcap.funding.allocation.evaluate import evaluator
from scfcap.funding.allocation.program import AllocationProgram
from scfcap.funding.allocation.sample import sample
from scfcap.funding.allocation.structure import structure
from tests.funding.allocation.facility import facility
from tests.funding.allocation.programs import drawn

PROGRAMS = {
    "facility": lambda: facility()[0],
    "few": lambda: sample("few", 300),
    "many": lambda: sample("many", 300),
    "drawn": lambda: drawn(3, loans=60, rows=20),
}


def _dense(program: AllocationProgram) -> np.ndarray:
    return np.array([program.coefficients(row) for row in program.rows])


def _softmax(program: AllocationProgram, y: np.ndarray, mu: float) -> tuple[float, np.ndarray]:
    """The smoothed dual and its placement, straight from the definition."""
    r = program.value - np.einsum("r,ric->ic", y, _dense(program))
    r = np.where(program.eligible, r / program.balance[:, None], -np.inf)
    r = np.hstack([r, np.where(program.must, -np.inf, 0.0)[:, None]])
    top = r.max(axis=1, keepdims=True)
    weight = np.exp((r - top) / mu)
    total = weight.sum(axis=1)
    value = float((program.balance * (top[:, 0] + mu * np.log(total))).sum() + program.right @ y)
    return value, (weight / total[:, None])[:, :-1]


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("mu", [1e-2, 1e-4])
def test_the_smoothed_dual_is_that_of_dense_rows(name: str, mu: float) -> None:
    program = PROGRAMS[name]()
    y = np.abs(np.random.default_rng(1).normal(0.0, 1e-3, len(program.rows)))
    value, x = _softmax(program, y, mu)
    with evaluator(structure(program)) as dual:
        at = dual.smooth(y, mu)
    assert at.value == pytest.approx(value, rel=1e-12)
    left = np.einsum("ric,ic->r", _dense(program), x)
    assert at.gradient == pytest.approx(program.right - left, rel=1e-9, abs=1e-6)
    assert at.sharp <= at.value <= at.sharp + mu * np.log(5) * program.balance.sum()


@pytest.mark.parametrize("name", PROGRAMS)
def test_second_derivatives_are_those_of_the_gradient(name: str) -> None:
    """Central differences of the gradient, row by row."""
    program, mu = PROGRAMS[name](), 2e-3
    count = len(program.rows)
    y = np.abs(np.random.default_rng(2).normal(0.0, 1e-3, count))
    with evaluator(structure(program)) as dual:
        found = dual.hessian(dual.smooth(y, mu))
        for row in range(0, count, max(1, count // 7)):
            step = np.zeros(count)
            step[row] = 1e-2 * mu / np.abs(_dense(program)[row] / program.balance[:, None]).max()
            up, down = dual.smooth(y + step, mu), dual.smooth(y - step, mu)
            change = (up.gradient - down.gradient) / (2.0 * step[row])
            assert found[row] == pytest.approx(change, rel=1e-3, abs=1e-3 * np.abs(change).max())
    assert (found == found.T).all() or found == pytest.approx(found.T)


def test_the_best_channel_is_that_of_dense_rows() -> None:
    program = sample("many", 400)
    y = np.abs(np.random.default_rng(4).normal(0.0, 1e-3, len(program.rows)))
    r = program.value - np.einsum("r,ric->ic", y, _dense(program))
    r = np.where(program.eligible, r / program.balance[:, None], -np.inf)
    r = np.hstack([r, np.where(program.must, -np.inf, 0.0)[:, None]])
    order = np.sort(r, axis=1)
    best = r.argmax(axis=1)
    with evaluator(structure(program)) as dual:
        choice, margin, second = dual.choose(y)
    assert (choice == np.where(best == 4, -1, best)).all()
    assert margin == pytest.approx(order[:, -1] - order[:, -2], rel=1e-6, abs=1e-12)
    several = np.isfinite(margin)
    assert (second[several] != choice[several]).all()
    assert (second[~several] == -2).all()


def test_blocks_and_threads_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    program = sample("few", 1_000)
    y = np.full(len(program.rows), 1e-3)
    monkeypatch.setattr(evaluate, "BLOCK", 128)

    def one() -> Any:
        with evaluator(structure(program)) as dual:
            at = dual.smooth(y, 1e-3)
            return at.value, at.gradient.tobytes(), at.near.tobytes()

    first = one()
    pool = evaluate.ThreadPoolExecutor
    monkeypatch.setattr(evaluate, "ThreadPoolExecutor", lambda: pool(1))
    assert one() == first


def test_labels_that_no_row_tells_apart_share_a_class() -> None:
    program = sample("few", 300)
    compiled = structure(program)
    assert "borrower" not in {name for name, _, _ in compiled.parts}
    assert compiled.codes.dtype == np.uint16
    regions = program.attributes["region"].codes
    column = int(compiled.attribute[compiled.parts.index(("region", None, 0))])
    pairs = set(zip(regions.tolist(), compiled.codes[:, column].tolist(), strict=True))
    assert len(pairs) == len(set(regions.tolist()))
