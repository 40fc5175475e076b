"""Segment curves from a performance history, each with its interval, count and credibility."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from scfcap.credit.estimate import COLUMNS, UNITS, Estimate, row_of, stated_rows
from scfcap.credit.fit_tables import fit_tables
from scfcap.credit.intervals import Z95
from scfcap.credit.measures import (
    CDR,
    CPR,
    LATE,
    LIFETIME,
    SEVERITY,
    SPEED,
    Facts,
    Measure,
    Shrunk,
    recoveries,
    shrink,
)
from scfcap.credit.observed import DEFAULTED, REPAID, at_risk, monthly, observed_loans
from scfcap.credit.own_rolls import OwnRolls, own_rolls
from scfcap.credit.recovery import RecoveryCurve
from scfcap.errors import InputError, Problem
from scfcap.quantities import BoolArray, FloatArray
from scfcap.schema.credit import CreditSpec, SegmentCredit
from scfcap.tape.history import CURRENT, DEFAULT, History, month_of

#: Longest contract term of loans whose default is told over their life [days].
SHORT: Final = 180.0
#: Days past due of a default where neither the history nor the model says.
DEFAULT_DAYS: Final = 90
_SOURCE: Final = "history"
_NAN: Final = float("nan")
_CREDIBILITY: Final = (
    *("segment", "measure", "own", "own_low", "own_high", "count", "events", "z"),
    *("book", "estimate", "low", "high"),
)


#: A measure's name, its figures, and the segments that it was found for.
_Named = tuple[str, Shrunk, BoolArray]


@dataclass(frozen=True)
class Fit:
    """Behaviour by segment as the model takes it, and what it rests on.

    ``table`` has the columns of :data:`~scfcap.credit.estimate.COLUMNS`; ``tables`` are by name
    (vintages, survival, roll_rates, ...), plain frames with a default index.
    """

    curves: dict[str, SegmentCredit]
    table: pd.DataFrame
    tables: dict[str, pd.DataFrame]


def fit(
    history: History, spec: CreditSpec, *, default_days: int | None = None, per_year: int = 12
) -> Fit:
    """Behaviour of each segment of ``history``.

    A segment whose median contract term is at most :data:`SHORT` days gets ``lifetime_default``
    (share of the amount lent that defaults, early repayment competing), others ``cdr``. Every
    figure is shrunk to the common mean of segments of its kind by Bühlmann-Straub credibility.
    With ``spec.language = "roll_rates"`` it gets its own roll rates instead of both, see
    :mod:`~scfcap.credit.own_rolls`. Segments that ``spec.segments`` states are taken as stated.
    ``per_year``: periods of the plan, in which the recovery lag is given. ``spec.severity`` stands
    in where no recovery was seen.

    Raises:
        InputError: no loan of the history was at risk, or no loan defaulted and no severity is
            stated.
    """
    facts = gather(history)
    names = [str(name) for name in history.loans["segment"].cat.categories]
    short = _short(facts)
    shrunk = [
        (name, shrink(measure, facts, members), members)
        for name, measure, members in _kinds(short)
        if members.any()
    ]
    measured = {**_measured(facts, shrunk, short), **_losses(facts, shrunk, spec, per_year)}
    days = default_days or DEFAULT_DAYS
    rolls = own_rolls(history) if spec.language == "roll_rates" else None
    curves, rows = dict(spec.segments), []
    for code, name in enumerate(names):
        if name not in curves:
            figures = {
                measure: figure for (where, measure), figure in measured.items() if where == code
            }
            if rolls is not None:
                figures = {key: figures[key] for key in ("severity", "recovery_lag")}
                rows.append(row_of(name, "roll_rates", _rolling(rolls, code)))
            curves[name] = _curve(figures, days, None if rolls is None else rolls.matrix[code])
            rows += [row_of(name, measure, figure) for measure, figure in figures.items()]
    for name, curve in spec.segments.items():
        rows += stated_rows(name, curve)
    tables = {"credibility": _credibility(shrunk, names), **fit_tables(history, facts, names)}
    frame = pd.DataFrame(rows, columns=COLUMNS)
    return Fit(dict(sorted(curves.items())), frame, tables)


def gather(history: History) -> Facts:
    """What the history tells of loans at risk. Raises InputError where there is none."""
    rows = at_risk(history)
    loans = observed_loans(history, rows)
    if not len(loans):
        raise InputError(
            Problem(
                "model.toml: history",
                f"{len(history.loans):,} loans, none of them with a balance before its default",
                "loans that are seen in at least one month in which they could default",
                "Give a history that begins before the loans end; see `scfcap check`.",
            )
        )
    came = history.recoveries
    place = np.full(len(history.loans), -1, dtype=np.int64)
    place[loans.row] = np.arange(len(loans))
    which = place[came["loan"].to_numpy()]
    lag = came["month"].to_numpy().astype(np.int64) - came["default_month"].to_numpy()
    seen = which >= 0
    return Facts(
        loans=loans,
        months=monthly(history, rows, loans),
        recoveries=(which[seen], lag[seen], came["amount"].to_numpy(dtype=np.float64)[seen]),
        last=int(month_of(np.datetime64(history.last))),
        segments=len(history.loans["segment"].cat.categories),
    )


def _short(facts: Facts) -> BoolArray:
    """Segments of short loans, by their median contract term [S]."""
    term = pd.Series(facts.loans.term_days).groupby(facts.loans.segment).median()
    return np.asarray(term.reindex(range(facts.segments)) <= SHORT, dtype=np.bool_)


def _kinds(short: BoolArray) -> list[tuple[str, Measure, BoolArray]]:
    """Measures by name, with the segments that each is found for."""
    every = np.ones(len(short), dtype=np.bool_)
    return [
        ("cdr", CDR, ~short),
        ("lifetime_default", LIFETIME, short),
        ("cpr", CPR, ~short),
        ("cpr", SPEED, short),
        ("severity", SEVERITY, every),
        ("late_share", LATE, short),
    ]


def _measured(
    facts: Facts, shrunk: Sequence[_Named], short: BoolArray
) -> dict[tuple[int, str], Estimate]:
    """Figures of default, prepayment and lateness, by segment and measure."""
    found = {}
    for name, figures, members in shrunk:
        for code in np.flatnonzero(members) if name != "severity" else ():
            own = facts.loans.term_days[facts.loans.segment == code]
            note = _NO_TERM if name == "cpr" and np.isnan(own).all() and len(own) else ""
            found[int(code), name] = _figure(figures, int(code), UNITS[name], _EVENTS[name], note)
    for code in np.flatnonzero(short):
        found[int(code), "late_days"] = _lateness(facts, int(code), short)
    return found


_NO_TERM: Final = "no maturity is known, so that nothing counts as repaid early"
_EVENTS: Final[Mapping[str, str]] = {
    "cdr": "defaults",
    "lifetime_default": "defaults",
    "cpr": "prepaid early",
    "severity": "defaults",
    "late_share": "late",
}


def _figure(shrunk: Shrunk, code: int, unit: str, events: str, note: str = "") -> Estimate:
    """The estimate of one segment; ``note`` says why it cannot be known, if it cannot."""
    z, own = float(shrunk.z[code]), float(shrunk.own.value[code])
    parts = [f"Z {z:.2f}", f"{int(shrunk.own.events[code]):,} {events}"]
    parts.append("own figure none" if np.isnan(own) else f"own figure {own:.4g}")
    parts.append(f"book {shrunk.book:.4g}")
    parts += [note] if note else []
    value, low, high = (float(part[code]) for part in (shrunk.value, shrunk.low, shrunk.high))
    if note or np.isnan(value):  # nothing tells it: no bounds
        value, low, high = float(np.nan_to_num(value)), _NAN, _NAN
    return Estimate(value, low, high, int(shrunk.own.count[code]), unit, _SOURCE, "; ".join(parts))


def _lateness(facts: Facts, code: int, short: BoolArray) -> Estimate:
    """Mean days late, by amount, of what was repaid late; the book's where none was."""
    for chosen, note in (
        (facts.loans.segment == code, ""),
        (short[facts.loans.segment], "of all short segments: none was late here"),
    ):
        loans = facts.loans.where(chosen)
        late = loans.where((loans.end == REPAID) & (loans.late_days > 0))
        if len(late):
            weight = late.amount / late.amount.sum()
            value = float((weight * late.late_days).sum())
            half = Z95 * float(np.sqrt(np.square(weight * (late.late_days - value)).sum()))
            return Estimate(
                *(value, max(0.0, value - half), value + half, len(late)),
                *(UNITS["late_days"], _SOURCE, note),
            )
    return Estimate(0.0, 0.0, 0.0, 0, UNITS["late_days"], _SOURCE, "no loan was repaid late")


