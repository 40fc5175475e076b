"""Who lends beside the company, and whose losses the company bears: banks it guarantees, partners.

Money is in units of the program. A partner's loans are made in its own place: they never touch the
company's cash, but for the share of a joint loan that the company funds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from scfcap.axes import GUARANTEED_BANK, JOINT_LENDING, P2P, place
from scfcap.periods import PeriodGrid
from scfcap.quantities import FloatArray
from scfcap.schema import plan as funds
from scfcap.schema.lending import Guaranteed, Joint
from scfcap.schema.model import Model


class Supported(Protocol):
    """A holder of loans whose defaults the company pays in part: a buyer, or a partner."""

    @property
    def name(self) -> str:
        """Whose loans they are."""

    @property
    def place(self) -> str:
        """Key of the place where they sit."""

    @property
    def cover(self) -> float:
        """Share of defaults that the company pays, and of recoveries that it gets."""

    @property
    def payout_lag(self) -> int:
        """Periods from a default to its payment."""


@dataclass(frozen=True)
class PartnerInputs:
    """Somebody who lends from the start.

    Of each loan made with it the company funds ``own_share``, which sits on the own book; the
    rest sits in the partner's place. ``fee`` [1/year] of the principal there. ``eligibility``:
    a set that loans must meet, None for all. ``open_stock`` [T + 1]: what stands of loans made
    before ``as_of``. In the periods ``closed`` the law, or its own window, allows no new loan.

    P2P lenders: ``rolling``, most lent in ``rolling_periods``; where they run off, ``renewed`` and
    ``fresh`` [T + 1], the share of what is repaid to them that they lend again, and of
    ``per_period`` that new lenders still bring (None: nobody runs off).
    """

    channel: str
    name: str
    own_share: float
    fee: float
    limit: float
    per_period: float | None
    eligibility: str | None
    segments: frozenset[int]
    open_stock: FloatArray
    cover: float = 0.0
    payout_lag: int = 0
    closed: frozenset[int] = field(default_factory=frozenset)
    rolling: float | None = None
    rolling_periods: int = 12
    renewed: FloatArray | None = None
    fresh: FloatArray | None = None

    @property
    def place(self) -> str:
        """Key of the place where the partner's principal sits; P2P lenders have one together."""
        return place(self.channel, "" if self.channel == P2P else self.name)

    @property
    def share(self) -> float:
        """Share of each loan that the partner funds."""
        return 1.0 - self.own_share

    def room(self, t: int) -> float:
        """Most principal with the partner at the close of ``t``."""
        return max(self.limit, float(self.open_stock[t]))

    def supply(self, t: int) -> tuple[float, float]:
        """Share of what is repaid in ``t`` that is lent again, and of new money; both 1: no limit
        but ``per_period``.
        """
        if self.renewed is None or self.fresh is None:
            return 1.0, 1.0
        return float(self.renewed[t]), float(self.fresh[t])

    def lends(self, segment: int, t: int) -> bool:
        """Whether a loan of the segment may be made with it in ``t``."""
        return self.limit > 0.0 and segment in self.segments and t not in self.closed


@dataclass(frozen=True)
class GuarantorInputs:
    """Who stands behind all guarantees: at most ``multiple`` times its net assets.

    ``net_assets`` None: the company's own net assets, as they move. ``elsewhere`` is guaranteed
    outside the plan.
    """

    multiple: float
    net_assets: float | None
    elsewhere: float
    source: str


def partners_of(
    spec: Model, grid: PeriodGrid, segments: Callable[[tuple[str, ...], str], frozenset[int]],
    stock: Callable[[str], FloatArray],
) -> tuple[PartnerInputs, ...]:  # fmt: skip
    """Partners of a model: banks that it guarantees, joint lenders, P2P lenders.

    ``segments(names, key)`` finds segments by name, ``stock(place)`` what stands in a place at
    every close.
    """
    unit = spec.plan.money_unit

    def terms(x: Guaranteed | Joint, channel: str, key: str) -> PartnerInputs:
        return PartnerInputs(
            channel=channel,
            name=x.name,
            own_share=x.own_share if isinstance(x, Joint) else 0.0,
            fee=x.fee,
            limit=x.limit / unit,
            per_period=None if x.per_period is None else x.per_period / unit,
            eligibility=x.eligibility,
            segments=segments(x.segments, f"{key}.{x.name}"),
            open_stock=stock(place(channel, x.name)),
            cover=x.cover if isinstance(x, Guaranteed) else 0.0,
            payout_lag=x.payout_lag if isinstance(x, Guaranteed) else 0,
        )

    return (
        *(terms(x, GUARANTEED_BANK, "guaranteed") for x in spec.guaranteed),
        *(terms(x, JOINT_LENDING, "joint") for x in spec.joint),
        *_passed_through(spec, grid, segments, stock),
    )


def _passed_through(
    spec: Model, grid: PeriodGrid, segments: Callable[[tuple[str, ...], str], frozenset[int]],
    stock: Callable[[str], FloatArray],
) -> Iterator[PartnerInputs]:  # fmt: skip
    """P2P lenders who lend to borrowers themselves."""
    x, unit = spec.p2p, spec.plan.money_unit
    if x is None or x.mode != "pass_through":
        return
    assert x.per_period is not None
    yield PartnerInputs(
        channel=P2P,
        name="P2P lenders",
        own_share=0.0,
        fee=x.fee,
        limit=x.limit / unit,
        per_period=x.per_period / unit,
        eligibility=x.eligibility,
        segments=segments(x.segments, "p2p"),
        open_stock=stock(P2P),
        closed=frozenset(range(1, len(grid) + 1)) - open_periods(x, grid),
        rolling=None if x.rolling_12_months is None else x.rolling_12_months / unit,
        rolling_periods=round(grid.per_year),
    )


def open_periods(x: funds.P2P, grid: PeriodGrid) -> frozenset[int]:
    """Periods that end within the P2P window."""
    first = grid.as_of if x.open_from is None else x.open_from
    last = grid.ends[-1] if x.open_to is None else x.open_to
    return frozenset(t for t, end in enumerate(grid.ends, start=1) if first <= end and end <= last)


def guarantor_of(spec: Model, unit: float) -> GuarantorInputs | None:
    """The guarantor's terms in money units."""
    x = spec.guarantor
    if x is None:
        return None
    net_assets = None if x.net_assets is None else x.net_assets / unit
    return GuarantorInputs(x.multiple, net_assets, x.elsewhere / unit, x.source)


def partner_places(spec: Model) -> set[str]:
    """Places that the model's partners make known."""
    return {
        *(place(GUARANTEED_BANK, x.name) for x in spec.guaranteed),
        *(place(JOINT_LENDING, x.name) for x in spec.joint),
        *([P2P] if spec.p2p is not None and spec.p2p.mode == "pass_through" else []),
    }


def stock_in(origin: Sequence[str], amount: FloatArray, path: FloatArray, where: str) -> FloatArray:
    """What stands at every close of the cohorts that began in ``where`` [T + 1]."""
    theirs = np.array([place == where for place in origin], dtype=np.bool_)
    return np.asarray((amount[theirs, None] * path[theirs]).sum(axis=0))
