"""Plain lists on a sheet: headings, then a row for each record, each column in its own style."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from scfcap.report.book import Sheet, Style, Value
from scfcap.report.sheets.common import heads, lines_needed, plain


@dataclass(frozen=True)
class Column:
    """A column of a list: its heading and how its cells look."""

    label: str
    style: Style


def listed(
    sheet: Sheet, row: int, columns: Sequence[Column], records: Iterable[Sequence[Any]]
) -> int:
    """Write a list from ``row`` on; returns the row after it.

    A row is as high as its wrapped text needs in the widths that the sheet's columns have by then.
    """
    heads(sheet, row, [column.label for column in columns])
    for record in records:
        row += 1
        lines = 1
        for at, (column, value) in enumerate(zip(columns, record, strict=True), start=1):
            shown: Value = plain(value)
            sheet.put(row, at, shown, column.style)
            if isinstance(shown, str) and column.style.wrap:
                lines = max(lines, lines_needed(shown, 1.05 * sheet.widths.get(at, 10.0)))
        if lines > 1:
            sheet.heights[row] = 2.0 + 13.0 * lines
    return row + 1
