"""``scfcap pool``: what is in the pool, what may go where, and what a line lends on it."""

from __future__ import annotations

import math
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

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table as RichTable

    from scfcap.report.pool import PoolReport

Explain = Annotated[
    str | None,
    typer.Option(
        "--explain",
        metavar="BASE/FIGURE",
        help="Show the loans behind a figure of a borrowing base, such as bank-a/undetermined.",
    ),
]
#: Rows of a table that are shown; ``--out`` writes them all.
SHOWN = 30
#: What each measure is shown as, by the end of its name.
_SHARES = ("share", "advance_rate", "rate")
_COUNTS = ("loans", "borrowers", "rank")
#: Columns that the terminal leaves to ``--out``.
_LEFT_OUT = ("original_balance", "base", "base_amount", "figure", "average_balance", "score")


def pool(
    model: ModelArgument,
    tape: TapePath = None,
    overrides: Overrides = None,
    reject_limit: RejectLimit = None,
    out: Out = None,
    explain: Explain = None,
    json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Freeze the pool: strata, eligibility, concentrations, borrowing bases."""

    def work(terminal: Terminal) -> Outcome:
        from scfcap.api import load
        from scfcap.report.files import records
        from scfcap.report.store import check_out

        if out is not None:
            check_out(out)
        terminal.progress("tape")
        loaded = load(model, overrides=with_reject_limit(overrides, reject_limit), tape=tape)
        loaded.tape()
        terminal.progress("pool")
        report = loaded.pool_report()
        loans = None if explain is None else report.explain(explain)
        folder = None if out is None else report.save(out).folder
        terminal.finish()
        _show(terminal, report)
        if folder is not None:
            terminal.say(f"Tables, loans behind each figure, snapshot: {shown_path(folder)}")
        document = {**report.document(), "folder": folder}
        if loans is not None:
            terminal.say("", _table(f"Loans behind {explain}", loans))
            document["explained"] = records(loans)
        return Outcome(document)

    execute(Terminal(json=json, quiet=quiet, traceback=traceback), work)


def _show(terminal: Terminal, report: PoolReport) -> None:
    from scfcap.report.pool import shown

    spec = report.model.spec
    terminal.say(f"{spec.title}, as of {spec.as_of}, amounts in {spec.currency}", "")
    for name, frame in shown(report.pool).items():
        terminal.say(_table(name.replace("_", " ").capitalize(), frame), "")
    terminal.say(f"Pool {report.pool.digest[:16]}, made from the digests:")
    terminal.say(*(f"  {name}: {digest}" for name, digest in report.pool.inputs.items()))


def _table(title: str, frame: pd.DataFrame) -> RichTable:
    from rich.table import Table

    more = f" (first {SHOWN} of {len(frame):,})" if len(frame) > SHOWN else ""
    table = Table(title=f"{title}{more}", title_justify="left", title_style="bold", show_edge=False)
    names = [name for name in map(str, frame.columns) if name not in _LEFT_OUT]
    for name in names:
        number = frame[name].dtype.kind in "iuf"
        table.add_column(name.replace("_", " "), justify="right" if number else "left")
    for row in frame[names].head(SHOWN).itertuples(index=False):
        table.add_row(*(_cell(name, value) for name, value in zip(names, row, strict=True)))
    return table


def _cell(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    number = float(value)
    if math.isnan(number):
        return ""
    if name.endswith(_SHARES):
        return f"{number:.2%}"
    if name.startswith(_COUNTS) or name.endswith(_COUNTS):
        return f"{number:,.0f}"
    return f"{number:,.1f}" if name.endswith(("days", "borrowers", "due")) else f"{number:,.2f}"
