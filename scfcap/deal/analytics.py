"""What a price says of a class of notes: yield, duration, convexity, spreads; and the other way.

Built on :mod:`scfcap.cashflow.yields`, whose conventions these are: prices are a percentage of what
is outstanding, *clean* without and *dirty* with accrued interest; a yield is nominal with
``per_year`` compoundings (2: bond-equivalent). All arrays are [K, J]: scenarios, classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from scfcap.cashflow.yields import Measures, measures
from scfcap.credit.term_structure import TermStructure
from scfcap.deal.holders import Holdings, principal_windows
from scfcap.errors import InputError, Problem
from scfcap.quantities import BoolArray, FloatArray

#: Between which spreads and margins are looked for [1/year].
LOWEST, HIGHEST = -0.95, 10.0


def principal_window(principal: FloatArray) -> tuple[int, int]:
    """First and last period (from 1) with principal above half a cent; (0, 0) without any.

    ``principal`` [T] in currency.
    """
    first, last = principal_windows(principal)
    return int(first), int(last)


# --- price and yield ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Priced:
    """Classes at a price or at a yield; see :class:`~scfcap.cashflow.yields.Measures`.

    ``clean``, ``dirty`` and ``accrued`` [K, J] in percent of what is outstanding; ``measures`` of
    the dirty price. NaN where a class has no such figure.
    """

    holdings: Holdings
    per_year: float
    clean: FloatArray
    dirty: FloatArray
    accrued: FloatArray
    measures: Measures

    @property
    def full(self) -> FloatArray:
        """Dirty price [K, J; currency]."""
        return np.asarray(self.dirty / 100.0 * self.holdings.par)


def at_price(holdings: Holdings, clean: FloatArray | float, *, per_year: float = 2) -> Priced:
    """Classes bought at ``clean`` prices, a number, [J] or [K, J], in percent."""
    asked = np.broadcast_to(np.asarray(clean, dtype=np.float64), holdings.par.shape)
    accrued = _percent(holdings, holdings.accrued)
    full = (asked + accrued) / 100.0 * holdings.par
    found = measures(
        holdings.principal, holdings.other, holdings.times, price=full, per_year=per_year
    )
    return Priced(holdings, per_year, asked, asked + accrued, accrued, found)


def at_yield(holdings: Holdings, rate: FloatArray | float, *, per_year: float = 2) -> Priced:
    """Classes bought to yield ``rate``, a number, [J] or [K, J], nominal [1/year]."""
    asked = np.broadcast_to(np.asarray(rate, dtype=np.float64), holdings.par.shape)
    found = measures(
        holdings.principal, holdings.other, holdings.times, rate=asked, per_year=per_year
    )
    accrued, dirty = _percent(holdings, holdings.accrued), _percent(holdings, found.price)
    return Priced(holdings, per_year, dirty - accrued, dirty, accrued, found)


def _percent(holdings: Holdings, amount: FloatArray) -> FloatArray:
    """An amount in percent of what is outstanding; NaN where nothing is."""
    there = holdings.par > 0.0
    return np.where(there, 100.0 * amount / np.where(there, holdings.par, 1.0), np.nan)


# --- spreads -----------------------------------------------------------------------------------


def z_spread(priced: Priced, curve: TermStructure) -> FloatArray:
    """Spread over all zero rates of ``curve`` at which the flows are worth the dirty price.

    Compounded as the yields are; times by the curve's day count. [K, J; 1/year], NaN where there is
    none between :data:`LOWEST` and :data:`HIGHEST`.
    """
    zero, times = _zero_rates(priced.holdings, curve, priced.per_year)

    def value(row: tuple[int, int], spread: float) -> float:
        flows = priced.holdings.flows[row]
        return float(flows @ _discount(zero + spread, times, priced.per_year))

    low = LOWEST - float(zero.min(initial=0.0))
    return _each(priced, value, max(LOWEST, low))


def value_over(
    holdings: Holdings, curve: TermStructure, spread: FloatArray, per_year: float
) -> FloatArray:
    """Dirty price [K, J; currency] of the flows at a spread [K, J] over the curve's zero rates."""
    zero, times = _zero_rates(holdings, curve, per_year)
    factors = _discount(zero + spread[..., None], times, per_year)
    return np.asarray((holdings.flows * factors).sum(axis=2))


