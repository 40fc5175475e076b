"""``scfcap credit``: how loans behave, what that rests on, and how good it would have been."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

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
from scfcap.cli.terminal import Outcome, Terminal, execute, shown_path, with_reject_limit

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from rich.table import Table as RichTable

    from scfcap.report.credit import CreditReport
    from scfcap.schema.credit import SegmentCredit

#: Rows of a table that are shown; ``--out`` writes them all.
SHOWN = 40
#: Tables for the terminal, in their order; the rest is written by ``--out``.
_FIRST = ("lifetime", "credibility", "roll_ends", "roll_test", "log_rank")
_BACKTEST = ("backtest_errors", "backtest_calibration")
#: Columns that the terminal leaves to ``--out``.
_LEFT_OUT = ("unit", "source")


def credit(
    model: ModelArgument,
    tape: TapePath = None,
    overrides: Overrides = None,
    reject_limit: RejectLimit = None,
    out: Out = None,
    source: Annotated[
        Literal["plan", "estimated", "history"] | None,
        typer.Option(
            "--from",
            help="What the curves come from: as the plan takes them, or every segment estimated "
            "anew from outcomes and closed loans, or from the performance that [history] tells. "
            "Without it: history where the model has one, else plan.",
        ),
    ] = None,
    write: Annotated[
        bool,
        typer.Option("--write", help="Put the curves into model.toml; the old file is kept."),
    ] = False,
    backtest: Annotated[
        str | None,
        typer.Option(
            "--backtest",
            metavar="YYYY-MM",
            help="Fit on the history up to this month, and compare with what happened after it.",
        ),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Show credit curves and what they rest on: vintages, survival, roll rates, recoveries."""

    def work(terminal: Terminal) -> Outcome:
        from scfcap.api import load
        from scfcap.report.store import check_out
        from scfcap.schema.write import write_credit

        if out is not None:
            check_out(out)
        terminal.progress("credit")
        texts = list(with_reject_limit(overrides, reject_limit))
        loaded = load(model, overrides=texts, tape=tape)
        stated = loaded.loaded.spec.credit.segments
        chosen = source or ("history" if loaded.has_history else "plan")
        if chosen != "plan":
            anew = [f'credit.source="{chosen}"', "credit.segments={}"]
            loaded = load(model, overrides=[*texts, *anew], tape=tape)
        report = loaded.credit_report(backtest)
        folder = None if out is None else report.save(out).folder
        files = write_credit(report.model, report.curves, report.notes()) if write else None
        terminal.finish()
        _show(terminal, report, stated)
        if folder is not None:
            terminal.say(f"Tables, CSV files and workbook: {shown_path(folder)}")
        if files is not None:
            terminal.say(
                f"Written to {shown_path(files[0])}; what stood there before: "
                f"{shown_path(files[1])}.",
                f"Next: scfcap run {shown_path(files[0].parent)}",
            )
        written = None if files is None else {"model": files[0], "before": files[1]}
        return Outcome({**report.document(), "folder": folder, "written": written})

    execute(Terminal(json=json, quiet=quiet, traceback=traceback), work)


def _show(terminal: Terminal, report: CreditReport, stated: Mapping[str, SegmentCredit]) -> None:
    spec = report.model.spec
    terminal.say(f"{spec.title}, as of {spec.as_of}: curves from {report.source}", "")
    tables = report.tables
    shown = ["credit", *(n for n in _FIRST if n in tables), *(n for n in _BACKTEST if n in tables)]
    for name in shown:
        frame = tables[name].frame
        if name == "credit":
            frame = _beside(frame, stated)
        if len(frame):
            terminal.say(_table(tables[name].title, frame), "")
    if report.verdict:
        terminal.say(report.verdict, "")


def _beside(frame: pd.DataFrame, stated: Mapping[str, SegmentCredit]) -> pd.DataFrame:
    """Estimates with what the model states in their place; what nothing tells is left out."""
    shown = frame[(frame["estimate"] != 0) | (frame["count"] > 0)]
    if (frame["count"] == 0).all() or not stated:
        return shown
    said = [
        getattr(stated[segment], measure, None) if segment in stated else None
        for segment, measure in zip(shown["segment"], shown["measure"], strict=True)
    ]
    values = [math.nan if value is None else float(value) for value in said]
    place = list(shown.columns).index("estimate") + 1
    left, right = shown.columns[:place], shown.columns[place:]
    return shown.assign(**{"in model": values})[[*left, "in model", *right]]


def _table(title: str, frame: pd.DataFrame) -> RichTable:
    from rich.table import Table

    more = f" (first {SHOWN} of {len(frame):,})" if len(frame) > SHOWN else ""
    table = Table(title=f"{title}{more}", title_justify="left", title_style="bold", show_edge=False)
    names = [name for name in map(str, frame.columns) if name not in _LEFT_OUT]
    for name in names:
        number = frame[name].dtype.kind in "iuf"
        table.add_column(name.replace("_", " "), justify="right" if number else "left")
    for row in frame[names].head(SHOWN).itertuples(index=False):
        table.add_row(*(_cell(value) for value in row))
    return table


def _cell(value: Any) -> str:
    """Figures to four digits; counts whole; nothing where a figure is not known."""
    if isinstance(value, str | Path):
        return str(value)
    number = float(value)
    if math.isnan(number):
        return ""
    if math.isinf(number):
        return "never"
    return f"{number:,.0f}" if number == round(number) or abs(number) >= 1e4 else f"{number:.4g}"
