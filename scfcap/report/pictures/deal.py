"""Pictures of a deal or a series: its classes, where its cash goes, what covers its notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from scfcap.quantities import FloatArray
from scfcap.report.charts import Picture, lines, stacked
from scfcap.report.pictures.pictured import About, Plots
from scfcap.report.totals import deal_tranches

_USES = {
    "fees_paid": "fees",
    "hedge_paid": "hedges",
    "line_paid": "lines repaid",
    "interest_paid": "interest of classes",
    "principal_paid": "principal of classes",
    "residual_paid": "residual",
    "purchases": "loans bought",
}
#: Colours of the uses, of which loans bought are grey.
_TINTS = dict(
    zip(
        _USES.values(),
        ("#CC79A7", "#5C2E00", "#F0E442", "#E69F00", "#1F3A5F", "#009E73", "#BFBFBF"),
        strict=True,
    )
)
_SOURCES = ("interest", "principal_collected", "recovery", "proceeds")
Frames = Mapping[str, pd.DataFrame]


def deal_drawings(frames: Frames, name: str, scenarios: Sequence[str], about: About) -> Plots:
    """Pictures of a deal by kind, in the first of ``scenarios``; others as ``KIND_SCENARIO``.

    ``frames`` as :func:`scfcap.report.deal_tables.deal_frames` gives them.
    """
    made = {}
    for place, scenario in enumerate(scenarios):
        end = "" if place == 0 else f"_{scenario}"
        for kind, draw in (("classes", classes), ("waterfall", waterfall), ("coverage", coverage)):
            made[f"{kind}{end}"] = partial(draw, frames, name, scenario, about)
    return made


def _mine(frame: pd.DataFrame, name: str, scenario: str) -> pd.DataFrame:
    mine = frame[(frame["deal"] == name) & (frame["scenario"] == scenario)]
    return mine.reset_index(drop=True)


def _balances(frames: Frames, name: str, scenario: str) -> dict[str, FloatArray]:
    mine = _mine(frames["deals_tranches"], name, scenario)
    return {
        str(tranche): part.sort_values("period")["balance"].to_numpy(dtype=np.float64)
        for tranche, part in mine.groupby("tranche", sort=False)
    }


def classes(frames: Frames, name: str, scenario: str, about: About) -> Picture:
    """Balances of the classes at each close, and the loans."""
    periods = _mine(frames["deals_periods"], name, scenario)
    return stacked(
        f"Deal {name}: balances of its classes",
        periods["date"],
        _balances(frames, name, scenario),
        about.currency,
        over={"performing loans": periods["pool"].to_numpy(dtype=np.float64)},
        unit_says="at the close",
        note=about.note(scenario),
        source=about.source,
    )


def waterfall(frames: Frames, name: str, scenario: str, about: About) -> Picture:
    """What the deal's cash is used for in each period, and what comes in."""
    periods = _mine(frames["deals_periods"], name, scenario)
    uses = {words: periods[key].to_numpy(dtype=np.float64) for key, words in _USES.items()}
    collected = periods[list(_SOURCES)].sum(axis=1).to_numpy(dtype=np.float64)
    return stacked(
        f"Deal {name}: where its cash goes",
        periods["date"],
        {words: each for words, each in uses.items() if np.abs(each).max(initial=0.0) > 0.0},
        about.currency,
        tints=_TINTS,
        over={"collections": collected},
        unit_says="in the period",
        note=about.note(scenario),
        source=about.source,
    )


def coverage(frames: Frames, name: str, scenario: str, about: About) -> Picture:
    """Loans and cash over what is owed to each class and those before it; what trips, when."""
    periods = _mine(frames["deals_periods"], name, scenario)
    cash = _mine(frames["deals_accounts"], name, scenario).groupby("period")["cash"].sum()
    assets = periods["pool"].to_numpy(dtype=np.float64) + cash.to_numpy(dtype=np.float64)
    kinds = frames["deals_classes"].drop_duplicates("tranche").set_index("tranche")["kind"]
    owed = {
        tranche: each
        for tranche, each in _balances(frames, name, scenario).items()
        if str(kinds.get(tranche, "")) != "equity"
    }
    ratios, so_far = {}, np.zeros(len(assets))
    for tranche, each in owed.items():
        so_far = so_far + each
        ratios[tranche] = _over(assets, so_far)
    events = _mine(frames["deals_events"], name, scenario)
    first = events[~events["kind"].astype(str).str.contains("repaid")]
    steps = [
        (int(period) - 1, str(event))
        for period, event in zip(first["period"], first["name"], strict=True)
        if int(period) >= 1
    ]
    return lines(
        f"Deal {name}: loans and cash over each class and those before it",
        periods["date"],
        {f"cover of {tranche}": each for tranche, each in ratios.items()},
        "times what is owed",
        limits={"par": np.ones(len(assets))},
        money=False,
        steps=steps,
        note=about.note(scenario),
        source=about.source,
    )


def _over(assets: FloatArray, owed: FloatArray, most: float = 5.0) -> FloatArray:
    """Assets over what is owed, ``most`` at most, while over a hundredth of its most is owed."""
    left = owed > 0.01 * max(float(owed.max(initial=0.0)), 1e-9)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(left, np.minimum(assets / np.where(left, owed, 1.0), most), np.nan)


def series_picture(frame: pd.DataFrame, name: str, scenario: str, about: About) -> Picture:
    """Notes of an outstanding series at each close, and its loans and cash.

    ``frame`` as :meth:`scfcap.deal.result.DealResult.to_frame` gives it. It ends when it is repaid.
    """
    mine = frame[frame["scenario"] == scenario] if "scenario" in frame else frame
    mine = mine.sort_values("period").reset_index(drop=True)
    notes = [f"{tranche} notes" for tranche in deal_tranches(mine)]
    owed = mine[notes].sum(axis=1).to_numpy(dtype=np.float64)
    last = int(np.flatnonzero(owed > 0.0).max(initial=0)) + 2
    mine = mine.iloc[:last]
    assets = mine[["pool", "cash", "reserve"]].sum(axis=1).to_numpy(dtype=np.float64)
    return stacked(
        f"{name}: its notes, and what stands behind them",
        pd.to_datetime(mine["end"]),
        {each: mine[each].to_numpy(dtype=np.float64) for each in notes},
        about.currency,
        over={"loans and cash": assets, "loans": mine["pool"].to_numpy(dtype=np.float64)},
        unit_says="at the close",
        note=about.note(scenario),
        source=about.source,
    )
