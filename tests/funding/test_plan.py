"""The plan of the small platform and of random ones: its tables against each other and by hand."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from scfcap.axes import BANK_DEBT, BANK_TRANSFER, OWN, P2P, SECURITIZATION
from scfcap.cashflow.cohorts import CohortFactors, cohort_factors
from scfcap.errors import InfeasibleError
from scfcap.funding.plan import Plan, solve_plan
from scfcap.pool.snapshot import Pool
from scfcap.schema.model import Model
from scfcap.schema.regime import Regime

from .later_payments import dear_debt
from .small_platform import LAW, MODEL, Platform, platform, small_pool
from .variants import UNIT, edited, law, own_pool

#: Half a currency unit: sums of many rounded cash flows of tens of millions.
NEAR = 0.5

PLANS: dict[str, tuple[dict[str, Any], Regime | None]] = {
    "law": ({}, LAW),
    "no law, much sold": ({"buyers.0.servicing_fee": 0.12, "buyers.0.limit": 40.0e6}, None),
    "stress": ({"plan.scenario": "stress"}, LAW),
    "weeks": (
        {
            "plan.frequency": "week",
            "plan.periods": 9,
            "securitization.revolving_periods": 40,
            "securitization.issues": [],
            "p2p.tenor": 8,
        },
        LAW,
    ),
    "notes fall due": (
        {
            "securitization.revolving_periods": 5,
            "securitization.amortising_periods": 5,
            "securitization.coupon_timing": "paid",
        },
        LAW,
    ),
    "older notes": ({"p2p.outstanding": 6.0e6, "p2p.outstanding_rate": 0.12}, LAW),
    "a month without demand": (
        {"demand.order.seasonality": {3: 0.0}, "concentration": []},
        LAW,
    ),
    "recoveries after the horizon": (
        {"plan.periods": 3, "credit.segments.credit.recovery_lag": 5},
        LAW,
    ),
}


@cache
def built(name: str) -> Platform:
    changes, regime = PLANS[name]
    return platform(edited(changes), regime)


@cache
def plan_of(name: str) -> Plan:
    p = built(name)
    return solve_plan(p.inputs, p.engine, channels=False)


@pytest.fixture(params=list(PLANS))
def plan(request: pytest.FixtureRequest) -> Plan:
    return plan_of(request.param)


def amounts(frame: pd.DataFrame, channel: str, ends: str) -> pd.Series:
    """Amounts by period of the items of a channel that end with a word."""
    mine = frame[(frame["channel"] == channel) & frame["item"].str.endswith(ends)]
    return mine.groupby("period")["amount"].sum()


def assert_sound(plan: Plan) -> None:
    """All that must hold for any plan, computed from its tables."""
    tables = plan.tables()
    checks = tables["checks"]
    assert checks["ok"].all(), checks[~checks["ok"]].to_string()
    assert np.isfinite(checks["value"]).all()
    size = max(plan.optimum.inputs.net_capital, 1.0) * UNIT
    near = max(NEAR, 1e-8 * size)

    flows = tables["sources_uses"]
    side = flows.pivot_table("amount", "period", "side", aggfunc="sum")
    assert np.abs(side["source"] - side["use"]).max() < near
    assert flows["amount"].min() > -near

    sheet = tables["balance_sheet"]
    side = sheet.pivot_table("amount", "period", "side", aggfunc="sum")
    assert np.abs(side["asset"] - side["liability"] - side["capital"]).max() < near
    assert len(side) == plan.optimum.inputs.horizon + 1

    lent = tables["lending"]
    assert (lent["originated"] <= lent["demand"] + near).all()
    limits = tables["limits"]
    assert (limits["headroom"] >= -near).all()
    assert (limits["dual"] * np.where(limits["sense"] == ">=", -1.0, 1.0) >= -1e-9).all()


def test_tables_agree_with_each_other(plan):
    assert_sound(plan)


def test_every_invariant_is_among_the_checks(plan):
    told = " ".join(plan.tables()["checks"]["check"])
    for what in (
        "sources = uses",
        "assets = liabilities",
        "net income",
        "no limit is exceeded",
        "duality gap",
        "replay: free cash",
        "replay: net capital",
        "replay: loans in own_capital",
        "replay: loans in bank_transfer:city-bank",
        "replay: notes of series-1",
        "replay: cash of series-1",
        "nothing is sold twice",
    ):
        assert what in told


def test_cash_carried_forward_is_brought_forward(plan):
    flows = plan.tables()["sources_uses"]
    brought = flows[flows["item"] == "cash brought forward"].set_index("period")["amount"]
    carried = flows[flows["item"] == "cash carried forward"].set_index("period")["amount"]
    inputs = plan.optimum.inputs
    assert brought[1] == pytest.approx(inputs.cash * UNIT, abs=NEAR)
    assert brought.to_numpy()[1:] == pytest.approx(carried.to_numpy()[:-1], abs=NEAR)


def test_debts_roll_forward(plan):
    tables = plan.tables()
    flows, stock = tables["sources_uses"], tables["balances"]
    debt = amounts(stock, BANK_DEBT, "debt")
    drawn, repaid = amounts(flows, BANK_DEBT, "drawn"), amounts(flows, BANK_DEBT, "repaid")
    assert debt.diff()[1:].to_numpy() == pytest.approx((drawn - repaid).to_numpy(), abs=NEAR)
    notes = amounts(stock, P2P, "notes")
    placed, repaid = amounts(flows, P2P, "placed"), amounts(flows, P2P, "repaid")
    assert notes.diff()[1:].to_numpy() == pytest.approx((placed - repaid).to_numpy(), abs=NEAR)
    assert debt[0] == pytest.approx(5.0e6)


def test_balances_are_those_of_the_balance_sheet(plan):
    tables = plan.tables()
    stock = tables["balances"]
    sheet = tables["balance_sheet"].set_index(["item", "period"])["amount"]
    pairs = [
        (OWN, "loans", "loans on the own book"),
        (OWN, "cash", "free cash"),
        (OWN, "net capital", "net capital"),
        (BANK_DEBT, "debt", "bank and other debt"),
        (SECURITIZATION, "loans", "loans of the vehicle"),
        (SECURITIZATION, "notes", "notes held by others"),
        (P2P, "notes", "P2P notes"),
    ]
    for channel, ends, item in pairs:
        told = amounts(stock, channel, ends).to_numpy()
        assert told == pytest.approx(sheet[item].to_numpy(), abs=NEAR), item


def test_income_is_the_change_of_net_capital(plan):
    tables = plan.tables()
    earned = tables["income"].groupby("period")["amount"].sum()
    capital = amounts(tables["balances"], OWN, "net capital")
    assert capital.diff()[1:].to_numpy() == pytest.approx(earned.to_numpy(), abs=NEAR)
    assert plan.net_income == pytest.approx(earned.sum(), abs=NEAR)


def test_cash_stays_above_floor_and_cover(plan):
    inputs, tables = plan.optimum.inputs, plan.tables()
    cash = amounts(tables["balances"], OWN, "cash")
    flows = tables["sources_uses"]
    due = amounts(flows, BANK_DEBT, "repaid") + amounts(flows, P2P, "repaid")
    settings_ = inputs.spec.plan
    for t in range(1, inputs.horizon):
        least = settings_.liquidity_floor + settings_.debt_cover * due[t + 1]
        assert cash[t] >= least - NEAR, t


@pytest.mark.parametrize("name", [name for name, (_, regime) in PLANS.items() if regime])
def test_caps_hold_on_the_balances(name):
    stock = plan_of(name).tables()["balances"]
    capital = amounts(stock, OWN, "net capital")[1:]
    bank = amounts(stock, BANK_DEBT, "debt")[1:]
    funds = bank + amounts(stock, SECURITIZATION, "notes")[1:] + amounts(stock, P2P, "notes")[1:]
    funds = funds + amounts(stock, BANK_TRANSFER, "loans sold")[1:]
    assert (bank <= 0.2 * capital + NEAR).all()
    assert (funds <= 2.0 * capital + NEAR).all()


def test_contracts_hold_on_the_balances(plan):
    inputs, tables = plan.optimum.inputs, plan.tables()
    stock, flows, spec = tables["balances"], tables["sources_uses"], inputs.spec
    assert amounts(stock, BANK_TRANSFER, "loans sold").max() <= spec.buyers[0].limit + NEAR
    taken = spec.buyers[0].per_period
    assert taken is not None
    assert amounts(flows, BANK_TRANSFER, "loans sold").max() <= taken + NEAR
    assert spec.p2p is not None
    assert amounts(stock, P2P, "notes").max() <= spec.p2p.limit + NEAR
    placed = amounts(flows, P2P, "placed")
    assert placed.max() <= 9.0e6 + NEAR
    assert placed.rolling(12, min_periods=1).sum().max() <= 25.0e6 + NEAR
    own = amounts(stock, OWN, "loans")
    assert (amounts(stock, P2P, "notes")[1:] <= own[1:] + NEAR).all()
    issued = plan.optimum.decisions.issued
    assert sum(issued.values()) * UNIT <= 40.0e6 + NEAR
    for d in inputs.deals:
        assert issued.get(d.name, 0.0) <= d.max_pool + 1e-6


@pytest.mark.parametrize("name", [name for name in PLANS if "concentration" not in PLANS[name][0]])
def test_the_book_keeps_its_share_of_segments(name):
    found = plan_of(name).optimum
    cohorts = found.inputs.cohorts
    credit = np.zeros(found.inputs.horizon + 1)
    book = np.zeros_like(credit)
    for j, where in enumerate(cohorts.origin):
        if cohorts.vintage[j] <= 0 and where.startswith(SECURITIZATION):
            stands = cohorts.amount[j] * cohorts.path[j]
            book += stands
            credit += stands * (cohorts.segment[j] == 0)
    for j, where, t in found.book.holdings:
        if not where.startswith(BANK_TRANSFER):
            stands = found.solution.value("H", (j, where, t))
            book[t] += stands
            credit[t] += stands * (cohorts.segment[j] == 0)
    assert (credit <= 0.9 * book + 1e-6)[1:].all()


def test_series_keep_their_tests_while_they_revolve(plan):
    inputs, vehicle = plan.optimum.inputs, plan.optimum.inputs.vehicle
    assert vehicle is not None
    tested = 0
    for d in inputs.deals:
        deal = plan.optimum.replay.deals.get(d.name)
        if deal is None:
            continue
        for t in range(max(d.first, 1), min(d.last_revolving, inputs.horizon) + 1):
            n = t - 1
            owed = (deal.balance + deal.accrued)[0, :, n].sum()
            held = (deal.pool + deal.cash + deal.reserve)[0, n]
            assert owed <= 0.9 * held + 1e-6, (d.name, t)
            assert deal.cash[0, n] <= 0.5 * deal.balance[0, :, n].sum() + 1e-6, (d.name, t)
            assert deal.triggered[0] == 0
            tested += 1
    assert tested > 2


@pytest.mark.parametrize("name", PLANS)
def test_the_objective_is_income_and_what_stands_is_worth(name):
    """The value of what stands at T by its definition, from the kernel's flows after T."""
    plan, engine = plan_of(name), built(name).engine
    found = plan.optimum
    inputs, spec, x = found.inputs, found.inputs.spec, found.solution
    vehicle = inputs.vehicle
    assert vehicle is not None
    f = cohort_factors(engine.pool, engine.curves, engine.new, inputs.horizon)
    k = f.scenarios.index(spec.plan.scenario)
    last, year = inputs.horizon, f.grid.year_fractions[inputs.horizon :]
    rate = 1.0 + spec.plan.terminal_rate
    discount = rate ** -np.cumsum(year)
    worth = 0.0
    for j, where, t in found.book.holdings:
        if t == last:
            worth += x.value("H", (j, where, t)) * premium(f, k, j, where, discount, spec)
    for j, where in enumerate(f.origin):
        if f.vintage[j] <= 0 and where != OWN:
            held = f.amount[j] / UNIT * f.performing[k, j, last]
            worth += held * premium(f, k, j, where, discount, spec)
    for d in inputs.deals:
        if d.state is None and d.closing <= last:
            cost = vehicle.issue_cost_rate * 0.9 * x.value("S", d.name)
            unused = (d.legal_end - last) / (d.legal_end - d.closing)
            worth += max(unused, 0.0) * cost
        elif d.last_revolving < last < max(d.repaid_by):
            assert x.value("Q", (d.name, last)) == pytest.approx(0.0, abs=1e-9)
    worth -= dear_debt(found)
    told = plan.tables()["value"].groupby("part")["amount"].sum()
    assert told["beyond"] == pytest.approx(worth * UNIT, abs=NEAR)
    assert told["inside"] == pytest.approx(plan.net_income, abs=NEAR)
    assert plan.objective == pytest.approx(plan.net_income + worth * UNIT, abs=NEAR)


