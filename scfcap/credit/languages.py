"""Stated default and prepayment, in whatever language, as intensities by period."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scfcap.credit.speeds import SDA_LEVEL, intensity, loss_to_default, psa_cpr
from scfcap.periods import PeriodGrid
from scfcap.quantities import FloatArray
from scfcap.schema.credit import Behaviour, SegmentCredit
from scfcap.schema.languages import ROLL_STATES

#: Intensity that stands for "all at once" (a rate of 1): exp(-it) is 0 even over a day.
AT_ONCE = 1e6
#: Languages whose rates are a month's.
_MONTHLY = ("mdr", "smm")
#: Languages of defaults and prepayment that go by a loan's age; their intensity is a multiple.
BY_AGE = ("sda", "lifetime_loss", "default_by_age", "psa", "abs", "prepay_by_age")


class Intensities(NamedTuple):
    """What a curve set holds of each segment S and period T; see CurveSet.

    ``default``, ``prepay`` and ``draw`` [S, T] are ``default_base``, ``prepay_base`` and
    ``draw_base``.
    """

    default: FloatArray
    prepay: FloatArray
    draw: FloatArray
    stated_default: FloatArray
    stated_prepay: FloatArray


def intensities(behaviour: Sequence[SegmentCredit], grid: PeriodGrid) -> Intensities:
    """Intensities of each segment over ``grid``; a list that ends before it goes on as it ends."""
    shape = (len(behaviour), len(grid))
    default, prepay, draw = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    stated = np.zeros((2, len(behaviour)))
    for s, credit in enumerate(behaviour):
        for to, language in (
            (default, credit.default_language),
            (prepay, credit.prepay_language),
            (draw, "draw_rate"),
        ):
            to[s] = _base(credit, language, len(grid))
        stated[:, s] = _default_level(credit), _prepay_level(credit)
    return Intensities(default, prepay, draw, stated[0], stated[1])


def _base(credit: SegmentCredit, language: str, periods: int) -> FloatArray:
    """Intensity by period (T,), or ones where the language goes by age or by state."""
    if language in (*BY_AGE, "roll_rates"):
        return np.ones(periods)
    rates = getattr(credit, language)
    values = np.atleast_1d(_finite(rates, 12.0 if language in _MONTHLY else 1.0))
    return np.asarray(values[np.minimum(np.arange(periods), len(values) - 1)])


def _finite(rates: float | tuple[float, ...], per_year: float = 1.0) -> FloatArray:
    """-ln(1 - rate) a year; a rate of one means at once."""
    return np.minimum(intensity(rates, per_year), AT_ONCE)


def told(credit: Behaviour, measure: str) -> tuple[float, str] | None:
    """What a segment states of ``measure`` in one figure, and what this leaves out.

    Of a list the mean, of a curve by age its end, of roll rates what defaults of current loans in
    a year, of the standard curves the part of them (1 for 100 percent). None where nothing is
    stated in this language.
    """
    value = getattr(credit, measure)
    if value is None or (measure == "cpr" and credit.prepay_language != "cpr"):
        return None
    if measure == "roll_rates":
        return 1.0 - math.exp(-_default_level(credit)), "of current loans, by monthly roll rates"
    if measure in ("default_by_age", "prepay_by_age"):
        ages = ", ".join(f"{curve.ages[-1]:,}" for curve in value)
        ends = [curve.cumulative[-1] for curve in value]
        return float(np.mean(ends)), f"in the end, by age to {ages} days"
    if measure in ("psa", "sda"):
        return value / 100.0, ""
    if measure == "lifetime_loss" and credit.loss_timing is not None:
        return value, f"timed over {len(credit.loss_timing)} parts of the term"
    if measure == "recovery_lag" and credit.recovery_curve is not None:
        return mean_lag(credit.recovery_curve), f"mean of {len(credit.recovery_curve)} periods"
    if isinstance(value, tuple):
        span = f"{min(value):.4g} to {max(value):.4g}"
        return float(np.mean(value)), f"mean of {len(value)} periods, {span}"
    return float(value), ""


def mean_lag(recovery_curve: Sequence[float]) -> float:
    """Periods from default to recovery, on average."""
    return sum(lag * share for lag, share in enumerate(recovery_curve)) / sum(recovery_curve)


def _default_level(credit: Behaviour) -> float:
    """One log-hazard for the segment: a loan's where the language tells a loan's, else a year's."""
    language = credit.default_language
    if language == "sda":
        return float(_finite(min((credit.sda or 0.0) / 100.0 * SDA_LEVEL, 1.0)))
    if language == "lifetime_loss":
        return float(_finite(loss_to_default(credit.lifetime_loss or 0.0, credit.severity or 0.0)))
    if language == "default_by_age":
        ends = [curve.cumulative[-1] for curve in credit.default_by_age or ()]
        return float(_finite(float(np.mean(ends))))
    if language == "roll_rates":
        year = np.linalg.matrix_power(np.array(credit.roll_rates), 12)
        return float(_finite(min(float(year[0, ROLL_STATES.index("default")]), 1.0)))
    return float(np.mean(_finite(getattr(credit, language), 12.0 if language == "mdr" else 1.0)))


def _prepay_level(credit: SegmentCredit) -> float:
    """One log-hazard of prepayment for the segment: a year's, or a loan's by age."""
    language = credit.prepay_language
    if language == "psa":
        return float(_finite(float(psa_cpr(credit.psa or 0.0, 30))))
    if language == "abs":
        return float(_finite(credit.abs or 0.0, 12.0))
    if language == "prepay_by_age":
        ends = [curve.cumulative[-1] for curve in credit.prepay_by_age or ()]
        return float(_finite(float(np.mean(ends))))
    return float(np.mean(_finite(getattr(credit, language), 12.0 if language == "smm" else 1.0)))
