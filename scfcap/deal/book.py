"""The books of a deal while it runs: cash, debts, and every word that formulas use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Final

import numpy as np

from scfcap.deal.assets import Collected
from scfcap.deal.structure import Deal
from scfcap.expressions import TRUE, Cells, Expression, Texts
from scfcap.quantities import BoolArray, FloatArray, IntArray

#: What a line lends on the loans [K], from the period, the pool [K] and what is past due [K].
Lends = Callable[[int, FloatArray, FloatArray], FloatArray]
#: Less than any amount; by a smaller one the division of floats may overflow.
_NOTHING: Final = 1e-200


@dataclass
class Book:
    """A deal's books; K scenarios in the last axis, amounts in currency.

    ``cash`` [A, K] by account; by tranche [J, K] ``balance``, ``owed`` (interest due, not paid),
    ``accrued`` (earned, not yet due), ``written_off``, ``coupon`` and ``original``; ``fee`` [F, K]
    owed, ``fee_accrued`` [F, K]; by line [L, K] ``drawn``, ``line_owed`` (interest and fee);
    ``hedge`` [H, K] owed by the deal; ``index`` [I, K]; ``bases`` by line. ``collected`` sums
    since the last payment date. What a step paid and left short on the date is in ``paid`` and
    ``short`` by its word.
    """

    deal: Deal
    cash: FloatArray
    balance: FloatArray
    owed: FloatArray
    accrued: FloatArray
    written_off: FloatArray
    coupon: FloatArray
    original: FloatArray
    fee: FloatArray
    fee_accrued: FloatArray
    drawn: FloatArray
    line_owed: FloatArray
    hedge: FloatArray
    hedge_accrued: FloatArray
    tripped: BoolArray
    phase: IntArray
    pool: FloatArray
    pool_opening: FloatArray
    pool_at_closing: FloatArray
    cumulative_default: FloatArray
    cumulative_recovery: FloatArray
    collected: dict[str, FloatArray]
    measures: dict[str, FloatArray] = field(default_factory=dict)
    indices: dict[str, FloatArray] = field(default_factory=dict)
    paid: dict[str, FloatArray] = field(default_factory=dict)
    short: dict[str, FloatArray] = field(default_factory=dict)
    originator_default: BoolArray | None = None
    bases: Mapping[str, Lends] = field(default_factory=dict)
    called: IntArray = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    payment: int = 0
    period: int = 0

    @property
    def size(self) -> int:
        """K."""
        return int(self.cash.shape[1])

    # --- formulas ---------------------------------------------------------------------------

    def number(self, expression: Expression) -> FloatArray:
        """A formula's value [K]; what is missing (a division by zero) is 0."""
        found = np.asarray(expression.evaluate(self.word, self.size), dtype=np.float64)
        return np.where(np.isnan(found), 0.0, found)

    def holds(self, expression: Expression) -> BoolArray:
        """Whether a test is true [K]; what is undetermined is not."""
        return np.asarray(expression.answers(self.word, self.size) == TRUE)

    def amount(self, stated: object) -> FloatArray | float:
        """An amount that is stated, or a formula of the deal."""
        if isinstance(stated, str):
            return self.number(self.deal.formulas[stated])
        return float(stated) if isinstance(stated, int | float) else 0.0

    def word(self, name: str) -> Cells:
        """The value of a word: see :mod:`scfcap.deal.words`."""
        family, dot, key = name.partition(".")
        if not dot:
            return _PLAIN[name](self)
        return _NAMED[family](self, key)

    # --- figures ----------------------------------------------------------------------------

    @property
    def notes(self) -> FloatArray:
        """Balance of all classes but equity [K]."""
        return np.asarray(self.balance[self.debt].sum(axis=0))

    @cached_property
    def debt(self) -> BoolArray:
        """Which classes are debt [J]."""
        return np.array([t.kind != "equity" for t in self.deal.spec.tranches.values()])

    def account(self, name: str) -> int:
        """Row of an account."""
        return self.deal.accounts.index(name)

    def tranche(self, name: str) -> int:
        """Row of a tranche."""
        return self.deal.tranches.index(name)

    def target(self, name: str) -> FloatArray:
        """What an account should hold [K]; 0 without a target."""
        spec = self.deal.spec.accounts.get(name)
        stated = None if spec is None else spec.target
        return np.broadcast_to(self.amount(stated), (self.size,))

    def notional(self, name: str) -> FloatArray:
        """What a class bears interest on [K]."""
        spec = self.deal.spec.tranches[name]
        if spec.notional is not None:
            return self.number(self.deal.formulas[spec.notional])
        return np.asarray(self.balance[self.tranche(name)])

    def commitment(self, name: str) -> FloatArray:
        """What may be drawn on a line at a time, in all [K]."""
        spec = self.deal.spec.lines[name]
        most = np.broadcast_to(self.amount(spec.commitment), (self.size,))
        if spec.available_while is None:
            return most
        return np.where(self.holds(self.deal.formulas[spec.available_while]), most, 0.0)

    def undrawn(self, name: str) -> FloatArray:
        """What may still be drawn on a line [K]."""
        row = list(self.deal.spec.lines).index(name)
        return np.asarray(np.maximum(self.commitment(name) - self.drawn[row], 0.0))

    def borrowing_base(self, name: str) -> FloatArray:
        """What a line lends on the loans that are in the deal now [K]."""
        late = self.collected["delinquent"]
        if name in self.bases:
            return self.bases[name](self.period, self.pool, late)
        rate = self.deal.spec.lines[name].advance_rate or 0.0
        return np.asarray(rate * np.maximum(self.pool - late, 0.0))

    def availability(self, name: str) -> FloatArray:
        """What a line lends within its commitment, less what is drawn [K]; may be below zero."""
        row = list(self.deal.spec.lines).index(name)
        most = np.minimum(self.borrowing_base(name), self.commitment(name))
        return np.asarray(most - self.drawn[row])

    def line_bases(self) -> FloatArray:
        """Borrowing base and availability by line [2, L, K]; 0 where a line lends on no loans."""
        found = np.zeros((2, len(self.deal.spec.lines), self.size))
        for row, (name, line) in enumerate(self.deal.spec.lines.items()):
            if line.has_base:
                found[:, row] = self.borrowing_base(name), self.availability(name)
        return found

    def owed_to(self, name: str) -> FloatArray:
        """Interest that a class is owed, or interest and fee of a line [K]."""
        if name in self.deal.spec.lines:
            return np.asarray(self.line_owed[list(self.deal.spec.lines).index(name)])
        return np.asarray(self.owed[self.tranche(name)])

    @property
    def years(self) -> float:
        """Interest period that ends with the period [years]."""
        if self.period == 0:
            return 0.0
        return float(self.deal.years[self.deal.calendar.interest_period(self.period)].sum())

    def take(self, flows: Collected) -> None:
        """Add what the loans did in a period to the sums since the last payment date."""
        for name in ("interest", "principal", "recovery", "default"):
            self.collected[name] = self.collected[name] + getattr(flows, name)
        self.collected["delinquent"] = flows.delinquent
        self.pool = flows.pool
        self.cumulative_default = self.cumulative_default + flows.default
        self.cumulative_recovery = self.cumulative_recovery + flows.recovery

    def excess_spread(self) -> FloatArray:
        """Collected interest less what fees and interest are due and less losses [1/year]."""
        due = self.fee.sum(axis=0) + self.owed.sum(axis=0)
        losses = self.collected["default"] - self.collected["recovery"]
        return _rate(self.collected["interest"] - due - losses, self)

    def principal_cash(self) -> FloatArray:
        """Cash in the account of principal [K]."""
        return np.asarray(self.cash[self.account(self.deal.spec.collections.principal)])


