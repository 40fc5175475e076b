"""Most lending and least cost: closed forms, a second formulation, and what they are called."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from scfcap.errors import InfeasibleError
from scfcap.funding.objective import WORDS, objective_words
from scfcap.funding.plan import Optimum, Plan, optimum, solve_plan

from .small_platform import LAW, platform, small_pool
from .test_linprog import CHANGES, LINE, SEGMENTS, ByHand, T
from .variants import BARE, UNIT, edited, own_pool


def second(changes: dict[str, Any]) -> tuple[Optimum, ByHand]:
    """The program, and the formulation of decisions alone, of the same model."""
    model, pool = edited({**CHANGES, **changes}), own_pool(small_pool(120, 3))
    p = platform(model, LAW, pool)
    return optimum(p.inputs, p.engine), ByHand(p.spec, pool)


def by_hand(
    form: ByHand, found: Optimum, aim: np.ndarray, more: list[np.ndarray] | None = None
) -> float:
    """The most of ``aim``, a vector over decisions and a constant, by scipy."""
    cash, capital = form.accounts(found.inputs.cash, found.inputs.net_capital)
    rows = np.array([*form.limits(cash, capital), *(more or [])])
    rows = rows[np.abs(rows[:, :-1]).any(axis=1)]
    answer = linprog(-aim[:-1], A_ub=rows[:, :-1], b_ub=-rows[:, -1], bounds=(0.0, None))
    assert answer.status == 0, answer.message
    return float(aim[-1] - answer.fun)


def income(form: ByHand, found: Optimum) -> np.ndarray:
    """Net income and value beyond the horizon."""
    _, capital = form.accounts(found.inputs.cash, found.inputs.net_capital)
    return capital[T] - form.constant(found.inputs.net_capital) + form.premium()


@pytest.mark.parametrize("floor", [0.0, 2.4e6])
def test_most_lending_in_two_formulations(floor: float) -> None:
    weights = {"credit": 1.5, "order": 0.7}
    found, form = second(
        {
            "plan.objective": "max_lending",
            "plan.income_floor": floor,
            "plan.lending_weights": weights,
        }
    )
    lent = sum(
        (weights[name] * form.one("made", s, t) for s, name in enumerate(SEGMENTS)
         for t in range(1, T + 1)), form.zero(),
    )  # fmt: skip
    least = form.constant(floor / UNIT) - income(form, found)
    assert found.solution.objective == pytest.approx(by_hand(form, found, lent, [least]), rel=1e-8)
    made = found.decisions.originated.sum(axis=1)
    assert found.solution.objective == pytest.approx(made @ np.array([1.5, 0.7]), rel=1e-9)


def test_least_cost_is_most_income_of_the_same_lending_in_two_formulations() -> None:
    """The path is 35% of demand: what loans bring is given, wherever they sit."""
    found, form = second({"plan.objective": "min_cost", "plan.lending_path": 0.35})
    plan = form.model.plan
    path = [
        sign * (form.one("made", s, t) - form.constant(0.35 * form.demand(s, t)))
        for s in range(2)
        for t in range(1, T + 1)
        for sign in (1.0, -1.0)
    ]
    brought = form.zero()
    for t in range(1, T + 1):
        for j in form.all():
            share = form.initial(j)
            for name, sign in (("interest", 1.0), ("default", -form.severity[form.f.segment[j]])):
                brought += sign * share * getattr(form.f, name)[0, j, t - 1]
        managed = form.own(t - 1) + form.bought(t - 1)
        brought -= form.constant(plan.opex_per_year / UNIT / 12.0) + plan.opex_rate / 12.0 * managed
    terminal = found.inputs.cohorts.terminal
    for j in form.all():
        brought += form.initial(j) * form.f.performing[0, j, T] * (terminal[j] - 1.0)
    cost = income(form, found) - brought
    assert found.solution.objective == pytest.approx(by_hand(form, found, cost, path), rel=1e-7)
    assert found.solution.objective < 0.0
    asked = [[0.35 * form.demand(s, t) for t in range(1, T + 1)] for s in range(2)]
    assert found.decisions.originated[:, 1:] == pytest.approx(np.array(asked), abs=1e-7)


def funded(**changes: Any) -> Plan:
    """Loans of up to 30 days, a free line and cash without yield."""
    base = {
        **BARE,
        "plan.periods": 2,
        "plan.cash_yield": 0.0,
        "plan.debt_cover": 0.0,
        "plan.liquidity_floor": 0.0,
        "opening": {"net_capital": 78.0e6},
        "demand.credit.per_period": 0.0,
        "demand.order.per_period": 100.0e6,
    }
    p = platform(edited({**base, **changes}), pool=own_pool())
    return solve_plan(p.inputs, p.engine, channels=False)


def test_least_cost_draws_what_is_short_on_the_cheaper_tenor() -> None:
    """All cost is interest: 6% or 7% on what is drawn in the first month, paid in the second."""
    line = {
        "name": "bank-a",
        "limit": 90.0e6,
        "tenors": [{"periods": 1, "rate": 0.06}, {"periods": 2, "rate": 0.07}],
    }
    plan = funded(**{"plan.objective": "min_cost", "lenders": [line]})
    drawn = plan.optimum.decisions.draws
    # What is drawn at the last close costs nothing inside the plan, for either tenor.
    assert {tenor for _, tenor, t in drawn if t < plan.optimum.inputs.horizon} == {1}
    interest = drawn.get(("bank-a", 1, 1), 0.0) * 0.06 / 12.0
    assert interest > 0.01
    assert plan.objective == pytest.approx(-interest * UNIT, abs=1.0)


def test_most_lending_without_outside_money_lends_all_cash() -> None:
    """Orders come back within their month or the next: whatever is held back is lent for good."""
    plan = funded(
        **{"plan.objective": "max_lending", "lenders": [], "demand.order.per_period": 1e9}
    )
    cash = plan.tables()["balances"].query("item == 'cash'").sort_values("period")["amount"]
    assert cash.to_numpy()[1:] == pytest.approx([0.0, 0.0], abs=1.0)
    lent = plan.optimum.decisions.originated.sum()
    assert plan.objective == pytest.approx(lent * UNIT, rel=1e-9)


def test_a_floor_of_income_that_cannot_be_kept_is_named() -> None:
    with pytest.raises(InfeasibleError, match="floor of income"):
        funded(**{"plan.objective": "max_lending", "plan.income_floor": 90.0e6})


def test_a_path_that_cannot_be_funded_is_named() -> None:
    with pytest.raises(InfeasibleError, match="promised lending"):
        funded(**{"plan.objective": "min_cost", "lenders": [], "demand.order.per_period": 9e8})


def test_each_objective_has_its_words() -> None:
    for name, words in WORDS.items():
        p = platform(edited({"plan.objective": name}))
        assert objective_words(p.inputs) == words
    assert WORDS["max_lending"].more == "adds lending of"
    assert WORDS["min_cost"].more == "saves"


def test_more_lending_is_worth_its_income() -> None:
    """Most lending lends at least what most income does, and earns no more."""
    plans = {}
    for name in ("max_income", "max_lending"):
        p = platform(edited({"plan.periods": 4, "plan.objective": name}), LAW)
        plans[name] = solve_plan(p.inputs, p.engine, channels=False)
    lent = {name: x.optimum.decisions.originated.sum() for name, x in plans.items()}
    assert lent["max_lending"] >= lent["max_income"] - 1e-6
    income_of = {
        name: x.tables()["value"].query("part == 'inside'")["amount"].sum()
        for name, x in plans.items()
    }
    assert income_of["max_lending"] == pytest.approx(lent["max_lending"] * UNIT, rel=1e-9)
    assert plans["max_lending"].net_income <= plans["max_income"].objective
    # The duals of a plan that is after lending are in loans: no rate that money may cost.
    for name, x in plans.items():
        reasons = x.tables()["next"].query("rate == rate and action != 'repay'")["why"]
        assert len(reasons)
        assert (reasons.str.contains("may cost") == (name == "max_income")).all()


@pytest.mark.parametrize(
    "changes",
    [
        {"tax": {"rate": 0.25}},
        {"plan.objective": "max_lending", "plan.income_floor": 2.4e6},
        {"plan.objective": "min_cost", "plan.lending_path": 0.35},
        {
            "as_of": date(2013, 11, 30),
            "tax": {"rate": 0.25, "paid": "year_end"},
            "dividends": {"payout": 0.5, "months": [2], "owners_rate": 0.9},
        },
    ],
)
def test_the_price_of_net_capital_and_of_the_line_by_difference(changes: dict[str, Any]) -> None:
    """A model with a hundredth of a unit more, solved anew, against the price told."""
    more = 0.01 * UNIT
    base = {**CHANGES, "demand.credit.growth": 0.0, "plan.cash_yield": 0.02, **changes}
    pool = own_pool(small_pool(120, 3))

    def solved(**edits: Any) -> Plan:
        p = platform(edited({**base, **edits}), pool=pool)
        return solve_plan(p.inputs, p.engine, channels=False)

    plan = solved()
    prices = plan.tables()["prices"].set_index("what")
    line = {**LINE, "limit": LINE["limit"] + more}
    opening = {"net_capital": 82.0e6 + more, "deductions": 1.5e6}
    for what, wider in (
        ("net capital", solved(opening=opening)),
        ("the line of bank-a", solved(lenders=[line])),
    ):
        gained = (wider.objective - plan.objective) / more
        assert prices.loc[what, "value"] == pytest.approx(gained, abs=2e-6), what
    words = objective_words(plan.optimum.inputs)
    said = prices.loc["net capital", "sentence"]
    assert words.more in said or words.less in said or "nothing" in said
