"""What the company's books are written in: flows, stocks, and the accounts of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from scfcap.funding.program import Terms

Section = Literal["operating", "financing"]
Side = Literal["asset", "liability", "capital"]


class Purse(NamedTuple):
    """A line of sources and uses: into the company's free cash (+1), or out of it (-1)."""

    sign: float
    channel: str
    item: str


class Earned(NamedTuple):
    """A line of the group's income: +1 earned, -1 a cost."""

    sign: float
    item: str


class Moved(NamedTuple):
    """A line of the group's cash-flow statement: +1 in, -1 out."""

    sign: float
    section: Section
    item: str


@dataclass(frozen=True)
class Entry:
    """A flow of one period [money units] and where it is booked.

    What company and vehicle pay each other has a purse and no more; what only accrues is earned
    and does not move. ``owners``: +1 paid in by the owners, -1 paid out to them: net capital that
    is no income.
    """

    terms: Terms
    purse: Purse | None = None
    earned: Earned | None = None
    moved: Moved | None = None
    owners: float = 0.0


class Line(NamedTuple):
    """A line of the group's balance sheet."""

    side: Side
    item: str


class Held(NamedTuple):
    """A line of the balances by channel."""

    channel: str
    item: str


@dataclass(frozen=True)
class Stock:
    """What stands at a close [money units]: on the balance sheet, in a channel's balances."""

    terms: Terms
    line: Line | None = None
    held: Held | None = None
