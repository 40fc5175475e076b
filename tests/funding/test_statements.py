"""Statements, forecast, ladder and costs of a plan of three months that is worked out by hand.

The company has loans of 20 and cash of 1; a series that amortises has loans of 20, cash of 1, a
reserve of 0.5, and owes 12 and 0.3 of coupons. In January 14 of new loans are asked for, which earn
far more than the bank's 12%: all are made, and the bank lends what is missing, for two months.

=====================  ========  ========  =========
in                     January   February  March
=====================  ========  ========  =========
old loans repaid       9         9
their interest         0.4       0.3
recoveries                       0.4       0.4
new loans repaid                 7         7
their interest                   1.4       0.56
interest on cash       0.001               0.0278587
servicing fee          0.04      0.02
residual of series               9.7743
new loans made         -14
bank                   3.559     -0.03559  -3.59459
cash at the close      0         27.85871  32.2519787
=====================  ========  ========  =========

The series: 10 and 0.4 come in in January, 10 and 0.3 in February. It pays 0.04 and 0.02 for
servicing, 0.3 + 0.06 and 0.0057 of coupons, tops its reserve up to 0.64, and repays 10.86 and 1.14.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import event, given, settings
from scipy.optimize import brentq

from scfcap.axes import OWN
from scfcap.cashflow.cohorts import CohortFactors, cohort_factors
from scfcap.errors import InfeasibleError
from scfcap.funding.accounting import accounting
from scfcap.funding.cash_flow import cash_flow, cash_forecast
from scfcap.funding.catalogue import build_program
from scfcap.funding.costs import cost_of_funds
from scfcap.funding.inputs import DatedCap
from scfcap.funding.ladder import BUCKETS, maturity_gaps, maturity_ladder
from scfcap.funding.plan import Plan, solve_plan
from scfcap.funding.program import Solution, solve
from scfcap.funding.statements import all_statements
from scfcap.funding.variables import Book, declare
from scfcap.report.tables import named_table
from scfcap.report.ties import ties
from scfcap.schema.regime import Cap

from .golden_parts import OLD, Cohort, line, old, terms, tiny
from .small_platform import Platform, platform
from .test_plan import PLANS, built, plan_of, platforms
from .variants import edited

ANY: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)
#: Survives, repaid, defaults, interest by age.
OLDER = (ANY, (0.5, 0.45, 0.05, 0.02), (0.0, 0.9, 0.1, 0.03))
NEWER = (ANY, (0.5, 0.5, 0.0, 0.1), (0.0, 1.0, 0.0, 0.08))
SOLD = (ANY, (0.5, 0.5, 0.0, 0.02), (0.0, 1.0, 0.0, 0.03))
CAP = {
    "name": "total",
    "base": "net_capital",
    "multiple": 2.0,
    "weights": {"bank": 1.0, "abs_third_party": 0.5},
    "source": "own",
}


@cache
def solved() -> tuple[Book, Solution]:
    """The plan of the table above."""
    inputs = tiny(
        cohorts=[
            Cohort(0, 0, 20.0, steps=OLDER),
            Cohort(0, 0, 20.0, origin=OLD, steps=SOLD),
            Cohort(1, 1, steps=NEWER),
        ],
        asked={(1, 1): 14.0},
        plan={"cash_yield": 0.012},
        lenders=(line("bank", 6.0, (2, 0.12)),),
        vehicle=terms(coupon_timing="paid", senior_fee_rate=0.0, cash_yield=0.0),
        deals=(old(0, 2),),
        caps=(DatedCap(Cap.model_validate(CAP), frozenset({1, 2, 3}), "own"),),
        cash=1.0,
        net_capital=30.2,
    )
    book = declare(inputs)
    return book, solve(build_program(book))


def by_period(frame: pd.DataFrame, item: str, **where: str) -> list[float]:
    """Amounts of an item by period."""
    mine = frame[frame["item"] == item]
    for column, value in where.items():
        mine = mine[mine[column] == value]
    return [float(x) for x in mine.sort_values("period")["amount"]]


def near(*values: float) -> object:
    return pytest.approx(values, abs=1e-7)


def test_the_balance_sheet_by_hand():
    sheet = all_statements(*solved())["balance_sheet"]
    expected = {
        "loans on the own book": (20.0, 24.0, 7.0, 0.0),
        "loans of the vehicle": (20.0, 10.0, 0.0, 0.0),
        "recoveries expected": (0.0, 0.4, 0.4, 0.0),
        "restricted cash of the vehicle": (1.5, 0.64, 0.0, 0.0),
        "free cash": (1.0, 0.0, 27.85871, 32.25197871),
        "bank and other debt": (0.0, 3.559, 3.559, 0.0),
        "notes held by others": (12.0, 1.14, 0.0, 0.0),
        "accrued coupons": (0.3, 0.0, 0.0, 0.0),
        "P2P notes": (0.0, 0.0, 0.0, 0.0),
        "net capital": (30.2, 30.341, 31.69971, 32.25197871),
    }
    assert set(sheet["item"]) == set(expected)
    for item, values in expected.items():
        assert by_period(sheet, item) == near(*values), item


def test_income_by_hand():
    income = all_statements(*solved())["income"]
    expected = {
        "interest on own loans": (0.4, 1.7, 0.56),
        "interest on the vehicle's loans": (0.4, 0.3, 0.0),
        "interest on cash": (0.001, 0.0, 0.02785871),
        "bank interest and fees": (0.0, -0.03559, -0.03559),
        "coupons": (-0.06, -0.0057, 0.0),
        "credit losses": (-0.6, -0.6, 0.0),
    }
    for item in set(income["item"]):
        assert by_period(income, item) == near(*expected.get(item, (0.0, 0.0, 0.0))), item


def test_cash_flows_by_hand():
    flows = cash_flow(*solved())
    expected = {
        "interest received": (0.8, 2.0, 0.56),
        "interest on cash": (0.001, 0.0, 0.02785871),
        "bank interest and fees paid": (0.0, -0.03559, -0.03559),
        "coupons paid": (-0.36, -0.0057, 0.0),
        "principal repaid by borrowers": (19.0, 26.0, 7.0),
        "recoveries": (0.0, 0.4, 0.4),
        "loans made": (-14.0, 0.0, 0.0),
        "debt drawn": (3.559, 0.0, 0.0),
        "debt repaid": (0.0, 0.0, -3.559),
        "notes repaid": (-10.86, -1.14, 0.0),
    }
    moving = flows[flows["section"].isin(["operating", "financing"])]
    for item in set(moving["item"]):
        assert by_period(moving, item) == near(*expected.get(item, (0.0, 0.0, 0.0))), item
    assert by_period(flows, "free cash", section="opening") == near(1.0, 0.0, 27.85871)
    assert by_period(flows, "free cash", section="closing") == near(0.0, 27.85871, 32.25197871)
    assert by_period(flows, "restricted cash", section="closing") == near(0.64, 0.0, 0.0)


def test_the_forecast_keeps_free_and_restricted_cash_apart_by_hand():
    book, solution = solved()
    frame = cash_forecast(book, solution, all_statements(book, solution)["sources_uses"])
    held = frame[frame["cash"] == "restricted"]
    lines = {
        (int(row.period), str(row.kind), str(row.item)): float(row.amount)
        for row in held.itertuples()
    }
    assert lines == pytest.approx(
        {
            (1, "opening", "cash and reserve"): 1.5,
            (1, "receipt", "principal repaid"): 10.0,
            (1, "receipt", "interest received"): 0.4,
            (1, "payment", "servicing fee"): -0.04,
            (1, "payment", "coupons"): -0.36,
            (1, "payment", "notes repaid"): -10.86,
            (1, "closing", "cash and reserve"): 0.64,
            (2, "opening", "cash and reserve"): 0.64,
            (2, "receipt", "principal repaid"): 10.0,
            (2, "receipt", "interest received"): 0.3,
            (2, "payment", "servicing fee"): -0.02,
            (2, "payment", "coupons"): -0.0057,
            (2, "payment", "notes repaid"): -1.14,
            (2, "payment", "residual"): -9.7743,
            (2, "closing", "cash and reserve"): 0.0,
            (3, "opening", "cash and reserve"): 0.0,
            (3, "closing", "cash and reserve"): 0.0,
        },
        abs=1e-7,
    )
    free = frame[frame["holder"] == "company"]
    assert by_period(free, "old: residual") == near(9.7743)
    assert by_period(free, "bank: drawn") == near(3.559)
    assert by_period(free, "loans made") == near(-14.0)
    assert by_period(free, "cash", kind="closing") == near(0.0, 27.85871, 32.25197871)


def factors_of(book: Book) -> CohortFactors:
    """The cohorts' factors of the three months, with nothing after them."""
    cohorts = book.inputs.cohorts
    path = cohorts.path
    before = np.concatenate((np.ones((len(cohorts), 1)), path[:, 1:-1]), axis=1)
    alive = np.arange(1, path.shape[1])[None, :] >= np.maximum(cohorts.vintage, 1)[:, None]

    def flow(share: np.ndarray) -> np.ndarray:
        return np.where(alive, before * share[:, 1:], 0.0)[None]

    nothing = np.zeros((1, len(cohorts), path.shape[1] - 1))
    return CohortFactors(
        scenarios=("base",),
        segments=book.inputs.segments,
        places=(OWN, OLD),
        grid=book.inputs.grid,
        segment=cohorts.segment,
        vintage=cohorts.vintage,
        origin=cohorts.origin,
        amount=cohorts.amount,
        performing=path[None],
        repaid=flow(cohorts.repaid),
        default=flow(cohorts.default),
        interest=flow(cohorts.interest),
        recovery=nothing,
        receivable=np.zeros((1, *path.shape)),
        expected_recovery_rate=np.ones((1, 2, path.shape[1] - 1)),
    )


