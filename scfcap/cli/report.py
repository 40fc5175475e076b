"""``scfcap report``: report packs made again from a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scfcap.cli import completing
from scfcap.cli.options import Json, Quiet, Traceback
from scfcap.cli.report_options import Csv, Language, Page, Pdf, Recalculate, Reports, written
from scfcap.cli.terminal import Outcome, Terminal, execute

RunFolder = Annotated[
    Path,
    typer.Argument(
        help="A folder that scfcap run wrote.", metavar="RUN", autocompletion=completing.runs
    ),
]
Packs = Annotated[
    list[Path] | None,
    typer.Option(
        "--packs",
        metavar="DIR",
        help="A folder with reports/NAME.toml, such as the model's; repeatable.",
    ),
]


def report(
    folder: RunFolder,
    reports: Reports = None,
    language: Language = None,
    pdf: Pdf = False,
    page: Page = False,
    csv: Csv = False,
    recalculate: Recalculate = False,
    packs: Packs = None,
    json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Make report packs from a run folder, into it: no model is read, nothing is solved."""

    def work(terminal: Terminal) -> Outcome:
        from scfcap.api.outputs import Outputs
        from scfcap.api.reporting import report as made_again
        from scfcap.report.files import RESULT_VERSION

        outputs = Outputs(
            reports=tuple(reports or ()),
            language=None if language is None else language.value,
            pdf=pdf,
            page=page,
            csv=csv,
            recalculate=recalculate,
        )
        files = made_again(folder, outputs, packs=packs or (), progress=terminal.progress)
        terminal.finish()
        terminal.say(*written(folder, files))
        return Outcome({"schema_version": RESULT_VERSION, "folder": folder, "files": files})

    execute(Terminal(json=json, quiet=quiet, traceback=traceback), work)
