"""The plan's objective as a table: what lies inside the horizon, and what beyond it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scfcap.funding.objective import BEYOND, objective_parts
from scfcap.funding.program import Solution
from scfcap.funding.variables import Book


def value_table(book: Book, solution: Solution) -> pd.DataFrame:
    """The objective by what adds to it.

    Columns: part (``inside``, ``beyond``), item, amount [currency], share of the objective
    (none where the objective is not above zero).
    """
    total = solution.objective
    rows = []
    for part in objective_parts(book):
        value = part.terms.value(solution.x)
        share = value / total if total > 0.0 else np.nan
        rows.append((part.part, part.item, value * book.inputs.unit, share))
    return pd.DataFrame(rows, columns=["part", "item", "amount", "share"])


def beyond_sentence(table: pd.DataFrame, currency: str) -> str:
    """How much of the objective lies beyond the horizon, in words."""
    amount = float(table.loc[table["part"] == BEYOND, "amount"].sum())
    share = float(table.loc[table["part"] == BEYOND, "share"].sum(skipna=False))
    whole = "" if np.isnan(share) else f", {share:.1%} of what the plan is after"
    return f"Value beyond the horizon above book: {currency} {amount:,.0f}{whole}."
