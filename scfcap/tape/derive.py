"""The mapping of a model file: source columns to ours, typed, in our units.

Where a column comes from is asked in this order: ``constants``, ``derive``, ``columns``, a source
column of our own name, a default (``borrower_id`` is the loan itself, nothing is past due, the
status is current, the company holds the loan).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scfcap import axes
from scfcap.errors import InputError, Problem
from scfcap.expressions import UNKNOWN, ExpressionError, parse
from scfcap.quantities import FloatArray, IntArray
from scfcap.schema.tape import Derive, TapeSpec, TermSpec
from scfcap.tape import convert
from scfcap.tape.cells import Severity, voided
from scfcap.tape.convert import Codes, DateArray, Issue
from scfcap.tape.findings import Origin
from scfcap.tape.mapping import BY_NAME, needs, source_columns
from scfcap.tape.names import Names, date_form, from_source, number_form, refused
from scfcap.tape.schema import COLUMNS, Column

__all__ = ["BY_NAME", "DEFAULTS", "TERM", "Typed", "missing", "source_columns", "typed"]

#: Key of the contract term that ``[tape.term]`` names, among the columns before checks.
TERM: Final = "term"
#: What an absent column stands for.
DEFAULTS: Final[Mapping[str, str | float]] = {
    "days_past_due": 0.0,
    "status": "current",
    "channel": axes.OWN,
}
#: Columns that may be absent, what they hold, and what an empty cell of theirs is taken for.
_MAY_BE_ABSENT: Final = (
    ("borrower_id", "a borrower"),
    ("days_past_due", 'a number of days; 0 is taken where [tape.rules] has this as a "warning"'),
    ("status", "a status (the projection takes current)"),
    ("channel", f"a holder (the projection takes {axes.OWN})"),
)


@dataclass
class Typed:
    """A tape's columns before checks.

    ``columns``: float64 for money, rates and numbers (NaN missing), datetime64[D] for dates (NaT
    missing), Arrow text for keys, :class:`~scfcap.tape.convert.Codes` for categories.
    ``source``: the cells as read, for columns that were, and ``names``: their columns in the
    source. ``raw``: all cells as read. ``issues``: what did not parse. ``assumed``: columns that
    the source does not have. ``known``: values that a column may hold, by the model's reference
    lists. ``found``: what rules work out once for several.
    """

    rows: int
    as_of: date
    spec: TapeSpec
    columns: dict[str, Any] = field(default_factory=dict)
    source: dict[str, Any] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)
    raw: Any = None
    assumed: set[str] = field(default_factory=set)
    origin: Origin = field(default_factory=Origin)
    known: Mapping[str, Sequence[str]] = field(default_factory=dict)
    found: dict[str, Any] = field(default_factory=dict)

    def states(self, column: str) -> bool:
        """Whether the tape says something about ``column``, rather than a default."""
        return column in self.columns and column not in self.assumed

    def shown(self, column: str, rows: IntArray) -> list[str]:
        """The cells of ``rows`` as read; where nothing was read, as worked out."""
        if column in self.source:
            return convert.as_read(self.source[column], rows)
        cells = self.columns[column]
        if isinstance(cells, Codes):
            return [cells.labels[k] if k >= 0 else "" for k in cells.codes[rows]]
        if isinstance(cells, np.ndarray):
            if cells.dtype.kind == "M":
                return ["" if np.isnat(v) else str(v) for v in cells[rows]]
            return ["" if np.isnan(v) else f"{v:.10g}" for v in cells[rows]]
        return convert.as_read(cells, rows)


def typed(table: Any, spec: TapeSpec, as_of: date, only: Collection[str] = ()) -> Typed:
    """Columns of ``table`` as ours. Cells that do not parse are listed in ``issues``.

    With ``only``, these columns of ours alone, where the mapping has them.
    """
    out = Typed(rows=table.num_rows, as_of=as_of, spec=spec, raw=table)
    names = set(table.column_names)
    for column in COLUMNS:
        name = column.name
        if only and name not in only:
            continue
        if name in spec.constants:
            out.columns[name] = _constant(column, spec.constants[name], out.rows)
        elif name not in spec.derive and (name in spec.columns or name in names):
            out.names[name] = spec.columns.get(name, name)
            out.source[name] = table.column(out.names[name])
            out.columns[name] = _cells(out, column, spec)
    for name in _in_turn(spec, names):
        if not only or name in only:
            out.columns[name] = _derived(out, name, spec.derive[name], spec)
    if only:
        return out
    _defaults(out)
    for name in spec.keep:
        if name not in BY_NAME:
            out.kept[name] = _kept(table.column(name), number_form(spec))
    if spec.term is not None:
        _contract_term(out, spec.term, spec)
    return out


def _in_turn(spec: TapeSpec, names: Collection[str]) -> list[str]:
    """Derived columns, each after those that it is worked out from; a circle in its own order."""
    waiting = dict.fromkeys(spec.derive)
    found: list[str] = []
    while waiting:
        ready = [
            name
            for name in waiting
            if not (needs(spec.derive[name]) - set(names)) & (set(waiting) - {name})
        ]
        for name in ready or list(waiting):
            found.append(name)
            del waiting[name]
    return found


def _cells(out: Typed, column: Column, spec: TapeSpec) -> Any:
    name, source = column.name, out.source[column.name]
    cells: Any
    if column.kind == "text":
        cells, issues = convert.texts(source, name)
    elif column.kind == "category":
        cells, issues = convert.categories(source, name, spec.values.get(name))
    elif column.kind == "date":
        cells, issues = convert.dates(source, name, date_form(spec, name, out.names[name]))
    else:
        form = number_form(spec, name)
        cells, issues = convert.numbers(source, name, percent=name in spec.percent, form=form)
        cells = _in_our_units(cells, name, spec)
        if column.kind == "integer":
            part = cells != np.floor(cells)
            part &= ~np.isnan(cells)
            issues = issues + convert.flag(source, name, part, "not_whole", "a whole number")
    cells, void = voided(source, cells)
    for issue in issues:
        void[issue.rows] = False
    out.issues += [*issues, *convert.flag(source, name, void, "nan", "a value, or an empty cell")]
    return cells


def _in_our_units(cells: FloatArray, name: str, spec: TapeSpec) -> FloatArray:
    """Numbers of the source in decimals a year, and in single units of the currency."""
    if name in spec.basis_points:
        cells = cells / 10_000.0
    if name in spec.daily:
        cells = cells * 365.0
    if name in spec.monthly:
        cells = cells * 12.0
    return cells * spec.scale[name] if name in spec.scale else cells


def _contract_term(out: Typed, term: TermSpec, spec: TapeSpec) -> None:
    """The stated term of each loan, for the rule that checks it."""
    source = out.raw.column(term.column)
    out.source[TERM], out.names[TERM] = source, term.column
    out.columns[TERM], issues = convert.numbers(source, TERM, form=number_form(spec))
    out.issues += [replace(issue, severity="warning") for issue in issues]


def _constant(column: Column, value: str | float | date, rows: int) -> Any:
    wrong = Problem(
        f"model.toml: tape.constants.{column.name}", repr(value), f"a value of kind {column.kind}"
    )
    if column.kind in ("text", "category"):
        if not isinstance(value, str):
            raise InputError(wrong)
        if column.kind == "category":
            return Codes(np.zeros(rows, dtype=np.int32), (value,))
        return pa.repeat(value, rows)
    if column.kind == "date":
        if not isinstance(value, date) or isinstance(value, datetime):
            raise InputError(wrong)
        return np.full(rows, np.datetime64(value, "D"))
    if isinstance(value, str | date) or not np.isfinite(value):
        raise InputError(wrong)
    return np.full(rows, float(value))


def _derived(out: Typed, name: str, how: Derive, spec: TapeSpec) -> Any:
    if how.how == "row_number":
        return pa.array(np.arange(1, out.rows + 1)).cast(pa.string())
    if how.how == "days_past_maturity":
        past = np.datetime64(out.as_of, "D") - _column(out, name, "maturity_date")
        days = np.where(np.isnat(past), np.nan, past.astype(np.int64).astype(np.float64))
        return np.maximum(days, 0.0)
    if how.how == "expression":
        return _worked_out(out, name, how.expression or "", spec)
    if how.how == "join":
        return _joined(out, name, how, spec)
    assert how.column is not None
    assert how.by is not None
    if how.how == "flat_rate":
        parts = [_argument(out, name, arg, spec) for arg in (how.column, how.by, how.days or "")]
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = (parts[0] / parts[1] - 1.0) * 365.0 / parts[2]
        bad = ~np.isfinite(rate) & ~np.isnan(parts[0] + parts[1] + parts[2])
        rate = np.where(np.isfinite(rate), rate, np.nan)
        by = out.raw.column(how.by) if how.by in out.raw.column_names else out.source.get(how.by)
        if bad.any() and by is not None:
            out.issues += convert.flag(by, name, bad, "not_finite", f"{how.by} and days above 0")
        return rate
    start = _start(out, name, how.column, spec)
    months = how.how == "add_months"
    count = _steps(out, name, how.by, spec, 1_200 if months else 36_525)
    if months:
        return convert.add_months(start, count)
    usable = np.isfinite(count)
    moved = start + np.where(usable, count, 0).astype("timedelta64[D]")
    return np.where(usable, moved, np.datetime64("NaT", "D"))


def _worked_out(out: Typed, target: str, text: str, spec: TapeSpec) -> Any:
    """The value of an expression, as a column of the kind of ``target``."""
    expression, kind = parse(text), BY_NAME[target].kind
    key = f"derive.{target}.expression"
    names = Names(
        out.raw, spec, out.as_of, lambda name: _column(out, target, name), expression, target
    )
    try:
        found: Any = expression.evaluate(names, out.rows)
    except ExpressionError as error:
        raise refused(error, key) from None
    out.issues += names.issues
    if not isinstance(found, np.ndarray):
        return _texts_as(target, _as_texts(found), spec)
    is_day = found.dtype.kind == "M"
    if kind in ("text", "category") or is_day != (kind == "date"):
        given = "days" if is_day else "numbers"
        raise InputError(Problem(f"model.toml: tape.{key}", given, f"cells of kind {kind}"))
    if found.dtype == np.int8:
        return np.where(found == UNKNOWN, np.nan, found.astype(np.float64))
    return np.array(found)


def _as_texts(cells: Any) -> Any:
    """Codes and labels as Arrow texts."""
    labels = pa.array([*cells.labels], pa.string())
    return labels.take(pa.array(cells.codes, mask=cells.codes < 0))


def _joined(out: Typed, target: str, how: Derive, spec: TapeSpec) -> Any:
    """Texts of several columns as one; missing where one of them is."""
    parts = []
    for name in how.columns:
        if name in out.raw.column_names:
            cells, issues = convert.texts(out.raw.column(name), target)
            out.issues += [from_source(name, issue) for issue in issues]
        else:
            cells = _column(out, target, name)
            if isinstance(cells, Codes):
                cells = _as_texts(cells)
            elif isinstance(cells, np.ndarray):
                cells = pa.array(out.shown(name, np.arange(out.rows)))
        parts.append(cells.cast(pa.large_string()))
    texts = pc.binary_join_element_wise(*parts, pa.scalar(how.by or "|", pa.large_string()))
    return _texts_as(target, texts.cast(pa.string()), spec)


def _texts_as(target: str, texts: Any, spec: TapeSpec) -> Any:
    """Texts as keys or as classes, as the kind of ``target`` asks."""
    kind = BY_NAME[target].kind
    if kind == "text":
        return texts
    if kind == "category":
        return convert.categories(texts, target, spec.values.get(target))[0]
    where = f"model.toml: tape.derive.{target}"
    raise InputError(Problem(where, "texts", f"cells of kind {kind}"))


def _steps(out: Typed, target: str, name: str, spec: TapeSpec, most: int) -> FloatArray:
    """A whole number of days or months, a century at most either way."""
    count = _argument(out, target, name, spec)
    odd = ~np.isnan(count) & ((count != np.floor(count)) | (np.abs(count) > most))
    if odd.any():
        rows = np.flatnonzero(odd)
        said = f"a whole number up to {most:,} in column {name}"
        shown = [f"{value:.10g}" for value in count[rows[: convert.MOST_LISTED]]]
        out.issues.append(Issue(target, "not_whole", "error", said, rows, shown))
    return np.where(odd, np.nan, count)


def _column(out: Typed, target: str, name: str) -> Any:
    if name not in out.columns:
        raise InputError(
            Problem(
                f"model.toml: tape.derive.{target}", f"no column {name}", f"{name} mapped first"
            )
        )
    return out.columns[name]


def _start(out: Typed, target: str, name: str, spec: TapeSpec) -> DateArray:
    """A date column, ours or the source's; in our parsed form where it is mapped already."""
    if name not in out.raw.column_names:
        cells: DateArray = _column(out, target, name)
        return cells
    for ours, theirs in out.names.items():
        if theirs == name and BY_NAME[ours].kind == "date":
            parsed: DateArray = out.columns[ours]
            return parsed
    days, issues = convert.dates(out.raw.column(name), target, date_form(spec, name, target))
    out.issues += [from_source(name, issue) for issue in issues]
    return days


