"""Hostile input by the million: every reader of files, and the grammar of tests.

    python benchmarks/campaigns/inputs.py --cases 1000000 --seed 1

Each case is a sound small file that was spoilt, or an expression made by the grammar. What may
happen is two things: it is accepted, or it is refused by an :class:`~scfcap.errors.InputError`
that names the file. Another exception, a warning, more than some seconds of processor time or
more than some gigabytes of memory are faults, which are printed with the number of the case.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks.campaigns.hostile import commands, folders, formulas, tables, texts  # noqa: E402
from benchmarks.campaigns.hostile.cases import Reader  # noqa: E402
from benchmarks.campaigns.hostile.crew import Part, share_out  # noqa: E402
from benchmarks.campaigns.hostile.meter import Found, limit_memory, measure  # noqa: E402

READERS: tuple[Reader, ...] = (
    *formulas.READERS, *texts.READERS, *tables.READERS, *folders.READERS, *commands.READERS,
)  # fmt: skip
MILLION = 1_000_000
#: Most cases that one process does for one reader, so that two processors share the work.
PART = 20_000
HEADS = (
    "reader", "cases", "refused", "accepted", "slowest case [ms]", "largest memory [MiB]", "faults",
)  # fmt: skip


def shares(cases: int, readers: Sequence[Reader]) -> dict[str, int]:
    """Cases of each reader, at least one, so that all are ``cases`` or a few more."""
    whole = sum(reader.share for reader in readers)
    return {reader.name: max(1, -(-cases * reader.share // whole)) for reader in readers}


def part(asked: Part, reached: Callable[[int], None] = lambda _: None) -> Found:
    """The cases of a part, each with a seed of its own; ``reached`` is told of each."""
    reader = next(reader for reader in READERS if reader.name == asked.reader)
    found = Found(asked.reader)
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        make = reader.start(Path(folder))
        for number in range(asked.first, asked.first + asked.count):
            reached(number)
            measure(found, number, make(Random(f"{asked.seed} {asked.reader} {number}")))
    return found


def _parts(counts: dict[str, int], seed: int) -> Iterator[Part]:
    for name, count in counts.items():
        for first in range(0, count, PART):
            yield Part(name, seed, first, min(PART, count - first))


def campaign(cases: int, seed: int, readers: Sequence[Reader], workers: int) -> list[Found]:
    """All readers' cases, over ``workers`` processes."""
    counts = shares(cases, readers)
    found = {name: Found(name) for name in counts}
    for one in share_out(_parts(counts, seed), part, workers, limit_memory):
        found[one.reader].add(one)
        print(".", end="", flush=True)
    print()
    return list(found.values())


def show(found: Sequence[Found]) -> None:
    """The table, and each kind of fault once."""
    print("\t".join(HEADS))
    for one in found:
        print("\t".join(map(str, one.row())))
    for one in found:
        for said, times in one.faults.most_common():
            number, trace = one.samples[said]
            print(f"\n{one.reader}, case {number}: {times} times\n{said}\n{trace}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=MILLION)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--reader", help="only readers whose name holds this")
    parser.add_argument("--keep", action="store_true", help="write docs/security.md")
    asked = parser.parse_args()
    readers = [r for r in READERS if asked.reader is None or asked.reader in r.name]
    start = time.perf_counter()
    found = campaign(asked.cases, asked.seed, readers, asked.workers)
    seconds = time.perf_counter() - start
    show(found)
    if asked.keep:
        _keep(found, seconds)
    return int(any(one.faults for one in found))


def _keep(found: Sequence[Found], seconds: float) -> None:
    from benchmarks.campaigns import record

    total = Found("all")
    for one in found:
        total.add(one)
    record.keep(
        "inputs", "security.md", "make fuzz-inputs", HEADS,
        [one.row() for one in (*found, total)], seconds,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
