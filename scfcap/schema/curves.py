"""``[curves.NAME]``: a curve of interest rates, dated, with its source."""

from __future__ import annotations

import math
from datetime import date, timedelta
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from scfcap.errors import Problem
from scfcap.schema.base import MisfitError, Schema

#: Time from the curve's day [years].
Tenor = Annotated[float, Field(gt=0.0, le=100.0, allow_inf_nan=False)]
#: A rate of a curve, also below zero [1/year].
CurveRate = Annotated[float, Field(ge=-0.5, le=1.0, allow_inf_nan=False)]
Compounding = Literal["continuous", "annual", "semiannual", "quarterly", "monthly", "simple"]
Interpolation = Literal["linear_zero", "log_linear_discount"]
Extrapolation = Literal["refuse", "flat_zero", "flat_forward"]


class CurveSpec(Schema):
    """``[curves.NAME]``: zero or forward rates as they stood on a day, and where they are from."""

    as_of: date
    """Day on which the rates were taken; times count from it."""
    expires: date | None = None
    """Last day on which the curve may be used; this or ``valid_days``."""
    valid_days: int | None = Field(default=None, ge=0, le=3660)
    """Days after ``as_of`` on which the curve may still be used."""
    source: str = Field(min_length=3)
    """Who published the rates, and where."""
    kind: Literal["zero", "forward"] = "zero"
    """``zero``: each rate holds from ``as_of`` to its point. ``forward``: from the point before it
    (the first from ``as_of``)."""
    compounding: Compounding = "continuous"
    """How often interest is added to what bears it; ``simple``: never."""
    day_count: Literal["act/365", "act/360", "30/360", "30E/360", "act/act-isda"] = "act/365"
    """How days make years, for ``dates`` and for what the curve is asked."""
    tenors: tuple[Tenor, ...] = ()
    """Points of the curve [years]; these or ``dates``."""
    dates: tuple[date, ...] = ()
    """Points of the curve."""
    rates: tuple[CurveRate, ...] = Field(min_length=1, max_length=500)
    """One a point [1/year]."""
    interpolation: Interpolation = "log_linear_discount"
    """``linear_zero``: straight lines between continuously compounded zero rates;
    ``log_linear_discount``: between logarithms of discount factors, so that the forward rate is
    level from point to point. Before the first point the zero rate is level."""
    extrapolation: Extrapolation = "refuse"
    """After the last point: no answer, its zero rate, or the forward rate that leads to it."""

    @property
    def last_day(self) -> date:
        """Last day on which the curve may be used."""
        if self.expires is not None:
            return self.expires
        return self.as_of + timedelta(days=self.valid_days or 0)

    @model_validator(mode="after")
    def _fits(self) -> CurveSpec:
        wrong = self._misfit()
        if wrong is not None:
            raise wrong
        return self

    def _misfit(self) -> MisfitError | None:
        if (self.expires is None) == (self.valid_days is None):
            both = "both expires and valid_days" if self.expires else "neither"
            return MisfitError(
                key="expires",
                found=both,
                expected="expires, a day, or valid_days",
                action="A curve is good for a stated time only.",
            )
        if self.expires is not None and self.expires < self.as_of:
            return MisfitError(
                key="expires", found=str(self.expires), expected=f"as_of, {self.as_of}, or later"
            )
        if bool(self.tenors) == bool(self.dates):
            both = "both tenors and dates" if self.dates else "neither tenors nor dates"
            return MisfitError(key="tenors", found=both, expected="one of them")
        name, points = ("dates", self.dates) if self.dates else ("tenors", self.tenors)
        if len(points) != len(self.rates):
            return MisfitError(
                key="rates",
                found=f"{len(self.rates)} rates for {len(points)} {name}",
                expected="one for each",
            )
        first: object = self.as_of if self.dates else 0.0
        for before, after in pairwise((first, *points)):
            if not after > before:
                return MisfitError(
                    key=name, found=f"{after} after {before}", expected=f"{name} that rise"
                )
        return self._no_rate()

    def _no_rate(self) -> MisfitError | None:
        """A rate that takes more than everything in a period of compounding."""
        times = {"annual": 1.0, "semiannual": 2.0, "quarterly": 4.0, "monthly": 12.0}
        per_year = times.get(self.compounding, math.inf)
        for number, rate in enumerate(self.rates):
            last = self.tenors[number] if self.tenors else 1.0
            if 1.0 + rate / per_year <= 0.0 or (
                self.compounding == "simple" and 1.0 + rate * last <= 0.0
            ):
                return MisfitError(
                    key="rates", found=f"{rate:g}", expected="a rate that leaves something"
                )
        return None


def unusable(name: str, spec: CurveSpec, day: date, where: str) -> Problem | None:
    """What is wrong with using a curve on ``day``: it is not of that time; None if nothing is."""
    if day < spec.as_of:
        return Problem(
            where,
            f'curve "{name}" of {spec.as_of}, to be used on {day}',
            f"a curve taken on {day} or before",
            f"State a curve of that time in [curves.{name}].",
        )
    if day > spec.last_day:
        return Problem(
            where,
            f'curve "{name}" of {spec.as_of}, which expired on {spec.last_day}',
            f"a curve that may be used on {day}",
            f"Take the rates anew from its source ({spec.source}) and state them with their day.",
        )
    return None
