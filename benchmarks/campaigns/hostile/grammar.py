"""Expressions: by the grammar, deep, long, of odd letters; and sound ones spoilt."""

from __future__ import annotations

from random import Random

from benchmarks.campaigns.hostile import mutate

_NAMES = (
    "rate", "balance", "region", "status", "day", "due", "flag", "`Due Date`", "a.b", "rаte",
    "ｒate", "ra\u200bte", "ſtatus", "İ", "\u202eetar", "贷款", "x" * 200, "_", "date", "if",
)  # fmt: skip
_NUMBERS = (
    "0", "1", "0.5", ".5", "1.", "1e3", "1e400", "1e-400", "1_000", "9" * 400, "9" * 3_000,
    "0x10", "1__0", "١", "1e+", "0.1.2",
)  # fmt: skip
_TEXTS = (
    '"N"', "'S'", '""', '"2013-12-31"', '"9999-99-99"', '"\\"', '"\u202e"', '"', "'a\"", '"a\nb"',
    '"' + "x" * 3_000 + '"',
)  # fmt: skip
_RELATIONS = ("<", "<=", ">", ">=", "==", "!=")
_JOINS = ("and", "or", "+", "-", "*", "/", *_RELATIONS, ",", "in", "not in", "&", "||", "=", "%")
SOUND = (
    "rate * 2 + balance / 3 >= 0.5 and not region == \"N\" or status in ('current', 'late')",
    'if(day > date("2013-01-01"), min(rate, balance), max(abs(-rate), floor(balance))) < 10',
    "due - day <= 90 and flag is present and (region is missing or region != 'S')",
    "1 < rate <= balance and -rate - -3 > 0 and true",
)


def expression(dice: Random) -> str:
    """A text that somebody might write for a test."""
    kind = dice.random()
    if kind < 0.55:
        return _either(dice, dice.choice((1, 2, 3, 5)))
    if kind < 0.75:
        return mutate.tokens(dice, dice.choice(SOUND))
    if kind < 0.85:
        return _long(dice)
    if kind < 0.92:
        raw = mutate.data(dice, dice.choice(SOUND).encode())
        return raw.decode(errors="surrogateescape")
    many = dice.randrange(1, 40)
    return " ".join(
        dice.choice((*_NAMES, *_NUMBERS, *_TEXTS, *_JOINS, "(", ")")) for _ in range(many)
    )


def _long(dice: Random) -> str:
    """Deep nesting, long chains, many of one sign: around each bound and far beyond it."""
    many = dice.choice((5, 39, 40, 41, 60, 199, 200, 201, 900, 3_000, 20_000))
    inner = dice.choice(("rate", "1", "true", ""))
    return dice.choice(
        (
            "(" * many + inner + ")" * many,
            "-" * many + inner,
            "not " * many + inner,
            "abs(" * many + inner + ")" * many,
            "if(true, " * many + inner + ", 1)" * many,
            " + ".join([inner] * many),
            " < ".join([inner] * many),
            " and ".join([inner] * many),
            f"rate in ({', '.join(['1'] * many)})",
            f"min({', '.join([inner] * many)})",
            "(" * many,
            "`" * many,
            '"' * many,
            " " * many + inner,
            ("(rate + " * min(many, 39)) + inner + ")" * min(many, 39),
        )
    )


def _either(dice: Random, depth: int) -> str:
    if depth == 0:
        return _primary(dice, 0)
    kind = dice.randrange(9)
    left, right = _either(dice, depth - 1), _either(dice, depth - 1)
    if kind == 0:
        return f"{left} {dice.choice(('and', 'or'))} {right}"
    if kind == 1:
        return f"not {left}"
    if kind == 2:
        return f"{left} {dice.choice(_RELATIONS)} {right}"
    if kind == 3:
        return f"{left} is {dice.choice(('missing', 'present', 'not', ''))}"
    if kind == 4:
        members = ", ".join(dice.choice((*_NUMBERS, *_TEXTS)) for _ in range(dice.randrange(5)))
        return f"{left} {dice.choice(('in', 'not in'))} ({members})"
    if kind in (5, 6):
        return f"{left} {dice.choice('+-*/')} {right}"
    if kind == 7:
        return f"({left})"
    return _primary(dice, depth)


def _primary(dice: Random, depth: int) -> str:
    kind = dice.randrange(6 if depth else 4)
    if kind == 0:
        return dice.choice(_NUMBERS)
    if kind == 1:
        return dice.choice(_TEXTS)
    if kind < 4:
        return dice.choice(_NAMES) if dice.random() < 0.5 else dice.choice(_NAMES[:7])
    name = dice.choice(("min", "max", "abs", "floor", "date", "if", "eval", "__import__", "Min"))
    many = dice.choice((0, 1, 2, 3, 3, 21))
    return f"{name}({', '.join(_either(dice, depth - 1) for _ in range(many))})"
