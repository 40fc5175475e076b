"""The funding plan of ``alibaba-2013`` with SIZE loans: build the program, and solve it.

Ours computes every coefficient from the inputs, labels and checks each row and column, solves,
and checks residuals and the duality gap. The baseline is given all coefficients free of charge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from baselines.plan import Rows, numbers, solve_term_by_term

import scfcap
from scfcap.funding.catalogue import build_program
from scfcap.funding.inputs import Inputs
from scfcap.funding.program import solve
from scfcap.funding.variables import declare

NAME = "plan"
SIZE = 10_000
SMOKE = 500
BARS = {"seconds": 3.0}


@dataclass(frozen=True)
class Given:
    """Inputs of the program, and its numbers for the baseline."""

    inputs: Inputs
    rows: Rows


def build(size: int, folder: Path) -> Given:
    """The platform's pool, cash flows and cohort factors, up to the program's inputs."""
    del folder
    model = scfcap.load("alibaba-2013", overrides={"tape.platform.loans": size})
    inputs = model.inputs()
    return Given(inputs, numbers(build_program(declare(inputs))))


def ours(given: Given) -> float:
    """Labelled columns and rows, one function a constraint family."""
    solution = solve(build_program(declare(given.inputs)))
    return solution.objective - solution.program.objective.constant


def baseline(given: Given) -> float:
    """PuLP, rows summed term by term with lpSum, coefficients given"""
    return solve_term_by_term(given.rows)


def check(a: float, b: float) -> None:
    """The same optimum."""
    assert math.isclose(a, b, rel_tol=1e-7), (a, b)
