"""A plan once more after its data moved: from the basis of the plan before, with its own proof."""

from __future__ import annotations

import time
from dataclasses import replace

from scfcap.errors import InfeasibleError
from scfcap.funding.inputs import DealInputs, Inputs
from scfcap.funding.plan import Optimum, Plan, _chosen, optimum
from scfcap.funding.replay import Engine
from scfcap.funding.unique import Choice


def replan(inputs: Inputs, engine: Engine, before: Plan, *, choose: bool = True) -> Plan:
    """The plan of ``inputs``, which resemble those of ``before``, by few steps from its basis.

    The optimum is proven as any other. Series of the same terms begin with the order of repayment
    of ``before``, so that both plans compare like with like. With ``choose`` one of the equal
    plans is taken as :func:`~scfcap.funding.plan.solve_plan` takes it; without, the first found.
    What each channel is worth is not asked.

    Raises:
        InfeasibleError: no plan keeps all limits.
    """
    started = time.perf_counter()
    best = optimum_from(inputs, engine, before)
    seconds = {"solve": time.perf_counter() - started}
    if not choose:
        first = best.solution
        return Plan(best, (), seconds, Choice("none", first, first))
    started = time.perf_counter()
    found, choice = _chosen(best, engine)
    seconds["unique"] = time.perf_counter() - started
    return Plan(found, (), seconds | dict(choice.seconds), choice)


def optimum_from(inputs: Inputs, engine: Engine, before: Plan) -> Optimum:
    """The optimum of ``inputs`` from the basis of ``before``; see :func:`replan`."""
    start = before.choice.first
    given = replace(inputs, deals=ordered(inputs.deals, before.optimum.inputs.deals))
    try:
        return optimum(given, engine, start)
    except InfeasibleError:
        if given.deals == inputs.deals:
            raise
    return optimum(inputs, engine, start)


def ordered(
    deals: tuple[DealInputs, ...], before: tuple[DealInputs, ...]
) -> tuple[DealInputs, ...]:
    """``deals`` with the periods in which ``before`` found the notes of the same series repaid."""
    known = {d.name: d for d in before}

    def same(d: DealInputs) -> bool:
        other = known.get(d.name)
        return other is not None and (
            (d.closing, d.last_revolving, d.legal_end, len(d.repaid_by))
            == (other.closing, other.last_revolving, other.legal_end, len(other.repaid_by))
        )

    return tuple(replace(d, repaid_by=known[d.name].repaid_by) if same(d) else d for d in deals)