def premium(
    f: CohortFactors, k: int, j: int, where: str, discount: np.ndarray, spec: Model
) -> float:
    """Above par, of a unit of a cohort that stands in a place at T."""
    last = len(f.grid) - len(discount)
    held = f.performing[k, j, last]
    if held <= 1e-12:
        return 0.0
    s, year = int(f.segment[j]), f.grid.year_fractions[last:]
    annuity = (f.performing[k, j, last:-1] * year) @ discount / held
    running = spec.plan.opex_rate * annuity
    if where.startswith(BANK_TRANSFER):
        return float(spec.buyers[0].servicing_fee * annuity - running)
    credit = spec.credit.segments[f.segments[s]]
    delay = (1.0 + spec.plan.terminal_rate) ** (-credit.recovery_lag / f.grid.per_year)
    inflow = f.repaid[k, j, last:] + f.interest[k, j, last:]
    inflow = inflow + f.expected_recovery_rate[k, s, last:] * delay * f.default[k, j, last:]
    value = (inflow @ discount + f.performing[k, j, -1] * discount[-1]) / held
    senior = spec.securitization.senior_fee_rate if where != OWN and spec.securitization else 0.0
    return float(value - running - senior * annuity - 1.0)


def test_strong_duality_and_complementary_slackness(plan):
    solution = plan.optimum.solution
    program = solution.program
    right = np.asarray(program.rows.right)
    lower, upper = np.asarray(program.columns.lower), np.asarray(program.columns.upper)
    assert np.isinf(upper).all(), "all limits are rows, so that each has a dual"
    assert set(lower) <= {0.0, -np.inf}
    assert (solution.dual * right).sum() + program.objective.constant == pytest.approx(
        solution.objective, rel=1e-9
    )
    slack = right - program.matrix() @ solution.x
    size = abs(solution.objective)
    assert np.abs(solution.dual * slack).max() < 1e-7 * size
    assert np.abs(solution.reduced_cost * solution.x).max() < 1e-7 * size
    limits = plan.tables()["limits"]
    single = limits[limits["family"] != "transfer_eligibility"]
    assert np.abs(single["dual"] * single["headroom"]).max() < 1e-7 * size * UNIT


