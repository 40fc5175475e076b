"""Prices against the relaxation that HiGHS solves."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from scfcap.funding.allocation import dual as module
from scfcap.funding.allocation import outright
from scfcap.funding.allocation.bound import safe_bound, stored
from scfcap.funding.allocation.dual import prices
from scfcap.funding.allocation.evaluate import evaluator
from scfcap.funding.allocation.newton import least_step, solved
from scfcap.funding.allocation.program import AllocationProgram, Row, Term
from scfcap.funding.allocation.sample import sample
from scfcap.funding.allocation.structure import structure
from tests.funding.allocation.programs import drawn


@pytest.mark.parametrize(("kind", "room"), [("few", 1e-6), ("many", 3e-6)])
def test_the_bound_is_near_the_relaxation(kind: Literal["few", "many"], room: float) -> None:
    """With more loans it comes nearer: there is more than one undecided loan to a priced row."""
    program = sample(kind, 2_000)
    relaxed = outright.relaxed(program)
    assert relaxed is not None
    with evaluator(structure(program)) as dual:
        found = prices(program, dual)
        bound = safe_bound(program, dual, stored(found.y))
    assert -1e-9 <= bound / relaxed[0] - 1.0 <= room
    assert not found.impossible


def test_a_part_of_the_loans_first_comes_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    program = sample("many", 3_000)
    with evaluator(structure(program)) as dual:
        at_once = prices(program, dual)
        monkeypatch.setattr(module, "FROM", 1_000)
        monkeypatch.setattr(module, "AT_LEAST", 800)
        by_part = prices(program, dual.of(dual.structure))
    assert by_part.sampled > 0
    assert by_part.value == pytest.approx(at_once.value, rel=5e-6)


def test_yesterdays_prices_come_to_the_same_with_less_work() -> None:
    program = sample("few", 5_000)
    with evaluator(structure(program)) as dual:
        cold = prices(program, dual)
        names = [row.name for row in program.rows]
        start = dict(zip(names, (cold.y * 1.01).tolist(), strict=True)) | {"gone": 1.0}
        warm = prices(program, dual.of(dual.structure), start)
    assert warm.value == pytest.approx(cold.value, rel=1e-6)


def test_very_many_rows_go_another_way_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """L-BFGS-B, which is scipy's, against HiGHS."""
    program = sample("few", 300)
    relaxed = outright.relaxed(program)
    assert relaxed is not None
    monkeypatch.setattr(module, "NEWTON_ROWS", 10)
    with evaluator(structure(program)) as dual:
        found = prices(program, dual)
    assert 0.0 <= found.value / relaxed[0] - 1.0 <= 1e-4


@pytest.mark.parametrize("seed", range(6))
def test_drawn_programs_reach_their_relaxation(seed: int) -> None:
    program = drawn(seed, loans=200, rows=15)
    relaxed = outright.relaxed(program)
    assert relaxed is not None
    with evaluator(structure(program)) as dual:
        found = prices(program, dual)
    room = 1e-5 * float(np.abs(program.value).max(axis=1).sum())
    assert relaxed[0] - 1e-9 * room <= found.value <= relaxed[0] + room


def test_rows_that_no_placement_keeps_are_found_out() -> None:
    program = sample("few", 2_000)
    total = float(program.balance.sum())
    rows = (*program.rows, Row("too much", "least", -0.9 * total, (Term(1, -1.0),)))
    against = AllocationProgram(**{**vars(program), "rows": rows})
    assert outright.relaxed(against) is None
    with evaluator(structure(against)) as dual:
        assert prices(against, dual).impossible


def test_a_quadratic_step_meets_its_conditions() -> None:
    """Optimality of a convex quadratic over y >= 0, which decides it (Karush, Kuhn, Tucker)."""
    random = np.random.default_rng(8)
    for size in (1, 5, 40):
        root = random.normal(size=(size, size))
        hessian = root @ root.T + 0.1 * np.eye(size)
        gradient, y = random.normal(size=size), np.maximum(random.normal(size=size), 0.0)
        step = least_step(hessian, gradient, y)
        assert step is not None
        slope = gradient + hessian @ step
        assert (y + step >= 0.0).all()
        assert (slope >= -1e-9).all()
        assert slope[y + step > 0.0] == pytest.approx(0.0, abs=1e-9)


def test_systems_are_solved_and_indefinite_ones_refused() -> None:
    random = np.random.default_rng(9)
    root = random.normal(size=(30, 30))
    matrix, side = root @ root.T + np.eye(30), random.normal(size=30)
    x = side.copy()
    assert solved(matrix.copy(), x)
    assert x == pytest.approx(np.linalg.solve(matrix, side))
    assert not solved(-matrix, side)
