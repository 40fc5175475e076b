"""The projection kernel: cash flows of many loans, summed by group, never loans x periods.

Within a period: defaults are taken from the performing balance at the start, interest accrues on
the survivors, they pay scheduled principal, prepayment is taken from what then remains, and
recoveries arrive after the lag. Instalments are even over the grid's periods up to the one in
which the loan matures; a loan that starts or matures inside a period counts for its days.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from scfcap.axes import BULLET, EQUAL_PRINCIPAL, LEVEL_PAYMENT, LOAN_TYPES, ORDER
from scfcap.credit.curves import CurveSet
from scfcap.errors import InvariantError
from scfcap.periods import PeriodGrid
from scfcap.quantities import ENGINE_TOLERANCE, FloatArray, IntArray


@dataclass(frozen=True)
class LoanArrays:
    """Loans as the kernel reads them; every array has shape (loans,).

    ``group`` is the row of the result, ``curve`` the segment of the curve set, ``loan_type`` a
    code of :data:`~scfcap.axes.LOAN_TYPES`. ``balance`` and ``accrued`` (interest not yet paid)
    are in currency, ``rate`` is a year's. ``hazard_scale`` multiplies the default intensity: 1
    where it is a year's, 365 / term in days where it is a lifetime's. ``start_day`` and
    ``maturity_day`` are offsets from ``as_of`` [days]; a loan with ``start_day`` <= 0 is
    outstanding at ``as_of``, and must mature after it.
    """

    group: IntArray
    curve: IntArray
    loan_type: IntArray
    balance: FloatArray
    rate: FloatArray
    accrued: FloatArray
    hazard_scale: FloatArray
    start_day: IntArray
    maturity_day: IntArray

    def __len__(self) -> int:
        return len(self.balance)

    def where(self, chosen: Any) -> LoanArrays:
        """The loans picked by an index or a mask."""
        return LoanArrays(*(getattr(self, f.name)[chosen] for f in fields(self)))


def concatenate(parts: list[LoanArrays]) -> LoanArrays:
    """Loans of all ``parts``, in order."""
    return LoanArrays(
        *(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(LoanArrays))
    )


@dataclass(frozen=True)
class Flows:
    """Cash flows by scenario K, group G and period T, all [K, G, T] in currency.

    ``originated`` is [G, T]: loans that start inside a period. ``opening`` + originated - default
    - scheduled - prepaid = ``closing``. ``recovery`` stands where it arrives, ``loss`` where the
    loan defaults; ``receivable`` is what is still to be recovered at the close, so that up to any
    period default = loss + recovery + receivable.
    """

    opening: FloatArray
    originated: FloatArray
    default: FloatArray
    interest: FloatArray
    scheduled: FloatArray
    prepaid: FloatArray
    recovery: FloatArray
    loss: FloatArray
    receivable: FloatArray
    closing: FloatArray

    def gap(self) -> float:
        """Largest amount created or lost in any scenario, group and period [currency]."""
        principal = self.opening + self.originated - self.default - self.scheduled - self.prepaid
        defaulted = np.cumsum(self.default - self.loss - self.recovery, axis=2) - self.receivable
        gaps = [np.abs(principal - self.closing), np.abs(defaulted)]
        return max((float(g.max()) for g in gaps if g.size), default=0.0)

    def check(self) -> None:
        """Raise InvariantError where money is created or lost beyond the engines' tolerance."""
        size = float(self.opening[:, :, :1].sum(axis=1).max(initial=0.0) + self.originated.sum())
        gap = self.gap()
        if not gap <= ENGINE_TOLERANCE * max(size, 1e-300):
            msg = f"projection: {gap:.6g} of {size:.6g} is created or lost"
            raise InvariantError(msg)


class _Tables(NamedTuple):
    """What the kernel looks up; a full period at hazard scale 1."""

    default: FloatArray  # [K, S, T] share that defaults
    prepaid: FloatArray  # [K, S, T] share that is prepaid
    hazard: FloatArray  # [K, S, T] log-hazard
    speed: FloatArray  # [K, S, T] log-hazard of prepayment
    day: IntArray  # [T + 1] day offsets of as_of and of the ends
    years: FloatArray  # [T] year fractions
    period_of: IntArray  # [days] period (from 1) of a day; runs on beyond the grid


