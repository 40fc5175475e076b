"""What of a loan counts where: the parts of channels, and how much they may and must hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from scfcap.axes import BANK_DEBT, OWN
from scfcap.funding.allocation.admission import Admission
from scfcap.funding.allocation.funders import Setting
from scfcap.quantities import BoolArray, FloatArray

#: What of a loan counts in a channel: all of it, the partner's part of a joint loan, or the rest.
Side = Literal["whole", "partner", "own"]
#: The channels that a limit counts, and what of a loan in each.
Weights = tuple[tuple[int, Side], ...]


@dataclass(frozen=True)
class Counting:
    """How the loans of a date count towards limits.

    A loan lent jointly counts by the partner's part in the partner's limits, and by the rest in
    own capital's; of one that the partner has today the tape tells the partner's part alone. Own
    capital's limits count loans pledged to lines too: they are on the own book.
    """

    given: Setting
    eligible: BoolArray
    numbers: dict[str, FloatArray] = field(default_factory=dict)
    """Numbers that terms of :meth:`parted` name, by loan."""

    @classmethod
    def of(cls, given: Setting, found: Admission) -> Counting:
        """Loans as they may be placed."""
        return cls(given, found.eligible)

    def weights(self, keys: Iterable[str]) -> Weights:
        """What of a loan counts by channel where the channels ``keys`` are limited together."""
        found: dict[int, Side] = {}
        for key in keys:
            for c, side in self._counted(key):
                found[c] = side if found.get(c, side) == side else "whole"
        return tuple(sorted(found.items()))

    def _counted(self, key: str) -> Iterator[tuple[int, Side]]:
        """Channels whose loans count in the limits of one."""
        for c, funder in enumerate(self.given.funders):
            if funder.key == key:
                yield c, "partner" if funder.part < 1.0 else "whole"
            elif key == OWN and funder.part < 1.0:
                yield c, "own"
            elif key == OWN and funder.kind == BANK_DEBT:
                yield c, "whole"

    def parted(self, channel: int, side: Side) -> tuple[float, str | None]:
        """What counts as a term states it: a weight, and the number that it is multiplied by.

        Where a partner has loans today, of which the tape tells its part alone, the parts differ
        by loan.
        """
        if side == "whole":
            return 1.0, None
        part = self.given.funders[channel].part
        weight = part if side == "partner" else 1.0 - part
        here = self.given.today == channel
        if not here.any():
            return weight, None
        name = f"{side} part of {self.given.keys[channel]}"
        if name not in self.numbers:
            self.numbers[name] = np.where(here, 1.0 if side == "partner" else 0.0, weight)
        return 1.0, name

    def amount(self, channel: int, side: Side) -> FloatArray:
        """What counts of each loan if it is in a channel, shape (loans,) [currency]."""
        factor, name = self.parted(channel, side)
        counted = factor * self.given.balance
        return counted if name is None else counted * self.numbers[name]

    def most(self, weights: Weights) -> FloatArray:
        """Most that each loan can add to what is limited, shape (loans,) [currency]."""
        found = np.zeros(len(self.given))
        for c, side in weights:
            np.maximum(found, self.amount(c, side) * self.eligible[:, c], out=found)
        return found

    def least(self, weights: Weights) -> FloatArray:
        """What each loan adds wherever it goes, shape (loans,) [currency]: every one is placed."""
        found = np.full(len(self.given), np.inf)
        by_channel = dict(weights)
        for c in range(len(self.given.funders)):
            there = self.amount(c, by_channel[c]) if c in by_channel else 0.0
            found = np.where(self.eligible[:, c], np.minimum(found, there), found)
        return np.where(np.isfinite(found), found, 0.0)

    def held(self, weights: Weights, choice: np.ndarray) -> FloatArray:
        """What each loan adds where it is placed by ``choice``, shape (loans,) [currency]."""
        found = np.zeros(len(self.given))
        for c, side in weights:
            here = choice == c
            if here.any():
                found[here] = self.amount(c, side)[here]
        return found
