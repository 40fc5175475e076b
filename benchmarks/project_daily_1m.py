"""A year by days: SIZE short loans of a platform, of 30 to 180 days, one scenario.

They were made within the last months and are of all types; the result is by day and segment.
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

NAME = "project_daily_1m"
SIZE = 1_000_000
SMOKE = 500
BARS = {"seconds": 1.0}
#: The baseline takes minutes: it is timed on a part, its time stands for the whole.
BASELINE_SHARE = 0.05

SEGMENTS = 5
DAYS = 365
FLOWS = ("default", "interest", "scheduled", "prepaid", "closing")


def build(size: int, folder: Path) -> tuple[LoanArrays, CurveSet]:
    """Seeded loans and curves."""
    del folder
    random = np.random.default_rng(20131231)
    grid = PeriodGrid.build(date(2013, 12, 31), DAYS, "day")
    names = tuple(f"segment-{n}" for n in range(SEGMENTS))
    credit = {
        name: SegmentCredit(cdr=0.03 + 0.02 * n, cpr=0.2 * n, severity=0.7, recovery_lag=30)
        for n, name in enumerate(names)
    }
    segment = random.integers(0, SEGMENTS, size)
    kind = random.integers(0, 6, size)
    balance = np.round(random.lognormal(9.0, 1.0, size), 2)
    rate = random.uniform(0.12, 0.24, size)
    term = random.integers(30, 181, size)
    age = np.floor(random.random(size) * term).astype(np.int64)
    loans = LoanArrays(
        group=segment,
        curve=segment,
        loan_type=kind,
        balance=balance,
        rate=rate,
        accrued=np.where(np.isin(kind, (BULLET, ORDER)), balance * rate * age / 365.0, 0.0),
        hazard_scale=np.ones(size),
        start_day=np.zeros(size, dtype=np.int64),
        maturity_day=term - age,
    )
    return loans, build_curves(names, credit, {"base": Scenario()}, grid)


def units(inputs: Any) -> int:
    """Loan-days."""
    return int(inputs[0].maturity_day.sum())


def ours(inputs: Any) -> dict[str, np.ndarray]:
    """The compiled kernel."""
    loans, curves = inputs
    flows = run_kernel(loans, curves, SEGMENTS)
    return {name: getattr(flows, name)[0] for name in FLOWS}


def part(inputs: Any, share: float) -> Any:
    """The first loans."""
    loans, curves = inputs
    return loans.where(slice(0, max(round(len(loans) * share), 1))), curves


def baseline(inputs: Any) -> dict[str, np.ndarray]:
    """numpy, all loans at once, one day after the other"""
    loans, curves = inputs
    return project_by_period(loans, curves, SEGMENTS)


def check(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> None:
    """Equal within 1e-9 of the pool."""
    size = float(b["closing"].sum(axis=0).max())
    for name in FLOWS:
        np.testing.assert_allclose(a[name], b[name], rtol=0.0, atol=1e-9 * size, err_msg=name)
