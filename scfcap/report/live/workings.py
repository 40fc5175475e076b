"""The sheet on which a deal is worked out: a line a figure, a column a period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from scfcap.report.book import Area, Formula, Sheet, Style, address
from scfcap.report.live import pieces as p
from scfcap.report.live.pieces import Piece

OPENING, FIRST = 2, 3
_MONEY = '#,##0.00_);(#,##0.00);"–"_)'
_LOOKS = {
    "money": _MONEY,
    "rate": "0.0000%",
    "years": "0.000000",
    "factor": "0.00000000",
    "count": "0",
    "date": "yyyy-mm-dd",
}
_LIVE = {look: Style(ink="formula", number_format=text) for look, text in _LOOKS.items()}
_GIVEN = {look: Style(ink="engine", number_format=text) for look, text in _LOOKS.items()}
_LABEL = Style()


@dataclass
class Workings:
    """Lines by key; column B holds the opening, then period 1 and the others."""

    sheet: Sheet
    periods: int
    row: int = 4
    rows: dict[str, int] = field(default_factory=dict)

    def line(self, key: str, label: str) -> int:
        """The row of a line, a new one where it is asked for the first time."""
        if key not in self.rows:
            self.row += 1
            self.rows[key] = self.row
            self.sheet.put(self.row, 1, label, _LABEL)
        return self.rows[key]

    def put(self, key: str, label: str, period: int, piece: Piece, look: str = "money") -> Piece:
        """A cell of a line; gives what refers to it."""
        row, column = self.line(key, label), OPENING + period
        if piece.constant:
            self.sheet.put(row, column, piece.value, _GIVEN[look])
        else:
            self.sheet.put(row, column, Formula(f"={piece.text}", piece.value), _LIVE[look])
        return Piece(address(row, column), piece.value)

    def given(
        self, key: str, label: str, values: Sequence[float], look: str = "money", first: int = 1
    ) -> list[Piece]:
        """A line of the engine's figures from period ``first`` on; gives what refers to them."""
        return [
            self.put(key, label, first + n, p.number(value), look) for n, value in enumerate(values)
        ]

    def days(self, key: str, label: str, values: Sequence[date]) -> list[Piece]:
        """A line of dates from the opening on."""
        row = self.line(key, label)
        for n, value in enumerate(values):
            self.sheet.put(row, OPENING + n, value, _GIVEN["date"])
        return [
            Piece(address(row, OPENING + n), p.day(value).value) for n, value in enumerate(values)
        ]

    def area(self, key: str, first: int, last: int) -> Area:
        """Cells of a line over periods."""
        row = self.rows[key]
        return self.sheet.span(row, OPENING + first, row, OPENING + last)

    def at(self, key: str, period: int) -> Area:
        """One cell of a line."""
        return self.area(key, period, period)

    def found(self, key: str, period: int) -> float | None:
        """The figure of a cell, if there is one."""
        row = self.rows.get(key)
        cell = None if row is None else self.sheet.cells.get((row, OPENING + period))
        if cell is None:
            return None
        value = cell.value.value if isinstance(cell.value, Formula) else cell.value
        assert isinstance(value, int | float)
        return float(value)

    def value(self, key: str, period: int) -> float:
        """The figure of a cell; 0 where there is none."""
        return self.found(key, period) or 0.0
