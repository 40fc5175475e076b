"""Terms of one loan: what was agreed, and what may happen to it on any day."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from scfcap.axes import CONVENTIONS, DAY_COUNTS, LOAN_TYPES, PAID_ONCE
from scfcap.calendars import CALENDARS, EVERY_DAY, BusinessCalendar, adjust, known
from scfcap.daycount import Regular, month_day
from scfcap.errors import InputError, Problem
from scfcap.periods import add_months

#: Time from one payment to the next: months, days.
EVERY: Final = {
    "day": (0, 1),
    "week": (0, 7),
    "2 weeks": (0, 14),
    "month": (1, 0),
    "quarter": (3, 0),
    "half year": (6, 0),
    "year": (12, 0),
    "at maturity": (0, 0),
}
ROUNDINGS: Final = ("half-even", "half-up", "up", "down")
AFTER_REPAYMENT: Final = ("term", "payment")
#: Longest term of a contract [days], and the most payments that it can have.
LONGEST_TERM = 36_525
#: Highest rate that is believed [1/year].
_HIGHEST_RATE = 50.0


@dataclass(frozen=True)
class Fees:
    """What a contract asks besides interest; amounts in currency, shares are decimals.

    ``upfront`` and ``upfront_share`` (of the principal) are kept back when it is paid out.
    ``per_payment`` and ``per_payment_share`` (of the principal lent) are due with each payment,
    where anything is owed. A payment that comes late costs ``late_flat``, ``late_share`` of what
    was due, and interest on it at ``late_rate`` [1/year] up to the day paid; None is the loan's
    own rate. ``early_share`` is of principal that is repaid early.
    """

    upfront: float = 0.0
    upfront_share: float = 0.0
    per_payment: float = 0.0
    per_payment_share: float = 0.0
    late_flat: float = 0.0
    late_share: float = 0.0
    late_rate: float | None = None
    early_share: float = 0.0


@dataclass(frozen=True)
class Floating:
    """A rate that follows an index: index + ``margin``, not below ``floor`` nor above ``cap``.

    ``fixings`` are days and values of the index [1/year] in the order of their days; each holds up
    to the next, the first before its day too. The rate is set at the loan's start and every
    ``reset_months`` after ``first_reset`` (default: that long after the start).
    """

    fixings: tuple[tuple[date, float], ...]
    margin: float = 0.0
    floor: float = 0.0
    cap: float = _HIGHEST_RATE
    reset_months: int = 3
    first_reset: date | None = None

    def rate_on(self, day: date) -> float:
        """The rate that a reset on ``day`` sets [1/year]."""
        index = self.fixings[0][1]
        for fixed, value in self.fixings:
            if fixed <= day:
                index = value
        return min(max(index + self.margin, self.floor), self.cap)

    def resets(self, start: date, end: date) -> Iterator[date]:
        """Days after ``start`` and before ``end`` on which the rate is set anew."""
        first = self.first_reset or add_months(start, self.reset_months)
        number, day = 0, first
        while day < end:
            if day > start:
                yield day
            number += 1
            day = add_months(first, number * self.reset_months)


@dataclass(frozen=True)
class Draw:
    """Principal drawn on a day [currency], within the contract's limit."""

    day: date
    amount: float


@dataclass(frozen=True)
class Repay:
    """Principal repaid early on a day [currency]; None is all, with the interest accrued."""

    day: date
    amount: float | None = None


@dataclass(frozen=True)
class Reprice:
    """A new rate from a day on [1/year]."""

    day: date
    rate: float


@dataclass(frozen=True)
class PayLate:
    """The payment that falls ``due`` on a day comes on a later one, in full."""

    due: date
    paid: date


Event = Draw | Repay | Reprice | PayLate


