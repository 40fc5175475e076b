"""Formulas of a spreadsheet together with the figures that they give.

A :class:`Piece` is text that Excel understands and the value that it has in the run. What is
missing or undetermined (a division by zero) is NaN, and an error value in the sheet: ``IFERROR``
turns it into what the deal's grammar says. Truth is 1 and 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

__all__ = ["FALSE", "ONE", "TRUE", "ZERO", "NotLive", "Piece"]

_COMPARE, _ADD, _MULTIPLY, _SIGN, _ATOM = 1, 2, 3, 4, 5
_EPOCH = date(1899, 12, 30)


class NotLive(Exception):  # noqa: N818 - it is no error: the deal is shown without formulas
    """A construct that is not compiled; the text names it."""


@dataclass(frozen=True, slots=True)
class Piece:
    """``text`` without "=", and its ``value``; ``power`` says how tightly it binds.

    ``risky``: it may be an error value; ``constant``: no cell moves it.
    """

    text: str
    value: float
    power: int = _ATOM
    risky: bool = False
    constant: bool = False

    def within(self, power: int) -> str:
        """The text as a part of something that binds with ``power``."""
        return self.text if self.power >= power else f"({self.text})"


def number(value: float) -> Piece:
    """A number as it stands in a formula."""
    plain = float(value)
    text = str(int(plain)) if plain.is_integer() and abs(plain) < 1e15 else repr(plain).upper()
    return Piece(text, plain, _SIGN if plain < 0.0 else _ATOM, constant=True)


def day(value: date) -> Piece:
    """A date as it stands in a formula."""
    text = f"DATE({value.year},{value.month},{value.day})"
    return Piece(text, float((value - _EPOCH).days), constant=True)


ZERO, ONE = number(0.0), number(1.0)
TRUE = Piece("TRUE", 1.0, constant=True)
FALSE = Piece("FALSE", 0.0, constant=True)


def truth(value: bool) -> Piece:
    """An answer that is known."""
    return TRUE if value else FALSE


def add(*parts: Piece) -> Piece:
    """A sum; zeros are left out."""
    kept = [each for each in parts if not (each.constant and each.value == 0.0)]
    if not kept:
        return ZERO
    if len(kept) == 1:
        return kept[0]
    value = math.fsum(each.value for each in kept) if _known(kept) else math.nan
    if all(each.constant for each in kept):
        return number(value)
    first, *rest = kept
    text = first.within(_ADD) + "".join(f"+{each.within(_MULTIPLY)}" for each in rest)
    return Piece(text, value, _ADD, _any_risk(kept))


def less(left: Piece, right: Piece) -> Piece:
    """A difference."""
    if right.constant and right.value == 0.0:
        return left
    if left.constant and right.constant:
        return number(left.value - right.value)
    text = f"{left.within(_ADD)}-{right.within(_MULTIPLY)}"
    return Piece(text, left.value - right.value, _ADD, _any_risk((left, right)))


def negative(part: Piece) -> Piece:
    """The negative."""
    if part.constant:
        return number(-part.value)
    return Piece(f"-{part.within(_ATOM)}", -part.value, _SIGN, part.risky)


def times(*parts: Piece) -> Piece:
    """A product; ones are left out, and zero is zero."""
    if any(each.constant and each.value == 0.0 for each in parts):
        return ZERO
    kept = [each for each in parts if not (each.constant and each.value == 1.0)]
    if not kept:
        return ONE
    value = math.prod(each.value for each in kept)
    if all(each.constant for each in kept):
        return number(value)
    if len(kept) == 1:
        return kept[0]
    text = "*".join(each.within(_MULTIPLY) for each in kept)
    return Piece(text, value, _MULTIPLY, _any_risk(kept))


def over(left: Piece, right: Piece) -> Piece:
    """A quotient; missing where it divides by zero."""
    value = left.value / right.value if right.value else math.nan
    safe = right.constant and right.value != 0.0
    if left.constant and safe:
        return number(value)
    text = f"{left.within(_MULTIPLY)}/{right.within(_SIGN)}"
    return Piece(text, value, _MULTIPLY, not safe or left.risky)


def share(part: Piece, whole: Piece) -> Piece:
    """``part`` over ``whole``, 0 where there is none."""
    return choose(compare(">", whole, ZERO), over(part, whole), ZERO, safe=True)


def lowest(*parts: Piece) -> Piece:
    """The least of several."""
    return _extreme("MIN", min, parts)


def highest(*parts: Piece) -> Piece:
    """The most of several."""
    return _extreme("MAX", max, parts)


def _extreme(name: str, of: object, parts: Sequence[Piece]) -> Piece:
    if len(parts) == 1:
        return parts[0]
    value = float(of([each.value for each in parts])) if _known(parts) else math.nan  # type: ignore[operator]
    if all(each.constant for each in parts):
        return number(value)
    text = f"{name}({','.join(each.text for each in parts)})"
    return Piece(text, value, _ATOM, _any_risk(parts))


def called(name: str, value: float, *parts: Piece) -> Piece:
    """A function of the sheet whose value is known."""
    text = f"{name}({','.join(each.text for each in parts)})"
    return Piece(text, value, _ATOM, _any_risk(parts))


def choose(test: Piece, yes: Piece, no: Piece, *, safe: bool = False) -> Piece:
    """``yes`` where ``test`` holds, else ``no``; ``safe``: what is chosen is never missing."""
    if test.constant:
        return yes if test.value == 1.0 else no
    if yes.text == no.text and not test.risky:
        return yes
    value = math.nan
    if not math.isnan(test.value):
        value = yes.value if test.value == 1.0 else no.value
    risky = test.risky or (not safe and _any_risk((yes, no)))
    return Piece(f"IF({test.text},{yes.text},{no.text})", value, _ATOM, risky)


_SIGNS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "=", "!=": "<>"}


def compare(sign: str, left: Piece, right: Piece) -> Piece:
    """A comparison of numbers or days."""
    a, b = left.value, right.value
    found = {
        "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b, "==": a == b, "!=": a != b,
    }[sign]  # fmt: skip
    value = float(found) if _known((left, right)) else math.nan
    if left.constant and right.constant and not math.isnan(value):
        return truth(found)
    text = f"{left.within(_ADD)}{_SIGNS[sign]}{right.within(_ADD)}"
    return Piece(text, value, _COMPARE, _any_risk((left, right)))


def both(*parts: Piece) -> Piece:
    """``and``, in Kleene's logic."""
    return _joined("AND", parts, settling=0.0)


