"""Exact sums of a placement: left sides of the rows and value, rounded once.

Balances, and products of balance and number as two floats without error (T. Dekker, A
floating-point technique for extending the available precision, Numer. Math. 18, 1971), are cut
into pieces of 26 bits; pieces are summed by part, class and channel, which floats do without error
for up to 2^27 loans; what is left are sums of a few fractions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from scfcap.funding.allocation.bound import down
from scfcap.funding.allocation.program import AllocationProgram, Choice
from scfcap.funding.allocation.structure import Structure, placed_loans
from scfcap.quantities import BoolArray, FloatArray, IntArray

_PIECE = 26
#: Veltkamp's constant, which splits a float into halves of 26 bits.
_SPLIT = 2.0**27 + 1.0
#: What a row may be exceeded by, as a part of its terms' sizes, and is still kept: limits such as
#: 0.3 are not floats, so that a pool exactly at its limit would break it by their rounding.
ALLOWANCE = 2.0**-50


@dataclass(frozen=True)
class Sums:
    """A placement's rows: ``activity`` (rows,) [currency], each the nearest float to its exact sum;
    ``excess`` (rows,): by how much it is above the right side, 0 where kept within
    :data:`ALLOWANCE`; ``value`` [currency], rounded down.
    """

    activity: FloatArray
    excess: FloatArray
    value: float

    @property
    def kept(self) -> BoolArray:
        """Rows that are kept."""
        return np.asarray(self.excess <= 0.0)


def exact_sums(program: AllocationProgram, whole: Structure, choice: Choice) -> Sums:
    """Left sides of the rows and the value where the loans are placed as ``choice`` says."""
    cells, gross, worth = _cells(program, whole, choice)
    activity, excess = np.zeros(len(program.rows)), np.zeros(len(program.rows))
    turned = whole.entries.tocsc()
    for row, right in enumerate(program.right.tolist()):
        inside = slice(int(turned.indptr[row]), int(turned.indptr[row + 1]))
        total, size = Fraction(0), abs(right)
        for cell, weight in zip(
            turned.indices[inside].tolist(), turned.data[inside].tolist(), strict=True
        ):
            total += Fraction(weight) * cells.get(cell, 0)
            size += abs(weight) * gross.get(cell, 0.0)
        activity[row] = float(total)
        over = total - Fraction(right)
        excess[row] = float(over) if over > Fraction(size) * Fraction(ALLOWANCE) else 0.0
    return Sums(activity, excess, down(worth))


def _cells(
    program: AllocationProgram, whole: Structure, choice: Choice
) -> tuple[dict[int, Fraction], dict[int, float], Fraction]:
    """Money placed by table cell, exactly; its size, signs of numbers aside; and its value."""
    cells: dict[int, Fraction] = {}
    gross: dict[int, float] = {}
    worth, count = Fraction(0), whole.lines * whole.channels
    for loans, channel in placed_loans(choice):
        balance = whole.balance[loans]
        for cell, times in whole.cells(loans, channel):
            pieces = (balance,) if times is None else two_product(balance, times)
            for piece in pieces:
                for at, amount in grouped(piece, cell, count).items():
                    cells[at] = cells.get(at, Fraction(0)) + amount
            sized = np.bincount(cell, np.abs(pieces[0]), minlength=count)
            for at in np.flatnonzero(sized).tolist():
                gross[at] = gross.get(at, 0.0) + float(sized[at])
        value = program.value[loans, channel]
        worth += sum(grouped(value, np.zeros(len(value), dtype=np.int64), 1).values(), Fraction(0))
    return cells, gross, worth


def two_product(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The product of two arrays as two floats that sum to it exactly, short of underflow."""
    product = a * b
    high_a, high_b = _high(a), _high(b)
    low_a, low_b = a - high_a, b - high_b
    error = ((high_a * high_b - product) + high_a * low_b + low_a * high_b) + low_a * low_b
    return product, error


def _high(x: FloatArray) -> FloatArray:
    big = _SPLIT * x
    return np.asarray(big - (big - x))


def grouped(amount: FloatArray, group: IntArray, groups: int) -> dict[int, Fraction]:
    """Exact sums of finite floats by group; groups without any are left out."""
    found: dict[int, Fraction] = {}
    for piece, exponent in _pieces(amount):
        sums = np.bincount(group, piece, minlength=groups)
        unit = Fraction(2) ** exponent
        for at in np.flatnonzero(sums).tolist():
            found[at] = found.get(at, Fraction(0)) + Fraction(float(sums[at])) * unit
    return found


def _pieces(amount: FloatArray) -> Iterator[tuple[FloatArray, int]]:
    """Whole numbers below 2^26 and exponents whose products sum to the amounts exactly."""
    largest = float(np.abs(amount).max(initial=0.0))
    rest = amount
    exponent = math.frexp(largest)[1] if largest else 0
    while rest.any():
        exponent -= _PIECE
        whole = np.trunc(np.ldexp(rest, -exponent))
        yield whole, exponent
        rest = rest - np.ldexp(whole, exponent)
