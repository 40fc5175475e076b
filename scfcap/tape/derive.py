"""The mapping of a model file: source columns to ours, typed, in our units.

Where a column comes from is asked in this order: ``constants``, ``derive``, ``columns``, a source
column of our own name, a default (``borrower_id`` is the loan itself, nothing is past due, the
status is current, the company holds the loan).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scfcap import axes
from scfcap.errors import InputError, Problem
from scfcap.quantities import FloatArray, IntArray
from scfcap.schema.tape import Derive, TapeSpec
from scfcap.tape import convert
from scfcap.tape.convert import Codes, DateArray, Issue
from scfcap.tape.schema import COLUMNS, Column

BY_NAME: Final[Mapping[str, Column]] = {column.name: column for column in COLUMNS}
#: What an absent column stands for.
DEFAULTS: Final[Mapping[str, str | float]] = {
    "days_past_due": 0.0,
    "status": "current",
    "channel": axes.OWN,
}


@dataclass
class Typed:
    """A tape's columns before checks.

    ``columns``: float64 for money, rates and numbers (NaN missing), datetime64[D] for dates (NaT
    missing), Arrow text for keys, :class:`~scfcap.tape.convert.Codes` for categories.
    ``source``: the cells as read, for columns that were. ``issues``: what did not parse.
    """

    rows: int
    as_of: date
    columns: dict[str, Any] = field(default_factory=dict)
    source: dict[str, Any] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)
    raw: Any = None

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


def source_columns(spec: TapeSpec, names: Sequence[str], source: str) -> list[str]:
    """Source columns that the mapping uses, in the file's order.

    Raises :class:`InputError` for keys that are no columns of ours, for one column mapped twice,
    and for source columns that the mapping names but the source has not.
    """
    problems = _mapping_faults(spec)
    wanted = set(spec.columns.values()) | set(spec.keep)
    for how in spec.derive.values():
        wanted |= {name for name in (how.column, how.by, how.days) if name and name not in BY_NAME}
    missing = sorted(wanted - set(names))
    if missing:
        hints = [m for name in missing for m in difflib.get_close_matches(name, names, 1)]
        problems.append(
            Problem(
                source,
                f"no column {', '.join(missing)}",
                f"the columns that [tape] names (there are: {_listed(names)})",
                f"Did you mean {', '.join(hints)}?" if hints else "Correct [tape].",
            )
        )
    absent = [
        column.name
        for column in COLUMNS
        if column.required
        and column.name not in {*spec.columns, *spec.constants, *spec.derive, *names}
    ]
    if absent:
        problems.append(
            Problem(
                source,
                f"no column for {', '.join(absent)} (there are: {_listed(names)})",
                "all of " + ", ".join(c.name for c in COLUMNS if c.required),
                "Map them in [tape.columns], [tape.constants] or [tape.derive]."
                + (" Cells are parted by commas." if len(names) == 1 else ""),
            )
        )
    if problems:
        raise InputError(problems)
    given = {*spec.columns, *spec.constants, *spec.derive}
    wanted |= {name for name in names if name in BY_NAME and name not in given}
    for how in spec.derive.values():
        args = (how.column, how.by, how.days)
        wanted |= {name for name in args if name and name in names and name not in given}
    return [name for name in names if name in wanted]


def _listed(names: Sequence[str], most: int = 80) -> str:
    more = f", and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _mapping_faults(spec: TapeSpec) -> list[Problem]:
    problems: list[Problem] = []
    tables: dict[str, Iterable[str]] = {
        "columns": spec.columns,
        "constants": spec.constants,
        "derive": spec.derive,
        "values": spec.values,
        "percent": spec.percent,
        "daily": spec.daily,
        "date_formats": spec.date_formats,
    }
    kinds = {
        "values": ("category",),
        "percent": ("rate", "money", "number"),
        "daily": ("rate",),
        "date_formats": ("date",),
    }
    for table, keys in tables.items():
        for key in keys:
            where = f"model.toml: tape.{table}"
            if key not in BY_NAME:
                near = difflib.get_close_matches(key, BY_NAME, 1)
                hint = f"Did you mean {near[0]}?" if near else ""
                problems.append(Problem(where, repr(key), f"one of {', '.join(BY_NAME)}", hint))
            elif BY_NAME[key].kind not in kinds.get(table, (BY_NAME[key].kind,)):
                expected = f"columns of kind {' or '.join(kinds[table])}"
                problems.append(Problem(where, f"{key}, a {BY_NAME[key].kind}", expected))
    given = [*spec.columns, *spec.constants, *spec.derive]
    problems += [
        Problem("model.toml: tape", f"{name} more than once", "columns, constants or derive")
        for name in sorted({name for name in given if given.count(name) > 1})
    ]
    return problems


def typed(table: Any, spec: TapeSpec, as_of: date, source: str) -> Typed:
    """Columns of ``table`` as ours. Cells that do not parse are listed in ``issues``."""
    out = Typed(rows=table.num_rows, as_of=as_of, raw=table)
    names = set(table.column_names)
    for column in COLUMNS:
        name = column.name
        if name in spec.constants:
            out.columns[name] = _constant(column, spec.constants[name], out.rows)
        elif name not in spec.derive and (name in spec.columns or name in names):
            out.names[name] = spec.columns.get(name, name)
            out.source[name] = table.column(out.names[name])
            out.columns[name] = _cells(out, column, spec)
    late = [k for k, how in spec.derive.items() if how.how == "days_past_maturity"]
    for name in [*(k for k in spec.derive if k not in late), *late]:
        out.columns[name] = _derived(out, name, spec.derive[name], spec)
    _defaults(out)
    for name in spec.keep:
        if name not in BY_NAME:
            out.kept[name] = _kept(table.column(name))
    _percent_hint(out, spec, source)
    return out


def _cells(out: Typed, column: Column, spec: TapeSpec) -> Any:
    name, source = column.name, out.source[column.name]
    cells: Any
    if column.kind == "text":
        cells, issues = convert.texts(source, name)
    elif column.kind == "category":
        cells, issues = convert.categories(source, name, spec.values.get(name))
    elif column.kind == "date":
        cells, issues = convert.dates(source, name, spec.date_formats.get(name))
    else:
        cells, issues = convert.numbers(source, name, percent=name in spec.percent)
        if name in spec.daily:
            cells = cells * 365.0
        if column.kind == "integer":
            part = cells != np.floor(cells)
            part &= ~np.isnan(cells)
            issues = issues + convert.flag(source, name, part, "not_whole", "a whole number")
    out.issues += issues
    return cells


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
    assert how.column is not None
    assert how.by is not None
    if how.how == "flat_rate":
        parts = [_argument(out, name, arg) for arg in (how.column, how.by, how.days or "")]
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
    count = _steps(out, name, how.by, 1_200 if months else 36_525)
    if months:
        return convert.add_months(start, count)
    usable = np.isfinite(count)
    moved = start + np.where(usable, count, 0).astype("timedelta64[D]")
    return np.where(usable, moved, np.datetime64("NaT", "D"))


def _steps(out: Typed, target: str, name: str, most: int) -> FloatArray:
    """A whole number of days or months, a century at most either way."""
    count = _argument(out, target, name)
    odd = ~np.isnan(count) & ((count != np.floor(count)) | (np.abs(count) > most))
    if odd.any():
        rows = np.flatnonzero(odd)
        said = f"a whole number up to {most:,} in column {name}"
        shown = [f"{value:.10g}" for value in count[rows]]
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
    days, issues = convert.dates(out.raw.column(name), target, spec.date_formats.get(target))
    out.issues += _from(name, issues)
    return days


def _from(name: str, issues: list[Issue]) -> list[Issue]:
    return [replace(issue, detail=f"{issue.detail} in source column {name}") for issue in issues]


def _argument(out: Typed, target: str, name: str) -> FloatArray:
    """A number column of the source, as it stands there, or of ours."""
    if name not in out.raw.column_names:
        ours: FloatArray = _column(out, target, name)
        return ours
    cells, issues = convert.numbers(out.raw.column(name), target)
    out.issues += _from(name, issues)
    return cells


def _defaults(out: Typed) -> None:
    """Fill absent columns. Empty cells of present ones stay unknown, and are reported."""
    for name, said in (
        ("borrower_id", "a borrower"),
        ("days_past_due", "a number of days (the projection takes 0)"),
        ("status", "a status (the projection takes current)"),
        ("channel", f"a holder (the projection takes {axes.OWN})"),
    ):
        if name not in out.columns:
            out.columns[name] = _default(out, name)
            continue
        lost = missing(out.columns[name])
        for issue in out.issues:
            if issue.column == name:
                lost[issue.rows] = False
        if lost.any():
            rows = np.flatnonzero(lost)
            shown = out.shown(name, rows)
            out.issues.append(Issue(name, "missing", "warning", said, rows, shown))


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


def _kept(source: Any) -> Any:
    """A kept column in its own type; texts that are all plain numbers become numbers."""
    if not convert.is_text(source):
        return source
    text = convert.trimmed(source)
    if pc.any(pc.match_substring_regex(text, r"^[+-]?0[0-9]")).as_py():
        return text
    values, issues = convert.numbers(text, "")
    if issues or np.isnan(values).all():
        return text
    whole = not np.isnan(values).any() and np.abs(values).max() < 2**53
    return values.astype(np.int64) if whole and (values == np.floor(values)).all() else values


def _percent_hint(out: Typed, spec: TapeSpec, source: str) -> None:
    """Rates of over 100% a year on half of the loans are legal, and likely in percent."""
    if "rate" in spec.derive or "rate" in (*spec.percent, *spec.daily):
        return
    known = out.columns["rate"][~np.isnan(out.columns["rate"])]
    if len(known) and float(np.median(known)) > 1.0:
        said = f"{source}: half of the rates are above 1 (100% a year); if in percent, list rate"
        out.issues.append(
            Issue(
                "rate",
                "rates_look_like_percent",
                "warning",
                f"{said} in [tape].percent",
                np.array([-1]),
                [f"median {np.median(known):g}"],
            )
        )
