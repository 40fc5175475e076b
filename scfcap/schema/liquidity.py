"""Limits on when money falls due, as the company sets them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from scfcap.quantities import SCALED, Share
from scfcap.schema.base import Schema

#: Amount of the funding set of either sign [currency]; scaled with the book.
SignedMoney = Annotated[float, Field(ge=-1e15, le=1e15, allow_inf_nan=False), SCALED]


class MaturityGap(Schema):
    """``[[plan.maturity_gaps]]``: assets due within some days cover the debts due within them."""

    days: int = Field(ge=1, le=3660)
    """Days from each close."""
    buffer: SignedMoney = 0.0
    """By how much debts due may exceed assets due; below zero, by how much assets due must exceed
    debts due [currency]."""


class TenorMatch(Schema):
    """``[plan.tenor_match]``: long loans stand on long funding and own capital."""

    days: int = Field(ge=1, le=3660)
    """What falls due later than this is long [days]."""
    share: Share = 1.0
    """Share of long funding and net capital that long loans may take."""
