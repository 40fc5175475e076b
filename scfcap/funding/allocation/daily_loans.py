"""What becomes of single loans day by day: by contract, until one is repaid early or defaults.

The projection says what part of a loan's balance is due, repaid early and defaults each day. A
single loan is one or the other: it follows its contract until a draw with those parts as
probabilities ends it. So the mean over many draws is the projection.
"""

from __future__ import annotations

import numpy as np

from scfcap.cashflow.flows import Flows
from scfcap.quantities import FloatArray


def fates(flows: Flows, random: np.random.Generator) -> FloatArray:
    """Balance (loans, days + 1) [currency] at the start and at the end of each day.

    Each loan is a group of ``flows`` of its own; of scenarios the first counts. One that is repaid
    early or defaults has no balance from that day on.

    ``opening o, default d, scheduled s, prepaid p`` of a day: the loan defaults with probability
    ``d / o``, else ``s / (o - d)`` of it is paid by contract, and the rest is repaid early with
    probability ``p / (o - d - s)``.
    """
    opening, default = flows.opening[0], flows.default[0]
    scheduled, prepaid = flows.scheduled[0], flows.prepaid[0]
    survive = opening - default
    rest = survive - scheduled
    fails, leaves = _share(default, opening), _share(prepaid, rest)
    kept = 1.0 - _share(scheduled, survive)
    loans, days = opening.shape
    ends = random.random((loans, days)) < fails
    ends |= random.random((loans, days)) < leaves
    contract = np.cumprod(kept, axis=1) * opening[:, :1]
    balance = np.hstack((opening[:, :1], contract))
    gone = np.hstack((np.zeros((loans, 1), dtype=np.bool_), np.logical_or.accumulate(ends, axis=1)))
    return np.where(gone, 0.0, balance)


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    """``part / whole``, 0 where there is nothing, between 0 and 1."""
    found = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0.0)
    return np.clip(found, 0.0, 1.0)
