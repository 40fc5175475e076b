"""Segment curves estimated from outcomes on the tape and payment times in a history.

Two sources, because neither holds everything: a history of closed loans says when loans are
repaid, but holds only loans that were repaid (survivorship), so that losses read off it would be
far too low; the tape's outcome flag says which loans went bad, but not when.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from scfcap.credit.intervals import Z95, wilson_bounds
from scfcap.credit.languages import told
from scfcap.errors import InputError, Problem
from scfcap.quantities import BoolArray, FloatArray
from scfcap.schema.credit import (
    Behaviour,
    CreditRule,
    CreditSpec,
    HistorySpec,
    SegmentCredit,
)
from scfcap.tape.schema import Tape

#: Fewest loans from which a segment's own figure is taken; below, the whole book's.
THIN: Final = 30
#: Highest prepayment intensity [1/year]; above it 1 - exp(-intensity) has no digits left.
MAX_INTENSITY: Final = 30.0
#: Share of a term's loans that must lie in one segment for the history's term to stand for it.
_TERM_IS_SEGMENT = 0.9
#: Columns of a table of estimates.
COLUMNS = ["segment", "measure", "estimate", "low", "high", "count", "unit", "source", "note"]
_SURVIVORS = "the history holds only loans that were repaid in the end: it gives timing, not losses"


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95% interval, the loans it rests on, and how it was found."""

    value: float
    low: float
    high: float
    count: int
    unit: str
    source: str
    note: str = ""


def estimate(
    spec: CreditSpec, tape: Tape, history: pd.DataFrame | None
) -> tuple[dict[str, SegmentCredit], pd.DataFrame]:
    """Behaviour of each segment of the tape, and a table of the estimates behind it.

    ``lifetime_default`` is the bad share of the tape by amount, its interval Wilson's on counts;
    ``cpr`` = 1 - exp(-q) with q the amount closed before maturity over the amount-years at risk
    before maturity; ``late_share`` is the share by amount, of what was not closed before
    maturity, that closed after it, and ``late_days`` their mean lateness by amount [days].
    A segment with fewer than :data:`THIN` loans takes the whole book's figure. Segments that
    ``spec.segments`` states are taken as stated; with ``source = "stated"`` all are.

    Raises :class:`InputError` where the tape lacks the outcome column or any outcome.
    """
    curves, table = as_stated(spec)
    if spec.source == "stated":
        return curves, table
    segments = [str(name) for name in sorted(tape.frame["segment"].cat.categories)]
    rows: list[Any] = table.to_dict("records")
    assert spec.history is not None
    assert spec.severity is not None
    outcome = _outcomes(tape, spec.history)
    closed = None if history is None else _with_segments(history, tape)
    for name in segments:
        if name in curves:
            continue
        found = _segment(name, outcome, closed, tape)
        curves[name] = SegmentCredit(
            lifetime_default=found["lifetime_default"].value,
            cpr=found["cpr"].value,
            severity=spec.severity,
            recovery_lag=spec.recovery_lag,
            late_share=found["late_share"].value,
            late_days=round(found["late_days"].value),
        )
        rows += [row_of(name, measure, figure) for measure, figure in found.items()]
        rows += stated_rows(name, curves[name], ("severity", "recovery_lag"))
    return dict(sorted(curves.items())), pd.DataFrame(rows, columns=COLUMNS)


def as_stated(spec: CreditSpec) -> tuple[dict[str, SegmentCredit], pd.DataFrame]:
    """Behaviour of the segments that a model states, and a table of it."""
    rows = [row for name, curve in spec.segments.items() for row in stated_rows(name, curve)]
    return dict(spec.segments), pd.DataFrame(rows, columns=COLUMNS)


def with_rules(table: pd.DataFrame, rules: Sequence[CreditRule]) -> pd.DataFrame:
    """``table`` of estimates with what rules state of loans that behave otherwise."""
    rows = [
        row
        for rule in rules
        for row in stated_rows(
            f"where {rule.name}", rule, tuple(m for m in UNITS if m in rule.model_fields_set)
        )
    ]
    if not rows:
        return table
    return pd.concat([table, pd.DataFrame(rows, columns=COLUMNS)], ignore_index=True)


def row_of(segment: str, measure: str, figure: Estimate) -> dict[str, Any]:
    """A row of the table of estimates."""
    return {
        "segment": segment,
        "measure": measure,
        "estimate": figure.value,
        "low": figure.low,
        "high": figure.high,
        "count": figure.count,
        "unit": figure.unit,
        "source": figure.source,
        "note": figure.note,
    }


