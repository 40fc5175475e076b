"""Cells as read: how they are shown, told apart and blamed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scfcap.quantities import BoolArray, IntArray

Severity = Literal["error", "warning"]

#: Texts that mean "no value" where a number or a date is expected.
MISSING: Final = (
    *("", "NA", "na", "N/A", "n/a", "#N/A", "NaN", "nan", "NAN"),
    *("null", "NULL", "Null", "None", "none", "NONE"),
)
#: Words for a number that is none, and for what is no name either, as machines write them.
_NAN: Final = ("NaN", "nan", "NAN")
_NO_NAME: Final = ("NaN", "nan", "inf", "-inf", "Infinity", "-Infinity")
#: Rows of one fault that are listed; the rest are counted.
MOST_LISTED: Final = 100_000
#: Longest cell that is shown [characters].
_SHOWN = 80
#: Bytes that fit into one array of short texts.
_SMALL_TEXTS = 2**31 - 1


@dataclass(frozen=True)
class Issue:
    """Rows of one column that share a fault.

    ``rows`` count from 0, -1 for the whole column. ``values`` (as read) and a ``detail`` of its
    own for each row are those of the first :data:`MOST_LISTED` rows.
    """

    column: str
    reason: str
    severity: Severity
    detail: str | Sequence[str]
    rows: IntArray
    values: Sequence[str]


def as_read(source: Any, rows: IntArray) -> list[str]:
    """The cells of ``rows`` as short texts, empty where there is nothing."""
    return ["" if v is None else str(v)[:_SHOWN] for v in source.take(pa.array(rows)).to_pylist()]


def flag(
    source: Any,
    column: str,
    mask: BoolArray,
    reason: str,
    detail: str,
    severity: Severity = "error",
) -> list[Issue]:
    """A fault on every row of ``mask``; nothing where there is none."""
    rows = np.flatnonzero(mask)
    if not len(rows):
        return []
    return [Issue(column, reason, severity, detail, rows, as_read(source, rows[:MOST_LISTED]))]


def is_text(source: Any) -> bool:
    """Whether cells are texts, dictionary encoded or not."""
    kind = source.type.value_type if pa.types.is_dictionary(source.type) else source.type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def plain(source: Any) -> Any:
    """The column as one array without dictionary encoding."""
    if pa.types.is_dictionary(source.type):
        source = source.cast(source.type.value_type)
    if pa.types.is_string(source.type) and source.nbytes > _SMALL_TEXTS:
        source = source.cast(pa.large_string())
    return source.combine_chunks() if isinstance(source, pa.ChunkedArray) else source


def trimmed(source: Any) -> Any:
    """Texts without blanks at either end."""
    return pc.utf8_trim_whitespace(plain(source))


def mask_of(array: Any) -> BoolArray:
    """Arrow truth values as a mask; null is false."""
    return np.asarray(pc.fill_null(array, False).to_numpy(zero_copy_only=False), dtype=np.bool_)


def missing_of(text: Any) -> Any:
    """Texts with null for those that mean "no value"."""
    lost = pc.is_in(text, value_set=pa.array(MISSING, type=text.type))
    return pc.if_else(lost, pa.scalar(None, type=text.type), text)


def voided(source: Any, cells: Any) -> tuple[Any, BoolArray]:
    """``cells`` without what is no value and no empty cell either, and a mask of these.

    That is NaN, as a number or as a word, and infinity in the place of a name.
    """
    names = not isinstance(cells, np.ndarray)
    if names and pa.types.is_floating(source.type):
        void = mask_of(pc.invert(pc.is_finite(plain(source))))
    elif names and hasattr(cells, "labels"):
        void = cells.where(_NO_NAME)
    elif names:
        void = mask_of(pc.is_in(cells, value_set=pa.array(_NO_NAME, type=cells.type)))
    elif not (np.isnat(cells) if cells.dtype.kind == "M" else np.isnan(cells)).any():
        void = np.zeros(len(cells), dtype=np.bool_)
    elif is_text(source):
        text = trimmed(source)
        void = mask_of(pc.is_in(text, value_set=pa.array(_NAN, type=text.type)))
    elif pa.types.is_floating(source.type):
        void = mask_of(pc.is_nan(plain(source)))
    else:
        void = np.zeros(len(cells), dtype=np.bool_)
    if names and void.any():
        cells = _without(cells, void)
    return cells, void


def _without(names: Any, void: BoolArray) -> Any:
    """Names of which those of ``void`` are missing."""
    if not hasattr(names, "labels"):
        return pc.if_else(pa.array(void), pa.scalar(None, type=names.type), names)
    codes = np.where(void, -1, names.codes)
    kept = np.flatnonzero(np.bincount(codes[codes >= 0], minlength=len(names.labels)) > 0)
    place = np.full(len(names.labels) + 1, -1, dtype=np.int32)
    place[kept] = np.arange(len(kept))
    return type(names)(place[codes], tuple(names.labels[k] for k in kept))


def whole_texts(values: Any) -> Any:
    """Floats as texts, whole ones without a decimal point."""
    cells = np.array(values.to_numpy(zero_copy_only=False), dtype=np.float64)
    whole = np.isfinite(cells) & (cells == np.floor(cells)) & (np.abs(cells) < 2.0**53)
    integers = pa.array(np.where(whole, cells, 0).astype(np.int64)).cast(pa.string())
    text = pc.if_else(pa.array(whole), integers, pa.array(cells).cast(pa.string()))
    return pc.if_else(pa.array(np.isnan(cells)), pa.scalar(None, pa.string()), text)
