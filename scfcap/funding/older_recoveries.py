"""Recoveries on loans that had defaulted before the plan: an asset first, and cash by its days."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scfcap.axes import OWN
from scfcap.funding.booking import Entry, Line, Moved, Purse, Stock
from scfcap.funding.program import Terms
from scfcap.funding.variables import Book
from scfcap.periods import PeriodGrid
from scfcap.quantities import FloatArray
from scfcap.schema.model import Model


def older_recoveries(spec: Model, grid: PeriodGrid) -> FloatArray | None:
    """What comes in by period [money units, (T + 2,)], the last after the plan; None: nothing."""
    stated = spec.opening.recoveries
    if not stated:
        return None
    found = np.zeros(len(grid) + 2)
    for each in stated:
        after = each.date > grid.ends[-1]
        t = len(grid) + 1 if after else max(grid.index(each.date), 1)
        found[t] += each.amount / spec.plan.money_unit
    return found


def recovered_entries(book: Book, t: int) -> Iterator[Entry]:
    """Cash of the period; it was earned before the plan."""
    older = book.inputs.older_recoveries
    if older is not None:
        yield Entry(
            Terms().plus(float(older[t])),
            Purse(1.0, OWN, "recoveries of older defaults"),
            moved=Moved(1.0, "operating", "recoveries"),
        )


def recoverable_stocks(book: Book, t: int) -> Iterator[Stock]:
    """What is still expected."""
    older = book.inputs.older_recoveries
    if older is not None:
        left = Terms().plus(float(older[t + 1 :].sum()))
        yield Stock(left, Line("asset", "recoveries expected"))
