"""From the rows of a source to one row a loan: rows left out, dropped as equal, and folded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa

from scfcap.expressions import TRUE, UNKNOWN, Cells, ExpressionError, parse
from scfcap.quantities import BoolArray, IntArray
from scfcap.schema.tape import TapeSpec
from scfcap.tape import convert
from scfcap.tape.cells import Issue
from scfcap.tape.derive import typed
from scfcap.tape.group import fold
from scfcap.tape.names import Names, refused

LEFT_OUT: Final = "left out"
DROPPED: Final = "dropped as equal"
MERGED: Final = "merged"
_PLACE: Final = "scfcap row number"


@dataclass(frozen=True)
class Intake:
    """The rows of a source that become loans.

    ``rows``: row of the source, from 0, that each row of ``table`` stands for; None where it is
    the same. ``gone``: rows that did not pass, by step. ``unfolded``: the rows that were folded
    into those of ``table``, None where none were. ``issues``: what was found on the way, by row of
    ``table``.
    """

    table: Any
    rows: IntArray | None
    gone: tuple[tuple[str, Any], ...]
    unfolded: Any
    issues: tuple[Issue, ...]


def take_in(table: Any, spec: TapeSpec, as_of: date) -> Intake:
    """Choose, drop and fold rows as ``where``, ``duplicates`` and ``group`` ask, in this order.

    Raises :class:`~scfcap.errors.InputError` for an expression that does not fit the columns.
    """
    rows: IntArray | None = None
    gone: list[tuple[str, Any]] = []
    issues: list[Issue] = []
    if spec.where is not None:
        answers = _answers(table, spec, as_of)
        rows, issues = _narrowed(rows, answers == TRUE), _unsure(answers, spec.where)
        table, left = _parted(table, answers == TRUE)
        gone.append((LEFT_OUT, left))
    if spec.duplicates == "drop_equal":
        first = first_of_equal(table)
        rows = _narrowed(rows, first)
        table, equal = _parted(table, first)
        gone.append((DROPPED, equal))
    gone = [(item, lost) for item, lost in gone if lost.num_rows]
    if spec.group is None or not table.num_rows:
        return Intake(table, rows, tuple(gone), None, tuple(issues))
    loans, firsts, varied = fold(table, spec, spec.group)
    rows = firsts if rows is None else rows[firsts]
    unfolded = table if loans.num_rows < table.num_rows else None
    return Intake(loans, rows, tuple(gone), unfolded, (*issues, *varied))


def first_of_equal(table: Any) -> BoolArray:
    """Mask of rows that equal none before them, cell by cell; missing equals missing."""
    columns = [convert.plain(column) for column in table.columns]
    names = [str(k) for k in range(len(columns))]
    place = pa.array(np.arange(table.num_rows))
    keyed = pa.table([*columns, place], [*names, _PLACE])
    firsts = keyed.group_by(names).aggregate([(_PLACE, "min")]).column(f"{_PLACE}_min")
    mask = np.zeros(table.num_rows, dtype=np.bool_)
    mask[np.asarray(firsts)] = True
    return mask


def _answers(table: Any, spec: TapeSpec, as_of: date) -> Any:
    assert spec.where is not None
    expression = parse(spec.where)

    def ours(name: str) -> Cells:
        cells = typed(table, spec, as_of, (name,)).columns.get(name)
        if isinstance(cells, np.ndarray | convert.Codes):
            return cells
        if cells is not None:
            return convert.coded(cells)
        raise ExpressionError(
            found=f"no column {name}", expected="columns of the source, or mapped in [tape.columns]"
        )

    names = Names(table, spec, as_of, ours, expression, "where")
    try:
        return expression.answers(names, table.num_rows)
    except ExpressionError as error:
        raise refused(error, "where") from None


def _unsure(answers: Any, text: str) -> list[Issue]:
    """Rows that are left out as nobody can tell whether they belong."""
    count = int((answers == UNKNOWN).sum())
    if not count:
        return []
    said = f"an answer to {text}; a missing or faulty cell leaves the row out"
    shown = [f"{count:,} row{'s' if count > 1 else ''}"]
    return [Issue("where", "undetermined", "warning", said, np.array([-1]), shown)]


def _parted(table: Any, keep: BoolArray) -> tuple[Any, Any]:
    return table.filter(pa.array(keep)), table.filter(pa.array(~keep))


def _narrowed(rows: IntArray | None, keep: BoolArray) -> IntArray:
    kept = np.flatnonzero(keep)
    return kept if rows is None else rows[kept]
