"""``scfcap map``: which column of an unknown tape is what?"""

from __future__ import annotations

import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scfcap.cli.options import Json, Quiet, Traceback
from scfcap.cli.terminal import Outcome, Terminal, execute, shown_path
from scfcap.errors import InputError, Problem

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from scfcap.tape.map import Proposal

#: Characters of a cell of the table.
WIDEST = 34


def map_tape(
    tape: Annotated[
        Path,
        typer.Argument(
            metavar="TAPE", help="A tape: CSV, Parquet or XLSX file, or a folder of such files."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write the proposed [tape] section there."),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Propose a mapping from a tape's columns to ours, judged by names and values."""

    def work(terminal: Terminal) -> Outcome:
        from scfcap.tape.map import propose

        terminal.progress("map")
        proposal = propose(tape)
        text = proposal.to_toml()
        if out is not None:
            write_aside(out, text)
        terminal.finish()
        _show(terminal, proposal, text, tape, out)
        return Outcome({**document(proposal), "toml": text, "file": out})

    execute(Terminal(json=json, quiet=quiet, traceback=traceback), work)


def document(proposal: Proposal) -> dict[str, Any]:
    """The proposal for ``--json``."""
    return {
        "source": proposal.source,
        "rows": proposal.rows,
        "columns": proposal.columns,
        "as_of": proposal.as_of,
        "where": proposal.where,
        "group": asdict(proposal.grouping) if proposal.grouping else None,
        "misleading": list(proposal.lies),
        "open": [choice.column for choice in proposal.open],
        "choices": [asdict(choice) for choice in proposal.choices],
        "unused": list(proposal.unused),
    }


def write_aside(file: Path, text: str) -> None:
    """Write a text file; a reader sees the old content or the new, never a part.

    Raises :class:`InputError` where no file can have that name.
    """
    if file.is_dir() or any(part.is_file() for part in file.parents):
        found = "a folder" if file.is_dir() else "a path through a file"
        raise InputError(Problem(str(file), found, "a file name", "Give another --out."))
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _show(terminal: Terminal, proposal: Proposal, text: str, tape: Path, out: Path | None) -> None:
    terminal.say(_table(proposal), "")
    if proposal.lies:
        terminal.say(f"Names that mislead: {'; '.join(proposal.lies)}", "")
    if out is None:
        terminal.say(text)
    else:
        terminal.say(f"Written: {shown_path(out)}")
    if proposal.open:
        names = ", ".join(choice.column for choice in proposal.open)
        terminal.say(f"To be settled by hand: {names}. The reasons stand at the head of the text.")
    terminal.say(
        "Next: scfcap init DIR, put the text in place of [tape] in DIR/model.toml, settle what is "
        f"open, then: scfcap check DIR --tape {tape}"
    )


def _table(proposal: Proposal) -> RichTable:
    from rich.table import Table

    from scfcap.tape.map import said_source

    title = f"{proposal.source}: {proposal.rows:,} rows, {proposal.columns} columns"
    table = Table(title=title, title_justify="left", title_style="bold", show_edge=False)
    for name in ("column", "from", "unit", "confidence", "sample", "evidence"):
        number = name == "confidence"
        table.add_column(name, justify="right" if number else "left", no_wrap=number)
    for choice in proposal.choices:
        if choice.how == "default":
            continue
        is_open = choice.how == "open"
        table.add_row(
            choice.column,
            "OPEN" if is_open else _short(said_source(choice)),
            choice.unit,
            "" if is_open else f"{choice.confidence:.2f}",
            _short(", ".join(choice.sample)),
            choice.reason or "; ".join(choice.evidence),
        )
    return table


def _short(text: str) -> str:
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"
