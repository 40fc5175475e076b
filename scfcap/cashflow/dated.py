"""What contracts ask for whose payments fall on days of their own: the part without a scenario.

The rules are those of :func:`~scfcap.cashflow.contract.schedule`, but nothing is rounded. Interest
runs by the day count from one payment to the next, as moved to business days; a rate reset on the
way splits it. A level payment is set over the days as they are: what is owed, with the interest
due, over the value of all payments to come. It is set anew after a reset, at the next payment.
A flat fee runs from due day to due day, so that business days do not change an instalment.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from scfcap.axes import BULLET, EQUAL_PRINCIPAL, FLAT_FEE, LEVEL_PAYMENT, ORDER
from scfcap.calendars import adjusted_days
from scfcap.cashflow.loans import LoanArrays
from scfcap.compiled import compiled
from scfcap.credit.curves import CurveSet
from scfcap.daycount import (
    ACT_360,
    ACT_365,
    ACT_ACT_ICMA,
    DayTables,
    packed_day,
    packed_fraction,
    position,
)
from scfcap.pool.payment_days import ONCE
from scfcap.pool.terms import ARRAYS
from scfcap.quantities import FloatArray, IntArray

#: Days by which a payment may move to a business day, with room to spare.
LONGEST_MOVE = 60
#: Columns of :class:`_Loans` that are no whole numbers.
_AMOUNTS = ("balance", "rate", "original", "fee", "margin", "floor", "cap")


class DatedTables(NamedTuple):
    """The calendar, by day offset from ``as_of``, for compiled code."""

    days: DayTables
    adjusted: IntArray  # [calendars, days] offset of the business day instead
    levels: FloatArray  # [indices, days] of each index [1/year]


class _Loans(NamedTuple):
    """Dated loans, all (loans,); see LoanArrays and DatedTerms."""

    loan_type: IntArray
    balance: FloatArray
    rate: FloatArray
    start_day: IntArray
    due_day: IntArray  # maturity before it moves to a business day
    maturity_day: IntArray
    every_months: IntArray
    every_days: IntArray
    next_day: IntArray
    anchor: IntArray
    from_day: IntArray
    day_count: IntArray
    calendar: IntArray
    grace: IntArray
    original: FloatArray
    fee: FloatArray
    follows: IntArray  # the index of the rate, -1: none
    margin: FloatArray
    floor: FloatArray
    cap: FloatArray
    next_reset_day: IntArray
    reset_months: IntArray


def scenarios_by_index(loans: LoanArrays, curves: CurveSet) -> list[IntArray]:
    """Scenarios in which the indices of floating rates are the same, as rows of ``curves``."""
    every = [np.arange(len(curves.scenarios))]
    if loans.terms is None or not len(every[0]) or not (loans.terms.index >= 0).any():
        return every
    _, number = np.unique(curves.stress.index_rate, axis=0, return_inverse=True)
    number = number.ravel()
    return [np.flatnonzero(number == k) for k in range(int(number.max()) + 1)]


def dated_tables(loans: LoanArrays, curves: CurveSet) -> DatedTables | None:
    """Tables for the dated loans of ``loans``; None where there is none.

    What scenarios add to the indices is that of the first: see :func:`scenarios_by_index`.

    Raises:
        InputError: rates follow an index that the model does not state.
    """
    terms, grid = loans.terms, curves.grid
    if terms is None or not terms.dated.any():
        return None
    last = int(max(loans.maturity_day.max(), loans.start_day.max())) + LONGEST_MOVE
    first = int(min(terms.from_day.min(), 0))
    rows = [adjusted_days(grid.as_of, last, *pair) for pair in terms.calendars]
    adjusted = np.stack(rows) if rows else np.zeros((0, last + 1), dtype=np.int64)
    levels = curves.indices.levels(terms.indices, grid.as_of, last)
    if len(levels) and len(curves.scenarios):
        period = np.searchsorted(grid.days, np.arange(last + 1), side="left") - 1
        added = curves.stress.index_rate[0]
        levels = levels + added[np.clip(period, 0, len(grid) - 1)]
    return DatedTables(DayTables.build(grid.as_of, last, first), adjusted, levels)


def paid_maturity(loans: LoanArrays, tables: DatedTables | None) -> IntArray:
    """Day of the last payment of each loan, moved to a business day where it is dated."""
    if tables is None or loans.terms is None or not len(tables.adjusted):
        return loans.maturity_day
    calendar = loans.terms.calendar
    moved = tables.adjusted[np.maximum(calendar, 0), loans.maturity_day]
    earliest = np.maximum(loans.start_day, 0) + 1
    return np.where(calendar >= 0, np.maximum(moved, earliest), loans.maturity_day)


def upfront_fees(loans: LoanArrays, period_of: IntArray, shape: tuple[int, int]) -> FloatArray:
    """Fees that are kept back when loans are paid out, by group and period: ``shape`` [G, T].

    ``period_of`` is the period (from 1) of each day. Every loan pays them, whatever becomes of it.
    """
    found = np.zeros(shape)
    if loans.terms is None or not loans.terms.upfront.any():
        return found
    period = period_of[np.maximum(loans.start_day, 0)] - 1
    new = (period >= 0) & (period < shape[1])
    np.add.at(found, (loans.group[new], period[new]), loans.terms.upfront[new])
    return found


def add_dated(
    loans: LoanArrays,
    tables: DatedTables,
    clock: tuple[IntArray, IntArray],
    places: tuple[IntArray, IntArray],
    sums: tuple[FloatArray, FloatArray],
) -> None:
    """Add what the dated loans of ``loans`` ask for to ``sums``: ``due`` and ``last``.

    ``clock``: the grid's days [T + 1] and the period of each day; ``places``: class and bin of
    each loan. See :class:`~scfcap.cashflow.contract_flows.ContractFlows`.
    """
    assert loans.terms is not None
    rows = np.flatnonzero(loans.terms.dated)
    chosen, terms = loans.where(rows), loans.terms.where(rows)
    columns = {name: getattr(chosen, name) for name in _Loans._fields[:4]}
    columns["due_day"] = chosen.maturity_day
    columns["maturity_day"] = paid_maturity(chosen, tables)
    columns["follows"] = terms.index
    columns |= {name: getattr(terms, name) for name in _Loans._fields if name in ARRAYS}
    # One layout only: a read-only or a strided array would be compiled for anew.
    plain: list[Any] = [
        np.array(columns[name], np.float64 if name in _AMOUNTS else np.int64)
        for name in _Loans._fields
    ]
    index, bins = (np.array(place[rows]) for place in places)
    _by_dates(_Loans(*plain), tables, clock, (index, bins), sums)


class _When(NamedTuple):
    """Of a dated loan, what says on which days it is paid: see :class:`_Loans`."""

    start: int
    due_day: int
    maturity_day: int
    next_day: int
    months: int
    days: int
    calendar: int
    day_count: int
    begun: int  # day from which interest accrues
    by_instalments: bool
    flat: bool
    regular: tuple[int, int, int]


class _Payments(NamedTuple):
    """Payments of a loan, each as long as a loan can have: see :func:`_schedule`."""

    paid: IntArray
    ends: IntArray
    years: FloatArray
    position: FloatArray


@compiled
def _actual(day_count: int) -> float:
    """Days of a year of a convention that divides by them alone, else 0: spares loops a call."""
    if day_count == ACT_365:
        return 365.0
    return 360.0 if day_count == ACT_360 else 0.0


@compiled
def _schedule(
    when: _When, end_of_grid: int, packed: Any, adjusted: IntArray, found: _Payments
) -> int:
    """Put the days on which a loan is paid into ``found.paid``; how many they are.

    Interest runs up to ``ends``: the day paid, of a flat fee the day due. ``years`` are those from
    the end before, of the first from the day from which interest accrues; ``position`` of an end
    is that by act/act-icma, of a loan that goes by it. What is paid beyond the grid is only of
    account where principal is paid by instalments.
    """
    end, day, regular, calendar = when.due_day, when.next_day, when.regular, when.calendar
    actual = _actual(when.day_count)
    mark, count = when.begun, 0
    by_position = when.day_count == ACT_ACT_ICMA and regular[1] > 0
    before = position(mark, packed, regular) if by_position else 0.0
    last = not (when.months != ONCE and when.start < day < end)
    month = packed.rows[day - packed.first, 0] if not last else 0
    while True:
        if last:
            paid, until = when.maturity_day, end if when.flat else when.maturity_day
        else:
            paid = day if calendar < 0 else max(adjusted[calendar, day], when.start + 1)
            until = day if when.flat else paid
        if by_position:
            if until == day and count > 0 and not last:  # a regular day
                here = count * regular[1] / 12.0
            else:
                here = position(until, packed, regular)
            found.position[count] = here
            found.years[count] = here - before
            before = here
        elif actual > 0.0:
            found.years[count] = (until - mark) / actual
        else:
            found.years[count] = packed_fraction(when.day_count, mark, until, packed, regular)
        found.paid[count], found.ends[count] = paid, until
        mark, count = until, count + 1
        if last or (paid > end_of_grid and not when.by_instalments):
            return count
        if when.days > 0:
            day += when.days
        else:
            day = packed_day(month + count * when.months, regular[2], packed)
        last = day >= end


@compiled
def _when(loans: _Loans, n: int, start: int, begun: int) -> _When:
    """When loan n is paid, that starts on day ``start`` and accrues from ``begun``."""
    due_day, next_day, months = loans.due_day[n], loans.next_day[n], loans.every_months[n]
    kind = loans.loan_type[n]
    return _When(
        start, due_day, loans.maturity_day[n], next_day, months, loans.every_days[n],
        loans.calendar[n], loans.day_count[n], begun,
        kind in (LEVEL_PAYMENT, EQUAL_PRINCIPAL, FLAT_FEE), kind == FLAT_FEE,
        _regular(loans, n),
    )  # fmt: skip


@compiled
def _regular(loans: _Loans, n: int) -> tuple[int, int, int]:
    """The regular payment days, as :func:`~scfcap.daycount.fraction` takes them."""
    months = loans.every_months[n]
    reference = min(loans.next_day[n], loans.due_day[n])
    return reference, 12 if months == ONCE else months, loans.anchor[n]


@compiled
def _years(loans: _Loans, n: int, start: int, end: int, tables: DatedTables) -> float:
    """Years from ``start`` to ``end`` by the loan's day count."""
    return packed_fraction(loans.day_count[n], start, end, tables.days.packed, _regular(loans, n))


