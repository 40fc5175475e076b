"""The next plan, from what stands: loans rolled forward, debts, terms, what goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from scfcap.cashflow.cohorts import project_opening
from scfcap.credit.curves import build_curves
from scfcap.errors import InputError
from scfcap.funding.plan import optimum
from scfcap.funding.replan import later, next_model
from scfcap.funding.replay import Engine, parts
from scfcap.funding.rolled import rolled_pool
from scfcap.funding.standing import actuals_of, standing_draws
from scfcap.funding.statements import all_statements
from scfcap.funding.variance import variance
from scfcap.schema.scenario import Scenario

from .combined_platform import combined
from .next_plans import OPEX, PERIODS, next_plan, planned_of, read
from .small_platform import LAW, MODEL, platform


@pytest.fixture(scope="module")
def small():
    """The small platform and its plan."""
    made = platform(regime=LAW)
    return made, optimum(made.inputs, made.engine)


@pytest.fixture(scope="module")
def whole():
    """The platform with every instrument, and its plan."""
    made = combined()
    return made, optimum(made.inputs, made.engine)


@pytest.fixture(scope="module")
def expected(small):
    """The small platform's plan over its first periods."""
    return planned_of(small, PERIODS)


def test_loans_roll_forward_as_they_are_projected(small, expected):
    """Witness: the same loans projected from the start, which the rolled pool carries on."""
    made, found = small
    pool = rolled_pool(found.inputs, found.decisions, made.engine, expected, "a.toml")
    places = np.bincount(pool.place, pool.balance, minlength=len(pool.places))
    np.testing.assert_allclose(places, expected.closing.sum(axis=0), rtol=1e-9)
    assert pool.as_of == date(2014, 4, 30)
    grid = made.spec.plan.grid(pool.as_of).extended(24)
    curves = build_curves(
        pool.segments, made.spec.credit.segments, made.spec.scenarios, grid, stated_in="month"
    )
    on = project_opening(pool, curves, pool.segment, 2)
    whole = parts(found.inputs, found.decisions, made.engine)
    made_by_then = found.inputs.cohorts.vintage <= PERIODS
    for s in range(2):
        mine = made_by_then & (found.inputs.cohorts.segment == s)
        for name, flow in (("balance", on.closing), ("defaulted", on.default)):
            before = getattr(whole, name)[mine].sum(axis=(0, 1))[PERIODS + 1 :] * 1e6
            np.testing.assert_allclose(flow[0, s, :8], before, rtol=1e-6, atol=1.0)


def test_loans_are_scaled_to_what_stands(small, expected):
    made, found = small
    closing = expected.closing.copy()
    closing[0, 0] *= 1.25
    empty = np.argwhere(closing <= 0.0)
    s, c = (int(x) for x in empty[0])
    closing[s, c] = 3.0e5
    actual = replace(expected, closing=closing)
    pool = rolled_pool(found.inputs, found.decisions, made.engine, actual, "a.toml")
    cell = pool.segment * len(pool.places) + pool.place
    sums = np.bincount(cell, pool.balance, minlength=closing.size).reshape(closing.shape)
    np.testing.assert_allclose(sums, closing, rtol=1e-9)


def test_the_advice_stays_where_all_went_asplanned_of(small, expected):
    """To the old end: lending, draws and notes to come are those of the old plan.

    What differs is what no model states: recoveries that series expect, interest by the day.
    """
    _, found = small
    told = actuals_of(expected, found.inputs, found.decisions, None)
    following, newer = next_plan(small, told, expected)
    assert newer.inputs.grid.ends == found.inputs.grid.ends[PERIODS:]
    lent = [x.decisions.originated.sum(axis=0) for x in (found, newer)]
    np.testing.assert_allclose(lent[1][1:], lent[0][PERIODS + 1 :], rtol=2e-3)
    assert newer.inputs.cash == pytest.approx(expected.cash[1] / 1e6)
    assert any("that series still expect" in text for text in following.said)
    f, own = expected.loans, expected.places.index("own_capital")
    due = (f["defaulted"] - f["lost"] - f["recovered"])[:, own].sum()
    assert sum(x.amount for x in following.spec.opening.recoveries) == pytest.approx(due)
    series = [c for c in expected.on_books if c != own]
    lacking = (f["defaulted"] - f["lost"] - f["recovered"])[:, series].sum()
    capital = (newer.inputs.net_capital * 1e6, expected.capital[1] - lacking)
    assert capital[0] == pytest.approx(capital[1], rel=1e-9)
    assert newer.decisions.issued["series-3"] == pytest.approx(
        found.decisions.issued["series-3"], rel=1e-3
    )


