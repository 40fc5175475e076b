"""The machine itself: Python, memory, disk, places to write, languages, programs beside us."""

from __future__ import annotations

import locale
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

from scfcap.allowance import allowed
from scfcap.doctor.findings import GREEN, RED, YELLOW, Finding

#: Pythons that the tests pass on.
OLDEST, NEWEST = (3, 11), (3, 13)
#: What a run of a shipped model takes at most [bytes of memory, bytes of disk], with room to spare.
ENOUGH_MEMORY, ENOUGH_DISK = 2 * 2**30, 2**30
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_OFFICES = ("soffice", "libreoffice")


def python() -> Finding:
    """The interpreter: its version, kind and word length."""
    bits = 64 if sys.maxsize > 2**32 else 32
    found = f"{platform.python_version()} ({platform.python_implementation()}, {bits} bit)"
    version = sys.version_info[:2]
    span = f"Python {_dotted(OLDEST)} to {_dotted(NEWEST)}"
    if version < OLDEST or bits == 32:
        return Finding("python", RED, found, f"Install {span} for 64 bit.")
    if version > NEWEST or platform.python_implementation() != "CPython":
        return Finding("python", YELLOW, found, f"Tested with CPython, {span}.")
    return Finding("python", GREEN, found)


def memory() -> Finding:
    """Memory that scfcap may use: the machine's, or what a limit leaves of it."""
    total = total_memory()
    cores = os.cpu_count() or 1
    if total is None:
        return Finding("memory", GREEN, f"size not told by this system; {cores} processors")
    found = f"{total / 2**30:.1f} GiB, {cores} processors"
    if total < ENOUGH_MEMORY:
        action = f"Shipped models need up to {_gib(ENOUGH_MEMORY)}; larger tapes more."
        return Finding("memory", YELLOW, found, action)
    return Finding("memory", GREEN, found)


def total_memory() -> int | None:
    """The machine's memory, or the least limit on this process's where that is less [bytes]; None
    if the system does not tell.
    """
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    return min(whole, allowed() or whole)


def disk() -> Finding:
    """Room where results go: below the present folder."""
    try:
        free = shutil.disk_usage(Path.cwd()).free
    except OSError as error:
        return Finding("disk", YELLOW, _words(error), "Go to a folder that is there.")
    found = f"{free / 2**30:.1f} GiB free here"
    if free < ENOUGH_DISK:
        return Finding("disk", YELLOW, found, "Make room, or give --out on another disk.")
    return Finding("disk", GREEN, found)


def here() -> Finding:
    """Whether results can be written into the present folder."""
    fault = _cannot_write(None)
    if fault is None:
        return Finding("this folder", GREEN, "can be written")
    action = "Give --out a folder of yours, or go to one."
    return Finding("this folder", YELLOW, f"cannot be written ({_words(fault)})", action)


def temporary() -> Finding:
    """Whether there is a place for temporary files."""
    try:
        place = tempfile.gettempdir()
    except OSError as error:
        return Finding("temporary files", RED, _words(error), "Set TMPDIR to a folder of yours.")
    fault = _cannot_write(place)
    if fault is None:
        return Finding("temporary files", GREEN, "can be written")
    found = f"cannot be written ({_words(fault)})"
    return Finding("temporary files", RED, found, "Make room, or set TMPDIR to a folder of yours.")


def encoding() -> Finding:
    """Whether names of files and what is printed can hold any letter."""
    names, output = sys.getfilesystemencoding(), getattr(sys.stdout, "encoding", None) or "none"
    preferred = locale.getpreferredencoding(False)
    found = f"files {names}, output {output}, locale {preferred}"
    try:
        locale.setlocale(locale.LC_CTYPE, "")
    except locale.Error:
        action = "The locale that LANG or LC_ALL names is not installed; set LC_ALL=C.UTF-8."
        return Finding("encoding", YELLOW, found, action)
    if any(_plain(text) != "utf8" for text in (names, output)):
        action = "Chinese and other letters may be lost; set PYTHONUTF8=1 or LC_ALL=C.UTF-8."
        return Finding("encoding", YELLOW, found, action)
    return Finding("encoding", GREEN, found)


def terminal() -> Finding:
    """Where output goes."""
    if not sys.stdout.isatty():
        return Finding("terminal", GREEN, "none: output goes to a file or another program")
    width = shutil.get_terminal_size().columns
    colours = "no colours" if "NO_COLOR" in os.environ else "colours"
    found = f"{width} characters wide, {colours}"
    if width < 80:
        return Finding("terminal", YELLOW, found, "Tables read best from 100 characters on.")
    return Finding("terminal", GREEN, found)


def office() -> Finding:
    """LibreOffice, for ``--pdf`` and ``--recalculate``."""
    if _first(_OFFICES):
        return Finding("LibreOffice", GREEN, "installed")
    action = "For --pdf and --recalculate install it (Debian: apt-get install libreoffice-calc)."
    return Finding("LibreOffice", YELLOW, "not installed", action)


def browser() -> Finding:
    """Chromium, with which the tests look at HTML pages."""
    if _first(_BROWSERS):
        return Finding("Chromium", GREEN, "installed")
    action = "Any browser shows the pages; only tests of scfcap itself need this one."
    return Finding("Chromium", YELLOW, "not installed", action)


def data() -> Finding:
    """The folder of real data sets, where one is named."""
    name = os.environ.get("SCFCAP_DATA", "")
    if not name:
        return Finding("SCFCAP_DATA", GREEN, "not set: only tests on real data sets use it")
    try:
        count = sum(1 for path in Path(name).iterdir() if path.is_dir())
    except OSError as error:
        action = "Set it to the folder that holds the data sets, or unset it."
        return Finding("SCFCAP_DATA", YELLOW, _words(error), action)
    return Finding("SCFCAP_DATA", GREEN, f"a folder with {count} data sets")


def _cannot_write(place: str | None) -> OSError | None:
    """Why no file can be written in a folder; None where one can. None for the present folder."""
    try:
        with tempfile.TemporaryFile(dir=place or os.curdir) as file:
            file.write(b"x" * 4096)
            file.flush()
    except OSError as error:
        return error
    return None


def _first(programs: tuple[str, ...]) -> str | None:
    return next((found for name in programs if (found := shutil.which(name))), None)


def _words(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _plain(encoding_name: str) -> str:
    return encoding_name.lower().replace("-", "").replace("_", "")


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def _gib(size: int) -> str:
    return f"{size / 2**30:.0f} GiB"
