"""Whole loans on the day after, from prices that the day before has brought near.

Few loans are undecided then, since a loan that lies somewhere moves only for more than its move
costs. One relaxation of these few and a short search do; what they reach is proven like any other
answer, and where it is not near enough to its bound the whole method is gone through.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from scfcap.errors import InfeasibleError
from scfcap.funding.allocation.evaluate import Evaluator
from scfcap.funding.allocation.program import UNPLACED, AllocationProgram
from scfcap.funding.allocation.restricted import FREE, opened
from scfcap.funding.allocation.result import Step
from scfcap.funding.allocation.whole import Whole, near_ties, vertex_of
from scfcap.quantities import FloatArray

#: Free loans of the relaxation, and of the search; its steps at first.
LOANS, SEARCHED, STEPS = 300, 1_000, 60_000
#: Share of the balance that lies somewhere already from which a day is one after another.
STANDING = 0.5
#: Gap up to which the short way's answer is taken.
NEAR = 1e-4


def carries(program: AllocationProgram, start: Mapping[str, float] | None) -> bool:
    """Whether prices are given and most loans lie somewhere."""
    if not start or not any(price > 0.0 for price in start.values()):
        return False
    lies = float(program.balance[program.today != UNPLACED].sum())
    return lies >= STANDING * float(program.balance.sum())


def carried(program: AllocationProgram, dual: Evaluator, y: FloatArray) -> Whole | None:
    """Whole loans the short way, near the optimum that prices ``y`` (rows,) are of; None where no
    placement was found that keeps all rows.
    """
    begun = time.perf_counter()
    held = np.full(len(program), FREE, dtype=np.int16)
    near = opened(program, dual, y, LOANS, held)
    at, _ = vertex_of(near, y).largest(near.core)
    first = Step("restricted relaxation", np.nan, np.nan, time.perf_counter() - begun)
    begun = time.perf_counter()
    try:
        choice = near_ties(program, dual, y, near.placed(at), (SEARCHED, STEPS))
    except InfeasibleError:
        return None
    worth = program.worth(choice)
    second = Step("local search", np.nan, worth, time.perf_counter() - begun)
    return Whole(choice, y, (first, second))
