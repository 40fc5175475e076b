"""What a program is made of: linear expressions, rows, and the tables of columns and rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from scfcap.errors import FaultError
from scfcap.quantities import FloatArray

#: A row's or column's label: a name, a period, or a tuple of them.
Key = Any
Sense = Literal["<=", ">=", "="]


class LabelError(FaultError):
    """A row or column of the program breaks the rules of its family."""


class Terms:
    """A linear expression ``sum(coefficient * column) + constant`` under construction."""

    __slots__ = ("coefficients", "constant")

    def __init__(self) -> None:
        self.coefficients: dict[int, float] = {}
        self.constant = 0.0

    def add(self, column: int | None, coefficient: float = 1.0) -> Terms:
        """Add ``coefficient * column``; a column that does not exist counts zero."""
        if column is not None and coefficient != 0.0:
            self.coefficients[column] = self.coefficients.get(column, 0.0) + coefficient
        return self

    def plus(self, constant: float) -> Terms:
        """Add a constant."""
        self.constant += constant
        return self

    def extend(self, other: Terms, factor: float = 1.0) -> Terms:
        """Add ``factor * other``."""
        if factor != 0.0:
            mine, theirs = self.coefficients, other.coefficients
            if mine:
                for column, coefficient in theirs.items():
                    if coefficient != 0.0:
                        mine[column] = mine.get(column, 0.0) + factor * coefficient
            else:
                mine.update({j: factor * c for j, c in theirs.items() if c != 0.0})
            self.constant += factor * other.constant
        return self

    @classmethod
    def of(cls, columns: Sequence[int], coefficients: FloatArray, constant: float = 0.0) -> Terms:
        """``sum_n coefficients[n] * columns[n] + constant``, a column once; zeros are left out."""
        terms = cls()
        given = zip(columns, coefficients.tolist(), strict=True)
        terms.coefficients.update(
            given if coefficients.all() else {j: c for j, c in given if c != 0.0}
        )
        terms.constant = constant
        return terms

    def copy(self) -> Terms:
        """The same expression, to go on from."""
        terms = Terms()
        terms.coefficients.update(self.coefficients)
        terms.constant = self.constant
        return terms

    def value(self, x: FloatArray) -> float:
        """The expression at the column values ``x``."""
        return self.constant + math.fsum(c * x[j] for j, c in self.coefficients.items())


@dataclass(frozen=True)
class Row:
    """``terms sense right``; the constant of ``terms`` is moved to the right."""

    terms: Terms
    sense: Sense
    right: float = 0.0


@dataclass(frozen=True)
class Absent:
    """A row that does not apply, said on purpose."""

    why: str


@dataclass
class Columns:
    """Columns by index: label, bounds, and which are whole numbers."""

    family: list[str] = field(default_factory=list)
    key: list[Key] = field(default_factory=list)
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    integer: list[int] = field(default_factory=list)


@dataclass
class Rows:
    """Rows by index; their ``terms`` by column."""

    family: list[str] = field(default_factory=list)
    key: list[Key] = field(default_factory=list)
    sense: list[Sense] = field(default_factory=list)
    right: list[float] = field(default_factory=list)
    constant: list[float] = field(default_factory=list)
    terms: list[dict[int, float]] = field(default_factory=list)
