"""One case within bounds: how long it took, what memory it took, and how it ended."""

from __future__ import annotations

import re
import resource
import signal
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Any

from scfcap.errors import InputError

#: Most processor time of one case before it counts as hung [s].
PATIENCE = 10.0
#: Address space that a case may take beyond what the process has [bytes].
ROOM = 3 * 2**30
_ROOT = Path(__file__).resolve().parents[3] / "scfcap"


class HungError(BaseException):
    """A case took more processor time than it may; no reader can catch it by mistake."""


@dataclass(frozen=True)
class Case:
    """What to do, and texts of which a refusal must name one (a file, an option)."""

    run: Callable[[], object]
    names: tuple[str, ...]


@dataclass
class Found:
    """What cases of one reader have come to, from number ``first`` on."""

    reader: str
    first: int = 0
    cases: int = 0
    refused: int = 0
    accepted: int = 0
    slowest: float = 0.0
    memory: float = 0.0
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    samples: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, other: Found) -> None:
        """Count the cases of another part of the same reader too."""
        self.cases += other.cases
        self.refused += other.refused
        self.accepted += other.accepted
        self.slowest = max(self.slowest, other.slowest)
        self.memory = max(self.memory, other.memory)
        self.seconds += other.seconds
        self.faults += other.faults
        self.samples = {**other.samples, **self.samples}

    def row(self) -> list[str | int | float]:
        """Its line in the table; processor time of the mean case and of the slowest [ms], memory
        [MiB].
        """
        mean = round(1e3 * self.seconds / max(1, self.cases), 2)
        slow, memory = round(1e3 * self.slowest), round(self.memory)
        counts = (self.cases, self.refused, self.accepted, mean, slow, memory)
        return [self.reader, *counts, sum(self.faults.values())]


def measure(found: Found, number: int, case: Case, patience: float = PATIENCE) -> None:
    """Run a case and count how it ended; ``number`` is its place in the reader's sequence."""
    before = _peak_from_here()
    start = time.process_time()
    said = trace = ""
    found.cases += 1
    try:
        with _bounded(patience), warnings.catch_warnings():
            warnings.simplefilter("error")
            case.run()
        found.accepted += 1
    except InputError as error:
        found.refused += 1
        text = str(error)
        if not any(name in text for name in case.names):
            said = f"a refusal that names none of {case.names}: {text[:200]}"
        elif len(text) > 100_000:
            said = f"a refusal of {len(text):,} characters"
    except (HungError, Exception) as error:
        said, trace = _place(error), traceback.format_exc()
        if isinstance(error, HungError):
            said = f"no end after {patience:g} s: {said}"
    found.slowest = max(found.slowest, time.process_time() - start)
    found.memory = max(found.memory, _peak() - before)
    if said:
        found.faults[said] += 1
        found.samples.setdefault(said, (number, trace))


def _place(error: BaseException) -> str:
    """Type and last place in our code of an error that is not the user's."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if str(_ROOT) in f.filename]
    last = frames[-1] if frames else None
    at = f" at {Path(last.filename).relative_to(_ROOT)}:{last.name}" if last else ""
    words = "" if isinstance(error, HungError) else str(error)[:120]
    text = re.sub(r"\d+", "N", " ".join(words.split()))
    return f"{type(error).__name__}{at}: {text}" if text else f"{type(error).__name__}{at}"


@contextmanager
def _bounded(patience: float) -> Iterator[None]:
    """Raises HungError once the process has worked for ``patience`` seconds more.

    A loop that never comes back to Python is ended by the system, some seconds later.
    """

    def hung(*_: Any) -> None:
        raise HungError

    before = signal.signal(signal.SIGPROF, hung)
    signal.setitimer(signal.ITIMER_PROF, patience)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time() + patience) + 20, most))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)
        resource.setrlimit(resource.RLIMIT_CPU, (most, most))


def limit_memory() -> None:
    """Bound what this process may take from now on: its address space and :data:`ROOM` more."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    size = pages * resource.getpagesize() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (size, resource.getrlimit(resource.RLIMIT_AS)[1]))


@cache
def _forgetting() -> IO[bytes] | None:
    """The file by which the system is told to forget the largest memory so far, if it has one."""
    try:
        return Path("/proc/self/clear_refs").open("wb", buffering=0)
    except OSError:
        return None


def _peak_from_here() -> float:
    """Resident memory now, after the system was told to forget the peak before [MiB]."""
    file = _forgetting()
    if file is not None:
        file.write(b"5")
    return _peak()


def _peak() -> float:
    """Largest resident memory [MiB]; since the process began where it cannot be reset."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
