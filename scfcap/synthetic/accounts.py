"""Where each loan stands: on one day, and at each month's end: sums, to the cent."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from scfcap.compiled import compiled
from scfcap.errors import InvariantError
from scfcap.quantities import IntArray
from scfcap.synthetic.calendar import Calendar, Days
from scfcap.synthetic.fates import PAID, Fates, due_day
from scfcap.synthetic.lending import B2B_CODE, Loans
from scfcap.synthetic.repayment import Ends, Payments

_NO_ROOM = "a loan has more months than its payments and its end leave it"
#: Flows of a panel's row, in cents; see :class:`scfcap.tape.history.History`.
OPENING, PRINCIPAL, CHARGED, ADJUSTED, CLOSING, CASH, RECOVERED = range(7)


class Books(NamedTuple):
    """Everything that is known of the loans."""

    loans: Loans
    fates: Fates
    payments: Payments
    ends: Ends


class Standing(NamedTuple):
    """On one day, by loan: balance, principal paid and charged off [cents]; days past due."""

    balance: IntArray
    paid: IntArray
    charged: IntArray
    overdue: IntArray


class Panel(NamedTuple):
    """A row a loan and month, in order: flows [cents] of shape (7, rows), days past due."""

    loan: IntArray
    month: IntArray
    flows: IntArray
    overdue: IntArray


def standing(books: Books, calendar: Calendar, on: int) -> Standing:
    """Where each loan stands at the end of day ``on``; loans made later have no balance."""
    return Standing(*_standing(books, calendar.table, on))


def panel(books: Books, calendar: Calendar) -> Panel:
    """Every loan's months, from that in which it was made to its end or to ``as_of``.

    After a charge-off there are rows only for months in which something is recovered. The last
    month ends on ``as_of``.
    """
    rows = int(_months(books, calendar.table, calendar.days).sum())
    return Panel(*_panel(books, calendar.table, calendar.days, rows))


@compiled
def _overdue(books: Books, days: Days, k: int, paid: int, on: int) -> int:
    """Days past due of a loan with a balance that has made ``paid`` payments in time or late."""
    loans, fates = books.loans, books.fates
    if loans.product[k] != B2B_CODE:
        return int(max(0, on - loans.due[k]))
    if fates.cause[k] != PAID:
        paid = min(paid, fates.miss[k] - 1)
    return int(max(0, on - due_day(days, loans, k, min(paid + 1, loans.term[k]))))


@compiled
def _standing(books: Books, days: Days, on: int) -> Any:
    loans, _, payments, ends = books
    count = len(loans.day)
    out = np.zeros((4, count), np.int64)
    for k in range(count):
        if loans.day[k] > on:
            continue
        row = payments.start[k]
        while row < payments.start[k + 1] and payments.day[row] <= on:
            out[1, k] += payments.principal[row]
            row += 1
        if ends.charged[k] <= on:
            out[2, k] = ends.charge[k]
        out[0, k] = int(loans.amount[k]) * 100 - out[1, k] - out[2, k]
        if out[0, k] > 0:
            out[3, k] = _overdue(books, days, k, row - payments.start[k], on)
    return out[0], out[1], out[2], out[3]


@compiled
def _months(books: Books, days: Days, last: int) -> IntArray:
    """Most rows of each loan."""
    loans, _, payments, ends = books
    out = np.empty(len(loans.day), np.int64)
    for k in range(len(out)):
        end = min(last, ends.repaid[k], ends.charged[k])
        out[k] = days.month[end] - days.month[loans.day[k]] + 1
        for row in range(payments.start[k], payments.start[k + 1]):
            out[k] += payments.recovery[row] > 0
    return out


@compiled
def _panel(books: Books, days: Days, last: int, room: int) -> Any:
    loans, _, payments, ends = books
    loan = np.empty(room, np.int32)
    month = np.empty(room, np.int32)
    flows = np.zeros((7, room), np.int64)
    overdue = np.zeros(room, np.int32)
    at = 0
    for k in range(len(loans.day)):
        row, stop = payments.start[k], payments.start[k + 1]
        balance = 0
        now = days.month[loans.day[k]]
        first = row
        while True:
            if at == room:
                raise InvariantError(_NO_ROOM)
            close = min(last, days.first[now] + days.length[now] - 1)
            flows[OPENING, at] = balance
            if days.first[now] <= loans.day[k]:
                flows[ADJUSTED, at] = int(loans.amount[k]) * 100
            while row < stop and payments.day[row] <= close:
                flows[PRINCIPAL, at] += payments.principal[row]
                flows[RECOVERED, at] += payments.recovery[row]
                flows[CASH, at] += payments.principal[row] + payments.interest[row]
                row += 1
            if days.first[now] <= ends.charged[k] <= close:
                flows[CHARGED, at] = ends.charge[k]
            balance += flows[ADJUSTED, at] - flows[PRINCIPAL, at] - flows[CHARGED, at]
            flows[CLOSING, at] = balance
            flows[CASH, at] += flows[RECOVERED, at]
            if balance > 0:
                overdue[at] = _overdue(books, days, k, row - first, close)
            loan[at], month[at] = k, now
            at += 1
            if close >= last or (balance == 0 and row == stop):
                break
            now = now + 1 if balance > 0 else days.month[payments.day[row]]
    return loan[:at].copy(), month[:at].copy(), flows[:, :at].copy(), overdue[:at].copy()
