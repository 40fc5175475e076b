"""The plan under scenarios: each channel is moved as the scenario says, and the plan replays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scfcap.cashflow.project import project
from scfcap.credit.exposure import Exposures, measure
from scfcap.funding.plan import Plan, optimum, solve_plan
from scfcap.funding.replay import replay

from .small_platform import LAW, MODEL, Platform, platform

CORES = {"core": "#1", "period": 2, "supplier_default_multiple": 4.0, "infection": 0.1}
SHOCKS: dict[str, dict[str, Any]] = {
    "outage": {"kind": "outage", "days": 10, "from_period": 2},
    "last": {"kind": "outage", "days": 5, "from_period": 12},
    "long outage": {"kind": "outage", "days": 40, "from_period": 3},
    "cut": {"kind": "bank_line_cut", "lender": "bank-a", "cut": 0.6, "from_period": 3, "notice": 1},
    "run-off": {"kind": "p2p_run_off", "share": 0.6, "cut": 1.0, "from_period": 3},
    "rates": {"kind": "rate_shock", "bank": 0.03, "p2p": 0.02, "coupon": 0.03, "from_period": 4},
    "shut": {"kind": "market_shut", "cut": 0.5, "from_period": 3},
    "core": {
        "kind": "core_failure", **CORES, "recovery": 0.3, "recovery_lag": 4, "orders_lost": 0.5,
    },
    "dated": {
        "kind": "borrower_stress", "severity_add": 0.2, "default_multiple": 3.0, "from_period": 3,
        "to_period": 6,
    },
}  # fmt: skip


def exposures() -> Exposures:
    """Two cores behind the order loans; a fifth of the credit is owed by suppliers of the first."""
    frame = pd.DataFrame(
        {
            "segment": ["order", "order", "credit", "credit"],
            "loan_type": ["order", "order", "bullet", "bullet"],
            "buyer_id": ["CE1", "CE2", None, None],
            "borrower_id": ["B1", "B2", "B1", "B3"],
            "current_balance": [30.0, 20.0, 20.0, 80.0],
        }
    )
    return measure(frame, ("credit", "order"))


def stressed(*names: str) -> Platform:
    """The small platform, planned in a scenario with the named shocks."""
    scenarios = {**MODEL["scenarios"], "now": {"shocks": [SHOCKS[n] for n in names]}}
    plan = {**MODEL["plan"], "scenario": "now"}
    return platform({"scenarios": scenarios, "plan": plan}, LAW, exposures=exposures())


def worst(plan: Plan) -> pd.DataFrame:
    checks = plan.tables()["checks"]
    return checks[~checks["ok"] & (checks["note"] != "depends on the order of repayment")]


@pytest.mark.parametrize("names", [(name,) for name in SHOCKS], ids="-".join)
def test_a_plan_under_a_shock_replays(names: tuple[str, ...]) -> None:
    p = stressed(*names)
    plan = solve_plan(p.inputs, p.engine, channels=False)
    assert worst(plan).empty, worst(plan)


def test_a_plan_under_all_shocks_replays() -> None:
    p = stressed(*SHOCKS)
    plan = solve_plan(p.inputs, p.engine, channels=False)
    assert worst(plan).empty, worst(plan)


def test_the_replay_of_an_outage_can_fail() -> None:
    p = stressed("outage")
    best = optimum(p.inputs, p.engine)
    calm = platform({"plan": {**MODEL["plan"], "scenario": "base"}}, LAW)
    inputs = replace(best.inputs, spec=calm.spec)
    gap = np.abs(replay(inputs, best.decisions, calm.engine).cash - best.replay.cash)
    assert gap[2:].max() > 0.1


def test_a_scenario_without_shocks_leaves_the_inputs_as_they_are() -> None:
    plain, shocked = platform(regime=LAW).inputs, stressed().inputs
    assert plain.path is None
    assert shocked.path is None
    assert (plain.demand == shocked.demand).all()
    assert shocked.lenders[0].left is None
    assert shocked.p2p is not None
    assert (shocked.p2p.renewed, shocked.p2p.dearer) == (None, None)
    np.testing.assert_array_equal(plain.cohorts.terminal, shocked.cohorts.terminal)


def test_a_cut_line_is_there_in_part_after_the_notice() -> None:
    line = stressed("cut").inputs.lenders[0]
    assert [line.line(t) for t in (1, 3, 4, 12)] == pytest.approx([15.0, 15.0, 6.0, 6.0])
    assert line.room(4) == 6.0


def test_demand_of_an_outage_comes_in_the_next_period() -> None:
    plain, late = platform(regime=LAW).inputs, stressed("outage").inputs
    days = 28  # of February 2014
    moved = 10 / days * plain.demand[:, 2]
    np.testing.assert_allclose(late.demand[:, 2], plain.demand[:, 2] - moved)
    np.testing.assert_allclose(late.demand[:, 3], plain.demand[:, 3] + moved)
    np.testing.assert_allclose(late.demand.sum(axis=1), plain.demand.sum(axis=1))
    np.testing.assert_allclose(
        late.promised, plain.promised.sum() * late.promised / late.promised.sum()
    )


def test_an_outage_ends_the_month_with_less_cash_and_costs_no_loss() -> None:
    plain, late = platform(regime=LAW), stressed("outage")
    one = solve_plan(plain.inputs, plain.engine, channels=False)
    two = solve_plan(late.inputs, late.engine, channels=False)
    assert two.objective < one.objective
    pool = plain.engine.pool
    calm, held = project(pool, plain.engine.curves), project(pool, late.engine.curves)
    k = late.engine.curves.scenarios.index("now")
    assert held.flows.loss[k].sum() == pytest.approx(calm.flows.loss[0].sum(), rel=1e-12)


def test_new_funding_is_dearer_and_old_is_not() -> None:
    inputs = stressed("rates").inputs
    line, p2p = inputs.lenders[0], inputs.p2p
    assert (line.rate(0.07, 3), line.rate(0.07, 4)) == pytest.approx((0.07, 0.10))
    assert p2p is not None
    assert p2p.rate(0.11, 4) == pytest.approx(0.13)
    coupons = {d.name: [x.coupon for x in inputs.terms(d).sold] for d in inputs.deals}
    assert coupons["series-1"] == coupons["series-2"] == [0.062, 0.11]  # closed, closes in 2
    assert coupons["series-3"] == pytest.approx([0.092, 0.14])  # closes in month 6


def test_a_shut_market_takes_half_of_a_later_series() -> None:
    sizes = {d.name: d.max_pool for d in stressed("shut").inputs.deals}
    assert (sizes["series-2"], sizes["series-3"]) == pytest.approx((20.0, 15.0))


def test_nothing_is_placed_but_what_renews() -> None:
    p = stressed("run-off")
    plan = solve_plan(p.inputs, p.engine, channels=False)
    placed = plan.optimum.decisions.placed.sum(axis=0)
    repaid = np.zeros(13)
    assert p.inputs.p2p is not None
    tenor = p.inputs.p2p.tenor
    repaid[tenor + 1 :] = placed[1 : 13 - tenor]
    assert (placed[3:] <= 0.4 * repaid[3:] + 1e-7).all()


def test_a_failed_core_enterprise_takes_its_orders_and_infects() -> None:
    p = stressed("core")
    curves = p.engine.curves
    k = curves.scenarios.index("now")
    # Orders: 60% on the core, all unpaid, and 60% of borrowers infected with 10%. Credit: 20%.
    assert curves.struck[k, 1, 1] == pytest.approx(1 - (1 - 0.6) * (1 - 0.06))
    assert curves.struck[k, 0, 1] == pytest.approx(0.02)
    assert curves.struck[k].sum() == pytest.approx(curves.struck[k, :, 1].sum())
    plain = platform(regime=LAW).inputs.demand
    np.testing.assert_allclose(p.inputs.demand[1, 2:], 0.7 * plain[1, 2:])
    np.testing.assert_allclose(p.inputs.demand[0], plain[0])


def test_a_scenario_is_never_better_than_the_calm_one() -> None:
    calm = platform(regime=LAW)
    base = optimum(calm.inputs, calm.engine).solution.objective
    for name in ("cut", "run-off", "rates", "shut", "core", "dated"):
        p = stressed(name)
        assert optimum(p.inputs, p.engine).solution.objective <= base + 1e-6, name
