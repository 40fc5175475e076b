"""Comments on headings and key figures, and names of totals and key figures."""

from __future__ import annotations

from dataclasses import replace

from scfcap import axes
from scfcap.report.book import Book
from scfcap.report.definitions import definition
from scfcap.report.sheets.inputs import KEY_FIGURE, TOTAL, free_name

_MONEY = f"plan.balance.{axes.OWN}"
#: Places whose cells have a name: its beginning, and the rest of it.
_NAMED = {
    "plan.source": (TOTAL, "sources"),
    "plan.use": (TOTAL, "uses"),
    "plan.originated": (TOTAL, "loans_made"),
    "plan.demand": (TOTAL, "demand"),
    "plan.assets": (TOTAL, "assets"),
    "plan.funding": (TOTAL, "funding"),
    "plan.income": (TOTAL, "net_income"),
    "plan.managed": (TOTAL, "loans_managed"),
    "plan.share_met": (KEY_FIGURE, "share_of_demand_met"),
    f"{_MONEY}.cash": (KEY_FIGURE, "free_cash"),
    f"{_MONEY}.net capital": (KEY_FIGURE, "net_capital"),
    "checks.light": (KEY_FIGURE, "light"),
    "limits.binding": (KEY_FIGURE, "periods_that_bind"),
}


def name_figures(book: Book) -> None:
    """Names of totals (``total_``) and key figures (``key_``), over all their periods."""
    for key, (begin, rest) in _NAMED.items():
        area = book.places.get(key)
        if area is not None:
            book.names[free_name(book, begin + rest)] = area
    for key, area in book.places.items():
        if key.startswith("pool.borrowing_base."):
            rest = key.removeprefix("pool.borrowing_base.")
            book.names[free_name(book, f"{KEY_FIGURE}borrowing_base_{rest}")] = area


def comment(book: Book) -> None:
    """Put definition and source on the first heading or label of a sheet that names a term."""
    for sheet in book.sheets:
        told: set[str] = set()
        for at in sorted(sheet.cells):
            cell = sheet.cells[at]
            if sheet.hidden or cell.note or not isinstance(cell.value, str):
                continue
            found = definition(cell.value)
            if found is not None and found.text not in told:
                told.add(found.text)
                sheet.cells[at] = replace(cell, note=found.said)


def freeze_all(book: Book) -> None:
    """Keep the title of each list in sight: sheets without frozen panes freeze their title."""
    for sheet in book.sheets:
        if sheet.freeze is None and not sheet.one_page:
            sheet.freeze = (4, 2)
        if sheet.title_rows is None and not sheet.one_page:
            sheet.title_rows = (1, 2)
