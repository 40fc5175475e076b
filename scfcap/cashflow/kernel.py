"""The projection kernel: cash flows of many loans, summed by group, never loans x periods.

Within a period: defaults are taken from the performing balance at the start (first what the failure
of a core enterprise takes of the loans that stood before it), interest accrues on the survivors,
they pay scheduled principal, prepayment is taken from what then remains, and recoveries arrive
after the lag. What an outage holds back arrives later and stands until then. Instalments are even
over the grid's periods up to the one in which the loan matures; a loan that starts or matures
inside a period counts for its days.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np

from scfcap.axes import BULLET, EQUAL_PRINCIPAL, LEVEL_PAYMENT, LOAN_TYPES, ORDER
from scfcap.cashflow.outage import hold_back
from scfcap.compiled import compiled
from scfcap.credit.curves import CurveSet
from scfcap.errors import InvariantError
from scfcap.periods import PeriodGrid
from scfcap.quantities import ENGINE_TOLERANCE, FloatArray, IntArray

#: Maturities later than this are taken as this [days]: 9999-12-31 means no end.
LONGEST_DAY = 36_525
#: Loans in a block; blocks run beside each other.
_BLOCK = 125_000
#: Flows that the compiled loop adds up: see ``_totals``.
_FLOWS = 6


@dataclass(frozen=True)
class LoanArrays:
    """Loans as the kernel reads them; every array has shape (loans,).

    ``group`` is the row of the result, ``curve`` the segment of the curve set, ``loan_type`` a
    code of :data:`~scfcap.axes.LOAN_TYPES`. ``balance`` and ``accrued`` (interest not yet paid)
    are in currency, ``rate`` is a year's. ``hazard_scale`` multiplies the default intensity: 1
    where it is a year's; 365 / term in days where it is a lifetime's, and more with prepayment
    (see :mod:`~scfcap.cashflow.lifetime`). ``start_day`` and ``maturity_day`` are offsets from
    ``as_of`` [days]; a loan with ``start_day`` <= 0 is outstanding at ``as_of``, and must mature
    after it.
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
    period default = loss + recovery + receivable. ``struck`` is the part of the default that the
    failure of core enterprises takes at once.
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
    struck: FloatArray

    def gap(self) -> FloatArray:
        """Largest amount created or lost in any scenario and period, by group [G, currency]."""
        principal = self.opening + self.originated - self.default - self.scheduled - self.prepaid
        defaulted = np.cumsum(self.default - self.loss - self.recovery, axis=2) - self.receivable
        gaps = np.maximum(np.abs(principal - self.closing), np.abs(defaulted))
        return np.asarray(gaps.max(axis=(0, 2), initial=0.0))

    def check(self) -> None:
        """Raise InvariantError where a group creates or loses money beyond the tolerance."""
        size = self.opening[:, :, 0].max(axis=0) + self.originated.sum(axis=1)
        gap = self.gap()
        wrong = np.flatnonzero(~(gap <= ENGINE_TOLERANCE * size))
        if wrong.size:
            g = int(wrong[0])
            msg = f"projection, group {g}: {gap[g]:.6g} of {size[g]:.6g} is created or lost"
            raise InvariantError(msg)


class _Loans(NamedTuple):
    """:class:`LoanArrays` for compiled code."""

    group: IntArray
    curve: IntArray
    loan_type: IntArray
    balance: FloatArray
    rate: FloatArray
    accrued: FloatArray
    hazard_scale: FloatArray
    start_day: IntArray
    maturity_day: IntArray


