"""Named scenarios: how behaviour and funding depart from the base.

A scenario states multiples of its own, any number of ``shocks``, and what it includes: scenario
files ``scenarios/NAME.toml``. Shocks compose in any order: multiples and what is left of lines,
demand and supply multiply, additions to severity and to rates add, days of outage add.

Periods and lags are those of the plan, also where ``[projection]`` has shorter ones: there a shock
holds in the periods that end within the plan's.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from scfcap.quantities import CostRate, Share
from scfcap.schema.base import MisfitError, Schema

Multiple = Annotated[float, Field(ge=0.0, le=100.0, allow_inf_nan=False)]
Period = Annotated[int, Field(ge=1, le=1200)]
#: What a scenario multiplies of borrowers' intensities.
MULTIPLES = ("default_multiple", "prepay_multiple", "draw_multiple")


class _Window(Schema):
    """A shock that may end."""

    from_period: Period = 1
    """First period in which it holds."""
    to_period: Period | None = None
    """Last period in which it holds; absent: to the end."""

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
        if self.timing and self.to_period is None:
            raise MisfitError(
                key="to_period",
                found="timing without an end",
                expected="the last period of the window that timing is spread over",
            )
        if self.timing and sum(self.timing) <= 0.0:
            raise MisfitError(key="timing", found="nothing but zeros", expected="a part above zero")
        return self


class CoreFailure(Schema):
    """``kind = "core_failure"``: a core enterprise fails at the start of ``period``."""

    kind: Literal["core_failure"]
    core: str
    """Buyer id on the tape, or "#1", "#2" ... for the buyers with the largest balance."""
    period: Period = 1
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


class BankLineCut(Schema):
    """``kind = "bank_line_cut"``: a lender cuts its line; draws above it run to their end."""

    kind: Literal["bank_line_cut"]
    lender: str = "all"
    """Name of a lender, or "all"."""
    cut: Share
    """Share of the line that is taken away."""
    from_period: Period = 1
    """Period in which the cut is announced."""
    notice: int = Field(default=0, ge=0, le=120)
    """Periods from the announcement to the cut."""


class P2PRunOff(Schema):
    """``kind = "p2p_run_off"``: P2P lenders do not renew."""

    kind: Literal["p2p_run_off"]
    share: Share
    """Share of maturing notes that is not renewed."""
    cut: Share = 0.0
    """Share of new lenders' money that no longer comes."""
    from_period: Period = 1


class MarketShut(_Window):
    """``kind = "market_shut"``: the market takes fewer new series, or none."""

    kind: Literal["market_shut"]
    cut: Share = 1.0
    """Share of a new series' size that finds no buyer."""


class Outage(Schema):
    """``kind = "outage"``: the platform stands still; all comes late, nothing is lost.

    What is due, and asked for, in the last ``days`` of the period moves to the next one. An
    outage longer than the period begins with it and ends in a later one.
    """

    kind: Literal["outage"]
    days: int = Field(ge=1, le=366)
    """Calendar days."""
    from_period: Period = 1


class OriginatorFailure(Schema):
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

    Loans at a floating rate follow their index.
    """

    kind: Literal["rate_shock"]
    bank: CostRate = 0.0
    """Added to the rate of new draws [1/year]."""
    p2p: CostRate = 0.0
    """Added to the rate of new P2P notes [1/year]."""
    coupon: CostRate = 0.0
    """Added to the coupons of series that close in these periods [1/year]."""
    index: Annotated[float, Field(ge=-1.0, le=1.0, allow_inf_nan=False)] = 0.0
    """Added to every index of floating contracts in these periods [1/year]; a contract feels it
    from its next reset on."""


Shock = Annotated[
    BorrowerStress
    | CoreFailure
    | Contagion
    | BankLineCut
    | P2PRunOff
    | MarketShut
    | Outage
    | OriginatorFailure
    | RateShock,
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
        return self.model_copy(update={"shocks": (*self.shocks, *own, *other.shocks)})