def _argument(out: Typed, target: str, name: str, spec: TapeSpec) -> FloatArray:
    """A number column of the source, as it stands there, or of ours."""
    if name not in out.raw.column_names:
        ours: FloatArray = _column(out, target, name)
        return ours
    mapped = [ours for ours, theirs in out.names.items() if theirs == name]
    cells, issues = convert.numbers(out.raw.column(name), target, form=number_form(spec, *mapped))
    out.issues += [from_source(name, issue) for issue in issues]
    return cells


def _defaults(out: Typed) -> None:
    """Fill absent columns. Empty cells of present ones stay unknown, and are reported.

    How late an outstanding loan is moves its cash: there an empty cell is an error.
    """
    owing = out.columns["current_balance"] > 0.0
    for name, said in _MAY_BE_ABSENT:
        if name not in out.columns:
            out.columns[name] = _default(out, name)
            out.assumed.add(name)
            continue
        lost = missing(out.columns[name])
        for issue in out.issues:
            if issue.column == name and (issue.reason, name) != ("nan", "days_past_due"):
                lost[issue.rows] = False
        grave = lost & owing if name == "days_past_due" else np.zeros_like(lost)
        out.issues += _empty(out, name, grave, "error", said)
        out.issues += _empty(out, name, lost & ~grave, "warning", said)


