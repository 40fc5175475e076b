"""One pass through time over a series, all scenarios at once.

Order in a period after closing: the loans held at its start are collected, idle cash earns its
yield, then the steps of :func:`scfcap.deal.steps.waterfall`. Money is checked at the end of each
period: what came in equals what was paid and what is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import numpy as np

from scfcap.deal.accounts import (
    SeriesFlows,
    SeriesState,
    closing_state,
    opening_state,
    period_of,
)
from scfcap.deal.checks import Checker, check_flows
from scfcap.deal.result import AMORTISING, REPAID, REVOLVING, DealResult, Recorder
from scfcap.deal.steps import Book, Moment, waterfall
from scfcap.deal.triggers import tripped
from scfcap.periods import PeriodGrid
from scfcap.quantities import FloatArray, IntArray
from scfcap.schema.securitization import SecuritizationSpec

__all__ = [
    "DealResult",
    "GivenPool",
    "PoolSource",
    "SeriesFlows",
    "SeriesState",
    "closing_state",
    "opening_state",
    "period_of",
    "run_periods",
    "run_series",
]


@dataclass(frozen=True)
class Collected:
    """Flows of the loans held at a period's start [currency], each of shape (K,)."""

    interest: FloatArray
    principal: FloatArray
    recovery: FloatArray
    default: FloatArray

    @property
    def cash(self) -> FloatArray:
        """All that is received."""
        return self.interest + self.principal + self.recovery


class PoolSource(Protocol):
    """The loans of a series: given from outside, or bought as cash comes in."""

    @property
    def scenarios(self) -> tuple[str, ...]:
        """Names of the K scenarios."""

    def balance(self, period: int) -> FloatArray:
        """Pool at the close of ``period`` [currency], shape (K,); 0 is ``as_of``."""

    def collect(self, period: int) -> Collected:
        """Flows in ``period`` of what was held at its start."""

    def wish(self, period: int, cash: FloatArray) -> FloatArray:
        """Loans to buy at the close of ``period`` out of ``cash`` [K]."""

    def buy(self, period: int, amount: FloatArray) -> None:
        """Take in loans of ``amount`` [K] at the close of ``period``."""


@dataclass(frozen=True)
class GivenPool:
    """A series whose loans, and purchases, are given."""

    flows: SeriesFlows

    @property
    def scenarios(self) -> tuple[str, ...]:
        """Names of the K scenarios."""
        return self.flows.names()

    def balance(self, period: int) -> FloatArray:
        """Pool at the close of ``period`` [currency], shape (K,)."""
        return self.flows.pool[:, period]

    def collect(self, period: int) -> Collected:
        """Flows in ``period`` of what was held at its start."""
        f, t = self.flows, period - 1
        return Collected(f.interest[:, t], f.principal[:, t], f.recovery[:, t], f.default[:, t])

    def wish(self, period: int, cash: FloatArray) -> FloatArray:  # noqa: ARG002
        """The given purchase, whatever the cash."""
        return self.flows.purchases[:, period - 1]

    def buy(self, period: int, amount: FloatArray) -> None:
        """Nothing to do: the given pool holds the given purchases already."""


def run_series(
    spec: SecuritizationSpec, state: SeriesState, grid: PeriodGrid, flows: SeriesFlows
) -> DealResult:
    """Run a series on given loans and purchases.

    A purchase that cash cannot pay, or that falls outside the revolving period, is paid as far
    as allowed; the rest is short in the step "purchases" although the given pool holds it, so
    that the caller must look at ``DealResult.short("purchases")``.

    Raises:
        InvariantError: the given pool does not roll forward, or money does not tie.
    """
    check_flows(state, flows, len(grid))
    return run_periods(spec, state, grid, GivenPool(flows.clipped()))


