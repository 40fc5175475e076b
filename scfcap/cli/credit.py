"""``scfcap credit``: how loans behave, what that rests on, and how good it would have been."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

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
from scfcap.cli.terminal import Asked, Outcome, Terminal, execute, shown_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scfcap.report.credit import CreditReport
    from scfcap.schema.credit import SegmentCredit

#: Tables for the terminal, in their order; the rest is written by ``--out``.
_FIRST = ("lifetime", "credibility", "roll_ends", "roll_test", "log_rank")
_BACKTEST = ("backtest_errors", "backtest_calibration")


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
        from scfcap.schema.write import write_credit

        terminal.progress("credit")
        asked = Asked(model, tape, overrides, reject_limit, out)
        loaded = asked.load()
        stated = loaded.loaded.spec.credit.segments
        chosen = source or ("history" if loaded.has_history else "plan")
        if chosen != "plan":
            anew = [f'credit.source="{chosen}"', "credit.segments={}"]
            loaded = asked.load(*anew)
        report = loaded.credit_report(backtest)
        if write:
            report.refuse_doubtful()
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
    from scfcap.cli.curves import behaviour, told

    spec, tables = report.model.spec, report.tables
    terminal.say(f"{spec.title}, as of {spec.as_of}: curves from {report.source}", "")
    terminal.say(behaviour(tables["credit"].title, tables["credit"].frame, stated), "")
    for name in (*_FIRST, *_BACKTEST):
        if name in tables and len(tables[name].frame):
            terminal.say(told(name, tables[name].title, tables[name].frame), "")
    if report.verdict:
        terminal.say(report.verdict, "")
    for caution in report.cautions:
        terminal.say(caution, "")
