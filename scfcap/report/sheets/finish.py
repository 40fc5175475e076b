"""What a book gets when all its sheets are there: names, the hidden sheets, the light's states."""

from __future__ import annotations

from scfcap.report.book import Book
from scfcap.report.sheets.checks import add_live_checks
from scfcap.report.sheets.comments import comment, freeze_all, name_figures
from scfcap.report.sheets.common import Kit
from scfcap.report.sheets.data import add_data, with_values
from scfcap.report.sheets.inputs import add_inputs, name_inputs, with_texts
from scfcap.report.tables import RunMeta


def finish(kit: Kit) -> None:
    """Complete a book whose sheets stand in their order, before it is said in another language."""
    name_figures(kit.book)
    name_inputs(kit.book)
    changed = add_inputs(kit)
    add_live_checks(kit, add_data(kit), changed)
    comment(kit.book)
    freeze_all(kit.book)


def complete(book: Book, meta: RunMeta) -> Book:
    """Put into a book, in its reader's language, what no language changes."""
    with_values(book)
    with_texts(book, meta.model, meta.digest)
    return book
