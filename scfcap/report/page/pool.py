"""Charts of the pool's cash and of series and deals: run-off, collections, notes and classes."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from scfcap.report.page.chart import Chart, Line, View
from scfcap.report.page.source import INK, Source, colour, figures, table_by
from scfcap.report.totals import deal_tranches

#: What a pool pays, how it is said, and its colour's place.
_KINDS = (
    ("interest", "Interest", 1),
    ("scheduled", "Scheduled principal", 0),
    ("prepaid", "Prepaid principal", 2),
    ("recovery", "Recoveries", 3),
)


def pool_charts(source: Source) -> Iterator[Chart]:
    """The run-off by scenario, and the cash of each."""
    flows = source.frame("cash_flows")
    if flows is not None:
        yield _run_off(source, flows)
        yield _collections(source, flows)


def deal_charts(source: Source) -> Iterator[Chart]:
    """What is outstanding of each series' notes, and of each deal's classes."""
    for views, key, title, note in (
        (
            _series(source),
            "notes",
            "Notes of each series, and the loans behind them",
            "Notes held by others, upon each other; the dashed line is the pool.",
        ),
        (
            _classes(source),
            "classes",
            "Classes of each deal, and the loans behind them",
            "Classes upon each other, junior on top; the dashed line is the pool.",
        ),
    ):
        if views:
            yield Chart(
                key=key,
                kind="stack",
                title=source.say(title),
                note=source.say(note),
                head=source.say("Period to"),
                unit=source.unit,
                format=source.money,
                views=views,
                pick=source.say("Series and scenario" if key == "notes" else "Deal and scenario"),
            )


def _run_off(source: Source, flows: pd.DataFrame) -> Chart:
    closing = table_by(flows, ["scenario"], "end", "closing")
    lines = [
        Line(source.say(str(scenario)), figures(row), colour(n), dashed=n % 2 == 1)
        for n, (scenario, row) in enumerate(closing.iterrows())
    ]
    return Chart(
        key="run_off",
        kind="lines",
        title=source.say("How the loans of today run off, by scenario"),
        note=source.say("Performing balance at each close, without new loans."),
        head=source.say("Close"),
        unit=source.unit,
        format=source.money,
        views=[View(labels=source.closes(closing.columns), lines=lines)],
    )


def _collections(source: Source, flows: pd.DataFrame) -> Chart:
    views = []
    for scenario, mine in flows.groupby("scenario", sort=False):
        sums = mine.groupby("end", sort=False)[[name for name, _, _ in _KINDS]].sum()
        lines = [
            Line(source.say(words), figures(sums[name]), colour(place))
            for name, words, place in _KINDS
            if sums[name].abs().max() > 0.0
        ]
        views.append(View(source.say(str(scenario)), source.closes(sums.index), lines))
    return Chart(
        key="collections",
        kind="stack",
        title=source.say("What the loans of today pay"),
        note="",
        head=source.say("Period to"),
        unit=source.unit,
        format=source.money,
        views=views,
        pick=source.say("Scenario"),
    )


def _series(source: Source) -> list[View]:
    views = []
    for name, table in source.tables.items():
        if not name.startswith("deal_") or not deal_tranches(table.frame):
            continue
        for (series, scenario), mine in table.frame.groupby(["series", "scenario"], sort=False):
            lines = [
                Line(source.say(tranche), figures(mine[f"{tranche} notes"]), colour(n))
                for n, tranche in enumerate(deal_tranches(mine))
            ]
            lines.append(_pool(source, mine["pool"]))
            said = f"{source.say(str(series))} · {source.say(str(scenario))}"
            views.append(View(said, source.closes(mine["end"]), lines))
    return views


def _classes(source: Source) -> list[View]:
    frame, periods = source.frame("deals_tranches"), source.frame("deals_periods")
    if frame is None:
        return []
    views = []
    for (deal, scenario), mine in frame.groupby(["deal", "scenario"], sort=False):
        table = table_by(mine, ["tranche"], "date", "balance")
        lines = [
            Line(source.say(str(tranche)), figures(row), colour(n))
            for n, (tranche, row) in enumerate(table.iterrows())
        ]
        if periods is not None:
            here = periods[(periods["deal"] == deal) & (periods["scenario"] == scenario)]
            lines.append(_pool(source, here.set_index("date")["pool"].reindex(table.columns)))
        said = f"{source.say(str(deal))} · {source.say(str(scenario))}"
        views.append(View(said, source.closes(table.columns), lines))
    return views


def _pool(source: Source, values: pd.Series) -> Line:
    return Line(source.say("Pool"), figures(values), INK, role="line", dashed=True)
