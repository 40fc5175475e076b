"""An examination as a table for people, and as the text of a bug ticket."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

from scfcap import __version__
from scfcap.doctor.examine import Examination
from scfcap.doctor.findings import GREEN, RED, YELLOW, Finding, Light

_MARGIN = 8


def table(
    examination: Examination, width: int = 100, paint: Callable[[str, Light], str] | None = None
) -> str:
    """Lines of light, name, what was found and, below it, what to do.

    ``width`` [characters] is where lines are broken; ``paint`` colours the word of a light.
    """
    names = max(len(finding.name) for finding in examination.findings) + 2
    lines = []
    for finding in examination.findings:
        light = finding.light.ljust(_MARGIN)
        head = (paint(light, finding.light) if paint else light) + finding.name.ljust(names)
        room = max(width - _MARGIN - names, 30)
        texts = textwrap.wrap(finding.found, room) or [""]
        if finding.action:
            texts += textwrap.wrap(f"→ {finding.action}", room, subsequent_indent="  ")
        lines.append(head + texts[0])
        lines += [" " * (_MARGIN + names) + text for text in texts[1:]]
    return "\n".join([*lines, "", verdict(examination)])


def verdict(examination: Examination) -> str:
    """One sentence on the whole."""
    counts = {
        light: sum(finding.light == light for finding in examination.findings)
        for light in (RED, YELLOW)
    }
    if counts[RED]:
        things = "1 thing that is" if counts[RED] == 1 else f"{counts[RED]} things that are"
        return f"Broken: {things} needed; what to do stands beside each red light."
    if counts[YELLOW]:
        things = "1 thing is" if counts[YELLOW] == 1 else f"{counts[YELLOW]} things are"
        return f"scfcap works here; {things} lacking that it does without (yellow)."
    return "All is well."


def ticket(examination: Examination) -> str:
    """The same for a bug ticket, in Markdown: without names of users or machines, folders,
    addresses or values of the environment.
    """
    lines = [
        f"scfcap {__version__}, {examination.system}",
        "",
        "| light | what | found |",
        "|---|---|---|",
        *(_row(finding) for finding in examination.findings),
        "",
        verdict(examination),
        "",
        "Libraries: " + ", ".join(f"{p.name} {p.installed or '-'}" for p in examination.packages),
    ]
    return "\n".join(lines) + "\n"


def _row(finding: Finding) -> str:
    cells = (finding.light if finding.light == GREEN else f"**{finding.light}**", finding.name)
    return "| " + " | ".join(_cell(text) for text in (*cells, finding.found)) + " |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
