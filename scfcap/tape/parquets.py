"""How much of a Parquet file is read at a time, and whether it may be read at all.

A few bytes of a Parquet file can stand for very many: a page names one long text a million times,
a footer declares more rows than anybody has. What is declared is bounded first, then the longest
text of each dictionary is looked at, which tells how many rows can be unpacked at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scfcap.errors import InputError, Problem
from scfcap.tape import limits

#: Most rows that are unpacked at a time, and most bytes of their texts.
BATCH: Final = 65_536
BATCH_BYTES: Final = 2**28


def dictionaries(parquet: Any, columns: Sequence[str], groups: Sequence[int]) -> list[str]:
    """Those of ``columns`` whose texts a file keeps once, and names by number.

    Arrow ends the process where Python asks for the description of a column's part that does not
    fit its schema. Its reader raises an error of its own instead: so a row is read first.
    """
    texts = {
        column.path: k
        for k, column in enumerate(map(parquet.schema.column, range(len(parquet.schema))))
        if column.physical_type == "BYTE_ARRAY" and column.path in columns
    }
    found: set[str] = set()
    for group in groups if texts else ():
        next(parquet.iter_batches(1, row_groups=[group], columns=list(texts)), None)
        described = parquet.metadata.row_group(group)
        found |= {name for name, k in texts.items() if described.column(k).has_dictionary_page}
    return [name for name in columns if name in found]


def longest_text(parquet: Any, names: Sequence[str], groups: Sequence[int]) -> int:
    """Bytes of the longest text that ``names`` keep once; ``parquet`` opened with these as
    dictionaries.
    """
    longest = 0
    for group in groups if names else ():
        for batch in parquet.iter_batches(1, row_groups=[group], columns=list(names)):
            for column in batch.columns:
                if pa.types.is_dictionary(column.type) and len(column.dictionary):
                    size = pc.max(pc.binary_length(column.dictionary)).as_py()
                    longest = max(longest, size or 0)
            break
    return longest


def rows_at_once(longest: int, texts: int, source: str) -> int:
    """Rows of ``texts`` columns that can be unpacked together; raises InputError on a cell that
    is longer than a line may be.
    """
    if longest > limits.MAX_LINE:
        raise InputError(
            Problem(
                source,
                f"a cell of {longest:,} bytes",
                f"at most {limits.MAX_LINE:,}",
                "Export the tape without it.",
            )
        )
    return max(1, min(BATCH, BATCH_BYTES // max(1, longest * texts)))


def refuse_bombs(path: Path) -> None:
    """Raise where a file that is read whole declares, or would unpack to, more than a tape may.

    :class:`InputError` for what is too large, ValueError, OSError or Arrow's own error where it
    cannot be read.
    """
    with pq.ParquetFile(path) as parquet:
        meta = parquet.metadata
        names = list(parquet.schema_arrow.names)
        groups = range(meta.num_row_groups)
        declared = sum(meta.row_group(k).total_byte_size for k in groups)
        limits.check(str(path), meta.num_rows, declared)
        limits.check(str(path), meta.num_rows, 8 * meta.num_rows * len(names))
        texts = dictionaries(parquet, names, groups)
    with pq.ParquetFile(path, read_dictionary=texts) as parquet:
        longest = longest_text(parquet, texts, groups)
    limits.check(str(path), meta.num_rows, longest * meta.num_rows * len(texts))
