"""Plans over scenarios as plans to show: statements of their own one, prices expected over all."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from scfcap.errors import InputError
from scfcap.funding.nodes import Nodes
from scfcap.funding.plan import solve_plan
from scfcap.funding.scenarios import solve_scenarios
from scfcap.funding.terms import term_prices
from scfcap.funding.weighed import WeighedPlan, gave_way, solve_weighed

from .small_platform import LAW, Platform, platform, small_pool
from .variants import edited

SIX = {"plan.periods": 6, "concentration": [], "plan.unique": "perturbation"}
WEIGHTS = {"base": 0.7, "stress": 0.3}


@cache
def under(scenario: str) -> Platform:
    hard = {"default_multiple": 6.0, "severity_add": 0.1, "prepay_multiple": 0.5}
    changes = {**SIX, "scenarios.stress": hard, "plan.scenario": scenario}
    return platform(edited(changes), LAW, small_pool(150, 2))


@cache
def weighed(shared: int = 1) -> WeighedPlan:
    inputs = {name: under(name).inputs for name in WEIGHTS}
    nodes = Nodes.two_stage(2, 6, shared)
    return solve_weighed(inputs, WEIGHTS, nodes, under("base").engine, "base")


def test_its_statements_tie_and_its_checks_hold():
    tables = weighed().tables()
    checks = tables["checks"]
    assert list(checks[~checks["ok"].astype(bool)]["check"]) == []
    flows = tables["sources_uses"]
    for _, of in flows.groupby("period"):
        inflow = of.loc[of["side"] == "source", "amount"].sum()
        assert inflow == pytest.approx(of.loc[of["side"] == "use", "amount"].sum(), abs=1.0)


def test_it_is_as_good_as_the_plan_over_scenarios():
    inputs = {name: under(name).inputs for name in WEIGHTS}
    found = solve_scenarios(inputs, WEIGHTS, Nodes.two_stage(2, 6, 1), under("base").engine)
    plan = weighed()
    assert plan.objective == pytest.approx(found.objective * 1e6, rel=1e-7)
    table = plan.tables()["scenarios"]
    assert list(table["scenario"]) == ["base", "stress"]
    mean = (table["weight"] * table["objective_amount"]).sum()
    assert mean == pytest.approx(plan.objective, rel=1e-7)
    assert list(plan.tables()["together"]["groups"]) == [1, 2, 2, 2, 2, 2]


def test_scenarios_that_are_the_same_have_the_prices_of_one():
    once = under("base")
    alone = solve_plan(once.inputs, once.engine, channels=False)
    twice = solve_weighed(
        {"base": once.inputs, "again": once.inputs},
        {"base": 0.25, "again": 0.75},
        Nodes.two_stage(2, 6, 1),
        once.engine,
        "base",
    )
    known = {p.what: p for p in alone.prices}
    untold = set(known) - {p.what for p in twice.prices}
    assert all(known[what].low <= 1e-6 for what in untold)
    for price in twice.prices:
        if price.what in known:
            low, high = known[price.what].low, known[price.what].high
            assert low - 1e-6 <= price.value <= high + 1e-6, price.what
    terms = {p.what: p for p in term_prices(alone.optimum.book, alone.choice.first)}
    told = twice.tables()["term_prices"].set_index("what")["worth"].to_dict()
    assert set(told) == set(terms)
    for what, worth in told.items():
        low, high = terms[what].low * 1e6, terms[what].high * 1e6
        assert low - 1.0 <= worth <= high + 1.0, what


@pytest.mark.parametrize("what", ["net capital", "the line of bank-a", "the P2P limit"])
def test_an_expected_price_is_what_one_more_in_every_scenario_earns(what):
    plan, step = weighed(), 1e-4
    price = next(p for p in plan.prices if p.what == what)

    def moved(sign: float) -> float:
        change = sign * step
        inputs = {}
        for name in WEIGHTS:
            x = under(name).inputs
            if what == "net capital":
                x = replace(x, net_capital=x.net_capital + change, cash=x.cash + change)
            elif what == "the P2P limit":
                assert x.p2p is not None
                x = replace(x, p2p=replace(x.p2p, limit=x.p2p.limit + change))
            else:
                lenders = tuple(replace(y, limit=y.limit + change) for y in x.lenders)
                x = replace(x, lenders=lenders)
            inputs[name] = replace(x, deals=plan.scenarios.optima[name].inputs.deals)
        nodes = Nodes.two_stage(2, 6, 1)
        return solve_scenarios(inputs, WEIGHTS, nodes, under("base").engine).objective

    here = plan.scenarios.objective
    sides = sorted(((moved(1.0) - here) / step, (here - moved(-1.0)) / step))
    assert sides[0] - 1e-4 <= price.value <= sides[1] + 1e-4


def test_the_scenario_shown_must_happen():
    inputs = {name: under(name).inputs for name in WEIGHTS}
    nodes = Nodes.two_stage(2, 6, 1)
    with pytest.raises(InputError, match="no weight"):
        solve_weighed(inputs, {"base": 0.0, "stress": 1.0}, nodes, under("base").engine, "base")


def test_limits_that_give_way_in_a_scenario_are_told_and_cost_the_plan_nothing_in_words():
    asked = edited({**SIX, "plan.scenario": "stress", "plan.headroom": 1e9})
    hard = replace(platform(asked, LAW, small_pool(150, 2)).inputs, soft=True)
    inputs = {"base": under("base").inputs, "path 7": hard}
    nodes = Nodes.two_stage(2, 6, 1)
    plan = solve_weighed(inputs, {"base": 0.9, "path 7": 0.1}, nodes, under("base").engine, "base")
    told = gave_way(plan.all_scenarios)
    assert len(told) == 1
    assert told[0].startswith("In path 7, of probability 10.00%, no plan keeps all limits")
    assert "cash and undrawn lines" in told[0]
    table = plan.tables()["scenarios"].set_index("scenario")
    assert abs(table.loc["path 7", "objective_amount"]) < 1e8
    mean = (table["weight"] * table["objective_amount"]).sum()
    assert mean == pytest.approx(plan.objective, rel=1e-6)
