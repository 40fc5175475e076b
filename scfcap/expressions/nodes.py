"""Values of an expression, and the tree that gives them."""

# ruff: noqa: D102  (what ``value`` gives is said once, in Node)

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

#: Answers of a test.
TRUE, FALSE, UNKNOWN = 1, 0, -1


class ExpressionError(ValueError):
    """An expression that cannot be read or does not fit its columns.

    ``found`` says what stands where, ``expected`` what would be right, ``action`` what to do.
    """

    def __init__(self, *, found: str, expected: str, action: str = "") -> None:
        self.found, self.expected, self.action = found, expected, action
        super().__init__(f"found {found}; expected {expected}")


@runtime_checkable
class CodedTexts(Protocol):
    """Texts as ``codes`` into ``labels``, -1 where missing."""

    @property
    def codes(self) -> npt.NDArray[np.int32]:
        """Positions in ``labels``, shape (rows,)."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The distinct texts."""


@dataclass(frozen=True)
class Texts:
    """Texts that an expression gives."""

    codes: npt.NDArray[np.int32]
    labels: tuple[str, ...]


Array: TypeAlias = npt.NDArray[Any]
#: Numbers (float, NaN missing), days (datetime64[D], NaT missing), answers (int8), or texts.
Cells: TypeAlias = Array | CodedTexts
Columns: TypeAlias = Callable[[str], Cells]


# --- values ---------------------------------------------------------------------------------

Value: TypeAlias = Array | CodedTexts | str


class Node(Protocol):
    """A part of an expression."""

    @property
    def at(self) -> int:
        """Position in the text, from 1."""

    def value(self, cells: Columns) -> Value:
        """Its value in each row, or one for all; ``cells`` gives a column by name."""


def _kind(value: Value) -> str:
    if isinstance(value, str) or not isinstance(value, np.ndarray):
        return "text"
    if value.dtype == np.int8:
        return "truth"
    return "date" if value.dtype.kind == "M" else "number"


def _said(node: Node, value: Value) -> str:
    name = f"`{node.name}`" if isinstance(node, Name) else "the part"
    shown = {"truth": "a test", "text": "a text", "date": "a date", "number": "a number"}
    return f"{name} at character {node.at}, {shown[_kind(value)]}"


def truth(value: Value, node: Node) -> npt.NDArray[np.int8]:
    """``value`` as answers. Raises :class:`ExpressionError` where ``node`` is no test."""
    if isinstance(value, np.ndarray) and value.dtype == np.int8:
        return value
    raise ExpressionError(found=_said(node, value), expected="a test, such as score >= 600")


def _number(value: Value, node: Node) -> Array:
    if isinstance(value, np.ndarray) and _kind(value) == "number":
        return value
    raise ExpressionError(found=_said(node, value), expected="a number")


def _missing(value: Value) -> Any:
    """Mask of missing cells."""
    if isinstance(value, str):
        return np.False_
    if not isinstance(value, np.ndarray):
        return value.codes < 0
    if value.dtype.kind == "M":
        return np.isnat(value)
    if value.dtype == np.int8:
        return value == UNKNOWN
    return np.isnan(value) if value.dtype.kind == "f" else np.zeros(value.shape, dtype=np.bool_)


def _answer(hit: Any, *unknown: Any) -> npt.NDArray[np.int8]:
    """Answers from a mask, undetermined where any of ``unknown`` holds."""
    result = np.asarray(hit).astype(np.int8)
    for mask in unknown:
        if np.any(mask):
            result = np.where(mask, np.int8(UNKNOWN), result)
    return result


def _day(text: str, at: int) -> Array:
    try:
        return np.asarray(np.datetime64(date.fromisoformat(text), "D"))
    except ValueError:
        raise ExpressionError(
            found=f'"{text}" at character {at}', expected='a day as date("2013-12-31")'
        ) from None


# --- the tree -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Constant:
    """A number, a text or an answer."""

    content: Value
    at: int

    def value(self, cells: Columns) -> Value:  # noqa: ARG002
        return self.content


@dataclass(frozen=True)
class Name:
    """A column."""

    name: str
    at: int

    def value(self, cells: Columns) -> Value:
        return cells(self.name)


@dataclass(frozen=True)
class Minus:
    """The negative of a number."""

    part: Node
    at: int

    def value(self, cells: Columns) -> Value:
        return np.asarray(-_number(self.part.value(cells), self.part))


