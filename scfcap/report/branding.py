"""How a pack wants a workbook to look: its colour, its logo, its footer, its numbers and days."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import replace
from functools import cache

from scfcap.report.book import Book, Picture, Sheet, Style
from scfcap.schema.report import Formats, Pack

#: The house's colour, which a pack's takes the place of.
HOUSE = "1F3A5F"
#: Sheets that bear the logo, and how high it is at most, and how wide [cm].
_BEARERS, _HEIGHT, _WIDTH = ("Summary", "Contents"), 1.3, 5.0
_PERCENT = re.compile(r"0(\.0+)?%")
_DAYS = {"iso": "yyyy-mm-dd", "day_month_year": "dd/mm/yyyy", "month_day_year": "mm/dd/yyyy"}


def branded(book: Book, pack: Pack) -> Book:
    """``book``, in English, as ``pack`` wants it to look. Changes it in place and gives it back."""
    book.colour = pack.brand.colour.upper()
    if pack.brand.footer:
        book.footer = f"{pack.brand.footer} · {book.footer}"
    if pack.formats.percent_decimals is not None or pack.formats.date is not None:
        for sheet in book.sheets:
            _formatted(sheet, pack.formats)
    if book.colour != HOUSE:
        for sheet in book.sheets:
            sheet.charts = [
                replace(
                    chart,
                    series=tuple(
                        replace(each, colour=book.colour) if each.colour == HOUSE else each
                        for each in chart.series
                    ),
                )
                for chart in sheet.charts
            ]
    if pack.logo:
        for sheet in book.sheets:
            if sheet.name in _BEARERS:
                _with_logo(sheet, pack.logo)
    return book


def _formatted(sheet: Sheet, formats: Formats) -> None:
    @cache
    def styled(style: Style) -> Style:
        return replace(style, number_format=_number_format(style.number_format, formats))

    for at, cell in sheet.cells.items():
        sheet.cells[at] = replace(cell, style=styled(cell.style))
    sheet.strips = [replace(strip, style=styled(strip.style)) for strip in sheet.strips]


def _number_format(text: str, formats: Formats) -> str:
    if formats.date is not None and "yy" in text:
        return _DAYS[formats.date]
    if formats.percent_decimals is not None and "%" in text:
        digits = "0." + "0" * formats.percent_decimals if formats.percent_decimals else "0"
        return _PERCENT.sub(f"{digits}%", text)
    return text


def _with_logo(sheet: Sheet, logo: bytes) -> None:
    """The logo at the upper right, in its own proportions."""
    wide, high = struct.unpack(">II", logo[16:24])
    height = min(_HEIGHT, _WIDTH * high / wide)
    width = height * wide / high
    column = sheet.last_column
    while column > 1 and sheet.centimetres(column, sheet.last_column) < width:
        column -= 1
    sheet.pictures.append(Picture(1, column, logo, width, height))


def readable(colour: str) -> str:
    """White or black, whichever reads better on ``colour`` (WCAG 2.1, relative luminance)."""
    light = _luminance(colour)
    return "FFFFFF" if 1.05 / (light + 0.05) >= (light + 0.05) / 0.05 else "000000"


def on_paper(colour: str) -> str:
    """``colour`` for letters on white; black where its contrast is below 3 to 1."""
    return colour if 1.05 / (_luminance(colour) + 0.05) >= 3.0 else "000000"


def _luminance(colour: str) -> float:
    linear: Callable[[float], float] = lambda c: (  # noqa: E731
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
    )
    red, green, blue = (linear(int(colour[n : n + 2], 16) / 255.0) for n in (0, 2, 4))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