def _rate(amount: FloatArray, book: Book) -> FloatArray:
    """``amount`` of an interest period, a year and of the opening pool [1/year]; 0 of a period
    without length, as from the 30th to the 31st by 30/360.
    """
    return share(amount, book.pool_opening * book.years)


def share(part: FloatArray, whole: FloatArray) -> FloatArray:
    """``part`` over ``whole``, 0 where there is none."""
    there = whole > _NOTHING
    return np.where(there, part / np.where(there, whole, 1.0), 0.0)


def _losses(book: Book) -> FloatArray:
    return book.collected["default"] - book.collected["recovery"]


def _cover(book: Book) -> FloatArray:
    return share(book.pool + book.principal_cash() - book.notes, book.pool)


def _truth(values: BoolArray | bool, book: Book) -> Cells:
    return np.broadcast_to(np.asarray(values).astype(np.int8), (book.size,))


def _originator(book: Book) -> Cells:
    return _truth(False if book.originator_default is None else book.originator_default, book)


def _final(book: Book) -> Cells:
    end = book.deal.spec.legal_end
    day = _today(book)
    return _truth(day >= end if end is not None else book.period == len(book.deal.years), book)


def _today(book: Book) -> date:
    calendar = book.deal.calendar
    return calendar.dates[book.period - 1] if book.period else calendar.start


