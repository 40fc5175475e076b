"""A revolving year of daily settlement: SIZE loans, a fifth held and the others on offer.

Each day's cash buys whole loans within limits by borrower and region and a covenant on the mean
score; notes, a fee and the interest on them are paid every thirty days.
"""

from __future__ import annotations

from pathlib import Path

from baselines import revolving_daily
from baselines.revolving_daily import Inputs

from scfcap.deal.outcome import DealRun
from scfcap.quantities import FloatArray

NAME = "revolving_daily"
SIZE = 100_000
SMOKE = 1_500
BARS = {"seconds": 10.0, "ratio": 4.0}


def build(size: int, folder: Path) -> Inputs:  # noqa: ARG001
    """Seeded loans of 30 to 180 days, what borrowers do, and the deal."""
    return revolving_daily.build(size)


def ours(inputs: Inputs) -> DealRun:
    """Loans at their start, and the deal's year."""
    return revolving_daily.engine(inputs)


def baseline(inputs: Inputs) -> dict[str, FloatArray]:
    """plain Python: day by day, one loan after the other"""
    return revolving_daily.by_hand(inputs)


def check(a: DealRun, b: dict[str, FloatArray]) -> None:
    """Same purchases, pool, collections and cash, day by day, to a millionth of the pool."""
    revolving_daily.compare(a, b)
