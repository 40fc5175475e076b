"""What a book gets when all its sheets are there: names, the hidden sheets, the light's states."""

from __future__ import annotations

from dataclasses import replace

from scfcap.report.book import Book
from scfcap.report.sheets.checks import add_live_checks
from scfcap.report.sheets.comments import comment, freeze_all, name_figures
from scfcap.report.sheets.common import Kit
from scfcap.report.sheets.data import add_data, with_values
from scfcap.report.sheets.inputs import CHOICE, add_inputs, blue_cells, name_inputs, with_texts
from scfcap.report.tables import RunMeta


def finish(kit: Kit) -> None:
    """Complete a book whose sheets stand in their order, before it is said in another language."""
    name_figures(kit.book)
    name_inputs(kit.book)
    changed = add_inputs(kit)
    add_live_checks(kit, add_data(kit), changed)
    _only_inputs_are_blue(kit.book)
    comment(kit.book)
    freeze_all(kit.book)


def _only_inputs_are_blue(book: Book) -> None:
    """Grey for figures that are not read back: a blue one that a reader changed would be lost."""
    kept = {each.area for _, _, each in blue_cells(book)}
    kept |= {area for name, area in book.places.items() if name.startswith(CHOICE)}
    for sheet in book.sheets:
        for at, cell in sheet.cells.items():
            shown = isinstance(cell.value, int | float) and cell.style.ink == "input"
            if shown and sheet.at(*at) not in kept:
                sheet.cells[at] = replace(cell, style=replace(cell.style, ink="engine"))


def complete(book: Book, meta: RunMeta) -> Book:
    """Put into a book, in its reader's language, what no language changes."""
    with_values(book)
    with_texts(book, meta.model, meta.digest)
    return book
