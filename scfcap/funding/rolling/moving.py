"""Decisions of one grid on another that begins on the same day and is longer or shorter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scfcap.funding.decisions import Decisions
from scfcap.funding.inputs import Inputs
from scfcap.funding.possible import empty_decisions
from scfcap.quantities import FloatArray


def on_grid(decisions: Decisions, source: Inputs, target: Inputs) -> Decisions:
    """``decisions`` made with the cohorts of ``source``, with those of ``target``.

    What lies after the grid of ``target``, or is of a cohort that it does not have, is left out.
    """
    last = min(source.horizon, target.horizon)
    place = {_label(target, j): j for j in range(len(target.cohorts))}
    found = empty_decisions(target)
    transfers = {
        (place[label], where, t): amount
        for (j, where, t), amount in decisions.transfers.items()
        if t <= last and (label := _label(source, j)) in place
    }
    closing = {d.name: d.closing for d in target.deals}
    return replace(
        found,
        originated=_cut(decisions.originated, found.originated, last),
        placed=_cut(decisions.placed, found.placed, last),
        transfers=transfers,
        draws={key: x for key, x in decisions.draws.items() if key[2] <= last},
        issued={n: x for n, x in decisions.issued.items() if closing.get(n, last + 1) <= last},
        pledged={key: x for key, x in decisions.pledged.items() if key[2] <= last},
        booked={key: x for key, x in decisions.booked.items() if key[2] <= last},
        dividends=None
        if decisions.dividends is None or found.dividends is None
        else _cut(decisions.dividends, found.dividends, last),
        left_out=decisions.left_out,
    )


def _label(inputs: Inputs, j: int) -> tuple[int, int, str]:
    cohorts = inputs.cohorts
    return int(cohorts.segment[j]), int(cohorts.vintage[j]), cohorts.origin[j]


def _cut(values: FloatArray, shape: FloatArray, last: int) -> FloatArray:
    made = np.zeros_like(shape)
    made[..., : last + 1] = values[..., : last + 1]
    return made
