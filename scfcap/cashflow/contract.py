"""Contract schedules in cents: what one loan owes on each day, if all goes as agreed.

Interest accrues exactly (amounts and rates are read at their shortest decimal form, shares of a
year are fractions) and is rounded where it is paid; a level payment is rounded when it is set; the
last payment takes the rest. Between two payments interest is reckoned from the first: what accrues
after an event on day d is the share of the year to the next payment less that to d, so that an
event that changes nothing changes no cent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from scfcap.axes import BULLET, EQUAL_PRINCIPAL, FLAT_FEE, LEVEL_PAYMENT, LOAN_TYPES, ORDER
from scfcap.cashflow.terms import (
    Contract,
    Draw,
    Event,
    Fees,
    Floating,
    PayLate,
    Repay,
    Reprice,
)
from scfcap.daycount import exact_fraction
from scfcap.errors import InputError, Problem
from scfcap.quantities import FloatArray, IntArray

__all__ = [
    "Contract",
    "Draw",
    "Event",
    "Fees",
    "Floating",
    "PayLate",
    "Repay",
    "Reprice",
    "Schedule",
    "level_payment",
    "schedule",
]

#: What comes first of one day: payments, then late ones, then events in the order given.
_PAYMENT, _LATE, _EVENT = range(3)
#: Day, place in the day, order, and what it is: the number of a payment, or an event.
_Moment = tuple[date, int, int, Any]


@dataclass(frozen=True)
class Schedule:
    """Cash of one loan by row [currency, whole units of the contract], shape (rows,).

    ``day`` is the day paid (datetime64[s]); ``number`` that of the payment from 1, and 0 where the
    row is none: the loan paid out, drawn, repaid early. ``drawn`` goes to the borrower;
    ``interest``, ``principal`` and ``fees`` come from him. ``capitalised`` interest is added to the
    principal. ``balance`` is the principal owed after the row, so that drawn + capitalised -
    principal, added up, is the balance, and zero at the end.
    """

    day: np.ndarray[Any, Any]
    number: IntArray
    drawn: FloatArray
    interest: FloatArray
    principal: FloatArray
    capitalised: FloatArray
    fees: FloatArray
    balance: FloatArray

    def __len__(self) -> int:
        return len(self.day)

    def where(self, chosen: Any) -> Schedule:
        """The rows picked by an index or a mask."""
        return Schedule(*(getattr(self, f.name)[chosen] for f in fields(self)))

    @property
    def payments(self) -> Schedule:
        """The rows that are payments of the contract."""
        return self.where(self.number > 0)

    @property
    def cash(self) -> FloatArray:
        """What the lender receives, less what he pays out [currency], shape (rows,)."""
        return self.interest + self.principal + self.fees - self.drawn

    def to_frame(self) -> pd.DataFrame:
        """One row a day and cause: day, number of the payment, amounts."""
        return pd.DataFrame({f.name: getattr(self, f.name) for f in fields(self)})


def level_payment(principal: float, rate: float, payments: int, per_year: int = 12) -> float:
    """The level payment of a loan [currency], rounded to the cent, half to even.

    ``rate`` is a year's, paid ``per_year`` times: P·i / (1 - (1 + i)^-n), i = rate / per_year.
    """
    step, cents = _exact(rate) / per_year, round(_exact(principal) * 100)
    if step == 0:
        return round(Fraction(cents, payments)) / 100
    growth = (1 + step) ** payments
    return round(cents * step * growth / (growth - 1)) / 100


def schedule(contract: Contract, events: Sequence[Event] = ()) -> Schedule:
    """What ``contract`` pays from its start to its end, with ``events`` on any days.

    On one day payments come first, then late ones, then events in their order; a rate reset holds
    from its day on. Rows stop when nothing is owed and no event follows. The new level payment
    after an event is set at the next payment. An early repayment is of principal; of all of it,
    with the interest accrued.

    Raises:
        InputError: an event is outside the contract's days, draws more than the limit, repays more
            than is owed, or names no payment; all problems at once.
    """
    ledger = _Ledger(contract, events)
    ledger.run()
    if ledger.problems:
        raise InputError(ledger.problems)
    return ledger.schedule()


@dataclass
class _Row:
    day: date
    number: int
    balance: int
    drawn: int = 0
    interest: int = 0
    principal: int = 0
    capitalised: int = 0
    fees: int = 0


class _Ledger:
    """The account of one loan, in whole units of its contract."""

    def __init__(self, contract: Contract, events: Sequence[Event]) -> None:
        self.contract = contract
        self.unit = _exact(contract.unit)
        self.kind = LOAN_TYPES.index(contract.loan_type)
        due, self.paid = contract.due_days(), contract.paid_days()
        flat = self.kind == FLAT_FEE
        self.days = self.paid if contract.adjusted_interest and not flat else due
        self.regular = contract.regular()
        self.problems: list[Problem] = []
        self.late = _late_days(list(zip(due, self.paid, strict=True)), events, self.problems)
        self.moments = _moments(self.days, contract, events, self.problems)
        self.moments += [(day, _LATE, number, number) for number, day in self.late.items()]
        self.moments.sort(key=lambda m: m[:3])
        self.rows: list[_Row] = []
        self.lent = self._units(contract.principal)
        self.limit = max(self._units(contract.limit or 0.0), self.lent)
        self.owed = 0  # principal that is not late
        self.flat_base = 0  # principal on which a flat fee is reckoned
        self.accrued = Fraction(0)
        self.rate = _exact(_rate_at_start(contract))
        self.period_start = self.mark = contract.start
        self.level = 0
        self.set_anew = True
        self.outstanding: dict[int, _Row] = {}  # payments that are late

    def _units(self, amount: float | Fraction) -> int:
        exact = amount if isinstance(amount, Fraction) else _exact(amount)
        return _rounded(exact / self.unit, self.contract.rounding)

    def run(self) -> None:
        contract = self.contract
        fees = self._units(contract.fees.upfront) + self._share(
            self.lent, contract.fees.upfront_share
        )
        self._draw(contract.start, self.lent, fees)
        for day, place, _, what in self.moments:
            if place == _PAYMENT:
                self._accrue(day)
                self.period_start = day
                self._pay(what)
            elif place == _LATE:
                self._settle(what, day)
            else:
                self._accrue(day)
                self._event(what)

    def _event(self, event: Draw | Repay | Reprice) -> None:
        if isinstance(event, Reprice):
            self.rate = _exact(event.rate)
            self.set_anew = True
        elif isinstance(event, Draw):
            amount = self._units(event.amount)
            room = self.limit - self._balance()
            if amount > room:
                expected = f"at most {self._text(room)} on {event.day}"
                self.problems.append(_refusal(event, self._text(amount), expected))
                return
            self._draw(event.day, amount, 0)
            self.set_anew = True
        else:
            self._repay(event)

    # Accrual.

    def _accrue(self, day: date) -> None:
        """Interest up to ``day`` since the last moment."""
        if day == self.mark:
            return
        years = self._years(self.period_start, day) - self._years(self.period_start, self.mark)
        base = self.flat_base if self.kind == FLAT_FEE else self.owed
        self.accrued += base * self.rate * years
        self.mark = day

    def _years(self, start: date, end: date) -> Fraction:
        return exact_fraction(start, end, self.contract.accrues_by, self.regular)

    # Cash.

    def _draw(self, day: date, amount: int, fees: int) -> None:
        self.owed += amount
        self.flat_base += amount
        self.rows.append(_Row(day, 0, self._balance(), drawn=amount, fees=fees))

    def _repay(self, event: Repay) -> None:
        amount = self.owed if event.amount is None else self._units(event.amount)
        if amount > self.owed:
            expected = f"at most what is owed, {self._text(self.owed)}, on {event.day}"
            self.problems.append(_refusal(event, self._text(amount), expected))
            return
        if amount == 0:
            return
        interest = 0
        if amount == self.owed:
            interest, self.accrued = self._round(self.accrued), Fraction(0)
        self.flat_base -= round(Fraction(self.flat_base * amount, self.owed))
        self.owed -= amount
        if self.contract.keep == "term":
            self.set_anew = True
        fees = self._share(amount, self.contract.fees.early_share)
        row = _Row(event.day, 0, self._balance(), 0, interest, amount, 0, fees)
        self.rows.append(row)

    def _pay(self, number: int) -> None:
        """The payment ``number`` of the contract, on its day."""
        if self.owed == 0 and self.accrued == 0:
            return
        contract, last = self.contract, number == len(self.days)
        row = _Row(self.paid[number - 1], number, 0)
        at_end = self.kind in (BULLET, ORDER)
        if not last and number <= contract.no_payment:
            if contract.capitalise:
                row.capitalised, self.accrued = self._round(self.accrued), Fraction(0)
                self.owed += row.capitalised
                self.flat_base += row.capitalised
        else:
            row.fees = self._units(contract.fees.per_payment) + self._share(
                self.lent, contract.fees.per_payment_share
            )
            if last or not at_end:
                unrounded, self.accrued = self.accrued, Fraction(0)
                row.interest = self._round(unrounded)
                row.principal = self.owed if last else self._principal(number, unrounded)
        self.owed -= row.principal
        if number in self.late and row.interest + row.principal + row.fees:
            self.outstanding[number] = row
            return
        row.balance = self._balance()
        self.rows.append(row)

    def _settle(self, number: int, day: date) -> None:
        """A late payment comes in, with what lateness costs."""
        row = self.outstanding.pop(number, None)
        if row is None:
            return
        contract, amount = self.contract, row.interest + row.principal + row.fees
        fees = contract.fees
        rate = self.rate if fees.late_rate is None else _exact(fees.late_rate)
        years = exact_fraction(row.day, day, contract.counted_by, self.regular)
        penalty = amount * rate * years
        row.fees += self._share(amount, fees.late_share) + self._round(penalty)
        row.fees += self._units(fees.late_flat)
        row.day, row.balance = day, self._balance()
        self.rows.append(row)

    def _principal(self, number: int, interest: Fraction) -> int:
        """Principal due with a payment that is not the last; ``interest`` is what is due."""
        if number <= self.contract.no_payment + self.contract.interest_only:
            return 0
        left = len(self.days) - number + 1
        if self.kind in (EQUAL_PRINCIPAL, FLAT_FEE):
            if self.set_anew:
                self.level, self.set_anew = self._round(Fraction(self.owed, left)), False
            return min(self.level, self.owed)
        if self.kind != LEVEL_PAYMENT:
            return 0
        if self.set_anew:
            payment = (self.owed + interest) / self._annuity(number)
            self.level, self.set_anew = self._round(payment), False
        principal = self.level - self._round(interest)
        if principal < 0:  # a long period: its interest is more than the level payment
            self.set_anew = True
        return min(max(principal, 0), self.owed)

    def _annuity(self, number: int) -> Fraction:
        """Value at payment ``number`` of a unit paid with it and each one after, at today's rate.

        Numerator and denominator are not reduced on the way, which would take most of the time.
        """
        worth, par = 0, 1
        for start, end in reversed(list(pairwise(self.days[number - 1 :]))):
            growth = 1 + self.rate * self._years(start, end)
            worth, par = (worth + par) * growth.denominator, par * growth.numerator
        return Fraction(worth + par, par)

    # Small things.

    def _balance(self) -> int:
        return self.owed + sum(row.principal for row in self.outstanding.values())

    def _round(self, units: Fraction) -> int:
        return _rounded(units, self.contract.rounding)

    def _share(self, units: int, share: float) -> int:
        return self._round(units * _exact(share))

    def _text(self, units: int) -> str:
        return f"{float(units * self.unit):,.2f}"

    def schedule(self) -> Schedule:
        columns: dict[str, Any] = {
            "day": np.array([row.day for row in self.rows], dtype="datetime64[s]"),
            "number": np.array([row.number for row in self.rows], dtype=np.int64),
        }
        for f in fields(Schedule)[2:]:
            units = (getattr(row, f.name) for row in self.rows)
            columns[f.name] = np.array([float(u * self.unit) for u in units], dtype=np.float64)
        return Schedule(**columns)


def _late_days(
    days: list[tuple[date, date]], events: Sequence[Event], problems: list[Problem]
) -> dict[int, date]:
    """Day on which each payment comes that comes late; what is wrong is added to ``problems``.

    ``days`` are those on which the payments are due, as agreed and as moved to business days.
    """
    late: dict[int, date] = {}
    for event in events:
        if not isinstance(event, PayLate):
            continue
        number = next((n for n, both in enumerate(days, 1) if event.due in both), 0)
        if not number:
            found = f"no payment due on {event.due}"
            problems.append(_refusal(event, found, "the day of a payment"))
        elif event.paid <= days[number - 1][1]:
            expected = f"a day after {days[number - 1][1]}"
            problems.append(_refusal(event, f"paid on {event.paid}", expected))
        else:
            late[number] = event.paid
    return late


def _moments(
    days: list[date], contract: Contract, events: Sequence[Event], problems: list[Problem]
) -> list[_Moment]:
    """Payments on their ``days``, and events; what is wrong is added to ``problems``."""
    moments: list[_Moment] = [(day, _PAYMENT, number, number) for number, day in enumerate(days, 1)]
    if isinstance(contract.rate, Floating):
        rate = contract.rate
        resets = rate.resets(contract.start, days[-1])
        events = [*(Reprice(day, rate.rate_on(day)) for day in resets), *events]
    for order, event in enumerate(events):
        if isinstance(event, PayLate):
            continue
        if not contract.start <= event.day < days[-1]:
            expected = f"a day from {contract.start} to before {days[-1]}"
            problems.append(_refusal(event, str(event.day), expected))
        elif not _is_sound(event):
            problems.append(_refusal(event, str(event), "an amount above 0, a rate of 0 or more"))
        else:
            moments.append((event.day, _EVENT, order, event))
    return moments


def _refusal(event: Event, found: str, expected: str) -> Problem:
    return Problem(f"contract event {type(event).__name__}", found, expected)


def _rate_at_start(contract: Contract) -> float:
    rate = contract.rate
    return rate.rate_on(contract.start) if isinstance(rate, Floating) else rate


def _is_sound(event: Draw | Repay | Reprice) -> bool:
    value = event.rate if isinstance(event, Reprice) else event.amount
    if value is None:
        return True
    return 0.0 <= value < np.inf and (value > 0.0 or isinstance(event, Reprice))


def _exact(value: float) -> Fraction:
    return Fraction(repr(float(value)))


def _rounded(units: Fraction, how: str) -> int:
    if how == "half-even":
        return round(units)
    if how == "half-up":
        return (2 * units.numerator + units.denominator) // (2 * units.denominator)
    down = units.numerator // units.denominator
    return down if how == "down" or units == down else down + 1
