"""Loans paid monthly on business days, in numpy: all loans at once, payment by payment."""

from __future__ import annotations

from typing import Any

import numpy as np

from scfcap.axes import DAY_COUNTS, EQUAL_PRINCIPAL, LEVEL_PAYMENT
from scfcap.calendars import adjusted_days
from scfcap.cashflow.loans import LoanArrays
from scfcap.credit.curves import CurveSet


def project_by_payment(loans: LoanArrays, curves: CurveSet, groups: int) -> dict[str, Any]:
    """Interest, principal and closing balance (groups, periods) of loans without losses."""
    terms, grid = loans.terms, curves.grid
    assert terms is not None
    as_of = np.datetime64(grid.as_of, "D")
    due = _due_days(loans, as_of)
    count = _count(loans, as_of)
    moved = adjusted_days(grid.as_of, int(due.max()) + 60, *terms.calendars[0])
    paid = np.concatenate([terms.from_day[None], moved[due]])
    years = _years(terms.day_count, paid[:-1], paid[1:], as_of)
    number = np.arange(len(years))[:, None]
    value = 1.0 / (1.0 + loans.rate * years)
    value[0] = 1.0
    worth = np.where(number < count, np.cumprod(value, axis=0), 0.0).sum(axis=0)
    level = loans.balance * (1.0 + loans.rate * years[0]) / worth
    even = loans.balance / count
    owed = loans.balance.copy()
    shape = (groups, len(grid))
    found = {"interest": np.zeros(shape), "scheduled": np.zeros(shape)}
    for k in range(len(years)):
        interest = owed * loans.rate * years[k]
        principal = np.where(loans.loan_type == EQUAL_PRINCIPAL, even, 0.0)
        principal = np.where(loans.loan_type == LEVEL_PAYMENT, level - interest, principal)
        principal = np.where(k + 1 == count, owed, np.where(k + 1 > count, 0.0, principal))
        period = np.searchsorted(grid.days, paid[k + 1]) - 1
        inside = period < len(grid)
        place = loans.group[inside] * len(grid) + period[inside]
        for name, amount in (("interest", interest), ("scheduled", principal)):
            sums = np.bincount(place, amount[inside], minlength=groups * len(grid))
            found[name] += sums.reshape(shape)
        owed = owed - principal
    lent = np.bincount(loans.group, loans.balance, minlength=groups)
    return found | {"closing": lent[:, None] - np.cumsum(found["scheduled"], axis=1)}


def _count(loans: LoanArrays, as_of: Any) -> Any:
    """Payments of each loan."""
    last = (as_of + loans.maturity_day.astype("timedelta64[D]")).astype("datetime64[M]")
    return (last - as_of.astype("datetime64[M]")).astype(np.int64)


def _due_days(loans: LoanArrays, as_of: Any) -> Any:
    """Days on which payments fall due (payments, loans): of the loan with most of them."""
    assert loans.terms is not None
    months = np.arange(1, int(_count(loans, as_of).max()) + 1).astype("timedelta64[M]")
    first = (as_of.astype("datetime64[M]") + months).astype("datetime64[D]")
    return (first - as_of).astype(np.int64)[:, None] + loans.terms.anchor - 1


def _years(day_count: Any, start: Any, end: Any, as_of: Any) -> Any:
    """Years by act/365, act/360 or 30E/360."""
    names = [DAY_COUNTS.index(name) for name in ("act/365", "act/360")]
    days = np.stack([end, start]) + (as_of - np.datetime64("1970-01-01")).astype(np.int64)
    date = days.astype("datetime64[D]")
    month = date.astype("datetime64[M]")
    day = np.minimum((date - month.astype("datetime64[D]")).astype(np.int64) + 1, 30)
    last, first = 30 * month.astype(np.int64) + day
    actual = end - start
    thirty = (last - first) / 360.0
    return np.select(
        [day_count == code for code in names], [actual / 365.0, actual / 360.0], thirty
    )
