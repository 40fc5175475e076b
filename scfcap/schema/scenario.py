"""Named scenarios: how behaviour and funding depart from the base.

A scenario states multiples of its own, any number of ``shocks``, and what it includes: scenario
files ``scenarios/NAME.toml``. Shocks compose in any order: multiples and what is left of lines,
demand and supply multiply, additions to severity and to rates add, days of outage add.

Periods and lags are those of the plan, also where ``[projection]`` has shorter ones: there a shock
holds in the periods that end within the plan's. A shock may name the day on which it begins
instead.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from scfcap.quantities import CostRate, Share
from scfcap.schema.base import MisfitError, Schema

#: Keys of the period in which a shock begins.
_PERIODS = ("from_period", "period")

Multiple = Annotated[float, Field(ge=0.0, le=100.0, allow_inf_nan=False)]
Period = Annotated[int, Field(ge=1, le=1200)]
#: What a scenario multiplies of borrowers' intensities.
MULTIPLES = ("default_multiple", "prepay_multiple", "draw_multiple")


def _day(value: date | str) -> date | str:
    """Text is a day of every year: "11-11"."""
    if isinstance(value, str):
        try:
            date.fromisoformat(f"2000-{value}")
        except ValueError:
            raise MisfitError(
                found=f'"{value}"', expected='a date such as 2014-11-11, or a day "11-11"'
            ) from None
    return value


Day = Annotated[date | str, AfterValidator(_day)]


class _Begins(Schema):
    """A shock that begins in a period, or on a day."""

    on: Day | None = None
    """Day that it begins on, instead of a period: a date, or a day of the year such as "11-11", the
    first after ``as_of``. It then begins with the period that holds the day; what began by
    ``as_of`` is in what the model states, and is left out."""

    @model_validator(mode="after")
    def _begins_once(self) -> _Begins:
        for key in _PERIODS:
            if self.on is not None and key in self.model_fields_set:
                raise MisfitError(
                    key="on", found=f"on beside {key}", expected="one of them: a day, or a period"
                )
        return self

    @model_serializer(mode="wrap")
    def _written(self, rest: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A shock with a day is written without the period that it begins in instead, so that what
        is written reads as the same shock.
        """
        found: dict[str, Any] = rest(self)
        if self.on is None:
            return found
        return {key: value for key, value in found.items() if key not in _PERIODS}


class _Window(_Begins):
    """A shock that may end."""

    from_period: Period = 1
    """First period in which it holds."""
    to_period: Period | None = None
    """Last period in which it holds; absent: to the end."""
    until: Day | None = None
    """Day on which it ends, instead of ``to_period``: it holds in the period of that day too."""

    @model_validator(mode="after")
    def _ends_once(self) -> _Window:
        if self.until is not None and self.to_period is not None:
            raise MisfitError(
                key="until",
                found="until beside to_period",
                expected="one of them: a day, or a period",
            )
        return self

    @model_validator(mode="after")
    def _ordered(self) -> _Window:
        if self.to_period is not None and self.to_period < self.from_period:
            raise MisfitError(
                key="to_period",
                found=f"{self.to_period}",
                expected=f"at least from_period, {self.from_period}",
            )
        return self


class BorrowerStress(_Window):
    """``kind = "borrower_stress"``: borrowers default more, repay later, lose more."""

    kind: Literal["borrower_stress"]
    default_multiple: Multiple = 1.0
    """Factor on the default intensity."""
    prepay_multiple: Multiple = 1.0
    """Factor on the prepayment intensity."""
    draw_multiple: Multiple = 1.0
    """Factor on the intensity of draws on revolving lines."""
    severity_add: Share = 0.0
    """Added to the severity of what defaults in these periods; all additions are cut at one."""
    segments: tuple[str, ...] = ()
    """Segments that it hits; empty: all."""
    timing: tuple[Multiple, ...] = Field(default=(), max_length=60)
    """How the default multiple is spread over equal parts of the window, which ``to_period`` must
    close: (3, 2, 1) is loaded in front, (1, 2, 3) at the back. Scaled to a mean of one over the
    window; empty: level."""

    @model_validator(mode="after")
    def _timed(self) -> BorrowerStress:
        if self.timing and self.to_period is None and self.until is None:
            raise MisfitError(
                key="to_period",
                found="timing without an end",
                expected="the last period of the window that timing is spread over",
            )
        if self.timing and sum(self.timing) <= 0.0:
            raise MisfitError(key="timing", found="nothing but zeros", expected="a part above zero")
        return self


