"""What the campaign found, by reader: it can be interrupted, and a reader be run again alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.campaigns import record
from benchmarks.campaigns.hostile.meter import Found

NAME = "inputs"
HEADS = (
    "reader", "cases", "refused", "accepted", "mean case [ms]", "slowest case [ms]",
    "largest memory [MiB]", "faults", "run on",
)  # fmt: skip
_SUMS = tuple(HEADS.index(head) for head in ("cases", "refused", "accepted", "faults"))
_MOST = tuple(HEADS.index(head) for head in ("slowest case [ms]", "largest memory [MiB]"))
_MEAN, _CASES, _FAULTS, _DAY = (
    HEADS.index(head) for head in ("mean case [ms]", "cases", "faults", "run on")
)

Row = list[str | int | float]


def add(file: Path, seed: int, found: Found) -> None:
    """Note in ``file`` what all cases of a reader have come to."""
    row = [*found.row(), datetime.now(UTC).date().isoformat()]
    with file.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"seed": seed, "row": row}) + "\n")


def rows(file: Path, seed: int, counts: Mapping[str, int]) -> dict[str, Row]:
    """Rows noted in ``file`` of this seed and of as many cases, by reader; the last of each."""
    found: dict[str, Row] = {}
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    for noted in map(json.loads, lines):
        row = noted["row"]
        if noted["seed"] == seed and counts.get(row[0]) == row[_CASES]:
            found[row[0]] = row
    return found


def sound(table: Mapping[str, Row]) -> set[str]:
    """The readers of a table without a fault."""
    return {name for name, row in table.items() if not row[_FAULTS]}


def keep(table: Mapping[str, Row], counts: Mapping[str, int], seed: int) -> None:
    """Write the table into docs/security.md. Raises ValueError where a reader's row is missing."""
    missing = counts.keys() - table.keys()
    if missing:
        msg = f"not run: {', '.join(missing)}"
        raise ValueError(msg)
    lines = [table[name] for name in counts]
    spent = sum(float(row[_MEAN]) * int(row[_CASES]) for row in lines) / 1e3
    notes = [
        f"Cases of seed {seed}. Times are of the processor, without what a reader needs before its "
        "first case.",
    ]
    whole = [*lines, _total(lines, spent)]
    record.keep(NAME, "security.md", "make fuzz-inputs", HEADS, whole, spent, notes)


def _total(lines: Sequence[Row], spent: float) -> Row:
    total: Row = ["all", *[0] * (len(HEADS) - 2), max(str(row[_DAY]) for row in lines)]
    for k in _SUMS:
        total[k] = sum(int(row[k]) for row in lines)
    for k in _MOST:
        total[k] = max(int(row[k]) for row in lines)
    total[_MEAN] = round(1e3 * spent / int(total[_CASES]), 2)
    return total
