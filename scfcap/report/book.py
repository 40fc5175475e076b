"""A workbook as plain data: sheets of cells with styles, formulas, charts and print settings.

Rows and columns count from 1. Whoever writes the file (``report.excel``) needs nothing but
this; a test recalculates the file and compares each :class:`Formula` with its ``value``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Literal

#: Who made a figure: typed by the user, solved or computed by the engine, a formula on the same
#: sheet, a formula that looks at another sheet, or words.
Ink = Literal["input", "engine", "formula", "link", "text", "note", "head", "title", "light"]
Fill = Literal["", "head", "band", "total", "light"]
ChartKind = Literal["stacked", "columns", "bars", "lines"]
#: Decimals of amounts that are shown in a unit, as usual.
_DECIMALS = 2


#: Print area of a landscape A4 page within the margins, rows and columns by default [points;
#: characters].
_PAGE_WIDTH, _PAGE_HEIGHT, _ROW_HEIGHT, _COLUMN_WIDTH = 784.0, 505.0, 15.0, 8.43


@dataclass(frozen=True)
class Formula:
    """A live cell: ``text`` begins with "="; ``value`` is the engine's figure for it."""

    text: str
    value: float | str


Value = None | str | bool | int | float | date | Formula


@dataclass(frozen=True)
class Style:
    """How a cell looks; ``number_format`` in Excel's language."""

    ink: Ink = "text"
    number_format: str = "General"
    bold: bool = False
    fill: Fill = ""
    align: Literal["", "left", "center", "right"] = ""
    wrap: bool = False
    indent: int = 0
    top: bool = False
    size: float = 10.0


@dataclass(frozen=True)
class Cell:
    """One cell; ``note`` is its comment, ``goto`` the place that a click leads to."""

    value: Value
    style: Style
    note: str = ""
    goto: Area | None = None


@dataclass(frozen=True)
class Input:
    """A live cell that its reader may change: where it stands, and what the model states.

    Its key in :attr:`Book.inputs` is the model's, as ``--set`` takes it. ``value`` is the model's
    value; a cell shows ``value`` divided by ``scale``.
    """

    area: Area
    value: float
    unit: str = ""
    scale: float = 1.0


@dataclass(frozen=True)
class Area:
    """A rectangle of cells of a sheet, corners included."""

    sheet: str
    row: int
    column: int
    last_row: int
    last_column: int

    @property
    def local(self) -> str:
        """``B2:C9``, or ``B2`` for a single cell."""
        first = address(self.row, self.column)
        last = address(self.last_row, self.last_column)
        return first if first == last else f"{first}:{last}"

    @property
    def absolute(self) -> str:
        """``'Sheet'!$B$2:$C$9``."""
        first = f"${letter(self.column)}${self.row}"
        last = f"${letter(self.last_column)}${self.last_row}"
        return f"{quoted(self.sheet)}!{first}" + ("" if first == last else f":{last}")

    @property
    def linked(self) -> str:
        """``'Sheet'!B2:C9``: relative, as a formula on another sheet writes it."""
        return f"{quoted(self.sheet)}!{self.local}"


@dataclass(frozen=True)
class Series:
    """One series of a chart: where its name and its values stand, and its colour (RRGGBB).

    Without a colour it takes its room and is not seen. ``labels`` is the number format of the
    values written on it, in ``label_ink``; none without.
    """

    name: Area
    values: Area
    colour: str
    labels: str = ""
    label_ink: str = "1F2937"


@dataclass(frozen=True)
class Chart:
    """A native chart, its upper left corner at (``row``, ``column``), size in centimetres.

    ``most`` fixes the end of the axis of values, ``least`` its start.
    """

    kind: ChartKind
    title: str
    row: int
    column: int
    categories: Area
    series: tuple[Series, ...]
    number_format: str
    category_format: str = "General"
    value_title: str = ""
    most: float | None = None
    least: float | None = None
    legend: bool = True
    width: float = 24.0
    height: float = 8.5


@dataclass(frozen=True)
class Condition:
    """A conditional format: ``formula`` (without "=") written for the area's first cell."""

    area: Area
    formula: str
    look: Literal["good", "bad", "near", "binding", "faint"]


@dataclass(frozen=True)
class Strip:
    """A column of a long list, ``values`` from ``row`` downwards in one ``style``.

    Texts, numbers and days; None is empty. Nothing else stands in those rows or below them.
    """

    row: int
    column: int
    style: Style
    values: Sequence[str | float | date | None]


@dataclass(frozen=True)
class Picture:
    """A PNG, its upper left corner at (``row``, ``column``), size in centimetres."""

    row: int
    column: int
    content: bytes
    width: float
    height: float


