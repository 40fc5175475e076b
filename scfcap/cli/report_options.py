"""Options of the commands that write report packs, in the words of ``--help``."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from scfcap.cli.terminal import shown_path

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Tongue(StrEnum):
    """Languages of a report."""

    en = "en"
    zh = "zh"


Reports = Annotated[
    list[str] | None,
    typer.Option(
        "--report",
        metavar="NAME",
        help="Report pack to make, reports/NAME.toml; repeatable. Without it: the model's own.",
    ),
]
Language = Annotated[
    Tongue | None,
    typer.Option("--language", help="Language of the reports. Without it: what each pack says."),
]
Pdf = Annotated[bool, typer.Option("--pdf", help="Write each pack as PDF too (by LibreOffice).")]
Csv = Annotated[
    bool, typer.Option("--csv", help="Write every table as CSV too, in the folder csv.")
]


def written(folder: Path, names: Iterable[str]) -> list[str]:
    """Where the reports among files ``names`` of ``folder`` stand, in a line each."""
    return [
        f"{said}: {shown_path(folder / name)}"
        for said, ending in (("PDF", ".pdf"), ("Workbook", ".xlsx"))
        for name in names
        if name.endswith(ending)
    ]
