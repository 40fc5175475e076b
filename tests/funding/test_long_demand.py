"""What each source could carry of loans above 180 days: by hand, and against plans made anew."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from scfcap.axes import BANK_DEBT
from scfcap.funding.catalogue import build_program
from scfcap.funding.inputs import Inputs
from scfcap.funding.long_demand import long_demand, long_segments
from scfcap.funding.plan import Plan, solve_plan
from scfcap.funding.program import Terms, solve
from scfcap.funding.variables import all_places, declare

from .small_platform import platform
from .variants import BARE, UNIT, edited, own_pool

#: A platform with loans of 270 days beside orders, a line, and cash to spare.
LONG: dict[str, Any] = {
    **BARE,
    "plan.periods": 4,
    "plan.debt_cover": 0.0,
    "plan.liquidity_floor": 1.0e6,
    "opening": {"cash": 10.0e6},
    "demand.credit.per_period": 2.0e6,
    "demand.credit.minimum": 0.0,
    "demand.credit.new_loans": {
        "loan_type": "bullet",
        "rate": 0.21,
        "shortest": 270,
        "longest": 270,
    },
    "demand.order.per_period": 1.0e6,
    "lenders.0.commitment_fee": 0.0,
}


@cache
def planned() -> Plan:
    p = platform(edited(LONG), None, own_pool())
    return solve_plan(p.inputs, p.engine, channels=False)


def _anew(tenors: tuple[tuple[int, float], ...]) -> float:
    """Most standing of long loans on average [currency]: a program built from data of its own.

    Demand for them is 1,000 units a period, nothing is promised, the line lends for ``tenors``.
    """
    plan = planned()
    inputs = plan.optimum.inputs
    credit = inputs.segments.index("credit")
    demand = inputs.demand.copy()
    demand[credit, 1:] = 1000.0
    for t in inputs.periods:
        demand[1 - credit, t] = max(plan.optimum.solution.value("O", (1 - credit, t)), 1e-9)
    x = inputs.lenders[0]
    lender = replace(x, tenors=tenors or x.tenors, limit=x.limit if tenors else 0.0)
    changed = replace(
        inputs, demand=demand, promised=np.zeros_like(inputs.promised), lenders=(lender,)
    )
    book = declare(changed)
    program = build_program(book)
    terms = Terms()
    for j in range(len(changed.cohorts)):
        if changed.cohorts.vintage[j] >= 1 and changed.cohorts.segment[j] == credit:
            for t in changed.periods:
                for where in all_places(changed):
                    terms.extend(book.held(j, where, t), float(changed.year[t]))
    program.objective = terms
    return solve(program).objective / float(changed.year.sum()) * UNIT


def test_each_source_carries_what_a_program_of_its_own_says():
    plan = planned()
    table = plan.tables()["long_demand"].set_index("item")
    own = table.loc["own cash", "carried_amount"]
    assert own == pytest.approx(_anew(()), rel=1e-6)
    assert own > 1.0e6
    for tenor, rate in plan.optimum.inputs.lenders[0].tenors:
        carried = table.loc[f"bank-a, {tenor} months", "carried_amount"]
        assert carried > 0.0
        assert carried == pytest.approx(_anew(((tenor, rate),)) - own, rel=1e-5)


JOINT: dict[str, Any] = {
    "joint": [{"name": "bank-j", "own_share": 0.3, "fee": 0.02, "limit": 6.0e6}],
    "guaranteed": [{"name": "bank-g", "limit": 4.0e6, "fee": 0.03}],
}


def _with(inputs: Inputs, name: str) -> float:
    """Most standing on average [currency] where own funds and one partner, if any, lend."""
    credit = inputs.segments.index("credit")
    demand = inputs.demand.copy()
    demand[credit, 1:] = 1000.0
    partners = tuple(
        replace(x, limit=x.limit if x.name == name else 0.0, segments=frozenset({credit}))
        for x in inputs.partners
    )
    changed = replace(
        inputs.without(BANK_DEBT),
        demand=demand,
        promised=np.zeros_like(inputs.promised),
        partners=partners,
    )
    book = declare(changed)
    program, terms = build_program(book), Terms()
    for j in range(len(changed.cohorts)):
        if changed.cohorts.vintage[j] >= 1 and changed.cohorts.segment[j] == credit:
            for t in changed.periods:
                for where in all_places(changed):
                    terms.extend(book.held(j, where, t), float(changed.year[t]))
    program.objective = terms
    return solve(program).objective / float(changed.year.sum()) * UNIT


def test_what_partners_carry_is_theirs_and_not_own_cash():
    p = platform(edited({**LONG, **JOINT}), None, own_pool())
    plan = solve_plan(p.inputs, p.engine, channels=False)
    table = plan.tables()["long_demand"].set_index("item")
    own = _with(plan.optimum.inputs, "")
    assert table.loc["own cash", "carried_amount"] == pytest.approx(own, rel=1e-6)
    for name in ("bank-j", "bank-g"):
        more = _with(plan.optimum.inputs, name) - own
        assert more > 1.0e6
        assert table.loc[name, "carried_amount"] == pytest.approx(more, rel=1e-5)
        assert table.loc[name, "gap_days"] == pytest.approx(0.0)
        assert "runs with the loan" in table.loc[name, "sentence"]


def test_cash_that_the_plan_leaves_idle_carries_loans_beside_it():
    # Demand of 3 million a month leaves cash idle: that much is carried beside the plan, no more.
    plan = planned()
    table = plan.tables()["long_demand"].set_index("item")
    beside = table.loc["own cash", "beside_amount"]
    assert 0.0 < beside <= table.loc["own cash", "carried_amount"] + 1.0
    inputs, solution = plan.optimum.inputs, plan.optimum.solution
    idle = [solution.value("M", t) - inputs.liquidity_floor for t in inputs.periods]
    assert beside <= max(idle) * UNIT * 1.05
    assert beside >= 0.5 * min(idle) * UNIT


def test_life_and_gaps_by_hand():
    plan = planned()
    row = plan.tables()["long_demand"].set_index("item").loc["bank-a, 3 months"]
    # A bullet of 270 days that a few prepay (20% a year) and a few default lives a bit less.
    assert 200.0 < row["life_days"] < 270.0
    year = plan.optimum.inputs.year[1:]
    assert row["source_days"] == pytest.approx(3 * 365.0 * year.mean())
    assert row["gap_days"] == pytest.approx(row["life_days"] - row["source_days"])
    assert row["gap_180"] < 0.0, "the draw is due by then, most of the loans are not"
    assert "falls due" in row["sentence"]
    assert f"{row['rate']:.2%} a year" in row["sentence"]
    assert row["rate"] == pytest.approx(plan.optimum.inputs.lenders[0].tenors[0][1])


def test_where_no_long_loan_is_asked_for_the_longest_stands_for_it():
    p = platform(edited({"plan.periods": 3}))
    plan = solve_plan(p.inputs, p.engine, channels=False)
    segments, asked = long_segments(plan.optimum.book)
    assert not asked
    assert [p.inputs.segments[s] for s in segments] == ["credit"]
    table = long_demand(plan.optimum.book, plan.optimum.solution, plan.tables()["cost_of_funds"])
    told = table[table["carried_amount"] > 0.0]["sentence"]
    assert len(told)
    assert told.str.contains("none is asked for: credit stands for them").all()
    assert (table["beside_amount"] >= 0.0).all()
    assert set(table["channel"]) >= {"own_capital", "bank_debt", "bank_transfer", "p2p"}
    sold = table.set_index("item").loc["city-bank"]
    assert sold["gap_days"] == pytest.approx(0.0)
    assert sold["gap_180"] == pytest.approx(0.0, abs=1.0)
