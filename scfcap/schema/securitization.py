"""A revolving vehicle: its terms, its outstanding series, the series it may still issue."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from scfcap.quantities import CostRate, Money, Share
from scfcap.schema.base import MisfitError, Schema


class Tranche(Schema):
    """One class of notes, senior first."""

    name: str
    share: Share
    """Share of the pool at closing."""
    coupon: CostRate = 0.0
    """Coupon [1/year]; unused on a retained tranche."""
    retained: bool = False
    """Kept by the company: no cash in, an asset that uses own funds, residual cash at the end."""


class Trigger(Schema):
    """Early amortisation when ``measure`` exceeds ``threshold``."""

    measure: Literal["cumulative_default", "default_rate"]
    """``cumulative_default``: defaults since closing over the pool at closing;
    ``default_rate``: the period's defaults over the opening pool, as a yearly rate."""
    threshold: Share
    """Value of ``measure`` above which it trips."""
    margin: Share = 0.0
    """The plan keeps this far below the threshold."""


class Series(Schema):
    """An outstanding series at ``as_of``; its pool is what the tape's channel column says."""

    name: str
    closing: date
    """Day on which the notes were sold."""
    pool_at_closing: Money
    """Principal of the loans at closing."""
    notes: dict[str, Money]
    """Balance by tranche name, sold tranches only."""
    cash: Money = 0.0
    """Collections not yet invested."""
    reserve: Money = 0.0
    """Cash reserve at ``as_of``."""
    cumulative_default: Money = 0.0
    """Defaults since closing."""


class Issue(Schema):
    """A series that the plan may issue."""

    name: str
    closing: date
    """Day on which the notes would be sold."""
    max_pool: Money
    """Largest pool at closing."""


class SecuritizationSpec(Schema):
    """``[securitization]``: one programme; all series share its terms."""

    tranches: tuple[Tranche, ...] = Field(min_length=2)
    revolving_periods: int = Field(ge=0, le=120)
    """Periods, in the unit of ``plan.stated_in``, after closing in which collections buy loans."""
    amortising_periods: int = Field(ge=1, le=120)
    """Periods after that until the legal end."""
    coupon_timing: Literal["paid", "accrued_while_revolving"] = "paid"
    """Paid in each period, or put off until the revolving period ends."""
    senior_fee_rate: CostRate = 0.0
    """Manager, custodian, trustee [1/year of the pool]."""
    servicing_fee_rate: CostRate = 0.0
    """Paid to the company as servicer [1/year of the pool]."""
    reserve_rate: Share = 0.0
    """Cash reserve, share of the sold notes at closing."""
    issue_cost_rate: Share = 0.0
    """Paid at closing, share of the sold notes."""
    idle_cash_limit: Share = 1.0
    """Most uninvested cash while revolving, share of the sold notes."""
    cash_yield: CostRate = 0.0
    """What the series' cash earns [1/year]."""
    trigger: Trigger
    eligibility: str
    """Name of the eligibility set that purchases must meet."""
    segments: tuple[str, ...] = ()
    """Segments that the vehicle buys; empty: all."""
    min_seasoning: int = Field(default=0, ge=0)
    """Least age at purchase [periods of the unit of ``plan.stated_in``]."""
    purchase_mix: dict[str, Share] = Field(default_factory=dict)
    """Share of purchases by segment for the stand-alone deal run; empty: the pool's own mix."""
    programme_limit: Money
    """Most pool at closing over all series that the plan may issue; 0 closes the channel."""
    series: tuple[Series, ...] = ()
    issues: tuple[Issue, ...] = ()

    @model_validator(mode="after")
    def _tranches_add_up(self) -> SecuritizationSpec:
        total = sum(t.share for t in self.tranches)
        if abs(total - 1.0) > 1e-9:
            raise MisfitError(
                key="tranches",
                found=f"shares that add up to {total:g}",
                expected="shares that add up to 1",
            )
        if not self.tranches[-1].retained or any(t.retained for t in self.tranches[:-1]):
            retained = ", ".join(t.name for t in self.tranches if t.retained) or "none"
            raise MisfitError(
                key="tranches",
                found=f"retained: {retained}",
                expected=f"the last tranche, and only it, retained ({self.tranches[-1].name})",
            )
        names = [t.name for t in self.tranches]
        sold = {t.name for t in self.sold}
        if len(set(names)) < len(names):
            raise MisfitError(
                key="tranches", found=f"names {', '.join(names)}", expected="names that differ"
            )
        for series in self.series:
            if set(series.notes) != sold:
                raise MisfitError(
                    key=f"series.{series.name}.notes",
                    found=f"balances of {', '.join(sorted(series.notes)) or 'no tranche'}",
                    expected=f"one balance for each sold tranche: {', '.join(sorted(sold))}",
                )
        return self

    @property
    def sold(self) -> tuple[Tranche, ...]:
        """Tranches held by third parties, senior first."""
        return tuple(t for t in self.tranches if not t.retained)

    @property
    def retained_share(self) -> float:
        """Share of the pool that is not funded by sold notes (overcollateralization target)."""
        return sum(t.share for t in self.tranches if t.retained)
