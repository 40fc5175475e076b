"""Concentration limits on the eligible balance, and the largest names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from scfcap.pool.snapshot import ELIGIBLE
from scfcap.schema.pool import Concentration, PoolSpec

#: Names in the tables of the largest.
LARGEST = 10
#: Shown in place of a missing value, which no limit is tested on.
MISSING = "(missing)"
_LIMITS = ["set", "limit", "value", "balance", "share", "limit_share", "excess", "treatment"]
_SETS = ["set", "eligible_balance", "excess", "usable_balance"]


def concentration_tables(
    frame: pd.DataFrame, spec: PoolSpec, answers: Mapping[str, npt.NDArray[np.int8]]
) -> dict[str, pd.DataFrame]:
    """Tables ``concentrations``, ``usable`` and ``largest_<column>`` for borrowers and buyers.

    Shares are of the set's eligible balance before any excess is taken out. ``usable`` takes the
    excess of limits with ``treatment = "exclude"`` from it; several such limits are added up,
    which is on the safe side where they overlap.
    """
    limits: list[pd.DataFrame] = []
    usable: list[dict[str, object]] = []
    for name, chosen in spec.eligibility.items():
        eligible = frame[answers[name] == ELIGIBLE]
        total = float(eligible["current_balance"].sum())
        excess = 0.0
        for limit in chosen.concentrations:
            table = against_limit(eligible, limit, total)
            limits.append(table.assign(set=name)[_LIMITS])
            if limit.treatment == "exclude":
                excess += float(table["excess"].sum())
        excess = min(excess, total)
        usable.append(
            {
                "set": name,
                "eligible_balance": total,
                "excess": excess,
                "usable_balance": total - excess,
            }
        )
    tables = {
        "concentrations": pd.concat(limits, ignore_index=True)
        if limits
        else pd.DataFrame(columns=_LIMITS),
        "usable": pd.DataFrame(usable, columns=_SETS),
    }
    for column in ("borrower_id", "buyer_id"):
        if column in frame and frame[column].notna().any():
            tables[f"largest_{column}"] = largest(frame, column)
    return tables


def balances(frame: pd.DataFrame, column: str) -> tuple[pd.Series[Any], float]:
    """Balance of each value of ``column`` [currency], largest first; and that of missing ones."""
    known = frame[frame[column].notna()]
    summed = known.groupby(column, observed=True)["current_balance"].sum()
    ordered = summed.sort_index().sort_values(ascending=False, kind="stable")
    missing = float(frame.loc[frame[column].isna(), "current_balance"].sum())
    return ordered, missing


def against_limit(eligible: pd.DataFrame, limit: Concentration, total: float) -> pd.DataFrame:
    """The largest values and all that exceed the limit; their excess [currency].

    With ``top`` above 1 one row stands for the ``top`` largest together. Missing values get a
    row of their own without an excess: it is not known whose they are.
    """
    by_value, missing = balances(eligible, limit.column)
    cap = limit.share * total
    if limit.top > 1:
        values = [f"{min(limit.top, len(by_value))} largest"]
        held = np.array([float(by_value.iloc[: limit.top].sum())])
    else:
        shown = max(LARGEST, int((by_value > cap).sum()))
        values = [str(value) for value in by_value.index[:shown]]
        held = by_value.iloc[:shown].to_numpy(dtype=np.float64)
    excess = np.maximum(held - cap, 0.0)
    if missing > 0.0:
        values, held, excess = [*values, MISSING], np.append(held, missing), np.append(excess, 0.0)
    return pd.DataFrame(
        {
            "limit": limit.label,
            "value": values,
            "balance": held,
            "share": held / total if total else 0.0,
            "limit_share": limit.share,
            "excess": excess,
            "treatment": limit.treatment,
        }
    )


def largest(frame: pd.DataFrame, column: str, count: int = LARGEST) -> pd.DataFrame:
    """The ``count`` largest values of ``column``, the others, and those without a value.

    Columns: rank (0 for the two last), value, loans, balance [currency], share of the pool,
    cumulative share.
    """
    by_value, missing = balances(frame, column)
    loans: dict[Any, int] = frame[column].value_counts().to_dict()
    top = by_value.iloc[:count]
    rest = by_value.iloc[count:]
    total = float(frame["current_balance"].sum())
    rows: list[dict[str, Any]] = [
        {"rank": rank, "value": str(value), "loans": loans[value], "balance": float(amount)}
        for rank, (value, amount) in enumerate(top.items(), start=1)
    ]
    if len(rest):
        left = sum(loans.values()) - sum(row["loans"] for row in rows)
        others = f"{len(rest):,} others"
        rows.append({"rank": 0, "value": others, "loans": left, "balance": float(rest.sum())})
    if missing > 0.0:
        lost = int(frame[column].isna().sum())
        rows.append({"rank": 0, "value": MISSING, "loans": lost, "balance": missing})
    table = pd.DataFrame(rows)
    table["share"] = table["balance"] / total
    table["cumulative_share"] = table["share"].cumsum()
    return table


def effective_number(amounts: npt.NDArray[np.floating[Any]]) -> float:
    """Effective number of equal debtors: 1 / sum of squared shares (inverse Herfindahl index)."""
    parts = amounts / amounts.max()
    return float(parts.sum() ** 2 / np.square(parts).sum())
