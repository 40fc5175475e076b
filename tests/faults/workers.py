"""Commands whose work is spread over processes: one of which dies, or all of which are to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from . import whole
from .server import PATIENCE, Ended, Server
from .trials import Case, Tried, large, models, tried

#: Loans of the tape, and loans of each of its parts that a worker reads.
LOANS, PART = 60_000, 5_000
COMMAND = (
    "project",
    "mini",
    "--tape",
    "mini/large.parquet",
    "--workers",
    "2",
    "--out",
    "out",
    "-q",
)
INTERRUPTED = "Interrupted; no half-written result is left."
#: How long processes may take to be gone after the command has ended [s].
GRACE = 20.0


def _of_session(session: int) -> dict[int, str]:
    """Command lines of the processes of a session that have not ended, by their numbers."""
    found = {}
    for place in Path("/proc").iterdir():
        if not place.name.isdecimal():
            continue
        try:
            stat = (place / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            line = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if int(stat[3]) == session and stat[0] not in "ZX":
            found[int(place.name)] = line
    return found


def _workers(session: int) -> list[int]:
    """Processes that do the work, once all of them are there."""
    found = [k for k, line in _of_session(session).items() if "spawn_main" in line]
    return sorted(found) if len(found) >= 2 else []


def _started(work: Path, act: Callable[[int, list[int]], None]) -> tuple[Ended, list[str]]:
    """Run the command in a session of its own, ``act`` on it once it has its workers.

    Also the command lines of what is left of the session when it has ended.
    """
    line = [sys.executable, "-m", "scfcap", *COMMAND]
    with subprocess.Popen(
        line, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as running:  # fmt: skip
        until = time.monotonic() + PATIENCE
        try:
            while running.poll() is None and not _workers(running.pid):
                if time.monotonic() > until:
                    raise TimeoutError("no workers")  # noqa: EM101
                time.sleep(0.05)
            if running.poll() is None:
                act(running.pid, _workers(running.pid))
            out, err = running.communicate(timeout=PATIENCE)
            until = time.monotonic() + GRACE
            while (left := _of_session(running.pid)) and time.monotonic() < until:
                time.sleep(0.1)
        finally:
            for number in _of_session(running.pid):
                os.kill(number, signal.SIGKILL)
    return Ended(running.returncode, 0, out, err, 0.0, 0), list(left.values())


def _interrupted(to_all: bool, pause: float, fault: str) -> Case:
    """Ctrl-C reaches all processes of a terminal; a supervisor's signal the first alone."""

    def act(session: int, _: list[int]) -> None:
        time.sleep(pause)
        (os.killpg if to_all else os.kill)(session, signal.SIGINT)

    def case(_: Server, work: Path) -> Tried | None:
        if not Path("/proc/self/stat").exists():
            return None
        large(models(work) / "mini" / "large.parquet", LOANS, PART)
        ended, left = _started(work, act)
        found = tried(fault, COMMAND, ended, work, code=130, words=INTERRUPTED)
        said = f"{len(left)} processes" if left else "no process, nothing on disk"
        return found.but(left=said, kept=found.kept and not left)

    return case


def _lost(pause: float, fault: str) -> Case:
    """One of two workers is killed; what it had is done again, or the command says so."""
    return partial(_killed, pause, fault)


def _killed(pause: float, fault: str, _: Server, work: Path) -> Tried | None:
    if not Path("/proc/self/stat").exists():
        return None
    large(models(work) / "mini" / "large.parquet", LOANS, PART)
    ended, left = _started(work, lambda *_: None)
    expected = whole.content(work)
    assert ended.code == 0, ended.err
    large(models(work) / "mini" / "large.parquet", LOANS, PART)

    def act(_: int, workers: list[int]) -> None:
        time.sleep(pause)
        os.kill(workers[-1], signal.SIGKILL)

    ended, left = _started(work, act)
    if ended.code == 2:
        found = tried(fault, COMMAND, ended, work, code=2, words="--workers: found")
        return found.but(kept=found.kept and not left)
    found = tried(fault, COMMAND, ended, work, code=0, words="", left=("mini", "out"))
    same = whole.content(work) == expected
    return found.but(left="the same bytes" if same else "other bytes", kept=found.kept and same)


CASES: dict[str, Case] = {
    "Ctrl-C, workers": _interrupted(True, 1.0, "Ctrl-C while two workers are at work"),
    "Ctrl-C, workers begin": _interrupted(True, 0.0, "Ctrl-C while two workers begin"),
    "SIGINT, workers": _interrupted(False, 1.0, "SIGINT to a command with two workers"),
    "worker lost": _lost(8.0, "a worker is killed at its work"),
    "worker lost at once": _lost(0.5, "a worker is killed as it begins"),
}
