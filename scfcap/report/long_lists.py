"""How much of a long list a workbook holds; the files beside it hold all."""

from __future__ import annotations

#: Rows that a workbook lists at most.
MOST_ROWS = 100_000
#: Rows that it holds of a longer list, beside the totals of all.
FIRST = 1_000


def rows_shown(rows: int, most: int = MOST_ROWS) -> int:
    """How many of a list's ``rows`` stand in the workbook: all, or the first of a long list."""
    return rows if rows <= most else min(FIRST, most)