def _zero_rates(
    holdings: Holdings, curve: TermStructure, per_year: float
) -> tuple[FloatArray, FloatArray]:
    """Zero rates from settlement to each payment after it, and the times to it [T]."""
    dates = holdings.run.deal.calendar.dates
    late = holdings.times > 0.0
    paid = late & (holdings.flows != 0.0).any(axis=(0, 1))
    start = curve.years([holdings.settlement])[0]
    at = np.full(len(dates), start)
    at[paid] = curve.years([d for d, yes in zip(dates, paid, strict=True) if yes])
    times = at - start
    force = np.zeros(len(dates))
    fall = curve.log_discount(start) - curve.log_discount(at)
    force[times > 0.0] = fall[times > 0.0] / times[times > 0.0]
    return (force if np.isinf(per_year) else per_year * np.expm1(force / per_year)), times


def _discount(rate: FloatArray, times: FloatArray, per_year: float) -> FloatArray:
    if np.isinf(per_year):
        return np.asarray(np.exp(-rate * times))
    return np.asarray((1.0 + rate / per_year) ** (-per_year * times))


def i_spread(priced: Priced, curve: TermStructure) -> FloatArray:
    """Yield less the curve's par rate at the average life [K, J; 1/year]: the nominal spread.

    The par rate is that of a bond with as many coupons a year as the yields have compoundings.
    """
    start = float(curve.years([priced.holdings.settlement])[0])
    life = priced.holdings.average_life
    par = curve.par_rate(life, int(priced.per_year), start=start)
    return np.asarray(priced.measures.rate - par)


def discount_margin(priced: Priced, levels: Mapping[str, FloatArray]) -> FloatArray:
    """Margin over its index that a floating class earns at its price [K, J; 1/year].

    Flows are discounted from one payment date to the one before at the index of that period plus
    the margin, simple, by the class's day count. ``levels`` by index [K or 1, T + 1]: as the deal
    ran with. NaN for other classes, and where there is no margin between :data:`LOWEST` and
    :data:`HIGHEST`.
    """
    floating = _floating(priced.holdings)
    factors = {
        row: _Path.of(priced.holdings, row, levels[index]) for row, index in floating.items()
    }

    def value(row: tuple[int, int], margin: float) -> float:
        path = factors[row[1]]
        return float(priced.holdings.flows[row] @ path.discount(margin, row[0]))

    return _each(priced, value, LOWEST, only=tuple(floating))


def value_at_margin(
    holdings: Holdings, levels: Mapping[str, FloatArray], margin: FloatArray
) -> FloatArray:
    """Dirty price [K, J; currency] of floating classes at a margin [K, J]; NaN for others."""
    found = np.full(holdings.par.shape, np.nan)
    for row, index in _floating(holdings).items():
        path = _Path.of(holdings, row, levels[index])
        for k in range(len(found)):
            if np.isfinite(margin[k, row]):
                found[k, row] = holdings.flows[k, row] @ path.discount(margin[k, row], k)
    return found


def _floating(holdings: Holdings) -> dict[int, str]:
    """Index of each floating class by its row."""
    tranches = holdings.run.deal.spec.tranches.values()
    return {row: each.index for row, each in enumerate(tranches) if each.index is not None}


