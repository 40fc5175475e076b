"""Indices of floating rates: their levels day by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import numpy.typing as npt

from scfcap.credit.term_structure import TermStructure
from scfcap.errors import InputError, Problem
from scfcap.periods import add_months
from scfcap.quantities import FloatArray
from scfcap.schema.contract import IndexSpec
from scfcap.schema.curves import CurveSpec


@dataclass(frozen=True)
class Indices:
    """The indices that a model states, by name, and the curves that they may follow."""

    stated: Mapping[str, IndexSpec] = field(default_factory=dict)
    curves: Mapping[str, CurveSpec] = field(default_factory=dict)

    def levels(self, names: Sequence[str], as_of: date, last_day: int) -> FloatArray:
        """Level of each of ``names`` on each day from ``as_of`` to ``last_day`` after it [1/year].

        Shape (names, last_day + 1). A fixing holds from its day to the next; the first before its
        day too. From the day of its curve on, an index with one is the curve's simple forward rate
        over its term, and before that day, without fixings, the first of these.

        Raises:
            InputError: one of them, or its curve, is not stated; a curve ends too early.
        """
        missing = sorted(set(names) - set(self.stated))
        if missing:
            raise InputError(
                Problem(
                    f"model.toml: indices.{name}",
                    f'loans at a rate over "{name}", and no such index',
                    f"its fixings; there are {', '.join(self.stated) or 'none'}",
                    f"Add [indices.{name}], or map the tape's names in [tape.values.rate_index].",
                )
                for name in missing
            )
        days = np.datetime64(as_of, "D") + np.arange(last_day + 1).astype("timedelta64[D]")
        levels = np.empty((len(names), len(days)))
        for row, name in enumerate(names):
            levels[row] = self._levels(name, days)
        return levels

    def _levels(self, name: str, days: npt.NDArray[np.datetime64]) -> FloatArray:
        """Level of an index on each of ``days``, which rise [1/year]."""
        spec = self.stated[name]
        levels = np.empty(len(days))
        if spec.fixings:
            fixed = np.array([each.day for each in spec.fixings], dtype="datetime64[D]")
            rates = np.array([each.rate for each in spec.fixings], dtype=np.float64)
            at = np.searchsorted(fixed, days, side="right") - 1
            levels[:] = rates[np.maximum(at, 0)]
        if spec.curve is None:
            return levels
        if spec.curve not in self.curves:
            there = ", ".join(self.curves) or "none"
            where = f"model.toml: indices.{name}.curve"
            raise InputError(Problem(where, f'"{spec.curve}"', f"one of [curves]: {there}"))
        curve = TermStructure.of(spec.curve, self.curves[spec.curve])
        own = np.datetime64(curve.spec.as_of, "D")
        late = days >= own if spec.fixings else np.ones(len(days), dtype=np.bool_)
        begins = np.maximum(days[late], own).astype(object).tolist()
        ends = [add_months(day, spec.months) for day in begins]
        levels[late] = curve.simple_forward(curve.years(begins), curve.years(ends))
        return levels
