"""Charts as pictures: drawn with matplotlib alone, without a screen or any global state.

The same figures give the same bytes. Colours are told apart by colour-blind readers too, and every
line has a label as well.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from scfcap.quantities import FloatArray
from scfcap.report.sheets.common import PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Kind = Literal["png", "svg"]
#: Size of a picture [inches] and its resolution [dots an inch].
_SIZE, _DPI = (9.0, 5.0), 150
#: Fonts in their order: the one that is always there, then those with Chinese characters.
_FONTS = (
    "DejaVu Sans", "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC",
    "WenQuanYi Micro Hei", "SimHei", "Noto Serif CJK SC",
)  # fmt: skip
_INK, _FAINT = "#333333", "#BFBFBF"
_BANDS = (("p1", "p99", "#DDE1E8"), ("p5", "p95", "#AEB8C6"), ("p25", "p75", "#7386A0"))
#: What is drawn ends where less than this of the largest figure is still to be seen [share].
_SEEN = 2e-3
_UNITS = ((1e9, " bn"), (1e6, " m"), (1e3, " k"), (1.0, ""))
_KINDS = {
    "interest": ("interest", 1),
    "scheduled": ("scheduled principal", 0),
    "prepaid": ("prepaid principal", 2),
    "recovery": ("recoveries", 3),
    "fees": ("fees", 4),
    "advanced": ("advanced by the servicer", 7),
}
# A rise is not good in itself, nor a fall bad: no green, no red.
_RISE, _FALL, _LEVEL = f"#{PALETTE[2]}", f"#{PALETTE[1]}", f"#{PALETTE[0]}"


@dataclass(frozen=True)
class Picture:
    """A finished chart."""

    figure: Figure

    def to_bytes(self, kind: Kind) -> bytes:
        """The chart as a PNG or SVG file; the letters of an SVG stay letters."""
        import matplotlib as mpl

        out = io.BytesIO()
        about: dict[str, Any] = {"Software": None} if kind == "png" else {"Date": None}
        with mpl.rc_context(_settings()), warnings.catch_warnings():
            # A sign that no font has is drawn as a box; that is no fault.
            warnings.filterwarnings("ignore", message="Glyph .* missing")
            self.figure.savefig(out, format=kind, dpi=_DPI, metadata=about)
        return out.getvalue()


def fan(
    title: str,
    spread: pd.DataFrame,
    currency: str,
    *,
    lines: Mapping[str, FloatArray] | None = None,
    note: str = "",
) -> Picture:
    """A fan: bands between percentiles by period end, the median, the mean, and ``lines`` by name.

    ``spread`` has one row a period with ``end``, ``mean`` and ``p1`` ... ``p99`` [currency];
    each of ``lines`` has one figure a row of it.
    """
    lines = lines or {}
    shown = spread.iloc[: _last(spread[["p1", "p50", "p99"]].to_numpy(), lines)]
    figure, axes = canvas(title, note)
    unit, label = unit_of(float(shown["p99"].abs().max()))
    days = np.arange(len(shown))
    colour = f"#{PALETTE[0]}"
    for low, high, tint in _BANDS:
        name = f"{low[1:]}% to {high[1:]}% of the paths"
        axes.fill_between(
            days, shown[low] / unit, shown[high] / unit, color=tint, linewidth=0.0, label=name
        )
    axes.plot(days, shown["p50"] / unit, color=colour, linewidth=1.8, label="median")
    axes.plot(days, shown["mean"] / unit, color="white", linewidth=1.2, linestyle=":")
    axes.plot(days, shown["mean"] / unit, color=_INK, linewidth=1.2, linestyle=":", label="mean")
    for n, (name, values) in enumerate(lines.items()):
        tint = f"#{PALETTE[(1, 5, 3, 4)[n % 4]]}"
        style = ("--", "-.", ":")[n // 4 % 3]
        seen = np.asarray(values)[: len(days)] / unit
        axes.plot(days, seen, color=tint, linewidth=1.5, linestyle=style, label=f"scenario {name}")
    _ends(axes, shown["end"])
    dress(axes, f"{currency}{label}")
    return Picture(figure)


def heat_maps(
    title: str,
    panels: Mapping[str, pd.DataFrame],
    failing: Mapping[str, pd.DataFrame],
    axes_named: tuple[str, str],
    note: str = "",
) -> Picture:
    """Shares over two axes, a panel each: a cell is darker the higher its figure, which stands in
    it; a cross where ``failing`` is true.

    Each frame of ``panels`` has one row a value of the second of ``axes_named``, one column a value
    of the first; those of ``failing`` are alike. A figure that does not exist is left blank.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    known = [value for frame in panels.values() for value in frame.to_numpy().ravel()]
    low, high = np.nanmin([*known, 0.0]), np.nanmax([*known, 1e-9])
    with mpl.rc_context(_settings()):
        wide = max(4.2 * len(panels), 8.0)
        figure = Figure(figsize=(wide, 4.4))
        FigureCanvasAgg(figure)
        figure.text(0.1 / wide, 0.94, title, fontsize=12, fontweight="bold", color=_INK)
        figure.text(0.1 / wide, 0.885, note, fontsize=9, color="#666666")
        # a fixed layout: one that fits itself would measure every cell, twice
        place = {"left": 0.7 / wide, "right": 1.0 - 0.9 / wide, "top": 0.8, "bottom": 0.13}
        each = figure.subplots(
            1, len(panels), sharey=True, squeeze=False, gridspec_kw={**place, "wspace": 0.05}
        )[0]
        for axes, (name, frame) in zip(each, panels.items(), strict=True):
            shades = axes.imshow(
                frame.to_numpy(dtype=np.float64), cmap="Blues", vmin=low, vmax=high,
                aspect="auto", origin="lower",
            )  # fmt: skip
            axes.set_title(name, fontsize=10, color=_INK)
            axes.set_xticks(range(len(frame.columns)), [f"{x:g}" for x in frame.columns])
            axes.set_yticks(range(len(frame.index)), [f"{y:g}" for y in frame.index])
            axes.set_xlabel(axes_named[0], color=_INK)
            axes.tick_params(colors=_INK, labelsize=9)
            _cells(axes, frame, failing[name], (low + high) / 2.0)
        each[0].set_ylabel(axes_named[1], color=_INK)
        beside = figure.add_axes((1.0 - 0.8 / wide, 0.13, 0.15 / wide, 0.67))
        bar = figure.colorbar(shades, cax=beside)
        bar.ax.yaxis.set_major_formatter(lambda value, _: f"{100.0 * value:.3g}%")
        bar.ax.tick_params(colors=_INK, labelsize=9)
    return Picture(figure)


