"""Each measure of credit behaviour from a history: own figure by segment, and what it varies by.

A measure returns :class:`Own` figures with 95% intervals by segment [S], nan where a segment
tells nothing. ``shrink`` moves them towards the segments' common mean by Bühlmann-Straub
credibility, for which each measure also gives the values by month or vintage from which the
structure is learnt. The shrinking is done on the scale of the own figures: a month's rate for
yearly rates of default and prepayment, an intensity [1/year] for the prepayment of short loans, the
share itself for all others; the figures are put into the unit of the model after it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from scfcap.credit.credibility import Credibility, buhlmann_straub
from scfcap.credit.estimate import MAX_INTENSITY
from scfcap.credit.intervals import Z95, effective, log_bounds, wilson_bounds
from scfcap.credit.observed import CAUSES, DEFAULTED, PREPAID, REPAID, Loans, Months
from scfcap.credit.recovery import RecoveryCurve, recovery_curve
from scfcap.credit.survival import aalen_johansen
from scfcap.quantities import BoolArray, FloatArray, IntArray

#: Fewest defaults seen at a lag for the recovery curve to run on; half of all if that is fewer.
SEEN_AT_LAG = 10


@dataclass(frozen=True)
class Facts:
    """What a history tells of the loans at risk, for ``segments`` S.

    ``recoveries``: place in ``loans``, lag [months since default], amount. ``last``: last month.
    """

    loans: Loans
    months: Months
    recoveries: tuple[IntArray, IntArray, FloatArray]
    last: int
    segments: int

    def pooled(self, members: BoolArray) -> Facts:
        """The segments of ``members`` [S] as one book."""
        kept = members[self.loans.segment]
        place = np.cumsum(kept) - 1
        which, lag, amount = self.recoveries
        own = kept[which]
        loans = self.loans.where(kept)
        return Facts(
            loans=replace(loans, segment=np.zeros(len(loans), dtype=np.int64)),
            months=self.months.pooled(members),
            recoveries=(place[which[own]], lag[own], amount[own]),
            last=self.last,
            segments=1,
        )

    def of(self, segment: int) -> Facts:
        """One segment alone."""
        return self.pooled(np.arange(self.segments) == segment)


@dataclass(frozen=True)
class Own:
    """Figures by segment [S]: value, bounds, loans they rest on, and events among them."""

    value: FloatArray
    low: FloatArray
    high: FloatArray
    count: IntArray
    events: IntArray


class Observations(NamedTuple):
    """Values that a measure took in some month or vintage: segment, value, weight (N,)."""

    segment: IntArray
    value: FloatArray
    weight: FloatArray


@dataclass(frozen=True)
class Measure:
    """How a measure is found, what it varies by, and its value in the unit of the model."""

    own: Callable[[Facts], Own]
    observations: Callable[[Facts], Observations]
    unit: Callable[[FloatArray], FloatArray]
    most: float


@dataclass(frozen=True)
class Shrunk:
    """Figures by segment [S] in the unit of the model, with what they were shrunk from.

    ``book`` is the segments' common mean, each weighted by its ``z``, the weight of its own figure;
    where all ``z`` are 0, the figure of all segments as one. On the scale on which the shrinking is
    done (see above), and within what a figure can be: value = z own + (1 - z) book.
    """

    value: FloatArray
    low: FloatArray
    high: FloatArray
    own: Own
    book: float
    z: FloatArray


def shrink(measure: Measure, facts: Facts, members: BoolArray) -> Shrunk:
    """``measure`` of the segments in ``members`` [S], each shrunk towards their common mean.

    Where segments differ (between variance above zero) the interval is ± 1.96 root mean squared
    errors of the credibility estimate; else all take the book's figure and its interval.
    """
    own, book = measure.own(facts), measure.own(facts.pooled(members))
    group, value, weight = measure.observations(facts)
    used = members[group]
    found = buhlmann_straub(group[used], value[used], weight[used], facts.segments)
    z = np.where(members & ~np.isnan(own.value), found.z, 0.0)
    found = replace(found, z=z)
    centre = float((z * np.nan_to_num(own.value)).sum() / z.sum()) if z.any() else book.value[0]
    middle = found.shrunk(own.value, centre)
    low, high = _bounds(found, middle, book)
    value, below, above, centres = (
        measure.unit(np.clip(part, 0.0, measure.most))
        for part in (middle, low, high, np.array([centre]))
    )
    seen = [measure.unit(part) for part in (own.value, own.low, own.high)]
    own = Own(seen[0], seen[1], seen[2], own.count, own.events)
    return Shrunk(value, below, above, own, float(centres[0]), z)


def _bounds(found: Credibility, middle: FloatArray, book: Own) -> tuple[FloatArray, FloatArray]:
    if not found.z.any():
        return np.full(len(middle), book.low[0]), np.full(len(middle), book.high[0])
    half = Z95 * found.error
    return middle - half, middle + half


def _yearly(monthly: FloatArray) -> FloatArray:
    return np.asarray(1.0 - np.power(1.0 - np.minimum(monthly, 1.0), 12.0))


def _intensity(speed: FloatArray) -> FloatArray:
    return np.asarray(-np.expm1(-np.minimum(speed, MAX_INTENSITY)))


def _same(value: FloatArray) -> FloatArray:
    return value


def _divided(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Part over whole, nan where there is nothing to divide by."""
    return np.asarray(part / np.where(whole > 0, whole, np.nan))


