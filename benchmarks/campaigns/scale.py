"""Stations over partitioned tapes of millions of loans: seconds, and the memory of every process.

``python benchmarks/campaigns/scale.py`` (``make scale``) writes tapes of the synthetic platform as
Parquet in parts (:mod:`platform_tape`), asks the command line for each station over them, each in a
process of its own, and keeps the table in ``docs/scale.md``, with lines fitted over the sizes.
Tapes lie in a temporary folder and are gone afterwards, but for ``--tapes FOLDER``. Memory is the
highest resident set that a process had, by Linux's own mark, of the command and of each of its
workers. What several ways say of one tape must agree within 1e-9.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
for place in (HERE, HERE.parent / "baselines"):
    if str(place) not in sys.path:
        sys.path.insert(0, str(place))

from platform_tape import PART, write_tape  # noqa: E402

import scfcap  # noqa: E402

MODEL = "alibaba-2013"
#: Arguments of each way to a station, after ``scfcap`` and before the tape.
WAYS: dict[str, tuple[str, ...]] = {
    "pool": ("pool", MODEL),
    "project, whole": ("project", MODEL),
    "project, in chunks": ("project", MODEL, "--workers", "1"),
    "project, two workers": ("project", MODEL, "--workers", "2"),
    "allocate": ("allocate", MODEL),
}
#: Ways that must give the same, and what of their documents is compared.
SAME = ("project, whole", "project, in chunks", "project, two workers")
TOLERANCE = 1e-9
#: How often the memory of workers is looked at [s].
_STEP = 0.1
HEADS = ("loans", "station", "seconds", "processor seconds", "peak MiB", "workers, MiB each")


@dataclass
class Measured:
    """One command: what it said, by JSON; ``workers``: highest resident set of each [MiB].

    ``ended``: empty, or why there is nothing: stopped after the seconds allowed, or its exit code.
    """

    said: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    processor: float = 0.0
    peak: float = 0.0
    workers: tuple[float, ...] = ()
    ended: str = ""


def measure(arguments: Sequence[str], most: float) -> Measured:
    """Run ``scfcap`` with ``arguments`` in a process of its own, for ``most`` seconds at most."""
    command = [sys.executable, "-m", "scfcap", *arguments, "--json", "--quiet"]
    begun, marks = time.perf_counter(), dict[int, float]()
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        status, usage = 0, None
        while usage is None or not status:
            status, code, usage = os.wait4(child.pid, os.WNOHANG)
            for pid in _below(child.pid):
                marks[pid] = max(marks.get(pid, 0.0), _mark(pid))
            if time.perf_counter() - begun > most:
                child.terminate()
            time.sleep(_STEP)
        child.returncode = os.waitstatus_to_exitcode(code)
        found = Measured(seconds=time.perf_counter() - begun)
        found.processor = usage.ru_utime + usage.ru_stime
        found.peak = usage.ru_maxrss / 1024
        found.workers = tuple(sorted((mark for mark in marks.values() if mark), reverse=True))
        if child.returncode:
            found.ended = (
                f"stopped after {most:.0f} s"
                if found.seconds > most
                else f"exit {child.returncode}"
            )
            return found
        out.seek(0)
        found.said = json.loads(out.read())
    return found


def _below(pid: int) -> Iterator[int]:
    """Processes that descend from ``pid``."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(c) for task in tasks for c in (task / "children").read_text().split()]
    except OSError:
        return
    for child in children:
        yield child
        yield from _below(child)


def _mark(pid: int) -> float:
    """Highest resident set of a process [MiB]; 0 where it has gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    except (OSError, IndexError):
        return 0.0


def differing(a: Any, b: Any, where: str = "") -> list[str]:
    """Where two documents differ: texts at all, numbers by more than :data:`TOLERANCE`."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return [each for key in a for each in differing(a[key], b[key], f"{where}.{key}")]
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        pairs = enumerate(zip(a, b, strict=True))
        return [each for k, (x, y) in pairs for each in differing(x, y, f"{where}[{k}]")]
    if isinstance(a, float) and isinstance(b, float | int):
        room = TOLERANCE * max(1.0, abs(a), abs(b))
        return [] if math.isclose(a, b, rel_tol=0.0, abs_tol=room) else [f"{where}: {a} and {b}"]
    return [] if a == b else [f"{where}: {a!r} and {b!r}"]


