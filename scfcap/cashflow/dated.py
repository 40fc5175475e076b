"""What contracts ask for whose payments fall on days of their own: the part without a scenario.

The rules are those of :func:`~scfcap.cashflow.contract.schedule`, but nothing is rounded. Interest
runs by the day count from one payment to the next, as moved to business days; a rate reset on the
way splits it. A level payment is set over the days as they are: what is owed, with the interest
due, over the value of all payments to come. It is set anew after a reset, at the next payment.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scfcap.axes import BULLET, EQUAL_PRINCIPAL, FLAT_FEE, LEVEL_PAYMENT, ORDER
from scfcap.calendars import adjusted_days
from scfcap.cashflow.loans import LoanArrays
from scfcap.compiled import compiled
from scfcap.credit.curves import CurveSet
from scfcap.daycount import DayTables, day_in_month, fraction
from scfcap.pool.terms import ARRAYS, ONCE
from scfcap.quantities import FloatArray, IntArray

#: Days by which a payment may move to a business day, with room to spare.
LONGEST_MOVE = 60


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
    upfront: FloatArray
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
    plain = (np.array(columns[name]) for name in _Loans._fields)
    index, bins = (np.array(place[rows]) for place in places)
    _by_dates(_Loans(*plain), tables, clock, (index, bins), sums)


@compiled
def _payment_day(loans: _Loans, n: int, number: int, tables: DatedTables) -> tuple[int, bool]:
    """Day on which payment ``number`` (from 0) of loan n is made, and whether it is the last."""
    end, day = loans.due_day[n], loans.next_day[n]
    if number > 0:
        if loans.every_days[n] > 0:
            day += number * loans.every_days[n]
        elif day < end:
            month = tables.days.month_of[day - tables.days.first] + number * loans.every_months[n]
            day = day_in_month(month, loans.anchor[n], tables.days)
    once = loans.every_months[n] == ONCE
    if once or day >= end or day <= max(loans.start_day[n], 0):
        return loans.maturity_day[n], True
    if loans.calendar[n] < 0:
        return day, False
    moved = tables.adjusted[loans.calendar[n], day]
    return max(moved, loans.start_day[n], 1), False


@compiled
def _years(loans: _Loans, n: int, start: int, end: int, tables: DatedTables) -> float:
    """Years from ``start`` to ``end`` by the loan's day count."""
    months = loans.every_months[n]
    regular = (
        min(loans.next_day[n], loans.due_day[n]),
        12 if months == ONCE else months,
        loans.anchor[n],
    )
    return fraction(loans.day_count[n], start, end, tables.days, regular)


@compiled
def _to_come(
    loans: _Loans, n: int, number: int, rate: float, tables: DatedTables
) -> tuple[float, int]:
    """Value at payment ``number`` of a unit with it and each after it, and how many they are."""
    total, value, count = 1.0, 1.0, 1
    day, is_last = _payment_day(loans, n, number, tables)
    while not is_last:
        number += 1
        following, is_last = _payment_day(loans, n, number, tables)
        value /= 1.0 + rate * _years(loans, n, day, following, tables)
        total += value
        count += 1
        day = following
    return total, count


@compiled
def _resets(
    loans: _Loans, n: int, day: int, state: tuple[float, float, int, int, int, bool],
    base: float, period_start: int, tables: DatedTables,
) -> tuple[float, float, int, int, int, bool]:  # fmt: skip
    """Interest up to the last reset before ``day``, at the rates that held, and the rate then.

    ``state``: interest accrued, rate, day up to which it has accrued, next reset, how many there
    were, whether the payment is to be set anew.
    """
    accrued, rate, mark, reset, count, anew = state
    if loans.follows[n] < 0:
        return state
    first = loans.next_reset_day[n]
    while reset < day:
        if reset > mark:
            years = _years(loans, n, period_start, reset, tables)
            accrued += base * rate * (years - _years(loans, n, period_start, mark, tables))
            mark = reset
        level = tables.levels[loans.follows[n], reset] + loans.margin[n]
        rate, anew, count = min(max(level, loans.floor[n]), loans.cap[n]), True, count + 1
        month = tables.days.month_of[first - tables.days.first] + count * loans.reset_months[n]
        anchor = tables.days.day_of[first - tables.days.first]
        reset = max(day_in_month(month, anchor, tables.days), reset + 1)
    return accrued, rate, mark, reset, count, anew