class _Tables(NamedTuple):
    """What the kernel looks up; a full period at hazard scale 1."""

    default: FloatArray  # [K, S, T] share that defaults
    prepaid: FloatArray  # [K, S, T] share that is prepaid
    struck: FloatArray  # [K, S, T] share that defaults first of all
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
        ValueError: an index is out of range, a loan matures at or before as_of or its start, or a
            group mixes curves.
    """
    curve_of_group = _checked(loans, curves, groups)
    tables = _tables(curves, loans)
    scenarios, _, periods = curves.default_intensity.shape
    totals = _totals(loans, tables, (scenarios, groups, periods))
    gone, interest, scheduled, prepaid, closing, struck = (
        np.ascontiguousarray(totals[..., n]) for n in range(_FLOWS)
    )
    loss, recovery, receivable = recoveries(gone, struck, curves, curve_of_group)
    held = curves.stress.held[:, None, :]
    if held.any():
        interest, _ = hold_back(interest, held)
        scheduled, first_late = hold_back(scheduled, held)
        prepaid, then_late = hold_back(prepaid, held)
        closing = closing + first_late + then_late
    outstanding = loans.start_day <= 0
    first = np.bincount(loans.group[outstanding], loans.balance[outstanding], minlength=groups)
    opening = np.concatenate(
        [np.broadcast_to(first[None, :, None], (scenarios, groups, 1)), closing[:, :, :-1]], axis=2
    )
    return Flows(
        opening=opening,
        originated=_originated(loans, tables.period_of, groups, periods),
        default=gone + struck,
        interest=interest,
        scheduled=scheduled,
        prepaid=prepaid,
        recovery=recovery,
        loss=loss,
        receivable=receivable,
        closing=closing,
        struck=struck,
    )


def recoveries(
    gone: FloatArray, struck: FloatArray, curves: CurveSet, curve_of_group: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Loss, recovery when it arrives, and what is still to be recovered; all [K, G, T].

    ``gone`` [K, G, T] defaulted in the ordinary way, ``struck`` through core enterprises;
    ``curve_of_group`` [G] is each group's segment.
    """
    severity = curves.severity[:, curve_of_group]
    recoverable = gone * (1.0 - severity)
    due = _lagged(recoverable, curves.recovery_lag[curve_of_group])
    loss = gone * severity
    if struck.any():
        share = curves.struck_recovery[:, curve_of_group]
        recoverable = recoverable + struck * share
        due = due + _arriving(struck * share, curves.struck_lag[:, curve_of_group])
        loss = loss + struck * (1.0 - share)
    to_come = np.maximum(np.cumsum(recoverable, axis=2) - np.cumsum(due, axis=2), 0.0)
    if not curves.stress.held.any():
        return loss, due, to_come
    recovery, waiting = hold_back(due, curves.stress.held[:, None, :])
    return loss, recovery, to_come + waiting


def _totals(loans: LoanArrays, tables: _Tables, shape: tuple[int, int, int]) -> FloatArray:
    """Flows [K, G, T, 6]: default, interest, scheduled, prepaid, closing, struck.

    Blocks of loans run beside each other and are added in order, so that the result does not
    depend on the number of processors.
    """
    # One layout only: a read-only or a strided array would be compiled for anew.
    columns: list[Any] = [
        np.require(
            getattr(loans, f.name), np.int64 if f.type == "IntArray" else np.float64, ["C", "W"]
        )
        for f in fields(loans)
    ]

    def block(start: int) -> FloatArray:
        totals = np.zeros((*shape, _FLOWS))
        part = _Loans(*(column[start : start + _BLOCK] for column in columns))
        _accumulate(part, tables, totals)
        return totals

    starts = range(0, max(len(loans), 1), _BLOCK)
    if len(starts) == 1:
        return block(0)
    with ThreadPoolExecutor() as threads:
        return sum(threads.map(block, starts), np.zeros((*shape, _FLOWS)))


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
    if (loans.maturity_day <= np.maximum(loans.start_day, 0)).any():
        msg = "maturity_day: a loan matures at or before as_of or its start"
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
        struck=curves.struck,
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


def _arriving(amounts: FloatArray, lag: IntArray) -> FloatArray:
    """``amounts`` [K, G, T] moved ``lag`` [K, G, T] periods later, each by its own."""
    moved = np.zeros_like(amounts)
    k, g, t = np.nonzero(amounts)
    to = t + lag[k, g, t]
    inside = to < amounts.shape[2]
    k, g, t, to = k[inside], g[inside], t[inside], to[inside]
    np.add.at(moved, (k, g, to), amounts[k, g, t])
    return moved


@compiled
def _share(log_hazard: float) -> float:
    return -np.expm1(-log_hazard)  # type: ignore[no-any-return]


@compiled
def _annuity(rate: float, instalments: int) -> float:
    """((1 + rate)**n - 1) / rate, or n at rate 0: all principal over the first instalment's.

    By the binary digits of n, s(2m) = s(m) (2 + rate s(m)) and s(m + 1) = s(m) (1 + rate) + 1:
    nothing is subtracted, so no rate is too small.
    """
    digits = 0
    while instalments >> digits:
        digits += 1
    total = 0.0
    for digit in range(digits - 1, -1, -1):
        odd = float((instalments >> digit) & 1)
        total *= 2.0 + rate * total
        total = total * (1.0 + rate * odd) + odd
    return total


