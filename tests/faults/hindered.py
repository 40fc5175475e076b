"""Commands that are hindered: signals, full disks, limits, closed and odd outputs, others at work.

Each case says what happened and whether that is what docs/faults.md promises: the exit code, words
without a traceback, and what is left on disk.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from . import whole
from .commands import write_models
from .server import Ended, Fault, Server

CHECK = ("check", "mini", "--out", "out")
#: Loans that are too many for so much memory [bytes].
_MANY, _ROOM = 400_000, 96 * 2**20
_INTERRUPTED = "Interrupted; no half-written result is left."


@dataclass(frozen=True)
class Tried:
    """A fault, the command that suffered it, what happened, what it left, as promised or not."""

    fault: str
    command: str
    happened: str
    left: str
    kept: bool


Case = Callable[[Server, Path], Tried]


def _models(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_models(folder)
    return folder


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _tried(
    fault: str,
    command: tuple[str, ...],
    ended: Ended,
    work: Path,
    *,
    code: int,
    words: str,
    left: tuple[str, ...] = ("mini",),
) -> Tried:
    """What came of a fault that should end in ``code``, with ``words``, and leave ``left``."""
    here, wrong = _names(work), whole.broken(work)
    told = next((line for line in ended.err.splitlines() if words in line), "")
    clean = not any(word in ended.err for word in ("Traceback", "Exception ignored"))
    said = told.strip().replace(f"{work}{os.sep}", "") or ended.err.strip()[-200:] or "no words"
    return Tried(
        fault,
        " ".join(command),
        f"exit {ended.code}: {said}",
        ", ".join(name for name in here if name != "mini") or "nothing",
        ended.code == code
        and bool(told or not words)
        and clean
        and tuple(here) == left
        and not wrong,
    )


def _signalled(name: str, code: int) -> Case:
    def case(server: Server, work: Path) -> Tried:
        number = getattr(signal, name)
        ended = server.run(CHECK, _models(work), Fault(number, act=6))
        return _tried(name, CHECK, ended, work, code=code, words=_INTERRUPTED)

    return case


def _full_disk(server: Server, work: Path) -> Tried:
    ended = server.run(CHECK, _models(work), Fault(act=5, error=errno.ENOSPC))
    words = "cannot be written (No space left on device)"
    return _tried("disk full", CHECK, ended, work, code=2, words=words)


def _limited_files(server: Server, work: Path) -> Tried:
    server.run((*CHECK, "-q"), _models(work))
    before = whole.content(work)
    ended = server.run(CHECK, work, Fault(limits=(("RLIMIT_FSIZE", 2048),)))
    tried = _tried(
        "files may not grow, an older run stands there", CHECK, ended, work, code=2,
        words="cannot be written", left=("mini", "out"),
    )  # fmt: skip
    same = whole.content(work) == before
    return Tried(
        *(tried.fault, tried.command, tried.happened), "the older run", tried.kept and same
    )


def _no_place(place: str, fault: str) -> Case:
    def case(server: Server, work: Path) -> Tried:
        command = ("check", "mini", "--out", place)
        ended = server.run(command, _models(work))
        return _tried(fault, command, ended, work, code=2, words="cannot be written")

    return case


def _process(
    command: tuple[str, ...],
    work: Path,
    environment: Mapping[str, str] | None = None,
    shell: str = "",
) -> Ended:
    """The command as a process of its own; ``shell`` goes after it."""
    line = [sys.executable, "-m", "scfcap", *command]
    if shell:
        line = ["sh", "-c", f'"$@" {shell}', "sh", *line]
    done = subprocess.run(
        line, cwd=work, env=environment, capture_output=True, check=False, timeout=600
    )
    out, err = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
    return Ended(done.returncode, 0, out, err, 0.0, 0)


def _odd_locale(server: Server, work: Path) -> Tried:
    """Also in another time zone and without a home: the same bytes, and JSON in ASCII."""
    model = _models(work) / "mini" / "model.toml"
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
    ended = _process(command, work, environment)
    fault = "LC_ALL=C, output in ASCII, no HOME, another time zone"
    tried = _tried(fault, command, ended, work, code=0, words="", left=("mini", "out"))
    same = ended.out.isascii() and whole.content(work) == before
    return Tried(fault, tried.command, "exit 0", "the same bytes", tried.kept and same)


def _closed(_: Server, work: Path) -> Tried:
    command = ("schema", "--out", "schema.json")
    ended = _process(command, _models(work), shell=">&- 2>&- <&-")
    return _tried(
        "standard files closed", command, ended, work, code=0, words="",
        left=("mini", "schema.json"),
    )  # fmt: skip


def _full_output(_: Server, work: Path) -> Tried:
    command = ("--help",)
    ended = _process(command, _models(work), shell=">/dev/full")
    return _tried("standard output full", command, ended, work, code=2, words="no space left")


def _at_once(_: Server, work: Path) -> Tried:
    _models(work)
    with ThreadPoolExecutor(2) as threads:
        both = list(threads.map(lambda _: _process((*CHECK, "-q"), work), range(2)))
    ended = next((one for one in both if one.code), both[0])
    return _tried(
        "two runs into one folder at once", CHECK, ended, work, code=0, words="",
        left=("mini", "out"),
    )  # fmt: skip


def _starved(server: Server, work: Path) -> Tried:
    tape = _models(work) / "mini" / "large.parquet"
    loans = pd.read_csv(work / "mini" / "tape.csv")
    many = loans.loc[np.arange(_MANY) % len(loans)].reset_index(drop=True)
    many["loan_id"] = np.arange(_MANY).astype(str)
    many.to_parquet(tape, index=False)
    command = ("check", "mini", "--tape", "mini/large.parquet", "--out", "out")
    ended = server.run(command, work, Fault(room=_ROOM))
    fault = f"{_MANY:,} loans, {_ROOM // 2**20} MiB of memory beside the program"
    return _tried(fault, command, ended, work, code=2, words="not enough memory")


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
    "memory": _starved,
}
