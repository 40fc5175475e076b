"""``scfcap check``: is the model usable, and what is wrong with the tape?"""

from __future__ import annotations

import math
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scfcap.cli.grid import grid
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
from scfcap.errors import InputError, Problem

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table as RichTable

    from scfcap.report.quality import Quality
    from scfcap.tape.rollforward import RollForward

#: Headings that the name of a column does not give.
_HEADS = {
    "item": "",
    "original_balance": "paid out",
    "current_balance": "outstanding",
    "paid_principal": "repaid",
    "loss": "lost",
}
#: Findings that are shown; ``--out`` writes them all.
SHOWN = 20
#: Of these, so many of one reason at most.
SHOWN_OF_A_REASON = 4


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

        terminal.progress("check")
        loaded = Asked(model, tape, overrides, reject_limit, out).load()
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
        terminal.say(_table(f"Rows and balances: {tape.source}", tape.totals), "")
    if len(findings):
        shown = _examples(findings)
        more = f" ({len(shown)} of {len(findings):,})" if len(shown) < len(findings) else ""
        terminal.say(_table("Findings by reason", quality.counts()), "")
        terminal.say(_table(f"Findings{more}", shown), "")
        if more and folder is None:
            terminal.say("--out DIR writes them all, and the rejected rows.", "")
    if quality.moved is not None:
        _show_moves(terminal, quality.moved)
    if folder is not None:
        terminal.say(f"All findings, and the rejected rows: {shown_path(folder)}")
    for note in quality.notes:
        terminal.note(note)
    if (scaled := quality.scaled()) is not None:
        terminal.say(scaled)
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


def _examples(findings: pd.DataFrame) -> pd.DataFrame:
    """A few findings of each reason, in the order of the rows."""
    rank = findings.groupby(["column", "reason"], sort=False, observed=True).cumcount()
    return findings[rank < SHOWN_OF_A_REASON].head(SHOWN)


def _table(title: str, frame: pd.DataFrame) -> RichTable:
    names = [str(name) for name in frame.columns]
    numbers = [name for name in names if name == "value" or frame[name].dtype.kind in "iuf"]
    rows = [
        [
            str(value) if name == "row" else _cell(value)
            for name, value in zip(names, row, strict=True)
        ]
        for row in frame.itertuples(index=False)
    ]
    heads = {name: _HEADS.get(name, name.replace("_", " ")) for name in names}
    return grid(title, list(heads.values()), rows, [heads[name] for name in numbers])


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:,.2f}"
    return str(value).removesuffix(" 00:00:00")
