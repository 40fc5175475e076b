"""Stratifications: loans, balance and balance-weighted averages by a column."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from scfcap.pool.concentration import MISSING, balances, effective_number

#: Most rows of a stratification by texts; the smaller ones are shown together.
MAX_ROWS = 50
#: Classes into which a number column is cut, of about as many loans each.
CLASSES = 5
_WEIGHTED = {"rate": "rate", "remaining_days": "remaining_days", "age_days": "age_days"}
_DATA = "current_balance"


def stratify(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Rows by value of ``column`` (number columns in classes), which add up to the pool.

    Columns: name (of the stratum), loans, borrowers, balance and average_balance [currency], share,
    rate [1/year], remaining_days and age_days (averages weighted by balance), past_due_share.
    """
    key = strata(frame[column], frame[_DATA])
    return measures(frame, key).reset_index(names="name")


def strata(column: pd.Series[Any], balance: pd.Series[Any]) -> pd.Series[Any]:
    """The stratum of each loan as an ordered category."""
    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if numeric:
        column = column.astype(np.float64).round(8)
    if numeric and column.nunique() > 2 * CLASSES:
        return _classes(column)
    if pd.api.types.is_datetime64_any_dtype(column):
        column = column.dt.strftime("%Y-%m")
    if numeric:
        order = [f"{value:.15g}" for value in sorted(column.dropna().unique())]
        text = column.map(lambda v: None if pd.isna(v) else f"{v:.15g}").astype(object)
    else:
        text = column.astype(object).where(column.notna(), None)
        order = sorted({str(v) for v in text.dropna().unique()})
    if len(order) > MAX_ROWS:
        kept = list(balance.groupby(text).sum().nlargest(MAX_ROWS).index)
        rest = f"{len(order) - MAX_ROWS:,} others"
        text = text.where(text.isin(kept) | text.isna(), rest)
        order = [*kept, rest]
    if column.isna().any():
        text, order = text.where(text.notna(), MISSING), [*order, MISSING]
    return pd.Series(pd.Categorical(text, order, ordered=True), index=column.index)


def _classes(values: pd.Series[Any]) -> pd.Series[Any]:
    edges = np.unique(np.nanquantile(values, np.linspace(0.0, 1.0, CLASSES + 1)))
    code = np.clip(np.searchsorted(edges, values, side="left") - 1, 0, max(len(edges) - 2, 0))
    shown = [f"{edge:.6g}" for edge in edges]
    if len(set(shown)) < len(shown):
        shown = [f"{edge:.15g}" for edge in edges]
    labels = [
        f"{'above' if k else 'from'} {low} to {high}"
        for k, (low, high) in enumerate(pairwise(shown))
    ]
    missing = values.isna().to_numpy()
    if missing.any():
        code, labels = np.where(missing, len(labels), code), [*labels, MISSING]
    made = pd.Categorical.from_codes(code, pd.Index(labels, dtype="str"), ordered=True)
    return pd.Series(made, index=values.index)


def measures(frame: pd.DataFrame, key: pd.Series[Any]) -> pd.DataFrame:
    """Measures of each stratum, indexed by it; empty strata are left out."""
    balance = frame[_DATA]
    work = pd.DataFrame(
        {name: frame[column] * balance for name, column in _WEIGHTED.items()}
        | {"past_due_share": balance.where(frame["days_past_due"] > 0, 0.0)}
    )
    groups = work.groupby(key, observed=True, sort=True).sum()
    held = balance.groupby(key, observed=True, sort=True)
    amount = held.sum()
    table = pd.DataFrame(
        {
            "loans": held.size().astype(np.int64),
            "borrowers": frame["borrower_id"].groupby(key, observed=True).nunique(),
            "balance": amount,
            "share": amount / float(balance.sum()),
            "average_balance": held.mean(),
        }
    )
    for name in (*_WEIGHTED, "past_due_share"):
        table[name] = groups[name] / amount
    table.index = table.index.astype("str")
    return table


def summarise(
    pool: pd.DataFrame, tape: pd.DataFrame, reasons: pd.Series[Any], held: pd.Series[Any]
) -> pd.DataFrame:
    """The pool, its places, and the loans of the tape that are left out, with their reason.

    ``part`` is "pool", "place" or "left out"; the pool and what is left out add up to the tape.
    ``effective_borrowers`` is the number of equal debtors of the same concentration.
    """
    whole = measures(pool, pd.Series("pool", index=pool.index)).assign(part="pool", name="all")
    whole["effective_borrowers"] = _effective(pool)
    places = measures(pool, held).assign(part="place")
    places["name"] = places.index
    places["effective_borrowers"] = [_effective(pool[(held == n).to_numpy()]) for n in places.index]
    out = tape[(reasons != "").to_numpy()]
    groups = out.groupby(reasons[(reasons != "").to_numpy()].astype("str"), sort=True)
    left = pd.DataFrame(
        {
            "loans": groups.size().astype(np.int64),
            "borrowers": groups["borrower_id"].nunique(),
            "balance": groups[_DATA].sum(),
            "original_balance": groups["original_balance"].sum(),
        }
    ).assign(part="left out")
    left["name"] = left.index
    whole["original_balance"] = float(pool["original_balance"].sum())
    places["original_balance"] = (
        pool["original_balance"].groupby(held, observed=True).sum().reindex(places.index)
    )
    parts = [part for part in (whole, places, left) if len(part)]
    table = pd.concat(parts, ignore_index=True)
    front = ["part", "name", "loans", "borrowers", "balance", "original_balance"]
    return table[[*front, *(name for name in table if name not in front)]]


def _effective(frame: pd.DataFrame) -> float:
    by_borrower, _ = balances(frame, "borrower_id")
    return effective_number(by_borrower.to_numpy(dtype=np.float64)) if len(by_borrower) else 0.0
