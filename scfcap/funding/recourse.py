"""Recourse on loans sold: what the cap takes off what the plan reckons with.

The contract pools: up to each day the company bears ``min(losses, cap * sold)``, which is concave.
Cohort by cohort it would understate a pooled cap (``sum min <= min sum``); the plan bears all
losses instead, which errs on the safe side. The replay applies the cap, and the checks list the
difference.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scfcap.funding.inputs import BuyerInputs, Inputs
from scfcap.funding.postings import PlaceFlows
from scfcap.funding.replay import Replay
from scfcap.quantities import FloatArray


def beyond_cap(buyer: BuyerInputs, flows: PlaceFlows) -> FloatArray:
    """Losses up to each close that the buyer bears and the plan counts as the company's.

    ``L[t] - min(L[t], max(cap * S[t] - borne, 0))`` with the losses ``L`` (defaults less expected
    recoveries) since ``as_of`` and all that was sold, ``S`` [money units]; index t from 0 to T.
    Zero for a clean sale, of which the company bears nothing.
    """
    if buyer.recourse is None:
        return np.zeros(len(flows.credit_cost))
    lost = np.cumsum(flows.credit_cost)
    sold = buyer.recourse.sold + np.cumsum(flows.received)
    left = np.maximum(buyer.recourse.cap * sold - buyer.recourse.borne, 0.0)
    return np.asarray(lost - np.minimum(lost, left))


def recourse_checks(
    inputs: Inputs, result: Replay, money: float
) -> Iterator[tuple[str, float, float, str]]:
    """A line for each capped recourse: what the plan bears over the horizon above the contract.

    It depends on the path and is listed, not failed; it is never above the losses themselves.
    """
    for buyer in inputs.buyers:
        if buyer.recourse is None or buyer.recourse.cap >= 1.0:
            continue
        flows = result.places[buyer.place]
        over = float(beyond_cap(buyer, flows)[-1]) * inputs.unit
        most = float(flows.credit_cost.sum()) * inputs.unit + money
        note = "losses above the cap, which the plan bears and the contract does not: safe side"
        yield f"replay: recourse of {buyer.name} beyond its cap", over, most, note