def run_kernel(loans: LoanArrays, curves: CurveSet, groups: int) -> Flows:
    """Project ``loans`` in every scenario of ``curves`` and sum by group.

    All loans of one group must have the same curve. The grid's periods are taken as equally long
    for instalments. What runs beyond the grid is left in ``closing`` and ``receivable``.

    Raises:
        ValueError: an index is out of range, a loan matures at or before as_of, or a group mixes
            curves.
    """
    curve_of_group = _checked(loans, curves, groups)
    tables = _tables(curves, loans)
    scenarios, _, periods = curves.default_intensity.shape
    totals = np.zeros((scenarios, groups, periods, 5))
    _accumulate(
        loans.group,
        loans.curve,
        loans.loan_type,
        (loans.balance, loans.rate, loans.accrued, loans.hazard_scale),
        (loans.start_day, loans.maturity_day),
        tables,
        totals,
    )
    default, interest, scheduled, prepaid, closing = (
        np.ascontiguousarray(totals[..., n]) for n in range(5)
    )
    outstanding = loans.start_day <= 0
    first = np.bincount(loans.group[outstanding], loans.balance[outstanding], minlength=groups)
    opening = np.concatenate(
        [np.broadcast_to(first[None, :, None], (scenarios, groups, 1)), closing[:, :, :-1]], axis=2
    )
    severity = curves.severity[:, curve_of_group]
    recoverable = default * (1.0 - severity)[:, :, None]
    recovery = _lagged(recoverable, curves.recovery_lag[curve_of_group])
    return Flows(
        opening=opening,
        originated=_originated(loans, tables.period_of, groups, periods),
        default=default,
        interest=interest,
        scheduled=scheduled,
        prepaid=prepaid,
        recovery=recovery,
        loss=default * severity[:, :, None],
        receivable=np.cumsum(recoverable, axis=2) - np.cumsum(recovery, axis=2),
        closing=closing,
    )


def _checked(loans: LoanArrays, curves: CurveSet, groups: int) -> IntArray:
    """Curve of each group [G]; the compiled loop does not check its indices."""
    curve_of_group = np.zeros(groups, dtype=np.int64)
    if len(loans) == 0:
        return curve_of_group
    for name, values, size in (
        ("group", loans.group, groups),
        ("curve", loans.curve, len(curves.segments)),
        ("loan_type", loans.loan_type, len(LOAN_TYPES)),
    ):
        if values.min() < 0 or values.max() >= size:
            msg = f"{name}: an index is outside 0..{size - 1}"
            raise ValueError(msg)
    if loans.maturity_day.min() <= 0:
        msg = "maturity_day: a loan matures at or before as_of"
        raise ValueError(msg)
    curve_of_group[loans.group] = loans.curve
    if (curve_of_group[loans.group] != loans.curve).any():
        msg = "group: loans of one group have different curves"
        raise ValueError(msg)
    return curve_of_group


def _tables(curves: CurveSet, loans: LoanArrays) -> _Tables:
    grid = curves.grid
    years = grid.year_fractions
    # A lifetime hazard runs by days, so that a term's days add up to the whole of it.
    clock = np.where(curves.lifetime[:, None], np.diff(grid.days) / 365.0, years)
    hazard = curves.default_intensity * clock[None, :, :]
    speed = curves.prepay_intensity * years
    last_day = int(max(loans.maturity_day.max(initial=0), loans.start_day.max(initial=0)))
    return _Tables(
        default=-np.expm1(-hazard),
        prepaid=-np.expm1(-speed),
        hazard=hazard,
        speed=speed,
        day=grid.days,
        years=years,
        period_of=_period_of_day(grid, last_day),
    )


