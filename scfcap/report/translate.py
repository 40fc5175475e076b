"""A workbook in the reader's language: every text of a book, and the formulas that look at them."""

from __future__ import annotations

import re
from dataclasses import replace

from scfcap.report.book import (
    Area,
    Book,
    Cell,
    Chart,
    Condition,
    Formula,
    Sheet,
    quoted,
    sheet_name,
)
from scfcap.report.labels import Labels

_LITERAL = re.compile(r'"((?:[^"]|"")*)"')


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
        if plain.startswith((">", "<", "=")):
            return text
        return self.labels(plain).replace('"', '""')

    def cell(self, cell: Cell) -> Cell:
        value = cell.value
        if isinstance(value, str):
            value = self.labels(value)
        elif isinstance(value, Formula):
            shown = value.value
            shown = self.labels(shown) if isinstance(shown, str) else shown
            value = Formula(self.text(value.text), shown)
        goto = None if cell.goto is None else self.area(cell.goto)
        return replace(cell, value=value, note=self.labels(cell.note), goto=goto)

    def chart(self, chart: Chart) -> Chart:
        return replace(
            chart,
            title=self.labels(chart.title),
            value_title=self.labels(chart.value_title),
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
        return replace(
            sheet,
            name=self.names[sheet.name],
            cells={at: self.cell(cell) for at, cell in sheet.cells.items()},
            merges=[self.area(area) for area in sheet.merges],
            charts=[self.chart(chart) for chart in sheet.charts],
            conditions=[self.condition(each) for each in sheet.conditions],
            filter_area=filter_area,
        )