def _counts(facts: Facts, code: int) -> tuple[IntArray, IntArray]:
    """Loans, and those that end with ``code``, by segment [S]."""
    segment, end = facts.loans.segment, facts.loans.end
    events = np.bincount(segment[end == code], minlength=facts.segments)
    return np.bincount(segment, minlength=facts.segments), events


def _rate(facts: Facts, code: int) -> Own:
    """Monthly rate of the balance at risk that ends with ``code``; prepayment after default."""
    months = facts.months
    held, amount = _flows(months, code)
    if code == DEFAULTED:
        square, held_square = months.default_squares, months.balance_squares
    else:
        square, held_square = months.prepaid_squares, months.left_squares
    total, whole = np.maximum(amount.sum(axis=1), 0.0), held.sum(axis=1)
    value = _divided(total, whole)
    bounds = log_bounds(value, effective(total, square), effective(whole, held_square))
    return Own(value, *bounds, *_counts(facts, code))


def _flows(months: Months, code: int) -> tuple[FloatArray, FloatArray]:
    """Balance at risk of ``code``, and of it what ended so [S, M]."""
    if code == DEFAULTED:
        return months.balance, months.defaulted
    return months.left, months.prepaid


def _by_month(facts: Facts, code: int) -> Observations:
    held, amount = _flows(facts.months, code)
    segment, month = np.nonzero(held > 0)
    held, amount = held[segment, month], amount[segment, month]
    return Observations(segment, amount / held, held)


def incidence(loans: Loans, *, by_amount: bool) -> tuple[float, float, float]:
    """Share that defaults up to the last age, and its 95% bounds; Wilson's where none did."""
    curve = aalen_johansen(loans.lives(by_amount=by_amount), DEFAULTED, CAUSES)
    value, low, high = (float(curve.at(np.inf, name)) for name in ("value", "low", "high"))
    if not (loans.end == DEFAULTED).any():
        weight = loans.amount if by_amount else np.ones(len(loans))
        number = effective(weight.sum(), np.square(weight).sum())
        low, high = (float(bound) for bound in wilson_bounds(np.array(0.0), number))
    return value, low, high


def _lifetime(facts: Facts) -> Own:
    """Share of the amount lent that defaults before it is repaid: incidence to the last age."""
    figures = np.full((3, facts.segments), np.nan)
    for segment in range(facts.segments):
        loans = facts.loans.where(facts.loans.segment == segment)
        if len(loans):
            figures[:, segment] = incidence(loans, by_amount=True)
    return Own(figures[0], figures[1], figures[2], *_counts(facts, DEFAULTED))


def _by_vintage(facts: Facts) -> Observations:
    """Default share of the amount lent by month of origination, in months before any still open."""
    loans = facts.loans
    running = (loans.end == 0) & (loans.last == facts.last)
    youngest = np.full(facts.segments, facts.last + 1)
    np.minimum.at(youngest, loans.segment[running], loans.made[running])
    whole = (loans.end > 0) & (loans.first == loans.made) & (loans.made < youngest[loans.segment])
    return _grouped(loans, whole, loans.made, np.where(loans.end == DEFAULTED, loans.amount, 0.0))


def _grouped(loans: Loans, kept: BoolArray, by: IntArray, hit: FloatArray) -> Observations:
    """Share of the amount that is hit, by segment and ``by``."""
    keys, cell = np.unique(np.stack([loans.segment[kept], by[kept]]), axis=1, return_inverse=True)
    cell, cells = cell.ravel(), keys.shape[1]
    whole, part = (
        np.bincount(cell, amount[kept], minlength=cells).astype(np.float64)
        for amount in (loans.amount, hit)
    )
    return Observations(keys[0].astype(np.int64), _divided(part, whole), whole)