@dataclass(frozen=True)
class Contract:
    """A loan as agreed.

    ``principal`` [currency] is paid out at ``start``; ``limit`` (default: the principal) is the
    most that may be owed. The contract ends after ``payments`` of them or at its ``maturity``: one
    of the two is stated. Payments follow each other by ``every`` (a key of :data:`EVERY`) from
    ``first_payment``; without it they are counted from the start where their number is stated, and
    back from the maturity else, so that an odd period is the first. ``payment_day`` is the day of
    the month (31: its last) where payments go by months; the last falls on the maturity all the
    same. A payment on a day that the ``calendar`` closes moves by the ``convention``; interest
    runs to the day paid, or to the day due if ``adjusted_interest`` is off. Without a ``day_count``
    it goes by act/act-icma where it is paid every so many months (a regular month is 1/12), by
    act/365 where it is paid every so many days or once, at maturity (bullets and orders too).

    ``level_payment`` is level over the days as they are: it repays the loan at the actual share of
    a year of each period. ``flat_fee`` pays even principal and, each period, ``rate`` on the whole
    principal lent for the nominal time from due day to due day: n/12 for n months, of a period
    that is odd its share, days by the ``day_count``; so its instalments are equal. The first
    ``no_payment`` payments fall away: their interest waits for the next payment, or is added to the
    principal if ``capitalise``. The ``interest_only`` payments after them are of interest alone.
    After an early repayment the term is kept and payments fall, or (``keep`` = "payment") they stay
    and the loan ends sooner.

    Amounts are rounded to ``unit`` [currency]; the last payment takes the rest.

    Raises:
        InputError: what is stated makes no contract; all problems at once.
    """

    loan_type: str
    principal: float
    rate: float | Floating
    start: date
    payments: int | None = None
    maturity: date | None = None
    first_payment: date | None = None
    payment_day: int | None = None
    every: str = "month"
    day_count: str | None = None
    calendar: str = EVERY_DAY
    convention: str = "following"
    adjusted_interest: bool = True
    interest_only: int = 0
    no_payment: int = 0
    capitalise: bool = False
    limit: float | None = None
    keep: str = "term"
    fees: Fees = field(default_factory=Fees)
    unit: float = 0.01
    rounding: str = "half-even"

    def __post_init__(self) -> None:
        problems = [*_names(self), *_amounts(self), *_days(self)]
        if not problems:
            spared, count = self.no_payment + self.interest_only, len(self.due_days())
            if spared >= count:
                problems.append(
                    _problem("no_payment + interest_only", spared, f"less than {count} payments")
                )
        if problems:
            raise InputError(problems)

    @property
    def counted_by(self) -> str:
        """The day count stated, else the one that goes with the payments."""
        once = self.loan_type in PAID_ONCE
        by_months = EVERY[self.every][0] > 0 and not once
        return self.day_count or ("act/act-icma" if by_months else "act/365")

    @property
    def accrues_by(self) -> str:
        """:attr:`counted_by`, but months of a flat fee are twelfths."""
        nominal = self.loan_type == "flat_fee" and EVERY[self.every][0] > 0
        return "act/act-icma" if nominal else self.counted_by

    @property
    def anchor(self) -> int:
        """Day of the month on which payments fall, 31 for its last."""
        counted = self.start if self.maturity is None else self.maturity
        return self.payment_day or (self.first_payment or counted).day

    def due_days(self) -> list[date]:
        """Days on which payments fall due, before they move to business days."""
        if self.every == "at maturity":
            return [self.maturity or self.first_payment or self.start]
        if self.payments is not None:
            origin, skip = (self.first_payment, 0) if self.first_payment else (self.start, 1)
            return [self._step(origin, number + skip) for number in range(self.payments)]
        return self._until(self.maturity or self.start)

    def paid_days(self) -> list[date]:
        """:meth:`due_days`, moved to business days, but never back to the start."""
        due = self.due_days()
        held = BusinessCalendar.load(self.calendar, self.start.year, due[-1].year)
        earliest = self.start + timedelta(1)
        return [max(adjust(day, held, self.convention), earliest) for day in due]

    def regular(self) -> Regular:
        """The regular days that ``act/act-icma`` refers to; years for a single payment."""
        known_day = self.first_payment or self.due_days()[-1]
        return Regular(known_day, EVERY[self.every][0] or 12, self.anchor)

    def _step(self, origin: date, number: int) -> date:
        months, days = EVERY[self.every]
        if days:
            return origin + timedelta(days * number)
        moved = add_months(origin.replace(day=1), months * number)
        return month_day(moved.year, moved.month, self.anchor)

    def _until(self, maturity: date) -> list[date]:
        due = [maturity]
        if self.first_payment is not None:
            due, number = [], 0
            while (day := self._step(self.first_payment, number)) < maturity:
                due.append(day)
                number += 1
            return [*due, maturity]
        number = 0
        while (day := self._step(maturity, number)) > self.start:
            if day < maturity:
                due.append(day)
            number -= 1
        return due[::-1]


