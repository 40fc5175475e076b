"""A wave of missed payments read as an outage: collections late, nothing lost.

Fitted on the months it describes, the figure says how large such a wave was; it is no evidence
that any forecast is accurate.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from scfcap.cashflow.observed import observe
from scfcap.errors import InputError, Problem
from scfcap.quantities import HALF_CENT
from scfcap.tape.history import History, month_end, month_of

NOTE: Final = "fitted on the months that it describes: no evidence of accuracy"
#: Days of a month, as payments fall due in it evenly.
_DAYS: Final = 365.0 / 12.0


@dataclass(frozen=True)
class Holiday:
    """Loans that paid nothing, by segment and month.

    ``months``: segment ("all" for the portfolio), month_end, loans open at the month's start and
    not in default, ``unpaid`` of them that paid nothing, ``share``, ``inside`` the months asked
    for. ``fit``: segment, usual (median share of the other months), and within the months asked
    for the mean ``share``, ``excess`` over the usual, and ``outage_days``: the excess of each
    month, if positive, times its days.
    """

    months: pd.DataFrame
    fit: pd.DataFrame
    note: str = NOTE

    def to_frame(self) -> pd.DataFrame:
        """The fit by segment."""
        return self.fit

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by name."""
        return {"holiday_fit": self.fit, "holiday_months": self.months}


def payment_holiday(history: History, first: date, last: date) -> Holiday:
    """How many loans paid nothing in the months from ``first`` to ``last``, against the others.

    Raises :class:`InputError` where the months are not within the history, or leave no other.
    """
    low, high = (int(month_of(np.datetime64(day, "D"))) for day in (first, last))
    seen = observe(history)
    begin, end = int(seen.month.min(initial=0)), int(seen.month.max(initial=0))
    if not begin <= low <= high <= end or (low, high) == (begin, end):
        months = ", ".join(str(day)[:7] for day in month_end([begin, end]).astype("datetime64[D]"))
        raise InputError(
            Problem(
                "payment holiday",
                f"{first:%Y-%m} to {last:%Y-%m}",
                f"part of the months of the history ({months}), the first one first",
            )
        )
    panel = history.panel
    paid = panel.set_index(["loan", "month"])["paid"]
    mine = paid.reindex(pd.MultiIndex.from_arrays([seen.loan, seen.month])).to_numpy()
    rows = pd.DataFrame(
        {
            "segment": history.loans["segment"].astype("str").to_numpy()[seen.loan],
            "month": seen.month,
            "unpaid": mine <= HALF_CENT,
        }
    )
    both = pd.concat([rows, rows.assign(segment="all")], ignore_index=True)
    counted = both.groupby(["segment", "month"])["unpaid"].agg(["size", "sum"]).reset_index()
    counted = counted.rename(columns={"size": "loans", "sum": "unpaid"})
    counted["share"] = counted["unpaid"] / counted["loans"]
    counted["inside"] = counted["month"].between(low, high)
    fit = []
    for segment, group in counted.groupby("segment"):
        usual = float(group.loc[~group["inside"], "share"].median())
        wave = group.loc[group["inside"], "share"]
        excess = wave - usual
        fit.append(
            {
                "segment": segment,
                "usual": usual,
                "share": float(wave.mean()),
                "excess": float(excess.mean()),
                "outage_days": float(excess.clip(lower=0.0).sum() * _DAYS),
            }
        )
    counted["month_end"] = month_end(counted["month"].to_numpy())
    order = ["segment", "month_end", "loans", "unpaid", "share", "inside"]
    return Holiday(counted[order], pd.DataFrame(fit))
