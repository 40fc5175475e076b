"""``scfcap warn``: early warnings, their lights, and what each would have been worth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scfcap.cli.grid import blank_repeats, grid
from scfcap.cli.options import (
    Json,
    ModelArgument,
    Out,
    Overrides,
    Quiet,
    RejectLimit,
    TapePath,
    Traceback,
)
from scfcap.cli.terminal import Asked, Outcome, Terminal, execute, shown_path

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table as RichTable

    from scfcap.report.watch import WatchReport
    from scfcap.schema.warning import MeasureSpec, Threshold

Measure = Annotated[
    bool | None,
    typer.Option(
        "--measure/--no-measure",
        help="Put the thresholds to the test on synthetic platforms; by default where the tape "
        "comes from one.",
    ),
]
Calibrate = Annotated[
    bool,
    typer.Option(
        "--calibrate",
        help="Print thresholds for [warning], set on synthetic platforms of the size that "
        "[warning.measure] states; takes a minute.",
    ),
]
#: Lights of buyers that are green are counted, not listed.
_LISTED = ("red", "yellow")
_COLOURS = {"red": "bold red", "yellow": "yellow", "green": "green", "no value": "dim"}
#: How values of an indicator are written; a share if it is not here.
_DAYS = ("buyer_days_late",)


def warn(
    model: ModelArgument,
    tape: TapePath = None,
    overrides: Overrides = None,
    reject_limit: RejectLimit = None,
    measure: Measure = None,
    calibrate: Calibrate = False,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Early warnings from the history and the pool: value, threshold, light, trend, since when."""

    def work(terminal: Terminal) -> Outcome:

        terminal.progress("tape")
        loaded = Asked(model, tape, overrides, reject_limit, out).load()
        loaded.tape()
        terminal.progress("indicators")
        report = loaded.watch()
        value = None
        if loaded.lives() is not None if measure is None else measure:
            terminal.progress("test")
            value = loaded.warning_value()
        limits = {}
        if calibrate:
            terminal.progress("thresholds")
            limits = loaded.warning_thresholds()
        folder = None if out is None else report.save(out, value).folder
        terminal.finish()
        _show(terminal, report)
        if value is not None:
            _show_value(terminal, value, report.model.spec.warning.measure)
        if limits:
            terminal.say("", "[warning]   # set on synthetic platforms by scfcap warn --calibrate")
            terminal.say(*(_toml(name, limit) for name, limit in limits.items()))
        if folder is not None:
            terminal.say(f"Lights, and indicators by month: {shown_path(folder)}")
        thresholds = {name: limit.model_dump() for name, limit in limits.items()} or None
        document = {**report.document(value), "thresholds": thresholds, "folder": folder}
        return Outcome(document)

    execute(Terminal(json=json, quiet=quiet, traceback=traceback), work)


def _show(terminal: Terminal, report: WatchReport) -> None:
    spec, lights = report.model.spec, report.lights
    terminal.say(f"{spec.title}, as of {spec.as_of}", "")
    told = lights["light"] != "no value"
    listed = lights[told & ((lights["entity"] == "") | lights["light"].isin(_LISTED))]
    if len(listed):
        terminal.say(_lights(listed), "")
    left_out = int(told.sum()) - len(listed)
    if left_out:
        lights_said = "1 green light" if left_out == 1 else f"{left_out} green lights"
        terminal.say(f"Not listed: {lights_said} of single buyers or lenders.")
    for note, missing in lights[~told].groupby("note", sort=False):
        pairs = zip(missing["indicator"], missing["entity"], strict=True)
        names = dict.fromkeys(f"{_words(name)} {entity}".strip() for name, entity in pairs)
        terminal.say(f"No value: {', '.join(names)}: {note}.")
    counts = report.counts()
    said = ", ".join(f"{counts[name]} {name}" for name in _COLOURS if name in counts)
    terminal.say(f"Lights: {said}. What each means, and its thresholds: [warning] in model.toml.")


def _lights(frame: pd.DataFrame) -> RichTable:
    heads = ["indicator", "of", "value", "yellow", "red", "light", "trend", "since"]
    noted = (frame["note"] != "").any()
    rows = [
        [
            _words(row.indicator),
            str(row.entity),
            *(_amount(str(row.indicator), x) for x in (row.value, row.yellow, row.red)),
            str(row.light),
            str(row.trend),
            f"{row.since:%Y-%m-%d}",
            *([str(row.note)] if noted else []),
        ]
        for row in frame.itertuples()
    ]
    heads += ["note"] if noted else []
    return grid("Early warnings", heads, rows, ("value", "yellow", "red"), _COLOURS)


def _show_value(terminal: Terminal, value: pd.DataFrame, spec: MeasureSpec) -> None:
    heads = (
        "indicator", "light", "event", "warned of", "by chance", "median lead, days", "noticed",
        "false alarms a year",
    )  # fmt: skip
    rows = []
    for row in value.itertuples():
        lead, false = float(row.lead_days), float(row.false_a_year)  # type: ignore[arg-type]
        rows.append(
            [
                _words(row.indicator), str(row.light), f"{row.event} ({row.events})",
                _hits(row), _share(row.by_chance),
                "" if math.isnan(lead) else f"{lead:.0f}", _share(row.noticed_rate),
                "" if math.isnan(false) else f"{false:.2f}",
            ]
        )  # fmt: skip
    title = f"What they are worth: {spec.platforms} synthetic platforms of {spec.loans:,} loans"
    table = grid(title, heads, blank_repeats(rows), heads[3:])
    terminal.say("", table, "")
    terminal.say(
        f"Warned of: at the threshold at one of the {spec.horizon} month ends before the event; "
        "the lead runs from the first of them; in brackets the number of events, and the 95% "
        "interval of the share. Noticed: also up to 3 months after it.\n"
        f"By chance: share of all spans of {spec.horizon} months with an alarm; an indicator that "
        "is warned no more often than that tells nothing of the event.\n"
        "False alarms: begun with no event near, a year of the book, or of one buyer. The "
        "platforms' seeds are others than those on which the shipped thresholds were set.\n"
        "The use of lenders' lines is not tested: the simulation has no lenders."
    )


def _toml(name: str, limit: Threshold) -> str:
    return f"{name} = {{ yellow = {limit.yellow:g}, red = {limit.red:g}, window = {limit.window} }}"


def _words(name: Any) -> str:
    return str(name).replace("_", " ")


def _hits(row: Any) -> str:
    """Share of the events warned of, and its interval."""
    if math.isnan(row.hit_rate):
        return ""
    return f"{row.hit_rate:.0%} ({100 * row.hit_low:.0f}-{row.hit_high:.0%})"


def _share(value: Any) -> str:
    return "" if math.isnan(value) else f"{value:.0%}"


def _amount(name: str, value: Any) -> str:
    if math.isnan(value):
        return ""
    return f"{value:.1f} d" if name in _DAYS else f"{value:.2%}"
