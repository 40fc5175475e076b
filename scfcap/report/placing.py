"""A folder put in place as a whole, whatever ends the writer and whoever else writes there.

It is made beside its place, under a hidden name, and held by a lock of the system, which lets go of
it when the writer dies. So the next writer can tell what a dead one has left from what a living one
is at work on: it takes the former away, and puts back what the dead one had moved aside.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from scfcap.errors import InputError, Problem

if sys.platform != "win32":
    import fcntl

_NEW: Final = ".new"
_OLD: Final = ".old"
#: How often others that write to the same place at the same time are given way.
_TRIES: Final = 100


@contextmanager
def placed(out: Path) -> Iterator[Path]:
    """A folder beside ``out`` that takes its place if all goes well, else leaves no trace.

    What stood there is replaced. Of several that write there at once the last one stays, whole.
    Raises :class:`~scfcap.errors.InputError` where it cannot be written.
    """
    out = out.absolute()
    with written(out, f"--out {out}"):
        out.parent.mkdir(parents=True, exist_ok=True)
        with aside(out) as folder:
            yield folder
            _swap(folder, out)


@contextmanager
def aside(out: Path) -> Iterator[Path]:
    """A hidden folder beside ``out``, for what is to go there; it is removed in the end.

    What writers of ``out`` that died have left is removed first.
    """
    restore(out)
    folder, lock = _made(out)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


@contextmanager
def written(out: Path, where: str) -> Iterator[None]:
    """A fault of the file system while ``out`` is written is bad input."""
    try:
        yield
    except OSError as error:
        raise InputError(
            Problem(
                where,
                f"cannot be written ({error.strerror or error})",
                "a place where folders may be made",
                "Give another --out." if where.startswith("--out") else f"Copy {out} elsewhere.",
            )
        ) from error


def restore(out: Path) -> None:
    """Take away what writers of ``out`` that died have left, and put back what they moved aside.

    What a living writer is at work on stays. Where the system has no locks for folders, or does not
    let us remove them, all stays.
    """
    with suppress(OSError):
        for older in _beside(out, _OLD):
            if _idle(older.with_suffix(_NEW)):
                if not out.exists():
                    older.rename(out)
                shutil.rmtree(older, ignore_errors=True)
        for folder in _beside(out, _NEW):
            if _idle(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _beside(out: Path, ending: str) -> list[Path]:
    start = f".{out.name}."
    return [
        path
        for path in sorted(out.parent.iterdir())
        if path.name.startswith(start)
        and path.name.endswith(ending)
        and len(path.name) == len(start) + 8 + len(ending)
    ]


def _made(out: Path) -> tuple[Path, int | None]:
    """A new folder beside ``out``, and the lock on it."""
    while True:
        folder = out.with_name(f".{out.name}.{secrets.token_hex(4)}{_NEW}")
        folder.mkdir()
        lock = _lock(folder, wait=True)
        if folder.is_dir():
            return folder, lock
        if lock is not None:  # taken away before it was locked, by one who took it for a leftover
            os.close(lock)


def _idle(folder: Path) -> bool:
    """Whether nobody is at work on ``folder``."""
    if not folder.exists():
        return True
    lock = _lock(folder, wait=False)
    if lock is None:
        return False
    os.close(lock)
    return True


def _lock(folder: Path, *, wait: bool) -> int | None:
    """A lock on a folder; None where another has it, or the system has none."""
    if sys.platform == "win32":
        return None
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        os.close(handle)
        return None
    return handle


def _swap(folder: Path, out: Path) -> None:
    """Put ``folder`` in the place of ``out``; what stood there comes back if that fails."""
    older = folder.with_suffix(_OLD)
    for left in reversed(range(_TRIES)):
        try:
            with suppress(FileNotFoundError):  # nothing there, or another has just moved it
                out.rename(older)
            folder.rename(out)
        except BaseException as error:
            taken = out.exists()
            if not taken and older.exists():
                older.rename(out)
            if not (taken and left and isinstance(error, OSError)):
                raise
        else:
            return
        finally:
            if out.exists():
                shutil.rmtree(older, ignore_errors=True)
