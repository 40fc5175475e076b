"""Confidence intervals of shares and rates, for arrays."""

from __future__ import annotations

from typing import Final

import numpy as np

from scfcap.quantities import FloatArray

#: Two-sided 95% quantile of the normal distribution.
Z95: Final = 1.959963984540054
#: Mean of a Poisson number that is 0 with probability 2.5%.
NONE_SEEN: Final = -float(np.log(0.025))


def wilson_bounds(
    share: FloatArray, count: FloatArray, z: float = Z95
) -> tuple[FloatArray, FloatArray]:
    """Wilson's score interval of each share; (0, 1) where the count is zero.

    ``count`` may be an effective number, (sum w)^2 / sum w^2 of weights w.
    E. B. Wilson (1927), Journal of the American Statistical Association 22, 209-212.
    """
    share, count = np.asarray(share, dtype=np.float64), np.asarray(count, dtype=np.float64)
    some = np.where(count > 0, count, 1.0)
    part = z * z / some
    middle = (share + part / 2) / (1 + part)
    half = z / (1 + part) * np.sqrt(share * (1 - share) / some + part / (4 * some))
    low = np.where(count > 0, np.maximum(middle - half, 0.0), 0.0)
    high = np.where(count > 0, np.minimum(middle + half, 1.0), 1.0)
    return low, high


def log_bounds(
    rate: FloatArray, events: FloatArray, exposure: FloatArray, z: float = Z95
) -> tuple[FloatArray, FloatArray]:
    """Interval of a Poisson rate, rate * exp(± z / sqrt(events)).

    Without any event it runs from 0 to the rate at which none is seen with probability 2.5% over
    the ``exposure`` (a number at risk, effective where weighted, times the unit of time of the
    rate): -ln(0.025) / exposure; nan where that is 0 too.
    """
    rate, events = np.asarray(rate, dtype=np.float64), np.asarray(events, dtype=np.float64)
    exposure = np.asarray(exposure, dtype=np.float64)
    spread = np.exp(z / np.sqrt(np.where(events > 0, events, np.nan)))
    most = NONE_SEEN / np.where(exposure > 0, exposure, np.nan)
    some = events > 0
    return np.where(some, rate / spread, 0.0), np.where(some, rate * spread, most)


def effective(weight: FloatArray, square: FloatArray) -> FloatArray:
    """Effective number of loans, (sum w)^2 / sum w^2, of sums over each group; 0 where none.

    L. Kish, Survey Sampling (1965), 8.2: equal weights give the count.
    """
    weight, square = np.asarray(weight, dtype=np.float64), np.asarray(square, dtype=np.float64)
    held = square > 0
    return np.where(held, weight**2 / np.where(held, square, 1.0), 0.0)
