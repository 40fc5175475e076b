"""``[projection]``: the order of events inside a period, and who bridges what borrowers owe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

from pydantic import Field

from scfcap.periods import PER_YEAR, Frequency
from scfcap.quantities import Share
from scfcap.schema.base import MisfitError, Schema

#: Orders of events inside a period, by name.
Order = Literal["survivors", "bma"]
ORDERS: tuple[str, ...] = get_args(Order)
#: Most periods of a projection: a hundred years by the month, fifty by the week, ten by the day.
MOST_PERIODS: Final[Mapping[Frequency, int]] = {"month": 1200, "week": 2600, "day": 3660}


class ProjectionSpec(Schema):
    """``[projection]``: how loans are projected, and over which periods.

    The plan, its deals and its funding keep the periods of ``[plan]``. What the model states by
    period (rates in ``[credit]``, recovery lags, shocks of scenarios, ``[factors]``) is always told
    in the unit of ``plan.stated_in``: where the projection's periods are shorter, one of them takes
    the figure of the unit in which it ends, and lags are converted by their length.
    """

    frequency: Frequency | None = None
    """Length of a period, the unit of ``plan.stated_in`` or shorter; absent: ``plan.frequency``, or
    that unit where it is shorter or the plan's periods differ."""
    periods: int | None = Field(default=None, ge=1, le=max(MOST_PERIODS.values()))
    """Number of periods: at most 1,200 months, 2,600 weeks or 3,660 days. Absent: until the last
    loan is repaid and its recoveries are in, within these bounds."""
    order: Order = "survivors"
    """Order of events inside a period. "survivors": defaults are taken from the balance at the
    start, survivors pay interest and scheduled principal, prepayment is taken from what then
    remains, and the loss stands where the loan defaults. "bma": the bond market's standard
    formulas; prepayment is taken from the balance at the start as amortised, new defaults not
    removed, and the loss stands where the loan is liquidated, ``recovery_lag`` after it defaults.
    """
    servicer_advances: bool = False
    """Whether the servicer advances what late loans owe and, in the order "bma", what defaulted
    loans owe until they are liquidated; he is paid back in full out of what comes of them."""
    late_fee: Share = 0.0
    """Fee on arrears when they are paid [share of the arrears]; needs roll rates."""

    def misfit(self, stated: Frequency, usual: Frequency) -> MisfitError | None:
        """Why these periods do not go with the unit in which a model is ``stated``; None if they
        do. ``usual``: the periods where none are given.
        """
        mine = self.frequency or usual
        if PER_YEAR[mine] < PER_YEAR[stated]:
            return MisfitError(
                key="projection.frequency",
                found=f'"{mine}", longer than the plan\'s "{stated}"',
                expected="the plan's periods or shorter ones, in which what is stated by period "
                "can be told",
                action="Leave it out, or change plan.frequency.",
            )
        most = MOST_PERIODS[mine]
        if self.periods is not None and self.periods > most:
            return MisfitError(
                key="projection.periods",
                found=f"{self.periods:,}",
                expected=f"at most {most:,} {mine}s",
                action="Take fewer or longer periods, or leave it out.",
            )
        return None
