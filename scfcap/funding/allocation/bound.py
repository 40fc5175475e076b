"""A bound that no placement exceeds, whatever the prices and however floats round.

Weak duality: for every ``y >= 0`` the dual
``right y + sum_i max(0, max_c (v_ic - sum_r y_r a_r,ic))`` is at least the value of any placement
that keeps the rows, of parts of loans too; coefficients are the exact products of the program's
floats. The dual is summed exactly and what each term may have lost in rounding is added (A.
Neumaier, O. Shcherbina, Safe bounds in linear and mixed-integer linear programming, Math. Program.
99, 2004).
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from scfcap.funding.allocation.blocks import blocks
from scfcap.funding.allocation.evaluate import Evaluator
from scfcap.funding.allocation.program import AllocationProgram
from scfcap.quantities import FloatArray

#: Half the distance of floats above 1: relative error of one operation.
_ROUNDING = 2.0**-53
#: What underflow may cost a loan at most, by operation [currency].
_TINY = 2.0**-1000
#: Significant decimal digits of stored prices.
DIGITS = 12


def stored(y: FloatArray) -> FloatArray:
    """Prices as they are stored: at least 0, of :data:`DIGITS` digits, so that text holds them."""
    return np.array([float(f"{max(x, 0.0):.{DIGITS}g}") for x in y.tolist()], dtype=np.float64)


def safe_bound(program: AllocationProgram, dual: Evaluator, y: FloatArray) -> float:
    """A bound [currency] from prices ``y`` (rows,), any of them at least 0; rounded up.

    -inf where a loan that must be placed may go nowhere: there is no placement.

    Raises:
        ValueError: a price is negative or not finite.
    """
    if not (np.isfinite(y).all() and (y >= 0.0).all()):
        msg = "a price is negative or not finite"
        raise ValueError(msg)
    terms, sizes = dual.terms(program.value, y)
    if np.isneginf(terms).any():
        return -math.inf
    exact = sum(
        (
            Fraction(a) * Fraction(b)
            for a, b in zip(program.right.tolist(), y.tolist(), strict=True)
        ),
        Fraction(0),
    )
    total = _summed(terms)
    lost = _operations(dual) * _ROUNDING * _summed(sizes)
    lost += _TINY * int(np.count_nonzero(sizes))
    return up(exact + Fraction(total) + Fraction(abs(total) * 2.0**-52) + Fraction(lost))


def _summed(values: FloatArray) -> float:
    """The sum, rounded once."""
    return math.fsum(x for some in blocks(len(values)) for x in values[some].tolist())


def _operations(dual: Evaluator) -> int:
    """More than how many roundings any part of a loan's term goes through.

    A table cell is a sum of products over its rows; a price one of cells times numbers over parts;
    then come the product with the balance, the difference from the value, and as much again for
    the rounding of the size itself.
    """
    entries = dual.structure.entries
    most = int(np.diff(entries.indptr).max(initial=0))
    return most + 2 * len(dual.structure.parts) + 8


def up(exact: Fraction) -> float:
    """The least float that is at least ``exact``."""
    found = float(exact)
    return found if Fraction(found) >= exact else math.nextafter(found, math.inf)


def down(exact: Fraction) -> float:
    """The largest float that is at most ``exact``."""
    found = float(exact)
    return found if Fraction(found) <= exact else math.nextafter(found, -math.inf)
