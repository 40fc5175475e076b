"""Limits on many names, or on the largest together: rows are added until the answer keeps all.

A limit on the ``n`` largest is one row for each set of ``n`` names. The program begins with the
names that can have most; where the answer breaks a limit, the rows that it breaks are added and it
is solved again from the last prices. Each program is a relaxation of the whole one, so that its
bound holds for the whole one too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations

import numpy as np

from scfcap.errors import SolverError
from scfcap.funding.allocation.assemble import Draft
from scfcap.funding.allocation.assembled import Assembled
from scfcap.funding.allocation.binding import NameRow
from scfcap.funding.allocation.limits import NameLimit
from scfcap.funding.allocation.program import AllocationProgram, Choice
from scfcap.funding.allocation.result import Allocation
from scfcap.funding.allocation.solve import allocate
from scfcap.quantities import FloatArray

#: Rounds after which rows that are still broken are taken for a fault of the method.
ROUNDS = 100
#: Rows of a limit on each name that are added in a round.
_AT_ONCE = 200
#: Names after the largest that may take the place of some of them.
_NEXT = 2
#: Share of a limit within which it is settled by exact sums whether it is broken.
_NEAR = 1e-9

Solver = Callable[[AllocationProgram, Mapping[str, float] | None], Allocation]


def place(
    draft: Draft, start: Mapping[str, float] | None = None, solve: Solver = allocate
) -> tuple[Assembled, Allocation]:
    """Place the loans so that every limit is kept, those on names that the program left out too.

    ``start``: prices by row name to start from. Returns the last program, with the rows that it
    was given on the way, and its answer.

    Raises:
        InfeasibleError: no placement keeps the limits.
        SolverError: rows on names are still broken after :data:`ROUNDS` rounds.
    """
    rows = list(draft.binding.rows)
    known = {(row.limit.name, row.members) for row in rows}
    prices = start
    for turn in range(1, ROUNDS + 1):
        assembled = draft.assembled(rows, turn)
        found = solve(assembled.program, prices)
        more = [
            row for row in broken(draft, found.choice) if (row.limit.name, row.members) not in known
        ]
        if not more:
            return assembled, found
        rows += more
        known |= {(row.limit.name, row.members) for row in more}
        named = zip(assembled.program.rows, found.dual, strict=True)
        prices = {row.name: float(price) for row, price in named}
    msg = f"limits on names are still broken after {ROUNDS} rounds: {more[0].limit.name}"
    raise SolverError(msg)


def broken(draft: Draft, choice: Choice) -> Iterator[NameRow]:
    """Rows on names that a placement breaks, by exact sums where it is close."""
    for limit in draft.limits.names:
        values = draft.given.columns.values(limit.column)
        held = draft.counting.held(limit.weights, choice)
        sums = values.sums(held)[:-1]
        total = math.fsum(held)
        allowed = limit.allowed(total) + draft.binding.relief.get(limit.name, np.zeros(1))
        near = allowed - _NEAR * np.maximum(np.abs(allowed), 1.0)
        if limit.top == 1:
            over = np.flatnonzero(sums > near)
            worst = over[np.argsort(-sums[over], kind="stable")][:_AT_ONCE]
            chosen: list[tuple[int, ...]] = [(code,) for code in worst.tolist()]
        else:
            chosen = _largest(limit, sums, float(np.max(near)))
        for members in chosen:
            least = limit.allowed(total) + draft.binding.relieved(limit, members[0])
            if math.fsum(held[np.isin(values.codes, members)]) > least:
                yield NameRow(limit, members)


def _largest(limit: NameLimit, sums: FloatArray, near: float) -> list[tuple[int, ...]]:
    """Sets among the largest names, and the :data:`_NEXT` after them, that have more than ``near``:
    the answer would go from one to the other.
    """
    order = np.lexsort((np.arange(len(sums)), -sums))
    first = order[sums[order] > 0.0][: limit.top + _NEXT].tolist()
    if not first or sums[first[: limit.top]].sum() <= near:
        return []
    sets = combinations(first, min(limit.top, len(first)))
    return [tuple(sorted(chosen)) for chosen in sets if sums[list(chosen)].sum() > near]
