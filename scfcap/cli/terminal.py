"""What a command may print, and how it ends: progress, results, errors, exit codes.

Results go to standard output, progress and errors to standard error. With ``--json`` standard
output carries one JSON document and nothing else, whatever a library prints at C level.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from scfcap import __version__
from scfcap.cli.interrupt import Interrupt
from scfcap.deprecation import DeprecatedWarning
from scfcap.errors import InfeasibleError, InputError, Problem, ScfcapError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status
    from rich.text import Text

    from scfcap.api.model import Model

#: Width of tables that are not printed to a terminal [characters].
WIDTH = 160
#: Length of what is said of a problem's place [characters].
MOST_WHERE = 160
#: Faults of the file system that the user can mend.
_USER_ERRNO = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENAMETOOLONG,
    errno.EFBIG,
}  # fmt: skip
#: What else is said where there is no more memory: for a thread's stack, for a library's code.
_NO_MEMORY = ("can't start new thread", "failed to map segment", "load shared object file")


@dataclass(frozen=True)
class Outcome:
    """What a command hands back: the document for ``--json`` and the exit code."""

    document: Mapping[str, Any]
    exit_code: int = 0


@dataclass
class Terminal:
    """Prints for one command: nothing where ``quiet``, no results where ``json``."""

    json: bool = False
    quiet: bool = False
    traceback: bool = False
    interrupt: Interrupt = field(default_factory=Interrupt)
    _stations: list[tuple[str, float]] = field(default_factory=list)
    _status: Status | None = None

    def say(self, *items: Any) -> None:
        """Print text or rich tables to standard output, for people."""
        if self.json or self.quiet:
            return
        console = _console(stderr=False)
        for item in items:
            console.print(item, soft_wrap=isinstance(item, str))

    def note(self, text: str) -> None:
        """Print a remark to standard error."""
        if not self.quiet:
            _error(text)

    def progress(self, station: str) -> None:
        """Say that ``station`` begins; the one before it has ended."""
        self.interrupt.check()
        if self.quiet:
            return
        self._close_station()
        self._stations.append((station, time.perf_counter()))
        console = _console(stderr=True)
        if console.is_terminal:
            if self._status is None:
                self._status = console.status(station)
                self._status.start()
            self._status.update(station)

    def finish(self) -> None:
        """The last station has ended."""
        self._close_station()
        self.stop()

    def stop(self) -> None:
        """End the progress display."""
        self._stations.clear()
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _close_station(self) -> None:
        if self._stations:
            station, start = self._stations[-1]
            self._stations.clear()
            self.note(f"  {station:<12} {time.perf_counter() - start:6.1f} s")


def execute(terminal: Terminal, work: Callable[[Terminal], Outcome]) -> None:
    """Run a command's ``work``; every way in which it can end leads to one exit code.

    0 done, 1 a fault of ours, 2 bad input, 3 infeasible, 128 and the number of a signal that ended
    it (130: Ctrl-C).
    """
    try:
        with _only_json(terminal.json), terminal.interrupt, _old_names_told(terminal):
            try:
                outcome = work(terminal)
                terminal.finish()
            finally:
                terminal.stop()
            terminal.interrupt.check()
        document, code = outcome.document, outcome.exit_code
    except KeyboardInterrupt:
        _end_interrupted(terminal.interrupt)
    except BrokenPipeError:
        _end_unread()
    except Exception as error:
        if terminal.interrupt.seen:  # a library has turned the interrupt into an error of its own
            _end_interrupted(terminal.interrupt)
        document, code = explain(error, show_traceback=terminal.traceback)
    if terminal.json:
        code = _write(as_json(document, ascii_only=not _takes_all())) or code
    if code:
        _let_go()
        raise typer.Exit(code)


@contextlib.contextmanager
def _old_names_told(terminal: Terminal) -> Iterator[None]:
    """Tell of names that go in a line each, without the place in Python where they were met."""
    with warnings.catch_warnings():
        show = warnings.showwarning

        def tell(message: Any, category: type[Warning], *place: Any, **more: Any) -> None:
            if issubclass(category, DeprecatedWarning):
                terminal.note(str(message))
            else:
                show(message, category, *place, **more)

        warnings.simplefilter("always", DeprecatedWarning)
        warnings.showwarning = tell
        yield


def _let_go() -> None:
    """Drop what standard output takes no more, or Python would try again at exit, and complain."""
    try:
        sys.stdout.flush()
    except OSError:
        discard_output()


def discard_output() -> None:
    """Let what is printed from now on go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write(text: str) -> int:
    """Write to standard output; returns an exit code, not 0 where it takes no more."""
    try:
        # A name of a file that is not UTF-8 becomes the JSON escape of what Python reads it as.
        sys.stdout.write(text.encode("utf-8", "backslashreplace").decode() + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _end_unread()
    except OSError as error:
        return explain(error)[1]
    return 0


def _end_unread() -> NoReturn:
    """The reader has gone (``scfcap schema | head``): no fault; nor may Python complain at exit."""
    discard_output()
    raise typer.Exit(0) from None


def _end_interrupted(interrupt: Interrupt) -> NoReturn:
    with contextlib.suppress(OSError):  # the terminal may have gone, and that was the signal
        _error("Interrupted; no half-written result is left.")
    raise typer.Exit(interrupt.code) from None


def as_json(document: Any, *, ascii_only: bool = False) -> str:
    """Strict JSON: dates in ISO form, paths as text, no NaN nor infinity (they become null).

    ``ascii_only``: other signs as escapes of JSON.
    """
    return json.dumps(_plain(document), indent=2, ensure_ascii=ascii_only, allow_nan=False)


def speak_plainly() -> None:
    """Have standard output take every sign, as an escape where its encoding has none for it."""
    if not _takes_all() and sys.stdout.errors == "strict" and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")


def _takes_all() -> bool:
    """Whether standard output takes every sign."""
    return (sys.stdout.encoding or "utf-8").lower().replace("-", "").startswith("utf")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, date):
        return value.isoformat()
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return str(value)


