"""``scfcap run``: the whole road, from the tape to the workbook."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

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
from scfcap.cli.report_options import (
    Csv,
    Inputs,
    Language,
    Page,
    Pdf,
    Privacy,
    PrivacyKey,
    Recalculate,
    Reports,
    written,
)
from scfcap.cli.terminal import Asked, Outcome, Terminal, execute

if TYPE_CHECKING:
    from scfcap.api.run import Run

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
    pdf: Pdf = False,
    page: Page = False,
    csv: Csv = False,
    privacy: Privacy = None,
    privacy_key: PrivacyKey = None,
    inputs: Inputs = None,
    recalculate: Recalculate = False,
    json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Run a model: check, pool, cash flows, deals, plan; write the run folder and workbooks."""

    def work(terminal: Terminal) -> Outcome:
        from scfcap.api.outputs import Outputs

        loaded = Asked(model, tape, overrides, reject_limit, out, inputs).load()
        outputs = Outputs(
            reports=tuple(reports or ()),
            language=None if language is None else language.value,
            pdf=pdf,
            page=page,
            csv=csv,
            privacy=None if privacy is None else "masked",
            privacy_key=privacy_key,
            recalculate=recalculate,
        )
        place = out or new_folder(loaded.loaded.folder.resolve().name)
        outputs.refuse_key_in(place)
        # What cannot be made is refused before the work, not after it.
        outputs.mask(loaded, outputs.packs(loaded.loaded).values())
        finished = loaded.run(terminal.progress)
        saved = finished.save(place, outputs, terminal.progress)
        terminal.finish()
        terminal.say(*saved.result["summary"], *saved.result["cautions"], *taken(finished), "")
        terminal.say(*written(saved.folder, saved.manifest["files"]))
        return Outcome(
            {
                **saved.result,
                "folder": saved.folder,
                "workbook": saved.workbook,
                "files": saved.manifest["files"],
            }
        )

    execute(Terminal(json=json, quiet=quiet, traceback=traceback), work)


def taken(finished: Run) -> list[str]:
    """What an edited workbook changed, a line a cell."""
    found = finished.model.taken
    if found is None:
        return []
    if not found.cells:
        return [f"Inputs: nothing is changed in {found.file}."]
    return [f"Inputs: {cell.override} (was {cell.before:g}), {cell.place}." for cell in found.cells]


def new_folder(name: str) -> Path:
    """A folder that does not exist yet: ``reports/out/<name>/<date-time>``."""
    now = datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S")
    folder = RESULTS / name / now
    count = 1
    while folder.exists():
        count += 1
        folder = RESULTS / name / f"{now}_{count}"
    return folder
