"""``scfcap schema``: the JSON Schema of a model file, or of a report pack."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from scfcap.cli.options import Json, Out, Quiet, Traceback
from scfcap.cli.terminal import Outcome, Terminal, as_json, execute


class Kind(StrEnum):
    """Files that have a schema."""

    MODEL = "model"
    REPORT = "report"


def schema(
    kind: Annotated[
        Kind, typer.Argument(help="model: model.toml; report: a pack, reports/NAME.toml.")
    ] = Kind.MODEL,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Print the JSON Schema of model.toml or of a report pack: every key, its type and meaning."""
    del json  # the schema is JSON with or without the option

    def work(_: Terminal) -> Outcome:
        from scfcap.schema.load import json_schema

        document = json_schema(kind.value)
        if out is not None:
            _write(out, as_json(document))
        return Outcome(document)

    execute(Terminal(json=not quiet and out is None, quiet=quiet, traceback=traceback), work)


def _write(path: Path, text: str) -> None:
    """Write aside, then rename."""
    aside = path.with_name(f".{path.name}.part")
    aside.write_text(text + "\n", encoding="utf-8")
    aside.replace(path)
