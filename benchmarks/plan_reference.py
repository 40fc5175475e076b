"""A plan of SIZE scenarios on one book: build the program from its inputs, and solve it.

12 segments, 7 ages, 6 places, 12 months; a scenario is the first with perturbed factors and all
share the decisions of the first period. Ours computes every coefficient, labels and checks each
row and column, solves by the solver's own choice, and checks residuals and the duality gap; no
tie-breaking (``plan_unique`` times that). The baseline is given all coefficients free of charge.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from baselines.plan import Rows, numbers, solve_term_by_term

from scfcap.axes import BULLET, LEVEL_PAYMENT
from scfcap.cashflow.cohorts import cohort_factors, new_loans
from scfcap.credit.curves import build_curves
from scfcap.funding.cohort_inputs import ALIVE, CohortInputs
from scfcap.funding.gather import build_inputs
from scfcap.funding.inputs import Inputs
from scfcap.funding.nodes import Nodes
from scfcap.funding.program import Program, solve
from scfcap.funding.scenarios import build_scenarios
from scfcap.funding.variables import Book
from scfcap.periods import PeriodGrid
from scfcap.pool.snapshot import Pool
from scfcap.quantities import FloatArray
from scfcap.schema.law import Calendar
from scfcap.schema.model import Model
from scfcap.schema.regime import Regime

NAME = "plan_reference"
SIZE = 20
SMOKE = 2
BARS = {"seconds": 20.0, "build_share": 0.5}

SEGMENTS = tuple(f"segment-{s:02}" for s in range(12))
AS_OF = date(2013, 12, 31)
#: What each buyer takes.
_BOUGHT = (SEGMENTS[::2], SEGMENTS[1::2], SEGMENTS[:6], SEGMENTS[6:])
MONTHS = 12
TAIL = 7


def _model() -> Model:
    """Twelve products of three to six months, three lenders, four buyers, a series, P2P."""
    products = range(len(SEGMENTS))
    return Model.model_validate(
        {
            "name": "reference",
            "title": "Reference instance",
            "currency": "CNY",
            "as_of": AS_OF,
            "regime": "none",
            "tape": {"source": "file", "path": "tape.csv"},
            "credit": {
                "segments": {
                    SEGMENTS[s]: {
                        "cdr": 0.01 + 0.004 * s,
                        "cpr": 0.05 + 0.02 * s,
                        "severity": 0.6 + 0.02 * (s % 5),
                        "recovery_lag": s % 2,
                    }
                    for s in products
                }
            },
            "scenarios": {"base": {}},
            "pool": {
                "eligibility": {"clean": {"rules": [{"test": "days_past_due <= 0"}]}},
            },
            "plan": {
                "periods": MONTHS,
                "frequency": "month",
                "cash_yield": 0.0035,
                "liquidity_floor": 40.0e6,
                "opex_per_year": 30.0e6,
            },
            "opening": {"net_capital": 900.0e6},
            "demand": {
                SEGMENTS[s]: {
                    "per_period": (40.0 + 9.0 * s) * 1e6,
                    "minimum": 0.05,
                    "seasonality": {2: 0.6, 11: 1.8},
                    "new_loans": {
                        "loan_type": "bullet" if s % 2 else "level_payment",
                        "rate": 0.13 + 0.008 * s,
                        "shortest": 90 + 5 * s,
                        "longest": 179,
                    },
                }
                for s in products
            },
            "lenders": [
                {
                    "name": f"bank-{n}",
                    "limit": (60.0 + 40.0 * n) * 1e6,
                    "commitment_fee": 0.002,
                    "tenors": [
                        {"periods": 1, "rate": 0.058 + 0.003 * n},
                        {"periods": 3, "rate": 0.060 + 0.003 * n},
                        {"periods": 6, "rate": 0.062 + 0.003 * n},
                    ],
                }
                for n in range(3)
            ],
            "buyers": [
                {
                    "name": f"buyer-{n}",
                    "limit": (300.0 + 100.0 * n) * 1e6,
                    "per_period": (90.0 + 30.0 * n) * 1e6,
                    "servicing_fee": 0.05 - 0.006 * n,
                    "min_seasoning": 1,
                    "eligibility": "clean",
                    "segments": _BOUGHT[n],
                }
                for n in range(len(_BOUGHT))
            ],
            "securitization": {
                "tranches": [
                    {"name": "senior", "share": 0.75, "coupon": 0.062},
                    {"name": "mezzanine", "share": 0.15, "coupon": 0.11},
                    {"name": "junior", "share": 0.10, "retained": True},
                ],
                "revolving_periods": 12,
                "amortising_periods": 3,
                "coupon_timing": "paid",
                "senior_fee_rate": 0.004,
                "servicing_fee_rate": 0.01,
                "reserve_rate": 0.01,
                "issue_cost_rate": 0.002,
                "idle_cash_limit": 0.5,
                "cash_yield": 0.0035,
                "trigger": {"measure": "default_rate", "threshold": 0.6},
                "eligibility": "clean",
                "programme_limit": 400.0e6,
                "series": [
                    {
                        "name": "series-1",
                        "closing": date(2013, 7, 28),
                        "pool_at_closing": 200.0e6,
                        "notes": {"senior": 150.0e6, "mezzanine": 30.0e6},
                        "cash": 10.0e6,
                        "reserve": 1.8e6,
                    }
                ],
            },
            "p2p": {
                "limit": 150.0e6,
                "tenor": 3,
                "steps": [
                    {"per_period": 20.0e6, "rate": 0.08},
                    {"per_period": 40.0e6, "rate": 0.095},
                ],
            },
            "concentration": [
                {"name": "first three", "segments": list(SEGMENTS[:3]), "share": 0.5}
            ],
        }
    )


_LAW = Regime.model_validate(
    {
        "title": "two caps",
        "jurisdiction": "none",
        "start": date(2008, 5, 4),
        "source": "own",
        "caps": [
            {
                "name": "bank",
                "base": "net_capital",
                "multiple": 0.5,
                "weights": {"bank": 1.0},
                "source": "own",
            },
            {
                "name": "all",
                "base": "net_assets",
                "multiple": 1.5,
                "weights": {"bank": 1.0, "abs_third_party": 1.0, "transfer_clean": 1.0, "p2p": 1.0},
                "source": "own",
            },
        ],
    }
)


def _pool(loans: int = 6_000, seed: int = 1) -> Pool:
    """Loans of 850 million on the own book and 210 million in series-1, up to six months old."""
    random = np.random.default_rng(seed)
    segment = random.integers(0, len(SEGMENTS), loans)
    term = random.integers(90, 180, loans)
    age = (random.random(loans) * term).astype(np.int64)
    series = random.random(loans) < 0.2
    balance = random.lognormal(0.0, 0.5, loans)
    balance[series] *= 210.0e6 / balance[series].sum()
    balance[~series] *= 850.0e6 / balance[~series].sum()
    return Pool(
        as_of=AS_OF,
        loan_id=np.array([f"L{i}" for i in range(loans)], dtype=object),
        segments=SEGMENTS,
        segment=segment.astype(np.int64),
        places=("own_capital", "securitization:series-1"),
        place=series.astype(np.int64),
        loan_type=np.where(segment % 2 == 1, BULLET, LEVEL_PAYMENT),
        balance=balance,
        original_balance=balance.copy(),
        rate=0.13 + 0.008 * segment,
        origination_day=-age,
        maturity_day=term - age,
        days_past_due=np.zeros(loans, dtype=np.int64),
        eligibility={"clean": np.ones(loans, dtype=np.int8)},
        tables={
            "usable": pd.DataFrame(
                {"set": ["clean"], "eligible_balance": [1.0e6], "usable_balance": [1.0e6]}
            )
        },
        digest="reference",
    )


def first_inputs() -> Inputs:
    """Inputs of the first scenario."""
    spec, pool = _model(), _pool()
    grid = PeriodGrid.build(AS_OF, MONTHS + TAIL, "month")
    curves = build_curves(
        pool.segments,
        spec.credit.segments,
        spec.scenarios,
        grid,
        lenders=tuple(x.name for x in spec.lenders),
    )
    new = {
        name: new_loans(wish.new_loans, pool, pool.segments.index(name))
        for name, wish in spec.demand.items()
    }
    factors = cohort_factors(pool, curves, new, spec.plan.periods)
    return build_inputs(spec, Calendar.of(_LAW), pool, factors, curves)


def perturbed(inputs: Inputs, seed: int) -> Inputs:
    """Defaults and prepayment of each period and segment times a lognormal draw, demand too."""
    random = np.random.default_rng(seed)
    shape = (len(inputs.segments), inputs.horizon + 1)
    worse, demand = (np.exp(random.normal(0.0, sigma, shape)) for sigma in (0.3, 0.1))
    return replace(
        inputs,
        cohorts=_moved(inputs.cohorts, worse),
        demand=np.maximum(inputs.demand * demand, inputs.promised),
    )


def _moved(cohorts: CohortInputs, worse: FloatArray) -> CohortInputs:
    default = np.minimum(cohorts.default * worse[cohorts.segment], 0.5)
    left = np.where(cohorts.default < 1.0, (1.0 - default) / (1.0 - cohorts.default), 1.0)
    survive = cohorts.survive * left
    path = np.array(cohorts.path)
    for t in range(1, path.shape[1]):
        made = cohorts.vintage == t
        path[:, t] = np.where(made, survive[:, t], path[:, t - 1] * survive[:, t])
    dead = path <= ALIVE
    return replace(
        cohorts,
        default=default,
        survive=survive,
        repaid=cohorts.repaid * left,
        path=np.where(dead, 0.0, path),
    )


@dataclass(frozen=True)
class Given:
    """Inputs of the program by scenario, and its numbers for the baseline."""

    inputs: Mapping[str, Inputs]
    rows: Rows


@dataclass(frozen=True)
class Solved:
    """The optimum [money units], and the part of the time that building took."""

    objective: float
    build_share: float


def built(inputs: Mapping[str, Inputs]) -> tuple[Program, dict[str, Book]]:
    """The program, every scenario as likely, and the book of each."""
    weights = dict.fromkeys(inputs, 1.0 / len(inputs))
    return build_scenarios(inputs, weights, Nodes.two_stage(len(inputs), MONTHS, 1))


def build(size: int, folder: Path) -> Given:
    """SIZE scenarios: the first as projected, the others with perturbed factors."""
    del folder
    first = first_inputs()
    inputs = {f"scenario-{k:02}": perturbed(first, k) if k else first for k in range(size)}
    return Given(inputs, numbers(built(inputs)[0]))


def ours(given: Given) -> Solved:
    """Labelled columns and rows, one function a constraint family, decisions by node."""
    start = time.perf_counter()
    program, _ = built(given.inputs)
    middle = time.perf_counter()
    solution = solve(program)
    took = middle - start
    return Solved(
        solution.objective - program.objective.constant, took / (time.perf_counter() - start)
    )


def baseline(given: Given) -> float:
    """PuLP, rows summed term by term with lpSum, coefficients given"""
    return solve_term_by_term(given.rows, solver="ipm")


def check(a: Solved, b: float) -> None:
    """The same optimum."""
    assert math.isclose(a.objective, b, rel_tol=1e-7), (a, b)


def figures(result: Solved) -> dict[str, float]:
    """Part of the time that building took; less than half, if it is less than solving."""
    return {"build_share": round(result.build_share, 3)}
