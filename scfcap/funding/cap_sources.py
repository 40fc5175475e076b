"""What each cap of the law counts: every source of funds with its weight."""

from __future__ import annotations

import pandas as pd

from scfcap.funding.accounting import source_paths
from scfcap.funding.program import Solution
from scfcap.funding.statements import frame_of, valuer
from scfcap.funding.variables import Book

_COLUMNS = ["period", "end", "cap", "channel", "item", "source", "balance", "weight", "counted"]


def cap_sources(book: Book, solution: Solution) -> pd.DataFrame:
    """What each cap counts in every period in which it holds: one row a source of funds.

    ``balance`` at the period's close and ``counted``, balance times ``weight`` [currency]. The sum
    of ``counted`` of a cap is what :func:`~scfcap.funding.caps.caps_table` says it counts. Sources
    that a cap does not name have no row.
    """
    value = valuer(book, solution)
    paths = [
        (channel, item, source, [value(terms) for terms in path])
        for channel, item, source, _, path in source_paths(book)
    ]
    rows: list[tuple[object, ...]] = []
    for t, end in enumerate(book.inputs.grid.ends, start=1):
        for dated in book.inputs.caps:
            weights = {str(name): weight for name, weight in dated.cap.weights.items()}
            for channel, item, source, path in paths:
                weight = weights.get(source, 0.0)
                if t in dated.periods and weight > 0.0:
                    held = (channel, item, source, path[t], weight, weight * path[t])
                    rows.append((t, end, dated.cap.name, *held))
    return frame_of(rows, _COLUMNS)
