"""A default rate over a loan's life, as a hazard: what early repayment takes from it is put back.

A lifetime default rate counts the loans that default before they are repaid. Loans repaid early
can default no more, so the hazard that leads to the rate is higher than the rate's own. It is
found in the kernel's order: in each period defaults come first, early repayment after them, and
none in the period in which the loan matures.
"""

from __future__ import annotations

import numpy as np

from scfcap.credit.curves import CurveSet
from scfcap.credit.languages import AT_ONCE
from scfcap.distinct import distinct
from scfcap.quantities import FloatArray, IntArray

#: New loans of a period start on days at these shares of it.
STARTS = np.array([0.125, 0.375, 0.625, 0.875])
#: Halvings of the interval in which a hazard is sought: to the last digit.
_HALVINGS = 60
#: Highest log of the factor on a hazard.
_HIGHEST = 40.0


def hazard_scale(
    curve: IntArray, term_days: IntArray, curves: CurveSet, start_day: IntArray | None = None
) -> FloatArray:
    """Factor on the default intensity of loans with ``term_days`` in all: see LoanArrays.

    1 for yearly rates. For lifetime rates 365 / term, times what makes new loans meet the rate
    in spite of the prepayment stated; a scenario's multiples come on top. Where the grid's periods
    differ, they count with their mean length from ``start_day`` (None: ``as_of``) to the end of the
    term.
    """
    term = np.maximum(term_days, 1)
    scale = np.where(curves.lifetime[curve], 365.0 / term, 1.0)
    rate, speed = curves.stated_default[curve], curves.stated_prepay[curve]
    chosen = np.flatnonzero(curves.lifetime[curve] & (rate > 0) & (rate < AT_ONCE) & (speed > 0))
    if len(chosen):
        length = np.full(len(term), 365.0 / curves.grid.per_year)
        if curves.grid.mixed:
            length = _mean_length(
                np.zeros_like(term) if start_day is None else start_day, term, curves
            )
        lengths, of_length = np.unique(length[chosen], return_inverse=True)
        (curves_of, terms, each), _, of = distinct((curve[chosen], term[chosen], of_length))
        scale[chosen] *= _factor(curves_of, terms, lengths[each], curves)[of]
    return scale


def _mean_length(start: IntArray, term: IntArray, curves: CurveSet) -> FloatArray:
    """Mean length of the periods in which loans stand [days]."""
    begin = np.maximum(start, 0)
    end = np.maximum(begin + term, 1)
    days = curves.grid.reaching(int(end.max(initial=1))).days
    first = np.searchsorted(days, np.maximum(begin, 1), side="left") - 1
    last = np.searchsorted(days, end, side="left")
    return np.asarray((days[last] - days[first]) / (last - first))


def _factor(curve: IntArray, term: IntArray, length: FloatArray, curves: CurveSet) -> FloatArray:
    """Factor on the hazard of each (curve, term, length of a period), at least 1, by bisection of
    its logarithm.
    """
    log_hazard = curves.stated_default[curve]
    wanted = -np.expm1(-log_hazard)
    speed = curves.stated_prepay[curve] / 365.0
    low, high = np.zeros(len(term)), np.full(len(term), _HIGHEST)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        hazard = np.exp(middle) * log_hazard / term
        short = defaulted(hazard, speed, term, length) < wanted
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.exp(low)


def defaulted(
    hazard: FloatArray, speed: FloatArray, term: IntArray, length: FloatArray | float
) -> FloatArray:
    """Share of new loans that default before they are repaid, shape (n,).

    ``hazard`` and ``speed`` of prepayment [1/day], ``term`` [days], each (n,); ``length`` of a
    period [days], one or (n,). The loans start on the days :data:`STARTS` of a period.
    """
    length = np.atleast_1d(np.asarray(length, dtype=np.float64))[:, None]
    gone, both = hazard[:, None], (hazard + speed)[:, None]
    first = np.maximum(length - np.rint(STARTS * length + 0.5), 0.0)
    first = np.minimum(first, term[:, None])
    rest = term[:, None] - first
    whole = np.maximum(np.ceil(rest / length) - 1.0, 0.0)
    last = rest - whole * length
    periods = np.expm1(-both * length * whole) / np.expm1(-both * length)
    later = -np.expm1(-gone * length) * periods
    later -= np.exp(-both * length * whole) * np.expm1(-gone * last)
    share = -np.expm1(-gone * first) + np.exp(-both * first) * later
    return np.asarray(share.mean(axis=1))
