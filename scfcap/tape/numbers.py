"""Finite numbers from cells, in the form that the mapping states and in no other.

Nothing here depends on the locale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scfcap.errors import InputError, Problem
from scfcap.quantities import BoolArray, FloatArray
from scfcap.tape.cells import Issue, flag, is_text, mask_of, missing_of, plain, trimmed

_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_SEPARATED = r"^[+-]?[0-9]{1,3}([, '][0-9]{3})+(\.[0-9]*)?$"
_INFINITE = r"^[+-]?(?i:inf|infinity)$"
#: A mark of thousands as a class of signs: blanks that do not break count as blanks.
_GROUPS: Final[Mapping[str, str]] = {
    "": "",
    ",": ",",
    ".": "[.]",
    " ": "[ \u00a0\u202f\u2009]",
    "'": "['\u2019]",
}
#: A currency's sign, code or short name.
_MARK = (
    r"(?:(?:[A-Z]{2}|[ACNRS])?\p{Sc}|[A-Z]{3}|Rs\.?|kr\.?|zł|Kč|Ft|Fr\.?|RM|TL|R|руб\.?|元|圆|円)"
)
#: What looks like a currency and changes the size of a number.
_NO_CURRENCY: Final = ("mio", "mrd", "bio", "mn$", "bn$", "mn€", "bn€", "mn¥", "bn¥")
#: Words for one currency.
_SAME: Final[Mapping[str, str]] = {
    **dict.fromkeys(("￥", "元", "rmb", "cny", "cn¥"), "¥"),
    **dict.fromkeys(("us$", "usd"), "$"),
    "eur": "€",
    "gbp": "£",
    "ngn": "₦",
    "inr": "₹",
    "rs": "₹",
    "rs.": "₹",
}


@dataclass(frozen=True)
class NumberForm:
    """How numbers are written as text.

    ``thousands`` is the mark between groups, empty for none. With ``currency`` a cell may carry a
    currency and stand in brackets where negative; groups then may have a mark in any case.
    """

    decimal: str = "."
    thousands: str = ""
    currency: bool = False

    @property
    def mark(self) -> str:
        """Mark of thousands that is accepted."""
        if self.thousands or not self.currency:
            return self.thousands
        return "," if self.decimal == "." else "."

    @property
    def body(self) -> str:
        """A number without its sign, as a regular expression."""
        point, group = f"[{self.decimal}]", _GROUPS[self.mark]
        # Groups of three, or of two before the last as in India.
        grouped = (
            f"[0-9]{{1,3}}(?:{group}[0-9]{{3}})+|[0-9]{{1,2}}(?:{group}[0-9]{{2}})+{group}[0-9]{{3}}|"
            if group
            else ""
        )
        return f"(?:(?:{grouped}[0-9]+)(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?"

    @property
    def said(self) -> str:
        """What a cell should look like."""
        example = f"1{self.mark}234{self.decimal}50"
        return f"a number such as {example}" + (", or with a currency" if self.currency else "")


PLAIN: Final = NumberForm()


def numbers(
    source: Any, column: str, *, percent: bool = False, form: NumberForm = PLAIN
) -> tuple[FloatArray, list[Issue]]:
    """Finite numbers, NaN where a cell is missing or faulty (the latter is listed).

    ``percent`` divides by 100 and lets a text end in a percent sign.

    Raises :class:`InputError` where the cells are of a type that holds no numbers.
    """
    kind = source.type
    if is_text(source):
        values, issues = _text_numbers(source, column, percent=percent, form=form)
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


def _text_numbers(
    source: Any, column: str, *, percent: bool, form: NumberForm
) -> tuple[FloatArray, list[Issue]]:
    quick = _plain_numerals(source) if form == PLAIN else None
    if quick is not None:
        return quick, []
    text = trimmed(source)
    if percent:
        text = pc.replace_substring_regex(text, r"\s*%$", "")
    text = missing_of(text)
    issues: list[Issue] = []
    if form == PLAIN:
        good = pc.match_substring_regex(text, _NUMBER)
        numeral = pc.utf8_ltrim(text, "+")
    else:
        numeral, mixed = _numerals(text, form)
        if mixed.any():
            issues += flag(source, column, mixed, "mixed_currency", "one currency in a column")
        good = pc.if_else(pc.is_valid(text), pc.is_valid(numeral), None)
    bad = mask_of(pc.invert(good))
    for issue in issues:
        bad[issue.rows] = False
    issues += _why_not(source, text, column, bad, form)
    text = pc.if_else(good, numeral, pa.scalar(None, type=text.type))
    cells = text.cast(pa.float64())
    values = np.array(cells.to_numpy(zero_copy_only=False), dtype=np.float64)
    huge = np.isinf(values)
    values[huge] = np.nan
    return values, issues + flag(source, column, huge, "not_finite", "a finite number")


def _plain_numerals(source: Any) -> FloatArray | None:
    """The values where every cell is a plain numeral, which takes a fraction of the time."""
    cells = plain(source)
    if cells.null_count:
        return None
    try:
        values = np.array(cells.cast(pa.float64()), dtype=np.float64)
    except pa.ArrowInvalid:
        return None
    return values if np.isfinite(values).all() else None


def _why_not(source: Any, text: Any, column: str, bad: BoolArray, form: NumberForm) -> list[Issue]:
    """What is wrong with the cells of ``bad``, each said once."""
    issues: list[Issue] = []
    plain_form = form == PLAIN
    for reason, pattern, detail in (
        ("percent_sign", r"%$", "a decimal (0.12 for 12%), or the column in [tape].percent"),
        (
            *("separator", _SEPARATED if plain_form else "^$"),
            "a number without separators of thousands, or their mark in [tape].thousands",
        ),
        ("not_finite", _INFINITE, "a finite number"),
        ("not_a_number", "", "a number with a decimal point" if plain_form else form.said),
    ):
        if not bad.any():
            break
        mask = bad & mask_of(pc.match_substring_regex(text, pattern)) if pattern else bad
        issues += flag(source, column, mask, reason, detail)
        bad = bad & ~mask
    return issues


def _numerals(text: Any, form: NumberForm) -> tuple[Any, BoolArray]:
    """Texts in ``form`` as plain numerals, null where they are not, and cells of a currency that
    most others do not carry.
    """
    if not form.currency:
        parts = pc.extract_regex(text, f"^(?P<sign>[+-]?)(?P<body>{form.body})$")
        body, negative = pc.struct_field(parts, "body"), pc.struct_field(parts, "sign")
        return _joined(pc.equal(negative, "-"), body, form), np.zeros(len(text), dtype=np.bool_)
    sign = "[+\u2212-]"
    parts = pc.extract_regex(
        text,
        rf"^(?P<m>{_MARK}?)\s*(?P<open>\(?)\s*(?P<a>{sign}?)\s*(?P<n>{_MARK}?)\s*(?P<b>{sign}?)\s*"
        rf"(?P<body>{form.body})\s*(?P<o>{_MARK}?)\s*(?P<c>-?)\s*(?P<close>\)?)\s*(?P<p>{_MARK}?)$",
    )
    part = {field.name: pc.struct_field(parts, field.name) for field in parts.type}
    full = {name: pc.greater(pc.binary_length(cells), 0) for name, cells in part.items()}
    minus = [pc.is_in(part[k], pa.array(["-", "\u2212"])) for k in "abc"]
    marks = pc.utf8_lower(pc.binary_join_element_wise(*(part[k] for k in "mnop"), ""))
    signs, named = _count(full["open"], *minus), _count(*(full[k] for k in "mnop"))
    usable = pc.and_(
        pc.and_(pc.equal(full["open"], full["close"]), pc.less_equal(signs, 1)),
        pc.and_(pc.less_equal(named, 1), pc.invert(pc.is_in(marks, pa.array(_NO_CURRENCY)))),
    )
    other = _other_currency(pc.if_else(usable, marks, ""))
    body = pc.if_else(pc.and_(usable, pa.array(~other)), part["body"], None)
    return _joined(pc.equal(signs, 1), body, form), other


def _count(*masks: Any) -> Any:
    """How many of ``masks`` hold."""
    found = masks[0].cast("int8")
    for mask in masks[1:]:
        found = pc.add(found, mask.cast("int8"))
    return found


def _joined(negative: Any, body: Any, form: NumberForm) -> Any:
    if form.mark:
        body = pc.replace_substring_regex(body, _GROUPS[form.mark], "")
    if form.decimal != ".":
        body = pc.replace_substring(body, form.decimal, ".")
    return pc.binary_join_element_wise(pc.if_else(negative, "-", ""), body, "")


def _other_currency(marks: Any) -> BoolArray:
    """Cells with a currency that is not the most frequent one of the column."""
    coded = pc.dictionary_encode(pc.fill_null(marks, ""))
    names = [_SAME.get(name, name) for name in coded.dictionary.to_pylist()]
    known = sorted({name for name in names if name})
    if len(known) < 2:
        return np.zeros(len(marks), dtype=np.bool_)
    place = np.array([known.index(name) if name else -1 for name in names])
    held = place[np.asarray(coded.indices)]
    usual = int(np.bincount(held[held >= 0], minlength=len(known)).argmax())
    return np.asarray((held >= 0) & (held != usual))
