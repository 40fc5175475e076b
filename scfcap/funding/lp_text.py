"""A program as readable text, for golden files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scfcap.funding.program import Key, Program


def lp_text(program: Program, families: Sequence[str] | None = None) -> str:
    """The program as readable text, one row a line, for golden files.

    Columns read ``family[key]``; coefficients are printed with up to 10 digits; rows and their
    terms are sorted by label.
    """
    lines = []
    names = [
        f"{f}[{_label(k)}]"
        for f, k in zip(program.columns.family, program.columns.key, strict=True)
    ]
    for (family, key), r in sorted(
        program._row_index.items(), key=lambda item: (item[0][0], _label(item[0][1]))
    ):
        if families is not None and family not in families:
            continue
        terms = sorted((names[j], c) for j, c in program.rows.terms[r].items())
        left = " ".join(f"{c:+.10g} {name}" for name, c in terms)
        lines.append(
            f"{family}[{_label(key)}]: {left} {program.rows.sense[r]} {program.rows.right[r]:.10g}"
        )
    return "\n".join(lines) + "\n"


def _label(key: Key) -> str:
    return ",".join(map(str, key)) if isinstance(key, tuple) else str(key)
