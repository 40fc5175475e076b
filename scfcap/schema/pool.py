"""Which loans may go where, how much of them counts, what a lender advances: as data."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from scfcap.expressions import ExpressionText
from scfcap.quantities import Money, Share
from scfcap.schema.base import MisfitError, Schema

#: Name of the column that related groups make.
GROUP = "group"


class Rule(Schema):
    """A test on the loans. A missing value makes a loan undetermined, never eligible."""

    name: str = ""
    """Shown in tables; the test if empty."""
    test: ExpressionText
    """Over tape columns, ``remaining_days``, ``age_days``, ``term_days`` and ``as_of``:
    ``remaining_days <= 180 and score >= 600 and region != "X"``."""

    @property
    def label(self) -> str:
        """What the rule asks for."""
        return self.name or self.test


def share_or_amount(share: float | None, amount: float | None, of: float | None) -> None:
    """A limit is a share, of a stated amount or not, or an amount. Raises :class:`MisfitError`."""
    if (share is None) == (amount is None):
        raise MisfitError(
            found="neither share nor amount" if share is None else "share and amount",
            expected="one of share (a decimal) and amount [currency]",
        )
    if of is not None and amount is not None:
        raise MisfitError(key="of", found="of beside amount", expected="of beside share")


class Concentration(Schema):
    """No value of ``column`` may hold more than a share, or an amount."""

    name: str = ""
    column: str
    """Tape column, or ``group`` (see ``[pool.groups]``)."""
    share: Share | None = None
    """Most that a value may hold, of the base."""
    amount: Money | None = None
    """Most that a value may hold [currency]; instead of ``share``."""
    of: Money | None = None
    """A stated amount of which ``share`` is taken, such as net capital [currency]."""
    base: Literal["before", "after"] = "before"
    """``share`` is of the eligible balance before any limit's excess is taken out, or of what
    remains after the excess of all limits has been."""
    top: int = Field(default=1, ge=1)
    """The limit is on the ``top`` largest values together (1: on each value)."""
    treatment: Literal["report", "exclude", "cut_back", "reserve"] = "report"
    """``report`` only shows the excess; ``exclude`` takes whole loans out until the limit is
    kept; ``cut_back`` does not count the excess, spread over the value's loans; ``reserve``
    counts it but asks for a reserve of the same amount."""
    order: str = "age_days"
    """``exclude``: the loans lowest in this column go first; with a minus, the highest."""

    @property
    def label(self) -> str:
        """What is limited, in words."""
        return self.name or (
            f"each {self.column}" if self.top == 1 else f"top {self.top} by {self.column}"
        )

    @model_validator(mode="after")
    def _one_limit(self) -> Concentration:
        share_or_amount(self.share, self.amount, self.of)
        if self.base == "after" and (self.of is not None or self.amount is not None):
            raise MisfitError(
                key="base",
                found='base = "after" with a limit of a stated amount',
                expected="a share of what remains, without of and amount",
            )
        return self


class EligibilitySet(Schema):
    """A named set of rules and limits that a channel refers to."""

    rules: tuple[Rule, ...] = ()
    concentrations: tuple[Concentration, ...] = ()

    @model_validator(mode="after")
    def _distinct(self) -> EligibilitySet:
        for key, labels in (
            ("rules", [rule.label for rule in self.rules]),
            ("concentrations", [limit.label for limit in self.concentrations]),
        ):
            _no_twins(key, labels)
        return self


class Strata(Schema):
    """A stratification by a number in stated classes: up to the first edge, and so on."""

    column: str
    """Column with the number."""
    edges: tuple[float, ...] = Field(min_length=1, max_length=100)
    """Upper ends of the classes, in order; the last class is what lies above."""

    @model_validator(mode="after")
    def _ordered(self) -> Strata:
        if any(low >= high for low, high in pairwise(self.edges)):
            raise MisfitError(
                key="edges",
                found=", ".join(f"{edge:g}" for edge in self.edges),
                expected="edges in rising order",
            )
        return self


class Groups(Schema):
    """``[pool.groups]``: related borrowers count as one, in the column ``group``.

    All that is stated joins: borrowers are one group if any of it links them, directly or by way
    of others. A borrower without a link is a group of its own.
    """

    member: str = "borrower_id"
    """Tape column whose values are grouped."""
    columns: tuple[str, ...] = ()
    """Tape columns whose values are shared within a group: a group's id, a guarantor."""
    path: str | None = None
    """File in the model folder with the columns ``member`` and ``group`` (CSV, Parquet, XLSX)."""
    names: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Group = its members."""
    links: tuple[tuple[str, str], ...] = ()
    """Pairs of members that belong together."""

    @model_validator(mode="after")
    def _something(self) -> Groups:
        if not (self.columns or self.path or self.names or self.links):
            raise MisfitError(
                found="no columns, path, names or links",
                expected="at least one of them, or no [pool.groups]",
            )
        return self


class AdvanceRate(Schema):
    """Share of a loan that a lender advances, where ``test`` holds."""

    name: str = ""
    """Shown in tables; the test if empty."""
    test: ExpressionText
    """Test over the loan's columns."""
    rate: Share
    """Share of the balance that is advanced."""

    @property
    def label(self) -> str:
        """The class of loans."""
        return self.name or self.test


