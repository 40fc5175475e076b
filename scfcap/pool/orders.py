"""Open orders of a pool: what buyers owe, when they will pay, and what may be lent on each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from scfcap.axes import LOAN_TYPES, ORDER
from scfcap.credit.buyers import Buyers, Settlements, estimate_buyers
from scfcap.errors import InputError, Problem
from scfcap.expressions import TRUE
from scfcap.pool.advances import BINDING, NEVER, Advances, OrderDays, allocate
from scfcap.pool.columns import Columns, ask, column_problems, expression_problems
from scfcap.pool.payers import Payers
from scfcap.pool.snapshot import Pool
from scfcap.quantities import BoolArray, FloatArray, IntArray
from scfcap.schema.orders import OrdersSpec
from scfcap.tape.schema import Tape


@dataclass(frozen=True)
class OrderBook:
    """Orders that stand at ``as_of``: loans of type "order"; arrays have shape (orders,).

    ``row``: place in the pool. ``buyer``: code in ``buyers``, -1 where not known. ``amount``
    [currency]: what the buyer owes, of which it will leave the share ``dilution`` unpaid.
    ``pay_day`` [orders, parts]: days, offsets from ``as_of``, on which equal parts of an order are
    paid. ``allowed`` [currency]: what may be lent on it; the pool's balance is what was.
    ``table``: one row an order, see :func:`order_book`.
    """

    row: IntArray
    buyer: IntArray
    amount: FloatArray
    dilution: FloatArray
    pay_day: IntArray
    allowed: FloatArray
    buyers: Buyers
    table: pd.DataFrame

    def __len__(self) -> int:
        return len(self.row)

    def payers(self, loans: int, spec: OrdersSpec) -> Payers:
        """How the pool's ``loans`` are paid."""
        amount, dilution = np.zeros(loans), np.zeros(loans)
        pay_day = np.zeros((loans, self.pay_day.shape[1]), dtype=np.int64)
        amount[self.row], dilution[self.row] = self.amount, self.dilution
        pay_day[self.row] = self.pay_day
        return Payers(amount, dilution, pay_day, spec.fee, spec.recourse)


def order_book(pool: Pool, tape: Tape, spec: OrdersSpec) -> OrderBook:
    """Orders of ``pool``, with buyers' habits estimated from all orders of ``tape``.

    What lies after ``as_of`` is not known yet: an order settled later is open. An order without
    ``order_amount`` is its original balance over the advance rate. An order that is disputed
    already is diluted by ``dispute_dilution`` at least; one that is not may still be, and has its
    buyer's rate. The limits count all orders of the tape, settled ones until their day (the due
    day, where a loan that is repaid or charged off has none), at today's dilution.

    The table has loan_id, buyer_id, seller_id, order_amount, origination_date, due_date,
    dilution, by_rate, seller_room and buyer_room (empty without a limit), allowed, binding,
    balance, excess (of the balance over what is allowed), expected_date and late_date (mean and
    90% quantile of the day of payment).

    Raises:
        InputError: the pool has no loan of type "order", the test of disputes cannot be asked, or
            a limit names nobody on the tape.
    """
    frame = tape.frame
    is_order = (frame["loan_type"] == LOAN_TYPES[ORDER]).to_numpy()
    _refuse(frame, is_order, pool, spec, Columns(frame, tape.as_of))
    ledger = _Ledger(frame[is_order].reset_index(drop=True), np.datetime64(tape.as_of, "D"))
    amount, disputed = _amounts(ledger.frame, spec), _disputed(ledger, tape, spec)
    buyer, buyer_names = _coded(ledger.frame, "buyer_id")
    buyers = estimate_buyers(_settlements(ledger, buyer, amount, disputed, spec), buyer_names)
    dilution = _dilution(buyers, buyer, disputed, spec)
    seller, seller_names = _coded(ledger.frame, "borrower_id")
    found = allocate(
        OrderDays(
            day=ledger.day("origination_date"),
            paid_day=_released(ledger),
            worth=spec.advance_rate * amount * (1.0 - dilution),
            seller=seller,
            buyer=buyer,
        ),
        _limits(seller_names, spec.seller_limit, spec.seller_limits),
        _limits(buyer_names, spec.buyer_limit, spec.buyer_limits),
    )
    row = np.flatnonzero(pool.loan_type == ORDER)
    at = pd.Index(ledger.frame["loan_id"]).get_indexer(pd.Index(pool.loan_id[row]))
    due = ledger.day("maturity_date")[at]
    pay_day = due[:, None] + buyers.delays(buyer[at], -due, spec.parts)
    return OrderBook(
        row=row,
        buyer=buyer[at],
        amount=amount[at],
        dilution=dilution[at],
        pay_day=pay_day,
        allowed=found.amount[at],
        buyers=buyers,
        table=_table(ledger, at, pool.balance[row], (amount, dilution, found), pay_day),
    )


