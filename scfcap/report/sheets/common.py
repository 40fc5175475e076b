"""What every sheet shares: styles, headings, words for channels, colours of charts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from scfcap import axes
from scfcap.report.book import (
    Book,
    Formula,
    Ink,
    Look,
    Sheet,
    Style,
    Value,
    address,
    sheet_name,
)
from scfcap.report.tables import RunMeta, Table

#: Colours that are told apart by colour-blind readers too (after Okabe and Ito).
PALETTE = (
    "1F3A5F", "E69F00", "56B4E9", "009E73", "CC79A7", "D55E00", "F0E442", "BFBFBF", "0072B2",
    "5C2E00",
)  # fmt: skip
CHANNEL_COLOURS = {
    axes.OWN: "1F3A5F",
    axes.BANK_DEBT: "56B4E9",
    axes.SECURITIZATION: "E69F00",
    axes.BANK_TRANSFER: "009E73",
    axes.P2P: "CC79A7",
    axes.GUARANTEED_BANK: "D55E00",
    axes.JOINT_LENDING: "0072B2",
}
CHANNEL_WORDS = {
    axes.OWN: "Own capital",
    axes.BANK_DEBT: "Bank debt",
    axes.SECURITIZATION: "Securitization",
    axes.BANK_TRANSFER: "Bank transfer",
    axes.P2P: "P2P",
    axes.GUARANTEED_BANK: "Guaranteed bank lending",
    axes.JOINT_LENDING: "Joint lending",
}

#: Channels as sources of funds.
STACK_WORDS = {
    axes.OWN: "Net capital",
    axes.BANK_DEBT: "Bank debt",
    axes.SECURITIZATION: "Notes held by others",
    axes.BANK_TRANSFER: "Loans with buyers",
    axes.P2P: "P2P notes",
    axes.GUARANTEED_BANK: "Banks under a guarantee",
    axes.JOINT_LENDING: "Joint lenders",
}


def styled(style: Style, **changes: Any) -> Style:
    """``style`` with ``changes``."""
    return replace(style, **changes)


HEAD = Style(ink="head", bold=True, fill="head", align="center", wrap=True)
HEAD_LEFT = styled(HEAD, align="left")
TITLE = Style(ink="title", bold=True, size=16)
SECTION = Style(ink="title", bold=True, size=12)
NOTE = Style(ink="note", size=9)
TEXT = Style()
BOLD = Style(bold=True)
WRAPPED = Style(wrap=True)


@dataclass(frozen=True)
class Kit:
    """What a sheet's builder works with: the tables, the run, the book so far."""

    tables: Mapping[str, Table]
    meta: RunMeta
    look: Look
    book: Book

    def frame(self, name: str) -> pd.DataFrame | None:
        """The frame of a table, or None where the run has no such table or no row in it."""
        table = self.tables.get(name)
        return None if table is None or table.frame.empty else table.frame

    def add(self, name: str, heading: str, width: float = 34.0) -> Sheet:
        """A new sheet with its title and the line that says what it is about."""
        sheet = Sheet(sheet_name(name, [other.name for other in self.book.sheets]))
        sheet.put(1, 1, heading, TITLE)
        meta = self.meta
        words = f"{meta.title} · as of {meta.as_of:%Y-%m-%d} · amounts in {self.look.label}"
        if self.look.shown_unit != 1.0:
            words += " (cells hold full amounts)"
        sheet.put(2, 1, words, NOTE)
        sheet.heights[1] = 24.0
        sheet.widths[1] = width
        self.book.sheets.append(sheet)
        return sheet


def figure(number_format: str, ink: Ink = "engine", **changes: Any) -> Style:
    """A number's style."""
    return Style(ink=ink, number_format=number_format, **changes)


def live(number_format: str, **changes: Any) -> Style:
    """A formula's style."""
    return Style(ink="formula", number_format=number_format, **changes)


def totals(number_format: str, ink: Ink = "formula") -> Style:
    """The style of a line of totals."""
    return Style(ink=ink, number_format=number_format, bold=True, fill="total", top=True)


def linked(number_format: str, **changes: Any) -> Style:
    """A cross-sheet link's style."""
    return Style(ink="link", number_format=number_format, **changes)


