"""Provisions: by hand from the kernel's flows, in all statements, and again by the engines."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from scfcap.axes import BANK_TRANSFER
from scfcap.cashflow.cohorts import cohort_factors
from scfcap.errors import InputError
from scfcap.funding.opening import opening_liabilities
from scfcap.funding.plan import Plan, solve_plan
from scfcap.funding.provisions import ahead, beyond_severity, by_class
from scfcap.periods import PeriodGrid
from scfcap.report.tables import named_table
from scfcap.report.ties import ties
from scfcap.schema.capital import Provisions

from .small_platform import LAW, Platform, platform
from .variants import UNIT, edited

STAGE_1 = {"method": "expected_loss", "months": 12}
#: Guidance on Provisioning for Loan Losses, People's Bank of China, 2 April 2002: article 4, a
#: general reserve of 1% of all loans; article 5, special mention 2%, substandard 25%, doubtful 50%,
#: loss 100%. The months since default are those of no rule.
PBC_2002 = {
    "method": "classes",
    "normal": 0.01,
    "special_mention": 0.02,
    "defaulted": [
        {"name": "substandard", "months": 0, "coverage": 0.25},
        {"name": "doubtful", "months": 1, "coverage": 0.50},
        {"name": "loss", "months": 2, "coverage": 1.00},
    ],
}
RULES: dict[str, dict[str, Any]] = {"stage 1": STAGE_1, "classes": PBC_2002}
SEVERITY, LAG = (0.75, 0.75), (2, 1)


@cache
def planned(name: str) -> tuple[Platform, Plan]:
    p = platform(edited({"provisions": RULES[name], "plan.periods": 5}), LAW)
    return p, solve_plan(p.inputs, p.engine, channels=False)


def on_sheet(plan: Plan, item: str) -> np.ndarray:
    sheet = plan.tables()["balance_sheet"]
    return sheet[sheet["item"] == item].sort_values("period")["amount"].to_numpy()


def held(p: Platform, plan: Plan) -> np.ndarray:
    """Performing principal on the balance sheet by cohort and close [money units]."""
    found = plan.optimum
    stands = np.zeros((len(p.inputs.cohorts), found.inputs.horizon + 1))
    for j, where, t in found.book.holdings:
        if not where.startswith(BANK_TRANSFER):
            stands[j, t] += found.solution.value("H", (j, where, t))
    cohorts = p.inputs.cohorts
    for j, where in enumerate(cohorts.origin):
        if cohorts.vintage[j] <= 0 and not where.startswith(BANK_TRANSFER):
            old = cohorts.amount[j] * cohorts.path[j]
            stands[j, 0] = old[0]
            if where.startswith("securitization"):
                stands[j] = old
    return stands


def test_expected_loss_of_the_next_twelve_months_by_hand():
    p, plan = planned("stage 1")
    f = cohort_factors(p.engine.pool, p.engine.curves, p.engine.new, p.inputs.horizon)
    stands, total = held(p, plan), np.zeros(p.inputs.horizon + 1)
    for j in range(len(f)):
        for t in range(p.inputs.horizon + 1):
            if f.performing[0, j, t] > 1e-12 and t >= f.vintage[j]:
                share = sum(f.default[0, j, t : t + 12]) * SEVERITY[int(f.segment[j])]
                total[t] += stands[j, t] * share / f.performing[0, j, t]
    assert total.min() > 0.1
    assert on_sheet(plan, "provisions for loan losses") / UNIT == pytest.approx(total, abs=1e-6)


def test_classes_by_hand():
    """1% of what performs; what defaulted is written down by 75%, so that only ``loss`` asks for
    more, two months after default, when the recovery of neither segment is still to come."""
    p, plan = planned("classes")
    expected = 0.01 * held(p, plan).sum(axis=0)
    assert on_sheet(plan, "provisions for loan losses") / UNIT == pytest.approx(expected, abs=1e-6)


def test_a_class_asks_for_more_than_is_written_down_while_the_recovery_is_to_come():
    rule = Provisions.model_validate(PBC_2002)
    months = PeriodGrid.build(date(2013, 12, 31), 5)
    found = beyond_severity(rule, np.array([0.1, 0.4, 0.75]), np.array([4, 3, 1]), months)
    assert found == pytest.approx(
        np.array([[0.15, 0.4, 0.9, 0.9], [0.0, 0.1, 0.6, 0.0], [0.0, 0.0, 0.0, 0.0]])
    )
    weeks = PeriodGrid.build(date(2013, 12, 31), 20, "week")
    found = beyond_severity(rule, np.array([0.0]), np.array([12]), weeks)
    assert found[0] == pytest.approx([0.25] * 5 + [0.5] * 4 + [1.0] * 3)  # 4.35 weeks a month


def test_special_mention_is_of_what_is_past_due():
    rule = Provisions.model_validate(PBC_2002)
    assert by_class(rule, np.array([100.0]), np.array([10.0])) == pytest.approx([0.9 + 0.2])
    alike = rule.model_copy(update={"special_mention": None})
    assert by_class(alike, np.array([100.0]), np.array([10.0])) == pytest.approx([1.0])


def test_losses_ahead_end_with_the_grid():
    loss = np.array([[1.0, 2.0, 4.0, 8.0]])
    assert ahead(loss, 2, 4).tolist() == [[3.0, 6.0, 12.0, 8.0, 0.0]]


@pytest.mark.parametrize("name", RULES)
def test_everything_ties_and_the_engines_agree(name):
    _, plan = planned(name)
    checks = plan.tables()["checks"]
    assert checks["ok"].all(), checks[~checks["ok"]].to_string()
    tables = {f"plan_{k}": named_table(f"plan_{k}", v, "CNY") for k, v in plan.tables().items()}
    told = ties(tables)
    assert len(told) > 10
    assert all(tie.ok for tie in told), [tie for tie in told if not tie.ok]


@pytest.mark.parametrize("name", RULES)
def test_the_credit_cost_is_what_is_set_aside_and_what_is_lost(name):
    """Over the plan: income bears the change of provisions beside the losses of defaults."""
    _, plan = planned(name)
    income = plan.tables()["income"]
    provisions = on_sheet(plan, "provisions for loan losses")
    change = income[income["item"] == "change of provisions"]["amount"].to_numpy()
    assert -change == pytest.approx(np.diff(provisions), abs=0.01)
    assert (income[income["item"] == "credit losses"]["amount"] < 0.0).all()


def test_a_wrong_coverage_of_the_program_fails_the_replay():
    p, _ = planned("stage 1")
    provisions = p.inputs.provisions
    assert provisions is not None
    cover = provisions.cover.copy()
    cover[:, 2] *= 1.01
    wrong = replace(p.inputs, provisions=type(provisions)(cover, provisions.extra))
    checks = solve_plan(wrong, p.engine, channels=False).tables()["checks"].set_index("check")
    assert not checks.loc["replay: net capital", "ok"]


def test_what_is_set_aside_at_the_start_is_stated_or_follows_the_rule():
    p, _ = planned("classes")
    assert opening_liabilities(p.inputs)["provisions"] == pytest.approx(0.01 * 78.0)
    changes: dict[str, Any] = {"provisions": PBC_2002, "plan.periods": 2}
    opening = {"net_capital": 60.0e6, "provisions": 2.0e6}
    stated = platform(edited({**changes, "opening": opening}))
    assert opening_liabilities(stated.inputs)["provisions"] == pytest.approx(2.0)
    plan = solve_plan(stated.inputs, stated.engine, channels=False)
    assert on_sheet(plan, "provisions for loan losses")[0] == pytest.approx(2.0e6)
    assert plan.tables()["checks"]["ok"].all()
    with pytest.raises(InputError, match=r"provisions 2\.000"):
        platform(edited({**changes, "opening": {**opening, "cash": 1.0e6}}))


@settings(max_examples=8, deadline=None)
@given(
    normal=st.floats(0.0, 0.05),
    coverage=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=3),
    months=st.integers(1, 12),
    expected=st.booleans(),
    stress=st.booleans(),
    lag=st.integers(0, 4),
)
def test_the_engines_agree_whatever_the_rule(
    normal: float,
    coverage: list[float],
    months: int,
    expected: bool,
    stress: bool,
    lag: int,
) -> None:
    ladder = [
        {"name": f"class {n}", "months": n, "coverage": c} for n, c in enumerate(sorted(coverage))
    ]
    rule: dict[str, Any] = {"method": "classes", "normal": normal, "defaulted": ladder}
    p = platform(
        edited(
            {
                "provisions": {**STAGE_1, "months": months} if expected else rule,
                "plan.periods": 3,
                "plan.scenario": "stress" if stress else "base",
                "credit.segments.credit.recovery_lag": lag,
                "demand.credit.minimum": 0.0,
            }
        )
    )
    checks = solve_plan(p.inputs, p.engine, channels=False).tables()["checks"]
    assert checks["ok"].all(), checks[~checks["ok"]].to_string()


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"method": "expected_loss", "normal": 0.01}, "months alone"),
        ({"method": "classes"}, "without a class"),
        (
            {
                "method": "classes",
                "defaulted": [
                    {"name": "a", "months": 3, "coverage": 0.5},
                    {"name": "b", "months": 1, "coverage": 0.6},
                ],
            },
            "rise",
        ),
    ],
)
def test_rules_that_do_not_fit_are_refused(rule: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Provisions.model_validate(rule)
