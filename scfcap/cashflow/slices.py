"""A pool's loans some at a time: what is worked out of a loan takes more than the loan itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any, Final

import numpy as np
import pandas as pd

from scfcap.pool.snapshot import Pool

#: Loans that are worked on together. Sums over loans do not depend on it beyond rounding.
AT_ONCE: Final = 1_000_000
#: What the whole pool alone is asked for.
_WHOLE: Final = ("eligibility", "tables", "counted", "borrowing_bases")


def slices(pool: Pool) -> Iterator[tuple[slice, Pool]]:
    """The pool :data:`AT_ONCE` loans at a time, and which; a pool of no more as it is."""
    count = len(pool)
    if count <= AT_ONCE:
        yield slice(0, count), pool
        return
    for start in range(0, count, AT_ONCE):
        stop = min(start + AT_ONCE, count)
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