def _losses(
    facts: Facts, shrunk: Sequence[_Named], spec: CreditSpec, per_year: int
) -> dict[tuple[int, str], Estimate]:
    """Severity and recovery lag by segment."""
    every = np.ones(facts.segments, dtype=np.bool_)
    book = recoveries(facts.pooled(every))
    defaults = int((facts.loans.end == DEFAULTED).sum())
    if spec.severity is not None and np.isnan(book.mean_lag):
        note = f"taken from the model: no recovery on {defaults:,} defaults in the history"
        stated = {"severity": spec.severity, "recovery_lag": float(spec.recovery_lag)}
        return {
            (code, name): Estimate(value, _NAN, _NAN, 0, UNITS[name], "stated", note)
            for code in range(facts.segments)
            for name, value in stated.items()
        }
    if not defaults:
        raise InputError(
            Problem(
                "model.toml: credit.severity",
                "no severity, and no loan of the history defaulted",
                "the share of a defaulted balance that is lost",
                "State severity (and recovery_lag) in [credit], or give a longer history.",
            )
        )
    severity = next(figures for name, figures, _ in shrunk if name == "severity")
    found: dict[tuple[int, str], Estimate] = {}
    for code in range(facts.segments):
        found[code, "severity"] = _figure(severity, code, UNITS["severity"], "defaults")
        z = float(severity.z[code])
        found[code, "recovery_lag"] = _lag(recoveries(facts.of(code)), book, z, per_year / 12.0)
    return found


