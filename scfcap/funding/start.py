"""A basis to begin from: that of another program's optimum, matched by the labels of columns and
rows.

Programs of one model that differ by a datum, a channel or a scenario have most labels in common,
and their optima most of the basis. What only the new program has begins outside the basis (a
column, at its bound) or in it (a row, with its slack). The match may have too many or too few
columns for a basis, or dependent ones: HiGHS completes what it is given, so that any match is a
place to begin and none changes the optimum.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from scfcap.errors import SolverError
from scfcap.funding.program import HIGHS, Key, Program, Solution, solve

#: Where a column or row stands in a basis, by (family, key).
Standing = dict[tuple[str, Key], Any]


def basis_for(program: Program, from_program: Program, from_solution: Solution) -> Any:
    """A ``highspy.HighsBasis`` for ``program`` from the optimum of ``from_program``.

    ``from_solution`` is an optimum of ``from_program``, or of a program that holds it: a scenario's
    own view of a shared one has the labels of the scenario. None where the solver's columns cannot
    be told apart.
    """
    whole = from_solution._model.getBasis()
    if len(whole.col_status) == program.shape[1] and _alike(program, from_solution.program):
        return whole
    known = standing(from_program, from_solution)
    if known is None:
        return None
    columns, rows = known
    count_rows, count_columns = program.shape
    basis = from_solution._model.getBasis()
    kind = type(basis.row_status[0])
    of_columns = [kind.kLower] * count_columns
    of_rows = [kind.kBasic] * count_rows
    for label, j in program._column_index.items():
        of_columns[j] = columns.get(label, kind.kLower)
    for label, r in program._row_index.items():
        of_rows[r] = rows.get(label, kind.kBasic)
    lower, upper = program.bounds()
    for j in np.flatnonzero(~(np.isfinite(lower) & np.isfinite(upper))).tolist():
        if of_columns[j] != kind.kBasic:
            of_columns[j] = _at_bound(kind, lower[j], upper[j])
    basis.col_status, basis.row_status = of_columns, of_rows
    basis.valid = basis.alien = True
    return basis


def _alike(a: Program, b: Program) -> bool:
    """Whether two programs have the same rows and columns, in the same order."""
    return all(
        x.family == y.family and x.key == y.key
        for x, y in ((a.columns, b.columns), (a.rows, b.rows))
    )


def _at_bound(kind: Any, lower: float, upper: float) -> Any:
    """Where a column outside the basis stands that has one bound or none."""
    if math.isfinite(lower):
        return kind.kLower
    return kind.kUpper if math.isfinite(upper) else kind.kZero


def standing(program: Program, solution: Solution) -> tuple[Standing, Standing] | None:
    """Where each column and row of ``program`` stands in the basis of its optimum.

    None where the solver has neither all columns nor all that are used.
    """
    basis, (_, count) = solution._model.getBasis(), solution.program.shape
    order = np.arange(count)
    if len(basis.col_status) != count:
        order = np.flatnonzero(~solution.program.unused)
    if len(basis.col_status) != len(order):
        return None
    at = dict(zip(order.tolist(), basis.col_status, strict=True))
    of_rows = list(basis.row_status)
    columns = {label: at[j] for label, j in program._column_index.items() if j in at}
    rows = {label: of_rows[r] for label, r in program._row_index.items()}
    return columns, rows


def solve_from(program: Program, before: Solution, *, solver: str = HIGHS) -> Solution:
    """The optimum of ``program``, begun from that of a program with other data.

    From nothing where there are whole numbers, or where no proven optimum is reached from there.

    Raises:
        NoOptimumError: infeasible or unbounded.
        SolverError: as :func:`~scfcap.funding.program.solve`.
    """
    if program.columns.integer or before.fixed or before._model is None:
        return solve(program, solver=solver)
    try:
        basis = basis_for(program, before.program, before)
        return solve(program, solver=solver, start=basis)
    except SolverError:
        return solve(program, solver=solver)
