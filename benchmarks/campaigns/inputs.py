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
PART = 20_000


def shares(cases: int, readers: Sequence[Reader]) -> dict[str, int]:
    """Cases of each reader, at least one, where those of all are ``cases`` or a few more."""
    whole = sum(reader.share for reader in readers)
    return {reader.name: max(1, -(-cases * reader.share // whole)) for reader in readers}


def part(asked: Part, reached: Callable[[int], None] = lambda _: None) -> Found:
    """The cases of a part, each with a seed of its own; ``reached`` is told of each."""
    reader = next(reader for reader in READERS if reader.name == asked.reader)
    found = Found(asked.reader)
    use_memory()
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        make = reader.start(Path(folder))
        start = time.process_time()
        for number in range(asked.first, asked.first + asked.count):
            reached(number)
            measure(found, number, make(Random(f"{asked.seed} {asked.reader} {number}")))
        found.seconds = time.process_time() - start
    return found


def _parts(counts: dict[str, int], seed: int) -> Iterator[Part]:
    for name, count in sorted(counts.items(), key=lambda each: each[1]):  # the dear ones first
        for first in range(0, count, PART):
            yield Part(name, seed, first, min(PART, count - first))


def campaign(counts: dict[str, int], seed: int, workers: int) -> Iterator[Found]:
    """The cases of each reader, over ``workers`` processes: each reader as its last part ends."""
    found = {name: Found(name) for name in counts}
    for one in share_out(_parts(counts, seed), part, workers, limit_memory):
        whole = found[one.reader]
        whole.add(one)
        _tell(whole, one)
        if whole.cases == counts[whole.reader]:
            yield whole


def _tell(whole: Found, one: Found) -> None:
    """A part as it ends, with its faults."""
    print(f"{whole.reader}: {whole.cases:,} cases, {whole.seconds:.0f} s", flush=True)
    for said, times in one.faults.most_common():
        number, trace = one.samples[said]
        print(f"  FAULT, case {number}, {times} times: {said}\n{trace}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=MILLION, help="of all readers together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--reader", nargs="+", help="only readers whose names hold one of these")
    parser.add_argument("--each", type=int, help="as many cases of each reader, to see their cost")
    parser.add_argument(
        "--rows", type=Path, default=ROOT / "build" / "inputs.jsonl",
        help="where each reader's row is noted as it ends; one that is there is not run again, "
        "unless it is named by --reader",
    )  # fmt: skip
    parser.add_argument("--keep", action="store_true", help="write docs/security.md")
    asked = parser.parse_args()
    if asked.each is not None:
        counts = dict.fromkeys(_named(asked.reader), asked.each)
        wrong = [one for one in campaign(counts, asked.seed, asked.workers) if one.faults]
        return int(bool(wrong))
    whole = shares(asked.cases, READERS)
    done = set() if asked.reader else kept.sound(kept.rows(asked.rows, asked.seed, whole))
    counts = {name: whole[name] for name in _named(asked.reader) if name not in done}
    asked.rows.parent.mkdir(parents=True, exist_ok=True)
    for one in campaign(counts, asked.seed, asked.workers):
        kept.add(asked.rows, asked.seed, one)
        print("\t".join(map(str, one.row())), flush=True)
    table = kept.rows(asked.rows, asked.seed, whole)
    if asked.keep:
        kept.keep(table, whole, asked.seed)
    return int(len(kept.sound(table)) < len(table))


def _named(words: Sequence[str] | None) -> list[str]:
    return [r.name for r in READERS if any(word in r.name for word in words or [""])]


if __name__ == "__main__":
    sys.exit(main())
