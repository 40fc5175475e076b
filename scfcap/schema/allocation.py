"""``[allocation]``: which loan goes to which funder at a funding date, and within which limits."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from scfcap.expressions import ExpressionText
from scfcap.quantities import CostRate, LoanAmount, Money, Share
from scfcap.schema.base import MisfitError, Schema
from scfcap.schema.pool import Concentration, share_or_amount


class Average(Schema):
    """A limit on the balance-weighted mean of a number over a channel's loans."""

    name: str = ""
    column: str
    """A numeric tape column, ``remaining_days``, ``age_days`` or ``term_days``. A loan without the
    number may not go into the channel."""
    least: float | None = None
    """Least that the mean may be; absent: no lower limit."""
    most: float | None = None
    """Most that the mean may be; absent: no upper limit."""

    @property
    def label(self) -> str:
        """What is limited, in words."""
        return self.name or f"mean {self.column}"

    @model_validator(mode="after")
    def _some_limit(self) -> Average:
        if self.least is None and self.most is None:
            raise MisfitError(found="neither least nor most", expected="one of them, or both")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise MisfitError(
                key="least", found=f"{self.least:g}", expected=f"at most {self.most:g}, the most"
            )
        return self


class Promise(Schema):
    """Loans that are promised to a channel: they go there or, being ineligible, are refused."""

    name: str = ""
    test: ExpressionText
    """Test over the loan's columns."""
    channel: str
    """Key of the channel."""

    @property
    def label(self) -> str:
        """Which loans."""
        return self.name or self.test


class AllocationChannel(Schema):
    """``[allocation.channels."KEY"]``: a place where loans may go, by its key.

    ``own_capital``; ``bank_transfer:BUYER``; ``securitization:SERIES``; ``guaranteed_bank:BANK``;
    ``joint_lending:PARTNER``; ``p2p:LENDER``; ``bank_debt:LINE``, own loans pledged to a line.
    What is not stated is as the model has it for that funder.
    """

    open: bool = True
    """Whether loans may come in; those that are there stay, or leave if ``releases``."""
    releases: bool | None = None
    """Whether loans may leave for another channel; absent: from own capital and pledges alone."""
    eligibility: str | None = None
    """Eligibility set that loans must meet; absent: the one that the funder refers to."""
    least: Money | None = None
    """Least balance in the channel [currency]; absent: by the plan, or 0."""
    most: Money | None = None
    """Most balance in the channel [currency]; absent: by the plan, or no limit."""
    cost: CostRate | None = None
    """All-in cost of the channel's money [1/year of the principal], where values are stated."""
    income_share: Share = 1.0
    """Share of the interest that stays with the company, where values are stated."""
    loss_share: Share = 1.0
    """Share of the losses that it bears, where values are stated."""
    move_cost: Share = 0.0
    """Cost of moving a loan into the channel, share of its balance."""
    minimum_loan: LoanAmount = 0.0
    """Least balance of a loan in the channel."""
    minimum_ticket: Money = 0.0
    """Least balance that moves into it on the day, if any does."""
    averages: tuple[Average, ...] = ()
    concentrations: tuple[Concentration, ...] = ()
    """Beyond those of the eligibility set; here, as there, they are kept whatever their
    ``treatment``."""

    @model_validator(mode="after")
    def _band(self) -> AllocationChannel:
        if self.least is not None and self.most is not None and self.least > self.most:
            raise MisfitError(
                key="least", found=f"{self.least:,.2f}", expected=f"at most {self.most:,.2f}"
            )
        return self


class Across(Schema):
    """``[[allocation.limits]]``: no value of a column has more than so much in several channels.

    For caps by borrower, group of borrowers or core enterprise over the whole book.
    """

    name: str = ""
    column: str
    """Tape column, or ``group`` (see ``[pool.groups]``)."""
    channels: tuple[str, ...] = ()
    """Keys of the channels that count together; empty: all."""
    share: Share | None = None
    """Most, of the balance in those channels, or of ``of``."""
    amount: Money | None = None
    """Most [currency]; instead of ``share``."""
    of: Money | None = None
    """A stated amount of which ``share`` is taken, such as net capital [currency]."""

    @property
    def label(self) -> str:
        """What is limited, in words."""
        return self.name or f"each {self.column}"

    @model_validator(mode="after")
    def _one_limit(self) -> Across:
        share_or_amount(self.share, self.amount, self.of)
        return self


class Allocation(Schema):
    """``[allocation]``: the rules by which ``scfcap allocate`` places loans."""

    values: Literal["plan", "stated"] = "plan"
    """What a loan is worth in a channel, and how much goes there: by the plan and its prices; or
    ``stated``: income less losses and the channel's ``cost`` over the loan's expected life, within
    the amounts stated."""
    band: Share = 0.005
    """Half the width of the band about an amount of the plan, share of it; never less than the
    largest loan that may go there."""
    churn: Share | None = None
    """Most balance that changes its channel on the day, share of all that is allocated; loans
    placed for the first time do not count. Absent: no limit."""
    move_cost: Share = 0.0
    """Cost of any change of channel, share of the balance, beside the channel's own."""
    frozen: ExpressionText | None = None
    """Loans that stay where they are."""
    promised: tuple[Promise, ...] = ()
    channels: dict[str, AllocationChannel] = Field(default_factory=dict)
    """Channels by key. Where values are stated only these are there, and own capital; by the plan
    all of the model's funders."""
    limits: tuple[Across, ...] = ()

    @model_validator(mode="after")
    def _known(self) -> Allocation:
        if self.values == "stated" and not self.channels:
            raise MisfitError(
                key="channels", found="none", expected="at least one channel, with its cost"
            )
        return self
