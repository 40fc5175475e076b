"""Curves of interest rates: discount factors, zero, forward and par rates from what is stated.

A zero rate z of time t gives the discount factor ``exp(-z t)`` where it is continuous,
``(1 + z / m)^(-m t)`` with m compoundings a year, ``1 / (1 + z t)`` where it is simple. A forward
rate does so from one point to the next. Between points the curve is read as its ``interpolation``
says, after the last as its ``extrapolation`` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from scfcap.daycount import year_fraction
from scfcap.errors import InputError, Problem
from scfcap.quantities import FloatArray
from scfcap.schema.curves import CurveSpec

#: Compoundings a year [1/year].
PER_YEAR = {
    "continuous": np.inf,
    "annual": 1.0,
    "semiannual": 2.0,
    "quarterly": 4.0,
    "monthly": 12.0,
}
#: How far beyond the last point a time may be and still be that point [years].
_ROUNDING = 1e-9


@dataclass(frozen=True)
class TermStructure:
    """A curve by name; ``times`` [years from ``spec.as_of`` by its day count] and minus the
    logarithm of the discount factor at each, ``decay``. Both begin with the origin, 0 and 0.
    """

    name: str
    spec: CurveSpec
    times: FloatArray
    decay: FloatArray

    @classmethod
    def of(cls, name: str, spec: CurveSpec) -> TermStructure:
        """The curve that ``spec`` states."""
        points = spec.tenors or tuple(
            year_fraction(spec.as_of, day, spec.day_count) for day in spec.dates
        )
        times = np.array([0.0, *points])
        rates = np.array(spec.rates)
        if spec.kind == "zero":
            decay = _decay(rates, times[1:], spec.compounding)
        else:
            decay = np.cumsum(_decay(rates, np.diff(times), spec.compounding))
        return cls(name, spec, times, np.concatenate([[0.0], decay]))

    def years(self, days: Sequence[date] | npt.NDArray[np.datetime64]) -> FloatArray:
        """Time of each of ``days``, none before the curve's own day [years].

        Raises:
            InputError: a day before the curve.
        """
        asked = [
            day if isinstance(day, date) else day.astype("datetime64[D]").item() for day in days
        ]
        early = min(asked, default=self.spec.as_of)
        if early < self.spec.as_of:
            raise InputError(
                Problem(
                    f"model.toml: curves.{self.name}.as_of",
                    f"{self.spec.as_of}, and a rate asked for on {early}",
                    "a curve of that day or an earlier one",
                )
            )
        return np.array(
            [year_fraction(self.spec.as_of, day, self.spec.day_count) for day in asked],
            dtype=np.float64,
        )

    def log_discount(self, times: FloatArray | float) -> FloatArray:
        """Logarithm of the discount factor at ``times`` [years], of any shape.

        Raises:
            InputError: a time before the curve's day; or after its last point, where
                ``extrapolation`` is "refuse".
        """
        at = np.asarray(times, dtype=np.float64)
        self._refuse_outside(at)
        if self.spec.interpolation == "log_linear_discount":
            inside = np.interp(at, self.times, self.decay)
        else:
            inside = np.interp(at, self.times[1:], self.decay[1:] / self.times[1:]) * at
        beyond = at > self.times[-1]
        if not beyond.any():
            return np.asarray(-inside)
        last, decay = self.times[-1], self.decay[-1]
        if self.spec.extrapolation == "flat_zero":
            after = decay / last * at
        else:
            after = decay + self._last_forward() * (at - last)
        return np.asarray(-np.where(beyond, after, inside))

    def discount(self, times: FloatArray | float) -> FloatArray:
        """Discount factors; see :meth:`log_discount`."""
        return np.asarray(np.exp(self.log_discount(times)))

    def zero_rate(self, times: FloatArray | float, per_year: float = np.inf) -> FloatArray:
        """Zero rates at ``times`` [1/year], with ``per_year`` compoundings (inf: continuous)."""
        at = np.maximum(np.asarray(times, dtype=np.float64), _ROUNDING)  # a limit at 0
        force = -self.log_discount(at) / at
        return force if np.isinf(per_year) else np.asarray(per_year * np.expm1(force / per_year))

    def simple_forward(self, begin: FloatArray | float, end: FloatArray | float) -> FloatArray:
        """Simple rates [1/year] from ``begin`` to ``end`` [years]: (D(begin) / D(end) - 1) / t."""
        first, last = np.asarray(begin, dtype=np.float64), np.asarray(end, dtype=np.float64)
        growth = self.log_discount(first) - self.log_discount(last)
        return np.asarray(np.expm1(growth) / (last - first))

    def par_rate(
        self, maturity: FloatArray | float, per_year: int = 2, *, start: float = 0.0
    ) -> FloatArray:
        """Coupon [1/year] of a bond that is worth par at ``start`` [years] and runs ``maturity``
        [years, any shape] from there.

        It pays ``per_year`` coupons, back from its maturity; what is left before the first of them
        is a short period, for which it pays in proportion. NaN where the maturity is NaN or 0.
        """
        ends = np.atleast_1d(np.asarray(maturity, dtype=np.float64))
        found = np.full(ends.shape, np.nan)
        for place, end in np.ndenumerate(ends):
            if end > 0.0:
                days = end - np.arange(int(np.ceil(end * per_year - _ROUNDING))) / per_year
                dues = np.sort(days[days > 0.0])
                factors = np.exp(self.log_discount(start + dues) - self.log_discount(start))
                annuity = float(np.diff(dues, prepend=0.0) @ factors)
                found[place] = (1.0 - float(factors[-1])) / annuity
        return found.reshape(np.shape(maturity))

    def moved(self, shift: float) -> TermStructure:
        """The curve with ``shift`` added to all continuous zero rates [1/year]."""
        return TermStructure(self.name, self.spec, self.times, self.decay + shift * self.times)

    def _last_forward(self) -> float:
        """Continuous forward rate that leads to the last point."""
        if self.spec.interpolation == "log_linear_discount" or len(self.times) == 2:
            return float((self.decay[-1] - self.decay[-2]) / (self.times[-1] - self.times[-2]))
        zero = self.decay[1:] / self.times[1:]
        slope = (zero[-1] - zero[-2]) / (self.times[-1] - self.times[-2])
        return float(zero[-1] + self.times[-1] * slope)

    def _refuse_outside(self, at: FloatArray) -> None:
        least, most = float(at.min(initial=0.0)), float(at.max(initial=0.0))
        if least < 0.0:
            found, expected = f"a time of {least:g} years", "a time from 0 on"
            raise InputError(Problem(f"model.toml: curves.{self.name}", found, expected))
        if self.spec.extrapolation == "refuse" and most > self.times[-1] + _ROUNDING:
            raise InputError(
                Problem(
                    f"model.toml: curves.{self.name}.extrapolation",
                    f'"refuse", points up to {self.times[-1]:g} years and a rate asked for at '
                    f"{most:.4g} years",
                    "points as far as they are asked for",
                    'Add points, or state extrapolation = "flat_forward" or "flat_zero".',
                )
            )


def _decay(rates: FloatArray, years: FloatArray, compounding: str) -> FloatArray:
    """Minus the logarithm of what one unit at the end of ``years`` is worth at their start."""
    if compounding == "simple":
        return np.asarray(np.log1p(rates * years))
    per_year = PER_YEAR[compounding]
    if np.isinf(per_year):
        return np.asarray(rates * years)
    return np.asarray(per_year * years * np.log1p(rates / per_year))
