"""Plans over several scenarios: what is decided together, and what each scenario makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from scfcap.errors import FaultError, InfeasibleError, InputError
from scfcap.funding import statements
from scfcap.funding.inputs import Inputs
from scfcap.funding.nodes import Nodes, close_nodes, decided_in, views
from scfcap.funding.plan import optimum
from scfcap.funding.program import (
    LabelError,
    Program,
    Row,
    Solution,
    Terms,
    lp_text,
    solve,
)
from scfcap.funding.replay import Engine, replay
from scfcap.funding.scenarios import ScenarioPlan, build_scenarios, solve_scenarios
from scfcap.funding.unique import choose
from scfcap.quantities import FloatArray
from tests.witnesses import programs
from tests.witnesses.book import holds

from .small_platform import LAW, platform, small_pool
from .test_linprog import CHANGES, ByHand
from .variants import edited, own_pool

#: Six months with all channels, free of limits on shares.
SHORT = {"plan.periods": 6}
WEIGHTS = {"base": 0.7, "stress": 0.3}


@cache
def under(scenario: str) -> tuple[Inputs, Engine]:
    """The small platform planned in one scenario; a harder one than its own stress."""
    hard = {"default_multiple": 6.0, "severity_add": 0.1, "prepay_multiple": 0.5}
    changes = edited(
        {**SHORT, "scenarios.stress": hard, "plan.scenario": scenario, "concentration": []}
    )
    p = platform(changes, LAW, small_pool(150, 2))
    return p.inputs, p.engine


def inputs_of(names: Mapping[str, str]) -> dict[str, Inputs]:
    """Inputs by name, each in the scenario said."""
    return {name: under(scenario)[0] for name, scenario in names.items()}


BOTH = {"base": "base", "stress": "stress"}


@cache
def both(shared: int) -> ScenarioPlan:
    """The plan over base and stress, decided together in so many periods."""
    return solve_scenarios(
        inputs_of(BOTH), WEIGHTS, Nodes.two_stage(2, 6, shared), under("base")[1]
    )


@cache
def alone(scenario: str) -> Any:
    return optimum(*under(scenario))


# What must change nothing.


@pytest.mark.parametrize("how", ["passes", "perturbation"])
@pytest.mark.parametrize("shared", [1, 6])
def test_scenarios_that_are_the_same_choose_the_same_of_equal_plans(how, shared):
    once = alone("base")
    wanted = choose(once.book, once.solution, how).solution
    twice = dict.fromkeys(("one", "other"), once.inputs)
    nodes = Nodes.two_stage(2, 6, shared)
    program, books = build_scenarios(twice, {"one": 0.5, "other": 0.5}, nodes)
    found = choose(tuple(books.values()), solve(program), how)
    assert found.given_up == pytest.approx(0.0, abs=1e-4)
    assert np.abs(found.solution.x).max() > 1.0
    for book in books.values():
        for j, family, key in book.program.labelled():
            assert found.solution.x[j] == pytest.approx(wanted.value(family, key), abs=1e-3)


def test_one_scenario_gives_the_very_program_of_a_plan_without_scenarios():
    inputs = inputs_of({"base": "base"})
    program, books = build_scenarios(inputs, {"base": 1.0}, Nodes.two_stage(1, 6, 1))
    assert books["base"].program is program
    assert lp_text(program) == lp_text(build_scenarios(inputs, {}, Nodes.two_stage(1, 6, 0))[0])
    plan = solve_scenarios(inputs, {"base": 1.0}, Nodes.two_stage(1, 6, 1), under("base")[1])
    assert plan.objective == alone("base").solution.objective
    assert np.array_equal(plan.solution.x, alone("base").solution.x)


def test_a_scenario_split_into_two_halves_changes_nothing():
    names = {"first": "base", "second": "base", "stress": "stress"}
    weights = {"first": 0.3, "second": 0.4, "stress": 0.3}
    split = solve_scenarios(inputs_of(names), weights, Nodes.two_stage(3, 6, 1), under("base")[1])
    assert split.objective == pytest.approx(both(1).objective, rel=1e-9)


def test_a_scenario_of_weight_zero_changes_nothing():
    plan = solve_scenarios(
        inputs_of(BOTH),
        {"base": 1.0, "stress": 0.0},
        Nodes.two_stage(2, 6, 1),
        under("base")[1],
    )
    assert list(plan.optima) == ["base"]
    assert plan.objective == alone("base").solution.objective
    assert np.array_equal(plan.optima["base"].solution.x, alone("base").solution.x)


@pytest.mark.parametrize("shared", [0, 2, 6])
def test_identical_scenarios_give_the_plan_of_one(shared):
    names = {"one": "stress", "two": "stress"}
    plan = solve_scenarios(
        inputs_of(names),
        {"one": 0.25, "two": 0.75},
        Nodes.two_stage(2, 6, shared),
        under("base")[1],
    )
    assert plan.objective == pytest.approx(alone("stress").solution.objective, rel=1e-9)


# What is decided together.


def decided_by(plan: ScenarioPlan, name: str, last: int) -> dict[tuple[Any, ...], float]:
    """Decisions of a scenario up to a period, but zeros."""
    d = plan.optima[name].decisions
    found: dict[tuple[Any, ...], float] = {}
    for what, values in (("O", d.originated), ("P", d.placed)):
        for (i, t), amount in np.ndenumerate(values[:, : last + 1]):
            found[what, i, t] = float(amount)
    found |= {("Y", *key): x for key, x in d.transfers.items() if key[-1] <= last}
    found |= {("X", *key): x for key, x in d.draws.items() if key[-1] <= last}
    deals = plan.optima[name].inputs.deals
    closing = {x.name: x.closing for x in deals}
    found |= {("S", key): x for key, x in d.issued.items() if closing[key] <= last}
    return {key: x for key, x in found.items() if x != 0.0}


@pytest.mark.parametrize("shared", [1, 3])
def test_nobody_decides_by_what_he_cannot_know(shared):
    plan = both(shared)
    for t in range(1, shared + 1):
        assert decided_by(plan, "base", t) == decided_by(plan, "stress", t) != {}
    assert decided_by(plan, "base", 6) != decided_by(plan, "stress", 6)


def test_a_decision_is_one_column_for_each_node():
    index = np.zeros((3, 7), dtype=np.int64)
    index[2, 2:] = 1
    index[1, 4:] = 2
    names = {"a": "base", "b": "base", "c": "stress"}
    program, books = build_scenarios(inputs_of(names), dict.fromkeys(names, 1 / 3), Nodes(index))
    for t, groups in {1: ["abc"], 2: ["ab", "c"], 3: ["ab", "c"], 4: ["a", "b", "c"]}.items():
        columns = {name: books[name].program.find("O", (0, t)) for name in names}
        for group in groups:
            assert len({columns[name] for name in group}) == 1
        assert len(set(columns.values())) == len(groups)
    for family in ("M", "K"):
        assert len({books[name].program.find(family, 1) for name in names}) == 3
    counted = [key for f, key in zip(program.columns.family, program.columns.key, strict=True)
               if f == "O" and key[:2] == (0, 3)]  # fmt: skip
    assert counted == [(0, 3, "node 0"), (0, 3, "in c")]


def test_what_is_known_earlier_is_worth_something():
    objectives = [both(shared).objective for shared in (0, 1, 3, 6)]
    assert all(a >= b - 1e-9 for a, b in pairwise(objectives))
    assert objectives[0] > objectives[-1] + 1e-3
    known = sum(w * alone(name).solution.objective for name, w in WEIGHTS.items())
    assert objectives[0] == pytest.approx(known, rel=1e-9)


def copies_alike(inputs: Mapping[str, Inputs], shared: int) -> Solution:
    """The same plan with a column for each scenario, and a row that holds each pair equal."""
    program, books = build_scenarios(inputs, WEIGHTS, Nodes.two_stage(2, 6, 0))
    first, second = (book.program for book in books.values())
    when = decided_in(next(iter(inputs.values())))
    rows: list[tuple[Any, Row]] = []
    for family, key in dict.fromkeys([*first._column_index, *second._column_index]):
        t = when(family, key)
        if t is not None and t <= shared:
            terms = Terms().add(first.find(family, key)).add(second.find(family, key), -1.0)
            rows.append(((family, key), Row(terms, "=")))
    program.add_family("alike", [key for key, _ in rows], rows)
    return solve(program)


@pytest.mark.parametrize("shared", [1, 3])
def test_columns_of_nodes_and_copies_held_equal_have_one_optimum(shared):
    inputs = {name: x.inputs for name, x in both(shared).optima.items()}
    assert copies_alike(inputs, shared).objective == pytest.approx(both(shared).objective, rel=1e-8)


def test_nothing_is_decided_that_one_scenario_of_a_node_does_not_know():
    inputs = inputs_of(BOTH)
    demand = np.array(inputs["stress"].demand)
    demand[1, 1] = 0.0
    inputs["stress"] = replace(inputs["stress"], demand=demand)
    plan = solve_scenarios(inputs, WEIGHTS, Nodes.two_stage(2, 6, 1), under("base")[1])
    assert both(1).optima["base"].decisions.originated[1, 1] > 1.0
    assert plan.optima["base"].decisions.originated[1, 1] == 0.0
    known = {name: x.inputs for name, x in plan.optima.items()}
    assert copies_alike(known, 1).objective == pytest.approx(plan.objective, rel=1e-8)


# Witnesses.


def by_hand(scenarios: Mapping[str, ByHand], cash: float, capital: float, shared: int) -> float:
    """Two stages by linprog: columns of the first periods once, the others for each scenario."""
    index: dict[tuple[Any, ...], int] = {}
    parts = []
    for name, hand in scenarios.items():
        place = [
            index.setdefault(key if key[-1] <= shared else (name, *key), len(index))
            for key in hand.columns
        ]
        money, worth = hand.accounts(cash, capital)
        gain = worth[-1] - hand.constant(capital) + hand.premium()
        parts.append((WEIGHTS[name], place, gain, np.array(list(hand.limits(money, worth)))))
    objective = np.zeros(len(index) + 1)
    blocks = []
    for weight, place, gain, rows in parts:
        objective[place] += weight * gain[:-1]
        objective[-1] += weight * gain[-1]
        wide: FloatArray = np.zeros((len(rows), len(index) + 1))
        wide[:, place] = rows[:, :-1]
        wide[:, -1] = rows[:, -1]
        blocks.append(wide[np.abs(wide[:, :-1]).any(axis=1)])
    rows = np.concatenate(blocks)
    tight = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    answer = linprog(-objective[:-1], rows[:, :-1], -rows[:, -1], bounds=(0.0, None), options=tight)
    assert answer.status == 0, answer.message
    return float(objective[-1] - answer.fun)


def test_two_stages_by_scipy():
    pool = own_pool(small_pool(120, 3))
    hands, inputs = {}, {}
    for name, cdr in (("base", 0.04), ("stress", 0.4)):
        changes = {**CHANGES, "credit.segments.credit.cdr": cdr, "plan.liquidity_floor": 8.0e6}
        p = platform(edited(changes), LAW, pool)
        hands[name], inputs[name] = ByHand(p.spec, pool), p.inputs
    first = inputs["base"]
    inputs["stress"] = replace(inputs["stress"], cash=first.cash, net_capital=first.net_capital)
    found = {}
    for shared in (0, 1, 4):
        program, _ = build_scenarios(inputs, WEIGHTS, Nodes.two_stage(2, 4, shared))
        found[shared] = solve(program).objective
        assert found[shared] == pytest.approx(
            by_hand(hands, first.cash, first.net_capital, shared), rel=1e-8
        )
    assert found[0] > found[1] > found[4]


def test_two_stages_published():
    """Higle 2005: recourse optimum 1,730, mean-value problem 4,165."""
    holds(programs.dakota())


# Replay.


def test_the_engines_carry_the_plan_out_in_every_scenario():
    plan = both(2)
    for name, found in plan.optima.items():
        assert found.inputs.spec.plan.scenario == name
        frames = statements.all_statements(found.book, found.solution)
        checks = statements.checks(found.book, found.solution, found.replay, frames)
        assert checks["ok"].all(), checks[~checks["ok"]]
        for family, path in (("M", found.replay.cash), ("K", found.replay.net_capital)):
            planned = [found.solution.value(family, t) for t in found.inputs.periods]
            assert path[1:] == pytest.approx(planned, abs=1e-6)
    other = replay(plan.optima["base"].inputs, plan.optima["stress"].decisions, under("base")[1])
    assert np.abs(other.cash - plan.optima["stress"].replay.cash).max() > 0.1


def test_the_objective_is_the_weighted_sum_of_the_scenarios():
    plan = both(1)
    each = {name: x.solution.objective for name, x in plan.optima.items()}
    assert plan.objective == pytest.approx(sum(WEIGHTS[n] * x for n, x in each.items()), rel=1e-12)
    assert each["stress"] < each["base"] - 1.0


# Duals.


@pytest.mark.parametrize("family", ["liquidity_floor", "demand", "cash_balance"])
def test_duals_are_worth_what_is_expected_or_what_happens(family):
    """Against differences: a row moved in every scenario, and in one."""
    plan, step = both(1), 1e-3
    rows = {name: x.book.program.rows_of(family) for name, x in plan.optima.items()}
    expected = plan.expected_duals(family)
    key = max(expected, key=lambda k: abs(expected[k]))
    assert abs(expected[key]) > 1e-4

    def gained(names: list[str]) -> float:
        moved = plan.solution.shifted({rows[name][key]: step for name in names})
        assert moved is not None
        return (moved - plan.objective) / step

    assert gained(list(WEIGHTS)) == pytest.approx(expected[key], rel=1e-5)
    for name, weight in WEIGHTS.items():
        happens = plan.duals_if(family, name)[key]
        assert gained([name]) / weight == pytest.approx(happens, rel=1e-5, abs=1e-7)


# What is refused.


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"base": 0.5, "stress": 0.4}, "a sum of 0.9"),
        ({"base": 1.5, "stress": -0.5}, "weight of scenario stress: found -0.5"),
        ({"base": float("nan"), "stress": 1.0}, "weight of scenario base: found nan"),
        ({"stress": 0.5, "base": 0.5}, "in that order"),
        ({"base": 1.0}, "one weight for each of base, stress"),
    ],
)
def test_weights_that_are_none(weights, said):
    with pytest.raises(InputError, match=said):
        solve_scenarios(inputs_of(BOTH), weights, Nodes.two_stage(2, 6, 1), under("base")[1])


def test_a_conflict_of_one_scenario_names_it():
    inputs = inputs_of(BOTH)
    inputs["stress"] = replace(inputs["stress"], liquidity_floor=400.0)
    with pytest.raises(InfeasibleError, match="In scenario stress: No plan keeps all") as told:
        solve_scenarios(inputs, WEIGHTS, Nodes.two_stage(2, 6, 1), under("base")[1])
    assert "liquidity floor" in str(told.value)


def test_a_conflict_of_what_is_decided_together_names_the_limit_and_its_scenario():
    """Base has promised 5% of 40 million in January; in stress nobody asks then."""
    inputs = inputs_of(BOTH)
    x = inputs["stress"]
    demand, promised = np.array(x.demand), np.array(x.promised)
    demand[0, 1] = promised[0, 1] = 0.0
    inputs["stress"] = replace(x, demand=demand, promised=promised)
    with pytest.raises(InfeasibleError, match="Each scenario has a plan, but none") as told:
        solve_scenarios(inputs, WEIGHTS, Nodes.two_stage(2, 6, 1), under("base")[1])
    assert "lower promised lending credit in base by CNY 2,000,000 at 2014-01-31" in str(told.value)
    (relaxed,) = told.value.relaxations
    assert relaxed[:2] == ("promised_demand", ("credit", 1, "in base"))
    assert relaxed[2] == pytest.approx(2.0e6, rel=1e-6)
    solve_scenarios(inputs, WEIGHTS, Nodes.two_stage(2, 6, 0), under("base")[1])


def test_nodes_that_are_no_tree():
    with pytest.raises(FaultError, match="node 0 of period 2 joins nodes"):
        Nodes(np.array([[0, 0, 0], [0, 1, 0]]))
    with pytest.raises(FaultError, match="differ at as_of"):
        Nodes(np.array([[0, 0], [1, 1]]))
    with pytest.raises(FaultError, match="shape"):
        Nodes(np.array([0, 0]))
    with pytest.raises(FaultError, match="7 shared periods, of 6"):
        Nodes.two_stage(2, 6, 7)


def test_inputs_that_do_not_fit():
    inputs = inputs_of(BOTH)
    with pytest.raises(FaultError, match="nodes of 5 periods for plans of 6"):
        build_scenarios(inputs, WEIGHTS, Nodes.two_stage(2, 5, 1))
    with pytest.raises(FaultError, match="3 scenarios of nodes, 2 named"):
        build_scenarios(inputs, WEIGHTS, Nodes.two_stage(3, 6, 1))
    inputs["stress"] = replace(inputs["stress"], unit=1.0)
    with pytest.raises(FaultError, match="scenario stress has another grid, unit"):
        build_scenarios(inputs, WEIGHTS, Nodes.two_stage(2, 6, 1))


def test_columns_must_say_when_they_are_decided():
    inputs = under("base")[0]
    part = views(Program("p"), {"a": decided_in(inputs)}, Nodes.two_stage(1, 6, 1))[0]
    with pytest.raises(LabelError, match="columns W are neither decided in a period nor follow"):
        part.column("W", 1)
    part.column("O", (0, 1))
    with pytest.raises(LabelError, match="declared twice in a"):
        part.column("O", (0, 1))


def test_bounds_of_a_node_are_those_of_all_its_scenarios():
    def first(*_: Any) -> int:
        return 1

    program = Program("p")
    one, two = views(program, {"one": first, "two": first}, Nodes.two_stage(2, 1, 1))
    j = one.column("x", 1, lower=1.0, upper=5.0)
    assert two.column("x", 1, lower=2.0, upper=9.0) == j
    assert (program.columns.lower[j], program.columns.upper[j]) == (2.0, 5.0)
    one.column("y", 1, upper=1.0)
    with pytest.raises(LabelError, match="exclude each other in two"):
        two.column("y", 1, lower=2.0)
    one.column("z", 1, lower=1.0)
    with pytest.raises(LabelError, match="exclude each other"):
        close_nodes([one, two])