@compiled
def _principal(
    loans: _Loans, n: int, number: int, state: tuple[float, float, float, float, bool],
    tables: DatedTables,
) -> tuple[float, float, bool]:  # fmt: skip
    """Principal due with a payment that is not the last, the level payment, whether to set it anew.

    ``state``: owed, interest due, rate, level payment, whether it is to be set anew.
    """
    owed, interest, rate, level, anew = state
    kind = loans.loan_type[n]
    if number < loans.grace[n] or kind not in (LEVEL_PAYMENT, EQUAL_PRINCIPAL, FLAT_FEE):
        return 0.0, level, anew
    if anew:
        value, count = _to_come(loans, n, number, rate, tables)
        level = (owed + interest) / value if kind == LEVEL_PAYMENT else owed / count
    if kind != LEVEL_PAYMENT:
        return min(level, owed), level, False
    principal = level - interest
    return min(max(principal, 0.0), owed), level, principal < 0.0


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
    for n in range(len(loans.balance)):
        owed, start, kind = loans.balance[n], max(loans.start_day[n], 0), loans.loan_type[n]
        first = period_of[start] - 1 if start > 0 else 0
        if owed <= 0.0 or first >= periods:
            continue
        final = period_of[loans.maturity_day[n]] - 1
        put_off = kind in (BULLET, ORDER)
        begun = loans.from_day[n] if start == 0 else start
        base = loans.original[n] if kind == FLAT_FEE else owed
        state = (0.0, loans.rate[n], begun, loans.next_reset_day[n], 0, True)
        if start > 0:  # the rate at the start is the index's of that day
            state = _resets(loans, n, start + 1, state, base, begun, tables)
        number, level = 0, 0.0
        day, is_last = _payment_day(loans, n, number, tables)
        row = due[index[n]]
        for p in range(first, min(final + 1, periods)):
            opened, paid, interest = owed, 0.0, 0.0
            fees = loans.upfront[n] if p == first else 0.0
            while day <= grid[p + 1]:
                accrued, rate, mark, reset, count, anew = _resets(
                    loans, n, day, state, base, begun, tables
                )
                years = _years(loans, n, begun, day, tables)
                years -= _years(loans, n, begun, mark, tables)
                accrued += base * rate * years
                begun = day
                fees += loans.fee[n]
                if is_last or not put_off:
                    interest += accrued
                    principal = owed
                    if not is_last:
                        principal, level, anew = _principal(
                            loans, n, number, (owed, accrued, rate, level, anew), tables
                        )
                    owed -= principal
                    paid += principal
                    accrued = 0.0
                    if kind != FLAT_FEE:
                        base = owed
                state = (accrued, rate, day, reset, count, anew)
                if is_last:
                    break
                number += 1
                day, is_last = _payment_day(loans, n, number, tables)
            if p == final:
                last[bins[n], 0] += opened
                last[bins[n], 1] += interest
                last[bins[n], 2] += fees
                break
            state = _resets(loans, n, grid[p + 1], state, base, begun, tables)
            to_date = state[0]
            if grid[p + 1] > state[2]:
                years = _years(loans, n, begun, grid[p + 1], tables)
                years -= _years(loans, n, begun, state[2], tables)
                to_date += base * state[1] * years
            row[p, 0] += opened
            row[p, 1] += paid
            row[p, 2] += interest
            row[p, 3] += to_date
            row[p, 4] += fees
