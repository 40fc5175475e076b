"""``scfcap run``: the whole road, from the tape to the workbook."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

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
from scfcap.cli.report_options import Csv, Language, Reports
from scfcap.cli.terminal import Asked, Outcome, Terminal, execute, shown_path

#: Where results go without ``--out``, below the present folder.
RESULTS = Path("reports") / "out"


def run(
    model: ModelArgument,
    tape: TapePath = None,
    overrides: Overrides = None,
    reject_limit: RejectLimit = None,
    out: Out = None,
    reports: Reports = None,
    language: Language = None,
    csv: Csv = False,
    json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Run a model: check, pool, cash flows, deals, plan; write the run folder and workbooks."""

    def work(terminal: Terminal) -> Outcome:
        from scfcap.api.outputs import Outputs

        loaded = Asked(model, tape, overrides, reject_limit, out).load()
        outputs = Outputs(
            reports=tuple(reports or ()),
            language=None if language is None else language.value,
            csv=csv,
        )
        outputs.packs(loaded.loaded)  # bad names are refused before the work, not after it
        finished = loaded.run(terminal.progress)
        place = out or new_folder(loaded.loaded.folder.resolve().name)
        saved = finished.save(place, outputs, terminal.progress)
        terminal.finish()
        terminal.say(*finished.summary(), *finished.cautions(), "")
        terminal.say(*(f"Workbook: {shown_path(path)}" for path in saved.files(".xlsx")))
        return Outcome(
            {
                **saved.result,
                "folder": saved.folder,
                "workbook": saved.workbook,
                "files": saved.manifest["files"],
            }
        )

    execute(Terminal(json=json, quiet=quiet, traceback=traceback), work)


def new_folder(name: str) -> Path:
    """A folder that does not exist yet: ``reports/out/<name>/<date-time>``."""
    now = datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S")
    folder = RESULTS / name / now
    count = 1
    while folder.exists():
        count += 1
        folder = RESULTS / name / f"{now}_{count}"
    return folder