@dataclass(frozen=True)
class Arithmetic:
    """A sum, difference, product or quotient; of dates and days too."""

    sign: str
    left: Node
    right: Node
    at: int

    def value(self, cells: Columns) -> Value:
        left, right = self.left.value(cells), self.right.value(cells)
        if self.sign in "+-" and _kind(left) == "date":
            return self._days(left, right)
        a, b = _number(left, self.left), _number(right, self.right)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if self.sign == "+":
                found = a + b
            elif self.sign == "-":
                found = a - b
            else:
                found = a * b if self.sign == "*" else np.true_divide(a, b)
        return np.where(np.isfinite(found), found, np.nan)

    def _days(self, left: Value, right: Value) -> Value:
        """A date and a number of days, or the days between two dates."""
        assert isinstance(left, np.ndarray)
        if self.sign == "-" and _kind(right) == "date":
            assert isinstance(right, np.ndarray)
            gap = left - right
            return np.where(np.isnat(gap), np.nan, gap.astype(np.int64).astype(np.float64))
        count = _number(right, self.right)
        fits = np.isfinite(count) & (np.abs(count) < 1e6)
        step = np.where(fits, np.floor(count), 0.0).astype("timedelta64[D]")
        moved = left + step if self.sign == "+" else left - step
        return np.where(fits, moved, np.datetime64("NaT", "D"))


@dataclass(frozen=True)
class Compare:
    """One comparison; a chain is several, joined by ``and``."""

    sign: str
    left: Node
    right: Node
    at: int

    def value(self, cells: Columns) -> Value:
        left, right = self.left.value(cells), self.right.value(cells)
        if _kind(left) == "date" and isinstance(right, str):
            right = _day(right, self.right.at)
        if _kind(right) == "date" and isinstance(left, str):
            left = _day(left, self.left.at)
        if _kind(left) != _kind(right):
            raise ExpressionError(
                found=f"{_said(self.left, left)}, compared with {_said(self.right, right)}",
                expected="two numbers, two texts or two dates",
                action='Put texts into quotes ("15"), and numbers without.',
            )
        if _kind(left) == "text":
            return self._texts(left, right)
        assert isinstance(left, np.ndarray)
        assert isinstance(right, np.ndarray)
        hit = _RELATE[self.sign](left, right)
        return _answer(hit, _missing(left), _missing(right))

    def _texts(self, left: Value, right: Value) -> Value:
        if self.sign not in ("==", "!="):
            raise ExpressionError(
                found=f"{self.sign} between texts at character {self.at}",
                expected="== or !=, or numbers",
            )
        equal = _equal_texts(left, right)
        hit = equal if self.sign == "==" else ~equal
        return _answer(hit, _missing(left), _missing(right))


def _equal_texts(left: Value, right: Value) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        return np.asarray(left == right)
    if isinstance(right, str):
        left, right = right, left
    if isinstance(left, str):
        assert isinstance(right, CodedTexts)
        return _lookup(right, [label == left for label in right.labels])
    assert isinstance(left, CodedTexts)
    assert isinstance(right, CodedTexts)
    place = {label: k for k, label in enumerate(left.labels)}
    theirs = np.array([*(place.get(label, -2) for label in right.labels), -2])
    return left.codes == theirs[right.codes]


def _lookup(cells: CodedTexts, hits: Sequence[bool]) -> Any:
    return np.array([*hits, False])[cells.codes]


