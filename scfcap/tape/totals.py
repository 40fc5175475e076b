"""Rows and principal from the source to the pool, so that no balance disappears unexplained."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from scfcap.errors import InvariantError
from scfcap.quantities import ENGINE_TOLERANCE, BoolArray, FloatArray
from scfcap.tape.derive import Typed, typed
from scfcap.tape.mapping import BY_NAME, needs
from scfcap.tape.rules.amounts import principal_gap
from scfcap.tape.steps import MERGED, Intake

#: Amounts of a tape [currency]: the first is the sum of the others.
AMOUNTS: Final = ("original_balance", "current_balance", "paid_principal", "loss", "unexplained")
_MEASURED: Final = ("original_balance", "current_balance", "paid_principal", "status")


def totals_of(tape: Typed, refused: BoolArray, intake: Intake, table: Any) -> pd.DataFrame:
    """Rows and principal [currency] of the source ``table`` and of what became of its rows.

    Items: "read" is the sum of the others, of which "left out", "dropped as equal" and "merged"
    stand only where such rows are, and then "rejected" and "kept". In each
    original_balance = current_balance + paid_principal + loss + unexplained.

    ``paid_principal`` is as stated, and where nothing is stated original - current, unless the
    loan is charged off; ``loss`` is the gap of charged-off loans that state it; ``unexplained``
    is what remains. An amount that does not parse counts 0. Rows that are folded to loans count in
    "read" by their own cells, as if each were a loan; "merged" is what they so count beyond the
    loans. Raises :class:`InvariantError` if the items do not add up.
    """
    items = {"rejected": _sums(tape, refused), "kept": _sums(tape, ~refused)}
    steps = {item: _sums(_measured(rows, tape)) for item, rows in intake.gone}
    if intake.unfolded is not None:
        steps[MERGED] = _sums(_measured(intake.unfolded, tape)) - _sums(tape)
    read = _sums(_measured(table, tape)) if steps else _sums(tape)
    lines = {"read": read, **steps, **items}
    _tie(lines)
    totals = pd.DataFrame(lines, index=["rows", *AMOUNTS]).T.round(6) + 0.0  # no -0
    return totals.astype({"rows": np.int64}).rename_axis("item").reset_index()


def _measured(table: Any, tape: Typed) -> Typed:
    """Rows of the source with the columns that totals need, by the mapping of ``tape``."""
    spec = tape.spec
    wanted = set(_MEASURED)
    while more := {
        name
        for key in wanted & set(spec.derive)
        for name in needs(spec.derive[key])
        if name in BY_NAME and name not in wanted
    }:
        wanted |= more
    return typed(table, spec, tape.as_of, wanted)


def _sums(tape: Typed, mask: BoolArray | None = None) -> FloatArray:
    """Number of rows, and :data:`AMOUNTS` [currency]."""
    columns = tape.columns
    if "status" in columns:
        lost = np.flatnonzero(columns["status"].where(("charged_off",)))
    else:
        lost = np.empty(0, dtype=np.int64)
    chosen = lost if mask is None else lost[mask[lost]]
    stated = "paid_principal" in columns
    parts = [
        _total(columns["current_balance"], mask),
        _total(_paid(tape, lost), mask),
        _total(principal_gap(tape, chosen), None) if stated else 0.0,
    ]
    lent = _total(columns["original_balance"], mask)
    count = tape.rows if mask is None else int(mask.sum())
    return np.array([count, lent, *parts, lent - sum(parts)])


def _paid(tape: Typed, lost: Any) -> FloatArray:
    """Principal repaid: as stated, else what is no longer outstanding, charge-offs apart."""
    columns = tape.columns
    implied = columns["original_balance"] - columns["current_balance"]
    implied[lost] = 0.0
    if "paid_principal" not in columns:
        return np.asarray(implied)
    stated: FloatArray = columns["paid_principal"]
    return np.where(np.isnan(stated), implied, stated)


def _total(cells: FloatArray, mask: BoolArray | None) -> float:
    """Sum of the known amounts [currency]."""
    return float(np.nansum(cells if mask is None else cells[mask]))


def _tie(lines: dict[str, FloatArray]) -> None:
    """Read is the sum of the other items, in rows and amounts."""
    read, *others = lines.values()
    size = max(1.0, *(float(np.abs(line).max()) for line in lines.values()))
    if np.abs(read - sum(others)).max() > ENGINE_TOLERANCE * size:
        shown = {item: line.tolist() for item, line in lines.items()}
        msg = f"the tape's totals do not tie: {shown}"
        raise InvariantError(msg)
