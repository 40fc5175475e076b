"""Tax, dividends and capital paid in: by hand, in all statements, and again by the engines."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scfcap.axes import OWN
from scfcap.funding.plan import Plan, solve_plan
from scfcap.funding.tax_book import with_losses_forward
from scfcap.report.tables import named_table
from scfcap.report.ties import ties

from .small_platform import LAW, platform
from .variants import BARE, UNIT, edited, own_pool

#: Own funds alone, sixteen months of which twelve are of the first year.
OWNED: dict[str, Any] = {**BARE, "lenders": [], "opening": {"net_capital": 85.0e6}}
TAX = {"rate": 0.25, "paid": "year_end", "losses_forward": 1.0e6, "payable": 0.5e6}
DIVIDENDS = {"payout": 0.5, "months": [2], "income_prior_year": 4.0e6, "owners_rate": 0.9}
CASES: dict[str, dict[str, Any]] = {
    "as it accrues": {"plan.periods": 5, "tax": {"rate": 0.25}},
    "year end": {"plan.periods": 14, "tax": TAX, **OWNED},
    "owners": {
        "plan.periods": 15,
        "tax": {"rate": 0.25},
        "dividends": DIVIDENDS,
        "injections": [{"date": "2014-02-10", "amount": 3.0e6}],
        "demand.credit.minimum": 0.0,
        **OWNED,
    },
    "a year of loss": {
        "plan.periods": 14,
        "plan.opex_per_year": 60.0e6,
        "tax": {"rate": 0.25, "losses_forward": 2.0e6},
        "dividends": {"payout": 0.5, "months": [1]},
        "demand.credit.minimum": 0.0,
        **OWNED,
    },
}


@cache
def planned(name: str) -> Plan:
    changes = CASES[name]
    mine = name != "as it accrues"
    p = platform(edited(changes), None if mine else LAW, own_pool() if mine else None)
    return solve_plan(p.inputs, p.engine, channels=False)


def line(plan: Plan, table: str, item: str) -> np.ndarray:
    frame = plan.tables()[table]
    mine = frame[frame["item"] == item].sort_values("period")
    return mine["amount"].to_numpy()


@pytest.mark.parametrize("name", CASES)
def test_everything_ties_and_the_engines_agree(name):
    plan = planned(name)
    checks = plan.tables()["checks"]
    assert checks["ok"].all(), checks[~checks["ok"]].to_string()
    tables = {f"plan_{k}": named_table(f"plan_{k}", v, "CNY") for k, v in plan.tables().items()}
    assert all(tie.ok for tie in ties(tables)), [tie for tie in ties(tables) if not tie.ok]
    value = plan.tables()["value"]
    assert value["amount"].sum() == pytest.approx(plan.objective, rel=1e-9, abs=0.01)


def tax_by_hand(profit: np.ndarray, ends: list[date], rate: float, relief: float) -> np.ndarray:
    """What accrues: a quarter of the year so far, less what the year has accrued; never below 0."""
    found = []
    for t, end in enumerate(ends):
        year = [u for u in range(t + 1) if ends[u].year == end.year]
        forward = relief if end.year == ends[0].year else 0.0
        due = rate * (profit[year].sum() - forward)
        found.append(max(due - sum(found[u] for u in year[:-1]), 0.0))
    return np.array(found)


@pytest.mark.parametrize("name", CASES)
def test_tax_by_hand(name):
    plan = planned(name)
    rule = plan.spec.tax
    assert rule is not None
    income = plan.tables()["income"]
    before = income[income["item"] != "tax on profit"].groupby("period")["amount"].sum()
    expected = tax_by_hand(before.to_numpy(), list(plan.grid.ends), rule.rate, rule.losses_forward)
    found = -line(plan, "income", "tax on profit")
    assert found == pytest.approx(expected, abs=1.0)
    assert bool(found.max() > 1e4) is (name != "a year of loss")


def test_tax_of_the_year_is_owed_until_its_end_and_paid_then():
    plan = planned("year end")
    accrued, paid = -line(plan, "income", "tax on profit"), -line(plan, "cash_flow", "tax paid")
    owed = line(plan, "balance_sheet", "tax payable")
    assert owed[0] == pytest.approx(0.5e6)
    assert np.flatnonzero(paid > 1.0).tolist() == [11]
    assert paid[11] == pytest.approx(0.5e6 + accrued[:12].sum(), abs=1.0)
    assert owed[11] == pytest.approx(0.5e6 + accrued[:11].sum(), abs=1.0)
    assert owed[-1] == pytest.approx(accrued[12:].sum(), abs=1.0)


def test_a_loss_lowers_no_later_tax_in_the_plan_and_the_replay_tells_what_it_would():
    """By hand: losses 2 forward; years of -3, 4 and 5 at 25% are taxed 0, 0 and 1."""
    years = [2014, 2014, 2015, 2016]
    profit = np.array([-1.0, -2.0, 4.0, 5.0])
    found = with_losses_forward(years, profit, 0.25, 2.0)
    assert found == pytest.approx({2014: 0.0, 2015: 0.0, 2016: 1.0})
    note = (
        planned("a year of loss").tables()["checks"].set_index("check").loc["replay: tax", "note"]
    )
    assert note.startswith("losses carried forward would save ")


def test_dividends_of_a_closed_year_and_of_the_one_before_the_plan():
    """Owners who ask for 90% a year take all they may: half of 4, then half of the first year."""
    plan = planned("owners")
    paid = -line(plan, "cash_flow", "dividends paid")
    earned = plan.tables()["income"].groupby("period")["amount"].sum().to_numpy()
    assert paid[1] == pytest.approx(2.0e6, abs=1.0)
    assert paid[13] == pytest.approx(0.5 * earned[:12].sum(), abs=1.0)
    assert np.flatnonzero(paid > 1.0).tolist() == [1, 13]
    given = line(plan, "cash_flow", "capital paid in")
    assert np.flatnonzero(given).tolist() == [1]
    assert given[1] == 3.0e6
    capital = line(plan, "balance_sheet", "net capital")
    assert np.diff(capital) == pytest.approx(earned + given - paid, abs=1.0)


def test_the_objective_with_dividends_is_what_owners_get_by_its_definition():
    plan = planned("owners")
    paid = -line(plan, "cash_flow", "dividends paid") - line(plan, "cash_flow", "capital paid in")
    disc = 1.9 ** (-np.arange(1, 16) / 12.0)
    capital = line(plan, "balance_sheet", "net capital")
    beyond = plan.tables()["value"]
    later = beyond[beyond["part"] == "beyond"]["amount"].sum()  # discounted as it stands there
    expected = disc @ paid + disc[-1] * capital[-1] - capital[0] + later
    assert plan.objective == pytest.approx(expected, abs=5.0)
    book, x = plan.optimum.book, plan.optimum.solution.x
    worth = sum(
        (float(book.inputs.cohorts.terminal[j]) - 1.0) * book.held(j, OWN, 15).value(x)
        for j in book.standing(OWN, 15)
    )
    assert later == pytest.approx(disc[-1] * worth * UNIT, abs=1.0)


def test_patient_owners_leave_what_earns_more_in_the_company():
    changes = {**CASES["owners"], "dividends": {**DIVIDENDS, "owners_rate": 0.0}}
    p = platform(edited(changes), pool=own_pool())
    plan = solve_plan(p.inputs, p.engine, channels=False)
    assert line(plan, "cash_flow", "dividends paid")[:2].sum() == pytest.approx(0.0, abs=1.0)


def test_a_year_of_loss_leaves_no_dividend():
    plan = planned("a year of loss")
    assert line(plan, "cash_flow", "dividends paid").sum() == 0.0
    earned = plan.tables()["income"].groupby("period")["amount"].sum()
    assert earned.iloc[:12].sum() < 0.0


@settings(max_examples=8, deadline=None)
@given(
    rate=st.floats(0.0, 0.5),
    year_end=st.booleans(),
    relief=st.floats(0.0, 5.0e6),
    opex=st.floats(0.0, 20.0e6),
    paid_in=st.floats(0.0, 10.0e6),
    payout=st.floats(0.0, 1.0),
    objective=st.sampled_from(["max_income", "max_lending", "min_cost"]),
)
def test_the_engines_agree_whatever_the_terms(
    rate: float,
    year_end: bool,
    relief: float,
    opex: float,
    paid_in: float,
    payout: float,
    objective: str,
) -> None:
    paid = "year_end" if year_end else "each_period"
    p = platform(
        edited(
            {
                **OWNED,
                "as_of": date(2013, 11, 30),
                "plan.periods": 4,
                "plan.opex_per_year": opex,
                "plan.objective": objective if opex < 3.0e6 else "max_income",
                "plan.lending_path": 0.2,
                "plan.terminal_rate": 0.01,
                "tax": {"rate": rate, "paid": paid, "losses_forward": relief},
                "injections": [{"date": "2014-01-15", "amount": paid_in}],
                "dividends": {"payout": payout, "months": [1, 2], "income_prior_year": 1.0e6},
                "demand.credit.minimum": 0.0,
            }
        ),
        pool=own_pool(),
    )
    checks: pd.DataFrame = solve_plan(p.inputs, p.engine, channels=False).tables()["checks"]
    assert checks["ok"].all(), checks[~checks["ok"]].to_string()
