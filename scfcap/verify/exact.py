"""Sums of doubles without any rounding, as fractions.

A double is an integer of 53 bits times a power of two. Loans of one power are added as integers,
in halves of 27 bits that a double holds exactly up to 2^26 of them; the powers are put together in
Python's integers. Products of two doubles are first split into a double and its exact error
(T. J. Dekker, A floating-point technique for extending the available precision, Numer. Math. 18,
1971, 224-242).
"""

from __future__ import annotations

import math
import sys
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from scfcap.quantities import BoolArray, FloatArray, IntArray

#: Rows that are added at a time: sums of 27 bits stay below 2^53.
_AT_A_TIME = 2**22
#: Sizes outside of which a product's error would be lost; 0 is no such size.
SMALLEST, LARGEST = 2.0**-400, 2.0**400
_HALF = 27
_SPLITTER = 2.0**_HALF + 1.0


def in_range(numbers: npt.NDArray[Any]) -> BoolArray:
    """Numbers whose products are computed exactly here: finite, of no extreme size."""
    size = np.abs(numbers)
    found: BoolArray = (size == 0.0) | ((size >= SMALLEST) & (size <= LARGEST))
    return found


def within_range(numbers: npt.NDArray[Any]) -> bool:
    """Whether products of all these numbers are computed exactly here."""
    return bool(in_range(numbers).all())


def product(left: FloatArray, right: FloatArray) -> tuple[FloatArray, FloatArray]:
    """``left * right`` as a rounded product and its error, which add up to it exactly."""
    rounded = left * right
    high, low = _split(left)
    above, below = _split(right)
    error = ((high * above - rounded) + high * below + low * above) + low * below
    return rounded, error


def _split(number: FloatArray) -> tuple[FloatArray, FloatArray]:
    """A double as two of 26 bits."""
    scaled = _SPLITTER * number
    high = scaled - (scaled - number)
    return high, number - high


def sums(places: IntArray, numbers: FloatArray, count: int) -> dict[int, Fraction]:
    """Exact sums of finite ``numbers`` by place, of the places 0 to ``count`` - 1 that occur."""
    found: dict[int, Fraction] = {}
    for first in range(0, len(numbers), _AT_A_TIME):
        part = slice(first, first + _AT_A_TIME)
        for place, more in _block(places[part], numbers[part], count).items():
            found[place] = found.get(place, Fraction(0)) + more
    return found


def total(numbers: FloatArray) -> Fraction:
    """The exact sum of finite numbers."""
    return sums(np.zeros(len(numbers), dtype=np.int64), numbers, 1).get(0, Fraction(0))


def _block(places: IntArray, numbers: FloatArray, count: int) -> dict[int, Fraction]:
    if not len(numbers):
        return {}
    parts, powers = np.frexp(numbers)
    whole = (parts * 2.0**53).astype(np.int64)
    least = int(powers.min())
    width = int(powers.max()) - least + 1
    keys = places * width + (powers - least)
    size = count * width
    if size > 4 * len(numbers) + 1024:
        named, keys = np.unique(keys, return_inverse=True)
        size = len(named)
    else:
        named = np.arange(size)
    high = np.bincount(keys, weights=(whole >> _HALF).astype(np.float64), minlength=size)
    low = np.bincount(keys, weights=(whole & (2**_HALF - 1)).astype(np.float64), minlength=size)
    added: dict[int, int] = {}
    there = np.flatnonzero((high != 0.0) | (low != 0.0))
    for key, above, below in zip(
        named[there].tolist(), high[there].tolist(), low[there].tolist(), strict=True
    ):
        place, power = divmod(key, width)
        number = ((int(above) << _HALF) + int(below)) << power
        added[place] = added.get(place, 0) + number
    return {place: _scaled(number, least - 53) for place, number in added.items()}


def _scaled(number: int, power: int) -> Fraction:
    return Fraction(number << power) if power >= 0 else Fraction(number, 1 << -power)


def upper(number: Fraction) -> float:
    """The least double that is not below ``number``; infinity beyond the largest."""
    return -lower(-number)


def lower(number: Fraction) -> float:
    """The largest double that is not above ``number``; minus infinity below the least."""
    try:
        near = float(number)
    except OverflowError:
        return sys.float_info.max if number > 0 else -math.inf
    return near if Fraction(near) <= number else math.nextafter(near, -math.inf)