_RELATE: dict[str, Callable[[Array, Array], Any]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


@dataclass(frozen=True)
class In:
    """Whether a value is, or is not, in a list."""

    part: Node
    members: tuple[Constant, ...]
    inverted: bool
    at: int

    def value(self, cells: Columns) -> Value:
        value = self.part.value(cells)
        known = [
            _day(m.content, m.at)
            if _kind(value) == "date" and isinstance(m.content, str)
            else m.content
            for m in self.members
        ]
        for member, node in zip(known, self.members, strict=True):
            if _kind(member) != _kind(value):
                raise ExpressionError(
                    found=f"{_said(self.part, value)}, in a list with {_said(node, member)}",
                    expected="members of the same kind",
                    action='Put texts into quotes ("15"), and numbers without.',
                )
        if isinstance(value, CodedTexts):
            hit = _lookup(value, [label in known for label in value.labels])
        elif isinstance(value, str):
            hit = np.asarray(value in known)
        else:
            hit = np.isin(value, np.array(known))
        return _answer(~hit if self.inverted else hit, _missing(value))


@dataclass(frozen=True)
class Is:
    """Whether a value is missing, or present: never undetermined."""

    part: Node
    present: bool
    at: int

    def value(self, cells: Columns) -> Value:
        lost = _missing(self.part.value(cells))
        return _answer(~lost if self.present else lost)


@dataclass(frozen=True)
class Not:
    """The other answer."""

    part: Node
    at: int

    def value(self, cells: Columns) -> Value:
        found = truth(self.part.value(cells), self.part)
        return np.where(found == UNKNOWN, found, np.int8(1) - found)


@dataclass(frozen=True)
class Both:
    """``and``, or with ``decisive`` = 1 ``or``: one decisive answer settles it."""

    left: Node
    right: Node
    decisive: int
    at: int

    def value(self, cells: Columns) -> Value:
        a = truth(self.left.value(cells), self.left)
        b = truth(self.right.value(cells), self.right)
        settled = (a == self.decisive) | (b == self.decisive)
        open_ = (a == UNKNOWN) | (b == UNKNOWN)
        rest = np.where(open_, np.int8(UNKNOWN), np.int8(1 - self.decisive))
        return np.where(settled, np.int8(self.decisive), rest)


@dataclass(frozen=True)
class Call:
    """A function of :data:`~scfcap.expressions.parser.FUNCTIONS`."""

    name: str
    parts: tuple[Node, ...]
    at: int

    def value(self, cells: Columns) -> Value:
        if self.name == "if":
            return self._choice(cells)
        if self.name == "date":
            only = self.parts[0].value(cells)
            if isinstance(only, str):
                return _day(only, self.parts[0].at)
            raise ExpressionError(
                found=_said(self.parts[0], only), expected='a day as date("2013-12-31")'
            )
        values = [part.value(cells) for part in self.parts]
        if self.name in ("min", "max") and all(_kind(v) == "date" for v in values):
            numbers = [np.asarray(v) for v in values]
        else:
            numbers = [_number(v, part) for v, part in zip(values, self.parts, strict=True)]
        if self.name == "abs":
            return np.asarray(np.abs(numbers[0]))
        if self.name == "floor":
            return np.asarray(np.floor(numbers[0]))
        combine = np.minimum if self.name == "min" else np.maximum
        found = numbers[0]
        for other in numbers[1:]:
            found = combine(found, other)
        return np.asarray(found)

    def _choice(self, cells: Columns) -> Value:
        test = truth(self.parts[0].value(cells), self.parts[0])
        yes, no = self.parts[1].value(cells), self.parts[2].value(cells)
        if _kind(yes) != _kind(no):
            raise ExpressionError(
                found=f"{_said(self.parts[1], yes)}, or else {_said(self.parts[2], no)}",
                expected="if(test, a, b) with a and b of one kind",
            )
        if _kind(yes) == "text":
            return _chosen_texts(test, yes, no)
        assert isinstance(yes, np.ndarray)
        assert isinstance(no, np.ndarray)
        blank: Any = {"truth": np.int8(UNKNOWN), "date": np.datetime64("NaT", "D")}
        unknown = np.where(test == UNKNOWN, blank.get(_kind(yes), np.nan), no)
        return np.asarray(np.where(test == TRUE, yes, unknown))


def _chosen_texts(test: npt.NDArray[np.int8], yes: Value, no: Value) -> Texts:
    sides = [v.labels if isinstance(v, CodedTexts) else (v,) for v in (yes, no)]
    labels = tuple(dict.fromkeys(str(label) for side in sides for label in side))
    place = {label: k for k, label in enumerate(labels)}
    codes = []
    for value, side in zip((yes, no), sides, strict=True):
        recode = np.array([*(place[str(label)] for label in side), -1], dtype=np.int32)
        codes.append(recode[value.codes] if isinstance(value, CodedTexts) else recode[0])
    blank = np.int32(-1)
    chosen = np.where(test == TRUE, codes[0], np.where(test == FALSE, codes[1], blank))
    return Texts(chosen.astype(np.int32), labels)


# --- what a column is used as ---------------------------------------------------------------


def kinds_asked(node: Node) -> Iterator[tuple[str, str]]:
    """Names below ``node`` with the kind that their place asks for."""
    parts: tuple[Node, ...] = ()
    asked = ""
    if isinstance(node, Minus):
        parts, asked = (node.part,), "number"
    elif isinstance(node, Arithmetic):
        parts = (node.left, node.right)
        asked = "number" if node.sign in "*/" else ""
    elif isinstance(node, Compare):
        parts = (node.left, node.right)
        asked = _known_kind(node.left) or _known_kind(node.right)
    elif isinstance(node, In):
        parts, asked = (node.part,), _known_kind(node.members[0])
    elif isinstance(node, Is | Not):
        parts = (node.part,)
    elif isinstance(node, Both):
        parts = (node.left, node.right)
    elif isinstance(node, Call):
        parts, asked = node.parts, "number" if node.name in ("abs", "floor") else ""
    for part in parts:
        if isinstance(part, Name) and asked:
            yield part.name, asked
        yield from kinds_asked(part)


def _known_kind(node: Node) -> str:
    """Kind of what ``node`` gives, where its form tells."""
    if isinstance(node, Constant):
        return _kind(node.content)
    if isinstance(node, Minus) or (isinstance(node, Arithmetic) and node.sign in "*/"):
        return "number"
    if isinstance(node, Call):
        return {"date": "date", "abs": "number", "floor": "number"}.get(node.name, "")
    return ""


def texts_beside(node: Node, name: str) -> Iterator[str]:
    """Texts that the column ``name`` is compared with below ``node``."""
    if isinstance(node, Compare):
        for one, other in ((node.left, node.right), (node.right, node.left)):
            text = other.content if isinstance(other, Constant) else None
            if isinstance(one, Name) and one.name == name and isinstance(text, str):
                yield text
    elif isinstance(node, In) and isinstance(node.part, Name) and node.part.name == name:
        yield from (m.content for m in node.members if isinstance(m.content, str))
    for part in _below(node):
        yield from texts_beside(part, name)


def _below(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Minus | In | Is | Not):
        return (node.part,)
    if isinstance(node, Arithmetic | Compare | Both):
        return (node.left, node.right)
    return node.parts if isinstance(node, Call) else ()
