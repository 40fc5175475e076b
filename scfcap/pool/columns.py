"""The loans' columns as the pool works on them: numbers, days, and texts as codes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from scfcap.errors import Problem
from scfcap.expressions import Cells, Expression, ExpressionError, Texts, parse
from scfcap.pool import loops
from scfcap.quantities import FloatArray, IntArray
from scfcap.schema.pool import GROUP

#: Columns that are worked out: they need no place on the tape.
DERIVED = ("remaining_days", "age_days", "term_days", "as_of")
Answers = npt.NDArray[np.int8]
#: Places in a list of values: 32 bits, as there are fewer values than rows, and many rows.
Codes = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Values:
    """The distinct values of a column: ``codes`` into ``labels``, -1 where missing.

    ``labels`` are in no order: sorting a key of a million values costs more than all the rest.
    """

    codes: Codes
    labels: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.labels)

    def sums(self, weights: FloatArray) -> FloatArray:
        """Sum of ``weights`` by value, and last that of the rows without one."""
        return loops.sums(self.places, weights, len(self) + 1)

    def counts(self) -> IntArray:
        """Rows by value, and last those without one."""
        return np.bincount(self.places, minlength=len(self) + 1).astype(np.int64)

    @cached_property
    def places(self) -> Codes:
        """``codes`` with the number of values in place of -1."""
        lost = self.codes < 0
        return np.where(lost, np.int32(len(self)), self.codes) if lost.any() else self.codes

    def texts(self, at: IntArray) -> list[str]:
        """Labels as texts."""
        return [str(label) for label in self.labels[at]]


@dataclass(frozen=True)
class Columns:
    """The loans of ``frame`` at ``as_of``; each column is turned once, when it is asked for."""

    frame: pd.DataFrame
    as_of: date
    added: dict[str, Values] = field(default_factory=dict)
    _cells: dict[str, Cells] = field(default_factory=dict)
    _values: dict[str, Values] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.frame)

    def __contains__(self, name: object) -> bool:
        return name in DERIVED or name in self.added or name in self.frame

    @property
    def names(self) -> list[str]:
        """All columns that may be named."""
        return list(dict.fromkeys([*map(str, self.frame), *self.added, *DERIVED]))

    @property
    def balance(self) -> FloatArray:
        """Principal outstanding [currency]."""
        return self.numbers("current_balance")

    def forget(self) -> None:
        """Let go of numbers and days that were turned; they are again where they are asked for."""
        self._cells.clear()

    def days(self, name: str) -> npt.NDArray[np.datetime64]:
        """A date column, by day."""
        return self.frame[name].to_numpy().astype("datetime64[D]")

    def numbers(self, name: str) -> FloatArray:
        """A number column, NaN where missing; days of a date since 1970."""
        cells = self.cells(name)
        assert isinstance(cells, np.ndarray)
        if cells.dtype == np.int8:
            return np.where(cells < 0, np.nan, cells.astype(np.float64))
        if cells.dtype.kind == "M":
            return np.where(np.isnat(cells), np.nan, cells.astype(np.int64).astype(np.float64))
        return np.asarray(cells, dtype=np.float64)

    def kind(self, name: str) -> str:
        """The kind of a column: number, date, text or truth."""
        cells = self.cells(name)
        if not isinstance(cells, np.ndarray):
            return "text"
        if cells.dtype == np.int8:
            return "truth"
        return "date" if cells.dtype.kind == "M" else "number"

    def cells(self, name: str) -> Cells:
        """A column as expressions take it.

        Raises :class:`ExpressionError` where there is no such column.
        """
        if name not in self._cells:
            if name not in self:
                raise _unknown(name, self.names)
            self._cells[name] = self._read(name)
        return self._cells[name]

    def _read(self, name: str) -> Cells:
        if name in DERIVED:
            return self._derived(name)
        if name not in self.added:
            column = self.frame[name]
            if pd.api.types.is_bool_dtype(column):
                known = column.isna().to_numpy()
                truth = column.fillna(value=False).to_numpy(dtype=np.int8)
                return np.where(known, np.int8(-1), truth)
            if pd.api.types.is_numeric_dtype(column):
                return column.to_numpy(dtype=np.float64, na_value=np.nan)
            if pd.api.types.is_datetime64_any_dtype(column):
                return self.days(name)
        found = self.values(name)
        return Texts(found.codes, tuple(map(str, found.labels)))

    def _derived(self, name: str) -> Cells:
        day = np.datetime64(self.as_of, "D")
        if name == "as_of":
            return np.broadcast_to(day, (len(self),))
        start, end = self.days("origination_date"), self.days("maturity_date")
        gap = {"remaining_days": end - day, "age_days": day - start, "term_days": end - start}[name]
        return np.where(np.isnat(gap), np.nan, gap.astype(np.int64).astype(np.float64))

    def values(self, name: str) -> Values:
        """A column of any kind by its distinct values; months of dates."""
        if name in self.added:
            return self.added[name]
        if name not in self._values:
            self._values[name] = self._distinct(name)
        return self._values[name]

    def _distinct(self, name: str) -> Values:
        if name in self.frame and isinstance(self.frame[name].dtype, pd.CategoricalDtype):
            held = self.frame[name].cat
            places = held.codes.to_numpy().astype(np.int32)
            return Values(places, held.categories.to_numpy(dtype=object))
        if name in self.frame and not pd.api.types.is_numeric_dtype(self.frame[name]):
            column = self.frame[name]
            if not pd.api.types.is_datetime64_any_dtype(column):
                codes, labels = pd.factorize(column)
                return Values(codes.astype(np.int32), np.asarray(labels, dtype=object))
        cells = self.cells(name)
        assert isinstance(cells, np.ndarray)
        if cells.dtype == np.int8:
            return Values(cells.astype(np.int32), np.array(["False", "True"], dtype=object))
        if cells.dtype.kind == "M":
            cells = cells.astype("datetime64[M]")
        codes, found = pd.factorize(cells)
        texts = [f"{v:.15g}" for v in found] if cells.dtype.kind in "fi" else found.astype(str)
        return Values(codes.astype(np.int32), np.asarray(texts, dtype=object))


def ask(columns: Columns, test: str) -> Answers:
    """Answers of an expression: 1 holds, 0 does not, -1 undetermined.

    Raises :class:`ExpressionError`.
    """
    return parse(test).answers(columns.cells, len(columns))


def expression_problems(columns: Columns, test: str, where: str) -> list[Problem]:
    """A problem where an expression names no column, or does not fit the columns' kinds."""
    expression = parse(test)
    strange = [
        _problem(where, _unknown(name, columns.names, _place(expression, name)))
        for name in expression.columns
        if name not in columns
    ]
    if strange:
        return strange
    none = Columns(columns.frame.iloc[:0], columns.as_of, _emptied(columns.added))
    try:
        ask(none, test)
    except ExpressionError as error:
        return [_problem(where, error)]
    return []


def _emptied(added: dict[str, Values]) -> dict[str, Values]:
    return {name: Values(found.codes[:0], found.labels) for name, found in added.items()}


def column_problems(columns: Columns, names: Iterable[str], where: str) -> list[Problem]:
    """A problem for each name that is no column."""
    return [_problem(where, _unknown(n, columns.names)) for n in names if n not in columns]


def _place(expression: Expression, name: str) -> str:
    """Where a name first stands in an expression."""
    place = expression.text.find(name)
    return f" at character {place + 1}" if place >= 0 else ""


def _unknown(name: str, names: list[str], place: str = "") -> ExpressionError:
    near = difflib.get_close_matches(name, names, 1)
    hint = "State [pool.groups]." if name == GROUP else "Map it, or list it in tape.keep."
    return ExpressionError(
        found=f"column {name!r}{place}",
        expected=f"one of {', '.join(names)}",
        action=f"Did you mean {near[0]}?" if near else hint,
    )


def _problem(where: str, error: ExpressionError) -> Problem:
    return Problem(where, error.found, error.expected, error.action)
