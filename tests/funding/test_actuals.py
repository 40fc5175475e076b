"""A plan against what happened: what the outturn says, what is refused, and the next plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from scfcap.cashflow.cohorts import cohort_factors, new_loans, project_opening
from scfcap.credit.curves import build_curves
from scfcap.errors import InputError
from scfcap.funding.gather import build_inputs
from scfcap.funding.outturn import planned
from scfcap.funding.plan import optimum
from scfcap.funding.reconcile import happened, period_closed
from scfcap.funding.replan import later, next_model
from scfcap.funding.replay import Engine, parts, replay
from scfcap.funding.rolled import rolled_pool
from scfcap.funding.standing import actuals_of, standing_draws
from scfcap.funding.statements import all_statements
from scfcap.funding.variance import variance
from scfcap.schema.actuals import Actuals
from scfcap.schema.law import Calendar
from scfcap.schema.load import load_actuals
from scfcap.schema.scenario import Scenario
from scfcap.schema.write import actuals_text

from .combined_platform import combined
from .small_platform import LAW, MODEL, platform

PERIODS = 4
OPEX = 0.01


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
    return _planned(small, PERIODS)


def _planned(case, periods):
    made, found = case
    return planned(found.inputs, found.decisions, made.engine, found.replay, periods)


@pytest.fixture(scope="module")
def stressed(small):
    """The plan's decisions carried out in the stress scenario, as actuals to the last digit."""
    made, found = small
    other = platform({"plan": {**MODEL["plan"], "scenario": "stress"}}, LAW)
    inputs = replace(other.inputs, deals=found.inputs.deals)
    result = replay(inputs, found.decisions, made.engine)
    outturn = planned(inputs, found.decisions, made.engine, result, PERIODS)
    return actuals_of(outturn, inputs, found.decisions, None)


def read(told, case, expected):
    """What happened, and the plan beside it."""
    return happened(told, expected, case[1].inputs, "actuals.toml")


def changed(told, **changes):
    """Actuals with some of the company's figures changed."""
    return told.model_copy(update={"company": told.company.model_copy(update=changes)})


def refused(told, case, expected):
    with pytest.raises(InputError) as error:
        read(told, case, expected)
    return [str(problem) for problem in error.value.problems]


@pytest.mark.parametrize("case", ["small", "whole"])
def test_the_outturn_of_a_plan_is_what_its_program_says(case, request):
    """Witness: the program's own statements, of the solved columns and not of the engines."""
    made, found = request.getfixturevalue(case)
    n = 6
    outturn = _planned((made, found), n)
    frames = all_statements(found.book, found.solution)
    income = frames["income"].groupby("period")["amount"].sum().to_numpy()[:n]
    money = 1e-6 * 60e6
    np.testing.assert_allclose(outturn.net_income(), income, atol=money)
    balances = frames["balances"].set_index(["period", "channel", "item"])["amount"]
    free = outturn.cash[0] + np.cumsum(outturn.free_cash_flow())
    known = [balances[(t, "own_capital", "cash")] for t in range(1, n + 1)]
    np.testing.assert_allclose(free, known, atol=money)
    assert outturn.cash[1] == pytest.approx(known[-1], abs=money)
    assert outturn.capital[1] == pytest.approx(
        balances[(n, "own_capital", "net capital")], abs=money
    )
    flows = frames["sources_uses"].groupby(["channel", "item", "period"])["amount"].sum()

    def of(channel, item):
        return [float(flows.get((channel, item, t), 0.0)) for t in range(1, n + 1)]

    for name, debt in outturn.lenders.items():
        for item, told in (
            ("drawn", debt.drawn),
            ("repaid", debt.repaid),
            ("interest and fees", debt.cost),
        ):
            np.testing.assert_allclose(told, of("bank_debt", f"{name}: {item}"), atol=money)
    for name, series in outturn.series.items():
        items = ("servicing fee", "residual", "contribution")
        fee, residual, paid_in = (
            np.array(of("securitization", f"{name}: {item}")) for item in items
        )
        np.testing.assert_allclose(series.to_company, fee + residual - paid_in, atol=money)
        held = sum(balances[(n, "securitization", f"{name}: {x}")] for x in ("cash", "reserve"))
        assert series.held[1] == pytest.approx(held, abs=money)
        flow = series.held[0] + outturn.series_cash_flow(name).sum()
        assert flow == pytest.approx(held, abs=money)
    np.testing.assert_allclose(
        outturn.loans["lent"][:, outturn.places.index("own_capital")].sum(axis=0),
        of("own_capital", "loans made"),
        atol=money,
    )
    np.testing.assert_allclose(outturn.company["tax_paid"], of("own_capital", "tax paid"), atol=9)