#: Unit of each measure of :class:`~scfcap.schema.credit.SegmentCredit`.
UNITS = {
    "cdr": "1/year",
    "mdr": "1/month",
    "sda": "of the standard curve",
    "lifetime_default": "share of the amount",
    "lifetime_loss": "share of the amount",
    "default_by_age": "share of the amount",
    "roll_rates": "1/year",
    "cpr": "1/year",
    "smm": "1/month",
    "psa": "of the standard curve",
    "abs": "1/month",
    "prepay_by_age": "share of the amount",
    "severity": "share of the default",
    "recovery_lag": "periods",
    "late_share": "share of what matures",
    "late_days": "days",
}


def stated_rows(
    segment: str, curve: Behaviour, measures: tuple[str, ...] = tuple(UNITS)
) -> list[dict[str, Any]]:
    """Rows of figures that the model states; see :func:`~scfcap.credit.languages.told`."""
    rows = []
    for measure in measures:
        found = told(curve, measure)
        if found is not None:
            nan = float("nan")
            source = "stated in the model"
            figure = Estimate(found[0], nan, nan, 0, UNITS[measure], source, found[1])
            rows.append(row_of(segment, measure, figure))
    return rows


def _outcomes(tape: Tape, spec: HistorySpec) -> pd.DataFrame:
    """Segment, amount and bad (True, False) of each loan whose outcome is known."""
    where = "model.toml: credit.history.outcome_column"
    name = spec.outcome_column
    if name not in tape.frame:
        have = ", ".join(str(column) for column in tape.frame)
        raise InputError(
            Problem(
                where, repr(name), f"a tape column ({have})", f'Add it: tape.keep = ["{name}"].'
            )
        )
    outcome = tape.frame[name].astype("str").where(tape.frame[name].notna())
    known = outcome.notna().to_numpy()
    bad = outcome.isin(spec.bad_values).to_numpy(dtype=np.bool_)
    if not bad.any():
        seen = ", ".join(sorted(outcome.dropna().unique())[:10])
        raise InputError(
            Problem(
                "model.toml: credit.history.bad_values",
                f"{', '.join(spec.bad_values)}: on no loan",
                f"values of {name} (there are: {seen or 'none'})",
                "Correct bad_values: a book without any default tells nothing about losses.",
            )
        )
    frame = pd.DataFrame(
        {
            "segment": tape.frame["segment"].astype("str"),
            "amount": tape.frame["original_balance"],
            "bad": bad,
        }
    )
    return frame[known]


def _with_segments(history: pd.DataFrame, tape: Tape) -> pd.DataFrame:
    """``history`` with the segment that the tape gives to loans of the same contract term.

    A term that lies in several segments of the tape, or in none, gets none: such loans count for
    the whole book only.
    """
    term = (tape.frame["maturity_date"] - tape.frame["origination_date"]).dt.days
    counts = pd.crosstab(term, tape.frame["segment"].astype("str"))
    share = counts.max(axis=1) / counts.sum(axis=1)
    of_term = counts.idxmax(axis=1)[share >= _TERM_IS_SEGMENT]
    return history.assign(segment=history["term_days"].map(of_term))


def _segment(
    name: str, outcome: pd.DataFrame, closed: pd.DataFrame | None, tape: Tape
) -> dict[str, Estimate]:
    own = outcome[outcome["segment"] == name]
    found = {
        "lifetime_default": _or_book(default_share(own), default_share(outcome), len(own)),
        "default_by_count": default_count(own),
    }
    if closed is None:
        none = Estimate(0.0, 0.0, 0.0, 0, "1/year", "no history", "taken as none")
        return found | dict.fromkeys(("cpr", "late_share", "late_days"), none)
    as_of = pd.Timestamp(tape.as_of)
    ours = closed[closed["segment"] == name]
    for measure, rule in (("cpr", prepayment), ("late_share", late_share), ("late_days", lateness)):
        figure = rule(ours, as_of)
        found[measure] = _or_book(figure, rule(closed, as_of), figure.count)
    return found


def _or_book(own: Estimate, book: Estimate, count: int) -> Estimate:
    """``own``, or the whole book's figure where it rests on fewer than :data:`THIN` loans."""
    if count >= THIN:
        return own
    thin = f"whole book's figure: the segment has {count} loans, fewer than {THIN}"
    note = f"{thin}; {book.note}" if book.note else thin
    return Estimate(book.value, book.low, book.high, book.count, book.unit, book.source, note)


def wilson(share: float, count: float, z: float = Z95) -> tuple[float, float]:
    """Wilson's score interval of one share; see :func:`~scfcap.credit.intervals.wilson_bounds`."""
    low, high = wilson_bounds(np.array(share), np.array(count), z)
    return float(low), float(high)


