"""A deal (``deals/NAME.toml``): a vehicle that holds loans, what it owes, and in which order.

Formulas and tests are expressions over the deal's own figures, as of a payment date before the
step they stand in; :mod:`scfcap.deal.words` lists them.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from scfcap.axes import DayCount
from scfcap.expressions import ExpressionText
from scfcap.periods import Frequency
from scfcap.quantities import Money, Share
from scfcap.schema.base import MisfitError, Schema
from scfcap.schema.deal_parts import (
    AccountSpec,
    CallSpec,
    FeeSpec,
    HedgeSpec,
    LineSpec,
    MeasureSpec,
    Name,
    PhaseSpec,
    Price,
    StepSpec,
    TrancheSpec,
    TriggerSpec,
)
from scfcap.schema.holders import AnalyticsSpec, CapitalSpec
from scfcap.schema.sizing import SizingSpec


class CollectionsSpec(Schema):
    """``[collections]``: the account that each kind of collection goes to."""

    interest: Name = "collection"
    """Interest and borrowers' fees."""
    principal: Name = "collection"
    """Scheduled and early principal, and proceeds of sales."""
    recovery: Name = "collection"
    """Recoveries after defaults."""


class CovenantSpec(Schema):
    """One of ``assets.covenants``: a mean over the pool that a purchase must not breach."""

    column: str
    """Column of numbers, such as ``rate``, ``score``, ``remaining_days``; weighted by balance."""
    least: float | None = Field(default=None, allow_inf_nan=False)
    """Least that the mean may be; absent: no lower limit."""
    most: float | None = Field(default=None, allow_inf_nan=False)
    """Most that the mean may be; absent: no upper limit."""

    @model_validator(mode="after")
    def _some_bound(self) -> CovenantSpec:
        if self.least is None and self.most is None:
            raise MisfitError(found="neither least nor most", expected="at least one of them")
        return self


class RepurchaseSpec(Schema):
    """One of ``assets.repurchases``: a loan that its seller takes back at par."""

    loan: str
    """Id of a loan that the deal holds at the start."""
    on: date
    """Day of the repurchase; it falls into that period's end."""


class BreachSpec(Schema):
    """One of ``assets.breaches``: loans that are not as the seller represented them.

    It takes them back at par at the end of the period in which this is found.
    """

    test: ExpressionText
    """What holds of such loans, over the tape's columns."""
    name: str = ""
    found_after: int = Field(default=0, ge=0, le=3650)
    """Days from closing, or from the purchase, until it is found; at least to the next period's
    end."""


class SubstitutionSpec(Schema):
    """``[assets.substitution]``: the seller gives another loan for one that it takes back.

    It is the smallest on offer in the period whose balance is that of the loan or more, which is
    eligible, keeps limits and covenants, and is no worse; where there is none the seller pays cash.
    """

    at_least: tuple[str, ...] = ()
    """Columns of numbers in which it must have no less than the loan, such as ``rate``,
    ``score``."""
    at_most: tuple[str, ...] = ()
    """Columns in which it must have no more, such as ``remaining_days``."""


class AssetsSpec(Schema):
    """``[assets]``: the loans of the deal, and those it may buy."""

    purchases: Literal["cohorts", "loans"] = "cohorts"
    """``cohorts``: purchases are shares of what is lent in a period. ``loans``: whole loans, one by
    one, tested against eligibility, the limits of its set and ``covenants`` with the pool after the
    purchase; on offer is each loan of the tape once more, on the day it ends, for as long."""
    covenants: tuple[CovenantSpec, ...] = ()
    """Means that whole-loan purchases must keep, or bring nearer where they are breached."""
    repurchase_ineligible: bool = False
    """Whether the deal holds all loans of its ``channel``, and the seller takes back at par, in the
    first period, those that do not meet its eligibility set."""
    repurchases: tuple[RepurchaseSpec, ...] = ()
    breaches: tuple[BreachSpec, ...] = ()
    """Of loans at closing and of whole loans bought later."""
    substitution: SubstitutionSpec | None = None
    """Absent: the seller pays cash for what it takes back."""

    channel: str | None = None
    """Place that the tape gives to the deal's loans, such as ``securitization:series-1``; absent:
    all loans that ``eligibility`` admits."""
    eligibility: str | None = None
    """Eligibility set (``[pool.eligibility.NAME]``) that loans must meet."""
    size: Money | None = None
    """Pool at closing [currency]: the loans are taken in proportion. Absent: as they are."""
    price: Annotated[Price, Field(gt=0.0)] = 1.0
    """Paid for a loan at closing and for purchases, as a share of its balance."""
    new_loans: dict[str, Share] = Field(default_factory=dict)
    """Share of purchases by segment, of loans as ``[demand.SEGMENT]`` makes them; empty: the
    pool's own mix."""
    supply: Money | None = None
    """New loans on offer in a period [currency]; absent: as many as cash can buy."""

    @property
    def takes_back_ineligible(self) -> bool:
        """Whether the deal begins with loans that do not meet its set."""
        whole = self.purchases == "loans" and self.channel is not None
        return whole and self.repurchase_ineligible


