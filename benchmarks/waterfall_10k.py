"""SIZE scenarios of a deal of 36 months with twelve payments each, untraced."""

from __future__ import annotations

from pathlib import Path

from baselines import waterfall
from baselines.waterfall import Inputs

from scfcap.deal.outcome import DealRun
from scfcap.quantities import FloatArray

NAME = "waterfall_10k"
SIZE = 10_000
SMOKE = 40
BARS = {"seconds": 0.5, "ratio": 8.0}


def build(size: int, folder: Path) -> Inputs:  # noqa: ARG001
    """Seeded flows of a static pool, and a deal of three classes and a residual."""
    return waterfall.build(size)


def ours(inputs: Inputs) -> DealRun:
    """All scenarios at once."""
    return waterfall.engine(inputs, trace=False)


def baseline(inputs: Inputs) -> dict[str, FloatArray]:
    """plain Python: the waterfall month by month, one scenario after the other"""
    return waterfall.by_hand(inputs)


def check(a: DealRun, b: dict[str, FloatArray]) -> None:
    """Same payments and accounts to a hundred-thousandth of a currency unit."""
    waterfall.compare(a, b)
