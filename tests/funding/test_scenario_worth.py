"""The value of planning with scenarios, against a published case and by its own rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from scfcap.funding.inputs import Inputs
from scfcap.funding.mean import mean_inputs, stood_before
from scfcap.funding.nodes import Nodes
from scfcap.funding.plan import optimum
from scfcap.funding.program import Row, Terms, solve
from scfcap.funding.replay import Engine
from scfcap.funding.scenarios import ScenarioPlan, solve_scenarios
from scfcap.funding.worth import Worth, held_at, root_columns, worth_of, worth_table
from tests.witnesses.book import golden
from tests.witnesses.programs import DAKOTA, Dakota

from .small_platform import LAW, platform, small_pool
from .test_shortfall import shocked
from .variants import edited

CASE = golden(DAKOTA)
WEIGHTS = {"base": 0.6, "stress": 0.4}
#: Borrowers stop paying, the line is cut, P2P lenders run, the market takes half of a series.
HARD = {
    "default_multiple": 8.0,
    "severity_add": 0.1,
    "shocks": [
        {"kind": "bank_line_cut", "cut": 0.8, "from_period": 2},
        {"kind": "p2p_run_off", "share": 0.8, "cut": 0.5, "from_period": 2},
        {"kind": "market_shut", "cut": 0.5, "from_period": 3},
        {"kind": "outage", "days": 20, "from_period": 3},
        {"kind": "rate_shock", "bank": 0.02, "p2p": 0.03},
    ],
}


def test_dakota_by_its_first_stage_held():
    """Higle 2005: 1,730 of the recourse problem, 4,165 of the mean; 1,545 of its purchases."""
    demand, odds = CASE["statement"]["demand"], CASE["statement"]["probability"]
    expected = CASE["expected"]
    mean = {p: sum(odds[k] * demand[k][p] for k in demand) for p in Dakota.PRODUCTS}
    certain = Dakota({"mean": mean}, {"mean": 1.0})
    bought = certain.bought(solve(certain.program))
    model = Dakota(demand, odds)
    columns = root_columns(model.parts, len(demand))
    assert set(columns) == {("bought", r) for r in Dakota.USE}
    held = held_at(model.program, {j: bought[key] for (_, key), j in columns.items()}, "highs")
    alone = sum(odds[k] * solve(Dakota({k: demand[k]}, {k: 1.0}).program).objective for k in demand)
    worth = Worth(solve(Dakota(demand, odds).program).objective, 4165.0, held, alone)
    assert held.given_up == 0.0
    assert held.objective == pytest.approx(
        expected["expected_result_of_mean_value_solution"], abs=1e-3
    )
    assert worth.vss == pytest.approx(expected["value_of_stochastic_solution"], abs=1e-3)
    assert worth.evpi == pytest.approx(expected["expected_value_of_perfect_information"], abs=1e-6)


def test_what_cannot_be_held_gives_way_by_the_least():
    """The store takes 1,000 of the 1,300 lumber: 300 give way, and the rest is bought as asked."""
    demand, odds = CASE["statement"]["demand"], CASE["statement"]["probability"]
    asked = {"lumber": 1300.0, "finishing": 540.0, "carpentry": 325.0}
    found = []
    for store, amounts in ((1000.0, asked), (9999.0, asked | {"lumber": 1000.0})):
        model = Dakota(demand, odds)
        columns = {key: j for (_, key), j in root_columns(model.parts, 3).items()}
        row = Row(Terms().add(columns["lumber"]), "<=", store)
        model.program.add_family("store", ["lumber"], [("lumber", row)])
        held = {columns[key]: amount for key, amount in amounts.items()}
        found.append(held_at(model.program, held, "highs"))
    assert found[0].given_up == pytest.approx(300.0)
    assert found[1].given_up == 0.0
    assert found[0].objective == pytest.approx(found[1].objective, abs=1e-2)
    assert found[1].objective < 1730.0 - 1.0


@cache
def worlds(scenarios: tuple[str, ...] = ("base", "stress")) -> tuple[dict[str, Inputs], Engine]:
    changes = {"plan.periods": 6, "scenarios.stress": HARD, "concentration": []}
    uncertain = {"weights": WEIGHTS, "shortfall": {"rate": 1.0}}
    found = {
        name: platform(
            edited({**changes, "plan.scenario": name, "plan.uncertainty": uncertain}),
            LAW,
            small_pool(150, 2),
        )
        for name in scenarios
    }
    return {name: p.inputs for name, p in found.items()}, found[scenarios[0]].engine


@cache
def planned(shared: int) -> ScenarioPlan:
    inputs, engine = worlds()
    return solve_scenarios(inputs, WEIGHTS, Nodes.two_stage(2, 6, shared), engine)


@pytest.mark.parametrize("shared", [1, 3])
def test_a_plan_with_scenarios_is_no_worse_than_one_for_their_mean(shared):
    plan = planned(shared)
    worth = worth_of(plan)
    assert worth.vss >= -1e-6
    assert worth.evpi >= -1e-6
    assert worth.foresight > worth.stochastic > worth.carried.objective
    assert worth.foresight == pytest.approx(
        sum(
            w * optimum(plan.optima[name].inputs, worlds()[1]).solution.objective
            for name, w in WEIGHTS.items()
        ),
        rel=1e-6,
    )


def test_scenarios_that_are_the_same_make_planning_with_them_worth_nothing():
    inputs, engine = worlds()
    twice = {"one": inputs["stress"], "other": inputs["stress"]}
    plan = solve_scenarios(twice, {"one": 0.3, "other": 0.7}, Nodes.two_stage(2, 6, 2), engine)
    worth = worth_of(plan)
    assert worth.mean == pytest.approx(plan.objective, rel=1e-8)
    assert worth.carried.given_up == 0.0
    assert worth.vss == pytest.approx(0.0, abs=1e-5)
    assert worth.evpi == pytest.approx(0.0, abs=1e-6)
    told = worth_table(plan, worth).set_index("item")["sentence"]
    assert told["value of the stochastic solution"].endswith("the plan for the mean is as good.")
    assert "worth nothing" in told["expected value of perfect information"]


def test_the_mean_of_flows_is_the_flow_of_the_mean():
    """Principal, interest, losses and recoveries of the opening book, left alone, by scenario."""
    inputs, _ = worlds()
    mean = mean_inputs(inputs, WEIGHTS)
    for name in ("repaid", "default", "interest", "survive"):
        each = {k: getattr(x.cohorts, name) * stood_before(x.cohorts) for k, x in inputs.items()}
        wanted = sum(w * each[k] for k, w in WEIGHTS.items())
        found = getattr(mean.cohorts, name) * stood_before(mean.cohorts)
        assert found == pytest.approx(wanted, abs=1e-14)
    standing = mean.cohorts.path
    for j in range(len(mean.cohorts)):
        for t in range(max(int(mean.cohorts.vintage[j]), 0) + 1, 7):
            if standing[j, t - 1] > 1e-9:
                share = mean.cohorts.survive[j, t]
                assert standing[j, t] == pytest.approx(share * standing[j, t - 1], abs=1e-12)
    assert mean.path is not None
    for t in range(1, 7):
        arrived = {k: x.path.arrival[:, t] if x.path is not None else np.eye(7)[:, t]
                   for k, x in inputs.items()}  # fmt: skip
        assert mean.path.arrival[:, t] == pytest.approx(
            sum(w * arrived[k] for k, w in WEIGHTS.items())
        )


def test_lines_supply_demand_and_rates_are_averaged():
    inputs, _ = worlds()
    mean = mean_inputs(inputs, WEIGHTS)
    line, p2p = mean.lenders[0], mean.p2p
    assert line.line(3) == pytest.approx(15.0 * (0.6 + 0.4 * 0.2))
    assert line.rate(0.07, 3) == pytest.approx(0.07 + 0.4 * 0.02)
    assert p2p is not None
    assert p2p.renewed is not None
    assert p2p.renewed[3] == pytest.approx(0.6 + 0.4 * 0.2)
    sizes = {d.name: d.max_pool for d in mean.deals if d.state is None}
    assert sizes["series-3"] == pytest.approx(30.0 * (0.6 + 0.4 * 0.5))
    demand = sum(w * inputs[name].demand for name, w in WEIGHTS.items())
    assert mean.demand == pytest.approx(demand)


def test_risk_is_that_of_all_scenarios_together():
    risk = {"level": 0.6, "weight": 0.01}
    names: Mapping[str, Any] = {name: shocked(name, risk=risk) for name in ("base", "stress")}
    inputs = {name: p.inputs for name, p in names.items()}
    inputs["stress"] = replace(inputs["stress"], liquidity_floor=100.0)
    plan = solve_scenarios(inputs, WEIGHTS, Nodes.two_stage(2, 6, 1), names["base"].engine)
    worth = worth_of(plan)
    assert worth.carried.objective <= worth.stochastic + 1e-6
    assert worth.foresight >= worth.stochastic - 1e-6


def test_the_table_says_what_it_earns_and_where_that_is_within_the_spread():
    plan = planned(3)
    worth = worth_of(plan)
    table = worth_table(plan, worth).set_index("item")
    vss = "value of the stochastic solution"
    assert table.loc[vss, "amount"] == pytest.approx(worth.vss * 1e6)
    assert "on average over a plan for their mean" in table.loc[vss, "sentence"]
    said = table.loc["mean of the worst shortfalls", "sentence"]
    assert said.startswith("Shortfall of the worst 20% over the plan, a month that")
    within = worth_table(plan, worth, spread=2.0 * worth.vss).set_index("item")
    assert "nothing, the plan for the mean is as good" in within.loc[vss, "sentence"]


def test_amounts_that_risk_is_taken_off_say_so():
    plan = planned(3)
    risky = shocked("base", risk={"level": 0.6, "weight": 0.01})
    said = worth_table(plan, worth_of(plan)).set_index("item")["sentence"]
    assert said["plan for all scenarios"] == "What the plan expects."
    first = next(iter(plan.optima))
    optima = {**plan.optima, first: replace(plan.optima[first], inputs=risky.inputs)}
    table = worth_table(replace(plan, optima=optima), worth_of(plan)).set_index("item")
    for item in ("plan for all scenarios", "value of the stochastic solution"):
        assert table.loc[item, "sentence"].endswith(", less what risk takes off.")