def _lag(own: RecoveryCurve, book: RecoveryCurve, z: float, per_month: float) -> Estimate:
    """Mean lag by amount in periods, shrunk as the severity is; whole periods."""
    unit = UNITS["recovery_lag"]
    if np.isnan(book.mean_lag):
        return Estimate(0.0, _NAN, _NAN, 0, unit, _SOURCE, "nothing was recovered")
    z = 0.0 if np.isnan(own.mean_lag) else z
    lag = z * np.nan_to_num(own.mean_lag) + (1.0 - z) * book.mean_lag
    half = Z95 * (own if z else book).lag_error
    low, high = np.floor(per_month * max(0.0, lag - half)), np.ceil(per_month * (lag + half))
    count = int(own.defaults[0]) if len(own.lag) else 0
    note = f"mean {lag:.1f} months, Z {z:.2f}; of what came within {len(book.lag) - 1} months"
    periods = float(min(round(lag * per_month), 60))
    return Estimate(periods, float(low), float(high), count, unit, _SOURCE, note)


def _rolling(rolls: OwnRolls, code: int) -> Estimate:
    """Default within a year of a current loan by the segment's roll rates, as a row of the table.

    Its interval is that of no single cell: see table roll_rates.
    """
    year = np.linalg.matrix_power(rolls.matrix[code], 12)[CURRENT, DEFAULT]
    book = np.linalg.matrix_power(rolls.book, 12)[CURRENT, DEFAULT]
    weights = ", ".join(f"{z:.2f}" for z in rolls.z[code, :, 0])
    note = f"default in 12 months from current; Z by state {weights}; book {book:.4g}"
    return Estimate(
        float(year), _NAN, _NAN, int(rolls.count[code]), UNITS["roll_rates"], _SOURCE, note
    )


def _curve(
    figures: Mapping[str, Estimate], default_days: int, rolls: FloatArray | None
) -> SegmentCredit:
    values: dict[str, Any] = {name: figure.value for name, figure in figures.items()}
    if rolls is not None:
        values["roll_rates"] = rolls.tolist()
    values["recovery_lag"] = int(values["recovery_lag"])
    if "late_days" in values:
        values["late_days"] = min(round(values["late_days"]), 365)
    return SegmentCredit(**values, default_days=default_days)


def _credibility(shrunk: Sequence[_Named], names: list[str]) -> pd.DataFrame:
    """Own figures, the mean they are shrunk to (``book``), Z and what follows, by segment.

    The estimate is Z x own + (1 - Z) x book on the scale of :mod:`~scfcap.credit.measures`: by the
    month for yearly rates. A segment without an own figure takes the book's.
    """
    rows = [
        (
            *(names[n], name, found.own.value[n], found.own.low[n], found.own.high[n]),
            *(int(found.own.count[n]), int(found.own.events[n]), found.z[n], found.book),
            *(found.value[n], found.low[n], found.high[n]),
        )
        for name, found, members in shrunk
        for n in np.flatnonzero(members)
    ]
    return pd.DataFrame(rows, columns=list(_CREDIBILITY))