def explain(error: Exception, *, show_traceback: bool = False) -> tuple[dict[str, Any], int]:
    """Print ``error`` for a person; returns the JSON document and the exit code."""
    error = _as_input_error(error)
    if show_traceback:
        traceback.print_exception(error, file=sys.stderr)
    document: dict[str, Any]
    if isinstance(error, InputError):
        count = len(error.problems)
        head = "The input cannot be used" + (f" ({count} problems):" if count > 1 else ":")
        shown = (replace(p, where=_clipped(p.where)) for p in error.problems)
        _error(head, *(f"  - {problem}" for problem in shown))
        document = {"kind": "input", "problems": [asdict(p) for p in error.problems]}
        code = error.exit_code
    elif isinstance(error, InfeasibleError):
        _error(str(error).split("\n", 1)[0], *(f"  {s}" for s in error.sentences))
        document = {
            "kind": "infeasible",
            "sentences": list(error.sentences),
            "relaxations": [
                {"limit": limit, "key": key, "amount": amount}
                for limit, key, amount in error.relaxations
            ],
            "conflict": [{"limit": limit, "key": key} for limit, key in error.conflict],
            "levers": [{"what": what, "amount": amount} for what, amount in error.levers],
        }
        code = error.exit_code
    else:
        kind = type(error).__name__
        text = str(error) if isinstance(error, ScfcapError) else f"{kind}: {error}"
        _error(f"scfcap {__version__} failed, and the fault is ours: {text}")
        if not show_traceback:
            _error(
                "Run the command again with --traceback, and report what it prints together "
                "with the command and the model."
            )
        document = {"kind": "fault", "type": kind}
        code = ScfcapError.exit_code
    return {"error": {**document, "message": str(error), "exit_code": code}}, code


def _as_input_error(error: Exception) -> Exception:
    """A fault of the file system, or of memory, that the user can mend is bad input."""
    if isinstance(error, MemoryError) or any(said in str(error) for said in _NO_MEMORY):
        from scfcap.api.memory import exhausted

        return exhausted(error)
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        return InputError(
            Problem(
                error.object.encode("utf-8", "backslashreplace").decode(),
                "a name that is not UTF-8",
                "names of files and folders in UTF-8",
                "Rename it.",
            )
        )
    if isinstance(error, OSError) and error.errno in _USER_ERRNO:
        name = error.filename
        return InputError(
            Problem(
                os.fsdecode(name) if isinstance(name, str | bytes) else "the output",
                (error.strerror or "a failure").lower(),
                "a place that can be read and written",
                "Free some space, change the permissions, or give another path.",
            )
        )
    return error


def _clipped(where: str) -> str:
    """A place in a few words, where ``--set`` names it with a text of any length."""
    return where if len(where) <= MOST_WHERE else f"{where[: MOST_WHERE - 1]}…"


def _error(*lines: str) -> None:
    """Print to standard error."""
    console = _console(stderr=True)
    for line in lines:
        console.print(line, soft_wrap=True)


def _safe(text: str) -> str:
    """``text`` with a replacement character for each sign that is not for reading."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _console(*, stderr: bool) -> Console:
    """Where everything is printed: what a file holds cannot steer the terminal."""
    from rich.console import Console
    from rich.segment import Segment

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # settled in one place: execute

        def render_str(self, text: str, **how: Any) -> Text:
            return super().render_str(_safe(text), **how)

        def render(self, *what: Any, **how: Any) -> Iterable[Segment]:
            for part in super().render(*what, **how):
                yield part if part.control else Segment(_safe(part.text), part.style)

    console = Plain(stderr=stderr, markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    return console


@contextlib.contextmanager
def _only_json(active: bool) -> Iterator[None]:
    """Send what libraries print to standard error: in Python, and at C level on descriptor 1."""
    if not active:
        yield
        return
    sys.stdout.flush()
    saved = os.dup(1)
    try:
        os.dup2(2, 1)
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)


def shown_path(path: Path) -> str:
    """``path`` from here if it lies below, else in full."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path.resolve())


@dataclass(frozen=True)
class Asked:
    """What the options that commands share ask of a model."""

    model: str
    tape: Path | None
    overrides: Sequence[str] | None
    reject_limit: float | None
    out: Path | None
    inputs: Path | None = None

    def load(self, *more: str) -> Model:
        """The model as asked for, with ``more`` overrides; ``out`` must be fit to be written to."""
        from scfcap.api import load
        from scfcap.report.store import check_out

        if self.out is not None:
            check_out(self.out)
        limit = [] if self.reject_limit is None else [f"tape.reject_limit={self.reject_limit}"]
        texts = [*(self.overrides or ()), *limit, *more]
        return load(self.model, overrides=texts, tape=self.tape, inputs=self.inputs)
