"""Static pools: what became of the loans of one month or quarter, by months on book.

Cumulative shares are of the loans, or of the amount lent. Where a vintage is seen from its first
month and none of its loans is lost from sight they are plain ratios to what was lent; a loan that
came under observation later counts from then on (left truncation), by the product of what
survives and what ends at each age. A vintage that is first seen at an age above zero tells what
happened after that age only: ``from_age`` says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from scfcap.credit.intervals import wilson_bounds
from scfcap.credit.observed import DEFAULTED, PREPAID, Loans
from scfcap.quantities import FloatArray, IntArray

Length = Literal["month", "quarter"]
COLUMNS = (
    *("vintage", "age", "loans", "amount", "from_age", "at_risk", "defaults", "prepayments"),
    *("default_count", "low", "high", "default_amount", "prepaid_count", "prepaid_amount"),
    "net_loss",
)


@dataclass(frozen=True)
class _Cells:
    """Sums by vintage V and age A."""

    loans: Loans
    vintage: IntArray
    shape: tuple[int, int]

    def at_risk(self, weight: FloatArray) -> FloatArray:
        """Weight of the loans at risk [V, A]."""
        return np.maximum(np.cumsum(self._change(weight), axis=1)[:, :-1], 0.0)

    def _change(self, weight: FloatArray) -> FloatArray:
        wide = self.shape[1] + 1
        came = self.vintage * wide + self.loans.first - self.loans.made
        left = self.vintage * wide + self.loans.last - self.loans.made + 1
        size = self.shape[0] * wide
        change = np.bincount(came, weight, minlength=size) - np.bincount(
            left, weight, minlength=size
        )
        return np.asarray(change, dtype=np.float64).reshape((self.shape[0], wide))

    def ended(self, code: int | None, weight: FloatArray) -> FloatArray:
        """Weight of the loans that end with ``code``, or at all [V, A]."""
        end = self.loans.end
        chosen = end == code if code is not None else end > 0
        cell = self.vintage * self.shape[1] + self.loans.last - self.loans.made
        size = self.shape[0] * self.shape[1]
        found = np.bincount(cell[chosen], weight[chosen], minlength=size)
        return np.asarray(found, dtype=np.float64).reshape(self.shape)


def vintages(loans: Loans, last: int, length: Length = "month") -> pd.DataFrame:
    """One row a vintage and age; ``last`` is the last month of the history.

    Columns: vintage ("2013-07", "2013Q3"), age [months on book], loans and amount seen of the
    vintage, from_age, at_risk, defaults and prepayments at the age, cumulative shares
    ``default_count`` (95% Wilson bounds low, high on the loans seen), ``default_amount`` (balance
    at default over the amount lent), ``prepaid_count``, ``prepaid_amount`` (loans prepaid, by the
    amount lent), ``net_loss`` (balance at default less all that has been recovered of it to date).
    Ages that the youngest loan of the vintage has not reached are left out.
    """
    if not len(loans):
        return pd.DataFrame(columns=list(COLUMNS))
    start = loans.made if length == "month" else loans.made - loans.made % 3
    names, vintage = np.unique(start, return_inverse=True)
    vintage = vintage.ravel().astype(np.int64)
    youngest = np.full(len(names), np.iinfo(np.int64).min)
    np.maximum.at(youngest, vintage, loans.made)
    ages = int((loans.last - loans.made).max()) + 1
    cells = _Cells(loans, vintage, (len(names), ages))
    ones = np.ones(len(loans))
    risk, held = cells.at_risk(ones), cells.at_risk(loans.amount)
    alive, lent = _surviving(cells, risk, ones), _surviving(cells, held, loans.amount)
    lost = cells.ended(DEFAULTED, loans.defaulted)
    net = cells.ended(DEFAULTED, loans.defaulted - loans.recovered)
    defaults, prepayments = cells.ended(DEFAULTED, ones), cells.ended(PREPAID, ones)
    early = cells.ended(PREPAID, loans.amount)
    count = np.bincount(vintage, minlength=len(names))
    share = _cumulative(alive, risk, defaults)
    low, high = wilson_bounds(np.clip(share, 0, 1), np.broadcast_to(count[:, None], share.shape))
    grid = np.broadcast_to(np.arange(ages), cells.shape)
    shown = grid + youngest[:, None] <= last
    whole = {
        "vintage": np.array([_name(m, length) for m in names], dtype=object),
        "loans": count,
        "amount": np.bincount(vintage, loans.amount, minlength=len(names)),
        "from_age": (risk > 0.5).argmax(axis=1),
    }
    columns = {
        "age": grid,
        "at_risk": np.rint(risk).astype(np.int64),
        "defaults": defaults.astype(np.int64),
        "prepayments": prepayments.astype(np.int64),
        "default_count": share,
        "low": low,
        "high": high,
        "default_amount": _cumulative(lent, held, lost),
        "prepaid_count": _cumulative(alive, risk, prepayments),
        "prepaid_amount": _cumulative(lent, held, early),
        "net_loss": _cumulative(lent, held, net),
    }
    spread = {name: np.repeat(values, shown.sum(axis=1)) for name, values in whole.items()}
    frame = pd.DataFrame({**spread, **{name: values[shown] for name, values in columns.items()}})
    return frame[list(COLUMNS)].astype({"vintage": "str"})


def triangle(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """``column`` of :func:`vintages` as a triangle: vintages down, months on book across."""
    return frame.pivot_table(index="vintage", columns="age", values=column, observed=True)


def _surviving(cells: _Cells, risk: FloatArray, weight: FloatArray) -> FloatArray:
    """Share that has not ended before each age [V, A]."""
    left = 1.0 - _share(cells.ended(None, weight), risk)
    before = np.concatenate([np.ones((len(left), 1)), np.cumprod(left, axis=1)[:, :-1]], axis=1)
    return np.asarray(before)


def _cumulative(before: FloatArray, risk: FloatArray, ended: FloatArray) -> FloatArray:
    return np.cumsum(before * _ratio(ended, risk), axis=1, dtype=np.float64)


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    return np.clip(_ratio(part, whole), 0.0, 1.0)


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Part over whole; 0 where the whole is no more than the rounding of a sum of amounts."""
    some = whole > 1e-9 * np.maximum(whole.max(axis=1, keepdims=True), 1e-300)
    return np.where(some, part / np.where(some, whole, 1.0), 0.0)


def _name(month: int, length: Length) -> str:
    year, number = 1970 + month // 12, month % 12
    return f"{year}-{number + 1:02d}" if length == "month" else f"{year}Q{number // 3 + 1}"
