"""A pool's loans some at a time: what is worked out of a loan takes more than the loan itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any, Final

import numpy as np
import pandas as pd

from scfcap.pool.snapshot import Pool

#: Loans up to which a pool is worked on as a whole, and how many of a larger one are together.
#: Sums over loans do not depend on them beyond rounding.
AT_ONCE: Final = 1_000_000
PART: Final = 250_000
#: What the whole pool alone is asked for.
_WHOLE: Final = ("eligibility", "tables", "counted", "borrowing_bases")


def slices(pool: Pool) -> Iterator[tuple[slice, Pool]]:
    """The pool :data:`PART` loans at a time, and which; one of up to :data:`AT_ONCE` as it is."""
    count = len(pool)
    if count <= AT_ONCE:
        yield slice(0, count), pool
        return
    for start in range(0, count, PART):
        stop = min(start + PART, count)
        yield slice(start, stop), sliced(pool, start, stop)


def sliced(pool: Pool, start: int, stop: int) -> Pool:
    """Loans ``start`` to ``stop`` of a pool, without what the whole pool is asked for."""
    changes: dict[str, Any] = {name: {} for name in _WHOLE}
    for each in fields(Pool):
        value = vars(pool)[each.name]
        if each.name in _WHOLE:
            continue
        by_loan = isinstance(value, np.ndarray | pd.api.extensions.ExtensionArray)
        if by_loan and len(value) == len(pool):
            part = value[start:stop]
            whole = isinstance(part, np.ndarray) and part.dtype.kind == "i"
            changes[each.name] = part.astype(np.int64, copy=False) if whole else part
        elif hasattr(value, "where"):
            changes[each.name] = value.where(slice(start, stop))
    return pool.with_(**changes)
