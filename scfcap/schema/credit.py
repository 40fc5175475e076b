"""How loans of a segment behave: default, prepayment, loss, lateness."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from scfcap.expressions import ExpressionText
from scfcap.quantities import Rate, Share
from scfcap.schema.base import MisfitError, Schema
from scfcap.schema.contract import ContractSpec
from scfcap.schema.languages import (
    DEFAULT_LANGUAGES,
    PREPAY_LANGUAGES,
    RIVALS,
    AgeCurve,
    RollMatrix,
    check_together,
)

#: Share of what is undrawn that is drawn within a year; all of it at once has no hazard.
_DrawRate = Annotated[float, Field(ge=0.0, lt=1.0, allow_inf_nan=False)]


class Behaviour(Schema):
    """The fields of a segment's credit behaviour, none of them required."""

    cdr: Share | tuple[Share, ...] | None = None
    """Constant default rate [1/year], share of the performing balance that defaults in a year; or
    a list, one rate a period."""
    mdr: Share | tuple[Share, ...] | None = None
    """Share of the performing balance that defaults in a month [1/month]; or a list, one rate a
    period, which then still is a month's."""
    sda: Annotated[float, Field(ge=0.0, le=10_000.0)] | None = None
    """Percent of the standard default curve of the bond market, by months since origination: 100
    is 0.02% a year in month 1, 0.6% from month 30 to 60, 0.03% from month 120 on."""
    lifetime_default: Share | None = None
    """Share of loans, by the amount lent, that default before they are repaid; the hazard is even
    over the term, and higher with prepayment, which takes loans out of its reach."""
    lifetime_loss: Share | None = None
    """Share of the amount lent that is lost in the end; what defaults is this over ``severity``,
    as ``loss_timing`` says."""
    loss_timing: tuple[Share, ...] | None = None
    """Shares of ``lifetime_loss`` that default in equal parts of the original term, in order; they
    add up to one. Absent: evenly over the term."""
    default_by_age: tuple[AgeCurve, ...] | None = None
    """Curves of cumulative default by age, one for all loans or one a range of original terms."""
    roll_rates: RollMatrix | None = None
    """Monthly probabilities between the states current, 1-30, 31-60, 61-90 and 90+ days past due,
    default and prepaid: a table of rows by state, a list of rows in that order, or the name of a
    CSV or TOML file in the model's folder. Rows of default and prepaid may be left out."""
    cpr: Share | tuple[Share, ...] = 0.0
    """Constant prepayment rate [1/year]; or a list, one rate a period."""
    smm: Share | tuple[Share, ...] | None = None
    """Single monthly mortality: share of the balance that is prepaid in a month [1/month]; or a
    list, one rate a period, which then still is a month's."""
    psa: Annotated[float, Field(ge=0.0, le=10_000.0)] | None = None
    """Percent of the standard prepayment curve of the bond market, by months since origination:
    100 is 0.2% a year in month 1, 6% from month 30 on."""
    abs: Annotated[float, Field(ge=0.0, lt=1.0)] | None = None
    """ABS speed [1/month]: share of the original loans that is prepaid in a month, by months since
    origination; 0.015 for "1.5 ABS"."""
    prepay_by_age: tuple[AgeCurve, ...] | None = None
    """Curves of cumulative prepayment by age, one for all loans or one a range of original
    terms."""
    draw_rate: _DrawRate | tuple[_DrawRate, ...] = 0.0
    """Share of the undrawn limit of revolving lines that is drawn within a year, of what stands
    undrawn that long [1/year]; or a list, one rate a period. What is repaid early can be drawn
    again."""
    run_on: bool = False
    """A list or curve that ends before the projection does goes on as it ended. Without this, it
    is refused."""
    severity: Share | None = None
    """Share of a defaulted balance that is lost after all recoveries."""
    recovery_lag: int = Field(default=0, ge=0, le=60)
    """Periods from default to recovery."""
    recovery_curve: tuple[Share, ...] | None = None
    """Shares of the recovery that arrive in the period of default and in those after it; they add
    up to one. Instead of ``recovery_lag``."""
    late_share: Share = 0.0
    """Share of maturing balances that pays late."""
    late_days: int = Field(default=0, ge=0, le=365)
    """Mean lateness of what pays late [days]."""
    default_days: int = Field(default=90, ge=1, le=3650)
    """A loan this many days past due has defaulted: only its recovery is still expected."""

    @property
    def default_language(self) -> str:
        """The field that says how loans default; empty where none does."""
        return next((n for n in DEFAULT_LANGUAGES if getattr(self, n) is not None), "")

    @property
    def prepay_language(self) -> str:
        """The field that says how loans are prepaid; ``cpr`` where none is stated."""
        others = (name for name in PREPAY_LANGUAGES if name != "cpr")
        return next((name for name in others if getattr(self, name) is not None), "cpr")

    @property
    def last_recovery(self) -> int:
        """Periods from default to the last recovery."""
        return self.recovery_lag if self.recovery_curve is None else len(self.recovery_curve) - 1


