"""The funding set: demand, own funds, lenders, buyers, P2P, and the plan's own settings."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from scfcap.periods import PER_YEAR, Frequency, PeriodGrid
from scfcap.quantities import CostRate, Money, Share
from scfcap.schema.base import MisfitError, Schema
from scfcap.schema.covenants import Covenant
from scfcap.schema.credit import TermRange
from scfcap.schema.liquidity import MaturityGap, TenorMatch
from scfcap.schema.uncertainty import Uncertainty


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
    objective: Literal["max_income", "max_lending", "min_cost"] = "max_income"
    """Most net income and value of what stands at the end; most lending that leaves
    ``income_floor`` of it; or least cost of funding ``lending_path``."""
    income_floor: Money = 0.0
    """Least net income with the value beyond the horizon, of ``max_lending``."""
    lending_weights: dict[str, Annotated[float, Field(ge=0.0, le=100.0)]] = Field(
        default_factory=dict
    )
    """What a unit lent counts in ``max_lending``, by segment; 1 where absent."""
    lending_path: Share = 1.0
    """Share of all demand that is lent, of ``min_cost``."""
    lending_floor: Money = 0.0
    """Least lending over the plan, by ``lending_weights``."""
    headroom: Money = 0.0
    """Least free cash and undrawn lines together at each close; 0: no such limit."""
    scenario: str = "base"
    """Scenario under which the plan is made."""
    money_unit: float = Field(default=1e6, ge=1.0, le=1e12)
    """Currency units in one unit of the reports and the program."""
    cash_yield: CostRate = 0.0
    """What free cash earns [1/year]."""
    liquidity_floor: Money = 0.0
    """Least free cash at each close."""
    debt_cover: float = Field(default=0.0, ge=0.0, le=10.0)
    """Cash to hold at each close, as a share of the debt due in the next unit of ``stated_in``."""
    interest_cover: float = Field(default=0.0, ge=0.0, le=10.0)
    """The same as a share of the interest and fees on debt and P2P notes of the next period."""
    promise_cover: float = Field(default=0.0, ge=0.0, le=10.0)
    """The same as a share of the lending promised in the next period."""
    undrawn_draw_rate: Share = 0.0
    """The same as a share of borrowers' undrawn limits: what may be drawn at once."""
    undrawn_limits: dict[str, Money] = Field(default_factory=dict)
    """Borrowers' undrawn limits by segment [currency]; empty: credit limits of the tape's revolving
    lines above their balances. They stand throughout the plan."""
    maturity_gaps: tuple[MaturityGap, ...] = ()
    """By how much debts due within some days may exceed assets due within them."""
    tenor_match: TenorMatch | None = None
    """How far long loans must stand on long funding and own capital."""
    opex_per_year: Money = 0.0
    """Running cost that does not move with the book [currency a year]."""
    opex_rate: CostRate = 0.0
    """Running cost [1/year of the principal managed, wherever it sits]."""
    terminal_rate: CostRate = 0.08
    """Rate at which cash after the horizon is valued [1/year]."""
    relax: Literal["spread", "early"] = "spread"
    """Where no plan keeps all limits, which of the least relaxations is told: that whose largest
    part is least, or that which comes first in time."""
    solver: str = "highs"
    """HiGHS in process, or another solver by its name in PuLP, such as ``COIN_CMD``."""
    unique: Literal["passes", "perturbation", "none"] | None = None
    """How one of several equal plans is chosen: by two further solves, by a perturbation of the
    costs, or not. Absent: passes, but for programs so large that a perturbation is used."""
    indifferent: Literal["late", "early"] = "late"
    """When to act where it is worth the same."""
    contingency: tuple[str, ...] | None = None
    """Scenarios against which a run says what to do if they come; absent: all in which something
    happens; empty: none."""
    uncertainty: Uncertainty | None = None
    """Scenarios for which the plan is made at once; absent: for ``scenario`` alone."""

    @model_validator(mode="after")
    def _gaps(self) -> PlanSettings:
        days = [x.days for x in self.maturity_gaps]
        if len(set(days)) < len(days):
            raise MisfitError(
                key="maturity_gaps",
                found=f"days {', '.join(map(str, days))}",
                expected="each number of days once",
            )
        return self

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


class Recovery(Schema):
    """Money still expected on loans that had defaulted before ``as_of``."""

    date: date
    """Day on which it is expected."""
    amount: Money
    """What is expected."""


class Opening(Schema):
    """``[opening]``: the balance sheet at ``as_of``; give net_capital, cash, or both."""

    net_capital: Money | None = None
    """Net capital at ``as_of``; absent: what cash and the other balances leave."""
    cash: Money | None = None
    """Free cash; derived from the balance sheet if absent."""
    deductions: Money = 0.0
    """Net assets less net capital."""
    net_assets_prior_year_end: Money | None = None
    """Net assets at the last 31 December before ``as_of``, if the rules in force need them."""
    provisions: Money | None = None
    """Provisions at ``as_of`` under ``[provisions]``; absent: by its rule."""
    recoveries: tuple[Recovery, ...] = ()
    """Expected on loans of the own book that had defaulted before ``as_of``: an asset, and cash by
    its days."""
    holders: dict[str, Money] = Field(default_factory=dict)
    """Principal by holder, named as in the tape's channel column; the tape must agree."""

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
    """Interest on draws of this tenor [1/year]."""
    floating: bool | None = None
    """Whether its draws float; absent: as the lender's."""


