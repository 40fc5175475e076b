"""A series on its own: what it collects buys new loans, as long as it revolves."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy

import numpy as np

from scfcap.axes import SECURITIZATION, place
from scfcap.cashflow.cohorts import CohortFactors
from scfcap.deal.accounts import SeriesState
from scfcap.deal.assets import Collected
from scfcap.deal.bought import FLOWS, Lent, recovered_after_purchase
from scfcap.deal.checks import check_flows
from scfcap.deal.result import DealResult
from scfcap.deal.waterfall import run_periods
from scfcap.errors import InputError, InvariantError, Problem
from scfcap.quantities import ENGINE_TOLERANCE, FloatArray, IntArray
from scfcap.schema.securitization import SecuritizationSpec

#: New loans of which less than this share is left at their period's end cannot be bought.
_ALIVE = 1e-9


def run_revolving(
    spec: SecuritizationSpec,
    state: SeriesState,
    factors: CohortFactors,
    mix: Mapping[str, float] | None = None,
) -> DealResult:
    """Run a series on the cohorts that it holds, all its cash reinvested while it revolves.

    Purchases are loans made in the period, at par, at its close. ``mix`` gives their share by
    segment; None takes ``spec.purchase_mix``, or where that is empty the series' own pool at
    ``as_of``, as far as its segments may be bought and are still lent. A segment whose new loans
    are all repaid by their period's end leaves its share to the others; with nothing to buy, cash
    waits. The run covers ``factors.grid``, its tail too.

    Raises:
        InputError: the mix names a segment that is not lent or not bought, or does not add to 1.
        InvariantError: the series' pool does not tie with its cohorts, or money does not tie.
    """
    pool = RevolvingPool(factors, state.name, purchase_mix(spec, state.name, factors, mix))
    held = pool.balance(0)
    opening = state.pool if state.closing_period <= 0 else 0.0
    if (np.abs(held - opening) > ENGINE_TOLERANCE * max(opening, 1.0)).any():
        msg = (
            f"series {state.name}: its pool at as_of is {opening:.2f}, its cohorts hold "
            f"{held.max():.2f}"
        )
        raise InvariantError(msg)
    result = run_periods(spec, state, factors.grid, pool)
    check_flows(state, result.flows(), len(factors.grid))
    return result


def purchase_mix(
    spec: SecuritizationSpec,
    series: str,
    factors: CohortFactors,
    mix: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Share of purchases by segment (see :func:`run_revolving`); empty: nothing can be bought."""
    lent = {factors.segments[s] for s in np.unique(factors.segment[factors.vintage >= 1])}
    allowed = lent & set(spec.segments or factors.segments)
    stated = dict(spec.purchase_mix if mix is None else mix)
    if stated:
        _check_mix(stated, allowed)
        return stated
    own = _own(factors, series)
    held = np.bincount(factors.segment[own], factors.amount[own], minlength=len(factors.segments))
    chosen = {s: float(b) for s, b in zip(factors.segments, held, strict=True) if s in allowed}
    total = sum(chosen.values())
    return {name: balance / total for name, balance in chosen.items() if balance > 0.0}


def _check_mix(mix: Mapping[str, float], allowed: set[str]) -> None:
    where = "securitization.purchase_mix"
    problems = [
        Problem(
            where=f"{where}.{name}",
            found="a segment without new loans, or that the vehicle does not buy",
            expected=f"one of {', '.join(sorted(allowed)) or 'no segment at all'}",
            action="Give the segment demand, add it to securitization.segments, or leave it out.",
        )
        for name in mix
        if name not in allowed
    ]
    total = sum(mix.values())
    if abs(total - 1.0) > ENGINE_TOLERANCE:
        problems.append(
            Problem(where=where, found=f"shares that add up to {total:g}", expected="1")
        )
    if problems:
        raise InputError(problems)


def _own(factors: CohortFactors, series: str) -> IntArray:
    """Cohorts that ``series`` holds at ``as_of``."""
    key = place(SECURITIZATION, series)
    mine = np.array([origin == key for origin in factors.origin], dtype=np.bool_)
    return np.flatnonzero(mine & (factors.vintage <= 0)).astype(np.int64)


