"""Commands in processes of their own that may be killed, starved or hindered; quick to start.

:class:`Server` keeps a process that has imported the program and forks a child for each command.
What a child suffers is a :class:`Fault`: a signal after some time or at its n-th act on the file
system, an error of the file system there, limits of the system. The act is seen by an audit hook,
on files below the working folder alone.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
#: Longest time of one command [s of the clock]: what takes longer hangs.
PATIENCE = 300.0
#: Folder of models that stand in for those that are bundled.
BUNDLED = "bundled"
#: Acts on the file system that an audit hook sees and that change something.
_ACTS = {"os.rename", "os.mkdir", "os.rmdir", "os.remove", "shutil.rmtree", "os.link"}
#: Of these, what needs room on the disk.
_GROWTH = {"open", "os.mkdir", "os.rename", "os.link"}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@dataclass(frozen=True)
class Fault:
    """What a command suffers; nothing by default.

    ``number`` is the signal, sent ``after`` seconds or before the ``act``-th act on the file
    system (counted from 1). ``error``: an errno that each act from the ``act``-th on meets
    instead. ``limits``: (name of a limit of :mod:`resource`, value). ``room``: memory that it may
    take beyond what it has at its start [bytes]; 0 for any. ``solver``: "dies" or "hangs" at its
    first solve, where it may take a second. ``clock``: what the clock gains at each look at it
    [s]; ``zone``: the time zone.
    """

    number: int = 0
    after: float | None = None
    act: int | None = None
    error: int = 0
    limits: tuple[tuple[str, int], ...] = ()
    room: int = 0
    solver: str = ""
    clock: float = 0.0
    zone: str = ""


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code, the signal that ended it (0: none), what it printed, time
    [s of the clock] and acts on the file system.
    """

    code: int
    killed_by: int
    out: str
    err: str
    seconds: float
    acts: int


