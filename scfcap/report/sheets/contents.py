"""The Contents sheet: every sheet of the workbook, with a link to it."""

from __future__ import annotations

from collections.abc import Sequence

from scfcap.report.book import Sheet, Style
from scfcap.report.sheets.common import (
    HEAD,
    HEAD_LEFT,
    NOTE,
    TITLE,
    Kit,
    lines_needed,
    styled,
)

NAME = "Contents"
_LINK = Style(ink="link")
_WIDTHS = (62.0, 26.0)


def add_contents(kit: Kit) -> None:
    """Add the sheet, empty: what follows what is known when all others are built."""
    sheet = Sheet(NAME)
    kit.book.sheets.append(sheet)


def fill_contents(kit: Kit, sheet: Sheet, shows: Sequence[tuple[Sheet, str]]) -> None:
    """Say what each sheet shows; ``shows`` are the other sheets in order, and words for those
    without a heading.
    """
    meta = kit.meta
    sheet.widths |= {1: 6.0, 2: 30.0, 3: _WIDTHS[0], 4: _WIDTHS[1]}
    sheet.put(1, 1, kit.book.title, TITLE)
    sheet.heights[1] = 26.0
    about = f"Model {meta.model} · as of {meta.as_of:%Y-%m-%d} · amounts in {kit.look.label}"
    sheet.put(2, 1, about, NOTE)
    for column, (label, style) in enumerate(
        (("No.", HEAD), ("Sheet", HEAD_LEFT), ("What it shows", HEAD_LEFT)), start=1
    ):
        sheet.put(4, column, label, style)
    sheet.put(4, 4, None, HEAD)
    row = 4
    for number, (other, words) in enumerate(shows, start=1):
        row += 1
        heading = other.cells.get((1, 1))
        said = str(heading.value) if heading is not None else words
        sheet.put(row, 1, number, Style(number_format="0", align="center"))
        sheet.put(row, 2, other.name, _LINK, goto=other.at(1, 1))
        sheet.merged(row, (3, 4), said, styled(Style(), wrap=True))
        sheet.heights[row] = 3.0 + 13.0 * lines_needed(said, sum(_WIDTHS))
    sheet.freeze, sheet.title_rows = (5, 1), (4, 4)
