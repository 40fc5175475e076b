"""Lines to be signed at the foot of a certificate or a return."""

from __future__ import annotations

from scfcap.report.book import Sheet, Style
from scfcap.report.sheets.common import NOTE, SECTION, TEXT

_LINE = Style(top=True)


def signed(sheet: Sheet, row: int, words: str) -> int:
    """A statement and lines for name, title, signature and date; returns the row after them."""
    sheet.blocks.append(row)
    sheet.put(row, 1, "Certification", SECTION)
    sheet.heights[row] = 20.0
    sheet.put(row + 1, 1, words, NOTE)
    row += 3
    for label in ("Name and title", "Signature", "Date"):
        sheet.put(row, 1, label, TEXT)
        for column in range(2, 5):
            sheet.put(row + 1, column, None, _LINE)
        sheet.heights[row] = 22.0
        row += 1
    return row + 1
