"""Rules of single cells: range and vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from scfcap import axes
from scfcap.quantities import HALF_CENT, BoolArray, IntArray
from scfcap.tape.convert import Codes
from scfcap.tape.derive import Typed
from scfcap.tape.rules.base import Detail, Rule, Test

#: Largest amount of one loan [currency].
MAX_BALANCE: Final = 1e12
_CHANNELS = (axes.OWN, *axes.OUTSIDE_CHANNELS)


def negative(column: str) -> Test:
    """Below zero."""
    return lambda tape: np.asarray(tape.columns[column] < 0.0)


def too_large(column: str) -> Test:
    """Above :data:`MAX_BALANCE`."""
    return lambda tape: np.asarray(tape.columns[column] > MAX_BALANCE)


def nothing_lent(tape: Typed) -> BoolArray:
    """No principal was ever paid out."""
    return np.asarray(tape.columns["original_balance"] == 0.0)


def above_original(tape: Typed) -> BoolArray:
    """More outstanding than was paid out; a revolving line may be drawn again."""
    lent = tape.columns["original_balance"]
    above = (tape.columns["current_balance"] > lent + HALF_CENT) & (lent > 0.0)
    lines: BoolArray = tape.columns["loan_type"].where(("revolving_line",))
    return np.asarray(above & ~lines)


def rate_beyond(column: str, least: float = 0.0) -> Test:
    """Below ``least`` or above ``[tape].max_rate`` [1/year]."""

    def test(tape: Typed) -> BoolArray:
        rate = tape.columns[column]
        return np.asarray((rate < least) | (rate > tape.spec.max_rate))

    return test


def rate_due(column: str, least: float = 0.0) -> Detail:
    """The range of :func:`rate_beyond`, and the units that a rate above it may be in."""

    def said(tape: Typed, rows: IntArray) -> list[str]:
        spec = tape.spec
        due = f"a decimal a year from {least:g} to {spec.max_rate:g}, [tape].max_rate"
        ways = [
            *([] if column in (*spec.percent, *spec.basis_points) else ["list it in percent"]),
            *(["take it out of daily"] if column in spec.daily else []),
            *(["take it out of monthly"] if column in spec.monthly else []),
            "raise max_rate if contracts do charge it",
        ]
        return [
            f"{due}; this is {rate:.0%} a year: {', or '.join(ways)}"
            if rate > spec.max_rate
            else due
            for rate in tape.columns[column][rows]
        ]

    return said


def zero_rate(tape: Typed) -> BoolArray:
    """Lent without interest."""
    return np.asarray(tape.columns["rate"] == 0.0)


def unknown(column: str, known: Sequence[str]) -> Test:
    """Not in our vocabulary."""

    def test(tape: Typed) -> BoolArray:
        cells: Codes = tape.columns[column]
        return (cells.codes >= 0) & ~cells.where(known)

    return test


def unknown_channel(tape: Typed) -> BoolArray:
    """A holder whose channel we do not know."""
    cells: Codes = tape.columns["channel"]
    known = [label for label in cells.labels if axes.channel_of(label) in _CHANNELS]
    return (cells.codes >= 0) & ~cells.where(known)


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        *("original_balance", "negative", "error", negative("original_balance"), "above 0"),
        *("an amount lent below zero", (), True),
    ),
    Rule(
        *("original_balance", "too_large", "error", too_large("original_balance")),
        f"at most {MAX_BALANCE:g}",
        *("an amount beyond any single loan", (), True),
    ),
    Rule(
        *("original_balance", "zero", "error", nothing_lent, "above 0"),
        *("nothing was lent", (), True),
    ),
    Rule(
        *("current_balance", "negative", "error", negative("current_balance"), "0 or more"),
        *("a balance below zero", (), True),
    ),
    Rule(
        *("current_balance", "above_original", "error", above_original),
        "the original balance at most",
        "more outstanding than was lent, on a loan that is no revolving line",
    ),
    Rule(
        *("rate", "out_of_range", "error", rate_beyond("rate"), rate_due("rate")),
        *("a rate below 0 or above max_rate: likely in another unit", (), True),
    ),
    Rule(
        *("rate", "zero_rate", "off", zero_rate, "a rate above 0"),
        "a loan without interest",
    ),
    Rule(
        *("loan_type", "unknown_value", "error", unknown("loan_type", axes.LOAN_TYPES)),
        f"one of {', '.join(axes.LOAN_TYPES)}; map it in [tape.values.loan_type]",
        *("a word that is not in our vocabulary", (), True),
    ),
    Rule(
        *("status", "unknown_value", "error", unknown("status", axes.STATUSES)),
        f"one of {', '.join(axes.STATUSES)}; map it in [tape.values.status]",
        *("a word that is not in our vocabulary", (), True),
    ),
    Rule(
        *("channel", "unknown_value", "error", unknown_channel),
        f"one of {', '.join(_CHANNELS)}, or channel:name; map it in [tape.values.channel]",
        *("a word that is not in our vocabulary", (), True),
    ),
    Rule(
        *("days_past_due", "negative", "error", negative("days_past_due"), "0 or more"),
        *("less than no days past due", (), True),
    ),
    Rule(
        *("paid_principal", "negative", "error", negative("paid_principal"), "0 or more"),
        "a repayment below zero",
    ),
    Rule(
        *("instalment", "negative", "error", negative("instalment"), "0 or more"),
        "an instalment below zero",
    ),
)
