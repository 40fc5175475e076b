"""How each dated loan's interest runs: its day count, and the bounds of a floating rate."""

from __future__ import annotations

from typing import Final

import numpy as np

from scfcap.axes import DAY_COUNTS, FLAT_FEE, LOAN_TYPES, PAID_ONCE
from scfcap.daycount import ACT_365, ACT_ACT_ICMA
from scfcap.errors import InputError, Problem
from scfcap.pool.payment_days import ONCE, PaymentDays
from scfcap.pool.stated_terms import Stated
from scfcap.quantities import BoolArray, FloatArray, IntArray

#: Faulty loans that a refusal names.
_NAMED: Final = 20


def day_counts(stated: Stated, days: PaymentDays) -> IntArray:
    """Day count by which each loan's interest runs: see :class:`ContractSpec`.

    Raises:
        InputError: act/act-icma of tape or contract, for a loan that is paid every so many days.
    """
    names, codes = stated.labels("day_count", [spec.day_count for spec in stated.specs])
    place = np.array([*(DAY_COUNTS.index(name) for name in names), -1], dtype=np.int64)
    known = place[codes]
    wrong = np.flatnonzero(stated.dated & (known == ACT_ACT_ICMA) & (days.days > 0))
    if len(wrong):
        raise InputError(_no_regular_months(stated, wrong, days.days))
    kinds = stated.frame["loan_type"]
    loan_type = np.array([*map(LOAN_TYPES.index, kinds.cat.categories), -1], dtype=np.int64)
    return accruing(known, (days.months, days.days), loan_type[kinds.cat.codes.to_numpy()])


def _no_regular_months(stated: Stated, rows: IntArray, days: IntArray) -> list[Problem]:
    """Loans of which act/act-icma knows no regular period."""
    from_tape = stated.known("day_count")
    return [
        Problem(
            stated.place(row, "day_count" if from_tape[row] else "payment_every"),
            f'"act/act-icma", with a payment every {int(days[row])} days' + _others(rows, row),
            "payments by months, of whose periods it takes shares",
            "State another day_count, such as act/365, for loans that are paid by days.",
        )
        for row in rows[:_NAMED]
    ]


def refuse_caps_below(
    stated: Stated, floor: FloatArray, cap: FloatArray, floating: BoolArray
) -> None:
    """Refuse floating rates that no rate fits between: one bound of the tape, one of the contract.

    Raises:
        InputError: the cap of a loan is below its floor.
    """
    rows = np.flatnonzero(stated.dated & floating & (floor > cap))
    if not len(rows):
        return
    from_tape = stated.known("rate_cap")
    problems = []
    for row in rows[:_NAMED]:
        own, other = ("rate_cap", "rate_floor") if from_tape[row] else ("rate_floor", "rate_cap")
        bounds = {"rate_cap": float(cap[row]), "rate_floor": float(floor[row])}
        problems.append(
            Problem(
                stated.place(row, own),
                f"{bounds[own]:.6g}, with {other} {bounds[other]:.6g}" + _others(rows, row),
                "a floor up to the cap",
                "Correct the tape, or the segment's contract.",
            )
        )
    raise InputError(problems)


def _others(rows: IntArray, row: int) -> str:
    """Said with the last loan that is named: how many more there are."""
    more = len(rows) - _NAMED
    return f" (and {more:,} more loans)" if more > 0 and row == rows[_NAMED - 1] else ""


def accruing(known: IntArray, every: tuple[IntArray, IntArray], loan_type: IntArray) -> IntArray:
    """Codes of day counts; of those not ``known`` (-1) the one that goes with the payments.

    ``every``: months and days from one payment to the next. Months of a flat fee are twelfths.
    """
    months, days = every
    by_months = (months > 0) & (months != ONCE) & (days == 0)
    once = np.isin(loan_type, [LOAN_TYPES.index(name) for name in PAID_ONCE])
    default = np.where(by_months & ~once, ACT_ACT_ICMA, ACT_365)
    nominal = by_months & (loan_type == FLAT_FEE)
    return np.where(nominal, ACT_ACT_ICMA, np.where(known < 0, default, known))
