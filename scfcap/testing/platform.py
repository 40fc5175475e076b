"""A small platform to try plans on: two segments, a line, a buyer, a series, P2P.

:data:`MODEL` is its model as plain data; :func:`edited` changes entries of it, :func:`platform`
makes it ready to plan.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from scfcap.axes import BULLET, LEVEL_PAYMENT, ORDER
from scfcap.cashflow.cohorts import cohort_factors, new_loans
from scfcap.credit.curves import build_curves
from scfcap.credit.exposure import Exposures
from scfcap.funding.gather import build_inputs
from scfcap.funding.inputs import Inputs
from scfcap.funding.replay import Engine
from scfcap.pool.snapshot import Pool
from scfcap.schema.law import Calendar
from scfcap.schema.model import Model
from scfcap.schema.regime import Regime

AS_OF = date(2013, 12, 31)

#: The model, as its TOML file would have it.
MODEL: dict[str, Any] = {
    "name": "small",
    "title": "Small platform",
    "currency": "CNY",
    "as_of": AS_OF,
    "regime": "none",
    "tape": {"source": "file", "path": "tape.csv"},
    "credit": {
        "segments": {
            "credit": {"cdr": 0.04, "cpr": 0.2, "severity": 0.75, "recovery_lag": 2},
            "order": {"lifetime_default": 0.001, "severity": 0.75, "recovery_lag": 1},
        }
    },
    "scenarios": {
        "base": {},
        "stress": {"default_multiple": 3.0, "severity_add": 0.1, "prepay_multiple": 0.7},
    },
    "pool": {
        "eligibility": {
            "bank": {"rules": [{"test": "days_past_due <= 0"}]},
            "vehicle": {"rules": [{"test": "days_past_due <= 0"}]},
        }
    },
    "plan": {
        "periods": 12,
        "frequency": "month",
        "cash_yield": 0.0035,
        "liquidity_floor": 2.0e6,
        "debt_cover": 0.2,
        "opex_per_year": 1.0e6,
        "opex_rate": 0.01,
    },
    "opening": {"net_capital": 60.0e6},
    "demand": {
        "credit": {
            "per_period": 40.0e6,
            "minimum": 0.05,
            "seasonality": {2: 0.6, 11: 1.8},
            "new_loans": {"loan_type": "bullet", "rate": 0.21, "shortest": 30, "longest": 180},
        },
        "order": {
            "per_period": 60.0e6,
            "new_loans": {"loan_type": "order", "rate": 0.18, "shortest": 1, "longest": 30},
        },
    },
    "lenders": [
        {
            "name": "bank-a",
            "limit": 15.0e6,
            "commitment_fee": 0.002,
            "tenors": [{"periods": 3, "rate": 0.07}, {"periods": 6, "rate": 0.0725}],
            "draws": [{"amount": 5.0e6, "rate": 0.07, "maturity": date(2014, 3, 31)}],
        }
    ],
    "buyers": [
        {
            "name": "city-bank",
            "limit": 20.0e6,
            "per_period": 12.0e6,
            "servicing_fee": 0.04,
            "min_seasoning": 1,
            "eligibility": "bank",
            "segments": ["credit"],
        }
    ],
    "securitization": {
        "tranches": [
            {"name": "senior", "share": 0.75, "coupon": 0.062},
            {"name": "mezzanine", "share": 0.15, "coupon": 0.11},
            {"name": "junior", "share": 0.10, "retained": True},
        ],
        "revolving_periods": 12,
        "amortising_periods": 3,
        "coupon_timing": "accrued_while_revolving",
        "senior_fee_rate": 0.004,
        "servicing_fee_rate": 0.01,
        "reserve_rate": 0.01,
        "issue_cost_rate": 0.002,
        "idle_cash_limit": 0.5,
        "cash_yield": 0.0035,
        "trigger": {"measure": "cumulative_default", "threshold": 0.10},
        "eligibility": "vehicle",
        "programme_limit": 40.0e6,
        "series": [
            {
                "name": "series-1",
                "closing": date(2013, 7, 28),
                "pool_at_closing": 20.0e6,
                "notes": {"senior": 15.0e6, "mezzanine": 3.0e6},
                "cash": 1.0e6,
                "reserve": 0.18e6,
            }
        ],
        "issues": [
            {"name": "series-2", "closing": date(2014, 2, 28), "max_pool": 20.0e6},
            {"name": "series-3", "closing": date(2014, 6, 30), "max_pool": 30.0e6},
        ],
    },
    "p2p": {
        "limit": 15.0e6,
        "rolling_12_months": 25.0e6,
        "tenor": 4,
        "steps": [{"per_period": 3.0e6, "rate": 0.11}, {"per_period": 6.0e6, "rate": 0.125}],
    },
    "concentration": [{"name": "credit at most", "segments": ["credit"], "share": 0.9}],
}

#: A law with a cap on banks and one on all that others fund.
LAW = Regime.model_validate(
    {
        "title": "test law",
        "jurisdiction": "test",
        "start": date(2008, 5, 4),
        "source": "own",
        "caps": [
            {
                "name": "bank",
                "base": "net_capital",
                "multiple": 0.2,
                "weights": {"bank": 1.0},
                "source": "own",
            },
            {
                "name": "all",
                "base": "net_assets",
                "multiple": 2.0,
                "weights": {"bank": 1.0, "abs_third_party": 1.0, "transfer_clean": 1.0, "p2p": 1.0},
                "source": "own",
            },
        ],
    }
)


def edited(changes: Mapping[str, Any], base: Mapping[str, Any] = MODEL) -> dict[str, Any]:
    """The model with entries replaced: ``{"plan.periods": 3, "lenders.0.limit": 0.0}``."""
    model = copy.deepcopy(dict(base))
    for dotted, value in changes.items():
        *path, last = dotted.split(".")
        at: Any = model
        for key in path:
            at = at[int(key) if isinstance(at, list) else key]
        if isinstance(at, list):
            at[int(last)] = value
        else:
            at[last] = value
    return model


def usable(share: float) -> pd.DataFrame:
    """What concentration limits leave of the eligible balance."""
    return pd.DataFrame(
        {"set": ["bank", "vehicle"], "eligible_balance": 1.0e6, "usable_balance": share * 1.0e6}
    )


def small_pool(loans: int = 400, seed: int = 1) -> Pool:
    """Loans of 57 million on the own book and 21 million in series-1."""
    random = np.random.default_rng(seed)
    series = np.arange(loans) < loans // 5
    segment = np.where(random.random(loans) < 0.7, 0, 1)
    segment[series] = 0
    term = np.where(segment == 0, random.integers(30, 181, loans), random.integers(2, 31, loans))
    age = np.minimum((random.random(loans) * term).astype(np.int64), term - 1)
    balance = random.lognormal(0.0, 0.5, loans)
    balance[series] *= 21.0e6 / balance[series].sum()
    balance[~series] *= 57.0e6 / balance[~series].sum()
    late = np.where(random.random(loans) < 0.03, 20, 0)
    good = np.where(late > 0, 0, 1).astype(np.int8)
    once = np.where(segment == 0, BULLET, ORDER)
    kind = np.where((segment == 0) & (term > 120), LEVEL_PAYMENT, once)
    return Pool(
        as_of=AS_OF,
        loan_id=np.array([f"L{i}" for i in range(loans)], dtype=object),
        segments=("credit", "order"),
        segment=segment.astype(np.int64),
        places=("own_capital", "securitization:series-1"),
        place=series.astype(np.int64),
        loan_type=kind.astype(np.int64),
        balance=balance,
        original_balance=balance.copy(),
        rate=np.where(segment == 0, 0.21, 0.18),
        origination_day=-age.astype(np.int64),
        maturity_day=(term - age).astype(np.int64),
        days_past_due=late.astype(np.int64),
        eligibility={"bank": good, "vehicle": good},
        tables={"usable": usable(1.0)},
        digest="test",
    )


@dataclass(frozen=True)
class Platform:
    """Model, inputs and engine of a plan."""

    spec: Model
    inputs: Inputs
    engine: Engine


def platform(
    changes: Mapping[str, Any] | None = None,
    regime: Regime | Calendar | None = None,
    pool: Pool | None = None,
    exposures: Exposures | None = None,
) -> Platform:
    """The small platform with top-level entries of the model replaced by ``changes``.

    Raises:
        InputError: model, pool and law do not fit together.
    """
    spec = Model.model_validate({**MODEL, **(changes or {})})
    pool = small_pool() if pool is None else pool
    horizon = spec.plan.grid(spec.as_of)
    grid = horizon.extended(len(horizon) + (27 if spec.plan.frequency == "week" else 12))
    curves = build_curves(
        pool.segments,
        spec.credit.segments,
        spec.scenarios,
        grid,
        lenders=tuple(x.name for x in spec.lenders),
        exposures=exposures,
        rules=spec.credit.where,
        stated_in=spec.plan.unit,
    )
    new = {
        name: new_loans(wish.new_loans, pool, pool.segments.index(name))
        for name, wish in spec.demand.items()
    }
    factors = cohort_factors(pool, curves, new, len(horizon))
    calendar = Calendar.of(regime) if isinstance(regime, Regime) else regime
    inputs = build_inputs(spec, calendar, pool, factors, curves, exposures)
    return Platform(spec, inputs, Engine(pool, curves, new))
