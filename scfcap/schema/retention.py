"""Rules of risk retention as data (``retention/NAME.toml``): forms, any one of which is enough."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from scfcap.quantities import Share
from scfcap.schema.base import Schema

#: How a form is measured; :mod:`scfcap.deal.retention` has the formulas.
FormKind = Literal["vertical", "horizontal", "combined", "same_share", "lowest"]


class RetentionForm(Schema):
    """One way in which the originator may keep its part."""

    name: str
    kind: FormKind
    """``vertical``: the least share kept of any class. ``horizontal``: what is kept from the bottom
    up without a gap, of the pool. ``combined``: a vertical share, and what is kept of the lowest
    class beyond it, of the value of the issue. ``same_share``: the share kept of the whole issue,
    where the same share of each class is held as soon as anything above the lowest is.
    ``lowest``: what is kept of the lowest class, of the issue."""
    least: Share
    lowest_least: Share = 0.0
    """Least share of the lowest class that must be kept besides (``same_share``)."""
    source: str


class RetentionRule(Schema):
    """A rule in force from ``start`` to ``end``, both inclusive."""

    title: str
    jurisdiction: str
    start: date
    end: date | None = None
    forms: tuple[RetentionForm, ...] = Field(min_length=1)
    left_out: tuple[str, ...] = ()
    """Forms of the text that a deal file cannot show, in words."""
    source: str

    def in_force(self, day: date) -> bool:
        """Whether the rule holds on ``day``."""
        return self.start <= day and (self.end is None or day <= self.end)
