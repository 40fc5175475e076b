"""Lines that a bank cuts: what is called, what runs to its end, what may be drawn meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np

from scfcap.credit.stress import Stress
from scfcap.funding.inputs import LenderInputs
from scfcap.periods import PeriodGrid
from scfcap.quantities import FloatArray
from scfcap.schema.model import Model
from scfcap.schema.plan import Draw, Lender


def recalled(spec: Model, stress: Stress, row: int, grid: PeriodGrid) -> Model:
    """``spec`` with older draws due when scenario ``row`` calls them.

    Of what stands above the line that is left at the close of the cut, a part of each draw alike.
    """
    lenders = tuple(
        _recalled(x, stress.line_called[row, stress.lenders.index(x.name), : len(grid)], grid)
        if x.name in stress.lenders
        else x
        for x in spec.lenders
    )
    same = all(new is old for new, old in zip(lenders, spec.lenders, strict=True))
    return spec if same else spec.model_copy(update={"lenders": lenders})


def _recalled(lender: Lender, left: FloatArray, grid: PeriodGrid) -> Lender:
    draws = lender.draws
    for t in np.flatnonzero(np.diff(left, prepend=1.0) < 0.0) + 1:
        day, most = grid.ends[t - 1], lender.limit * float(left[t - 1])
        standing = sum(x.amount for x in draws if x.maturity > day)
        if standing > most:
            draws = tuple(y for x in draws for y in _parted(x, day, most / standing))
    return lender if draws is lender.draws else lender.model_copy(update={"draws": draws})


def _parted(draw: Draw, day: date, kept: float) -> list[Draw]:
    """A draw of which ``kept`` runs on and the rest is due on ``day``."""
    if draw.maturity <= day:
        return [draw]
    called = draw.model_copy(update={"amount": draw.amount * (1.0 - kept), "maturity": day})
    rest = draw.model_copy(update={"amount": draw.amount * kept})
    return [called, rest] if kept > 0.0 else [called]


def cut(x: LenderInputs, left: FloatArray, running: FloatArray) -> LenderInputs:
    """A line of which ``left`` [T + 1] is there by cuts that hold at once, and ``running`` [T + 1]
    by cuts under which term draws run to their end.

    Under those, by period of the cut ``c``, ``X[h,.,t] = 0`` while a draw made before it may
    stand, ``c <= t < due(c - 1)`` of the longest tenor; from then on the balance is within the
    line that is left. Both forms keep a plan on the safe side of the exact rule, by which new draws
    fit under what is left of the line less the older ones, or are none: it is not convex.
    """
    there, stopped = left.copy(), set[int]()
    for c in np.flatnonzero(np.diff(running) < 0.0) + 1:
        end = max(x.maturity(tenor).falls_due(int(c) - 1) for tenor, _ in x.tenors)
        stopped |= set(range(int(c), min(end, len(left))))
        there[end:] *= running[c] / running[c - 1]
    if running[0] < 1.0:  # cut before the plan draws: only draws of before as_of run
        there *= running[0]
    return replace(
        x,
        left=there if (there != 1.0).any() else None,
        closed=x.closed | stopped,
        stopped=frozenset(stopped),
    )
