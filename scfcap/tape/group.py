"""Several rows of a source folded to one loan: one row a repayment, one row a month."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scfcap.quantities import BoolArray, FloatArray, IntArray
from scfcap.schema.tape import GroupSpec, TapeSpec
from scfcap.tape import convert
from scfcap.tape.cells import MOST_LISTED, Issue, voided
from scfcap.tape.mapping import BY_NAME
from scfcap.tape.names import date_form, number_form


@dataclass(frozen=True)
class Groups:
    """``of``: group of each row, numbered by first appearance; ``first``, ``last``: their rows."""

    of: IntArray
    first: IntArray
    last: IntArray

    @property
    def count(self) -> int:
        """Number of groups."""
        return len(self.first)


def fold(table: Any, spec: TapeSpec, group: GroupSpec) -> tuple[Any, IntArray, list[Issue]]:
    """One row for each value of ``group.by``, in the order of first appearance.

    Returns the folded table, the row of each loan's first row, and as issues (by row of the folded
    table) the loans whose rows should agree and do not, or hold numbers that do not parse. A row
    without a value in ``group.by`` stays a row of its own.
    """
    groups = _groups(table.column(group.by))
    columns: dict[str, Any] = {}
    issues: list[Issue] = []
    for name in table.column_names:
        cells = table.column(name)
        how = group.take.get(name, "same")
        if how in ("first", "last", "same"):
            columns[name] = cells.take(pa.array(groups.last if how == "last" else groups.first))
            if how == "same" and name != group.by:
                issues += _varying(cells, name, spec, group, groups)
        elif how == "count":
            present = np.asarray(convert.is_present(cells), dtype=np.float64)
            columns[name] = pa.array(np.bincount(groups.of, present, groups.count))
        else:
            columns[name], faults = _combined(cells, name, how, spec, groups)
            issues += faults
    return pa.table(columns), groups.first, issues


def _groups(keys: Any) -> Groups:
    cells = convert.trimmed(keys) if convert.is_text(keys) else convert.plain(keys)
    coded = pc.dictionary_encode(cells)
    of = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    lost = np.flatnonzero(of < 0)
    of[lost] = len(coded.dictionary) + np.arange(len(lost))
    _, first, of = np.unique(of, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")  # rows without a key stand where they stood
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    of = place[of]
    last = np.zeros(len(order), dtype=np.int64)
    last[of] = np.arange(len(of))  # the last of equal places holds
    return Groups(of, first[order], last)


def _ours(name: str, spec: TapeSpec) -> list[str]:
    """Columns of ours that a source column is mapped to."""
    return [ours for ours, theirs in spec.columns.items() if theirs == name] or [name]


def _varying(
    cells: Any, name: str, spec: TapeSpec, group: GroupSpec, groups: Groups
) -> list[Issue]:
    coded = pc.dictionary_encode(convert.plain(cells), null_encoding="encode").indices.to_numpy()
    differs = np.flatnonzero(coded != coded[groups.first][groups.of])
    if not len(differs):
        return []
    loans, places = np.unique(groups.of[differs], return_index=True)
    rows = differs[places]
    listed = slice(MOST_LISTED)
    here = convert.as_read(cells, rows[listed])
    there = convert.as_read(cells, groups.first[loans[listed]])
    said = [
        f"one value of {name} in all rows of a {group.by}, as in the first ({value or 'empty'})"
        for value in there
    ]
    return [Issue(_ours(name, spec)[0], "varies_in_group", "error", said, loans, here)]


def _combined(
    cells: Any, name: str, how: str, spec: TapeSpec, groups: Groups
) -> tuple[Any, list[Issue]]:
    """Sum, least or largest of the numbers, or days, of each group; missing where none has one."""
    mapped = _ours(name, spec)
    target = mapped[0]
    numbers = number_form(spec, *mapped)
    if how == "sum":
        values, faults = convert.numbers(cells, target, form=numbers)
        known = ~np.isnan(values)
        total = np.bincount(groups.of, np.where(known, values, 0.0), groups.count)
        some = np.bincount(groups.of, known, groups.count) > 0
        faults += _not_said(cells, target, values)
        return pa.array(total, mask=~some), _by_group(faults, groups)
    form = date_form(spec, name, *mapped)
    days, faults = convert.dates(cells, target, form)
    stated = form is not None or any(o in BY_NAME and BY_NAME[o].kind == "date" for o in mapped)
    if stated or not (faults or np.isnat(days).all()):
        values = np.where(np.isnat(days), np.nan, days.astype(np.int64).astype(np.float64))
        extreme = _extreme(values, how, groups)
        found = pa.array(np.nan_to_num(extreme).astype(np.int32), mask=np.isnan(extreme))
        return found.cast(pa.date32()), _by_group(faults, groups)
    values, faults = convert.numbers(cells, target, form=numbers)
    extreme = _extreme(values, how, groups)
    faults += _not_said(cells, target, values)
    return pa.array(extreme, mask=np.isnan(extreme)), _by_group(faults, groups)


def _not_said(cells: Any, target: str, values: FloatArray) -> list[Issue]:
    """Cells that are NaN, which is no value and no empty cell either."""
    return convert.flag(cells, target, voided(cells, values)[1], "nan", "a value, or an empty cell")


def _extreme(values: FloatArray, how: str, groups: Groups) -> FloatArray:
    found = np.full(groups.count, np.nan)
    (np.fmin if how == "min" else np.fmax).at(found, groups.of, values)
    return found


def _by_group(faults: list[Issue], groups: Groups) -> list[Issue]:
    """Faults of cells as faults of the loans that they belong to."""
    found = []
    for fault in faults:
        loans, places = np.unique(groups.of[fault.rows], return_index=True)
        listed = places[places < len(fault.values)]
        values = [fault.values[k] for k in listed]
        kept: BoolArray = places < len(fault.values)
        loans = np.concatenate([loans[kept], loans[~kept]])
        found.append(Issue(fault.column, fault.reason, fault.severity, fault.detail, loans, values))
    return found