@compiled
def _resets(
    loans: _Loans, n: int, day: int, state: tuple[float, float, int, int, int, bool],
    base: float, begun: int, tables: DatedTables,
) -> tuple[float, float, int, int, int, bool]:  # fmt: skip
    """Interest up to the last reset before ``day``, at the rates that held, and the rate then.

    ``state``: interest accrued, rate, day up to which it has accrued, next reset, how many there
    were, whether the payment is to be set anew. ``begun``: day of the payment before.
    """
    accrued, rate, mark, reset, count, anew = state
    first = loans.next_reset_day[n]
    while reset < day:
        if reset > mark:
            years = _years(loans, n, begun, reset, tables)
            accrued += base * rate * (years - _years(loans, n, begun, mark, tables))
            mark = reset
        level = tables.levels[loans.follows[n], reset] + loans.margin[n]
        rate, anew, count = min(max(level, loans.floor[n]), loans.cap[n]), True, count + 1
        month = tables.days.month_of[first - tables.days.first] + count * loans.reset_months[n]
        anchor = tables.days.day_of[first - tables.days.first]
        reset = max(packed_day(month, anchor, tables.days.packed), reset + 1)
    return accrued, rate, mark, reset, count, anew


@compiled
def _level(owed: float, interest: float, rate: float, years: FloatArray) -> float:
    """The payment that, made now and after each of ``years`` [all but the first], repays a loan.

    ``interest`` is what is due now besides what is ``owed``.
    """
    total = value = 1.0
    for k in range(1, len(years)):
        value /= 1.0 + rate * years[k]
        total += value
    return (owed + interest) / total


