"""Programs handed to HiGHS as arrays, against the same handed over by PuLP."""

from __future__ import annotations

import math

import numpy as np
import pytest

from scfcap.funding import program as adapter
from scfcap.funding.catalogue import build_program
from scfcap.funding.program import NoOptimumError, Program, solve
from scfcap.funding.variables import declare

from .golden_cases import CASES
from .small_platform import LAW, platform

OPTIONS = {"threads": 1, "random_seed": 0, "solver": "simplex"}


def by_pulp(program: Program) -> tuple[str, float, np.ndarray, np.ndarray, np.ndarray]:
    """How PuLP's HiGHS ends, and its optimum, values, duals and reduced costs."""
    problem, variables = adapter._built(program)
    condition = adapter._run(problem, OPTIONS)
    if condition != "Optimal":
        return condition, math.nan, *(np.empty(0),) * 3
    x = np.array([v.varValue for v in variables])
    dual = -np.array([c.pi for c in problem.constraints()])
    reduced = -np.array([v.dj for v in variables])
    best = math.fsum(program.costs() * x) + program.objective.constant
    return condition, best, x, dual, reduced


def agree(program: Program) -> str:
    """The same ending, optimum, duals and values by both ways."""
    program.columns.integer.clear()
    condition, best, x, dual, reduced = by_pulp(program)
    if condition != "Optimal":
        with pytest.raises(NoOptimumError, match=condition):
            solve(program)
        return condition
    solution = solve(program)
    used = ~program.unused
    assert solution.objective == pytest.approx(best, rel=1e-12, abs=1e-12)
    assert solution.dual == pytest.approx(dual, rel=1e-9, abs=1e-9)
    assert solution.x[used] == pytest.approx(x[used], rel=1e-9, abs=1e-9)
    assert solution.reduced_cost[used] == pytest.approx(reduced[used], rel=1e-9, abs=1e-9)
    return condition


@pytest.mark.parametrize("name", sorted(CASES))
def test_golden_instances_have_one_optimum_and_one_set_of_duals(name):
    agree(build_program(declare(CASES[name]())))


def test_most_golden_instances_have_an_optimum():
    ends = [agree(build_program(declare(case()))) for case in CASES.values()]
    assert ends.count("Optimal") > len(ends) / 2


@pytest.mark.parametrize("regime", [None, LAW])
def test_a_platform_has_one_optimum_and_one_set_of_duals(regime):
    p = platform(regime=regime) if regime is not None else platform()
    assert agree(build_program(declare(p.inputs))) == "Optimal"
