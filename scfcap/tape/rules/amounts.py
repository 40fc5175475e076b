"""Rules of arithmetic: amounts against each other and against the contract's schedule."""

from __future__ import annotations

from typing import Final

import numpy as np

from scfcap.quantities import HALF_CENT, BoolArray, FloatArray, IntArray
from scfcap.tape.convert import Codes
from scfcap.tape.derive import Typed
from scfcap.tape.rules.base import Detail, Rule

#: What an instalment may differ by from the annuity formula [currency].
INSTALMENT_TOLERANCE: Final = 0.02
#: Payments that a loan called current may be behind its schedule: one that is due these days, and
#: one for a first payment that falls late.
PAYMENTS_BEHIND: Final = 2.0


def months_of(tape: Typed, rows: IntArray | None = None) -> tuple[FloatArray, FloatArray]:
    """Calendar months of the term, and of it those that are over at as_of; NaN where unknown."""
    start, end = (
        tape.columns[name] if rows is None else tape.columns[name][rows]
        for name in ("origination_date", "maturity_date")
    )
    day = np.datetime64(tape.as_of, "D")
    first = start.astype("datetime64[M]")
    known = ~np.isnat(start) & ~np.isnat(end)
    term = (end.astype("datetime64[M]") - first).astype(np.int64)
    gone = (day.astype("datetime64[M]") - first).astype(np.int64)
    of_month = (start - first.astype("datetime64[D]")).astype(np.int64)
    today = int((day - day.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64))
    gone = gone - (of_month > today)
    return np.where(known, term, np.nan), np.where(known, gone, np.nan)


def annuity(tape: Typed, rows: IntArray | None = None) -> FloatArray:
    """Level monthly payment on the original balance over the whole months of the term [currency].

    ``B i / (1 - (1 + i)^-n)`` with ``i`` a twelfth of the annual rate; NaN where unknown.
    """
    n, _ = months_of(tape, rows)
    lent, rate = (
        tape.columns[name] if rows is None else tape.columns[name][rows]
        for name in ("original_balance", "rate")
    )
    i = rate / 12.0
    with np.errstate(all="ignore"):
        factor = np.where(i == 0.0, 1.0 / n, i / -np.expm1(-n * np.log1p(i)))
        return np.where(n > 0, lent * factor, np.nan)


def monthly(tape: Typed) -> BoolArray:
    """Loans that pay principal each month, as far as the tape says."""
    each = np.ones(tape.rows, dtype=np.bool_)
    if "payment_every" in tape.columns:
        every: Codes = tape.columns["payment_every"]
        each &= (every.codes < 0) | every.where(("month",))
    if "grace_payments" in tape.columns:
        each &= ~(tape.columns["grace_payments"] > 0.0)
    return each


def instalment_differs(tape: Typed) -> BoolArray:
    """Off the annuity formula, for level payment loans."""
    level: BoolArray = tape.columns["loan_type"].where(("level_payment",))
    rows = np.flatnonzero(level & monthly(tape))
    gap = np.abs(tape.columns["instalment"][rows] - annuity(tape, rows))
    return _at(tape, rows[gap > INSTALMENT_TOLERANCE])


def _scheduled(tape: Typed, rows: IntArray) -> tuple[FloatArray, FloatArray]:
    """Balance by the schedule at as_of, and what may be above it [currency].

    Level payment: ``B ((1+i)^n - (1+i)^k) / ((1+i)^n - 1)`` after ``k`` of ``n`` months; equal
    principal: ``B (1 - k/n)``.
    """
    lent, i = tape.columns["original_balance"][rows], tape.columns["rate"][rows] / 12.0
    n, k = months_of(tape, rows)
    k = np.clip(k, 0.0, n)
    level: BoolArray = tape.columns["loan_type"].where(("level_payment",))[rows]
    with np.errstate(all="ignore"):
        growth, grown = np.expm1(n * np.log1p(i)), np.expm1(k * np.log1p(i))
        curved = level & (i > 0.0)
        left = np.where(curved, 1.0 - grown / growth, 1.0 - k / n)
        payment = np.where(curved, i * (1.0 + 1.0 / growth), 1.0 / n)
    return lent * left, PAYMENTS_BEHIND * lent * payment


def behind_schedule(tape: Typed) -> BoolArray:
    """Called current, and owing more than the schedule by over :data:`PAYMENTS_BEHIND` payments."""
    amortising: BoolArray = tape.columns["loan_type"].where(("level_payment", "equal_principal"))
    current: BoolArray = tape.columns["status"].where(("current",))
    running = tape.columns["maturity_date"] >= np.datetime64(tape.as_of, "D")
    punctual = tape.columns["days_past_due"] == 0.0
    rows = np.flatnonzero(amortising & current & running & punctual & monthly(tape))
    due, allowed = _scheduled(tape, rows)
    return _at(tape, rows[tape.columns["current_balance"][rows] > due + allowed + HALF_CENT])