class CoreFailure(_Begins):
    """``kind = "core_failure"``: a core enterprise fails at the start of ``period``."""

    kind: Literal["core_failure"]
    core: str
    """Buyer id on the tape, or "#1", "#2" ... for the buyers with the largest balance."""
    period: Period = 1
    """Period at whose start it fails."""
    supplier_default_multiple: Multiple = 1.0
    """Factor on the default intensity of the core's suppliers, from ``period`` on."""
    infection: Share = 0.0
    """Share of its suppliers' loans that defaults at once, with the segment's own severity."""
    unpaid: Share = 1.0
    """Share of the loans on its orders that defaults at once."""
    recovery: Share = 0.0
    """Share of the unpaid orders that is recovered."""
    recovery_lag: int = Field(default=0, ge=0, le=60)
    """Periods from the failure to that recovery."""
    orders_lost: Share = 0.0
    """Share of the demand for loans on its orders that ends with it."""


class Contagion(Schema):
    """``kind = "contagion"``: the failures of the scenario infect linked core enterprises.

    A core enterprise is linked by the share of its suppliers that supply the failed one too.
    """

    kind: Literal["contagion"]
    probability: Share
    """Probability that a failure infects an enterprise with all its suppliers in common."""
    after: int = Field(default=1, ge=0, le=60)
    """Periods from the failure to the infected one's."""


class BankLineCut(_Begins):
    """``kind = "bank_line_cut"``: a lender cuts its line."""

    kind: Literal["bank_line_cut"]
    lender: str = "all"
    """Name of a lender, or "all"."""
    cut: Share
    """Share of the line that is taken away."""
    from_period: Period = 1
    """Period in which the cut is announced."""
    notice: int = Field(default=0, ge=0, le=120)
    """Periods from the announcement to the cut."""
    call: bool | None = None
    """Whether the bank calls what is drawn above the line that is left. ``true``: it is due at the
    cut, older draws too, a part of each alike. ``false``: term draws run to their end; none is made
    from the cut until the last of them is repaid, and no fee is paid for that time; then what is
    left of the line is there. Absent: draws of before ``as_of`` run to their end, and what the plan
    draws stays, from the cut on, within what they leave of the line that is left."""


class P2PRunOff(_Begins):
    """``kind = "p2p_run_off"``: P2P lenders do not renew."""

    kind: Literal["p2p_run_off"]
    share: Share
    """Share of maturing notes that is not renewed."""
    cut: Share = 0.0
    """Share of new lenders' money that no longer comes."""
    from_period: Period = 1
    """First period in which they do not renew."""


class MarketShut(_Window):
    """``kind = "market_shut"``: the market takes fewer new series, or none."""

    kind: Literal["market_shut"]
    cut: Share = 1.0
    """Share of a new series' size that finds no buyer."""


class Outage(_Begins):
    """``kind = "outage"``: the platform stands still; all comes late, nothing is lost.

    What is due, and asked for, in the last ``days`` of the period moves to the next one. An
    outage longer than the period begins with it and ends in a later one.
    """

    kind: Literal["outage"]
    days: int = Field(ge=1, le=366)
    """Calendar days."""
    from_period: Period = 1
    """Period in which it begins."""


class OriginatorFailure(_Begins):
    """``kind = "originator_failure"``: the platform company fails; another services its loans.

    What its borrowers do then is for other shocks to say.
    """

    kind: Literal["originator_failure"]
    period: Period = 1
    """Period at whose start it happens; deals know it as ``originator_default`` from then on."""
    days: int = Field(default=0, ge=0, le=366)
    """Calendar days, from the end of the period back, in which nothing is lent or collected while
    the servicing moves: as in an ``outage``, all comes late and nothing is lost."""
    fee_multiple: Multiple = 1.0
    """Factor on what deals pay for servicing (fees ``to_originator``), within their caps."""