@dataclass(frozen=True)
class _Ledger:
    """Orders of a tape, open and closed, and its day."""

    frame: pd.DataFrame
    as_of: np.datetime64

    def day(self, name: str, missing: int = NEVER) -> IntArray:
        """A date column as offsets from ``as_of`` [days]."""
        if name not in self.frame:
            return np.full(len(self.frame), missing)
        days = self.frame[name].to_numpy().astype("datetime64[D]")
        lost = np.isnat(days)
        offset = (np.where(lost, self.as_of, days) - self.as_of).astype(np.int64)
        return np.where(lost, missing, offset)

    @property
    def settled(self) -> BoolArray:
        """Paid by the buyer up to ``as_of``."""
        return self.day("settled_date") <= 0


def _refuse(
    frame: pd.DataFrame, is_order: BoolArray, pool: Pool, spec: OrdersSpec, columns: Columns
) -> None:
    where = "model.toml: orders"
    problems: list[Problem] = []
    if not (pool.loan_type == ORDER).any():
        problems.append(
            Problem(
                where,
                'no outstanding loan of type "order"',
                "a tape with such loans",
                "Map loan_type, or take [orders] out.",
            )
        )
    if spec.disputed is not None:
        problems += expression_problems(columns, spec.disputed, f"{where}.disputed")
    for key, name, limits in (
        ("seller_limits", "borrower_id", spec.seller_limits),
        ("buyer_limits", "buyer_id", spec.buyer_limits),
    ):
        if not limits:
            continue
        strange = column_problems(columns, [name], f"{where}.{key}")
        problems += strange
        known = set() if strange else set(frame[name][is_order].dropna().astype(str))
        problems += [
            Problem(f"{where}.{key}.{x}", f"a limit of {x!r}", f"a {name} of an order on the tape")
            for x in limits
            if not strange and x not in known
        ]
    if problems:
        raise InputError(problems)


def _amounts(frame: pd.DataFrame, spec: OrdersSpec) -> FloatArray:
    lent = frame["original_balance"].to_numpy(dtype=np.float64) / spec.advance_rate
    if "order_amount" not in frame:
        return lent
    stated = frame["order_amount"].to_numpy(dtype=np.float64)
    return np.where(np.isnan(stated), lent, stated)


def _disputed(ledger: _Ledger, tape: Tape, spec: OrdersSpec) -> BoolArray:
    """Orders for which the test of disputes holds."""
    if spec.disputed is None:
        return np.zeros(len(ledger.frame), dtype=np.bool_)
    return np.asarray(ask(Columns(ledger.frame, tape.as_of), spec.disputed) == TRUE)


def _coded(frame: pd.DataFrame, name: str) -> tuple[IntArray, tuple[str, ...]]:
    """Codes of a column, -1 where missing, and its values, sorted."""
    if name not in frame:
        return np.full(len(frame), -1), ()
    codes, names = pd.factorize(frame[name].astype(object), sort=True)
    return codes.astype(np.int64), tuple(map(str, names))


