"""What a competent pandas user would write to read and check a tape."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pandas as pd

STATUSES = {"C": "current", "L": "late"}
TYPES = [
    *("level_payment", "equal_principal", "interest_only_bullet", "bullet", "revolving_line"),
    "order",
]


def read_with_pandas(
    path: Path, columns: Mapping[str, str], as_of: date
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tape in our columns, and the rows to warn of; raises if a row is faulty."""
    loans = pd.read_parquet(path, columns=list(columns.values()))
    loans = loans.rename(columns={theirs: ours for ours, theirs in columns.items()})
    for name in ("origination_date", "maturity_date"):
        loans[name] = pd.to_datetime(loans[name]).astype("datetime64[s]")
    loans["rate"] = loans["rate"] / 100.0
    loans["status"] = loans["status"].map(STATUSES)
    day = pd.Timestamp(as_of)
    faults = {
        "missing": loans.isna().any(axis=1),
        "repeated": loans["loan_id"].duplicated(),
        "late start": loans["origination_date"] > day,
        "early end": loans["maturity_date"] < loans["origination_date"],
        "amount": loans["original_balance"] <= 0,
        "balance": (loans["current_balance"] < 0)
        | (loans["current_balance"] > loans["original_balance"] + 0.005),
        "rate": ~loans["rate"].between(0, 50),
        "type": ~loans["loan_type"].isin(TYPES),
        "dpd": loans["days_past_due"] < 0,
    }
    for fault, mask in faults.items():
        if mask.any():
            msg = f"{fault}: rows {list(loans.index[mask][:20] + 1)}"
            raise ValueError(msg)
    for name in ("segment", "loan_type", "status"):
        loans[name] = loans[name].astype("category")
    overdue = (loans["maturity_date"] < day) & (loans["current_balance"] > 0)
    warnings = pd.DataFrame({"row": loans.index[overdue] + 1, "reason": "past_maturity"})
    return loans, warnings
