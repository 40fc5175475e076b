"""Tiny instances of money that is missing, and of its tail."""

from __future__ import annotations

import numpy as np

from scfcap.funding.cohort_inputs import Maturing
from scfcap.funding.inputs import Inputs

from .golden_parts import tiny

#: A per cent a month, compounded.
TERMINAL = 1.01**12 - 1.0


def uncertain(risk: dict[str, object] | None = None, **plan: object) -> Inputs:
    """Two months with nothing but cash of 5, and what is missing at 0.36 a year."""
    said = {"weights": {"base": 1.0}, "shortfall": {"rate": 0.36}, "risk": risk or {}}
    return tiny(2, plan={"uncertainty": said, "terminal_rate": TERMINAL, **plan})


def gap() -> Inputs:
    nothing = Maturing(np.zeros((0, 3)), np.zeros((0, 3)))
    return tiny(
        2,
        plan={
            "uncertainty": {"weights": {"base": 1.0}},
            "maturity_gaps": [{"days": 30, "buffer": 1.0}, {"days": 60}],
        },
        maturing={30: nothing, 60: nothing},
    )


def total() -> Inputs:
    return uncertain({"level": 0.8, "limit": 3.0})


def worst() -> Inputs:
    return uncertain({"level": 0.75, "measure": "worst", "weight": 0.5, "limit": 2.0})


CASES = {
    "cash_balance.shortfall": uncertain,
    "net_capital.shortfall": uncertain,
    "maturity_gap.shortfall": gap,
    "tail": total,
    "tail.worst": worst,
    "cvar": total,
    "cvar.worst": worst,
}
