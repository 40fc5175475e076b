"""Tables for a terminal of any width: figures are never cut, headings fold, words wrap."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table as RichTable

#: A column of words keeps at least so many characters, where its cells have them.
_WORDS = 14


def grid(
    title: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    numbers: Container[str] = (),
    styles: Mapping[str, str] | None = None,
) -> RichTable:
    """``rows`` of text under ``heads``; the columns in ``numbers`` are set right, on one line.

    ``styles``: how a cell is coloured, by its text. Signs that would steer the terminal are shown
    as a replacement character.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", title_style="bold", show_edge=False)
    for place, head in enumerate(heads):
        widest = max((len(row[place]) for row in rows), default=0)
        if head in numbers:
            table.add_column(_folded(head, widest), justify="right", no_wrap=True)
        else:
            table.add_column(head, overflow="fold", min_width=min(widest, _WORDS))
    for row in rows:
        cells = [
            "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in cell)
            for cell in row
        ]
        table.add_row(*(Text(cell, style=(styles or {}).get(cell, "")) for cell in cells))
    return table


def _folded(head: str, width: int) -> str:
    """``head`` on as few lines as fit above cells of ``width`` characters."""
    lines: list[str] = []
    for word in head.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return "\n".join(lines)


def blank_repeats(rows: Sequence[Sequence[str]], columns: int = 1) -> list[list[str]]:
    """``rows`` without what the leading ``columns`` repeat from the row above."""
    made = []
    above: Sequence[str] = ()
    for row in rows:
        same = list(row[:columns]) == list(above[:columns])
        made.append([*([""] * columns if same else row[:columns]), *row[columns:]])
        above = row
    return made
