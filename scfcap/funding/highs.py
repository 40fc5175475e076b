"""HiGHS in process, given a program as arrays: the columns and rows that PuLP would hand over, in
their order, without an object for each coefficient.

:mod:`scfcap.funding.program` is the door: it checks what comes back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import highspy
import numpy as np

from scfcap.funding.at_work import solve
from scfcap.quantities import FloatArray, IntArray

if TYPE_CHECKING:
    from scfcap.funding.program import Program

INF = highspy.kHighsInf
#: From an optimal basis a re-solve has few steps: costs need no perturbation against stalling,
#: nor weights of the steepest edge (Devex instead), which take longer than they save.
NEAR = {"dual_simplex_cost_perturbation_multiplier": 0.0, "simplex_dual_edge_weight_strategy": 1}
#: As many steps as it takes.
UNLIMITED = {"simplex_iteration_limit": highspy.kHighsIInf}
_STATUS = highspy.HighsModelStatus
#: How a solve ended, in PuLP's words; endings that are not here prove nothing and gave up early.
_ENDED = {
    _STATUS.kOptimal: "Optimal",
    _STATUS.kModelEmpty: "Optimal",
    _STATUS.kInfeasible: "Infeasible",
    _STATUS.kUnboundedOrInfeasible: "Infeasible",
    _STATUS.kUnbounded: "Unbounded",
    _STATUS.kUnknown: "Not Solved",
    _STATUS.kSolveError: "Not Solved",
    _STATUS.kPresolveError: "Not Solved",
    _STATUS.kPostsolveError: "Not Solved",
    _STATUS.kNotset: "Not Solved",
}


def highs(program: Program, fixed: Mapping[int, float], options: Mapping[str, Any]) -> Any:
    """A ``highspy.Highs`` that holds the program, its objective negated to be minimised.

    ``fixed`` columns stay at a value; all are continuous. The constant of the objective is left
    out. It is silent, and ``options`` are its options by name.
    """
    make: Any = highspy.Highs
    model = make()
    for name, value in {"output_flag": False, **options}.items():
        model.setOptionValue(name, value)
    lp = columns_and_rows(program)
    lp.offset_ = 0.0
    model.passModel(lp)
    for j, value in fixed.items():
        model.changeColBounds(j, value, value)
    return model


def begin(model: Any, basis: Any, most: int) -> None:
    """Let ``model`` begin near an optimum, from a basis that it completes where it has to.

    The simplex method stops after ``most`` steps.
    """
    model.setBasis(basis)
    go_on(model, {"simplex_iteration_limit": most})


def go_on(model: Any, options: Mapping[str, Any]) -> None:
    """Let ``model`` go on from the basis that it has, with other ``options``."""
    for name, value in {**NEAR, **options}.items():
        model.setOptionValue(name, value)


def run(model: Any) -> str:
    """Solve, and say how it ended as PuLP would; "Optimal" only where that is proven."""
    solve(model)
    return _ENDED.get(model.getModelStatus(), "Stopped")


def values(model: Any) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Column values, and of the maximisation duals of rows and reduced costs."""
    found = model.getSolution()
    return np.array(found.col_value), -np.array(found.row_dual), -np.array(found.col_dual)


def finite(value: float) -> float:
    """A bound as HiGHS writes it."""
    return math.copysign(INF, value) if math.isinf(value) else value


def columns_and_rows(program: Program) -> Any:
    """The program as HiGHS holds it: minimise the negated objective."""
    matrix = program.matrix()
    right = np.asarray(program.rows.right)
    sense = np.asarray(program.rows.sense)
    lp: Any = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = program.shape
    lp.col_cost_ = -program.costs()
    lp.offset_ = -program.objective.constant
    lp.col_lower_ = _bounds(program.columns.lower)
    lp.col_upper_ = _bounds(program.columns.upper)
    lp.row_lower_ = np.where(sense == "<=", -INF, right)
    lp.row_upper_ = np.where(sense == ">=", INF, right)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.num_row_, lp.a_matrix_.num_col_ = program.shape
    lp.a_matrix_.start_ = _index(matrix.indptr)
    lp.a_matrix_.index_ = _index(matrix.indices)
    lp.a_matrix_.value_ = matrix.data
    return lp


def _bounds(values: list[float]) -> FloatArray:
    return np.array([finite(v) for v in values], dtype=np.float64)


def _index(values: IntArray) -> Any:
    return np.asarray(values, dtype=np.int32)
