"""Orders paid by their buyers into a lock-box: the loan first, the surplus to the seller.

A buyer pays its order less dilution, in equal parts on the days of the quantiles of its delay
(:mod:`~scfcap.credit.buyers`). On such a day the loan has earned its rate by days over 365 since
it was made, on its share of the balance. The lock-box pays in turn fees, interest and principal;
what is left is the seller's. Where it falls short the seller makes good the share ``recourse``,
and the rest is lost: principal as a default without recovery in that period, interest and fees as
income forgone. An order whose buyer fails before (by the segment's default rate, or as a core
enterprise of a scenario) is unpaid as a whole; its loan is in default, with the segment's
recovery on what would have been repaid.

All figures of a part are fixed by its contract, and stand or fall with the buyer: so each kind of
them runs through the kernel like a loan without interest, and they add up in every scenario.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scfcap.axes import ORDER
from scfcap.cashflow.classes import unique_rows
from scfcap.cashflow.flows import Flows
from scfcap.cashflow.kernel import run_kernel
from scfcap.cashflow.loans import COLUMNS, LoanArrays, concatenate
from scfcap.cashflow.project import (
    PoolCashflow,
    opening_loans,
    paid_by_buyers,
    without_orders,
)
from scfcap.credit.buyers import Buyers
from scfcap.credit.curves import CurveSet
from scfcap.errors import InvariantError
from scfcap.pool.snapshot import Pool
from scfcap.quantities import ENGINE_TOLERANCE, FloatArray, IntArray
from scfcap.schema.orders import OrdersSpec

if TYPE_CHECKING:
    from scfcap.cashflow.cohorts import NewLoans

#: Orders that are worked on at a time: memory does not grow with their number.
_BLOCK = 50_000
#: What becomes of a part on its day, in the order of the rows of :func:`on_the_day`.
_RECEIVED, _PRINCIPAL, _INTEREST, _FEES, _SURPLUS, _RECOURSE, _LOST, _FORGONE = range(8)
_KINDS = 8
#: Kinds of new orders by what their buyers pay on a unit lent.
_MIX = 8

#: Parts of orders, and what becomes of each on its day (8, parts).
OrderParts = tuple[LoanArrays, FloatArray]


@dataclass(frozen=True)
class LockBox:
    """Money through the lock-box by scenario K, segment S and period T, all [K, S, T] in currency.

    In: ``received`` from buyers, ``recourse`` from sellers, ``recovered`` of orders whose buyers
    failed. Out: ``fees``, ``interest`` and ``principal`` to the loans, which also get all that is
    recovered, and ``surplus`` to the sellers. Beside it: ``lost`` principal and ``forgone``
    interest and fees, which dilution leaves unpaid; ``unpaid``: what failed buyers leave of their
    orders (after dilution); ``outstanding``: what buyers are still to pay at the period's end.
    """

    received: FloatArray
    recourse: FloatArray
    recovered: FloatArray
    fees: FloatArray
    interest: FloatArray
    principal: FloatArray
    surplus: FloatArray
    lost: FloatArray
    forgone: FloatArray
    unpaid: FloatArray
    outstanding: FloatArray

    @property
    def to_loans(self) -> FloatArray:
        """Fees, interest, principal and recoveries [K, S, T]."""
        return self.fees + self.interest + self.principal + self.recovered

    def check(self) -> None:
        """Raise InvariantError where what comes in is not what goes out, in any period."""
        money_in = self.received + self.recourse + self.recovered
        gap = np.abs(money_in - self.to_loans - self.surplus).max(axis=(0, 2), initial=0.0)
        size = np.abs(money_in).sum(axis=2).max(axis=0, initial=0.0)
        wrong = np.flatnonzero(~(gap <= ENGINE_TOLERANCE * np.maximum(size, 1.0)))
        if wrong.size:
            s = int(wrong[0])
            msg = f"lock-box, segment {s}: {gap[s]:.6g} of {size[s]:.6g} is created or lost"
            raise InvariantError(msg)


@dataclass(frozen=True)
class OrderCashflow:
    """Cash flows of a whole pool, orders paid by their buyers, and the lock-box of the orders."""

    cashflow: PoolCashflow
    lock_box: LockBox

    def to_frame(self, scenarios: Sequence[str] = ()) -> pd.DataFrame:
        """The lock-box, one row a scenario, segment and period; amounts in currency.

        Segments without orders are left out, and scenarios that are not named if any are.
        """
        flows, box = self.cashflow, self.lock_box
        active = np.flatnonzero((box.outstanding + box.received + box.unpaid).any(axis=(0, 2)))
        rows = np.array([flows.scenarios.index(name) for name in scenarios or flows.scenarios])
        shape = (len(rows), len(active), len(flows.grid))
        scenario, segment, period = (axis.ravel() for axis in np.indices(shape))
        ends = np.array(flows.grid.ends, dtype="datetime64[s]")
        some = np.ix_(rows, active)
        columns = {f.name: getattr(box, f.name)[some].ravel() for f in fields(box)}
        return pd.DataFrame(
            {
                "scenario": np.array(flows.scenarios, dtype=object)[rows][scenario],
                "segment": np.array(flows.segments, dtype=object)[active[segment]],
                "period": period + 1,
                "end": ends[period],
                **columns,
            }
        )


def project_orders(pool: Pool, curves: CurveSet) -> OrderCashflow:
    """Cash flows of ``pool`` in every scenario of ``curves``, its orders as its ``payers`` say.

    Raises:
        ValueError: the pool has no payers.
        InputError: a segment has no curve, or one with orders says in another way too when they
            are paid (prepayment, late payment, roll rates).
        InvariantError: money was created or lost.
    """
    if pool.payers is None:
        msg = "payers: None, expected a pool whose orders are paid by buyers"
        raise ValueError(msg)
    segments = len(pool.segments)
    others = opening_loans(without_orders(pool), curves, pool.segment)
    total = run_kernel(others, curves, segments)
    kinds: Flows | None = None
    for loans, due in order_parts(pool, curves, pool.segment):
        flows = run_kernel(_as_loans(loans, due), curves, segments * _KINDS)
        kinds = flows if kinds is None else added(kinds, flows)
    assert kinds is not None
    of_loans, box = _lock_box(_by_kind(kinds, segments))
    box.check()
    whole = added(total, of_loans)
    whole.check()
    return OrderCashflow(PoolCashflow(curves.scenarios, pool.segments, curves.grid, whole), box)


@dataclass(frozen=True)
class NewOrders:
    """What buyers pay on new orders, by kind; shape (kinds,), or by atom of new loans.

    ``weight`` adds up to one. On a unit lent the buyer pays ``pays`` after dilution, of which
    ``fee`` is due beside interest; both 0: the loan is paid by its borrower. ``recourse`` is the
    share of a shortfall that the seller makes good.
    """

    weight: FloatArray
    pays: FloatArray
    fee: FloatArray
    recourse: float

    def parts(self, loans: LoanArrays, term: IntArray) -> OrderParts:
        """``loans``, one by kind, made ``term`` days before their maturity, and what is due."""
        interest = loans.balance * loans.rate * term / 365.0
        paid, fees = (each * loans.balance for each in (self.pays, self.fee))
        plain = replace(loans, terms=None, rate=np.zeros(len(loans)), accrued=interest)
        return _alike(plain, on_the_day(paid, (fees, interest, loans.balance), self.recourse))

    def where(self, chosen: IntArray) -> NewOrders:
        """The kinds picked by an index."""
        return NewOrders(self.weight[chosen], self.pays[chosen], self.fee[chosen], self.recourse)


def new_orders(pool: Pool, segment: int, spec: OrdersSpec, buyers: Buyers) -> NewOrders:
    """What buyers pay on new orders of ``pool.segments[segment]``: as on those that are open.

    By what is paid on a unit lent the open orders are cut into at most eight kinds of like
    balance. Where none is open, an advance is the advance rate of an order less any buyer's
    dilution.
    """
    assert pool.payers is not None
    row = np.flatnonzero((pool.segment == segment) & pool.payers.by_buyer & (pool.balance > 0.0))
    if not len(row):
        left = 1.0 - (buyers.dilution.value[-1] if spec.dilution is None else spec.dilution)
        order = 1.0 / (spec.advance_rate * max(left, 1e-9))
        one = np.ones(1)
        return NewOrders(one, one / spec.advance_rate, one * order * spec.fee, spec.recourse)
    pays = pool.payers.amount[row] * (1.0 - pool.payers.dilution[row])
    turn = np.argsort(pays / pool.balance[row], kind="stable")
    row, pays = row[turn], pays[turn]
    balance = pool.balance[row]
    middle = np.cumsum(balance) - balance / 2.0
    kind = np.unique((middle / balance.sum() * _MIX).astype(np.int64), return_inverse=True)[1]
    lent = np.bincount(kind, balance)
    return NewOrders(
        weight=lent / lent.sum(),
        pays=np.bincount(kind, pays) / lent,
        fee=np.bincount(kind, pool.payers.amount[row] * spec.fee) / lent,
        recourse=spec.recourse,
    )


def paid_by_any(
    new: NewLoans, buyers: Buyers, parts: int, orders: NewOrders | None = None
) -> NewLoans:
    """New loans whose orders are paid as any buyer pays, in ``parts`` by the quantiles of delay.

    Loans of other types stay as they are. The term of a part ends on its day, a day after the
    loan is made at the earliest. ``orders`` says what buyers pay (None: what loans ask for).
    """
    is_order = new.loan_type == ORDER
    if not is_order.any():
        return new
    any_buyer = np.full(len(is_order), -1)
    late = buyers.delays(any_buyer, -new.term_days, parts)
    term = np.where(is_order[:, None], new.term_days[:, None] + late, new.term_days[:, None])

    kinds = 1 if orders is None else len(orders.weight)
    share = np.ones(1) if orders is None else orders.weight
    kind = np.tile(np.arange(kinds), len(is_order) * parts)
    atom = np.repeat(np.arange(len(is_order)), parts * kinds)
    if orders is not None:
        mine = is_order[atom]
        of_atom = orders.where(kind)
        orders = replace(of_atom, pays=of_atom.pays * mine, fee=of_atom.fee * mine)
    return replace(
        new,
        weight=new.weight[atom] / parts * share[kind],
        rate=new.rate[atom],
        loan_type=new.loan_type[atom],
        term_days=np.repeat(term.ravel(), kinds),
        orders=orders,
    )


def part_flows(loans: LoanArrays, due: FloatArray, curves: CurveSet) -> tuple[Flows, LockBox]:
    """Flows of the loan and lock-box of one part, ``due`` (8, 1) on its day; S is 1."""
    kinds = run_kernel(_as_loans(replace(loans, group=loans.group * 0), due), curves, _KINDS)
    return _lock_box(_by_kind(kinds, 1))


def on_the_day(
    amount: FloatArray, claim: tuple[FloatArray, FloatArray, FloatArray], recourse: float
) -> FloatArray:
    """How ``amount`` paid by a buyer is shared out, shape (8, parts) [currency].

    ``claim``: fees, interest and principal of the loan. Rows: received, principal, interest, fees
    (the last three with what the seller makes good), surplus, recourse, lost, forgone.
    """
    fees, interest, principal = claim
    paid_fees = np.minimum(amount, fees)
    paid_interest = np.minimum(amount - paid_fees, interest)
    paid_principal = np.minimum(amount - paid_fees - paid_interest, principal)
    surplus = amount - paid_fees - paid_interest - paid_principal
    made_good = [
        recourse * (due - paid)
        for due, paid in (
            (principal, paid_principal), (interest, paid_interest), (fees, paid_fees),
        )
    ]  # fmt: skip
    lost = principal - paid_principal - made_good[0]
    forgone = interest - paid_interest - made_good[1] + (fees - paid_fees - made_good[2])
    return np.stack(
        [
            amount,
            paid_principal + made_good[0],
            paid_interest + made_good[1],
            paid_fees + made_good[2],
            surplus,
            made_good[0] + made_good[1] + made_good[2],
            np.maximum(lost, 0.0),
            np.maximum(forgone, 0.0),
        ]
    )


def order_parts(pool: Pool, curves: CurveSet, group: IntArray) -> Iterator[OrderParts]:
    """Parts of the orders of ``pool``, that of loan i in row ``group[i]``, some at a time."""
    payers = pool.payers
    assert payers is not None
    rows = np.flatnonzero(payers.by_buyer)
    each = payers.pay_day.shape[1]
    for first in range(0, max(len(rows), 1), _BLOCK):
        row = rows[first : first + _BLOCK]
        loans = paid_by_buyers(pool, curves, group, row)
        amount = payers.amount[row]
        paid = np.repeat(amount * (1.0 - payers.dilution[row]) / each, each)
        fees = np.repeat(amount * payers.fee / each, each)
        due = on_the_day(paid, (fees, loans.accrued, loans.balance), payers.recourse)
        yield _alike(loans, due)


def order_flows(parts: Sequence[OrderParts], curves: CurveSet, groups: int) -> Flows:
    """Flows of the loans on orders by group, as the lock-box pays them."""

    def of(kind: int) -> Flows:
        chosen = concatenate([_of_kind(*part, kind) for part in parts])
        return run_kernel(chosen, curves, groups)

    return _to_loans(*(of(kind) for kind in (_PRINCIPAL, _LOST, _INTEREST, _FEES)))


def _of_kind(loans: LoanArrays, due: FloatArray, kind: int) -> LoanArrays:
    """One kind of ``due`` (8, parts) as loans without interest that are repaid on the day."""
    row = np.flatnonzero(due[kind] > 0.0)
    return replace(loans.where(row), balance=due[kind, row], accrued=np.zeros(len(row)))


def any_lost(parts: Sequence[OrderParts]) -> bool:
    """Whether dilution takes any principal."""
    return any(bool((due[_LOST] > 0.0).any()) for _, due in parts)


def _alike(loans: LoanArrays, due: FloatArray) -> tuple[LoanArrays, FloatArray]:
    """Parts that stand or fall together and are paid on one day, as one; ``due`` summed."""
    keys = [
        np.ascontiguousarray(getattr(loans, name)).view(np.int64)
        for name in COLUMNS
        if name not in ("balance", "rate", "accrued")
    ]
    index, first = unique_rows(np.stack(keys, axis=1))
    summed = [np.bincount(index, each, minlength=len(first)) for each in due]
    return loans.where(first), np.stack(summed)


def _as_loans(loans: LoanArrays, due: FloatArray) -> LoanArrays:
    """Each kind of ``due`` (8, parts) as a loan without interest that is repaid on the day."""
    kind, part = np.nonzero(due > 0.0)
    chosen = loans.where(part)
    return replace(
        chosen,
        group=chosen.group * _KINDS + kind,
        balance=due[kind, part],
        accrued=np.zeros(len(part)),
    )


def added(one: Flows, other: Flows) -> Flows:
    """The flows of both."""
    return Flows(*(getattr(one, f.name) + getattr(other, f.name) for f in fields(Flows)))


def _by_kind(flows: Flows, segments: int) -> list[Flows]:
    """Flows of segments by kind, of flows by segment and kind."""
    of_kind = [np.arange(segments) * _KINDS + kind for kind in range(_KINDS)]
    return [
        Flows(*(getattr(flows, f.name)[..., groups, :] for f in fields(Flows)))
        for groups in of_kind
    ]


def _lock_box(kinds: list[Flows]) -> tuple[Flows, LockBox]:
    """Flows of the loans [K, S, T], and of the lock-box."""
    repaid, lost = kinds[_PRINCIPAL], kinds[_LOST]
    box = LockBox(
        received=kinds[_RECEIVED].scheduled,
        recourse=kinds[_RECOURSE].scheduled,
        recovered=repaid.recovery,
        fees=kinds[_FEES].scheduled,
        interest=kinds[_INTEREST].scheduled,
        principal=repaid.scheduled,
        surplus=kinds[_SURPLUS].scheduled,
        lost=lost.scheduled,
        forgone=kinds[_FORGONE].scheduled,
        unpaid=kinds[_RECEIVED].default,
        outstanding=kinds[_RECEIVED].closing,
    )
    return _to_loans(repaid, lost, kinds[_INTEREST], kinds[_FEES]), box


def _to_loans(repaid: Flows, lost: Flows, interest: Flows, fees: Flows) -> Flows:
    """Flows of the loans, of those of each kind as loans without interest.

    What dilution takes of the principal defaults on its day, if its buyer has not before, and
    nothing of it ever comes back: it is no part of ``struck``, of which some does.
    """
    both = added(repaid, lost)
    return replace(
        both,
        scheduled=repaid.scheduled,
        default=both.default + lost.scheduled,
        loss=repaid.loss + lost.default + lost.scheduled,
        recovery=repaid.recovery,
        receivable=repaid.receivable,
        struck=repaid.struck,
        interest=interest.scheduled,
        fees=fees.scheduled,
    )
