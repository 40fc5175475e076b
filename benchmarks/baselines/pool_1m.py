"""What a competent pandas user would write to freeze a pool."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class PandasPool:
    """Answers (1, 0, -1) and counted balances by loan, loans by rule, tables by column."""

    answers: np.ndarray
    counted: np.ndarray
    alone: list[int]
    in_sequence: list[int]
    strata: dict[str, pd.DataFrame]


def pool_with_pandas(loans: pd.DataFrame, as_of: date) -> PandasPool:
    """Rules in three answers, limits one after the other, tables."""
    outstanding = (loans["current_balance"] > 0) & ~loans["status"].isin(["repaid", "charged_off"])
    loans = loans[outstanding].copy()
    day = pd.Timestamp(as_of)
    loans["remaining_days"] = (loans["maturity_date"] - day).dt.days
    loans["age_days"] = (day - loans["origination_date"]).dt.days
    rules = {
        "status": loans["status"] == "current",
        "days_past_due": loans["days_past_due"] <= 0,
        "remaining_days": loans["remaining_days"].between(1, 365),
        "rate": loans["rate"] >= 0.06,
        "original_balance": loans["original_balance"] <= 1_000_000,
        "score": loans["score"] >= 520,
        "region": ~loans["region"].isin(["Tibet", "Qinghai"]),
        "loan_type": loans["loan_type"] != "revolving_line",
        "age_days": loans["age_days"] <= 180,
        "current_balance": loans["current_balance"] / loans["original_balance"] > 0.05,
    }
    answers = pd.Series(1, index=loans.index, dtype="int8")
    alone, in_sequence = [], []
    for column, passes in rules.items():
        unknown = loans[column].isna()
        fails = ~passes & ~unknown
        alone.append(int(fails.sum()))
        in_sequence.append(int((fails & (answers != 0)).sum()))
        answers[unknown & (answers == 1)] = -1
        answers[fails] = 0
    eligible = loans["current_balance"].where(answers == 1, 0.0)
    total = remaining = eligible.sum()
    while True:
        counted = _limited(loans, eligible, total, remaining)
        if remaining - counted.sum() < 1e-12 * total:
            break
        remaining = counted.sum()
    return PandasPool(
        answers.to_numpy(),
        counted.to_numpy(),
        alone,
        in_sequence,
        {column: _strata(loans, column) for column in ("segment", "region", "status")},
    )


def _limited(loans: pd.DataFrame, eligible: pd.Series, total: float, remaining: float) -> pd.Series:
    caps = (
        ("borrower_id", 5e-5 * total), ("buyer_id", 0.03 * remaining), ("region", 0.12 * total),
    )  # fmt: skip
    counted = eligible
    for column, cap in caps:
        held = counted.groupby(loans[column], observed=True).sum()
        factor = (cap / held).where(held > cap, 1.0)
        counted = counted * loans[column].map(factor).astype(float).fillna(1.0)
    return counted


def _strata(loans: pd.DataFrame, column: str) -> pd.DataFrame:
    weighted = loans.assign(interest=loans["rate"] * loans["current_balance"])
    table = weighted.groupby(column, observed=True).agg(
        loans=("loan_id", "size"),
        borrowers=("borrower_id", "nunique"),
        balance=("current_balance", "sum"),
        interest=("interest", "sum"),
    )
    return table.assign(rate=table["interest"] / table["balance"])
