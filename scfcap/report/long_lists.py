"""Rows of long lists as the workbook's file holds them, a column at a time.

A list of 100,000 rows as cells of openpyxl takes most of a minute; as text it takes seconds.
Cells are as ECMA-376 (Office Open XML, part 1, 18.3.1.4) has them, texts inline.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import date
from xml.sax.saxutils import escape

from scfcap.report.book import Sheet, Strip, Style, letter

#: Most characters that a cell of Excel holds.
CELL_CHARACTERS = 32_767
#: How a text begins that a spreadsheet would work out.
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n")
#: Day 0 of the file's calendar (ECMA-376, part 1, 18.17.4.1, with the bug of 1900).
_EPOCH = date(1899, 12, 30).toordinal()
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_DIMENSION = re.compile(r'<dimension ref="[^"]*" ?/>')
#: Numbers of a style in the file: as it is, and with the mark of a text that is no formula.
Looks = tuple[int, int]


def safe_text(value: str) -> str:
    """``value`` as a cell can hold it: no control characters, not too long."""
    text = _CONTROL.sub("�", value).replace("\r\n", "\n").replace("\r", "\n")
    return text if len(text) <= CELL_CHARACTERS else text[: CELL_CHARACTERS - 1] + "…"


def with_rows(xml: str, sheet: Sheet, looks: Mapping[Style, Looks]) -> str:
    """A sheet's XML with the rows of its :attr:`~scfcap.report.book.Sheet.strips` at its end."""
    if not sheet.strips:
        return xml
    first = sheet.strips[0].row
    columns = [list(_cells(strip, looks[strip.style])) for strip in _ordered(sheet)]
    rows = (
        f'<row r="{row}">{"".join(cells)}</row>'
        for row, cells in enumerate(zip(*columns, strict=True), start=first)
    )
    reach = f'<dimension ref="A1:{letter(sheet.last_column)}{sheet.last_row}"/>'
    xml = _DIMENSION.sub(reach, xml, count=1)
    before, mark, after = xml.partition("</sheetData>")
    return "".join([before, *rows, mark, after])


def _ordered(sheet: Sheet) -> list[Strip]:
    return sorted(sheet.strips, key=lambda strip: strip.column)


def _cells(strip: Strip, looks: Looks) -> Iterator[str]:
    """The cells of a column, empty where there is none."""
    column, (plain, quoted) = letter(strip.column), looks
    known: dict[str, str] = {}
    for row, value in enumerate(strip.values, start=strip.row):
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            yield ""
        elif isinstance(value, str):
            if value not in known:
                text = safe_text(value)
                style = quoted if text[:1] in FORMULA_SIGNS else plain
                shown = f'<is><t xml:space="preserve">{escape(text)}</t></is></c>'
                known[value] = f'" s="{style}" t="inlineStr">{shown}'
            yield f'<c r="{column}{row}{known[value]}'
        else:
            number = value.toordinal() - _EPOCH if isinstance(value, date) else value
            yield f'<c r="{column}{row}" s="{plain}"><v>{number!r}</v></c>'