def _cells(axes: Axes, frame: pd.DataFrame, failing: pd.DataFrame, middle: float) -> None:
    """The figure of each cell, and a cross below it where it fails."""
    for y, row in enumerate(frame.to_numpy(dtype=np.float64)):
        for x, value in enumerate(row):
            if np.isnan(value):
                continue
            text = f"{value:.1%}" + ("\n×" if failing.iloc[y, x] else "")
            tint = "white" if value > middle else _INK
            axes.text(x, y, text, ha="center", va="center", fontsize=7.5, color=tint)


def run_off(title: str, flows: pd.DataFrame, currency: str, note: str = "") -> Picture:
    """Collections by kind, stacked by period, and the performing balance at each close.

    ``flows`` has one row a period with ``end``, ``closing`` and the collections [currency].
    """
    names = [name for name in _KINDS if name in flows and flows[name].abs().max() > 0.0]
    names = names or ["interest"]
    sums = flows[names].sum(axis=1)
    shown = flows.iloc[: _last(np.stack([sums, flows["closing"]], axis=1), {})]
    figure, axes = canvas(title, note)
    unit, label = unit_of(float(max(sums.max(), 0.0)))
    place = np.arange(len(shown))
    base = np.zeros(len(shown))
    for name in names:
        words, tint = _KINDS[name]
        values = shown[name].to_numpy() / unit
        axes.bar(place, values, bottom=base, width=0.75, color=f"#{PALETTE[tint]}", label=words)
        base += values
    other = axes.twinx()
    owed, owed_label = unit_of(float(shown["closing"].max()))
    other.plot(
        place, shown["closing"] / owed, color=_INK, linewidth=1.5, marker="o", markersize=2.5,
        label="balance at the close (right)",
    )  # fmt: skip
    other.set_ylabel(f"balance, {currency}{owed_label}", color=_INK)
    other.set_ylim(bottom=0.0)
    other.spines["top"].set_visible(False)
    _ends(axes, shown["end"])
    axes.set_ylim(top=1.05 * max(float(base.max(initial=0.0)), 1e-12))
    dress(axes, f"collections, {currency}{label}", beside=other)
    return Picture(figure)


