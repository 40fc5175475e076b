"""Two totals that must agree, and where a workbook shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from scfcap.quantities import ENGINE_TOLERANCE, HALF_CENT

How = Literal["sum", "absolute", "first", "last"]


@dataclass(frozen=True)
class Term:
    """Where a workbook shows a part of a total.

    ``key`` names cells (:attr:`scfcap.report.book.Book.places`), ``how`` says what of them:
    their sum, the sum of their absolute values, the first or the last cell; times ``sign``.
    """

    key: str
    how: How = "sum"
    sign: int = 1


@dataclass(frozen=True)
class Side:
    """One side of a tie: what it is, its value [currency], and where a workbook shows it."""

    label: str
    value: float
    terms: tuple[Term, ...] = ()


@dataclass(frozen=True)
class Tie:
    """Two totals that must agree within ``tolerance`` [currency]."""

    name: str
    left: Side
    right: Side
    tolerance: float

    @property
    def difference(self) -> float:
        """Left less right [currency]."""
        return self.left.value - self.right.value

    @property
    def ok(self) -> bool:
        """Whether they agree."""
        return bool(abs(self.difference) <= self.tolerance)


def tolerance(size: float) -> float:
    """Half a cent, or the engines' relative error where amounts of ``size`` are very large."""
    return max(HALF_CENT, ENGINE_TOLERANCE * abs(size))


def nothing(name: str, gap: pd.Series, keys: Sequence[str], size: float) -> Tie:
    """Differences that must all be zero, without the noise below a hundredth of a cent.

    ``keys`` names the cells that show them, ``size`` [currency] what they are small against.
    """
    off = float(gap.round(4).abs().sum())
    terms = tuple(Term(key, "absolute") for key in keys)
    left = Side("sum of the differences", off, terms)
    return Tie(name, left, Side("nothing", 0.0), tolerance(size))


def agree(name: str, left: Side, right: Side) -> Tie:
    """Two totals that must agree."""
    return Tie(name, left, right, tolerance(max(abs(left.value), abs(right.value))))
