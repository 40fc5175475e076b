"""When and how contracts pay: days, interest by days, fees, rates that follow an index."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from scfcap.axes import Convention, DayCount
from scfcap.quantities import LoanAmount, Rate, Share
from scfcap.schema.base import MisfitError, Schema

PaymentEvery = Literal[
    "day", "week", "2 weeks", "month", "quarter", "half year", "year", "at maturity"
]
#: Margin over an index, or the index itself [1/year]; may be below 0.
Floating = Annotated[float, Field(ge=-1.0, le=50.0, allow_inf_nan=False)]


class ContractSpec(Schema):
    """``[contract.SEGMENT]``: how the loans of a segment pay, where the tape does not say.

    A segment without this table pays at the ends of the model's periods, unless the tape has a
    column of contract terms.
    """

    payment_every: PaymentEvery = "month"
    """Time from one payment to the next. Payments are counted back from the maturity, unless the
    tape has ``next_payment_date``; a first period that is not whole is longer or shorter."""
    payment_day: int | None = Field(default=None, ge=1, le=31)
    """Day of the month on which monthly payments fall (31: the last); the last payment falls on
    the maturity all the same. Absent: the maturity's day, or the next payment's."""
    day_count: DayCount | None = None
    """How days make a share of a year. Absent: ``act/act-icma`` where payments step by months, so
    that a regular month is 1/12; ``act/365`` where they step by days or the loan is paid once, at
    maturity (bullets and orders too). A flat fee counts whole months as twelfths in any case."""
    calendar: str = "every-day"
    """Business days: ``every-day``, ``none`` (weekends are free), ``CN``, ``US``, ``TARGET``, or
    another that :mod:`scfcap.calendars` knows."""
    convention: Convention = "following"
    """Where a payment goes that falls on no business day; interest runs to the day paid."""
    grace_payments: int = Field(default=0, ge=0, le=1200)
    """First payments of a new loan that are of interest alone."""
    payment_fee: LoanAmount = 0.0
    """Fee due with each payment [currency]."""
    payment_fee_share: Share = 0.0
    """Fee due with each payment, as a share of the principal lent."""
    upfront_fee: Share = 0.0
    """Fee of a new loan on the day it is paid out, as a share of the principal lent."""
    rate_index: str | None = None
    """Index that the rate follows, one of ``[indices]``; a fixed rate where absent."""
    rate_margin: Floating = 0.0
    """Over the index [1/year]."""
    rate_floor: Floating = 0.0
    """Least that the rate can be [1/year]."""
    rate_cap: Rate = 50.0
    """Most that the rate can be [1/year]."""
    reset_months: int = Field(default=3, ge=1, le=1200)
    """Months from one reset to the next; the first is as far from as_of, or from the loan's start,
    where the tape has no ``next_reset_date``."""

    @model_validator(mode="after")
    def _agree(self) -> ContractSpec:
        if self.rate_floor > self.rate_cap:
            raise MisfitError(
                key="rate_floor",
                found=f"{self.rate_floor:g}, above rate_cap, {self.rate_cap:g}",
                expected="a floor up to the cap",
            )
        by_days = self.payment_every in ("day", "week", "2 weeks")
        if by_days and self.day_count == "act/act-icma":
            raise MisfitError(
                key="day_count",
                found=f'"act/act-icma", with payment_every = "{self.payment_every}"',
                expected="payments by months, of whose periods it takes shares",
            )
        if self.payment_day is not None and by_days:
            raise MisfitError(
                key="payment_day",
                found=f'a day of the month, with payment_every = "{self.payment_every}"',
                expected="payments by months",
                action="Take payment_day out.",
            )
        return self


class Fixing(Schema):
    """A rate and the day from which it holds."""

    day: date
    """First day on which the rate holds."""
    rate: Floating
    """[1/year]"""


class IndexSpec(Schema):
    """``[indices.NAME]``: an index as it stands, and as it is expected to go."""

    fixings: tuple[Fixing, ...] = Field(default=(), max_length=2000)
    """In the order of their days; each holds up to the next, the last without end (up to the day of
    ``curve``, where there is one). The first holds before its day too."""
    curve: str | None = None
    """Curve (``[curves.NAME]``) whose forward rates the index follows from the curve's day on."""
    months: int = Field(default=1, ge=1, le=120)
    """Term of the index, with ``curve``: its level is the simple rate over so many months."""

    @model_validator(mode="after")
    def _ordered(self) -> IndexSpec:
        if not self.fixings and self.curve is None:
            raise MisfitError(
                key="fixings",
                found="neither fixings nor a curve",
                expected="fixings, or curve, the name of one of [curves]",
            )
        for first, second in pairwise(self.fixings):
            if second.day <= first.day:
                raise MisfitError(
                    key="fixings",
                    found=f"{second.day} after {first.day}",
                    expected="days in rising order",
                )
        return self
