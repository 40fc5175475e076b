"""The frozen pool: the outstanding loans of a tape as arrays, and what may go where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from scfcap.quantities import FloatArray, IntArray

#: Answers of an eligibility test.
ELIGIBLE, INELIGIBLE, UNDETERMINED = 1, 0, -1


@dataclass(frozen=True)
class Pool:
    """Outstanding loans (balance > 0, not repaid nor charged off) at ``as_of``.

    All arrays have shape (loans,). ``origination_day`` and ``maturity_day`` are offsets from
    ``as_of`` [days], the first at most 0. ``eligibility[name]`` holds 1 eligible, 0 ineligible,
    -1 undetermined for each eligibility set. ``tables`` are the pool's report tables
    (stratifications, rule by rule exclusions, concentrations).
    """

    as_of: date
    loan_id: npt.NDArray[np.object_]
    segments: tuple[str, ...]
    segment: IntArray
    places: tuple[str, ...]
    place: IntArray
    loan_type: IntArray
    balance: FloatArray
    original_balance: FloatArray
    rate: FloatArray
    origination_day: IntArray
    maturity_day: IntArray
    days_past_due: IntArray
    eligibility: Mapping[str, npt.NDArray[np.int8]]
    tables: Mapping[str, pd.DataFrame]
    digest: str

    def __len__(self) -> int:
        return len(self.balance)

    @property
    def total(self) -> float:
        """Outstanding principal [currency]."""
        return float(self.balance.sum())

    def to_frame(self) -> pd.DataFrame:
        """One row a loan."""
        return pd.DataFrame(
            {
                "loan_id": self.loan_id,
                "segment": np.asarray(self.segments, dtype=object)[self.segment],
                "place": np.asarray(self.places, dtype=object)[self.place],
                "balance": self.balance,
                "rate": self.rate,
                "origination_day": self.origination_day,
                "maturity_day": self.maturity_day,
                "days_past_due": self.days_past_due,
            }
        )
