"""Charts as pictures: drawn with matplotlib alone, without a screen or any global state.

The same figures give the same bytes. Colours are told apart by colour-blind readers too, and every
line has a label as well.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
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
}
_RISE, _FALL, _LEVEL = f"#{PALETTE[3]}", f"#{PALETTE[5]}", f"#{PALETTE[0]}"


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
    figure, axes = _canvas(title, note)
    unit, label = _unit(float(shown["p99"].abs().max()))
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
        style = ("-", "--", "-.")[n // 4 % 3]
        seen = np.asarray(values)[: len(days)] / unit
        axes.plot(days, seen, color=tint, linewidth=1.5, linestyle=style, label=f"scenario {name}")
    _ends(axes, shown["end"])
    _dress(axes, f"{currency}{label}")
    return Picture(figure)


def run_off(title: str, flows: pd.DataFrame, currency: str, note: str = "") -> Picture:
    """Collections by kind, stacked by period, and the performing balance at each close.

    ``flows`` has one row a period with ``end``, ``closing`` and the collections [currency].
    """
    names = [name for name in _KINDS if flows[name].abs().max() > 0.0] or ["interest"]
    sums = flows[names].sum(axis=1)
    shown = flows.iloc[: _last(np.stack([sums, flows["closing"]], axis=1), {})]
    figure, axes = _canvas(title, note)
    unit, label = _unit(float(max(sums.max(), 0.0)))
    place = np.arange(len(shown))
    base = np.zeros(len(shown))
    for name in names:
        words, tint = _KINDS[name]
        values = shown[name].to_numpy() / unit
        axes.bar(place, values, bottom=base, width=0.75, color=f"#{PALETTE[tint]}", label=words)
        base += values
    other = axes.twinx()
    owed, owed_label = _unit(float(shown["closing"].max()))
    other.plot(
        place, shown["closing"] / owed, color=_INK, linewidth=1.5, marker="o", markersize=2.5,
        label="balance at the close (right)",
    )  # fmt: skip
    other.set_ylabel(f"balance, {currency}{owed_label}", color=_INK)
    other.set_ylim(bottom=0.0)
    other.spines["top"].set_visible(False)
    _ends(axes, shown["end"])
    axes.set_ylim(top=1.05 * max(float(base.max(initial=0.0)), 1e-12))
    _dress(axes, f"collections, {currency}{label}", beside=other)
    return Picture(figure)


def bridge(
    title: str, before: float, effects: Mapping[str, float], names: tuple[str, str], currency: str
) -> Picture:
    """From ``before`` by ``effects`` in their order to what comes after, as steps [currency].

    The axis starts near the steps where they are small beside the whole; a note says so.
    """
    after = before + sum(effects.values())
    levels = np.cumsum([before, *effects.values()])
    reach = float(levels.max() - levels.min())
    low = max(0.0, float(levels.min()) - 0.6 * reach) if reach > 0.0 else 0.0
    low = 0.0 if low < 0.35 * float(levels.max()) else low
    figure, axes = _canvas(title, "The axis does not start at zero." if low > 0.0 else "")
    unit, label = _unit(float(np.abs(levels).max()))
    width = 0.62
    axes.bar(0, before / unit - low / unit, bottom=low / unit, width=width, color=_LEVEL)
    texts = [(0, before, _short(before))]
    for n, value in enumerate(effects.values(), 1):
        start = levels[n - 1]
        axes.bar(
            n, value / unit, bottom=start / unit, width=width,
            color=_RISE if value >= 0.0 else _FALL,
        )  # fmt: skip
        axes.plot([n - 1 - width / 2, n + width / 2], [start / unit] * 2, color=_INK, linewidth=0.7)
        texts.append((n, max(start, levels[n]), _signed(value)))
    end = len(effects) + 1
    axes.plot([end - 1 - width / 2, end + width / 2], [after / unit] * 2, color=_INK, linewidth=0.7)
    axes.bar(end, after / unit - low / unit, bottom=low / unit, width=width, color=_LEVEL)
    texts.append((end, after, _short(after)))
    for place, height, text in texts:
        axes.annotate(
            text, (place, height / unit), xytext=(0, 4), textcoords="offset points",
            ha="center", fontsize=9, color=_INK,
        )  # fmt: skip
    axes.set_xticks(range(end + 1), [names[0], *effects, names[1]])
    _dress(axes, f"{currency}{label}", legend=False, bottom=None if low > 0.0 else 0.0)
    axes.margins(y=0.12)
    return Picture(figure)


def _settings() -> Any:
    return {
        "font.family": _installed(),
        "svg.fonttype": "none",
        "svg.hashsalt": "scfcap",
        "axes.unicode_minus": True,
    }


def _installed() -> list[str]:
    """Those of :data:`_FONTS` that are at hand; matplotlib complains of the others."""
    from matplotlib import font_manager

    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    there = set(font_manager.get_font_names())
    return [name for name in _FONTS if name in there] or ["sans-serif"]


def _canvas(title: str, note: str) -> tuple[Figure, Axes]:
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(_settings()):
        figure = Figure(figsize=_SIZE, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold", color=_INK)
        axes.set_title(note or " ", loc="left", fontsize=9, color="#666666")
    return figure, axes


def _ends(axes: Axes, ends: pd.Series) -> None:
    """Label a dozen of the period ends; months by name, shorter periods by day."""
    monthly = len(ends) < 2 or (ends.iloc[1] - ends.iloc[0]).days >= 28
    places = np.arange(0, len(ends), max(1, -(-len(ends) // 12)))
    form = "%b %y" if monthly else "%d %b %y"
    axes.set_xticks(places, [f"{ends.iloc[n]:{form}}" for n in places])


def _dress(
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


def _unit(largest: float) -> tuple[float, str]:
    return next(((u, name) for u, name in _UNITS if largest >= 10.0 * u), _UNITS[-1])


def _short(amount: float) -> str:
    unit, name = _unit(abs(amount))
    return f"{amount / unit:,.4g}{name}".replace("-", "\N{MINUS SIGN}")


def _signed(amount: float) -> str:
    return f"+{_short(amount)}" if amount >= 0.0 else _short(amount)
