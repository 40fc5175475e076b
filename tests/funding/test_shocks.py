"""Lines that are called or run off, floating draws, draws on open limits, a change of the law: what
they make of the program's inputs, and that plans under them replay and are never better.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from scfcap.errors import InputError
from scfcap.funding.nodes import Nodes, decided_in
from scfcap.funding.plan import Plan, optimum, solve_plan
from scfcap.funding.scenarios import solve_scenarios
from scfcap.schema.law import Calendar
from scfcap.schema.regime import Regime

from .small_platform import LAW, MODEL, Platform, platform
from .test_scenario_channels import CORES, exposures

LIMITS = {"credit": 12.0e6, "order": 8.0e6}
OLD = [
    {"amount": 5.0e6, "rate": 0.07, "maturity": date(2014, 8, 31)},
    {"amount": 3.0e6, "rate": 0.08, "maturity": date(2014, 5, 31)},
]
#: The law of the tests with the bank's cap at half, and series in a cap of their own.
TIGHT = Regime.model_validate(
    {
        **LAW.model_dump(),
        "title": "tight law",
        "start": date(2017, 12, 1),
        "caps": [
            {
                "name": "all",
                "base": "net_capital",
                "multiple": 0.5,
                "weights": {"bank": 1.0, "abs_third_party": 1.0},
                "source": "own",
            }
        ],
        "closed": [{"channels": ["p2p"], "source": "own"}],
    }
)
SHOCKS: dict[str, dict[str, Any]] = {
    "called": {"kind": "bank_line_cut", "cut": 0.7, "from_period": 3, "notice": 1, "call": True},
    "running": {"kind": "bank_line_cut", "cut": 0.7, "from_period": 3, "notice": 1, "call": False},
    "rates": {"kind": "rate_shock", "bank": 0.03, "from_period": 4},
    "surge": {"kind": "draw_surge", "share": 0.5, "from_period": 11},
    "law": {"kind": "regime_change", "regime": "tight", "from_period": 5},
}


def shocked(*names: str, **changes: Any) -> Platform:
    """The small platform in a scenario with the named shocks, its line floating and half drawn."""
    line = {**MODEL["lenders"][0], "floating": True, "draws": OLD, **changes.pop("line", {})}
    shocks = changes.pop("shocks", [SHOCKS[n] for n in names])
    plan = {
        **MODEL["plan"],
        "scenario": "now",
        "undrawn_draw_rate": 0.1,
        "undrawn_limits": LIMITS,
    }
    law = replace(Calendar.of(LAW), others={"tight": TIGHT})
    return platform(
        {
            "scenarios": changes.pop("scenarios", {"base": {}, "now": {"shocks": shocks}}),
            "plan": {**plan, **changes.pop("plan", {})},
            "lenders": [line],
            **changes,
        },
        law,
    )


def solved(p: Platform) -> Plan:
    plan = solve_plan(p.inputs, p.engine, channels=False)
    checks = plan.tables()["checks"]
    wrong = checks[~checks["ok"] & (checks["note"] != "depends on the order of repayment")]
    assert wrong.empty, wrong
    return plan


def value(p: Platform) -> float:
    """What the best plan is after [money units]."""
    return optimum(p.inputs, p.engine).solution.objective


@pytest.fixture(scope="module")
def calm() -> Plan:
    return solved(shocked())


@pytest.mark.parametrize("name", ["called", "running", "rates", "law"])
def test_a_plan_under_a_shock_replays_and_is_no_better(name: str, calm: Plan) -> None:
    assert solved(shocked(name)).objective <= calm.objective + 1.0, name


def test_all_shocks_at_once_replay_in_any_order() -> None:
    one, other = shocked(*SHOCKS), shocked(*reversed(SHOCKS))
    plan = solved(one)
    np.testing.assert_array_equal(one.inputs.demand, other.inputs.demand)
    assert one.inputs.caps == other.inputs.caps
    for x, y in zip(one.inputs.lenders, other.inputs.lenders, strict=True):
        assert (x.closed, x.stopped) == (y.closed, y.stopped)
        for field in ("left", "dearer", "open_balance", "open_repaid", "open_interest"):
            np.testing.assert_array_equal(getattr(x, field), getattr(y, field))
    assert plan.optimum.decisions.placed[:, 5:].sum() == 0.0


# --- core enterprises -----------------------------------------------------------------------------


def test_what_hangs_on_a_core_falls_when_it_fails() -> None:
    limit = {"name": "core", "core": "#1", "base": "net_capital", "share": 5.0}
    core = {"kind": "core_failure", **CORES, "orders_lost": 1.0, "recovery": 0.3, "recovery_lag": 4}
    model = {**MODEL, "concentration": [limit], "plan": {**MODEL["plan"], "scenario": "now"}}
    used, lost = [], []
    for shocks in ([], [core]):
        scenarios = {"base": {}, "now": {"shocks": shocks}}
        plan = solved(platform({**model, "scenarios": scenarios}, LAW, exposures=exposures()))
        inputs = plan.optimum.inputs
        part = inputs.core_shares["core"][inputs.cohorts.segment]
        used.append(part @ plan.optimum.replay.own)
        flows = plan.tables()["income"]
        lost.append(flows[flows["item"] == "credit losses"].set_index("period")["amount"])
    assert used[1][0] == pytest.approx(used[0][0])
    assert (used[1][2:] < used[0][2:]).all()
    assert lost[1].loc[2] < lost[0].loc[2] - 1e6


# --- lines ----------------------------------------------------------------------------------------


def test_a_called_line_asks_for_a_part_of_each_older_draw() -> None:
    p = shocked("called")
    line = p.inputs.lenders[0]
    # 15 cut by 0.7 leaves 4.5 at the close of April; 8 stand, of which the part 4.5 / 8 is kept.
    kept = 4.5 / 8.0
    assert line.open_balance[:10] == pytest.approx(
        [8.0, 8.0, 8.0, 8.0, 4.5, 5.0 * kept, 5.0 * kept, 5.0 * kept, 0.0, 0.0]
    )
    assert line.open_repaid[:10] == pytest.approx(
        [0.0, 0.0, 0.0, 0.0, 3.5, 3.0 * kept, 0.0, 0.0, 5.0 * kept, 0.0]
    )
    month = (5.0 * 0.07 + 3.0 * 0.08) / 12.0
    assert line.open_interest[4:6] == pytest.approx([month, month * kept])
    assert [line.line(t) for t in (3, 4, 12)] == pytest.approx([15.0, 4.5, 4.5])
    days = sorted((x.maturity, x.amount) for x in p.inputs.spec.lenders[0].draws)
    assert [day for day, _ in days] == [date(2014, 4, 30)] * 2 + [
        date(2014, 5, 31),
        date(2014, 8, 31),
    ]
    assert sum(amount for _, amount in days) == pytest.approx(8.0e6)


def test_a_line_whose_draws_run_off_is_not_drawn_before_they_have() -> None:
    p = shocked("running")
    line = p.inputs.lenders[0]
    # Cut in April; a draw of March for 6 months stands to the close of August.
    assert line.stopped == frozenset(range(4, 9))
    assert [line.fee(t) for t in (4, 5, 9, 10)] == pytest.approx([0.002, 0.0, 0.0, 0.002])
    assert [line.line(t) for t in (8, 9, 12)] == pytest.approx([15.0, 4.5, 4.5])
    np.testing.assert_array_equal(line.open_balance, shocked().inputs.lenders[0].open_balance)
    draws = solved(p).optimum.decisions.draws
    assert not any(4 <= t <= 8 for _, _, t in draws)


def test_a_cut_of_old_meaning_leaves_older_draws_and_holds_new_ones_at_once() -> None:
    line = shocked(shocks=[{**SHOCKS["called"], "call": None}]).inputs.lenders[0]
    np.testing.assert_array_equal(line.open_balance, shocked().inputs.lenders[0].open_balance)
    assert (line.stopped, line.room(4), line.room(9)) == (frozenset(), 8.0, pytest.approx(4.5))


@pytest.mark.parametrize("call", [True, False])
def test_a_deeper_cut_never_helps(call: bool, calm: Plan) -> None:
    cuts = [[{**SHOCKS["called"], "cut": cut, "call": call}] for cut in (0.4, 1.0)]
    worth = [calm.optimum.solution.objective, *(value(shocked(shocks=cut)) for cut in cuts)]
    assert worth[0] + 1e-6 >= worth[1] >= worth[2] - 1e-6


def test_a_draw_is_decided_when_its_notice_is_given() -> None:
    p = shocked(line={"notice_days": 45})
    when = decided_in(p.inputs)
    # 45 days before 31 May is 16 April; before 28 February, 14 January.
    assert [when("X", ("bank-a", 3, t)) for t in (2, 5)] == [1, 4]
    assert when("Y", (0, "bank_transfer:city-bank", 5)) == 5
    assert [decided_in(shocked().inputs)("X", ("bank-a", 3, t)) for t in (2, 5)] == [2, 5]


def test_lines_cut_and_laws_that_change_may_be_planned_for_at_once() -> None:
    """Two of three part from the third in April or May: nobody knows before, and each replays."""
    names = ("base", "running", "law")
    every = {name: {"shocks": [SHOCKS[name]] if name in SHOCKS else []} for name in names}
    made = {}
    for name in names:
        plan = {"scenario": name, "periods": 6}
        made[name] = shocked(scenarios=every, plan=plan, concentration=[])
    inputs = {name: p.inputs for name, p in made.items()}
    weights = dict.fromkeys(names, 1.0 / 3.0)
    found = solve_scenarios(inputs, weights, Nodes.two_stage(3, 6, 3), made["base"].engine)
    for name in names:
        best = found.optima[name]
        assert best.replay.oversold < 1e-6
        cash = [best.solution.value("M", t) for t in range(1, 7)]
        assert cash == pytest.approx(list(best.replay.cash[1:]), abs=1e-6), name
        early = {key: x for key, x in best.decisions.draws.items() if key[2] <= 3}
        assert early == pytest.approx(
            {k: x for k, x in found.optima["base"].decisions.draws.items() if k[2] <= 3}
        )
        alone = value(made[name])
        assert best.solution.objective <= alone + 1e-6, name
    assert not any(t >= 4 for _, _, t in found.optima["running"].decisions.draws)


# --- floating draws -------------------------------------------------------------------------------


def test_a_rate_shock_is_paid_on_draws_that_float() -> None:
    fixed = shocked("rates", line={"floating": False}).inputs.lenders[0]
    line = shocked("rates").inputs.lenders[0]
    more = line.open_interest - fixed.open_interest
    # 3% of 8 million a year from April; 5 million from June, nothing after August.
    assert more == pytest.approx([0.0] * 4 + [0.02] * 2 + [0.0125] * 3 + [0.0] * 4)
    assert [line.cost(6, 0.0725, 2, t) for t in (3, 4, 8)] == pytest.approx(
        [0.0725, 0.1025, 0.1025]
    )
    assert fixed.cost(6, 0.0725, 2, 8) == pytest.approx(0.0725)


def test_one_tenor_may_float_beside_another() -> None:
    tenors = [{"periods": 3, "rate": 0.07}, {"periods": 6, "rate": 0.0725, "floating": False}]
    old = [OLD[0], {**OLD[1], "floating": False}]
    line = shocked("rates", line={"tenors": tenors, "draws": old}).inputs.lenders[0]
    assert line.floating == {3}
    assert line.open_floating is not None
    assert line.open_floating == pytest.approx([0.0] + [5.0] * 8 + [0.0] * 4)


# --- draws on open limits -------------------------------------------------------------------------


def test_a_surge_is_lent_beside_all_demand_and_leaves_less_to_draw() -> None:
    base, inputs = shocked().inputs, shocked("surge").inputs
    drawn = np.array([6.0, 4.0])  # half of 12 and of 8 million
    assert inputs.demand[:, 11] == pytest.approx(base.demand[:, 11] + drawn)
    assert inputs.promised[:, 11] == pytest.approx(base.promised[:, 11] + drawn)
    np.testing.assert_array_equal(np.delete(inputs.demand, 11, 1), np.delete(base.demand, 11, 1))
    assert inputs.undrawn_left == pytest.approx([1.0] * 11 + [0.5] * 2)
    # What is drawn and what is left are the limits: nothing is made or lost.
    assert drawn.sum() + inputs.undrawn * inputs.undrawn_left[-1] == pytest.approx(20.0)


def test_a_second_surge_draws_on_what_is_left() -> None:
    again = {"kind": "draw_surge", "share": 0.25, "segments": ["credit"], "from_period": 12}
    base, inputs = shocked().inputs, shocked(shocks=[again, SHOCKS["surge"]]).inputs
    more = inputs.promised - base.promised
    assert more[:, 12] == pytest.approx([0.25 * 6.0, 0.0])
    assert inputs.undrawn_left is not None
    assert inputs.undrawn_left[-1] == pytest.approx((4.5 + 4.0) / 20.0)


def test_a_surge_is_funded() -> None:
    plan = solved(shocked("surge"))
    lent = plan.optimum.decisions.originated
    assert (lent[:, 11] >= plan.optimum.inputs.promised[:, 11] - 1e-7).all()
    assert plan.optimum.inputs.promised[1, 11] == pytest.approx(4.0)


def test_a_harder_surge_never_helps_where_all_is_promised() -> None:
    demand = {name: {**wish, "minimum": 0.0} for name, wish in MODEL["demand"].items()}
    plan = {"objective": "min_cost", "lending_path": 0.3}
    surges = [[{**SHOCKS["surge"], "share": share}] for share in (0.0, 0.4, 0.8)]
    worth = [value(shocked(shocks=each, demand=demand, plan=plan)) for each in surges]
    assert worth == sorted(worth, reverse=True)
    assert worth[0] > worth[2]


def test_draws_need_limits_and_new_loans() -> None:
    with pytest.raises(InputError, match="without limits that may be drawn"):
        shocked("surge", plan={"undrawn_limits": {}, "undrawn_draw_rate": 0.0})
    credit = {"credit": MODEL["demand"]["credit"]}
    with pytest.raises(InputError, match="draws on the limits of order"):
        shocked("surge", demand=credit)
    wrong = [{**SHOCKS["surge"], "segments": ["orders"]}]
    with pytest.raises(InputError, match="one of credit, order"):
        shocked(shocks=wrong)


# --- the law --------------------------------------------------------------------------------------


def test_a_change_of_the_law_holds_from_its_period_on_in_its_scenario_alone() -> None:
    plain, changed = shocked().inputs, shocked("law").inputs
    assert {x.regime for x in plain.caps} == {"test law"}
    held = {(x.regime, x.cap.name): sorted(x.periods) for x in changed.caps}
    assert held["test law", "bank"] == [1, 2, 3, 4]
    assert held["tight law", "all"] == list(range(5, 13))
    assert changed.p2p is not None
    assert changed.p2p.open_periods == {1, 2, 3, 4}
    assert plain.p2p is not None
    assert len(plain.p2p.open_periods) == 12


def test_a_plan_sees_the_law_change_coming(calm: Plan) -> None:
    plan = solved(shocked("law"))
    limits = plan.tables()["limits"]
    mine = limits[(limits["family"] == "leverage") & (limits["period"] >= 5)]
    assert len(mine)
    assert (mine["headroom"] >= -1.0).all()
    assert plan.objective < calm.objective - 1e3
    # The notes of series-2 may not stand above the cap: less is issued months before.
    issued, free = (x.optimum.decisions.issued["series-2"] for x in (plan, calm))
    assert issued < free - 1.0


def test_two_laws_in_one_period_are_refused() -> None:
    twice = [SHOCKS["law"], {**SHOCKS["law"], "readings": []}]
    with pytest.raises(InputError, match="one change of the rules in a period"):
        shocked(shocks=twice)
    with pytest.raises(InputError, match="one of tight"):
        shocked(shocks=[{**SHOCKS["law"], "regime": "loose"}])
