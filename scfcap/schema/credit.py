"""How loans of a segment behave: default, prepayment, loss, lateness."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from scfcap.quantities import Rate, Share
from scfcap.schema.base import MisfitError, Schema
from scfcap.schema.contract import ContractSpec


class SegmentCredit(Schema):
    """Credit behaviour of one segment; give ``cdr`` or ``lifetime_default``, not both."""

    cdr: Share | None = None
    """Constant default rate [1/year], share of the performing balance that defaults in a year."""
    lifetime_default: Share | None = None
    """Share of loans, by the amount lent, that default before they are repaid; the hazard is even
    over the term, and higher with prepayment, which takes loans out of its reach."""
    cpr: Share = 0.0
    """Constant prepayment rate [1/year]."""
    severity: Share
    """Share of a defaulted balance that is lost after all recoveries."""
    recovery_lag: int = Field(default=0, ge=0, le=60)
    """Periods from default to recovery."""
    late_share: Share = 0.0
    """Share of maturing balances that pays late."""
    late_days: int = Field(default=0, ge=0, le=365)
    """Mean lateness of what pays late [days]."""
    default_days: int = Field(default=90, ge=1, le=3650)
    """A loan this many days past due has defaulted: only its recovery is still expected."""

    @model_validator(mode="after")
    def _one_default_measure(self) -> SegmentCredit:
        if (self.cdr is None) == (self.lifetime_default is None):
            raise MisfitError(
                found="neither" if self.cdr is None else "both cdr and lifetime_default",
                expected="exactly one of cdr [1/year] and lifetime_default [share of the loan]",
            )
        return self


class HistorySpec(Schema):
    """Where to estimate the curves from: outcomes on the tape, payment times in a history."""

    path: str | None = None
    """History file beside the tape (closed loans)."""
    outcome_column: str
    """Tape column that tells how a loan ended."""
    bad_values: tuple[str, ...]
    """Values of ``outcome_column`` that count as default."""
    borrower_column: str = "borrower_id"
    origination_column: str
    """Column of the history: day paid out."""
    closed_column: str
    """Column of the history: day repaid in full."""
    term_column: str
    """Column of the history: contract term [days]."""
    amount_column: str
    """Column of the history: amount paid out."""


class CreditSpec(Schema):
    """``[credit]``: stated by segment, or estimated: from outcomes and closed loans, or from
    ``[history]``.
    """

    source: Literal["stated", "estimated", "history"] = "stated"
    segments: dict[str, SegmentCredit] = Field(default_factory=dict)
    """Behaviour by segment; every segment of the tape needs one where ``source = "stated"``."""
    history: HistorySpec | None = None
    severity: Share | None = None
    """Severity of estimated segments: outcomes give no loss amount, so it is stated. With
    ``source = "history"`` it stands in where no recovery was observed."""
    recovery_lag: int = Field(default=0, ge=0, le=60)
    """Periods from default to recovery, where ``severity`` is taken from here."""

    @model_validator(mode="after")
    def _complete(self) -> CreditSpec:
        if self.source == "stated" and not self.segments:
            raise MisfitError(
                key="segments",
                found='source = "stated" and no segment',
                expected="a table [credit.segments.NAME] for each segment of the tape",
            )
        if self.source == "estimated" and (self.history is None or self.severity is None):
            lacking = ["[credit.history]"] if self.history is None else []
            lacking += ["severity"] if self.severity is None else []
            raise MisfitError(
                found=f'source = "estimated" without {" and ".join(lacking)}',
                expected="[credit.history] and credit.severity (outcomes give no loss amount)",
            )
        return self


class TermRange(Schema):
    """New loans of a segment: contract terms spread evenly from ``shortest`` to ``longest``."""

    loan_type: Literal[
        "level_payment",
        "equal_principal",
        "interest_only_bullet",
        "bullet",
        "revolving_line",
        "order",
        "flat_fee",
    ]
    rate: Rate
    """Contract rate [1/year]; of a flat fee, on the principal lent."""
    shortest: int = Field(ge=1, le=3650)
    """Shortest term [days]."""
    longest: int = Field(ge=1, le=3650)
    """Longest term [days]."""
    contract: ContractSpec | None = None
    """When and how they pay; as ``[contract.SEGMENT]`` says where absent."""

    @model_validator(mode="after")
    def _ordered(self) -> TermRange:
        if self.longest < self.shortest:
            raise MisfitError(
                key="longest",
                found=f"{self.longest} days",
                expected=f"at least shortest, {self.shortest} days",
            )
        return self
