"""``scfcap run``: the whole road, from the tape to the workbook."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
        with placed(out, loaded.loaded.folder.resolve().name) as place:
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


@contextmanager
def placed(out: Path | None, name: str) -> Iterator[Path]:
    """Where the results of a run go: ``out``, or a new ``reports/out/<name>/<date-time>``.

    The new folder is made at once, so that no other run takes its name, and is removed if nothing
    is written into it. Raises :class:`~scfcap.errors.InputError` where it cannot be made.
    """
    if out is not None:
        yield out
        return
    folder = _new_folder(name)
    try:
        yield folder
    finally:
        with suppress(OSError):  # it holds the run
            folder.rmdir()


def _new_folder(name: str) -> Path:
    from scfcap.report.placing import written

    now = datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S")
    folder = RESULTS / name / now
    with written(folder, f"--out {folder}"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        for count in itertools.count(2):
            with suppress(FileExistsError):
                folder.mkdir()
                break
            folder = RESULTS / name / f"{now}_{count}"
    return folder