def test_what_stands_is_in_the_next_model(small, expected):
    _, found = small
    told = actuals_of(expected, found.inputs, found.decisions, None)
    following, _ = next_plan(small, told, expected, "same")
    spec = following.spec
    assert (spec.as_of, spec.plan.periods) == (date(2014, 4, 30), 12)
    assert [x.name for x in spec.securitization.series] == ["series-1", "series-2"]
    assert [x.name for x in spec.securitization.issues] == ["series-3"]
    second = spec.securitization.series[1]
    size = found.decisions.issued["series-2"] * 1e6
    assert second.pool_at_closing == pytest.approx(size)
    assert second.notes["senior"] == pytest.approx(0.75 * size)
    assert spec.securitization.programme_limit == pytest.approx(40.0e6 - size)
    draws = standing_draws(found.inputs, found.decisions, PERIODS)["bank-a"]
    assert sum(x.amount for x in draws) == pytest.approx(expected.lenders["bank-a"].closing)
    assert all(x.maturity > spec.as_of for x in draws)
    assert spec.lenders[0].draws == tuple(draws)
    notes = spec.p2p.notes
    assert sum(x.amount for x in notes) == pytest.approx(expected.p2p.closing)
    # what was placed in the third month for four months falls due in the seventh
    assert {x.maturity for x in notes} <= {
        date(2014, m, d) for m, d in ((5, 31), (6, 30), (7, 31), (8, 31))
    }
    assert spec.opening.cash == expected.cash[1]


def test_a_plan_by_weeks_and_then_months_goes_on():
    """Four weeks on; shocks are stated in months, of which one has passed to the nearest."""
    plan = {**MODEL["plan"], "frequency": "weeks_then_months", "periods": 5}
    shocks = [{"kind": "market_shut", "from_period": 2, "to_period": 3}]
    scenarios = {**MODEL["scenarios"], "shut": {"shocks": shocks}}
    made = platform({"plan": plan, "scenarios": scenarios}, LAW)
    case = made, optimum(made.inputs, made.engine)
    expected = planned_of(case, 4)
    told = actuals_of(expected, made.inputs, case[1].decisions, None)
    assert variance(*read(told, case, expected)[::-1], OPEX).lines["cash"].abs().max() < 1e-5
    following, newer = next_plan(case, told, expected, "same")
    assert newer.inputs.grid.ends[8] == case[1].inputs.grid.ends[12]
    shut = following.spec.scenarios["shut"].shocks[0]
    assert (shut.from_period, shut.to_period) == (1, 2)
    debt = newer.inputs.lenders[0].open_balance[0] * 1e6
    assert debt == pytest.approx(expected.lenders["bank-a"].closing)
    lent = [x.decisions.originated.sum(axis=0) for x in (newer, case[1])]
    np.testing.assert_allclose(lent[0][1:9].sum(), lent[1][5:13].sum(), rtol=0.05)
    assert next_plan(case, told, expected, "end")[1].inputs.grid.ends[-1] == date(2014, 5, 31)
    late = planned_of(case, 13)
    told = actuals_of(late, made.inputs, case[1].decisions, None)
    with pytest.raises(InputError, match="no whole number of periods leads to the plan's end"):
        next_plan(case, told, late, "end")


def test_new_terms_change_the_advice(small, expected):
    """Half the line is gone: what is drawn runs out, and no more is drawn above it."""
    _, found = small
    told = actuals_of(expected, found.inputs, found.decisions, None)
    line = told.lenders["bank-a"].model_copy(update={"limit": 7.5e6})
    following, newer = next_plan(
        small, told.model_copy(update={"lenders": {"bank-a": line}}), expected
    )
    assert following.spec.lenders[0].limit == 7.5e6
    debt = newer.book.debt("bank-a", 8).plus(float(newer.inputs.lenders[0].open_balance[8]))
    assert debt.value(newer.solution.x) <= 7.5 + 1e-9
    kept = found.book.debt("bank-a", 12).value(found.solution.x)
    assert kept > 7.6


def test_draws_that_do_not_add_up_are_refused(small, expected):
    _, found = small
    told = actuals_of(expected, found.inputs, found.decisions, None)
    line = told.lenders["bank-a"]
    less = line.model_copy(update={"draws": line.draws[:-1]})
    wrong = told.model_copy(update={"lenders": {"bank-a": less}})
    with pytest.raises(InputError, match=r"lenders.bank-a.draws: found CNY .* less than"):
        next_plan(small, wrong, expected)


