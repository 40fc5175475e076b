"""Loans of a deal that buys new ones like those which are being lent, cohort by cohort."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scfcap.cashflow.cohorts import CohortFactors
from scfcap.cashflow.flows import Flows
from scfcap.deal.assets import Collected
from scfcap.quantities import BoolArray, FloatArray, IntArray

#: New loans of which less than this share is left at their period's end cannot be bought.
_ALIVE = 1e-9
#: Flows of loans, in the order in which arrays of this module hold them.
FLOWS = ("interest", "principal", "default", "recovery", "delinquent", "pool")


@dataclass(frozen=True)
class Lent:
    """What the deal's loans do, and what one unit of new loans does, in S scenarios, T periods.

    ``held`` [6, T, S] are the flows of the loans at the start, ``start`` [S] their balance; in the
    order interest, principal, default, recovery, delinquent, pool. ``new`` [6, T, S, V] the same of
    one unit of balance bought at the close of period v (from 1, at place v - 1), nothing before;
    ``there`` [S, V] whether there is anything to buy.
    """

    scenarios: tuple[str, ...]
    start: FloatArray
    held: FloatArray
    new: FloatArray
    there: BoolArray

    @classmethod
    def of(
        cls, scenarios: tuple[str, ...], start: FloatArray, flows: Flows, new: FloatArray
    ) -> Lent:
        """From the flows of the deal's own loans (groups are added up) and ``new``."""
        interest = flows.interest + flows.fees + flows.advanced - flows.reimbursed
        each = (
            *(interest, flows.scheduled + flows.prepaid, flows.default),
            *(flows.recovery, flows.delinquent, flows.closing),
        )
        held = np.array([flow.sum(axis=1).T for flow in each])
        there = new[FLOWS.index("pool")].any(axis=0)
        return cls(scenarios, start, held, new, there)


def like_new(factors: CohortFactors, mix: dict[str, float]) -> FloatArray:
    """Flows of one unit of purchases in the shares of ``mix`` by segment [6, T, S, V].

    Loans made in a period are bought at its close for what is left of them. A segment of which
    nothing is left then leaves its share to the others. Recoveries on what defaulted before are
    the seller's: the first to arrive.
    """
    periods, scenarios = len(factors.grid), len(factors.scenarios)
    made = int(factors.vintage.max(initial=0)) if mix else 0
    found = np.zeros((len(FLOWS), periods, scenarios, made))
    for v in range(1, made + 1):
        weights, parts = [], []
        for name, share in mix.items():
            segment = factors.segments.index(name)
            j = int(np.flatnonzero((factors.segment == segment) & (factors.vintage == v))[0])
            left = factors.performing[:, j, v]
            weights.append(np.where(left > _ALIVE, share, 0.0))
            parts.append(_of_one(factors, j, v) / np.maximum(left, _ALIVE))
        weight = np.array(weights)
        total = weight.sum(axis=0)
        weight = weight / np.where(total > 0.0, total, 1.0)
        found[:, :, :, v - 1] = np.einsum("mftk,mk->ftk", np.array(parts), weight)
    return found


def _of_one(factors: CohortFactors, cohort: int, bought: int) -> FloatArray:
    """Flows of one new cohort after it is bought [6, T, S]."""
    after = (np.arange(1, len(factors.grid) + 1) > bought)[None]
    mine = recovered_after_purchase(factors, np.array([cohort]))[:, 0]
    late = factors.delinquent
    flows = (
        np.where(after, factors.interest[:, cohort], 0.0),
        np.where(after, factors.repaid[:, cohort], 0.0),
        np.where(after, factors.default[:, cohort], 0.0),
        mine,
        np.zeros_like(mine) if late is None else np.where(after, late[:, cohort], 0.0),
        np.where(after | (np.arange(1, len(factors.grid) + 1) == bought)[None],
                 factors.performing[:, cohort, 1:], 0.0),
    )  # fmt: skip
    return np.array([flow.T for flow in flows])


def recovered_after_purchase(factors: CohortFactors, cohorts: IntArray) -> FloatArray:
    """Recoveries of new ``cohorts`` on what defaults after their first period [K, j, T].

    They are bought at its close; the first ``receivable`` to arrive after it are the seller's.
    """
    vintage = factors.vintage[cohorts]
    later = np.arange(1, len(factors.grid) + 1) > vintage[:, None]
    arrived = np.cumsum(np.where(later, factors.recovery[:, cohorts], 0.0), axis=2)
    before = factors.receivable[:, cohorts, vintage]
    mine = np.maximum(arrived - before[:, :, None], 0.0)
    return np.diff(mine, axis=2, prepend=0.0)


class CohortAssets:
    """Assets that buy new loans like those lent, as far as there is supply.

    ``rows`` [K] is the scenario of ``lent`` that each row of the run follows; ``price`` of a loan
    and ``supply`` [currency a period] as the deal states them, or by period and row [T, K].
    """

    def __init__(
        self,
        lent: Lent,
        rows: IntArray | None = None,
        names: tuple[str, ...] | None = None,
        price: float = 1.0,
        supply: FloatArray | float | None = None,
    ) -> None:
        self._lent, self._price, self._supply = lent, price, supply
        self._rows = np.arange(len(lent.scenarios)) if rows is None else rows
        chosen = tuple(lent.scenarios[k] for k in self._rows)
        self._names = chosen if names is None else names
        self._held = np.ones(len(self._rows))
        self._units = np.zeros((len(self._rows), lent.new.shape[3]))

    @property
    def scenarios(self) -> tuple[str, ...]:
        """Names of the K rows."""
        return self._names

    @property
    def lent(self) -> Lent:
        """What its loans, and one unit of new ones, do in each scenario."""
        return self._lent

    def opening(self) -> FloatArray:
        """Performing pool at the start [K]."""
        return self._lent.start[self._rows]

    def collect(self, period: int) -> Collected:
        """What the loans held at the start of ``period`` do in it."""
        return Collected(
            **{name: self._flow(row, period) for row, name in enumerate(FLOWS)},
        )

    def _flow(self, row: int, period: int) -> FloatArray:
        t = period - 1
        own = self._lent.held[row, t][self._rows] * self._held
        bought = min(t, self._units.shape[1])
        if bought == 0:
            return np.asarray(own)
        factor = self._lent.new[row, t, self._rows, :bought]
        return np.asarray(own + np.einsum("kv,kv->k", self._units[:, :bought], factor))

    def wish(self, period: int, cash: FloatArray) -> FloatArray:
        """All ``cash`` [K], as far as there are loans on offer."""
        if period > self._units.shape[1]:
            return np.zeros_like(cash)
        supply = np.inf if self._supply is None else self._supply
        most = (supply[period - 1] if isinstance(supply, np.ndarray) else supply) * self._price
        there = self._lent.there[self._rows, period - 1]
        return np.where(there, np.minimum(cash, most), 0.0)

    def buy(self, period: int, cash: FloatArray) -> FloatArray:
        """Take in loans for ``cash`` [K]; gives their balance."""
        balance = cash / self._price
        if period <= self._units.shape[1]:  # later there is nothing on offer: see wish
            self._units[:, period - 1] += balance
        return balance

    def sell(self, period: int, where: BoolArray) -> FloatArray:
        """Give up all loans in the rows ``where`` [K]; gives the performing balance sold."""
        sold = self._flow(FLOWS.index("pool"), period)
        self._held = np.where(where, 0.0, self._held)
        self._units = np.where(where[:, None], 0.0, self._units)
        return np.where(where, sold, 0.0)
