"""One loan explained: the numbers of each formula make its value, the loans make the pool."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from scfcap.axes import LOAN_TYPES, REVOLVING_LINE
from scfcap.cashflow.explain import FIGURES, explain
from scfcap.cashflow.project import project
from scfcap.credit.curves import build_curves
from scfcap.daycount import ACT_365
from scfcap.errors import InputError
from scfcap.periods import PeriodGrid
from scfcap.pool.terms import DatedTerms
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.projection import ProjectionSpec
from scfcap.schema.scenario import BorrowerStress, Outage, Scenario

YEARLY = SegmentCredit(cdr=0.2, cpr=0.3, severity=0.5, recovery_lag=2)
SCENARIOS = {
    "base": Scenario(),
    "stress": Scenario(
        default_multiple=2.0,
        shocks=(BorrowerStress(kind="borrower_stress", severity_add=0.1, from_period=3),),
    ),
}
LIFETIME = SegmentCredit(
    lifetime_default=0.1, cpr=0.4, severity=0.6, late_share=0.3, late_days=45,
    recovery_curve=(0.25, 0.5, 0.25),
)  # fmt: skip


@pytest.fixture
def pool(make_pool):
    kinds = list(range(len(LOAN_TYPES)))
    return make_pool(
        ("a", "b"),
        balance=[1000.0 + 10.0 * n for n in range(14)],
        segment=[0] * 7 + [1] * 7,
        loan_type=kinds * 2,
        origination_day=[-40] * 14,
        maturity_day=[75, 200, 200, 100, 131, 95, 160] * 2,
        days_past_due=[0, 0, 0, 0, 100, 0, 0] + [0] * 7,
    )


@pytest.fixture
def curves(make_curves):
    return make_curves(14, scenarios=SCENARIOS, a=YEARLY, b=LIFETIME)


def _worked_out(numbers: str) -> float:
    """What the numbers of a formula come to."""
    words = r"years|of the period|of period \d+|from before|nothing is due"
    text = re.sub(words, "", numbers).replace(",", "").replace(" x ", " * ").strip()
    assert re.fullmatch(r"(?:exp|[0-9.e+\-*() ])*", text), numbers
    return float(eval(text, {"exp": math.exp})) if text else 0.0


@pytest.mark.parametrize("scenario", ["base", "stress"])
def test_the_numbers_of_every_formula_make_its_value(pool, curves, scenario):
    seen = set()
    for loan in pool.loan_id:
        found = explain(pool, curves, loan, scenario)
        for step in found.steps.itertuples():
            seen.add(step.figure)
            assert step.formula
            assert _worked_out(step.numbers) == pytest.approx(step.value, abs=2e-3, rel=1e-5), step
    assert {"hazard", "accrued", "interest_due", "prepaid", "recovery", "receivable"} <= seen


def test_the_loans_make_the_pool(pool, curves):
    flows = project(pool, curves).flows
    for k, scenario in enumerate(curves.scenarios):
        frames = [explain(pool, curves, loan, scenario).periods for loan in pool.loan_id]
        summed = pd.concat(frames).groupby("period")[list(FIGURES)].sum()
        for figure in FIGURES:
            expected = getattr(flows, figure)[k].sum(axis=0)
            assert summed[figure].to_numpy() == pytest.approx(expected[: len(summed)], abs=1e-8)
            assert expected[len(summed) :] == pytest.approx(0.0, abs=1e-12), figure


ROLLS = (
    (0.90, 0.08, 0.00, 0.00, 0.00, 0.00, 0.02),
    (0.40, 0.30, 0.28, 0.00, 0.00, 0.00, 0.02),
    (0.20, 0.10, 0.30, 0.40, 0.00, 0.00, 0.00),
    (0.10, 0.00, 0.10, 0.30, 0.50, 0.00, 0.00),
    (0.05, 0.00, 0.00, 0.05, 0.30, 0.60, 0.00),
    (0.00, 0.00, 0.00, 0.00, 0.00, 1.00, 0.00),
    (0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 1.00),
)
LANGUAGES = {
    "by month": SegmentCredit(sda=500.0, psa=600.0, severity=0.5),
    "speed": SegmentCredit(mdr=0.01, abs=0.02, severity=0.5),
    "timing": SegmentCredit(lifetime_loss=0.1, loss_timing=(0.5, 0.3, 0.2), cpr=0.1, severity=0.5),
    "rolls": SegmentCredit(roll_rates=ROLLS, severity=0.5, recovery_lag=1),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("order", ["survivors", "bma"])
def test_the_loans_make_the_pool_in_any_language_and_order(pool, language, order):
    credit = {"a": LANGUAGES[language], "b": YEARLY}
    grid = PeriodGrid.build(pool.as_of, 14)
    stated = ProjectionSpec(order=order, servicer_advances=True)
    curves = build_curves(("a", "b"), credit, SCENARIOS, grid, projection=stated)
    flows = project(pool, curves).flows
    found = [explain(pool, curves, loan, "stress") for loan in pool.loan_id]
    summed = pd.concat([each.periods for each in found]).groupby("period").sum(numeric_only=True)
    for figure in FIGURES:
        expected = getattr(flows, figure)[1].sum(axis=0)
        assert summed[figure].to_numpy() == pytest.approx(expected[: len(summed)], abs=1e-8)
    told = order == "survivors" and language != "rolls"
    assert (found[0].steps["formula"] != "").all() == told
    terms = found[0].terms.set_index("figure")["value"]
    assert terms["order_of_events"] == order


@pytest.fixture
def lines(make_pool):
    made = make_pool(
        ("a", "b"), balance=[1000.0, 500.0, 800.0, 300.0, 100.0, 900.0],
        segment=[0, 0, 0, 0, 1, 1], loan_type=[REVOLVING_LINE] * 5 + [0],
        rate=[0.1, 0.2, 0.0, 0.15, 0.1, 0.1],
        origination_day=[-40] * 6, maturity_day=[75, 200, 131, 400, 160, 160],
        days_past_due=[0, 0, 0, 100, 0, 0],
    )  # fmt: skip
    return replace(made, limit_ratio=np.array([1.5, math.nan, 0.6, 3.0, 4.0, math.nan]))


DRAWN = SegmentCredit(cdr=0.2, cpr=0.3, severity=0.5, recovery_lag=2, draw_rate=0.6)
DRAWN_LATE = SegmentCredit(
    lifetime_default=0.1, cpr=0.4, severity=0.6, late_share=0.3, late_days=45, draw_rate=0.9
)


@pytest.mark.parametrize("dated", [False, True])
@pytest.mark.parametrize("scenario", ["base", "stress", "out"])
def test_lines_that_are_drawn_are_worked_out_row_by_row(lines, make_curves, scenario, dated):
    out = Scenario(
        shocks=(
            Outage(kind="outage", days=10, from_period=1),
            BorrowerStress(kind="borrower_stress", draw_multiple=3.0, from_period=2),
        )
    )
    curves = make_curves(14, scenarios=SCENARIOS | {"out": out}, a=DRAWN, b=DRAWN_LATE)
    if dated:
        said = {"every_days": 45, "next_day": 10, "from_day": -5, "day_count": ACT_365, "fee": 2.0}
        columns = {name: np.full(len(lines), value) for name, value in said.items()}
        lines = replace(lines, terms=replace(DatedTerms.none(len(lines)), **columns))
    flows = project(lines, curves).flows
    found = [explain(lines, curves, loan, scenario) for loan in lines.loan_id]
    k = curves.scenarios.index(scenario)
    summed = pd.concat([each.periods for each in found]).groupby("period").sum(numeric_only=True)
    for figure in (*FIGURES, "drawn"):
        expected = getattr(flows, figure)[k].sum(axis=0)
        assert summed[figure].to_numpy() == pytest.approx(expected[: len(summed)], abs=1e-8)
    seen = set()
    for step in pd.concat([each.steps for each in found]).itertuples():
        seen.add(step.figure)
        by_days = dated and step.figure in ("interest_due", "principal_due", "fees_due")
        held_back = scenario == "out" and step.figure == "recovery"  # told in words alone
        if not by_days and not held_back:
            worked = _worked_out(step.numbers)
            assert worked == pytest.approx(step.value, abs=2e-3, rel=1e-5), step
    assert {"drawn_share", "draw_share", "kept_share", "drawn"} <= seen
    terms = found[0].terms.set_index("figure")["value"]
    assert terms["credit_limit"] == "1,500.0000"
    if scenario == "out":
        assert terms["draw_multiple"] == "1 from period 1, 3 from period 2"
    else:
        assert terms["draw_intensity"] == f"{-math.log(0.4):.8g}"
    assert list(found[0].periods["part"].unique()) == ["drawn", "not drawn"]
    assert list(found[2].periods["part"].unique()) == ["drawn", "above the limit"]
    assert "not drawn, late" in set(found[4].periods["part"])


def test_it_says_what_kind_of_loan_it_is(pool, curves):
    def value(loan: str, figure: str) -> list[str]:
        terms = explain(pool, curves, loan, "base").terms
        return list(terms["value"][terms["figure"] == figure])

    assert value("4", "state") == ["defaulted"]
    assert value("0", "state") == []
    assert value("1", "loan_type") == ["equal principal"]
    assert value("1", "maturity_date") == ["2014-07-19"]
    assert value("9", "part late") == ["0.3"]
    assert value("9", "recovery_share") == ["0.25 after 0, 0.5 after 1, 0.25 after 2"]
    # of segment a, all but the defaulted one; of b, those of one term: loan 8, and 9 on time
    assert value("0", "class") == ["6"]
    assert value("8", "class") == value("9", "class") == ["2"]
    assert value("10", "class") == ["1"]


def test_a_stress_is_told(pool, curves):
    terms = explain(pool, curves, "0", "stress").terms.set_index("figure")["value"]
    assert terms["default_multiple"] == "2"
    assert terms["severity"] == "0.5 from period 1, 0.6 from period 3"
    assert terms["severity_add"] == "0 from period 1, 0.1 from period 3"


def test_what_an_outage_holds_back_comes_later(pool, make_curves):
    scenarios = {
        "base": Scenario(),
        "out": Scenario(shocks=(Outage(kind="outage", days=10, from_period=1),)),
    }
    curves = make_curves(14, scenarios=scenarios, a=YEARLY, b=LIFETIME)
    base, out = (explain(pool, curves, "0", name).periods for name in ("base", "out"))
    assert out["interest"][0] == pytest.approx(base["interest"][0] * 21 / 31)
    assert out["interest"].sum() == pytest.approx(base["interest"].sum())
    terms = explain(pool, curves, "0", "out").terms
    assert "held" in set(terms["figure"])
    for loan in ("0", "3", "9"):
        steps = explain(pool, curves, loan, "out").steps
        steps = steps[steps["figure"] != "recovery"]
        assert steps["formula"].str.contains("held back").any()
        for step in steps.itertuples():
            assert _worked_out(step.numbers) == pytest.approx(step.value, abs=2e-3, rel=1e-5), step


def test_an_overdue_loan_pays_in_the_first_period(make_pool, make_curves):
    pool = make_pool(
        balance=[100.0], loan_type=[4], origination_day=[-40], maturity_day=[-5], days_past_due=[5]
    )
    found = explain(pool, make_curves(a=YEARLY), "0", "base")
    assert "overdue" in set(found.terms["value"])
    assert found.periods["closing"].iloc[0] == 0.0


def test_an_unknown_loan_or_scenario_is_refused(make_pool, make_curves):
    pool, curves = make_pool(balance=[1.0] * 120), make_curves(a=YEARLY)
    with pytest.raises(InputError, match="Did you mean 11"):
        explain(pool, curves, "11x", "base")
    with pytest.raises(InputError, match="120 outstanding"):
        explain(pool, curves, "", "base")
    with pytest.raises(InputError, match="one of base"):
        explain(pool, curves, "11", "best")
