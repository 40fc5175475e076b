"""Measures of a tranche's cash flows."""

from __future__ import annotations

import numpy as np

from scfcap.quantities import FloatArray


def weighted_average_life(principal: FloatArray, year_fractions: FloatArray) -> FloatArray:
    """Average life from ``as_of`` [years]: time of each payment weighted by its principal.

    ``principal`` [..., T] in currency, ``year_fractions`` [T] in years; NaN where there is no
    principal. Interest that is added to the balance counts as negative principal where the
    caller passes it so (BMA, Uniform Practices, ch. SF, H.1).
    """
    times = np.cumsum(year_fractions)
    total = np.asarray(principal).sum(axis=-1)
    weighted = np.asarray(principal) @ times
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(total != 0.0, weighted / total, np.nan))


def principal_window(principal: FloatArray) -> tuple[int, int]:
    """First and last period (from 1) with principal above half a cent; (0, 0) without any.

    ``principal`` [T] in currency.
    """
    paid = np.flatnonzero(np.asarray(principal) > 0.005)
    if len(paid) == 0:
        return 0, 0
    return int(paid[0]) + 1, int(paid[-1]) + 1
