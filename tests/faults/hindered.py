"""Commands that are hindered: signals, full disks, limits, closed and odd outputs, others at work.

Each case says what happened and whether that is what docs/faults.md promises: the exit code, words
without a traceback, and what is left on disk.
"""

from __future__ import annotations

import errno
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from . import surroundings, whole, workers
from .server import Fault, Server
from .trials import CHECK, Case, Tried, models, process, tried

_INTERRUPTED = "Interrupted; no half-written result is left."


def _signalled(name: str, code: int) -> Case:
    def case(server: Server, work: Path) -> Tried:
        number = getattr(signal, name)
        ended = server.run(CHECK, models(work), Fault(number, act=6))
        return tried(name, CHECK, ended, work, code=code, words=_INTERRUPTED)

    return case


def _full_disk(server: Server, work: Path) -> Tried:
    ended = server.run(CHECK, models(work), Fault(act=5, error=errno.ENOSPC))
    words = "cannot be written (No space left on device)"
    return tried("disk full", CHECK, ended, work, code=2, words=words)


def _limited_files(server: Server, work: Path) -> Tried:
    server.run((*CHECK, "-q"), models(work))
    before = whole.content(work)
    ended = server.run(CHECK, work, Fault(limits=(("RLIMIT_FSIZE", 2048),)))
    found = tried(
        "files may not grow, an older run stands there", CHECK, ended, work, code=2,
        words="cannot be written", left=("mini", "out"),
    )  # fmt: skip
    same = whole.content(work) == before
    return found.but(left="the older run", kept=found.kept and same)


def _no_place(place: str, fault: str) -> Case:
    def case(server: Server, work: Path) -> Tried:
        command = ("check", "mini", "--out", place)
        ended = server.run(command, models(work))
        return tried(fault, command, ended, work, code=2, words="cannot be written")

    return case


def _odd_locale(server: Server, work: Path) -> Tried:
    """Also in another time zone and without a home: the same bytes, and JSON in ASCII."""
    model = models(work) / "mini" / "model.toml"
    text = model.read_text(encoding="utf-8").replace('"A small platform"', '"小贷平台"')
    model.write_text(text, encoding="utf-8")
    command = (*CHECK, "--json")
    server.run(command, work)
    before = whole.content(work)
    environment = {
        **{k: v for k, v in os.environ.items() if k not in ("LANG", "TMPDIR")},
        "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii",
        "HOME": "/nonexistent", "TZ": "Pacific/Kiritimati",
    }  # fmt: skip
    ended = process(command, work, environment)
    fault = "LC_ALL=C, output in ASCII, no HOME, another time zone"
    found = tried(fault, command, ended, work, code=0, words="", left=("mini", "out"))
    same = ended.out.isascii() and whole.content(work) == before
    return replace(found, happened="exit 0").but(left="the same bytes", kept=found.kept and same)


def _clock(server: Server, work: Path) -> Tried:
    """The second of two runs in another zone, by a clock that goes back an hour at each look."""
    command = ("plan", "mini", "--out", "out", "-q")
    server.run(command, models(work))
    before = whole.content(work)
    ended = server.run(command, models(work), Fault(clock=-3600.0, zone="Pacific/Kiritimati"))
    fault = "another time zone, a clock that goes back"
    found = tried(fault, command, ended, work, code=0, words="", left=("mini", "out"))
    same = whole.content(work) == before
    return found.but(left="the same bytes" if same else "other bytes", kept=found.kept and same)


def _closed(_: Server, work: Path) -> Tried:
    command = ("schema", "--out", "schema.json")
    ended = process(command, models(work), shell=">&- 2>&- <&-")
    return tried(
        "standard files closed", command, ended, work, code=0, words="",
        left=("mini", "schema.json"),
    )  # fmt: skip


def _full_output(_: Server, work: Path) -> Tried:
    command = ("--help",)
    ended = process(command, models(work), shell=">/dev/full")
    return tried("standard output full", command, ended, work, code=2, words="no space left")


def _at_once(_: Server, work: Path) -> Tried:
    models(work)
    with ThreadPoolExecutor(2) as threads:
        both = list(threads.map(lambda _: process((*CHECK, "-q"), work), range(2)))
    ended = next((one for one in both if one.code), both[0])
    return tried(
        "two runs into one folder at once", CHECK, ended, work, code=0, words="",
        left=("mini", "out"),
    )  # fmt: skip


def _solver(how: str, fault: str, code: int, words: str) -> Case:
    command = ("plan", "mini", "--out", "out", "-q")

    def case(server: Server, work: Path) -> Tried:
        ended = server.run(command, models(work), Fault(solver=how))
        return tried(fault, command, ended, work, code=code, words=words)

    return case


#: All cases by name.
CASES: dict[str, Case] = {
    "SIGINT": _signalled("SIGINT", 130),
    "SIGTERM": _signalled("SIGTERM", 143),
    "SIGHUP": _signalled("SIGHUP", 129),
    "full disk": _full_disk,
    "limited files": _limited_files,
    "no files there": _no_place("/proc/out", "a file system that takes no files"),
    "file in the way": _no_place("mini/model.toml/out", "a file in place of a folder"),
    "odd locale": _odd_locale,
    "closed": _closed,
    "full output": _full_output,
    "at once": _at_once,
    "solver dies": _solver("dies", "a solver that dies", 1, "the fault is ours"),
    "solver hangs": _solver(
        "hangs", "a solver that does not come back", 2, "no proven optimum within 1 seconds"
    ),
    "clock": _clock,
    **surroundings.CASES,
    **workers.CASES,
}
