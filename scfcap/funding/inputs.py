"""Labelled inputs of the program: the only door into it.

Money is in units of the program (``unit`` currency each, a million by default); rates and
factors are per period, already multiplied by the period's year fraction. Axes: cohort ``j``,
period ``t`` (0 is ``as_of``, 1..T), place, lender, buyer, deal, cap. ``funding.gather`` fills
them from a model, its pool and the cohort factors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property

import numpy as np

from scfcap.axes import (
    BANK_DEBT,
    BANK_TRANSFER,
    GUARANTEED_BANK,
    JOINT_LENDING,
    P2P,
    SECURITIZATION,
    place,
)
from scfcap.deal.accounts import SeriesState
from scfcap.funding.cohort_inputs import CohortInputs, CreditPath, Maturing, ProvisionInputs
from scfcap.funding.covenant_inputs import (
    Breach,
    CovenantInputs,
    CrossDefault,
    LateInputs,
    PledgeInputs,
)
from scfcap.funding.partner import GuarantorInputs, PartnerInputs, Supported
from scfcap.funding.past import Past
from scfcap.funding.tenor import Maturity
from scfcap.periods import PeriodGrid, moved
from scfcap.quantities import FloatArray, IntArray
from scfcap.schema.model import Model
from scfcap.schema.plan import SupplyStep
from scfcap.schema.regime import Cap, Regime, Source
from scfcap.schema.securitization import SecuritizationSpec


@dataclass(frozen=True)
class LenderInputs:
    """A line: ``limit``, what is drawn at ``as_of`` by period, and the tenors offered.

    ``left`` [T + 1]: share of the line that is there in a period; ``dearer`` [T + 1]: added to the
    rate of what is drawn in it [1/year], and of what floats. None: the whole line, nothing. In the
    periods ``closed`` the law or a notice allows no new draw; the line and its fee stay. In those
    ``stopped`` none is there, and no fee. ``last``: last close at which the line is there for new
    draws, and after which its fee ends (None: it has no end).
    """

    name: str
    kind: str
    limit: float
    commitment_fee: float
    tenors: tuple[tuple[int, float], ...]
    open_balance: FloatArray
    open_repaid: FloatArray
    open_interest: FloatArray
    left: FloatArray | None = None
    dearer: FloatArray | None = None
    closed: frozenset[int] = frozenset()
    dated: Mapping[int, Maturity] | None = None
    """When draws fall due, by tenor, where a period is not one unit of the model."""
    last: int | None = None
    standing: FloatArray | None = None
    """What still stands of draws that are decided already, beside those at ``as_of`` [T + 1]."""
    floating: frozenset[int] = frozenset()
    """Tenors whose draws float."""
    open_floating: FloatArray | None = None
    """Older draws that float and bear interest in a period [T + 1]; None: none floats."""
    stopped: frozenset[int] = frozenset()

    def maturity(self, tenor: int) -> Maturity:
        """When a draw of that tenor falls due."""
        return Maturity(tenor) if self.dated is None else self.dated[tenor]

    def fee(self, t: int) -> float:
        """Fee of period ``t`` on what is undrawn at the close before [1/year]."""
        ended = self.last is not None and t - 1 > self.last
        return 0.0 if ended or t - 1 in self.stopped else self.commitment_fee

    def share(self, t: int) -> float:
        """Share of the line that is there in ``t``."""
        return 1.0 if self.left is None else float(self.left[t])

    def line(self, t: int) -> float:
        """The line in ``t``."""
        return self.limit * self.share(t)

    def room(self, t: int) -> float:
        """Most balance at the close of ``t``: the line, or what is left of older draws."""
        older = float(self.open_balance[t])
        if self.standing is not None:
            older += float(self.standing[t])
        return max(self.line(t), older)

    def rate(self, tenor_rate: float, t: int) -> float:
        """Rate of a draw made in ``t`` at a tenor of ``tenor_rate`` [1/year]."""
        return tenor_rate if self.dearer is None else tenor_rate + float(self.dearer[t])

    def cost(self, tenor: int, tenor_rate: float, since: int, t: int) -> float:
        """Rate in period ``t`` of a draw made in ``since``; after the plan that of its last
        period [1/year].
        """
        if tenor not in self.floating:
            return self.rate(tenor_rate, since)
        return self.rate(tenor_rate, min(t, len(self.open_balance) - 1))


@dataclass(frozen=True)
class Recourse:
    """Losses of loans sold that the company bears: up to ``cap``, a share of what was sold.

    ``sold`` and ``borne`` before ``as_of`` [money units].
    """

    cap: float
    sold: float = 0.0
    borne: float = 0.0


@dataclass(frozen=True)
class BuyerInputs:
    """A bank that takes loans over, but in the periods ``closed`` by law or for want of notice.

    ``per_period`` and ``min_seasoning`` are in units of the model; ``recourse`` None: clean sales.
    """

    name: str
    price: float
    servicing_fee: float
    limit: float
    per_period: float | None
    min_seasoning: int
    eligibility: str
    segments: frozenset[int]
    open_stock: FloatArray
    closed: frozenset[int] = frozenset()
    recourse: Recourse | None = None

    @property
    def place(self) -> str:
        """Key of the place where sold principal sits."""
        return place(BANK_TRANSFER, self.name)

    @property
    def source(self) -> Source:
        """Name under which the law's caps count what was sold."""
        return "transfer_clean" if self.recourse is None else "transfer_recourse"

    @property
    def cover(self) -> float:
        """Share of defaults that the company pays, the cap left out, and of recoveries it gets."""
        return 0.0 if self.recourse is None else 1.0

    @property
    def payout_lag(self) -> int:
        """Periods from a default to its payment."""
        return 0

    def room(self, t: int) -> float:
        """Most principal with the buyer at the close of ``t``."""
        return max(self.limit, float(self.open_stock[t]))


