"""Whole loans of a deal: bought one by one out of its cash, and each followed to its end."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from scfcap.cashflow.clocks import with_ages
from scfcap.cashflow.flows import Flows
from scfcap.cashflow.kernel import run_kernel
from scfcap.cashflow.lifetime import hazard_scale
from scfcap.cashflow.loans import LoanArrays
from scfcap.cashflow.project import outstanding_loans, split_late
from scfcap.credit.curves import CurveSet
from scfcap.deal.assets import Collected
from scfcap.deal.choosing import Limits, choose, contract_balances
from scfcap.quantities import BoolArray, FloatArray, IntArray

_FLOWS = ("interest", "principal", "default", "recovery", "delinquent", "pool")
#: Loans whose own flows are found at a time.
_CHUNK = 1_000


@dataclass(frozen=True)
class LoanStock:
    """Loans that a deal holds or may buy; arrays over N loans.

    ``day`` [days from the start] on which a loan is on offer, -1 for one that is held at the start.
    ``origination_day`` and ``maturity_day`` are offsets too; ``curve`` is its row in the curves.
    ``eligible``: whether it may be bought (or was rightly held).
    """

    loan_id: npt.NDArray[np.object_]
    curve: IntArray
    loan_type: IntArray
    balance: FloatArray
    rate: FloatArray
    day: IntArray
    origination_day: IntArray
    maturity_day: IntArray
    days_past_due: IntArray
    eligible: BoolArray
    limits: Limits

    def __len__(self) -> int:
        return len(self.balance)

    @property
    def held(self) -> IntArray:
        """Rows that the deal holds at the start."""
        return np.flatnonzero(self.day < 0).astype(np.int64)

    def loans(self, rows: IntArray, curves: CurveSet, group: IntArray) -> LoanArrays:
        """``rows`` for the kernel, in ``group`` [rows]: as they stand, or made on their day."""
        start = np.maximum(self.day[rows], 0)
        loans = LoanArrays(
            group=group,
            curve=self.curve[rows],
            loan_type=self.loan_type[rows],
            balance=self.balance[rows],
            rate=self.rate[rows],
            accrued=np.zeros(len(rows)),
            hazard_scale=np.ones(len(rows)),
            start_day=start,
            maturity_day=self.maturity_day[rows],
        )
        if (self.day[rows] < 0).all():
            return outstanding_loans(
                loans, self.origination_day[rows], self.days_past_due[rows], curves
            )
        term = self.maturity_day[rows] - start
        loans = replace(loans, hazard_scale=hazard_scale(loans.curve, term, curves))
        loans = with_ages(loans, start, term, curves)
        return split_late(loans, term, np.ones(len(term), dtype=np.bool_), curves)


@dataclass(frozen=True)
class Bought:
    """A purchase: ``rows`` of the stock at the close of ``period``, for ``price`` of balance."""

    period: int
    rows: IntArray
    price: float


class LoanAssets:
    """Assets that buy whole loans; K rows of a run, each in a scenario of ``curves``.

    A loan on offer is made at the end of the period in which its day falls, and keeps its term.
    ``least_size`` [currency]: limits by share are taken of at least this pool. ``returned`` gives
    rows that the seller takes back at par by period (from 1).
    """

    def __init__(
        self,
        stock: LoanStock,
        curves: CurveSet,
        price: float = 1.0,
        least_size: float = 0.0,
        returned: dict[int, IntArray] | None = None,
    ) -> None:
        stock = _at_ends(stock, curves.grid.days)
        self._stock, self._price, self._least = stock, price, least_size
        count = len(curves.scenarios)
        self._alone = [curves.under(curves.stress.chosen(np.array([k]))) for k in range(count)]
        self._curves, self._returned = curves, returned or {}
        self._offers = _by_period(stock, curves.grid.days)
        self._inside = [np.zeros(len(stock), dtype=np.bool_) for _ in range(count)]
        self._wished: list[IntArray] = [stock.held[:0]] * count
        self.bought: list[list[Bought]] = [[] for _ in range(count)]
        periods = len(curves.grid)
        self._flow = np.zeros((len(_FLOWS), periods, count))
        held = stock.held
        loans = stock.loans(held, curves, np.zeros(len(held), dtype=np.int64))
        self._flow += _arranged(run_kernel(loans, curves, 1)).swapaxes(1, 2)
        self._start = np.full(count, float(stock.balance[held].sum()))
        for inside in self._inside:
            inside[held] = True

    @property
    def scenarios(self) -> tuple[str, ...]:
        """Names of the K scenarios."""
        return self._curves.scenarios

    def opening(self) -> FloatArray:
        """Performing pool at the start [K]."""
        return self._start

    def collect(self, period: int) -> Collected:
        """What the loans held at the start of ``period`` do in it; loans taken back are paid."""
        if period in self._returned:
            self._give_back(period, self._returned[period])
        return Collected(
            **{name: self._flow[row, period - 1].copy() for row, name in enumerate(_FLOWS)}
        )

    def wish(self, period: int, cash: FloatArray) -> FloatArray:
        """Price of the loans chosen out of those on offer, within ``cash`` [K]."""
        offers = self._offers[period - 1]
        cost = np.zeros(len(cash))
        stock, day = self._stock, int(self._curves.grid.days[period])
        for k, inside in enumerate(self._inside):
            self._wished[k] = offers[:0]
            if not len(offers) or cash[k] <= 0.0:
                continue
            owed = np.zeros(len(stock))
            rows = np.flatnonzero(inside)
            owed[rows] = contract_balances(
                stock.loan_type[rows],
                stock.balance[rows],
                stock.rate[rows],
                np.maximum(stock.day[rows], 0),
                stock.maturity_day[rows],
                day,
            )
            money = (float(cash[k]), self._price, self._least)
            chosen = choose(offers, stock.balance, owed, stock.limits, money)
            self._wished[k] = offers[chosen]
            cost[k] = self._price * float(stock.balance[offers[chosen]].sum())
        return cost

    def buy(self, period: int, cash: FloatArray) -> FloatArray:
        """Take in the loans chosen, where they are paid for; gives their balance."""
        balance = np.zeros(len(cash))
        for k, rows in enumerate(self._wished):
            if not len(rows) or cash[k] <= 0.0:
                continue
            group = np.zeros(len(rows), dtype=np.int64)
            made = run_kernel(self._stock.loans(rows, self._alone[k], group), self._alone[k], 1)
            flows = _arranged(made)[:, 0]
            flows[:, :period] = 0.0
            self._flow[:, :, k] += flows
            self._inside[k][rows] = True
            self.bought[k].append(Bought(period, rows, self._price))
            balance[k] = float(self._stock.balance[rows].sum())
            self._wished[k] = rows[:0]
        return balance

    def sell(self, period: int, where: BoolArray) -> FloatArray:
        """Give up all loans in the rows ``where`` [K]; gives the performing balance sold."""
        pool = self._flow[_FLOWS.index("pool"), period - 1]
        sold = np.where(where, pool, 0.0)
        self._flow[:, period:, where] = 0.0
        for k in np.flatnonzero(where):
            self._inside[k][:] = False
        return sold

    def _give_back(self, period: int, rows: IntArray) -> None:
        """The seller pays what is left of ``rows`` at the end of the period, as principal."""
        kept = rows[self._inside[0][rows]]
        if not len(kept):
            return
        loans = self._stock.loans(kept, self._curves, np.zeros(len(kept), dtype=np.int64))
        flows = _arranged(run_kernel(loans, self._curves, 1)).swapaxes(1, 2)
        pool = flows[_FLOWS.index("pool"), period - 1]
        self._flow[:, period:] -= flows[:, period:]
        self._flow[:, period:] = np.maximum(self._flow[:, period:], 0.0)
        self._flow[_FLOWS.index("pool"), period - 1] -= pool
        self._flow[_FLOWS.index("principal"), period - 1] += pool
        for inside in self._inside:
            inside[kept] = False

    def ledger(self, scenario: str) -> pd.DataFrame:
        """Every loan that was bought in ``scenario``: what was paid for it and what it paid.

        One row a loan, in currency: ``price`` + ``income`` = ``received`` + ``balance`` +
        ``receivable`` + ``loss``, where ``income`` is interest and what a price below par gains,
        and ``received`` is all cash by the end of the run.
        """
        k = self.scenarios.index(scenario)
        curves, frames = self._alone[k], []
        for each in self.bought[k]:
            for at in range(0, len(each.rows), _CHUNK):
                rows = each.rows[at : at + _CHUNK]
                frames.append(self._one_by_one(rows, each, curves))
        columns = ["loan_id", "period", "balance_bought", "price", "interest", "principal"]
        columns += ["recovery", "default", "balance", "receivable", "loss", "income", "received"]
        if not frames:
            return pd.DataFrame(columns=columns)
        return pd.concat(frames, ignore_index=True)[columns]

    def _one_by_one(self, rows: IntArray, bought: Bought, curves: CurveSet) -> pd.DataFrame:
        stock = self._stock
        group = np.arange(len(rows), dtype=np.int64)
        flows = run_kernel(stock.loans(rows, curves, group), curves, len(rows))

        def total(name: str) -> FloatArray:
            return np.asarray(getattr(flows, name)[0].sum(axis=1))

        interest = total("interest") + total("fees")
        price = stock.balance[rows] * bought.price
        principal = total("scheduled") + total("prepaid")
        recovery, loss = total("recovery"), total("loss")
        return pd.DataFrame(
            {
                "loan_id": stock.loan_id[rows],
                "period": bought.period,
                "balance_bought": stock.balance[rows],
                "price": price,
                "interest": interest,
                "principal": principal,
                "recovery": recovery,
                "default": total("default"),
                "balance": flows.closing[0, :, -1],
                "receivable": flows.receivable[0, :, -1],
                "loss": loss,
                "income": interest + stock.balance[rows] - price,
                "received": interest + principal + recovery,
            }
        )


def _arranged(flows: Flows) -> FloatArray:
    """Flows summed over groups, in the order of a deal's collections [6, K, T]."""
    each = (
        flows.interest + flows.fees + flows.advanced - flows.reimbursed,
        flows.scheduled + flows.prepaid,
        *(flows.default, flows.recovery, flows.delinquent, flows.closing),
    )
    return np.array([flow.sum(axis=1) for flow in each])


def _at_ends(stock: LoanStock, days: IntArray) -> LoanStock:
    """The stock with offers made at the ends of their periods; those after the last stay."""
    at = np.minimum(np.searchsorted(days, stock.day, side="left"), len(days) - 1)
    inside = (stock.day >= 0) & (stock.day <= days[-1])
    day = np.where(inside, days[at], stock.day)
    return replace(stock, day=day, maturity_day=stock.maturity_day + day - stock.day)


def _by_period(stock: LoanStock, days: IntArray) -> list[IntArray]:
    """Eligible rows on offer in each period, in the order of their days and rows."""
    rows = np.flatnonzero((stock.day >= 0) & stock.eligible)
    rows = rows[np.lexsort((rows, stock.day[rows]))]
    period = np.searchsorted(days, stock.day[rows], side="left")
    return [rows[period == t].astype(np.int64) for t in range(1, len(days))]
