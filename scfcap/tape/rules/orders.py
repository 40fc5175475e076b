"""Rules of orders and receivables: their amount, and the day on which the buyer paid."""

from __future__ import annotations

from typing import Final

import numpy as np

from scfcap.quantities import HALF_CENT, BoolArray
from scfcap.tape.convert import Codes
from scfcap.tape.derive import Typed
from scfcap.tape.rules.base import Rule
from scfcap.tape.rules.values import negative


def not_positive(tape: Typed) -> BoolArray:
    """An order over nothing."""
    return np.asarray(tape.columns["order_amount"] <= 0.0)


def below_balance(tape: Typed) -> BoolArray:
    """More is owed on the loan than its buyer owes."""
    amount = tape.columns["order_amount"]
    return np.asarray(tape.columns["current_balance"] > amount + HALF_CENT)


def settled_before_origination(tape: Typed) -> BoolArray:
    """Paid by the buyer before anything was lent on it."""
    return np.asarray(tape.columns["settled_date"] < tape.columns["origination_date"])


def settled_but_owing(tape: Typed) -> BoolArray:
    """The buyer has paid, and the loan is open."""
    status: Codes = tape.columns["status"]
    paid = tape.columns["settled_date"] <= np.datetime64(tape.as_of, "D")
    open_ = (tape.columns["current_balance"] > HALF_CENT) & ~status.where(("charged_off",))
    return np.asarray(paid & open_)


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        *("order_amount", "not_positive", "error", not_positive, "above 0"),
        *("an order over nothing", (), True),
    ),
    Rule(
        *("order_amount", "below_balance", "warning", below_balance, "the balance at least"),
        "more is owed on the loan than its buyer owes",
    ),
    Rule(
        *("settled_date", "before_origination", "error", settled_before_origination),
        "a day at or after the origination",
        *("paid by the buyer before anything was lent", (), True),
    ),
    Rule(
        *("settled_date", "settled_but_owing", "warning", settled_but_owing),
        "no balance once the buyer has paid",
        "the buyer has paid, and the loan is open",
    ),
    Rule(
        *("settled_amount", "negative", "error", negative("settled_amount"), "0 or more"),
        *("a payment below zero", (), True),
    ),
)
