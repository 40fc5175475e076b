"""Programs in which limits may give way at a price."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scfcap.funding.program import Program


def elastic(
    program: Program, weights: Mapping[int, float]
) -> tuple[Program, dict[int, tuple[int, ...]]]:
    """A copy in which the rows of ``weights`` may be broken at that price per unit.

    Returns the program (it maximises minus the total price) and, by row, its slack columns.
    """
    copy = program.copy(f"{program.name}, elastic")
    slacks: dict[int, tuple[int, ...]] = {}
    for r, weight in weights.items():
        signs = {"<=": (-1.0,), ">=": (1.0,), "=": (1.0, -1.0)}[program.rows.sense[r]]
        added = []
        for sign in signs:
            j = copy.column("relaxation", (r, sign))
            copy.rows.terms[r][j] = sign
            copy.objective.add(j, -weight)
            added.append(j)
        slacks[r] = tuple(added)
    return copy, slacks