def rows_of(
    loans: int, folder: Path, ways: Sequence[str], most: float, part: int
) -> list[tuple[str | int | float, ...]]:
    """The lines of one tape. Raises AssertionError where two ways to one station differ."""
    tape = folder / "tape"
    if not tape.is_dir():
        write_tape(tape, scfcap.load(MODEL).loaded.spec, loans, part)
    rows: list[tuple[str | int | float, ...]] = []
    first: tuple[str, dict[str, Any]] | None = None
    for way in ways:
        found = measure([*WAYS[way], "--tape", str(tape)], most)
        name = f"{way}: {found.ended}" if found.ended else way
        count = int(WAYS[way][-1]) if "--workers" in WAYS[way] else 0
        each = ", ".join(f"{mark:,.0f}" for mark in found.workers[:count])
        figures = (round(found.seconds, 1), round(found.processor, 1), round(found.peak))
        rows.append((loans, name, *figures, each or "none"))
        print(*rows[-1], sep="  ", flush=True)
        if way in SAME and not found.ended:
            tables = found.said["tables"]
            if first is not None:
                off = differing(first[1], tables)
                assert not off, f"{first[0]} and {way} differ: {off[:5]}"
            first = first or (way, tables)
    return rows


def fitted(rows: Sequence[Sequence[Any]]) -> list[str]:
    """Least-squares lines over the sizes of each station that ended: memory of the command, of its
    workers together where it has any, and processor seconds, each against millions of loans.
    """
    told = []
    for way in WAYS:
        mine = [row for row in rows if row[1] == way]
        if len({row[0] for row in mine}) < 2:
            continue
        millions = np.array([row[0] / 1e6 for row in mine])
        parts = []
        for what, column in (("MiB", 4), ("processor seconds", 3)):
            slope, start = np.polyfit(millions, [float(row[column]) for row in mine], 1)
            parts.append(f"{start:,.0f} + {slope:,.1f} {what} a million")
        told.append(f"`{way}`: {' and '.join(parts)}")
    return ["Lines fitted over the sizes: " + "; ".join(told) + "."] if told else []


def added(
    earlier: Sequence[Sequence[Any]], rows: Sequence[Sequence[Any]]
) -> list[tuple[str | int | float, ...]]:
    """``rows``, and of the ``earlier`` ones those of other sizes and stations; by size."""
    new = {(row[0], str(row[1]).partition(":")[0]) for row in rows}
    kept = [row for row in earlier if (row[0], str(row[1]).partition(":")[0]) not in new]
    order = list(WAYS)
    both = [tuple(row) for row in (*kept, *rows)]
    return sorted(both, key=lambda row: (row[0], order.index(str(row[1]).partition(":")[0])))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for; keep the table unless ``--show`` is given."""
    parser = argparse.ArgumentParser(description="Measure stations over tapes of millions.")
    parser.add_argument("--loans", type=int, nargs="+", default=[1_000_000, 3_000_000, 10_000_000])
    parser.add_argument("--way", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--part", type=int, default=PART, help="loans of a part of the tape")
    parser.add_argument("--seconds", type=float, default=600.0, help="most for one command")
    parser.add_argument("--tapes", type=Path, help="where tapes are kept, a folder a size")
    parser.add_argument("--add", action="store_true", help="to the rows of the last table")
    parser.add_argument("--show", action="store_true", help="write neither file nor document")
    asked = parser.parse_args(arguments)
    begun = time.perf_counter()
    rows: list[tuple[str | int | float, ...]] = []
    for loans in asked.loans:
        with tempfile.TemporaryDirectory(prefix="scfcap-scale-") as folder:
            place = Path(folder) if asked.tapes is None else asked.tapes / str(loans)
            rows += rows_of(loans, place, asked.way, asked.seconds, asked.part)
    if not asked.show:
        from record import HERE as FILES
        from record import keep

        if asked.add:
            earlier = json.loads((FILES / "scale.json").read_text(encoding="utf-8"))
            rows = added(earlier["rows"], rows)
        given = sys.argv[1:] if arguments is None else arguments
        command = "make scale"
        if given:
            command = shlex.join(["python", "benchmarks/campaigns/scale.py", *given])
        seconds = time.perf_counter() - begun
        keep("scale", "scale.md", command, HEADS, rows, seconds, fitted(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