@dataclass
class Server:
    """Runs commands in children that it forks."""

    _process: subprocess.Popen[str] = field(repr=False)

    def run(self, arguments: Sequence[object], folder: Path, fault: Fault | None = None) -> Ended:
        """Run ``scfcap ARGUMENTS`` in ``folder``, under ``fault``."""
        asked = {
            "arguments": [str(a) for a in arguments],
            "folder": str(folder),
            "fault": asdict(fault or Fault()),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """A server, until the end of the context."""
    environment = {
        **os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests"), *sys.path]),
        "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore",
    }  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-m", "faults.server"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT,
    ) as process:  # fmt: skip
        yield Server(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0


class _Hook:
    """Counts acts on the file system below a folder, and does at one of them what is asked."""

    def __init__(self, folder: Path, fault: Fault, tell: int) -> None:
        self._folder = f"{folder}{os.sep}"
        self._fault = fault
        self._tell = tell
        self._acts = 0
        self._pid = os.getpid()

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._counts(event, arguments) or os.getpid() != self._pid:
            return
        self._acts += 1
        os.write(self._tell, b".")
        at = self._fault.act
        if at is None or self._acts < at:
            return
        if self._fault.error and event in _GROWTH:
            raise OSError(self._fault.error, os.strerror(self._fault.error), arguments[0])
        if self._acts == at and self._fault.number:
            os.kill(self._pid, self._fault.number)

    def _counts(self, event: str, arguments: tuple[Any, ...]) -> bool:
        if event != "open" and event not in _ACTS:
            return False
        name = arguments[0]
        if not isinstance(name, str | bytes | os.PathLike):
            return False
        if event == "open" and not arguments[2] & _WRITES:
            return False
        return os.path.abspath(os.fsdecode(name)).startswith(self._folder)  # noqa: PTH100


def _child(arguments: list[str], folder: Path, fault: Fault, tell: int) -> None:
    """Run the command as the program's own process would."""
    os.setpgid(0, 0)
    os.chdir(folder)
    for number, name in ((1, "out"), (2, "err")):
        file = os.open(f"{folder}.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        os.dup2(file, number)
    # The devices were ours; text goes there as it would from a new process.
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
    for name, value in fault.limits:
        kind = getattr(resource, name)
        resource.setrlimit(kind, (value, resource.getrlimit(kind)[1]))
    if fault.room:
        held = int(Path("/proc/self/status").read_text().split("VmData:")[1].split()[0]) * 1024
        resource.setrlimit(resource.RLIMIT_DATA, (held + fault.room, resource.RLIM_INFINITY))
    if fault.solver:
        _spoil_solver(fault.solver)
    if fault.zone:
        os.environ["TZ"] = fault.zone
        time.tzset()
    if fault.clock:
        _spoil_clock(fault.clock)
    sys.addaudithook(_Hook(folder, fault, tell))
    if (folder / BUNDLED).is_dir():
        from scfcap.schema import load

        others = load.shipped
        load.shipped = lambda kind: folder / BUNDLED if kind == "models" else others(kind)
    sys.argv = ["scfcap", *arguments]
    from scfcap.__main__ import main

    code = 0
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    for file in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            file.flush()
    os._exit(code)


def _spoil_solver(how: str) -> None:
    import highspy

    from scfcap.funding import at_work

    def run(_: object) -> None:
        if how == "dies":
            msg = "the solver died"
            raise RuntimeError(msg)
        time.sleep(PATIENCE)

    highspy.Highs.run = run
    os.environ[at_work.VARIABLE] = "1"


def _spoil_clock(gain: float) -> None:
    """Have Python's clocks go ``gain`` seconds further at each look at them."""
    looks = itertools.count(1)
    real, precise = time.time, time.perf_counter
    time.time = lambda: real() + gain * next(looks)
    time.time_ns = lambda: int(time.time() * 1e9)
    time.perf_counter = lambda: precise() + gain * next(looks)


def _watched(child: int, seen: int, fault: Fault) -> tuple[int, int]:
    """Wait for ``child``, and send it its signal; its status, and its acts on the file system."""
    begun, acts, sent = time.monotonic(), 0, fault.act is not None or fault.after is None
    while True:
        left = PATIENCE if sent else max(0.0, (fault.after or 0.0))
        wait = begun + left - time.monotonic()
        ready = select.select([seen], [], [], max(0.0, wait))[0]
        if ready:
            told = os.read(seen, 1 << 16)
            if not told:
                return os.waitpid(child, 0)[1], acts
            acts += len(told)
        elif sent:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            msg = f"a command had not ended after {PATIENCE:.0f} seconds"
            raise TimeoutError(msg)
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, fault.number)
            sent = True


def _served(asked: dict[str, Any]) -> Ended:
    folder = Path(asked["folder"])
    fault = Fault(**{**asked["fault"], "limits": tuple(map(tuple, asked["fault"]["limits"]))})
    seen, tell = os.pipe()
    begun = time.monotonic()
    child = os.fork()
    if not child:
        try:
            os.close(seen)
            _child(asked["arguments"], folder, fault, tell)
        except BaseException as error:
            os.write(2, f"Traceback: {type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(99)
    os.close(tell)
    try:
        status, acts = _watched(child, seen, fault)
    finally:
        os.close(seen)
    texts = []
    for name in ("out", "err"):
        file = Path(f"{folder}.{name}")
        texts.append(file.read_text(encoding="utf-8", errors="replace"))
        file.unlink()
    killed = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    code = -killed if killed else os.WEXITSTATUS(status)
    return Ended(code, killed, texts[0], texts[1], time.monotonic() - begun, acts)


def _imported() -> None:
    """Import what commands import, so that no child has to."""
    import importlib
    import pkgutil

    import scfcap

    for name in ("scfcap.cli.main", "openpyxl", "matplotlib.pyplot", "pyarrow.dataset"):
        importlib.import_module(name)
    for part in pkgutil.walk_packages(scfcap.__path__, "scfcap."):
        if not part.name.endswith("__main__"):
            importlib.import_module(part.name)
    plots = importlib.import_module("scfcap.api.plots")
    plots.SAVED = plots.SAVED[:1]  # one picture in a run folder is written as four are


def main() -> None:
    """Answer each line of the input."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _imported()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        answers.write(json.dumps(asdict(_served(json.loads(line)))) + "\n")
        answers.flush()


#: What a full disk says.
FULL = errno.ENOSPC

if __name__ == "__main__":
    main()