def _speed(facts: Facts) -> Own:
    """Amount prepaid over the amount-years at risk before maturity [1/year], by days."""
    loans, early = facts.loans, facts.loans.end == PREPAID
    amount = np.where(early, loans.amount, 0.0)
    years = _sum(facts, loans.amount * loans.days / 365.0)
    value = _divided(_sum(facts, amount), years)
    number = effective(_sum(facts, amount), _sum(facts, amount**2))
    seen = effective(years, _sum(facts, loans.amount**2 * loans.days / 365.0))
    return Own(value, *log_bounds(value, number, seen), *_counts(facts, PREPAID))


def _sum(facts: Facts, amount: FloatArray) -> FloatArray:
    found = np.bincount(facts.loans.segment, amount, minlength=facts.segments)
    return np.asarray(found, dtype=np.float64)


def _speed_by_vintage(facts: Facts) -> Observations:
    loans = facts.loans
    years = replace(loans, amount=loans.amount * loans.days / 365.0)
    early = np.where(loans.end == PREPAID, loans.amount, 0.0)
    return _grouped(years, years.amount > 0, loans.made, early)


def recoveries(facts: Facts) -> RecoveryCurve:
    """Recovery by lag of all defaults of ``facts``, to the last lag that enough were seen at."""
    loans = facts.loans
    fallen = loans.end == DEFAULTED
    place = np.cumsum(fallen) - 1
    which, lag, amount = facts.recoveries
    own = fallen[which]
    count = int(fallen.sum())
    return recovery_curve(
        loans.defaulted[fallen],
        facts.last - loans.last[fallen],
        (place[which[own]], lag[own], amount[own]),
        least=min(SEEN_AT_LAG, (count + 1) // 2),
    )


def _severity(facts: Facts) -> Own:
    figures = np.full((3, facts.segments), np.nan)
    for segment in range(facts.segments):
        curve = recoveries(facts.of(segment))
        if len(curve.lag):
            figures[:, segment] = curve.severity
    count = _counts(facts, DEFAULTED)[1]
    return Own(figures[0], figures[1], figures[2], count, count)


def _by_default(facts: Facts) -> Observations:
    """Share not recovered by month of default, in months that half of the lags have followed."""
    loans = facts.loans
    reach = max(len(recoveries(facts.pooled(np.ones(facts.segments, np.bool_))).lag) - 1, 0)
    old = (loans.end == DEFAULTED) & (loans.defaulted > 0) & (facts.last - loans.last >= reach / 2)
    held = replace(loans, amount=loans.defaulted)
    return _grouped(held, old, loans.last, loans.defaulted - loans.recovered)


def _matured(loans: Loans) -> BoolArray:
    """Loans that reached maturity and did not default, whether repaid by now or not [loans]."""
    known = ~np.isnan(loans.late_days)
    return np.asarray(known & ((loans.end == REPAID) | (loans.end == 0)))


def _late(facts: Facts) -> Own:
    """Share by amount, of what matured and did not default, that was not repaid by then.

    Loans still open past their maturity are late: left out, the latest lateness would be missed.
    """
    loans = facts.loans
    done = _matured(loans)
    late = done & (loans.late_days > 0)
    held = _sum(facts, np.where(done, loans.amount, 0.0))
    value = _divided(_sum(facts, np.where(late, loans.amount, 0.0)), held)
    number = effective(held, _sum(facts, np.where(done, loans.amount, 0.0) ** 2))
    low, high = wilson_bounds(np.nan_to_num(value), number)
    count, events = (
        np.bincount(loans.segment[mask], minlength=facts.segments) for mask in (done, late)
    )
    return Own(value, low, high, count, events)


def _late_by_vintage(facts: Facts) -> Observations:
    loans = facts.loans
    hit = np.where(loans.late_days > 0, loans.amount, 0.0)
    return _grouped(loans, _matured(loans), loans.made, hit)


CDR = Measure(
    lambda facts: _rate(facts, DEFAULTED),
    lambda facts: _by_month(facts, DEFAULTED),
    _yearly,
    1.0 - 1e-9,
)
CPR = Measure(
    lambda facts: _rate(facts, PREPAID),
    lambda facts: _by_month(facts, PREPAID),
    _yearly,
    1.0 - 1e-9,
)
LIFETIME = Measure(_lifetime, _by_vintage, _same, 1.0)
SPEED = Measure(_speed, _speed_by_vintage, _intensity, MAX_INTENSITY)
SEVERITY = Measure(_severity, _by_default, _same, 1.0)
LATE = Measure(_late, _late_by_vintage, _same, 1.0)
