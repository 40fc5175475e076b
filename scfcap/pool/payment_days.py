"""The days on which each dated loan pays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np

from scfcap.axes import PAID_ONCE, PAYMENT_STEPS
from scfcap.daycount import month_days
from scfcap.pool.stated_terms import NO_DAY, Stated
from scfcap.quantities import IntArray

#: Months between payments of a contract that is paid once, at maturity: longer than any.
ONCE: Final = 1200


@dataclass(frozen=True)
class PaymentDays:
    """Payments of each loan: see :class:`DatedTerms`; ``made``: how many fell due by ``as_of``."""

    months: IntArray
    days: IntArray
    anchor: IntArray
    next_day: IntArray
    from_day: IntArray
    made: IntArray

    @classmethod
    def of(cls, stated: Stated, as_of: date) -> PaymentDays:
        """Payments after ``as_of``, from next payment, frequency and dates of each contract."""
        day = np.datetime64(as_of, "D")
        steps = np.array(list(PAYMENT_STEPS.values()), dtype=np.int64)
        step = steps[stated.codes("payment_every", list(PAYMENT_STEPS))]
        once = (step == 0).all(axis=1)
        months, days = np.where(once, ONCE, step[:, 0]), np.where(once, 0, step[:, 1])
        start, end = stated.dates("origination_date"), stated.dates("maturity_date")
        said = stated.dates("next_payment_date")
        said = np.where(once | (said > end), NO_DAY, said)
        anchor = anchor_of(said, end, stated.spec("payment_day").astype(np.int64))
        series = PaymentSeries(np.where(np.isnat(said), end, said), months, days, anchor)
        number = series.after(np.broadcast_to(day, start.shape))
        at = np.where(said > day, 0, number)
        following = np.where(said > day, said, series.day(number))
        whole = once | stated.frame["loan_type"].isin(PAID_ONCE).to_numpy()
        begun = np.where(whole, start, np.maximum(_begun(stated, series.day(at - 1), day), start))
        return cls(
            months=months,
            days=days,
            anchor=anchor,
            next_day=days_from(np.where(once, end, np.minimum(following, end)), day),
            from_day=days_from(np.where((end <= day) & ~whole, day, begun), day),
            made=np.maximum(at - series.after(start), 0),
        )


def _begun(stated: Stated, before: Any, day: Any) -> Any:
    """Day from which interest has accrued: that of the payment before the next.

    Where that too lies ahead (a long first period, a holiday), the day on which the loan was made
    if nothing has been repaid of it, else as_of.
    """
    owed, lent = (
        stated.frame[name].to_numpy(dtype=np.float64)
        for name in ("current_balance", "original_balance")
    )
    early = np.where(owed >= lent, stated.dates("origination_date"), day)
    return np.where(before > day, early, before)


@dataclass(frozen=True)
class PaymentSeries:
    """Payment days one after the other; number 0 is in the month of ``reference``, or that day."""

    reference: Any
    months: IntArray
    days: IntArray
    anchor: IntArray

    def day(self, number: IntArray) -> Any:
        """The payment day of a number."""
        month = self.reference.astype("datetime64[M]") + _months(number * self.months)
        by_day = self.reference + day_steps(number * self.days)
        return np.where(self.days > 0, by_day, month_days(month, self.anchor))

    def after(self, day: Any) -> IntArray:
        """Number of the first payment after ``day``."""
        apart = (day - self.reference).astype(np.int64)
        by_day = apart // np.maximum(self.days, 1) + 1
        months = (day.astype("datetime64[M]") - self.reference.astype("datetime64[M]")).astype(
            np.int64
        ) // np.maximum(self.months, 1)
        months = months + (self.day(months) <= day)
        return np.asarray(np.where(self.days > 0, by_day, months))


def anchor_of(said: Any, end: Any, stated: IntArray) -> IntArray:
    """Day of the month of payments: stated, else the next payment's, else the maturity's.

    A next payment on the last day of its month keeps to the maturity's day where that is later.
    """
    reference = np.where(np.isnat(said), end, said)
    own, last = _day_of_month(reference), _day_of_month(end)
    month_end = _day_of_month(reference + day_steps(np.array(1))) == 1
    return np.where(stated > 0, stated, np.where(month_end & (last > own), last, own))


def next_reset_days(said: Any, months: IntArray, as_of: date) -> IntArray:
    """The first reset after ``as_of``: stated, or later by whole steps; else a step from as_of."""
    day = np.datetime64(as_of, "D")
    reference = np.where(np.isnat(said), day, said)
    steps = np.maximum(months, 1)
    series = PaymentSeries(reference, steps, np.zeros_like(steps), _day_of_month(reference))
    ahead = series.day(series.after(np.broadcast_to(day, reference.shape)))
    return days_from(np.where(said > day, said, ahead), day)


def _day_of_month(day: Any) -> IntArray:
    first = day.astype("datetime64[M]").astype("datetime64[D]")
    return np.asarray((day - first).astype(np.int64) + 1)


def days_from(day: Any, as_of: Any) -> IntArray:
    """Days from ``as_of`` to each ``day``."""
    return np.asarray((day - as_of).astype(np.int64))


def day_steps(count: IntArray) -> Any:
    """So many days, to be added to dates."""
    return np.asarray(count).astype("timedelta64[D]")


def _months(count: IntArray) -> Any:
    return np.asarray(count).astype("timedelta64[M]")