def bridge(
    title: str, before: float, effects: Mapping[str, float], names: tuple[str, str], currency: str
) -> Picture:
    """From ``before`` by ``effects`` in their order to what comes after, as steps [currency].

    Where the steps are small beside the whole, the axis starts near them, and the chart says so.
    """
    levels = np.cumsum([before, *effects.values()])
    reach = max(float(levels.max() - levels.min()), 0.02 * float(np.abs(levels).max()), 1e-9)
    close = float(levels.min()) > 0.75 * float(levels.max())
    low = max(0.0, float(levels.min()) - 0.6 * reach) if close else min(0.0, float(levels.min()))
    figure, axes = canvas(title, "The axis does not start at zero." if low > 0.0 else "")
    unit, label = unit_of(float(np.abs(levels).max()))
    end, half = len(effects) + 1, 0.31
    for place, height in ((0, before), (end, levels[-1])):
        base = max(low, 0.0)
        axes.bar(place, (height - base) / unit, bottom=base / unit, width=2 * half, color=_LEVEL)
        _label(axes, place, height / unit, _digits(height / unit, 4))
    for n, value in enumerate(effects.values(), 1):
        start = levels[n - 1] / unit
        tint = _RISE if value >= 0.0 else _FALL
        axes.bar(n, value / unit, bottom=start, width=2 * half, color=tint)
        axes.plot([n - 1 - half, n + half], [start, start], color=_INK, linewidth=0.7)
        top = max(start, levels[n] / unit)
        _label(axes, n, top, _digits(value / unit, 3, sign="+") if value else "0")
    axes.plot([end - 1 - half, end + half], [levels[-1] / unit] * 2, color=_INK, linewidth=0.7)
    axes.set_xticks(range(end + 1), [names[0], *effects, names[1]])
    dress(axes, f"{currency}{label}", legend=False, bottom=None)
    top = float(levels.max())
    axes.set_ylim(low / unit, (top + 0.12 * max(top - low, reach)) / unit)
    return Picture(figure)


@dataclass(frozen=True)
class Box:
    """A box of a sketch: its top left, width and height [inches], and its colours."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    edge: str
    round: bool = False


@dataclass(frozen=True)
class Label:
    """A line of text: where it begins (or its middle) and the middle of its height [inches]."""

    x: float
    y: float
    text: str
    size: float
    bold: bool = False
    italic: bool = False
    colour: str = _INK
    align: Literal["left", "center"] = "left"


@dataclass(frozen=True)
class Arrow:
    """A straight arrow from one place to another [inches]."""

    x: float
    y: float
    to_x: float
    to_y: float
    colour: str
    dashed: bool = False
    wide: bool = False
    head: bool = True


@dataclass(frozen=True)
class Sketch:
    """Shapes on a sheet [inches, from its top left], painted in this order: boxes, arrows, text."""

    width: float
    height: float
    boxes: Sequence[Box]
    labels: Sequence[Label]
    arrows: Sequence[Arrow]


def sketch(drawn: Sketch) -> Picture:
    """A sketch as a picture of its size."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

    with mpl.rc_context(_settings()):
        figure = Figure(figsize=(drawn.width, drawn.height), facecolor="white")
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_xlim(0.0, drawn.width)
        axes.set_ylim(drawn.height, 0.0)
        axes.set_axis_off()
        for box in drawn.boxes:
            corner = box.height / 2.0 if box.round else 0.05
            style = f"round,pad=0,rounding_size={corner}"
            axes.add_patch(
                FancyBboxPatch(
                    (box.x, box.y), box.width, box.height, boxstyle=style, facecolor=box.fill,
                    edgecolor=box.edge, linewidth=0.9,
                )
            )  # fmt: skip
        for each in drawn.arrows:
            axes.add_patch(
                FancyArrowPatch(
                    (each.x, each.y), (each.to_x, each.to_y), color=each.colour,
                    arrowstyle="-|>" if each.head else "-",
                    capstyle="projecting" if each.wide else "butt",
                    mutation_scale=20.0 if each.wide else 8.0, shrinkA=0.0, shrinkB=0.0,
                    linewidth=3.0 if each.wide else 1.1,
                    linestyle=(0, (3.0, 2.0)) if each.dashed else "solid",
                )
            )  # fmt: skip
        for said in drawn.labels:
            axes.text(
                said.x, said.y, said.text, fontsize=said.size, color=said.colour,
                fontweight="bold" if said.bold else "normal",
                fontstyle="italic" if said.italic else "normal",
                ha=said.align, va="center_baseline", parse_math=False,
            )  # fmt: skip
    return Picture(figure)


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Width of a line of text in letters of ``size`` points [inches]."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    font = FontProperties(family=_installed(), size=size, weight="bold" if bold else "normal")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        wide, _, _ = TextToPath().get_text_width_height_descent(text, font, ismath=False)
    return float(wide) / 72.0


