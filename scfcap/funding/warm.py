"""Re-solves of a program from its last basis, after rows, coefficients or costs have moved.

A copy of the program in HiGHS, so that what is tried here never changes the solution it came from.
Maximises, as :class:`~scfcap.funding.program.Program` does; rows and columns have its indices,
added ones follow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np

from scfcap.funding.at_work import solve
from scfcap.funding.highs import INF as _INF
from scfcap.funding.highs import NEAR as _NEAR
from scfcap.funding.highs import columns_and_rows as _columns_and_rows
from scfcap.funding.highs import finite as _finite
from scfcap.funding.program import TOLERANCE, Program, Solution
from scfcap.quantities import FloatArray, IntArray

#: Status of a column or row in a basis, as HiGHS codes it.
AT_LOWER, BASIC = 0, 1


@dataclass(frozen=True)
class Point:
    """An optimum of a moved program: objective, column values, and duals as in a Solution."""

    objective: float
    x: FloatArray
    dual: FloatArray


class Warm:
    """A program in HiGHS that may be moved and solved again.

    ``shifts`` are changes of right-hand sides by row; ``slopes`` changes of coefficients by row
    and column. ``fixed`` holds columns at a value, by default the integer ones of the solution.
    """

    def __init__(
        self,
        program: Program,
        solution: Solution | None = None,
        fixed: Mapping[int, float] | None = None,
    ) -> None:
        self.program = program
        self.fixed = dict(fixed if fixed is not None else solution.fixed if solution else {})
        lp = _columns_and_rows(program)
        self._low = np.array(lp.row_lower_)
        self._high = np.array(lp.row_upper_)
        make: Any = highspy.Highs
        self._model: Any = make()
        for name, value in {
            "output_flag": False,
            "threads": 1,
            "primal_feasibility_tolerance": TOLERANCE,
            "dual_feasibility_tolerance": TOLERANCE,
        }.items():
            self._model.setOptionValue(name, value)
        self._model.passModel(lp)
        for j, value in self.fixed.items():
            self.bound(j, value, value)
        self._shift = self.add_column({}, 0.0, 0.0)
        self._basis: Any = None
        if solution is not None:
            self._start(solution)
            self._basis = self._model.getBasis()

    def _start(self, solution: Solution) -> None:
        """Begin from the basis of ``solution``, whatever equal plan its values are of.

        Its solver has the program's columns in their order, or those alone that stand anywhere;
        another number of them cannot be told apart, and the first solve begins from nothing.
        """
        found, count = solution._model.getBasis(), self.program.shape[1]
        order = np.arange(count)
        if len(found.col_status) != count:
            order = np.flatnonzero(~self.program.unused)
        if len(found.col_status) != len(order):
            return
        status = [highspy.HighsBasisStatus.kLower] * (count + 1)
        for j, s in zip(order, found.col_status, strict=True):
            status[j] = s
        self._set(status, list(found.row_status))

    def _set(self, columns: list[Any], rows: list[Any]) -> None:
        basis = highspy.HighsBasis()
        basis.col_status, basis.row_status = columns, rows
        basis.valid = True
        self._model.setBasis(basis)
        for name, value in _NEAR.items():
            self._model.setOptionValue(name, value)

    def begin(self, columns: IntArray, rows: IntArray) -> None:
        """Begin from a basis of the program as :meth:`basis` gives it."""
        status = [highspy.HighsBasisStatus(int(s)) for s in (*columns, AT_LOWER)]
        self._set(status, [highspy.HighsBasisStatus(int(s)) for s in rows])
        self._basis = self._model.getBasis()

    def basis(self) -> tuple[IntArray, IntArray]:
        """Status of the program's columns and rows as things stand, codes of HiGHS: 1 is basic."""
        found, (rows, columns) = self._model.getBasis(), self.program.shape
        return (
            np.array([int(s) for s in found.col_status[:columns]], dtype=np.int64),
            np.array([int(s) for s in found.row_status[:rows]], dtype=np.int64),
        )

    def solve(self) -> Point | None:
        """The optimum as things stand; None where there is none."""
        solve(self._model)
        if self._model.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        found = self._model.getSolution()
        objective = -float(self._model.getObjectiveValue())
        return Point(objective, np.array(found.col_value), -np.array(found.row_dual))

    @contextmanager
    def moved(
        self,
        shifts: Mapping[int, float],
        slopes: Mapping[int, Mapping[int, float]] | None = None,
        costs: Mapping[int, float] | None = None,
        step: float = 1.0,
    ) -> Iterator[Warm]:
        """Inside, right-hand sides, coefficients and the objective are moved by ``step`` times."""
        rows, slopes, costs = self.program.rows, slopes or {}, costs or {}
        objective = self.program.objective.coefficients
        for r, shift in shifts.items():
            low, high = float(self._low[r]), float(self._high[r])
            self._model.changeRowBounds(r, low + step * shift, high + step * shift)
        for r, terms in slopes.items():
            for j, c in terms.items():
                self._model.changeCoeff(r, j, rows.terms[r].get(j, 0.0) + step * c)
        for j, c in costs.items():
            self._model.changeColCost(j, -objective.get(j, 0.0) - step * c)
        try:
            yield self
        finally:
            for r in shifts:
                self._model.changeRowBounds(r, float(self._low[r]), float(self._high[r]))
            for r, terms in slopes.items():
                for j in terms:
                    self._model.changeCoeff(r, j, rows.terms[r].get(j, 0.0))
            for j in costs:
                self._model.changeColCost(j, -objective.get(j, 0.0))

    def at(self, shifts: Mapping[int, float], step: float) -> Point | None:
        """The optimum after moving right-hand sides by ``step`` times ``shifts``."""
        self.restart()
        with self.moved(shifts, step=step):
            return self.solve()

    def best_shift(
        self, shifts: Mapping[int, float], cost: float, most: float, step: float
    ) -> tuple[float, Point | None] | None:
        """The ``s`` in [0, most] at which ``z(s) - cost * s`` is largest, and the optimum a
        ``step`` beyond it (None where there is none).

        ``z(s)`` is the optimum with right-hand sides moved by ``s * shifts``; begins from the first
        basis. None: no optimum.
        """
        column = self._shift
        self.restart()
        for r, shift in shifts.items():
            self._model.changeCoeff(r, column, -shift)
        self.bound(column, 0.0, most)
        self._model.changeColCost(column, cost)
        point, after = self.solve(), None
        if point is not None:
            # The cost stays, so that the basis stays dual feasible; it touches no dual.
            at = float(point.x[column]) + step
            self.bound(column, at, at)
            after = self.solve()
        for r in shifts:
            self._model.changeCoeff(r, column, 0.0)
        self.bound(column, 0.0, 0.0)
        self._model.changeColCost(column, 0.0)
        return None if point is None else (float(point.x[column]), after)

    def least_shift(self, shifts: Mapping[int, float], most: float) -> float | None:
        """Least ``s`` in [0, most] for which right-hand sides moved by ``s * shifts`` can be kept.

        The objective is to be nothing (:meth:`set_costs`). None: no ``s`` will do.
        """
        column = self._shift
        for r, shift in shifts.items():
            self._model.changeCoeff(r, column, -shift)
        self.bound(column, 0.0, most)
        self._model.changeColCost(column, 1.0)
        point = self.solve()
        for r in shifts:
            self._model.changeCoeff(r, column, 0.0)
        self.bound(column, 0.0, 0.0)
        self._model.changeColCost(column, 0.0)
        return None if point is None else max(float(point.x[column]), 0.0)

    def restart(self) -> None:
        """Go back to the basis of the optimum that this began with."""
        if self._basis is not None:
            self._model.setBasis(self._basis)

    def free(self, rows: list[int]) -> None:
        """Drop rows: they bind no more, until :meth:`bind`."""
        for r in rows:
            self._model.changeRowBounds(r, -_INF, _INF)

    def bind(self, rows: list[int]) -> None:
        """Restore rows that were freed."""
        for r in rows:
            self._model.changeRowBounds(r, float(self._low[r]), float(self._high[r]))

    def set_costs(self, costs: Mapping[int, float]) -> None:
        """Replace the objective by ``sum(costs[j] x[j])``, to be maximised."""
        size = self._model.getNumCol()
        objective = np.zeros(size)
        for j, c in costs.items():
            objective[j] = -c
        self._model.changeColsCost(size, np.arange(size, dtype=np.int32), objective)

    def bound(self, column: int, lower: float, upper: float) -> None:
        """Bounds of a column."""
        self._model.changeColBounds(column, _finite(lower), _finite(upper))

    def add_column(
        self, terms: Mapping[int, float], lower: float, upper: float, cost: float = 0.0
    ) -> int:
        """Add a column with coefficients by row, that earns ``cost``; returns its index."""
        rows = np.fromiter(terms, np.int32, len(terms))
        values = np.fromiter(terms.values(), np.float64, len(terms))
        self._model.addCol(-cost, _finite(lower), _finite(upper), len(terms), rows, values)
        return int(self._model.getNumCol()) - 1

    def add_row(self, terms: Mapping[int, float], lower: float, upper: float) -> int:
        """Add a row with coefficients by column; returns its index."""
        columns = np.fromiter(terms, np.int32, len(terms))
        values = np.fromiter(terms.values(), np.float64, len(terms))
        self._model.addRow(_finite(lower), _finite(upper), len(terms), columns, values)
        return int(self._model.getNumRow()) - 1
