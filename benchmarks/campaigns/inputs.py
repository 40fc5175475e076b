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

from benchmarks.campaigns.hostile import commands, folders, formulas, kept, tables, texts  # noqa: E402
from benchmarks.campaigns.hostile.cases import Reader  # noqa: E402
from benchmarks.campaigns.hostile.crew import Part, share_out  # noqa: E402
from benchmarks.campaigns.hostile.meter import Found, limit_memory, measure  # noqa: E402
from benchmarks.campaigns.scratch import use_memory  # noqa: E402

READERS: tuple[Reader, ...] = (
    *formulas.READERS, *texts.READERS, *tables.READERS, *folders.READERS, *commands.READERS,
)  # fmt: skip
MILLION = 1_000_000
#: Most cases that one process does for one reader, so that two processors share the work.
PART = 10_000


def shares(cases: int, readers: Sequence[Reader]) -> dict[str, int]:
    """Cases of each reader, at least one, where those of all are ``cases`` or a few more."""
    whole = sum(reader.share for reader in readers)
    return {reader.name: max(1, -(-cases * reader.share // whole)) for reader in readers}


def part(asked: Part, reached: Callable[[int], None] = lambda _: None) -> Found:
    """The cases of a part, each with a seed of its own; ``reached`` is told of each."""
    reader = next(reader for reader in READERS if reader.name == asked.reader)
    found = Found(asked.reader, asked.first)
    use_memory()
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        make = reader.start(Path(folder))
        start = time.process_time()
        for number in range(asked.first, asked.first + asked.count):
            reached(number)
            measure(found, number, make(Random(f"{asked.seed} {asked.reader} {number}")))
        found.seconds = time.process_time() - start
    return found


def _parts(gaps: dict[str, list[tuple[int, int]]], seed: int) -> Iterator[Part]:
    """The parts that cases are done in, each by a first case and how many; the dear ones first."""
    for name, todo in sorted(gaps.items(), key=lambda each: sum(n for _, n in each[1])):
        for first, count in todo:
            for at in range(first, first + count, PART):
                yield Part(name, seed, at, min(PART, first + count - at))


def campaign(parts: Sequence[Part], workers: int) -> Iterator[Found]:
    """What each part comes to as it ends, over ``workers`` processes; faults are printed."""
    for one in share_out(parts, part, workers, limit_memory):
        print("\t".join(map(str, [one.first, *one.row()])), flush=True)
        for said, times in one.faults.most_common():
            number, trace = one.samples[said]
            print(f"  FAULT, case {number}, {times} times: {said}\n{trace}", flush=True)
        yield one


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=MILLION, help="of all readers together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--reader", nargs="+", help="only readers whose names hold one of these")
    parser.add_argument("--each", type=int, help="as many cases of each reader, to see their cost")
    parser.add_argument(
        "--rows", type=Path, default=ROOT / "build" / "inputs.jsonl",
        help="where parts are noted as they end; what is there and sound is not run again",
    )  # fmt: skip
    parser.add_argument("--again", action="store_true", help="run what is noted again")
    parser.add_argument("--of", default="1/1", help="the K-th of N shares of the work: K/N")
    parser.add_argument("--keep", action="store_true", help="write docs/security.md")
    asked = parser.parse_args()
    whole = shares(asked.cases, READERS)
    named = [r.name for r in READERS if any(word in r.name for word in asked.reader or [""])]
    before = kept.noted(asked.rows, asked.seed)
    if asked.each is not None:
        gaps = {name: [(0, asked.each)] for name in named}
    elif asked.again:
        gaps = {name: [(0, whole[name])] for name in named}
    else:
        gaps = {name: kept.left(before, name, whole[name]) for name in named}
    which, shared = map(int, asked.of.split("/"))
    asked.rows.parent.mkdir(parents=True, exist_ok=True)
    wrong = 0
    for one in campaign(list(_parts(gaps, asked.seed))[which - 1 :: shared], asked.workers):
        wrong += len(one.faults)
        if asked.each is None:
            kept.add(asked.rows, asked.seed, one)
    if asked.keep:
        kept.keep(kept.table(kept.noted(asked.rows, asked.seed), whole), whole, asked.seed)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
