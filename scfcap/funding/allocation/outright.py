"""Small programs outright: whole loans by branch and bound, the relaxation for prices."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from scfcap.errors import SolverError
from scfcap.funding.allocation.program import UNPLACED, AllocationProgram, Choice, matrix
from scfcap.quantities import FloatArray


def assignment(program: AllocationProgram, pairs: np.ndarray) -> sparse.csr_array:
    """One row a loan over the eligible pairs: in how many channels it is."""
    loans = pairs // len(program.channels)
    ones = np.ones(len(pairs))
    return sparse.csr_array((ones, (loans, np.arange(len(pairs)))), (len(program), len(pairs)))


def relaxed(program: AllocationProgram) -> tuple[float, FloatArray] | None:
    """Optimum and row prices of the linear relaxation; None where no placement keeps the rows."""
    rows, pairs = matrix(program)
    once = assignment(program, pairs)
    must = program.must
    upper = sparse.vstack([rows, once[~must]])
    found = linprog(
        -program.value.ravel()[pairs],
        A_ub=upper if upper.shape[0] else None,
        b_ub=np.append(program.right, np.ones(int((~must).sum()))) if upper.shape[0] else None,
        A_eq=once[must] if must.any() else None,
        b_eq=np.ones(int(must.sum())) if must.any() else None,
        bounds=(0.0, 1.0),
        method="highs",
    )
    if found.status == 2:
        return None
    if found.status != 0:
        msg = f"relaxation of the allocation: {found.message}"
        raise SolverError(msg)
    prices = -found.ineqlin.marginals[: len(program.rows)] if upper.shape[0] else np.zeros(0)
    return -float(found.fun), np.maximum(prices, 0.0)


def searched(program: AllocationProgram, nodes: int) -> tuple[Choice | None, bool]:
    """The best placement found within ``nodes``, None without any; and whether that is proven.

    It is stopped by count, so that results repeat.
    """
    rows, pairs = matrix(program)
    once = assignment(program, pairs)
    limits = [LinearConstraint(once, np.where(program.must, 1.0, 0.0), 1.0)]
    if len(program.rows):
        limits.append(LinearConstraint(rows, -np.inf, program.right))
    found = milp(
        -program.value.ravel()[pairs],
        integrality=np.ones(len(pairs)),
        bounds=Bounds(0.0, 1.0),
        constraints=limits,
        options={"node_limit": nodes, "mip_rel_gap": 0.0},
    )
    if found.x is None:
        return None, found.status == 2
    choice: Choice = np.full(len(program), UNPLACED, dtype=np.int16)
    chosen = pairs[found.x > 0.5]
    choice[chosen // len(program.channels)] = chosen % len(program.channels)
    return choice, found.status == 0
