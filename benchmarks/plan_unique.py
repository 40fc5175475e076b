"""One of many equal plans of SIZE scenarios: the program of ``plan_reference``, chosen once more.

The program and its first optimum are given. Ours perturbs the costs, solves again from the optimal
basis and checks that all rows hold; the baseline solves the program with its true costs, given all
coefficients, so that the two tell what the choice gives up of the optimum.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import plan_reference as reference
from baselines.plan import Rows, numbers, solve_term_by_term

from scfcap.funding.program import Solution, solve
from scfcap.funding.unique import choose
from scfcap.funding.variables import Book

NAME = "plan_unique"
SIZE = reference.SIZE
SMOKE = reference.SMOKE
BARS = {"seconds": 120.0}


@dataclass(frozen=True)
class Given:
    """The books of all scenarios, the first optimum, and the program's numbers for the baseline."""

    books: Sequence[Book]
    first: Solution
    rows: Rows


def build(size: int, folder: Path) -> Given:
    """The reference instance and its first optimum."""
    inputs = reference.build(size, folder).inputs
    program, books = reference.built(inputs)
    return Given(tuple(books.values()), solve(program), numbers(program))


def ours(given: Given) -> float:
    """Costs perturbed by names and periods, solved again from the optimal basis."""
    choice = choose(given.books, given.first, "perturbation")
    first = choice.first
    return first.objective - choice.given_up - first.program.objective.constant


def baseline(given: Given) -> float:
    """PuLP, rows summed term by term with lpSum, coefficients given"""
    return solve_term_by_term(given.rows, solver="ipm")


def check(a: float, b: float) -> None:
    """The same optimum, but for what choosing among equal plans may give up of it."""
    assert math.isclose(a, b, rel_tol=1e-6), (a, b)
