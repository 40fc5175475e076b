"""Rules of contract terms: days of payment, limits and floating rates."""

from __future__ import annotations

from typing import Final

import numpy as np

from scfcap import axes
from scfcap.quantities import HALF_CENT, BoolArray
from scfcap.tape.derive import Typed
from scfcap.tape.rules.base import Rule
from scfcap.tape.rules.times import closed
from scfcap.tape.rules.values import negative, rate_beyond, rate_due, unknown

#: Most months from one reset of a rate to the next.
MAX_MONTHS: Final = 1200


def next_after_maturity(tape: Typed) -> BoolArray:
    """The next payment lies after the last one."""
    return np.asarray(tape.columns["next_payment_date"] > tape.columns["maturity_date"])


def next_not_ahead(tape: Typed) -> BoolArray:
    """The next payment of an open loan, due to end later, lies on or before the tape's day."""
    day = np.datetime64(tape.as_of, "D")
    passed = tape.columns["next_payment_date"] <= day
    running = tape.columns["maturity_date"] > day
    return np.asarray(passed & running & ~closed(tape))


def next_before_origination(tape: Typed) -> BoolArray:
    """A payment before the loan was made, or on that day."""
    return np.asarray(tape.columns["next_payment_date"] <= tape.columns["origination_date"])


def above_limit(tape: Typed) -> BoolArray:
    """More drawn than the line allows."""
    return np.asarray(tape.columns["current_balance"] > tape.columns["credit_limit"] + HALF_CENT)


def floor_above_cap(tape: Typed) -> BoolArray:
    """No rate lies between them."""
    return np.asarray(tape.columns["rate_floor"] > tape.columns["rate_cap"])


def reset_not_ahead(tape: Typed) -> BoolArray:
    """The next reset of an open loan, due to end later, lies on or before the tape's day."""
    day = np.datetime64(tape.as_of, "D")
    passed = tape.columns["next_reset_date"] <= day
    running = tape.columns["maturity_date"] > day
    return np.asarray(passed & running & ~closed(tape))


def no_reset_date(tape: Typed) -> BoolArray:
    """Months between resets of a floating rate, and no day of the next."""
    said = ~np.isnan(tape.columns["reset_months"]) & (tape.columns["rate_index"].codes >= 0)
    if "next_reset_date" in tape.columns:
        said &= np.isnat(tape.columns["next_reset_date"])
    return np.asarray(said & (tape.columns["maturity_date"] > np.datetime64(tape.as_of, "D")))


def months_of_days(tape: Typed) -> BoolArray:
    """Regular months as the day count of a loan that is paid every so many days."""
    by_days = [name for name, (_, days) in axes.PAYMENT_STEPS.items() if days]
    paid: BoolArray = tape.columns["payment_every"].where(by_days)
    return np.asarray(paid & tape.columns["day_count"].where(("act/act-icma",)))


def no_margin(tape: Typed) -> BoolArray:
    """A floating rate without its margin."""
    floating = tape.columns["rate_index"].codes >= 0
    return np.asarray(floating & np.isnan(tape.columns["rate_margin"]))


def months_out_of_range(tape: Typed) -> BoolArray:
    """Below 1 or above :data:`MAX_MONTHS`."""
    months = tape.columns["reset_months"]
    return np.asarray((months < 1.0) | (months > MAX_MONTHS))


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        *(
            "payment_every",
            "unknown_value",
            "error",
            unknown("payment_every", [*axes.PAYMENT_STEPS]),
        ),
        f"one of {', '.join(axes.PAYMENT_STEPS)}; map it in [tape.values.payment_every]",
        *("a word that is not in our vocabulary", (), True),
    ),
    Rule(
        *("day_count", "unknown_value", "error", unknown("day_count", axes.DAY_COUNTS)),
        f"one of {', '.join(axes.DAY_COUNTS)}; map it in [tape.values.day_count]",
        *("a word that is not in our vocabulary", (), True),
    ),
    Rule(
        *("day_count", "by_days", "error", months_of_days),
        "another day count, such as act/365, or payments by months",
        "act/act-icma, which takes shares of regular months, for a loan that is paid by days",
        ("payment_every",),
        fixed=True,
    ),
    Rule(
        *("next_payment_date", "after_maturity", "error", next_after_maturity),
        "a day up to the maturity",
        "the next payment falls after the last one",
    ),
    Rule(
        *("next_payment_date", "not_ahead", "error", next_not_ahead),
        'a day after as_of; as a "warning" in [tape.rules] the next one of its sequence is taken',
        "the next payment of an open loan is not ahead; as a warning the next of its sequence is"
        " taken",
    ),
    Rule(
        *("next_payment_date", "before_origination", "error", next_before_origination),
        "a day after the origination",
        "a payment before the loan was made",
    ),
    Rule(
        *("grace_payments", "negative", "error", negative("grace_payments"), "0 or more"),
        *("fewer than no payments", (), True),
    ),
    Rule(
        *("payment_fee", "negative", "error", negative("payment_fee"), "0 or more"),
        *("a fee below zero", (), True),
    ),
    Rule(
        *("credit_limit", "negative", "error", negative("credit_limit"), "0 or more"),
        "a limit below zero",
    ),
    Rule(
        *("credit_limit", "above_limit", "warning", above_limit, "a balance up to the limit"),
        "more drawn than the line allows",
    ),
    *(
        Rule(
            *(column, "out_of_range", "error", rate_beyond(column, -1.0), rate_due(column, -1.0)),
            f"a {word} below -1 or above max_rate: likely in another unit",
            fixed=True,
        )
        for column, word in (("rate_margin", "margin"), ("rate_floor", "floor"))
    ),
    Rule(
        *("rate_cap", "negative", "error", negative("rate_cap"), "0 or more"),
        *("a rate that can only be below zero", (), True),
    ),
    Rule(
        *("next_reset_date", "not_ahead", "error", reset_not_ahead),
        'a day after as_of; as a "warning" in [tape.rules] it goes on by reset_months',
        "the next reset of an open loan's rate is not ahead; as a warning it goes on by"
        " reset_months",
    ),
    Rule(
        *("reset_months", "no_reset_date", "error", no_reset_date),
        'a next_reset_date; as a "warning" in [tape.rules] the first is that far from as_of',
        "months between resets of a rate, without the day of the next; as a warning the first is"
        " that far from as_of",
        ("rate_index",),
    ),
    Rule(
        *("rate_index", "no_margin", "warning", no_margin),
        "a margin (the projection takes the segment's, or 0)",
        *("a floating rate without its margin", ("rate_margin",)),
    ),
    Rule(
        *("rate_floor", "floor_above_cap", "error", floor_above_cap, "a floor up to the cap"),
        *("no rate lies between floor and cap", ("rate_cap",), True),
    ),
    Rule(
        *("reset_months", "out_of_range", "error", months_out_of_range),
        f"a whole number of months from 1 to {MAX_MONTHS:,}",
        *("no time between two resets", (), True),
    ),
)
