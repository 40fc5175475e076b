"""Money that is missing: what it costs, where it stands, and what it must cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from scfcap.cashflow.cohorts import cohort_factors
from scfcap.errors import InfeasibleError, InputError
from scfcap.funding import statements
from scfcap.funding.end_value import value_beyond
from scfcap.funding.inputs import Inputs
from scfcap.funding.ladder import maturity_ladder
from scfcap.funding.nodes import Nodes
from scfcap.funding.plan import Optimum, optimum
from scfcap.funding.replay import Engine, replay
from scfcap.funding.scenarios import ScenarioPlan, solve_scenarios
from scfcap.funding.shortfall import dearest_source, measured, shortfall_of
from scfcap.funding.variables import declare

from .small_platform import LAW, Platform, platform, small_pool
from .variants import edited

WEIGHTS = {"base": 0.7, "stress": 0.3}
#: Most of the plan's money that is rounding.
TINY = 1e-9


def shocked(scenario: str, **said: Any) -> Platform:
    """The small platform over six months with uncertainty, planned in one scenario."""
    uncertain = {"weights": WEIGHTS, "shortfall": {"rate": 1.0}, **said}
    changes = {
        "plan.periods": 6,
        "plan.scenario": scenario,
        "concentration": [],
        "plan.uncertainty": uncertain,
    }
    return platform(edited(changes), LAW, small_pool(150, 2))


@cache
def without() -> Optimum:
    p = shocked("base")
    plan = p.spec.plan.model_copy(update={"uncertainty": None})
    inputs = replace(p.inputs, spec=p.spec.model_copy(update={"plan": plan}))
    return optimum(inputs, p.engine)


def pressed(inputs: Inputs, floor: float) -> Inputs:
    """The same with a liquidity floor that its money may not reach."""
    return replace(inputs, liquidity_floor=floor)


@cache
def stressed(floor: float, **said: Any) -> tuple[dict[str, Inputs], Engine]:
    """Inputs of base, and of stress with another liquidity floor."""
    base, stress = shocked("base", **said), shocked("stress", **said)
    return {"base": base.inputs, "stress": pressed(stress.inputs, floor)}, base.engine


@cache
def planned(floor: float, shared: int = 1) -> ScenarioPlan:
    inputs, engine = stressed(floor)
    return solve_scenarios(inputs, WEIGHTS, Nodes.two_stage(2, 6, shared), engine)


def amounts(found: Optimum) -> np.ndarray:
    assert found.decisions.shortfall is not None
    return found.decisions.shortfall


def test_a_plan_without_uncertainty_has_no_such_column():
    columns = declare(without().inputs).program.columns
    assert "u" not in columns.family
    assert without().decisions.shortfall is None


def test_nothing_is_missing_where_money_is_there():
    p = shocked("base")
    found = optimum(p.inputs, p.engine)
    assert amounts(found).max() <= TINY
    assert found.solution.objective == pytest.approx(without().solution.objective, rel=1e-9)


def test_what_is_missing_makes_a_plan_where_there_is_none():
    p = shocked("base")
    hard = pressed(p.inputs, 150.0)
    with pytest.raises(InfeasibleError, match="liquidity floor"):
        optimum(replace(hard, spec=without().inputs.spec), p.engine)
    assert amounts(optimum(hard, p.engine)).min(initial=99.0, where=np.arange(7) > 0) > 1.0


@pytest.mark.parametrize("floor", [60.0, 150.0])
def test_it_stands_once_in_the_books_and_the_engines_agree(floor):
    plan = planned(floor)
    assert amounts(plan.optima["stress"]).max() > 1.0
    for found in plan.optima.values():
        frames = statements.all_statements(found.book, found.solution)
        checks = statements.checks(found.book, found.solution, found.replay, frames)
        assert checks["ok"].all(), checks[~checks["ok"]]
        got = amounts(found)
        sheet = frames["balance_sheet"]
        owed = sheet[sheet["item"] == "money missing"].set_index("period")["amount"]
        assert owed.to_numpy() == pytest.approx(got * 1e6, abs=1e-3)
        costs = frames["income"].query("item == 'cost of missing money'")["amount"].to_numpy()
        assert costs == pytest.approx(-got[:-1] * found.inputs.year[1:] * 1e6, abs=1e-3)


def test_the_engines_know_what_is_missing_from_the_decisions_alone():
    """A unit missing at the close of 2: cash is 1 up then, and the cost of a month down after."""
    p = shocked("base", shortfall={"rate": 0.36})
    found = optimum(p.inputs, p.engine)
    more = np.zeros(7)
    more[2] = 1.0
    moved = replay(p.inputs, replace(found.decisions, shortfall=amounts(found) + more), p.engine)
    cost, yields = 0.36 / 12.0, 1.0 + 0.0035 / 12.0
    cash = [0.0, 0.0, 1.0, yields - 1.0 - cost]
    cash += [cash[-1] * yields**n for n in (1, 2, 3)]
    assert moved.cash - found.replay.cash == pytest.approx(cash, abs=1e-9)
    assert moved.net_capital - found.replay.net_capital == pytest.approx(
        [0.0, 0.0, 0.0, *cash[3:]], abs=1e-9
    )


def test_what_is_missing_at_the_end_is_owed_with_what_it_costs():
    """``(1 + 1/12) (1 + terminal_rate)^(-1/12) - 1`` beyond par."""
    p = shocked("base")
    book = declare(p.inputs)
    terms = value_beyond(book)["money missing"]
    at = p.spec.plan.terminal_rate
    over = (1.0 + 1.0 / 12.0) * (1.0 + at) ** (-1.0 / 12.0) - 1.0
    assert terms.coefficients == {book.program.find("u", 6): pytest.approx(-over, rel=1e-12)}


def test_it_is_due_at_the_next_close():
    found = planned(150.0).optima["stress"]
    p = shocked("stress")
    factors = cohort_factors(small_pool(150, 2), p.engine.curves, p.engine.new, 6)
    ladder = maturity_ladder(found.book, found.solution, factors)
    mine = ladder[(ladder["item"] == "money missing") & (ladder["amount"] > 1.0)]
    assert set(mine["bucket"]) == {"to 30 days", "to 90 days"}
    assert mine.groupby("period")["amount"].sum().to_dict() == pytest.approx(
        {t: 1e6 * x for t, x in enumerate(amounts(found)) if x > 1e-6}
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shortfall": {"rate": 0.1}}, "0.1, while P2P notes costs up to 0.125 a year"),
        ({"shortfall": {"rate": 0.125}}, "above 0.125"),
    ],
)
def test_a_rate_that_makes_it_a_source_is_refused(changes, said):
    with pytest.raises(InputError, match=said):
        shocked("base", **changes)


def test_a_rate_must_exceed_what_a_shock_makes_of_sources():
    shock = {"shocks": [{"kind": "rate_shock", "bank": 0.1, "p2p": 0.03, "coupon": 0.02}]}
    uncertain = {"weights": WEIGHTS, "shortfall": {"rate": 0.17}}
    changes = {"scenarios.stress": shock, "plan.uncertainty": uncertain}
    platform(edited(changes), LAW)
    with pytest.raises(InputError, match=r"bank-a costs up to 0.1725 a year in scenario stress"):
        platform(edited({**changes, "plan.scenario": "stress"}), LAW)


def test_a_series_costs_its_coupons_fee_and_issue_cost():
    """(0.75 * 0.062 + 0.15 * 0.11 + 0.004) / 0.9 and 0.002 over 15 months."""
    p = platform(edited({"lenders": [], "p2p": None, "opening.net_capital": 70.0e6}), LAW)
    name, rate = dearest_source(p.inputs)
    assert name in ("series-2", "series-3")
    assert rate == pytest.approx((0.75 * 0.062 + 0.15 * 0.11 + 0.004) / 0.9 + 0.002 * 12 / 15)


def test_a_plan_after_lending_misses_no_money_for_it():
    found: dict[str, Mapping[str, float]] = {}
    p = shocked("base")
    for name, spec in (("with", p.spec), ("without", without().inputs.spec)):
        plan = spec.plan.model_copy(update={"objective": "max_lending"})
        inputs = replace(p.inputs, spec=spec.model_copy(update={"plan": plan}))
        solved = optimum(inputs, p.engine)
        found[name] = {"objective": solved.solution.objective}
        if name == "with":
            assert amounts(solved).max() <= TINY
    assert found["with"]["objective"] == pytest.approx(found["without"]["objective"], rel=1e-8)


def test_weeks_and_months_add_up_alike():
    """A unit missing throughout counts one for each month, discounted by the years to a close."""
    for frequency in ("month", "weeks_then_months"):
        inputs = platform(edited({"plan.frequency": frequency}), LAW).inputs
        ones, years = np.ones(inputs.horizon + 1), np.cumsum(inputs.year)[1:]
        parts = (1.0 + inputs.spec.plan.terminal_rate) ** -years * inputs.units[1:]
        assert [weight for _, weight in measured(inputs, "total")] == pytest.approx(parts)
        plan = inputs.spec.plan.model_copy(update={"terminal_rate": 0.0})
        flat = replace(inputs, spec=inputs.spec.model_copy(update={"plan": plan}))
        assert shortfall_of(flat, ones) == pytest.approx(12.0, rel=0.01)
        assert shortfall_of(inputs, ones * 3.0, "worst") == 3.0
