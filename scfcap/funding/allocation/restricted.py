"""Loans whose channel prices leave open, as a small program of their own.

All other loans are at their best channel; what they use is taken off the right sides. The linear
relaxation of the rest has a vertex with at most as many split loans as rows bind, and better
prices. OPTIMISATION 3.3; the Shapley-Folkman bound of 3.5 says why few are split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from scfcap.errors import SolverError
from scfcap.funding.allocation.outright import assignment
from scfcap.funding.allocation.program import AllocationProgram, Attribute, matrix
from scfcap.quantities import FloatArray, IntArray


def restrict(program: AllocationProgram, loans: IntArray, right: FloatArray) -> AllocationProgram:
    """The program of some ``loans`` alone, with ``right`` sides (rows,) [currency] left to them."""
    return replace(
        program,
        loan_id=program.loan_id[loans],
        balance=program.balance[loans],
        value=program.value[loans],
        eligible=program.eligible[loans],
        must=program.must[loans],
        today=program.today[loans],
        attributes={
            name: Attribute(attribute.codes[loans], attribute.labels)
            for name, attribute in program.attributes.items()
        },
        numbers={name: number[loans] for name, number in program.numbers.items()},
        rows=tuple(
            replace(row, right=float(left)) for row, left in zip(program.rows, right, strict=True)
        ),
    )