@dataclass
class Sheet:
    """One sheet while it is being filled.

    ``blocks`` are rows with which something begins that should stay on one page; ``breaks``
    follow from them. With ``pages_tall`` it prints on at most so many pages.
    """

    name: str
    cells: dict[tuple[int, int], Cell] = field(default_factory=dict)
    widths: dict[int, float] = field(default_factory=dict)
    heights: dict[int, float] = field(default_factory=dict)
    merges: list[Area] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    strips: list[Strip] = field(default_factory=list)
    blocks: list[int] = field(default_factory=list)
    freeze: tuple[int, int] | None = None
    title_rows: tuple[int, int] | None = None
    title_columns: tuple[int, int] | None = None
    filter_area: Area | None = None
    gridlines: bool = False
    one_page: bool = False
    pages_tall: int = 0
    pages_wide: int = 1
    hidden: bool = False
    last_row: int = 0
    last_column: int = 0

    @property
    def breaks(self) -> list[int]:
        """Rows after which a page ends, so that no block is cut that fits on one."""
        starts = sorted({row for row in self.blocks if 1 < row <= self.last_row})
        if self.one_page or not starts:
            return []
        repeated = self._height(*self.title_rows) if self.title_rows is not None else 0.0
        room, ends = self._page(), []
        left = room - self._height(1, starts[0] - 1)
        for start, after in zip(starts, [*starts[1:], self.last_row + 1], strict=True):
            needed = self._height(start, after - 1)
            if left < needed <= room - repeated and start > starts[0]:
                ends.append(start - 1)
                left = room - repeated
            left = left - needed if needed <= left else (left - needed) % room
        return ends

    def squeeze(self, most: float = 1.3) -> None:
        """Print on one page what would spill a little over it: up to ``most`` pages."""
        if self._page() < self._height(1, self.last_row) <= most * self._page():
            self.one_page = True

    def centimetres(self, first: int, last: int) -> float:
        """Width of columns ``first`` to ``last`` as Excel draws them."""
        widths = (self.widths.get(c, _COLUMN_WIDTH) for c in range(first, last + 1))
        return sum(7.0 * width + 5.0 for width in widths) * 2.54 / 96.0

    def _height(self, first: int, last: int) -> float:
        return sum(self.heights.get(row, _ROW_HEIGHT) for row in range(first, last + 1))

    def _page(self) -> float:
        """Height of a page in points at the scale at which its width fits."""
        width = self.centimetres(1, self.last_column) * 72.0 / 2.54
        scale = min(1.0, _PAGE_WIDTH * self.pages_wide / max(width, 1.0))
        return 0.97 * _PAGE_HEIGHT / scale

    def put(
        self,
        row: int,
        column: int,
        value: Value,
        style: Style,
        *,
        note: str = "",
        goto: Area | None = None,
    ) -> Area:
        """Write a cell, with a comment and a link where there are any; returns its place."""
        self.cells[row, column] = Cell(value, style, note, goto)
        self.reach(row, column)
        return self.at(row, column)

    def strip(self, strip: Strip) -> None:
        """Add a column of a long list."""
        self.strips.append(strip)
        self.reach(strip.row + max(len(strip.values), 1) - 1, strip.column)

    def reach(self, row: int, column: int) -> None:
        """Let the print area extend to a cell (a chart's lower right corner, say)."""
        self.last_row = max(self.last_row, row)
        self.last_column = max(self.last_column, column)

    def at(self, row: int, column: int) -> Area:
        """A single cell of this sheet."""
        return Area(self.name, row, column, row, column)

    def span(self, row: int, column: int, last_row: int, last_column: int) -> Area:
        """A rectangle of this sheet."""
        return Area(self.name, row, column, last_row, last_column)

    def merged(self, row: int, columns: tuple[int, int], value: Value, style: Style) -> None:
        """Write one cell across ``columns`` (first, last)."""
        self.put(row, columns[0], value, style)
        self.merges.append(self.span(row, columns[0], row, columns[1]))
        self.reach(row, columns[1])

    def value(self, area: Area) -> Value:
        """What the first cell of ``area`` holds, a formula as the engine's figure."""
        found = self.cells[area.row, area.column].value
        return found.value if isinstance(found, Formula) else found


@dataclass
class Book:
    """Sheets in order, and where figures that others refer to stand (``places`` by key).

    ``names`` are the workbook's named ranges, ``inputs`` its live input cells by the model's key.
    ``colour`` (RRGGBB) is that of titles and headings.
    """

    title: str
    subject: str
    as_of: date
    footer: str
    sheets: list[Sheet] = field(default_factory=list)
    places: dict[str, Area] = field(default_factory=dict)
    names: dict[str, Area] = field(default_factory=dict)
    inputs: dict[str, Input] = field(default_factory=dict)
    language: str = "en"
    colour: str = "1F3A5F"

    def sheet(self, name: str) -> Sheet:
        """The sheet of that name."""
        return next(sheet for sheet in self.sheets if sheet.name == name)

    def formulas(self) -> Iterable[tuple[str, int, int, Formula]]:
        """Every live cell: sheet, row, column, formula."""
        for sheet in self.sheets:
            for (row, column), cell in sheet.cells.items():
                if isinstance(cell.value, Formula):
                    yield sheet.name, row, column, cell.value


