"""Income against lending against headroom: what no other plan beats, what a little more costs."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from scfcap.errors import InputError
from scfcap.funding.frontier import Frontier, frontier
from scfcap.funding.inputs import Inputs
from scfcap.funding.nodes import Nodes
from scfcap.funding.plan import Optimum, optimum
from scfcap.funding.scenarios import solve_scenarios
from scfcap.report.frontier import Opened

from .small_platform import LAW, Platform, platform, small_pool
from .variants import edited

#: Borrowers of "credit" who pay less than money costs at the margin: lending more earns less.
SIX = {"plan.periods": 6, "concentration": [], "demand.credit.new_loans.rate": 0.10}


def small(scenario: str = "base", **plan: object) -> Platform:
    stated = {f"plan.{key}": value for key, value in plan.items()}
    return platform(edited({**SIX, "plan.scenario": scenario, **stated}), LAW, small_pool(150, 2))


@cache
def best() -> Optimum:
    return optimum(small().inputs, small().engine)


@cache
def found(points: int = 3) -> Frontier:
    plan = best()
    return frontier({"base": plan.book}, {"base": 1.0}, plan.solution, points)


def floored(lending: float = 0.0, headroom: float = 0.0) -> Optimum:
    """The plan with floors of ``[plan]`` [currency], cold, its series repaid as in the best one."""
    p = small(lending_floor=lending, headroom=headroom)
    return optimum(replace(p.inputs, deals=best().inputs.deals), p.engine)


def test_its_best_end_is_the_plan():
    table = found().table
    income = table.loc[table["corner"] == "most income", "income_amount"].item()
    assert income == pytest.approx(best().solution.objective * 1e6, rel=1e-6)


def test_each_point_is_the_plan_with_these_floors():
    table = found().table
    assert len(table) >= 4
    for row in table.iloc[[1, -1]].to_dict("records"):
        again = floored(row["lending_floor"], row["headroom_floor"])
        assert again.solution.objective * 1e6 == pytest.approx(row["income_amount"], rel=1e-5)


def test_no_point_is_beaten_by_another():
    values = found().table[["income_amount", "lending_amount", "headroom_amount"]].to_numpy()
    for mine in values:
        beaten = (values >= mine + 1.0).all(axis=1)
        assert not beaten.any()


def test_more_of_the_one_is_less_of_the_other_and_costs_its_slope():
    table = found(4).table
    for _, rows in table.groupby("headroom_floor"):
        line = rows.sort_values("lending_floor")
        line = line[line["income_per_lending"] > 0.0]
        lent, income = line["lending_floor"].to_numpy(), line["income_amount"].to_numpy()
        assert (np.diff(income) <= 1.0).all()
        slopes = line["income_per_lending"].to_numpy()
        steps = -np.diff(income) / np.diff(lent)
        # Concave: a step costs between the slopes at its ends.
        assert (slopes[:-1] <= steps + 1e-6).all()
        assert (steps <= slopes[1:] + 1e-6).all()
    assert table["income_per_lending"].max() > 0.0


@pytest.mark.parametrize("name", ["most lending", "most headroom"])
def test_a_corner_is_a_plan_of_its_own(name):
    corner = next(c for c in found().corners if c.name == name)
    plan = floored(corner.lending_floor * 1e6, corner.headroom * 1e6)
    lent = float(plan.decisions.originated.sum())
    if name == "most lending":
        assert lent == pytest.approx(corner.lending_floor, rel=1e-5)
        assert lent > float(best().decisions.originated.sum()) + 1.0
    else:
        table = found().table
        most = table.loc[table["corner"] == name, "headroom_amount"].item() / 1e6
        assert most == pytest.approx(corner.headroom, rel=1e-3)


def test_under_uncertainty_it_tells_what_is_missing_at_worst():
    said = {"weights": {"base": 0.6, "stress": 0.4}, "risk": {"level": 0.5, "weight": 0.01}}
    inputs: dict[str, Inputs] = {}
    for name in ("base", "stress"):
        inputs[name] = small(name, uncertainty=said).inputs
    weights = dict(said["weights"])
    p = small(uncertainty=said)
    plan = solve_scenarios(inputs, weights, Nodes.two_stage(2, 6, 1), p.engine)
    books = {name: x.book for name, x in plan.optima.items()}
    table = frontier(books, weights, plan.solution, 2).table
    assert table["cvar_amount"].notna().all()
    assert (table["cvar_amount"] >= -1.0).all()


def test_what_makes_no_frontier_is_refused():
    plan = best()
    with pytest.raises(InputError, match="2 or more"):
        frontier({"base": plan.book}, {"base": 1.0}, plan.solution, 1)
    p = small(objective="min_cost", lending_path=0.3)
    other = optimum(p.inputs, p.engine)
    with pytest.raises(InputError, match="max_income"):
        frontier({"base": other.book}, {"base": 1.0}, other.solution)


def test_the_command_of_a_corner_repeats_all_that_the_frontier_was_made_with():
    corner = Opened("most lending", {"plan.lending_floor": 5e6})
    stated = ("plan.periods=4", "plan.uncertainty.weights={base=0.8, stress=0.2}")
    assert corner.command("mini", stated, "tape.csv") == (
        "scfcap plan mini --tape tape.csv --set plan.periods=4 "
        "--set 'plan.uncertainty.weights={base=0.8, stress=0.2}' --set plan.lending_floor=5000000"
    )
