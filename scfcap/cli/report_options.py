"""Options of the commands that write report packs, in the words of ``--help``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scfcap.cli import completing
from scfcap.cli.terminal import shown_path

if TYPE_CHECKING:
    from collections.abc import Iterable


class Tongue(StrEnum):
    """Languages of a report."""

    en = "en"
    zh = "zh"


class Cover(StrEnum):
    """How a run is kept private."""

    masked = "masked"


Reports = Annotated[
    list[str] | None,
    typer.Option(
        "--report",
        metavar="NAME",
        help="Report pack to make, reports/NAME.toml; repeatable. Without it: the model's own.",
        autocompletion=completing.packs,
    ),
]
Language = Annotated[
    Tongue | None,
    typer.Option("--language", help="Language of the reports. Without it: what each pack says."),
]
Pdf = Annotated[bool, typer.Option("--pdf", help="Write each pack as PDF too (by LibreOffice).")]
Page = Annotated[
    bool, typer.Option("--page", help="Write each pack as an HTML page too, for any browser.")
]
Csv = Annotated[
    bool, typer.Option("--csv", help="Write every table as CSV too, in the folder csv.")
]
Privacy = Annotated[
    Cover | None,
    typer.Option(
        "--privacy", help="Put numbers in place of borrowers, buyers and loans, in every file."
    ),
]
PrivacyKey = Annotated[
    Path | None,
    typer.Option(
        "--privacy-key",
        metavar="FILE",
        help="Keep those numbers, and whom each stands for, in a file. Never send it on.",
    ),
]

Inputs = Annotated[
    Path | None,
    typer.Option(
        "--inputs",
        metavar="FILE.xlsx",
        help="A workbook of a run of this model: its changed blue cells go before the model.",
    ),
]
Recalculate = Annotated[
    bool,
    typer.Option(
        "--recalculate",
        help="Have LibreOffice show that each workbook recalculates to its own figures.",
    ),
]


def written(folder: Path, names: Iterable[str]) -> list[str]:
    """Where the reports among files ``names`` of ``folder`` stand, in a line each."""
    return [
        f"{said}: {shown_path(folder / name)}"
        for said, ending in (("PDF", ".pdf"), ("Workbook", ".xlsx"), ("Page", ".html"))
        for name in names
        if name.endswith(ending)
    ]
