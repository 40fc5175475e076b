"""A plan solved again from another's basis is the plan that a solve from nothing finds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linprog

from scfcap.errors import InfeasibleError
from scfcap.funding.catalogue import build_program
from scfcap.funding.plan import optimum, solve_plan
from scfcap.funding.program import NoOptimumError, Program, Row, Terms, solve
from scfcap.funding.start import solve_from
from scfcap.funding.variables import declare
from scfcap.funding.what_if import replan

from .small_platform import LAW, platform


@pytest.fixture(scope="module")
def small():
    return platform(regime=LAW)


@pytest.fixture(scope="module")
def before(small):
    return solve_plan(small.inputs, small.engine, channels=False)


def _moved(inputs, random):
    """Other limits, rates, floors, prices and demand, as numbers drawn at random."""

    def by(width):
        return float(random.uniform(1.0 - width, 1.0 + width))

    lenders = tuple(
        replace(
            x,
            limit=x.limit * by(0.6),
            commitment_fee=0.004 * by(0.9),
            tenors=tuple((n, rate * by(0.3)) for n, rate in x.tenors),
        )
        for x in inputs.lenders
    )
    buyers = tuple(
        replace(x, limit=x.limit * by(0.6), price=1.0 - 0.01 * abs(by(0.5))) for x in inputs.buyers
    )
    p2p = replace(inputs.p2p, limit=inputs.p2p.limit * by(0.5))
    return replace(
        inputs,
        lenders=lenders,
        buyers=buyers,
        p2p=p2p,
        demand=inputs.demand * by(0.2),
        promised=inputs.promised * 0.5,
        liquidity_floor=inputs.liquidity_floor * by(0.5),
        programme_limit=inputs.programme_limit * by(0.4),
        opex_per_year=inputs.opex_per_year * by(0.4),
    )


@pytest.mark.parametrize("seed", range(4))
def test_the_optimum_is_that_of_a_solve_from_nothing(small, before, seed):
    moved = _moved(small.inputs, np.random.default_rng(seed))
    plan = replan(moved, small.engine, before, choose=False)
    used = plan.optimum.inputs
    cold = solve(build_program(declare(used)))
    assert plan.objective == pytest.approx(cold.objective * used.unit, rel=1e-9)
    assert plan.objective != pytest.approx(before.objective, rel=1e-4)
    whole = optimum(moved, small.engine)
    assert plan.objective == pytest.approx(whole.solution.objective * used.unit, rel=1e-9)


def test_it_takes_few_steps_and_proves_its_duals(small, before):
    moved = replace(small.inputs, liquidity_floor=small.inputs.liquidity_floor * 1.2)
    program = build_program(declare(replace(moved, deals=before.optimum.inputs.deals)))
    warm, cold = solve_from(program, before.choice.first), solve(program)
    steps = [x._model.getInfo().simplex_iteration_count for x in (warm, cold)]
    assert 3 * steps[0] < steps[1]
    assert warm.objective == pytest.approx(cold.objective, rel=1e-9)
    assert warm.duality_gap < 1e-9
    row = program.rows_of("liquidity_floor")[1]
    assert warm.shifted({row: -1e-3}) == pytest.approx(cold.shifted({row: -1e-3}), rel=1e-9)


def test_sources_may_come_and_go(small, before):
    closed = replace(small.inputs, p2p=None, buyers=())
    plan = replan(closed, small.engine, before, choose=False)
    cold = optimum(closed, small.engine).solution
    assert plan.objective == pytest.approx(cold.objective * closed.unit, rel=1e-9)
    again = replan(small.inputs, small.engine, plan, choose=False)
    assert again.objective == pytest.approx(before.objective, rel=1e-9)


def test_the_plan_chosen_among_equals_is_the_same(small, before):
    again = replan(small.inputs, small.engine, before)
    assert again.objective == pytest.approx(before.objective, rel=1e-9)
    a, b = (x.optimum.decisions for x in (before, again))
    assert b.originated == pytest.approx(a.originated, abs=1e-4)
    assert again.net_income == pytest.approx(before.net_income, rel=1e-6)


def test_what_cannot_be_planned_is_refused_with_a_conflict(small, before):
    short = replace(small.inputs, liquidity_floor=1e5)
    with pytest.raises(InfeasibleError):
        replan(short, small.engine, before)


def _textbook(limits, prices, extra=()):
    """max prices @ x, with one row a limit: Dantzig's product mix."""
    program = Program("mix")
    names = ["x", "y", *extra]
    columns = [program.column("make", name) for name in names]
    terms = {"wood": (1.0, 0.0, 1.0), "steel": (0.0, 2.0, 1.0), "hours": (3.0, 2.0, 1.0)}
    rows = []
    for name, limit in limits.items():
        row = Terms()
        for j, c in zip(columns, terms[name], strict=False):
            row.add(j, c)
        rows.append((name, Row(row, "<=", limit)))
    program.add_family("limit", list(limits), rows)
    for j, price in zip(columns, prices, strict=True):
        program.objective.add(j, price)
    return program


def test_a_program_with_other_rows_and_columns_begins_from_what_is_alike():
    """The textbook's product mix (Hillier and Lieberman: 36), then with a third product and
    without a limit; scipy solves each from nothing.
    """
    first = solve(_textbook({"wood": 4.0, "steel": 12.0, "hours": 18.0}, (3.0, 5.0)))
    assert first.objective == pytest.approx(36.0)
    for limits, prices, extra in (
        ({"wood": 4.0, "steel": 12.0, "hours": 18.0}, (3.0, 5.0, 4.5), ("z",)),
        ({"wood": 5.0, "hours": 16.0}, (3.0, 5.0), ()),
        ({"hours": 10.0, "steel": 7.0, "wood": 1.0}, (2.0, 1.0, 3.0), ("z",)),
    ):
        program = _textbook(limits, prices, extra)
        found = solve_from(program, first)
        other = linprog(-program.costs(), A_ub=program.matrix().toarray(), b_ub=program.rows.right)
        assert found.objective == pytest.approx(-other.fun)
        assert found.dual == pytest.approx(-other.ineqlin.marginals, abs=1e-9)


def test_a_program_without_an_optimum_is_told_as_ever():
    first = solve(_textbook({"wood": 4.0, "steel": 12.0, "hours": 18.0}, (3.0, 5.0)))
    unbounded = _textbook({"wood": 4.0}, (3.0, 5.0))
    with pytest.raises(NoOptimumError, match="nbounded"):
        solve_from(unbounded, first)
