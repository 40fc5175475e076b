"""Rules of time: dates against each other, against the term, and days past due against both."""

from __future__ import annotations

from typing import Final

import numpy as np

from scfcap.quantities import BoolArray, FloatArray, IntArray
from scfcap.tape.convert import Codes, add_months
from scfcap.tape.derive import TERM, Typed
from scfcap.tape.rules.base import Rule

#: What days past due may fall short of the days since maturity: a due day moved by holidays.
DAYS_SHORT: Final = 7


def after_as_of(tape: Typed) -> BoolArray:
    """Paid out after the tape's day."""
    return np.asarray(tape.columns["origination_date"] > np.datetime64(tape.as_of, "D"))


def maturity_before_origination(tape: Typed) -> BoolArray:
    """Due before it was paid out."""
    return np.asarray(tape.columns["maturity_date"] < tape.columns["origination_date"])


def closed(tape: Typed) -> BoolArray:
    """Repaid or charged off."""
    status: Codes = tape.columns["status"]
    return status.where(("repaid", "charged_off"))


def past_maturity(tape: Typed) -> BoolArray:
    """Due before the tape's day and still outstanding."""
    due = tape.columns["maturity_date"] < np.datetime64(tape.as_of, "D")
    return np.asarray(due & (tape.columns["current_balance"] > 0.0) & ~closed(tape))


def no_term(tape: Typed) -> BoolArray:
    """Due on the day that it was paid out, and still outstanding."""
    same = tape.columns["maturity_date"] == tape.columns["origination_date"]
    return np.asarray(same & (tape.columns["current_balance"] > 0.0) & ~closed(tape))


def not_said_late(tape: Typed) -> BoolArray:
    """Outstanding past maturity for :data:`DAYS_SHORT` days longer than it is said to be late."""
    rows = np.flatnonzero(past_maturity(tape))
    mask = np.zeros(tape.rows, dtype=np.bool_)
    rows = rows[~maturity_before_origination(tape)[rows]]
    late = tape.columns["days_past_due"][rows]
    mask[rows[late < _since_maturity(tape, rows) - DAYS_SHORT]] = True
    return mask


def _since_maturity(tape: Typed, rows: IntArray) -> FloatArray:
    past = np.datetime64(tape.as_of, "D") - tape.columns["maturity_date"][rows]
    return np.asarray(past.astype(np.int64), dtype=np.float64)


def _overdue_said(tape: Typed, rows: IntArray) -> list[str]:
    late = tape.columns["days_past_due"][rows]
    said = "it is {:.0f}"
    if not tape.states("days_past_due"):
        said = 'derive it as "days_past_maturity" where the loan is late'
    return [
        f"a day on or after as_of, or days_past_due of about {days:.0f}; {said.format(stated)}"
        for days, stated in zip(_since_maturity(tape, rows), late, strict=True)
    ]


def exceeds_age(tape: Typed) -> BoolArray:
    """Past due for longer than the loan has run."""
    age = np.datetime64(tape.as_of, "D") - tape.columns["origination_date"]
    known = ~np.isnat(age)
    return np.asarray(known & (tape.columns["days_past_due"] > age.astype(np.int64)))


def current_but_late(tape: Typed) -> BoolArray:
    """Status current, with days past due."""
    status: Codes = tape.columns["status"]
    return np.asarray((tape.columns["days_past_due"] > 0.0) & status.where(("current",)))


def late_without_days(tape: Typed) -> BoolArray:
    """Status late, no day past due."""
    status: Codes = tape.columns["status"]
    return np.asarray((tape.columns["days_past_due"] == 0.0) & status.where(("late",)))


def default_early(tape: Typed) -> BoolArray:
    """Status default, before the days from which the source calls a loan so; or with none."""
    status: Codes = tape.columns["status"]
    least = tape.spec.default_days or 1
    return np.asarray((tape.columns["days_past_due"] < least) & status.where(("default",)))


def default_not_said(tape: Typed) -> BoolArray:
    """Past due for as long as a default is, and not called so."""
    if tape.spec.default_days is None:
        return np.zeros(tape.rows, dtype=np.bool_)
    status: Codes = tape.columns["status"]
    late = tape.columns["days_past_due"] >= tape.spec.default_days
    return np.asarray(late & status.where(("current", "late")))


def term_differs(tape: Typed) -> BoolArray:
    """Maturity is not the origination and the stated term, beyond its tolerance."""
    term = tape.spec.term
    assert term is not None
    stated = tape.columns[TERM]
    start, end = tape.columns["origination_date"], tape.columns["maturity_date"]
    known = ~np.isnat(start) & ~np.isnat(end) & ~np.isnan(stated)
    unit = "datetime64[M]" if term.unit == "months" else "datetime64[D]"
    gap = (end.astype(unit) - start.astype(unit)).astype(np.int64) - stated
    return np.asarray(known & (np.abs(gap) > term.tolerance))


def _term_said(tape: Typed, rows: IntArray) -> list[str]:
    term = tape.spec.term
    assert term is not None
    start, stated = tape.columns["origination_date"][rows], tape.columns[TERM][rows]
    # A term that is no believable number is shown, not counted.
    usable = np.isfinite(stated) & (np.abs(stated) < 36_525) & ~np.isnat(start)
    count = np.where(usable, np.floor(stated), 0.0)
    moved = (
        add_months(start, count)
        if term.unit == "months"
        else start + count.astype("timedelta64[D]")
    )
    return [
        f"{stated_:g} {term.unit} after the origination" + (f": about {day}" if fits else "")
        for stated_, day, fits in zip(stated, moved, usable, strict=True)
    ]


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        *("origination_date", "after_as_of", "error", after_as_of, "a day up to as_of"),
        *("paid out after the tape's day", (), True),
    ),
    Rule(
        *("maturity_date", "before_origination", "error", maturity_before_origination),
        "a day at or after the origination",
        *("due before it was paid out", (), True),
    ),
    Rule(
        *("maturity_date", "no_term", "error", no_term, "a day after the origination"),
        *("a term of no day", (), True),
    ),
    Rule(
        *("maturity_date", "not_said_late", "error", not_said_late, _overdue_said),
        f"past maturity for over {DAYS_SHORT} days more than days_past_due says",
    ),
    Rule(
        *("maturity_date", "past_maturity", "warning", past_maturity),
        "a maturity on or after as_of while a balance is outstanding",
        "outstanding after its last contract day",
    ),
    Rule(
        *("maturity_date", "term_differs", "warning", term_differs, _term_said),
        "the dates do not lie the stated term apart",
        needs=(TERM,),
    ),
    Rule(
        *("days_past_due", "exceeds_age", "warning", exceeds_age),
        "at most the days since origination",
        "past due for longer than the loan has run",
    ),
    Rule(
        *("status", "current_but_late", "warning", current_but_late, "late, or no days past due"),
        *("status current, with days past due", ("days_past_due",)),
    ),
    Rule(
        *("status", "late_without_days", "warning", late_without_days),
        "current, or days past due",
        *("status late, with no day past due", ("days_past_due",)),
    ),
    Rule(
        *("status", "default_early", "warning", default_early),
        "days past due of at least [tape].default_days, or one",
        *("status default, with too few days past due", ("days_past_due",)),
    ),
    Rule(
        *("status", "default_not_said", "warning", default_not_said),
        "default, from [tape].default_days on",
        *("days past due of a default, with another status", ("days_past_due",)),
    ),
)
