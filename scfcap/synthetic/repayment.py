"""How loans are repaid: payments to the cent, defaults, charge-offs and what is recovered.

Amounts are whole cents inside, so that every loan's account ties exactly. Interest is simple on
days over 365, that of instalments a twelfth of the rate; shop credit is repaid on any day. A loan
90 days past due has defaulted; it stays on the books, and what comes in lessens its balance,
until it is charged off 150 to 180 days later. What comes in after that is a recovery.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from scfcap.compiled import compiled
from scfcap.quantities import BoolArray, FloatArray, IntArray
from scfcap.synthetic.calendar import Calendar
from scfcap.synthetic.draws import uniform
from scfcap.synthetic.fates import CORE_FAILED, PAID, Fates, due_day
from scfcap.synthetic.lending import B2B_CODE, CREDIT_CODE, STRIDE, Loans
from scfcap.synthetic.network import NEVER
from scfcap.synthetic.platform import DEFAULT_DAYS, PRODUCTS

#: Share of shop credit that is a line, drawn and repaid in part.
LINE_SHARE = 0.5
#: Effect of the common factor on early repayment.
PREPAY_FACTOR = 0.25
#: Days from default to charge-off: at least, and spread.
HOLD, HOLD_SPREAD = 150, 31
#: A default is recovered in this many equal parts, a random lag after one another.
PARTS = 3
#: Recovered share of a defaulted balance, at most: any share up to it has the same chance.
RECOVERY, CORE_RECOVERY = 0.5, 0.1
#: Lag: at least, and mean of what is exponential beyond [days].
LAG_LEAST, LAG_MEAN = 15, 30.0


class Payments(NamedTuple):
    """Payments in order of loan and day. ``start``: each loan's first row, shape (loans + 1,).

    ``principal``, ``interest``, ``recovery`` (after charge-off) in cents.
    """

    start: IntArray
    loan: IntArray
    day: IntArray
    principal: IntArray
    interest: IntArray
    recovery: IntArray


class Ends(NamedTuple):
    """By loan: whether it is a line; days of repayment in full, of default and of charge-off
    (:data:`NEVER` if not by the last day), and the amount charged off [cents].
    """

    line: BoolArray
    repaid: IntArray
    defaulted: IntArray
    charged: IntArray
    charge: IntArray


class _Product(NamedTuple):
    """By product, rate and intensity of early repayment [1/year]; by month, a factor on that."""

    rate: FloatArray
    prepay: FloatArray
    ease: FloatArray


def repay(
    calendar: Calendar, loans: Loans, fates: Fates, factor: FloatArray, key: Any
) -> tuple[Payments, Ends]:
    """Payments up to ``as_of`` and how each loan has ended by then.

    Of the loans made in a bad month (low ``factor``) fewer are repaid early; over all loans the
    mean intensity is the product's.
    """
    ease = np.exp(PREPAY_FACTOR * factor)
    level = ease[calendar.month(loans.day)].mean()
    product = _Product(
        np.array([p.rate for p in PRODUCTS]),
        np.array([p.prepay for p in PRODUCTS]),
        ease / level,
    )
    setting = (product, calendar.table, calendar.days)
    room, count = _room(loans, fates), len(loans.day)
    rows = _Rows(np.empty(room, np.int32), np.empty(room, np.int32), *np.zeros((3, room), np.int64))
    never = np.full((3, count), NEVER)
    ends = Ends(np.zeros(count, np.bool_), never[0], never[1], never[2], np.zeros(count, np.int64))
    start = _run(key[0], loans, fates, setting, (rows, ends))
    return Payments(start, *(part[: start[-1]].copy() for part in rows)), ends


def _room(loans: Loans, fates: Fates) -> int:
    """Most payments that there can be."""
    whole = np.where(loans.product == B2B_CODE, loans.term, 1 + (loans.product == CREDIT_CODE))
    failed = np.where(loans.product == B2B_CODE, fates.miss - 1, loans.product == CREDIT_CODE)
    return int(np.where(fates.cause == PAID, whole, failed + PARTS).sum())


@compiled
def _cents(amount: float) -> int:
    return math.floor(amount + 0.5)


class _Rows(NamedTuple):
    """Payments under construction."""

    loan: Any
    day: Any
    principal: IntArray
    interest: IntArray
    recovery: IntArray


@compiled
def _run(key: np.uint64, loans: Loans, fates: Fates, setting: Any, out: Any) -> IntArray:
    """Fill in payments and ends; returns the first row of each loan's payments."""
    product, days, last = setting
    rows, ends = out
    count = len(loans.day)
    start = np.zeros(count + 1, np.int64)
    row = 0
    plan_day = np.empty(64, np.int64)
    plan = np.empty((2, 64), np.int64)
    for k in range(count):
        start[k] = row
        at = loans.number[k] * STRIDE
        ends.line[k] = loans.product[k] == CREDIT_CODE and uniform(key, at) < LINE_SHARE
        balance = _cents(loans.amount[k] * 100.0)
        planned = _schedule(key, (loans, fates, product, days), k, ends.line[k], plan_day, plan)
        for j in range(planned):
            balance -= plan[0, j]
            if plan_day[j] <= last:
                rows.loan[row], rows.day[row] = k, plan_day[j]
                rows.principal[row], rows.interest[row] = plan[0, j], plan[1, j]
                row += 1
        if fates.cause[k] == PAID:
            if plan_day[planned - 1] <= last:
                ends.repaid[k] = plan_day[planned - 1]
            continue
        fell = due_day(days, loans, k, fates.miss[k]) + DEFAULT_DAYS
        if fell <= last:
            ends.defaulted[k] = fell
            draws = (key, at, fates.cause[k], k)
            row, ends.repaid[k], ends.charged[k], ends.charge[k] = _recover(
                draws, balance, fell, last, rows, row
            )
    start[count] = row
    return start