def test_tax_provisions_and_dividends_go_on(whole):
    """Over a year's end the closed year's income is what dividends may be paid of."""
    _, found = whole
    expected = planned_of(whole, 6)
    told = actuals_of(expected, found.inputs, found.decisions, None)
    actual, _ = read(told, whole, expected)
    spec = next_model(found.inputs, found.decisions, told, actual, "a.toml").spec
    tax = expected.company["tax"].sum()
    assert spec.tax.payable == pytest.approx(0.25e6 + tax - expected.company["tax_paid"].sum())
    profit = expected.net_income().sum() + tax
    assert spec.tax.losses_forward == pytest.approx(max(0.5e6 - profit, 0.0))
    paid = expected.company["dividends"].sum()
    assert spec.dividends.income_prior_year == pytest.approx(max(3.0e6 - paid / 0.4, 0.0))
    assert spec.injections == ()
    assert spec.opening.provisions > 0.0
    stock = next(x for x in spec.buyers if x.name == "city-bank")
    bought = expected.loans["bought"][:, expected.places.index("bank_transfer:city-bank")].sum()
    before = expected.opening[:, expected.places.index("bank_transfer:city-bank")].sum()
    assert stock.recourse_sold == pytest.approx(before + bought)


def test_loans_told_by_more_than_their_contract_need_a_tape(small, expected):
    made, found = small
    ruled = replace(
        made.engine.pool, rules=("r",), rule=np.zeros(len(made.engine.pool), dtype=np.int64)
    )
    engine = Engine(ruled, made.engine.curves, made.engine.new)
    with pytest.raises(InputError, match="--tape-b PATH; or --no-replan"):
        rolled_pool(found.inputs, found.decisions, engine, expected, "a.toml")


def test_scenarios_go_on_from_where_they_are():
    scenario = Scenario.model_validate(
        {
            "from_period": 6,
            "default_multiple": 2.0,
            "shocks": (
                {"kind": "outage", "days": 5, "from_period": 2},
                {"kind": "outage", "days": 5, "from_period": 7},
                {"kind": "market_shut", "from_period": 2, "to_period": 8},
                {"kind": "market_shut", "from_period": 1, "to_period": 4},
                {"kind": "bank_line_cut", "cut": 0.5, "from_period": 3, "notice": 4},
                {"kind": "core_failure", "core": "#1", "period": 4},
            ),
        }
    )
    found = later(scenario, 4)
    assert found.from_period == 2
    outage, shut, cut = found.shocks
    assert (outage.kind, outage.from_period) == ("outage", 3)
    assert (shut.from_period, shut.to_period) == (1, 4)
    assert (cut.from_period, cut.notice) == (1, 2)


def test_recoveries_of_older_defaults_are_cash_and_no_income():
    """By hand: 0.3 in March, 0.2 in June, 0.1 after the plan; at the start 0.6 is an asset."""
    days = ((date(2014, 3, 15), 0.3e6), (date(2014, 6, 30), 0.2e6), (date(2015, 7, 1), 0.1e6))
    rows = [{"date": day, "amount": amount} for day, amount in days]
    opening = {"net_capital": 60.0e6, "recoveries": rows}
    plain, made = platform(regime=LAW), platform({"opening": opening}, LAW)
    assert plain.inputs.cash - made.inputs.cash == pytest.approx(0.6)
    found = optimum(made.inputs, made.engine)
    frames = all_statements(found.book, found.solution)
    flows = frames["sources_uses"]
    came = flows[flows["item"] == "recoveries of older defaults"].set_index("period")["amount"]
    assert came[came > 0.0].to_dict() == {3: pytest.approx(0.3e6), 6: pytest.approx(0.2e6)}
    sheet = frames["balance_sheet"]
    signed = sheet["amount"] * np.where(sheet["side"] == "asset", 1.0, -1.0)
    assert signed.groupby(sheet["period"]).sum().abs().max() < 1e-3
    result = found.replay
    planned_cash = frames["balances"].query("item == 'cash' and channel == 'own_capital'")
    np.testing.assert_allclose(result.cash * 1e6, planned_cash["amount"], atol=60.0)
    expected = planned_of((made, found), 6)
    assert expected.company["older_recovered"].sum() == pytest.approx(0.5e6)
    told = actuals_of(expected, found.inputs, found.decisions, None)
    less = told.company.model_copy(
        update={"older_recovered": (0.0, 0.0, 0.3e6, 0.0, 0.0, 0.0),
                "cash": told.company.cash - 0.2e6}
    )  # fmt: skip
    actual, plan = read(told.model_copy(update={"company": less}), (made, found), expected)
    bridge = variance(plan, actual, OPEX).bridge().set_index("driver")
    assert bridge.loc["severity and recoveries", "cash"] == pytest.approx(-0.2e6)
    spec = next_model(found.inputs, found.decisions, told, actual, "a.toml").spec
    late = [x for x in spec.opening.recoveries if x.date == date(2015, 7, 1)]
    assert [x.amount for x in late] == [pytest.approx(0.3e6)]
