"""Cells as read to typed arrays, strictly: what does not parse becomes an :class:`Issue`.

Nothing here depends on the locale: numbers take a decimal point and no separators, month names
are English.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scfcap.errors import InputError, Problem
from scfcap.quantities import BoolArray, FloatArray, IntArray

DateArray = npt.NDArray[np.datetime64]
Severity = Literal["error", "warning"]

#: Longest text cell that is accepted [characters].
MAX_TEXT: Final = 1_000
#: Most distinct values of a category column.
MAX_CATEGORIES: Final = 10_000
#: Texts that mean "no value" where a number or a date is expected.
MISSING: Final = (
    *("", "NA", "na", "N/A", "n/a", "#N/A", "NaN", "nan", "NAN"),
    *("null", "NULL", "Null", "None", "none", "NONE"),
)
_SHOWN = 80
#: Bytes that fit into one array of short texts.
_SMALL_TEXTS = 2**31 - 1
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_SEPARATED = r"^[+-]?[0-9]{1,3}([, '][0-9]{3})+(\.[0-9]*)?$"
_INFINITE = r"^[+-]?(?i:inf|infinity)$"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONG_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_DIRECTIVES: Mapping[str, str] = {
    "Y": r"(?P<Y>[0-9]{4})",
    "y": r"(?P<y>[0-9]{2})",
    "m": r"(?P<m>[0-9]{1,2})",
    "d": r"(?P<d>[0-9]{1,2})",
    "b": r"(?P<b>[A-Za-z]{3})",
    "B": r"(?P<B>[A-Za-z]+)",
    "H": r"[0-9]{1,2}",
    "M": r"[0-9]{1,2}",
    "S": r"[0-9]{1,2}",
    "f": r"[0-9]{1,9}",
    "p": r"[AaPp][Mm]",
    "z": r"(?:Z|[+-][0-9]{2}:?[0-9]{2})",
    "%": "%",
}
_ISO = r"^(?P<Y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})"
_ISO_TIME = r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?$"
_FIRST_DAY, _LAST_DAY = np.datetime64("1900-01-01"), np.datetime64("2200-12-31")


@dataclass(frozen=True)
class Issue:
    """Rows of one column that share a fault; ``rows`` count from 0, ``values`` as read."""

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
    source: Any, column: str, mask: BoolArray, reason: str, detail: str | Sequence[str]
) -> list[Issue]:
    """An error on every row of ``mask``; nothing where there is none."""
    rows = np.flatnonzero(mask)
    if not len(rows):
        return []
    return [Issue(column, reason, "error", detail, rows, as_read(source, rows))]


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


def _mask(array: Any) -> BoolArray:
    return np.asarray(pc.fill_null(array, False).to_numpy(zero_copy_only=False), dtype=np.bool_)


def numbers(source: Any, column: str, *, percent: bool = False) -> tuple[FloatArray, list[Issue]]:
    """Finite numbers, NaN where a cell is missing or faulty (the latter is listed).

    ``percent`` divides by 100 and lets a text end in a percent sign.

    Raises :class:`InputError` where the cells are of a type that holds no numbers.
    """
    kind = source.type
    if is_text(source):
        values, issues = _text_numbers(source, column, percent=percent)
    elif pa.types.is_null(kind):
        values, issues = np.full(len(source), np.nan), []
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        cells = plain(source).cast(pa.float64(), safe=False)
        values = np.array(cells.to_numpy(zero_copy_only=False), dtype=np.float64)
        issues = flag(source, column, np.isinf(values), "not_finite", "a finite number")
        values[np.isinf(values)] = np.nan
    else:
        raise InputError(
            Problem(
                f"column {column}",
                f"cells of type {kind}",
                "numbers",
                "Map another column in [tape.columns].",
            )
        )
    return (values / 100.0 if percent else values), issues


def _text_numbers(source: Any, column: str, *, percent: bool) -> tuple[FloatArray, list[Issue]]:
    text = trimmed(source)
    if percent:
        text = pc.replace_substring_regex(text, r"\s*%$", "")
    missing = pc.is_in(text, value_set=pa.array(MISSING, type=text.type))
    text = pc.if_else(missing, pa.scalar(None, type=text.type), text)
    good = pc.match_substring_regex(text, _NUMBER)
    bad = _mask(pc.invert(good))
    issues: list[Issue] = []
    for reason, pattern, detail in (
        ("percent_sign", r"%$", "a decimal (0.12 for 12%), or the column in [tape].percent"),
        ("separator", _SEPARATED, "a number without separators of thousands"),
        ("not_finite", _INFINITE, "a finite number"),
        ("not_a_number", "", "a number with a decimal point"),
    ):
        if not bad.any():
            break
        mask = bad & _mask(pc.match_substring_regex(text, pattern)) if pattern else bad
        issues += flag(source, column, mask, reason, detail)
        bad = bad & ~mask
    text = pc.if_else(good, text, pa.scalar(None, type=text.type))
    cells = pc.utf8_ltrim(text, "+").cast(pa.float64())
    values = np.array(cells.to_numpy(zero_copy_only=False), dtype=np.float64)
    huge = np.isinf(values)
    values[huge] = np.nan
    return values, issues + flag(source, column, huge, "not_finite", "a finite number")


def dates(source: Any, column: str, form: str | None = None) -> tuple[DateArray, list[Issue]]:
    """Days (datetime64[D]), NaT where a cell is missing or faulty (the latter is listed).

    ``form`` is a strptime format (``%Y %y %m %d %b %B`` and times, which are dropped); without
    a day it gives the first of the month. Without ``form`` texts are ISO 8601, times dropped.
    """
    kind = source.type
    days: DateArray = np.full(len(source), np.datetime64("NaT", "D"))
    if pa.types.is_null(kind):
        return days, []
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            source = pc.local_timestamp(source)
        cells = plain(source).cast(pa.date32(), safe=False).cast(pa.int32())
        numbers_ = cells.to_numpy(zero_copy_only=False)
        known = ~np.isnan(numbers_) if cells.null_count else np.ones(len(source), dtype=np.bool_)
        days[known] = numbers_[known].astype(np.int64).astype("datetime64[D]")
        missing = ~known
    elif is_text(source) or (form is not None and pa.types.is_integer(kind)):
        text = trimmed(source if is_text(source) else plain(source).cast(pa.string()))
        days = _text_dates(text, form)
        missing = ~_mask(pc.is_valid(text)) | _mask(
            pc.is_in(text, value_set=pa.array(MISSING, type=text.type))
        )
    else:
        missing = np.zeros(len(source), dtype=np.bool_)
    wanted = f"a date in the form {form}" if form else "a date as YYYY-MM-DD"
    issues = flag(source, column, np.isnat(days) & ~missing, "not_a_date", wanted)
    far = (days < _FIRST_DAY) | (days > _LAST_DAY)
    if far.any():
        days = np.where(far, np.datetime64("NaT", "D"), days)
        issues += flag(
            source, column, far, "date_out_of_range", f"a day from {_FIRST_DAY} to {_LAST_DAY}"
        )
    return days, issues


def _text_dates(text: Any, form: str | None) -> DateArray:
    if form is None:
        # The time of day is checked by shape on the whole text, then dropped, so that few
        # distinct days remain to be worked out.
        fits = pc.match_substring_regex(text, _ISO + _ISO_TIME)
        text = pc.if_else(fits, pc.utf8_slice_codeunits(text, 0, 10), pa.scalar(None, text.type))
    coded = pc.dictionary_encode(text)
    pattern = _ISO if form is None else _pattern(form)
    parts = pc.extract_regex(coded.dictionary, pattern=pattern)
    days = _days(parts)
    indices = pc.fill_null(coded.indices, len(days)).to_numpy(zero_copy_only=False)
    found: DateArray = np.append(days, np.datetime64("NaT", "D"))[indices]
    return found


def _pattern(form: str) -> str:
    """A strptime format as a regular expression with one named group for each date part."""
    out, rest, seen = "", form, ""
    while rest:
        if rest[0] == "%" and len(rest) > 1:
            if rest[1] not in _DIRECTIVES or rest[1] in seen:
                raise InputError(
                    Problem(
                        "model.toml: tape.date_formats",
                        repr(form),
                        "a strptime format of %Y %y %m %d %b %B %H %M %S %f %p %z, once each",
                    )
                )
            seen += rest[1]
            out, rest = out + _DIRECTIVES[rest[1]], rest[2:]
        else:
            out, rest = out + re.escape(rest[0]).replace("\\ ", " "), rest[1:]
    if not re.search(r"\?P<[Yy]>", out):
        raise InputError(
            Problem("model.toml: tape.date_formats", repr(form), "a format with a year (%Y or %y)")
        )
    return f"^{out}$"


def _days(parts: Any) -> DateArray:
    """Days from the text parts of dates; NaT where a part is no part of a real date."""
    names = {field.name for field in parts.type}
    size = len(parts)

    def number(name: str) -> FloatArray:
        cells = pc.struct_field(parts, name).cast(pa.float64())
        return np.array(cells.to_numpy(zero_copy_only=False), dtype=np.float64)

    if "Y" in names:
        year = number("Y")
    else:
        short = number("y")
        year = short + np.where(short < 69, 2000.0, 1900.0)
    month = np.ones(size)
    for name, known in (("b", _MONTHS), ("B", _LONG_MONTHS)):
        if name in names:
            words = pc.utf8_lower(pc.struct_field(parts, name))
            found = pc.index_in(words, value_set=pa.array(known, type=words.type)).cast("float64")
            month = np.array(found.to_numpy(zero_copy_only=False), dtype=np.float64) + 1.0
    if "m" in names:
        month = number("m")
    day = number("d") if "d" in names else np.ones(size)
    usable = np.isfinite(year) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    index = np.where(usable, (year - 1970) * 12 + month - 1, 0).astype(np.int64)
    months = index.astype("datetime64[M]")
    days = months.astype("datetime64[D]") + np.where(usable, day - 1, 0).astype("timedelta64[D]")
    usable &= days.astype("datetime64[M]") == months
    return np.where(usable, days, np.datetime64("NaT", "D"))


def texts(source: Any, column: str) -> tuple[Any, list[Issue]]:
    """Texts without blanks at the ends, null where missing or too long (the latter is listed)."""
    if is_text(source):
        text = trimmed(source)
    elif pa.types.is_floating(source.type):
        text = _whole(plain(source))
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
    issues = flag(source, column, _mask(long), "text_too_long", f"{MAX_TEXT} characters at most")
    return pc.if_else(long, pa.scalar(None, type=text.type), text), issues


def _as_text(source: Any, column: str) -> Any:
    try:
        return plain(source).cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise InputError(
            Problem(f"column {column}", f"cells of type {source.type}", "texts or whole numbers")
        ) from None


def _whole(values: Any) -> Any:
    """Floats as texts, whole ones without a decimal point."""
    cells = np.array(values.to_numpy(zero_copy_only=False), dtype=np.float64)
    whole = np.isfinite(cells) & (cells == np.floor(cells)) & (np.abs(cells) < 2.0**53)
    integers = pa.array(np.where(whole, cells, 0).astype(np.int64)).cast(pa.string())
    text = pc.if_else(pa.array(whole), integers, pa.array(cells).cast(pa.string()))
    return pc.if_else(pa.array(np.isnan(cells)), pa.scalar(None, pa.string()), text)


@dataclass(frozen=True)
class Codes:
    """A category column: ``codes`` into ``labels`` (sorted), -1 where missing."""

    codes: npt.NDArray[np.int32]
    labels: tuple[str, ...]

    def where(self, wanted: Sequence[str]) -> BoolArray:
        """Rows that hold one of ``wanted``."""
        hits = np.array([*(label in wanted for label in self.labels), False])
        return np.asarray(hits[self.codes])


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
    labels = tuple(sorted({v for v in mapped if v is not None}))
    place = {label: k for k, label in enumerate(labels)}
    recode = np.array([*(-1 if v is None else place[v] for v in mapped), -1], dtype=np.int32)
    indices = pc.fill_null(coded.indices.cast(pa.int32()), len(mapped)).to_numpy()
    if issues:
        long = np.isin(indices, issues[0].rows)
        issues = flag(source, column, long, issues[0].reason, issues[0].detail)
    return Codes(recode[indices], labels), issues


def add_months(days: DateArray, months: FloatArray) -> DateArray:
    """``days`` moved by whole ``months``, cut to the month's length; NaT where one is missing."""
    usable = ~np.isnat(days) & np.isfinite(months)
    start = np.where(usable, days, np.datetime64("1970-01-01"))
    month = start.astype("datetime64[M]")
    day = (start - month.astype("datetime64[D]")).astype(np.int64)
    target = month + np.where(usable, months, 0).astype("timedelta64[M]")
    first = target.astype("datetime64[D]")
    following = (target + np.timedelta64(1, "M")).astype("datetime64[D]")
    last = (following - first).astype(np.int64) - 1
    moved = first + np.minimum(day, last).astype("timedelta64[D]")
    return np.where(usable, moved, np.datetime64("NaT", "D"))
