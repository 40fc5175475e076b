"""Roll rates as a pandas user counts them."""

from __future__ import annotations

import pandas as pd


def count_with_pandas(panel: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Transitions of one month from state to state, and the number of gaps."""
    loans = panel.groupby("loan")
    later = loans[["month", "state"]].shift(-1)
    step = later["month"] - panel["month"]
    once = step == 1
    counts = pd.crosstab(panel["state"][once], later["state"][once].astype("int8"))
    return counts, int((step > 1).sum())
