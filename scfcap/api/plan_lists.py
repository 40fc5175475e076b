"""A plan and its lists of loans: values by the plan's prices, what the lists reach of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.funding.allocation.assembled import Assembled
    from scfcap.funding.allocation.feedback import Split
    from scfcap.funding.allocation.from_plan import PlanValues
    from scfcap.funding.allocation.result import Allocation


def plan_values(model: Model, channels: Sequence[str]) -> PlanValues:
    """What the model's loans are worth in ``channels`` by the plan's prices; computed once."""
    from scfcap.api.variants import engine_of
    from scfcap.funding.allocation.from_plan import refuse_untold, values

    key = f"plan_values {' '.join(channels)}"
    if key not in model._kept:
        plan = model.plan()
        refuse_untold(plan)
        model._kept[key] = values(plan, model.pool(), engine_of(model).curves, channels)
    found: PlanValues = model._kept[key]
    return found


def plan_split(model: Model, assembled: Assembled, answer: Allocation) -> Split:
    """What the plan reaches with the lists, and what the split loses and for what.

    Raises:
        InputError: the plan is over several scenarios.
    """
    from scfcap.api.variants import engine_of
    from scfcap.funding.allocation.feedback import Placed, feed_back, goes_to
    from scfcap.funding.allocation.relaxed import without_single_limits

    program, pool, choice = assembled.program, model.pool(), answer.choice
    found = plan_values(model, program.channels)
    loans = np.flatnonzero(choice >= 0)
    gross = float(found.value[loans, choice[loans]].sum())
    placed = Placed(
        value=answer.value,
        bound=answer.bound,
        free=without_single_limits(program, answer),
        moving=gross - float(program.value[loans, choice[loans]].sum()),
    )
    places = np.array(pool.places, dtype=object)[pool.place]
    goes = goes_to(places, np.arange(len(program)), program.channels, choice)
    return feed_back(model.plan(), pool, engine_of(model).curves, goes, found, placed)
