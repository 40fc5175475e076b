"""An optimum that has been checked: values, duals, reduced costs, and warm re-solves.

The check is that of linear programming's optimality conditions on the program itself, not on
what the solver scaled or presolved: primal and dual feasibility, stationarity, complementary
slackness and a duality gap of none. It proves the signs of the duals too, whatever solver gave
them.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from scfcap.errors import SolverError
from scfcap.funding.at_work import solve
from scfcap.quantities import FloatArray

if TYPE_CHECKING:
    from scfcap.funding.program import Key, Program, Sense

#: Largest residual of a row or bound, share of the largest right-hand side (1 at least).
FEASIBLE = 1e-6
#: Largest duality gap, share of the objective (1 at least).
GAP = 1e-6
#: Largest distance of an integer column from a whole number.
INTEGRAL = 1e-6
#: Largest product of a dual and its slack, share of the objective (1 at least).
COMPLEMENTARY = 1e-7
#: Largest wrong sign of a dual and largest ``|c - A'y - d|``, share of the largest cost or dual
#: (1 at least).
STATIONARY = 1e-6


@dataclass(frozen=True)
class Solution:
    """A proven optimum of a :class:`Program`, in the sense of its maximisation.

    ``x`` column values; ``dual`` change of the objective per unit of a row's right-hand side;
    ``reduced_cost`` change of the objective per unit of a column forced up from its bound.
    ``fixed`` holds the value of each integer column, by index: duals, reduced costs and
    :meth:`shifted` are those of the linear program in which these columns stay where they are.
    ``solver`` proved the optimum; values, duals and re-solves are of HiGHS whichever that was
    (``_model`` is a ``highspy.Highs`` at the optimal basis).
    """

    program: Program
    objective: float
    x: FloatArray
    dual: FloatArray
    reduced_cost: FloatArray
    primal_residual: float
    duality_gap: float
    complementarity: float = 0.0
    fixed: Mapping[int, float] = field(default_factory=dict)
    solver: str = "highs"
    _model: Any = field(repr=False, compare=False, default=None)

    def value(self, family: str, key: Key) -> float:
        """Value of a column; zero where it does not exist."""
        index = self.program.find(family, key)
        return 0.0 if index is None else float(self.x[index])

    def duals(self, family: str) -> dict[Key, float]:
        """Duals of a family by key."""
        return {key: float(self.dual[i]) for key, i in self.program.rows_of(family).items()}

    def shifted(self, shifts: Mapping[int, float]) -> float | None:
        """Objective after moving the right-hand sides of rows, from the optimal basis.

        Returns None where the shifted program has no proven optimum. The program itself is
        left as it was. Integer columns stay where they are.
        """
        rows = self.program.rows
        bounds = {r: row_bounds(rows.sense[r], rows.right[r]) for r in shifts}
        model = self._model
        with quiet():
            for r, shift in shifts.items():
                low, high = bounds[r]
                model.changeRowBounds(r, low + shift, high + shift)
            solve(model)
            optimal = "optimal" in str(model.getModelStatus()).lower()
            value = -float(model.getObjectiveValue()) if optimal else None
            for r, (low, high) in bounds.items():
                model.changeRowBounds(r, low, high)
        return None if value is None else value + self.program.objective.constant


def checked(
    program: Program,
    x: FloatArray,
    dual: FloatArray,
    reduced: FloatArray,
    *,
    fixed: Mapping[int, float] | None = None,
    check: bool = True,
    **told: Any,
) -> Solution:
    """The solution, where it satisfies the optimality conditions of ``program``.

    Columns of ``fixed`` count as bounds on both sides. ``told`` are further fields of
    :class:`Solution`.

    Raises:
        SolverError: a condition does not hold, or a number is NaN.
    """
    fixed = fixed or {}
    lower, upper = program.bounds(fixed)
    matrix, costs = program.matrix(), program.costs()
    right = np.asarray(program.rows.right)
    sense = np.asarray(program.rows.sense)
    slack = right - matrix @ x
    worst = excess(program, x, fixed)
    objective = math.fsum(costs * x)
    bound = np.where(reduced > 0.0, upper, lower)
    held = np.isfinite(bound)
    bound = np.where(held, bound, 0.0)
    dual_objective = math.fsum(dual * right) + math.fsum(reduced * bound)
    size = max(1.0, abs(objective))
    gap = abs(objective - dual_objective) / size
    products = np.concatenate([dual * slack, (reduced * (x - bound))[held]])
    complementarity = float(np.abs(products).max(initial=0.0)) / size
    wrong = np.where(sense == "<=", -dual, np.where(sense == ">=", dual, 0.0))
    unstationary = np.abs(costs - matrix.T @ dual - reduced)
    free = np.abs(reduced[~held])
    prices = max(1.0, float(np.abs(costs).max(initial=0.0)), float(np.abs(dual).max(initial=0.0)))
    signs = float(np.max([part.max(initial=0.0) for part in (wrong, unstationary, free)]))
    conditions = (
        worst <= FEASIBLE * max(1.0, float(np.abs(right).max(initial=0.0))),
        gap <= GAP,
        complementarity <= COMPLEMENTARY,
        signs <= STATIONARY * prices,
    )
    known = all(np.isfinite(values).all() for values in (x, dual, reduced))
    if not known or (check and not all(conditions)):
        msg = (
            f"the solver's answer does not check: residual {worst:.3g}, duality gap {gap:.3g}, "
            f"complementarity {complementarity:.3g}, duals {signs:.3g}"
        )
        raise SolverError(msg)
    return Solution(
        program,
        objective + program.objective.constant,
        x,
        dual,
        reduced,
        worst,
        gap,
        complementarity,
        dict(fixed),
        **told,
    )


def excess(program: Program, x: FloatArray, fixed: Mapping[int, float]) -> float:
    """Largest amount by which ``x`` breaks a row or a bound; 0 where it breaks none."""
    lower, upper = program.bounds(fixed)
    sense = np.asarray(program.rows.sense)
    over = program.matrix() @ x - np.asarray(program.rows.right)
    broken = np.where(sense == "<=", over, np.where(sense == ">=", -over, np.abs(over)))
    outside = np.maximum(lower - x, x - upper)
    return float(np.max([0.0, broken.max(initial=0.0), outside.max(initial=0.0)]))


def whole(program: Program, found: FloatArray) -> dict[int, float]:
    """The integer columns of an answer, as whole numbers."""
    columns = program.columns.integer
    fixed = {j: float(np.round(found[j])) for j in columns}
    off = np.max([0.0, *(abs(found[j] - fixed[j]) for j in columns)])
    if not off <= INTEGRAL:
        msg = f"an integer column of the solver's answer is {off:.3g} from a whole number"
        raise SolverError(msg)
    return fixed


def agree(program: Program, solver: str, found: FloatArray, x: FloatArray) -> None:
    """Refuse a solver's answer that breaks a limit, or is not worth what HiGHS finds."""
    right = np.abs(program.rows.right).max(initial=0.0)
    size = np.max([1.0, right, np.abs(found).max(initial=0.0)])
    broken = excess(program, found, {})
    costs = program.costs()
    worth, best = math.fsum(costs * found), math.fsum(costs * x)
    kept = broken <= FEASIBLE * size
    same = abs(worth - best) <= GAP * max(1.0, abs(best))
    if not (kept and same):
        msg = (
            f"the answer of {solver} does not check: it is worth {worth:.9g} and breaks a limit by "
            f"{broken:.3g}; with its whole numbers HiGHS finds {best:.9g}"
        )
        raise SolverError(msg)


def row_bounds(sense: Sense, right: float) -> tuple[float, float]:
    """Least and most that a row may take."""
    low = right if sense in (">=", "=") else -math.inf
    high = right if sense in ("<=", "=") else math.inf
    return low, high


@contextmanager
def quiet() -> Iterator[None]:
    """Send a solver's C-level banner on file descriptor 1 nowhere."""
    sys.stdout.flush()
    try:
        saved = os.dup(1)
    except OSError:
        yield
        return
    devnull = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(devnull, 1)
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(devnull)
