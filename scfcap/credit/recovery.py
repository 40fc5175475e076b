"""What comes back after default, and when; and how a triangle of vintages runs off.

A default that is too young to have been seen at a lag says nothing about that lag: it is left
out there, not counted as a recovery of zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scfcap.credit.intervals import Z95, effective
from scfcap.quantities import FloatArray, IntArray


@dataclass(frozen=True)
class RecoveryCurve:
    """Recovery by lag since default [months 0, 1, ... L].

    ``rate`` [L + 1] is what comes in at each lag as a share of the defaulted balance of the
    ``defaults`` [L + 1] seen at it, ``cumulative`` their running sum with standard error ``se``
    and 95% bounds. ``severity`` = 1 - cumulative at the last lag, within 0 to 1: what may come
    later is not counted on. ``mean_lag`` [months] by amount, nan where nothing came. ``number``:
    effective number of defaults that brought something.
    """

    lag: IntArray
    defaults: IntArray
    balance: FloatArray
    rate: FloatArray
    cumulative: FloatArray
    se: FloatArray
    low: FloatArray
    high: FloatArray
    number: float = 0.0

    @property
    def severity(self) -> tuple[float, float, float]:
        """Share never recovered and its 95% bounds; (1, 0, 1) without any default."""
        if not len(self.lag):
            return 1.0, 0.0, 1.0
        found = [1.0 - float(part[-1]) for part in (self.cumulative, self.high, self.low)]
        value, low, high = (min(max(figure, 0.0), 1.0) for figure in found)
        return value, low, high

    @property
    def mean_lag(self) -> float:
        """Mean months from default to recovery, by amount."""
        total = float(self.rate.sum())
        return float((self.rate * self.lag).sum()) / total if total > 0 else float("nan")

    @property
    def lag_error(self) -> float:
        """Standard error of the mean lag [months], lags of different defaults independent."""
        total = float(self.rate.sum())
        if total <= 0:
            return float("nan")
        spread = float((self.rate * (self.lag - self.mean_lag) ** 2).sum()) / total
        return float(np.sqrt(max(spread, 0.0) / max(self.number, 1.0)))

    def to_frame(self) -> pd.DataFrame:
        """One row a lag."""
        return pd.DataFrame({k: v for k, v in self.__dict__.items() if k != "number"})


def recovery_curve(
    balance: FloatArray,
    observed: IntArray,
    recoveries: tuple[IntArray, IntArray, FloatArray],
    least: int = 1,
) -> RecoveryCurve:
    """Recovery by lag from defaults seen for different times.

    ``balance`` [D, currency] at default, ``observed`` [D] months seen after that of the default;
    ``recoveries`` are (default, lag, amount) arrays (N,), several a default. At each lag the
    amounts are divided by the balance of the defaults seen at it; the curve ends at the last lag
    that ``least`` defaults were seen at. The error is that of a sum of ratios over independent
    loans (W. G. Cochran, Sampling Techniques, 3rd ed. 1977, 6.4).
    """
    seen = np.bincount(observed, minlength=1)[::-1].cumsum()[::-1]
    lags = int((seen >= max(least, 1)).sum()) if len(observed) else 0
    which, lag, amount = recoveries
    used = lag <= np.minimum(observed[which], lags - 1)
    which, lag, amount = which[used], lag[used], amount[used]
    held = np.bincount(observed, balance, minlength=1)[::-1].cumsum()[::-1][:lags]
    came = np.bincount(lag, amount, minlength=lags)[:lags]
    rate = came / np.where(held > 0, held, np.nan)
    order = np.argsort(lag, kind="stable")
    starts = np.searchsorted(lag[order], np.arange(lags + 1))
    influence, se = np.zeros(len(balance)), np.zeros(lags)
    for step in range(lags):  # over lags, not loans
        rows = order[starts[step] : starts[step + 1]]
        influence -= np.where(observed >= step, balance * rate[step], 0.0) / held[step]
        np.add.at(influence, which[rows], amount[rows] / held[step])
        se[step] = np.sqrt(np.square(influence).sum())
    cumulative = np.cumsum(rate)
    whole = np.bincount(which, amount, minlength=1).astype(np.float64)
    return RecoveryCurve(
        lag=np.arange(lags),
        defaults=seen[:lags],
        balance=held,
        rate=rate,
        cumulative=cumulative,
        se=se,
        low=cumulative - Z95 * se,
        high=cumulative + Z95 * se,
        number=float(effective(whole.sum(), np.square(whole).sum())),
    )


@dataclass(frozen=True)
class ChainLadder:
    """A triangle run off.

    ``factors`` and ``sigma2`` [J - 1] by development; by origin [I] the ``ultimate``, the
    ``reserve`` still to come and its standard error ``se``; ``total_se`` of the sum of reserves.
    """

    factors: FloatArray
    sigma2: FloatArray
    ultimate: FloatArray
    reserve: FloatArray
    se: FloatArray
    total_se: float


def chain_ladder(triangle: FloatArray) -> ChainLadder:
    """Chain ladder with Mack's standard errors of ``triangle`` [I, J], cumulative, nan if unknown.

    Volume-weighted factors; the last sigma^2 is min(s[n-2]^4 / s[n-3]^2, s[n-3]^2, s[n-2]^2).
    T. Mack (1993), ASTIN Bulletin 23, 213-225. Raises ValueError where an origin's cells are not
    its first ones, none at all, or a development step has been seen by no origin.
    """
    known = ~np.isnan(triangle)
    last = known.sum(axis=1) - 1
    columns = triangle.shape[1]
    if (last < 0).any() or (known != (np.arange(columns) <= last[:, None])).any():
        msg = "triangle: the cells of each origin must be its first ones, and at least one"
        raise ValueError(msg)
    filled = np.where(known, triangle, 0.0)
    both = known[:, 1:]
    base = np.where(both, filled[:, :-1], 0.0)
    sums = base.sum(axis=0)
    if (sums <= 0).any():
        msg = f"triangle: development {int(np.argmax(sums <= 0)) + 1} was seen by no origin"
        raise ValueError(msg)
    factors = np.where(both, filled[:, 1:], 0.0).sum(axis=0) / sums
    sigma2 = _sigma2(base, filled[:, 1:], factors)
    for step in range(columns - 1):
        ahead = last <= step
        filled[ahead, step + 1] = filled[ahead, step] * factors[step]
    ultimate = filled[:, -1]
    reserve = ultimate - triangle[np.arange(len(last)), last]
    ahead = np.arange(columns - 1) >= last[:, None]
    scaled = sigma2 / factors**2
    own = np.where(ahead, scaled / np.where(filled[:, :-1] > 0, filled[:, :-1], np.inf), 0.0)
    shared = np.where(ahead, scaled / sums, 0.0)
    square = ultimate**2 * (own + shared).sum(axis=1)
    # Two origins share the error of the factors that both still need.
    common = np.minimum.outer(shared.sum(axis=1), shared.sum(axis=1))
    mixed = np.outer(ultimate, ultimate) * common
    total = square.sum() + mixed.sum() - np.trace(mixed)
    return ChainLadder(factors, sigma2, ultimate, reserve, np.sqrt(square), float(np.sqrt(total)))


def _sigma2(base: FloatArray, after: FloatArray, factors: FloatArray) -> FloatArray:
    """Mack's variance of each development step [J - 1]; steps seen once are extrapolated."""
    some = base > 0
    ratio = np.where(some, after / np.where(some, base, 1.0), factors)
    degrees = some.sum(axis=0) - 1
    sigma2 = (base * (ratio - factors) ** 2).sum(axis=0) / np.maximum(degrees, 1)
    for step in np.flatnonzero(degrees < 1):
        before = sigma2[max(step - 2, 0) : step]
        if len(before) == 2 and before[0] > 0:
            sigma2[step] = min(before[1] ** 2 / before[0], before[0], before[1])
        else:
            sigma2[step] = before.min(initial=0.0) if len(before) else 0.0
    return np.asarray(sigma2)
