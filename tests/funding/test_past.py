"""Plans that go on from a close: what was decided stays, what is to come is planned anew."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from scfcap.errors import FaultError, InfeasibleError
from scfcap.funding.inputs import Inputs
from scfcap.funding.past import Past, going_on, past_of
from scfcap.funding.plan import Optimum, optimum
from scfcap.funding.replay import replay
from scfcap.funding.soft import PRICES, broken, penalty

from .small_platform import LAW, Platform, platform, small_pool
from .variants import edited

SIX = {"plan.periods": 6, "concentration": []}
#: From the third month on, so that the first two are the same in both.
HARD = {
    "shocks": [
        {
            "kind": "borrower_stress",
            "from_period": 3,
            "default_multiple": 12.0,
            "severity_add": 0.1,
            "prepay_multiple": 0.3,
        },
        {"kind": "bank_line_cut", "cut": 0.8, "from_period": 3},
    ]
}


@cache
def under(scenario: str) -> Platform:
    changes = {**SIX, "scenarios.stress": HARD, "plan.scenario": scenario}
    return platform(edited(changes), LAW, small_pool(150, 2))


@cache
def best(scenario: str = "base") -> Optimum:
    p = under(scenario)
    return optimum(p.inputs, p.engine)


def softly(inputs: Inputs) -> Inputs:
    """Inputs whose limits give way where they must."""
    return replace(inputs, soft=True)


@pytest.mark.parametrize("upto", [1, 3, 5])
def test_what_was_best_stays_best_when_its_first_part_is_past(upto):
    plan = best()
    past = past_of(plan.decisions, upto, plan.replay)
    again = optimum(replace(plan.inputs, past=past), under("base").engine)
    assert again.solution.objective == pytest.approx(plan.solution.objective, rel=1e-8)


@pytest.mark.parametrize("upto", [1, 2])
def test_the_past_is_held_and_the_rest_is_planned_for_what_came(upto):
    plan, p = best(), under("stress")
    start = replace(p.inputs, cash=plan.inputs.cash, net_capital=plan.inputs.net_capital)
    found = replay(start, plan.decisions, p.engine)
    late = optimum(going_on(softly(start), plan.decisions, upto, found), p.engine)
    free = optimum(softly(start), p.engine)
    assert late.solution.objective <= free.solution.objective + 1e-7
    np.testing.assert_allclose(
        late.decisions.originated[:, : upto + 1], plan.decisions.originated[:, : upto + 1]
    )
    kept = {k: x for k, x in plan.decisions.draws.items() if k[-1] <= upto}
    assert {k: x for k, x in late.decisions.draws.items() if k[-1] <= upto} == pytest.approx(kept)
    np.testing.assert_allclose(late.replay.cash[: upto + 1], found.cash[: upto + 1], atol=1e-7)
    for t in range(upto + 1):
        assert (
            late.solution.value("K", t) == pytest.approx(found.net_capital[t], rel=1e-7) or t == 0
        )


def test_knowing_later_is_worth_no_more():
    plan, p = best(), under("stress")
    start = replace(p.inputs, cash=plan.inputs.cash, net_capital=plan.inputs.net_capital)
    found = replay(start, plan.decisions, p.engine)
    worth = [
        optimum(going_on(softly(start), plan.decisions, upto, found), p.engine).solution.objective
        for upto in (0, 1, 2)
    ]
    assert all(a >= b - 1e-7 for a, b in pairwise(worth))
    assert worth[0] > worth[-1] + 1e-4


def test_limits_of_the_past_bind_no_more():
    plan = best()
    past = past_of(plan.decisions, 2, plan.replay)
    program = optimum(replace(plan.inputs, past=past), under("base").engine).book.program
    floors = program.rows_of("liquidity_floor")
    assert sorted(floors) == [3, 4, 5, 6]
    assert len(program.rows_of("cash_balance")) == 6


def test_what_was_decided_has_a_column():
    past = Past(2, {("O", ("no such segment", 1)): 3.0})
    with pytest.raises(FaultError, match="no such column"):
        optimum(replace(best().inputs, past=past), under("base").engine)


def test_limits_give_way_only_where_they_must():
    plan, p = best(), under("stress")
    hard = optimum(plan.inputs, under("base").engine)
    easy = optimum(softly(plan.inputs), under("base").engine)
    assert broken(easy.book, easy.solution) == {}
    assert easy.solution.objective == pytest.approx(hard.solution.objective, rel=1e-9)
    start = replace(p.inputs, cash=plan.inputs.cash, net_capital=plan.inputs.net_capital)
    late = going_on(start, plan.decisions, 2, replay(start, plan.decisions, p.engine))
    with pytest.raises(InfeasibleError, match="overcollateralization series-2"):
        optimum(late, p.engine)
    found = optimum(softly(late), p.engine)
    gave = broken(found.book, found.solution)
    assert {family for family, _ in gave} == {"overcollateralization"}
    price = PRICES["overcollateralization"]
    assert penalty(found.book, found.solution) == pytest.approx(price * sum(gave.values()))
