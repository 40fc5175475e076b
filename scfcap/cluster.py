"""A projection too large for one memory or one machine: chunk by chunk, alone or over Dask.

A tape that is a Parquet data set is read twice, a chunk at a time: first every row is checked and
what the whole must know is kept (segments, longest term, repeated loans, faults), then each chunk
becomes loans, and these flows, which are added in the order of the chunks. So no more is held than
a chunk, the flows and eight bytes a loan on disk, and the sum is that of the single pass.

Where a tape cannot be read so (text, workbooks, generated loans, rows that are folded to loans,
curves that are estimated from the tape itself), the pool is built as ever, and its loans are
projected in slices.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import numpy as np
import pandas as pd

from scfcap.errors import InputError, Problem
from scfcap.tape.partitions import CHUNK_ROWS

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.cashflow.flows import Flows
    from scfcap.cashflow.project import PoolCashflow
    from scfcap.credit.curves import CurveSet

#: Told what is done of how much: the stage ("tape", "cash flows"), chunks done, chunks in all.
Progress = Callable[[str, int, int], None]
#: Curves of a model whose pool stands for the whole: the same segments, total and longest loans.
CurvesOf = Callable[["Model"], "CurveSet"]


def project_tape(
    model: Model,
    *,
    chunk_rows: int = CHUNK_ROWS,
    workers: int | None = None,
    address: str | None = None,
    progress: Progress | None = None,
    curves_of: CurvesOf | None = None,
) -> PoolCashflow:
    """The cash flows of a model's pool, as ``model.cashflow()`` gives them, in chunks.

    ``workers``: processes of this machine; ``address``: a Dask scheduler instead; neither: here.
    ``chunk_rows`` of the tape are held at a time (a row group at least). ``curves_of`` gives other
    curves than the model's scenarios, such as Monte Carlo paths; it is handed a model whose pool
    stands for the whole one.

    Raises:
        InputError: the tape, the model, the address, or a worker that cannot do its work.
        InvariantError: money was created or lost.
    """
    from scfcap.cashflow.project import project

    curves = model.curves() if curves_of is None else curves_of(model)
    return project(model.pool(), curves)