def _settlements(
    ledger: _Ledger, buyer: IntArray, amount: FloatArray, disputed: BoolArray, spec: OrdersSpec
) -> Settlements:
    due, made = ledger.day("maturity_date"), ledger.day("origination_date")
    settled = ledger.settled
    # Closed without a day of payment: nothing is known of its delay.
    known = settled | ~ledger.frame["status"].isin(["repaid", "charged_off"]).to_numpy()
    if "settled_amount" in ledger.frame:
        paid = ledger.frame["settled_amount"].to_numpy(dtype=np.float64)
        diluted = np.clip(1.0 - paid / amount, 0.0, 1.0)
    elif spec.disputed is not None:
        diluted = np.where(disputed, spec.dispute_dilution, 0.0)
    else:
        diluted = np.full(len(amount), np.nan)
    day = np.where(settled, ledger.day("settled_date"), 0)
    return Settlements(
        buyer=buyer[known],
        delay=(day - due)[known],
        settled=settled[known],
        term=(due - made)[known],
        amount=amount[known],
        diluted=diluted[known],
    )


def _dilution(buyers: Buyers, buyer: IntArray, disputed: BoolArray, spec: OrdersSpec) -> FloatArray:
    if spec.dilution is not None:
        return np.full(len(buyer), spec.dilution)
    usual = buyers.dilution.value[buyers.row(buyer)]
    return np.where(disputed, np.maximum(usual, spec.dispute_dilution), usual)


def _released(ledger: _Ledger) -> IntArray:
    """Day from which an order takes no room under the limits."""
    paid = ledger.day("settled_date")
    closed = ledger.frame["status"].isin(["repaid", "charged_off"]).to_numpy()
    on_due_day = np.minimum(ledger.day("maturity_date"), 0)
    return np.where(paid <= 0, paid, np.where(closed, on_due_day, NEVER))


def _limits(names: tuple[str, ...], default: float | None, own: Mapping[str, float]) -> FloatArray:
    whole = np.inf if default is None else default
    return np.array([own.get(name, whole) for name in names], dtype=np.float64)


def _table(
    ledger: _Ledger,
    at: IntArray,
    balance: FloatArray,
    figures: tuple[FloatArray, FloatArray, Advances],
    pay_day: IntArray,
) -> pd.DataFrame:
    amount, dilution, advances = figures
    frame = ledger.frame.iloc[at]
    nobody = np.full(len(at), "", dtype=object)

    def named(name: str) -> Any:
        return frame[name].to_numpy() if name in frame else nobody

    def dated(days: Any) -> Any:
        return (ledger.as_of + np.rint(days).astype("timedelta64[D]")).astype("datetime64[s]")

    return pd.DataFrame(
        {
            "loan_id": frame["loan_id"].to_numpy(),
            "buyer_id": named("buyer_id"),
            "seller_id": named("borrower_id"),
            "order_amount": amount[at],
            "origination_date": frame["origination_date"].to_numpy(),
            "due_date": frame["maturity_date"].to_numpy(),
            "dilution": dilution[at],
            "by_rate": advances.worth[at],
            "seller_room": _or_empty(advances.seller_room[at]),
            "buyer_room": _or_empty(advances.buyer_room[at]),
            "allowed": advances.amount[at],
            "binding": np.array(BINDING, dtype=object)[advances.binding[at]],
            "balance": balance,
            "excess": np.maximum(balance - advances.amount[at], 0.0),
            "expected_date": dated(pay_day.mean(axis=1)),
            "late_date": dated(np.quantile(pay_day, 0.9, axis=1, method="inverted_cdf")),
        }
    )


def _or_empty(room: FloatArray) -> FloatArray:
    return np.where(np.isinf(room), np.nan, room)