def _due_said(tape: Typed, rows: IntArray) -> list[str]:
    due, allowed = _scheduled(tape, rows)
    return [
        f"{a:,.2f} by the schedule, or up to {b:,.2f} more"
        for a, b in zip(due, allowed, strict=True)
    ]


def principal_gap(tape: Typed, rows: IntArray | None = None) -> FloatArray:
    """Principal neither outstanding nor repaid [currency]: original - current - paid."""
    names = ("original_balance", "current_balance", "paid_principal")
    original, current, paid = (
        tape.columns[name] if rows is None else tape.columns[name][rows] for name in names
    )
    return np.asarray(original - current - paid)


def charged_off_loss(tape: Typed) -> BoolArray:
    """A charged-off loan with principal that was not repaid."""
    status: Codes = tape.columns["status"]
    return np.asarray(status.where(("charged_off",)) & (np.abs(principal_gap(tape)) > HALF_CENT))


def unexplained(tape: Typed) -> BoolArray:
    """Principal that does not add up on a loan that is not charged off."""
    status: Codes = tape.columns["status"]
    return np.asarray(~status.where(("charged_off",)) & (np.abs(principal_gap(tape)) > HALF_CENT))


def repaid_but_owing(tape: Typed) -> BoolArray:
    """Status repaid, with a balance."""
    status: Codes = tape.columns["status"]
    return np.asarray(status.where(("repaid",)) & (tape.columns["current_balance"] > HALF_CENT))


def charged_off_but_owing(tape: Typed) -> BoolArray:
    """Status charged off, with a balance that still counts as outstanding."""
    status: Codes = tape.columns["status"]
    return np.asarray(
        status.where(("charged_off",)) & (tape.columns["current_balance"] > HALF_CENT)
    )


def nothing_owed(tape: Typed) -> BoolArray:
    """No balance, and not called repaid or charged off; a revolving line may be undrawn."""
    closed: BoolArray = tape.columns["status"].where(("repaid", "charged_off"))
    lines: BoolArray = tape.columns["loan_type"].where(("revolving_line",))
    return np.asarray((tape.columns["current_balance"] == 0.0) & ~closed & ~lines)


def _at(tape: Typed, rows: IntArray) -> BoolArray:
    mask = np.zeros(tape.rows, dtype=np.bool_)
    mask[rows] = True
    return mask


def _annuity_said(tape: Typed, rows: IntArray) -> list[str]:
    return [f"{amount:.2f} by the annuity formula" for amount in annuity(tape, rows)]


def _gap_said(word: str) -> Detail:
    def said(tape: Typed, rows: IntArray) -> list[str]:
        names = ("original_balance", "current_balance", "paid_principal")
        parts = zip(*(tape.columns[name][rows] for name in names), strict=True)
        return [
            f"{word} {lent - owed - paid:,.2f} = original {lent:,.2f} - outstanding {owed:,.2f}"
            f" - repaid {paid:,.2f}"
            for lent, owed, paid in parts
        ]

    return said


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        *("instalment", "instalment_differs", "warning", instalment_differs, _annuity_said),
        "a level payment that the annuity formula does not give from balance, rate and term",
    ),
    Rule(
        *("paid_principal", "charged_off_loss", "warning", charged_off_loss, _gap_said("loss")),
        "what a charged-off loan left unpaid",
    ),
    Rule(
        *("paid_principal", "principal_gap", "warning", unexplained, _gap_said("gap")),
        "original balance = current balance + repaid principal does not hold",
    ),
    Rule(
        *("current_balance", "behind_schedule", "warning", behind_schedule, _due_said),
        f"called current, and over {PAYMENTS_BEHIND:g} payments above the contract's schedule",
    ),
    Rule(
        *("current_balance", "charged_off_but_owing", "warning", charged_off_but_owing),
        "no balance once charged off",
        *("status charged off, with a balance", ("status",)),
    ),
    Rule(
        *("current_balance", "nothing_owed", "warning", nothing_owed),
        "a balance, or status repaid or charged_off",
        *("no balance, and not called repaid or charged off", ("status",)),
    ),
    Rule(
        *("status", "repaid_but_owing", "warning", repaid_but_owing, "no balance once repaid"),
        "status repaid, with a balance",
    ),
)
