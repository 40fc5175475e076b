"""A revolving series in SIZE scenarios of 24 months: 12 revolving, then sequential.

Scenarios differ in how fast loans repay, default and recover; in about a third of them the
trigger trips. Ours also traces due, available and paid of each step and checks that money ties
in every month and scenario.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from baselines.deal import Deal, run_all

from scfcap.deal.accounts import SeriesFlows, SeriesState
from scfcap.deal.result import DealResult
from scfcap.deal.waterfall import run_series
from scfcap.periods import PeriodGrid
from scfcap.quantities import FloatArray
from scfcap.schema.securitization import SecuritizationSpec

NAME = "deal"
SIZE = 10_000
SMOKE = 40
BARS = {"ratio": 8.0}

PERIODS = 24
POOL = 500e6
TERMS = SecuritizationSpec.model_validate(
    {
        "tranches": [
            {"name": "senior", "share": 0.75, "coupon": 0.062},
            {"name": "mezzanine", "share": 0.15, "coupon": 0.11},
            {"name": "junior", "share": 0.10, "retained": True},
        ],
        "revolving_periods": 12,
        "amortising_periods": 6,
        "senior_fee_rate": 0.004,
        "servicing_fee_rate": 0.01,
        "reserve_rate": 0.01,
        "cash_yield": 0.01,
        "trigger": {"measure": "cumulative_default", "threshold": 0.08},
        "eligibility": "vehicle",
        "programme_limit": 0.0,
    }
)


@dataclass(frozen=True)
class Inputs:
    """Opening state and given flows."""

    state: SeriesState
    grid: PeriodGrid
    flows: SeriesFlows


def build(size: int, folder: Path) -> Inputs:  # noqa: ARG001
    """Seeded flows: each purchase is nine tenths of what was collected."""
    random = np.random.default_rng(20131231)
    repay, loss = random.uniform(0.4, 0.7, size), random.uniform(0.0, 0.01, size)
    pool = np.full((size, PERIODS + 1), POOL)
    interest, principal, recovery, default, purchases = np.zeros((5, size, PERIODS))
    cumulative = np.zeros(size)
    for t in range(PERIODS):
        held = pool[:, t]
        default[:, t] = held * loss * random.uniform(0.5, 1.5, size)
        principal[:, t] = (held - default[:, t]) * repay
        interest[:, t] = held * 0.18 / 12
        recovery[:, t] = 0.3 * default[:, t]
        if t < TERMS.revolving_periods:
            collected = interest[:, t] + principal[:, t] + recovery[:, t]
            revolves = cumulative <= TERMS.trigger.threshold * POOL
            purchases[:, t] = np.where(revolves, 0.9 * collected, 0.0)
        cumulative += default[:, t]
        pool[:, t + 1] = held - principal[:, t] - default[:, t] + purchases[:, t]
    state = SeriesState(
        name="series-1",
        closing_period=0,
        last_revolving=12,
        notes=np.array([0.75, 0.15]) * POOL,
        accrued=np.zeros(2),
        cash=2e6,
        reserve=4.5e6,
        pool=POOL,
        pool_at_closing=POOL,
        cumulative_default=0.0,
        reserve_target=4.5e6,
    )
    flows = SeriesFlows(interest, principal, recovery, default, purchases, pool)
    return Inputs(state, PeriodGrid.build(date(2013, 12, 31), PERIODS), flows)


def ours(inputs: Inputs) -> DealResult:
    """All scenarios at once."""
    return run_series(TERMS, inputs.state, inputs.grid, inputs.flows)


def baseline(inputs: Inputs) -> dict[str, FloatArray]:
    """plain Python: the waterfall month by month, one scenario after the other"""
    state, flows = inputs.state, inputs.flows
    senior, mezzanine = TERMS.sold
    deal = Deal(
        senior_coupon=senior.coupon,
        mezzanine_coupon=mezzanine.coupon,
        senior_fee=TERMS.senior_fee_rate,
        servicing_fee=TERMS.servicing_fee_rate,
        cash_yield=TERMS.cash_yield,
        senior=float(state.notes[0]),
        mezzanine=float(state.notes[1]),
        cash=state.cash,
        reserve=state.reserve,
        reserve_target=state.reserve_target,
        pool_at_closing=state.pool_at_closing,
        last_revolving=state.last_revolving,
        legal_end=state.ends(TERMS),
        trigger=TERMS.trigger.threshold,
    )
    keys = ("interest", "principal", "recovery", "default", "purchases", "pool")
    return run_all(deal, {key: getattr(flows, key) for key in keys})


def check(a: DealResult, b: dict[str, FloatArray]) -> None:
    """Same payments and balances to a millionth of a currency unit; the trigger trips in some."""
    for key, expected in b.items():
        np.testing.assert_allclose(getattr(a, key), expected, rtol=0.0, atol=1e-6, err_msg=key)
    assert 0 < (a.triggered > 0).sum() < len(a.triggered)
    assert (a.residual > 0.0).any()