def heads(sheet: Sheet, row: int, labels: Sequence[Value], day: str = "mmm yy") -> None:
    """A line of column headings; dates are shown in the format ``day``."""
    for offset, label in enumerate(labels):
        style = HEAD_LEFT if isinstance(label, str) and offset == 0 else HEAD
        if isinstance(label, date):
            style = styled(HEAD, number_format=day)
        sheet.put(row, 1 + offset, label, style)
    lines = [
        lines_needed(label, 0.9 * sheet.widths.get(1 + offset, 10.0))
        for offset, label in enumerate(labels)
        if isinstance(label, str)
    ]
    sheet.heights[row] = 4.0 + 13.0 * max(lines, default=1)


def section(sheet: Sheet, row: int, text: str, note: str = "") -> int:
    """A heading within a sheet, and the row after it."""
    sheet.blocks.append(row)
    sheet.put(row, 1, text, SECTION)
    sheet.heights[row] = 20.0
    if note:
        sheet.put(row + 1, 1, note, NOTE)
        return row + 2
    return row + 1


def difference(sheet: Sheet, row: tuple[int, int], column: int) -> Formula:
    """The first row of ``row`` less the second, in the same column, without noise."""
    upper, lower = row
    value = number(sheet, upper, column) - number(sheet, lower, column)
    return rounded(f"{address(upper, column)}-{address(lower, column)}", value)


def rounded(text: str, value: float) -> Formula:
    """A difference that should be zero, without the noise below a hundredth of a cent."""
    return Formula(f"=ROUND({text},4)", round(value, 4) + 0.0)


def number(sheet: Sheet, row: int, column: int) -> float:
    """The engine's figure in a cell; 0 where the cell is empty."""
    cell = sheet.cells.get((row, column))
    if cell is None:
        return 0.0
    value = cell.value.value if isinstance(cell.value, Formula) else cell.value
    return float(value) if isinstance(value, int | float) else 0.0


def rows_total(sheet: Sheet, rows: Sequence[int], column: int) -> Formula:
    """The sum of single rows of a column (which need not adjoin)."""
    value = float(sum(number(sheet, row, column) for row in rows))
    if len(rows) > 1 and list(rows) == list(range(rows[0], rows[-1] + 1)):
        return Formula(f"=SUM({address(rows[0], column)}:{address(rows[-1], column)})", value)
    terms = "+".join(address(row, column) for row in rows)
    return Formula(f"={terms or '0'}", value)


def column_total(sheet: Sheet, first: int, last: int, column: int) -> Formula:
    """The sum of a column from row ``first`` to ``last``."""
    value = float(sum(number(sheet, row, column) for row in range(first, last + 1)))
    return Formula(f"=SUM({address(first, column)}:{address(last, column)})", value)


def row_total(sheet: Sheet, row: int, first: int, last: int) -> Formula:
    """The sum of a row from column ``first`` to ``last``."""
    value = float(sum(number(sheet, row, column) for column in range(first, last + 1)))
    return Formula(f"=SUM({address(row, first)}:{address(row, last)})", value)


def words(key: str) -> str:
    """A channel's or place's key in words: ``bank_debt:bank-a`` is ``Bank debt: bank-a``."""
    channel, _, name = key.partition(":")
    spoken = CHANNEL_WORDS.get(channel, channel.replace("_", " ").capitalize())
    return f"{spoken}: {name}" if name else spoken


def title_case(text: str) -> str:
    """``loans_alone`` as a heading: ``Loans alone``; ``bank-a: drawn`` keeps the user's name."""
    if ": " in text:
        return text
    plain = text.replace("_", " ").strip()
    return plain[:1].upper() + plain[1:]


def records(frame: pd.DataFrame) -> Iterator[Any]:
    """The rows of ``frame``, columns as attributes."""
    yield from frame.itertuples()


def as_date(value: Any) -> date:
    """A frame's date as Python's."""
    return pd.Timestamp(value).date()


def plain(value: Any) -> Value:
    """A frame's value as a cell's: no numpy, NaN and NaT as nothing."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, pd.Timestamp | np.datetime64):
        return as_date(value)
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return str(value)


def lines_needed(text: str, width: float) -> int:
    """Lines that ``text`` takes in a column of ``width`` characters."""
    return sum(max(1, -(-len(part) // max(1, int(width)))) for part in text.split("\n"))
