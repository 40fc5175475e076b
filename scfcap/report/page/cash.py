"""Charts of cash: free cash and its floor, in shocks, over Monte Carlo paths; what shocks cost."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from scfcap.report.page.chart import Chart, Line, View
from scfcap.report.page.source import INK, Source, colour, figures, table_by
from scfcap.report.sheets.common import PALETTE

_PLANNED, _NOTHING, _ANSWERED = (PALETTE[place] for place in (0, 5, 3))
#: Percentiles that bound a fan's bands, widest first, with their colours.
_BANDS = (("p1", "p99", "DDE1E8"), ("p5", "p95", "AEB8C6"), ("p25", "p75", "7386A0"))
_COURSES = (
    ("cash_base", "as planned", _PLANNED),
    ("cash_nothing", "nothing done", _NOTHING),
    ("cash_answer", "answered", _ANSWERED),
)
#: What paths are spread in, and how it is said.
_MEASURES = {
    "collections": "Collections", "interest": "Interest", "principal": "Principal",
    "recovery": "Recoveries", "default": "Defaults", "loss": "Losses", "closing": "Balance",
}  # fmt: skip


def cash_charts(source: Source) -> Iterator[Chart]:
    """The charts for which there are tables."""
    for build in (_free, _fan):
        chart = build(source)
        if chart is not None:
            yield chart


def shock_charts(source: Source) -> Iterator[Chart]:
    """What shocks cost, and the free cash in them."""
    for build in (_shock_costs, _shock_cash):
        chart = build(source)
        if chart is not None:
            yield chart


def _free(source: Source) -> Chart | None:
    forecast = source.frame("plan_cash_forecast")
    if forecast is None:
        return None
    closing = forecast[forecast["kind"] == "closing"]
    cash = table_by(closing, ["cash"], "end", "amount")
    words = {"free": "Free cash", "restricted": "Restricted cash"}
    lines = [
        Line(source.say(words.get(str(name), str(name))), figures(row), colour(n))
        for n, (name, row) in enumerate(cash.iterrows())
    ]
    limits = source.frame("plan_limits")
    if limits is not None:
        floor = limits[limits["family"] == "liquidity_floor"]
        floors = floor.groupby("end")["limit"].sum().reindex(cash.columns)
        if floors.notna().any():
            name = source.say("Floor of free cash")
            lines.append(Line(name, figures(floors), PALETTE[5], dashed=True))
    return Chart(
        key="cash",
        kind="lines",
        title=source.say("Cash at each close"),
        note=source.say("Free cash is the company's; restricted cash is kept in the series."),
        head=source.say("Close"),
        unit=source.unit,
        format=source.money,
        views=[View(labels=source.closes(cash.columns), lines=lines)],
    )


def _fan(source: Source) -> Chart | None:
    frame = source.frame("distribution_periods")
    if frame is None:
        return None
    views = []
    for (measure, basis), mine in frame.groupby(["measure", "basis"], sort=False):
        lines = []
        for low, high, tint in _BANDS:
            lines += [
                Line(name.upper(), figures(mine[name]), tint, role="band") for name in (low, high)
            ]
        lines.append(Line(source.say("Median"), figures(mine["p50"]), PALETTE[0]))
        lines.append(Line(source.say("Mean"), figures(mine["mean"]), PALETTE[1], dashed=True))
        what = source.say(_MEASURES.get(str(measure), str(measure)))
        over = source.say(_BASES[str(basis)])
        views.append(View(f"{what} · {over}", source.closes(mine["end"]), lines))
    return Chart(
        key="fan",
        kind="fan",
        title=source.say("How cash may turn out: paths drawn at random"),
        note=source.say("Bands hold 98%, 90% and 50% of the paths."),
        head=source.say("Period to"),
        unit=source.unit,
        format=source.money,
        views=views,
        pick=source.say("Measure"),
    )


_BASES = {"period": "in each period", "cumulative": "from the start", "close": "at each close"}


def _titles(source: Source) -> dict[str, str]:
    frame = source.frame("plan_contingency")
    if frame is None:
        return {}
    return {str(key): source.say(str(title)) for key, title in zip(
        frame["scenario"], frame["title"], strict=True
    )}  # fmt: skip


def _shock_costs(source: Source) -> Chart | None:
    frame = source.frame("plan_contingency")
    if frame is None:
        return None
    lines = [
        Line(source.say(words), figures(frame[name]), tint)
        for name, words, tint in (
            ("cost_shock", "Costs even if foreseen", _PLANNED),
            ("cost", "Costs in all, answered", _ANSWERED),
            ("avoided", "Doing nothing costs more", _NOTHING),
        )
    ]
    return Chart(
        key="shocks",
        kind="bars",
        title=source.say("What each shock costs"),
        note=source.say("Each alone, against the plan as it stands."),
        head=source.say("Shock"),
        unit=source.unit,
        format=source.money,
        views=[View(labels=list(_titles(source).values()), lines=lines)],
    )


def _shock_cash(source: Source) -> Chart | None:
    paths = source.frame("plan_contingency_cash")
    if paths is None:
        return None
    titles = _titles(source)
    views = [_all_shocks(source, paths, titles, course) for course in _COURSES[:0:-1]]
    for scenario, mine in paths.groupby("scenario", sort=False):
        lines = [
            Line(source.say(words), figures(mine[name]), tint, dashed=name == "cash_base")
            for name, words, tint in _COURSES
        ]
        name = titles.get(str(scenario), str(scenario))
        views.append(View(name, source.closes(mine["end"]), lines))
    return Chart(
        key="shock_cash",
        kind="lines",
        title=source.say("Free cash if a shock comes"),
        note=source.say(
            "If nothing is done: before what is missing is raised by forced sales or borrowed."
        ),
        head=source.say("Close"),
        unit=source.unit,
        format=source.money,
        views=views,
        pick=source.say("Shock"),
    )


def _all_shocks(
    source: Source, paths: pd.DataFrame, titles: dict[str, str], course: tuple[str, str, str]
) -> View:
    """The free cash of all shocks by one course, beside the plan's."""
    column, words, _ = course
    table = table_by(paths, ["scenario"], "end", column)
    planned = paths.groupby("end", sort=False)["cash_base"].first().reindex(table.columns)
    lines = [Line(source.say("as planned"), figures(planned), INK, dashed=True)]
    lines += [
        Line(titles.get(str(name), str(name)), figures(row), colour(n))
        for n, (name, row) in enumerate(table.iterrows())
    ]
    joint = "，" if source.labels.language == "zh" else ", "
    name = f"{source.say('All shocks')}{joint}{source.say(words)}"
    return View(name, source.closes(table.columns), lines)
