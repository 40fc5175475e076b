"""The funding set: demand, own funds, lenders, buyers, P2P, and the plan's own settings."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from scfcap.periods import PER_YEAR, Frequency, PeriodGrid
from scfcap.quantities import CostRate, Money, Share
from scfcap.schema.base import MisfitError, Schema
from scfcap.schema.credit import TermRange


def _month(key: Any) -> Any:
    """Keys of a TOML table are text: "11" is November."""
    return int(key) if isinstance(key, str) and key.isdecimal() else key


Month = Annotated[int, BeforeValidator(_month), Field(ge=1, le=12)]
Multiplier = Annotated[float, Field(ge=0.0, le=100.0)]


class PlanSettings(Schema):
    """``[plan]``."""

    periods: int = Field(default=12, ge=1, le=120)
    """Length of the plan in periods; in months where it goes by weeks and then months."""
    frequency: Literal["weeks_then_months", "month", "week"] = "weeks_then_months"
    """13 weeks and then months, or periods of one length."""
    stated_in: Literal["month", "week"] | None = None
    """Unit in which the model states amounts a period and counts of periods (demand, supply,
    tenors, lags, seasoning, revolving and amortising periods, shocks); they are told on the plan's
    grid by the calendar. Absent: a week where the plan goes by weeks alone, else a month."""
    objective: Literal["max_income"] = "max_income"
    scenario: str = "base"
    """Scenario under which the plan is made."""
    money_unit: float = Field(default=1e6, ge=1.0, le=1e12)
    """Currency units in one unit of the reports and the program."""
    cash_yield: CostRate = 0.0
    liquidity_floor: Money = 0.0
    debt_cover: float = Field(default=0.0, ge=0.0, le=10.0)
    """Cash to hold at each close, as a share of the debt due in the next period."""
    opex_per_year: Money = 0.0
    """Running cost that does not move with the book [currency a year]."""
    opex_rate: CostRate = 0.0
    """Running cost [1/year of the principal managed, wherever it sits]."""
    terminal_rate: CostRate = 0.08
    """Rate at which cash after the horizon is valued [1/year]."""

    @property
    def unit(self) -> Literal["month", "week"]:
        """What one period means in the model's amounts and counts."""
        return self.stated_in or ("week" if self.frequency == "week" else "month")

    @property
    def projected(self) -> Frequency:
        """Length of a projection's period where the model does not say: one of the plan's, or of
        the unit where that is shorter or the plan's differ.
        """
        if self.frequency == "weeks_then_months":
            return self.unit
        return max(self.frequency, self.unit, key=PER_YEAR.__getitem__)

    def grid(self, as_of: date) -> PeriodGrid:
        """The periods of the plan."""
        return PeriodGrid.build(as_of, self.periods, self.frequency)


class Opening(Schema):
    """``[opening]``: the balance sheet at ``as_of``; give net_capital, cash, or both."""

    net_capital: Money | None = None
    cash: Money | None = None
    """Free cash; derived from the balance sheet if absent."""
    deductions: Money = 0.0
    """Net assets less net capital."""
    net_assets_prior_year_end: Money | None = None
    """Net assets at the last 31 December before ``as_of``, if the rules in force need them."""

    @model_validator(mode="after")
    def _enough(self) -> Opening:
        if self.net_capital is None and self.cash is None:
            raise MisfitError(
                found="neither net_capital nor cash",
                expected="net_capital or cash; the other follows from the balance sheet",
            )
        return self


class Demand(Schema):
    """``[demand.SEGMENT]``: what borrowers ask for."""

    per_period: Money
    """Loan demand in an average period of the unit of ``plan.stated_in`` [currency]."""
    minimum: Share = 0.0
    """Share of the demand that is promised."""
    growth: float = Field(default=0.0, ge=-0.99, le=10.0)
    """Growth of demand [1/year]."""
    seasonality: dict[Month, Multiplier] = Field(default_factory=dict)
    """Calendar month (1 to 12) to multiplier; 1 where absent."""
    new_loans: TermRange | Literal["tape"]
    """What new loans look like: stated, or as the tape's loans of this segment."""