class OpeningSpec(Schema):
    """``[opening]``: where the deal stands, if it has closed before the run begins."""

    date: date
    """End of the last period before the run that had a payment date, or closing. The payment was
    made ``delay_days`` after it, and interest runs from that day."""
    balances: dict[str, Money] = Field(default_factory=dict)
    """By tranche; one that is not named is repaid."""
    owed: dict[str, Money] = Field(default_factory=dict)
    """What was due and not paid: interest of tranches, fees, interest and fee of lines, hedges."""
    accrued: dict[str, Money] = Field(default_factory=dict)
    """Interest of tranches that has been earned and is not yet due (before ``first_interest``)."""
    accounts: dict[str, Money] = Field(default_factory=dict)
    """Cash of accounts, by account."""
    lines: dict[str, Money] = Field(default_factory=dict)
    """Drawn."""
    written_off: dict[str, Money] = Field(default_factory=dict)
    """Principal written off so far, by tranche."""
    pool_at_closing: Money
    """Principal of the loans at closing."""
    cumulative_default: Money = 0.0
    """Defaults since closing."""
    cumulative_loss: Money = 0.0
    """Losses since closing."""
    payments_made: int = Field(default=0, ge=0)
    """Payment dates since closing."""
    phase: Name | None = None
    """Absent: the first."""
    reached: Name | None = None
    """The gravest phase that stays and has been reached, where ``phase`` does not stay; absent: the
    first."""
    called: bool = False
    """Whether the pool has been sold by a call."""
    tripped: tuple[Name, ...] = ()
    """Triggers that are in force."""
    breaches: dict[Name, int] = Field(default_factory=dict)
    """By trigger: payment dates in a row, up to the opening, on which its test held."""
    cures: dict[Name, int] = Field(default_factory=dict)
    """By trigger in force: payment dates in a row on which ``cure`` held."""
    measures: dict[Name, tuple[float, ...]] = Field(default_factory=dict)
    """By measure: what ``of`` was on the payment dates before, the last one last."""


class ActualRow(Schema):
    """``[[actuals]]``, or a row of the CSV file that ``actuals`` names: what a period collected."""

    end: date
    """End of the period."""
    interest: Money
    """With borrowers' fees."""
    principal: Money
    """Scheduled and early principal collected."""
    recovery: Money = 0.0
    """Recoveries collected."""
    default: Money = 0.0
    """Principal that defaulted."""
    purchases: Money = 0.0
    """Paid for new loans at the period's end."""
    bought: Money | None = None
    """Balance of those loans; absent: as much as was paid."""
    pool: Money
    """Performing at the period's end, with the purchases."""
    delinquent: Money = 0.0
    """Principal past due at the end of the period."""


class SettlementSpec(Schema):
    """``[settlement]``: the deal's periods, and what happens in those without a payment date."""

    frequency: Frequency | None = None
    """Length of a period; absent: that of the projection."""
    payment_every: Annotated[int, Field(ge=1, le=400)] | Literal["month", "quarter"] = 1
    """Periods from one payment date to the next; or calendar months, counted from the closing or
    ``first_payment``: paid for is then the last period that ends by that day of the month."""
    first_payment: date | None = None
    """First payment date; before it only the steps of ``[settlement.steps]`` are made."""
    steps: dict[str, tuple[StepSpec, ...]] = Field(default_factory=dict)
    """Steps at the end of a period without a payment date, by phase."""
    delay_days: int = Field(default=0, ge=0, le=120)
    """Days from a period's end to its payment date."""


class DealSpec(Schema):
    """``deals/NAME.toml``: a deal."""

    title: str = ""
    closing: date
    """Day on which the classes are sold and the loans bought."""
    legal_end: date | None = None
    """Date by which notes must be repaid; absent: the end of the run."""
    originator_fails: date | None = None
    """Day on which the platform company fails, in every scenario; absent: as scenarios say. It
    counts from the period's end on; of a deal that stands it may be before the opening."""
    day_count: DayCount = "30/360"
    """How days make years of interest."""
    cents: bool = False
    """Whether payments are rounded to cents, half to even, as contracts pay."""
    assets: AssetsSpec = AssetsSpec()
    collections: CollectionsSpec = CollectionsSpec()
    settlement: SettlementSpec = SettlementSpec()
    accounts: dict[Name, AccountSpec] = Field(default_factory=dict)
    fees: dict[Name, FeeSpec] = Field(default_factory=dict)
    tranches: dict[Name, TrancheSpec] = Field(min_length=1)
    lines: dict[Name, LineSpec] = Field(default_factory=dict)
    hedges: dict[Name, HedgeSpec] = Field(default_factory=dict)
    measures: dict[Name, MeasureSpec] = Field(default_factory=dict)
    triggers: dict[Name, TriggerSpec] = Field(default_factory=dict)
    phases: tuple[PhaseSpec, ...] = (PhaseSpec(name="amortising"),)
    calls: dict[Name, CallSpec] = Field(default_factory=dict)
    waterfall: dict[Name, tuple[StepSpec, ...]]
    """Steps on a payment date, by phase, in order."""
    opening: OpeningSpec | None = None
    actuals: tuple[ActualRow, ...] = ()
    """Collections from ``opening.date`` (or closing) to ``as_of``, a row a period; or the name of a
    CSV file of the model's folder with these columns."""
    sizing: SizingSpec = SizingSpec()
    analytics: AnalyticsSpec = AnalyticsSpec()
    """How its classes are priced."""
    capital: CapitalSpec | None = None
    """What banks that hold its classes must know of the pool; absent: no risk weights."""

    @model_validator(mode="after")
    def _phases_have_waterfalls(self) -> DealSpec:
        names = [phase.name for phase in self.phases]
        if not names:
            raise MisfitError(
                key="phases",
                found="no phase",
                expected='a phase, such as [{ name = "amortising" }]',
                action="Without the key phases there is one, amortising.",
            )
        if len(set(names)) < len(names):
            raise MisfitError(
                key="phases", found=f"names {', '.join(names)}", expected="names that differ"
            )
        missing = [name for name in names if name not in self.waterfall]
        if missing:
            raise MisfitError(
                key="waterfall",
                found=f"no steps for phase {', '.join(missing)}",
                expected=f"[[waterfall.{missing[0]}]]",
            )
        return self
