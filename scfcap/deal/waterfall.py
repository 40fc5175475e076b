"""A series of the securitization programme on its loans: given ones, or bought as cash comes in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from scfcap.deal.accounts import (
    SeriesFlows,
    SeriesState,
    closing_state,
    opening_state,
    period_of,
)
from scfcap.deal.assets import Collected
from scfcap.deal.checks import check_flows
from scfcap.deal.engine import run_deal
from scfcap.deal.outcome import DealRun
from scfcap.deal.programme import class_name, programme_deal
from scfcap.deal.result import BEFORE, REVOLVING, DealResult, Payment
from scfcap.deal.structure import Deal
from scfcap.periods import PeriodGrid
from scfcap.quantities import BoolArray, FloatArray, IntArray
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

    def buy(self, period: int, amount: FloatArray) -> FloatArray:
        """Take in loans of ``amount`` [K] at the close of ``period``; gives what came in."""


@dataclass(frozen=True)
class GivenPool:
    """A series whose loans, and purchases, are given."""

    flows: SeriesFlows

    @cached_property
    def scenarios(self) -> tuple[str, ...]:
        """Names of the K scenarios."""
        return self.flows.names()

    def balance(self, period: int) -> FloatArray:
        """Pool at the close of ``period`` [currency], shape (K,)."""
        return self.flows.pool[:, period]

    def collect(self, period: int) -> Collected:
        """Flows in ``period`` of what was held at its start; its pool with the purchases."""
        f, t = self.flows, period - 1
        return Collected(
            interest=f.interest[:, t],
            principal=f.principal[:, t],
            recovery=f.recovery[:, t],
            default=f.default[:, t],
            pool=f.pool[:, period],
            delinquent=np.zeros(len(f.pool)),
        )

    def wish(self, period: int, cash: FloatArray) -> FloatArray:  # noqa: ARG002
        """The given purchase, whatever the cash."""
        return self.flows.purchases[:, period - 1]

    def buy(self, period: int, amount: FloatArray) -> FloatArray:  # noqa: ARG002
        """Nothing comes in: the given pool holds the given purchases already."""
        return np.zeros_like(amount)


@dataclass(frozen=True)
class _Held:
    """A source as the assets of a deal that begins ``after`` periods of the source's grid."""

    source: PoolSource
    after: int

    @property
    def scenarios(self) -> tuple[str, ...]:
        return self.source.scenarios

    def opening(self) -> FloatArray:
        return self.source.balance(self.after)

    def collect(self, period: int) -> Collected:
        return self.source.collect(period + self.after)

    def wish(self, period: int, cash: FloatArray) -> FloatArray:
        return self.source.wish(period + self.after, cash)

    def buy(self, period: int, cash: FloatArray) -> FloatArray:
        return self.source.buy(period + self.after, cash)

    def sell(self, period: int, where: BoolArray) -> FloatArray:
        raise NotImplementedError


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
    first = max(state.closing_period, 0)
    found = _Found.empty(spec, state, grid, source.scenarios)
    if first > len(grid):
        return found.result()
    cash = np.zeros((2, len(source.scenarios)))
    if state.closing_period > 0:
        cash = _close(spec, state, source, found)
    else:
        cash += np.array([[state.cash], [state.reserve]])
    if first < len(grid):
        part = grid.since(first)
        deal = Deal.of(state.name, programme_deal(spec, state, part), part)
        found.add(run_deal(deal, _Held(source, first), cash=cash, trace=True), first)
    if isinstance(source, GivenPool):
        found.ask_for(source.flows.purchases, first)
    return found.result()


def _close(
    spec: SecuritizationSpec, state: SeriesState, source: PoolSource, found: _Found
) -> FloatArray:
    """Notes and the company's contribution pay for the first pool, reserve and cost of issue.

    Gives what the accounts hold then [2, K].
    """
    t, count = state.closing_period, len(source.scenarios)
    issued = np.full(count, state.notes.sum())
    cost = spec.issue_cost_rate * issued
    first_pool = source.wish(t, np.full(count, state.pool_at_closing))
    needed = first_pool + state.reserve_target + cost - issued
    contribution = np.maximum(needed, 0.0 if state.contribution is None else state.contribution)
    source.buy(t, first_pool)
    cash = np.stack([contribution - needed, np.full(count, state.reserve_target)])
    flows, at = found.flows, t - 1
    flows["issued"][:, at], flows["contribution"][:, at] = issued, contribution
    flows["issue_cost"][:, at] = cost
    flows["cash"][:, at], flows["reserve"][:, at] = cash
    flows["pool"][:, at] = source.balance(t)
    found.balance[:, :, at] = state.notes
    found.phase[:, at] = REVOLVING
    found.trace["purchases"][:, :, at] = first_pool
    return cash


