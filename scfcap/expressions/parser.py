"""From text to tree: tokens, and recursive descent over the grammar."""

# ruff: noqa: D102  (each method reads the form of the grammar that bears its name)

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from scfcap.expressions.nodes import (
    FALSE,
    TRUE,
    Arithmetic,
    Array,
    Both,
    Call,
    Compare,
    Constant,
    ExpressionError,
    In,
    Is,
    Minus,
    Name,
    Node,
    Not,
)

#: Longest expression [characters], deepest nesting, and most operators of one.
MAX_LENGTH: Final = 4_000
MAX_DEPTH: Final = 40
MAX_OPERATORS: Final = 200

_TOKEN = re.compile(
    r"""(?P<blank>\s+)
      | (?P<number>(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
      | (?P<text>"[^"\n]*"|'[^'\n]*')
      | (?P<quoted>`[^`\n]+`)
      | (?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)
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
    ".": "write 0.5 for a number, and a name with other signs in backquotes",
    "[": "only the grammar's own forms are read",
    "{": "only the grammar's own forms are read",
}


# --- the parser -----------------------------------------------------------------------------

#: Functions and their least and most arguments.
FUNCTIONS = {
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


class Parser:
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

    def whole(self) -> Node:
        """The tree of the whole text; its names are in ``columns``."""
        root = self.either()
        if self.next.kind != "end":
            raise self.wrong(expected="and, or, or the end")
        return root

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

    def either(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(
                found=f"brackets nested deeper than {MAX_DEPTH}", expected="a simpler expression"
            )
        node = self.both()
        while token := self.take("or"):
            node = Both(node, self.both(), TRUE, token.at)
        self.depth -= 1
        return node

    def both(self) -> Node:
        node = self.inverse()
        while token := self.take("and"):
            node = Both(node, self.inverse(), FALSE, token.at)
        return node

    def inverse(self) -> Node:
        tokens = []
        while token := self.take("not"):
            tokens.append(token)
        node = self.comparison()
        for token in tokens:
            node = Not(node, token.at)
        return node

    def comparison(self) -> Node:
        left = self.sum()
        if token := self.take("is"):
            if self.take("missing"):
                return Is(left, False, token.at)
            if self.take("present"):
                return Is(left, True, token.at)
            raise self.wrong(expected="`missing` or `present`")
        if token := self.take("not"):
            self.need("in")
            return In(left, self.members(), True, token.at)
        if token := self.take("in"):
            return In(left, self.members(), False, token.at)
        found: Node | None = None
        while token := self.take(*_RELATIONS):
            right = self.sum()
            link = Compare(token.text, left, right, token.at)
            found = link if found is None else Both(found, link, FALSE, token.at)
            left = right
        return left if found is None else found

    def members(self) -> tuple[Constant, ...]:
        self.need("(")
        found = [self.literal()]
        while self.take(","):
            found.append(self.literal())
        self.need(")")
        return tuple(found)

    def literal(self) -> Constant:
        minus = self.take("-")
        token = self.next
        if token.kind == "number":
            self.place += 1
            return Constant(_float(token.text, minus is not None), token.at)
        if token.kind == "text" and minus is None:
            self.place += 1
            return Constant(token.text[1:-1], token.at)
        raise self.wrong(expected="a number or a text in quotes")

    def sum(self) -> Node:
        node = self.term()
        while token := self.take("+", "-"):
            node = Arithmetic(token.text, node, self.term(), token.at)
        return node

    def term(self) -> Node:
        node = self.signed()
        while token := self.take("*", "/"):
            node = Arithmetic(token.text, node, self.signed(), token.at)
        return node

    def signed(self) -> Node:
        tokens = []
        while token := self.take("-"):
            tokens.append(token)
        node = self.primary()
        for token in tokens:
            node = Minus(node, token.at)
        return node

    def primary(self) -> Node:
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
            return Constant(np.asarray(np.int8(token.text == "true")), token.at)
        if self.next.kind == "sign" and self.next.text == "(":
            return self.call(token)
        return self.column(token.text, token.at)

    def column(self, name: str, at: int) -> Name:
        self.columns[name] = None
        return Name(name, at)

    def call(self, token: _Token) -> Call:
        if token.text not in FUNCTIONS:
            near = difflib.get_close_matches(token.text, FUNCTIONS, 1)
            raise ExpressionError(
                found=f"a function {token.text}() at character {token.at}",
                expected=f"one of {', '.join(FUNCTIONS)}",
                action=f"Did you mean {near[0]}?" if near else "",
            )
        self.need("(")
        parts = [self.either()]
        while self.take(","):
            parts.append(self.either())
        self.need(")")
        least, most = FUNCTIONS[token.text]
        if not least <= len(parts) <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            raise ExpressionError(
                found=f"{token.text}() with {len(parts)} arguments at character {token.at}",
                expected=wanted,
            )
        return Call(token.text, tuple(parts), token.at)


def _float(text: str, negative: bool) -> Array:
    size = float(text.replace("_", ""))
    return np.asarray(-size if negative else size)
