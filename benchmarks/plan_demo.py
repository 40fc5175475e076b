"""The plan of ``alibaba-2013`` with SIZE loans, as ``scfcap plan`` makes it: from tape to report.

Ours draws the tape, takes stock, projects the cohorts, solves the plan and the one without each
channel, replays them, prices every limit and fills all tables. The baseline only solves the program
once, all coefficients given.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from baselines.plan import Rows, numbers, solve_term_by_term

import scfcap
from scfcap.api.model import Model

NAME = "plan_demo"
SIZE = 10_000
SMOKE = 500
BARS = {"seconds": 5.0}


@dataclass(frozen=True)
class Given:
    """Loans of the tape, and the program's numbers for the baseline."""

    loans: int
    rows: Rows
    constant: float


def _model(loans: int) -> Model:
    return scfcap.load("alibaba-2013", overrides={"tape.platform.loans": loans})


def build(size: int, folder: Path) -> Given:
    """The program that the plan ends with."""
    del folder
    program = _model(size).plan().optimum.book.program
    return Given(size, numbers(program), program.objective.constant)


def ours(given: Given) -> float:
    """The plan with its report, tables as they are written."""
    model = _model(given.loans)
    model.plan_report()
    return model.plan().optimum.solution.objective - given.constant


def baseline(given: Given) -> float:
    """PuLP, rows summed term by term with lpSum, coefficients given"""
    return solve_term_by_term(given.rows)


def check(a: float, b: float) -> None:
    """The same optimum, but for what choosing among equal plans may give up of it."""
    assert math.isclose(a, b, rel_tol=2e-7), (a, b)