def buckets(ladder: pd.DataFrame, period: int, item: str) -> list[float]:
    mine = ladder[(ladder["period"] == period) & (ladder["item"] == item)]
    return [float(mine.loc[mine["bucket"] == name, "amount"].iloc[0]) for name in BUCKETS]


def test_the_ladder_and_its_gaps_by_hand():
    """At the start 9 of the old loans come back by 31 January, 9 by 28 February; 2 default."""
    book, solution = solved()
    ladder = maturity_ladder(book, solution, factors_of(book))
    january, by_30 = 9.0 * 7 / 31, 9.0 * 30 / 31
    own = (january, by_30 - january, 18.0 - by_30, 0.0, 0.0, 0.0, 0.0, 2.0)
    assert buckets(ladder, 0, "loans on the own book") == near(*own)
    sold = (10.0 * 7 / 31, 10.0 * 23 / 31, 20.0 - 10.0 * 30 / 31, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert buckets(ladder, 0, "loans of the vehicle") == near(*sold)
    assert buckets(ladder, 0, "restricted cash of the vehicle") == near(1.5, *[0.0] * 7)
    # 10.86 on 31 January, 1.14 on 28 February: days 31 and 59.
    assert buckets(ladder, 0, "notes held by others") == near(0.0, 0.0, 12.0, *[0.0] * 5)
    assert buckets(ladder, 0, "accrued coupons") == near(0.0, 0.0, 0.3, *[0.0] * 5)
    # At the close of January the bank is owed 3.559 in 59 days, the notes 1.14 in 28.
    assert buckets(ladder, 1, "bank and other debt") == near(0.0, 0.0, 3.559, *[0.0] * 5)
    assert buckets(ladder, 1, "notes held by others") == near(0.0, 1.14, *[0.0] * 6)
    assert buckets(ladder, 1, "recoveries expected") == near(*[0.0] * 6, 0.4, 0.0)
    gaps = maturity_gaps(ladder).set_index(["period", "within_days"])["gap"]
    assert gaps[0, 7] == pytest.approx(1.0 + 1.5 + 19.0 * 7 / 31)
    assert gaps[0, 30] == pytest.approx(2.5 + 19.0 * 30 / 31)
    assert gaps[0, 90] == pytest.approx(2.5 + 38.0 - 12.3)
    # After January there are old loans of 10, new ones of 14, of the series 10: by February come
    # 9, 7 and 10, by March 7.
    assert gaps[1, 30] == pytest.approx(0.64 + 26.0 + 7.0 * 2 / 31 - 1.14)
    assert gaps[1, 90] == pytest.approx(0.64 + 33.0 - 1.14 - 3.559)


def yearly(days: Sequence[int], flows: Sequence[float]) -> float:
    """The rate a year at which flows are worth nothing, actual days over 365."""
    return brentq(
        lambda r: sum(f * (1 + r) ** (-d / 365) for d, f in zip(days, flows, strict=True)), -0.5, 5
    )


def test_the_cost_of_funds_by_hand():
    table = cost_of_funds(*solved()).set_index("item")
    bank, series = table.loc["bank"], table.loc["old"]
    assert bank["rate"] == pytest.approx(yearly([31, 59, 90], [3.559, -0.03559, -3.59459]))
    assert bank["cost_amount"] == pytest.approx(2 * 0.03559)
    assert bank["average_amount"] == pytest.approx(2 * 3.559 / 3)
    # 12.3 is owed and 1.5 of cash is kept at the start; 0.64 of it at the close of January.
    flows = [12.3 - 1.5, -(10.86 + 0.36) + 0.86, -1.14 - 0.0057 + 0.64]
    assert series["rate"] == pytest.approx(yearly([0, 31, 59], flows))
    assert series["cost_amount"] == pytest.approx(0.06 + 0.0057)
    both = [10.8, flows[1] + 3.559, flows[2] - 0.03559, -3.59459]
    whole = table.loc["all outside sources"]
    assert whole["rate"] == pytest.approx(yearly([0, 31, 59, 90], both))
    # Own funds in the series: 21.5 - 12.3 at the start, 10.64 - 1.14 a month later.
    own = (9.2 + 9.5) / 3
    owed = (10.8 + 0.5) / 3
    assert series["own_share"] == pytest.approx(own / (own + owed))


def test_the_accounts_stand_beside_the_weights():
    table = accounting(*solved()).set_index("item")
    bank, notes, kept = (
        table.loc[item] for item in ("bank: debt", "old: notes held by others", "old: part kept")
    )
    assert (bank["sheet"], bank["weight"], bank["most_amount"]) == (
        "on balance sheet", 1.0, pytest.approx(3.559),
    )  # fmt: skip
    assert (notes["derecognition"], notes["weight"]) == ("not derecognised", 0.5)
    assert (notes["opening_amount"], notes["closing_amount"]) == (12.0, 0.0)
    assert (kept["weight"], kept["opening_amount"]) == (0.0, pytest.approx(9.2))
    assert set(table["cap"]) == {"total"}
    assert set(table["multiple"]) == {2.0}


# Any plan.


def tables_of(p: Platform, plan: Plan) -> dict[str, pd.DataFrame]:
    """The plan's tables with the ladder."""
    engine, found = p.engine, plan.optimum
    factors = cohort_factors(engine.pool, engine.curves, engine.new, p.inputs.horizon)
    ladder = maturity_ladder(found.book, found.solution, factors)
    return {**plan.tables(), "maturity_ladder": ladder}


def assert_tied(tables: dict[str, pd.DataFrame]) -> None:
    named = {f"plan_{name}": named_table(f"plan_{name}", x, "CNY") for name, x in tables.items()}
    found = ties(named)
    assert [f"{tie.name}: {tie.difference}" for tie in found if not tie.ok] == []
    assert len(found) >= 14
    ladder = tables["maturity_ladder"]
    assert ladder["amount"].min() > -1e-3


@pytest.mark.parametrize("name", PLANS)
def test_statements_tie(name):
    assert_tied(tables_of(built(name), plan_of(name)))


@given(platforms())
@settings(max_examples=15, deadline=None)
def test_statements_of_any_platform_tie(case):
    model, regime, pool = case
    p = platform(model, regime, pool)
    try:
        plan = solve_plan(p.inputs, p.engine, channels=False)
    except InfeasibleError:
        event("no plan")
        return
    event("plan")
    assert_tied(tables_of(p, plan))


@pytest.mark.parametrize(
    ("table", "column", "noticed"),
    [
        ("cash_flow", "operating", "cash flows lead from opening to closing cash"),
        ("cash_flow", "closing", "cash of the cash-flow statement is the balance sheet's"),
        ("cash_flow", "financing", "financing is what debt, notes and P2P notes change by"),
        ("cash_forecast", "receipt", "the cash forecast moves as the cash-flow statement"),
        ("cash_forecast", "closing", "receipts and payments of each purse lead to its closing"),
        ("maturity_ladder", "asset", "the maturity ladder adds up to the balance sheet"),
        ("actions", "draw", "actions, draw bank debt, are the flows"),
    ],
)
def test_a_tie_notices_a_wrong_figure(table, column, noticed):
    tables = tables_of(built("law"), plan_of("law"))
    where = {"cash_flow": "section", "cash_forecast": "kind", "maturity_ladder": "side"}
    frame = tables[table].copy()
    row = frame.index[frame[where.get(table, "action")] == column][0]
    frame.loc[row, "amount"] += 10.0
    named = {
        f"plan_{name}": named_table(f"plan_{name}", x, "CNY")
        for name, x in {**tables, table: frame}.items()
    }
    wrong = [tie.name for tie in ties(named) if not tie.ok]
    assert any(noticed in name for name in wrong), wrong


def test_a_plan_by_weeks_is_forecast_for_thirteen_of_them():
    changes, regime = PLANS["weeks"]
    p = platform(edited({**changes, "plan.periods": 15}), regime)
    plan = solve_plan(p.inputs, p.engine, channels=False)
    forecast = plan.tables()["cash_forecast"]
    assert forecast["period"].max() == 13
    assert plan.tables()["cash_flow"]["period"].max() == 15
    assert_tied(tables_of(p, plan))


def test_a_source_that_is_not_used_has_no_rate():
    inputs = solved()[0].inputs
    idle = replace(inputs, lenders=(*inputs.lenders, line("spare", 6.0, (2, 0.5))))
    other = declare(idle)
    table = cost_of_funds(other, solve(build_program(other))).set_index("item")
    assert np.isnan(table.loc["spare", "rate"])
    assert table.loc["spare", "note"] == "not used"
