"""``scfcap verify-allocation``: check an allocation without trusting who made it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scfcap.cli.grid import grid
from scfcap.cli.options import Json, Quiet, TapePath, Traceback
from scfcap.cli.terminal import Outcome, Terminal, execute

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from scfcap.verify.report import Report

Folder = Annotated[
    Path, typer.Argument(metavar="DIR", help="The folder that scfcap allocate wrote.")
]
#: Exit code where something claimed is false: neither bad input nor an infeasible model.
FALSE = 1


def verify_allocation(
    folder: Folder,
    tape: TapePath = None,
    json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Check an allocation from its tape, limits, lists and prices alone: exit code 0 if all holds,
    1 if something is false.
    """

    def work(terminal: Terminal) -> Outcome:
        from scfcap.verify.check import verify

        terminal.progress("verify")
        report = verify(folder, tape)
        terminal.finish()
        _show(terminal, report)
        return Outcome(document(report), 0 if report.holds else FALSE)

    execute(Terminal(json=json, quiet=quiet, traceback=traceback), work)


def document(report: Report) -> dict[str, Any]:
    """The report as plain values."""
    from scfcap.verify.layout import VERSION

    return {
        "schema_version": VERSION,
        **report.about,
        "holds": report.holds,
        "checks": [
            {
                "check": check.name,
                "verdict": check.verdict,
                "claimed": check.claimed,
                "found": check.found,
                "said": list(check.said),
            }
            for check in report.checks
        ],
    }


def _show(terminal: Terminal, report: Report) -> None:
    about = report.about
    terminal.say(
        f"{about['loans']:,} loans, {len(about['channels'])} channels, as of {about['as_of']}",
        "",
        _table(report),
    )
    for check in report.checks:
        terminal.say(*(f"{check.name}: {line}" for line in check.said))
    taken = sum(check.verdict == "given" for check in report.checks)
    more = f"; {taken} taken as given" if taken else ""
    if report.holds:
        terminal.say("", f"All {len(report.checks)} checks hold{more}.")
    else:
        terminal.say("", f"False: {', '.join(report.false)}{more}.")


def _table(report: Report) -> RichTable:
    rows = [[check.name, check.verdict, check.claimed, check.found] for check in report.checks]
    heads = ["check", "verdict", "claimed", "found"]
    return grid("Checks", heads, rows, ("claimed", "found"), {"false": "bold red"})
