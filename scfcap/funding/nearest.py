"""Of all plans that are as good, the one that differs least from another plan.

An answer to a shock is read as what is done otherwise than planned. Programs are full of ties, so
that a solver may well give another plan where the one that stands would do as well. After the
solve the objective is held within :data:`INDIFFERENT` of its optimum, and one further solve from
its basis makes the sum of all differences least: with ``d+ - d- = decided - planned`` by cell,
minimise ``sum d+ + d-``. Limits give way by no more than they do at the optimum, and no more money
is missing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from scfcap.errors import SolverError
from scfcap.funding.cells import Cell, decided_terms
from scfcap.funding.program import Solution, Terms
from scfcap.funding.soft import RELAXED
from scfcap.funding.unique import Again, room
from scfcap.funding.variables import Book

#: Share of the objective that a plan may lack of the best one, to differ less from what is planned.
INDIFFERENT = 1e-5


def nearest(
    books: Sequence[Book],
    first: Solution,
    planned: Mapping[Cell, float],
    until: int | None = None,
) -> Solution:
    """The solution that is nearest to ``planned`` [money units by cell] of those as good as
    ``first``.

    ``books`` are those of the scenarios of ``first``'s program. Cells of periods after ``until`` do
    not count.
    Duals and reduced costs stay the first's. Where no further solve succeeds ``first`` is given.
    """
    program = first.program
    sizes: dict[frozenset[tuple[int, float]], Terms] = {}
    for book in books:
        for cell, terms in decided_terms(book).items():
            if until is None or cell.t <= until:
                same = frozenset(terms.coefficients.items())
                sizes[same] = terms.plus(-planned.get(cell, 0.0))
    if not sizes:
        return first
    costs, count = program.costs(), program.shape[1]
    lack = max(INDIFFERENT * abs(first.objective), room(first.objective))
    try:
        again = Again(program, first)
        for j, most in _no_worse(books, first).items():
            again.model.changeColBounds(j, 0.0, most)
        again.either_way(list(sizes.values()))
        again.at_least(costs, math.fsum(costs * first.x) - lack, room(first.objective))
        x = again.tidy(again.least(np.concatenate([np.zeros(count), np.ones(2 * len(sizes))])))
    except SolverError:
        return first
    value = math.fsum(costs * x) + program.objective.constant
    return replace(first, x=x, objective=value)


def _no_worse(books: Sequence[Book], first: Solution) -> dict[int, float]:
    """Columns by which limits give way or money is missing, and the most that each may be."""
    return {
        j: max(float(first.x[j]), 0.0)
        for book in books
        for j, family, _ in book.program.labelled()
        if family in (RELAXED, "u")
    }
