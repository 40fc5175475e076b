"""The projection: SIZE loans over up to 24 months, one scenario, summed by five segments.

The loans are of all types; most of them stand throughout, as on a consumer platform, a sixth
matures within the two years. The result is the five flows and the closing balance by month. The
curve takes the same from a thousand loans to ten million.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from baselines.project_1m import project_by_period

from scfcap.axes import BULLET, ORDER
from scfcap.cashflow.kernel import run_kernel
from scfcap.cashflow.loans import LoanArrays
from scfcap.credit.curves import CurveSet, build_curves
from scfcap.periods import PeriodGrid
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.scenario import Scenario

NAME = "project_1m"
SIZE = 1_000_000
SMOKE = 2_000
SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
BARS = {"ratio": 10.0, "units_per_second": 200e6, "spread": 1.5}

SEGMENTS = 5
PERIODS = 24
FLOWS = ("default", "interest", "scheduled", "prepaid", "closing")


def build(size: int, folder: Path) -> tuple[LoanArrays, CurveSet]:
    """Seeded loans and curves."""
    del folder
    random = np.random.default_rng(20131231)
    grid = PeriodGrid.build(date(2013, 12, 31), PERIODS)
    names = tuple(f"segment-{n}" for n in range(SEGMENTS))
    credit = {
        name: SegmentCredit(cdr=0.02 + 0.01 * n, cpr=0.05 * n, severity=0.6, recovery_lag=n)
        for n, name in enumerate(names)
    }
    segment = random.integers(0, SEGMENTS, size)
    kind = random.choice(6, size, p=[0.5, 0.1, 0.1, 0.1, 0.1, 0.1])
    balance = np.round(random.lognormal(9.0, 1.0, size), 2)
    rate = random.uniform(0.05, 0.30, size)
    loans = LoanArrays(
        group=segment,
        curve=segment,
        loan_type=kind.astype(np.int64),
        balance=balance,
        rate=rate,
        accrued=np.where(np.isin(kind, (BULLET, ORDER)), balance * rate * 0.1, 0.0),
        hazard_scale=np.ones(size),
        start_day=np.zeros(size, dtype=np.int64),
        maturity_day=random.integers(500, 1826, size),
    )
    return loans, build_curves(names, credit, {"base": Scenario()}, grid)


def units(inputs: Any) -> int:
    """Loan-months: periods in which a loan stands, its last one included."""
    loans, curves = inputs
    last = np.searchsorted(curves.grid.days[1:], loans.maturity_day)
    return int(np.minimum(last + 1, PERIODS).sum())


def ours(inputs: Any) -> dict[str, np.ndarray]:
    """The compiled kernel."""
    loans, curves = inputs
    flows = run_kernel(loans, curves, SEGMENTS)
    return {name: getattr(flows, name)[0] for name in FLOWS}


def baseline(inputs: Any) -> dict[str, np.ndarray]:
    """numpy, all loans at once, one month after the other"""
    loans, curves = inputs
    return project_by_period(loans, curves, SEGMENTS)


def check(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> None:
    """Equal within 1e-9 of the pool."""
    size = float(b["closing"].sum(axis=0).max())
    for name in FLOWS:
        np.testing.assert_allclose(a[name], b[name], rtol=0.0, atol=1e-9 * size, err_msg=name)