class Reserve(Schema):
    """An amount that availability is lessened by: stated, or a share of the eligible balance."""

    name: str
    amount: Money = 0.0
    """Stated amount."""
    share: Share = 0.0
    """Of the eligible balance after excess concentrations."""


class BorrowingBaseSpec(Schema):
    """``[pool.borrowing_base.NAME]``: what a line lends on which loans.

    Availability = min(sum of counted balances times advance rates - reserves, limit) - drawn.
    """

    eligibility: str
    """Eligibility set; its concentration limits are tested on the pledged loans alone."""
    pledged: ExpressionText = 'channel is missing or channel == "own_capital"'
    """Loans that stand behind the line."""
    advance_rates: tuple[AdvanceRate, ...] = ()
    """The first that holds counts. One that meets a missing value may hold: then the lowest rate
    of those that may."""
    otherwise: Share = 0.0
    """Advance rate where none holds."""
    lender: str | None = None
    """Lender whose ``limit`` and ``draws`` count, where they are not stated here."""
    limit: Money | None = None
    """Limit of the line; absent: none."""
    drawn: Money | None = None
    """Outstanding under the line."""
    reserves: tuple[Reserve, ...] = ()
    minimum: Money = 0.0
    """Least availability to keep; what lacks is to be cured."""

    @model_validator(mode="after")
    def _complete(self) -> BorrowingBaseSpec:
        if not self.advance_rates and not self.otherwise:
            raise MisfitError(
                found="no advance rate",
                expected="advance_rates, or otherwise (one rate for all)",
            )
        if self.lender is None and self.drawn is None:
            raise MisfitError(
                found="neither lender nor drawn",
                expected="the lender whose draws count, or the amount drawn",
            )
        _no_twins("advance_rates", [rate.label for rate in self.advance_rates])
        _no_twins("reserves", [reserve.name for reserve in self.reserves])
        return self


class PoolSpec(Schema):
    """``[pool]``: eligibility sets and borrowing bases by name, and how the pool is stratified."""

    eligibility: dict[str, EligibilitySet] = Field(default_factory=dict)
    groups: Groups | None = None
    borrowing_base: dict[str, BorrowingBaseSpec] = Field(default_factory=dict)
    stratify_by: tuple[str | Strata, ...] = ("segment",)
    """Columns for which the report shows a table; ``{ column, edges }`` states the classes."""

    @model_validator(mode="after")
    def _known_sets(self) -> PoolSpec:
        for name, base in self.borrowing_base.items():
            if base.eligibility not in self.eligibility:
                raise MisfitError(
                    key=f"borrowing_base.{name}.eligibility",
                    found=f'"{base.eligibility}"',
                    expected=f"one of the sets {', '.join(self.eligibility) or '(none)'}",
                    action=f"Add [pool.eligibility.{base.eligibility}], or name another.",
                )
        columns = [by if isinstance(by, str) else by.column for by in self.stratify_by]
        _no_twins("stratify_by", columns)
        return self


def _no_twins(key: str, labels: list[str]) -> None:
    twins = sorted({label for label in labels if labels.count(label) > 1})
    if twins:
        raise MisfitError(
            key=key, found=f'"{twins[0]}" more than once', expected="names that differ"
        )
