"""What if: the program of ``alibaba-2013`` with SIZE loans after typical changes, one at a time.

A line is cut, a rate rises, the liquidity floor is raised, demand grows by 5%, a fee changes. Ours
builds the program, solves it from the basis of the plan before, and checks it; the baseline does
the same from nothing.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import scfcap
from scfcap.api.variants import engine_of, overridden
from scfcap.funding.catalogue import build_program
from scfcap.funding.inputs import Inputs
from scfcap.funding.plan import optimum
from scfcap.funding.program import Program, Solution, solve
from scfcap.funding.start import solve_from
from scfcap.funding.variables import declare
from scfcap.funding.what_if import ordered

NAME = "plan_whatif"
SIZE = 10_000
SMOKE = 500
BARS = {"ratio": 3.0}
CHANGES = (
    {"lenders.bank-a.limit": 0.3e9},
    {"lenders.bank-b.tenors": [{"periods": 6, "rate": 0.08}, {"periods": 12, "rate": 0.085}]},
    {"plan.liquidity_floor": 45e6},
    {
        "demand.order_core.per_period": 1.26e9 * 1.05,
        "demand.order_other.per_period": 2.34e9 * 1.05,
        "demand.credit_short.per_period": 0.72e9 * 1.05,
        "demand.credit_long.per_period": 1.08e9 * 1.05,
        "demand.b2b.per_period": 0.6e9 * 1.05,
    },
    {"buyers.bank-c.servicing_fee": 0.01},
)


@dataclass(frozen=True)
class Given:
    """The optimum before, and the inputs after each change, in its order of repayment."""

    before: Solution
    inputs: tuple[Inputs, ...]


@dataclass(frozen=True)
class Planned:
    """Objective and seconds of processor time by change."""

    objectives: tuple[float, ...]
    seconds: tuple[float, ...]


def build(size: int, folder: Path) -> Given:
    """The plan before, and the inputs of every change."""
    del folder
    model = scfcap.load("alibaba-2013", overrides={"tape.platform.loans": size})
    before = optimum(model.inputs(), engine_of(model))
    inputs = (overridden(model, change).inputs() for change in CHANGES)
    deals = before.inputs.deals
    return Given(before.solution, tuple(replace(x, deals=ordered(x.deals, deals)) for x in inputs))


def ours(given: Given) -> Planned:
    """From the basis of the plan before."""
    return _timed(given, lambda program: solve_from(program, given.before))


def baseline(given: Given) -> Planned:
    """the same from nothing"""
    return _timed(given, solve)


def _timed(given: Given, solved: Callable[[Program], Solution]) -> Planned:
    objectives, seconds = [], []
    for inputs in given.inputs:
        start = time.process_time()
        objectives.append(solved(build_program(declare(inputs))).objective)
        seconds.append(time.process_time() - start)
    return Planned(tuple(objectives), tuple(seconds))


def figures(result: Planned) -> dict[str, float]:
    """The median of the changes [seconds of processor time]."""
    return {"median_seconds": round(statistics.median(result.seconds), 4)}


def check(a: Planned, b: Planned) -> None:
    """The same optima."""
    for x, y in zip(a.objectives, b.objectives, strict=True):
        assert math.isclose(x, y, rel_tol=1e-9), (a, b)
