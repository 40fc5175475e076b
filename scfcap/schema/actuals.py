"""What happened after a plan was made (``actuals.toml``): flows since its start, and what stands.

Amounts are in currency, those of the real book even where the model is stated for another size. A
flow is a list with a figure for each period of the plan that has passed, or one figure, the total.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field, model_validator

from scfcap.axes import OWN
from scfcap.quantities import Money
from scfcap.schema.base import MisfitError, Schema
from scfcap.schema.plan import Draw, P2PNote

#: An amount that may be below zero [currency].
Amount = Annotated[float, Field(ge=-1e15, le=1e15, allow_inf_nan=False)]
#: A flow [currency]: by period of the plan, or its total.
Flow = Amount | tuple[Amount, ...]


class LoansActual(Schema):
    """``[[loans]]``: loans of a segment in one place."""

    segment: str
    place: str = OWN
    """Where they sit, named as in the tape's channel column."""
    lent: Flow = 0.0
    """Loans made that sit here from the start."""
    bought: Flow = 0.0
    """Principal taken over from the own book; stated where it went to."""
    repaid: Flow = 0.0
    """Principal repaid by borrowers, early repayments included."""
    interest: Flow = 0.0
    """Interest and fees received."""
    defaulted: Flow = 0.0
    """Principal that defaulted."""
    lost: Flow = 0.0
    """Credit cost of what defaulted: what is not expected to come back."""
    recovered: Flow = 0.0
    """Received on defaulted loans."""
    closing: Money = 0.0
    """Performing principal at ``as_of``."""

    @model_validator(mode="after")
    def _own(self) -> LoansActual:
        if self.place == OWN and self.bought != 0.0:
            raise MisfitError(
                key="bought",
                found="loans bought by the own book",
                expected="what is sold stated in the place that bought it",
            )
        return self


class LenderActual(Schema):
    """``[lenders.NAME]``: a credit line."""

    drawn: Flow = 0.0
    repaid: Flow = 0.0
    cost: Flow = 0.0
    """Interest and fees paid."""
    closing: Money = 0.0
    """Debt at ``as_of``."""
    draws: tuple[Draw, ...] | None = None
    """Draws that stand at ``as_of``; absent: those of the plan, if they add up to ``closing``."""
    limit: Money | None = None
    """New limit of the line; absent: the model's."""


class HolderActual(Schema):
    """``[holders.PLACE]``: what others who hold loans paid and were paid: buyers, partners."""

    paid: Flow = 0.0
    """Paid to the company for loans that it sold."""
    fees: Flow = 0.0
    """Servicing and other fees paid to the company."""
    support: Flow = 0.0
    """Paid by the company for defaults under a recourse or guarantee, less its part of what is
    recovered."""
    support_cost: Flow = 0.0
    """Credit cost of those defaults to the company."""
    limit: Money | None = None
    """New limit; absent: the model's."""


class SeriesActual(Schema):
    """``[series.NAME]``: an outstanding series, or one issued since."""

    issued: dict[str, Flow] = Field(default_factory=dict)
    """Notes sold, by tranche."""
    repaid: dict[str, Flow] = Field(default_factory=dict)
    """Notes repaid, by tranche."""
    coupons: Flow = 0.0
    """Coupons as they accrue."""
    coupons_paid: Flow = 0.0
    costs: Flow = 0.0
    """Senior fees and cost of issue."""
    cash_interest: Flow = 0.0
    to_company: Flow = 0.0
    """Servicing fee and residual, less what the company paid in."""
    notes: dict[str, Money]
    """Balance at ``as_of`` by sold tranche."""
    cash: Money = 0.0
    reserve: Money = 0.0
    cumulative_default: Money = 0.0
    """Defaults since closing."""
    pool_at_closing: Money | None = None
    """Of a series issued since; absent: the notes sold over their share."""


class P2PActual(Schema):
    """``[p2p]``: P2P notes."""

    placed: Flow = 0.0
    repaid: Flow = 0.0
    cost: Flow = 0.0
    """Interest and fees paid."""
    closing: Money = 0.0
    notes: tuple[P2PNote, ...] | None = None
    """Notes that stand at ``as_of``; absent: those of the plan, if they add up to ``closing``."""
    limit: Money | None = None
    """New limit; absent: the model's."""


class CompanyActual(Schema):
    """``[company]``: what is left, and the balance sheet at ``as_of``."""

    cash_interest: Flow = 0.0
    running_cost: Flow = 0.0
    tax: Flow = 0.0
    """Tax as it accrues."""
    tax_paid: Flow = 0.0
    provisions: Flow = 0.0
    """Change of provisions."""
    paid_in: Flow = 0.0
    """Capital paid in by the owners."""
    dividends: Flow = 0.0
    older_recovered: Flow = 0.0
    """Received on loans that had defaulted before the plan, of ``opening.recoveries``."""
    cash: Amount
    """Free cash at ``as_of``; below zero: overdrawn."""
    net_capital: Amount
    """Net capital at ``as_of``."""
    net_assets_prior_year_end: Money | None = None
    """Net assets at the last 31 December before ``as_of``, where the model states those before."""


class Actuals(Schema):
    """A file of actuals."""

    as_of: date
    """The close of a period of the plan."""
    currency: str = Field(min_length=3, max_length=3)
    tolerance: float = Field(default=0.5, ge=0.0, le=1e9, allow_inf_nan=False)
    """What a balance may differ from its opening and flows by [currency]."""
    tape: str | None = None
    """Loan tape of that day, in the file's folder."""
    loans: tuple[LoansActual, ...] = Field(min_length=1)
    lenders: dict[str, LenderActual] = Field(default_factory=dict)
    holders: dict[str, HolderActual] = Field(default_factory=dict)
    series: dict[str, SeriesActual] = Field(default_factory=dict)
    p2p: P2PActual | None = None
    company: CompanyActual
