"""What arrives when, while the platform stands still: late, and nothing lost."""

from __future__ import annotations

import numpy as np

from scfcap.quantities import FloatArray


def hold_back(due: FloatArray, held: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What arrives in each period, and what is under way at its close; both as ``due``.

    ``due`` (..., T); ``held`` (..., T), of shape that fits: the share of what is due in a period
    that moves to the next. A period held back as a whole holds what came before it too. Up to any
    period due = arrived + under way.
    """
    arrived, waiting = np.empty_like(due), np.empty_like(due)
    before = np.zeros(due.shape[:-1])
    for t in range(due.shape[-1]):
        share = held[..., t]
        late = share * due[..., t]
        full = share >= 1.0
        arrived[..., t] = due[..., t] - late + np.where(full, 0.0, before)
        before = late + np.where(full, before, 0.0)
        waiting[..., t] = before
    return arrived, waiting
