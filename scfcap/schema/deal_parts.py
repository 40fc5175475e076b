"""Parts of a deal: accounts, fees, tranches, lines, hedges, triggers, phases, calls, steps."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from scfcap.axes import DayCount
from scfcap.expressions import ExpressionText
from scfcap.quantities import CostRate, Money, Share
from scfcap.schema.base import NAME_PATTERN, MisfitError, Schema
from scfcap.schema.contract import Floating

#: Names of accounts, tranches and all else that formulas speak of.
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=40)]
#: An amount, or a formula that gives one [currency].
Amount = Money | ExpressionText
#: Price as a share of par.
Price = Annotated[float, Field(ge=0.0, le=2.0, allow_inf_nan=False)]


class AccountSpec(Schema):
    """``[accounts.NAME]``: cash that the deal keeps apart. ``collection`` is always there."""

    target: Amount | None = None
    """What the account should hold; absent: no target."""
    initial: Amount = 0.0
    """Paid in at closing out of the proceeds."""
    earns: CostRate = 0.0
    """Yield on what it holds at the start of a period [1/year]."""
    interest_to: Name | None = None
    """Account that the yield goes to; absent: ``collection``."""


class FeeSpec(Schema):
    """``[fees.NAME]``: what a party is owed. What is not paid stays owed.

    Due is ``amount`` + ``rate`` times ``of``, both a year, or what ``formula`` gives a payment
    date; never more than ``cap`` nor less than ``floor`` a year.
    """

    amount: Money = 0.0
    """[currency/year]"""
    rate: CostRate = 0.0
    """[1/year]"""
    of: ExpressionText = "pool_opening"
    """What ``rate`` is taken of [currency]."""
    formula: ExpressionText | None = None
    """Due on a payment date [currency]; instead of ``amount`` and ``rate``."""
    upfront: Amount = 0.0
    """Paid at closing out of the proceeds."""
    cap: Money | None = None
    """Most that is due [currency/year]; what is above is never due."""
    floor: Money = 0.0
    """Least that is due [currency/year]."""
    arrears_rate: CostRate = 0.0
    """Interest on what stays owed [1/year]."""
    to_originator: bool = False
    """Paid to the originator's group, as its servicing is: income to it, not a cost of funds."""

    @model_validator(mode="after")
    def _one_way(self) -> FeeSpec:
        if self.formula is not None and (self.amount or self.rate):
            raise MisfitError(
                key="formula",
                found="a formula beside an amount or a rate",
                expected="one of the two",
            )
        if self.cap is not None and self.floor > self.cap:
            raise MisfitError(
                key="floor", found=f"{self.floor:g}, above the cap", expected="at most the cap"
            )
        return self


class TrancheSpec(Schema):
    """``[tranches.NAME]``: one class of notes, senior first."""

    kind: Literal["fixed", "floating", "zero", "accrual", "interest_only", "equity"] = "fixed"
    """``zero`` bears no coupon. ``accrual`` adds its interest to the balance while
    ``accretes_while`` holds. ``interest_only`` bears interest on ``notional`` and has no principal.
    ``equity`` has no coupon; it takes what is left."""
    balance: Money | None = None
    """Original balance [currency]; this or ``share``."""
    share: Share | None = None
    """Original balance as a share of the pool at closing."""
    coupon: CostRate = 0.0
    """[1/year], of fixed, accrual and interest-only classes."""
    index: str | None = None
    """Index of a floating class, one of ``[indices]``; set at the start of each interest period."""
    margin: Floating = 0.0
    """Over the index [1/year]."""
    floor: Floating = 0.0
    """Least coupon of a floating class [1/year]."""
    cap: CostRate = 1.0
    """Most coupon of a floating class [1/year]."""
    available_cap: ExpressionText | None = None
    """Formula of the most that the coupon may be [1/year], as an available-funds cap; found on the
    payment date, for the interest period that ends. What is above is never due."""
    day_count: DayCount | None = None
    """Absent: the deal's."""
    notional: ExpressionText | None = None
    """Of an interest-only class [currency] at the start of a period, such as
    ``0.35 * balance.AB``."""
    accretes_while: ExpressionText | None = None
    """Test; an accrual class accretes while it holds. Absent: while notes named before stand."""
    first_interest: date | None = None
    """Payment date from which interest is due; before, it accrues without interest on it."""
    interest_on_shortfall: bool = True
    """Whether interest that was due and not paid bears the coupon."""
    schedule: tuple[Share, ...] = ()
    """Planned or targeted balance after each payment date, as a share of the original balance; the
    last holds on. A step that pays principal ``by = "schedule"`` keeps to it."""
    issue_price: Price = 1.0
    """Share of par paid at closing."""
    retained: Share = 0.0
    """Share of the class that the originator keeps."""
    rating: str = ""
    """Rating that the class is to have, one of the stresses of ``[sizing]``; empty: none."""

    @model_validator(mode="after")
    def _fits(self) -> TrancheSpec:
        wrong = self._misfit()
        if wrong is not None:
            raise wrong
        return self

    def _misfit(self) -> MisfitError | None:
        if self.kind == "interest_only":
            if self.notional is None or self.balance is not None or self.share is not None:
                return MisfitError(
                    key="notional",
                    found="an interest-only class "
                    + ("without notional" if self.notional is None else "with a balance"),
                    expected="a notional, and neither balance nor share",
                )
        elif (self.balance is None) == (self.share is None):
            return MisfitError(
                key="balance",
                found="both balance and share" if self.share is not None else "no balance",
                expected="either balance [currency] or share of the pool at closing",
            )
        if (self.kind == "floating") != (self.index is not None):
            return MisfitError(
                key="index",
                found="no index" if self.index is None else f"an index on a {self.kind} class",
                expected='an index for kind = "floating", and only there',
            )
        if self.kind == "floating" and self.floor > self.cap:
            return MisfitError(
                key="floor", found=f"{self.floor:g}, above the cap", expected="at most the cap"
            )
        if self.kind in ("zero", "equity", "floating") and self.coupon:
            return MisfitError(
                key="coupon", found=f"a coupon on a {self.kind} class", expected="none"
            )
        if any(b > a + 1e-12 for a, b in zip((1.0, *self.schedule), self.schedule, strict=False)):
            return MisfitError(
                key="schedule", found="shares that rise", expected="shares that never rise"
            )
        return None


