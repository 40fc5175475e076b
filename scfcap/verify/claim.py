"""An allocation as it is claimed: what its files state, before anything is believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from scfcap.quantities import BoolArray, FloatArray, IntArray

#: In place of a channel: in no list.
NOWHERE = -1
#: In place of a channel: one that the limits do not know.
UNKNOWN = -2


@dataclass(frozen=True)
class Part:
    """Part of a limit: ``weight`` times the balance, times a number of the loan if one is named,
    of the loans in ``channel`` whose value of ``column`` is among ``members``.
    """

    channel: int
    weight: float
    column: str | None = None
    members: frozenset[int] = frozenset()
    number: str | None = None


@dataclass(frozen=True)
class Limit:
    """``sum of parts <= right`` [currency]; one of kind ``ticket`` only if anything moves in.

    ``relief``: what of ``right`` is beyond what is stated.
    """

    name: str
    kind: str
    right: float
    parts: tuple[Part, ...]
    relief: float = 0.0


@dataclass(frozen=True)
class Coded:
    """A text of each loan: ``codes`` (loans,) into ``labels``, -1 where none that a limit names."""

    codes: npt.NDArray[np.int32]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Leaf:
    """A case of the bound: channels with a least ticket that are taken as open, or as closed to
    loans that would move in, by channel; and the prices of the limits, shape (limits,).
    """

    taken: Mapping[int, bool]
    price: FloatArray


@dataclass(frozen=True)
class Lists:
    """The lists of all channels together, row by row; ``channel`` may be :data:`UNKNOWN`."""

    loan_id: npt.NDArray[np.object_]
    channel: IntArray
    balance: FloatArray


@dataclass(frozen=True)
class Claim:
    """Loans x channels with limits, lists, prices, and what is said to follow from them.

    ``value`` (loans, channels) [currency], ``eligible`` the same shape; ``today`` (loans,): present
    channel, -1 where it has none. ``left`` (limits,): claimed left sides [currency].
    ``totals``: loans and balance of each list as claimed, by channel. ``moved``: loans and balance
    that change their channel, as claimed. ``bound``, ``worth`` [currency], ``gap`` (share of
    the bound; NaN: none is claimed).
    """

    loan_id: npt.NDArray[np.object_]
    balance: FloatArray
    channels: tuple[str, ...]
    value: FloatArray
    eligible: BoolArray
    must: BoolArray
    today: IntArray
    limits: tuple[Limit, ...]
    lists: Lists
    leaves: tuple[Leaf, ...]
    bound: float
    worth: float
    gap: float
    left: FloatArray
    totals: Mapping[int, tuple[int, float]]
    moved: tuple[int, float]
    columns: Mapping[str, Coded] = field(default_factory=dict)
    numbers: Mapping[str, FloatArray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.balance)

    @cached_property
    def place(self) -> dict[object, int]:
        """Position of each loan, by its id."""
        return {loan: k for k, loan in enumerate(self.loan_id.tolist())}

    @cached_property
    def listed(self) -> IntArray:
        """Position of the loan of each row of the lists, shape (rows,); -1 where it is unknown."""
        place = self.place
        found = [place.get(loan, -1) for loan in self.lists.loan_id.tolist()]
        return np.array(found, dtype=np.int64)

    @cached_property
    def choice(self) -> IntArray:
        """Channel of each loan by the lists, shape (loans,); the first where it is in several."""
        found = np.full(len(self), NOWHERE, dtype=np.int64)
        rows = np.flatnonzero((self.listed >= 0) & (self.lists.channel >= 0))[::-1]
        found[self.listed[rows]] = self.lists.channel[rows]
        return found

    @cached_property
    def alone(self) -> IntArray:
        """The channel of each loan that may be in one only, shape (loans,); -1 of others."""
        one = self.must & (self.eligible.sum(axis=1) == 1)
        return np.where(one, self.eligible.argmax(axis=1), NOWHERE).astype(np.int64)

    @property
    def tickets(self) -> dict[int, list[int]]:
        """Positions of the limits of kind ``ticket``, by their channel."""
        found: dict[int, list[int]] = {}
        for k, limit in enumerate(self.limits):
            if limit.kind == "ticket":
                for channel in {part.channel for part in limit.parts}:
                    found.setdefault(channel, []).append(k)
        return found