class RateShock(_Window):
    """``kind = "rate_shock"``: new funding is dearer; what is drawn or placed keeps its rate.

    Draws that float pay what is added in each period, also those that stand already. Loans at a
    floating rate follow their index.
    """

    kind: Literal["rate_shock"]
    bank: CostRate = 0.0
    """Added to the rate of new draws, and of all draws that float [1/year]."""
    p2p: CostRate = 0.0
    """Added to the rate of new P2P notes [1/year]."""
    coupon: CostRate = 0.0
    """Added to the coupons of series that close in these periods [1/year]."""
    index: Annotated[float, Field(ge=-1.0, le=1.0, allow_inf_nan=False)] = 0.0
    """Added to every index of floating contracts in these periods [1/year]; a contract feels it
    from its next reset on."""


class DrawSurge(_Begins):
    """``kind = "draw_surge"``: borrowers draw on their open limits at once, and must be paid.

    The plan's limits are ``plan.undrawn_limits``, or those of the tape. What is drawn is lent in
    that period beside all demand, is repaid as other loans of its segment, and leaves as much less
    to draw.
    """

    kind: Literal["draw_surge"]
    share: Share
    """Share of what is still undrawn that is drawn."""
    segments: tuple[str, ...] = ()
    """Segments whose borrowers draw; empty: all that have limits."""
    from_period: Period = 1
    """Period in which they draw."""


class RegimeChange(_Begins):
    """``kind = "regime_change"``: other rules are in force from a period on.

    The rules that the model states hold before; those named then hold to the end of the plan, as
    they read on their own first day where the plan's days come before it.
    """

    kind: Literal["regime_change"]
    regime: str
    """Name of a regime file, found as the model's own is."""
    readings: tuple[str, ...] = ()
    """Readings of what its texts leave open, beside the model's."""
    from_period: Period = 1
    """First period in which it is in force."""


Shock = Annotated[
    BorrowerStress
    | CoreFailure
    | Contagion
    | BankLineCut
    | P2PRunOff
    | MarketShut
    | Outage
    | OriginatorFailure
    | RateShock
    | DrawSurge
    | RegimeChange,
    Field(discriminator="kind"),
]


class Scenario(Schema):
    """How a scenario departs from the base."""

    title: str = ""
    default_multiple: float = Field(default=1.0, ge=0.0, le=100.0)
    """Factor on the default intensity -ln(1 - cdr), so that a stressed rate stays below one."""
    prepay_multiple: float = Field(default=1.0, ge=0.0, le=100.0)
    """Factor on the prepayment intensity -ln(1 - cpr)."""
    draw_multiple: float = Field(default=1.0, ge=0.0, le=100.0)
    """Factor on the intensity of draws on revolving lines, -ln(1 - draw_rate)."""
    severity_add: Share = 0.0
    """Added to the severity, in all periods, cut at one."""
    from_period: int = Field(default=1, ge=1)
    """First period in which the multiples hold."""
    shocks: tuple[Shock, ...] = ()
    """What happens besides."""
    include: tuple[str, ...] = ()
    """Names of scenario files ``scenarios/NAME.toml`` whose shocks happen too."""
    day_zero: date | None = None
    """Day of the history that dates of shocks are of which stands for ``as_of``: they are moved
    by as many months and days. Absent: that of the first file included that states one, else none
    is moved."""

    def and_also(self, other: Scenario) -> Scenario:
        """The scenario with all that happens in ``other`` too; it keeps its title.

        ``other``'s own multiples and its severity, which holds throughout, become shocks.
        """
        own: list[Shock] = []
        multiples: dict[str, Any] = {name: getattr(other, name) for name in MULTIPLES}
        if any(multiple != 1.0 for multiple in multiples.values()):
            own.append(
                BorrowerStress(kind="borrower_stress", from_period=other.from_period, **multiples)
            )
        if other.severity_add > 0.0:
            own.append(BorrowerStress(kind="borrower_stress", severity_add=other.severity_add))
        return self.model_copy(
            update={
                "shocks": (*self.shocks, *own, *other.shocks),
                "day_zero": self.day_zero or other.day_zero,
            }
        )
