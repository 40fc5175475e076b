"""What the system lets this process have of memory: its own limits, and those of its groups."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

#: What a limit counts: ``ulimit -v``, ``ulimit -d``, or what a group of processes has in memory.
Counted = Literal["address space", "data", "resident"]

#: Where Linux tells of groups of processes, and this process's own.
_GROUPS: Final = Path("/sys/fs/cgroup")
_OURS: Final = Path("/proc/self/cgroup")
#: Where there is no limit, some versions of Linux tell of one that no machine has [bytes].
_NONE: Final = 2**60


def limits() -> Iterator[tuple[Counted, int]]:
    """Limits on this process's memory [bytes], by what they count."""
    with suppress(ImportError):  # not on all systems
        import resource

        kinds: tuple[tuple[Counted, int], ...] = (
            ("address space", resource.RLIMIT_AS), ("data", resource.RLIMIT_DATA),
        )  # fmt: skip
        for counted, number in kinds:
            limit = resource.getrlimit(number)[0]
            if limit != resource.RLIM_INFINITY:
                yield counted, limit
    for file in _of_groups():
        with suppress(OSError, ValueError):
            limit = int(file.read_text(encoding="ascii"))
            if limit < _NONE:
                yield "resident", limit


def allowed() -> int | None:
    """The least of the limits on this process's memory [bytes]; None where none is known."""
    return min((limit for _, limit in limits()), default=None)


def _of_groups() -> Iterator[Path]:
    """Files that hold the limits of the groups this process is in: those above count too."""
    with suppress(OSError, ValueError):
        for line in _OURS.read_text(encoding="utf-8").splitlines():
            _, kinds, name = line.split(":", 2)
            if kinds not in ("", "memory"):
                continue
            top = _GROUPS / kinds
            files = ("memory.limit_in_bytes",) if kinds else ("memory.max", "memory.high")
            place = top / name.strip("/")
            # In a container the group's own folder is the top, whatever its name is outside.
            for each in (place, *place.parents):
                if each.is_relative_to(top):
                    yield from (each / file for file in files)
