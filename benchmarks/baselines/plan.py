"""The funding program as a PuLP user writes it: expressions summed term by term."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulp

from scfcap.funding.program import Program


@dataclass(frozen=True)
class Rows:
    """The program's numbers, computed beforehand: bounds, objective, and named rows."""

    bounds: Mapping[str, tuple[float | None, float | None]]
    objective: Sequence[tuple[str, float]]
    rows: Mapping[str, tuple[Sequence[tuple[str, float]], str, float]]


def numbers(program: Program) -> Rows:
    """The numbers of a program of ours, for a baseline that is given them free of charge."""
    columns, rows = program.columns, program.rows
    names = [f"{f}[{k}]" for f, k in zip(columns.family, columns.key, strict=True)]
    bounds = {
        name: (_bound(low), _bound(high))
        for name, low, high in zip(names, columns.lower, columns.upper, strict=True)
    }
    objective = [(names[j], c) for j, c in program.objective.coefficients.items()]
    named = {
        f"{family}[{rows.key[r]}]": (
            [(names[j], c) for j, c in rows.terms[r].items()],
            rows.sense[r],
            rows.right[r],
        )
        for r, family in enumerate(rows.family)
    }
    return Rows(bounds, objective, named)


def _bound(value: float) -> float | None:
    return value if math.isfinite(value) else None


def solve_term_by_term(given: Rows, **options: str) -> float:
    """Optimum of the program [money units], built with ``+`` and ``*``; ``options`` of HiGHS."""
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
    problem.solve(pulp.HiGHS(msg=False, threads=1, **options))
    return -float(pulp.value(problem.objective))
