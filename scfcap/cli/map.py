"""``scfcap map``: which column of an unknown tape is what?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scfcap.cli.grid import grid
from scfcap.cli.init import refuse_taken
from scfcap.cli.options import Json, Quiet, Traceback
from scfcap.cli.terminal import Outcome, Terminal, execute, shown_path
from scfcap.errors import InputError, Problem
from scfcap.schema.shipped import MODEL_FILE

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
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            metavar="DIR",
            help="Write a whole model around it into this new folder: for check and pool.",
        ),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Propose a mapping from a tape's columns to ours, judged by names and values."""

    def work(terminal: Terminal) -> Outcome:
        from scfcap.tape.map import propose

        terminal.progress("map")
        if model is not None:
            refuse_taken(model, MODEL_FILE)
        proposal = propose(tape)
        text = proposal.to_toml()
        if out is not None:
            write_aside(out, text)
        if model is not None:
            write_aside(model / MODEL_FILE, proposal.to_model(model.resolve().name))
        terminal.finish()
        _show(terminal, proposal, None if out or model else text)
        _show_next(terminal, proposal, tape, out, model)
        return Outcome({**document(proposal), "toml": text, "file": out, "model": model})

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

    Raises :class:`InputError` where no file can have that name, or none can be written there.
    """
    from scfcap.schema.files import put_in_place

    if file.is_dir() or any(part.is_file() for part in file.parents):
        found = "a folder" if file.is_dir() else "a path through a file"
        raise InputError(Problem(str(file), found, "a file name", "Give another --out."))
    file.parent.mkdir(parents=True, exist_ok=True)
    put_in_place(
        file, text.encode(), "a file that may be written", "Give another --out.", mode=0o644
    )


def _show(terminal: Terminal, proposal: Proposal, text: str | None) -> None:
    terminal.say(_table(proposal), "")
    if proposal.lies:
        terminal.say(f"Names that mislead: {'; '.join(proposal.lies)}", "")
    if text is not None:
        terminal.say(text)


def _show_next(
    terminal: Terminal, proposal: Proposal, tape: Path, out: Path | None, model: Path | None
) -> None:
    """What was written, what is open, and the next command."""
    for file in (out, None if model is None else model / MODEL_FILE):
        if file is not None:
            terminal.say(f"Written: {shown_path(file)}")
    names = [choice.column for choice in proposal.open]
    if model is not None and proposal.as_of is None:
        names.insert(0, "as_of")
    if names:
        terminal.say(
            f"To be settled by hand: {', '.join(names)}. The reasons stand at the head of the text."
        )
    settle = "settle what is open, then: " if names else ""
    if model is None:
        terminal.say(
            f"Next: scfcap map {tape} --model DIR writes a whole model around it; or put the text "
            f"in place of [tape] in a model that you have, {settle}scfcap check DIR --tape {tape}"
        )
    else:
        terminal.say(f"Next: {settle}scfcap check {shown_path(model)} --tape {tape}")


def _table(proposal: Proposal) -> RichTable:
    from scfcap.tape.map import said_source

    title = f"{proposal.source}: {proposal.rows:,} rows, {proposal.columns} columns"
    rows = []
    for choice in proposal.choices:
        if choice.how == "default":
            continue
        is_open = choice.how == "open"
        source = "OPEN" if is_open else _short(said_source(choice))
        sample = f"such as {_short(', '.join(choice.sample))}" if choice.sample else ""
        why = choice.reason or "; ".join(choice.evidence)
        rows.append(
            [
                choice.column,
                f"{source}, {choice.unit}" if choice.unit and not is_open else source,
                "" if is_open else f"{choice.confidence:.2f}",
                "; ".join(part for part in (why, sample) if part),
            ]
        )
    heads = ("column", "from", "sure", "why")
    return grid(title, heads, rows, ("sure",))


def _short(text: str) -> str:
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"