class Tenor(Schema):
    """A tenor that a lender offers."""

    periods: int = Field(ge=1, le=120)
    """In the unit of ``plan.stated_in``."""
    rate: CostRate


class Draw(Schema):
    """An outstanding draw at ``as_of``."""

    amount: Money
    rate: CostRate
    maturity: date


class Lender(Schema):
    """``[[lenders]]``: a credit line."""

    name: str
    kind: Literal["bank", "shareholder", "peer", "bond"] = "bank"
    limit: Money
    """Most outstanding. Term draws above it run to their end; no new draw is made."""
    commitment_fee: CostRate = 0.0
    """Fee on the undrawn part [1/year]."""
    tenors: tuple[Tenor, ...] = Field(min_length=1)
    draws: tuple[Draw, ...] = ()
    notice_days: int | None = Field(default=None, ge=0, le=3660)
    """Days before a draw by which the lender must be told; the action list shows the deadline,
    the plan does not wait for it. Absent: no notice."""


class Buyer(Schema):
    """``[[buyers]]``: a bank that takes loans over."""

    name: str
    price: float = Field(default=1.0, gt=0.0, le=1.2)
    """Price, share of par."""
    servicing_fee: CostRate = 0.0
    """Kept by the company [1/year of the principal sold]."""
    limit: Money
    """Most principal outstanding with the buyer; 0 closes the channel."""
    per_period: Money | None = None
    """Most principal bought in a period of the unit of ``plan.stated_in``."""
    min_seasoning: int = Field(default=0, ge=0)
    """Least age of a loan [periods of that unit]."""
    recourse: Literal[False] = False
    """Clean sales only."""
    eligibility: str
    segments: tuple[str, ...] = ()
    """Segments that it buys; empty: all."""
    notice_days: int | None = Field(default=None, ge=0, le=3660)
    """Days before a sale by which the buyer must be told; see the same of a lender."""


class SupplyStep(Schema):
    """A step of the P2P supply curve."""

    per_period: Money
    """Most placed at this rate in a period of the unit of ``plan.stated_in``."""
    rate: CostRate
    """All-in cost: investors' yield and platform fee [1/year]."""


class P2PNote(Schema):
    """Older P2P notes that fall due on one day."""

    amount: Money
    rate: CostRate
    """All-in cost [1/year]."""
    maturity: date


class P2P(Schema):
    """``[p2p]``: notes to P2P lenders against own loans, as debt."""

    limit: Money
    """Most outstanding; 0 closes the channel."""
    rolling_12_months: Money | None = None
    """Most placed in any twelve months."""
    tenor: int = Field(ge=1, le=60)
    """Periods to repayment, in the unit of ``plan.stated_in``."""
    steps: tuple[SupplyStep, ...] = Field(min_length=1)
    open_from: date | None = None
    open_to: date | None = None
    outstanding: Money = 0.0
    """Outstanding at ``as_of`` besides ``notes``, repaid evenly over one tenor."""
    outstanding_rate: CostRate = 0.0
    notes: tuple[P2PNote, ...] = ()
    """Outstanding at ``as_of`` by the day on which they fall due."""

    @model_validator(mode="after")
    def _rising(self) -> P2P:
        rates = [s.rate for s in self.steps]
        if rates != sorted(rates):
            raise MisfitError(
                key="steps",
                found="rates " + ", ".join(f"{rate:g}" for rate in rates),
                expected="rates that rise, cheapest first",
                action="A supply curve with falling rates cannot be planned by a linear program.",
            )
        return self


class BookShare(Schema):
    """``[[concentration]]``: segments may hold at most a share of the loans on the books."""

    name: str
    segments: tuple[str, ...] = Field(min_length=1)
    share: Share
