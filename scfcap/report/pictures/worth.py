"""Pictures of what is worth what: a proposal by price and size, policies, early warnings."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from scfcap.report.charts import Picture, Row, digits, lines, rows_of_bars, unit_of
from scfcap.report.pictures.pictured import About
from scfcap.report.sheets.common import title_case

_LIGHTS = {"green": "#009E73", "yellow": "#F0E442", "red": "#D55E00"}


def by_price(frame: pd.DataFrame, title: str, column: str, about: About) -> Picture:
    """What a source is worth to the plan at each of its prices."""
    unit, label = unit_of(float(frame["worth"].abs().max()))
    rows = [
        Row(
            f"{price:.2%}",
            float(worth) / unit,
            f"{digits(float(worth) / unit, 3)}" + (f" · {binds}" if binds else ""),
        )
        for price, worth, binds in zip(
            frame[column], frame["worth"], frame["binds"].astype(str), strict=True
        )
    ]
    return rows_of_bars(
        title, {"": rows}, f"worth to the plan, {about.currency}{label}, by price a year",
        note=about.note(""), source=about.source,
    )  # fmt: skip


def by_size(frame: pd.DataFrame, title: str, about: About) -> Picture:
    """What a source is worth to the plan by how much of it there is."""
    unit, label = unit_of(float(frame["amount"].abs().max()))
    return lines(
        title,
        frame["amount"] / unit,
        {"worth": frame["worth"].to_numpy(dtype=np.float64)},
        about.currency,
        unit_says="worth to the plan",
        across=f"size, {about.currency}{label}",
        bottom=None if float(frame["worth"].min()) < 0.0 else 0.0,
        note=about.note(""),
        source=about.source,
    )


def policies(frame: pd.DataFrame, measures: Mapping[str, str], about: About) -> Picture:
    """What the scenario program gains on each rival over all worlds, with 95% intervals."""
    groups = {}
    families = list(dict.fromkeys(frame["family"].astype(str)))
    family = "all" if "all" in families else families[0]
    for measure, words in measures.items():
        mine = frame[(frame["measure"] == measure) & (frame["family"] == family)]
        if not len(mine):
            continue
        largest = float(mine["difference"].abs().max())
        money = measure != "served"
        unit, label = unit_of(largest) if money else (1.0, "")
        name = f"{title_case(words)}, {about.currency}{label}" if money else title_case(words)
        groups[name] = [
            Row(
                str(row["rival"]),
                float(row["difference"]) / unit,
                digits(float(row["difference"]) / unit, 3, "+"),
                low=None if pd.isna(row["low"]) else float(row["low"]) / unit,
                high=None if pd.isna(row["high"]) else float(row["high"]) / unit,
            )
            for row in mine.to_dict("records")
        ]
    return rows_of_bars(
        "What the scenario program gains on each rival, in the same worlds",
        groups,
        "difference; lines are 95% intervals",
        dots=True,
        note=about.note(""),
        source=about.source,
    )


def warnings(frame: pd.DataFrame, about: About) -> Picture:
    """Each indicator over its red threshold, in the colour of its light."""
    known = frame[frame["value"].notna() & (frame["red"] > 0.0)]
    rows = []
    for row in known.to_dict("records"):
        light = str(row["light"])
        name = title_case(str(row["indicator"])) + (f": {row['entity']}" if row["entity"] else "")
        says = f"{light}: {digits(float(row['value']), 3)} of {digits(float(row['red']), 3)}"
        share = float(row["value"]) / float(row["red"])
        rows.append(Row(name, share, says, limit=1.0, tint=_LIGHTS.get(light, "#BFBFBF")))
    return rows_of_bars(
        "Early warnings: each indicator against its red threshold",
        {"": rows or [Row("no indicator has a value", 0.0)]},
        "share of the red threshold",
        percent=True,
        note=about.note(""),
        source=about.source,
    )