def share_by_amount(hit: BoolArray, amount: FloatArray) -> tuple[float, float, float]:
    """Share of ``amount`` that is hit, with Wilson's interval.

    The interval rests on the effective number of loans, (sum a)^2 / sum a^2, which is the count
    where amounts are equal (L. Kish, Survey Sampling, 1965, 8.2, for unequal weights).
    """
    total = float(amount.sum())
    if total == 0.0:
        return 0.0, 0.0, 1.0
    share = float(amount[hit].sum()) / total
    return share, *wilson(share, total**2 / float(np.square(amount).sum()))


def default_share(outcome: pd.DataFrame) -> Estimate:
    """Bad share by amount."""
    bad = outcome["bad"].to_numpy(dtype=np.bool_)
    share, low, high = share_by_amount(bad, outcome["amount"].to_numpy(dtype=np.float64))
    return Estimate(
        *(share, low, high, len(bad), UNITS["lifetime_default"], "outcome flag of the tape"),
        "bad means not paid on time and is taken as default, though some may pay later",
    )


def default_count(outcome: pd.DataFrame) -> Estimate:
    """Bad share by number of loans, shown beside the share by amount."""
    share = float(outcome["bad"].mean()) if len(outcome) else 0.0
    low, high = wilson(share, len(outcome))
    unit, source = "share of the loans", "outcome flag of the tape"
    return Estimate(share, low, high, len(outcome), unit, source, "for comparison, not used")


def _times(closed: pd.DataFrame, as_of: pd.Timestamp) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Days to closing (or as_of), contract days, and whether closed by ``as_of``."""
    start = closed["origination_date"]
    done = (closed["closed_date"].notna() & (closed["closed_date"] <= as_of)).to_numpy()
    end = closed["closed_date"].where(done, as_of)
    days = (end - start).dt.days.to_numpy().astype(np.float64)
    return days, closed["term_days"].to_numpy().astype(np.float64), done.astype(np.bool_)


def prepayment(closed: pd.DataFrame, as_of: pd.Timestamp) -> Estimate:
    """Prepayment as an intensity on time at risk before maturity, given as ``cpr`` [1/year].

    q = amounts closed before maturity / amount-years at risk before maturity; the interval takes
    the number of early closings as Poisson (q times exp(± z / sqrt(n))).
    """
    days, term, done = _times(closed, as_of)
    amount = closed["amount"].to_numpy(dtype=np.float64)
    early = done & (days < term)
    years = float((amount * np.clip(np.minimum(days, term), 0.0, None)).sum()) / 365.0
    q = float(amount[early].sum()) / years if years > 0.0 else 0.0
    note = _SURVIVORS if done.all() else ""
    if q > MAX_INTENSITY:
        note, q = f"cut from {q:.1f} to {MAX_INTENSITY:g} a year; {note}", MAX_INTENSITY
    count = int(early.sum())
    spread = np.exp(Z95 / np.sqrt(count)) if count else 1.0
    low, value, high = (
        float(-np.expm1(-min(x, MAX_INTENSITY))) for x in (q / spread, q, q * spread)
    )
    return Estimate(value, low, high, len(closed), "1/year", f"history, {q:.4g} a year", note)


def _maturing(
    closed: pd.DataFrame, as_of: pd.Timestamp
) -> tuple[FloatArray, FloatArray, BoolArray, BoolArray]:
    """Days late, amount, whether late and whether closed, of what reached its maturity."""
    days, term, done = _times(closed, as_of)
    reached = np.asarray((days > term) | (done & (days == term)))
    late = (days - term)[reached]
    amount = closed["amount"].to_numpy(dtype=np.float64)[reached]
    return late, amount, late > 0.0, done[reached]


def late_share(closed: pd.DataFrame, as_of: pd.Timestamp) -> Estimate:
    """Share by amount, of what was not closed before maturity, that closed after it."""
    _, amount, late, done = _maturing(closed, as_of)
    share, low, high = share_by_amount(late, amount)
    note = _SURVIVORS if done.all() else ""
    return Estimate(share, low, high, len(late), UNITS["late_share"], "history", note)


def lateness(closed: pd.DataFrame, as_of: pd.Timestamp) -> Estimate:
    """Mean days late, by amount, of loans that closed after maturity."""
    days, amount, late, done = _maturing(closed, as_of)
    chosen = late & done
    days, amount = days[chosen], amount[chosen]
    count = len(days)
    note = _SURVIVORS if done.all() else ""
    if not count:
        return Estimate(0.0, 0.0, 0.0, 0, "days", "history", note)
    weight = amount / amount.sum()
    value = float((days * weight).sum())
    half = Z95 * float(np.sqrt(np.square(weight * (days - value)).sum()))
    return Estimate(value, max(0.0, value - half), value + half, count, "days", "history", note)
