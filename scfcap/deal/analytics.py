"""When a tranche is paid. Lives, yields and durations: :mod:`scfcap.cashflow.yields`."""

from __future__ import annotations

import numpy as np

from scfcap.quantities import FloatArray


def principal_window(principal: FloatArray) -> tuple[int, int]:
    """First and last period (from 1) with principal above half a cent; (0, 0) without any.

    ``principal`` [T] in currency.
    """
    paid = np.flatnonzero(np.asarray(principal) > 0.005)
    if len(paid) == 0:
        return 0, 0
    return int(paid[0]) + 1, int(paid[-1]) + 1
