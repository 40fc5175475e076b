"""The end of the horizon: the plan neither liquidates nor over-lends, and raises no dear money."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scfcap.axes import OWN
from scfcap.funding.end_value import excess
from scfcap.funding.plan import Optimum, optimum, solve_plan
from scfcap.funding.value import beyond_sentence

from .later_payments import dear_debt
from .small_platform import MODEL, platform
from .variants import BARE, UNIT, edited, own_pool

YEAR = 1.0 / 12.0
#: A line of one dear tenor, wanted by nobody who counts its interest.
DEAR = {"name": "dear", "limit": 10.0e6, "tenors": [{"periods": 1, "rate": 0.60}]}


def planned(changes: dict[str, Any]) -> Optimum:
    """All loans on the own book, and net capital for them."""
    opening = {"net_capital": 85.0e6}
    p = platform(edited({**BARE, "opening": opening, **changes}), pool=own_pool())
    return optimum(p.inputs, p.engine)


@given(
    rate=st.floats(0.0, 1.0),
    at=st.floats(1e-4, 0.5),
    periods=st.integers(1, 60),
)
def test_a_bullets_excess_in_closed_form(rate: float, at: float, periods: int) -> None:
    """Interest is an annuity at the periodic rate ``i``: ``c (1 - v^n)/i + v^n - 1``."""
    outstanding = np.ones(periods + 1)
    outstanding[-1] = 0.0
    i = (1.0 + at) ** YEAR - 1.0
    v = 1.0 / (1.0 + i)
    expected = max(rate * YEAR * (1.0 - v**periods) / i + v**periods - 1.0, 0.0)
    found = excess(rate, outstanding, np.full(periods, YEAR), at)
    assert found == pytest.approx(expected, abs=1e-10)


@given(at=st.floats(0.0, 0.5), balances=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30))
def test_debt_at_the_discount_rate_is_worth_par(at: float, balances: list[float]) -> None:
    """At the rate whose monthly compounding is the discount rate, in whatever way it is repaid."""
    outstanding = np.array([1.0, *sorted(balances, reverse=True), 0.0])
    nominal = 12.0 * ((1.0 + at) ** YEAR - 1.0)
    years = np.full(len(outstanding) - 1, YEAR)
    assert excess(nominal, outstanding, years, at) == pytest.approx(0.0, abs=1e-12)
    assert excess(nominal / 2.0, outstanding, years, at) == pytest.approx(0.0, abs=1e-12)
    assert excess(nominal + 0.01, outstanding, years, at) > 0.0


@pytest.mark.parametrize("rate", [0.60, 0.10])
def test_a_lender_is_drawn_at_the_last_close_only_for_loans_that_bear_it(rate: float) -> None:
    """Loans of up to half a year at 21% bear a line at 10%, and none at 60%.

    Interest on the last close's draw falls into no period of the plan.
    """
    line = {**DEAR, "tenors": [{"periods": 1, "rate": rate}]}
    found = planned(
        {
            "lenders": [line],
            "plan.periods": 4,
            "plan.debt_cover": 0.0,
            "demand.order.per_period": 0.0,
            "demand.credit.per_period": 70.0e6,
        }
    )
    lent = found.decisions.originated[:, 4].sum()
    assert lent < found.inputs.demand[:, 4].sum() - 1.0, "more is asked for than there is money"
    last = sum(amount for (_, _, t), amount in found.decisions.draws.items() if t == 4)
    assert last == pytest.approx(10.0 if rate < 0.2 else 0.0, abs=1e-9)


def test_dear_debt_of_every_kind_is_owed_above_par() -> None:
    """Draws, notes and P2P notes, old and new, against the terminal rate of one per mille."""
    changes = {
        "plan.periods": 6,
        "plan.terminal_rate": 0.001,
        "p2p.outstanding": 6.0e6,
        "p2p.outstanding_rate": 0.12,
        "p2p.tenor": 9,
        "lenders.0.draws": [{"amount": 5.0e6, "rate": 0.07, "maturity": "2015-01-31"}],
    }
    p = platform(edited(changes))
    plan = solve_plan(p.inputs, p.engine, channels=False)
    table = plan.tables()["value"].set_index("item")
    owed = table.loc[["bank and other debt", "notes held by others", "P2P notes"], "amount"]
    assert (owed < -1e3).all()
    assert owed.sum() == pytest.approx(-dear_debt(plan.optimum) * UNIT, rel=1e-9)
    older = 5.0e6 * 0.07 * 7 / 12  # half a year is inside, seven months are not
    assert owed["bank and other debt"] <= -0.99 * older


def test_the_shares_of_the_objective_add_up() -> None:
    p = platform(edited({"plan.periods": 3}))
    plan = solve_plan(p.inputs, p.engine, channels=False)
    table = plan.tables()["value"]
    assert table["amount"].sum() == pytest.approx(plan.objective, rel=1e-9)
    assert table["share"].sum() == pytest.approx(1.0, rel=1e-9)
    beyond = table[table["part"] == "beyond"]
    amount = beyond["amount"].sum()
    assert beyond_sentence(table, "CNY") == (
        f"Value beyond the horizon above book: CNY {amount:,.0f}, "
        f"{amount / plan.objective:.1%} of what the plan is after."
    )


@pytest.mark.parametrize(("terminal_rate", "lent"), [(0.08, True), (0.60, False)])
def test_loans_longer_than_the_horizon_are_made_where_they_pay(
    terminal_rate: float, lent: bool
) -> None:
    """One period, loans of up to 180 days at 21%: worth more than money at 8%, less than at 60%."""
    found = planned(
        {
            "lenders": [],
            "plan.periods": 1,
            "plan.terminal_rate": terminal_rate,
            "demand.credit.minimum": 0.0,
            "demand.order.per_period": 0.0,
        }
    )
    made = found.decisions.originated.sum()
    assert (made > 5.0) if lent else (made == pytest.approx(0.0, abs=1e-9))


@pytest.mark.parametrize("terminal_rate", [0.02, 0.08, 0.16])
def test_a_longer_horizon_leaves_the_first_decisions_and_the_book(terminal_rate: float) -> None:
    """Periods are added: lending of the first quarter moves by less than 1%, and the loans that
    stand at the cut are within 2% of those that the longer plan has there."""
    changes = {
        "buyers": MODEL["buyers"],
        "demand.credit.seasonality": {},
        "plan.terminal_rate": terminal_rate,
    }
    short, *longer = (planned({**changes, "plan.periods": n}) for n in (9, 10, 15))
    first = short.decisions.originated[:, 1:4]
    book = own_loans(short, 9)
    for more in longer:
        moved = np.abs(more.decisions.originated[:, 1:4] - first).sum()
        assert moved <= 0.01 * first.sum()
        assert book == pytest.approx(own_loans(more, 9), rel=0.02)


def own_loans(found: Optimum, t: int) -> float:
    return found.book.total(OWN, t).value(found.solution.x)


def test_a_cut_horizon_reproduces_what_lies_before_the_cut() -> None:
    """Orders are repaid within their month and the line within the next: nothing but capital
    passes on, so that six months are the first six of twelve."""
    changes = {
        "demand.credit.per_period": 0.0,
        "demand.order.per_period": 300.0e6,
        "lenders": [{"name": "bank-a", "limit": 15.0e6, "tenors": [{"periods": 1, "rate": 0.07}]}],
    }
    short, longer = (planned({**changes, "plan.periods": n}) for n in (6, 12))
    same = pytest.approx(longer.decisions.originated[:, 1:6], rel=1e-6)
    assert short.decisions.originated[:, 1:6] == same
    for t in range(1, 6):
        key = ("bank-a", 1, t)
        assert short.decisions.draws.get(key, 0.0) == pytest.approx(
            longer.decisions.draws.get(key, 0.0), abs=1e-6
        )
