"""A funding date with the plan's amounts: its floors give way where single loans cannot fill them.

What an amount is worth is in the values already, so that a floor of the plan is an aim and no
promise. It is kept where whole loans within the funder's limits can fill it, since notices were
given for it. Where they cannot, as the plan does not know limits of single loans, the most that
they can fill is found, the floor is lowered to that less half the band, and it is told. Floors that
``[allocation]`` states are kept as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import numpy as np
import numpy.typing as npt

from scfcap.errors import InfeasibleError
from scfcap.funding.allocation.assemble import Draft, draft
from scfcap.funding.allocation.assembled import Assembled, Target
from scfcap.funding.allocation.blocks import blocks
from scfcap.funding.allocation.cuts import place
from scfcap.funding.allocation.from_plan import PlanValues
from scfcap.funding.allocation.funders import Setting, with_targets
from scfcap.funding.allocation.plan_amounts import CENT, STANDING
from scfcap.funding.allocation.result import Allocation
from scfcap.funding.allocation.stated import move_cost
from scfcap.funding.allocation.structure import HELD
from scfcap.quantities import FloatArray, IntArray


@dataclass(frozen=True)
class DateByPlan:
    """A funding date: who may take what, what loans are worth, and the plan's amounts by key."""

    given: Setting
    found: PlanValues
    aims: Mapping[str, Target]

    @cached_property
    def counts(self) -> FloatArray:
        """What of each loan counts towards an amount of the plan [currency]."""
        return self.given.balance * self.found.standing

    def draft(
        self, aims: Mapping[str, Target] | None = None, more: FloatArray | None = None
    ) -> Draft:
        """The date before it is solved; with other ``aims``, and ``more`` (channels,) added to the
        values of what counts of a loan.

        Raises:
            InputError: a test or limit of ``[allocation]`` does not fit the tape.
            InfeasibleError: a limit is broken wherever the loans go.
        """
        given = with_targets(self.given, self.aims if aims is None else aims)
        table = Table(self, given, np.zeros(len(given.funders)) if more is None else more)
        held = np.asarray(table) if len(given) <= HELD else table
        return draft(
            given,
            cast("FloatArray", held),
            counts={STANDING: self.found.standing},
            unknown=~self.found.may,
        )


@dataclass(frozen=True)
class Table:
    """Values (loans, channels) [currency] of very many loans: not held but worked out of the
    plan's cells when asked for, the cost of moves taken off. ``more`` (channels,): added for each
    unit of what counts of a loan.
    """

    date: DateByPlan
    given: Setting
    more: FloatArray

    @property
    def shape(self) -> tuple[int, int]:
        """Loans and channels."""
        return len(self.given), len(self.given.funders)

    def __getitem__(
        self, at: slice | IntArray | tuple[slice | IntArray, int | IntArray]
    ) -> FloatArray:
        if not isinstance(at, tuple):
            return self._of(at)
        loans, channel = at
        each = np.arange(len(self.given))[loans]
        place = np.broadcast_to(channel, each.shape)
        found = np.empty(len(each))
        for some in blocks(len(each)):
            rows = self._of(each[some])
            found[some] = rows[np.arange(len(rows)), place[some]]
        return found

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> FloatArray:
        found = np.empty(self.shape)
        for loans in blocks(len(self.given)):
            found[loans] = self._of(loans)
        return np.asarray(found, dtype=dtype)

    def _of(self, loans: slice | IntArray) -> FloatArray:
        found = self.date.found.of(loans)
        for c in range(len(self.given.funders)):
            found[:, c] -= move_cost(self.given, c, loans)
        if self.more.any():
            found += self.more * self.date.counts[loans, None]
        return found


def place_by_plan(
    date: DateByPlan, start: Mapping[str, float] | None = None
) -> tuple[Assembled, Allocation]:
    """Place the loans within the plan's amounts, its floors lowered where loans cannot fill them.

    Raises:
        InputError: a test or limit of ``[allocation]`` does not fit the tape.
        InfeasibleError: no placement keeps the limits, whatever the plan's floors.
    """
    try:
        return place(date.draft(), start)
    except InfeasibleError:
        floors = {key for key, aim in date.aims.items() if aim.least > 0.0}
        if not floors:
            raise
    lowered, told = _lowered(date, floors)
    assembled, answer = place(date.draft(lowered), start)
    return replace(assembled, cautions=(*assembled.cautions, *told)), answer


def _lowered(date: DateByPlan, floors: set[str]) -> tuple[dict[str, Target], list[str]]:
    """Aims whose floors loans can fill, and what is told of those that they could not."""
    free = {key: replace(aim, least=0.0) for key, aim in date.aims.items()}
    _, fullest = place(date.draft(free, _reward(date, floors)))
    lowered, told = dict(date.aims), []
    for key in sorted(floors):
        if key not in date.given.keys:
            continue
        aim = date.aims[key]
        reached = float(date.counts[fullest.holds(key)].sum())
        half = (aim.wanted or aim.least) - aim.least
        least = min(aim.least, max(reached - half, 0.0))
        if least < aim.least - CENT:
            lowered[key] = replace(aim, least=least)
            told.append(
                f"{key}: the plan has {aim.wanted or 0.0:,.0f} there, and the most that whole "
                f"loans were found to fill within limits that the plan does not know is "
                f"{reached:,.0f}; at least {least:,.0f} go there instead of {aim.least:,.0f}."
            )
    return lowered, told


def _reward(date: DateByPlan, floors: set[str]) -> FloatArray:
    """What filling an amount is worth that no value outweighs (channels,), per money that counts
    [1].
    """
    most = 0.0
    for loans in blocks(len(date.found)):
        value, counts = date.found.of(loans), date.counts[loans]
        there = counts > 0.0
        most = max(most, float(np.abs(value[there] / counts[there, None]).max(initial=0.0)))
    chosen = np.array([key in floors for key in date.given.keys])
    return np.asarray(np.where(chosen, 1.0 + 4.0 * most, 0.0))
