"""When money that is raised for a time falls due on the plan's grid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from scfcap.periods import Frequency, PeriodGrid
from scfcap.quantities import FloatArray, IntArray


@dataclass(frozen=True)
class Maturity:
    """A tenor of ``count`` units, for money raised at the close of a period t.

    ``due`` [T + 1]: the period that holds the day of maturity, which may be after the plan;
    ``part`` [T + 1]: share of that period up to that day, for which interest runs. None: ``count``
    periods later, at the close, as where a period is one unit.
    """

    count: int
    due: IntArray | None = None
    part: FloatArray | None = None

    @classmethod
    def on(cls, grid: PeriodGrid, count: int, unit: Frequency) -> Maturity:
        """The tenor on ``grid``."""
        if grid.told_in(unit):
            return cls(count)
        due = grid.later(count, unit)
        days = [(grid.day_after(t, count, unit) - grid.as_of).days for t in range(len(grid) + 1)]
        ends = grid.extended(max(int(due.max()), len(grid))).days
        part = (np.array(days) - ends[due - 1]) / (ends[due] - ends[due - 1])
        return cls(count, due, part)

    def falls_due(self, since: int) -> int:
        """The period in which money raised in ``since`` is repaid."""
        return since + self.count if self.due is None else int(self.due[since])

    def part_of(self, since: int) -> float:
        """Share of the last period for which money raised in ``since`` bears interest."""
        return self.bears(since, self.falls_due(since))

    def bears(self, since: int, t: int) -> float:
        """Share of period ``t`` for which money raised in ``since`` bears interest."""
        due = self.falls_due(since)
        if not since < t <= due:
            return 0.0
        return 1.0 if t < due or self.part is None else float(self.part[since])

    def standing(self, t: int) -> range:
        """Periods of the plan up to ``t`` in which what was raised stands at the close of ``t``."""
        return range(self._first(t, 1), t + 1)

    def bearing(self, t: int) -> range:
        """Periods before ``t`` in which what was raised bears interest in ``t``."""
        return range(self._first(t, 0), t)

    def falling(self, t: int) -> range:
        """Periods of the plan in which what was raised falls due in ``t``."""
        return range(self._first(t, 0), min(self._first(t, 1), self._last(t) + 1))

    def _first(self, t: int, more: int) -> int:
        """First period from 1 in which what is raised falls due in ``t + more`` or later."""
        if self.due is None:
            return max(1, t + more - self.count)
        return max(1, int(np.searchsorted(self.due, t + more, side="left")))

    def _last(self, t: int) -> int:
        return t if self.due is None else len(self.due) - 1


def day_due(grid: PeriodGrid, since: int, count: int, unit: Frequency) -> date:
    """Day on which what is raised at the close of ``since`` falls due: the end of a period where
    a period is one unit.
    """
    if grid.told_in(unit):
        return grid.extended(since + count).ends[since + count - 1]
    return grid.day_after(since, count, unit)
