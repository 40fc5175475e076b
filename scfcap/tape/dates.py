"""Days from cells: ISO 8601, strptime formats, and the day counts of other programs.

Nothing here depends on the locale: month names are English.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scfcap.errors import InputError, Problem
from scfcap.quantities import BoolArray, FloatArray
from scfcap.tape.cells import (
    Issue,
    flag,
    is_text,
    mask_of,
    missing_of,
    plain,
    trimmed,
    whole_texts,
)

DateArray = npt.NDArray[np.datetime64]

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
_CHINESE = r"^(?P<Y>[0-9]{4})\s*年\s*(?P<m>[0-9]{1,2})\s*月\s*(?P<d>[0-9]{1,2})\s*日$"
_COUNT = r"^-?[0-9]{1,15}(\.[0-9]*)?$"
#: Name of a count = the day it starts from, and units a day. ``sas``: days since 1960 (SAS);
#: ``excel``: day numbers of a spreadsheet (1900 system); ``unix``: seconds since 1970.
COUNTS: Final[Mapping[str, tuple[str, int]]] = {
    "sas": ("1960-01-01", 1),
    "excel": ("1899-12-30", 1),
    "unix": ("1970-01-01", 86_400),
}
#: 29 February 1900, which spreadsheets count and the calendar does not; a day before it is one
#: less than those after it.
_NO_DAY = 60
_FIRST_DAY, _LAST_DAY = np.datetime64("1900-01-01"), np.datetime64("2200-12-31")


def dates(
    source: Any, column: str, form: str | Sequence[str] | None = None
) -> tuple[DateArray, list[Issue]]:
    """Days (datetime64[D]), NaT where a cell is missing or faulty (the latter is listed).

    ``form`` is a strptime format (``%Y %y %m %d %b %B`` and times, which are dropped); without
    a day it gives the first of the month. It may also be one of :data:`COUNTS`, or several forms,
    of which the first that fits a cell holds; a cell that others read as another day is listed as
    a warning. Without ``form`` texts are ISO 8601, times dropped, or as 2013年12月31日.
    """
    kind = source.type
    forms = () if form is None else (form,) if isinstance(form, str) else tuple(form)
    days: DateArray = np.full(len(source), np.datetime64("NaT", "D"))
    other = np.zeros(len(source), dtype=np.bool_)
    if pa.types.is_null(kind):
        return days, []
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        days, missing = _typed_dates(source)
    elif is_text(source) or (forms and _is_number(kind)):
        text, places = _distinct(source, forms)
        found, unsure = _first_fit(text, forms) if forms else (_iso(text), None)
        lost = mask_of(pc.is_null(missing_of(text)))
        days, missing = (
            _spread(found, np.datetime64("NaT", "D"), places),
            _spread(lost, True, places),
        )
        if unsure is not None:
            other = _spread(unsure, False, places)
    else:
        missing = np.zeros(len(source), dtype=np.bool_)
    wanted = f"a date in the form {' or '.join(forms)}" if forms else "a date as YYYY-MM-DD"
    issues = flag(source, column, np.isnat(days) & ~missing, "not_a_date", wanted)
    far = (days < _FIRST_DAY) | (days > _LAST_DAY)
    if far.any():
        days = np.where(far, np.datetime64("NaT", "D"), days)
        issues += flag(
            source, column, far, "date_out_of_range", f"a day from {_FIRST_DAY} to {_LAST_DAY}"
        )
    said = f"one reading; taken in the first form that fits of {', '.join(forms)}"
    return days, issues + flag(source, column, other & ~far, "ambiguous_date", said, "warning")


def _typed_dates(source: Any) -> tuple[DateArray, BoolArray]:
    """Days of date or time cells, and a mask of the missing."""
    if pa.types.is_timestamp(source.type) and source.type.tz is not None:
        source = pc.local_timestamp(source)
    cells = plain(source).cast(pa.date32(), safe=False).cast(pa.int32())
    numbers = cells.to_numpy(zero_copy_only=False)
    known = ~np.isnan(numbers) if cells.null_count else np.ones(len(source), dtype=np.bool_)
    days: DateArray = np.full(len(source), np.datetime64("NaT", "D"))
    days[known] = numbers[known].astype(np.int64).astype("datetime64[D]")
    return days, ~known


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _distinct(source: Any, forms: Sequence[str]) -> tuple[Any, Any]:
    """The distinct cells as trimmed texts, and for each cell its place among them, null for none.

    Where texts are ISO 8601 the time of day is checked by shape, then dropped, so that few distinct
    days remain to be worked out.
    """
    cells = plain(source)
    if not is_text(source):
        coded = pc.dictionary_encode(cells)
        texts = whole_texts(coded.dictionary.cast(pa.float64(), safe=False))
        return texts, coded.indices
    if not forms:
        coded = pc.dictionary_encode(cells)
        texts = trimmed(coded.dictionary)
        fits = pc.match_substring_regex(texts, _ISO + _ISO_TIME)
        texts = pc.if_else(fits, pc.utf8_slice_codeunits(texts, 0, 10), texts)
        days = pc.dictionary_encode(texts)
        return days.dictionary, days.indices.take(coded.indices)
    coded = pc.dictionary_encode(cells)
    return trimmed(coded.dictionary), coded.indices


def _spread(distinct: Any, absent: Any, places: Any) -> Any:
    """What holds for distinct cells, for every cell; ``absent`` where a cell is null."""
    indices = pc.fill_null(places, len(distinct)).to_numpy(zero_copy_only=False)
    return np.append(distinct, absent)[indices]


def _iso(text: Any) -> DateArray:
    days = _days(pc.extract_regex(text, pattern=_ISO + "$"))
    if np.isnat(days).any():
        days = np.where(np.isnat(days), _days(pc.extract_regex(text, pattern=_CHINESE)), days)
    return days


def _first_fit(text: Any, forms: Sequence[str]) -> tuple[DateArray, BoolArray]:
    """Days by the first form that fits, and whether a later one gives another day."""
    days: DateArray = np.full(len(text), np.datetime64("NaT", "D"))
    unsure = np.zeros(len(text), dtype=np.bool_)
    for form in forms:
        found = (
            _counted(text, form)
            if form in COUNTS
            else _days(pc.extract_regex(text, pattern=_pattern(form)))
        )
        unsure |= ~np.isnat(days) & ~np.isnat(found) & (found != days)
        days = np.where(np.isnat(days), found, days)
    return days, unsure


def _counted(text: Any, form: str) -> DateArray:
    """Days from the day or second numbers of other programs."""
    first, per_day = COUNTS[form]
    numeral = pc.if_else(pc.match_substring_regex(text, _COUNT), text, pa.scalar(None, text.type))
    number = np.array(numeral.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    day = np.floor(number / per_day)
    usable = np.isfinite(day) & (np.abs(day) < 1e6)
    if form == "excel":
        usable &= (day >= 1) & (day != _NO_DAY)
        day = day + (day < _NO_DAY)
    moved = np.datetime64(first, "D") + np.where(usable, day, 0).astype("timedelta64[D]")
    return np.where(usable, moved, np.datetime64("NaT", "D"))


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
                        "a strptime format of %Y %y %m %d %b %B %H %M %S %f %p %z, once each, "
                        f"or one of {', '.join(COUNTS)}",
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
