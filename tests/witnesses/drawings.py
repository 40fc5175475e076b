"""Pictures of real pools and notes, month by month: drawn curves, no table of their figures."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scfcap.report.charts import Picture
from scfcap.report.charts.look import INK, QUIET, colour, dress, legend_below, panels, unit_of

from . import aart
from .carmax import Replay

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from scfcap.cashflow.backtest import Backtest

POOL = "aart-2017-3"
NOTES = "carmax"
_POOL_SOURCE = (
    "Loans of Ally Auto Receivables Trust 2017-3, Form ABS-EE; forecast by scfcap credit --backtest"
)
_NOTES_SOURCE = "CarMax Auto Owner Trusts 2017-1 to 2019-4, Form 10-D; deals run by scfcap"
#: Colours of the forecasts, and how they are drawn.
_LOOK = {"fitted": (0, "-"), "model": (1, "--"), "naive": (2, "-.")}


def of_pool(found: Backtest) -> Iterator[tuple[str, Picture]]:
    """Name and picture: balance, prepayment speed, defaults and recoveries by month."""
    start = _start(found)
    shown = (
        ("balance", "Balance of the pool", aart.path(found, "balance"), 1.0),
        ("prepayment", "Prepayment speed, CPR", aart.speeds(found), 0.0),
        ("defaults", "Defaults so far, of the balance at the start",
         _summed(aart.path(found, "defaults"), start), 0.0),
        ("recoveries", "Recoveries so far, of the balance at the start",
         _summed(aart.path(found, "recoveries"), start), 0.0),
    )  # fmt: skip
    for name, title, frame, money in shown:
        yield f"{POOL}-{name}", _against(title, frame, money=bool(money))


def _start(found: Backtest) -> float:
    """Balance on which the forecast begins [currency]."""
    first = {name: aart.path(found, name)["actual"].iloc[0] for name in aart.MEASURES}
    return float(first["balance"] + first["principal"] + first["defaults"])


def _summed(frame: pd.DataFrame, start: float) -> pd.DataFrame:
    columns = ["actual", *aart.FORECASTS]
    return frame[["month_end"]].join(frame[columns].cumsum() / start)


def _against(title: str, frame: pd.DataFrame, *, money: bool) -> Picture:
    """What happened as dots, the forecasts as lines, and of money the interval of rates by age."""
    note = "Fitted on June 2017 to February 2019; dots are what the loans then did."
    figure, (axes,) = panels(f"{title}: forecast and actual", note, _POOL_SOURCE)
    unit, said = unit_of(float(frame["actual"].max())) if money else (1.0, "")
    place = np.arange(len(frame))
    keys: dict[str, Any] = {}
    if "low" in frame and money:
        low, high = (frame[name].to_numpy() / unit for name in ("low", "high"))
        keys["95% interval, rates by age"] = axes.fill_between(
            place, low, high, color=colour(0), alpha=0.18, linewidth=0.0
        )
    for name, (tint, dash) in _LOOK.items():
        (keys[aart.FORECASTS[name]],) = axes.plot(
            place, frame[name] / unit, dash, color=colour(tint), linewidth=1.8
        )
    (keys["actual"],) = axes.plot(
        place, frame["actual"] / unit, "o", color=INK, markersize=4.0, linewidth=0.0
    )
    _months(axes, frame["month_end"])
    dress(axes, f"USD{said}" if money else "", legend=False, percent=not money)
    legend_below(axes, list(keys.values()), list(keys))
    return Picture(figure)


def _months(axes: Axes, ends: pd.Series) -> None:
    places = np.arange(0, len(ends), 3)
    axes.set_xticks(places, [f"{ends.iloc[n]:%b %y}" for n in places])


def of_notes(deals: Sequence[Replay]) -> Iterator[tuple[str, Picture]]:
    """Name and picture: every class of every deal by month, as lines and as reported."""
    for name, title, of in (
        ("factors", "Balance of each class of notes, of its size at first", _factors),
        ("interest", "Interest of each class of notes by month", _interest),
    ):
        yield f"{NOTES}-{name}", _grid(title, deals, of)


def _factors(deal: Replay) -> tuple[pd.DataFrame, pd.DataFrame, float, str]:
    return deal.our_balance / deal.sizes, deal.reported / deal.sizes, 1.0, ""


def _interest(deal: Replay) -> tuple[pd.DataFrame, pd.DataFrame, float, str]:
    classes = list(deal.fixed)
    ours, theirs = deal.our_interest[classes].iloc[1:], deal.interest[classes].iloc[1:]
    return ours, theirs, 1e6, "USD m"


def _grid(title: str, deals: Sequence[Replay], of: Any) -> Picture:
    """A chart for each deal: lines are ours, dots as reported."""
    note = (
        "Lines are ours, dots what the trustee reported, a dot a month. Where classes have "
        "the same figure, they lie on one another."
    )
    names = sorted({name for deal in deals for name in deal.our_balance})
    tints = {name: colour(n) for n, name in enumerate(names)}
    figure, charts = panels(title, note, _NOTES_SOURCE, size=(11.0, 7.6), grid=(3, 4), share=True)
    keys: dict[str, Any] = {}
    longest = max(len(deal.our_balance) for deal in deals)
    for n, (axes, deal) in enumerate(zip(charts, deals, strict=True)):
        ours, theirs, unit, said = of(deal)
        keys |= _classes(axes, ours / unit, theirs / unit, tints)
        dress(axes, said if n % 4 == 0 else "", legend=False, percent=unit == 1.0)
        axes.set_title(_short(deal.trust), fontsize=9, color=INK, loc="left")
        axes.set_xlim(0.0, longest + 1.0)
        if n // 4 == 2:
            axes.set_xlabel("months", fontsize=8, color=QUIET)
        axes.tick_params(labelsize=8)
    order = sorted(keys)
    legend_below(charts[-1], [keys[name] for name in order], [_class(name) for name in order])
    return Picture(figure)


def _classes(
    axes: Axes, ours: pd.DataFrame, theirs: pd.DataFrame, tints: Mapping[str, str]
) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    place = np.arange(1, len(ours) + 1)
    for name in ours:
        paid_off = np.flatnonzero(ours[name].to_numpy() <= 0.0)
        last = len(ours) if len(paid_off) == 0 else int(paid_off[0]) + 1
        look: dict[str, Any] = {"color": tints[name]}
        (keys[name],) = axes.plot(place[:last], ours[name].iloc[:last], linewidth=1.2, **look)
        axes.plot(
            place[:last], theirs[name].iloc[:last], "o", markersize=1.8, linewidth=0.0, **look
        )
    return keys


def _class(name: str) -> str:
    return f"class {name.replace('_', '-')}"


def _short(trust: str) -> str:
    return trust.replace("CarMax Auto Owner Trust ", "")


def png(picture: Picture, colours: int = 256) -> bytes:
    """A picture as a small PNG of so many colours."""
    from PIL import Image

    out = io.BytesIO()
    with Image.open(io.BytesIO(picture.to_bytes("png"))) as whole:
        whole.convert("RGB").quantize(colours).save(out, format="PNG", optimize=True)
    return out.getvalue()
