"""Pictures of cash flows: the scenarios beside one another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from scfcap.report.charts import Picture, lines, run_off
from scfcap.report.pictures.pictured import About

#: Scenarios that one picture shows at most.
MOST = 8
_SUMMED = ["interest", "scheduled", "prepaid", "recovery", "closing"]
_PAID = ["interest", "scheduled", "prepaid", "recovery"]


def by_period(flows: pd.DataFrame) -> pd.DataFrame:
    """Cash flows by scenario and period, over all segments."""
    wanted = [
        *_SUMMED,
        *(name for name in ("fees", "advanced", "default", "loss") if name in flows),
    ]
    return flows.groupby(["scenario", "period", "end"], sort=False)[wanted].sum().reset_index()


def run_off_of(flows: pd.DataFrame, scenario: str, about: About) -> Picture:
    """Collections by kind and the balance, in one scenario of :func:`by_period`."""
    return run_off(
        "Collections and balance",
        flows[flows["scenario"] == scenario].reset_index(drop=True),
        about.currency,
        about.note(scenario),
        about.source,
    )


def scenario_lines(
    flows: pd.DataFrame, scenarios: Sequence[str], about: About, measure: str = "collections"
) -> Picture:
    """Collections, or ``measure``, since the start in each scenario.

    ``flows`` as :func:`by_period` gives them. It ends where nothing moves any more.
    """
    shown = list(scenarios)[:MOST]
    series = {}
    for name in shown:
        mine = flows[flows["scenario"] == name].sort_values("period")
        each = mine[_PAID].sum(axis=1) if measure == "collections" else mine[measure]
        series[name] = np.cumsum(each.to_numpy(dtype=np.float64))
    ends = flows.drop_duplicates("period").sort_values("period")["end"].reset_index(drop=True)
    last = _last(series, len(ends))
    left = len(scenarios) - len(shown)
    note = about.note("") + (f" · {len(shown)} of {len(scenarios)} scenarios" if left else "")
    titles = {
        "collections": "Collections since the start, by scenario",
        "loss": "Losses since the start, by scenario",
        "default": "Defaults since the start, by scenario",
    }
    return lines(
        titles[measure],
        ends.iloc[:last],
        {name: each[:last] for name, each in series.items()},
        about.currency,
        unit_says="since the start",
        note=note,
        source=about.source,
    )


def _last(series: dict[str, np.ndarray], periods: int) -> int:
    """Periods until nothing is added any more (less than 0.1% of all)."""
    ends = [np.searchsorted(each, 0.999 * each[-1]) + 2 for each in series.values() if len(each)]
    return min(periods, max((int(each) for each in ends), default=periods))