def either(*parts: Piece) -> Piece:
    """``or``, in Kleene's logic."""
    return _joined("OR", parts, settling=1.0)


def _joined(name: str, parts: Sequence[Piece], settling: float) -> Piece:
    """One answer that is ``settling`` settles it, whatever the others are."""
    if any(each.constant and each.value == settling for each in parts):
        return truth(settling == 1.0)
    kept = list(dict.fromkeys(each for each in parts if not each.constant))
    if not kept:
        return truth(settling == 0.0)
    if len(kept) == 1:
        return kept[0]
    settled = any(each.value == settling for each in kept)
    value = settling if settled else (1.0 - settling if _known(kept) else math.nan)
    text = f"{name}({','.join(each.text for each in kept)})"
    if not _any_risk(kept):
        return Piece(text, value)
    for each in reversed(kept):
        if settling == 1.0:
            text = f"IF(IFERROR({each.text},FALSE),TRUE,{text})"
        else:
            text = f"IF(IFERROR({each.text},TRUE),{text},FALSE)"
    return Piece(text, value, _ATOM, risky=True)


def opposite(part: Piece) -> Piece:
    """``not``."""
    if part.constant:
        return truth(part.value != 1.0)
    return Piece(f"NOT({part.text})", 1.0 - part.value, _ATOM, part.risky)


def settled(part: Piece, instead: Piece) -> Piece:
    """``part``, or ``instead`` where it is missing."""
    value = instead.value if math.isnan(part.value) else part.value
    if not part.risky:
        return Piece(part.text, value, part.power, constant=part.constant)
    return Piece(f"IFERROR({part.text},{instead.text})", value)


def rounded(part: Piece) -> Piece:
    """A difference that should be zero, without the noise below a hundredth of a cent."""
    return Piece(f"ROUND({part.text},4)", round(part.value, 4) + 0.0)


def flag(test: Piece) -> Piece:
    """A test as 1 or 0."""
    if test.constant:
        return ONE if test.value == 1.0 else ZERO
    return choose(test, ONE, ZERO)


def on(cell: Piece) -> Piece:
    """Whether a cell of 1 or 0 is 1."""
    return compare("==", cell, ONE)


def _known(parts: Sequence[Piece]) -> bool:
    return not any(math.isnan(each.value) for each in parts)


def _any_risk(parts: Sequence[Piece]) -> bool:
    return any(each.risky for each in parts)
