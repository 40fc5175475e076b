"""A large seeded tape of 11 columns, and what a competent pandas user would do to check it.

A thousandth of the rows carries a warning (due before as_of, still outstanding); none is refused.
The ids are in no order, the harder case.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa

from scfcap.schema.tape import TapeSpec
from scfcap.tape.schema import Tape

AS_OF = date(2013, 12, 31)
CHUNK = 250_000
STATUSES = {"C": "current", "L": "late"}
TYPES = [
    *("level_payment", "equal_principal", "interest_only_bullet", "bullet", "revolving_line"),
    "order",
]
SPEC = TapeSpec(
    source="file",
    columns={
        "loan_id": "LoanID",
        "borrower_id": "ShopID",
        "segment": "Product",
        "loan_type": "Type",
        "origination_date": "PaidOut",
        "maturity_date": "Due",
        "original_balance": "Amount",
        "current_balance": "Outstanding",
        "rate": "RatePercent",
        "days_past_due": "DPD",
        "status": "Status",
    },
    values={"status": {"C": "current", "L": "late"}},
    percent=("rate",),
)


def chunks(size: int) -> Iterator[pa.Table]:
    """The tape's rows, some at a time."""
    random = np.random.default_rng(20131231)
    for first in range(0, size, CHUNK):
        yield _rows(random, first, min(CHUNK, size - first))


def _rows(random: np.random.Generator, first: int, count: int) -> pa.Table:
    age = random.integers(0, 60, count)
    term = age + random.integers(1, 120, count)
    late = (random.random(count) < 0.001) & (age > 0)
    term = np.where(late, np.maximum(age - 1, 0), term)
    amount = np.round(random.lognormal(9.0, 1.0, count), 2) + 1.0
    start = np.datetime64(AS_OF) - age.astype("timedelta64[D]")
    numbers = random.permutation(np.arange(first, first + count))
    return pa.table(
        {
            "LoanID": pa.array([f"L{number:09d}" for number in numbers]),
            "ShopID": pa.array([f"S{n:07d}" for n in random.integers(0, 300_000, count)]),
            "Product": pa.array(random.choice(["order", "credit", "pledge"], count)),
            "Type": pa.array(random.choice(["order", "bullet", "level_payment"], count)),
            "PaidOut": pa.array(start, pa.date32()),
            "Due": pa.array(start + term.astype("timedelta64[D]"), pa.date32()),
            "Amount": pa.array(amount),
            "Outstanding": pa.array(np.round(amount * random.uniform(0.1, 1.0, count), 2)),
            "RatePercent": pa.array(np.round(random.uniform(4.0, 24.0, count), 2)),
            "DPD": pa.array(np.where(late, age - np.minimum(term, age), 0), pa.int64()),
            "Status": pa.array(np.where(late, "L", "C")),
        }
    )


def check_with_pandas(loans: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tape in our columns, and the rows to warn of; raises if a row is faulty."""
    loans = loans.rename(columns={theirs: ours for ours, theirs in SPEC.columns.items()})
    for name in ("origination_date", "maturity_date"):
        loans[name] = pd.to_datetime(loans[name]).astype("datetime64[s]")
    loans["rate"] = loans["rate"] / 100.0
    loans["status"] = loans["status"].map(STATUSES)
    day = pd.Timestamp(AS_OF)
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
        "status": (loans["status"] == "late") != (loans["days_past_due"] > 0),
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


def compare(a: Tape, b: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Same columns, same values, same rows flagged."""
    frame, flagged = b
    for name in frame:
        left, right = a.frame[name], frame[name]
        if frame[name].dtype.kind == "f":
            np.testing.assert_array_equal(left, right, err_msg=name)
        else:
            assert (left.astype(str) == right.astype(str)).all(), name
    assert len(a.rejects) == 0
    found = a.findings[["row", "reason"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, flagged, check_dtype=False)
    assert len(found) > 0
