"""Who does the cases: processes that may die, hang or run out of memory without ending the rest.

A case that ends its process, or does not end, is a fault found. What that process had done of its
part is done again by another one, without that case, as each case has a seed of its own.
"""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from benchmarks.campaigns.hostile.meter import Found

#: Longest time that a case may take by the clock, on a machine that does other things too [s].
SILENCE = 300.0
#: Parts that one process does before another takes its place.
PARTS = 8
_SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Part:
    """Cases ``first`` to ``first + count - 1`` of a reader."""

    reader: str
    seed: int
    first: int
    count: int

    def without(self, number: int) -> list[Part]:
        """What is left of it where case ``number`` is not to be done again."""
        after = self.first + self.count - number - 1
        parts = [
            Part(self.reader, self.seed, self.first, number - self.first),
            Part(self.reader, self.seed, number + 1, after),
        ]
        return [part for part in parts if part.count]


#: Does a part, and calls what it is given with the number of each case before it begins.
Work = Callable[[Part, Callable[[int], None]], Found]


class _Worker:
    """A process, the part it does, and the case at which it is."""

    def __init__(self, work: Work, begin: Callable[[], None]) -> None:
        self.pipe, far = _SPAWN.Pipe()
        self.at = _SPAWN.RawValue("q", -1)
        self.process = _SPAWN.Process(target=_serve, args=(far, work, begin, self.at), daemon=True)
        self.process.start()
        far.close()
        self.part: Part | None = None
        self.parts = 0
        self.seen: tuple[int, float] = (-1, 0.0)

    def give(self, part: Part) -> None:
        """Have it do ``part``."""
        self.part, self.at.value = part, -1
        self.parts += 1
        self.seen = (-1, time.monotonic())
        self.pipe.send(part)

    def silent(self, most: float) -> bool:
        """Whether it has been at one case for more than ``most`` seconds."""
        now = time.monotonic()
        if self.at.value != self.seen[0]:
            self.seen = (self.at.value, now)
        begun = self.seen[0] >= 0  # what it needs before its first case may take longer
        return self.part is not None and now - self.seen[1] > (
            most if begun else max(most, SILENCE)
        )

    def end(self) -> None:
        """End the process, whatever it does."""
        self.pipe.close()
        self.process.join(1.0)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _serve(pipe: Connection, work: Work, begin: Callable[[], None], at: Any) -> None:
    """Do parts until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    begin()

    def reached(number: int) -> None:
        at.value = number

    while True:
        try:
            part = pipe.recv()
        except EOFError:
            return
        pipe.send(work(part, reached))


def share_out(
    parts: Iterable[Part],
    work: Work,
    workers: int,
    begin: Callable[[], None],
    silence: float = SILENCE,
) -> Iterator[Found]:
    """What each of ``parts`` comes to, in the order in which they end.

    ``work`` and ``begin`` (called once in each process) must be functions of a module. A process
    that dies, or is ended after ``silence`` seconds at one case, gives a :class:`Found` with that
    case as its only one, and its fault. Raises RuntimeError where a process dies before it has
    begun a case, as every other one would.
    """
    waiting = deque(parts)
    crew: list[_Worker] = []
    try:
        while waiting or any(worker.part for worker in crew):
            while waiting and len([w for w in crew if w.part]) < workers:
                idle = next((w for w in crew if w.part is None), None)
                if idle is None:
                    idle = _Worker(work, begin)
                    crew.append(idle)
                idle.give(waiting.popleft())
            wait([w.pipe for w in crew if w.part], timeout=min(1.0, silence))
            for worker in list(crew):
                found, again = _heard(worker, silence)
                waiting.extendleft(reversed(again))
                if found is not None:
                    worker.part = None
                    if worker.parts >= PARTS or not worker.process.is_alive():
                        crew.remove(worker)
                        worker.end()
                    yield found
    finally:
        for worker in crew:
            worker.process.kill()
            worker.end()


def _heard(worker: _Worker, silence: float) -> tuple[Found | None, list[Part]]:
    """What a process has come to, if it has, and the parts that are to be done again."""
    part = worker.part
    if part is None:
        return None, []
    said = ""
    if worker.pipe.poll():
        try:
            return worker.pipe.recv(), []
        except (EOFError, ConnectionError):
            worker.process.join()
            said = f"the process ended ({_cause(worker.process.exitcode)})"
    elif worker.silent(silence):
        worker.process.kill()
        worker.process.join()
        said = f"no end after {silence:g} s by the clock"
    if not said:
        return None, []
    number = worker.at.value
    if number < part.first:
        msg = f"{part.reader}: {said} before its first case"
        raise RuntimeError(msg)
    found = Found(part.reader, number, cases=1)
    found.faults[said] = 1
    found.samples[said] = (number, "")
    return found, part.without(number)


def _cause(code: int | None) -> str:
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"