def test_binding_limits_are_those_without_headroom(plan):
    limits = plan.tables()["limits"]
    share = limits["headroom"] / np.maximum(limits["limit"].abs(), 1e3)
    assert (share[limits["binding"]] <= 1e-5).all()
    assert (share[~limits["binding"]] > 1e-7).all()
    worth = limits["dual"].abs() > 1e-6
    assert limits.loc[worth & (limits["family"] != "transfer_eligibility"), "binding"].all()
    assert (limits["end"].isna() == (limits["period"] == 0)).all()


def test_a_month_without_demand_has_no_lending():
    lent = plan_of("a month without demand").tables()["lending"]
    march = lent[(lent["segment"] == "order") & (lent["period"] == 3)]
    assert march["demand"].item() == 0.0
    assert march["originated"].item() == 0.0


def test_a_draw_due_after_the_horizon_needs_no_cover_at_its_end():
    limits = {}
    for maturity in (date(2015, 1, 31), date(2015, 3, 31)):
        draw = {"amount": 5.0e6, "rate": 0.07, "maturity": maturity}
        p = platform(edited({"lenders.0.draws": [draw]}))
        repaid = p.inputs.lenders[0].open_repaid
        limits[maturity.month] = repaid.tolist()
        assert p.inputs.lenders[0].open_balance.tolist() == [5.0] * 13
    assert limits[1] == [0.0] * 13 + [5.0]
    assert limits[3] == [0.0] * 14


