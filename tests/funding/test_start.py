"""A basis from another program by labels: the same optimum, sooner."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scfcap.funding.catalogue import build_program
from scfcap.funding.inputs import Inputs
from scfcap.funding.nodes import Nodes
from scfcap.funding.program import NoOptimumError, Program, Row, Solution, Terms, solve
from scfcap.funding.scenarios import build_scenarios
from scfcap.funding.start import basis_for
from scfcap.funding.variables import declare

from .small_platform import LAW, platform


def program_of(inputs: Inputs) -> Program:
    return build_program(declare(inputs))


@pytest.fixture(scope="module")
def usual() -> tuple[Inputs, Program, Solution]:
    inputs = platform(regime=LAW).inputs
    program = program_of(inputs)
    return inputs, program, solve(program)


def steps(solution: Solution) -> int:
    return int(solution._model.getInfo().simplex_iteration_count)


def test_its_own_optimum_is_left_at_once(usual):
    _, program, solution = usual
    again = solve(program, start=basis_for(program, program, solution))
    assert steps(again) == 0
    assert again.objective == pytest.approx(solution.objective, rel=1e-12)
    assert again.x == pytest.approx(solution.x, abs=1e-9)
    assert again.dual == pytest.approx(solution.dual, abs=1e-9)


def moved(inputs: Inputs) -> dict[str, Inputs]:
    """Other inputs, with columns and rows that the usual ones lack, and without some they have."""
    return {
        "dearer": replace(inputs, opex_per_year=1.2 * inputs.opex_per_year),
        "more asked": replace(inputs, demand=1.1 * inputs.demand),
        **{f"without {x}": inputs.without(x) for x in inputs.channels()},
    }


def test_every_other_program_has_its_own_optimum_sooner(usual):
    inputs, program, solution = usual
    cold, warm = 0, 0
    for name, other in moved(inputs).items():
        new = program_of(other)
        alone = solve(new)
        near = solve(new, start=basis_for(new, program, solution))
        assert near.objective == pytest.approx(alone.objective, rel=1e-9), name
        cold, warm = cold + steps(alone), warm + steps(near)
        back = solve(program, start=basis_for(program, new, near))
        assert back.objective == pytest.approx(solution.objective, rel=1e-9), name
    assert warm < cold / 2


def test_one_scenario_is_a_start_for_each_of_several(usual):
    inputs, _, _ = usual
    other = replace(inputs, demand=np.maximum(0.8 * inputs.demand, inputs.promised))
    given = {"usual": inputs, "less": other}
    weights, nodes = dict.fromkeys(given, 0.5), Nodes.two_stage(2, inputs.horizon, 1)
    shared, books = build_scenarios(given, weights, nodes)
    whole = solve(shared)
    near = solve(shared, start=basis_for(shared, shared, whole))
    assert steps(near) == 0
    alone = books["less"].program
    new = program_of(other)
    from_both = solve(new, start=basis_for(new, alone, whole))
    assert from_both.objective == pytest.approx(solve(new).objective, rel=1e-9)
    assert steps(from_both) < steps(solve(new))


def test_a_start_makes_nothing_possible(usual):
    inputs, program, solution = usual
    none = program_of(replace(inputs, cash=-1e6, net_capital=-1e6))
    with pytest.raises(NoOptimumError):
        solve(none, start=basis_for(none, program, solution))


@pytest.mark.parametrize(("lower", "upper"), [(-np.inf, 5.0), (-np.inf, np.inf), (-9.0, np.inf)])
def test_a_column_outside_the_basis_stands_at_a_bound_that_it_has(lower, upper):
    """Minimise x subject to x >= -3: the first program has x >= 0, and x outside its basis."""

    def least(low: float, high: float) -> Program:
        program = Program("least")
        x = program.column("x", 0, lower=low, upper=high)
        program.add_family("row", [0], [(0, Row(Terms().add(x), ">=", -3.0))])
        program.objective = Terms().add(x, -1.0)
        return program

    first = least(0.0, 5.0)
    solution = solve(first)
    other = least(lower, upper)
    assert solve(other, start=basis_for(other, first, solution)).x[0] == pytest.approx(-3.0)