@compiled
def _by_dates(
    loans: _Loans,
    tables: DatedTables,
    clock: tuple[IntArray, IntArray],
    places: tuple[IntArray, IntArray],
    sums: tuple[FloatArray, FloatArray],
) -> None:
    """Add the contract of every loan to ``due`` and ``last``, payment by payment."""
    grid, period_of = clock
    index, bins = places
    due, last = sums
    periods = len(grid) - 1
    most = len(period_of) + 1
    runs_to, paid_on = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64)
    length, positions = np.empty(most), np.empty(most)
    packed, found = tables.days.packed, _Payments(paid_on, runs_to, length, positions)
    for n in range(len(loans.balance)):
        owed, start, kind = loans.balance[n], max(loans.start_day[n], 0), loans.loan_type[n]
        first = period_of[start] - 1 if start > 0 else 0
        if owed <= 0.0 or first >= periods:
            continue
        final = period_of[loans.maturity_day[n]] - 1
        put_off, floating = kind in (BULLET, ORDER), loans.follows[n] >= 0
        begun = start if start > 0 else loans.from_day[n]
        base = loans.original[n] if kind == FLAT_FEE else owed
        state = (0.0, loans.rate[n], begun, loans.next_reset_day[n], 0, True)
        if floating and start > 0:  # the rate at the start is the index's of that day
            state = _resets(loans, n, start + 1, state, base, begun, tables)
        accrued, rate, mark, reset, resets, anew = state
        when = _when(loans, n, start, begun)
        code, regular = when.day_count, when.regular
        actual = _actual(code)
        by_position = code == ACT_ACT_ICMA and regular[1] > 0
        count = _schedule(when, grid[periods], packed, tables.adjusted, found)
        since = positions[0] - length[0]
        number, level, row = 0, 0.0, due[index[n]]
        for p in range(first, min(final + 1, periods)):
            opened, paid, interest, close = owed, 0.0, 0.0, grid[p + 1]
            fees = 0.0
            while number < count and paid_on[number] <= close:
                day, years = runs_to[number], length[number]
                if floating and reset < day:
                    accrued, rate, mark, reset, resets, anew = _resets(
                        loans, n, day, (accrued, rate, mark, reset, resets, anew),
                        base, begun, tables,
                    )  # fmt: skip
                if mark > begun:
                    years -= _years(loans, n, begun, mark, tables)
                accrued += base * rate * years
                begun = mark = day
                since = positions[number]
                fees += loans.fee[n]
                number += 1
                if number == count:
                    interest += accrued
                    paid += owed
                    accrued = owed = base = 0.0
                elif not put_off:
                    interest += accrued
                    principal = 0.0
                    if number > loans.grace[n] and kind in (EQUAL_PRINCIPAL, FLAT_FEE):
                        if anew:
                            level, anew = owed / (count - number + 1), False
                        principal = min(level, owed)
                    elif number > loans.grace[n] and kind == LEVEL_PAYMENT:
                        if anew:
                            level = _level(owed, accrued, rate, length[number - 1 : count])
                        principal = min(max(level - accrued, 0.0), owed)
                        anew = level < accrued
                    owed -= principal
                    paid += principal
                    accrued = 0.0
                    if kind != FLAT_FEE:
                        base = owed
            if p == final:
                last[bins[n], 0] += opened
                last[bins[n], 1] += interest
                last[bins[n], 2] += fees
                break
            if floating and reset < close:
                accrued, rate, mark, reset, resets, anew = _resets(
                    loans, n, close, (accrued, rate, mark, reset, resets, anew),
                    base, begun, tables,
                )  # fmt: skip
            to_date = accrued
            if close > mark:
                if by_position:
                    years = position(close, packed, regular) - since
                elif actual > 0.0:
                    years = (close - begun) / actual
                else:
                    years = packed_fraction(code, begun, close, packed, regular)
                if mark > begun:
                    years -= _years(loans, n, begun, mark, tables)
                to_date += base * rate * years
            row[p, 0] += opened
            row[p, 1] += paid
            row[p, 2] += interest
            row[p, 3] += to_date
            row[p, 4] += fees
