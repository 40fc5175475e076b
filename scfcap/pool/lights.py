"""Traffic lights: what an indicator's value means under the thresholds of ``[warning]``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from scfcap.quantities import FloatArray
from scfcap.schema.warning import BY_BUYER, INDICATORS, LOW_IS_BAD, Threshold, WarningSpec

LIGHTS: Final = ("green", "yellow", "red")
NO_VALUE: Final = "no value"
#: Months over which a trend is told, and the relative change that is none.
TREND, STEADY = 3, 0.1
_COLUMNS = (
    "indicator", "entity", "month_end", "value", "yellow", "red", "light", "trend", "since",
    "count", "note",
)  # fmt: skip


def levels(name: str, values: FloatArray, limit: Threshold) -> npt.NDArray[np.int8]:
    """0 green, 1 yellow, 2 red, -1 no value. A value on a threshold has reached it."""
    sign = -1.0 if name in LOW_IS_BAD else 1.0
    reached = (sign * values >= sign * limit.yellow).astype(np.int8)
    reached += sign * values >= sign * limit.red
    return np.where(np.isnan(values), -1, reached).astype(np.int8)


def by_month(frame: pd.DataFrame, spec: WarningSpec) -> pd.DataFrame:
    """The indicators of :func:`~scfcap.pool.warning.indicators` with their ``light``."""
    light = np.full(len(frame), -1, dtype=np.int8)
    name = frame["indicator"].to_numpy()
    for one in pd.unique(name):
        rows = name == one
        values = frame["value"].to_numpy(dtype=np.float64)[rows]
        light[rows] = levels(str(one), values, getattr(spec, str(one)))
    said = np.array([*LIGHTS, NO_VALUE], dtype=object)[light]
    return frame.assign(light=pd.Series(said, index=frame.index, dtype="str"))


def now(frame: pd.DataFrame, spec: WarningSpec, missing: Mapping[str, str]) -> pd.DataFrame:
    """The latest light of each indicator and buyer: one row each, the worst first.

    ``trend``: "rising", "falling" or "steady" against :data:`TREND` months before; ``since``: the
    month end from which the light has been the same without a break. ``missing``: why an
    indicator has no value, for those that do not occur in ``frame``; they get a row all the same.
    """
    seen = by_month(frame, spec).sort_values(["indicator", "entity", "month_end"])
    rows = [_latest(group, spec) for _, group in seen.groupby(["indicator", "entity"], sort=False)]
    there = set(frame["indicator"])
    for name in INDICATORS:
        if name not in there:
            limit: Threshold = getattr(spec, name)
            reason = missing.get(name, "the loans have no such data")
            rows.append(
                (name, "", pd.NaT, np.nan, limit.yellow, limit.red, NO_VALUE, "", pd.NaT, 0, reason)
            )
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    rank = table["light"].map({"red": 0, "yellow": 1, "green": 2, NO_VALUE: 3})
    place = table["indicator"].map({name: k for k, name in enumerate(INDICATORS)})
    buyers = table["indicator"].isin(BY_BUYER)
    order = pd.DataFrame({"rank": rank, "buyers": buyers, "place": place, "who": table["entity"]})
    order = order.sort_values(["rank", "buyers", "place", "who"], kind="stable")
    return table.loc[order.index].reset_index(drop=True)


def _latest(group: pd.DataFrame, spec: WarningSpec) -> tuple[object, ...]:
    """A row of :func:`now` from one series in the order of its months."""
    name = str(group["indicator"].iloc[0])
    limit: Threshold = getattr(spec, name)
    values, light = group["value"].to_numpy(dtype=np.float64), group["light"].to_numpy()
    breaks = np.flatnonzero(light != light[-1])
    start = int(breaks[-1]) + 1 if len(breaks) else 0
    ends = group["month_end"]
    count = int(group["count"].iloc[-1])
    note = (
        ""
        if light[-1] != NO_VALUE
        else f"{count} loans behind it, at least {spec.least} are needed"
    )
    if light[-1] == NO_VALUE and count >= spec.least:
        note = "too few months before it to compare with"
    return (
        name, str(group["entity"].iloc[0]), ends.iloc[-1], values[-1], limit.yellow, limit.red,
        light[-1], _trend(values), ends.iloc[start], count, note,
    )  # fmt: skip


def _trend(values: FloatArray) -> str:
    if len(values) <= TREND or np.isnan(values[-1]) or np.isnan(values[-1 - TREND]):
        return ""
    change = values[-1] - values[-1 - TREND]
    if abs(change) <= STEADY * max(abs(values[-1]), abs(values[-1 - TREND])):
        return "steady"
    return "rising" if change > 0.0 else "falling"
