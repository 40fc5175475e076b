"""Contracts by dates: SIZE loans paid each month on days of their own, over 24 months.

Level payments, equal principal and interest alone, by three day counts, on TARGET business days,
of 2 to 60 months. Nobody defaults or prepays: what is timed is what the contracts ask for.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from baselines.project_dated_1m import project_by_payment

from scfcap.axes import DAY_COUNTS, EQUAL_PRINCIPAL, INTEREST_ONLY_BULLET, LEVEL_PAYMENT
from scfcap.cashflow.kernel import run_kernel
from scfcap.cashflow.loans import LoanArrays
from scfcap.credit.curves import CurveSet, build_curves
from scfcap.periods import PeriodGrid
from scfcap.pool.terms import DatedTerms
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.scenario import Scenario

NAME = "project_dated_1m"
SIZE = 1_000_000
SMOKE = 500
BARS = {"ratio": 6.0}
#: The baseline holds loans x payments: it is timed on a part, its time stands for the whole.
BASELINE_SHARE = 0.05

SEGMENTS = 5
PERIODS = 24
FLOWS = ("interest", "scheduled", "closing")


def build(size: int, folder: Path) -> tuple[LoanArrays, CurveSet]:
    """Seeded loans and curves."""
    del folder
    random = np.random.default_rng(20131231)
    as_of = date(2013, 12, 31)
    names = tuple(f"segment-{n}" for n in range(SEGMENTS))
    credit = {name: SegmentCredit(cdr=0.0, severity=0.5) for name in names}
    curves = build_curves(names, credit, {"base": Scenario()}, PeriodGrid.build(as_of, PERIODS))
    segment = random.integers(0, SEGMENTS, size)
    balance = np.round(random.lognormal(9.0, 1.0, size), 2)
    anchor = random.integers(1, 29, size)
    last = np.datetime64("2013-12") + random.integers(2, 61, size).astype("timedelta64[M]")
    firsts = (last.astype("datetime64[D]") - np.datetime64(as_of)).astype(np.int64)
    counts = [DAY_COUNTS.index(name) for name in ("act/365", "act/360", "30E/360")]
    terms = replace(
        DatedTerms.none(size),
        every_months=np.ones(size, dtype=np.int64),
        anchor=anchor,
        next_day=anchor,  # in January
        from_day=anchor - 31,
        day_count=random.choice(counts, size),
        calendar=np.zeros(size, dtype=np.int64),
        original=balance,
        calendars=(("TARGET", "following"),),
    )
    loans = LoanArrays(
        group=segment,
        curve=segment,
        loan_type=random.choice([LEVEL_PAYMENT, EQUAL_PRINCIPAL, INTEREST_ONLY_BULLET], size),
        balance=balance,
        rate=random.uniform(0.05, 0.30, size),
        accrued=np.zeros(size),
        hazard_scale=np.ones(size),
        start_day=np.zeros(size, dtype=np.int64),
        maturity_day=firsts + anchor - 1,
        terms=terms,
    )
    return loans, curves


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


def part(inputs: Any, share: float) -> Any:
    """The first loans."""
    loans, curves = inputs
    return loans.where(slice(0, max(round(len(loans) * share), 1))), curves


def baseline(inputs: Any) -> dict[str, np.ndarray]:
    """numpy, all loans at once, one payment after the other"""
    loans, curves = inputs
    return project_by_payment(loans, curves, SEGMENTS)


def check(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> None:
    """Equal within 1e-9 of the pool."""
    size = float(b["closing"].sum(axis=0).max())
    for name in FLOWS:
        np.testing.assert_allclose(a[name], b[name], rtol=0.0, atol=1e-9 * size, err_msg=name)
