"""Expressions over columns, as data: parsed by us, never run by Python.

::

    remaining_days <= 180 and score >= 600 and region != "X"
    status in ("current", "late") and (buyer_id is missing or not disputed == "Yes")
    origination_date >= date("2013-01-01") and `Due Date` - origination_date <= 90
    if(settled_on > as_of, min(amount, limit) * 0.8, 0)

    expression  = and { "or" and }
    and         = not { "and" not }
    not         = "not" not | comparison
    comparison  = sum [ { relation sum } | ["not"] "in" "(" literal {"," literal} ")"
                      | "is" ("missing" | "present") ]
    relation    = "<" | "<=" | ">" | ">=" | "==" | "!="
    sum         = term { ("+" | "-") term }
    term        = sign { ("*" | "/") sign }
    sign        = "-" sign | primary
    primary     = number | text | "true" | "false" | name | function "(" ... ")" | "(" or ")"

A name is a column, in backquotes where it holds blanks or signs. A missing value makes what
depends on it undetermined, in the three-valued logic of S. C. Kleene (Introduction to
Metamathematics, 1952, § 64): ``false and unknown`` is false, ``true or unknown`` is true.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator

#: Longest expression [characters], deepest nesting, and most operators of one.
MAX_LENGTH: Final = 4_000
MAX_DEPTH: Final = 40
MAX_OPERATORS: Final = 200
#: Answers of a test.
TRUE, FALSE, UNKNOWN = 1, 0, -1

_TOKEN = re.compile(
    r"""(?P<blank>\s+)
      | (?P<number>(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
      | (?P<text>"[^"\n]*"|'[^'\n]*')
      | (?P<quoted>`[^`\n]+`)
      | (?P<name>[^\W\d]\w*)
      | (?P<sign><=|>=|==|!=|[<>+\-*/(),])""",
    re.VERBOSE,
)
_WORDS = frozenset({"and", "or", "not", "in", "is", "missing", "present", "true", "false"})
_RELATIONS = ("<", "<=", ">", ">=", "==", "!=")
_HINTS = {
    "=": 'write == for "equals"',
    "&": "write and",
    "|": "write or",
    "!": "write not, or != for a comparison",
    "%": "write a percentage as a decimal, 0.12 for 12%",
    ".": "write a name with a dot in backquotes",
    "[": "only the grammar's own forms are read",
    "{": "only the grammar's own forms are read",
}


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


@dataclass(frozen=True)
class Expression:
    """A parsed expression. ``columns``: the names that it uses, in order of appearance."""

    text: str
    columns: tuple[str, ...]
    _root: _Node

    def evaluate(self, cells: Columns, rows: int) -> Cells:
        """Its value in each row; ``cells`` gives a column by name.

        Raises :class:`ExpressionError` where kinds do not go together.
        """
        value = self._root.value(cells)
        if isinstance(value, str):
            return Texts(np.zeros(rows, dtype=np.int32), (value,))
        if isinstance(value, CodedTexts):
            return value
        return np.broadcast_to(value, (rows,)) if value.ndim == 0 else value

    def answers(self, cells: Columns, rows: int) -> npt.NDArray[np.int8]:
        """:data:`TRUE`, :data:`FALSE` or :data:`UNKNOWN` in each row, shape (rows,).

        Raises :class:`ExpressionError` where kinds do not go together, or it is no test.
        """
        found = _truth(self._root.value(cells), self._root)
        return np.array(np.broadcast_to(found, (rows,)))

    @property
    def uses(self) -> dict[str, str]:
        """What each column must be by the way it is used: "number", "text" or "date".

        Left out where several kinds would do, as in a comparison of two columns.
        """
        return dict(_uses(self._root))


def parse(text: str) -> Expression:
    """Read an expression. Raises :class:`ExpressionError` with the place of the fault."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(found=f"{len(text):,} characters", expected=f"at most {MAX_LENGTH:,}")
    return _Parser(text).whole()


def _checked(text: str) -> str:
    parse(text)
    return text


#: A text field of a schema that holds an expression.
ExpressionText = Annotated[str, AfterValidator(_checked)]


# --- values ---------------------------------------------------------------------------------

_Value: TypeAlias = Array | CodedTexts | str


class _Node(Protocol):
    @property
    def at(self) -> int:
        """Position in the text, from 1."""

    def value(self, cells: Columns) -> _Value: ...


def _kind(value: _Value) -> str:
    if isinstance(value, str) or not isinstance(value, np.ndarray):
        return "text"
    if value.dtype == np.int8:
        return "truth"
    return "date" if value.dtype.kind == "M" else "number"


def _said(node: _Node, value: _Value) -> str:
    name = f"`{node.name}`" if isinstance(node, _Name) else "the part"
    shown = {"truth": "a test", "text": "a text", "date": "a date", "number": "a number"}
    return f"{name} at character {node.at}, {shown[_kind(value)]}"


def _truth(value: _Value, node: _Node) -> npt.NDArray[np.int8]:
    if isinstance(value, np.ndarray) and value.dtype == np.int8:
        return value
    raise ExpressionError(found=_said(node, value), expected="a test, such as score >= 600")


def _number(value: _Value, node: _Node) -> Array:
    if isinstance(value, np.ndarray) and _kind(value) == "number":
        return value
    raise ExpressionError(found=_said(node, value), expected="a number")


def _missing(value: _Value) -> Any:
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
class _Constant:
    content: _Value
    at: int

    def value(self, cells: Columns) -> _Value:  # noqa: ARG002
        return self.content


@dataclass(frozen=True)
class _Name:
    name: str
    at: int

    def value(self, cells: Columns) -> _Value:
        return cells(self.name)


@dataclass(frozen=True)
class _Minus:
    part: _Node
    at: int

    def value(self, cells: Columns) -> _Value:
        return np.asarray(-_number(self.part.value(cells), self.part))


@dataclass(frozen=True)
class _Arithmetic:
    sign: str
    left: _Node
    right: _Node
    at: int

    def value(self, cells: Columns) -> _Value:
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

    def _days(self, left: _Value, right: _Value) -> _Value:
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
class _Compare:
    sign: str
    left: _Node
    right: _Node
    at: int

    def value(self, cells: Columns) -> _Value:
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

    def _texts(self, left: _Value, right: _Value) -> _Value:
        if self.sign not in ("==", "!="):
            raise ExpressionError(
                found=f"{self.sign} between texts at character {self.at}",
                expected="== or !=, or numbers",
            )
        equal = _equal_texts(left, right)
        hit = equal if self.sign == "==" else ~equal
        return _answer(hit, _missing(left), _missing(right))


def _equal_texts(left: _Value, right: _Value) -> Any:
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
class _In:
    part: _Node
    members: tuple[_Constant, ...]
    inverted: bool
    at: int

    def value(self, cells: Columns) -> _Value:
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
class _Is:
    part: _Node
    present: bool
    at: int

    def value(self, cells: Columns) -> _Value:
        lost = _missing(self.part.value(cells))
        return _answer(~lost if self.present else lost)


@dataclass(frozen=True)
class _Not:
    part: _Node
    at: int

    def value(self, cells: Columns) -> _Value:
        found = _truth(self.part.value(cells), self.part)
        return np.where(found == UNKNOWN, found, np.int8(1) - found)


@dataclass(frozen=True)
class _Both:
    """``and``, or with ``decisive`` = 1 ``or``: one decisive answer settles it."""

    left: _Node
    right: _Node
    decisive: int
    at: int

    def value(self, cells: Columns) -> _Value:
        a = _truth(self.left.value(cells), self.left)
        b = _truth(self.right.value(cells), self.right)
        settled = (a == self.decisive) | (b == self.decisive)
        open_ = (a == UNKNOWN) | (b == UNKNOWN)
        rest = np.where(open_, np.int8(UNKNOWN), np.int8(1 - self.decisive))
        return np.where(settled, np.int8(self.decisive), rest)


@dataclass(frozen=True)
class _Call:
    name: str
    parts: tuple[_Node, ...]
    at: int

    def value(self, cells: Columns) -> _Value:
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

    def _choice(self, cells: Columns) -> _Value:
        test = _truth(self.parts[0].value(cells), self.parts[0])
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


def _chosen_texts(test: npt.NDArray[np.int8], yes: _Value, no: _Value) -> Texts:
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


def _uses(node: _Node) -> Iterator[tuple[str, str]]:
    """Names below ``node`` with the kind that their place asks for."""
    parts: tuple[_Node, ...] = ()
    asked = ""
    if isinstance(node, _Minus):
        parts, asked = (node.part,), "number"
    elif isinstance(node, _Arithmetic):
        parts = (node.left, node.right)
        asked = "number" if node.sign in "*/" else ""
    elif isinstance(node, _Compare):
        parts = (node.left, node.right)
        asked = _known_kind(node.left) or _known_kind(node.right)
    elif isinstance(node, _In):
        parts, asked = (node.part,), _known_kind(node.members[0])
    elif isinstance(node, _Is | _Not):
        parts = (node.part,)
    elif isinstance(node, _Both):
        parts = (node.left, node.right)
    elif isinstance(node, _Call):
        parts, asked = node.parts, "number" if node.name in ("abs", "floor") else ""
    for part in parts:
        if isinstance(part, _Name) and asked:
            yield part.name, asked
        yield from _uses(part)


def _known_kind(node: _Node) -> str:
    """Kind of what ``node`` gives, where its form tells."""
    if isinstance(node, _Constant):
        return _kind(node.content)
    if isinstance(node, _Minus) or (isinstance(node, _Arithmetic) and node.sign in "*/"):
        return "number"
    if isinstance(node, _Call):
        return {"date": "date", "abs": "number", "floor": "number"}.get(node.name, "")
    return ""


# --- the parser -----------------------------------------------------------------------------

#: Functions and their least and most arguments.
_FUNCTIONS = {
    "min": (2, 20), "max": (2, 20), "abs": (1, 1), "floor": (1, 1), "date": (1, 1), "if": (3, 3),
}  # fmt: skip


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            found = f"{text[place : place + 12]!r} at character {place + 1}"
            action = _HINTS.get(text[place], "")
            raise ExpressionError(
                found=found,
                expected="a name, a number, a text in quotes or an operator",
                action=_sentence(action),
            )
        kind = match.lastgroup or ""
        if kind != "blank":
            yield _Token(kind, match[0], place + 1)
        place = match.end()
    yield _Token("end", "", len(text) + 1)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}." if words else ""


class _Parser:
    """Recursive descent over the grammar in the module's docstring."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(_tokens(text))
        self.place = 0
        self.depth = 0
        self.operators = 0
        self.columns: dict[str, None] = {}

    @property
    def next(self) -> _Token:
        return self.tokens[self.place]

    def whole(self) -> Expression:
        root = self.either()
        if self.next.kind != "end":
            raise self.wrong(expected="and, or, or the end")
        return Expression(self.text, tuple(self.columns), root)

    def wrong(self, expected: str, action: str = "") -> ExpressionError:
        token = self.next
        found = f"{token.text!r} at character {token.at}" if token.text else "the end"
        return ExpressionError(
            found=f"{found} of `{self.text[:80]}`", expected=expected, action=action
        )

    def take(self, *texts: str) -> _Token | None:
        token = self.next
        if token.kind not in ("name", "sign") or token.text not in texts:
            return None
        self.place += 1
        self.operators += token.text not in "(,)"
        if self.operators > MAX_OPERATORS:
            raise ExpressionError(
                found=f"more than {MAX_OPERATORS} operators",
                expected="a shorter test",
                action="Use several rules.",
            )
        return token

    def need(self, text: str) -> _Token:
        token = self.take(text)
        if token is None:
            raise self.wrong(expected=f"`{text}`")
        return token

    def either(self) -> _Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(
                found=f"brackets nested deeper than {MAX_DEPTH}", expected="a simpler expression"
            )
        node = self.both()
        while token := self.take("or"):
            node = _Both(node, self.both(), TRUE, token.at)
        self.depth -= 1
        return node

    def both(self) -> _Node:
        node = self.inverse()
        while token := self.take("and"):
            node = _Both(node, self.inverse(), FALSE, token.at)
        return node

    def inverse(self) -> _Node:
        tokens = []
        while token := self.take("not"):
            tokens.append(token)
        node = self.comparison()
        for token in tokens:
            node = _Not(node, token.at)
        return node

    def comparison(self) -> _Node:
        left = self.sum()
        if token := self.take("is"):
            if self.take("missing"):
                return _Is(left, False, token.at)
            if self.take("present"):
                return _Is(left, True, token.at)
            raise self.wrong(expected="`missing` or `present`")
        if token := self.take("not"):
            self.need("in")
            return _In(left, self.members(), True, token.at)
        if token := self.take("in"):
            return _In(left, self.members(), False, token.at)
        found: _Node | None = None
        while token := self.take(*_RELATIONS):
            right = self.sum()
            link = _Compare(token.text, left, right, token.at)
            found = link if found is None else _Both(found, link, FALSE, token.at)
            left = right
        return left if found is None else found

    def members(self) -> tuple[_Constant, ...]:
        self.need("(")
        found = [self.literal()]
        while self.take(","):
            found.append(self.literal())
        self.need(")")
        return tuple(found)

    def literal(self) -> _Constant:
        minus = self.take("-")
        token = self.next
        if token.kind == "number":
            self.place += 1
            return _Constant(_float(token.text, minus is not None), token.at)
        if token.kind == "text" and minus is None:
            self.place += 1
            return _Constant(token.text[1:-1], token.at)
        raise self.wrong(expected="a number or a text in quotes")

    def sum(self) -> _Node:
        node = self.term()
        while token := self.take("+", "-"):
            node = _Arithmetic(token.text, node, self.term(), token.at)
        return node

    def term(self) -> _Node:
        node = self.signed()
        while token := self.take("*", "/"):
            node = _Arithmetic(token.text, node, self.signed(), token.at)
        return node

    def signed(self) -> _Node:
        tokens = []
        while token := self.take("-"):
            tokens.append(token)
        node = self.primary()
        for token in tokens:
            node = _Minus(node, token.at)
        return node

    def primary(self) -> _Node:
        token = self.next
        if self.take("("):
            node = self.either()
            self.need(")")
            return node
        if token.kind in ("number", "text"):
            return self.literal()
        if token.kind == "quoted":
            self.place += 1
            return self.column(token.text[1:-1], token.at)
        if token.kind != "name" or token.text in _WORDS - {"true", "false"}:
            raise self.wrong(expected="a column, a number, a text in quotes or a bracket")
        self.place += 1
        if token.text in ("true", "false"):
            return _Constant(np.asarray(np.int8(token.text == "true")), token.at)
        if self.next.kind == "sign" and self.next.text == "(":
            return self.call(token)
        return self.column(token.text, token.at)

    def column(self, name: str, at: int) -> _Name:
        self.columns[name] = None
        return _Name(name, at)

    def call(self, token: _Token) -> _Call:
        if token.text not in _FUNCTIONS:
            near = difflib.get_close_matches(token.text, _FUNCTIONS, 1)
            raise ExpressionError(
                found=f"a function {token.text}() at character {token.at}",
                expected=f"one of {', '.join(_FUNCTIONS)}",
                action=f"Did you mean {near[0]}?" if near else "",
            )
        self.need("(")
        parts = [self.either()]
        while self.take(","):
            parts.append(self.either())
        self.need(")")
        least, most = _FUNCTIONS[token.text]
        if not least <= len(parts) <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            raise ExpressionError(
                found=f"{token.text}() with {len(parts)} arguments at character {token.at}",
                expected=wanted,
            )
        return _Call(token.text, tuple(parts), token.at)


def _float(text: str, negative: bool) -> Array:
    size = float(text.replace("_", ""))
    return np.asarray(-size if negative else size)
