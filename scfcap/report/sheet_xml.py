"""The cells of a sheet as the workbook's file holds them.

A sheet of 20,000 cells as objects of openpyxl takes seconds; as text it takes a tenth of that.
Cells are as ECMA-376 (Office Open XML, part 1, 18.3.1.4) has them: texts inline, a formula with
the engine's figure beside it, since a preview and a protected view work nothing out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import chain, groupby, islice
from xml.sax.saxutils import escape

from scfcap.report.book import Formula, Sheet, Strip, Style, Value, letter
from scfcap.report.excel_limits import (
    FIRST_DAY,
    FORMULA_SIGNS,
    coded,
    safe_formula,
    safe_text,
)

#: Day 0 of the file's calendar (ECMA-376, part 1, 18.17.4.1).
_EPOCH = date(1899, 12, 30).toordinal()
_DIMENSION = re.compile(r'<dimension ref="[^"]*" ?/>')
_DATA = re.compile(r"<sheetData ?/>|<sheetData>.*</sheetData>", re.DOTALL)
#: Numbers of a style in the file: as it is, and with the mark of a text that is no formula.
Looks = tuple[int, int]


#: Rows that are handed on at a time: a long list takes little memory beside its values.
_AT_A_TIME = 1_000


def with_cells(
    xml: str, sheet: Sheet, looks: Mapping[Style, Looks], *, values: bool
) -> Iterator[str]:
    """A sheet's XML, part by part, with its cells and the rows of its strips after them.

    ``values=False`` leaves the formulas without the engine's figures.
    """
    reach = f'<dimension ref="A1:{letter(sheet.last_column or 1)}{sheet.last_row or 1}"/>'
    before, _, after = _DATA.sub("\0", _DIMENSION.sub(reach, xml, count=1), count=1).partition("\0")
    yield f"{before}<sheetData>"
    rows = chain(_rows(sheet, looks, values=values), _strips(sheet, looks))
    while part := "".join(islice(rows, _AT_A_TIME)):
        yield part
    yield f"</sheetData>{after}"


def _rows(sheet: Sheet, looks: Mapping[Style, Looks], *, values: bool) -> Iterator[str]:
    cells = sheet.cells
    places = sorted({*cells, *((row, 0) for row in sheet.heights)})
    for row, group in groupby(places, key=lambda place: place[0]):
        height = sheet.heights.get(row)
        told = "" if height is None else f' ht="{height:g}" customHeight="1"'
        inner = [
            _cell(f"{letter(column)}{row}", each.value, looks[each.style], values=values)
            for each, column in ((cells[place], place[1]) for place in group if place[1])
        ]
        yield f'<row r="{row}"{told}>{"".join(inner)}</row>'


def _cell(place: str, value: Value, looks: Looks, *, values: bool) -> str:
    plain, quoted = looks
    if isinstance(value, Formula):
        return _formula(place, value, plain, values=values)
    if isinstance(value, str):
        return f'<c r="{place}{_text(value, plain, quoted)}' if value else _empty(place, plain)
    if value is None:
        return _empty(place, plain)
    if isinstance(value, bool):
        return f'<c r="{place}" s="{plain}" t="b"><v>{int(value)}</v></c>'
    return _number(place, value, looks)


def _empty(place: str, style: int) -> str:
    return f'<c r="{place}" s="{style}"/>'


def _text(value: str, plain: int, quoted: int) -> str:
    """What follows a text cell's address. Whatever it begins with, it is text, and so marked."""
    text = safe_text(value)
    style = quoted if text.startswith(FORMULA_SIGNS) else plain
    shown = escape(coded(text))
    return f'" s="{style}" t="inlineStr"><is><t xml:space="preserve">{shown}</t></is></c>'


def _number(place: str, value: float | date, looks: Looks) -> str:
    """A number or a day; as text where a spreadsheet has none such, empty where it is none."""
    plain, quoted = looks
    if isinstance(value, date):
        if value < FIRST_DAY:
            return f'<c r="{place}{_text(value.isoformat(), plain, quoted)}'
        return f'<c r="{place}" s="{plain}"><v>{value.toordinal() - _EPOCH}</v></c>'
    try:
        finite = math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return f'<c r="{place}{_text(str(value), plain, quoted)}'
    if not finite:
        return _empty(place, plain)
    return f'<c r="{place}" s="{plain}"><v>{value!r}</v></c>'


def _formula(place: str, formula: Formula, style: int, *, values: bool) -> str:
    text = escape(safe_formula(formula.text).removeprefix("="))
    value, kind, shown = formula.value, "", ""
    if isinstance(value, str):
        kind = ' t="str"' if values else ""
        shown = f"<v>{escape(coded(safe_text(value)))}</v>" if values else ""
    elif values and math.isfinite(value):
        shown = f"<v>{float(value)!r}</v>"
    return f'<c r="{place}" s="{style}"{kind}><f>{text}</f>{shown}</c>'


def _strips(sheet: Sheet, looks: Mapping[Style, Looks]) -> Iterator[str]:
    """Rows of long lists, a column at a time."""
    if not sheet.strips:
        return
    first = sheet.strips[0].row
    ordered = sorted(sheet.strips, key=lambda strip: strip.column)
    columns = [_column(strip, looks[strip.style]) for strip in ordered]
    for row, cells in enumerate(zip(*columns, strict=True), start=first):
        yield f'<row r="{row}">{"".join(cells)}</row>'


def _column(strip: Strip, looks: Looks) -> Iterator[str]:
    """The cells of a column, empty where there is none."""
    column, (plain, quoted) = letter(strip.column), looks
    known: dict[str, str] = {}
    for row, value in enumerate(strip.values, start=strip.row):
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            yield ""
        elif isinstance(value, str):
            if value not in known:
                known[value] = _text(value, plain, quoted)
            yield f'<c r="{column}{row}{known[value]}'
        else:
            yield _number(f"{column}{row}", value, looks)
