"""Sizing as one writes it by hand: one waterfall a size and stress, a grid, then halving.

The terms are those of the static deal of twelve payments in :mod:`baselines.waterfall`, with A
rated AAA and B rated A, each with a stress that comes early and one that comes late.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from baselines import waterfall

from scfcap.deal.assets import GivenAssets
from scfcap.deal.engine import run_deal
from scfcap.deal.outcome import DealRun
from scfcap.deal.sizing import Runner
from scfcap.deal.structure import Deal
from scfcap.periods import PeriodGrid
from scfcap.quantities import FloatArray, IntArray
from scfcap.schema.deal import DealSpec
from scfcap.schema.sizing import SizingSpec

POOL, PERIODS = waterfall.POOL, waterfall.PERIODS
SCENARIOS = ("AAA early", "AAA late", "A early", "A late")
STRESSES = {"AAA": SCENARIOS[:2], "A": SCENARIOS[2:]}
RATED = {"A": "AAA", "B": "A"}
TOLERANCE = 1e-5
#: Monthly default of the performing pool, early and late, by rating.
_LOSSES = {"AAA": 0.025, "A": 0.003}
_REPAID, _RATE, _RECOVERED = 0.06, 0.16, 0.3


@dataclass(frozen=True)
class Inputs:
    """Flows by stress [4, T], and the deal with its ratings."""

    deal: Deal
    flows: tuple[FloatArray, ...]


def build(grid: int) -> Inputs:
    """Four stresses; sizes are tried on ``grid`` points."""
    interest, principal, default, recovery, pool = np.zeros((5, len(SCENARIOS), PERIODS))
    for k, name in enumerate(SCENARIOS):
        rating, when = name.split()
        held = POOL
        for t in range(PERIODS):
            shape = 1.5 if (t < PERIODS // 2) == (when == "early") else 0.5
            default[k, t] = held * _LOSSES[rating] * shape
            principal[k, t] = (held - default[k, t]) * _REPAID
            interest[k, t] = held * _RATE / 12
            recovery[k, t] = _RECOVERED * default[k, t]
            held -= default[k, t] + principal[k, t]
            pool[k, t] = held
    # what is left is repaid at the end
    principal[:, -1] += pool[:, -1]
    pool[:, -1] = 0.0
    deal = Deal.of("static", _rated(grid), PeriodGrid.build(waterfall.TERMS.closing, PERIODS))
    return Inputs(deal, (interest, principal, default, recovery, pool))


def _rated(grid: int) -> DealSpec:
    terms = waterfall.TERMS
    tranches = {
        name: each.model_copy(update={"rating": RATED.get(name, "")})
        for name, each in terms.tranches.items()
    }
    sizing = SizingSpec(stresses=STRESSES, grid=grid, tolerance=TOLERANCE)
    return terms.model_copy(update={"tranches": tranches, "sizing": sizing})


def runner(inputs: Inputs) -> Runner:
    """Runs the engine."""

    def run(rows: IntArray, balances: FloatArray | None) -> DealRun:
        start = np.full(len(rows), POOL)
        assets = GivenAssets(start, *(flow[rows] for flow in inputs.flows))
        return run_deal(inputs.deal, assets, balances=balances)

    return run


def by_hand(inputs: Inputs, grid: int) -> tuple[float, float]:
    """Sizes of A and B [currency]."""
    flows = [flow.tolist() for flow in inputs.flows]
    stated = [share * POOL for share in waterfall.SHARES]
    a = _largest(lambda size: _all_pass(flows, [size, *stated[1:]], ("A",)), grid, POOL - stated[2])
    room = POOL - stated[2] - a
    b = _largest(lambda size: _all_pass(flows, [a, size, stated[2]], ("A", "B")), grid, room)
    return a, b


def _largest(passes, grid: int, room: float) -> float:
    """Every size of the grid, one by one, then halving below the first that fails."""
    sizes = [room * n / (grid - 1) for n in range(grid)]
    answers = [passes(size) for size in sizes]
    if all(answers):
        return room
    first = answers.index(False)
    low, high = sizes[first - 1], sizes[first]
    while high - low > TOLERANCE * POOL:
        middle = (low + high) / 2.0
        low, high = (middle, high) if passes(middle) else (low, middle)
    return low


def _all_pass(flows: list[list[list[float]]], notes: list[float], classes: Sequence[str]) -> bool:
    """Whether each class survives both stresses of its rating; B has what A and C leave at most."""
    a, b, c = notes
    cut = [a, min(b, max(POOL - a - c, 0.0)), c]
    for name in classes:
        for scenario in STRESSES[RATED[name]]:
            row = SCENARIOS.index(scenario)
            if not _survives([flow[row] for flow in flows], cut, "ABC".index(name)):
                return False
    return True


def _survives(flows: list[list[float]], original: list[float], tested: int) -> bool:
    """One waterfall, month by month: whether a class has timely interest and full principal."""
    notes, owed = list(original), [0.0] * 3
    fees = dict.fromkeys(waterfall._FEES, 0.0)
    cash, reserve, defaults, tripped, pool = 0.0, 0.0, 0.0, False, POOL
    for interest, principal, default, recovery, closing in zip(*flows, strict=True):
        cash += interest + principal + recovery
        defaults += default
        for j in range(3):
            owed[j] += (notes[j] + owed[j]) * waterfall.COUPONS[j] / 12
        for name, rate in waterfall._FEES.items():
            fees[name] += pool * rate / 12
        pool = closing
        tripped = tripped or defaults > waterfall._TRIGGER * POOL
        for name in ("tax", "trustee", "servicer"):
            paid = min(fees[name], cash)
            fees[name] -= paid
            cash -= paid
        # lower case: interest, upper case: principal, R: the reserve
        for what in "aRAbBcC" if tripped else "abRcABC":
            if what == "R":
                target = waterfall._RESERVE * POOL if sum(notes) > 0 else 0.0
                paid = min(max(target - reserve, 0.0), cash)
                reserve += paid
            elif what.islower():
                j = "abc".index(what)
                paid = min(owed[j], cash)
                owed[j] -= paid
            else:
                j = "ABC".index(what)
                paid = min(notes[j], cash)
                notes[j] -= paid
            cash -= paid
        if owed[tested] > 1e-9 * max(original[tested], 1.0):
            return False
        paid = min(fees["manager"], cash)
        fees["manager"] -= paid
        cash -= paid
        if sum(notes) <= 0:
            cash = reserve = 0.0
    return notes[tested] <= 1e-9 * max(original[tested], 1.0)