# Law.


def test_a_closed_channel_runs_off():
    # Notes of 8 million stand when the law closes P2P: they are owed, and none is added.
    older = {"p2p.outstanding": 8.0e6, "p2p.outstanding_rate": 0.12, "opening": {"cash": 10.0e6}}
    open_, shut = (
        platform(edited(older), LAW),
        platform(edited(older), law(closed_channels=["p2p"])),
    )
    assert shut.inputs.net_capital == open_.inputs.net_capital
    plan = solve_plan(shut.inputs, shut.engine)
    notes = amounts(plan.tables()["balances"], P2P, "notes")
    assert notes.tolist() == pytest.approx([8e6, 6e6, 4e6, 2e6] + [0.0] * 9)
    worth = plan.tables()["channels"].set_index("channel")["worth"]
    assert worth[P2P] == pytest.approx(0.0, abs=1.0)


@pytest.mark.parametrize("kind", ["shareholder", "peer", "bond", "bank"])
def test_a_closed_kind_of_lender_makes_no_new_loan(kind):
    friend = {"name": "friend", "kind": kind, "limit": 9.0e6}
    friend |= {"tenors": [{"periods": 6, "rate": 0.01}]}
    changes = {"lenders": [friend], "opening": {"net_capital": 66.0e6}}
    draws = []
    for regime in (law(caps=[]), law(caps=[], closed_channels=[kind])):
        p = platform(changes, regime)
        plan = solve_plan(p.inputs, p.engine, channels=False)
        draws.append(sum(plan.optimum.decisions.draws.values()))
    assert draws[0] > 1.0
    assert draws[1] == 0.0


