"""Every instrument and limit of the plan at once: books, ladder, prices, choice and scenarios."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from scfcap.axes import GUARANTEED_BANK, JOINT_LENDING
from scfcap.errors import InfeasibleError
from scfcap.funding import unique
from scfcap.funding.inputs import Inputs
from scfcap.funding.ladder import maturity_gaps
from scfcap.funding.nodes import Nodes
from scfcap.funding.plan import Optimum, Plan, optimum, solve_plan
from scfcap.funding.replay import replay
from scfcap.funding.scenarios import solve_scenarios
from scfcap.funding.variables import declare

from .combined_platform import combined
from .partner_platform import partner_pool
from .small_platform import Platform, platform
from .test_bank_choice import BANKS, RULES
from .test_partners import assert_sound
from .test_replay import replay_fails
from .test_statements import tables_of
from .variants import UNIT, edited

#: The grid by weeks and months refuses provisions and a lag of payments.
MIXED: dict[str, Any] = {
    "plan.frequency": "weeks_then_months",
    "plan.stated_in": "month",
    "plan.periods": 4,
    "provisions": None,
    "guaranteed.0.payout_lag": 0,
}
CASES: dict[str, dict[str, Any]] = {
    "base": {"plan.interest_cover": 1.0},
    "stress": {"plan.scenario": "stress"},
    "two years": {"plan.periods": 13, "securitization.coupon_timing": "paid"},
    "weeks and months": MIXED,
}


@cache
def planned(name: str) -> tuple[Platform, Plan]:
    p = combined(CASES[name])
    return p, solve_plan(p.inputs, p.engine, channels=False)


@pytest.mark.parametrize("name", CASES)
def test_all_at_once_is_sound(name):
    assert_sound(*planned(name))


@pytest.mark.parametrize("name", ["base", "weeks and months"])
def test_rows_are_the_gaps_of_the_ladder_with_claims_and_tax(name):
    p, plan = planned(name)
    gaps = maturity_gaps(tables_of(p, plan)["maturity_ladder"])
    told = gaps.set_index(["within_days", "period"])["gap"] / UNIT
    program = plan.optimum.book.program
    room = program.matrix() @ plan.optimum.solution.x - np.array(program.rows.right)
    rows = program.rows_of("maturity_gap")
    assert len(rows) == 2 * p.inputs.horizon
    buffers = {x.days: x.buffer / UNIT for x in p.spec.plan.maturity_gaps}
    for (days, t), row in rows.items():
        assert told[days, t] == pytest.approx(room[row] - buffers[days], abs=1e-6)


# Prices against plans made anew.


def value(plan: Plan, changes: Mapping[str, Any]) -> float:
    """Optimum [money units] with changes, in the order of repayment of the plan."""
    p = combined({**CASES["base"], **changes})
    order = {d.name: d.repaid_by for d in plan.optimum.inputs.deals}
    deals = tuple(replace(d, repaid_by=order[d.name]) for d in p.inputs.deals)
    return optimum(replace(p.inputs, deals=deals), p.engine).solution.objective


def more_of(key: str, sign: float = 1.0) -> Callable[[float], dict[str, float]]:
    """Changes of the model by so many money units of what a key holds."""
    start = {
        "opening.net_capital": 60.0,
        "lenders.0.limit": 15.0,
        "lenders.1.limit": 5.0,
        "plan.liquidity_floor": 2.0,
        "joint.0.limit": 18.0,
        "securitization.programme_limit": 40.0,
    }[key]
    return lambda more: {key: (start + sign * more) * UNIT}


PRICED = {
    "net capital": more_of("opening.net_capital"),
    "the line of bank-a": more_of("lenders.0.limit"),
    "the line of bank-b": more_of("lenders.1.limit"),
    "cash freed from the liquidity floor": more_of("plan.liquidity_floor", -1.0),
    "the limit of bank-j's joint loans": more_of("joint.0.limit"),
    "the securitization programme": more_of("securitization.programme_limit"),
}


@pytest.mark.parametrize("what", PRICED)
def test_prices_are_those_of_plans_made_anew(what):
    """The line of bank-a has a fee, and the floor holds cash against what the fee costs."""
    plan = planned("base")[1]
    base, step = plan.optimum.solution.objective, 1e-3
    up, down = (value(plan, PRICED[what](way * step)) for way in (1.0, -1.0))
    price = next(x for x in plan.prices if x.what == what)
    assert abs(price.value) > 1e-5
    both = ((up - base) / step, (base - down) / step)
    assert both == pytest.approx((price.value, price.low + price.high - price.value), abs=2e-7)


BETTER: dict[str, dict[str, Any]] = {
    "no covenant": {"lenders.0.covenants": []},
    "a wider joint limit": {"joint.0.limit": 25.0e6},
    "a higher joint fee": {"joint.0.fee": 0.04},
    "a cheaper guarantee": {"guaranteed.0.cover": 0.7},
    "lower tax": {"tax.rate": 0.2},
    "a lower floor": {"plan.liquidity_floor": 1.0e6},
    "less cover": {"plan.interest_cover": 0.0},
    "a wider gap": {"plan.maturity_gaps": []},
    "no match": {"plan.tenor_match": None},
    "a wider share": {"concentration.1.share": 0.5},
    "a cheaper line": {"lenders.1.tenors.0.rate": 0.055},
}


@pytest.mark.parametrize("name", BETTER)
def test_what_is_better_never_lowers_the_optimum(name):
    plan = planned("base")[1]
    assert value(plan, BETTER[name]) >= plan.optimum.solution.objective - 1e-7


@pytest.mark.parametrize("channel", [GUARANTEED_BANK, JOINT_LENDING])
def test_a_channel_left_out_is_one_with_a_limit_of_zero(channel):
    p, plan = planned("base")
    deals = plan.optimum.inputs.deals
    key = {GUARANTEED_BANK: "guaranteed.0.limit", JOINT_LENDING: "joint.0.limit"}[channel]
    without = optimum(replace(p.inputs.without(channel), deals=deals), p.engine)
    assert without.solution.objective == pytest.approx(value(plan, {key: 0.0}), rel=1e-9)


# Corruption.


def fails(changed: Inputs) -> bool:
    return replay_fails(optimum(changed, planned("base")[0].engine))


@pytest.mark.parametrize(
    ("field", "factor"), [("survive", 0.99), ("interest", 0.9), ("default", 2.0), ("repaid", 0.99)]
)
def test_a_wrong_factor_of_a_joint_loan_is_found(field, factor):
    p, plan = planned("base")
    booked = plan.optimum.decisions.booked
    s, where, v = max((key for key in booked if key[2] < 5), key=booked.__getitem__)
    assert "bank-j" in where
    j, t = p.inputs.new_cohort[s, v], v + (field != "repaid")
    values = getattr(p.inputs.cohorts, field).copy()
    t = int(np.flatnonzero(values[j])[0]) if values[j, t] == 0.0 else t
    values[j, t] *= factor
    assert fails(replace(p.inputs, cohorts=replace(p.inputs.cohorts, **{field: values})))


def test_a_wrong_coverage_is_found():
    p = planned("base")[0]
    provisions = p.inputs.provisions
    assert provisions is not None
    cover = provisions.cover.copy()
    cover[:, 3] *= 1.01
    assert fails(replace(p.inputs, provisions=replace(provisions, cover=cover)))


@pytest.mark.parametrize("what", ["booked", "dividends"])
def test_decisions_that_are_not_the_plans_are_found(what):
    p, plan = planned("base")
    found = plan.optimum
    decided = getattr(found.decisions, what)
    if what == "booked":
        key = max(decided, key=decided.__getitem__)
        other: Any = {**decided, key: decided[key] * 0.99}
    else:
        assert decided.max() > 0.1
        other = decided * 0.99
    wrong = replay(found.inputs, replace(found.decisions, **{what: other}), p.engine)
    assert replay_fails(replace(found, replay=wrong))


# One of many equal plans.


def test_partners_count_in_turnover():
    book = planned("base")[1].optimum.book
    changed = {j for terms in unique._changes(book) for j in terms.coefficients}
    for s, where, t in plan_columns(planned("base")[1].optimum, "OC"):
        assert book.program.find("OC", (s, where, t)) in changed


def plan_columns(found: Optimum, family: str) -> list[Any]:
    columns = found.book.program.columns
    return [key for name, key in zip(columns.family, columns.key, strict=True) if name == family]


def test_weights_of_joint_loans_go_by_the_segments_name():
    pool = partner_pool()
    turned = replace(pool, segments=("order", "credit"), segment=1 - pool.segment)
    weights = []
    for p in (combined(), combined(pool=turned)):
        book = declare(p.inputs)
        found = unique._weights(book, "late")
        weights.append(
            {
                (p.inputs.segments[key[0]], *key[1:]): found[j]
                for j, (family, key) in enumerate(
                    zip(book.program.columns.family, book.program.columns.key, strict=True)
                )
                if family == "OC"
            }
        )
    assert len(weights[0]) > 10
    assert weights[0] == weights[1]


# Scenarios.


def test_all_at_once_over_two_scenarios():
    names = {"base": {}, "stress": {"plan.scenario": "stress"}}
    made = {name: combined({"plan.periods": 5, **x}) for name, x in names.items()}
    inputs = {name: p.inputs for name, p in made.items()}
    plan = solve_scenarios(
        inputs, {"base": 0.8, "stress": 0.2}, Nodes.two_stage(2, 5, 2), made["base"].engine
    )
    for found in plan.optima.values():
        assert not replay_fails(found)
    one, other = (x.decisions.booked for x in plan.optima.values())
    early = {key for key in {*one, *other} if key[2] <= 2}
    assert early
    for key in early:
        assert one.get(key, 0.0) == pytest.approx(other.get(key, 0.0), abs=1e-9)


def test_banks_are_chosen_once_for_all_scenarios():
    made = {
        name: platform(edited({"lenders": BANKS, "plan.periods": 4, "plan.scenario": name}), RULES)
        for name in ("base", "stress")
    }
    inputs = {name: p.inputs for name, p in made.items()}
    assert inputs["base"].choice is not None
    plan = solve_scenarios(
        inputs, {"base": 0.5, "stress": 0.5}, Nodes.two_stage(2, 4, 1), made["base"].engine
    )
    one, other = (x.decisions.left_out for x in plan.optima.values())
    assert one == other
    assert len(one) == 2


# Any terms.


@pytest.mark.parametrize("seed", range(6))
def test_any_mixture_is_sound_or_has_no_plan(seed):
    random = np.random.default_rng(seed)
    changes = {
        "plan.periods": int(random.integers(3, 7)),
        "plan.scenario": str(random.choice(["base", "stress"])),
        "plan.indifferent": str(random.choice(["late", "early"])),
        "plan.interest_cover": float(random.uniform(0.0, 2.0)),
        "plan.tenor_match": {"days": 60, "share": float(random.uniform(0.3, 1.0))},
        "tax.rate": float(random.uniform(0.05, 0.5)),
        "tax.paid": str(random.choice(["each_period", "year_end"])),
        "dividends.payout": float(random.uniform(0.0, 1.0)),
        "provisions.normal": float(random.uniform(0.0, 0.05)),
        "guaranteed.0.cover": float(random.uniform(0.0, 1.0)),
        "guaranteed.0.payout_lag": int(random.integers(0, 5)),
        "joint.0.own_share": float(random.uniform(0.1, 0.9)),
        "buyers.0.price": float(random.uniform(0.97, 1.02)),
        "buyers.0.recourse": bool(random.integers(0, 2)),
        "lenders.0.tenors.0.rate": float(random.uniform(0.03, 0.12)),
        "joint.0.fee": float(random.uniform(0.0, 0.15)),
        "guaranteed.0.fee": float(random.uniform(0.0, 0.15)),
        "opening.net_capital": float(random.uniform(50.0e6, 75.0e6)),
    }
    p = combined(changes)
    try:
        plan = solve_plan(p.inputs, p.engine, channels=False)
    except InfeasibleError:
        pytest.skip("no plan keeps all limits")
    assert_sound(p, plan)
