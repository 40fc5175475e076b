"""Pictures of an allocation: who gets what, and which rows bind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scfcap import axes
from scfcap.report.charts import Picture, Row, digits, rows_of_bars, unit_of
from scfcap.report.pictures.pictured import About
from scfcap.report.sheets.common import CHANNEL_COLOURS, CHANNEL_WORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST = 15


def channels(frame: pd.DataFrame, about: About) -> Picture:
    """What each channel holds today and after, and the most that it may."""
    largest = float(frame[["today", "after"]].to_numpy(dtype=np.float64).max(initial=1.0))
    unit, label = unit_of(largest)
    groups: dict[str, list[Row]] = {}
    for row in frame.to_dict("records"):
        key = str(row["channel"])
        kind = axes.channel_of(key)
        words = CHANNEL_WORDS.get(kind, kind)
        name = words if key == kind else f"{words}: {key.partition(':')[2]}"
        after, today = float(row["after"]), float(row["today"])
        change = f"{digits((after - today) / unit, 3, '+')}" if after != today else "no change"
        groups.setdefault("", []).append(
            Row(
                name,
                after / unit,
                f"{digits(after / unit, 3)} ({change}) · {int(row['loans']):,} loans",
                limit=today / unit,
                tint=f"#{CHANNEL_COLOURS.get(kind, '7F7F7F')}",
            )
        )
    return rows_of_bars(
        "Who gets what: the loans of each channel",
        groups,
        f"balance after the funding date, {about.currency}{label}; the mark is today",
        note=about.note(""),
        source=about.source,
    )


def binding(frame: pd.DataFrame, least: float, about: About) -> Picture:
    """The rows that have a price, the dearest first: what one more unit of each is worth."""
    priced = frame[frame["price"] > least].sort_values("price", ascending=False, kind="stable")
    shown = priced.head(_MOST)
    note = about.note("")
    if len(priced) > len(shown):
        note += f" · the {len(shown)} dearest of {len(priced)}"
    return rows_of_bars(
        "What binds: the price of each row",
        {"": _rows(shown["row"].astype(str).tolist(), shown["price"].tolist())},
        "worth of one more unit of the row",
        note=note,
        source=about.source,
    )


def _rows(names: Sequence[str], prices: Sequence[float]) -> list[Row]:
    return [
        Row(name, float(price), digits(float(price), 3))
        for name, price in zip(names, prices, strict=True)
    ] or [Row("nothing binds", 0.0)]
