"""Options of the commands that write report packs, in the words of ``--help``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


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
Csv = Annotated[
    bool, typer.Option("--csv", help="Write every table as CSV too, in the folder csv.")
]
