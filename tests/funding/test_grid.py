"""The plan by weeks and then months: one model on three grids, dates by pandas' calendar."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from scfcap.errors import InfeasibleError, InputError
from scfcap.funding.catalogue import BY_NAME
from scfcap.funding.holding import holding_cautions, lives, managed_lending
from scfcap.funding.inputs import Inputs
from scfcap.funding.plan import Plan, solve_plan
from scfcap.funding.program import lp_text
from scfcap.funding.replay import replay
from scfcap.funding.variables import declare
from scfcap.schema.model import Model

from .small_platform import AS_OF, LAW, MODEL, platform
from .test_plan import assert_sound, platforms
from .variants import edited, own_pool

MIXED = {"plan.frequency": "weeks_then_months", "plan.stated_in": "month"}
WEEKS = {"plan.frequency": "week", "plan.stated_in": "month"}


@cache
def mixed_plan() -> Plan:
    p = platform(edited(MIXED), LAW)
    return solve_plan(p.inputs, p.engine, channels=False)


def closes(inputs: Inputs) -> pd.DatetimeIndex:
    """``as_of`` and the ends of all periods, gone on by two years."""
    return pd.DatetimeIndex([AS_OF, *inputs.grid.extended(inputs.horizon + 24).ends])


def in_months(day: pd.Timestamp, months: int) -> pd.Timestamp:
    return day + (pd.offsets.MonthEnd(months) if day.is_month_end else pd.DateOffset(months=months))


def right_sides(family: str, inputs: Inputs) -> dict[str, str]:
    book = declare(inputs)
    rows = BY_NAME[family]
    book.program.add_family(rows.name, rows.labels(book), rows.rows(book))
    lines = lp_text(book.program).splitlines()
    return {line.split(":")[0]: line for line in lines if line.startswith(family)}


# --- the plan ---------------------------------------------------------------------------------


def test_the_plan_by_weeks_and_months_is_sound_and_replayed():
    plan = mixed_plan()
    assert len(plan.grid) == 22
    assert_sound(plan)
    checks = plan.tables()["checks"].set_index("check")
    replayed = checks[checks.index.str.startswith("replay")]
    assert len(replayed) >= 5
    assert replayed["ok"].all()


def test_the_forecast_is_of_the_first_thirteen_weeks():
    forecast = mixed_plan().tables()["cash_forecast"]
    assert forecast["period"].max() == 13
    assert forecast["end"].max() == date(2014, 4, 1)


def test_the_same_model_earns_alike_on_grids_of_months_and_of_weeks_and_months():
    # By the month interest runs for the whole month in which loans are repaid early, and loans
    # may be sold only at the end of the month after theirs: some per cent either way.
    p = platform(edited({"plan.stated_in": "month"}), LAW)
    months, mixed = solve_plan(p.inputs, p.engine, channels=False), mixed_plan()
    asked = [plan.optimum.inputs.demand[:, 1:].sum(axis=1) for plan in (months, mixed)]
    assert asked[0] == pytest.approx(asked[1], rel=1e-12)
    assert mixed.net_income == pytest.approx(months.net_income, rel=0.05)
    assert mixed.objective == pytest.approx(months.objective, rel=0.05)


def test_a_model_told_by_months_may_be_planned_by_weeks():
    # Twelve weeks, against twelve weeks and a stub of the mixed grid, whose weeks are the same.
    p = platform(edited({**WEEKS, "plan.periods": 12, "securitization.issues": []}), LAW)
    plan = solve_plan(p.inputs, p.engine, channels=False)
    assert_sound(plan)
    q = platform(edited({**MIXED, "plan.periods": 4, "securitization.issues": []}), LAW)
    assert p.inputs.demand[:, 1:13] == pytest.approx(q.inputs.demand[:, 1:13], rel=1e-12)
    assert p.inputs.units[1:13] == pytest.approx(q.inputs.units[1:13], rel=1e-12)
    assert p.inputs.lenders[0].dated is not None


@given(platforms(), st.integers(1, 7))
@settings(max_examples=12, deadline=None)
def test_any_platform_has_a_sound_plan_by_weeks_and_months_or_none(case, months):
    model, regime, pool = case
    p = platform(edited({**MIXED, "plan.periods": months}, model), regime, pool)
    try:
        plan = solve_plan(p.inputs, p.engine, channels=False)
    except InfeasibleError:
        event("no plan")
        return
    short = [
        name
        for name, deal in plan.optimum.replay.deals.items()
        for step in deal.trace
        if step.startswith("interest") and deal.short(step).max() > 1e-9
    ]
    if short:
        # A week of few collections: the program keeps cash for its coupon, the waterfall does not.
        event("a coupon is short in some week")
        return
    checks = plan.tables()["checks"]
    path = checks["note"] == "depends on the order of repayment"
    if not checks.loc[path, "ok"].all():
        # Or for notes that it repays in a later week: listed with their size, as path-dependent.
        event("notes are repaid in another order")
        # Cash and net capital follow from what notes are repaid, and what the law's caps count too.
        follows = checks["check"].str.contains("cash|net capital|the cap")
        assert checks.loc[~path & ~follows, "ok"].all()
        return
    event("plan")
    assert_sound(plan)


def test_a_replay_with_other_due_dates_disagrees():
    plan = mixed_plan()
    inputs, decisions = plan.optimum.inputs, plan.optimum.decisions
    assert decisions.draws
    engine = platform(edited(MIXED), LAW).engine
    right = replay(inputs, decisions, engine)
    cash = [plan.optimum.solution.value("M", t) for t in inputs.periods]
    assert right.cash[1:] == pytest.approx(cash, abs=1e-6)
    counted = tuple(replace(x, dated=None) for x in inputs.lenders)
    wrong = replay(replace(inputs, lenders=counted), decisions, engine)
    assert np.abs(wrong.cash[1:] - cash).max() > 1.0


# --- what is stated by the month -----------------------------------------------------------------


def test_demand_of_weeks_is_that_of_their_months():
    wish = {"seasonality": {1: 0.5, 2: 0.6, 3: 2.0}, "growth": 0.3}
    changes = {f"demand.credit.{key}": value for key, value in wish.items()}
    months = platform(edited({**changes, "plan.stated_in": "month"})).inputs
    mixed = platform(edited({**changes, **MIXED})).inputs
    days = pd.date_range("2014-01-01", "2014-12-31")
    by_day = months.demand[0, days.month] / days.days_in_month
    at = np.searchsorted(mixed.grid.days, (days - pd.Timestamp(AS_OF)).days)
    assert mixed.demand[0, 1:] == pytest.approx(np.bincount(at, by_day)[1:], rel=1e-12)
    assert mixed.promised[0].sum() == pytest.approx(months.promised[0].sum(), rel=1e-12)


def test_draws_fall_due_in_the_period_of_their_day():
    inputs = mixed_plan().optimum.inputs
    ends = closes(inputs)
    for tenor, _ in inputs.lenders[0].tenors:
        maturity = inputs.lenders[0].maturity(tenor)
        standing = {t: set(maturity.standing(t)) for t in range(1, inputs.horizon + 1)}
        for t in inputs.periods:
            day = in_months(ends[t], tenor)
            due = int(np.searchsorted(ends, day))
            assert maturity.falls_due(t) == due
            assert {u for u, since in standing.items() if t in since} == {
                u for u in inputs.periods if t <= u < due
            }
            share = (day - ends[due - 1]) / (ends[due] - ends[due - 1])
            assert maturity.bears(t, due) == pytest.approx(share, rel=1e-12)
            assert [maturity.bears(t, u) for u in (t, due + 1)] == [0.0, 0.0]
            assert due > inputs.horizon or t in maturity.falling(due)
            assert due > inputs.horizon or t in maturity.bearing(due)


def test_interest_of_a_draw_runs_to_its_day():
    # One unit drawn at the close of week 2, 14 January, for 3 months at 7%: 11 weeks, and 13 of
    # the 29 days from 1 to 30 April.
    inputs = mixed_plan().optimum.inputs
    book = declare(inputs)
    column = book.program.find("X", ("bank-a", 3, 2))
    assert column is not None
    cost = {
        t: book.debt_interest("bank-a", t).coefficients.get(column, 0.0) for t in inputs.periods
    }
    fee = inputs.lenders[0].commitment_fee
    assert {t for t, c in cost.items() if c} == set(range(3, 15))
    for t in range(3, 14):
        assert cost[t] == pytest.approx((0.07 - fee) * 7 / 365, rel=1e-12)
    assert cost[14] == pytest.approx(0.07 * 13 / 365 - fee * 29 / 365, rel=1e-12)


def test_loans_are_old_enough_by_the_day():
    inputs = mixed_plan().optimum.inputs
    ends = closes(inputs)
    for j, born in enumerate(inputs.cohorts.vintage):
        if born >= 1:
            assert inputs.seasoned(j, 1) == np.searchsorted(ends, in_months(ends[born], 1))
        elif born == 0:
            assert inputs.seasoned(j, 1) == np.searchsorted(ends, pd.Timestamp("2014-01-31"))
        else:
            assert inputs.seasoned(j, 1) <= 1


def test_supply_and_purchases_of_a_month_are_spread_over_its_weeks():
    inputs = mixed_plan().optimum.inputs
    for family, label, cap in (
        ("p2p_supply", "p2p_supply[0,{}]", 3.0),
        ("transfer_flow", "transfer_flow[city-bank,{}]", 12.0),
    ):
        rows = right_sides(family, inputs)
        found = {
            t: float(rows[label.format(t)].split("<=")[1])
            for t in inputs.periods
            if label.format(t) in rows
        }
        assert len(found) > 12
        for t, most in found.items():
            assert most == pytest.approx(cap * inputs.units[t], rel=1e-9)


def test_the_rolling_window_goes_by_days():
    notes = [{"amount": 2.0e6, "rate": 0.1, "maturity": date(2014, m, 10)} for m in (1, 4, 6)]
    model = edited({**MIXED, "plan.periods": 16, "p2p.tenor": 9, "p2p.notes": notes})
    inputs = platform(model).inputs
    ends = closes(inputs)
    placed = [pd.Timestamp(note["maturity"]) - pd.DateOffset(months=9) for note in notes]
    assert inputs.p2p is not None
    assert inputs.p2p.placed_before is not None
    assert inputs.p2p.window is not None
    for t in inputs.periods:
        first = ends[t] + (
            pd.offsets.MonthEnd(-12) if ends[t].is_month_end else pd.DateOffset(months=-12)
        )
        assert inputs.p2p.placed_before[t] == 2.0 * sum(day > first for day in placed)
        assert inputs.p2p.window[t] == min(u for u in inputs.periods if ends[u] > first)


def test_the_floor_covers_what_is_due_within_a_month():
    inputs = mixed_plan().optimum.inputs
    ends = closes(inputs)
    for t in range(1, inputs.horizon + 1):
        assert inputs.covered_to[t] == np.searchsorted(ends, in_months(ends[t], 1))


def test_a_series_revolves_and_ends_by_its_dates():
    inputs = mixed_plan().optimum.inputs
    ends = closes(inputs)
    for name, closing in (("series-1", "2013-07-28"), ("series-2", "2014-02-28")):
        d = inputs.deal(name)
        days = [pd.Timestamp(closing) + pd.DateOffset(months=n) for n in (12, 15)]
        found = [int(np.searchsorted(ends, day)) for day in days]
        assert [d.last_revolving, d.legal_end] == found
    assert inputs.deal("series-2").closing == 9  # 4 March


# --- older P2P notes -----------------------------------------------------------------------------


def test_older_notes_by_their_day_are_those_that_are_spread_evenly():
    even = {"p2p.outstanding": 8.0e6, "p2p.outstanding_rate": 0.1}
    ends = ["2014-01-31", "2014-02-28", "2014-03-31", "2014-04-30"]
    notes = [{"amount": 2.0e6, "rate": 0.1, "maturity": date.fromisoformat(day)} for day in ends]
    one = platform(edited(even)).inputs
    other = platform(edited({"p2p.notes": notes})).inputs
    assert one.p2p is not None
    assert other.p2p is not None
    for name in ("open_balance", "open_repaid", "open_interest"):
        assert getattr(other.p2p, name) == pytest.approx(getattr(one.p2p, name), abs=1e-12)
    assert other.cash == pytest.approx(one.cash, abs=1e-9)
    assert right_sides("p2p_rolling", one) == right_sides("p2p_rolling", other)


def test_notes_by_their_day_are_repaid_in_their_week():
    notes = [
        {"amount": 2.0e6, "rate": 0.1, "maturity": date(2014, 2, 10)},
        {"amount": 3.0e6, "rate": 0.12, "maturity": date(2014, 8, 3)},
    ]
    p = platform(edited({**MIXED, "p2p.notes": notes}), LAW)
    p2p = p.inputs.p2p
    assert p2p is not None
    assert {t: a for t, a in enumerate(p2p.open_repaid) if a} == {6: 2.0, 18: 3.0}
    assert p2p.open_interest[6] == pytest.approx((2.0 * 0.1 + 3.0 * 0.12) * 7 / 365)
    assert p2p.open_interest[18] == pytest.approx(3.0 * 0.12 / 12)
    assert_sound(solve_plan(p.inputs, p.engine, channels=False))


# --- loans that turn over fast -------------------------------------------------------------------


def test_lending_with_and_without_a_holding_period():
    # The planning literature's example: half of net capital K from banks, a tenth retained, half
    # of the loans repaid each period: 15 K without holding, 2.73 K with it.
    assert managed_lending(1.5, 0.10, 1.0) == pytest.approx(15.0)
    assert managed_lending(1.5, 0.10, 0.5) == pytest.approx(2.727, abs=5e-4)
    p, g, r = 0.3, 0.7, 0.15
    assert managed_lending(2.0, r, g) == pytest.approx(2.0 * (1 + g / p) / (1 + r * g / p))


@pytest.mark.parametrize(("repaid", "retained", "holding"), [(0.5, 0.1, 1), (0.3, 0.05, 2)])
def test_a_vehicle_in_a_steady_state_carries_what_the_formula_says(repaid, retained, holding):
    own = vehicle = 0.0
    ages = [0.0] * holding
    for _ in range(400):  # a unit lent each period, sold when it is old enough
        ages = [1.0, *((1.0 - repaid) * a for a in ages)]
        vehicle = (1.0 - repaid) * vehicle + ages.pop()
        own = sum(ages)
    funds = own + retained * vehicle
    left = (1.0 - repaid) ** holding
    assert managed_lending(funds, retained, left) == pytest.approx(own + vehicle, rel=1e-9)


def holding(months: int, **changes: Any) -> Inputs:
    seasoned = {"securitization.min_seasoning": months, "buyers": []}
    return platform(edited({**seasoned, **changes})).inputs


def test_fast_loans_held_for_a_month_are_a_caution():
    inputs = holding(1)
    standing = lives(inputs, 1)
    assert standing.sum() == pytest.approx(0.5, abs=0.05)  # orders of 1 to 30 days
    left = standing[1:].sum() / standing.sum()
    (said,) = holding_cautions(inputs)
    assert "Loans of order stand 0.5 months on average, and the vehicle takes them after" in said
    assert f"carries {1.0 / (1.0 - 0.9 * left):.1f} of such loans, against 10.0 without" in said
    assert 'plan.frequency = "weeks_then_months"' in said


def test_there_is_no_caution_by_weeks_without_holding_or_for_slow_loans():
    assert holding_cautions(holding(0)) == []
    assert holding_cautions(holding(1, **MIXED)) == []
    slow = {"loan_type": "level_payment", "rate": 0.2, "shortest": 300, "longest": 400}
    slowly = {"demand.order.new_loans": slow, "demand.credit.new_loans": slow}
    assert holding_cautions(holding(1, **slowly)) == []


def test_a_buyer_of_fast_loans_that_wants_them_held_is_a_caution():
    buyer = {**MODEL["buyers"][0], "segments": ["order"]}
    changes = {"buyers": [buyer], "securitization": None, "opening.net_capital": 90.0e6}
    inputs = platform(edited(changes), pool=own_pool()).inputs
    (said,) = holding_cautions(inputs)
    assert "city-bank takes them after a month" in said
    assert "is left to sell" in said


def test_terms_that_go_by_equal_periods_are_refused_by_weeks_and_months():
    rule = {"provisions": {"method": "expected_loss"}}
    with pytest.raises(InputError, match=r"provisions: found terms that go by equal periods"):
        platform(edited({**MIXED, **rule}))


def test_the_default_is_weeks_and_then_months():
    plan = Model.model_validate({**MODEL, "plan": {}}).plan
    assert (plan.frequency, plan.unit, plan.projected) == ("weeks_then_months", "month", "month")
    assert len(plan.grid(AS_OF)) == 22
    by_week = Model.model_validate({**MODEL, "plan": {"frequency": "week"}}).plan
    assert (by_week.unit, by_week.projected) == ("week", "week")