@pytest.mark.parametrize("case", ["small", "whole"])
def test_actuals_as_planned_have_no_variance(case, request, tmp_path):
    """Through the file: written, read, reconciled."""
    case = request.getfixturevalue(case)
    expected = _planned(case, PERIODS)
    told = actuals_of(expected, case[1].inputs, case[1].decisions, None)
    path = tmp_path / "actuals.toml"
    path.write_text(actuals_text(told, ["as planned"]), encoding="utf-8")
    again, tape = load_actuals(path)
    assert tape is None
    actual, plan = read(again, case, expected)
    found = variance(plan, actual, OPEX)
    assert found.lines[["income", "cash"]].abs().to_numpy().max() < 1e-5
    assert not found.as_total
    one = actual.as_one()
    assert variance(plan.as_one(), one, OPEX).bridge()["cash"].abs().max() < 1e-5


def test_in_stress_defaults_carry_the_difference(small, expected, stressed):
    """Three times the defaults: nothing that was decided differs, so no volume or price does."""
    actual, plan = read(stressed, small, expected)
    found = variance(plan, actual, OPEX)
    bridge = found.bridge().set_index("driver")
    change = found.income[1] - found.income[0]
    assert bridge["income"].sum() == pytest.approx(change, abs=1e-9 * abs(found.income[0]))
    assert bridge["cash"].sum() == pytest.approx(
        found.cash[1] - found.cash[0], abs=1e-9 * abs(found.income[0])
    )
    assert bridge["income"].idxmin() == "defaults"
    assert bridge.loc["defaults", "income"] < 0.6 * change < 0.0
    for name in ("lending", "sales", "sale price", "funding volume", "funding price"):
        assert bridge.loc[name, "income"] == pytest.approx(0.0, abs=1e-5)
    assert abs(bridge.loc["unexplained", "cash"]) < 1e-5
    lines = found.lines.set_index(["driver", "item"])
    of = lines.loc[("defaults", "credit")]
    assert 2.0 < of["actual"] / of["flexible"] < 3.0
    assert lines.loc[("prepayment", "credit"), "cash"] < 0.0


def test_totals_are_taken_as_one_period(small, expected, stressed):
    rows = [
        row.model_copy(update={"interest": sum(row.interest) if row.interest else 0.0})
        for row in stressed.loans
    ]
    actual, plan = read(stressed.model_copy(update={"loans": tuple(rows)}), small, expected)
    assert actual.periods == plan.periods == 1
    found = variance(plan, actual, OPEX)
    bridge = found.bridge()
    assert found.as_total
    assert bridge["income"].sum() == pytest.approx(found.income[1] - found.income[0], abs=1e-3)
    whole = read(stressed, small, expected)
    assert found.income == pytest.approx(variance(*whole[::-1], OPEX).income)


def test_a_balance_that_does_not_follow_is_refused_with_the_amount(small, expected, stressed):
    cash = stressed.company.cash
    said = refused(changed(stressed, cash=cash + 1234.0), small, expected)
    assert len(said) == 1
    assert "actuals.toml: company.cash" in said[0]
    assert "1,234.00 more than follows" in said[0]
    assert f"{cash:,.2f}" in said[0]
    loans = stressed.loans[0].model_copy(update={"closing": stressed.loans[0].closing - 50.0})
    said = refused(
        stressed.model_copy(update={"loans": (loans, *stressed.loans[1:])}), small, expected
    )
    assert said[0].startswith(f"actuals.toml: loans.{loans.segment}/{loans.place}.closing")
    assert "50.00 less than follows" in said[0]
    debt = stressed.lenders["bank-a"]
    wrong = debt.model_copy(update={"closing": debt.closing + 7.0})
    said = refused(stressed.model_copy(update={"lenders": {"bank-a": wrong}}), small, expected)
    assert "lenders.bank-a.closing" in said[0]
    tolerant = stressed.model_copy(update={"tolerance": 10.0, "lenders": {"bank-a": wrong}})
    read(tolerant, small, expected)
    said = refused(changed(stressed, net_capital=1.0), small, expected)
    assert "company.net_capital" in said[0]
    assert "net capital at the start, net income" in said[0]
    series = stressed.series["series-1"]
    short = series.model_copy(update={"cash": series.cash + 100.0})
    said = refused(
        stressed.model_copy(update={"series": {**stressed.series, "series-1": short}}),
        small,
        expected,
    )
    assert "series.series-1.cash" in said[0]


