"""Reading a tape: SIZE loans, 11 columns of a Parquet file, mapped, typed and checked.

A thousandth of the rows carries a warning (due before as_of, still outstanding); none is
refused. The ids are in no order, the harder case. Ours reads what the baseline reads, and also
hashes the file and lists the findings.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from baselines.tape_read import read_with_pandas

from scfcap.schema.tape import TapeSpec
from scfcap.tape.read import read_tape
from scfcap.tape.schema import Tape

NAME = "tape_read"
SIZE = 1_000_000
SMOKE = 20_000
BARS = {"seconds": 1.5, "peak_mib": 1536}

AS_OF = date(2013, 12, 31)
CHUNK = 250_000
SPEC = TapeSpec(
    source="file",
    path="tape.parquet",
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


def build(size: int, folder: Path) -> Path:
    """The folder with a seeded tape, written in chunks."""
    random = np.random.default_rng(20131231)
    writer = None
    for first in range(0, size, CHUNK):
        table = _rows(random, first, min(CHUNK, size - first))
        writer = writer or pq.ParquetWriter(folder / "tape.parquet", table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()
    return folder


def _rows(random: np.random.Generator, first: int, count: int) -> pa.Table:
    age = random.integers(0, 60, count)
    term = age + random.integers(1, 120, count)
    late = random.random(count) < 0.001
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


def ours(inputs: Path) -> Tape:
    """Read, map, check."""
    return read_tape(SPEC, as_of=AS_OF, folder=inputs)


def baseline(inputs: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """pandas: read_parquet, rename, the same checks as masks"""
    return read_with_pandas(inputs / "tape.parquet", SPEC.columns, AS_OF)


def check(a: Tape, b: tuple[pd.DataFrame, pd.DataFrame]) -> None:
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
