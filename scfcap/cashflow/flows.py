"""Cash flows by scenario, group and period, and the proof that no money came or went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from scfcap.errors import InvariantError
from scfcap.quantities import ENGINE_TOLERANCE, FloatArray

if TYPE_CHECKING:
    import pandas as pd

#: What investors are paid, by the name of each flow: added, or taken off where the servicer takes
#: it back, or borrowers draw it on their lines.
COLLECTED: Final[Mapping[str, float]] = {
    "interest": 1.0,
    "fees": 1.0,
    "scheduled": 1.0,
    "prepaid": 1.0,
    "recovery": 1.0,
    "advanced": 1.0,
    "reimbursed": -1.0,
    "drawn": -1.0,
}


def collected(frame: pd.DataFrame) -> pd.Series:
    """What investors are paid, row by row of a table of flows [currency]."""
    paid: Any = sum(sign * frame[name] for name, sign in COLLECTED.items() if name in frame)
    return paid  # type: ignore[no-any-return]


def _none() -> FloatArray:
    return np.zeros(0)


@dataclass(frozen=True)
class Flows:
    """Cash flows by scenario K, group G and period T, all [K, G, T] in currency.

    ``originated`` is [G, T]: loans that start inside a period. ``opening`` + originated + drawn
    - default - scheduled - prepaid = ``closing``. ``recovery`` stands where it arrives, ``loss``
    where the loan defaults; ``receivable`` is what is still to be recovered at the close, so that
    up to any period default = loss + recovery + receivable. ``struck`` is the part of the default
    that the failure of core enterprises takes at once. ``fees`` are paid by borrowers beside
    interest.
    ``advanced`` is what the servicer pays in a period for loans that do not, ``reimbursed`` what
    it takes back of their later payments and recoveries. ``delinquent`` is the part of
    ``closing`` that is past due. ``drawn`` is what borrowers draw on revolving lines, at the ends
    of periods. The last five are zero where nothing is said of them.
    """

    opening: FloatArray
    originated: FloatArray
    default: FloatArray
    interest: FloatArray
    scheduled: FloatArray
    prepaid: FloatArray
    recovery: FloatArray
    loss: FloatArray
    receivable: FloatArray
    closing: FloatArray
    struck: FloatArray
    fees: FloatArray = field(default_factory=_none)
    advanced: FloatArray = field(default_factory=_none)
    reimbursed: FloatArray = field(default_factory=_none)
    delinquent: FloatArray = field(default_factory=_none)
    drawn: FloatArray = field(default_factory=_none)

    def __post_init__(self) -> None:
        for name in ("fees", "advanced", "reimbursed", "delinquent", "drawn"):
            if getattr(self, name).shape != self.default.shape:
                object.__setattr__(self, name, np.zeros_like(self.default))

    @property
    def collections(self) -> FloatArray:
        """What investors are paid [K, G, T]: the flows of :data:`COLLECTED`."""
        return np.asarray(sum(sign * getattr(self, name) for name, sign in COLLECTED.items()))

    def scenario_rows(self, rows: Sequence[int]) -> Flows:
        """The flows of the scenarios at ``rows``."""
        shared = {"originated": self.originated}
        names = [f.name for f in fields(self) if f.name not in shared]
        return Flows(**shared, **{name: getattr(self, name)[rows] for name in names})

    def gap(self) -> FloatArray:
        """Largest amount created or lost in any scenario and period, by group [G, currency]."""
        principal = self.opening + self.originated - self.default - self.scheduled - self.prepaid
        principal = principal + self.drawn
        defaulted = np.cumsum(self.default - self.loss - self.recovery, axis=2) - self.receivable
        gaps = np.maximum(np.abs(principal - self.closing), np.abs(defaulted))
        return np.asarray(gaps.max(axis=(0, 2), initial=0.0))

    def check(self) -> None:
        """Raise InvariantError where a group creates or loses money beyond the tolerance."""
        size = self.opening[:, :, 0].max(axis=0) + self.originated.sum(axis=1)
        size = size + self.drawn.sum(axis=2).max(axis=0, initial=0.0)
        gap = self.gap()
        wrong = np.flatnonzero(~(gap <= ENGINE_TOLERANCE * size))
        if wrong.size:
            g = int(wrong[0])
            msg = f"projection, group {g}: {gap[g]:.6g} of {size[g]:.6g} is created or lost"
            raise InvariantError(msg)
