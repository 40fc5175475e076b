"""Charts of a page as plain data, in the reader's language: the script draws what stands here.

The table beside a chart is made from the same figures by the script.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from scfcap.report.page.numbers import NumberFormat

#: ``stack`` columns upon each other; ``lines``; ``bars`` lying; ``fan`` bands between percentiles
#: with lines; ``heat`` a map of cells; ``flows`` from sources to uses; ``curve`` lines over a
#: measure.
Kind = Literal["stack", "lines", "bars", "fan", "heat", "flows", "curve"]
Figures = Sequence[float | None]


@dataclass(frozen=True)
class Line:
    """One series: its name, its figures in full, and its colour (RRGGBB).

    ``over`` gives the places of the figures of a ``curve``; ``role`` tells a fan's bands apart.
    """

    name: str
    values: Figures
    colour: str
    over: Figures = ()
    role: str = ""
    dashed: bool = False

    def plain(self) -> dict[str, Any]:
        """For the page's data."""
        found: dict[str, Any] = {
            "name": self.name, "values": list(self.values), "colour": f"#{self.colour}"
        }  # fmt: skip
        if self.over:
            found["over"] = list(self.over)
        if self.role:
            found["role"] = self.role
        if self.dashed:
            found["dashed"] = True
        return found


@dataclass(frozen=True)
class View:
    """One choice of a chart: ``labels`` along the axis (of a heat map: its columns).

    ``rows`` and ``cells`` (by row, then column) are a heat map's, ``marks`` its cells that are
    marked; ``flows`` are (from, to, amount) with ``nodes`` (name, colour, depth).
    """

    name: str = ""
    labels: Sequence[str] = ()
    lines: Sequence[Line] = ()
    rows: Sequence[str] = ()
    cells: Sequence[Figures] = ()
    marks: Sequence[tuple[int, int]] = ()
    nodes: Sequence[tuple[str, str, int]] = ()
    flows: Sequence[tuple[int, int, float]] = ()

    def plain(self) -> dict[str, Any]:
        """For the page's data."""
        found: dict[str, Any] = {"name": self.name}
        if self.labels:
            found["labels"] = list(self.labels)
        if self.lines:
            found["lines"] = [line.plain() for line in self.lines]
        if self.rows:
            found["rows"] = list(self.rows)
            found["cells"] = [list(row) for row in self.cells]
            found["marks"] = [list(mark) for mark in self.marks]
        if self.nodes:
            found["nodes"] = [
                {"name": name, "colour": f"#{colour}", "depth": depth}
                for name, colour, depth in self.nodes
            ]
            found["flows"] = [list(flow) for flow in self.flows]
        return found


@dataclass(frozen=True)
class Chart:
    """A chart: ``note`` says how to read it, ``alt`` what it shows, ``head`` what its axis is.

    ``unit`` is said in headings; ``heat`` is the range of a heat map's colours, None for that of
    its figures; ``mark`` says what a marked cell is.
    """

    key: str
    kind: Kind
    title: str
    note: str
    head: str
    unit: str
    format: NumberFormat
    views: Sequence[View]
    alt: str = ""
    pick: str = ""
    mark: str = ""
    most: float | None = None
    across: tuple[str, NumberFormat] | None = None
    wide: bool = False
    extra: dict[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """For the page's data."""
        found: dict[str, Any] = {
            "key": self.key,
            "kind": self.kind,
            "title": self.title,
            "head": self.head,
            "unit": self.unit,
            "format": self.format.plain(),
            "views": [view.plain() for view in self.views],
        }
        if self.mark:
            found["mark"] = self.mark
        if self.most is not None:
            found["most"] = self.most
        if self.across is not None:
            found["across"] = {"label": self.across[0], "format": self.across[1].plain()}
        return found

    def described(self, joint: str) -> str:
        """The chart in words: its title and note, then how each line of the first view ends."""
        return joint.join([self.title, *([self.note] if self.note else []), *self._ends()])

    def _ends(self) -> Iterator[str]:
        view = self.views[0]
        for line in view.lines:
            known = [value for value in line.values if value is not None]
            if known and line.role != "band":
                yield f"{line.name}: {self.format(known[0])} → {self.format(known[-1])} {self.unit}"
        for start, end, amount in view.flows:
            yield f"{view.nodes[start][0]} → {view.nodes[end][0]}: {self.format(amount)}"
