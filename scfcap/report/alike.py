"""Scenarios that leave loans and deals as they are: a reader is told of them once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from scfcap.report.tables import Table


def told_once(tables: Mapping[str, Table], keep: str) -> dict[str, Table]:
    """``tables`` without scenarios that are in all of cash flows and deals as the first one.

    A scenario of the plan's funding moves none of them. ``keep``, the plan's own, stays.
    """
    mine = {n: x for n, x in tables.items() if n.startswith(("cash_flows", "deal")) and _told(x)}
    scenarios = list(dict.fromkeys(s for x in mine.values() for s in x.frame["scenario"]))
    same = [
        name
        for name in scenarios[1:]
        if name != keep and all(_as_first(x.frame, name) for x in mine.values())
    ]
    if not same:
        return dict(tables)
    return {
        name: replace(x, frame=_without(x.frame, same)) if name in mine else x
        for name, x in tables.items()
    }


def as_first(frame: pd.DataFrame) -> list[str]:
    """Scenarios whose rows of ``frame`` are those of its first scenario."""
    names = list(dict.fromkeys(frame["scenario"]))
    return [name for name in names[1:] if _as_first(frame, name)]


def _told(table: Table) -> bool:
    return "scenario" in table.frame and len(table.frame) > 0


def _as_first(frame: pd.DataFrame, name: str) -> bool:
    first, other = (_rows(frame, x) for x in (str(frame["scenario"].iloc[0]), name))
    return not len(other) or first.equals(other)


def _rows(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    return frame[frame["scenario"] == name].drop(columns="scenario").reset_index(drop=True)


def _without(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    return frame[~frame["scenario"].isin(names)].reset_index(drop=True)