def test_what_the_plan_does_not_know_is_refused(small, expected, stressed):
    strange = stressed.model_copy(
        update={
            "currency": "EUR",
            "lenders": {"bank-aa": stressed.lenders["bank-a"]},
            "loans": (
                stressed.loans[0].model_copy(update={"segment": "credits"}),
                stressed.loans[1],
                stressed.loans[1],
            ),
        }
    )
    said = "\n".join(refused(strange, small, expected))
    assert 'lenders: found "bank-aa"; expected one of bank-a. Did you mean bank-a?' in said
    assert 'loans.segment: found "credits"; expected one of credit, order' in said
    assert "currency: found EUR; expected that of the plan, CNY" in said
    assert "twice" in said


def test_another_number_of_periods_is_refused(small, expected, stressed):
    debt = stressed.lenders["bank-a"].model_copy(update={"cost": (1.0, 2.0)})
    said = refused(stressed.model_copy(update={"lenders": {"bank-a": debt}}), small, expected)
    assert "lenders.bank-a.cost: found 2 figures; expected 4" in said[0]
    assert "2014-01-31, 2014-02-28" in said[0]


def test_a_day_that_is_no_close_is_refused(small):
    grid = small[1].inputs.grid
    assert period_closed(date(2014, 4, 30), grid, "a.toml") == 4
    with pytest.raises(InputError, match="2014-03-31 and 2014-04-30"):
        period_closed(date(2014, 4, 20), grid, "a.toml")


# --- the next plan --------------------------------------------------------------------------------


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


def _next(case, told, expected, length="end", pool=None):
    """The next model, its inputs and its plan, from the pool rolled forward."""
    made, found = case
    actual, _ = read(told, case, expected)
    following = next_model(found.inputs, found.decisions, told, actual, "actuals.toml", length)
    spec = following.spec
    if pool is None:
        pool = rolled_pool(found.inputs, found.decisions, made.engine, actual, "actuals.toml")
    horizon = spec.plan.grid(spec.as_of)
    curves = build_curves(
        pool.segments,
        spec.credit.segments,
        spec.scenarios,
        horizon.extended(len(horizon) + 12),
        lenders=tuple(x.name for x in spec.lenders),
        stated_in=spec.plan.unit,
    )
    new = {
        name: new_loans(wish.new_loans, pool, pool.segments.index(name))
        for name, wish in spec.demand.items()
    }
    factors = cohort_factors(pool, curves, new, len(horizon))
    inputs = build_inputs(spec, Calendar.of(LAW), pool, factors, curves)
    return following, optimum(inputs, Engine(pool, curves, new))


def test_the_advice_stays_where_all_went_as_planned(small, expected):
    """To the old end: lending, draws and notes to come are those of the old plan.

    What differs is what no model states: recoveries that series expect, interest by the day.
    """
    _, found = small
    told = actuals_of(expected, found.inputs, found.decisions, None)
    following, newer = _next(small, told, expected)
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
    following, _ = _next(small, told, expected, "same")
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


def test_new_terms_change_the_advice(small, expected):
    """Half the line is gone: what is drawn runs out, and no more is drawn above it."""
    _, found = small
    told = actuals_of(expected, found.inputs, found.decisions, None)
    line = told.lenders["bank-a"].model_copy(update={"limit": 7.5e6})
    following, newer = _next(small, told.model_copy(update={"lenders": {"bank-a": line}}), expected)
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
        _next(small, wrong, expected)


def test_no_plan_begins_overdrawn(small, expected, stressed):
    assert stressed.company.cash < 0.0
    with pytest.raises(InputError, match="at least 0: no plan can begin with less"):
        _next(small, stressed, expected)


def test_tax_provisions_and_dividends_go_on(whole):
    """Over a year's end the closed year's income is what dividends may be paid of."""
    _, found = whole
    expected = _planned(whole, 6)
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


def test_a_file_says_what_is_wrong_with_it(tmp_path, stressed):
    path = tmp_path / "actuals.toml"
    text = actuals_text(stressed)
    path.write_text(text.replace("as_of = 2014-04-30", 'as_of = "April"\ntap = "x.csv"'))
    with pytest.raises(InputError) as error:
        load_actuals(path)
    said = str(error.value)
    assert "actuals.toml: as_of" in said
    assert "tap" in said
    path.write_text(text.replace("as_of = 2014-04-30", 'as_of = 2014-04-30\ntape = "../t.csv"'))
    with pytest.raises(InputError, match=r"a file inside the folder of actuals\.toml"):
        load_actuals(path)
    own = {"segment": "credit", "bought": (1.0,), "closing": 0.0}
    with pytest.raises(ValueError, match="loans bought by the own book"):
        Actuals.model_validate({**stressed.model_dump(), "loans": (own,)})


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
    expected = _planned((made, found), 6)
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
