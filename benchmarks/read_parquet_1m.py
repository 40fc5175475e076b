"""Reading a tape: SIZE loans, 11 columns of a Parquet file, mapped, typed and asked by all rules.

Ours reads what the baseline reads, and also hashes the file and lists the findings.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
from baselines.loan_tapes import AS_OF, SPEC, check_with_pandas, chunks, compare

from scfcap.tape.read import read_tape
from scfcap.tape.schema import Tape

NAME = "read_parquet_1m"
SIZE = 1_000_000
SMOKE = 20_000
BARS = {"seconds": 1.5, "peak_mib": 1536}


def build(size: int, folder: Path) -> Path:
    """The folder with a seeded tape, written in chunks."""
    writer = None
    for table in chunks(size):
        writer = writer or pq.ParquetWriter(folder / "tape.parquet", table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()
    return folder


def ours(inputs: Path) -> Tape:
    """Read, map, check."""
    return read_tape(SPEC, as_of=AS_OF, folder=inputs, path=inputs / "tape.parquet")


def baseline(inputs: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """pandas: read_parquet, rename, the same checks as masks"""
    return check_with_pandas(pd.read_parquet(inputs / "tape.parquet"))


def check(a: Tape, b: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Same columns, same values, same rows flagged."""
    compare(a, b)
