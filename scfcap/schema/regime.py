"""Regulation as dated data: caps ``sum(weight * source) <= multiple * base``.

Every value has a source and the days on which it holds; where it states none, those of its regime.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from scfcap.quantities import LoanAmount, Share
from scfcap.schema.base import MisfitError, Schema

#: What a cap may count. ``abs_third_party``: notes held by others; ``guaranteed``: what the company
#: guarantees of banks' loans; ``joint_partner``: partners' parts of joint loans.
Source = Literal[
    "bank", "shareholder", "peer", "bond", "abs_third_party", "transfer_recourse",
    "transfer_clean", "p2p", "guaranteed", "joint_partner",
]  # fmt: skip
#: ``net_assets_prior_year_end``: net assets at the last 31 December before.
Base = Literal["net_capital", "net_assets", "net_assets_prior_year_end"]
#: What a regime may close.
Closable = Literal[
    "bank_debt", "bank_transfer", "securitization", "p2p", "guaranteed_bank", "joint_lending",
    "bank", "shareholder", "peer", "bond",
]  # fmt: skip
#: Where a text stands: regulation and article.
Citation = Annotated[str, Field(pattern=r"\S")]
Multiple = Annotated[float, Field(ge=0.0, le=1000.0)]
Weight = Annotated[float, Field(ge=0.0, le=100.0)]


class Dated(Schema):
    """A value of a regime, with its source and the days on which it holds, both inclusive."""

    start: date | None = None
    """First day; the regime's own if absent."""
    start_known_to: Literal["day", "month", "year"] = "day"
    """How exactly the source tells the first day; else it is the last one that may be meant."""
    end: date | None = None
    """Last day; the regime's own if absent."""
    source: Citation

    def holds(self, day: date) -> bool:
        """Whether the value holds on ``day``, as far as its own days say."""
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)


class LocalMultiple(Dated):
    """The multiple of one place, in stead of the cap's own."""

    place: str
    """Jurisdiction, below that of the regime: "CN-Chongqing" in a regime of "CN"."""
    multiple: Multiple


class Reading(Dated):
    """Another reading of what the text leaves open; a model takes it by name."""

    name: str
    weights: dict[Source, Weight]
    """Weights in stead of the cap's own."""


class Cap(Dated):
    """One cap of a regime."""

    name: str
    base: Base
    multiple: Multiple
    weights: dict[Source, Weight]
    """Weight of each source in the numerator; a source that is not named counts 0."""
    local: tuple[LocalMultiple, ...] = ()
    """Multiples that places set themselves."""
    readings: tuple[Reading, ...] = ()
    """What the text leaves open, read otherwise."""

    def read(self, day: date, places: tuple[str, ...], readings: frozenset[str]) -> Cap:
        """The cap as it reads on ``day`` in the first of ``places`` that has a multiple."""
        changes: dict[str, object] = {}
        multiples = {x.place.casefold(): x for x in self.local if x.holds(day)}
        theirs = next((multiples[p] for p in places if p in multiples), None)
        if theirs is not None:
            changes |= {"multiple": theirs.multiple, "source": f"{self.source}; {theirs.source}"}
        taken = [x for x in self.readings if x.name in readings and x.holds(day)]
        if taken:
            weights = dict(self.weights)
            for reading in taken:
                weights |= reading.weights
            changes["weights"] = weights
        return self.model_copy(update=changes) if changes else self


class BorrowerLimit(Dated):
    """Most to one borrower, or to one group of related borrowers."""

    base: Base = "net_capital"
    share: Share | None = None
    """Share of the base."""
    amount: LoanAmount | None = None
    """Or an amount [currency]."""

    @model_validator(mode="after")
    def _one(self) -> BorrowerLimit:
        if (self.share is None) == (self.amount is None):
            raise MisfitError(
                found="neither share nor amount" if self.share is None else "share and amount",
                expected="one of share and amount",
            )
        return self


class LenderCount(Dated):
    """Most banks that may lend at once."""

    most: int = Field(ge=0)


class LeastShare(Dated):
    """Least share of a joint loan that stays with the company."""

    least: Share


