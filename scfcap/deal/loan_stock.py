"""Whole loans that a deal holds or may buy, and what they pay."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from scfcap.cashflow.clocks import with_ages
from scfcap.cashflow.flows import Flows
from scfcap.cashflow.lifetime import hazard_scale
from scfcap.cashflow.loans import LoanArrays, concatenate
from scfcap.cashflow.project import outstanding_loans, split_late
from scfcap.credit.curves import CurveSet
from scfcap.deal.choosing import Limits, contract_balances
from scfcap.quantities import BoolArray, FloatArray, IntArray

#: Flows of a deal's loans, in the order of their rows.
FLOWS: Final = ("interest", "principal", "default", "recovery", "delinquent", "pool")


@dataclass(frozen=True)
class LoanStock:
    """Loans that a deal holds or may buy; arrays over N loans.

    ``day`` [days from the start] on which a loan is on offer, -1 for one that is held at the start.
    ``origination_day`` and ``maturity_day`` are offsets too; ``curve`` is its row in the curves.
    ``eligible``: whether it may be bought (or was rightly held). ``tape_row`` is the outstanding
    loan of the tape that it is, or is like. ``breach_after`` [days from
    closing or purchase] is when it turns out to break what the seller represented, -1: never.
    ``quality`` [Q, N]: figures in which a substitute must have no less than the loan before it.
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
    tape_row: IntArray | None = None
    breach_after: IntArray | None = None
    quality: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.balance)

    @property
    def held(self) -> IntArray:
        """Rows that the deal holds at the start."""
        return np.flatnonzero(self.day < 0).astype(np.int64)

    def loans(self, rows: IntArray, curves: CurveSet, group: IntArray) -> LoanArrays:
        """``rows`` for the kernel, in ``group`` [rows]: as they stand, or made on their day.

        Those that stand come first.
        """
        held = self.day[rows] < 0
        if held.any() and not held.all():
            parts = [self.loans(rows[each], curves, group[each]) for each in (held, ~held)]
            return concatenate(parts)
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
        if held.all():
            return outstanding_loans(
                loans, self.origination_day[rows], self.days_past_due[rows], curves
            )
        term = self.maturity_day[rows] - start
        loans = replace(loans, hazard_scale=hazard_scale(loans.curve, term, curves))
        loans = with_ages(loans, start, term, curves)
        return split_late(loans, term, np.ones(len(term), dtype=np.bool_), curves)

    def owed(self, rows: IntArray, day: int) -> FloatArray:
        """What the contracts of ``rows`` owe on ``day``, over all N loans: 0 of the others."""
        owed = np.zeros(len(self))
        owed[rows] = contract_balances(
            self.loan_type[rows],
            self.balance[rows],
            self.rate[rows],
            np.maximum(self.day[rows], 0),
            self.maturity_day[rows],
            day,
        )
        return owed

    def better(self, offers: IntArray, row: int, least: float) -> IntArray:
        """Those of ``offers`` that may stand for the loan ``row``, smallest first.

        Their balance is ``least`` or more [currency], and their quality no less than the loan's.
        """
        enough = self.balance[offers] >= least
        if self.quality is not None:
            enough &= (self.quality[:, offers] >= self.quality[:, [row]]).all(axis=0)
        found = offers[enough]
        return found[np.argsort(self.balance[found], kind="stable")]


def arranged(flows: Flows) -> FloatArray:
    """Flows in the order of :data:`FLOWS` [6, K, G, T]."""
    each = (
        flows.interest + flows.fees + flows.advanced - flows.reimbursed,
        flows.scheduled + flows.prepaid,
        *(flows.default, flows.recovery, flows.delinquent, flows.closing),
    )
    return np.array(each)


def at_ends(stock: LoanStock, days: IntArray) -> LoanStock:
    """The stock with offers made at the ends of their periods; those after the last stay."""
    at = np.minimum(np.searchsorted(days, stock.day, side="left"), len(days) - 1)
    inside = (stock.day >= 0) & (stock.day <= days[-1])
    day = np.where(inside, days[at], stock.day)
    return replace(stock, day=day, maturity_day=stock.maturity_day + day - stock.day)


def by_period(stock: LoanStock, days: IntArray) -> list[IntArray]:
    """Eligible rows on offer in each period, in the order of their days and rows."""
    rows = np.flatnonzero((stock.day >= 0) & stock.eligible)
    rows = rows[np.lexsort((rows, stock.day[rows]))]
    period = np.searchsorted(days, stock.day[rows], side="left")
    return [rows[period == t].astype(np.int64) for t in range(1, len(days))]
