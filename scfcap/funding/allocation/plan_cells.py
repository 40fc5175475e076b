"""Groups of loans finer than a plan's cohorts, with factors of their own, as inputs of the plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from scfcap.cashflow.cohorts import grouped_factors
from scfcap.credit.curves import CurveSet
from scfcap.distinct import distinct
from scfcap.funding.cohort_inputs import CohortInputs, CreditPath, Maturing
from scfcap.funding.falling_due import maturing
from scfcap.funding.gather import cohorts_of
from scfcap.funding.inputs import Inputs
from scfcap.funding.pledges import behind_of
from scfcap.funding.provisions import provision_inputs
from scfcap.funding.quoted import one_scenario
from scfcap.funding.replay import opening_groups
from scfcap.funding.stressed import credit_path
from scfcap.pool.snapshot import ELIGIBLE, Pool
from scfcap.quantities import FloatArray, IntArray

#: Most groups into which loans are put: up to as many loans each is one for itself.
MOST = 50_000
#: The same of more loans than so many: flows of a group take some 20 KiB while they are worked out.
MANY, MOST_OF_MANY = 2_000_000, 20_000
#: Widths of rate [1/year], days left and days since origination tried in turn: rates are put
#: together first, as the worth of a rate corrects for them.
_BINS = (
    (0.0025, 1, 1), (0.01, 1, 1), (0.05, 1, 2), (0.1, 1, 4), (0.2, 1, 7), (0.2, 1, 15),
    (0.2, 1, 30), (0.2, 3, 60), (0.2, 7, 120), (0.5, 15, 365), (1.0, 30, 365), (10.0, 10**6, 10**6),
)  # fmt: skip


@dataclass(frozen=True)
class Cells:
    """Groups of loans of one cohort, place and kind.

    ``of`` (loans,): each loan's cell; ``cohort`` (cells,): the plan's cohort that it is part of;
    ``first`` (cells,): one of its loans; ``alone``: whether each loan is a cell for itself.
    """

    of: IntArray
    cohort: IntArray
    first: IntArray
    alone: bool

    def __len__(self) -> int:
        return len(self.cohort)


def cells_of(inputs: Inputs, pool: Pool, most: int = MOST) -> Cells:
    """The loans by cell: each for itself, or, where there are more than ``most``, together with
    those of the same cohort, type, behaviour and eligibility and of like rate and days.
    """
    cohort = opening_groups(inputs, pool)[0]
    count = len(pool)
    if count > MANY:
        most = min(most, MOST_OF_MANY)
    if count <= most:
        own = np.arange(count)
        return Cells(own, cohort, own, alone=True)
    exact = [cohort, pool.loan_type, np.minimum(pool.days_past_due, 90)]
    exact += [code == ELIGIBLE for code in pool.eligibility.values()]
    if pool.rule is not None:
        exact.append(pool.rule)
    if pool.payers is not None:
        exact.append(pool.payers.by_buyer)
    alike = distinct(exact).of
    for rate, left, age in _BINS:
        near = np.floor(pool.rate / rate).astype(np.int64)
        found, first, of = distinct(
            (alike, near, pool.maturity_day // left, pool.origination_day // age)
        )
        if found.shape[1] <= most:
            break
    return Cells(of, cohort[first], first, alone=False)


def cells_as_cohorts(inputs: Inputs, pool: Pool, curves: CurveSet, cells: Cells) -> Inputs:
    """``inputs`` in which each cell is a cohort, and there are no other.

    ``curves`` are those of the plan's engine. Shares of what a set admits are the cells' own, its
    concentration limits left out.
    """
    spec, horizon, cohorts = inputs.spec, inputs.horizon, inputs.cohorts
    alone = one_scenario(curves, spec.plan.scenario)
    of = cells.cohort
    factors = grouped_factors(
        pool,
        alone,
        cells.of,
        (cohorts.segment[of], cohorts.vintage[of], tuple(cohorts.origin[j] for j in of)),
    )
    found = cohorts_of(spec, factors, alone, horizon)
    path = credit_path(factors, alone, 0, horizon)
    if inputs.path is not None and path is None:
        path = _steady(inputs.path, inputs.severity, found)
    late, pledges = inputs.late, inputs.pledges
    mean = _mean_of(pool.balance, cells)
    return replace(
        inputs,
        cohorts=found,
        new_cohort={},
        eligible={name: mean(pool.eligibility[name] == ELIGIBLE) for name in inputs.eligible},
        path=path,
        provisions=provision_inputs(spec, factors, alone, 0, inputs.grid),
        maturing=maturing(spec, factors),
        late=None if late is None else replace(late, behind=behind_of(factors, 0, horizon)),
        pledges=None
        if pledges is None
        else replace(pledges, share=np.stack([mean(x) for x in _pledged(inputs, pool)])),
    )


def _mean_of(balance: FloatArray, cells: Cells) -> Callable[[FloatArray], FloatArray]:
    """Mean by cell, weighted by balance."""
    whole = np.bincount(cells.of, balance, minlength=len(cells))

    def mean(value: FloatArray) -> FloatArray:
        return np.asarray(np.bincount(cells.of, balance * value, minlength=len(cells)) / whole)

    return mean


def _pledged(inputs: Inputs, pool: Pool) -> list[FloatArray]:
    """Whether each loan is in a cell of loans to pledge, by cell."""
    pledges = inputs.pledges
    assert pledges is not None
    sets = sorted(frozenset[str]().union(*pledges.takes))
    takes = {name: pool.eligibility[name] == ELIGIBLE for name in sets}
    return [
        np.all([takes[name] == (name in cell) for name in sets], axis=0).astype(np.float64)
        for cell in pledges.takes
    ]


def _steady(path: CreditPath, severity: FloatArray, cohorts: CohortInputs) -> CreditPath:
    """Losses of the segment's severity, nothing struck, in the plan's terms."""
    loss = cohorts.default * severity[cohorts.segment][:, None]
    return replace(path, loss=loss, recoverable=cohorts.default - loss, struck=np.zeros_like(loss))


def with_cells(inputs: Inputs, cells: Inputs) -> Inputs:
    """``inputs`` whose opening cohorts are those of ``cells`` (see :func:`cells_as_cohorts`)."""
    new = np.flatnonzero(inputs.cohorts.vintage >= 1)
    count = len(cells.cohorts)

    def rows(part: FloatArray, whole: FloatArray) -> FloatArray:
        return np.concatenate((part, whole[new]))

    path, provisions, late, pledges = cells.path, cells.provisions, cells.late, cells.pledges
    if path is not None and inputs.path is not None:
        mine, theirs = path, inputs.path
        lost: dict[str, Any] = {n: rows(getattr(mine, n), getattr(theirs, n)) for n in _LOSSES}
        path = replace(mine, **lost)
    if provisions is not None and inputs.provisions is not None:
        provisions = replace(provisions, cover=rows(provisions.cover, inputs.provisions.cover))
    if late is not None and inputs.late is not None and inputs.late.behind is not None:
        behind = np.zeros((count, inputs.horizon + 1)) if late.behind is None else late.behind
        late = replace(late, behind=rows(behind, inputs.late.behind))
    if pledges is not None and inputs.pledges is not None:
        both = np.concatenate((pledges.share, inputs.pledges.share[:, new]), axis=1)
        pledges = replace(pledges, share=both)
    at = {int(j): count + n for n, j in enumerate(new)}
    return replace(
        inputs,
        cohorts=_joined(cells.cohorts, inputs.cohorts, new),
        new_cohort={key: at[j] for key, j in inputs.new_cohort.items()},
        eligible={name: rows(x, inputs.eligible[name]) for name, x in cells.eligible.items()},
        path=path,
        provisions=provisions,
        maturing={
            days: Maturing(rows(x.within, y.within), rows(x.later, y.later))
            for days, x in cells.maturing.items()
            for y in [inputs.maturing[days]]
        },
        late=late,
        pledges=pledges,
    )


_LOSSES = ("loss", "recoverable", "struck")


def _joined(cells: CohortInputs, whole: CohortInputs, new: IntArray) -> CohortInputs:
    parts: dict[str, Any] = {}
    for each in fields(CohortInputs):
        mine, theirs = getattr(cells, each.name), getattr(whole, each.name)
        if each.name == "origin":
            parts[each.name] = (*mine, *(theirs[j] for j in new))
        elif mine is None or theirs is None:
            parts[each.name] = None
        else:
            parts[each.name] = np.concatenate((mine, theirs[new]))
    return CohortInputs(**parts)


def parts_of(inputs: Inputs, cohort: IntArray, amount: FloatArray) -> Inputs:
    """Parts of the plan's cohorts, ``amount`` [money units] each, that are like the whole cohort:
    in the terms of :func:`cells_as_cohorts`.
    """
    cohorts = inputs.cohorts
    like: dict[str, Any] = {}
    for each in fields(CohortInputs):
        value = getattr(cohorts, each.name)
        if each.name == "origin":
            like[each.name] = tuple(value[j] for j in cohort)
        else:
            like[each.name] = None if value is None else value[cohort]
    like["amount"] = amount
    path, late, pledges = inputs.path, inputs.late, inputs.pledges
    provisions = inputs.provisions
    return replace(
        inputs,
        cohorts=CohortInputs(**like),
        new_cohort={},
        eligible=_picked(inputs.eligible, cohort),
        path=path and replace(path, **{n: getattr(path, n)[cohort] for n in _LOSSES}),
        provisions=provisions and replace(provisions, cover=provisions.cover[cohort]),
        maturing={
            days: Maturing(x.within[cohort], x.later[cohort]) for days, x in inputs.maturing.items()
        },
        late=late and replace(late, behind=None if late.behind is None else late.behind[cohort]),
        pledges=pledges and replace(pledges, share=pledges.share[:, cohort]),
    )


def _picked(values: Mapping[str, FloatArray], cohort: IntArray) -> dict[str, FloatArray]:
    return {name: x[cohort] for name, x in values.items()}
