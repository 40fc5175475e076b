"""``scfcap check``: is the model usable, and what is wrong with the tape?"""

from __future__ import annotations

import math
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from scfcap.errors import InputError, Problem

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table as RichTable

    from scfcap.report.quality import Quality
    from scfcap.tape.rollforward import RollForward

#: Findings that are shown; ``--out`` writes them all.
SHOWN = 20
#: Columns of text that hold amounts.
NUMBERS = ("read", "left out", "dropped as equal", "merged", "rejected", "kept", "value")


def check(
    model: ModelArgument,
    tape: TapePath = None,
    overrides: Overrides = None,
    reject_limit: RejectLimit = None,
    before: Annotated[
        Path | None,
        typer.Option(
            "--before",
            metavar="PATH",
            help="An earlier tape in the same form: show what became of its loans.",
        ),
    ] = None,
    before_day: Annotated[
        datetime | None,
        typer.Option(
            "--before-day",
            formats=["%Y-%m-%d"],
            metavar="YYYY-MM-DD",
            help="The day at whose end the earlier tape stands.",
        ),
    ] = None,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Validate model and tape: a data-quality report. Exit code 2 if a run would be refused."""

    def work(terminal: Terminal) -> Outcome:
        from scfcap.api import load
        from scfcap.report.store import check_out

        if out is not None:
            check_out(out)
        terminal.progress("check")
        loaded = load(model, overrides=with_reject_limit(overrides, reject_limit), tape=tape)
        quality = loaded.check(_earlier(before, before_day))
        folder = None if out is None else quality.save(out).folder
        terminal.finish()
        _show(terminal, quality, folder)
        document = {**quality.document(), "folder": folder}
        return Outcome(document, exit_code=2 if quality.refused else 0)

    execute(Terminal(json=json, quiet=quiet, traceback=traceback), work)


def _earlier(path: Path | None, day: datetime | None) -> tuple[Path, date] | None:
    if path is None and day is None:
        return None
    if path is None or day is None:
        found = "--before without --before-day" if day is None else "--before-day without --before"
        raise InputError(Problem("the command line", found, "an earlier tape and its day, both"))
    return path, day.date()


def _show(terminal: Terminal, quality: Quality, folder: Path | None) -> None:
    spec, tape, findings = quality.model.spec, quality.tape, quality.findings
    terminal.say(f"{spec.title}, as of {spec.as_of}", "")
    if tape is not None:
        terminal.say(_table(f"Rows and balances: {tape.source}", _upright(tape.totals)), "")
    if len(findings):
        more = f" (first {SHOWN} of {len(findings):,})" if len(findings) > SHOWN else ""
        terminal.say(_table("Findings by reason", quality.counts()), "")
        terminal.say(_table(f"Findings{more}", findings.head(SHOWN)), "")
    if quality.moved is not None:
        _show_moves(terminal, quality.moved)
    if folder is not None:
        terminal.say(f"All findings, and the rejected rows: {shown_path(folder)}")
    (terminal.note if quality.refused else terminal.say)(quality.verdict())


def _show_moves(terminal: Terminal, moved: RollForward) -> None:
    table = moved.table
    shown = table[(table["loans"] > 0) | table["item"].isin(["opening", "closing"])]
    terminal.say(_table(f"Balances from {moved.before} to {moved.after}", shown), "")
    for title, frame in (
        ("Loans to look into", moved.exceptions),
        ("Terms that changed", moved.changes),
    ):
        more = f" (first {SHOWN} of {len(frame):,})" if len(frame) > SHOWN else ""
        if len(frame):
            terminal.say(_table(f"{title}{more}", frame.head(SHOWN)), "")


def _upright(totals: pd.DataFrame) -> pd.DataFrame:
    """Measures down, items across, as text: rows are whole numbers, amounts have cents."""
    upright = totals.set_index("item").T
    cells = {
        str(item): [_cell(int(v) if name == "rows" else float(v)) for name, v in column.items()]
        for item, column in upright.items()
    }
    return upright.assign(**cells).reset_index(names="")


def _table(title: str, frame: pd.DataFrame) -> RichTable:
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", show_edge=False)
    for name in map(str, frame.columns):
        number = name in NUMBERS or frame[name].dtype.kind in "iuf"
        table.add_column(name, justify="right" if number else "left", no_wrap=number)
    for row in frame.itertuples(index=False):
        table.add_row(*(_cell(value) for value in row))
    return table


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:,.2f}"
    return str(value)
