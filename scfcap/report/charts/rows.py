"""Bars across, a row each: names in full, the figure at the end of its bar, limits as marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scfcap.report.charts.look import (
    AXIS,
    FAINT,
    INK,
    LEGEND,
    QUIET,
    Picture,
    colour,
    figures,
    panels,
    text_width,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Widest that a name may be [inches]; it is cut there.
_WIDEST = 3.2
#: Height of a row, of a panel's head and of its scale [inches].
_ROW, _HEAD, _SCALE = 0.27, 0.32, 0.34


@dataclass(frozen=True)
class Row:
    """A bar: its name, figure, what is said at its end, a limit, a range, and if it stands out."""

    name: str
    value: float
    says: str = ""
    limit: float | None = None
    low: float | None = None
    high: float | None = None
    bold: bool = False
    tint: str | None = None


def rows_of_bars(
    title: str,
    groups: Mapping[str, Sequence[Row]],
    unit: str,
    *,
    percent: bool = False,
    dots: bool = False,
    columns: int = 1,
    note: str = "",
    source: str = "",
) -> Picture:
    """A panel for each of ``groups`` with a bar (or ``dots``) a row, the first on top.

    ``unit`` stands below the last panel. A ``limit`` is a thin mark, a range a thin line.
    """
    most = max((len(each) for each in groups.values()), default=1)
    down = -(-max(len(groups), 1) // columns)
    tallest = [
        max(len(each) for each in list(groups.values())[n * columns : (n + 1) * columns])
        for n in range(down)
    ] or [most]
    tall = 1.05 + sum(_ROW * max(n, 1) + _HEAD + _SCALE for n in tallest)
    figure, every = panels(
        title, note, source, size=(9.0, min(max(tall, 2.6), 14.0)), grid=(down, columns)
    )
    grid = every[0].get_gridspec()
    if grid is not None:
        grid.set_height_ratios([max(n, 1) + 1.5 for n in tallest])
    room = _WIDEST / columns**0.5
    for n, (axes, (name, mine)) in enumerate(zip(every, groups.items(), strict=False)):
        _panel(axes, name if len(groups) > 1 else "", mine, (percent, dots, room))
        axes.set_ylim(max(tallest[n // columns], 1) - 0.4, -0.6)
    for axes in every[len(groups) :]:
        axes.set_axis_off()
    for axes in every[max(len(groups) - columns, 0) : len(groups)]:
        axes.set_xlabel(unit, color=INK, fontsize=AXIS)
    return Picture(figure)


def _panel(axes: Axes, name: str, rows: Sequence[Row], how: tuple[bool, bool, float]) -> None:
    from matplotlib.ticker import MaxNLocator

    percent, dots, room = how
    if name:
        axes.set_title(name, loc="left", fontsize=AXIS + 1.0, color=INK)
    for y, row in enumerate(rows):
        tint = row.tint or colour(5 if row.bold else 8)
        if dots:
            axes.plot([row.value], [y], "o", color=tint, markersize=6.0)
        else:
            axes.barh(y, row.value, height=0.68, color=tint)
        if row.low is not None and row.high is not None:
            axes.plot([row.low, row.high], [y, y], color=INK, linewidth=1.2)
        if row.limit is not None:
            axes.plot([row.limit] * 2, [y - 0.42, y + 0.42], color=INK, linewidth=1.8)
    axes.set_yticks(range(len(rows)), [_cut(row.name, room) for row in rows])
    _said(axes, rows)
    axes.tick_params(colors=INK, labelsize=AXIS)
    axes.tick_params(axis="y", length=0)
    figures(axes.xaxis, percent=percent)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.grid(axis="x", color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.axvline(0.0, color=INK, linewidth=0.8)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _said(axes: Axes, rows: Sequence[Row]) -> None:
    """What is said at the end of each bar, beyond its limit and range; room is made for it."""
    if not any(row.says for row in rows):
        return
    low, high = axes.get_xlim()
    axes.set_xlim(min(0.0, low), high + 0.02 * (high - low))
    for y, row in enumerate(rows):
        ends = [row.value, 0.0, *(x for x in (row.high, row.limit) if x is not None)]
        axes.annotate(
            row.says, (max(ends), y), xytext=(5, 0), textcoords="offset points", va="center",
            fontsize=LEGEND, color=INK if row.bold else QUIET,
        )  # fmt: skip


def _cut(name: str, room: float) -> str:
    if text_width(name, AXIS) <= room:
        return name
    while name and text_width(f"{name}…", AXIS) > room:
        name = name[:-1]
    return f"{name.rstrip()}…"