@dataclass(frozen=True)
class DealInputs:
    """A series: outstanding (``state`` given, closing at most 0) or to be issued.

    ``repaid_by[i]`` is the period in which sold tranche ``i`` is assumed to reach zero (T + 1 or
    later: not within the horizon); replay corrects it. ``dearer`` is added to the coupons [1/year].
    ``swept``: while it repays notes, the series keeps no cash beside its reserve.
    """

    name: str
    closing: int
    last_revolving: int
    legal_end: int
    max_pool: float
    segments: frozenset[int]
    repaid_by: tuple[int, ...]
    state: SeriesState | None
    dearer: float = 0.0
    swept: bool = False

    @property
    def place(self) -> str:
        """Key of the place where the series' loans sit."""
        return place(SECURITIZATION, self.name)

    @property
    def first(self) -> int:
        """First period in which the series exists: its closing, or 0."""
        return max(self.closing, 0)


@dataclass(frozen=True)
class P2PInputs:
    """P2P notes as debt, on a rising supply curve.

    ``open_repaid`` runs to the last older note, beyond the horizon: what is due tells what was
    placed one tenor before. ``renewed`` and ``fresh`` [T + 1]: share of maturing notes that may be
    placed again, and of the supply that new lenders still bring (None: all). ``dearer`` [T + 1] is
    added to the rate of what is placed [1/year].
    """

    limit: float
    rolling: float | None
    rolling_periods: int
    tenor: int
    steps: tuple[SupplyStep, ...]
    open_periods: frozenset[int]
    open_balance: FloatArray
    open_repaid: FloatArray
    open_interest: FloatArray
    renewed: FloatArray | None = None
    fresh: FloatArray | None = None
    dearer: FloatArray | None = None
    dated: Maturity | None = None
    placed_before: FloatArray | None = None
    window: IntArray | None = None

    @property
    def maturity(self) -> Maturity:
        """When notes fall due."""
        return Maturity(self.tenor) if self.dated is None else self.dated

    def rate(self, step_rate: float, t: int) -> float:
        """Rate of a note placed in ``t`` on a step at ``step_rate`` [1/year]."""
        return step_rate if self.dearer is None else step_rate + float(self.dearer[t])

    def room(self, t: int) -> float:
        """Most outstanding at the close of ``t``."""
        return max(self.limit, float(self.open_balance[t]))


@dataclass(frozen=True)
class DatedCap:
    """A cap of the law in the periods in whose last day it holds; ``regime`` is the law's title."""

    cap: Cap
    periods: frozenset[int]
    regime: str


@dataclass(frozen=True)
class BankChoice:
    """Banks of which at most ``most`` may lend in the plan beside those that are owed already.

    ``allowed`` is how many the law of ``regime`` allows in all.
    """

    names: tuple[str, ...]
    most: int
    allowed: int
    regime: str


