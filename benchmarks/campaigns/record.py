"""What a campaign found, kept: a file of figures, and the table of it in the documentation.

A campaign is a script in this folder that tries the program many times (killed, fed with noise,
given random deals, changed in its own source) and counts what happened. It is too long for the
suite, which runs a small part of it. It calls :func:`keep`, which writes ``NAME.json`` beside the
script and, between the marks ``<!-- campaign: NAME -->`` and ``<!-- end: NAME -->`` of one
document, the table, the command and the day.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent.parent / "docs"

Row = Sequence[str | int | float]


def keep(
    name: str,
    document: str,
    command: str,
    heads: Sequence[str],
    rows: Sequence[Row],
    seconds: float,
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """Write what campaign ``name`` found to its file and into ``docs/<document>``.

    ``command`` is what a reader types to run it again; ``seconds`` what it took, by the clock;
    ``notes`` are paragraphs below the table. Raises ValueError where the document has no marks
    for it, or a row another number of fields than ``heads``.
    """
    found = {
        "name": name,
        "document": document,
        "command": command,
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "scfcap": version("scfcap"),
        "seconds": round(seconds, 1),
        "heads": list(heads),
        "rows": [list(row) for row in rows],
        "notes": list(notes),
    }
    path = DOCS / document
    text = with_section(path.read_text(encoding="utf-8"), name, section(found))
    (HERE / f"{name}.json").write_text(
        json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    path.write_text(text, encoding="utf-8")
    return found


def section(found: dict[str, Any]) -> str:
    """The table of a campaign in Markdown, with its command and day."""
    heads, rows = found["heads"], found["rows"]
    if any(len(row) != len(heads) for row in rows):
        msg = f"campaign {found['name']}: rows have other than {len(heads)} fields"
        raise ValueError(msg)
    lines = [
        f"`{found['command']}`, {found['date']}, Python {found['python']}, "
        f"scfcap {found['scfcap']}: {_duration(found['seconds'])}.",
        "",
        "| " + " | ".join(heads) + " |",
        "|" + "---|" * len(heads),
        *("| " + " | ".join(_field(value) for value in row) + " |" for row in rows),
    ]
    for note in found["notes"]:
        lines += ["", note]
    return "\n".join(lines)


def with_section(text: str, name: str, body: str) -> str:
    """``text`` with ``body`` between the marks of campaign ``name``."""
    start, end = marks(name)
    if text.count(start) != 1 or text.count(end) != 1 or text.index(start) > text.index(end):
        msg = f"the document needs the lines {start} and {end} once each, in this order"
        raise ValueError(msg)
    before, rest = text.split(start)
    return f"{before}{start}\n\n{body}\n\n{end}{rest.split(end)[1]}"


def marks(name: str) -> tuple[str, str]:
    """The two lines between which the table of campaign ``name`` stands."""
    return f"<!-- campaign: {name} -->", f"<!-- end: {name} -->"


def campaigns() -> list[dict[str, Any]]:
    """What the campaigns that were run have left, by name."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(HERE.glob("*.json"))]


def _field(value: str | float) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value).replace("|", "\\|").replace("\n", " ")
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:,.0f} s"
    return f"{seconds / 60:,.0f} min"
