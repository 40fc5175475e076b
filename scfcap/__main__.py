"""Where the program is entered: ``scfcap``, or ``python -m scfcap``."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from types import FrameType
from typing import Final, NoReturn

#: As in :mod:`scfcap.cli.interrupt`, which must not be imported before signals are handled.
_INTERRUPTED = {128 + number for number in (1, 2, 15)}

#: What libraries read when they are loaded: Arrow's own allocator takes a GiB of address space in
#: advance, OpenBLAS a buffer for each thread.
_SPARING: Final = {"ARROW_DEFAULT_MEMORY_POOL": "system", "OPENBLAS_NUM_THREADS": "1"}
#: M_ARENA_MAX of glibc's malloc.h: else up to 64 MiB of address space for each thread.
_ARENAS: Final = -8


def main() -> None:
    """Run the command line; a signal to end it does so with 128 and its number, from the first
    import on.
    """
    _open_standard_files()
    _spare_address_space()
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _end)
    try:
        try:
            from scfcap.cli.main import main as run
        except ImportError as lacking:
            from scfcap.cli.bare import main as bare

            sys.exit(bare(lacking))
        run()
    except KeyboardInterrupt:
        _leave(128 + signal.SIGINT)
    except SystemExit as end:
        if end.code in _INTERRUPTED:
            _leave(int(end.code))
        if not isinstance(end.code, int | None):
            raise
        _finish(end.code or 0)


def _open_standard_files() -> None:
    """Let what is printed to a closed standard file go nowhere.

    Else the next file that is opened would get its number, and what a library prints at C level
    would be written into it.
    """
    number = os.open(os.devnull, os.O_RDWR)
    while number <= 2:
        os.set_inheritable(number, True)
        number = os.open(os.devnull, os.O_RDWR)
    os.close(number)
    for name, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            file = os.fdopen(number, "w", encoding="utf-8", closefd=False)
            setattr(sys, name, file)
            setattr(sys, f"__{name}__", file)


def _spare_address_space() -> None:
    """Have libraries take less in advance, where the system limits address space or data.

    What the environment says already stands.
    """
    try:
        import resource
    except ImportError:  # not on all systems
        return
    limits = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    if all(limit == resource.RLIM_INFINITY for limit in limits):
        return
    for name, value in _SPARING.items():
        os.environ.setdefault(name, value)
    if sys.platform == "linux" and "MALLOC_ARENA_MAX" not in os.environ:
        import ctypes

        try:
            ctypes.CDLL(None).mallopt(_ARENAS, 1)
        except (OSError, AttributeError):  # another C library
            return


def _end(number: int, _: FrameType | None) -> NoReturn:
    """A signal before there is anything to tidy up."""
    os._exit(128 + number)


def _leave(code: int) -> None:
    """End at once: an interrupt that Python still remembers would end us by signal instead, and a
    thread at work in a library would be waited for.
    """
    for file in (sys.stdout, sys.stderr):
        try:
            file.flush()
        except OSError:  # its reader or terminal has gone
            continue
    os._exit(code)


def _finish(code: int) -> None:
    """End as Python does, but for the last step, in which libraries are taken down.

    Arrow's reader of CSV may have a thread that is still winding up; where it is found then, the
    C++ library aborts the process ("terminate called without an active exception").
    """
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
    except OSError:
        code = code or 120  # as Python's own end
    _leave(code)


if __name__ == "__main__":
    main()
