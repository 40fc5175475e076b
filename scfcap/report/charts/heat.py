"""Shares over two axes as shades: what a grid of cases gives, and how far limits are used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scfcap.report.charts.look import (
    AXIS,
    INK,
    NOTE,
    SHADES,
    Picture,
    footer,
    heading,
    paper,
    text_width,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def heat_maps(
    title: str,
    panels: Mapping[str, pd.DataFrame],
    failing: Mapping[str, pd.DataFrame],
    axes_named: tuple[str, str],
    note: str = "",
    source: str = "",
) -> Picture:
    """Shares over two axes, a panel each: a cell is darker the higher its figure, which stands in
    it; a cross where ``failing`` is true.

    Each frame of ``panels`` has one row a value of the second of ``axes_named``, one column a value
    of the first; those of ``failing`` are alike. A figure that does not exist is left blank.
    """
    known = [value for frame in panels.values() for value in frame.to_numpy().ravel()]
    low, high = np.nanmin([*known, 0.0]), np.nanmax([*known, 1e-9])
    wide, tall = max(4.2 * len(panels), 8.0), 4.6
    with paper((wide, tall)) as figure:
        top = heading(figure, title, note, (wide, tall))
        foot = 0.25 if source else 0.05
        footer(figure, source, (wide, tall))
        # a fixed layout: one that fits itself would measure every cell, twice
        place = {
            "left": 0.7 / wide, "right": 1.0 - 0.9 / wide,
            "top": 1.0 - (top + 0.3) / tall, "bottom": (foot + 0.5) / tall,
        }  # fmt: skip
        each = figure.subplots(
            1, len(panels), sharey=True, squeeze=False, gridspec_kw={**place, "wspace": 0.05}
        )[0]
        for axes, (name, frame) in zip(each, panels.items(), strict=True):
            shades = axes.imshow(
                frame.to_numpy(dtype=np.float64), cmap=SHADES, vmin=low, vmax=high,
                aspect="auto", origin="lower",
            )  # fmt: skip
            axes.set_title(name, fontsize=10, color=INK)
            axes.set_xticks(range(len(frame.columns)), [f"{x:g}" for x in frame.columns])
            axes.set_yticks(range(len(frame.index)), [f"{y:g}" for y in frame.index])
            axes.set_xlabel(axes_named[0], color=INK, fontsize=AXIS)
            axes.tick_params(colors=INK, labelsize=AXIS)
            _cells(axes, frame, failing[name], (low + high) / 2.0)
        each[0].set_ylabel(axes_named[1], color=INK, fontsize=AXIS)
        beside = figure.add_axes(
            (1.0 - 0.8 / wide, place["bottom"], 0.15 / wide, place["top"] - place["bottom"])
        )
        bar = figure.colorbar(shades, cax=beside)
        bar.ax.yaxis.set_major_formatter(lambda value, _: f"{100.0 * value:.3g}%")
        bar.ax.tick_params(colors=INK, labelsize=AXIS)
    return Picture(figure)


def _cells(axes: Axes, frame: pd.DataFrame, failing: pd.DataFrame, middle: float) -> None:
    """The figure of each cell, and a cross below it where it fails."""
    for y, row in enumerate(frame.to_numpy(dtype=np.float64)):
        for x, value in enumerate(row):
            if np.isnan(value):
                continue
            text = f"{value:.1%}" + ("\n×" if failing.iloc[y, x] else "")
            tint = "white" if value > middle else INK
            axes.text(x, y, text, ha="center", va="center", fontsize=7.5, color=tint)


def use_map(
    title: str,
    use: pd.DataFrame,
    binding: pd.DataFrame,
    heads: Sequence[str],
    note: str = "",
    source: str = "",
) -> Picture:
    """How far each limit (a row) is used in each period (a column): share of the limit.

    ``binding`` is alike, and true where the limit binds: its cell is framed. A figure that does not
    exist is left blank. ``heads`` stand below the columns.
    """
    rows, columns = use.shape
    names = [str(name) for name in use.index]
    left = min(max((text_width(name, AXIS) for name in names), default=1.0) + 0.25, 4.0)
    wide = max(7.0, left + 0.62 * columns + 0.9)
    tall = 1.35 + 0.3 * rows
    with paper((wide, tall)) as figure:
        top = heading(figure, title, note, (wide, tall))
        footer(figure, source, (wide, tall))
        low, high = 0.55 / tall, 1.0 - (top + 0.1) / tall
        axes = figure.add_axes((left / wide, low, 1.0 - (left + 0.8) / wide, high - low))
        shown = np.clip(use.to_numpy(dtype=np.float64), 0.0, 1.0)
        shades = axes.imshow(shown, cmap=SHADES, vmin=0.0, vmax=1.15, aspect="auto")
        axes.set_yticks(range(rows), names)
        axes.set_xticks(range(columns), list(heads))
        axes.tick_params(colors=INK, labelsize=AXIS, length=0)
        for side in axes.spines.values():
            side.set_visible(False)
        _used(axes, use, binding)
        _scale(figure, shades, (1.0 - 0.65 / wide, low, 0.13 / wide, high - low))
    return Picture(figure)


def _used(axes: Axes, use: pd.DataFrame, binding: pd.DataFrame) -> None:
    """The share in each cell; a frame around it where the limit binds."""
    from matplotlib.patches import Rectangle

    size = NOTE - 1.5 if use.shape[1] > 12 else NOTE - 0.5
    for y, row in enumerate(use.to_numpy(dtype=np.float64)):
        for x, value in enumerate(row):
            if np.isnan(value):
                continue
            tint = "white" if value > 0.65 else INK
            bold = "bold" if binding.iloc[y, x] else "normal"
            axes.text(
                x, y, f"{value:.0%}", ha="center", va="center", fontsize=size, color=tint,
                fontweight=bold,
            )  # fmt: skip
            if binding.iloc[y, x]:
                axes.add_patch(
                    Rectangle(
                        (x - 0.46, y - 0.44), 0.92, 0.88, fill=False, edgecolor="#E69F00", lw=1.6
                    )
                )


def _scale(figure: Figure, shades: object, place: tuple[float, float, float, float]) -> None:
    bar = figure.colorbar(shades, cax=figure.add_axes(place))  # type: ignore[arg-type]
    bar.ax.set_ylim(0.0, 1.0)
    bar.ax.yaxis.set_major_formatter(lambda value, _: f"{100.0 * value:.0f}%")
    bar.ax.tick_params(colors=INK, labelsize=AXIS - 1.0)
    bar.outline.set_visible(False)
