"""Survival curves of loans seen in part: right censoring, late entry, competing ends.

Arguments are arrays over loans. ``time`` is the age at which a loan is last seen, in any unit;
``event`` is 0 where it was then still running (right-censored), else the code of its end: 1, 2,
... ``entry`` is the age at which it came under observation (left truncation): it is at risk at
ages above ``entry`` up to and including ``time``, so that a loan censored at an age at which
others end is still at risk there. ``weight`` (amounts) makes shares of the amount; standard
errors then rest on the effective number at risk, (sum w)^2 / sum w^2, which is the number where
weights are equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from scipy.stats import chi2

from scfcap.credit.intervals import Z95, effective
from scfcap.quantities import BoolArray, FloatArray, IntArray

#: Widest half of an interval on a log scale: exp() of more is no number.
_WIDEST: Final = 700.0


@dataclass(frozen=True)
class Lives:
    """Checked observations of loans, shape (loans,); see the module."""

    time: FloatArray
    event: IntArray
    entry: FloatArray | None = None
    weight: FloatArray | None = None

    def __post_init__(self) -> None:
        size = (len(self.time),)
        for name in ("time", "event", "entry", "weight"):
            values = getattr(self, name)
            if values is not None and np.shape(values) != size:
                msg = f"{name}: shape {np.shape(values)}, and time has {size}"
                raise ValueError(msg)
        if np.isnan(self.time).any() or (np.asarray(self.event) < 0).any():
            msg = "time or event: missing, or a negative code"
            raise ValueError(msg)
        if self.entry is not None and not (self.entry < self.time).all():
            msg = "entry: a loan leaves before it enters, or at once"
            raise ValueError(msg)
        if self.weight is not None and not (self.weight >= 0).all():
            msg = "weight: missing or negative"
            raise ValueError(msg)


@dataclass(frozen=True)
class RiskTable:
    """Who is at risk and who ends at each age at which some loan ends.

    ``time`` [T]; ``at_risk`` [T] and ``events`` [T, C] by cause count loans, ``amount_at_risk``
    [T] and ``amount`` [T, C] their weights; ``effective`` [T] number of loans at risk.
    """

    time: FloatArray
    at_risk: IntArray
    events: IntArray
    amount_at_risk: FloatArray
    amount: FloatArray
    effective: FloatArray

    @property
    def hazard(self) -> FloatArray:
        """Share of the amount at risk that ends by each cause [T, C]."""
        return np.minimum(self.amount / self.amount_at_risk[:, None], 1.0)


def risk_table(lives: Lives, causes: int | None = None) -> RiskTable:
    """Sort loans into risk sets. ``causes``: number of codes, by default the highest seen."""
    event = np.asarray(lives.event, dtype=np.int64)
    count = int(event.max(initial=1)) if causes is None else causes
    time = np.asarray(lives.time, dtype=np.float64)
    weight = np.ones(len(time)) if lives.weight is None else lives.weight
    # A loan without weight is nobody: an end of nothing would stand at an age of its own.
    ended = (event > 0) & (weight > 0)
    ages, row = np.unique(time[ended], return_inverse=True)
    cell = row.ravel() * count + event[ended] - 1
    shape, size = (len(ages), count), len(ages) * count
    left = np.searchsorted(ages, time, side="right")
    came = None if lives.entry is None else np.searchsorted(ages, lives.entry, side="right")
    number = _at_risk(left, came, (weight > 0).astype(np.float64), len(ages))
    amount = _at_risk(left, came, weight, len(ages))
    square = _at_risk(left, came, weight**2, len(ages))
    return RiskTable(
        time=ages,
        at_risk=np.rint(number).astype(np.int64),
        events=np.bincount(cell, minlength=size).reshape(shape),
        amount_at_risk=amount,
        amount=np.bincount(cell, weight[ended], minlength=size).astype(np.float64).reshape(shape),
        effective=np.minimum(effective(amount, square), number),
    )


def _at_risk(left: Any, came: Any, weight: FloatArray, ages: int) -> FloatArray:
    """Weight at risk at each age: those who leave there or later, less those not yet come.

    ``left`` and ``came``: number of ages up to a loan's last and its first. Both sides are whole
    numbers where weights are, and a difference of sums of amounts is never below zero.
    """
    leaving = np.bincount(left, weight, minlength=ages + 1)
    still: FloatArray = np.cumsum(leaving[::-1], dtype=np.float64)[::-1][1:]
    if came is None:
        return still
    coming = np.bincount(came, weight, minlength=ages + 1)
    return np.asarray(np.maximum(still - np.cumsum(coming[::-1])[::-1][1:], 0.0))


@dataclass(frozen=True)
class Curve:
    """A step function of age with its 95% interval, from the ages ``time`` [T] on.

    ``value`` is survival, a cumulative hazard or a cumulative incidence; before the first age it
    is ``start``. ``events`` and ``at_risk`` count loans.
    """

    time: FloatArray
    value: FloatArray
    se: FloatArray
    low: FloatArray
    high: FloatArray
    at_risk: IntArray
    events: IntArray
    start: float

    def at(self, ages: FloatArray | float, what: str = "value") -> FloatArray:
        """``what`` (a field's name) at ``ages``; before the first end ``start``, or error 0."""
        before = 0.0 if what == "se" else self.start
        steps = np.concatenate([[before], getattr(self, what)])
        return np.asarray(steps[np.searchsorted(self.time, ages, side="right")])

    def to_frame(self) -> pd.DataFrame:
        """One row an age."""
        names = ("time", "at_risk", "events", "value", "se", "low", "high")
        return pd.DataFrame({name: getattr(self, name) for name in names})


def kaplan_meier(
    lives: Lives, interval: Literal["log-log", "plain"] = "log-log", z: float = Z95
) -> Curve:
    """Share surviving all causes, product limit over ages, with Greenwood's standard error.

    Interval on log(-log S), or S ± z se cut to [0, 1]. Where nobody is left the error is nan;
    the interval then runs from 0 to the last upper bound. E. L. Kaplan and P. Meier (1958),
    Journal of the American Statistical Association 53, 457-481.
    """
    table = risk_table(lives)
    hazard = _total_hazard(table)
    value: FloatArray = np.cumprod(1.0 - hazard, dtype=np.float64)
    se: FloatArray = value * np.sqrt(np.cumsum(_greenwood(hazard, table.effective)))
    low, high = (_plain if interval == "plain" else _log_log)(value, se, z)
    return _curve(table, value, se, (low, high), 1.0)


def nelson_aalen(lives: Lives, z: float = Z95) -> Curve:
    """Cumulative hazard of all causes, sum of events over numbers at risk; variance sum d / n^2.

    Interval H exp(± z se / H). O. Aalen (1978), Annals of Statistics 6, 701-726.
    """
    table = risk_table(lives)
    hazard = _total_hazard(table)
    value = np.cumsum(hazard)
    se = np.sqrt(np.cumsum(hazard / table.effective))
    spread = np.exp(np.minimum(z * se / value, _WIDEST))
    return _curve(table, value, se, (value / spread, value * spread), 0.0)


def aalen_johansen(lives: Lives, cause: int, causes: int | None = None, z: float = Z95) -> Curve:
    """Share that has ended by ``cause`` where other ends compete: sum of S(t-) d_cause / n.

    Variance by the delta method: with F the curve and d all ends,
    sum (F(t) - F(i))^2 d / (n (n - d)) + sum S(i-)^2 d_c (n - d_c) / n^3
    - 2 sum (F(t) - F(i)) S(i-) d_c / n^2, E. Marubini and M. G. Valsecchi, Analysing Survival
    Data (1995), 10.2. Interval on log(-log(1 - F)).
    """
    table = risk_table(lives, max(cause, causes or int(np.max(lives.event, initial=1))))
    hazard, own = _total_hazard(table), table.hazard[:, cause - 1]
    before = np.concatenate([[1.0], np.cumprod(1.0 - hazard)[:-1]])
    value = np.minimum(np.cumsum(before * own), 1.0)
    # Where nobody is left the curve moves no more, so that F(t) - F(i) is 0 there.
    gone = np.nan_to_num(_greenwood(hazard, table.effective))
    mixed = before * own / table.effective
    variance = value**2 * np.cumsum(gone) - 2 * value * np.cumsum(value * gone)
    variance += np.cumsum(value**2 * gone)
    variance += np.cumsum(before**2 * own * (1.0 - own) / table.effective)
    variance -= 2 * (value * np.cumsum(mixed) - np.cumsum(value * mixed))
    se = np.sqrt(np.maximum(variance, 0.0))
    low, high = _log_log(1.0 - value, se, z)
    curve = _curve(table, value, se, (1.0 - high, 1.0 - low), 0.0)
    return Curve(**{**curve.__dict__, "events": table.events[:, cause - 1]})


def _total_hazard(table: RiskTable) -> FloatArray:
    # Sums of amounts may differ by their last digit where all that is at risk ends.
    total = np.minimum(table.hazard.sum(axis=1), 1.0)
    return np.where(table.events.sum(axis=1) >= table.at_risk, 1.0, total)


def _greenwood(hazard: FloatArray, number: FloatArray) -> FloatArray:
    """Greenwood's d / (n (n - d)) for n the effective number at risk; nan where nobody is left."""
    left = np.where(hazard < 1.0, 1.0 - hazard, np.nan)
    return np.asarray(hazard / (left * number))


def _plain(value: FloatArray, se: FloatArray, z: float) -> tuple[FloatArray, FloatArray]:
    half = z * np.nan_to_num(se)
    low, high = np.clip(value - half, 0.0, 1.0), np.clip(value + half, 0.0, 1.0)
    return low, _held(high, value > 0.0)


def _log_log(value: FloatArray, se: FloatArray, z: float) -> tuple[FloatArray, FloatArray]:
    inside = (value > 0.0) & (value < 1.0)
    safe = np.where(inside, value, 0.5)
    width = z * np.where(inside, se, 0.0) / (safe * np.abs(np.log(safe)))
    exponent = np.exp(np.minimum(width, _WIDEST))
    low = np.where(inside, safe**exponent, value)
    high = np.where(inside, safe ** (1.0 / exponent), value)
    return low, _held(high, value > 0.0)


def _held(high: FloatArray, some: BoolArray) -> FloatArray:
    """``high`` where ``some`` are left, after that its last figure (1 if there is none)."""
    row = np.maximum.accumulate(np.where(some, np.arange(1, len(high) + 1), 0))
    return np.asarray(np.concatenate([[1.0], high])[row])


def _curve(
    table: RiskTable,
    value: FloatArray,
    se: FloatArray,
    bounds: tuple[FloatArray, FloatArray],
    start: float,
) -> Curve:
    events = table.events.sum(axis=1)
    return Curve(table.time, value, se, *bounds, table.at_risk, events, start)


@dataclass(frozen=True)
class LogRank:
    """Test of equal hazards: ``observed`` and ``expected`` ends by group, chi-square, p-value."""

    groups: tuple[str, ...]
    observed: IntArray
    expected: FloatArray
    chi_square: float
    degrees: int
    p_value: float


def log_rank(lives: Lives, group: IntArray, names: tuple[str, ...]) -> LogRank:
    """Log-rank test over the groups ``group`` (codes of ``names``), on counts of all causes.

    Hypergeometric variance, no continuity correction. N. Mantel (1966), Cancer Chemotherapy
    Reports 50, 163-170. Groups without any loan take no part; nor do weights.
    """
    risk, ended = _by_group(lives, np.asarray(group), len(names))
    total, events = risk.sum(axis=0), ended.sum(axis=0)
    share = risk / total
    expected = (share * events).sum(axis=1)
    spread = events * (total - events) / np.maximum(total - 1.0, 1.0)
    covariance = np.diag((share * spread).sum(axis=1)) - (share * spread) @ share.T
    excess = ended.sum(axis=1) - expected
    chosen = np.flatnonzero(np.bincount(group, minlength=len(names)))[:-1]
    inverse = np.linalg.pinv(covariance[np.ix_(chosen, chosen)])
    statistic = float(excess[chosen] @ inverse @ excess[chosen])
    return LogRank(
        groups=names,
        observed=ended.sum(axis=1).astype(np.int64),
        expected=expected,
        chi_square=statistic,
        degrees=len(chosen),
        p_value=float(chi2.sf(statistic, len(chosen))) if len(chosen) else 1.0,
    )


def _by_group(lives: Lives, group: IntArray, groups: int) -> tuple[FloatArray, FloatArray]:
    """Numbers at risk and numbers that end, by group and age of an end, both [G, T]."""
    ended = np.asarray(lives.event) > 0
    ages = np.unique(lives.time[ended])
    left = np.searchsorted(ages, lives.time, side="right")
    came = None if lives.entry is None else np.searchsorted(ages, lives.entry, side="right")
    risk, ends = np.zeros((groups, len(ages))), np.zeros((groups, len(ages)))
    for code in range(groups):
        own = group == code
        ones = np.ones(int(own.sum()))
        risk[code] = _at_risk(left[own], None if came is None else came[own], ones, len(ages))
        ends[code] = np.bincount(left[own & ended] - 1, minlength=len(ages))
    return risk, ends