def _period_of_day(grid: PeriodGrid, last_day: int) -> IntArray:
    """Period (from 1; 0 at as_of) of each day 0..last_day, the grid running on as it began."""
    long = grid
    if last_day > grid.days[-1]:
        shortest = {"month": 28, "week": 7, "day": 1}[grid.frequency]
        long = grid.extended(last_day // shortest + 1)
    return np.searchsorted(long.days, np.arange(last_day + 1), side="left").astype(np.int64)


def _originated(loans: LoanArrays, period_of: IntArray, groups: int, periods: int) -> FloatArray:
    """Amount of the loans that start in each period [G, T]."""
    new = loans.start_day > 0
    period = period_of[loans.start_day[new]]
    inside = period <= periods
    cell = loans.group[new][inside] * periods + period[inside] - 1
    amount: FloatArray = np.bincount(
        cell, loans.balance[new][inside], minlength=groups * periods
    ).astype(np.float64)
    return amount.reshape((groups, periods))


def _lagged(amounts: FloatArray, lag: IntArray) -> FloatArray:
    """``amounts`` [K, G, T] moved ``lag`` [G] periods later; what falls beyond the grid is cut."""
    moved = np.zeros_like(amounts)
    periods = amounts.shape[2]
    for step in np.unique(lag):
        rows = np.flatnonzero(lag == step)
        if step < periods:
            moved[:, rows, step:] = amounts[:, rows, : periods - step]
    return moved


@njit(cache=True)
def _share(log_hazard: float) -> float:
    return -np.expm1(-log_hazard)  # type: ignore[no-any-return]


@njit(cache=True)
def _annuity(rate: float, instalments: int) -> float:
    """((1 + rate)**instalments - 1) / rate: what one unit of first principal repays."""
    if rate == 0.0:
        return float(instalments)
    return np.expm1(instalments * np.log1p(rate)) / rate  # type: ignore[no-any-return]


@njit(cache=True)
def _step(
    totals: FloatArray,
    cell: tuple[int, int, int],
    state: tuple[float, float],
    shares: tuple[float, float, float],
    interest_rate: float,
    deferred: bool,
) -> tuple[float, float]:
    """One loan, one period: add its flows to ``totals[cell]``, return its state after.

    ``state`` is the performing balance and the interest accrued on one unit of it; ``shares`` are
    those that default, are scheduled and are prepaid; ``interest_rate`` is the period's.
    """
    performing, accrued = state
    default = performing * shares[0]
    alive = performing - default
    scheduled = alive * shares[1]
    rest = alive - scheduled
    prepaid = rest * shares[2]
    if deferred:
        accrued += interest_rate
        interest = accrued * (scheduled + prepaid)
    else:
        interest = alive * interest_rate
    closing = rest - prepaid
    k, g, p = cell
    totals[k, g, p, 0] += default
    totals[k, g, p, 1] += interest
    totals[k, g, p, 2] += scheduled
    totals[k, g, p, 3] += prepaid
    totals[k, g, p, 4] += closing
    return closing, accrued


@njit(cache=True)
def _accumulate(
    group: IntArray,
    curve: IntArray,
    loan_type: IntArray,
    amounts: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    days: tuple[IntArray, IntArray],
    tables: _Tables,
    totals: FloatArray,
) -> None:
    """Add the flows of every loan to ``totals`` [K, G, T, 5]."""
    balances, rates, accrueds, scales = amounts
    starts, maturities = days
    scenarios, _, periods = tables.default.shape
    for n in range(len(group)):
        balance, rate, scale = balances[n], rates[n], scales[n]
        start, maturity = starts[n], maturities[n]
        if balance <= 0.0:
            continue
        last = tables.period_of[maturity] - 1
        first = tables.period_of[start] - 1 if start > 0 else 0
        if first >= periods:
            continue
        # Instalments start in the period after the one in which the loan is made.
        begin = first + 1 if start > 0 else first
        deferred = loan_type[n] == BULLET or loan_type[n] == ORDER
        level = loan_type[n] == LEVEL_PAYMENT
        even = loan_type[n] == EQUAL_PRINCIPAL
        step_rate = rate * tables.years[0] if level else 0.0
        annuity = _annuity(step_rate, last - begin + 1) if level or even else np.inf
        discount = 1.0 / (1.0 + step_rate)
        g, s = group[n], curve[n]
        for k in range(scenarios):
            state = (balance, accrueds[n] / balance)
            if start > 0:
                length = tables.day[first + 1] - tables.day[first]
                part = (min(maturity, tables.day[first + 1]) - start) / length
                shares = (
                    _share(tables.hazard[k, s, first] * scale * part),
                    1.0 if first == last else 0.0,
                    _share(tables.speed[k, s, first] * part),
                )
                earned = rate * tables.years[first] * part
                state = _step(totals, (k, g, first), state, shares, earned, deferred)
            due = annuity
            for p in range(begin, min(last, periods)):
                gone = tables.default[k, s, p]
                if scale != 1.0:
                    gone = _share(tables.hazard[k, s, p] * scale)
                shares = (gone, 1.0 / due, tables.prepaid[k, s, p])
                earned = rate * tables.years[p]
                state = _step(totals, (k, g, p), state, shares, earned, deferred)
                due = (due - 1.0) * discount
            if begin <= last < periods:
                length = tables.day[last + 1] - tables.day[last]
                part = (maturity - tables.day[last]) / length
                shares = (_share(tables.hazard[k, s, last] * scale * part), 1.0, 0.0)
                earned = rate * tables.years[last] * part
                state = _step(totals, (k, g, last), state, shares, earned, deferred)
