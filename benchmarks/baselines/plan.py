"""The funding program as a PuLP user writes it: expressions summed term by term."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulp


@dataclass(frozen=True)
class Rows:
    """The program's numbers, computed beforehand: bounds, objective, and named rows."""

    bounds: Mapping[str, tuple[float | None, float | None]]
    objective: Sequence[tuple[str, float]]
    rows: Mapping[str, tuple[Sequence[tuple[str, float]], str, float]]


def solve_term_by_term(given: Rows) -> float:
    """Optimum of the program [money units], built with ``+`` and ``*``."""
    problem = pulp.LpProblem("plan", pulp.LpMinimize)
    x = {
        name: problem.add_variable(f"x{number}", low, high)
        for number, (name, (low, high)) in enumerate(given.bounds.items())
    }
    problem += -pulp.lpSum(c * x[name] for name, c in given.objective)
    for number, (terms, sense, right) in enumerate(given.rows.values()):
        left = pulp.lpSum(c * x[name] for name, c in terms)
        if sense == "<=":
            problem += left <= right, f"row{number}"
        elif sense == ">=":
            problem += left >= right, f"row{number}"
        else:
            problem += left == right, f"row{number}"
    problem.solve(pulp.HiGHS(msg=False, threads=1))
    return -float(pulp.value(problem.objective))