class Closing(Dated):
    """Channels, or kinds of lender, that may take no new business; what stands runs off."""

    channels: tuple[Closable, ...] = Field(min_length=1)


class Regime(Schema):
    """A set of rules in force from ``start`` to ``end``, both inclusive."""

    title: str
    jurisdiction: str
    start: date
    start_known_to: Literal["day", "month", "year"] = "day"
    """How exactly the source tells the first day; else it is the last one that may be meant."""
    end: date | None = None
    draft: bool = False
    """Never in force: only a model that names it takes it, and no calendar holds it."""
    caps: tuple[Cap, ...] = ()
    single_borrower: BorrowerLimit | None = None
    """Most to one borrower; shown at ``as_of``, not planned."""
    group: BorrowerLimit | None = None
    """Most to one group of related borrowers; shown at ``as_of``, not planned."""
    bank_lenders: LenderCount | None = None
    joint_share: LeastShare | None = None
    closed: tuple[Closing, ...] = ()
    source: Citation

    @model_validator(mode="after")
    def _consistent(self) -> Regime:
        if self.end is not None and self.end < self.start:
            raise MisfitError(
                key="end", found=f"{self.end}, before start", expected=f"a day from {self.start} on"
            )
        for key, value in self.values():
            for day in (value.start, value.end):
                if day is not None and not self.in_force(day):
                    raise MisfitError(
                        key=key,
                        found=f"{day}, a day outside the regime",
                        expected=f"days from {self.start} to {self.end or 'now'}",
                        action="What holds longer belongs to the next regime as well.",
                    )
        self._refuse_clashes("caps", [(cap.name, cap) for cap in self.caps])
        below = f"{self.jurisdiction}-".casefold()
        for cap in self.caps:
            self._refuse_clashes(f"caps.{cap.name}.local", [(x.place, x) for x in cap.local])
            for x in cap.local:
                if not x.place.casefold().startswith(below):
                    raise MisfitError(
                        key=f"caps.{cap.name}.local",
                        found=f'place "{x.place}"',
                        expected=f'a place below the jurisdiction, "{self.jurisdiction}-..."',
                    )
        return self

    def _refuse_clashes(self, key: str, values: Sequence[tuple[str, Dated]]) -> None:
        """Raise where two values of one name hold on the same day."""
        for (one, x), (other, y) in itertools.combinations(values, 2):
            first = max(x.start or self.start, y.start or self.start)
            last = min(x.end or self.end or date.max, y.end or self.end or date.max)
            if one.casefold() == other.casefold() and first <= last:
                raise MisfitError(
                    key=key,
                    found=f'"{one}" twice on {first}',
                    expected="names that differ, or days that do",
                )

    def values(self) -> Iterator[tuple[str, Dated]]:
        """Every dated value by its key."""
        for cap in self.caps:
            yield f"caps.{cap.name}", cap
            for x in cap.local:
                yield f"caps.{cap.name}.local.{x.place}", x
            for reading in cap.readings:
                yield f"caps.{cap.name}.readings.{reading.name}", reading
        for key in ("single_borrower", "group", "bank_lenders", "joint_share"):
            value = getattr(self, key)
            if value is not None:
                yield key, value
        for number, closing in enumerate(self.closed):
            yield f"closed.{number}", closing

    def in_force(self, day: date) -> bool:
        """Whether the rules hold on ``day``."""
        return self.start <= day and (self.end is None or day <= self.end)

    @property
    def closed_channels(self) -> frozenset[Closable]:
        """Every channel, or kind of lender, that is closed on some day."""
        return frozenset(name for closing in self.closed for name in closing.channels)

    def read(
        self, day: date, places: tuple[str, ...] = (), readings: frozenset[str] = frozenset()
    ) -> Regime:
        """The rules that hold on ``day`` as they read in ``places``, the most local one first."""
        held = {
            key: getattr(self, key)
            for key in ("single_borrower", "group", "bank_lenders", "joint_share")
        }
        return self.model_copy(
            update={
                "caps": tuple(x.read(day, places, readings) for x in self.caps if x.holds(day)),
                "closed": tuple(x for x in self.closed if x.holds(day)),
                **{k: v if v is not None and v.holds(day) else None for k, v in held.items()},
            }
        )
