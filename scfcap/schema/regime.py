"""Regulation as dated data: caps ``sum(weight * source) <= multiple * base``."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from scfcap.quantities import Share
from scfcap.schema.base import Schema

#: What a cap may count. ``abs_third_party``: notes held by others.
Source = Literal[
    "bank", "shareholder", "peer", "bond", "abs_third_party", "transfer_recourse",
    "transfer_clean", "p2p",
]  # fmt: skip
Base = Literal["net_capital", "net_assets"]
#: What a regime may close.
Closable = Literal[
    "bank_debt", "bank_transfer", "securitization", "p2p", "bank", "shareholder", "peer", "bond"
]


class Cap(Schema):
    """One cap of a regime."""

    name: str
    base: Base
    multiple: float = Field(ge=0.0, le=1000.0)
    weights: dict[Source, float]
    """Weight of each source in the numerator; a source that is not named counts 0."""
    source: str
    """Where the text stands: regulation and article."""


class Regime(Schema):
    """A set of rules in force from ``start`` to ``end``, both inclusive."""

    title: str
    jurisdiction: str
    start: date
    end: date | None = None
    caps: tuple[Cap, ...] = ()
    single_borrower: Share | None = None
    """Most to one borrower, share of net capital; shown at ``as_of``, not planned."""
    closed_channels: tuple[Closable, ...] = ()
    """Channels, or kinds of lender, that may take no new business; what stands runs off."""
    max_bank_lenders: int | None = Field(default=None, ge=0)
    """Most banks that may lend at once."""
    source: str

    def in_force(self, day: date) -> bool:
        """Whether the rules hold on ``day``."""
        return self.start <= day and (self.end is None or day <= self.end)
