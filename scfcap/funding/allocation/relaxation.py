"""The options of some thousands of loans in HiGHS, relaxed: each loan has one option, or parts.

One thread and no limit by the clock, so that answers repeat. Rows are scaled by their largest
coefficient.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
from scipy import sparse

from scfcap.errors import SolverError
from scfcap.funding.allocation.core import Core, spread
from scfcap.funding.allocation.program import UNPLACED
from scfcap.funding.at_work import solve
from scfcap.funding.solution import quiet
from scfcap.quantities import FloatArray, IntArray

#: Absolute tolerance of rows (scaled) and columns.
TOLERANCE = 1e-9
_STATUS = highspy.HighsModelStatus
_NONE = (_STATUS.kInfeasible, _STATUS.kUnboundedOrInfeasible)
#: The number of threads is that of the plan: HiGHS refuses another one in the same process.
_OPTIONS = {
    "output_flag": False,
    "threads": 1,
    "random_seed": 0,
    "primal_feasibility_tolerance": TOLERANCE,
    "dual_feasibility_tolerance": TOLERANCE,
}


@dataclass(frozen=True)
class Vertex:
    """Optimum of a relaxation: part of each option, row prices at least 0, value [currency]."""

    part: FloatArray
    dual: FloatArray
    value: float

    def largest(self, core: Core) -> tuple[IntArray, FloatArray]:
        """Each loan's option with the largest part, the first among equals, and that part."""
        most = np.maximum.reduceat(self.part, core.first[:-1])
        first = np.flatnonzero(self.part == most[core.loan])
        return first[np.searchsorted(core.loan[first], np.arange(len(core)))], most


class Relaxation:
    """The linear relaxation of a core, of which loans may be held at an option."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._model, self._scale = _model(core)
        self._begun = False

    def hold(self, loans: IntArray, at: IntArray) -> None:
        """Place ``loans`` at the options ``at`` (of these loans)."""
        option, _ = spread(self.core.first, loans)
        held = np.zeros(len(self.core.loan))
        held[at] = 1.0
        fixed = held[option]
        self._model.changeColsBounds(len(option), option.astype(np.int32), fixed, fixed)

    def exceed(self, price: FloatArray) -> None:
        """Let rows be exceeded for a price (rows,) [currency per currency]."""
        columns = len(self.core.loan) + self.core.plain.shape[0] + np.arange(len(price))
        columns = columns.astype(np.int32)
        self._model.changeColsCost(len(columns), columns, price * self._scale)
        highest = np.full(len(columns), highspy.kHighsInf)
        self._model.changeColsBounds(len(columns), columns, np.zeros(len(columns)), highest)

    def solve(self) -> Vertex | None:
        """An optimal vertex, None where the rows cannot be kept.

        The first by interior point with crossover, the others by the dual simplex method from the
        last basis; by the simplex method from nothing where these end without an answer.

        Raises:
            SolverError: HiGHS ended otherwise.
        """
        status = self._run("simplex" if self._begun else "ipx")
        if status != _STATUS.kOptimal and status not in _NONE:
            self._model.clearSolver()
            status = self._run("simplex")
        if status in _NONE:
            return None
        if status != _STATUS.kOptimal:
            msg = f"relaxation of {len(self.core)} loans: {self._model.modelStatusToString(status)}"
            raise SolverError(msg)
        self._begun = True
        found = self._model.getSolution()
        part = np.clip(np.array(found.col_value)[: len(self.core.loan)], 0.0, 1.0)
        dual = np.maximum(-np.array(found.row_dual)[: len(self._scale)] / self._scale, 0.0)
        return Vertex(part, dual, float(part @ self.core.worth))

    def _run(self, solver: str) -> Any:
        self._model.setOptionValue("solver", solver)
        solve(self._model)
        return self._model.getModelStatus()


def _model(core: Core) -> tuple[Any, FloatArray]:
    """HiGHS with all options as columns, and by what its rows are divided.

    Its columns: the options, the balance in each channel, and how far each row is exceeded, which
    is held at 0. Its rows: those of the core, one for each channel's balance, one for each loan.
    """
    count, rows, channels = len(core.loan), len(core.right), core.plain.shape[0]
    special = sparse.csc_array((core.amount, core.row, core.start), (rows, count))
    scale = np.maximum(
        abs(special).max(axis=1).toarray().ravel() if count else 0.0,
        np.abs(core.plain).max(axis=0, initial=0.0) * core.balance.max(initial=0.0),
    )
    scale[scale == 0.0] = 1.0
    unit = max(float(core.balance.max(initial=0.0)), 1e-12)
    placed = np.flatnonzero(core.channel != UNPLACED)
    at = core.channel[placed]
    load = sparse.csr_array((core.balance[placed] / unit, (at, placed)), (channels, count))
    loans, of = np.unique(core.loan, return_inverse=True)
    once = sparse.csr_array((np.ones(count), (of, np.arange(count))), (len(loans), count))
    over = sparse.diags_array(1.0 / scale)
    plain = over @ sparse.csr_array(core.plain.T * unit)
    whole = sparse.csr_array(
        sparse.block_array(
            [
                [over @ special, plain, -sparse.eye_array(rows)],
                [load, -sparse.eye_array(channels), None],
                [once, None, None],
            ]
        )
    )
    highest = highspy.kHighsInf
    lp: Any = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = whole.shape
    lp.col_cost_ = np.concatenate([-core.worth, np.zeros(channels + rows)])
    lp.col_lower_ = np.concatenate([np.zeros(count), np.full(channels, -highest), np.zeros(rows)])
    lp.col_upper_ = np.concatenate([np.ones(count), np.full(channels, highest), np.zeros(rows)])
    equal = np.concatenate([np.zeros(channels), np.ones(len(loans))])
    lp.row_lower_ = np.append(np.full(rows, -highest), equal)
    lp.row_upper_ = np.append(core.right / scale, equal)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.num_row_, lp.a_matrix_.num_col_ = whole.shape
    lp.a_matrix_.start_ = whole.indptr.astype(np.int32)
    lp.a_matrix_.index_ = whole.indices.astype(np.int32)
    lp.a_matrix_.value_ = whole.data
    make: Any = highspy.Highs
    with quiet():
        model = make()
    for name, value in _OPTIONS.items():
        model.setOptionValue(name, value)
    model.passModel(lp)
    return model, scale