class SegmentCredit(Behaviour):
    """Credit behaviour of one segment.

    Default is told in exactly one language: ``cdr``, ``mdr``, ``sda``, ``lifetime_default``,
    ``lifetime_loss``, ``default_by_age`` or ``roll_rates``; prepayment in at most one: ``cpr``,
    ``smm``, ``psa``, ``abs`` or ``prepay_by_age``. A list gives a rate by period,
    of the length of the plan's, to the end of the projection.
    """

    severity: Share
    """Share of a defaulted balance that is lost after all recoveries."""

    @model_validator(mode="after")
    def _languages(self) -> SegmentCredit:
        default = [name for name in DEFAULT_LANGUAGES if getattr(self, name) is not None]
        if len(default) != 1:
            raise MisfitError(
                found=_named(default),
                expected=f"exactly one of {', '.join(DEFAULT_LANGUAGES)}",
            )
        prepay = [n for n in PREPAY_LANGUAGES if getattr(self, n) is not None]
        prepay = [n for n in prepay if n != "cpr" or self.cpr != 0.0]
        if len(prepay) > 1:
            raise MisfitError(
                found=_named(prepay), expected=f"at most one of {', '.join(PREPAY_LANGUAGES)}"
            )
        check_together(self, default[0], prepay[0] if prepay else "cpr")
        return self


class CreditRule(Behaviour):
    """``[[credit.where]]``: loans that pass ``test`` behave otherwise than their segment.

    Only what is stated here changes; a language of default or prepayment takes the place of the
    segment's. Of several rules the first that a loan passes holds. Scenarios act on the loans as
    on their segment's others. New loans of a plan, of which no column is known, go by their
    segment.
    """

    name: str = Field(min_length=1)
    """Shown in tables; the curve is called "SEGMENT where NAME"."""
    test: ExpressionText
    """Over tape columns, ``remaining_days``, ``age_days``, ``term_days`` and ``as_of``, as in the
    rules of ``[pool.eligibility]``. A loan of which it cannot be told goes by its segment."""

    def over(self, segment: SegmentCredit) -> SegmentCredit:
        """``segment`` with what this rule states.

        Raises:
            ValidationError: the figures do not go together.
        """
        stated = {key: getattr(self, key) for key in self.model_fields_set - {"name", "test"}}
        kept = {key: value for key, value in segment if key in segment.model_fields_set}
        dropped = {rival for key in stated for rival in RIVALS.get(key, ())} - stated.keys()
        return SegmentCredit(**{k: v for k, v in kept.items() if k not in dropped} | stated)

    def misfit(self, segment: SegmentCredit) -> MisfitError | None:
        """Why what this rule states does not go together with ``segment``; None if it does."""
        try:
            self.over(segment)
        except ValidationError as error:
            causes = (each.get("ctx", {}).get("error") for each in error.errors())
            faults = [cause for cause in causes if isinstance(cause, MisfitError)]
            unknown = MisfitError(found=str(error), expected="figures that go together")
            return faults[0] if faults else unknown
        return None

    def told(self, fault: MisfitError, segment: str) -> str:
        """What a fault found, for loans of which segment, and in which key: words for a problem."""
        key = f"{fault.key}: " if fault.key else ""
        return f"{key}{fault.found}, for loans of segment {segment}"


def _named(names: list[str]) -> str:
    """What was stated: "both a and b", "a, b and c", or "none of them"."""
    if len(names) < 2:
        return names[0] if names else "none of them"
    both = "both " if len(names) == 2 else ""
    return f"{both}{', '.join(names[:-1])} and {names[-1]}"


class HistorySpec(Schema):
    """Where to estimate the curves from: outcomes on the tape, payment times in a history."""

    path: str | None = None
    """History file beside the tape (closed loans)."""
    outcome_column: str
    """Tape column that tells how a loan ended."""
    bad_values: tuple[str, ...]
    """Values of ``outcome_column`` that count as default."""
    borrower_column: str = "borrower_id"
    """Column of the history that names the borrower."""
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
    """Stated by segment, estimated from outcomes on the tape, or from ``[history]``."""
    segments: dict[str, SegmentCredit] = Field(default_factory=dict)
    """Behaviour by segment; every segment of the tape needs one where ``source = "stated"``."""
    where: tuple[CreditRule, ...] = ()
    """Loans that behave otherwise than their segment, by tests on tape columns; the first holds."""
    history: HistorySpec | None = None
    severity: Share | None = None
    """Severity of estimated segments: outcomes give no loss amount, so it is stated. With
    ``source = "history"`` it stands in where no recovery was observed."""
    recovery_lag: int = Field(default=0, ge=0, le=60)
    """Periods from default to recovery, where ``severity`` is taken from here."""
    language: Literal["rates", "roll_rates"] = "rates"
    """What a history's curves are told in: rates of default and prepayment, or the segment's own
    roll rates, by which loans late at ``as_of`` then run as well."""

    @model_validator(mode="after")
    def _rules_fit(self) -> CreditSpec:
        names = [rule.name for rule in self.where]
        if len(set(names)) < len(names):
            raise MisfitError(
                key="where", found=f"names {', '.join(names)}", expected="names that differ"
            )
        for rule in self.where:
            for name, segment in self.segments.items():
                fault = rule.misfit(segment)
                if fault is not None:
                    raise MisfitError(
                        key=f"where.{rule.name}",
                        found=rule.told(fault, name),
                        expected=fault.expected,
                        action=fault.action,
                    )
        return self

    @model_validator(mode="after")
    def _complete(self) -> CreditSpec:
        if self.language == "roll_rates" and self.source != "history":
            raise MisfitError(
                key="language",
                found=f'"roll_rates" with source = "{self.source}"',
                expected='source = "history": roll rates are counted in a history',
                action="State roll_rates in [credit.segments.NAME] instead.",
            )
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
    """How the loans are repaid."""
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
