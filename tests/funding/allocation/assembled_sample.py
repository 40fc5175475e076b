"""A sample of a funding date as an assembled one: funders without rules, no columns but the id."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from scfcap.funding.allocation.assembled import Assembled, Funder, Target
from scfcap.funding.allocation.program import AllocationProgram
from scfcap.pool.columns import Columns
from scfcap.schema.allocation import AllocationChannel

AS_OF = date(2013, 12, 31)


def assembled_of(program: AllocationProgram, undetermined: np.ndarray | None = None) -> Assembled:
    """``program`` with a funder for each channel; every closed channel is refused by one rule."""
    frame = pd.DataFrame({"loan_id": program.loan_id, "current_balance": program.balance})
    unknown = np.zeros(program.eligible.shape, dtype=bool) if undetermined is None else undetermined
    return Assembled(
        program=program,
        funders=tuple(
            Funder(key, AllocationChannel(), Target(0.0, 5.0e6, 4.0e6)) for key in program.channels
        ),
        columns=Columns(frame, AS_OF),
        as_of=AS_OF,
        currency="CNY",
        reasons=("", "score >= 520"),
        refused=np.where(program.eligible, 0, 1).astype(np.int16),
        undetermined=unknown,
    )
