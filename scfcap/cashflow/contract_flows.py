"""What contracts ask for if all goes well, by class and period: the part without a scenario.

Instalments are even over the grid's periods up to the one in which the loan matures; a loan that
starts or matures inside a period counts for its days. Loans with dated terms pay on their own
days (:mod:`~scfcap.cashflow.dated`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from scfcap.axes import BULLET, EQUAL_PRINCIPAL, LEVEL_PAYMENT, ORDER
from scfcap.cashflow.classes import Classes, classify, unique_rows
from scfcap.cashflow.dated import DatedTables, add_dated, paid_maturity
from scfcap.cashflow.loans import COLUMNS, LoanArrays
from scfcap.compiled import compiled
from scfcap.periods import PeriodGrid
from scfcap.quantities import FloatArray, IntArray

#: Columns of ``due``: see :class:`ContractFlows`.
OWED, PRINCIPAL, INTEREST, ACCRUED, FEES = range(5)
#: Columns of ``last``.
LAST_OWED, LAST_INTEREST, LAST_FEES = range(3)
_AMOUNTS = ("balance", "rate", "accrued", "hazard_scale")


@dataclass(frozen=True)
class ContractFlows:
    """What the loans of each class C owe by contract in each period T [currency].

    ``due`` [C, T, 5], of the loans that stand beyond the period: owed at its start, principal
    due, interest due, interest put off until the principal is repaid (at the period's end), fees.

    Loans that mature inside the grid are in ``last`` [B, 3] for that period: owed at its start,
    interest due, fees. Such a bin holds the loans of one class (``bin_class`` [B]) that mature on
    one day, in period ``bin_period`` [B] (from 0), of which they stand the share ``bin_part`` [B];
    bins are in the order of their classes and periods.
    """

    classes: Classes
    due: FloatArray
    last: FloatArray
    bin_class: IntArray
    bin_period: IntArray
    bin_part: FloatArray

    def of(self, part: slice) -> ContractFlows:
        """Some of the classes, one after the other."""
        if part.start == 0 and part.stop >= len(self.classes):
            return self
        begin, end = np.searchsorted(self.bin_class, [part.start, part.stop])
        return ContractFlows(
            classes=Classes(self.classes.key[part]),
            due=self.due[part],
            last=self.last[begin:end],
            bin_class=self.bin_class[begin:end] - part.start,
            bin_period=self.bin_period[begin:end],
            bin_part=self.bin_part[begin:end],
        )


class Clock(NamedTuple):
    """The grid for compiled code."""

    day: IntArray  # [T + 1] day offsets of as_of and of the ends
    years: FloatArray  # [T] year fractions
    period_of: IntArray  # [days] period (from 1) of a day; runs on beyond the grid


class _Loans(NamedTuple):
    """:class:`LoanArrays` for compiled code."""

    loan_type: IntArray
    balance: FloatArray
    rate: FloatArray
    accrued: FloatArray
    start_day: IntArray
    maturity_day: IntArray


def clock(grid: PeriodGrid, last_day: int) -> Clock:
    """The grid, with the period of each day 0..``last_day``: it runs on as it began."""
    long = grid.reaching(last_day)
    period_of = np.searchsorted(long.days, np.arange(last_day + 1), side="left")
    return Clock(grid.days, grid.year_fractions, period_of.astype(np.int64))


def contract_flows(
    loans: LoanArrays, time: Clock, apart: int = 0, tables: DatedTables | None = None
) -> ContractFlows:
    """Contract flows of ``loans``, a block that is small enough for its classes to be held.

    ``tables`` are needed where some of them have dated terms. With ``apart``, loans of a class
    also mature in one period, if it is not after ``apart`` (from 1), and have one type and rate.
    """
    # One layout only: a read-only or a strided array would be compiled for anew.
    plain: dict[str, Any] = {
        name: np.require(
            getattr(loans, name), np.float64 if name in _AMOUNTS else np.int64, ["C", "W"]
        )
        for name in COLUMNS
    }
    loans = replace(loans, **plain)
    ends = paid_maturity(loans, tables)
    runs_to = np.minimum(time.period_of[ends], apart) if apart else None
    classes, index = classify(loans, runs_to)
    periods = len(time.years)
    due = np.zeros((len(classes), periods, 5))
    bins, number = _bins(replace(loans, maturity_day=ends), index, time)
    last = np.zeros((len(bins), 3))
    columns = [plain[name] for name in _Loans._fields]
    if tables is None:
        _by_period(_Loans(*columns), time, index, number, due, last)
    else:
        assert loans.terms is not None
        rows = np.flatnonzero(~loans.terms.dated)
        others = _Loans(*(column[rows] for column in columns))
        _by_period(others, time, index[rows], number[rows], due, last)
        add_dated(loans, tables, (time.day, time.period_of), (index, number), (due, last))
    return _in_order(ContractFlows(classes, due, last, bins[:, 0], bins[:, 2], _parts(bins, time)))


def _bins(loans: LoanArrays, index: IntArray, time: Clock) -> tuple[IntArray, IntArray]:
    """Bins [B, 4]: class, maturity day, period, start day; and the bin of each loan, -1: none."""
    period = time.period_of[loans.maturity_day] - 1
    ends = np.flatnonzero((period < len(time.years)) & (loans.balance > 0.0))
    rows = np.stack(
        [index[ends], loans.maturity_day[ends], period[ends], np.maximum(loans.start_day[ends], 0)],
        axis=1,
    )
    number, first = unique_rows(rows)
    of_loan = np.full(len(loans), -1, dtype=np.int64)
    of_loan[ends] = number
    return rows[first], of_loan


def _parts(bins: IntArray, time: Clock) -> FloatArray:
    """Share of its last period that each bin stands."""
    begin, end = time.day[bins[:, 2]], time.day[bins[:, 2] + 1]
    return np.asarray((bins[:, 1] - np.maximum(bins[:, 3], begin)) / (end - begin))


def _in_order(flows: ContractFlows) -> ContractFlows:
    order = np.lexsort((flows.bin_period, flows.bin_class))
    return ContractFlows(
        classes=flows.classes,
        due=flows.due,
        last=flows.last[order],
        bin_class=flows.bin_class[order],
        bin_period=flows.bin_period[order],
        bin_part=flows.bin_part[order],
    )


def merged(parts: list[ContractFlows]) -> ContractFlows:
    """The flows of all ``parts``, each class once."""
    if len(parts) == 1:
        return parts[0]
    rows = np.concatenate([p.classes.key for p in parts])
    number, first = unique_rows(rows)
    due = np.zeros((len(first), *parts[0].due.shape[1:]))
    begin, keys = 0, []
    for part in parts:
        here = number[begin : begin + len(part.classes)]
        due[here] += part.due
        begin += len(part.classes)
        keys.append(np.stack([here[part.bin_class], part.bin_period, _bits(part.bin_part)], axis=1))
    bins = np.concatenate(keys)
    bin_number, bin_first = unique_rows(bins)
    last = np.zeros((len(bin_first), parts[0].last.shape[1]))
    np.add.at(last, bin_number, np.concatenate([p.last for p in parts]))
    kept = bins[bin_first]
    share = np.ascontiguousarray(kept[:, 2]).view(np.float64)
    return _in_order(ContractFlows(Classes(rows[first]), due, last, kept[:, 0], kept[:, 1], share))


def _bits(values: FloatArray) -> IntArray:
    return np.asarray(np.ascontiguousarray(values).view(np.int64))


@compiled
def annuity(rate: float, instalments: int) -> float:
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
def _by_period(
    loans: _Loans, time: Clock, index: IntArray, bins: IntArray, due: FloatArray, last: FloatArray
) -> None:
    """Add the contract of every loan to ``due`` and ``last``: see :class:`ContractFlows`.

    The constants of columns are written out: compiled code takes them as they are.
    """
    periods = len(time.years)
    for n in range(len(loans.balance)):
        balance, rate = loans.balance[n], loans.rate[n]
        if balance <= 0.0:
            continue
        start, kind = loans.start_day[n], loans.loan_type[n]
        final = time.period_of[loans.maturity_day[n]] - 1
        first = time.period_of[start] - 1 if start > 0 else 0
        if first >= periods:
            continue
        row = due[index[n]]
        put_off = kind in (BULLET, ORDER)
        unpaid = loans.accrued[n] if put_off else 0.0
        begin = first
        if start > 0:
            # Instalments start in the period after the one in which the loan is made.
            begin = first + 1
            end = min(loans.maturity_day[n], time.day[first + 1])
            part = (end - start) / (time.day[first + 1] - time.day[first])
            earned = balance * rate * time.years[first] * part
            if first == final:
                last[bins[n], LAST_OWED] += balance
                last[bins[n], LAST_INTEREST] += unpaid + earned
                continue
            row[first, OWED] += balance
            if put_off:
                unpaid += earned
                row[first, ACCRUED] += unpaid
            else:
                row[first, INTEREST] += earned
        stop = np.uint64(min(final, periods))
        if kind in (LEVEL_PAYMENT, EQUAL_PRINCIPAL):
            growth = 1.0 + rate * time.years[0] if kind == LEVEL_PAYMENT else 1.0
            principal = balance / annuity(growth - 1.0, max(final - begin + 1, 1))
            for p in range(np.uint64(begin), stop):
                row[p, OWED] += balance
                row[p, PRINCIPAL] += principal
                row[p, INTEREST] += balance * rate * time.years[p]
                balance -= principal
                principal *= growth
        elif put_off:
            for p in range(np.uint64(begin), stop):
                row[p, OWED] += balance
                unpaid += balance * rate * time.years[p]
                row[p, ACCRUED] += unpaid
        else:
            earned = balance * rate
            for p in range(np.uint64(begin), stop):
                row[p, OWED] += balance
                row[p, INTEREST] += earned * time.years[p]
        if final < periods:
            begins = time.day[final]
            part = (loans.maturity_day[n] - begins) / (time.day[final + 1] - begins)
            last[bins[n], LAST_OWED] += balance
            last[bins[n], LAST_INTEREST] += unpaid + balance * rate * time.years[final] * part
