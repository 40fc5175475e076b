"""Purchases of a series or buyer, loan by loan: what was paid, what came of it, what is left.

As in a deal's own run (:mod:`scfcap.deal.loan_ledger`), price + income is what was received, the
balance that is left and the loss: here to the cent, at any day, and with what was drawn later on
the one side and what a tape does not explain on the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from scfcap import axes
from scfcap.errors import InputError, InvariantError, Problem
from scfcap.ledger.amounts import currency, frame
from scfcap.ledger.frames import BALANCE
from scfcap.ledger.store import Ledger, stored
from scfcap.quantities import BoolArray, IntArray

#: Columns of a trace, amounts in the order of the identity.
COLUMNS: Final = (
    *("loan_id", "date", "delivery", "balance_bought", "price", "income", "drawn"),
    *("interest", "principal", "recovery", "repurchased", "sold", "received"),
    *("balance", "loss", "unexplained", "left", "how"),
)
_MONEY: Final = (
    *("balance_bought", "price", "income", "drawn", "interest", "principal", "recovery"),
    *("repurchased", "sold", "received", "balance", "loss", "unexplained"),
)


@dataclass(frozen=True)
class Trace:
    """Purchases of a channel until the close of a day.

    ``loans``: :data:`COLUMNS`, one row a purchase [currency]; ``date``: of the purchase, ``left``:
    of its end (NaT while held), ``how``: repurchased by the company, or sold on. ``total``: the
    sums, to the cent. ``interest_stated``: whether every tape since told what interest was paid;
    where none did, income is the discount alone.
    """

    channel: str
    on: date
    loans: pd.DataFrame
    total: dict[str, float]
    interest_stated: bool


def trace(ledger: Ledger, channel: str, on: date | None = None) -> Trace:
    """The purchases of ``channel`` at the close of a day (None: the last).

    price + income + drawn = received + balance + loss + unexplained, loan by loan and in total.
    ``income`` is interest, recoveries of what was lost, and what the price was below the balance
    bought, or that of the sale above the balance sold. Raises :class:`InputError` where nothing is
    bought in such a channel or it never held a loan, :class:`InvariantError` where a cent is
    missing.
    """
    last = ledger.last()
    day = on or last
    kind = axes.channel_of(channel)
    if kind in (axes.OWN, axes.BANK_DEBT) or day is None:
        raise InputError(
            Problem(
                ledger.path.name,
                f"purchases of {channel}",
                "a series or buyer: own loans are made and not bought, pledged ones stay own",
                "scfcap ledger MODEL lists who holds what.",
            )
        )
    rows = ledger.named(_QUERY, {"on": day.isoformat(), "channel": channel})
    if not rows:
        known = [name for (name,) in ledger.rows("SELECT DISTINCT channel FROM holdings")]
        found = f"no loan that {channel} held by {day}"
        raise InputError(Problem(ledger.path.name, found, f"one of {', '.join(sorted(known))}"))
    cells = dict(zip(_NAMES, zip(*rows, strict=True), strict=True))
    whole = {name: np.array(cells[name], dtype=np.int64) for name in _AMOUNTS}
    returned = np.array([name == axes.OWN for name in cells["next"]])
    amounts = _accounts(whole, returned)
    _tie(channel, amounts)
    gone = np.array([day is not None for day in cells["left"]])
    table = {
        **{name: list(cells[name]) for name in ("loan_id", "date", "delivery", "left")},
        **amounts,
        "how": np.where(~gone, "", np.where(returned, "repurchased", "sold")),
    }
    with stored(ledger.path):
        loans = frame({name: table[name] for name in COLUMNS}, _MONEY, ("date", "left"))
    loans["delivery"] = loans["delivery"].astype("Int64")
    total = {name: float(currency(amounts[name].sum())) for name in _MONEY}
    silent = ledger.one(
        "SELECT count(*) FROM tapes WHERE interest_stated = 0 AND date <= ? AND date > ?",
        (day.isoformat(), min(cells["date"])),
    )
    return Trace(channel, day, loans, total, not silent)


_NAMES: Final = (
    *("loan_id", "date", "delivery", "left", "next", "balance_bought", "price", "drawn"),
    *("interest", "principal", "recovery", "loss", "unexplained", "balance"),
    *("left_balance", "left_price"),
)
_AMOUNTS: Final = _NAMES[5:]
_SUMS: Final = ", ".join(
    f"coalesce(sum(r.{name}), 0) AS {name}"
    for name in ("drawn", "interest", "principal", "recovered", "loss", "unexplained")
)
# What left until the day, and how; a loan that left later is held, as far as the day knows.
_GONE: Final = "h.until IS NOT NULL AND h.until <= :on"
_QUERY: Final = (
    f"SELECT l.loan, h.since, h.delivery, iif({_GONE}, h.until, NULL),"
    f" iif({_GONE}, d.destination, NULL), h.bought, h.price, {_SUMS},"
    f" iif({_GONE}, 0, {BALANCE}), iif({_GONE}, h.left_balance, 0),"
    f" iif({_GONE}, h.left_price, 0) FROM holdings h JOIN loans l ON l.id = h.loan"
    " LEFT JOIN deliveries d ON d.id = h.left_by"
    " LEFT JOIN receipts r ON r.holding = h.id AND r.date <= :on"
    " WHERE h.channel = :channel AND h.since <= :on GROUP BY h.id ORDER BY h.since, l.loan"
)


def _accounts(whole: dict[str, IntArray], returned: BoolArray) -> dict[str, IntArray]:
    """The columns of a trace from what the tables hold [cents]."""
    proceeds, gave = whole["left_price"], whole["left_balance"]
    repurchased = np.where(returned, proceeds, 0)
    sold = proceeds - repurchased
    received = whole["interest"] + whole["principal"] + whole["recovery"] + proceeds
    discount = whole["balance_bought"] - whole["price"] + proceeds - gave
    named = {name: whole[name] for name in _AMOUNTS if name not in ("left_balance", "left_price")}
    return {
        **named,
        "income": whole["interest"] + whole["recovery"] + discount,
        "repurchased": repurchased,
        "sold": sold,
        "received": received,
    }


def _tie(channel: str, amounts: dict[str, IntArray]) -> None:
    """Raises InvariantError where price + income + drawn is not what came of it."""
    paid = amounts["price"] + amounts["income"] + amounts["drawn"]
    came = amounts["received"] + amounts["balance"] + amounts["loss"] + amounts["unexplained"]
    wrong = int((paid != came).sum())
    if wrong:
        gap = int(np.abs(paid - came).max()) / 100.0
        msg = f"purchases of {channel}: {wrong} loans do not tie, by up to {gap:.2f}"
        raise InvariantError(msg)
