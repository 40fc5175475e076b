"""A plan against what happened: what the outturn says, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from scfcap.errors import InputError
from scfcap.funding.outturn import planned
from scfcap.funding.plan import optimum
from scfcap.funding.reconcile import period_closed
from scfcap.funding.replay import replay
from scfcap.funding.standing import actuals_of
from scfcap.funding.statements import all_statements
from scfcap.funding.variance import variance
from scfcap.schema.actuals import Actuals
from scfcap.schema.load import load_actuals
from scfcap.schema.write import actuals_text

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


@pytest.fixture(scope="module")
def stressed(small):
    """The plan's decisions carried out in the stress scenario, as actuals to the last digit."""
    made, found = small
    other = platform({"plan": {**MODEL["plan"], "scenario": "stress"}}, LAW)
    inputs = replace(other.inputs, deals=found.inputs.deals)
    result = replay(inputs, found.decisions, made.engine)
    outturn = planned(inputs, found.decisions, made.engine, result, PERIODS)
    return actuals_of(outturn, inputs, found.decisions, None)


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
    outturn = planned_of((made, found), n)
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
    expected = planned_of(case, PERIODS)
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
    early = {**stressed.series, "series-3": stressed.series["series-2"]}
    said = "\n".join(refused(stressed.model_copy(update={"series": early}), small, expected))
    assert "series-3: found a series that the model issues on 2014-06-30" in said


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


def test_no_plan_begins_overdrawn(small, expected, stressed):
    assert stressed.company.cash < 0.0
    with pytest.raises(InputError, match="at least 0: no plan can begin with less"):
        next_plan(small, stressed, expected)
