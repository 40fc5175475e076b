"""What each loan of a deal cost, and what it paid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd

from scfcap.cashflow.kernel import run_kernel
from scfcap.credit.curves import CurveSet
from scfcap.deal.loan_stock import LoanStock
from scfcap.quantities import FloatArray, IntArray

#: Columns of a deal's loans; see :meth:`~scfcap.deal.loan_assets.LoanAssets.ledger`.
COLUMNS: Final = (
    *("loan_id", "period", "date", "balance_bought", "price", "interest", "principal"),
    *("recovery", "repurchased", "replaced", "sold", "default", "loss", "balance", "receivable"),
    *("income", "received", "left", "how"),
)


@dataclass(frozen=True)
class Bought:
    """Loans that came in: ``rows`` of the stock at the close of ``period``, 0: at closing.

    ``price`` [rows] was paid for each [currency]; of a substitute it is what was left of the loan
    before it.
    """

    period: int
    rows: IntArray
    price: FloatArray


@dataclass(frozen=True)
class Left:
    """Loans that went, at the close of ``period``: ``rows``, of which ``balance`` was left.

    ``how``: paid at par by the seller, replaced by another loan, or sold with the pool in a call.
    """

    period: int
    rows: IntArray
    balance: FloatArray
    how: Literal["repurchased", "replaced", "sold"]


def entries(
    stock: LoanStock,
    curves: CurveSet,
    bought: Bought,
    part: slice,
    gone: Mapping[int, tuple[Left, int]],
) -> pd.DataFrame:
    """``part`` of a purchase, loan by loan, in the one scenario of ``curves``.

    ``gone``: by row of the stock when and how it left, and its place there.
    """
    rows, price = bought.rows[part], bought.price[part]
    flows = run_kernel(
        stock.loans(rows, curves, np.arange(len(rows), dtype=np.int64)), curves, len(rows)
    )
    went = [gone.get(int(row)) for row in rows]
    last = np.array([len(curves.grid) if each is None else each[0].period for each in went])
    how = np.array(["" if each is None else each[0].how for each in went], dtype=object)
    left = np.array([0.0 if each is None else each[0].balance[each[1]] for each in went])
    stands = np.arange(1, len(curves.grid) + 1) <= last[:, None]
    at = (np.arange(len(rows)), last - 1)

    def total(*names: str) -> FloatArray:
        return np.asarray(sum(np.where(stands, getattr(flows, n)[0], 0.0).sum(1) for n in names))

    interest = total("interest", "fees", "advanced") - total("reimbursed")
    principal = total("scheduled", "prepaid")
    owed, to_come = flows.closing[0][at], flows.receivable[0][at]
    call = min([len(curves.grid), *(e[0].period for e in gone.values() if e[0].how == "sold")])
    end = np.where(last <= call, call, len(curves.grid))
    kept = recovered_by_end(flows.recovery[0], to_come, last, end)
    rest = to_come - kept
    sold = np.where(how == "sold", owed + rest, np.where(end < len(curves.grid), rest, 0.0))
    recovery = total("recovery") + kept
    repurchased, replaced = (np.where(how == h, left, 0.0) for h in ("repurchased", "replaced"))
    received = interest + principal + recovery + repurchased + replaced
    begin = [curves.grid.as_of, *curves.grid.ends][bought.period]
    return pd.DataFrame(
        {
            "loan_id": stock.loan_id[rows],
            "period": bought.period,
            "date": pd.Timestamp(begin),
            "balance_bought": stock.balance[rows],
            "price": price,
            "interest": interest,
            "principal": principal,
            "recovery": recovery,
            "repurchased": repurchased,
            "replaced": replaced,
            "sold": sold,
            "default": total("default"),
            "loss": total("loss"),
            "balance": np.where(how == "", owed, 0.0),
            "receivable": np.where((how == "sold") | (end < len(curves.grid)), 0.0, rest),
            "income": interest + stock.balance[rows] - price,
            "received": received,
            "left": np.where(how == "", 0, last),
            "how": how,
        }
    )


def recovered_by_end(
    recovery: FloatArray, receivable: FloatArray, last: IntArray, end: IntArray
) -> FloatArray:
    """Recoveries after each loan's ``last`` period, up to ``end``, of what defaulted before [rows].

    A call takes with it what is still to come of loans that went back earlier.
    """
    period = np.arange(1, recovery.shape[1] + 1)
    after = (period > last[:, None]) & (period <= end[:, None])
    return np.asarray(np.minimum(np.where(after, recovery, 0.0).sum(axis=1), receivable))


def recovered_after(recovery: FloatArray, receivable: FloatArray, period: int) -> FloatArray:
    """Recoveries after ``period`` of what defaulted up to it [rows, T]: the first to arrive.

    ``recovery`` [rows, T] of all, ``receivable`` [rows] at the close of the period.
    """
    after = np.where(np.arange(1, recovery.shape[1] + 1) > period, recovery, 0.0)
    arrived = np.minimum(np.cumsum(after, axis=1), receivable[:, None])
    return np.diff(arrived, axis=1, prepend=0.0)
