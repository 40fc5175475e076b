"""What to say where memory ends: how much there may be, and what a tape of that size takes."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from scfcap.errors import InputError, Problem

if TYPE_CHECKING:
    from scfcap.api.model import Model

#: Memory of a run that reads its tape as a whole [bytes]: of the program, and for each loan. Our
#: estimate, on the safe side: the pool alone takes some 500 bytes a loan (docs/performance.md),
#: 200,000 loans on the way to their plan 1,200.
BASE: Final = 400 * 2**20
LOAN: Final = 2500
_GIB: Final = 2**30
#: Where a system tells the limit of a group of processes (Linux, cgroup 2 and 1).
_GROUPS: Final = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def exhausted(error: Exception, tape: str = "", loans: int = 0) -> InputError:
    """What is to be said where memory ended; ``loans`` of ``tape`` are what it was for."""
    asked = re.search(r"([\d.]+ [KMGT]iB)", str(error))
    limit = allowed()
    found = "not enough memory" + (f" for {asked[1]} more" if asked else "")
    if limit is not None:
        found += f": this process may have {limit / _GIB:.1f} GiB"
    need = f"about {needed(loans) / _GIB:.1f} GiB for {loans:,} loans" if loans else "more memory"
    return InputError(
        Problem(
            tape or "memory",
            found,
            need,
            "Give it more, or take fewer loans at a time: `scfcap project` reads a tape in Parquet "
            "in chunks, with --workers N in as many processes.",
        )
    )


def size_of(model: Model) -> tuple[str, int]:
    """Name of a model's tape, and how many loans are in it, as far as that is known: else 0."""
    kept, tape = model._kept.get("tape"), model.loaded.spec.tape
    name = str(model.tape_path or tape.path or "the tape")
    if kept is not None:
        return name, len(kept.frame)
    if model.tape_path is None and tape.platform is not None and tape.source == "platform":
        return name, tape.platform.loans
    with suppress(InputError, MemoryError):
        from scfcap.api.chunked import streamed

        data = streamed(model)
        return name, 0 if data is None else data.rows
    return name, 0


def needed(loans: int) -> float:
    """What a run that reads ``loans`` as a whole takes, about [bytes]."""
    return BASE + LOAN * loans


def allowed() -> int | None:
    """The least of the limits on this process's memory [bytes]; None where none is known."""
    limits = [*_of_process(), *_of_group()]
    return min(limits, default=None)


def _of_process() -> list[int]:
    try:
        import resource
    except ImportError:  # not on all systems
        return []
    kinds = (resource.RLIMIT_AS, resource.RLIMIT_DATA)
    found = [resource.getrlimit(kind)[0] for kind in kinds]
    return [limit for limit in found if limit != resource.RLIM_INFINITY]


def _of_group() -> list[int]:
    found = []
    for name in _GROUPS:
        with suppress(OSError, ValueError):
            limit = int(Path(name).read_text(encoding="ascii"))
            if limit < 2**60:
                found.append(limit)
    return found
