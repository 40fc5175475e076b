"""A model's funding date as a program, with what is needed to speak of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import numpy.typing as npt

from scfcap.axes import channel_of
from scfcap.funding.allocation.program import AllocationProgram
from scfcap.pool.columns import Columns
from scfcap.quantities import FloatArray
from scfcap.schema.allocation import AllocationChannel
from scfcap.schema.pool import EligibilitySet


@dataclass(frozen=True)
class Target:
    """What is to be in a channel, in today's balance [currency]: what is aimed at, and the band.

    ``wanted`` None: nothing is aimed at, the band is what is stated. ``source`` in words.
    ``number``: the loans' number by which their balance counts; None: balance as it is.
    """

    least: float = 0.0
    most: float = float("inf")
    wanted: float | None = None
    source: str = ""
    number: str | None = None


@dataclass(frozen=True)
class Funder:
    """A channel: its key, what the model states of it, the rules and the amount it is given.

    ``rules`` is the name of its eligibility set, and ``chosen`` the set; None: all loans may go
    there. ``base``: name of the borrowing base that tests its loans, where it is a pledge.
    ``part``: share of each loan that the funder has, below 1 where loans are lent jointly (the
    rest is own capital's).
    """

    key: str
    stated: AllocationChannel
    target: Target = Target()
    rules: str | None = None
    chosen: EligibilitySet | None = None
    base: str | None = None
    part: float = 1.0

    @property
    def kind(self) -> str:
        """The channel: ``bank_transfer`` and so on."""
        return channel_of(self.key)

    @property
    def name(self) -> str:
        """Whose: the buyer's, series' or line's name; empty for own capital."""
        return self.key.partition(":")[2]


@dataclass(frozen=True)
class Assembled:
    """The program of a funding date with its funders, in the order of ``program.channels``.

    ``refused`` (loans, channels): why a loan may not go there, as a position in ``reasons``; 0, the
    empty reason, where it may. ``undetermined`` (loans, channels): a value is missing, so that it
    is not known whether it may; it may not. ``columns``: the loans' tape columns, in the order of
    the program. ``cautions``: what a user should know of how it was put together.
    """

    program: AllocationProgram
    funders: tuple[Funder, ...]
    columns: Columns
    as_of: date
    currency: str
    reasons: tuple[str, ...]
    refused: npt.NDArray[np.int16]
    undetermined: npt.NDArray[np.bool_]
    cautions: tuple[str, ...] = ()
    prices: Mapping[str, FloatArray] = field(default_factory=dict)
    """What values are made of, by loan, by name [1/year or years]; for explanations."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Rows: how many there are, were left out as they cannot bind, were added when broken."""

    def funder(self, key: str) -> Funder:
        """The funder of a channel."""
        return self.funders[self.program.channels.index(key)]
