"""A workbook in the reader's language: every text of a book, and the formulas that look at them."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace

from scfcap.report.book import (
    Area,
    Book,
    Cell,
    Chart,
    Condition,
    Formula,
    Sheet,
    Strip,
    Style,
    quoted,
    sheet_name,
)
from scfcap.report.labels import Labels

_LITERAL = re.compile(r'"((?:[^"]|"")*)"')
_OPERATOR = re.compile(r"([<>=]+)(.*)", re.DOTALL)
#: Number formats of days, as other languages write them.
_DAYS = {"zh": {"mmm yy": 'yyyy"年"m"月"', "d mmm yy": "yyyy-mm-dd", "d mmm yyyy": "yyyy-mm-dd"}}
#: The same in columns that are too narrow for it, and the width that it needs [characters].
_SHORT = {'yyyy"年"m"月"': ("yyyy-mm", 11.0)}
#: Least width of a column with such days [characters].
_ROOM = {"yyyy-mm": 9.0, "yyyy-mm-dd": 13.0}
#: Least height of a row, width of a sign of Chinese, and what a column holds of each, against its
#: stated width [points; characters; share].
_LEAST, _WIDE, _LATIN, _HAN = 15.0, 1.9, 1.1, 0.97


def translated(book: Book, labels: Labels) -> Book:
    """``book`` as ``labels`` say it; the same figures in the same places.

    Sheets are renamed, and so are the formulas, charts, places and names that refer to them. A
    text that a formula compares with or gives is said like the cells that hold it.
    """
    if labels.language == "en":
        return book
    names: dict[str, str] = {}
    for sheet in book.sheets:
        names[sheet.name] = sheet_name(labels(sheet.name), list(names.values()))
    teller = _Teller(labels, names)
    return replace(
        book,
        title=labels(book.title),
        subject=labels(book.subject),
        footer=labels(book.footer),
        sheets=[teller.sheet(sheet) for sheet in book.sheets],
        places={key: teller.area(area) for key, area in book.places.items()},
        names={key: teller.area(area) for key, area in book.names.items()},
        inputs={
            key: replace(each, area=teller.area(each.area)) for key, each in book.inputs.items()
        },
    )


class _Teller:
    def __init__(self, labels: Labels, names: dict[str, str]) -> None:
        self.labels, self.names = labels, names
        self.days = _DAYS.get(labels.language, {})
        refs = sorted(map(quoted, names), key=len, reverse=True)
        self._refs = re.compile("|".join(f"{re.escape(ref)}!" for ref in refs))
        self._quoted = {f"{quoted(old)}!": f"{quoted(new)}!" for old, new in names.items()}

    def area(self, area: Area) -> Area:
        return replace(area, sheet=self.names.get(area.sheet, area.sheet))

    def text(self, formula: str) -> str:
        """A formula with the sheets' new names, and its literals said."""
        parts = _LITERAL.split(formula)
        for n, part in enumerate(parts):
            if n % 2:
                parts[n] = '"' + self._literal(part) + '"'
            else:
                parts[n] = self._refs.sub(lambda found: self._quoted[found[0]], part)
        return "".join(parts)

    def _literal(self, text: str) -> str:
        plain = text.replace('""', '"')
        compared = _OPERATOR.fullmatch(plain)
        sign, rest = compared.groups() if compared else ("", plain)
        return sign + self.labels(rest).replace('"', '""')

    def cell(self, cell: Cell) -> Cell:
        value = cell.value
        if isinstance(value, str):
            value = self.labels(value)
        elif isinstance(value, Formula):
            shown = value.value
            shown = self.labels(shown) if isinstance(shown, str) else shown
            value = Formula(self.text(value.text), shown)
        goto = None if cell.goto is None else self.area(cell.goto)
        style, note = self.style(cell.style), self.labels(cell.note)
        return replace(cell, value=value, style=style, note=note, goto=goto)

    def style(self, style: Style) -> Style:
        """A style with its days as the language writes them."""
        said = self.days.get(style.number_format)
        return style if said is None else replace(style, number_format=said)

    def strip(self, strip: Strip) -> Strip:
        """A column of a long list: its days; what its rows hold are values of the tape."""
        return replace(strip, style=self.style(strip.style))

    def chart(self, chart: Chart) -> Chart:
        return replace(
            chart,
            title=self.labels(chart.title),
            value_title=self.labels(chart.value_title),
            category_format=self.days.get(chart.category_format, chart.category_format),
            categories=self.area(chart.categories),
            series=tuple(
                replace(each, name=self.area(each.name), values=self.area(each.values))
                for each in chart.series
            ),
        )

    def condition(self, condition: Condition) -> Condition:
        return replace(
            condition, area=self.area(condition.area), formula=self.text(condition.formula)
        )

    def sheet(self, sheet: Sheet) -> Sheet:
        filter_area = None if sheet.filter_area is None else self.area(sheet.filter_area)
        cells = {at: self.cell(cell) for at, cell in sheet.cells.items()}
        cells = _fitted(sheet, cells)
        return replace(
            sheet,
            name=self.names[sheet.name],
            cells=cells,
            widths=_widths(sheet, cells),
            strips=[self.strip(strip) for strip in sheet.strips],
            heights=_heights(sheet, cells),
            merges=[self.area(area) for area in sheet.merges],
            charts=[self.chart(chart) for chart in sheet.charts],
            conditions=[self.condition(each) for each in sheet.conditions],
            filter_area=filter_area,
        )


