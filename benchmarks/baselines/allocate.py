"""The allocation as a linear program of all loans for HiGHS, written out as a sparse matrix."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from scfcap.funding.allocation.program import AllocationProgram


def relaxed_by_highs(program: AllocationProgram) -> dict[str, Any]:
    """Value of the relaxation [currency], rows that bind, and seconds, by interior point.

    A row binds that has a price above 1e-9 and no slack.
    """
    begun = time.perf_counter()
    pairs = np.flatnonzero(program.eligible.ravel())
    loans = pairs // len(program.channels)
    parts = [
        sparse.csr_array(program.coefficients(r).ravel()[pairs][None, :]) for r in program.rows
    ]
    once = sparse.csr_array(
        (np.ones(len(pairs)), (loans, np.arange(len(pairs)))), (len(program), len(pairs))
    )
    must = program.must
    found = linprog(
        -program.value.ravel()[pairs],
        A_ub=sparse.vstack([*parts, once[~must]]),
        b_ub=np.append(program.right, np.ones(int((~must).sum()))),
        A_eq=once[must],
        b_eq=np.ones(int(must.sum())),
        bounds=(0.0, 1.0),
        method="highs-ipm",
    )
    assert found.status == 0, found.message
    rows = len(program.rows)
    price, slack = -found.ineqlin.marginals[:rows], found.slack[:rows]
    room = 1e-6 * float(program.balance.mean())
    return {
        "value": -float(found.fun),
        "binding": int(((price > 1e-9) & (slack < room)).sum()),
        "seconds": time.perf_counter() - begun,
    }
