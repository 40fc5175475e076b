"""What borrowers pay, as data (``borrowing/NAME.toml``): claims as quoted, and build-ups."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from scfcap.quantities import CostRate, Share
from scfcap.schema.base import MisfitError, Schema

Place = Literal["offline", "online"]


class Claim(Schema):
    """A range of all-in rates as somebody states it [1/year]."""

    name: str
    place: Place
    low: CostRate
    high: CostRate
    source: str

    @model_validator(mode="after")
    def _ordered(self) -> Claim:
        if self.low > self.high:
            raise MisfitError(
                key="low", found=f"{self.low:g} above high, {self.high:g}", expected="low <= high"
            )
        return self


class BuildUp(Schema):
    """A range that follows from its parts: ``benchmark * (1 + markup) + fee`` [1/year].

    The mark-up is relative to the benchmark; the fee is of the loan, a year.
    """

    name: str
    place: Place
    benchmark: CostRate
    markup_low: float = Field(ge=-1.0, le=10.0)
    markup_high: float = Field(ge=-1.0, le=10.0)
    fee_low: Share
    fee_high: Share
    source: str

    @property
    def low(self) -> float:
        """The least rate [1/year]."""
        return self.benchmark * (1.0 + self.markup_low) + self.fee_low

    @property
    def high(self) -> float:
        """The highest rate [1/year]."""
        return self.benchmark * (1.0 + self.markup_high) + self.fee_high

    @model_validator(mode="after")
    def _ordered(self) -> BuildUp:
        for part in ("markup", "fee"):
            low, high = (getattr(self, f"{part}_{end}") for end in ("low", "high"))
            if low > high:
                raise MisfitError(
                    key=f"{part}_low",
                    found=f"{low:g} above {part}_high, {high:g}",
                    expected="the lower end first",
                )
        return self


class BorrowerCost(Schema):
    """What borrowers of a currency pay, by those who say so."""

    title: str
    currency: str = Field(min_length=3, max_length=3)
    claims: tuple[Claim, ...] = ()
    build_ups: tuple[BuildUp, ...] = ()
