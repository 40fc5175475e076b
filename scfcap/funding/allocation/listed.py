"""Where lists put the loans of a pool, as codes; what loans are worth there, and who is alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from scfcap.axes import OWN
from scfcap.distinct import distinct
from scfcap.funding.allocation.blocks import blocks
from scfcap.funding.allocation.from_plan import PlanValues
from scfcap.funding.allocation.program import Choice
from scfcap.funding.inputs import Inputs
from scfcap.pool.snapshot import ELIGIBLE, Pool
from scfcap.quantities import BoolArray, FloatArray, IntArray

#: Keys of places by loan.
Keys = Sequence[str] | npt.NDArray[np.object_]
#: Kinds of loans on the own book that are told apart for later moves, by segment.
_KINDS = 12


@dataclass(frozen=True)
class Listed:
    """``names`` of places in ascending order, and which of them each loan is ``at`` (loans,)."""

    names: tuple[str, ...]
    at: Choice

    @classmethod
    def of(cls, places: Keys | Listed) -> Listed:
        """Places by their keys."""
        if isinstance(places, Listed):
            return places
        at, names = pd.factorize(np.asarray(places, dtype=object), sort=True)
        return cls(tuple(map(str, names)), at.astype(np.int16))

    @classmethod
    def today(cls, pool: Pool) -> Listed:
        """Where the loans of the pool are."""
        names = tuple(sorted(pool.places))
        place = np.array([names.index(name) for name in pool.places], dtype=np.int16)
        return cls(names, place[pool.place])

    def moved(self, channels: Sequence[str], choice: Choice) -> Listed:
        """The same, where the loans that ``choice`` (loans,) places are in ``channels``."""
        names = tuple(sorted({*self.names, *channels}))
        before = np.array([names.index(name) for name in self.names], dtype=np.int16)
        after = np.array([names.index(name) for name in channels], dtype=np.int16)
        return Listed(names, np.where(choice >= 0, after[choice], before[self.at]))

    def where(self, name: str) -> BoolArray:
        """Loans that are in a place (loans,)."""
        if name not in self.names:
            return np.zeros(len(self.at), dtype=np.bool_)
        return np.asarray(self.at == self.names.index(name))

    def among(self, channels: Sequence[str]) -> Choice:
        """Position of each loan's place among ``channels``, -1 where it is none of them."""
        found = [channels.index(name) if name in channels else -1 for name in self.names]
        return np.asarray(np.array(found, dtype=np.int16)[self.at])


def worth_at(found: PlanValues, choice: Choice) -> FloatArray:
    """Value of each loan in the channel ``choice`` (loans,) [currency]; 0 where that is -1."""
    worth = np.zeros(len(found))
    for loans in blocks(len(found)):
        at = choice[loans]
        rows = np.flatnonzero(at >= 0)
        worth[loans][rows] = found.of(loans)[rows, at[rows]]
    return worth


def kinds_of(pool: Pool, inputs: Inputs, found: PlanValues, stays: BoolArray) -> IntArray:
    """Loans that stay on the own book by what a move would bring per money that stands: numbered
    from 1 within those of one segment that the same funders admit; 0 of all others (loans,).

    What is alike in that is alike in later moves.
    """
    rules = sorted({inputs.rule_set(x) for x in inputs.funders})
    admits = np.zeros(len(pool), dtype=np.int64)
    for bit, name in enumerate(rules):
        admits |= (pool.eligibility[name] == ELIGIBLE).astype(np.int64) << bit
    gain = _gains(pool, found)
    kinds = np.zeros(len(pool), dtype=np.int64)
    steps = np.linspace(0.0, 1.0, _KINDS + 1)[1:-1]
    for s, code in distinct((pool.segment[stays], admits[stays])).keys.T.tolist():
        mine = stays & (pool.segment == s) & (admits == code)
        number = np.searchsorted(np.quantile(gain[mine], steps), gain[mine])
        kinds[mine] = 1 + number + _KINDS * code
    return kinds


def _gains(pool: Pool, found: PlanValues) -> FloatArray:
    """What the best move of each loan brings per money that stands (loans,).

    Where no move is known now, terms tell: the shorter, the less a later one takes.
    """
    own = found.channels.index(OWN)
    gain: FloatArray = np.asarray(-1.0 - pool.maturity_day, dtype=np.float64)
    for loans in blocks(len(pool)):
        cell = found.cells.of[loans]
        value = found.of(loans)
        elsewhere = np.where(found.opens[cell], value, -np.inf)
        elsewhere[:, own] = -np.inf
        best, counts = elsewhere.max(axis=1), pool.balance[loans] * found.stands[cell]
        may = np.isfinite(best) & (counts > 0.0)
        gain[loans][may] = (best[may] - value[may, own]) / counts[may]
    return gain