_PLAIN: Mapping[str, Callable[[Book], Cells]] = {
    "pool": lambda b: b.pool,
    "pool_opening": lambda b: b.pool_opening,
    "pool_at_closing": lambda b: b.pool_at_closing,
    "notes": lambda b: b.notes,
    "notes_at_closing": lambda b: np.asarray(b.original[b.debt].sum(axis=0)),
    "collected_interest": lambda b: b.collected["interest"],
    "collected_principal": lambda b: b.collected["principal"],
    "collected_recovery": lambda b: b.collected["recovery"],
    "collected": lambda b: np.asarray(
        b.collected["interest"] + b.collected["principal"] + b.collected["recovery"]
    ),
    "defaults": lambda b: b.collected["default"],
    "losses": _losses,
    "cumulative_default": lambda b: b.cumulative_default,
    "cumulative_loss": lambda b: np.asarray(b.cumulative_default - b.cumulative_recovery),
    "delinquent": lambda b: b.collected["delinquent"],
    "default_rate": lambda b: _rate(b.collected["default"], b),
    "delinquency_rate": lambda b: share(b.collected["delinquent"], b.pool),
    "excess_spread": lambda b: b.excess_spread(),
    "overcollateralization": _cover,
    "idle_share": lambda b: share(b.principal_cash(), b.notes),
    "payment": lambda b: np.asarray(float(b.payment)),
    "years": lambda b: np.asarray(b.years),
    "date": lambda b: np.asarray(np.datetime64(_today(b), "D")),
    "phase": lambda b: Texts(
        b.phase.astype(np.int32), tuple(phase.name for phase in b.deal.spec.phases)
    ),
    "originator_default": _originator,
    "called": lambda b: _truth(b.called != 0, b),
    "final": _final,
}
_NAMED: Mapping[str, Callable[[Book, str], Cells]] = {
    "balance": lambda b, n: b.balance[b.tranche(n)],
    "original": lambda b, n: b.original[b.tranche(n)],
    "owed": lambda b, n: b.owed_to(n),
    "written_off": lambda b, n: b.written_off[b.tranche(n)],
    "coupon": lambda b, n: b.coupon[b.tranche(n)],
    "account": lambda b, n: b.cash[b.account(n)],
    "target": lambda b, n: b.target(n),
    "fee": lambda b, n: b.fee[list(b.deal.spec.fees).index(n)],
    "drawn": lambda b, n: b.drawn[list(b.deal.spec.lines).index(n)],
    "undrawn": lambda b, n: b.undrawn(n),
    "borrowing_base": lambda b, n: b.borrowing_base(n),
    "availability": lambda b, n: b.availability(n),
    "hedge": lambda b, n: b.hedge[list(b.deal.spec.hedges).index(n)],
    "index": lambda b, n: b.indices[n],
    "measure": lambda b, n: b.measures.get(n, np.zeros(b.size)),
    "trigger": lambda b, n: _truth(b.tripped[list(b.deal.spec.triggers).index(n)], b),
    "paid": lambda b, n: b.paid.get(n, np.zeros(b.size)),
    "short": lambda b, n: b.short.get(n, np.zeros(b.size)),
}
