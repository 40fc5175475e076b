"""How much memory there may be, and what a tape takes: told before it is read, or when it ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from scfcap.allowance import limits
from scfcap.errors import InputError, Problem

if TYPE_CHECKING:
    from scfcap.api.model import Model


@dataclass(frozen=True)
class Kind:
    """Memory as a limit counts it: what the program takes [bytes], and each loan [bytes]."""

    name: str
    base: int
    loan: int

    def needed(self, loans: int) -> int:
        """What a run that reads ``loans`` as a whole takes, about [bytes]."""
        return self.base + self.loan * loans


_MIB: Final = 2**20
_GIB: Final = 2**30
#: Highest that `check`, `pool`, `project` and `run` had with 3,000, 200,000 and 1,000,000 loans,
#: rounded up: docs/faults.md, "Memory".
RESIDENT: Final = Kind("memory", 450 * _MIB, 800)
DATA: Final = Kind("memory for data (ulimit -d)", 450 * _MIB, 900)
SPACE: Final = Kind("address space (ulimit -v)", 1000 * _MIB, 900)
_KINDS: Final = {"resident": RESIDENT, "data": DATA, "address space": SPACE}
#: What is read of a text file to tell how long its rows are [bytes], and which files are text.
_SAMPLE: Final = 2**18
_TEXT: Final = (".csv", ".tsv", ".psv", ".txt")
_FEWER: Final = (
    "Give it more, or take fewer loans at a time: `scfcap project` reads a tape in Parquet "
    "in chunks, with --workers N in as many processes."
)


def refuse_too_many(model: Model) -> None:
    """Refuse a tape that is read as a whole and takes more memory than this process may have.

    Nothing is asked of a tape whose size is not known before it is read, or where nothing limits
    memory. Raises :class:`~scfcap.errors.InputError`.
    """
    limits = list(_limits())
    if not limits:
        return
    name, loans = size_of(model)
    for kind, limit in limits:
        if loans and kind.needed(loans) > limit:
            raise InputError(
                Problem(
                    name,
                    f"{loans:,} loans where this process may have {_said(limit)} of {kind.name}",
                    f"about {_said(kind.needed(loans))} for them",
                    _FEWER,
                )
            )


def exhausted(error: Exception, tape: str = "", loans: int = 0) -> InputError:
    """What is to be said where memory ended; ``loans`` of ``tape`` are what it was for."""
    asked = re.search(r"([\d.]+ [KMGT]iB)", str(error))
    limit = min(_limits(), key=lambda each: each[1], default=None)
    found = "not enough memory" + (f" for {asked[1]} more" if asked else "")
    if limit is not None:
        found += f": this process may have {_said(limit[1])}"
    kind = RESIDENT if limit is None else limit[0]
    need = f"about {_said(kind.needed(loans))} for {loans:,} loans" if loans else "more memory"
    return InputError(Problem(tape or "memory", found, need, _FEWER))


def size_of(model: Model) -> tuple[str, int]:
    """Name of a model's tape, and how many loans are in it, as far as that is known: else 0."""
    kept, tape = model.kept("tape"), model.loaded.spec.tape
    name = str(model.tape_path or tape.path or "the tape")
    if kept is not None:
        return name, len(kept.frame)
    if model.tape_path is None and tape.source != "file":
        made = tape.platform if tape.source == "platform" else None
        return name, 0 if made is None else made.loans
    with suppress(InputError, MemoryError, OSError):
        return name, _rows(model)
    return name, 0


def _rows(model: Model) -> int:
    """Rows of the tape's files: of Parquet as they say, of text by the length of their first."""
    from scfcap.tape.read import partitioned, tape_files

    spec, folder, path = model.loaded.spec.tape, model.loaded.tape_folder, model.tape_path
    data = partitioned(spec, folder, path)
    if data is not None:
        return data.rows
    return sum(_lines(file) for file in tape_files(spec, folder, path))


def _lines(file: Path) -> int:
    """How many lines a text file has, about; 0 for what is packed."""
    if file.suffix.lower() not in _TEXT:
        return 0
    size = file.stat().st_size
    with file.open("rb") as stream:
        sample = stream.read(_SAMPLE)
    return round(size / max(1, len(sample)) * sample.count(b"\n"))


def _limits() -> Iterator[tuple[Kind, int]]:
    """Limits on this process's memory [bytes], each with what the program takes of it."""
    return ((_KINDS[counted], limit) for counted, limit in limits())


def _said(size: float) -> str:
    return f"{size / _GIB:.1f} GiB" if size >= _GIB else f"{size / _MIB:.0f} MiB"
