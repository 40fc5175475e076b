"""What a file of Excel can hold, and how texts are made to fit it.

Limits are those of "Excel specifications and limits" (Microsoft), which counts UTF-16 code units;
which characters a text may hold is XML's (1.0, section 2.2), and how ``_x0041_`` is read is
ECMA-376, part 1, 22.9.2.19 (ST_Xstring).
"""

from __future__ import annotations

import re
from datetime import date

from scfcap.errors import InputError, Problem
from scfcap.report.book import Book, Formula, Sheet, address

#: Rows and columns of a sheet.
ROWS, COLUMNS = 1_048_576, 16_384
#: Characters of a cell, of a formula, and of a text within a formula.
CELL_CHARACTERS, FORMULA_CHARACTERS, LITERAL_CHARACTERS = 32_767, 8_192, 255
#: Characters of a header or footer with its codes, of which a text may take its share.
HEADER_CHARACTERS, HEADER_SHARE = 255, 110
#: Characters of a property of the document, and of a chart's title.
PROPERTY_CHARACTERS = 255
#: Ways in which cells of one file may look.
STYLES = 65_490
#: How a text begins that a spreadsheet would work out, also by a keyboard of full-width signs.
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
#: The first day that every spreadsheet numbers alike (Excel's calendar has a 29 February 1900).
FIRST_DAY = date(1900, 3, 1)
_UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_CODED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_LITERAL = re.compile(r'"((?:[^"]|"")*)"')


def units(text: str) -> int:
    """Characters as Excel counts them: one beyond the basic plane is two."""
    return len(text) + sum(ord(c) > 0xFFFF for c in text)


def cut(text: str, most: int) -> str:
    """``text`` with at most ``most`` characters, the last a "…" where some are left out."""
    if 2 * len(text) <= most or units(text) <= most:
        return text
    kept = text.encode("utf-16-le", errors="replace")[: 2 * (most - 1)]
    return kept.decode("utf-16-le", errors="ignore") + "…"


def fit_text(text: str) -> str:
    """``text`` without what a file cannot hold: control characters, halves of pairs."""
    return _UNFIT.sub("�", text).replace("\r\n", "\n").replace("\r", "\n")


def safe_text(value: str) -> str:
    """``value`` as a cell can hold it: no control characters, not too long."""
    return cut(fit_text(value), CELL_CHARACTERS)


def coded(text: str) -> str:
    """``text`` as the file holds it, where ``_x0041_`` would stand for a letter."""
    return _CODED.sub("_x005F_", text) if "_x" in text else text


def safe_formula(text: str) -> str:
    """A formula whose texts are fit and none longer than a formula may hold: long ones joined."""

    def short(match: re.Match[str]) -> str:
        inner = match[1].replace('""', '"')
        if units(inner) <= LITERAL_CHARACTERS:
            return match[0]
        step = LITERAL_CHARACTERS // 2  # a character may count twice
        parts = [inner[at : at + step] for at in range(0, len(inner), step)]
        return "(" + "&".join('"' + part.replace('"', '""') + '"' for part in parts) + ")"

    return _LITERAL.sub(short, fit_text(text)) if '"' in text else fit_text(text)


def header_text(text: str) -> str:
    """``text`` for a header or footer: no code in it, and short enough for three of them."""
    line = " ".join(fit_text(text).split())
    told = ""
    for sign in line:
        doubled = "&&" if sign == "&" else sign
        if units(told + doubled) > HEADER_SHARE - 1:
            return told + "…"
        told += doubled
    return told


def property_text(text: str) -> str:
    """``text`` for a property of the document."""
    return cut(fit_text(text), PROPERTY_CHARACTERS)


def check_sheet(sheet: Sheet) -> None:
    """Raise :class:`~scfcap.errors.InputError` where a sheet is larger than a file can hold."""
    place = f"sheet {sheet.name}"
    for found, most, what in (
        (sheet.last_row, ROWS, "rows"),
        (sheet.last_column, COLUMNS, "columns"),
    ):
        if found > most:
            raise _too_large(place, f"{found:,} {what}", f"at most {most:,} of them")
    for (row, column), cell in sheet.cells.items():
        if isinstance(cell.value, Formula) and len(cell.value.text) > FORMULA_CHARACTERS:
            size = f"a formula of {len(cell.value.text):,} characters"
            cell_place = f"{place}, cell {address(row, column)}"
            raise _too_large(cell_place, size, f"at most {FORMULA_CHARACTERS:,}")


def check_styles(count: int, book: Book) -> None:
    """Raise :class:`~scfcap.errors.InputError` where cells look in more ways than a file holds."""
    if count > STYLES:
        raise _too_large(book.title, f"cells that look in {count:,} ways", f"at most {STYLES:,}")


def _too_large(where: str, found: str, expected: str) -> InputError:
    return InputError(
        Problem(
            where,
            f"{found}, more than a workbook holds",
            expected,
            "Take fewer loans, periods or series; the run's tables (Parquet, CSV) hold any number.",
        )
    )
