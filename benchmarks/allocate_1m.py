"""A funding date of SIZE loans, four channels and 200 rows: whole loans with a proven gap.

Two dates are placed, one after the other: with few and with many rows that bind (see
:mod:`scfcap.funding.allocation.sample`). ``slowest`` is the time of the slower one; ``gap`` the
larger proven gap. The baseline is the greedy rule. Beside them HiGHS solves the relaxation of
20,000 loans as a matrix, and the same date is placed our way.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from baselines.allocate import relaxed_by_highs

from scfcap.funding.allocation.program import AllocationProgram, Choice
from scfcap.funding.allocation.result import Allocation
from scfcap.funding.allocation.rules import greedy
from scfcap.funding.allocation.sample import sample
from scfcap.funding.allocation.solve import allocate

NAME = "allocate_1m"
SIZE = 1_000_000
SMOKE = 3_000
BARS = {"slowest": 60.0, "gap": 1e-5, "peak_mib": 3_072}
DIRECT = 20_000

Dates = dict[str, AllocationProgram]
Placed = dict[str, tuple[Allocation, float]]


def build(size: int, folder: Path) -> Dates:
    """The two dates."""
    del folder
    return {"few": sample("few", size), "many": sample("many", size)}


def ours(inputs: Dates) -> Placed:
    """Both dates placed, with the seconds each took."""
    return {kind: _timed(program) for kind, program in inputs.items()}


def _timed(program: AllocationProgram) -> tuple[Allocation, float]:
    begun = time.perf_counter()
    found = allocate(program)
    return found, time.perf_counter() - begun


def baseline(inputs: Dates) -> dict[str, tuple[AllocationProgram, Choice]]:
    """the greedy rule: loan by loan into the best channel that keeps the limits"""
    return {kind: (program, greedy(program)) for kind, program in inputs.items()}


def check(a: Placed, b: dict[str, tuple[AllocationProgram, Choice]]) -> None:
    """Every row is kept and nothing is above its bound; the rule earns less where it keeps all."""
    for kind, (found, _) in a.items():
        assert found.value <= found.bound
        assert (found.slack >= -1e-6 * np.abs(found.program.balance).max()).all()
        program, choice = b[kind]
        if (program.activity(choice) <= program.right).all():
            assert found.value >= program.worth(choice)


def figures(result: Placed) -> dict[str, Any]:
    """Per date what was reached and in which steps; HiGHS beside us."""
    told: dict[str, Any] = {
        "slowest": round(max(seconds for _, seconds in result.values()), 3),
        "gap": max(found.gap for found, _ in result.values()),
    }
    for kind, (found, seconds) in result.items():
        told[kind] = {"seconds": round(seconds, 3), **reached(found)}
    size = min(DIRECT, *(len(found.program) for found, _ in result.values()))
    told["direct"] = {kind: _direct(kind, size) for kind in result}
    return told


def reached(found: Allocation) -> dict[str, Any]:
    """Binding rows, bound, value, gap, seconds by step; and what the greedy rule reaches.

    A row binds that has a price and less room than the largest loan.
    """
    program = found.program
    rule = greedy(program)
    over = program.activity(rule) - program.right
    largest = float(program.balance.max())
    return {
        "binding": int(((found.dual > 1e-9) & (found.slack < largest)).sum()),
        "bound": found.bound,
        "value": found.value,
        "gap": found.gap,
        "steps": {step.name: round(step.seconds, 3) for step in found.steps},
        "counts": dict(found.counts),
        "greedy_value": program.worth(rule),
        "greedy_broken": int((over > 0.005).sum()),
    }


def _direct(kind: Any, size: int) -> dict[str, Any]:
    """HiGHS and ours on the same date."""
    program = sample(kind, size)
    highs = relaxed_by_highs(program)
    found, seconds = _timed(program)
    return {
        "loans": size,
        "highs_value": highs["value"],
        "highs_binding": highs["binding"],
        "highs_seconds": round(highs["seconds"], 3),
        "bound": found.bound,
        "value": found.value,
        "seconds": round(seconds, 3),
    }
