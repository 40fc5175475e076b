"""SIZE scenarios of a book of 10,000 loans over 24 months, each loan in each path.

Paths differ by segment and period in default, prepayment and severity. Three of the five segments
state a default rate over the loan's life, so that loans of every term survive on their own; the
result is the five flows by scenario, segment and month.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from baselines.project_1m import project_by_period

from scfcap.axes import BULLET, ORDER
from scfcap.cashflow.kernel import run_kernel
from scfcap.cashflow.lifetime import hazard_scale
from scfcap.cashflow.loans import LoanArrays
from scfcap.credit.curves import CurveSet, build_curves
from scfcap.periods import PeriodGrid
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.scenario import Scenario

NAME = "scenarios_10k"
SIZE = 10_000
SMOKE = 4
BARS = {"seconds": 15.0}
#: The baseline takes minutes: it is timed on a part, its time stands for the whole.
BASELINE_SHARE = 0.005

SEGMENTS = 5
LOANS = 10_000
PERIODS = 24
FLOWS = ("default", "interest", "scheduled", "prepaid", "closing")


def build(size: int, folder: Path) -> tuple[LoanArrays, CurveSet]:
    """Seeded loans, and curves in ``size`` scenarios."""
    del folder
    random = np.random.default_rng(20131231)
    grid = PeriodGrid.build(date(2013, 12, 31), PERIODS)
    names = tuple(f"segment-{n}" for n in range(SEGMENTS))
    credit = {
        name: SegmentCredit(**{"cdr" if n < 2 else "lifetime_default": 0.02 + 0.01 * n},
                            severity=0.6, recovery_lag=n)
        for n, name in enumerate(names)
    }  # fmt: skip
    flat = build_curves(names, credit, {"base": Scenario()}, grid)
    stress = flat.stress.chosen(np.zeros(size, dtype=np.int64))
    shape = stress.default_multiple.shape
    curves = flat.under(
        replace(
            stress,
            default_multiple=random.lognormal(0.0, 0.5, shape),
            prepay_multiple=random.lognormal(0.0, 0.3, shape),
            severity_add=random.uniform(0.0, 0.2, shape),
        )
    )
    segment = random.integers(0, SEGMENTS, LOANS)
    kind = random.integers(0, 6, LOANS)
    balance = np.round(random.lognormal(9.0, 1.0, LOANS), 2)
    rate = random.uniform(0.12, 0.24, LOANS)
    term = random.integers(30, 721, LOANS)
    age = np.floor(random.random(LOANS) * term).astype(np.int64)
    loans = LoanArrays(
        group=segment,
        curve=segment,
        loan_type=kind,
        balance=balance,
        rate=rate,
        accrued=np.where(np.isin(kind, (BULLET, ORDER)), balance * rate * age / 365.0, 0.0),
        hazard_scale=hazard_scale(segment, term, curves),
        start_day=np.zeros(LOANS, dtype=np.int64),
        maturity_day=term - age,
    )
    return loans, curves


def units(inputs: Any) -> int:
    """Loan-months in all paths."""
    loans, curves = inputs
    last = np.searchsorted(curves.grid.days[1:], loans.maturity_day)
    return int(np.minimum(last + 1, PERIODS).sum()) * len(curves.scenarios)


def ours(inputs: Any) -> dict[str, np.ndarray]:
    """One pass over the loans, then over their classes in each path."""
    loans, curves = inputs
    flows = run_kernel(loans, curves, SEGMENTS)
    return {name: getattr(flows, name) for name in FLOWS}


def part(inputs: Any, share: float) -> Any:
    """The first paths."""
    loans, curves = inputs
    count = max(round(len(curves.scenarios) * share), 1)
    return loans, curves.under(curves.stress.chosen(range(count)))


def baseline(inputs: Any) -> dict[str, np.ndarray]:
    """numpy, all loans at once, path by path and month by month"""
    loans, curves = inputs
    paths = [
        project_by_period(loans, curves.under(curves.stress.chosen([k])), SEGMENTS)
        for k in range(len(curves.scenarios))
    ]
    return {name: np.stack([path[name] for path in paths]) for name in FLOWS}


def check(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> None:
    """Equal within 1e-9 of the pool."""
    size = float(b["closing"].sum(axis=1).max())
    for name in FLOWS:
        np.testing.assert_allclose(a[name], b[name], rtol=0.0, atol=1e-9 * size, err_msg=name)
