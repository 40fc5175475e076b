"""The hidden sheet Data: the engine's value of every formula of the book, and how far it is off.

Formulas that stand side by side are a block. A first list has the blocks, each with one formula
that finds the largest difference between what the workbook works out and what the engine has;
below it stand the engine's values, static, a line for each line of a block. The Checks look at
the blocks of each sheet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from scfcap.quantities import HALF_CENT
from scfcap.report.book import (
    COUNT,
    PLAIN,
    Area,
    Book,
    Cell,
    Formula,
    Sheet,
    Strip,
    address,
)
from scfcap.report.sheets.common import TEXT, Kit, figure, heads, linked

NAME = "Data"
#: Largest difference of a share or a rate.
RATIO = 1e-6
#: Column of the first value of a line.
_VALUES = 4
_HEAD = 4
#: Cells that look at this sheet, by their key in the book's places.
_LOOK_BACK = ("checks.light", "checks.live", "inputs.list")


@dataclass(frozen=True)
class Block:
    """Formulas of one kind that fill a rectangle: amounts, shares and rates, or texts."""

    area: Area
    kind: str

    @property
    def tolerance(self) -> float:
        """How far a figure may be from the engine's [of the figure's unit]."""
        return {"amounts": HALF_CENT, "ratios": RATIO, "texts": 0.0}[self.kind]

    @property
    def height(self) -> int:
        """Lines of the block."""
        return self.area.last_row - self.area.row + 1

    @property
    def width(self) -> int:
        """Cells of a line."""
        return self.area.last_column - self.area.column + 1


@dataclass(frozen=True)
class Recorded:
    """Where the blocks of a sheet stand on the sheet Data."""

    sheet: str
    formulas: int
    differences: Area
    tolerances: Area

    @property
    def blocks(self) -> int:
        """Blocks of the sheet."""
        return self.differences.last_row - self.differences.row + 1


def compared(book: Book) -> dict[str, list[Block]]:
    """The blocks of each sheet; formulas that look back at this sheet are left out."""
    areas = [book.places[key] for key in _LOOK_BACK if key in book.places]
    light = book.places.get("checks.light")
    own = {book.places[key].sheet for key in ("data.blocks", "inputs.list") if key in book.places}
    found: dict[str, list[Block]] = {}
    for sheet in book.sheets:
        if sheet.name not in own:
            kept = {
                at: cell
                for at, cell in sheet.cells.items()
                if isinstance(cell.value, Formula)
                and not any(_within(area, sheet.name, at) for area in areas)
                and not (light is not None and light.linked in cell.value.text)
            }
            found[sheet.name] = blocks(replace(sheet, cells=kept))
    return found


def _within(area: Area, sheet: str, at: tuple[int, int]) -> bool:
    inside = area.row <= at[0] <= area.last_row and area.column <= at[1] <= area.last_column
    return inside and sheet == area.sheet


def blocks(sheet: Sheet) -> list[Block]:
    """The formulas of ``sheet`` as rectangles, from the top."""
    found: list[Block] = []
    above: dict[tuple[int, int, str], Block] = {}
    rows: dict[int, dict[int, str]] = {}
    for (row, column), cell in sheet.cells.items():
        if isinstance(cell.value, Formula):
            rows.setdefault(row, {})[column] = _kind(cell)
    for row in sorted(rows):
        current: dict[tuple[int, int, str], Block] = {}
        for first, last, kind in _runs(rows[row]):
            key = (first, last, kind)
            block = above.get(key)
            if block is not None and block.area.last_row == row - 1:
                area = sheet.span(block.area.row, first, row, last)
            else:
                area = sheet.span(row, first, row, last)
            current[key] = Block(area, kind)
        found += [block for key, block in above.items() if not _goes_on(block, current.get(key))]
        above = current
    found += above.values()
    return sorted(found, key=lambda block: (block.area.row, block.area.column))


def _goes_on(block: Block, after: Block | None) -> bool:
    return after is not None and after.area.row == block.area.row


def _runs(kinds: dict[int, str]) -> Iterator[tuple[int, int, str]]:
    """Columns next to each other of one kind: first, last, kind."""
    columns = sorted(kinds)
    start = columns[0]
    for before, column in zip(columns, [*columns[1:], 0], strict=True):
        if column != before + 1 or kinds[column] != kinds[before]:
            yield start, before, kinds[before]
            start = column


def _kind(cell: Cell) -> str:
    assert isinstance(cell.value, Formula)
    if isinstance(cell.value.value, str):
        return "texts"
    return "ratios" if "%" in cell.style.number_format else "amounts"


def add_data(kit: Kit) -> list[Recorded]:
    """Add the sheet with its list of blocks; :func:`with_values` adds the values.

    The book's sheets stand in their final order.
    """
    book = kit.book
    found = compared(book)
    count = sum(map(len, found.values()))
    if not count:
        return []
    sheet = kit.add(NAME, "Data: the engine's value of every formula", 24.0)
    sheet.hidden = True
    sheet.widths |= {2: 16.0, 3: 44.0, 4: 16.0, 5: 12.0, 6: 16.0, 7: 12.0}
    labels = ["Sheet", "Cells", "Kind", "Values from row", "Formulas", "Largest difference",
              "Tolerance"]  # fmt: skip
    heads(sheet, _HEAD, labels)
    sheet.freeze, sheet.title_rows = (_HEAD + 1, 3), (_HEAD, _HEAD)
    row, at = _HEAD, _first_value(count)
    recorded = []
    for name, mine in found.items():
        first = row + 1
        for block in mine:
            row += 1
            _block_line(sheet, row, block, at)
            at += block.height
        if mine:
            size = sum(block.height * block.width for block in mine)
            spans = (sheet.span(first, column, row, column) for column in (6, 7))
            recorded.append(Recorded(name, size, *spans))
    heads(sheet, row + 3, ["Sheet", "Cells", "What it is", "Values, in the order of the cells"])
    book.places["data.blocks"] = sheet.span(_HEAD + 1, 1, row, 7)
    return recorded


def _first_value(count: int) -> int:
    """Row of the first line of values below ``count`` blocks."""
    return _HEAD + count + 4


def _block_line(sheet: Sheet, row: int, block: Block, at: int) -> None:
    last = at + block.height - 1
    held = f"{address(at, _VALUES)}:{address(last, _VALUES + block.width - 1)}"
    sheet.put(row, 1, block.area.sheet, TEXT)
    sheet.put(row, 2, block.area.local, TEXT)
    sheet.put(row, 3, block.kind, TEXT)
    sheet.put(row, 4, at, figure(COUNT))
    sheet.put(row, 5, block.height * block.width, figure(COUNT))
    if block.kind == "texts":
        text = f"SUMPRODUCT(--({block.area.linked}<>{held}))"
    else:
        text = f"SUMPRODUCT(MAX(ABS({block.area.linked}-{held})))"
    sheet.put(row, 6, Formula(f'=IFERROR({text},"no figure")', 0.0), linked(PLAIN))
    sheet.put(row, 7, block.tolerance, figure(PLAIN))


def with_values(book: Book) -> None:
    """Put the engine's values on the sheet Data, in the book's language.

    The formulas are those for which :func:`add_data` made the list.
    """
    place = book.places.get("data.blocks")
    if place is None:
        return
    sheet = book.sheet(place.sheet)
    mine = [block for found in compared(book).values() for block in found]
    lines: list[tuple[str, str, str, list[float | str]]] = []
    heads_of: dict[str, dict[int, list[int]]] = {}
    for block in mine:
        source = book.sheet(block.area.sheet)
        if source.name not in heads_of:
            heads_of[source.name] = _heads(source)
        tops = heads_of[source.name]
        for row in range(block.area.row, block.area.last_row + 1):
            line = source.span(row, block.area.column, row, block.area.last_column)
            lines.append(
                (source.name, line.local, _label(source, line, tops), _values(source, line))
            )
    first = _first_value(len(mine))
    wide = max(len(line[3]) for line in lines)
    for column in (1, 2, 3):
        sheet.strip(Strip(first, column, TEXT, [str(line[column - 1]) for line in lines]))
    for offset in range(wide):
        values = [line[3][offset] if offset < len(line[3]) else None for line in lines]
        sheet.strip(Strip(first, _VALUES + offset, figure(PLAIN), values))


def _values(source: Sheet, line: Area) -> list[float | str]:
    found: list[float | str] = []
    for column in range(line.column, line.last_column + 1):
        value = source.cells[line.row, column].value
        assert isinstance(value, Formula)
        found.append(value.value if isinstance(value.value, str) else float(value.value))
    return found


def _heads(source: Sheet) -> dict[int, list[int]]:
    """Rows of the headings in each column, from above."""
    found: dict[int, list[int]] = {}
    for row, column in sorted(at for at, cell in source.cells.items() if _is_head(cell)):
        found.setdefault(column, []).append(row)
    return found


def _label(source: Sheet, line: Area, tops: Mapping[int, Sequence[int]]) -> str:
    """What stands at the left of a line, and above it where it is a single cell.

    ``tops`` are the rows of the headings by column.
    """
    left = [
        _said(source.cells[line.row, column])
        for column in range(1, line.column)
        if (line.row, column) in source.cells
    ]
    words = [word for word in left if word][:2]
    if line.column == line.last_column:
        above = [row for row in tops.get(line.column, ()) if row < line.row]
        if above:
            words.append(_said(source.cells[above[-1], line.column]))
    return ": ".join(words)


def _is_head(cell: Cell) -> bool:
    return cell.style.ink == "head" and bool(_said(cell))


def _said(cell: Cell) -> str:
    if isinstance(cell.value, date):
        return f"{cell.value:%Y-%m-%d}"
    return cell.value if isinstance(cell.value, str) else ""
