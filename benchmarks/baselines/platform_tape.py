"""Tapes of the synthetic platform as Parquet, made in parts; and what pandas says of such a tape.

A part is a platform of its own, with a seed, shops and loans of its own: ids and borrowers carry
its number. So a tape of any size needs the memory of one part.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from scfcap.schema.model import Model
from scfcap.schema.tape import PlatformSpec
from scfcap.synthetic.platform import generate

SEED = 2013
#: Loans of a part, and rows of a row group.
PART, GROUP = 500_000, 125_000


def write_tape(folder: Path, model: Model, loans: int, part: int = PART) -> Path:
    """A data set of ``loans`` loans at ``model.as_of`` in ``folder``, a folder ``part=N`` a part.

    The same arguments write the same rows.
    """
    for number, frame in enumerate(parts(model, loans, part)):
        place = folder / f"part={number:03d}"
        place.mkdir(parents=True)
        table = pa.Table.from_pandas(frame, preserve_index=False)
        pq.write_table(table.replace_schema_metadata(None), place / "loans.parquet",
                       row_group_size=GROUP)  # fmt: skip
    return folder


def parts(model: Model, loans: int, part: int = PART) -> Iterator[pd.DataFrame]:
    """The rows of :func:`write_tape`, a part at a time."""
    for number, first in enumerate(range(0, loans, part)):
        count = min(part, loans - first)
        frame = generate(PlatformSpec(loans=count, seed=SEED + number), model)
        for name in ("loan_id", "borrower_id"):
            frame[name] = f"{number:03d}-" + frame[name]
        yield frame


def pool_by_pandas(path: Path) -> dict[str, pd.DataFrame]:
    """Loans and balance of what stands, by segment, region, core enterprise and status."""
    frame = pd.read_parquet(path)
    gone = frame["status"].astype(str).isin(["repaid", "charged_off"])
    standing = frame[(frame["current_balance"] > 0.0) & ~gone]
    found = {}
    for name in ("segment", "region", "buyer_id", "status"):
        by = standing.groupby(standing[name].astype(str), observed=True)["current_balance"]
        found[name] = by.agg(["size", "sum"])
    return found
