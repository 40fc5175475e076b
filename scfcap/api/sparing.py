"""What a long command lets go of between its stations, where a tape has very many loans."""

from __future__ import annotations

import ctypes
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from scfcap.cashflow.slices import AT_ONCE

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.schema.model import Model as ModelSpec

#: Columns that tell which loans a pool has.
_ALWAYS: Final = ("loan_id", "segment", "status", "current_balance", "channel")
#: Where what is worked out of days comes from.
_DAYS: Final = ("origination_date", "maturity_date")
#: Whole numbers of a pool.
_CODES: Final = (
    "segment", "place", "loan_type", "origination_day", "maturity_day", "days_past_due",
)  # fmt: skip


def spare(model: Model, keep: Collection[str] = ()) -> None:
    """Let go of what an allocation does not ask for any more, once there is a pool.

    Columns of the tape go but for those that tests and limits name and ``keep``, and of their texts
    those that repeat; so do the loans behind borrowing bases, and the width of whole numbers.
    Nothing is done where the model makes its tape itself or has groups of borrowers, nor with a
    million loans or fewer.
    """
    from scfcap.credit.stress import names_cores

    spec, pool, tape = model.loaded.spec, model.pool(), model.tape()
    made = model.tape_path is None and spec.tape.source != "file"
    if len(pool) <= AT_ONCE or made or spec.pool.groups is not None:
        return
    if names_cores(spec.scenarios) or any(x.core is not None for x in spec.concentration):
        model.exposures()
    wanted = {*_ALWAYS, *keep, *_asked(spec)}
    frame = tape.frame[[name for name in tape.frame if name in wanted]]
    named = {name: _named(frame[name], keep) for name in frame}
    model.keep(tape=replace(tape, frame=pd.DataFrame(named, copy=False)))
    narrow = {name: _narrow(getattr(pool, name)) for name in _CODES}
    model.keep(pool=pool.with_(borrowing_bases={}, **narrow))


def give_back(loans: int) -> None:
    """Give the system back what allocators hold of freed memory, where there are that many loans.

    Arrow's pool and the heap of C keep it for later else: of three million loans a sixth of all.
    """
    if loans <= AT_ONCE:
        return
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    with suppress(AttributeError, OSError, TypeError):  # other systems' C has no such function
        ctypes.CDLL(None).malloc_trim(0)


def _named(column: pd.Series[Any], keep: Collection[str]) -> Any:
    """A column of texts that repeat by its distinct ones, in the order in which they come."""
    text = isinstance(column.dtype, pd.StringDtype)
    if not text or column.name == "loan_id" or column.name in keep:
        return column
    codes, labels = pd.factorize(column)
    return pd.Categorical.from_codes(codes, pd.Index(labels))


def _narrow(codes: Any) -> Any:
    """Whole numbers in as few bits as hold them, 16 at least."""
    low, high = int(codes.min()), int(codes.max())
    for kind in (np.int16, np.int32):
        if np.iinfo(kind).min < low and high < np.iinfo(kind).max:
            return codes.astype(kind)
    return codes


def _asked(spec: ModelSpec) -> Iterator[str]:
    """Columns that tests and limits of an allocation name."""
    from scfcap.expressions import parse
    from scfcap.pool.columns import DERIVED

    stated = spec.allocation
    tests = [rule.test for chosen in spec.pool.eligibility.values() for rule in chosen.rules]
    for base in spec.pool.borrowing_base.values():
        tests += [base.pledged, *(rate.test for rate in base.advance_rates)]
    tests += [promise.test for promise in stated.promised]
    tests += [] if stated.frozen is None else [stated.frozen]
    for name in {column for test in tests for column in parse(test).columns}:
        yield name
        if name in DERIVED:
            yield from _DAYS
    limits: list[Any] = [*stated.limits]
    for chosen in spec.pool.eligibility.values():
        limits += chosen.concentrations
    for channel in stated.channels.values():
        limits += [*channel.averages, *channel.concentrations]
    yield from (limit.column for limit in limits)
