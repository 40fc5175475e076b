"""Options that commands share, in the words of ``--help``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scfcap.cli import completing

ModelArgument = Annotated[
    str,
    typer.Argument(
        help="A model folder, or the name of a shipped model.",
        metavar="MODEL",
        autocompletion=completing.models,
    ),
]
DealName = Annotated[
    str | None,
    typer.Option(
        "--deal", metavar="NAME", help="The deal deals/NAME.toml. Without it: the only one."
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Override a field of the model, such as lenders.bank-a.limit=0; repeatable.",
        autocompletion=completing.keys,
    ),
]
Contingency = Annotated[
    list[str] | None,
    typer.Option(
        "--contingency",
        metavar="NAME",
        help="What to do if scenario NAME comes; repeatable, or all.",
    ),
]
TapePath = Annotated[
    Path | None,
    typer.Option("--tape", metavar="PATH", help="Loan tape to use instead of the model's own."),
]
RejectLimit = Annotated[
    float | None,
    typer.Option(
        "--reject-limit",
        metavar="SHARE",
        help="Share of the tape's rows that may be rejected, 0 to 1, before the run is refused.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        min=1,
        help="Spread the work over N processes of this machine (needs scfcap[cluster]).",
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Spread the work over a Dask scheduler, such as tcp://host:8786.",
    ),
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Where to write the results.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
Traceback = Annotated[
    bool,
    typer.Option(
        "--traceback",
        envvar="SCFCAP_TRACEBACK",
        help="Show where in scfcap a fault arose, for a bug report.",
    ),
]
