"""An order explained: its parts are the projection's, its numbers make its values."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from scfcap.axes import BULLET, ORDER
from scfcap.cashflow.explain import FIGURES, explain
from scfcap.cashflow.orders import project_orders
from scfcap.pool.payers import Payers
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.scenario import Outage, Scenario

SCENARIOS = {
    "base": Scenario(),
    "worse": Scenario(default_multiple=4.0, severity_add=0.2),
    "out": Scenario(shocks=(Outage(kind="outage", days=10, from_period=2),)),
}
LOCK_BOX = ("received", "recourse", "surplus", "lost", "forgone", "unpaid", "outstanding")


@pytest.fixture
def pool(make_pool):
    """Ten loans: seven on orders, of which one is in default and some are diluted."""
    rng = np.random.default_rng(3)
    count, orders = 10, np.arange(10) % 3 > 0
    orders[9] = True
    plain = make_pool(
        segments=("a", "b"),
        segment=np.arange(count) % 2,
        balance=np.round(rng.uniform(40.0, 100.0, count), 2),
        loan_type=np.where(orders, ORDER, BULLET),
        rate=0.2,
        origination_day=-rng.integers(1, 60, count),
        maturity_day=rng.integers(10, 90, count),
        days_past_due=np.where(np.arange(count) == 4, 100, 0),
    )
    payers = Payers(
        amount=np.where(orders, plain.balance / 0.8, 0.0),
        dilution=np.where(orders, np.array([0.0, 0.1, 0.3, 0.6, 1.0, 0.0, 0.0, 0.4, 0.25, 1.0]), 0),
        pay_day=np.where(orders[:, None], rng.integers(1, 200, (count, 4)), 0),
        fee=0.01,
        recourse=0.4,
    )
    return replace(plain, payers=payers)


@pytest.fixture
def curves(make_curves):
    return make_curves(
        12,
        scenarios=SCENARIOS,
        a=SegmentCredit(lifetime_default=0.05, severity=0.5, recovery_lag=2),
        b=SegmentCredit(cdr=0.2, severity=0.7, recovery_curve=(0.5, 0.5)),
    )


def _worked_out(numbers: str) -> float:
    """What the numbers of a formula come to."""
    words = r"years|of the period|of period \d+|from before|nothing is due"
    text = re.sub(words, "", numbers).replace(",", "").replace(" x ", " * ").strip()
    assert re.fullmatch(r"(?:exp|[0-9.e+\-*/() ])*", text), numbers
    return float(eval(text, {"exp": np.exp})) if text else 0.0


@pytest.mark.parametrize("order", ["survivors", "bma"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_loans_make_the_projection(pool, curves, scenario, order):
    curves = replace(curves, order=order)
    whole = project_orders(pool, curves)
    k = curves.scenarios.index(scenario)
    frames = [explain(pool, curves, loan, scenario).periods for loan in pool.loan_id]
    summed = pd.concat(frames).groupby("period").sum(numeric_only=True)
    expected = {name: getattr(whole.cashflow.flows, name) for name in FIGURES}
    expected |= {name: getattr(whole.lock_box, name) for name in LOCK_BOX}
    for name, values in expected.items():
        by_period = values[k].sum(axis=0)
        assert summed[name].to_numpy() == pytest.approx(by_period[: len(summed)], abs=1e-8), name
        assert by_period[len(summed) :] == pytest.approx(0.0, abs=1e-8), name
    assert (summed[["fees", "recourse", "forgone", "lost"]].sum() > 0.0).all()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_numbers_of_every_formula_make_its_value(pool, curves, scenario):
    seen = set()
    for row in np.flatnonzero(pool.payers.by_buyer):
        found = explain(pool, curves, pool.loan_id[row], scenario)
        for step in found.steps.itertuples():
            if scenario == "out" and step.figure == "recovery":
                continue
            seen.add(step.figure)
            assert step.formula
            assert _worked_out(step.numbers) == pytest.approx(step.value, abs=2e-3, rel=1e-5), step
        told = found.steps.pivot_table(index=["part", "period"], columns="figure", values="value")
        rows = found.periods.set_index(["part", "period"])
        for name in ("default", "loss", "recovery", "interest", "fees", "scheduled", "closing"):
            if name in told:
                gone = told[name].reindex(rows.index).fillna(0.0)
                assert gone.to_numpy() == pytest.approx(rows[name].to_numpy()), name
    assert {"received_on_the_day", "paid_share", "failed_share", "recourse", "surplus"} <= seen


def test_what_a_core_enterprise_takes_is_told(pool, curves):
    """A tenth of what stands, in period 2 of the base scenario; a quarter of it comes back."""
    unpaid, back = np.zeros_like(curves.struck), np.zeros_like(curves.struck)
    unpaid[0, :, 1], back[0, :, 1] = 0.1, 0.25
    curves = curves.under(replace(curves.stress, unpaid=unpaid, unpaid_recovery=back))
    flows = project_orders(pool, curves).cashflow.flows
    found = [explain(pool, curves, loan, "base") for loan in pool.loan_id]
    summed = pd.concat([each.periods for each in found]).groupby("period").sum(numeric_only=True)
    for name in FIGURES:
        by_period = getattr(flows, name)[0].sum(axis=0)
        assert summed[name].to_numpy() == pytest.approx(by_period[: len(summed)], abs=1e-8), name
    assert summed["struck"][2] > 0.0
    row = np.flatnonzero(pool.payers.by_buyer & (pool.payers.pay_day.max(axis=1) > 60))[0]
    steps = found[row].steps
    assert steps["formula"].str.contains("core enterprise").any()
    for step in steps[~steps["figure"].isin(["recovery"])].itertuples():
        assert _worked_out(step.numbers) == pytest.approx(step.value, abs=2e-3, rel=1e-5), step


def test_a_diluted_order_by_hand(make_pool, make_curves):
    """80 lent at 36.5% 20 days ago on an order over 100 that is paid 70 on day 15; fee 1."""
    plain = make_pool(
        balance=[80.0], loan_type=ORDER, rate=0.365, origination_day=-20, maturity_day=10
    )
    paid = Payers(np.array([100.0]), np.array([0.3]), np.array([[15]]), 0.01, 0.75)
    curves = make_curves(3, a=SegmentCredit(cdr=0.0, severity=0.5))
    found = explain(replace(plain, payers=paid), curves, plain.loan_id[0], "base")
    first = found.periods.iloc[0]
    short = 80.0 - (70.0 - 1.0 - 2.8)
    assert first["fees"] == pytest.approx(1.0)
    assert first["interest"] == pytest.approx(2.8)
    assert first["recourse"] == pytest.approx(0.75 * short)
    assert first["scheduled"] == pytest.approx(80.0 - 0.25 * short)
    assert first["loss"] == first["default"] == pytest.approx(0.25 * short)
    steps = found.steps.set_index("figure")["numbers"]
    assert steps["principal_on_the_day"] == "66.2000 + 0.75 x (80.0000 - 66.2000)"
    assert steps["interest_due"] == "80.0000 x 0.365 x 35 / 365"