@compiled
def _recover(draws: Any, balance: int, fell: int, last: int, rows: _Rows, row: int) -> Any:
    """Add what comes in after a default on day ``fell``.

    Returns the next free row, the days of repayment in full and of charge-off, and its amount.
    """
    key, at, cause, k = draws
    off = fell + HOLD + int(uniform(key, at + 4) * HOLD_SPREAD)
    most = CORE_RECOVERY if cause == CORE_FAILED else RECOVERY
    total = int(balance * most * uniform(key, at + 5))
    lag = LAG_LEAST + int(-LAG_MEAN * math.log(uniform(key, at + 6)))
    for j in range(1, PARTS + 1):
        when = fell + j * lag
        part = total // PARTS if j < PARTS else total - (PARTS - 1) * (total // PARTS)
        if when > last or part == 0:
            break
        rows.loan[row], rows.day[row] = k, when
        if when < off:
            rows.principal[row] = part
            balance -= part
        else:
            rows.recovery[row] = part
        row += 1
    if balance == 0:
        return row, rows.day[row - 1], NEVER, 0
    return (row, NEVER, off, balance) if off <= last else (row, NEVER, NEVER, 0)


@compiled
def _schedule(
    key: np.uint64, terms: Any, k: int, line: bool, plan_day: IntArray, plan: IntArray
) -> int:
    """Fill in what loan ``k`` pays, up to a default; returns the number of payments."""
    loans, fates, product, days = terms
    code = loans.product[k]
    principal = _cents(loans.amount[k] * 100.0)
    paying = fates.cause[k] == PAID
    if code == B2B_CODE:
        return _instalments(terms, k, principal, plan_day, plan)
    at = loans.number[k] * STRIDE
    end = loans.due[k] + fates.late[k]
    if paying and product.prepay[code] > 0.0:
        pace = product.prepay[code] * product.ease[days.month[loans.day[k]]] / 365.0
        held = int(-math.log(uniform(key, at + 1)) / pace) + 1
        if held < loans.term[k]:
            end = loans.day[k] + held
    rows, since = 0, loans.day[k]
    rest = min(end, loans.due[k]) - since - 1
    if line and rest > 0:
        part = int(principal * 0.5 * uniform(key, at + 2) ** 2)
        if part > 0:
            plan_day[0] = since + 1 + int(uniform(key, at + 3) * rest)
            plan[0, 0] = part
            plan[1, 0] = _cents(principal * product.rate[code] * (plan_day[0] - since) / 365.0)
            rows, since, principal = 1, plan_day[0], principal - part
    if paying:
        plan_day[rows] = end
        plan[0, rows] = principal
        plan[1, rows] = _cents(principal * product.rate[code] * (end - since) / 365.0)
        rows += 1
    return rows


@compiled
def _instalments(terms: Any, k: int, balance: int, plan_day: IntArray, plan: IntArray) -> int:
    """Level payments; from the late one on, none before it is paid."""
    loans, fates, product, days = terms
    rate = product.rate[B2B_CODE] / 12.0
    level = _cents(balance * rate / (1.0 - (1.0 + rate) ** -loans.term[k]))
    count = int(loans.term[k] if fates.cause[k] == PAID else fates.miss[k] - 1)
    held = 0
    for j in range(count):
        due = due_day(days, loans, k, j + 1)
        if j + 1 == fates.late_at[k]:
            held = due + fates.late[k]
        interest = _cents(balance * rate)
        principal = balance if j + 1 == loans.term[k] else min(balance, level - interest)
        plan_day[j] = max(due, held)
        plan[0, j], plan[1, j] = principal, interest
        balance -= principal
    return count
