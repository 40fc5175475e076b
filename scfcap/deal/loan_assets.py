"""Whole loans of a deal: bought one by one out of its cash, given back, and followed to the end."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np
import pandas as pd

from scfcap.cashflow.kernel import run_kernel
from scfcap.credit.curves import CurveSet
from scfcap.deal.assets import Collected
from scfcap.deal.choosing import choose
from scfcap.deal.loan_ledger import COLUMNS, Bought, Left, entries, recovered_after
from scfcap.deal.loan_stock import FLOWS, LoanStock, arranged, at_ends, by_period
from scfcap.quantities import BoolArray, FloatArray, IntArray

_POOL, _PRINCIPAL, _RECOVERY = (FLOWS.index(x) for x in ("pool", "principal", "recovery"))
_LATE = FLOWS.index("delinquent")
#: Loans whose own flows are found at a time.
_CHUNK = 1_000


class LoanAssets:
    """Assets that buy whole loans; K rows of a run, each in a scenario of ``curves``.

    A loan on offer is made at the end of the period in which its day falls, and keeps its term.
    ``least_size`` [currency]: limits by share are taken of at least this pool. ``returned`` gives
    rows of the loans at closing that the seller takes back at par by period (from 1); with
    ``substitutes`` it gives another loan on offer instead, where one is good enough. ``follow``
    keeps each loan's balance, so that :meth:`standing` knows it. ``elsewhere``: ids of loans that
    other deals have bought, by scenario.
    """

    def __init__(
        self,
        stock: LoanStock,
        curves: CurveSet,
        price: float = 1.0,
        least_size: float = 0.0,
        returned: dict[int, IntArray] | None = None,
        *,
        substitutes: bool = False,
        follow: bool = False,
        elsewhere: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        self._offers = by_period(stock, curves.grid.days)
        stock = at_ends(stock, curves.grid.days)
        self.stock, self._price, self._least = stock, price, least_size
        self._curves, self._substitutes, self._follow = curves, substitutes, follow
        count = len(curves.scenarios)
        self._alone = [curves.under(curves.stress.chosen(np.array([k]))) for k in range(count)]
        self._elsewhere = [
            np.isin(stock.loan_id.astype(str), sorted((elsewhere or {}).get(name, ())))
            for name in curves.scenarios
        ]
        self._inside = [np.zeros(len(stock), dtype=np.bool_) for _ in range(count)]
        self._wished: list[IntArray] = [stock.held[:0]] * count
        self.bought: list[list[Bought]] = [[] for _ in range(count)]
        self.left: list[list[Left]] = [[] for _ in range(count)]
        self.changes = 0
        self._due: list[dict[int, list[IntArray]]] = [
            {t: [rows] for t, rows in (returned or {}).items()} for _ in range(count)
        ]
        self._followed: list[list[tuple[int, IntArray, FloatArray]]] = [[] for _ in range(count)]
        self._flow = np.zeros((len(FLOWS), len(curves.grid), count))
        self._start = np.full(count, float(stock.balance[stock.held].sum()))
        self._hold()

    def _hold(self) -> None:
        """Take in the loans at closing: in all scenarios at once, unless they are followed."""
        held = self.stock.held
        if not self._follow:
            group = np.zeros(len(held), dtype=np.int64)
            loans = self.stock.loans(held, self._curves, group)
            self._flow += arranged(run_kernel(loans, self._curves, 1))[:, :, 0].swapaxes(1, 2)
        for k in range(len(self._inside)):
            price = self._price * self.stock.balance[held]
            self._enter(k, 0, held, price, flows=self._follow)

    @property
    def scenarios(self) -> tuple[str, ...]:
        """Names of the K scenarios."""
        return self._curves.scenarios

    def opening(self) -> FloatArray:
        """Performing pool at the start [K]."""
        return self._start

    def collect(self, period: int) -> Collected:
        """What the loans held at the start of ``period`` do in it; loans taken back are paid."""
        exchanged = np.zeros(len(self._inside))
        for k, due in enumerate(self._due):
            if period in due:
                rows = np.unique(np.concatenate(due.pop(period)))
                exchanged[k] = self._give_back(k, period, rows[self._inside[k][rows]])
        flows = {name: self._flow[row, period - 1].copy() for row, name in enumerate(FLOWS)}
        return Collected(**flows, exchanged=exchanged)

    # --- purchases --------------------------------------------------------------------------

    def wish(self, period: int, cash: FloatArray) -> FloatArray:
        """Price of the loans chosen out of those on offer, within ``cash`` [K]."""
        cost = np.zeros(len(cash))
        for k in range(len(cash)):
            self._wished[k] = self._offers[period - 1][:0]
            if cash[k] > 0.0 and len(offers := self._open(k, period)):
                money = (float(cash[k]), self._price, self._least)
                self._wished[k] = self._chosen(k, period, offers, money)
                cost[k] = self._price * float(self.stock.balance[self._wished[k]].sum())
        return cost

    def _open(self, k: int, period: int) -> IntArray:
        """Loans on offer in ``period`` that neither this deal nor another has taken."""
        offers = self._offers[period - 1]
        return offers[~(self._inside[k] | self._elsewhere[k])[offers]]

    def _chosen(
        self, k: int, period: int, offers: IntArray, money: tuple[float, float, float]
    ) -> IntArray:
        """Those of ``offers`` that keep the limits, one after the other."""
        day = int(self._curves.grid.days[period])
        rows = np.flatnonzero(self._inside[k] & (self.stock.maturity_day > day))
        owed = self.stock.owed(rows, day)
        return offers[choose(offers, self.stock.balance, owed, self.stock.limits, money)]

    def buy(self, period: int, cash: FloatArray) -> FloatArray:
        """Take in the loans chosen, where they are paid for; gives their balance."""
        balance = np.zeros(len(cash))
        for k, rows in enumerate(self._wished):
            if not len(rows) or cash[k] <= 0.0:
                continue
            self._enter(k, period, rows, self._price * self.stock.balance[rows])
            balance[k] = float(self.stock.balance[rows].sum())
            self._wished[k] = rows[:0]
        return balance

    def _enter(
        self, k: int, period: int, rows: IntArray, price: FloatArray, *, flows: bool = True
    ) -> None:
        """Loans come in at the close of ``period``; without ``flows`` these are there already."""
        self._inside[k][rows] = True
        self.bought[k].append(Bought(period, rows, price))
        self.changes += 1
        self._expect_breaches(k, period, rows)
        if self._follow:
            for part, each, _ in self._one_by_one(k, rows):
                each[:, :, :period] = 0.0
                self._flow[:, :, k] += each.sum(axis=1)
                self._followed[k].append((period, part, each[_POOL] - each[_LATE]))
        elif flows:
            group = np.zeros(len(rows), dtype=np.int64)
            made = run_kernel(self.stock.loans(rows, self._alone[k], group), self._alone[k], 1)
            self._flow[:, period:, k] += arranged(made)[:, 0, 0, period:]

    def _expect_breaches(self, k: int, period: int, rows: IntArray) -> None:
        """Note when loans that break what was represented of them go back."""
        if self.stock.breach_after is None:
            return
        days = self._curves.grid.days
        breaking = rows[self.stock.breach_after[rows] >= 0]
        found = days[period] + self.stock.breach_after[breaking]
        when = np.maximum(np.searchsorted(days, found, side="left"), period + 1)
        for t in np.unique(when[when < len(days)]):
            self._due[k].setdefault(int(t), []).append(breaking[when == t])

    def _one_by_one(
        self, k: int, rows: IntArray
    ) -> Iterator[tuple[IntArray, FloatArray, FloatArray]]:
        """Rows, the flows of each [6, rows, T] and what is to be recovered, some at a time."""
        curves = self._alone[k]
        for at in range(0, len(rows), _CHUNK):
            part = rows[at : at + _CHUNK]
            loans = self.stock.loans(part, curves, np.arange(len(part), dtype=np.int64))
            flows = run_kernel(loans, curves, len(part))
            yield part, arranged(flows)[:, 0], flows.receivable[0]

    # --- loans that go ----------------------------------------------------------------------

    def sell(self, period: int, where: BoolArray) -> FloatArray:
        """Give up all loans in the rows ``where`` [K]; gives the performing balance sold."""
        sold = np.where(where, self._flow[_POOL, period - 1], 0.0)
        self._flow[:, period:, where] = 0.0
        for k in np.flatnonzero(where):
            rows = np.flatnonzero(self._inside[k]).astype(np.int64)
            self.left[k].append(Left(period, rows, np.zeros(len(rows)), "sold"))
            self._inside[k][:] = False
            self._due[k].clear()
        self.changes += 1
        return sold

    def _give_back(self, k: int, period: int, rows: IntArray) -> float:
        """The seller takes ``rows`` back at the end of the period: for what is left of each it pays
        cash, or gives another loan. What defaulted before stays, with its recoveries.

        Gives what substitutes have more than what they stand for [currency].
        """
        left = np.zeros(len(rows))
        flow, done = self._flow[:, :, k], 0
        for part, each, receivable in self._one_by_one(k, rows):
            left[done : done + len(part)] = each[_POOL, :, period - 1]
            done += len(part)
            flow[_LATE, period - 1] -= each[_LATE, :, period - 1].sum()
            each[_RECOVERY] -= recovered_after(each[_RECOVERY], receivable[:, period - 1], period)
            flow[:, period:] -= each[:, :, period:].sum(axis=1)
        np.maximum(flow[:, period - 1 :], 0.0, out=flow[:, period - 1 :])
        self._inside[k][rows] = False
        self.changes += 1
        given = self._substituted(k, period, rows, left)
        swapped = given > 0.0
        cash = float(left[~swapped].sum())
        flow[_POOL, period - 1] += given.sum() - left.sum()
        flow[_PRINCIPAL, period - 1] += cash
        self.left[k].append(Left(period, rows[~swapped], left[~swapped], "repurchased"))
        if swapped.any():
            self.left[k].append(Left(period, rows[swapped], left[swapped], "replaced"))
        return float(given.sum() - left[swapped].sum())

    def _substituted(self, k: int, period: int, rows: IntArray, left: FloatArray) -> FloatArray:
        """Take in a loan on offer for each of ``rows``, where one is good enough.

        Gives the balance of each [rows], 0 where there is none.
        """
        given = np.zeros(len(rows))
        for place, row in enumerate(rows if self._substitutes else rows[:0]):
            if left[place] <= 0.0:
                continue
            better = self.stock.better(self._open(k, period), int(row), float(left[place]))
            found = self._chosen(k, period, better, (np.inf, 1.0, self._least))[:1]
            if len(found):
                self._enter(k, period, found, left[[place]])
                given[place] = self.stock.balance[found[0]]
        return given

    def taken(self, scenario: str) -> frozenset[str]:
        """Ids of the loans on offer that were bought in ``scenario``."""
        came = [each for each in self.bought[self.scenarios.index(scenario)] if each.period > 0]
        return frozenset(str(x) for each in came for x in self.stock.loan_id[each.rows])

    # --- loan by loan -----------------------------------------------------------------------

    def standing(self, period: int) -> list[tuple[IntArray, FloatArray]]:
        """By scenario, the loans in the deal at the close of ``period`` as far as it has gone.

        Rows of the stock, and the balance of each that performs and is not past due [currency].
        Needs ``follow``.
        """
        found = []
        for k, followed in enumerate(self._followed):
            rows, balances = [self.stock.held[:0]], [np.zeros(0)]
            for entered, part, owed in followed:
                inside = self._inside[k][part]
                now = self.stock.balance[part] if entered == period else owed[:, period - 1]
                rows.append(part[inside])
                balances.append(now[inside])
            found.append((np.concatenate(rows), np.concatenate(balances)))
        return found

    def ledger(self, scenario: str) -> pd.DataFrame:
        """Every loan of the deal in ``scenario``: what was paid for it, and what it paid.

        One row a loan, in currency: ``price`` + ``income`` = ``received`` + ``balance`` +
        ``receivable`` + ``loss`` + ``sold``. ``income`` is interest and what a price below par
        gains. ``received`` is interest, principal, recoveries and what the seller paid
        (``repurchased``) or gave another loan for (``replaced``); ``sold`` what went with the pool
        in a call, with what was still to be recovered. ``period`` and ``date`` are of the purchase,
        0 and ``as_of`` for loans at closing; ``left`` is the period in which it went, 0: none.
        """
        k, frames = self.scenarios.index(scenario), []
        gone = {
            int(row): (each, place) for each in self.left[k] for place, row in enumerate(each.rows)
        }
        curves = self._alone[k]
        for each in self.bought[k]:
            for at in range(0, len(each.rows), _CHUNK):
                part = slice(at, at + _CHUNK)
                frames.append(entries(self.stock, curves, each, part, gone))
        if not frames:
            return pd.DataFrame(columns=list(COLUMNS))
        return pd.concat(frames, ignore_index=True)[list(COLUMNS)]
