"""What holds for any pool and any terms."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scfcap.deal.accounts import SeriesFlows, SeriesState
from scfcap.deal.result import AMORTISING, BEFORE, REPAID, REVOLVING, DealResult
from scfcap.deal.waterfall import run_series
from scfcap.periods import PeriodGrid
from scfcap.schema.securitization import SecuritizationSpec

shares = st.floats(0.0, 1.0)
small = st.floats(0.0, 0.4)


@st.composite
def terms(draw: st.DrawFn) -> SecuritizationSpec:
    count = draw(st.integers(1, 3))
    cuts = [draw(st.floats(0.05, 1.0)) for _ in range(count + 1)]
    sizes = [cut / sum(cuts) for cut in cuts]
    tranches: list[dict[str, Any]] = [
        {"name": f"class {j + 1}", "share": sizes[j], "coupon": draw(small)} for j in range(count)
    ]
    tranches.append({"name": "junior", "share": 1.0 - sum(sizes[:-1]), "retained": True})
    return SecuritizationSpec.model_validate(
        {
            "tranches": tranches,
            "revolving_periods": 3,
            "amortising_periods": draw(st.integers(1, 4)),
            "coupon_timing": draw(st.sampled_from(["paid", "accrued_while_revolving"])),
            "senior_fee_rate": draw(small),
            "servicing_fee_rate": draw(small),
            "reserve_rate": draw(st.floats(0.0, 0.1)),
            "issue_cost_rate": draw(st.floats(0.0, 0.05)),
            "cash_yield": draw(small),
            "trigger": {
                "measure": draw(st.sampled_from(["cumulative_default", "default_rate"])),
                "threshold": draw(shares),
            },
            "eligibility": "vehicle",
            "programme_limit": 0.0,
        }
    )


@st.composite
def runs(draw: st.DrawFn) -> tuple[SecuritizationSpec, SeriesState, SeriesFlows]:
    spec = draw(terms())
    scenarios, periods = draw(st.integers(1, 3)), draw(st.integers(1, 8))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = draw(st.sampled_from([1.0, 1e3, 5e8]))
    closing = draw(st.integers(-2, 3))
    size = scale * draw(st.floats(0.1, 1.0))
    tightness = draw(st.sampled_from([0.0, 0.3, 1.0, 2.0]))
    pool = np.full((scenarios, 1), size if closing <= 0 else 0.0)
    parts: dict[str, list[np.ndarray]] = {"interest": [], "principal": [], "default": []}
    parts |= {"recovery": [], "purchases": []}
    for t in range(1, periods + 1):
        held = pool[:, -1]
        default = held * random.uniform(0.0, 0.3, scenarios) * random.integers(0, 2, scenarios)
        principal = (held - default) * random.uniform(0.0, 1.0, scenarios)
        interest = held * random.uniform(0.0, 0.05, scenarios)
        bought = tightness * random.uniform(0.0, 1.0, scenarios) * (principal + interest)
        purchases = np.full(scenarios, size) if t == closing else bought
        parts["interest"].append(interest)
        parts["principal"].append(principal)
        parts["default"].append(default)
        parts["recovery"].append(default * random.uniform(0.0, 1.0, scenarios))
        parts["purchases"].append(purchases)
        pool = np.column_stack([pool, held - principal - default + purchases])
    flows = SeriesFlows(**{key: np.array(x).T for key, x in parts.items()}, pool=pool)
    notes = np.array([t.share * size for t in spec.sold])
    outstanding = closing <= 0
    state = SeriesState(
        name="series-1",
        closing_period=closing,
        last_revolving=draw(st.integers(-1, 6)) if outstanding else closing + 3,
        notes=notes * (draw(st.sampled_from([0.0, 0.5, 1.0])) if outstanding else 1.0),
        accrued=notes * (draw(st.floats(0.0, 0.1)) if outstanding else 0.0),
        cash=size * draw(small) if outstanding else 0.0,
        reserve=size * draw(small) if outstanding else 0.0,
        pool=size if outstanding else 0.0,
        pool_at_closing=size,
        cumulative_default=size * draw(small) if outstanding else 0.0,
        reserve_target=spec.reserve_rate * float(notes.sum()),
    )
    return spec, state, flows


def run(case: tuple[SecuritizationSpec, SeriesState, SeriesFlows]) -> DealResult:
    spec, state, flows = case
    periods = flows.interest.shape[1]
    return run_series(spec, state, PeriodGrid.build(date(2013, 12, 31), periods), flows)


def before(state: SeriesState, closing: np.ndarray, start: Any) -> np.ndarray:
    first = np.zeros_like(closing[..., :1])
    if state.closing_period <= 0:
        first = first + np.asarray(start, dtype=np.float64)
    return np.concatenate([first, closing[..., :-1]], axis=-1)


@settings(max_examples=150, deadline=None)
@given(runs())
def test_money_is_conserved(case: tuple[SecuritizationSpec, SeriesState, SeriesFlows]) -> None:
    _, state, flows = case
    r = run(case)
    came_in = (
        r.interest_collected + r.principal_collected + r.recovered + r.cash_interest
        + r.issued + r.contribution
    )  # fmt: skip
    went_out = (
        r.senior_fee + r.servicing_fee + r.interest_paid.sum(axis=1) + r.purchases
        + r.principal_paid.sum(axis=1) + r.residual + r.issue_cost
    )  # fmt: skip
    kept = r.cash + r.reserve
    held = before(state, r.cash, state.cash) + before(state, r.reserve, state.reserve)
    size = float(flows.pool.max(initial=0.0)) + state.cash + state.reserve + 1.0
    np.testing.assert_allclose(held + came_in - went_out, kept, rtol=0.0, atol=1e-9 * size)
    notes = before(state, r.balance, state.notes[:, None])
    issued = np.zeros_like(notes)
    if 1 <= state.closing_period <= notes.shape[-1]:
        issued[:, :, state.closing_period - 1] = state.notes
    np.testing.assert_allclose(
        notes + issued - r.principal_paid, r.balance, rtol=0.0, atol=1e-9 * size
    )


@settings(max_examples=150, deadline=None)
@given(runs())
def test_order_of_payment_holds(case: tuple[SecuritizationSpec, SeriesState, SeriesFlows]) -> None:
    spec, state, _ = case
    r = run(case)
    for balance in (r.cash, r.reserve, r.balance, r.accrued, r.residual, r.contribution):
        assert (balance >= 0.0).all()
    for payment in r.trace.values():
        assert (payment.paid <= payment.due).all()
        assert (payment.paid <= payment.available * (1 + 1e-12)).all()
    for senior in range(len(r.tranches)):
        for junior in range(senior + 1, len(r.tranches)):
            assert (r.balance[:, senior][r.principal_paid[:, junior] > 0.0] == 0.0).all()
    outstanding = (r.balance + r.accrued).sum(axis=1) > 0.0
    assert (r.residual[outstanding] == 0.0).all()
    closing = np.zeros_like(r.phase, dtype=bool)
    if state.closing_period >= 1:
        closing[:, state.closing_period - 1 : state.closing_period] = True
    assert (r.purchases[(r.phase != REVOLVING) & ~closing] == 0.0).all()
    assert (r.principal_paid.sum(axis=1)[r.phase != AMORTISING] == 0.0).all()
    assert (np.diff(r.phase, axis=1) >= 0).all()
    assert set(np.unique(r.phase)) <= {BEFORE, REVOLVING, AMORTISING, REPAID}
    deferred = spec.coupon_timing == "accrued_while_revolving"
    if deferred:
        revolving = np.repeat((r.phase == REVOLVING)[:, None], len(r.tranches), axis=1)
        assert (r.interest_due[revolving] == 0.0).all()


@settings(max_examples=100, deadline=None)
@given(runs())
def test_given_purchases_are_paid_out_of_cash(
    case: tuple[SecuritizationSpec, SeriesState, SeriesFlows],
) -> None:
    _, state, _ = case
    r = run(case)
    later = slice(max(state.closing_period, 0), None)
    bought = r.trace["purchases"]
    assert (bought.paid[:, later] <= bought.available[:, later]).all()
    cash = before(state, r.cash, state.cash)
    there = (
        cash + before(state, r.reserve, state.reserve) + r.interest_collected
        + r.principal_collected + r.recovered + r.cash_interest
    )  # fmt: skip
    assert (r.purchases[:, later] <= there[:, later] * (1 + 1e-12)).all()


@settings(max_examples=50, deadline=None)
@given(runs())
def test_scenarios_do_not_touch_each_other(
    case: tuple[SecuritizationSpec, SeriesState, SeriesFlows],
) -> None:
    spec, state, flows = case
    together = run(case)
    arrays = ("interest", "principal", "recovery", "default", "purchases", "pool")
    for k in range(len(flows.pool)):
        one = SeriesFlows(**{key: getattr(flows, key)[k : k + 1] for key in arrays})
        alone = run((spec, state, one))
        for key in ("balance", "accrued", "cash", "reserve", "residual", "phase"):
            assert getattr(alone, key)[0] == pytest.approx(getattr(together, key)[k], rel=1e-12)
