"""Charts of flows: a fan of paths, a run-off, a bridge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scfcap.quantities import FloatArray
from scfcap.report.charts.look import INK, Picture, canvas, digits, dress, period_ends, unit_of
from scfcap.report.sheets.common import PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BANDS = (("p1", "p99", "#DDE1E8"), ("p5", "p95", "#AEB8C6"), ("p25", "p75", "#7386A0"))
#: What is drawn ends where less than this of the largest figure is still to be seen [share].
_SEEN = 2e-3
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


def fan(
    title: str,
    spread: pd.DataFrame,
    currency: str,
    *,
    lines: Mapping[str, FloatArray] | None = None,
    note: str = "",
    source: str = "",
) -> Picture:
    """A fan: bands between percentiles by period end, the median, the mean, and ``lines`` by name.

    ``spread`` has one row a period with ``end``, ``mean`` and ``p1`` ... ``p99`` [currency];
    each of ``lines`` has one figure a row of it.
    """
    lines = lines or {}
    shown = spread.iloc[: _last(spread[["p1", "p50", "p99"]].to_numpy(), lines)]
    figure, axes = canvas(title, note, source)
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
    axes.plot(days, shown["mean"] / unit, color=INK, linewidth=1.2, linestyle=":", label="mean")
    for n, (name, values) in enumerate(lines.items()):
        tint = f"#{PALETTE[(1, 5, 3, 4)[n % 4]]}"
        style = ("--", "-.", ":")[n // 4 % 3]
        seen = np.asarray(values)[: len(days)] / unit
        axes.plot(days, seen, color=tint, linewidth=1.5, linestyle=style, label=f"scenario {name}")
    period_ends(axes, shown["end"])
    dress(axes, f"{currency}{label}")
    return Picture(figure)


def run_off(
    title: str, flows: pd.DataFrame, currency: str, note: str = "", source: str = ""
) -> Picture:
    """Collections by kind, stacked by period, and the performing balance at each close.

    ``flows`` has one row a period with ``end``, ``closing`` and the collections [currency].
    """
    names = [name for name in _KINDS if name in flows and flows[name].abs().max() > 0.0]
    names = names or ["interest"]
    sums = flows[names].sum(axis=1)
    shown = flows.iloc[: _last(np.stack([sums, flows["closing"]], axis=1), {})]
    figure, axes = canvas(title, note, source)
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
        place, shown["closing"] / owed, color=INK, linewidth=1.5, marker="o", markersize=2.5,
        label="balance at the close (right)",
    )  # fmt: skip
    other.set_ylabel(f"balance, {currency}{owed_label}", color=INK)
    other.set_ylim(bottom=0.0)
    other.spines["top"].set_visible(False)
    period_ends(axes, shown["end"])
    axes.set_ylim(top=1.05 * max(float(base.max(initial=0.0)), 1e-12))
    dress(axes, f"collections, {currency}{label}", beside=other)
    return Picture(figure)


def bridge(
    title: str,
    before: float,
    effects: Mapping[str, float],
    names: tuple[str, str],
    currency: str,
    *,
    source: str = "",
) -> Picture:
    """From ``before`` by ``effects`` in their order to what comes after, as steps [currency].

    Where the steps are small beside the whole, the axis starts near them, and the chart says so.
    """
    levels = np.cumsum([before, *effects.values()])
    reach = max(float(levels.max() - levels.min()), 0.02 * float(np.abs(levels).max()), 1e-9)
    close = float(levels.min()) > 0.75 * float(levels.max())
    low = max(0.0, float(levels.min()) - 0.6 * reach) if close else min(0.0, float(levels.min()))
    figure, axes = canvas(title, "The axis does not start at zero." if low > 0.0 else "", source)
    unit, label = unit_of(float(np.abs(levels).max()))
    end, half = len(effects) + 1, 0.31
    for place, height in ((0, before), (end, levels[-1])):
        base = max(low, 0.0)
        axes.bar(place, (height - base) / unit, bottom=base / unit, width=2 * half, color=_LEVEL)
        _label(axes, place, height / unit, digits(height / unit, 4))
    for n, value in enumerate(effects.values(), 1):
        start = levels[n - 1] / unit
        tint = _RISE if value >= 0.0 else _FALL
        axes.bar(n, value / unit, bottom=start, width=2 * half, color=tint)
        axes.plot([n - 1 - half, n + half], [start, start], color=INK, linewidth=0.7)
        top = max(start, levels[n] / unit)
        _label(axes, n, top, digits(value / unit, 3, sign="+") if value else "0")
    axes.plot([end - 1 - half, end + half], [levels[-1] / unit] * 2, color=INK, linewidth=0.7)
    axes.set_xticks(range(end + 1), [names[0], *effects, names[1]])
    dress(axes, f"{currency}{label}", legend=False, bottom=None)
    top = float(levels.max())
    axes.set_ylim(low / unit, (top + 0.12 * max(top - low, reach)) / unit)
    return Picture(figure)


def _label(axes: Axes, place: float, height: float, text: str) -> None:
    axes.annotate(
        text, (place, height), xytext=(0, 4), textcoords="offset points", ha="center",
        fontsize=9, color=INK,
    )  # fmt: skip


def _last(values: np.ndarray, lines: Mapping[str, FloatArray]) -> int:
    """Rows of ``values`` [T, M] to draw: up to where hardly anything is left or changes."""
    columns = [values, *(np.asarray(line, dtype=np.float64)[:, None] for line in lines.values())]
    whole = np.abs(np.concatenate(columns, axis=1))
    moving = np.abs(np.diff(whole, axis=0, prepend=0.0)).max(axis=1)
    seen = np.flatnonzero(moving > _SEEN * max(float(whole.max()), 1e-300))
    return min(len(values), int(seen.max(initial=0)) + 2)
