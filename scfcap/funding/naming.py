"""Limits in words: their names without a date, their dates, and amounts, from the catalogue."""

from __future__ import annotations

import math
from datetime import date

from scfcap.funding.catalogue import BY_NAME
from scfcap.funding.inputs import Inputs
from scfcap.funding.program import Key, Program

#: Currency below this is not rounded up to a whole unit.
CENT = 0.005


def without_period(family: str, key: Key) -> tuple[Key, ...]:
    """A row's key without its period."""
    parts = list(key) if isinstance(key, tuple) else [key]
    position = BY_NAME[family].period_at
    if position is not None:
        parts.pop(position)
    return tuple(parts)


def period_of(family: str, key: Key) -> int | None:
    """The period of a row, if it has one."""
    position = BY_NAME[family].period_at
    if position is None:
        return None
    return int(key[position] if isinstance(key, tuple) else key)


def limit_name(inputs: Inputs, family: str, key: Key) -> str:
    """A limit in words, its date left out."""
    found = BY_NAME[family]
    parts = without_period(family, key)
    if parts == (family,):
        return found.what
    if family == "p2p_supply" and inputs.p2p is not None:
        return f"P2P supply at {inputs.p2p.steps[int(parts[0])].rate:.2%}"
    return " ".join([found.what, *map(str, parts)])


def day_of(inputs: Inputs, t: int) -> date:
    """The last day of period ``t``; ``as_of`` is the end of period 0."""
    return inputs.grid.ends[t - 1] if t else inputs.grid.as_of


def row_words(inputs: Inputs, program: Program, r: int) -> str:
    """A row in words with its date: ``the credit line bank-a (2014-03-31)``."""
    family, key = program.rows.family[r], program.rows.key[r]
    t = period_of(family, key)
    name = limit_name(inputs, family, key)
    return name if t is None else f"{name} ({day_of(inputs, t)})"


def money(inputs: Inputs, amount: float) -> str:
    """An amount [currency] in words; a million is said so."""
    million = 1e6
    text = "1 million" if amount == million else f"{amount:,.0f}"
    return f"{inputs.spec.currency} {text}"


def enough(inputs: Inputs, amount: float) -> str:
    """An amount [money units] in whole currency units, rounded up so that it is enough."""
    return f"{inputs.spec.currency} {math.ceil(amount * inputs.unit - CENT):,d}"


def spans(inputs: Inputs, periods: list[int]) -> str:
    """Days of periods, what follows on another told as one: ``2014-01-31 to 2014-03-31``."""
    texts, first = [], 0
    for n, t in enumerate(periods):
        if n + 1 < len(periods) and periods[n + 1] == t + 1:
            continue
        start = periods[first]
        told = f"{day_of(inputs, start)}"
        texts.append(told if start == t else f"{told} to {day_of(inputs, t)}")
        first = n + 1
    return ", ".join(texts)