@pytest.mark.parametrize("measure", ["cumulative_default", "default_rate"])
def test_a_series_that_trips_by_itself_stops_revolving(measure):
    # Defaults of 20 times the base rate trip the trigger in January, whatever is bought.
    changes = {
        "scenarios.stress.default_multiple": 20.0,
        "plan.scenario": "stress",
        "plan.periods": 6,
        "securitization.trigger": {"measure": measure, "threshold": 0.05},
        "securitization.amortising_periods": 8,
    }
    p = platform(edited(changes))
    assert p.inputs.deal("series-1").last_revolving == 1
    plan = solve_plan(p.inputs, p.engine, channels=False)
    assert_sound(plan)
    assert plan.optimum.replay.deals["series-1"].triggered.tolist() == [1]
    bought = [t for _, where, t in plan.optimum.decisions.transfers if where.endswith("series-1")]
    assert max(bought, default=1) == 1


def test_purchases_may_keep_a_rate_below_its_trigger():
    # From February on the loans held at the start default too fast. Added up, they trip the
    # trigger in March; as a rate, loans bought before can hold it down: that is the plan's matter.
    changes = {
        "scenarios.stress": {"default_multiple": 40.0, "from_period": 2},
        "plan.scenario": "stress",
        "securitization.amortising_periods": 8,
    }
    last = {}
    for measure in ("default_rate", "cumulative_default"):
        trigger = {"measure": measure, "threshold": 0.08}
        p = platform(edited({**changes, "securitization.trigger": trigger}))
        last[measure] = p.inputs.deal("series-1").last_revolving
    assert last == {"default_rate": 7, "cumulative_default": 3}


