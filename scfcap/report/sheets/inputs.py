"""Live input cells, and the hidden sheet that says of each which key of the model it states.

The names of the workbook lead from a key to its cell, wherever a reader moved it; whoever reads
an edited workbook back (:mod:`scfcap.report.edited`) begins at the names below.
"""

from __future__ import annotations

import re

from scfcap.report.book import PLAIN, Area, Book, Formula, Input, Style, address, link
from scfcap.report.sheets.common import TEXT, Kit, figure, heads, linked, live, number

NAME = "Inputs"
#: Names of the list of inputs, of the model's name and of the digest of its files.
LIST, MODEL, DIGEST = "scfcap_inputs", "scfcap_model", "scfcap_digest"
#: Beginnings of the names of input cells, of totals and of key figures.
INPUT, TOTAL, KEY_FIGURE = "in_", "total_", "key_"
#: Beginning of the places of blue cells that only choose what their sheet shows.
CHOICE = "choice."
#: Columns of the list.
COLUMNS = (
    "Key", "Name", "Sheet", "Cell", "The model's value", "Scale", "Unit", "Kind", "Now", "Changed",
)  # fmt: skip
_NOW, _CHANGED = COLUMNS.index("Now") + 1, COLUMNS.index("Changed") + 1
_VALUE = COLUMNS.index("The model's value") + 1
_HEAD = 7


def input_cell(
    kit: Kit,
    at: Area,
    key: str,
    value: float,
    number_format: str,
    *,
    unit: str = "",
    scale: float = 1.0,
) -> Area:
    """A blue cell at ``at`` that states the model's ``key``, as ``--set`` takes it.

    ``value`` is the model's; the cell shows it divided by ``scale``. Where another cell states
    the key already, this one is a link to it. Returns ``at``.
    """
    sheet, stated = kit.book.sheet(at.sheet), kit.book.inputs.get(key)
    if stated is not None:
        shown = number(kit.book.sheet(stated.area.sheet), stated.area.row, stated.area.column)
        look = linked(number_format) if stated.area.sheet != at.sheet else live(number_format)
        text = stated.area.linked if stated.area.sheet != at.sheet else stated.area.local
        sheet.put(at.row, at.column, Formula(f"={text}", shown), look)
        return at
    sheet.put(at.row, at.column, value / scale, Style("input", number_format))
    kit.book.inputs[key] = Input(at, value, unit, scale)
    return at


def blue_cells(book: Book) -> list[tuple[str, str, Input]]:
    """Key, name and cell of every input: those that state a key of the model, then named blue
    cells that only the workbook has, such as a multiplier, without a key.
    """
    named: dict[Area, str] = {}
    for name, area in book.names.items():
        if area not in named or name.startswith(INPUT):
            named[area] = name
    found = [(key, named[each.area], each) for key, each in book.inputs.items()]
    stated = {each.area for each in book.inputs.values()}
    for area, name in named.items():
        cell = book.sheet(area.sheet).cells.get((area.row, area.column))
        if area in stated or cell is None or cell.style.ink != "input":
            continue
        if isinstance(cell.value, int | float):
            found.append(("", name, Input(area, cell.value)))
    return found


def add_inputs(kit: Kit) -> Area | None:
    """Add the list, where the book has inputs; returns the cell that counts those changed."""
    book = kit.book
    cells = blue_cells(book)
    if not cells:
        return None
    sheet = kit.add(NAME, "Inputs: the cells that state the model's figures", 44.0)
    sheet.hidden = True
    sheet.widths |= dict.fromkeys(range(2, len(COLUMNS) + 1), 16.0)
    for row, (label, name) in enumerate((("Model", MODEL), ("Digest of its files", DIGEST)), 4):
        sheet.put(row, 1, label, TEXT)
        book.names[name] = sheet.at(row, 2)
    heads(sheet, _HEAD, list(COLUMNS))
    sheet.freeze, sheet.title_rows = (_HEAD + 1, 2), (_HEAD, _HEAD)
    row = _HEAD
    for row, (_, _, each) in enumerate(cells, _HEAD + 1):
        shown = each.value / each.scale
        sheet.put(row, _VALUE, shown, figure(PLAIN))
        sheet.put(row, _VALUE + 1, each.scale, figure(PLAIN))
        sheet.put(row, _NOW, link(each.area, shown), linked(PLAIN))
        now, stated = address(row, _NOW), address(row, _VALUE)
        same = f"ABS({now}-{stated})<=1E-12*ABS({stated})"
        text = f"=IF(ISNUMBER({now}),IF({same},0,1),1)"
        sheet.put(row, _CHANGED, Formula(text, 0.0), live("0"))
    last = row
    sheet.put(6, 1, "Changed", TEXT)
    flags = sheet.span(_HEAD + 1, _CHANGED, last, _CHANGED)
    cell = sheet.put(6, 2, Formula(f"=SUM({flags.local})", 0.0), live("0"))
    book.names[LIST] = sheet.span(_HEAD + 1, 1, last, len(COLUMNS))
    book.places["inputs.list"] = sheet.span(4, 1, last, len(COLUMNS))
    return cell


def name_inputs(book: Book) -> None:
    """Give each input cell a name, ``in_`` and its key: ``in_lenders_bank_a_limit``."""
    for key, each in book.inputs.items():
        book.names[free_name(book, INPUT + key)] = each.area


def free_name(book: Book, text: str) -> str:
    """``text`` as a workbook takes a name: letters, digits and underscores; not taken yet."""
    name = re.sub(r"\W+", "_", text)[:240]
    taken = {each.casefold() for each in book.names}
    found, count = name, 1
    while found.casefold() in taken:
        count += 1
        found = f"{name}_{count}"
    return found


def with_texts(book: Book, model: str, digest: str) -> None:
    """Put on the list what no language changes: keys, names, places, units; model and digest."""
    area = book.names.get(LIST)
    if area is None:
        return
    sheet = book.sheet(area.sheet)
    for name, text in ((MODEL, model), (DIGEST, digest)):
        place = book.names[name]
        sheet.put(place.row, place.column, text, TEXT)
    for row, (key, name, each) in enumerate(blue_cells(book), area.row):
        kind = "whole" if isinstance(each.value, int) else "number"
        texts = {1: key, 2: name, 3: each.area.sheet, 4: each.area.local, 7: each.unit, 8: kind}
        for column, text in texts.items():
            sheet.put(row, column, text or None, TEXT)
