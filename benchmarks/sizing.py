"""Two classes sized under four stresses, SIZE sizes of each tried before the search goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from baselines import sizing
from baselines.sizing import Inputs

from scfcap.deal.sizing import size_classes

NAME = "sizing"
SIZE = 1001
SMOKE = 9
BARS = {"seconds": 3.0}


def build(size: int, folder: Path) -> Inputs:  # noqa: ARG001
    """Four stresses of a static pool, and a deal of three classes and a residual, two rated."""
    return sizing.build(size)


def ours(inputs: Inputs) -> tuple[float, ...]:
    """All sizes and stresses of a class at once."""
    pool = np.full(len(sizing.SCENARIOS), sizing.POOL)
    found = size_classes(inputs.deal.spec, sizing.runner(inputs), sizing.SCENARIOS, pool)
    return tuple(each.size for each in found.sized)


def baseline(inputs: Inputs) -> tuple[float, ...]:
    """plain Python: one waterfall a size and stress, a grid, then halving"""
    return sizing.by_hand(inputs, inputs.deal.spec.sizing.grid)


def check(a: tuple[float, ...], b: tuple[float, ...]) -> None:
    """Same sizes to twice the tolerance, and neither trivial."""
    np.testing.assert_allclose(a, b, rtol=0.0, atol=2.0 * sizing.TOLERANCE * sizing.POOL)
    assert 0.3 * sizing.POOL < a[0] < 0.9 * sizing.POOL
    assert a[1] > 0.01 * sizing.POOL
