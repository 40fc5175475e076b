"""Cells as read to typed arrays, strictly: what does not parse becomes an :class:`Issue`.

Numbers are in :mod:`scfcap.tape.numbers`, days in :mod:`scfcap.tape.dates`; here are texts and
categories, and one door to them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scfcap.errors import InputError, Problem
from scfcap.quantities import BoolArray
from scfcap.tape.cells import (
    MISSING,
    MOST_LISTED,
    Issue,
    Severity,
    as_read,
    flag,
    is_text,
    mask_of,
    missing_of,
    plain,
    trimmed,
    whole_texts,
)
from scfcap.tape.dates import DateArray, add_months, dates
from scfcap.tape.numbers import PLAIN, NumberForm, numbers

__all__ = [
    "MISSING",
    "MOST_LISTED",
    "PLAIN",
    "Codes",
    "DateArray",
    "Issue",
    "NumberForm",
    "Severity",
    "add_months",
    "as_read",
    "categories",
    "coded",
    "dates",
    "flag",
    "has_leading_zeros",
    "is_date",
    "is_present",
    "is_text",
    "numbers",
    "plain",
    "texts",
    "trimmed",
]

#: Longest text cell that is accepted [characters].
MAX_TEXT: Final = 1_000
#: Most distinct values of a category column.
MAX_CATEGORIES: Final = 10_000


def texts(source: Any, column: str) -> tuple[Any, list[Issue]]:
    """Texts without blanks at the ends, null where missing or too long (the latter is listed)."""
    if is_text(source):
        text = trimmed(source)
    elif pa.types.is_floating(source.type):
        text = whole_texts(plain(source))
    elif pa.types.is_null(source.type):
        text = plain(source).cast(pa.string())
    else:
        text = _as_text(source, column)
    empty = pc.equal(pc.binary_length(text), 0)
    if pc.any(empty).as_py():
        text = pc.if_else(empty, pa.scalar(None, type=text.type), text)
    long = pc.greater(pc.utf8_length(text), MAX_TEXT)
    if not pc.any(long).as_py():
        return text, []
    issues = flag(source, column, mask_of(long), "text_too_long", f"{MAX_TEXT} characters at most")
    return pc.if_else(long, pa.scalar(None, type=text.type), text), issues


def _as_text(source: Any, column: str) -> Any:
    try:
        return plain(source).cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise InputError(
            Problem(f"column {column}", f"cells of type {source.type}", "texts or whole numbers")
        ) from None


def is_date(source: Any) -> bool:
    """Whether cells are days or times."""
    return bool(pa.types.is_date(source.type) or pa.types.is_timestamp(source.type))


def is_present(source: Any) -> BoolArray:
    """Mask of cells that hold a value; of texts, other than one that means "no value"."""
    cells = missing_of(trimmed(source)) if is_text(source) else plain(source)
    lost = pc.is_null(cells, nan_is_null=True)
    return ~np.asarray(lost.to_numpy(zero_copy_only=False), dtype=np.bool_)


def has_leading_zeros(source: Any) -> bool:
    """Whether any text is a number with a zero in front, as keys have."""
    return bool(pc.any(pc.match_substring_regex(trimmed(source), r"^[+-]?0[0-9]")).as_py())


@dataclass(frozen=True)
class Codes:
    """A category column: ``codes`` into ``labels`` (sorted), -1 where missing."""

    codes: npt.NDArray[np.int32]
    labels: tuple[str, ...]

    def where(self, wanted: Sequence[str]) -> BoolArray:
        """Rows that hold one of ``wanted``."""
        hits = np.array([*(label in wanted for label in self.labels), False])
        return np.asarray(hits[self.codes])


def coded(source: Any) -> Codes:
    """Texts of any number as codes; blanks at the ends are cut, and empty ones are missing."""
    cells = pc.dictionary_encode(trimmed(source))
    labels = cells.dictionary.to_pylist()
    blank = labels.index("") if "" in labels else -1
    codes = pc.fill_null(cells.indices, -1).to_numpy(zero_copy_only=False)
    return Codes(np.where(codes == blank, -1, codes).astype(np.int32), tuple(labels))


def categories(
    source: Any, column: str, vocabulary: Mapping[str, str] | None = None
) -> tuple[Codes, list[Issue]]:
    """Category codes; ``vocabulary`` maps source texts to ours, others pass as they are.

    Raises :class:`InputError` where a column has more than :data:`MAX_CATEGORIES` values.
    """
    if isinstance(source, pa.ChunkedArray):
        source = source.combine_chunks()
    coded = source if pa.types.is_dictionary(source.type) else pc.dictionary_encode(source)
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.unify_dictionaries().combine_chunks()
    if len(coded.dictionary) > MAX_CATEGORIES:
        raise InputError(
            Problem(
                f"column {column}",
                f"{len(coded.dictionary):,} distinct values",
                f"at most {MAX_CATEGORIES:,}: it is a class of loans, not a key",
                "Map another column in [tape.columns].",
            )
        )
    found, issues = texts(coded.dictionary, column)
    mapped = [None if v is None else (vocabulary or {}).get(v, v) for v in found.to_pylist()]
    indices = pc.fill_null(coded.indices.cast(pa.int32()), len(mapped)).to_numpy()
    # A dictionary may hold values of rows that have been left out.
    used = np.bincount(indices, minlength=len(mapped))[: len(mapped)] > 0
    labels = tuple(sorted({v for v, u in zip(mapped, used, strict=True) if u and v is not None}))
    place = {label: k for k, label in enumerate(labels)}
    recode = np.array([*(place.get(v, -1) for v in mapped), -1], dtype=np.int32)
    if issues:
        long = np.isin(indices, issues[0].rows)
        issues = flag(source, column, long, issues[0].reason, str(issues[0].detail))
    return Codes(recode[indices], labels), issues
