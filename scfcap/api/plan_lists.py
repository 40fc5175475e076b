"""A plan and its lists of loans: values by the plan's prices, what the lists reach of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from scfcap.errors import InputError

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.funding.allocation.assembled import Assembled
    from scfcap.funding.allocation.by_plan import DateByPlan
    from scfcap.funding.allocation.feedback import Split
    from scfcap.funding.allocation.from_plan import PlanValues
    from scfcap.funding.allocation.result import Allocation
    from scfcap.pool.columns import Columns


def plan_values(model: Model, channels: Sequence[str]) -> PlanValues:
    """What the model's loans are worth in ``channels`` by the plan's prices; computed once.

    Raises:
        InputError: the plan is over several scenarios.
    """
    from scfcap.api.variants import engine_of
    from scfcap.funding.allocation.from_plan import values

    def work() -> PlanValues:
        return values(model.plan(), model.pool(), engine_of(model).curves, channels)

    return model.once(f"plan_values {' '.join(channels)}", work)


def date_by_plan(
    model: Model, columns: Columns, lists: Mapping[str, Sequence[str]] | None
) -> DateByPlan:
    """The funding date with the plan's amounts, and values by its prices; ``lists``: yesterday's.

    Raises:
        InputError: the plan is over several scenarios; the lists do not fit the model.
        InfeasibleError: no plan keeps all limits.
    """
    from scfcap.funding.allocation.assembled import Target
    from scfcap.funding.allocation.by_plan import DateByPlan
    from scfcap.funding.allocation.from_plan import untold
    from scfcap.funding.allocation.funders import setting
    from scfcap.funding.allocation.plan_amounts import targets

    if model.loaded.spec.plan.uncertainty is not None:
        raise InputError(untold())
    plan, pool = model.plan(), model.pool()
    names = {key: Target() for key in _plan_channels(model)}
    given = setting(model.spec, pool, columns, names, lists)
    found = plan_values(model, given.keys)
    return DateByPlan(given, found, targets(plan, pool, found, model.spec.allocation.band))


def place_by_plan(
    date: DateByPlan, start: Mapping[str, float] | None
) -> tuple[Assembled, Allocation]:
    """Place the loans of a date; see :func:`scfcap.funding.allocation.by_plan.place_by_plan`."""
    from scfcap.funding.allocation import by_plan

    return by_plan.place_by_plan(date, start)


def _plan_channels(model: Model) -> list[str]:
    """Channels of the plan's first close: series that close later are none, nor lines that
    ``[allocation]`` does not state.
    """
    from scfcap.axes import BANK_DEBT, SECURITIZATION, channel_of, place
    from scfcap.funding.allocation.plan_amounts import all_channels
    from scfcap.schema.placing import is_channel

    spec, inputs = model.spec, model.plan().optimum.inputs
    issues = () if spec.securitization is None else spec.securitization.issues
    later = {place(SECURITIZATION, x.name) for x in issues if x.closing > inputs.grid.ends[0]}
    return [
        key
        for key in all_channels(inputs, model.pool())
        if is_channel(spec, key)
        and key not in later
        and (channel_of(key) != BANK_DEBT or key in spec.allocation.channels)
    ]


def plan_split(model: Model, assembled: Assembled, answer: Allocation) -> Split:
    """What the plan reaches with the lists, and what the split loses and for what.

    Raises:
        InputError: the plan is over several scenarios.
    """
    from scfcap.api.variants import engine_of
    from scfcap.funding.allocation.feedback import Placed, feed_back
    from scfcap.funding.allocation.listed import Listed, worth_at
    from scfcap.funding.allocation.relaxed import without_single_limits

    program, pool, choice = assembled.program, model.pool(), answer.choice
    found = plan_values(model, program.channels)
    gross = float(worth_at(found, choice)[choice >= 0].sum())
    placed = Placed(
        value=answer.value,
        bound=answer.bound,
        free=without_single_limits(program, answer),
        moving=gross - program.worth(choice),
    )
    goes = Listed.today(pool).moved(program.channels, choice)
    return feed_back(model.plan(), pool, engine_of(model).curves, goes, found, placed)
