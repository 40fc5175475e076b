"""``scfcap pool``: what is in the pool, what may go where, and what a line lends on it."""

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
SHOWN = 20
#: Of pools above it amounts are shown without cents; ``--out`` writes them in full [currency].
_CENTS_BELOW = 1e6
#: What each measure is shown as, by the end of its name.
_SHARES = ("share", "advance_rate", "rate")
_COUNTS = ("loans", "borrowers", "rank")
#: Columns that the terminal leaves to ``--out``.
_LEFT_OUT = (
    "part", "original_balance", "base", "base_amount", "figure", "average_balance", "score",
    "age_days", "days_past_due", "undetermined_balance", "loans_if_waived", "top_share",
)  # fmt: skip
#: Headings that the name of a column does not give.
_HEADS = {
    "loans_alone": "loans failing",
    "balance_alone": "balance failing",
    "loans_in_sequence": "loans first to fail",
    "balance_in_sequence": "balance first to fail",
    "undetermined_loans": "loans unknown",
    "balance_if_waived": "balance in if waived",
    "past_due_share": "past due",
    "remaining_days": "days to run",
}


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
        from scfcap.report.files import records

        terminal.progress("tape")
        loaded = Asked(model, tape, overrides, reject_limit, out).load()
        loaded.tape()
        terminal.progress("pool")
        report = loaded.pool_report()
        loans = None if explain is None else report.explain(explain)
        folder = None if out is None else report.save(out).folder
        terminal.finish()
        if explain is None or loans is None:
            _show(terminal, report)
        else:
            terminal.say(_table(f"Loans behind {explain}", loans, cents=True))
            if not len(loans):
                terminal.say("No loan is behind this figure.")
        if folder is not None:
            terminal.say(f"Tables, loans behind each figure, snapshot: {shown_path(folder)}")
        document = {**report.document(), "folder": folder}
        if loans is not None:
            document["explained"] = records(loans)
        return Outcome(document)

    execute(Terminal(json=json, quiet=quiet, traceback=traceback), work)


def _show(terminal: Terminal, report: PoolReport) -> None:
    from scfcap.report.pool import shown
    from scfcap.report.sheets.common import words

    spec = report.model.spec
    terminal.say(f"{spec.title}, as of {spec.as_of}, amounts in {spec.currency}", "")
    cents = report.pool.total < _CENTS_BELOW
    tables = shown(report.pool)
    for name, frame in tables.items():
        column = name.removeprefix("stratification_")
        if name.startswith("stratification_") and f"largest_{column}" in tables:
            continue  # the largest of the column stand below
        title = name.replace("_", " ").capitalize()
        rows = _worth_showing(frame) if name == "concentrations" else frame
        if name == "summary":
            rows = frame.assign(name=[words(str(value)) for value in frame["name"]])
        terminal.say(_table(title, rows, cents=cents), "")
        if len(rows) < len(frame):
            left = len(frame) - len(rows)
            terminal.say(f"Not listed: {left:,} values below their limit; --out writes them.", "")
    terminal.say(f"Pool {report.pool.digest[:16]}, made from the digests:")
    terminal.say(*(f"  {name}: {digest}" for name, digest in report.pool.inputs.items()))


def _worth_showing(frame: pd.DataFrame) -> pd.DataFrame:
    """Of each concentration limit what exceeds it, else the value that comes nearest to it."""
    from scfcap.pool.concentration import MISSING

    limited = frame[frame["value"] != MISSING]
    first = ~limited.duplicated(["set", "limit"])
    return limited[(limited["excess"] > 0) | first]


def _table(title: str, frame: pd.DataFrame, *, cents: bool) -> RichTable:
    more = f" (first {SHOWN} of {len(frame):,})" if len(frame) > SHOWN else ""
    names = [name for name in map(str, frame.columns) if name not in _LEFT_OUT]
    if "limit_share" in names and frame["limit_share"].notna().all():
        names.remove("limit_amount")
    rows = [
        [_cell(name, value, cents=cents) for name, value in zip(names, row, strict=True)]
        for row in frame[names].head(SHOWN).itertuples(index=False)
    ]
    heads = [_HEADS.get(name, name.replace("_", " ")) for name in names]
    numbers = [
        head for head, name in zip(heads, names, strict=True) if frame[name].dtype.kind in "iuf"
    ]
    if names[0] == "set":
        rows = blank_repeats(rows)
    return grid(f"{title}{more}", heads, rows, numbers)


def _cell(name: str, value: Any, *, cents: bool) -> str:
    if isinstance(value, str):
        return value
    number = float(value)
    if math.isnan(number) or (name == "rank" and number == 0):
        return ""
    if name.endswith(_SHARES):
        return f"{number:.2%}"
    if name.startswith(_COUNTS) or name.endswith(_COUNTS):
        return f"{number:,.0f}"
    if name.endswith(("days", "due")):
        return f"{number:,.1f}"
    return f"{number:,.2f}" if cents else f"{number:,.0f}"