@dataclass(frozen=True)
class _Path:
    """The index of a class period by period: ``level`` [K or 1, T] of the interest period that each
    period belongs to, ``years`` [T] since the later of its start and settlement, ``ends`` [T]
    whether it is over, ``late`` [T] whether it is after settlement.
    """

    level: FloatArray
    years: FloatArray
    ends: BoolArray
    late: BoolArray

    @classmethod
    def of(cls, holdings: Holdings, row: int, levels: FloatArray) -> _Path:
        deal = holdings.run.deal
        spec = list(deal.spec.tranches.values())[row]
        lengths = deal.calendar.years(spec.day_count or deal.spec.day_count)
        late = np.array([day > holdings.settlement for day in deal.calendar.dates])
        begin, begins, years = 0, [], np.zeros(len(lengths))
        for t, length in enumerate(lengths):
            begins.append(begin)
            years[t] = length + (years[t - 1] if t > begin else 0.0)
            if deal.calendar.pays[t]:
                begin = t + 1
        first = int(np.argmax(late))
        opened = ([deal.calendar.start, *deal.calendar.dates])[begins[first]]
        whole = (deal.calendar.dates[first] - opened).days
        passed = years[first] * (holdings.settlement - opened).days / whole if whole else 0.0
        same = np.array(begins) == begins[first]
        years = np.where(same, np.maximum(years - passed, 0.0), years)
        return cls(levels[:, begins], years, deal.calendar.pays, late)

    def discount(self, margin: float, k: int) -> FloatArray:
        """Discount factor of each period in scenario ``k`` [T]; 0 for what is over."""
        level = self.level[k if len(self.level) > 1 else 0]
        growth = 1.0 + (level + margin) * self.years
        whole = np.where(self.ends & self.late, growth, 1.0)
        before = np.concatenate([[1.0], np.cumprod(whole)[:-1]])
        return np.where(self.late, 1.0 / (before * growth), 0.0)


def _each(
    priced: Priced,
    value: Callable[[tuple[int, int], float], float],
    low: float,
    only: tuple[int, ...] | None = None,
) -> FloatArray:
    """The rate at which ``value`` is the dirty price, for each scenario and class."""
    full, paid = priced.full, priced.holdings.flows.sum(axis=2)
    found = np.full(full.shape, np.nan)
    for k, j in np.ndindex(full.shape):
        if (only is not None and j not in only) or not (full[k, j] > 0.0 and paid[k, j] > 0.0):
            continue
        goal = float(full[k, j])

        def gap(rate: float, row: tuple[int, int] = (k, j), goal: float = goal) -> float:
            return value(row, rate) / goal - 1.0

        if gap(low) > 0.0 > gap(HIGHEST):
            found[k, j] = brentq(gap, low, HIGHEST, xtol=1e-13)
    return found


def root(
    value: Callable[[float], float], low: float, high: float, *, what: str, where: str
) -> float:
    """The root of ``value`` between ``low`` and ``high`` (Brent's method).

    Raises:
        InputError: ``value`` has one sign at both ends: no root between them that could be told.
    """
    ends = value(low), value(high)
    if not (np.isfinite(ends).all() and min(ends) <= 0.0 <= max(ends)):
        raise InputError(
            Problem(
                where,
                f"no {what} between {low:g} and {high:g}: off by {ends[0]:g} at the one end and by "
                f"{ends[1]:g} at the other",
                "ends between which the sign changes",
            )
        )
    return float(brentq(value, low, high, xtol=1e-13))


# --- value over states -------------------------------------------------------------------------


@dataclass(frozen=True)
class ValueDistribution:
    """What something is worth over weighted states, the worst first.

    ``values`` [N] rise, ``probabilities`` [N] add up to one; ``deviations`` [N] is the spread of
    the value within each state, as of what is recovered in default.
    """

    values: FloatArray
    probabilities: FloatArray
    deviations: FloatArray

    @classmethod
    def of(
        cls, values: FloatArray, probabilities: FloatArray, deviations: FloatArray | float = 0.0
    ) -> ValueDistribution:
        """A distribution of ``values`` [N]; probabilities are made to add up to one."""
        worth, weight = (np.asarray(each, dtype=np.float64) for each in (values, probabilities))
        order = np.argsort(worth, kind="stable")
        spread = np.broadcast_to(np.asarray(deviations, dtype=np.float64), worth.shape)
        return cls(worth[order], (weight / weight.sum())[order], spread[order])

    @property
    def mean(self) -> float:
        """Expected value."""
        return float(self.probabilities @ self.values)

    @property
    def deviation(self) -> float:
        """Standard deviation, with what values vary within their states."""
        second = (self.values - self.mean) ** 2 + self.deviations**2
        return float(np.sqrt(self.probabilities @ second))

    def percentile(self, level: float) -> float:
        """Least value of a state such that it, or a worse one, comes with probability ``level``."""
        reached = np.cumsum(self.probabilities) >= level * (1.0 - 1e-12)
        return float(self.values[int(np.argmax(reached))])
