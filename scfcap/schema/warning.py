"""``[warning]``: which values of an early-warning indicator are yellow, and which red."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from scfcap.schema.base import MisfitError, Schema

#: Indicators of which a low value is the bad one.
LOW_IS_BAD = ("effective_number", "prepayment")
#: Indicators that are worked out for each buyer (core enterprise), not for the whole book.
BY_BUYER = ("buyer_late_share", "buyer_days_late")

#: Seed and number of the synthetic platforms on which the thresholds below were set.
CALIBRATION_SEED, CALIBRATION_PLATFORMS = 10_000, 40

Finite = Annotated[float, Field(allow_inf_nan=False)]
#: Indicators in the order in which they are shown.
INDICATORS = (
    "roll_30", "first_payment_default", "vintage_30", "prepayment", "top_share",
    "effective_number", "line_use", "lender_line_use", "buyer_late_share", "buyer_days_late",
)  # fmt: skip


class Threshold(Schema):
    """Where an indicator turns yellow and red."""

    yellow: Finite
    """Value from which it is yellow."""
    red: Finite
    """Value from which it is red."""
    window: int = Field(default=1, ge=1, le=24)
    """Months that a value is taken over, the latest included."""


class MeasureSpec(Schema):
    """``[warning.measure]``: platforms on which the indicators are put to the test."""

    platforms: int = Field(default=20, ge=1, le=500)
    """How many platforms, each from a seed of its own."""
    seed: int = Field(default=20_000, ge=0, lt=2**62)
    """Seed of the first one; the others follow. Thresholds must come from other seeds."""
    loans: int = Field(default=60_000, ge=1_000, le=2_000_000)
    """Loans of each platform."""
    months: int = Field(default=48, ge=24, le=180)
    """Months that each is watched."""
    horizon: int = Field(default=6, ge=1, le=24)
    """Months before an event in which an alarm counts as a warning of it."""
    stress: Annotated[float, Field(ge=0.5, le=3.0)] = 1.5
    """A stress begins in the first month with a common factor of less than minus this, not within
    ``horizon`` months of another one."""

    @model_validator(mode="after")
    def _other_seeds(self) -> MeasureSpec:
        last = CALIBRATION_SEED + CALIBRATION_PLATFORMS
        if self.seed < last and self.seed + self.platforms > CALIBRATION_SEED:
            raise MisfitError(
                key="seed",
                found=f"seeds {self.seed} to {self.seed + self.platforms - 1}",
                expected=f"none of {CALIBRATION_SEED} to {last - 1}, where the thresholds were set",
            )
        return self


class WarningSpec(Schema):
    """``[warning]``. The thresholds are those that :mod:`scfcap.synthetic.alarms` finds on
    synthetic platforms of 60,000 loans (seeds 10,000 to 10,039): a book of another kind or size
    needs its own.
    """

    roll_30: Threshold = Threshold(yellow=0.0061, red=0.013, window=2)
    """Of the balance up to 30 days past due at a month's end, the part that is more than 30 days
    past due, or in default, at the next."""
    first_payment_default: Threshold = Threshold(yellow=0.0047, red=0.0072, window=2)
    """Of the loans whose first payment came in, or was more than 30 days late with nothing paid:
    the latter, by number."""
    vintage_30: Threshold = Threshold(yellow=0.0045, red=0.0069, window=2)
    """Of the loans made three months before, those ever more than 30 days past due, by number."""
    top_share: Threshold = Threshold(yellow=0.47, red=0.51)
    """Share of the ``top`` largest buyers in what all buyers owe."""
    effective_number: Threshold = Threshold(yellow=-0.06, red=-0.12)
    """Effective number of buyers (1 / sum of squared shares) against its mean of the year before:
    relative change."""
    buyer_late_share: Threshold = Threshold(yellow=0.048, red=0.072, window=3)
    """Of a buyer's orders due in the window, those paid more than ``grace`` days late or still
    unpaid then, by number; drawn to all buyers' share as if it had ``prior`` more orders."""
    buyer_days_late: Threshold = Threshold(yellow=1.3, red=2.0, window=3)
    """Mean days late of a buyer's orders due in the window, 60 at most each; drawn to all buyers'
    as above [days]."""
    line_use: Threshold = Threshold(yellow=0.94, red=0.96)
    """What is drawn of the shops' revolving lines."""
    lender_line_use: Threshold = Threshold(yellow=0.80, red=0.95)
    """What is drawn of each lender's line at ``as_of``."""
    prepayment: Threshold = Threshold(yellow=-0.11, red=-0.34, window=2)
    """Share repaid before its month of maturity, of the balance not due in the month, against its
    mean of the year before: relative change."""
    by: str = "buyer_id"
    """Column of the loans that names the buyer."""
    top: int = Field(default=5, ge=1)
    """How many of the largest buyers ``top_share`` takes."""
    grace: int = Field(default=3, ge=0, le=30)
    """Days late that do not count."""
    least: int = Field(default=15, ge=1)
    """Loans or orders below which an indicator has no value."""
    prior: Annotated[float, Field(ge=0.0, le=10_000.0)] = 20.0
    """Orders by which a buyer's own figures are drawn to those of all buyers."""
    measure: MeasureSpec = MeasureSpec()

    @model_validator(mode="after")
    def _ordered(self) -> WarningSpec:
        for name in INDICATORS:
            limit: Threshold = getattr(self, name)
            low = name in LOW_IS_BAD
            if limit.yellow == limit.red or (limit.red < limit.yellow) != low:
                raise MisfitError(
                    key=name,
                    found=f"yellow {limit.yellow:g} and red {limit.red:g}",
                    expected="red below yellow" if low else "red above yellow",
                )
        return self
