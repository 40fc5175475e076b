"""What the shell may complete: models, run folders, report packs, keys of ``--set``.

Light to import; a folder that cannot be read holds nothing to complete.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import typer

#: Run folders that are offered [count], the newest first.
_MOST_RUNS = 20


def models(incomplete: str) -> list[str]:
    """Shipped models, and folders that hold a model."""
    from scfcap.schema.shipped import shipped_models

    return [*_begun(shipped_models(), incomplete), *_folders(incomplete, _is_model)]


def runs(incomplete: str) -> list[str]:
    """Run folders: those where ``scfcap run`` puts them, the newest first, and others."""
    from scfcap.cli.run import RESULTS

    with suppress(OSError):
        found = [path for path in RESULTS.glob("*/*") if _is_run(path)]
        found.sort(key=lambda path: path.name, reverse=True)
        ours = list(islice(_begun(map(str, found), incomplete), _MOST_RUNS))
        return list(dict.fromkeys([*ours, *_folders(incomplete, _is_run)]))
    return []


def runs_and_models(incomplete: str) -> list[str]:
    """What can be compared."""
    return [*runs(incomplete), *models(incomplete)]


def packs(ctx: typer.Context, incomplete: str) -> list[str]:
    """Report packs: shipped, and the model's own."""
    from scfcap.schema.shipped import shipped

    places = [shipped("reports"), Path(_model(ctx)) / "reports"]
    found = {path.stem for place in places for path in place.glob("*.toml")}
    return list(_begun(sorted(found), incomplete))


def keys(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """``KEY=`` for ``--set``, with what the model states; of any model before one is named."""
    from scfcap.schema.keys import settable

    if "=" in incomplete:
        return []
    found = settable(_model(ctx), incomplete)
    return [
        (f"{key}=", "now " + value.strip(chr(34)) if value else "not stated")
        for key, value in found.items()
    ]


def _model(ctx: typer.Context) -> str:
    """The model that the command line names; empty where it names none yet.

    An option without its value, which is what is being completed, keeps the parser from the
    arguments before it; then the first word that is a model is taken.
    """
    for name in ("model", "a"):
        if ctx.params.get(name):
            return str(ctx.params[name])
    from scfcap.schema.shipped import shipped_models

    text = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS", "")
    known = shipped_models()
    return next((w for w in text.split()[2:] if w in known or _is_model(Path(w))), "")


def _is_model(folder: Path) -> bool:
    return (folder / "model.toml").is_file()


def _is_run(folder: Path) -> bool:
    return (folder / "manifest.json").is_file() and (folder / "tables").is_dir()


def _begun(names: Iterator[str] | list[str], incomplete: str) -> Iterator[str]:
    return (name for name in names if name.startswith(incomplete))


def _folders(incomplete: str, wanted: Callable[[Path], bool]) -> Iterator[str]:
    """Folders beside what is typed that begin like it and are ``wanted``, as they are typed."""
    head, slash, name = incomplete.rpartition("/")
    place = Path(head + slash) if slash else Path()
    with suppress(OSError):
        for path in sorted(place.iterdir()):
            hidden = path.name.startswith(".") and not name.startswith(".")
            if path.name.startswith(name) and not hidden and path.is_dir() and wanted(path):
                yield f"{head}{slash}{path.name}"