@dataclass(frozen=True)
class Look:
    """The number formats of a run: amounts are held in full and shown in units of ``unit``.

    ``frequency`` is that of the periods: months are named, other periods by their last day.
    ``decimals`` are those of amounts, where a pack states them.
    """

    currency: str
    unit: float
    frequency: str = "month"
    language: str = "en"
    decimals: int | None = None

    @property
    def day(self) -> str:
        """Number format of a period's end."""
        if self.language == "zh":
            return 'yyyy"年"m"月"' if self.frequency == "month" else "yyyy-mm-dd"
        return "mmm yy" if self.frequency == "month" else "d mmm yy"

    def say_day(self, day: date, *, short: bool = False) -> str:
        """A period's end in words: ``March 2014``, or ``3 March 2014``."""
        month = f"{day:%b %Y}" if short else f"{day:%B %Y}"
        return month if self.frequency == "month" else f"{day.day} {month}"

    @property
    def label(self) -> str:
        """``CNY m``: the unit in which amounts are shown."""
        return self.currency + _UNIT_NAMES.get(self.unit, "")

    @property
    def shown_unit(self) -> float:
        """Currency units in one displayed unit (an unusual ``unit`` is shown in full)."""
        return self.unit if self.unit in _UNIT_NAMES else 1.0

    def money(self, decimals: int = _DECIMALS) -> str:
        """Amounts: thousands separated, negative in brackets, zero as a dash."""
        if self.shown_unit == 1.0:
            decimals = 0
        elif decimals == _DECIMALS and self.decimals is not None:
            decimals = self.decimals
        digits = _digits(self.shown_unit, decimals)
        return f'{digits}_);({digits});"–"_)'

    def axis(self) -> str:
        """Amounts on the axis of a chart."""
        return _digits(self.shown_unit, 0)

    def say(self, amount: float, digits: int = 3) -> str:
        """An amount in words: ``CNY 12.3 m``; small ones with more decimals."""
        shown = amount / self.shown_unit
        size = abs(shown)
        decimals = 0 if self.shown_unit == 1.0 else max(0, digits - len(f"{size:.0f}"))
        suffix = self.label[len(self.currency) :]
        return f"{self.currency} {shown:,.{decimals}f}{suffix}"


#: Units in which amounts are shown, and how the label says so; 万 and 亿 are ``wan`` and ``yi``.
_UNIT_NAMES = {1.0: "", 1e3: " k", 1e4: " wan", 1e6: " m", 1e8: " yi", 1e9: " bn"}


def _digits(unit: float, decimals: int) -> str:
    """The digits of amounts shown in ``unit``.

    A format scales by thousands only; units of 1e4 and 1e8 are shown as tenths of a thousand and
    hundredths of a million, with a sign put in as text where the decimal point would stand.
    """
    if unit in (1e4, 1e8):
        tenths, thousands = (1, 1) if unit == 1e4 else (2, 2)
        return "0\\." + "0" * tenths + "," * thousands
    scale = "," * {1.0: 0, 1e3: 1, 1e6: 2, 1e9: 3}[unit]
    return "#,##0" + ("." + "0" * decimals if decimals else "") + scale


CENT = '#,##0.00_);(#,##0.00);"–"_)'
COUNT = '#,##0_);(#,##0);"–"_)'
PERCENT = '0.0%_);(0.0%);"–"_)'
RATE = "0.00%"
PRICE = '0.000_);(0.000);"–"_)'
PLAIN = "General"


@cache
def letter(column: int) -> str:
    """Column letters: 1 is A, 28 is AB.

    >>> letter(1), letter(28)
    ('A', 'AB')
    """
    text = ""
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


def address(row: int, column: int) -> str:
    """``C7``."""
    return f"{letter(column)}{row}"


def quoted(sheet: str) -> str:
    """A sheet's name as a formula writes it."""
    plain = sheet.replace("_", "").isalnum() and sheet.isascii() and not sheet[0].isdigit()
    return sheet if plain else "'" + sheet.replace("'", "''") + "'"


def sheet_name(text: str, taken: Sequence[str] = ()) -> str:
    r"""``text`` made fit for a sheet: at most 31 characters as Excel counts them (one beyond the
    basic plane is two), none of ``[]:*?/\``, no apostrophe at an end, unique, and not "History",
    which Excel keeps for itself.
    """
    clean = "".join(" " if c in "[]:*?/\\" or not c.isprintable() else c for c in text)
    name = _cut(clean.strip(" '"), _SHEET_NAME) or "Sheet"
    used = {each.casefold() for each in taken} | {"history"}
    found, count = name, 1
    while found.casefold() in used:
        count += 1
        tail = f" {count}"
        found = _cut(name, _SHEET_NAME - len(tail)) + tail
    return found


def _cut(text: str, most: int) -> str:
    while len(text) + sum(ord(c) > 0xFFFF for c in text) > most:
        text = text[:-1]
    return text.strip(" '")


#: Characters of a sheet's name.
_SHEET_NAME = 31


def link(area: Area, value: float | str) -> Formula:
    """A cell of another sheet, shown again."""
    return Formula(f"={area.linked}", value)