@dataclass(frozen=True)
class Inputs:
    """Everything that the program knows.

    ``path`` is None where severity and lag are the same throughout and no cash is held back.
    """

    spec: Model
    regime: Regime | None
    unit: float
    grid: PeriodGrid
    segments: tuple[str, ...]
    severity: FloatArray
    recovery_lag: IntArray
    cohorts: CohortInputs
    new_cohort: Mapping[tuple[int, int], int]
    eligible: Mapping[str, FloatArray]
    demand: FloatArray
    promised: FloatArray
    lenders: tuple[LenderInputs, ...]
    buyers: tuple[BuyerInputs, ...]
    vehicle: SecuritizationSpec | None
    programme_limit: float
    deals: tuple[DealInputs, ...]
    p2p: P2PInputs | None
    caps: tuple[DatedCap, ...]
    net_capital: float
    deductions: float
    cash: float
    opex_per_year: float
    liquidity_floor: float
    largest_borrower: float | None = None
    """Most to one borrower at ``as_of``, in every place; None where borrowers are not known."""
    largest_group: float | None = None
    """The same of one group of related borrowers."""
    year_end_net_assets: float | None = None
    """Net assets at the last year end before ``as_of``; None where the model does not say."""
    path: CreditPath | None = None
    provisions: ProvisionInputs | None = None
    paid_in: FloatArray | None = None
    """Capital that the owners pay in by period, shape (T + 1,); None: nothing."""

    dividends: bool = True
    """Whether the model's dividends may be paid: not where a closed year ends with a loss."""
    undrawn: float = 0.0
    """Borrowers' undrawn limits [money units]."""
    undrawn_left: FloatArray | None = None
    """Share of them that is still undrawn at each close [T + 1]; None: all."""
    maturing: Mapping[int, Maturing] = field(default_factory=dict)
    """When loans are repaid, by the days for which the model states a limit."""
    choice: BankChoice | None = None
    """Set where more banks are stated than the law lets lend."""
    core_shares: Mapping[str, FloatArray] = field(default_factory=dict)
    """Share of each segment [S] that a limit of ``concentration`` counts, by its name."""
    covenants: tuple[CovenantInputs, ...] = ()
    cross_defaults: tuple[CrossDefault, ...] = ()
    pledges: PledgeInputs | None = None
    late: LateInputs | None = None
    breaches: tuple[Breach, ...] = ()
    """Covenants that are broken before anything is decided."""
    partners: tuple[PartnerInputs, ...] = ()
    """Who lends from the start: banks that the company guarantees, joint and P2P lenders."""
    guarantor: GuarantorInputs | None = None
    past: Past | None = None
    """What is decided already; None: nothing."""
    soft: bool = False
    """Whether limits give way where they must: see :mod:`scfcap.funding.soft`."""

    older_recoveries: FloatArray | None = None
    """Recoveries on defaults before ``as_of`` by period [T + 2], the last after the plan."""

    @property
    def may_lack(self) -> bool:
        """Whether money may be missing at a close, at its price: where much may happen."""
        return self.soft or self.spec.plan.uncertainty is not None

    @property
    def periods(self) -> range:
        """Periods 1..T."""
        return range(1, len(self.grid) + 1)

    @property
    def horizon(self) -> int:
        """Last period T."""
        return len(self.grid)

    @property
    def year(self) -> FloatArray:
        """Year fraction of period t at index t; index 0 is zero."""
        return np.concatenate(([0.0], self.grid.year_fractions))

    @property
    def funders(self) -> tuple[BuyerInputs | DealInputs, ...]:
        """Everybody to whom own loans may be sold: buyers, then series."""
        return (*self.buyers, *self.deals)

    @property
    def supported(self) -> tuple[Supported, ...]:
        """Holders of loans whose defaults the company pays, whole or in part."""
        holders: tuple[Supported, ...] = (*self.buyers, *self.partners)
        return tuple(x for x in holders if x.cover > 0.0)

    @property
    def partner_places(self) -> tuple[str, ...]:
        """Places where partners' principal sits."""
        return tuple(x.place for x in self.partners)

    def partners_in(self, channel: str) -> tuple[PartnerInputs, ...]:
        """Partners of one channel."""
        return tuple(x for x in self.partners if x.channel == channel)

    @property
    def span(self) -> str:
        """The length of the plan in words."""
        if self.grid.mixed:
            return f"{self.spec.plan.periods} months"
        return f"{self.horizon} {self.grid.frequency}s"

    @cached_property
    def units(self) -> FloatArray:
        """How many units of the model period t is long, at index t; index 0 is zero."""
        return np.concatenate(([0.0], self.grid.units(self.spec.plan.unit)))

    @cached_property
    def covered_to(self) -> IntArray:
        """Last period of which the debt due is covered by cash at the close of t: one unit of the
        model later [T + 1].
        """
        return np.maximum(self._later(1), np.arange(1, self.horizon + 2))

    @cached_property
    def recovered_in(self) -> IntArray:
        """Period in which comes back what defaults in period t, by segment [S, T + 1]."""
        unit = self.spec.plan.unit if self.grid.mixed else self.grid.frequency
        return np.array([self.grid.later(int(lag), unit) for lag in self.recovery_lag])

    @cached_property
    def _seasons(self) -> dict[int, IntArray]:
        return {}

    def _later(self, count: int) -> IntArray:
        if count not in self._seasons:
            self._seasons[count] = self.grid.later(count, self.spec.plan.unit)
        return self._seasons[count]

    def seasoned(self, j: int, count: int) -> int:
        """First period at whose close cohort ``j`` is ``count`` units of the model old."""
        born, unit = int(self.cohorts.vintage[j]), self.spec.plan.unit
        if self.grid.told_in(unit):
            return born + count
        if born >= 1:
            return int(self._later(count)[born])
        ripe = moved(self.grid.as_of, count, unit)
        days = (ripe - self.grid.as_of).days - math.ceil(-born * 365.0 / self.grid.per_year)
        return int(np.searchsorted(self.grid.reaching(max(days, 0)).days, days, side="left"))

    def cap(self, name: str, t: int) -> Cap | None:
        """The cap of that name in ``t``, if one holds."""
        return next((x.cap for x in self.caps if x.cap.name == name and t in x.periods), None)

    def cap_names(self) -> list[str]:
        """Names of all caps; what succeeds a cap may have its name."""
        return list(dict.fromkeys(x.cap.name for x in self.caps))

    def year_end(self, t: int) -> int | None:
        """Last close (0: ``as_of``) up to the year end before period ``t``'s last day.

        None where that year end lies before ``as_of``.
        """
        last = date((self.grid.ends[t - 1] if t else self.grid.as_of).year - 1, 12, 31)
        if t == 0 and (self.grid.as_of.month, self.grid.as_of.day) == (12, 31):
            return 0
        if last < self.grid.as_of:
            return None
        return sum(end <= last for end in self.grid.ends)

    def rule_set(self, funder: BuyerInputs | DealInputs) -> str:
        """Name of the eligibility set that loans sold to ``funder`` must meet."""
        if isinstance(funder, BuyerInputs):
            return funder.eligibility
        assert self.vehicle is not None
        return self.vehicle.eligibility

    def deal(self, name: str) -> DealInputs:
        """The series of that name."""
        return next(d for d in self.deals if d.name == name)

    def terms(self, d: DealInputs) -> SecuritizationSpec:
        """The vehicle's terms with the coupons of one series."""
        assert self.vehicle is not None
        if d.dearer == 0.0:
            return self.vehicle
        tranches = tuple(
            x if x.retained else x.model_copy(update={"coupon": x.coupon + d.dearer})
            for x in self.vehicle.tranches
        )
        return self.vehicle.model_copy(update={"tranches": tranches})

    def without(self, channel: str) -> Inputs:
        """The same inputs with the channel's limits at zero: no new business there."""
        if channel == BANK_DEBT:
            return replace(self, lenders=tuple(replace(x, limit=0.0) for x in self.lenders))
        if channel == BANK_TRANSFER:
            return replace(self, buyers=tuple(replace(x, limit=0.0) for x in self.buyers))
        if channel == SECURITIZATION:
            return replace(self, programme_limit=0.0)
        if channel == P2P and self.p2p is not None:
            return replace(self, p2p=replace(self.p2p, limit=0.0))
        return replace(
            self,
            partners=tuple(
                replace(x, limit=0.0) if x.channel == channel else x for x in self.partners
            ),
        )

    def channels(self) -> tuple[str, ...]:
        """Outside channels that the model has."""
        present = {
            BANK_DEBT: bool(self.lenders),
            BANK_TRANSFER: bool(self.buyers),
            SECURITIZATION: self.vehicle is not None and bool(self.vehicle.issues),
            P2P: self.p2p is not None or bool(self.partners_in(P2P)),
            GUARANTEED_BANK: bool(self.partners_in(GUARANTEED_BANK)),
            JOINT_LENDING: bool(self.partners_in(JOINT_LENDING)),
        }
        return tuple(channel for channel, there in present.items() if there)
