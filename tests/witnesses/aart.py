"""A real pool of auto loans, month by month: what was forecast of it, and what it did.

The data are not in the repository: ``aart_2017_3_panel`` where ``SCFCAP_DATA`` says. Only sizes of
errors, and drawn curves, leave this file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

import scfcap
from scfcap.cashflow.backtest import Backtest

DATA = "aart_2017_3_panel"
MODEL = "aart-2017-3"
#: Month that is the last to be known.
UNTIL = "2019-02"
#: Columns of the forecast's months, and what they are.
FORECASTS = {
    "fitted": "rates by age",
    "model": "segment curves, as a plan takes them",
    "naive": "last three months' rates, held",
}
MEASURES = {
    "balance": "Balance of the pool",
    "principal": "Principal paid in a month",
    "prepaid": "Principal prepaid in a month",
    "defaults": "Balance in default in a month",
    "recoveries": "Recoveries in a month",
}
HEADS = (
    "what", "forecast", "months", "mean error", "mean size of error", "total, or last balance",
    "months inside the 95% interval",
)  # fmt: skip


def forecast(folder: Path) -> Backtest:
    """Fitted on the first 21 months, projected over the 22 that follow."""
    return scfcap.load(MODEL, tape=folder).backtest(UNTIL)


def rows(found: Backtest) -> list[list[str]]:
    """Errors by measure and forecast, over the actual's mean."""
    errors = found.errors.set_index(["measure", "forecast"])
    months = found.months["month_end"].nunique()
    out = []
    for measure, what in MEASURES.items():
        for name, said in FORECASTS.items():
            each = errors.loc[(measure, name)]
            inside = "" if np.isnan(each["coverage"]) else f"{each['coverage']:.0%}"
            out.append([
                what, said, f"{months}", f"{each['bias']:+.1%}", f"{each['wape']:.1%}",
                f"{each['cumulative']:+.1%}", inside,
            ])  # fmt: skip
    return out


def path(found: Backtest, measure: str) -> pd.DataFrame:
    """Actual and forecasts of a measure by month: ``month_end``, actual, fitted, ... [currency]."""
    mine = found.months[found.months["measure"] == measure]
    return mine.rename(columns={"predicted": "fitted"}).reset_index(drop=True)


def speeds(found: Backtest) -> pd.DataFrame:
    """Prepayment as a yearly rate (CPR) by month: ``month_end``, actual and each forecast.

    Of what stood at the month's start less what fell due: SMM, then 1 - (1 - SMM)^12.
    """
    parts = {name: path(found, name) for name in ("balance", "principal", "prepaid", "defaults")}
    out = {"month_end": parts["balance"]["month_end"]}
    for column in ("actual", *FORECASTS):
        balance, principal, prepaid, defaults = (
            each[column].to_numpy(dtype=np.float64) for each in parts.values()
        )
        standing = balance + defaults + prepaid  # at the start, less scheduled principal
        out[column] = 1.0 - (1.0 - prepaid / standing) ** 12
        assert (principal >= prepaid - 0.005).all()
    return pd.DataFrame(out)
