"""Early-amortisation triggers."""

from __future__ import annotations

import numpy as np

from scfcap.quantities import ENGINE_TOLERANCE, BoolArray, FloatArray
from scfcap.schema.securitization import Trigger


def tripped(
    trigger: Trigger,
    default: FloatArray,
    cumulative: FloatArray,
    pool: FloatArray,
    pool_at_closing: float,
    year_fraction: float,
) -> BoolArray:
    """Whether the measure of ``trigger`` is above its threshold at a period's end, shape (K,).

    Above by more than ENGINE_TOLERANCE of it: a plan may sit on the threshold.

    ``default`` of the period, ``cumulative`` since closing, ``pool`` opening balance of the
    period, each of shape (K,), and ``pool_at_closing`` [currency]; ``year_fraction`` [years]. A
    pool of zero trips nothing.
    """
    threshold = trigger.threshold * (1.0 + ENGINE_TOLERANCE)
    if trigger.measure == "cumulative_default":
        over = cumulative > threshold * pool_at_closing
        return np.asarray(over & (pool_at_closing > 0.0))
    return np.asarray((pool > 0.0) & (default > threshold * year_fraction * pool))
