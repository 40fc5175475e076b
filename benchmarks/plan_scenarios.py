"""The plan of ``alibaba-2013`` over SIZE scenarios: build the program from their inputs, solve it.

Two of the scenarios are named, base and stress, the others Monte Carlo paths that stand for 2000;
all share the decisions of the first month, and money may be missing at a price. Ours computes every
coefficient, labels and checks each row and column, and solves to a vertex, once: neither the order
of repayment nor equal plans are looked into. The baseline is given all coefficients free of charge.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

from baselines.plan import Rows, numbers, solve_term_by_term

import scfcap
from scfcap.api.uncertain import Worlds, worlds
from scfcap.funding.program import Program, solve
from scfcap.funding.scenarios import SIMPLEX_UP_TO, build_scenarios

NAME = "plan_scenarios"
SIZE = 20
SIZES = (1, 5, 10, 20, 40)
SMOKE = 2
BARS = {"seconds": 20.0}
#: Probability of the named scenarios beside paths, and by themselves.
_BESIDE, _ALONE = {"base": 0.3, "stress": 0.1}, {"base": 0.75, "stress": 0.25}
_DRAWN, _SEED = 2000, 0


@dataclass(frozen=True)
class Given:
    """The scenarios, and the numbers of their program for the baseline."""

    worlds: Worlds
    rows: Rows


@dataclass(frozen=True)
class Solved:
    """The optimum [money units], what building took of the time, and the program's size."""

    objective: float
    build_share: float
    rows: int
    columns: int


def _worlds(size: int) -> Worlds:
    paths = max(size - len(_BESIDE), 0)
    weights = _BESIDE if paths else _ALONE if size > 1 else {"base": 1.0}
    stated: dict[str, object] = {f"plan.uncertainty.weights.{k}": w for k, w in weights.items()}
    stated |= {"plan.uncertainty.paths": paths, "plan.uncertainty.seed": _SEED}
    stated |= {"plan.uncertainty.drawn": _DRAWN, "plan.uncertainty.first_stage": 1}
    stated |= {"tape.platform.loans": 10_000 if size != SMOKE else 500}
    return worlds(scfcap.load("alibaba-2013", overrides=stated))


def _program(given: Worlds) -> Program:
    return build_scenarios(given.inputs, given.weights, given.nodes)[0]


def build(size: int, folder: Path) -> Given:
    """SIZE scenarios of the model."""
    del folder
    found = _worlds(size)
    return Given(found, numbers(_program(found)))


def ours(given: Given) -> Solved:
    """Labelled columns and rows, decisions by node, handed to HiGHS as arrays, and checked"""
    start = time.perf_counter()
    program = _program(given.worlds)
    middle = time.perf_counter()
    solution = solve(program, simplex_up_to=SIMPLEX_UP_TO)
    share = (middle - start) / (time.perf_counter() - start)
    return Solved(solution.objective - program.objective.constant, share, *program.shape)


def baseline(given: Given) -> float:
    """PuLP, rows summed term by term with lpSum, coefficients given"""
    return solve_term_by_term(given.rows, solver="ipm")


def check(a: Solved, b: float) -> None:
    """The same optimum."""
    assert math.isclose(a.objective, b, rel_tol=1e-7), (a, b)


def figures(result: Solved) -> dict[str, float]:
    """Part of the time that building took, and the program's rows and columns."""
    share = round(result.build_share, 3)
    return {"build_share": share, "rows": result.rows, "columns": result.columns}
