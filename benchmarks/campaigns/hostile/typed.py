"""Sound tests over columns by the grammar, each with what it must come to, worked out row by row.

The second account is plain Python over the cells of one row: numbers and None for what is missing,
days as numbers since 1970, answers as True, False and None (Kleene's third). It shares no code
with what it is compared with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from random import Random
from typing import Any

Row = Mapping[str, Any]
#: What a part comes to in a row.
Account = Callable[[Row], Any]

#: Columns by kind; ``cells`` of the campaign holds the same ones.
NAMES = {
    "number": ("rate", "balance", "`Due Amount`", "a.b"),
    "date": ("day", "due"),
    "text": ("region", "status"),
    "truth": ("flag",),
}
_NUMBERS = ("0", "1", "0.5", ".5", "1.", "2", "3", "1e3", "1_000", "1e308", "1e-320", "90", "1e400")
_TEXTS = ("N", "S", "", "贷款", "e\u0301", "é", "\u202eN", "a" * 300)
_DAYS = ("2013-01-01", "2013-12-31", "2014-02-28", "0001-01-01", "9999-12-31")
_EPOCH = 719_163  # 1970-01-01 as date.toordinal counts


@dataclass(frozen=True)
class Part:
    """A text of the grammar, and its account."""

    text: str
    account: Account


def expression(dice: Random) -> tuple[Part, str]:
    """A sound expression, and its kind: mostly a test."""
    kind = dice.choice(("truth",) * 7 + ("number", "date", "text"))
    return _Maker(dice, 60).of(kind, dice.choice((1, 2, 2, 3, 4))), kind


@dataclass
class _Maker:
    """Makes parts of each kind, of ``left`` more names and numbers at the most."""

    dice: Random
    left: int

    def of(self, kind: str, depth: int) -> Part:
        self.left -= 1
        if kind == "truth":
            return self._either(depth)
        if kind == "number":
            return self._sum(depth)
        return self._day(depth) if kind == "date" else self._text(depth)

    def _deeper(self, depth: int, odds: float) -> bool:
        return depth > 0 and self.left > 0 and self.dice.random() < odds

    def _column(self, kind: str) -> Part:
        name = self.dice.choice(NAMES[kind])
        plain = name.strip("`")
        if self.dice.random() < 0.1:
            name = f"`{plain}`"
        return Part(name, lambda row: row[plain])

    # --- numbers --------------------------------------------------------------------------

    def _sum(self, depth: int) -> Part:
        if self._deeper(depth, 0.15):
            first, second = self.of("date", depth - 1), self._day_alone(depth - 1)
            return Part(f"{first.text} - {second.text}", _both(first, second, lambda a, b: a - b))
        return self._chain(self._term(depth), depth, "+-", self._term, _worked_out)

    def _term(self, depth: int) -> Part:
        return self._chain(self._signed(depth), depth, "*/", self._signed, _worked_out)

    def _chain(
        self,
        made: Part,
        depth: int,
        signs: str,
        more: Callable[[int], Part],
        act: Callable[..., Any],
        share: float = 0.35,
    ) -> Part:
        """``made`` with more parts behind signs; ``act`` works out a sign and two values."""
        while self._deeper(depth, share):
            sign, second = self.dice.choice(signs), more(depth - 1)
            account = _both(made, second, partial(act, sign))
            made = Part(f"{made.text} {sign} {second.text}", account)
            self.left -= 1
        return made

    def _signed(self, depth: int) -> Part:
        if self._deeper(depth, 0.1):
            inner = self._signed(depth - 1)
            return Part(f"-{inner.text}", _known(inner, lambda a: -a))
        return self._number(depth)

    def _number(self, depth: int) -> Part:
        if self._deeper(depth, 0.3):
            return self._function(depth - 1)
        if self._deeper(depth, 0.2):
            inner = self.of("number", depth - 1)
            return Part(f"({inner.text})", inner.account)
        if self.dice.random() < 0.5:
            return self._column("number")
        said = self.dice.choice(_NUMBERS)
        size = float(said)
        return Part(said, lambda _: size)

    def _function(self, depth: int) -> Part:
        name = self.dice.choice(("min", "max", "abs", "floor", "if"))
        if name == "if":
            return self._choice("number", depth)
        if name in ("min", "max"):
            return self._extreme("number", name, depth)
        inner = self.of("number", depth)
        act = abs if name == "abs" else lambda a: float(math.floor(a)) if math.isfinite(a) else a
        return Part(f"{name}({inner.text})", _known(inner, act))

    def _extreme(self, kind: str, name: str, depth: int) -> Part:
        parts = [self.of(kind, depth) for _ in range(self.dice.choice((2, 2, 3)))]
        act = min if name == "min" else max

        def account(row: Row) -> Any:
            found = [part.account(row) for part in parts]
            return None if None in found else act(found)

        return Part(f"{name}({', '.join(part.text for part in parts)})", account)

    def _choice(self, kind: str, depth: int) -> Part:
        test, yes, no = self.of("truth", depth), self.of(kind, depth), self.of(kind, depth)

        def account(row: Row) -> Any:
            answer = test.account(row)
            return None if answer is None else (yes if answer else no).account(row)

        return Part(f"if({test.text}, {yes.text}, {no.text})", account)

    # --- days and texts -------------------------------------------------------------------

    def _day(self, depth: int) -> Part:
        return self._chain(self._day_alone(depth), depth, "+-", self._term, _moved, 0.3)

    def _day_alone(self, depth: int) -> Part:
        if self._deeper(depth, 0.2):
            name = self.dice.choice(("min", "max", "if"))
            if name == "if":
                return self._choice("date", depth - 1)
            return self._extreme("date", name, depth - 1)
        if self.dice.random() < 0.6:
            return self._column("date")
        said = self.dice.choice(_DAYS)
        day = _number_of(said)
        return Part(f'date("{said}")', lambda _: day)

    def _text(self, depth: int) -> Part:
        if self._deeper(depth, 0.15):
            return self._choice("text", depth - 1)
        if self.dice.random() < 0.7:
            return self._column("text")
        return self._literal(self.dice.choice(_TEXTS))

    def _literal(self, text: str) -> Part:
        sign = self.dice.choice("\"'")
        return Part(f"{sign}{text}{sign}", lambda _: text)

    # --- tests ----------------------------------------------------------------------------

    def _either(self, depth: int) -> Part:
        return self._joined(depth, "or", True, self._every)

    def _every(self, depth: int) -> Part:
        return self._joined(depth, "and", False, self._inverse)

    def _joined(self, depth: int, word: str, decisive: bool, below: Callable[[int], Part]) -> Part:
        made = below(depth)
        while self._deeper(depth, 0.35):
            second = below(depth - 1)
            made = Part(f"{made.text} {word} {second.text}", _kleene(made, second, decisive))
            self.left -= 1
        return made

    def _inverse(self, depth: int) -> Part:
        if self._deeper(depth, 0.15):
            inner = self._inverse(depth - 1)
            return Part(f"not {inner.text}", _known(inner, lambda a: not a))
        return self._comparison(depth)

    def _comparison(self, depth: int) -> Part:
        kind = self.dice.randrange(9)
        if depth == 0 or self.left <= 0:
            kind = self.dice.choice((0, 1, 7, 8))
        if kind < 4:
            return self._compared(depth)
        if kind == 4:
            inner = self.of("truth", depth - 1)
            return Part(f"({inner.text})", inner.account)
        if kind == 5:
            return self._choice("truth", depth - 1)
        if kind == 6:
            return self._in(depth - 1)
        if kind == 7:
            return self._stated(depth)
        answer = self.dice.choice((True, False))
        return self._column("truth") if answer else Part("true", lambda _: True)

    def _stated(self, depth: int) -> Part:
        kind = self.dice.choice(("number", "date", "text", "truth"))
        inner = self._column("truth") if kind == "truth" else self.of(kind, depth - 1)
        word = self.dice.choice(("missing", "present"))
        lost = word == "missing"
        return Part(f"{inner.text} is {word}", lambda row: (inner.account(row) is None) == lost)

    def _compared(self, depth: int) -> Part:
        kind = self.dice.choice(("number", "number", "date", "text"))
        many = 2 if kind == "text" else self.dice.choice((2, 2, 3))
        parts = [self.of(kind, depth - 1) for _ in range(many)]
        if kind == "date" and self.dice.random() < 0.4:  # a day in quotes beside a date
            said = self.dice.choice(_DAYS)
            day = _number_of(said)
            parts = [self._column("date"), Part(f'"{said}"', lambda _: day)]
        signs = ("==", "!=") if kind == "text" else tuple(_RELATE)
        text, found = parts[0].text, None
        for one, other in pairwise(parts):
            sign = self.dice.choice(signs)
            text += f" {sign} {other.text}"
            link = Part("", _both(one, other, _RELATE[sign]))
            found = link if found is None else Part("", _kleene(found, link, False))
        assert found is not None
        return Part(text, found.account)

    def _in(self, depth: int) -> Part:
        kind = self.dice.choice(("number", "date", "text"))
        inner = self.of(kind, depth)
        choice = {"number": _NUMBERS, "date": _DAYS, "text": _TEXTS}[kind]
        said = [self.dice.choice(choice) for _ in range(self.dice.choice((1, 2, 5)))]
        if kind == "number":
            minus = [self.dice.choice(("", "-")) for _ in said]
            texts = [f"{sign}{each}" for sign, each in zip(minus, said, strict=True)]
            known: set[Any] = {float(text) for text in texts}
        else:
            texts = [self._literal(each).text for each in said]
            known = set(said) if kind == "text" else {_number_of(each) for each in said}
        word = self.dice.choice(("in", "not in"))
        hit = word == "in"
        account = _known(inner, lambda a: (a in known) == hit)
        return Part(f"{inner.text} {word} ({', '.join(texts)})", account)


_RELATE: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b, "==": lambda a, b: a == b, "!=": lambda a, b: a != b,
}  # fmt: skip


def _number_of(day: str) -> int:
    from datetime import date

    return date.fromisoformat(day).toordinal() - _EPOCH


def _known(part: Part, act: Callable[[Any], Any]) -> Account:
    """What ``act`` makes of a part, or None where that is missing."""

    def account(row: Row) -> Any:
        found = part.account(row)
        return None if found is None else act(found)

    return account


def _both(first: Part, second: Part, act: Callable[..., Any]) -> Account:
    def account(row: Row) -> Any:
        a, b = first.account(row), second.account(row)
        return None if a is None or b is None else act(a, b)

    return account


def _kleene(first: Part, second: Part, decisive: bool) -> Account:
    def account(row: Row) -> Any:
        found = [first.account(row), second.account(row)]
        if any(each is decisive for each in found):
            return decisive
        return None if None in found else not decisive

    return account


def _worked_out(sign: str, a: float, b: float) -> float | None:
    """Two numbers together; None where that is no finite number."""
    if sign == "/" and b == 0.0:
        return None
    found = {"+": a + b, "-": a - b, "*": a * b}[sign] if sign != "/" else a / b
    return found if math.isfinite(found) else None


def _moved(sign: str, day: int, days: float) -> int | None:
    """A day some whole days later or earlier; None beyond a million."""
    if not abs(days) < 1e6:
        return None
    return day + math.floor(days) if sign == "+" else day - math.floor(days)
