"""Which loans may go where: eligibility rules and concentration limits, as data."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from scfcap.quantities import Share
from scfcap.schema.base import MisfitError, Schema


class Rule(Schema):
    """A test on one tape column. A missing value makes the loan undetermined, never eligible."""

    name: str = ""
    """Shown in tables; the column and test if empty."""
    column: str
    """Tape column, or ``remaining_days``, ``age_days``."""
    at_least: float | None = None
    at_most: float | None = None
    one_of: tuple[str, ...] | None = None
    none_of: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _has_test(self) -> Rule:
        tests = (self.at_least, self.at_most, self.one_of, self.none_of)
        if all(test is None for test in tests):
            raise MisfitError(
                found="a rule without a test",
                expected="one of at_least, at_most, one_of, none_of",
            )
        numeric = self.at_least is not None or self.at_most is not None
        if numeric and (self.one_of is not None or self.none_of is not None):
            raise MisfitError(
                found="a test on a number and a test on a text",
                expected="at_least and at_most (a number), or one_of and none_of (a text)",
                action="Write two rules.",
            )
        return self

    @property
    def label(self) -> str:
        """What the rule asks for, in words."""
        if self.name:
            return self.name
        parts = []
        if self.at_least is not None:
            parts.append(f">= {self.at_least:g}")
        if self.at_most is not None:
            parts.append(f"<= {self.at_most:g}")
        if self.one_of is not None:
            parts.append("in " + ", ".join(self.one_of))
        if self.none_of is not None:
            parts.append("not in " + ", ".join(self.none_of))
        return f"{self.column} {' and '.join(parts)}"


class Concentration(Schema):
    """No value of ``column`` may hold more than ``share`` of the eligible balance."""

    name: str = ""
    column: str
    share: Share
    top: int = Field(default=1, ge=1)
    """The limit is on the ``top`` largest values together (1: on each value)."""
    treatment: Literal["report", "exclude"] = "report"
    """``exclude`` takes the excess amount out of the eligible balance; ``report`` only shows it."""

    @property
    def label(self) -> str:
        """What is limited, in words."""
        return self.name or (
            f"each {self.column}" if self.top == 1 else f"top {self.top} by {self.column}"
        )


class EligibilitySet(Schema):
    """A named set of rules and limits that a channel refers to."""

    rules: tuple[Rule, ...] = ()
    concentrations: tuple[Concentration, ...] = ()


class PoolSpec(Schema):
    """``[pool]``: eligibility sets by name, and how the pool is stratified."""

    eligibility: dict[str, EligibilitySet] = Field(default_factory=dict)
    stratify_by: tuple[str, ...] = ("segment",)
    """Tape columns for which the report shows a table."""