@compiled
def _add(
    row: FloatArray,
    period: int,
    state: tuple[float, float, float],
    terms: tuple[float, float, float, float],
    deferred: bool,
) -> tuple[float, float, float]:
    """Add one loan's flows in one period to ``row`` [T, 6] and return its state after.

    ``state``: the share of the loan still performing, the balance by contract, the interest
    accrued on one unit. ``terms`` of the period: the shares that default and are prepaid, the
    principal due by contract, the interest rate. The performing balance is the share times the
    balance by contract.
    """
    share, owed, accrued = state
    default_share, prepaid_share, principal, interest_rate = terms
    gone = share * default_share
    alive = share - gone
    left = owed - principal
    scheduled = alive * principal
    prepaid = alive * prepaid_share * left
    if deferred:
        accrued += interest_rate
        interest = accrued * (scheduled + prepaid)
    else:
        interest = alive * owed * interest_rate
    share *= (1.0 - default_share) * (1.0 - prepaid_share)
    row[period, 0] += gone * owed
    row[period, 1] += interest
    row[period, 2] += scheduled
    row[period, 3] += prepaid
    row[period, 4] += share * left
    return share, left, accrued


@compiled
def _strike(
    row: FloatArray, period: int, state: tuple[float, float, float], share: float
) -> tuple[float, float, float]:
    """Take ``share`` of one loan for defaulted at the start of ``period``; its state after."""
    performing, owed, accrued = state
    row[period, 5] += performing * share * owed
    return performing * (1.0 - share), owed, accrued


@compiled
def _accumulate(loans: _Loans, tables: _Tables, totals: FloatArray) -> None:
    """Add the flows of every loan to ``totals`` [K, G, T, 6]."""
    scenarios, _, periods = tables.default.shape
    for n in range(len(loans.group)):
        balance, rate, scale = loans.balance[n], loans.rate[n], loans.hazard_scale[n]
        start, maturity = loans.start_day[n], loans.maturity_day[n]
        if balance <= 0.0:
            continue
        last = tables.period_of[maturity] - 1
        first = tables.period_of[start] - 1 if start > 0 else 0
        # Instalments start in the period after the one in which the loan is made.
        begin = first + 1 if start > 0 else 0
        if first >= periods:
            continue
        kind = loans.loan_type[n]
        deferred = kind in (BULLET, ORDER)
        growth = 1.0 + rate * tables.years[0] if kind == LEVEL_PAYMENT else 1.0
        instalment = 0.0
        if kind in (LEVEL_PAYMENT, EQUAL_PRINCIPAL):
            instalment = balance / _annuity(growth - 1.0, max(last - begin + 1, 1))
        s = loans.curve[n]
        for k in range(scenarios):
            row = totals[k, loans.group[n]]
            default, prepaid = tables.default[k, s], tables.prepaid[k, s]
            hazard, speed = tables.hazard[k, s], tables.speed[k, s]
            struck = tables.struck[k, s]
            state = (1.0, balance, loans.accrued[n] / balance)
            if start > 0:
                end = tables.day[first + 1]
                part = (min(maturity, end) - start) / (end - tables.day[first])
                gone, early = _share(hazard[first] * scale * part), _share(speed[first] * part)
                due = balance if first == last else 0.0
                earned = rate * tables.years[first] * part
                state = _add(row, first, state, (gone, early, due, earned), deferred)
            due = instalment
            for p in range(np.uint64(begin), np.uint64(max(begin, min(last, periods)))):
                if struck[p] > 0.0:
                    state = _strike(row, p, state, struck[p])
                gone = default[p] if scale == 1.0 else _share(hazard[p] * scale)
                earned = rate * tables.years[p]
                state = _add(row, p, state, (gone, prepaid[p], due, earned), deferred)
                due *= growth
            if begin <= last < periods:
                if struck[last] > 0.0:
                    state = _strike(row, last, state, struck[last])
                begins = tables.day[last]
                part = (maturity - begins) / (tables.day[last + 1] - begins)
                gone = _share(hazard[last] * scale * part)
                earned = rate * tables.years[last] * part
                state = _add(row, last, state, (gone, 0.0, state[1], earned), deferred)