@pytest.mark.parametrize(("margin", "limit"), [(0.02, 0.01), (0.026, 0.03)])
def test_a_margin_that_old_loans_eat_up_leaves_the_threshold(margin, limit):
    # By February 0.47% of the pool at closing has defaulted, of loans held at the start.
    trigger = {"measure": "cumulative_default", "threshold": 0.03, "margin": margin}
    p = platform(edited({"securitization.trigger": trigger, "plan.periods": 7}), LAW)
    plan = solve_plan(p.inputs, p.engine, channels=False)
    assert_sound(plan)
    limits = plan.tables()["limits"]
    mine = limits[(limits["family"] == "trigger_headroom") & (limits["key"] == "series-1")]
    assert mine["use"].iloc[0] / 20.0e6 == pytest.approx(0.0047, abs=1e-4)
    assert mine["limit"].to_numpy() / 20.0e6 == pytest.approx(limit)
    assert p.inputs.deal("series-1").last_revolving == 7


# Any platform.


def _rate(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high).map(lambda x: round(x, 4))


def _money(low: float, high: float) -> st.SearchStrategy[float]:
    """Millions, in tens of thousands; often nothing."""
    return st.one_of(st.floats(low, high), st.floats(low, high), st.just(0.0)).map(
        lambda x: round(x, 2) * UNIT
    )


@st.composite
def lenders(draw: st.DrawFn, number: int) -> dict[str, Any]:
    tenors = draw(st.lists(st.integers(1, 10), min_size=1, max_size=2, unique=True))
    days = draw(st.lists(st.integers(-20, 600), max_size=2))
    draws = [
        {
            "amount": draw(_money(0.0, 4.0)),
            "rate": 0.07,
            "maturity": date(2014, 1, 1) + timedelta(d),
        }
        for d in days
    ]
    return {
        "name": f"lender-{number}",
        "kind": draw(st.sampled_from(["bank", "shareholder", "bond"])),
        "limit": draw(_money(1.0, 30.0)),
        "commitment_fee": draw(_rate(0.0, 0.005)),
        "tenors": [{"periods": n, "rate": draw(_rate(0.02, 0.12))} for n in tenors],
        "draws": draws,
    }


@st.composite
def buyers(draw: st.DrawFn, number: int) -> dict[str, Any]:
    return {
        "name": f"buyer-{number}",
        "price": draw(st.sampled_from([1.0, 0.98, 1.01])),
        "limit": draw(_money(1.0, 40.0)),
        "per_period": draw(st.none() | _money(1.0, 15.0)),
        "servicing_fee": draw(_rate(0.0, 0.08)),
        "min_seasoning": draw(st.integers(0, 3)),
        "eligibility": "bank",
        "segments": draw(st.sampled_from([[], ["credit"], ["order"]])),
    }


@st.composite
def vehicles(draw: st.DrawFn) -> dict[str, Any]:
    vehicle = edited({})["securitization"]
    measure = draw(st.sampled_from(["cumulative_default", "default_rate"]))
    vehicle |= {
        "revolving_periods": draw(st.integers(4, 14)),
        "amortising_periods": draw(st.integers(4, 8)),
        "coupon_timing": draw(st.sampled_from(["paid", "accrued_while_revolving"])),
        "reserve_rate": draw(_rate(0.0, 0.03)),
        "issue_cost_rate": draw(_rate(0.0, 0.01)),
        "idle_cash_limit": draw(_rate(0.7, 1.0)),
        "cash_yield": draw(_rate(0.0, 0.01)),
        "min_seasoning": draw(st.integers(0, 1)),
        "programme_limit": draw(_money(5.0, 60.0)),
        "trigger": {"measure": measure, "threshold": draw(_rate(0.08, 0.3)), "margin": 0.005},
        "issues": [
            {"name": f"series-{n + 2}", "closing": day, "max_pool": draw(_money(1.0, 30.0))}
            for n, day in enumerate(
                draw(st.lists(st.dates(date(2014, 1, 1), date(2014, 12, 28)), max_size=2))
            )
        ],
    }
    return vehicle


