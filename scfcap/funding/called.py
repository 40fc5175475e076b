"""Draws of a plan that a bank calls when it ends its line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from scfcap.credit.stress import Stress
from scfcap.funding.inputs import Inputs, LenderInputs
from scfcap.funding.tenor import Maturity


def called_in(stress: Stress, scenario: str, periods: int) -> dict[str, int]:
    """Lenders that call all that is drawn, and the first period in which they do."""
    row = stress.scenarios.index(scenario)
    found = {}
    for h, name in enumerate(stress.lenders):
        gone = np.flatnonzero(stress.line_called[row, h, :periods] <= 0.0)
        if len(gone):
            found[name] = int(gone[0]) + 1
    return found


def with_calls(inputs: Inputs, called: Mapping[str, int]) -> Inputs:
    """``inputs`` in which draws made before a line is called fall due when it is.

    A plan that does not foresee the call may have drawn for longer: the program of a scenario lets
    it draw no more than fits under the line that is left.
    """
    return replace(
        inputs,
        lenders=tuple(
            _called(x, called[x.name], inputs.horizon) if x.name in called else x
            for x in inputs.lenders
        ),
    )


def _called(x: LenderInputs, t: int, horizon: int) -> LenderInputs:
    since = np.arange(horizon + 1)
    dated = {}
    for tenor, _ in x.tenors:
        stated = x.maturity(tenor)
        due = np.array([stated.falls_due(int(u)) for u in since])
        part = np.array([stated.part_of(int(u)) for u in since])
        early = (since < t) & (due > t)
        dated[tenor] = Maturity(tenor, np.where(early, t, due), np.where(early, 1.0, part))
    return replace(x, dated=dated)
