"""Draws of borrowers on their open limits, all at once."""

from __future__ import annotations

import numpy as np

from scfcap.errors import InputError, Problem
from scfcap.funding.inputs import Inputs
from scfcap.quantities import FloatArray


def surge(inputs: Inputs, limits: FloatArray, share: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What is drawn by segment and period [S, T, money units], and the share of all limits that is
    then undrawn at each close [T + 1].

    ``D[s,t] = L[s] prod_{u<t} (1 - a[s,u]) a[s,t]`` with the limits ``L`` [S] and ``share`` ``a``
    [S, T] of what is still undrawn. What is drawn may not be drawn a second time within the plan.

    Raises:
        InputError: draws in a segment of whose new loans the model says nothing.
    """
    left = np.cumprod(1.0 - share, axis=1)
    before = np.concatenate((np.ones((len(limits), 1)), left[:, :-1]), axis=1)
    drawn = limits[:, None] * before * share
    unknown = [
        inputs.segments[s]
        for s, t in np.argwhere(drawn > 0.0)
        if (int(s), int(t) + 1) not in inputs.new_cohort
    ]
    if unknown:
        raise InputError(
            Problem(
                f"model.toml: scenarios.{inputs.spec.plan.scenario}.shocks",
                f"draws on the limits of {', '.join(dict.fromkeys(unknown))}",
                "segments of whose new loans a table [demand.SEGMENT] tells",
                "Add the table, or leave the segment out of the draw_surge.",
            )
        )
    return drawn, np.concatenate(([1.0], limits @ left / limits.sum()))
