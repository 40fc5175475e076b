"""Expressions of a deal as formulas: the tree of the grammar, its words as cells."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from functools import reduce
from typing import Any

from scfcap.expressions import Expression
from scfcap.expressions.nodes import (
    Arithmetic,
    Both,
    Call,
    Compare,
    Constant,
    In,
    Is,
    Minus,
    Name,
    Node,
    Not,
)
from scfcap.report.live import pieces as p
from scfcap.report.live.pieces import NotLive, Piece

#: Gives the formula of a word; a text's is its place among ``texts``.
Words = Callable[[str], Piece]


def figure(expression: Expression, words: Words, texts: tuple[str, ...]) -> Piece:
    """A formula's value; what is missing is 0."""
    return p.settled(_Reader(words, texts).read(expression.root), p.ZERO)


def test(expression: Expression, words: Words, texts: tuple[str, ...]) -> Piece:
    """Whether a test is true; what is undetermined is not."""
    return p.settled(_Reader(words, texts).read(expression.root), p.FALSE)


class _Reader:
    """``texts`` are what the word ``phase`` may be, by place."""

    def __init__(self, words: Words, texts: tuple[str, ...]) -> None:
        self.words, self.texts = words, texts

    def read(self, node: Node) -> Piece:
        if isinstance(node, Constant):
            return self._constant(node)
        if isinstance(node, Name):
            return self.words(node.name)
        if isinstance(node, Minus):
            return p.negative(self.read(node.part))
        if isinstance(node, Arithmetic):
            return self._arithmetic(node)
        if isinstance(node, Compare):
            return p.compare(node.sign, *self._pair(node.left, node.right))
        if isinstance(node, In):
            return self._in(node)
        if isinstance(node, Is):
            part = self.read(node.part)
            lost = p.called("ISERROR", float(math.isnan(part.value)), part)
            lost = Piece(lost.text, lost.value)
            return p.opposite(lost) if node.present else lost
        if isinstance(node, Not):
            return p.opposite(self.read(node.part))
        if isinstance(node, Both):
            join = p.either if node.decisive == 1 else p.both
            return join(self.read(node.left), self.read(node.right))
        assert isinstance(node, Call)
        return self._call(node)

    def _constant(self, node: Constant) -> Piece:
        content: Any = node.content
        if isinstance(content, str):
            if content in self.texts:
                return p.number(self.texts.index(content))
            msg = f'the text "{content}" in a formula'
            raise NotLive(msg)
        return p.truth(bool(content)) if content.dtype == "int8" else p.number(float(content))

    def _pair(self, left: Node, right: Node) -> tuple[Piece, Piece]:
        """Both sides; a text beside a date is a day, beside the phase the place of one."""
        if _is_date(left) and (text := _text(right)) is not None:
            return self.read(left), p.day(date.fromisoformat(text))
        if _is_date(right) and (text := _text(left)) is not None:
            return p.day(date.fromisoformat(text)), self.read(right)
        return self._text_or_more(left), self._text_or_more(right)

    def _text_or_more(self, node: Node) -> Piece:
        """A text that names no phase is none of them."""
        text = _text(node)
        if text is not None and text not in self.texts:
            return p.number(-1.0)
        return self.read(node)

    def _in(self, node: In) -> Piece:
        found = [p.compare("==", *self._pair(node.part, member)) for member in node.members]
        hit = p.either(*found)
        return p.opposite(hit) if node.inverted else hit

    def _arithmetic(self, node: Arithmetic) -> Piece:
        left, right = self.read(node.left), self.read(node.right)
        if node.sign in "+-" and _is_date(node.left) and not _is_date(node.right):
            right = self._whole(right)
        if node.sign == "+":
            return p.add(left, right)
        if node.sign == "-":
            return p.less(left, right)
        return p.times(left, right) if node.sign == "*" else p.over(left, right)

    def _whole(self, part: Piece) -> Piece:
        return p.called("INT", math.floor(part.value), part)

    def _call(self, node: Call) -> Piece:
        if node.name == "date":
            text = _text(node.parts[0])
            assert text is not None
            return p.day(date.fromisoformat(text))
        parts = [self.read(part) for part in node.parts]
        if node.name == "if":
            return p.choose(*parts)
        if node.name == "abs":
            return p.called("ABS", abs(parts[0].value), parts[0])
        if node.name == "floor":
            value = parts[0].value
            return p.called("INT", value if math.isnan(value) else math.floor(value), parts[0])
        return reduce(p.lowest if node.name == "min" else p.highest, parts)


def _text(node: Node) -> str | None:
    content = node.content if isinstance(node, Constant) else None
    return content if isinstance(content, str) else None


def _is_date(node: Node) -> bool:
    """Whether ``node`` gives a date, by its form."""
    if isinstance(node, Name):
        return node.name == "date"
    if isinstance(node, Call):
        if node.name == "if":
            return _is_date(node.parts[1])
        return node.name == "date" or (
            node.name in ("min", "max") and all(map(_is_date, node.parts))
        )
    return isinstance(node, Arithmetic) and _is_date(node.left) and not _is_date(node.right)
