"""``scfcap schema``: JSON Schemas of a model, a report pack and a result; what columns mean."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from scfcap.cli.options import Json, Out, Quiet, Traceback
from scfcap.cli.terminal import Outcome, Terminal, as_json, execute


class Kind(StrEnum):
    """Files that have a schema, and what the columns of tables mean."""

    MODEL = "model"
    REPORT = "report"
    RESULT = "result"
    TABLES = "tables"


def schema(
    kind: Annotated[
        Kind,
        typer.Argument(
            help="model: model.toml; report: a pack, reports/NAME.toml; result: result.json; "
            "tables: what each column means, with --out FILE.md as a page."
        ),
    ] = Kind.MODEL,
    out: Out = None,
    json: Json = False,
    quiet: Quiet = False,
    traceback: Traceback = False,
) -> None:
    """Print the JSON Schema of a model, a report pack or a result, or the columns of all tables:
    every key, type and meaning.
    """
    del json  # the schema is JSON with or without the option

    def work(_: Terminal) -> Outcome:
        document = _document(kind)
        if out is not None:
            from scfcap.schema.files import put_in_place

            text = _page(kind, out) or as_json(document)
            put_in_place(out, f"{text}\n".encode(), "a file in a folder that may be written")
        return Outcome(document)

    execute(Terminal(json=not quiet and out is None, quiet=quiet, traceback=traceback), work)


def _document(kind: Kind) -> dict[str, Any]:
    if kind is Kind.TABLES:
        from scfcap.report.dictionary import document

        return document()
    from scfcap.schema.load import json_schema

    if kind is Kind.REPORT:
        return json_schema("report")
    return json_schema("result" if kind is Kind.RESULT else "model")


def _page(kind: Kind, out: Path) -> str:
    """The same as a page, where ``out`` is one and there is such a page; else empty."""
    if kind is not Kind.TABLES or out.suffix != ".md":
        return ""
    from scfcap.report.dictionary import page

    return page().rstrip("\n")
