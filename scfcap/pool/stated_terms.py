"""What tape and contracts say of how each loan pays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from scfcap.quantities import BoolArray, FloatArray, IntArray
from scfcap.schema.contract import ContractSpec

#: Columns of which each makes a loan one that pays by dates.
TAPE_COLUMNS: Final = (
    *("payment_every", "next_payment_date", "day_count", "grace_payments", "payment_fee"),
    "rate_index",
)
#: The contract of a loan of which nothing is stated.
NO_SPEC: Final = ContractSpec()
#: A day that is not stated.
NO_DAY: Final = np.datetime64("NaT", "D")


def calendar_of(spec: ContractSpec) -> tuple[str, str] | None:
    """Calendar and convention of a contract; None where no day is moved."""
    if spec.calendar == "every-day" or spec.convention == "unadjusted":
        return None
    return spec.calendar, spec.convention


@dataclass(frozen=True)
class Stated:
    """What tape and contracts say of each loan; ``segment`` (loans,) picks one of ``specs``."""

    frame: pd.DataFrame
    specs: tuple[ContractSpec, ...]
    segment: IntArray
    dated: BoolArray

    @classmethod
    def of(cls, frame: pd.DataFrame, contracts: Mapping[str, ContractSpec]) -> Stated:
        """What is said of the loans of ``frame``; ``contracts`` by segment."""
        names = [str(name) for name in frame["segment"].cat.categories]
        segment = frame["segment"].cat.codes.to_numpy().astype(np.int64)
        by_contract = np.array([*(name in contracts for name in names), False])[segment]
        flat = (frame["loan_type"] == "flat_fee").to_numpy(dtype=np.bool_)
        specs = (*(contracts.get(name, NO_SPEC) for name in names), NO_SPEC)
        dated = by_contract | flat
        for name in TAPE_COLUMNS:
            if name in frame:
                dated |= frame[name].notna().to_numpy()
        return cls(frame, specs, segment, dated)

    def known(self, column: str) -> BoolArray:
        """Loans for which the tape has a value."""
        if column not in self.frame:
            return np.zeros(len(self.frame), dtype=np.bool_)
        return self.frame[column].notna().to_numpy(dtype=np.bool_)

    def place(self, row: int, column: str) -> str:
        """Where a fault is: loan and column."""
        name = self.frame["loan_id"].iloc[row] if "loan_id" in self.frame else row + 1
        return f"tape: loan {name}, column {column}"

    def spec(self, key: str) -> FloatArray:
        """A number of the contracts, by loan."""
        return np.array([getattr(s, key) or 0.0 for s in self.specs], dtype=np.float64)[
            self.segment
        ]

    def amounts(self, column: str, key: str) -> FloatArray:
        """Numbers of the tape, else of the contracts."""
        stated = self.spec(key)
        if column not in self.frame:
            return stated
        cells = self.frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isnan(cells), stated, cells)

    def labels(self, column: str, values: Sequence[str | None]) -> tuple[list[str], IntArray]:
        """Distinct words and each loan's, -1 for none: of the tape, else of ``values`` by spec."""
        known = list(dict.fromkeys(value for value in values if value is not None))
        cells = self.frame[column].astype("category") if column in self.frame else None
        theirs = [] if cells is None else [str(label) for label in cells.cat.categories]
        names = list(dict.fromkeys([*known, *theirs]))
        own = np.array([-1 if v is None else names.index(v) for v in values], dtype=np.int64)
        codes = own[self.segment]
        if cells is not None:
            place = np.array([*(names.index(label) for label in theirs), -1], dtype=np.int64)
            found = place[cells.cat.codes.to_numpy()]
            codes = np.where(found < 0, codes, found)
        return names, codes

    def codes(self, key: str, order: Sequence[str]) -> IntArray:
        """Places in ``order`` of a word of the tape, else of the contracts."""
        names, codes = self.labels(key, [getattr(spec, key) for spec in self.specs])
        return np.array([order.index(name) for name in names], dtype=np.int64)[codes]

    def indices(self) -> tuple[tuple[str, ...], IntArray]:
        """Names of the indices that rates follow, and each loan's (-1: fixed)."""
        names, codes = self.labels("rate_index", [spec.rate_index for spec in self.specs])
        used = sorted(set(codes[codes >= 0].tolist()), key=names.__getitem__)
        place = np.full(len(names) + 1, -1, dtype=np.int64)
        place[used] = np.arange(len(used))
        return tuple(names[k] for k in used), place[codes]

    def calendars(self) -> tuple[tuple[tuple[str, str], ...], IntArray]:
        """Calendars with their conventions, and each loan's (-1: every day is open)."""
        pairs = [calendar_of(spec) for spec in self.specs]
        names = tuple(sorted({pair for pair in pairs if pair is not None}))
        codes = [-1 if pair is None else names.index(pair) for pair in pairs]
        return names, np.array(codes, dtype=np.int64)[self.segment]

    def dates(self, column: str) -> Any:
        """A date column by day, NaT where the tape has none."""
        if column not in self.frame:
            return np.full(len(self.frame), NO_DAY)
        return self.frame[column].to_numpy().astype("datetime64[D]")
