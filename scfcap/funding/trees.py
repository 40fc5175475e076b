"""Trees of scenarios: who cannot be told apart up to which date, by what has happened so far.

Scenarios are put together backward in time (J. Dupacova, N. Groewe-Kuska, W. Roemisch, Scenario
reduction in stochastic programming, Math. Program. A 95 (2003) 493-511): from the last date at
which groups part to the first, each time those of the groups are kept that stand best for the
others, by the distance of what has happened up to that date; the others join the nearest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from scfcap.credit.reduce import reduce_paths
from scfcap.errors import InputError, Problem
from scfcap.funding.inputs import Inputs
from scfcap.funding.mean import stood_before
from scfcap.funding.nodes import Nodes
from scfcap.quantities import FloatArray, IntArray
from scfcap.schema.uncertainty import Uncertainty


def felt(inputs: Inputs) -> FloatArray:
    """What the plan feels of its scenario in each period [T, D], in money units.

    By segment what old loans repay and pay in interest, what of them is lost, and demand; what is
    there of each line, of P2P notes to renew and of new P2P money; and the dearer rates on each.
    """
    cohorts = inputs.cohorts
    old = (cohorts.vintage <= 0)[:, None] * cohorts.amount[:, None] * stood_before(cohorts)
    flows = [old * (cohorts.repaid + cohorts.interest), old * cohorts.default]
    shape = (len(inputs.segments), inputs.horizon + 1)
    found: list[FloatArray] = []
    for flow in flows:
        by_segment = np.zeros(shape)
        np.add.at(by_segment, cohorts.segment, flow)
        found.extend(by_segment)
    found.extend(inputs.demand)
    every = range(inputs.horizon + 1)
    for x in inputs.lenders:
        found.append(np.array([x.line(t) for t in every]))
        dearer = np.zeros(inputs.horizon + 1) if x.dearer is None else x.dearer
        found.append(-x.limit * dearer * inputs.year)
    return np.stack([*found, *_notes(inputs)], axis=1)[1:]


def _notes(inputs: Inputs) -> list[FloatArray]:
    p2p, size = inputs.p2p, inputs.horizon + 1
    if p2p is None:
        return []
    whole = np.ones(size)
    renewed = whole if p2p.renewed is None else p2p.renewed
    fresh = whole if p2p.fresh is None else p2p.fresh
    dearer = np.zeros(size) if p2p.dearer is None else p2p.dearer
    return [p2p.limit * renewed, p2p.limit * fresh, -p2p.limit * dearer * inputs.year]


def tree(points: FloatArray, weights: FloatArray, first: int, branches: Sequence[int]) -> Nodes:
    """Nodes of scenarios whose ``points`` are what is felt of each in each period [K, T, D].

    One node up to period ``first``. From each date to the next, of ``first`` and ``branches``,
    scenarios are together that are alike up to the earlier one; after the last each is alone. With
    m dates after ``first`` and K scenarios there are ``K^(i / (m + 1))`` groups, rounded up, after
    the i-th date: as many from each to the next. Scenarios without any difference so far never
    part.

    Raises:
        FaultError: dates beyond the periods.
    """
    count, periods = points.shape[0], points.shape[1]
    nodes = Nodes.two_stage(count, periods, branches[-1] if branches else first)
    index = np.array(nodes.index)
    dates = [first, *branches]
    group = np.arange(count)
    for i in range(len(branches), 0, -1):
        wanted = math.ceil(count ** (i / (len(branches) + 1)) - 1e-9)
        group = _joined(points[:, : dates[i - 1]], weights, group, wanted)
        index[:, dates[i - 1] + 1 : dates[i] + 1] = group[:, None]
    return Nodes(index)


def _joined(points: FloatArray, weights: FloatArray, group: IntArray, wanted: int) -> IntArray:
    """Groups put together into at most ``wanted``, each named by the scenario it stands on."""
    standing, place = np.unique(group, return_inverse=True)
    history = points[standing].reshape(len(standing), -1)
    mass = np.zeros(len(standing))
    np.add.at(mass, place, weights)
    if history.shape[1] == 0:
        return np.full(len(group), standing[0])
    found = reduce_paths(history, mass, min(wanted, len(standing)))
    return np.asarray(standing[found.kept[found.nearest]][place])


def tree_of(
    stated: Uncertainty, inputs: Mapping[str, Inputs], weights: Mapping[str, float]
) -> Nodes:
    """Who decides together, by ``first_stage`` and ``branches`` of ``[plan.uncertainty]``.

    Raises:
        InputError: a branch after the last period of the plan.
    """
    horizon = next(iter(inputs.values())).horizon
    if stated.branches and stated.branches[-1] > horizon:
        raise InputError(
            Problem(
                "model.toml: plan.uncertainty.branches",
                f"period {stated.branches[-1]}",
                f"at most {horizon}, the periods of the plan",
            )
        )
    points = np.stack([felt(x) for x in inputs.values()])
    mass = np.array([weights[name] for name in inputs])
    return tree(points, mass, stated.first_stage, stated.branches)