def _problem(where: str, found: object, expected: str) -> Problem:
    return Problem(f"contract: {where}", str(found), expected)


def _names(contract: Contract) -> Iterator[Problem]:
    """Names that there are not."""
    named = (
        ("loan_type", LOAN_TYPES),
        ("every", tuple(EVERY)),
        ("day_count", (*DAY_COUNTS, None)),
        ("convention", CONVENTIONS),
        ("rounding", ROUNDINGS),
        ("keep", AFTER_REPAYMENT),
    )
    for name, allowed in named:
        value = getattr(contract, name)
        if value not in allowed:
            yield _problem(name, repr(value), f"one of {', '.join(filter(None, allowed))}")
    if not known(contract.calendar):
        yield _problem("calendar", repr(contract.calendar), f"one of {', '.join(CALENDARS)}")
    if contract.day_count == "act/act-icma" and EVERY.get(contract.every, (1, 0))[1]:
        yield _problem("day_count", "act/act-icma with payments by days", "payments by months")


def _amounts(contract: Contract) -> Iterator[Problem]:
    """Amounts, rates and shares that cannot be."""
    principal, limit = contract.principal, contract.limit
    drawn_later = limit is not None and limit > 0.0
    if not (math.isfinite(principal) and (principal > 0.0 or (principal == 0.0 and drawn_later))):
        yield _problem("principal", principal, "an amount above 0, or 0 with a limit")
    if limit is not None and not principal <= limit < math.inf:
        yield _problem("limit", limit, f"the principal, {principal:g}, or more")
    if not 0.0 < contract.unit < math.inf:
        yield _problem("unit", contract.unit, "an amount above 0")
    rate = contract.rate
    if isinstance(rate, Floating):
        yield from _floating(rate)
    elif not 0.0 <= rate <= _HIGHEST_RATE:
        yield _problem("rate", rate, f"0 to {_HIGHEST_RATE:g} a year, a decimal")
    for name, value in vars(contract.fees).items():
        if value is not None and not 0.0 <= value < math.inf:
            yield _problem(f"fees.{name}", value, "0 or more")
    for name in ("interest_only", "no_payment"):
        if getattr(contract, name) < 0:
            yield _problem(name, getattr(contract, name), "0 or more")


def _floating(rate: Floating) -> Iterator[Problem]:
    days = [day for day, _ in rate.fixings]
    if not days or days != sorted(set(days)):
        yield _problem("rate.fixings", f"{len(days)} days", "at least one, in rising order")
    if not all(math.isfinite(value) for value in (rate.margin, *(v for _, v in rate.fixings))):
        yield _problem("rate", "an index or a margin that is no number", "numbers")
    if not 0.0 <= rate.floor <= rate.cap <= _HIGHEST_RATE:
        found = f"floor {rate.floor:g}, cap {rate.cap:g}"
        yield _problem("rate", found, f"0 <= floor <= cap <= {_HIGHEST_RATE:g}")
    if rate.reset_months < 1:
        yield _problem("rate.reset_months", rate.reset_months, "1 or more")


def _days(contract: Contract) -> Iterator[Problem]:
    """Days that are not in order."""
    start, first, last = contract.start, contract.first_payment, contract.maturity
    if first is not None and first <= start:
        yield _problem("first_payment", first, f"a day after the start, {start}")
    if last is not None and not start < last <= start + timedelta(LONGEST_TERM):
        yield _problem("maturity", last, f"a day after the start, {start}, within 100 years")
    if last is not None and first is not None and first > last:
        yield _problem("first_payment", first, f"the maturity, {last}, or before")
    if contract.payment_day is not None and not 1 <= contract.payment_day <= 31:
        yield _problem("payment_day", contract.payment_day, "a day of the month, 1 to 31")
    months, days = EVERY.get(contract.every, (1, 0))
    if contract.payment_day is not None and contract.every in EVERY and not months:
        yield _problem("payment_day", contract.payment_day, "payments by months")
    count = contract.payments
    if contract.every == "at maturity":
        if last is None or count not in (None, 1):
            yield _problem("maturity", last, "the day of the only payment")
    elif (count is None) == (last is None):
        yield _problem("payments, maturity", f"{count}, {last}", "one of the two")
    elif count is not None:
        most = LONGEST_TERM // (days or 30 * months)
        if not 1 <= count <= most:
            yield _problem("payments", count, f"1 to {most}")
