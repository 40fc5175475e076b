"""Reading a tape: SIZE loans, 11 columns of a CSV file, mapped, typed and asked by all rules.

Ours reads what the baseline reads, and also hashes the file and lists the findings.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from baselines.loan_tapes import AS_OF, SPEC, check_with_pandas, chunks, compare
from pyarrow import csv

from scfcap.tape.read import read_tape
from scfcap.tape.schema import Tape

NAME = "read_csv_1m"
SIZE = 1_000_000
SMOKE = 20_000
BARS = {"seconds": 4.0, "peak_mib": 1536}


def build(size: int, folder: Path) -> Path:
    """The folder with a seeded tape, written in chunks."""
    with (folder / "tape.csv").open("wb") as file:
        for k, table in enumerate(chunks(size)):
            csv.write_csv(table, file, csv.WriteOptions(include_header=k == 0))
    return folder


def ours(inputs: Path) -> Tape:
    """Read, map, check."""
    return read_tape(SPEC, as_of=AS_OF, folder=inputs, path=inputs / "tape.csv")


def baseline(inputs: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """pandas: read_csv, rename, the same checks as masks"""
    return check_with_pandas(pd.read_csv(inputs / "tape.csv", parse_dates=["PaidOut", "Due"]))


def check(a: Tape, b: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Same columns, same values, same rows flagged."""
    compare(a, b)
