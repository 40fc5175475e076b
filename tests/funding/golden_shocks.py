"""Golden instances of lines that are cut, draws that float, and limits that are drawn on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from scfcap.funding.inputs import Inputs
from scfcap.funding.line_cuts import cut

from .golden_parts import line, tiny

WHOLE = np.ones(4)


def bank_debt_running() -> Inputs:
    first = line("bank-a", 10.0, (1, 0.06), (2, 0.06), balance=(2.0, 2.0))
    second = line("bank-b", 8.0, (1, 0.06))
    return tiny(
        lenders=(
            cut(first, WHOLE, np.array([1.0, 1.0, 0.5, 0.5])),
            cut(second, np.array([1.0, 1.0, 1.0, 0.75]), np.array([0.5, 0.5, 0.5, 0.5])),
        )
    )


def floating() -> Inputs:
    dear = np.array([0.0, 0.0, 0.012, 0.024])
    both = line("line", 10.0, (2, 0.06), (3, 0.06), fee=0.0)
    return tiny(lenders=(replace(both, dearer=dear, floating=frozenset({3})),))


def liquidity_floor_drawn() -> Inputs:
    return tiny(
        plan={"undrawn_draw_rate": 0.25},
        liquidity_floor=2.0,
        undrawn=8.0,
        undrawn_left=np.array([1.0, 1.0, 0.6, 0.3]),
    )


#: Instance by name of the golden file without ``.lp``.
SHOCKS: dict[str, Callable[[], Inputs]] = {
    "bank_debt.running": bank_debt_running,
    "cash_balance.floating": floating,
    "net_capital.floating": floating,
    "liquidity_floor.drawn": liquidity_floor_drawn,
}
