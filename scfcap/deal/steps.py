"""The waterfall as data: an ordered tuple of steps, each of which moves cash.

A step takes the :class:`Book` of a series and the :class:`Moment`, and returns the book after
it with what was due, available and paid. All amounts are arrays over scenarios [K], in currency.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from scfcap.quantities import ENGINE_TOLERANCE, BoolArray, FloatArray
from scfcap.schema.securitization import SecuritizationSpec


@dataclass(frozen=True)
class Book:
    """Accounts and debts of a series; J sold tranches, senior first.

    ``cash`` and ``reserve`` [K]; ``notes`` and ``accrued`` (interest earned, not paid) [J, K];
    ``owed`` [2, K] unpaid senior and servicing fees of earlier periods.
    """

    cash: FloatArray
    reserve: FloatArray
    notes: FloatArray
    accrued: FloatArray
    owed: FloatArray

    @property
    def gone(self) -> BoolArray:
        """Whether no note and no interest is left [K]."""
        return np.asarray(~(self.notes.any(axis=0) | self.accrued.any(axis=0)))


@dataclass(frozen=True)
class Moment:
    """What the steps must know of a period.

    ``pool`` is the opening balance [K]; ``revolving``, ``amortising`` and ``repaid`` tell the
    phase of each scenario [K]; ``final``: at or after the legal end. ``wish`` gives the purchases
    wanted [K] out of the cash at hand [K].
    """

    year_fraction: float
    pool: FloatArray
    revolving: BoolArray
    amortising: BoolArray
    repaid: BoolArray
    final: bool
    wish: Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Payment:
    """What a step owed, could use and paid [K]; ``due - paid`` is short."""

    due: FloatArray
    available: FloatArray
    paid: FloatArray


class Step(Protocol):
    """One line of the waterfall."""

    @property
    def name(self) -> str:
        """Name in reports."""

    def pay(self, book: Book, moment: Moment) -> tuple[Book, Payment]:
        """Move cash; a step never pays more than is due nor than there is."""


def _draw(book: Book, due: FloatArray, reserve: FloatArray) -> tuple[Book, Payment]:
    """Pay ``due`` from cash first, then out of ``reserve``, the part of the reserve it may use."""
    from_cash = np.minimum(due, book.cash)
    rest = due - from_cash
    from_reserve = np.minimum(rest, reserve)
    paid = np.where(rest <= reserve, due, np.minimum(from_cash + from_reserve, due))
    after = replace(book, cash=book.cash - from_cash, reserve=book.reserve - from_reserve)
    return after, Payment(due, book.cash + reserve, paid)


def _with_row(values: FloatArray, row: int, new: FloatArray) -> FloatArray:
    changed = values.copy()
    changed[row] = new
    return changed


@dataclass(frozen=True)
class PayFee:
    """A fee of ``rate`` a year on the opening pool, with what earlier periods left unpaid."""

    name: str
    account: int
    rate: float

    def pay(self, book: Book, moment: Moment) -> tuple[Book, Payment]:
        """Cash, then the reserve."""
        due = book.owed[self.account] + self.rate * moment.year_fraction * moment.pool
        book, payment = _draw(book, due, book.reserve)
        return replace(book, owed=_with_row(book.owed, self.account, due - payment.paid)), payment


@dataclass(frozen=True)
class PayInterest:
    """Coupon of one tranche on its opening balance, with what was left unpaid (without interest).

    Where ``deferred``, nothing is due while the series revolves: the coupon accrues and is due in
    the first amortising period.
    """

    name: str
    tranche: int
    coupon: float
    deferred: bool

    def pay(self, book: Book, moment: Moment) -> tuple[Book, Payment]:
        """Cash, then the reserve."""
        owed = book.accrued[self.tranche] + (
            self.coupon * moment.year_fraction * book.notes[self.tranche]
        )
        due = np.where(moment.revolving, 0.0, owed) if self.deferred else owed
        book, payment = _draw(book, due, book.reserve)
        return replace(
            book, accrued=_with_row(book.accrued, self.tranche, owed - payment.paid)
        ), payment


@dataclass(frozen=True)
class ReleaseReserve:
    """What the reserve holds above ``target`` goes to cash."""

    target: float
    name: str = "reserve release"

    def pay(self, book: Book, moment: Moment) -> tuple[Book, Payment]:
        """From the reserve to cash."""
        due = np.where(moment.repaid, 0.0, np.maximum(book.reserve - self.target, 0.0))
        after = replace(book, cash=book.cash + due, reserve=book.reserve - due)
        return after, Payment(due, book.reserve, due)


@dataclass(frozen=True)
class TopUpReserve:
    """Fill the reserve to ``target`` while notes are outstanding."""

    target: float
    name: str = "reserve top-up"

    def pay(self, book: Book, moment: Moment) -> tuple[Book, Payment]:
        """Cash only."""
        due = np.where(moment.repaid, 0.0, np.maximum(self.target - book.reserve, 0.0))
        paid = np.minimum(due, book.cash)
        after = replace(book, cash=book.cash - paid, reserve=book.reserve + paid)
        return after, Payment(due, book.cash, paid)


@dataclass(frozen=True)
class BuyLoans:
    """Purchases at the period's close while the series revolves.

    Due is what is wanted; wanted outside the revolving period, it is short.
    """

    name: str = "purchases"

    def pay(self, book: Book, moment: Moment) -> tuple[Book, Payment]:
        """Cash only, and only while revolving."""
        due = moment.wish(np.where(moment.revolving, book.cash, 0.0))
        available = np.where(moment.revolving, book.cash, 0.0)
        paid = np.minimum(due, available)
        return replace(book, cash=book.cash - paid), Payment(due, available, paid)


@dataclass(frozen=True)
class PayPrincipal:
    """Principal of one tranche, when those before it are zero and the series amortises.

    The reserve joins in once cash and reserve suffice for all notes, but for ENGINE_TOLERANCE of
    them (a plan may aim at exactly enough), and at the legal end.
    """

    name: str
    tranche: int

    def pay(self, book: Book, moment: Moment) -> tuple[Book, Payment]:
        """Cash, then the reserve where it is free."""
        senior_gone = ~book.notes[: self.tranche].any(axis=0)
        turn = moment.amortising & senior_gone
        needed = book.notes.sum(axis=0) * (1.0 - ENGINE_TOLERANCE)
        free = turn & ((needed <= book.cash + book.reserve) | moment.final)
        balance = book.notes[self.tranche]
        due = np.where(turn, balance, 0.0)
        book, payment = _draw(book, due, np.where(free, book.reserve, 0.0))
        notes = _with_row(book.notes, self.tranche, balance - payment.paid)
        return replace(book, notes=notes), payment


@dataclass(frozen=True)
class PayResidual:
    """All cash and the reserve to the company once the notes are zero."""

    name: str = "residual"

    def pay(self, book: Book, moment: Moment) -> tuple[Book, Payment]:
        """Everything, or nothing."""
        free = (moment.amortising | moment.repaid) & book.gone
        due = np.where(free, book.cash + book.reserve, 0.0)
        after = replace(
            book, cash=np.where(free, 0.0, book.cash), reserve=np.where(free, 0.0, book.reserve)
        )
        return after, Payment(due, due, due)


def waterfall(spec: SecuritizationSpec, reserve_target: float) -> tuple[Step, ...]:
    """Order of payment: fees, interest by seniority, reserve, purchases or principal, residual.

    ``reserve_target`` [currency]; only movements between cash and reserve come before the fees.
    """
    sold = spec.sold
    deferred = spec.coupon_timing == "accrued_while_revolving"
    return (
        ReleaseReserve(reserve_target),
        PayFee("senior fee", 0, spec.senior_fee_rate),
        PayFee("servicing fee", 1, spec.servicing_fee_rate),
        *(PayInterest(f"interest {t.name}", j, t.coupon, deferred) for j, t in enumerate(sold)),
        TopUpReserve(reserve_target),
        BuyLoans(),
        *(PayPrincipal(f"principal {t.name}", j) for j, t in enumerate(sold)),
        PayResidual(),
    )