def _empty(out: Typed, name: str, mask: Any, severity: Severity, said: str) -> list[Issue]:
    rows = np.flatnonzero(mask)
    if not len(rows):
        return []
    shown = out.shown(name, rows[: convert.MOST_LISTED])
    return [Issue(name, "missing", severity, said, rows, shown)]


def _default(out: Typed, name: str) -> Any:
    if name == "borrower_id":
        return out.columns["loan_id"]
    value = DEFAULTS[name]
    if isinstance(value, str):
        return Codes(np.zeros(out.rows, dtype=np.int32), (value,))
    return np.full(out.rows, value)


def missing(cells: Any) -> Any:
    """Mask of cells without a value."""
    if isinstance(cells, Codes):
        return cells.codes < 0
    if isinstance(cells, np.ndarray):
        return np.isnat(cells) if cells.dtype.kind == "M" else np.isnan(cells)
    return np.array(pc.is_null(cells).to_numpy(zero_copy_only=False), dtype=np.bool_)


def _kept(source: Any, form: convert.NumberForm) -> Any:
    """A kept column in its own type; texts that are all plain numbers become numbers."""
    if not convert.is_text(source):
        return source
    text = convert.trimmed(source)
    if convert.has_leading_zeros(text):
        return text
    values, issues = convert.numbers(text, "", form=form)
    if issues or np.isnan(values).all():
        return text
    whole = not np.isnan(values).any() and np.abs(values).max() < 2**53
    return values.astype(np.int64) if whole and (values == np.floor(values)).all() else values
