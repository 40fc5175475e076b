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
#: Rows of a reader's parts, by the first case of each.
Noted = dict[str, dict[int, Row]]


def add(file: Path, seed: int, found: Found) -> None:
    """Note in ``file`` what cases of a reader have come to."""
    row = [*found.row(), datetime.now(UTC).date().isoformat()]
    with file.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"seed": seed, "first": found.first, "row": row}) + "\n")


def noted(file: Path, seed: int) -> Noted:
    """What ``file`` notes of a seed; of the same cases the last."""
    found: Noted = {}
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    for note in map(json.loads, lines):
        if note["seed"] == seed:
            found.setdefault(note["row"][0], {})[note.get("first", 0)] = note["row"]
    return found


def left(noted: Noted, reader: str, count: int) -> list[tuple[int, int]]:
    """Cases 0 to ``count`` - 1 of a reader that are not noted as sound: first and how many."""
    sound = {first: row for first, row in noted.get(reader, {}).items() if not row[_FAULTS]}
    gaps, at = [], 0
    while at < count:
        end = min((first for first in sound if first > at), default=count)
        if at in sound:
            at += int(sound[at][_CASES])
        else:
            gaps.append((at, min(end, count) - at))
            at = end
    return gaps


def table(noted: Noted, counts: Mapping[str, int]) -> dict[str, Row]:
    """The row of each reader all of whose cases are noted."""
    return {
        reader: _sum(reader, _chain(noted[reader]))
        for reader, count in counts.items()
        if not left(noted, reader, count)
    }


def _chain(parts: Mapping[int, Row]) -> list[Row]:
    """Of parts that overlap those that follow each other from case 0 on."""
    chain, at = [], 0
    while at in parts:
        chain.append(parts[at])
        at += int(parts[at][_CASES])
    return chain


def keep(table: Mapping[str, Row], counts: Mapping[str, int], seed: int) -> None:
    """Write the table into docs/security.md. Raises ValueError where a reader's row is missing."""
    missing = counts.keys() - table.keys()
    if missing:
        msg = f"not all cases of {', '.join(missing)} were run, or not without a fault"
        raise ValueError(msg)
    lines = [table[name] for name in counts]
    whole = _sum("all", lines)
    spent = float(whole[_MEAN]) * int(whole[_CASES]) / 1e3
    notes = [
        f"Cases of seed {seed}. Times are of the processor, without what a reader needs before its "
        "first case.",
    ]
    record.keep(NAME, "security.md", "make fuzz-inputs", HEADS, [*lines, whole], spent, notes)


def _sum(name: str, rows: Sequence[Row]) -> Row:
    total: Row = [name, *[0] * (len(HEADS) - 2), max(str(row[_DAY]) for row in rows)]
    for k in _SUMS:
        total[k] = sum(int(row[k]) for row in rows)
    for k in _MOST:
        total[k] = max(int(row[k]) for row in rows)
    spent = sum(float(row[_MEAN]) * int(row[_CASES]) for row in rows)
    total[_MEAN] = round(spent / int(total[_CASES]), 2)
    return total
