"""What a run of a deal writes down as it goes, and the result that is made of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scfcap.deal.assets import Assets
from scfcap.deal.book import Book
from scfcap.deal.outcome import BY_TRANCHE, WHOLE, Closing, DealRun
from scfcap.deal.payments import Paid
from scfcap.deal.structure import Step
from scfcap.quantities import BoolArray, FloatArray

_ROW = {name: row for row, name in enumerate(WHOLE)}
_OF_TRANCHE = {name: row for row, name in enumerate(BY_TRANCHE)}
#: Which quantity of a tranche a step adds to.
_RECORDED = {
    "interest": "interest_paid",
    "principal": "principal",
    "write_off": "written_off",
    "write_up": "written_up",
    "residual": "residual",
}


class Record:
    """Figures of a run by period, all scenarios; arrays as :class:`~scfcap.deal.outcome.DealRun`
    has them. ``book`` holds what they are at the moment.
    """

    def __init__(self, book: Book, closing: Closing, watch: Sequence[str], *, trace: bool) -> None:
        deal, size = book.deal, book.size
        spec, count, steps = deal.spec, len(deal.years), len(deal.steps)
        self._book, self._deal, self._closing, self._watch = book, deal, closing, tuple(watch)
        self._opening, self._pool, self._start = book.balance.copy(), book.pool, book.cash.copy()
        self._drawn_start = book.drawn.copy()
        self._tranche = np.zeros((len(BY_TRANCHE), count, len(deal.tranches), size))
        self._whole = np.zeros((len(WHOLE), count, size))
        self._cash = np.zeros((count, len(deal.accounts), size))
        self._fees = np.zeros((2, count, len(spec.fees), size))
        self._drawn = np.zeros((count, len(spec.lines), size))
        self._bases = np.zeros((2, count, len(spec.lines), size))
        self._phase = np.zeros((count, size), dtype=np.int64)
        self._tripped = np.zeros((count, len(spec.triggers), size), dtype=np.bool_)
        self._measures = np.zeros((count, len(spec.measures), size))
        self._trace = np.zeros((3, steps, count, size)) if trace or watch else None
        self._ready = None if self._trace is None else np.zeros_like(self._cash)
        self._watched = np.zeros((len(watch), steps, count, size)) if watch else None
        self._fee_rows = {name: row for row, name in enumerate(spec.fees)}
        said = deal.said.union(watch)
        self._asked = {
            step.word for step in deal.steps if {f"paid.{step.word}", f"short.{step.word}"} & said
        }

    def starts(self, cash: FloatArray) -> None:
        """The accounts hold ``cash`` [A, K] at the start, instead of what the deal says."""
        self._book.cash[:] = cash
        self._start = self._book.cash.copy()

    def tranche(self, quantity: str) -> FloatArray:
        """Row of a quantity of tranches in this period [J, K]."""
        return np.asarray(self._tranche[_OF_TRANCHE[quantity], self._book.period - 1])

    def put(self, **flows: FloatArray) -> None:
        """Add to quantities of the whole deal in this period [K]."""
        for name, values in flows.items():
            self._whole[_ROW[name], self._book.period - 1] += values

    def measure(self, row: int, values: FloatArray) -> None:
        """What a measure is found to be [K]."""
        self._measures[self._book.period - 1, row] = values

    def ready(self) -> None:
        """What stands before the first step."""
        if self._ready is not None:
            self._ready[self._book.period - 1] = self._book.cash

    def step(self, step: Step, paid: Paid, active: BoolArray | None) -> None:
        """A step that was made in the scenarios ``active`` [K]; None: in all."""
        if step.word in self._asked:
            self._remember(step, paid)
        if len(paid.each):
            self._flows(step, paid)
        if self._trace is not None:
            where: BoolArray | bool = True if active is None else active
            for place, values in enumerate((paid.due, paid.available, paid.paid)):
                if values.ndim:
                    into = self._trace[place, step.row, self._book.period - 1]
                    np.copyto(into, values, where=where)
        if self._watched is not None:
            for w, word in enumerate(self._watch):
                self._watched[w, step.row, self._book.period - 1] = np.broadcast_to(
                    np.asarray(self._book.word(word), dtype=np.float64), (self._book.size,)
                )

    def _remember(self, step: Step, paid: Paid) -> None:
        """Keep what formulas ask of a step."""
        book, short = self._book, paid.due - paid.paid
        if step.word in book.paid:
            book.paid[step.word] = book.paid[step.word] + paid.paid
            book.short[step.word] = book.short[step.word] + short
        else:
            book.paid[step.word], book.short[step.word] = paid.paid, short

    def _flows(self, step: Step, paid: Paid) -> None:
        kind, targets = step.spec.pay, step.spec.targets
        quantity = _RECORDED.get(kind)
        if quantity is not None:
            into = self.tranche(quantity)
            for name, amount in zip(targets, paid.each, strict=False):
                into[self._book.tranche(name)] += amount
        elif kind == "fee":
            for name, amount in zip(targets, paid.each, strict=True):
                self._fees[0, self._book.period - 1, self._fee_rows[name]] += amount
        elif kind == "purchase":
            self.put(purchases=paid.paid, bought=paid.each[0])
        elif kind in ("hedge", "line"):
            self.put(**{f"{kind}_paid": paid.paid})
        if kind == "residual" and not targets:
            self.put(released=paid.paid)
        if paid.drawn.ndim:
            self.put(line_drawn=paid.drawn)

    def close(self) -> None:
        """What stands at the close of the period."""
        book, t = self._book, self._book.period - 1
        self.tranche("balance")[:] = book.balance
        self.tranche("owed")[:] = book.owed
        self.put(pool=book.pool)
        self._cash[t], self._fees[1, t], self._drawn[t] = book.cash, book.fee, book.drawn
        self._bases[:, t] = book.line_bases()
        self._phase[t], self._tripped[t] = book.phase, book.tripped

    def result(self, assets: Assets) -> DealRun:
        """The run, once it is over; ``assets`` as it left them."""
        return DealRun(
            deal=self._deal,
            scenarios=assets.scenarios,
            original=self._book.original,
            opening=self._opening,
            closing=self._closing,
            tranche=self._tranche,
            whole=self._whole,
            cash=self._cash,
            fee_paid=self._fees[0],
            fee_owed=self._fees[1],
            drawn=self._drawn,
            bases=self._bases,
            phase=self._phase,
            tripped=self._tripped,
            measures=self._measures,
            called=self._book.called,
            pool_start=self._pool,
            drawn_start=self._drawn_start,
            start=self._start,
            trace=self._trace,
            ready=self._ready,
            watched=self._watched,
            watch=self._watch,
            assets=assets,
        )
