"""Charts over periods: stacked bars above and below zero, and lines named at their ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scfcap.quantities import FloatArray
from scfcap.report.charts.look import (
    AXIS,
    INK,
    LEGEND,
    QUIET,
    Picture,
    canvas,
    colour,
    dress,
    legend_below,
    period_ends,
    stroke,
    unit_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Height of a name beside a line [share of the chart's height].
_NAME = 0.05


def stacked(
    title: str,
    ends: pd.Series,
    parts: Mapping[str, FloatArray],
    currency: str,
    *,
    tints: Mapping[str, str] | None = None,
    over: Mapping[str, FloatArray] | None = None,
    unit_says: str = "",
    note: str = "",
    source: str = "",
) -> Picture:
    """``parts`` by period end, one upon the other: what is positive above zero, the rest below.

    Each of ``parts`` and of the lines ``over`` them has one figure an end [currency]; ``tints`` are
    colours "#RRGGBB" by name, for those that have their own.
    """
    over = over or {}
    values = {name: np.asarray(each, dtype=np.float64) for name, each in parts.items()}
    figure, axes = canvas(title, note, source)
    stack = np.array(list(values.values())) if values else np.zeros((1, len(ends)))
    tops, lows = np.maximum(stack, 0.0).sum(axis=0), np.minimum(stack, 0.0).sum(axis=0)
    reach = [tops, -lows, *(np.abs(np.asarray(each)) for each in over.values())]
    unit, label = unit_of(max(float(each.max(initial=0.0)) for each in reach))
    place = np.arange(len(ends))
    above, below = np.zeros(len(ends)), np.zeros(len(ends))
    keys: dict[str, Any] = {}
    for n, (name, each) in enumerate(values.items()):
        look: dict[str, Any] = {
            "width": 0.78, "color": (tints or {}).get(name, colour(n)), "linewidth": 0.4,
        }  # fmt: skip
        up, down = np.maximum(each, 0.0) / unit, np.minimum(each, 0.0) / unit
        keys[name] = axes.bar(place, up, bottom=above, edgecolor="white", **look)
        above += up
        if down.any():
            axes.bar(place, down, bottom=below, edgecolor="white", **look)
            below += down
    for n, (name, each) in enumerate(over.items()):
        (keys[name],) = axes.plot(
            place, np.asarray(each) / unit, stroke(n), color=INK, linewidth=1.5, marker="o",
            markersize=2.5,
        )  # fmt: skip
    if lows.any():
        axes.axhline(0.0, color=INK, linewidth=0.8)
    period_ends(axes, ends)
    axes.set_xlim(-0.6, max(len(ends) - 0.4, 0.6))
    said = f"{unit_says}, {currency}{label}" if unit_says else f"{currency}{label}"
    dress(axes, said, bottom=None if lows.any() else 0.0, legend=False)
    legend_below(axes, list(keys.values()), list(keys))
    return Picture(figure)


def lines(
    title: str,
    ends: pd.Series,
    series: Mapping[str, FloatArray],
    unit: str,
    *,
    limits: Mapping[str, FloatArray] | None = None,
    percent: bool = False,
    money: bool = True,
    unit_says: str = "",
    bottom: float | None = 0.0,
    steps: Sequence[tuple[int, str]] = (),
    across: str = "",
    note: str = "",
    source: str = "",
) -> Picture:
    """``series`` by period end, each named at its own end, and ``limits`` as thin dashed lines.

    One figure an end; where ``money``, in ``unit`` of currency, which is scaled. ``steps`` are
    periods (by place) at which something begins, and its name. A figure that is not there is left
    out. ``across`` says what the places are, where they are no days.
    """
    limits = limits or {}
    every = [np.asarray(each, dtype=np.float64) for each in (*series.values(), *limits.values())]
    largest = max((float(np.nanmax(np.abs(each), initial=0.0)) for each in every), default=0.0)
    scale, label = unit_of(largest) if money else (1.0, "")
    figure, axes = canvas(title, note, source)
    place = np.arange(len(ends))
    for n, (name, each) in enumerate(series.items()):
        axes.plot(
            place, np.asarray(each) / scale, stroke(n // 5), color=colour(_ORDER[n % len(_ORDER)]),
            linewidth=1.9, label=name, marker="o" if len(ends) == 1 else None,
        )  # fmt: skip
    for name, each in limits.items():
        axes.plot(
            place, np.broadcast_to(np.asarray(each), place.shape) / scale, ":", color=QUIET,
            linewidth=1.4, label=name,
        )  # fmt: skip
    period_ends(axes, ends)
    axes.set_xlabel(across, color=INK, fontsize=AXIS)
    named = f"{unit}{label}" if money else unit
    dress(
        axes, f"{unit_says}, {named}" if unit_says and named else unit_says or named,
        legend=False, bottom=bottom, percent=percent,
    )  # fmt: skip
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.04 * (high - low))
    for at, name in steps:
        axes.axvline(at, color=QUIET, linewidth=0.8)
        axes.annotate(
            name, (at, 1.0), xycoords=("data", "axes fraction"), xytext=(3, -2),
            textcoords="offset points", va="top", fontsize=LEGEND, color=QUIET,
        )  # fmt: skip
    _named_at_ends(axes)
    return Picture(figure)


#: Colours of lines in their order; yellow is too light for one.
_ORDER = (0, 1, 3, 5, 2, 4, 9, 8)


def _named_at_ends(axes: Axes) -> None:
    """Name each line beside its last figure, moved apart where they would lie on one another."""
    named = []
    for line in axes.get_lines():
        name, y = str(line.get_label()), np.asarray(line.get_ydata(), dtype=np.float64)
        there = np.flatnonzero(np.isfinite(y))
        if len(there) and not name.startswith("_child"):
            named.append((float(y[there[-1]]), name, line.get_color()))
    low, high = axes.get_ylim()
    heights = [(y - low) / (high - low) for y, _, _ in named]
    for (_, name, tint), place in zip(named, apart(heights, _NAME), strict=True):
        axes.annotate(
            name, (1.0, place), xycoords="axes fraction", xytext=(6, 0),
            textcoords="offset points", va="center", fontsize=LEGEND, color=tint,
        )  # fmt: skip


def apart(heights: Sequence[float], least: float) -> list[float]:
    """``heights`` moved as little as keeps them ``least`` apart and, if they fit, inside 0 to 1."""
    order = np.argsort(np.asarray(heights, dtype=np.float64), kind="stable")
    groups: list[tuple[float, int]] = []  # middle, size
    for at in order:
        groups.append((float(heights[at]), 1))
        while len(groups) > 1:
            (below, many), (above, few) = groups[-2:]
            if above - below >= least * (many + few) / 2.0 - 1e-12:
                break
            groups[-2:] = [((below * many + above * few) / (many + few), many + few)]
    placed: list[float] = []
    for middle, count in groups:
        placed += [middle + least * (n - (count - 1) / 2.0) for n in range(count)]
    if placed and placed[0] < 0.0:
        placed = [max(value, least * n) for n, value in enumerate(placed)]
    if placed and placed[-1] > 1.0:
        last = len(placed) - 1
        placed = [min(value, 1.0 - least * (last - n)) for n, value in enumerate(placed)]
    found = [0.0] * len(placed)
    for value, at in zip(placed, order, strict=True):
        found[int(at)] = value
    return found