class RevolvingPool:
    """Cohorts held in units of their initial amount, and bought when cash comes in.

    An amount ``A`` of a new cohort, bought at the close of the period ``v`` in which it was made,
    is ``A / performing[v]`` units. Recoveries on what defaulted before are the seller's: the
    first ``receivable[v]`` to arrive after ``v`` (a segment has one lag, so they come in order).
    """

    def __init__(self, factors: CohortFactors, series: str, mix: Mapping[str, float]) -> None:
        own = _own(factors, series)
        self._scenarios = factors.scenarios
        self._share = np.array(list(mix.values()))
        bought = _new_cohorts(factors, tuple(mix))
        chosen = np.concatenate([own, bought.ravel()])
        self._new = len(own) + np.arange(bought.size).reshape(bought.shape)
        self._performing = factors.performing[:, chosen]
        self._interest = factors.interest[:, chosen]
        self._repaid = factors.repaid[:, chosen]
        self._default = factors.default[:, chosen]
        self._recovery = factors.recovery[:, chosen]
        self._recovery[:, len(own) :] = recovered_after_purchase(factors, bought.ravel())
        self._units = np.zeros((len(factors.scenarios), len(chosen)))
        self._units[:, : len(own)] = factors.amount[own]

    @property
    def scenarios(self) -> tuple[str, ...]:
        """Names of the K scenarios."""
        return self._scenarios

    def lent(self, periods: int) -> Lent:
        """What it holds, and one unit of purchases, over ``periods``: the pool as a table."""
        held = np.array([self._all(period) for period in range(1, periods + 1)])
        count = min(len(self._new), periods)
        new = np.zeros((len(FLOWS), periods, len(self._scenarios), count))
        for bought in range(1, count + 1):
            alone = copy(self)
            alone._units = np.zeros_like(self._units)
            alone.buy(bought, np.ones(len(self._scenarios)))
            new[FLOWS.index("pool"), bought - 1, :, bought - 1] = alone.balance(bought)
            for t in range(bought, periods):
                new[:, t, :, bought - 1] = alone._all(t + 1)
        there = new[FLOWS.index("pool")].any(axis=0)
        return Lent(self._scenarios, self.balance(0), held.transpose(1, 0, 2), new, there)

    def _all(self, period: int) -> FloatArray:
        """Flows of what it holds in ``period``, in the order of FLOWS [6, K]."""
        found = self.collect(period)
        return np.array([getattr(found, name) for name in FLOWS])

    def balance(self, period: int) -> FloatArray:
        """Pool at the close of ``period`` [currency], shape (K,); 0 is ``as_of``."""
        return self._sum(self._performing, period)

    def collect(self, period: int) -> Collected:
        """Flows in ``period`` of what was held at its start."""
        t = period - 1
        return Collected(
            interest=self._sum(self._interest, t),
            principal=self._sum(self._repaid, t),
            recovery=self._sum(self._recovery, t),
            default=self._sum(self._default, t),
            pool=self._sum(self._performing, period),
            delinquent=np.zeros(len(self._scenarios)),
        )

    def wish(self, period: int, cash: FloatArray) -> FloatArray:
        """All ``cash`` [K], where there is a loan to buy."""
        return np.where(self._weights(period).sum(axis=1) > 0.0, cash, 0.0)

    def buy(self, period: int, amount: FloatArray) -> FloatArray:
        """Take in new loans of ``amount`` [K] at the close of ``period``; gives what came in."""
        weights = self._weights(period)
        if not weights.any():
            return np.zeros_like(amount)
        new = self._new[period - 1]
        left = self._performing[:, new, period]
        total = np.maximum(weights.sum(axis=1, keepdims=True), _ALIVE)
        units = amount[:, None] * weights / total
        self._units[:, new] = np.where(weights > 0.0, units / np.maximum(left, _ALIVE), 0.0)
        return np.where(weights.any(axis=1), amount, 0.0)

    def _weights(self, period: int) -> FloatArray:
        """Share of each segment of the mix, zero where nothing is left to buy [K, segments]."""
        if period > len(self._new):
            return np.zeros((len(self._scenarios), len(self._share)))
        left = self._performing[:, self._new[period - 1], period]
        return np.where(left > _ALIVE, self._share, 0.0)

    def _sum(self, factor: FloatArray, index: int) -> FloatArray:
        return np.asarray(np.einsum("kj,kj->k", self._units, factor[:, :, index]))


def _new_cohorts(factors: CohortFactors, segments: tuple[str, ...]) -> IntArray:
    """Index of the new cohort of each period and segment, shape (periods, segments)."""
    periods = int(factors.vintage.max(initial=0))
    found = np.zeros((max(periods, 0) if segments else 0, len(segments)), dtype=np.int64)
    for column, name in enumerate(segments):
        of_segment = factors.segment == factors.segments.index(name)
        cohorts = np.flatnonzero(of_segment & (factors.vintage >= 1))
        found[factors.vintage[cohorts] - 1, column] = cohorts
    return found