class LineSpec(Schema):
    """``[lines.NAME]``: a liquidity facility or a warehouse line, drawn where a step names it in
    ``from``.

    What is lent on which loans is a figure for formulas, ``borrowing_base.NAME``; the line itself
    is drawn up to its commitment, as loans that a draw pays for come in after it.
    """

    commitment: Amount
    """Most that may be drawn at a time."""
    initial: Amount = 0.0
    """Drawn at closing: it pays for the pool beside the notes."""
    borrowing_base: str | None = None
    """Borrowing base of the pool (``[pool.borrowing_base.NAME]``) whose eligibility, limits, rates
    and reserves hold for the deal's loans; its ``pledged``, ``limit`` and ``drawn`` do not."""
    advance_rate: Share | None = None
    """Instead of it: one rate on all loans that perform and are not past due."""
    rate: CostRate = 0.0
    """On what is drawn [1/year]; over ``index`` if there is one, and together not below zero."""
    index: str | None = None
    """Index that the line's interest follows; absent: a fixed rate."""
    fee_rate: CostRate = 0.0
    """On what is not drawn [1/year]."""
    available_while: ExpressionText | None = None
    """Test; the line may be drawn while it holds. Absent: always."""

    @property
    def has_base(self) -> bool:
        """Whether it lends on loans."""
        return self.borrowing_base is not None or self.advance_rate is not None

    @model_validator(mode="after")
    def _one_base(self) -> LineSpec:
        if self.borrowing_base is not None and self.advance_rate is not None:
            raise MisfitError(
                key="advance_rate",
                found="an advance rate beside a borrowing base",
                expected="one of the two",
            )
        return self


class HedgeSpec(Schema):
    """``[hedges.NAME]``: a swap, cap or floor on the liability side.

    The deal pays ``pay_rate`` (or ``pay_index`` + ``pay_margin``) and receives ``receive_rate`` (or
    ``receive_index`` + ``receive_margin``) on ``notional``, net, on each payment date. A cap pays
    the deal what ``receive_index`` is above ``strike``, a floor what it is below.
    """

    kind: Literal["swap", "cap", "floor"] = "swap"
    notional: ExpressionText
    """[currency] at the start of the interest period."""
    pay_rate: Floating = 0.0
    """Fixed rate that the deal pays."""
    pay_index: str | None = None
    """Index that the deal pays in its place."""
    pay_margin: Floating = 0.0
    """Margin over ``pay_index``."""
    receive_rate: Floating = 0.0
    """Fixed rate that the deal receives."""
    receive_index: str | None = None
    """Index that the deal receives in its place; that of a cap or floor."""
    receive_margin: Floating = 0.0
    """Margin over ``receive_index``."""
    strike: Floating = 0.0
    """Level above which a cap pays, below which a floor does."""
    premium: Amount = 0.0
    """Paid at closing out of the proceeds."""
    day_count: DayCount | None = None
    """How days make years; absent: the deal's."""
    ends: date | None = None
    """Last payment date; absent: the deal's end."""
    to: Name = "collection"
    """Account that receives."""

    @model_validator(mode="after")
    def _an_index(self) -> HedgeSpec:
        if self.kind != "swap" and self.receive_index is None:
            raise MisfitError(
                key="receive_index", found=f"a {self.kind} without", expected="the index it is on"
            )
        return self


