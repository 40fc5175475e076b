"""A holding period on a grid too coarse for it: what it does to lending, and a caution."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scfcap.funding.inputs import BuyerInputs, DealInputs, Inputs
from scfcap.quantities import FloatArray

#: Loans that stand fewer periods than this turn over too fast for a holding period.
SHORT = 2.0


def managed_lending(funds: float, retained: float, left: float) -> float:
    """Loans that ``funds``, own and borrowed, carry where what is old enough goes to a vehicle.

    ``F / (1 - (1 - r) s)`` [as ``funds``]: ``s`` is the share of what loans stand over their life
    that is ``left`` after the holding period, all of which the vehicle takes, and of which the
    company keeps ``r``, ``retained``. ``F / r`` without holding (s = 1). Where a share p is repaid
    each period, a holding of one leaves s = 1 - p = g, so that this is
    ``F (1 + g/p) / (1 + r g/p)``.
    """
    return funds / (1.0 - (1.0 - retained) * left)


def lives(inputs: Inputs, segment: int) -> FloatArray:
    """What a new loan of the segment stands at each close from that of its own period on.

    Per unit lent; the last figure adds what it stands after the plan. The sum is its mean life in
    periods. Empty where the plan makes none.
    """
    j = inputs.new_cohort.get((segment, 1))
    if j is None:
        return np.zeros(0)
    cohorts, year = inputs.cohorts, float(inputs.year[-1])
    standing = cohorts.path[j, 1:].copy()
    standing[-1] *= 1.0 + float(cohorts.annuity[j]) / year
    return standing


def holding_cautions(inputs: Inputs) -> list[str]:
    """What a plan by the month hides where loans turn over in weeks and must be held first."""
    if not inputs.grid.told_in("month") or inputs.spec.plan.unit != "month":
        return []
    return list(_found(inputs))


def _found(inputs: Inputs) -> Iterator[str]:
    vehicle = inputs.vehicle
    if vehicle is not None and inputs.deals and vehicle.min_seasoning:
        for s in sorted(inputs.deals[0].segments):
            yield from _said(inputs, s, inputs.deals[0], vehicle.min_seasoning)
    for buyer in inputs.buyers:
        if buyer.min_seasoning and buyer.limit > 0.0:
            for s in sorted(buyer.segments):
                yield from _said(inputs, s, buyer, buyer.min_seasoning)


def _said(
    inputs: Inputs, segment: int, funder: BuyerInputs | DealInputs, holding: int
) -> Iterator[str]:
    standing = lives(inputs, segment)
    life = float(standing.sum())
    if not 0.0 < life < SHORT:
        return
    left = float(standing[holding:].sum()) / life
    months = "a month" if holding == 1 else f"{holding} months"
    name = inputs.segments[segment]
    whose = f"{funder.name} takes" if isinstance(funder, BuyerInputs) else "the vehicle takes"
    said = f"Loans of {name} stand {life:.1f} months on average, and {whose} them after {months}: "
    if isinstance(funder, BuyerInputs):
        said += f"in periods of a month {left:.0%} of what they stand is left to sell"
    else:
        assert inputs.vehicle is not None
        kept = inputs.vehicle.retained_share
        with_it = managed_lending(1.0, kept, left)
        free = f"{managed_lending(1.0, kept, 1.0):.1f}" if kept > 0.0 else "any amount"
        said += (
            f"in periods of a month a unit of own funds and debt carries {with_it:.1f} of such "
            f"loans, against {free} without holding"
        )
    yield f'{said}. Plan by weeks: plan.frequency = "weeks_then_months" or "week".'