def _digits(value: float, digits: int, sign: str = "") -> str:
    """``value`` in so many digits, or whole where it has more."""
    if abs(value) >= 10.0**digits:
        return f"{value:{sign},.0f}"
    return f"{value:{sign},.{digits}g}"


def _label(axes: Axes, place: float, height: float, text: str) -> None:
    axes.annotate(
        text.replace("-", "\N{MINUS SIGN}"), (place, height), xytext=(0, 4),
        textcoords="offset points", ha="center", fontsize=9, color=_INK,
    )  # fmt: skip


def _settings() -> Any:
    return {
        "font.family": _installed(),
        "svg.fonttype": "none",
        "svg.hashsalt": "scfcap",
        "axes.unicode_minus": True,
    }


@cache
def _installed() -> list[str]:
    """Those of :data:`_FONTS` that are at hand; matplotlib complains of the others."""
    from matplotlib import font_manager

    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    there = set(font_manager.get_font_names())
    return [name for name in _FONTS if name in there] or ["sans-serif"]


def canvas(title: str, note: str) -> tuple[Figure, Axes]:
    """An empty picture with its title, and a ``note`` below that."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(_settings()):
        figure = Figure(figsize=_SIZE, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        axes.set_title(
            title, loc="left", fontsize=12, fontweight="bold", color=_INK, pad=24 if note else 10
        )
        axes.annotate(
            note, (0.0, 1.0), xycoords="axes fraction", xytext=(0, 9),
            textcoords="offset points", fontsize=9, color="#666666",
        )  # fmt: skip
    return figure, axes


def _ends(axes: Axes, ends: pd.Series) -> None:
    """Label a dozen of the period ends; months by name, shorter periods by day."""
    monthly = len(ends) < 2 or (ends.iloc[1] - ends.iloc[0]).days >= 28
    places = np.arange(0, len(ends), max(1, -(-len(ends) // 12)))
    form = "%b %y" if monthly else "%d %b %y"
    axes.set_xticks(places, [f"{ends.iloc[n]:{form}}" for n in places])


def dress(
    axes: Axes,
    unit: str,
    *,
    beside: Axes | None = None,
    legend: bool = True,
    bottom: float | None = 0.0,
) -> None:
    """What every chart shares: unit, faint lines across, no box, the legend below the title."""
    from matplotlib.ticker import FuncFormatter

    axes.set_ylabel(unit, color=_INK)
    if bottom is not None:
        axes.set_ylim(bottom=bottom)
    for each in (axes, *([] if beside is None else [beside])):
        each.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        each.tick_params(colors=_INK, labelsize=9)
    axes.grid(axis="y", color=_FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if legend:
        handles, labels = axes.get_legend_handles_labels()
        if beside is not None:
            more = beside.get_legend_handles_labels()
            handles, labels = [*handles, *more[0]], [*labels, *more[1]]
        axes.figure.legend(
            handles, labels, loc="outside lower center", fontsize=8, frameon=False,
            ncols=len(labels) if len(labels) < 6 else 4,
        )  # fmt: skip


def _last(values: np.ndarray, lines: Mapping[str, FloatArray]) -> int:
    """Rows of ``values`` [T, M] to draw: up to where hardly anything is left or changes."""
    columns = [values, *(np.asarray(line, dtype=np.float64)[:, None] for line in lines.values())]
    whole = np.abs(np.concatenate(columns, axis=1))
    moving = np.abs(np.diff(whole, axis=0, prepend=0.0)).max(axis=1)
    seen = np.flatnonzero(moving > _SEEN * max(float(whole.max()), 1e-300))
    return min(len(values), int(seen.max(initial=0)) + 2)


def unit_of(largest: float) -> tuple[float, str]:
    """The unit in which amounts up to ``largest`` are told, and its name."""
    return next(((u, name) for u, name in _UNITS if largest >= 10.0 * u), _UNITS[-1])