class MeasureSpec(Schema):
    """``[measures.NAME]``: a figure found on each payment date before anything is paid."""

    of: ExpressionText
    """Formula of the figure."""
    mean_of: int = Field(default=1, ge=1, le=120)
    """Mean over so many payment dates; over those there are, in the beginning."""


class TriggerSpec(Schema):
    """``[triggers.NAME]``: a test made on each payment date, before anything is paid."""

    test: ExpressionText
    """Trips where true."""
    after: int = Field(default=1, ge=1, le=120)
    """Payment dates in a row on which the test must hold."""
    from_payment: int = Field(default=1, ge=1, le=1200)
    """First payment date on which it is tested."""
    cure: ExpressionText | None = None
    """Test that ends it; absent: never cured."""
    cured_after: int = Field(default=1, ge=1, le=120)
    """Payment dates in a row on which ``cure`` must hold."""
    when: Literal["before payments", "after payments"] = "before payments"
    """``after payments``: tested once all is paid, and in force from the next date."""


class PhaseSpec(Schema):
    """One of ``[[phases]]``, the milder before the graver.

    In the run of time a phase follows when the one before it has reached ``until``. A later phase
    whose ``when`` holds comes at once; of several the last.
    """

    name: Name
    until: date | None = None
    """Last payment date in it; absent: without end."""
    when: ExpressionText | None = None
    """Test on the payment date that brings it on early."""
    stays: bool = True
    """Whether a phase before it can no longer come back."""


class CallSpec(Schema):
    """``[calls.NAME]``: the pool is sold and the deal pays out what there is, at one date."""

    when: ExpressionText | None = None
    """Test, such as ``pool < 0.1 * pool_at_closing``."""
    from_date: date | None = None
    """First payment date of the call; at least this or ``when``."""
    price: Price = 1.0
    """Of the performing pool."""
    needs_full_payment: bool = True
    """Whether it is called only where the proceeds and the accounts pay all that the deal owes:
    notes, interest, fees, lines and hedges."""

    @model_validator(mode="after")
    def _some_day(self) -> CallSpec:
        if self.when is None and self.from_date is None:
            raise MisfitError(key="when", found="no test and no date", expected="one of the two")
        return self


StepAction = Literal[
    "fee", "interest", "principal", "account", "transfer", "line", "hedge", "purchase",
    "write_off", "write_up", "residual",
]  # fmt: skip


class StepSpec(Schema):
    """One step of a waterfall: who is paid, from where, how much at most, and when.

    ``pay`` says what is due: ``fee``, ``interest``, ``line`` (interest and fee, then what is
    drawn) and ``hedge`` what is owed; ``principal`` the balances (or what the schedule asks);
    ``account`` what lacks to the target; ``purchase`` new loans; ``transfer`` and ``residual``
    all that the sources hold. ``write_off`` and ``write_up`` move no cash: they take ``up_to``
    (absent: what pool and cash of principal leave uncovered) from balances in the order of ``to``,
    unless ``split`` says otherwise, or give back what was written off.
    """

    pay: StepAction
    """What is due; see above."""
    to: tuple[Name, ...] | Name = ()
    """Fees, tranches, accounts, lines or hedges, in the order of payment."""
    name: str = ""
    """Name in reports; absent: made of ``pay`` and ``to``."""
    source: tuple[Name, ...] | Name = Field(default=("collection",), alias="from")
    """Accounts and lines, used one after the other: those after the first support it."""
    split: Literal["in order", "pro rata"] | None = None
    """How ``to`` share what there is: by what they are due, or one after the other. Absent:
    ``pro rata`` where cash is paid, ``in order`` where losses are written off or up."""
    by: Literal["balance", "schedule"] = "balance"
    """What principal is due: all, or what is above the schedule."""
    share: Share = 1.0
    """Share of what is due."""
    amount: Money | None = None
    """Most that is paid [currency]."""
    up_to: ExpressionText | None = None
    """Formula of the most that is paid [currency]."""
    keep: Amount | None = None
    """What stays in the first source."""
    when: ExpressionText | None = None
    """Test; the step is skipped where it does not hold."""

    @property
    def targets(self) -> tuple[str, ...]:
        """``to`` as a tuple."""
        return (self.to,) if isinstance(self.to, str) else self.to

    @property
    def sources(self) -> tuple[str, ...]:
        """``from`` as a tuple."""
        return (self.source,) if isinstance(self.source, str) else self.source

    @property
    def label(self) -> str:
        """Name in reports."""
        return self.name or " ".join((self.pay.replace("_", " "), ", ".join(self.targets))).strip()