def _fitted(sheet: Sheet, said: dict[tuple[int, int], Cell]) -> dict[tuple[int, int], Cell]:
    """Cells whose days and headings fit their columns.

    Days are written alike all over a sheet: short where one of its columns needs that. A heading
    wider than its column has its unit, in brackets, on a line of its own.
    """
    narrow = {
        look
        for (_, column), cell in said.items()
        if (look := cell.style.number_format) in _SHORT
        and sheet.widths.get(column, 8.43) < _SHORT[look][1]
    }
    found = {}
    for (row, column), cell in said.items():
        style, value = cell.style, cell.value
        if style.number_format in narrow:
            style = replace(style, number_format=_SHORT[style.number_format][0])
        width = _HAN * sheet.widths.get(column, 8.43)
        if style.fill == "head" and style.wrap and isinstance(value, str):
            value = _heading(value, width)
        found[row, column] = replace(cell, style=style, value=value)
    return found


def _heading(text: str, width: float) -> str:
    if not text.endswith("）") or _length(text) <= width:
        return text
    head, bracket, unit = text.rpartition("（")
    below = f"{bracket}{unit}"
    if _length(below) > width:  # the sheet's second line names the currency
        below = below.replace("（人民币", "（", 1)
    return f"{head}\n{below}" if head else text


def _widths(sheet: Sheet, said: Mapping[tuple[int, int], Cell]) -> dict[int, float]:
    """Columns wide enough for the days that stand in them, which would else read ``###``."""
    found = dict(sheet.widths)
    for (_, column), cell in said.items():
        if cell.value is not None and not isinstance(cell.value, str):
            least = _ROOM.get(cell.style.number_format, 0.0)
            if found.get(column, 8.43) < least:
                found[column] = least
    return found


def _heights(sheet: Sheet, said: Mapping[tuple[int, int], Cell]) -> dict[int, float]:
    """The heights of rows whose texts wrap into more or fewer lines than in English."""
    reach = {(area.row, area.column): area.last_column for area in sheet.merges}
    lines: dict[int, tuple[int, int]] = {}
    for (row, column), cell in sheet.cells.items():
        if row not in sheet.heights or not cell.style.wrap:
            continue
        there = said[row, column].value
        if isinstance(cell.value, str) and isinstance(there, str):
            columns = range(column, reach.get((row, column), column) + 1)
            width = sum(sheet.widths.get(each, 8.43) for each in columns) * 10.0 / cell.style.size
            before, after = lines.get(row, (1, 1))
            lines[row] = (
                max(before, _lines(cell.value, _LATIN * width)),
                max(after, _lines(there, _HAN * width)),
            )
    return dict(sheet.heights) | {
        row: max(_LEAST, sheet.heights[row] * after / before)
        for row, (before, after) in lines.items()
        if after != before
    }


def _lines(text: str, width: float) -> int:
    """Lines that ``text`` takes in ``width`` characters; Chinese signs are nearly twice as wide."""
    return sum(max(1, math.ceil(_length(part) / max(width, 1.0))) for part in text.split("\n"))


def _length(text: str) -> float:
    if text.isascii():
        return float(len(text))
    return sum(_WIDE if unicodedata.east_asian_width(sign) in "WF" else 1.0 for sign in text)
