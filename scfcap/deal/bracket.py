"""The largest level that passes with no failing one below it: a grid, then a search inside.

What passes and fails need not be ordered: a deal's triggers may let a larger class, or a harsher
stress, pass where a smaller fails. So the answer is the largest level below the first that fails,
among those tried, and whether any passes above it is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scfcap.quantities import BoolArray, FloatArray

#: Levels tried inside each bracket at a time: a run over many scenarios costs little more than one.
_INSIDE = 63


@dataclass(frozen=True)
class Bracket:
    """Where a search ended.

    ``low`` passes with all tried below it, None where even the least level fails. ``high`` is the
    least that fails, None where none does. ``again`` is the least above ``high`` that passes, None
    where none does. ``tried`` [N], in rising order, and whether each ``passes`` [N].
    """

    low: float | None
    high: float | None
    again: float | None
    tried: FloatArray
    passes: BoolArray

    @classmethod
    def of(cls, tried: FloatArray, passes: BoolArray) -> Bracket:
        """From levels in rising order."""
        if passes.all():
            return cls(float(tried[-1]), None, None, tried, passes)
        first = int(np.argmin(passes))
        better = first + np.flatnonzero(passes[first:])
        return cls(
            float(tried[first - 1]) if first else None,
            float(tried[first]),
            float(tried[better[0]]) if len(better) else None,
            tried,
            passes,
        )

    @property
    def width(self) -> float:
        """From ``low`` to ``high``; nothing where one of them is missing."""
        return 0.0 if self.low is None or self.high is None else self.high - self.low


def largest_passing(
    test: Callable[[FloatArray], BoolArray],
    levels: FloatArray,
    *,
    tolerance: float,
    relative: float = 0.0,
) -> list[Bracket]:
    """The largest level that passes, for each of J tests made together.

    ``test`` takes levels [N] and says which pass [N, J]. ``levels`` are the grid. A bracket is
    narrow enough at ``tolerance`` + ``relative`` times its upper end. What is tried for one test
    counts for the others too.
    """
    tried = np.unique(np.asarray(levels, dtype=np.float64))
    passes = test(tried)
    while True:
        found = [Bracket.of(tried, passes[:, j]) for j in range(passes.shape[1])]
        wide = [b for b in found if b.width > tolerance + relative * (b.high or 0.0)]
        inner = [np.linspace(b.low or 0.0, b.high or 0.0, _INSIDE + 2)[1:-1] for b in wide]
        new = np.setdiff1d(np.concatenate(inner), tried) if inner else np.zeros(0)
        if not len(new):
            return found
        order = np.argsort(np.concatenate([tried, new]), kind="stable")
        tried = np.concatenate([tried, new])[order]
        passes = np.concatenate([passes, test(new)])[order]
