"""``scfcap init``: copy a starter model folder."""

from __future__ import annotations

import json as json_lib
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scfcap.cli import completing
from scfcap.cli.options import Json, Quiet, Traceback
from scfcap.cli.terminal import Outcome, Terminal, execute, shown_path
from scfcap.errors import InputError, Problem

if TYPE_CHECKING:
    from scfcap.schema.load import LoadedModel

DEFAULT = "alibaba-2013"


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New folder, or an empty one.")],
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="NAME",
            help="Model to copy, shipped or a folder.",
            autocompletion=completing.models,
        ),
    ] = DEFAULT,
    json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Copy a starter model folder, with the base, regime and report pack that it names."""

    def work(terminal: Terminal) -> Outcome:
        from scfcap.schema.load import load_model

        refuse_taken(folder)
        copied = copy_model(load_model(source), folder)
        terminal.say(
            f"Copied {source} to {shown_path(folder)}:",
            *(f"  {path}" for path in copied),
            f"Edit {shown_path(folder / 'model.toml')}, then: scfcap run {shown_path(folder)}",
        )
        return Outcome({"folder": folder.resolve(), "from": source, "files": copied})

    execute(Terminal(json=json, quiet=quiet, traceback=traceback), work)


def refuse_taken(folder: Path, begun: str = "") -> None:
    """Raise :class:`InputError` where ``folder`` exists and holds something.

    What a killed process had begun of the file ``begun`` there, under a hidden name, is nothing.
    """
    if folder.exists() and not folder.is_dir():
        found = "a file"
    elif folder.is_dir() and not all(
        begun and path.name.startswith(f".{begun}.") for path in folder.iterdir()
    ):
        found = "a folder that is not empty"
    else:
        return
    raise InputError(
        Problem(str(folder), found, "a new folder or an empty one", "Choose another name.")
    )


def copy_model(loaded: LoadedModel, folder: Path) -> list[str]:
    """Copy a model and what it names into ``folder``; returns the files, relative to it.

    Bases become folders inside it, regimes and packs go into ``regimes/`` and ``reports/``:
    where the loader looks first. The copy takes the folder's name. All of it or nothing.
    """
    target = folder.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(
            Problem(str(folder), "a file in the way", "a place for folders", "Choose another name.")
        ) from None
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
        draft = Path(scratch) / "model"
        _copy_folder(loaded.folder, draft)
        for path in loaded.files:
            if path.is_relative_to(loaded.folder):
                continue
            if path.name == "model.toml":
                _copy_folder(path.parent, draft / path.parent.name)
            else:
                (draft / path.parent.name).mkdir(exist_ok=True)
                shutil.copyfile(path, draft / path.parent.name / path.name)
        _rename(draft / "model.toml", target.name)
        draft.replace(target)
    return sorted(p.relative_to(target).as_posix() for p in target.rglob("*") if p.is_file())


def _copy_folder(source: Path, target: Path) -> None:
    """Copy plain files, so that the copy is the user's own whatever the source's permissions."""
    for path in sorted(source.rglob("*")):
        relative = path.relative_to(source)
        hidden = any(part.startswith((".", "__")) for part in relative.parts)
        if path.is_file() and not path.is_symlink() and not hidden:
            (target / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / relative)


def _rename(model_file: Path, name: str) -> None:
    """Give the model the folder's name: the first top-level key ``name``."""
    text = model_file.read_text(encoding="utf-8")
    head, table, tail = text.partition("\n[")
    quoted = json_lib.dumps(name, ensure_ascii=False)
    head = re.sub(r'(?m)^name\s*=\s*"[^"\n]*"', lambda _: f"name = {quoted}", head, count=1)
    model_file.write_text(head + table + tail, encoding="utf-8", newline="\n")
