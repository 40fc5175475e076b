"""Bound, value and left sides loan by loan in fractions, straight from the program's definition."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from scfcap.funding.allocation.program import AllocationProgram, Row
from scfcap.funding.allocation.result import Allocation


def coefficient(program: AllocationProgram, row: Row, loan: int, channel: int) -> Fraction:
    """``a_r,ic`` as the program states it, in exact numbers."""
    found = Fraction(0)
    for term in row.terms:
        if term.channel != channel:
            continue
        inside = term.attribute is None or (
            int(program.attributes[term.attribute].codes[loan]) in term.members
        )
        if not inside:
            continue
        number = 1.0 if term.number is None else float(program.numbers[term.number][loan])
        found += Fraction(term.weight) * Fraction(number)
    return found * Fraction(float(program.balance[loan]))


def left_side(program: AllocationProgram, row: Row, choice: Sequence[int]) -> Fraction:
    """Left side of a row for a placement."""
    placed = ((loan, int(c)) for loan, c in enumerate(choice) if c >= 0)
    return sum((coefficient(program, row, loan, c) for loan, c in placed), Fraction(0))


def worth(program: AllocationProgram, choice: Sequence[int]) -> Fraction:
    """Value of a placement."""
    placed = ((loan, int(c)) for loan, c in enumerate(choice) if c >= 0)
    return sum((Fraction(float(program.value[loan, c])) for loan, c in placed), Fraction(0))


def dual_bound(program: AllocationProgram, price: Sequence[float]) -> Fraction:
    """``sum y right + sum_i max(0, max_c (v - sum y a))``, no 0 where a loan must be placed."""
    y = [Fraction(float(p)) for p in price]
    found = sum((p * Fraction(row.right) for p, row in zip(y, program.rows, strict=True)),
                Fraction(0))  # fmt: skip
    for loan in range(len(program)):
        ways = [] if program.must[loan] else [Fraction(0)]
        for channel in np.flatnonzero(program.eligible[loan]).tolist():
            cost = sum(
                (p * coefficient(program, row, loan, channel)
                 for p, row in zip(y, program.rows, strict=True) if p),
                Fraction(0),
            )  # fmt: skip
            ways.append(Fraction(float(program.value[loan, channel])) - cost)
        found += max(ways)
    return found


def up(number: Fraction) -> float:
    """The least double not below."""
    near = float(number)
    return near if Fraction(near) >= number else math.nextafter(near, math.inf)


def down(number: Fraction) -> float:
    """The largest double not above."""
    return -up(-number)


def proven(
    program: AllocationProgram, choice: np.ndarray, price: Sequence[float] | np.ndarray
) -> Allocation:
    """A placement with the best that can truly be claimed of it."""
    lefts = [float(left_side(program, row, choice)) for row in program.rows]
    return Allocation(
        program=program,
        choice=np.asarray(choice, dtype=np.int16),
        dual=np.asarray(price, dtype=np.float64),
        bound=up(dual_bound(program, price)),
        value=down(worth(program, choice)),
        activity=np.array(lefts, dtype=np.float64),
    )