def run_periods(
    spec: SecuritizationSpec, state: SeriesState, grid: PeriodGrid, source: PoolSource
) -> DealResult:
    """Run a series on the loans of ``source``, period by period (see :func:`run_series`)."""
    scenarios = source.scenarios
    count = len(scenarios)
    steps = waterfall(spec, state.reserve_target)
    recorder = Recorder(steps, count, len(state.notes), len(grid))
    check = Checker(state.name, scenarios)
    book = _opening_book(state, count)
    cumulative = np.full(count, state.cumulative_default)
    triggered: IntArray = np.zeros(count, dtype=np.int64)
    for t in range(max(state.closing_period, 1), len(grid) + 1):
        before, pool, year = book, source.balance(t - 1), float(grid.year_fractions[t - 1])
        if t == state.closing_period:
            book = _close(spec, state, source, recorder, count)
            check.money(t, before, book, *recorder.sources_uses(t))
            continue
        phase = _phase(book, t <= state.last_revolving, triggered)
        collected = source.collect(t)
        cash_interest = spec.cash_yield * year * (book.cash + book.reserve)
        recorder.collected(t, collected, cash_interest, phase)
        cash = book.cash + collected.cash + cash_interest
        moment = Moment(
            year_fraction=year,
            pool=pool,
            revolving=phase == REVOLVING,
            amortising=phase == AMORTISING,
            repaid=phase == REPAID,
            final=t >= state.ends(spec),
            wish=partial(source.wish, t),
        )
        book = replace(book, cash=cash)
        for step in steps:
            book, payment = step.pay(book, moment)
            recorder.traced(t, step, payment)
        source.buy(t, recorder.paid("purchases", t))
        recorder.closed(t, book, source.balance(t))
        check.payments(t, recorder.steps, recorder.trace(t))
        check.money(t, before, book, *recorder.sources_uses(t))
        check.order(t, before, book)
        cumulative = cumulative + collected.default
        over = tripped(
            spec.trigger, collected.default, cumulative, pool, state.pool_at_closing, year
        )
        triggered = np.where(over & (triggered == 0) & moment.revolving, t, triggered)
    return recorder.result(spec, state, scenarios, grid, triggered)


def _opening_book(state: SeriesState, count: int) -> Book:
    share = 1.0 if state.closing_period <= 0 else 0.0
    return Book(
        cash=np.full(count, share * state.cash),
        reserve=np.full(count, share * state.reserve),
        notes=_rows(share * state.notes, count),
        accrued=_rows(share * state.accrued, count),
        owed=np.zeros((2, count)),
    )


def _rows(values: FloatArray, count: int) -> FloatArray:
    """``values`` [J], the same in each scenario [J, K]."""
    return np.repeat(values[:, None], count, axis=1)


def _close(
    spec: SecuritizationSpec,
    state: SeriesState,
    source: PoolSource,
    recorder: Recorder,
    count: int,
) -> Book:
    """Notes and the company's contribution pay for the first pool, reserve and cost of issue."""
    t = state.closing_period
    issued = np.full(count, state.notes.sum())
    cost = spec.issue_cost_rate * issued
    first_pool = source.wish(t, np.full(count, state.pool_at_closing))
    needed = first_pool + state.reserve_target + cost - issued
    contribution = np.maximum(needed, 0.0 if state.contribution is None else state.contribution)
    source.buy(t, first_pool)
    book = Book(
        cash=contribution - needed,
        reserve=np.full(count, state.reserve_target),
        notes=_rows(state.notes, count),
        accrued=np.zeros((len(state.notes), count)),
        owed=np.zeros((2, count)),
    )
    recorder.issued(t, issued, contribution, cost, first_pool)
    recorder.closed(t, book, source.balance(t))
    return book


def _phase(book: Book, may_revolve: bool, triggered: IntArray) -> IntArray:
    """Phase of each scenario in a period after closing [K]."""
    running = np.where(may_revolve & (triggered == 0), REVOLVING, AMORTISING)
    return np.where(book.gone, REPAID, running).astype(np.int64)
