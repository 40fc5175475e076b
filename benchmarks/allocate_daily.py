"""The allocation of the day after: SIZE loans, four channels, two hundred rows, 2% of them changed.

Half a percent of the loans have been repaid, as many are new, and one percent owe less than the day
before; the others lie where the day before has put them. Ours starts from the prices of the day
before, the baseline from nothing. Beside them, not timed: the greedy and the proportional rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from scfcap.funding.allocation.daily import broken, greedy_way, proportional_way
from scfcap.funding.allocation.program import UNPLACED, AllocationProgram, Attribute, Choice
from scfcap.funding.allocation.result import Allocation
from scfcap.funding.allocation.sample import MOVE_COST, OWN, sample
from scfcap.funding.allocation.solve import allocate

NAME = "allocate_daily"
SIZE = 100_000
SMOKE = 600
BARS = {"ratio": 4.0}

#: Shares of the loans that are repaid, new, and owe less.
REPAID, NEW, LESS = 0.005, 0.005, 0.01
#: What is proven of either run, share of the bound, times the number of loans.
GAP = 100.0


@dataclass(frozen=True)
class Inputs:
    """The day's program and the prices of the day before."""

    program: AllocationProgram
    prices: Mapping[str, float]


def build(size: int, folder: Path) -> Inputs:
    """Two days placed one after the other, the first from nothing, and the program of the third."""
    del folder
    random = np.random.default_rng(63)
    fresh = round(NEW * size)
    every = sample("few", size + 2 * fresh)
    balance, held = every.balance.copy(), every.today.copy()
    there = np.arange(len(every)) < size
    prices: dict[str, float] = {}
    for day in range(3):
        if day:
            there &= random.random(len(every)) >= REPAID
            less = there & (random.random(len(every)) < LESS)
            balance[less] = (0.8 * balance[less]).round(2)
            new = slice(size + (day - 1) * fresh, size + day * fresh)
            there[new], held[new] = True, UNPLACED
        loans = np.flatnonzero(there)
        program = _some(every, loans, held[loans], balance[loans])
        if day < 2:
            found = allocate(program, start=prices)
            held[loans] = found.choice
            named = zip(program.rows, found.dual.tolist(), strict=True)
            prices = {row.name: price for row, price in named}
    return Inputs(program, prices)


def _some(
    every: AllocationProgram, loans: np.ndarray, today: Choice, balance: np.ndarray
) -> AllocationProgram:
    """Some of the loans, where they are and with what they owe."""
    channels = np.arange(len(every.channels))
    stood = every.today[loans]
    was = (stood[:, None] >= 0) & (stood[:, None] != channels)
    unit = every.value[loans] / every.balance[loans][:, None] + MOVE_COST * was
    moves = (today[:, None] >= 0) & (today[:, None] != channels)
    attributes = {
        name: Attribute(
            today.astype(np.int32) if name == "today" else each.codes[loans], each.labels
        )
        for name, each in every.attributes.items()
    }
    return replace(
        every,
        loan_id=every.loan_id[loans],
        balance=balance,
        value=balance[:, None] * (unit - MOVE_COST * moves),
        eligible=every.eligible[loans],
        must=today == OWN,
        today=today,
        attributes=attributes,
        numbers={name: number[loans] for name, number in every.numbers.items()},
    )


def ours(inputs: Inputs) -> Allocation:
    """From the prices of the day before."""
    return allocate(inputs.program, start=inputs.prices)


def baseline(inputs: Inputs) -> Allocation:
    """the same day from nothing"""
    return allocate(inputs.program)


def check(a: Allocation, b: Allocation) -> None:
    """Both keep all rows, and each is as near to its best as is asked."""
    for found in (a, b):
        assert broken(found.program, found.activity)[0] == 0
        assert found.gap <= GAP / len(found.program), found.gap
        assert a.value <= found.bound
        assert b.value <= found.bound


def figures(result: Allocation) -> dict[str, float]:
    """Gap and moves of ours; value against the bound, moves and rows broken of the two rules."""
    program, bound = result.program, abs(result.bound)
    made = {"gap": float(f"{result.gap:.3g}"), "moves": len(result.moved)}
    for name, way in (("greedy", greedy_way), ("proportional", proportional_way)):
        found = way(program, None)
        made |= {
            f"{name}_behind": round((result.bound - found.value) / bound, 6),
            f"{name}_moves": len(found.moved),
            f"{name}_broken": broken(program, found.activity)[0],
        }
    return made
