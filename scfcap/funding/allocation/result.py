"""The answer: each loan's channel, prices of the rows, a bound that no placement exceeds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from scfcap.brief import Brief, Lines, listed, money
from scfcap.funding.allocation.program import AllocationProgram, Choice
from scfcap.quantities import FloatArray, IntArray


@dataclass(frozen=True)
class Step:
    """What one step of the method reached: ``bound`` and ``value`` [currency], NaN where it has
    none, and its time [s].
    """

    name: str
    bound: float
    value: float
    seconds: float
    said: str = ""


@dataclass(frozen=True, repr=False)
class Allocation(Brief):
    """A placement of whole loans with its proof.

    ``choice`` (loans,): channel, -1 where unplaced. ``dual`` (rows,), at least 0: value of one more
    unit of a row's right side [currency per currency]; with it ``bound`` [currency], rounded up, is
    at least the value of any placement that keeps the rows. ``value`` [currency] is that of
    ``choice``, rounded down. ``activity`` (rows,) [currency]: exact sums of the rows, rounded
    once. ``counts`` by name, such as evaluations.
    """

    program: AllocationProgram
    choice: Choice
    dual: FloatArray
    bound: float
    value: float
    activity: FloatArray
    steps: tuple[Step, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    tickets: Mapping[str, bool] = field(default_factory=dict)
    """Channels with a least ticket, by key: whether the bound's best branch has it open."""
    branches: tuple[tuple[Mapping[str, bool], FloatArray], ...] = ()
    """All branches that prove the bound together: by channel whether it is open, and prices."""

    def _brief(self) -> tuple[str, Lines]:
        program = self.program
        placed = self.choice[self.choice >= 0].size
        return f"Allocation of {len(program):,} loans", [
            ("placed", f"{placed:,} loans"),
            ("channels", listed(program.channels)),
            ("rows", f"{len(program.rows):,}"),
            ("value", money(self.value)),
            ("gap to the bound", f"{self.gap:.2g}"),
        ]

    @property
    def gap(self) -> float:
        """Proven distance from the best, share of the bound: ``(bound - value) / |bound|``;
        infinite where the bound is 0 and the value is not.
        """
        if self.bound == self.value:
            return 0.0
        return (self.bound - self.value) / abs(self.bound) if self.bound else math.inf

    @property
    def slack(self) -> FloatArray:
        """What each row leaves free, shape (rows,) [currency]; below 0: broken."""
        return self.program.right - self.activity

    @property
    def moved(self) -> IntArray:
        """Loans that change their channel; those placed for the first time do not count."""
        today = self.program.today
        return np.flatnonzero((today >= 0) & (self.choice != today)).astype(np.int64)

    def holds(self, channel: str) -> IntArray:
        """Loans that go to a channel, by position."""
        at = self.program.channels.index(channel)
        return np.flatnonzero(self.choice == at).astype(np.int64)
