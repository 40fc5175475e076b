"""Indices of floating rates: their levels day by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from scfcap.errors import InputError, Problem
from scfcap.quantities import FloatArray
from scfcap.schema.contract import IndexSpec


@dataclass(frozen=True)
class Indices:
    """The indices that a model states, by name."""

    stated: Mapping[str, IndexSpec] = field(default_factory=dict)

    def levels(self, names: Sequence[str], as_of: date, last_day: int) -> FloatArray:
        """Level of each of ``names`` on each day from ``as_of`` to ``last_day`` after it [1/year].

        Shape (names, last_day + 1). A fixing holds from its day to the next; the first before its
        day too.

        Raises:
            InputError: one of them is not stated.
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
        levels = np.empty((len(names), last_day + 1))
        for row, name in enumerate(names):
            fixings = self.stated[name].fixings
            fixed = np.array([each.day for each in fixings], dtype="datetime64[D]")
            rates = np.array([each.rate for each in fixings], dtype=np.float64)
            at = np.searchsorted(fixed, days, side="right") - 1
            levels[row] = rates[np.maximum(at, 0)]
        return levels
