"""Lending that others fund from the start: bank loans that are guaranteed, and joint loans."""

from __future__ import annotations

from pydantic import Field

from scfcap.quantities import CostRate, Money, Share
from scfcap.schema.base import Schema


class Guaranteed(Schema):
    """``[[guaranteed]]``: a bank that lends to borrowers whom the company finds and guarantees."""

    name: str
    limit: Money
    """Most principal outstanding with the bank; 0 closes the channel."""
    per_period: Money | None = None
    """Most that the bank lends in a period."""
    fee: CostRate = 0.0
    """Paid to the company for finding, servicing and guaranteeing [1/year of the principal]."""
    cover: Share = 1.0
    """Share of what defaults that the company pays; that share of what is recovered is its own."""
    payout_lag: int = Field(default=0, ge=0, le=60)
    """Periods from a default to its payment."""
    eligibility: str | None = None
    """Eligibility set that the loans must meet; absent: all loans of the segments."""
    segments: tuple[str, ...] = ()
    """Segments that it lends in; empty: all."""
    notice_days: int | None = Field(default=None, ge=0, le=3660)
    """Days before it lends by which the bank must be told; see the same of a lender."""


class Guarantor(Schema):
    """``[guarantor]``: who stands behind all guarantees, and how much it may guarantee."""

    multiple: float = Field(default=10.0, ge=0.0, le=1000.0)
    """Most that may be guaranteed, in multiples of net assets: 10, or 15 for a guarantor mainly of
    small firms and agriculture (State Council Decree 683 of 2017, Art. 15)."""
    net_assets: Money | None = None
    """Net assets of a licensed company of the group; absent: the company's own, as they move."""
    elsewhere: Money = 0.0
    """What it guarantees outside this plan."""
    source: str = ""
    """Text or licence that the multiple is from."""


class Joint(Schema):
    """``[[joint]]``: a partner that funds a share of each loan, and bears that share of losses."""

    name: str
    own_share: float = Field(gt=0.0, le=1.0)
    """Share of each joint loan that the company funds and keeps on its own book."""
    fee: CostRate = 0.0
    """Paid to the company for servicing the partner's part [1/year of that part]."""
    limit: Money
    """Most of the partner's part outstanding; 0 closes the channel."""
    per_period: Money | None = None
    """Most that the partner lends in a period."""
    eligibility: str | None = None
    """Eligibility set that the loans must meet; absent: all loans of the segments."""
    segments: tuple[str, ...] = ()
    """Segments that it lends in; empty: all."""
    notice_days: int | None = Field(default=None, ge=0, le=3660)
    """Days before it lends by which the partner must be told; see the same of a lender."""