@st.composite
def notes(draw: st.DrawFn) -> dict[str, Any]:
    cheap = draw(_rate(0.05, 0.1))
    return {
        "limit": draw(_money(1.0, 30.0)),
        "rolling_12_months": draw(st.none() | _money(5.0, 40.0)),
        "tenor": draw(st.integers(1, 14)),
        "steps": [
            {"per_period": draw(_money(0.5, 5.0)), "rate": cheap},
            {"per_period": draw(_money(0.5, 9.0)), "rate": cheap + draw(_rate(0.0, 0.05))},
        ],
        "open_to": draw(st.none() | st.just(date(2014, 5, 5))),
        "outstanding": draw(_money(0.0, 8.0)),
        "outstanding_rate": 0.1,
    }


@st.composite
def platforms(draw: st.DrawFn) -> tuple[dict[str, Any], Regime | None, Pool]:
    vehicle = draw(st.none() | vehicles())
    pool = small_pool(draw(st.sampled_from([40, 150])), draw(st.integers(0, 50)))
    changes: dict[str, Any] = {
        "plan.periods": draw(st.integers(2, 8)),
        "plan.scenario": draw(st.sampled_from(["base", "stress"])),
        "plan.liquidity_floor": draw(_money(0.0, 4.0)),
        "plan.debt_cover": draw(_rate(0.0, 0.5)),
        "plan.opex_rate": draw(_rate(0.0, 0.03)),
        "plan.terminal_rate": draw(_rate(0.0, 0.15)),
        "opening": {"cash": draw(st.floats(8.0, 40.0)) * UNIT, "deductions": 1.0e6},
        "lenders": [draw(lenders(n)) for n in range(draw(st.integers(0, 2)))],
        "buyers": [draw(buyers(n)) for n in range(draw(st.integers(0, 2)))],
        "securitization": vehicle,
        "p2p": draw(st.none() | notes()),
        "concentration": draw(st.sampled_from([[], MODEL["concentration"]])),
        "credit.segments.credit.cdr": draw(_rate(0.0, 0.08)),
        "credit.segments.credit.cpr": draw(_rate(0.0, 0.4)),
        "credit.segments.credit.recovery_lag": draw(st.integers(0, 12)),
        "credit.segments.order.severity": draw(_rate(0.2, 1.0)),
    }
    for segment in ("credit", "order"):
        changes[f"demand.{segment}.per_period"] = draw(_money(1.0, 90.0))
        changes[f"demand.{segment}.minimum"] = draw(st.sampled_from([0.0, 0.05]))
        season = draw(st.dictionaries(st.integers(1, 12), _rate(0.0, 2.0), max_size=2))
        changes[f"demand.{segment}.seasonality"] = season
    changes["demand.order.new_loans"] = draw(
        st.sampled_from(["tape", MODEL["demand"]["order"]["new_loans"]])
    )
    return (
        edited(changes),
        draw(st.sampled_from([None, LAW])),
        pool if vehicle is not None else own_pool(pool),
    )


@given(platforms())
@settings(max_examples=40, deadline=None)
def test_any_platform_has_a_sound_plan_or_none(case):
    model, regime, pool = case
    p = platform(model, regime, pool)
    try:
        plan = solve_plan(p.inputs, p.engine, channels=False)
    except InfeasibleError as error:
        event("no plan")
        if not (str(error).startswith("No plan") and error.sentences):
            raise
        return
    event("plan")
    assert_sound(plan)
    for price in plan.prices:
        assert np.isfinite([price.value, price.low, price.high]).all(), price.what