@dataclass
class _Found:
    """A result in the making; flows [K, T], by tranche [K, J, T], trace [3, K, T] by step."""

    spec: SecuritizationSpec
    state: SeriesState
    grid: PeriodGrid
    scenarios: tuple[str, ...]
    flows: dict[str, FloatArray]
    balance: FloatArray
    accrued: FloatArray
    trace: dict[str, FloatArray]
    phase: IntArray
    triggered: IntArray

    @classmethod
    def empty(
        cls,
        spec: SecuritizationSpec,
        state: SeriesState,
        grid: PeriodGrid,
        scenarios: tuple[str, ...],
    ) -> _Found:
        shape = (len(scenarios), len(grid))
        by_tranche = (shape[0], len(state.notes), shape[1])
        return cls(
            *(spec, state, grid, scenarios),
            flows={name: _zeros(*shape) for name in _FLOWS},
            balance=_zeros(*by_tranche),
            accrued=_zeros(*by_tranche),
            trace={name: np.zeros((3, *shape[::-1])).swapaxes(1, 2) for name in _steps(spec)},
            phase=np.full(shape, BEFORE, dtype=np.int64),
            triggered=np.zeros(shape[0], dtype=np.int64),
        )

    def add(self, run: DealRun, first: int) -> None:
        """What the deal did after ``first`` periods; takes over the trace of its ``run``."""
        part, count = slice(first, None), len(self.state.notes)
        for name, quantity in _FLOWS.items():
            if quantity:
                self.flows[name][:, part] = run.of(quantity)
        self.flows["cash"][:, part], self.flows["reserve"][:, part] = run.cash.transpose(1, 2, 0)
        self.balance[:, :, part] = run.of("balance")[:, :count]
        self.accrued[:, :, part] = run.of("owed")[:, :count]
        self.phase[:, part] = run.phase.T + REVOLVING
        names = {class_name(j): tranche.name for j, tranche in enumerate(self.spec.sold)}
        assert run.trace is not None
        merged: dict[str, FloatArray] = {}
        for step in run.deal.steps:
            kind, _, to = step.label.partition(" ")
            name = f"{kind} {names[to]}" if to in names else step.label
            mine = run.trace[:, step.row]
            if name not in merged:
                merged[name] = mine
            elif len(made := np.flatnonzero((run.phase == step.phase).any(axis=1))):
                at = slice(made[0], made[-1] + 1)
                merged[name][:, at] += mine[:, at]
        for name, mine in merged.items():
            if first == 0:
                self.trace[name] = mine.transpose(0, 2, 1)
            else:
                self.trace[name][:, :, part] = mine.transpose(0, 2, 1)
        tripped = run.tripped[:, 0]
        at = np.argmax(tripped, axis=0)
        revolved = run.phase[at, np.arange(len(at))] == 0
        self.triggered[:] = np.where(tripped.any(axis=0) & revolved, first + at + 1, 0)

    def ask_for(self, purchases: FloatArray, first: int) -> None:
        """Given purchases are due whether they can be made or not."""
        self.trace["purchases"][0, :, first:] = purchases[:, first:]

    def result(self) -> DealResult:
        """The result."""
        names = tuple(tranche.name for tranche in self.spec.sold)
        trace: Mapping[str, Payment] = {name: Payment(*each) for name, each in self.trace.items()}

        def by_tranche(kind: str, what: str) -> FloatArray:
            each = [getattr(trace[f"{kind} {name}"], what) for name in names]
            return np.array(each).swapaxes(0, 1)

        return DealResult(
            name=self.state.name,
            scenarios=self.scenarios,
            grid=self.grid,
            tranches=names,
            **self.flows,
            purchases=trace["purchases"].paid,
            senior_fee=trace["senior fee"].paid,
            servicing_fee=trace["servicing fee"].paid,
            residual=trace["residual"].paid,
            interest_due=by_tranche("interest", "due"),
            interest_paid=by_tranche("interest", "paid"),
            principal_paid=by_tranche("principal", "paid"),
            balance=self.balance,
            accrued=self.accrued,
            triggered=self.triggered,
            phase=self.phase,
            trace=trace,
            state=self.state,
            legal_end=self.state.ends(self.spec),
        )


def _zeros(*shape: int) -> FloatArray:
    """Zeros with scenarios in the first axis, and side by side in memory as the engine has them."""
    return np.zeros(shape[::-1]).transpose()


def _steps(spec: SecuritizationSpec) -> tuple[str, ...]:
    """Names of the steps in the order of payment."""
    sold = [tranche.name for tranche in spec.sold]
    return (
        *("reserve release", "senior fee", "servicing fee"),
        *(f"interest {name}" for name in sold),
        *("reserve top-up", "purchases"),
        *(f"principal {name}" for name in sold),
        "residual",
    )


#: Flows of a result, and the quantity of a deal's run that gives each.
_FLOWS = {
    "interest_collected": "interest",
    "principal_collected": "principal_collected",
    "recovered": "recovery",
    "cash_interest": "cash_yield",
    "issued": "",
    "contribution": "",
    "defaults": "default",
    "issue_cost": "",
    "cash": "",
    "reserve": "",
    "pool": "pool",
}
