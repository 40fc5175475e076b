"""``scfcap doctor``: what this machine lacks, and a report of it for a bug ticket."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scfcap.cli.bare import shown, write
from scfcap.cli.options import Json, Quiet, Traceback
from scfcap.cli.terminal import Outcome, Terminal, execute
from scfcap.errors import InputError, Problem

if TYPE_CHECKING:
    from scfcap.doctor import Examination

Ticket = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        help="Write a report for a bug ticket, in Markdown: no names of users or machines, "
        "no folders, nothing of the environment.",
    ),
]


def doctor(
    out: Ticket = None, json: Json = False, quiet: Quiet = False, traceback: Traceback = False
) -> None:
    """Check this machine: Python, libraries, solver, compiler, memory, disk, fonts, programs.

    Exit code 1 where something needed is broken, 0 where only optional things are lacking.
    """
    found: list[Examination] = []

    def work(_: Terminal) -> Outcome:
        from scfcap.doctor import examine, ticket

        examination = examine()
        if out is not None:
            _write(out, ticket(examination))
        found.append(examination)
        if not (json or quiet):
            typer.echo(shown(examination))
        return Outcome(examination.document(), 1 if examination.broken else 0)

    execute(Terminal(json=json, quiet=quiet, traceback=traceback), work)


def _write(path: Path, text: str) -> None:
    try:
        write(path, text)
    except OSError as error:
        found = f"cannot be written ({error.strerror or error})"
        problem = Problem(f"--out {path}", found, "a file in a folder that is there")
        raise InputError(problem) from error
