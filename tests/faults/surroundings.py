"""Commands in odd surroundings: file systems that take nothing, another user, readers that leave,
memory that is short.

Each is a process of its own, as a shell starts it. A case is None where the machine does not let it
be tried: mounts and other users are root's.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from scfcap.api import memory

from .server import Ended, Server
from .trials import CHECK, Case, Tried, large, models, process, tried

_NOBODY = 65534
_GROUPS = Path("/sys/fs/cgroup")
#: Loans of the tapes of the trials of memory.
_MANY = 400_000


def _mounted(options: str, fault: str, words: str) -> Case:
    """``--out`` in a file system of its own, which only the command sees."""

    def case(_: Server, work: Path) -> Tried | None:
        command = ("check", "mini", "--out", "there/out")
        (models(work) / "there").mkdir()
        mount = f'mount -t tmpfs -o size=64k none there && {options} && "$@"; code=$?; ls -A there'
        line = ["unshare", "-m", "sh", "-c", f"{mount}; exit $code", "sh"]
        if not _may([*line[:2], "mount", "-t", "tmpfs", "none", str(work / "there")]):
            return None
        ended = process(command, work, before=line)
        found = tried(fault, command, ended, work, code=2, words=words, left=("mini", "there"))
        there = [each for each in ended.out.split() if each != "filling"]
        empty = not any(each.startswith((".out", "out")) for each in there)
        return found.but(left="nothing", kept=found.kept and empty)

    return case


def _another_user(_: Server, work: Path) -> Tried | None:
    """Somebody who may read everything here and write nothing."""
    models(work)
    for folder in (work, *work.parents[: len(work.parents) - 2]):
        folder.chmod(folder.stat().st_mode | 0o555)
    user = ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
    if not _may([*user, sys.executable, "-c", f"import os; os.listdir({str(work)!r})"]):
        return None
    ended = process(CHECK, work, before=user)
    words = "cannot be written (Permission denied)"
    return tried("another user, whose folder it is not", CHECK, ended, work, code=2, words=words)


def _may(line: Sequence[str]) -> bool:
    try:
        return subprocess.run(line, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _left(*command: str) -> Case:
    """A reader that takes one line and goes: ``| head -1``."""

    def case(_: Server, work: Path) -> Tried:
        line = [sys.executable, "-m", "scfcap", *command]
        with subprocess.Popen(
            line, cwd=models(work), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as running:
            assert running.stdout is not None
            assert running.stderr is not None
            first = running.stdout.readline()
            running.stdout.close()
            err = running.stderr.read()
        ended = Ended(running.returncode, 0, first, err, 0.0, 0)
        shown = (*command, "| head -1")
        found = tried("a reader that has gone", shown, ended, work, code=0, words="")
        return found.but(kept=found.kept and not err and bool(first))

    return case


def _limited(option: str, kind: memory.Kind, *, enough: bool) -> Case:
    """A tape under a limit of the shell's: what it is said to take, or two thirds of that."""

    def case(_: Server, work: Path) -> Tried:
        large(models(work) / "mini" / "large.parquet", _MANY)
        limit = kind.needed(_MANY) if enough else kind.needed(_MANY) * 2 // 3
        command = ("check", "mini", "--tape", "mini/large.parquet", "--out", "out", "-q")
        shell = ["sh", "-c", f'ulimit {option} {limit // 1024 + 1}; exec "$@"', "sh"]
        ended = process(command, work, before=shell)
        share = "as much as said to be needed" if enough else "two thirds of what is needed"
        return tried(
            f"{_MANY:,} loans, ulimit {option} {limit // 2**20} MiB: {share}", command, ended, work,
            code=0 if enough else 2,
            words="" if enough else f"of {kind.name}; expected about",
            left=("mini", "out") if enough else ("mini",),
        )  # fmt: skip

    return case


def _grouped(*, enough: bool) -> Case:
    """The same under the limit of a control group, as a container has one."""

    def case(_: Server, work: Path) -> Tried | None:
        limit = memory.RESIDENT.needed(_MANY) * (3 if enough else 2) // 3
        command = ("check", "mini", "--tape", "mini/large.parquet", "--out", "out", "-q")
        with group(limit) as place:
            if place is None:
                return None
            large(models(work) / "mini" / "large.parquet", _MANY)
            enter = ["sh", "-c", f'echo $$ >{place}/cgroup.procs && exec "$@"', "sh"]
            ended = process(command, work, before=enter)
        share = "as much as said to be needed" if enough else "two thirds of what is needed"
        return tried(
            f"{_MANY:,} loans, a control group of {limit // 2**20} MiB: {share}",
            command, ended, work,
            code=0 if enough else 2,
            words="" if enough else "of memory; expected about",
            left=("mini", "out") if enough else ("mini",),
        )  # fmt: skip

    return case


@contextmanager
def group(limit: int) -> Iterator[Path | None]:
    """A control group below this process's own, of ``limit`` bytes; None where none may be made."""
    place = None
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        _, kinds, name = line.split(":", 2)
        if kinds not in ("", "memory"):
            continue
        made = _GROUPS / kinds / name.strip("/") / f"scfcap-{os.getpid()}"
        file = made / ("memory.limit_in_bytes" if kinds else "memory.max")
        try:
            made.mkdir()
        except OSError:
            continue
        try:
            file.write_text(str(limit), encoding="ascii")
        except OSError:
            made.rmdir()
        else:
            place = made
            break
    try:
        yield place
    finally:
        if place is not None:
            place.rmdir()


CASES: dict[str, Case] = {
    "read-only": _mounted(
        "mount -o remount,ro there", "a file system mounted read-only",
        "cannot be written (Read-only file system)",
    ),
    "full tmpfs": _mounted(
        "{ head -c 65536 /dev/zero >there/filling; true; }", "a file system of 64 KiB, full",
        "cannot be written",
    ),
    "another user": _another_user,
    "help to head": _left("--help"),
    "schema to head": _left("schema"),
    "too little data": _limited("-d", memory.DATA, enough=False),
    "enough data": _limited("-d", memory.DATA, enough=True),
    "too little space": _limited("-v", memory.SPACE, enough=False),
    "enough space": _limited("-v", memory.SPACE, enough=True),
    "too small a group": _grouped(enough=False),
    "enough of a group": _grouped(enough=True),
}  # fmt: skip
