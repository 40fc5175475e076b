"""Maturity gaps, tenors and what the liquidity floor covers, against the ladder and by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from pydantic import ValidationError

from scfcap.axes import REVOLVING_LINE
from scfcap.cashflow.cohorts import cohort_factors
from scfcap.errors import InputError
from scfcap.funding.ladder import HORIZONS, maturity_gaps, maturity_ladder
from scfcap.funding.maturities import repaid_later, repaid_within
from scfcap.funding.plan import Plan, solve_plan
from scfcap.schema.model import Model

from .small_platform import MODEL, Platform, platform, small_pool

#: Assets due within 30 days exceed debts due by 45 million at least, within 90 days by 75.
GAPS = [{"days": 30, "buffer": -45.0e6}, {"days": 90, "buffer": -75.0e6}]


def planned(pool=None, **settings: object) -> tuple[Platform, Plan]:
    made = platform({"plan": {**MODEL["plan"], **settings}}, pool=pool)
    return made, solve_plan(made.inputs, made.engine, channels=False)


def ladder_of(made: Platform, plan: Plan):
    factors = cohort_factors(
        made.engine.pool, made.engine.curves, made.engine.new, made.spec.plan.periods
    )
    return maturity_ladder(plan.optimum.book, plan.optimum.solution, factors)


@pytest.fixture(scope="module")
def free() -> tuple[Platform, Plan]:
    return planned()


@pytest.fixture(scope="module")
def held() -> tuple[Platform, Plan]:
    return planned(maturity_gaps=GAPS, tenor_match={"days": 90, "share": 0.25})


def test_rows_are_the_gaps_of_the_ladder(held):
    made, plan = held
    gaps = maturity_gaps(ladder_of(made, plan)).set_index(["within_days", "period"])["gap"]
    book, x = plan.optimum.book, plan.optimum.solution.x
    for (days, t), row in book.program.rows_of("maturity_gap").items():
        above = book.program.matrix()[[row], :] @ x - book.program.rows.right[row]
        least = {30: 45.0, 90: 75.0}[days]
        assert gaps[days, t] / 1e6 == pytest.approx(float(above[0]) + least, abs=1e-6)


def test_a_limit_on_the_gap_is_kept_and_costs(free, held):
    before = maturity_gaps(ladder_of(*free)).set_index(["within_days", "period"])["gap"]
    after = maturity_gaps(ladder_of(*held)).set_index(["within_days", "period"])["gap"]
    assert before.loc[30].drop(index=0).min() < 45.0e6 - 1.0
    assert after.loc[30].drop(index=0).min() == pytest.approx(45.0e6, abs=1.0)
    assert after.loc[90].drop(index=0).min() >= 75.0e6 - 1e-3
    assert held[1].objective < free[1].objective - 1.0
    assert held[1].tables()["checks"]["ok"].all()


def test_long_loans_stand_on_long_funding_by_the_ladder(held):
    made, plan = held
    ladder = ladder_of(made, plan)
    long = ladder[ladder["bucket"].isin(["to 180 days", "to 360 days", "later"])]
    sides = long[~long["item"].isin(["accrued coupons"])].pivot_table(
        "amount", "period", "side", aggfunc="sum"
    )
    sheet = plan.tables()["balance_sheet"]
    capital = sheet[sheet["side"] == "capital"].set_index("period")["amount"]
    inside = sides.loc[1:]
    room = 0.25 * (inside["liability"] + capital[inside.index]) - inside["asset"]
    assert (room >= -1e-3).all()
    limits = plan.tables()["limits"]
    mine = limits[limits["family"] == "tenor_match"].set_index("period")
    assert np.allclose(mine["headroom"], room[mine.index], atol=1.0)


def test_repayment_is_interpolated_within_periods():
    # One unit: 0.3 is repaid in 31 days, 0.4 in the next 28; 0.1 defaults, 0.2 stays.
    performing = np.array([[1.0, 0.6, 0.2]])
    repaid = np.array([[0.3, 0.4]])
    days = np.array([0, 31, 59])
    within = repaid_within(performing, repaid, days, 0, (0, 31, 45, 59, 500))[0]
    assert list(within) == pytest.approx([0.0, 0.3, 0.3 + 0.4 * 14 / 28, 0.7, 0.7])
    assert repaid_later(performing, repaid, days, 0, 31)[0] == pytest.approx(0.4 + 0.2)
    assert list(repaid_within(performing, repaid, days, 1, (28,))[0]) == pytest.approx([0.4 / 0.6])
    assert list(repaid_within(performing, repaid, days, 2, (28,))[0]) == [0.0]
    assert HORIZONS == (7, 30, 90, 180, 360)


def test_the_floor_covers_undrawn_limits_interest_and_promises(free):
    limits = {"credit": 30.0e6, "order": 10.0e6}
    made, plan = planned(
        undrawn_draw_rate=0.1, undrawn_limits=limits, interest_cover=0.5, promise_cover=0.25
    )
    assert made.inputs.undrawn == 40.0
    tables = plan.tables()
    uses = tables["sources_uses"]
    paid = uses[(uses["side"] == "use") & uses["channel"].isin(["bank_debt", "p2p"])]
    interest = paid[paid["item"].str.contains("interest|fee")].groupby("period")["amount"].sum()
    due = paid[~paid["item"].str.contains("interest|fee")].groupby("period")["amount"].sum()
    balances = tables["balances"]
    cash = balances[balances["item"] == "cash"].set_index("period")["amount"]
    promised = 0.05 * made.inputs.demand[0] * 1e6
    least = np.inf
    for t in range(1, 12):
        floor = 2.0e6 + 4.0e6 + 0.2 * due.get(t + 1, 0.0) + 0.5 * interest.get(t + 1, 0.0)
        floor += 0.25 * promised[t + 1]
        least = min(least, cash[t] - floor)
        assert cash[t] >= floor - 1e-3, t
    assert least == pytest.approx(0.0, abs=1e-2)
    assert plan.objective < free[1].objective
    assert tables["checks"]["ok"].all()


def test_undrawn_limits_come_from_the_tapes_lines():
    pool = small_pool()
    lines = np.arange(len(pool)) < 4
    ratio = np.where(lines, [1.5] * len(pool), np.nan)
    ratio[3] = 0.8  # drawn above its limit: nothing left
    kind = np.where(lines, REVOLVING_LINE, pool.loan_type)
    pool = replace(pool, limit_ratio=ratio, loan_type=kind)
    made = platform({"plan": {**MODEL["plan"], "undrawn_draw_rate": 0.1}}, pool=pool)
    assert made.inputs.undrawn == pytest.approx(0.5 * pool.balance[:3].sum() / 1e6)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"undrawn_draw_rate": 0.1}, "without limits that may be drawn"),
        ({"undrawn_draw_rate": 0.1, "undrawn_limits": {"car": 1.0}}, "segment 'car'"),
    ],
)
def test_undrawn_limits_that_are_not_there_are_refused(settings, says):
    with pytest.raises(InputError, match=says):
        platform({"plan": {**MODEL["plan"], **settings}})


def test_a_number_of_days_stands_once():
    plan = {**MODEL["plan"], "maturity_gaps": [{"days": 30}, {"days": 30}]}
    with pytest.raises(ValidationError, match="each number of days once"):
        Model.model_validate({**MODEL, "plan": plan})


def test_draws_and_sales_wait_for_their_notice():
    # Told on 2013-12-31, 45 days are over on 2014-02-14: the first close after it is in February.
    line = {**MODEL["lenders"][0], "notice_days": 45}
    buyer = {**MODEL["buyers"][0], "notice_days": 60}
    made = platform({"lenders": [line], "buyers": [buyer]})
    plan = solve_plan(made.inputs, made.engine, channels=False)
    assert made.inputs.lenders[0].closed == {1}
    assert made.inputs.buyers[0].closed == {1, 2}
    assert min(t for _, _, t in plan.optimum.decisions.draws) >= 2
    assert not plan.tables()["actions"]["late"].any()
    assert plan.tables()["checks"]["ok"].all()


def test_a_line_ends_with_its_draws_and_its_fee():
    line = {**MODEL["lenders"][0], "available_to": date(2014, 5, 15)}
    made = platform({"lenders": [line]})
    plan = solve_plan(made.inputs, made.engine, channels=False)
    draws = plan.optimum.decisions.draws
    assert made.inputs.lenders[0].closed == set(range(5, 13))
    assert max(t for _, _, t in draws) <= 4
    assert max(t + tenor for _, tenor, t in draws) > 6
    uses = plan.tables()["sources_uses"]
    paid = uses[uses["item"] == "bank-a: interest and fees"].set_index("period")["amount"]
    rates = {3: 0.07, 6: 0.0725}
    for t in made.inputs.periods:
        older = 5.0e6 if t - 1 < 3 else 0.0
        standing = {k: v * 1e6 for k, v in draws.items() if k[2] < t <= k[2] + k[1]}
        interest = 0.07 * (5.0e6 if t <= 3 else 0.0)
        interest += sum(rates[k[1]] * v for k, v in standing.items())
        undrawn = 15.0e6 - older - sum(standing.values())
        fee = 0.002 * undrawn if t <= 5 else 0.0
        assert paid.get(t, 0.0) == pytest.approx((interest + fee) / 12, abs=0.01), t
    assert plan.tables()["checks"]["ok"].all()