class Draw(Schema):
    """An outstanding draw at ``as_of``."""

    amount: Money
    """Principal outstanding."""
    rate: CostRate
    """Its interest [1/year]."""
    maturity: date
    """Day on which it is repaid."""
    floating: bool | None = None
    """Whether it floats; absent: as the lender's."""


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
    floating: bool = False
    """Whether draws float: what a scenario adds to bank rates (``bank`` of a ``rate_shock``) is
    paid on all of them in each period. False: a draw keeps the rate that it is made at."""
    notice_days: int | None = Field(default=None, ge=0, le=3660)
    """Days before a draw by which the lender must be told: the plan draws at no close before, and
    the action list shows the deadline. Absent: no notice."""
    available_to: date | None = None
    """Last day of new draws, and of the commitment fee; draws run to their end. Absent: none."""
    covenants: tuple[Covenant, ...] = ()
    """What the company keeps while the line may be drawn; the plan keeps them."""

    def floats(self, money: Tenor | Draw) -> bool:
        """Whether draws of a tenor, or an older draw, float."""
        return self.floating if money.floating is None else money.floating


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
    recourse: bool = False
    """Whether the company bears the losses of loans sold: it pays what defaults and keeps what is
    recovered. False: a clean sale."""
    recourse_cap: Share = 1.0
    """Most loss that it bears, share of the principal sold; 0 is a clean sale. The plan reckons
    with all losses, the replay with the cap."""
    recourse_sold: Money | None = None
    """Principal sold before ``as_of`` of which the cap is a share; absent: what the tape shows."""
    recourse_borne: Money = 0.0
    """Losses borne under the cap before ``as_of``."""
    eligibility: str
    """Eligibility set of ``[pool]`` that loans must meet."""
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
    """Principal outstanding."""
    rate: CostRate
    """All-in cost [1/year]."""
    maturity: date
    """Day on which they are repaid."""


class P2P(Schema):
    """``[p2p]``: P2P lenders fund loans, in one of two ways, never in both at once."""

    mode: Literal["debt", "pass_through"] = "debt"
    """``debt``: they hold the company's notes against own loans. ``pass_through``: they lend to the
    borrowers themselves; the loans sit in the place ``p2p``, and the company earns a fee."""
    limit: Money
    """Most outstanding; 0 closes the channel."""
    rolling_12_months: Money | None = None
    """Most placed in any twelve months."""
    tenor: int | None = Field(default=None, ge=1, le=60)
    """Periods to repayment of notes, in the unit of ``plan.stated_in``; required of debt."""
    steps: tuple[SupplyStep, ...] = ()
    """Supply of notes, cheapest first; required of debt."""
    per_period: Money | None = None
    """Most that lenders lend in a period; required where loans are passed through."""
    fee: CostRate = 0.0
    """Paid to the company on loans passed through [1/year of the principal]."""
    eligibility: str | None = None
    """Eligibility set that loans passed through must meet; absent: all loans of the segments."""
    segments: tuple[str, ...] = ()
    """Segments of loans passed through; empty: all."""
    open_from: date | None = None
    """First day on which notes are placed; absent: open from the start."""
    open_to: date | None = None
    """Last day on which notes are placed; absent: open to the end."""
    outstanding: Money = 0.0
    """Notes outstanding at ``as_of`` besides ``notes``, repaid evenly over one tenor."""
    outstanding_rate: CostRate = 0.0
    """Interest on ``outstanding`` [1/year]."""
    notes: tuple[P2PNote, ...] = ()
    """Outstanding at ``as_of`` by the day on which they fall due."""

    @model_validator(mode="after")
    def _one_way(self) -> P2P:
        """The terms of one way stand, and none of the other."""
        of_notes = ("tenor", "steps", "outstanding", "outstanding_rate", "notes")
        of_loans = ("per_period", "fee", "eligibility", "segments")
        debt = self.mode == "debt"
        needed = ("tenor", "steps") if debt else ("per_period",)
        for key in needed:
            if getattr(self, key) in (None, ()):
                expected = f'the {key} of mode = "{self.mode}"'
                raise MisfitError(key=key, found="nothing", expected=expected)
        for key in of_loans if debt else of_notes:
            default = type(self).model_fields[key].default
            if getattr(self, key) != default:
                raise MisfitError(
                    key=key,
                    found=f'{key} with mode = "{self.mode}"',
                    expected="terms of one mode: notes as debt, or loans passed through",
                    action="Take the key out, or change p2p.mode.",
                )
        return self

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
    """``[[concentration]]``: what segments, or a core enterprise, may have of the loans on the
    books, or in times of capital.
    """

    name: str
    segments: tuple[str, ...] = ()
    """Segments that are limited together; or state ``core``."""
    core: str | None = None
    """A core enterprise: a buyer_id of the tape, or a rank such as "#1", the largest. Its share of
    each segment is that of the outstanding loans, and new loans are taken to be like them."""
    through: Literal["suppliers", "orders"] = "suppliers"
    """What hangs on a core: all loans of those who supply it, or those on its orders alone."""
    base: Literal["book", "net_capital", "net_assets"] = "book"
    """What the share is of: loans on the books, net capital, or that and the deductions."""
    share: float = Field(ge=0.0, le=100.0)
    """Most, as a share of the base; of the book at most 1."""

    @model_validator(mode="after")
    def _whose(self) -> BookShare:
        if bool(self.segments) == (self.core is not None):
            both = "both segments and core" if self.segments else "neither segments nor core"
            raise MisfitError(found=both, expected="segments, or core")
        if self.base == "book" and self.share > 1.0:
            raise MisfitError(
                key="share", found=f"{self.share:g}", expected="0 to 1, a share of the book"
            )
        return self
