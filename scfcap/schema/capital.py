"""What comes between income and capital: provisions, tax, dividends, capital paid in."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from scfcap.quantities import CostRate, Money, Share
from scfcap.schema.base import MisfitError, Schema

CalendarMonth = Annotated[int, Field(ge=1, le=12)]


class DefaultedClass(Schema):
    """A class of defaulted loans, by the months since default."""

    name: str
    months: float = Field(ge=0.0, le=120.0)
    """From that many months after default on."""
    coverage: Share
    """Least provision, share of what defaulted; what is written down as not recoverable counts."""


class Provisions(Schema):
    """``[provisions]``: what is set aside for loans on the books, those of series included."""

    method: Literal["expected_loss", "classes"]
    """``expected_loss``: losses expected from defaults of the next months, by segment and age;
    ``classes``: shares of loans by class."""
    months: int = Field(default=12, ge=1, le=12)
    """Months ahead, of ``expected_loss``; 12 is stage 1 of IFRS 9 5.5.5, not discounted here."""
    normal: Share = 0.0
    """Of loans that are not past due, by ``classes``."""
    special_mention: Share | None = None
    """Of loans past due, where behaviour tells them; absent: as ``normal``."""
    defaulted: tuple[DefaultedClass, ...] = ()
    """Classes after default in their order, as substandard, doubtful, loss."""

    @model_validator(mode="after")
    def _fits(self) -> Provisions:
        stated = self.normal > 0.0 or self.special_mention is not None or bool(self.defaulted)
        if self.method == "expected_loss" and stated:
            raise MisfitError(
                found='normal, special_mention or defaulted beside method = "expected_loss"',
                expected='method = "classes", or months alone',
            )
        if self.method == "classes" and not stated:
            raise MisfitError(
                found='method = "classes" without a class',
                expected="normal, special_mention or defaulted",
            )
        ladder = [(c.months, c.coverage) for c in self.defaulted]
        if ladder != sorted(ladder) or len({months for months, _ in ladder}) < len(ladder):
            raise MisfitError(
                key="defaulted",
                found=", ".join(f"{m:g} months {c:g}" for m, c in ladder),
                expected="months and coverage that rise",
            )
        return self


class Tax(Schema):
    """``[tax]``: tax on the profit of calendar years; the group's net income is what is taxed."""

    rate: Share
    """Share of the profit."""
    paid: Literal["year_end", "each_period"] = "each_period"
    """In the period in which the year ends, or as it accrues."""
    losses_forward: Money = 0.0
    """Losses of earlier years that lower the first year's profit. The plan uses them in that year
    alone; later use of the rest, and of losses in the plan, is the replay's."""
    payable: Money = 0.0
    """Tax owed at ``as_of``: paid when the plan first pays tax of its own year."""


class Dividends(Schema):
    """``[dividends]``: at most a share of a closed calendar year's net income, in stated months."""

    payout: Share
    """Most that is paid out of a closed year's net income."""
    months: tuple[CalendarMonth, ...] = Field(min_length=1)
    """Months in which dividends of the year before may be paid."""
    owners_rate: CostRate | None = None
    """Rate at which the plan discounts money to the owners [1/year]; absent:
    ``plan.terminal_rate``."""
    income_prior_year: Money = 0.0
    """Net income of the last calendar year before ``as_of`` of which nothing is paid yet."""


class Injection(Schema):
    """``[[injections]]``: capital that the owners pay in."""

    date: date
    """In the period of that day."""
    amount: Money
    """What is paid in."""
