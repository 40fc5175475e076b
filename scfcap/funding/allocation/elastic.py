"""What has to give way where rows conflict: the least relaxation, and rows that conflict.

Rows are let exceed their right sides for a price, the same for each row's size: what its terms come
to if all loans were wherever they may. The least total is the optimum of an elastic program
(J. Chinneck, *Feasibility and Infeasibility in Optimization*, 2008); its dual is that of the
allocation without values and with upper limits on the rows' prices. Small programs are solved by
HiGHS, others by their prices.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from scfcap.errors import SolverError
from scfcap.funding.allocation.dual import FASTER, FIRST, Run, minimise, sizes
from scfcap.funding.allocation.evaluate import Evaluator
from scfcap.funding.allocation.outright import assignment
from scfcap.funding.allocation.program import UNPLACED, AllocationProgram, Choice, matrix
from scfcap.funding.allocation.structure import Structure
from scfcap.quantities import BoolArray, FloatArray, IntArray

#: Eligible pairs of loan and channel up to which HiGHS solves the elastic program.
PAIRS = 8_000
#: Loans of the part on which conflicting rows are looked for.
PART = 20_000
#: A row that gives way by less than this share of its size keeps its limit.
NOTHING = 1e-6
#: Nodes of the search for whole loans; last smoothing of prices; rows dropped at a time.
NODES, LAST, DROPPED = 2_000, 3e-5, (32, 8, 2, 1)
#: Prices, as a part of what giving way costs, from which rows are looked at first for a conflict.
_WEIGHTY = 1e-3
#: Part of the smoothing's loss that a step must promise: left sides have to be right, not prices.
_CLOSE = 1e-7


@dataclass(frozen=True)
class Relaxed:
    """A least relaxation: ``part`` (rows,), of each row's size, ``amount`` (rows,) [currency], and
    ``weight`` (rows,), 0 for rows that the total does not depend on.
    """

    part: FloatArray
    amount: FloatArray
    weight: FloatArray

    @property
    def some(self) -> bool:
        """Whether any row gives way."""
        return bool((self.part > NOTHING).any())


class Elastic(Protocol):
    """A program whose rows may give way."""

    def least(self, rows: BoolArray, rigid: BoolArray) -> Relaxed | None:
        """The least relaxation of ``rows`` (rows,), of which those ``rigid`` may not give way.

        Others are left out. None where that is in vain.
        """
        ...


def elastic(program: AllocationProgram, dual: Evaluator) -> Elastic:
    """By HiGHS or by prices, as the size of the program asks for."""
    if int(program.eligible.sum()) <= PAIRS:
        return ByProgram(program, row_sizes(program, dual.structure))
    return ByPrices(program, dual)


def row_sizes(program: AllocationProgram, whole: Structure) -> FloatArray:
    """Size of each row (rows,) [currency], above 0."""
    return np.maximum(sizes(whole), np.maximum(np.abs(program.right), 1e-9 * whole.total)) + 1e-300


class ByProgram:
    """Of a small program, by HiGHS; of whole loans too."""

    def __init__(self, program: AllocationProgram, size: FloatArray) -> None:
        self.program, self.size = program, size
        rows, self.pairs = matrix(program)
        self.rows = sparse.csr_array(sparse.diags_array(1.0 / size) @ rows)
        self.once = assignment(program, self.pairs)

    def least(self, rows: BoolArray, rigid: BoolArray) -> Relaxed | None:
        """See :class:`Elastic`.

        Raises:
            SolverError: HiGHS ended without an optimum.
        """
        a, b, loose = self._elastic(rows, rigid)
        once = sparse.hstack([self.once, sparse.csr_array((self.once.shape[0], len(loose)))])
        must = self.program.must
        found = linprog(
            np.append(np.zeros(len(self.pairs)), np.ones(len(loose))),
            A_ub=sparse.vstack([a, sparse.csr_array(once)[~must]]),
            b_ub=np.append(b, np.ones(int((~must).sum()))),
            A_eq=sparse.csr_array(once)[must] if must.any() else None,
            b_eq=np.ones(int(must.sum())) if must.any() else None,
            bounds=[(0.0, 1.0)] * len(self.pairs) + [(0.0, None)] * len(loose),
            method="highs",
        )
        if found.status == 2:
            return None
        if found.status != 0:
            msg = f"least relaxation of the allocation: {found.message}"
            raise SolverError(msg)
        weight = np.zeros(len(rows))
        weight[rows] = -found.ineqlin.marginals[: int(rows.sum())]
        return self._told(loose, found.x[len(self.pairs) :], weight)

    def whole(self) -> tuple[Choice, bool] | None:
        """The placement of whole loans that breaks the rows least, and whether that is proven.

        None where none was found.
        """
        every = np.ones(len(self.program.rows), dtype=np.bool_)
        a, b, loose = self._elastic(every, ~every)
        once = sparse.hstack([self.once, sparse.csr_array((self.once.shape[0], len(loose)))])
        count = len(self.pairs)
        found = milp(
            np.append(np.zeros(count), np.ones(len(loose))),
            integrality=np.append(np.ones(count), np.zeros(len(loose))),
            bounds=Bounds(0.0, np.append(np.ones(count), np.full(len(loose), np.inf))),
            constraints=[
                LinearConstraint(a, -np.inf, b),
                LinearConstraint(once, np.where(self.program.must, 1.0, 0.0), 1.0),
            ],
            options={"node_limit": NODES},
        )
        if found.x is None:
            return None
        choice: Choice = np.full(len(self.program), UNPLACED, dtype=np.int16)
        chosen = self.pairs[found.x[:count] > 0.5]
        choice[chosen // len(self.program.channels)] = chosen % len(self.program.channels)
        return choice, found.status == 0

    def _elastic(
        self, rows: BoolArray, rigid: BoolArray
    ) -> tuple[sparse.csr_array, FloatArray, IntArray]:
        """Rows in force over pairs and what is given way, their right sides, which may give way."""
        loose = np.flatnonzero(rows & ~rigid)
        given = sparse.csr_array(
            (-np.ones(len(loose)), (loose, np.arange(len(loose)))), (len(rows), len(loose))
        )
        both = sparse.csr_array(sparse.hstack([self.rows, given]))
        return both[rows], (self.program.right / self.size)[rows], loose

    def _told(self, loose: IntArray, given: FloatArray, weight: FloatArray) -> Relaxed:
        part = np.zeros(len(self.size))
        part[loose] = np.where(given > NOTHING, given, 0.0)
        return Relaxed(part, part * self.size, weight)


class ByPrices:
    """Of a large program, by prices of rows up to what giving way costs."""

    def __init__(self, program: AllocationProgram, dual: Evaluator) -> None:
        whole = dual.structure
        self.size = row_sizes(program, whole)
        self.dual = dual.of(replace(whole, unit=np.where(whole.able, 0.0, -np.inf)))

    def part(self) -> ByPrices:
        """Of a seeded part of the loans."""
        whole = self.dual.structure
        if len(whole) <= PART:
            return self
        loans = np.sort(np.random.default_rng(0).permutation(len(whole))[:PART])
        found = object.__new__(ByPrices)
        found.size = self.size
        weight = whole.total / float(whole.balance[loans].sum())
        found.dual = self.dual.of(whole.some(loans, weight))
        return found

    def least(self, rows: BoolArray, rigid: BoolArray) -> Relaxed | None:
        """See :class:`Elastic`."""
        whole = self.dual.structure
        cost = whole.total / self.size
        loose = rows & ~rigid
        upper = np.where(loose, cost, np.where(rows, np.inf, 0.0))
        most = float((1.0 + np.abs(whole.right) / self.size)[loose].sum())
        floor = -2.0 * whole.total * (1.0 + most)

        def solved(dual: Evaluator, y: FloatArray, first: float) -> Run:
            return minimise(dual, y, first, LAST, upper=upper, floor=floor, close=_CLOSE)

        y, first = np.zeros(len(rows)), FIRST
        if len(whole) > PART:
            some = solved(self.part().dual, y, first)
            y, first = some.at.y, LAST / FASTER
        run = solved(self.dual, y, first)
        if run.impossible:
            return None
        part = np.where(loose, -run.nearest.gradient / self.size, 0.0)
        at_most = run.nearest.y >= (1.0 - 1e-3) * upper
        part = np.where(
            (part > NOTHING) & (at_most | (part > 0.01 * part.max(initial=0.0))), part, 0.0
        )
        return Relaxed(part, part * self.size, np.where(rows, run.best.y / cost, 0.0))


def conflicting(program: Elastic, found: Relaxed) -> IntArray:
    """Rows that cannot be kept together, each of which the others could do without.

    A deletion filter over the rows on which the least relaxation depends: those that weigh least
    are dropped first, several at a time, where the others still conflict.
    """
    if isinstance(program, ByPrices):
        program = program.part()
    none = np.zeros(len(found.weight), dtype=np.bool_)
    rows = found.weight > _WEIGHTY
    least = program.least(rows, none) if rows.any() else None
    if least is None or not least.some:
        rows = found.weight > NOTHING
    for size in DROPPED:
        waiting = [int(r) for r in np.argsort(found.weight, kind="stable") if rows[r]]
        for first in range(0, len(waiting), size):
            without = rows.copy()
            without[waiting[first : first + size]] = False
            if not without.any():
                continue
            least = program.least(without, none)
            if least is None or least.some:
                rows = without
    return np.flatnonzero(rows).astype(np.int64)
