"""The command line where a library that it needs is missing: it says so, and ``doctor`` works."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scfcap.doctor import Examination

_COLOURS = {"green": 32, "yellow": 33, "red": 31}
#: Widest table [characters], and its width where output goes to no terminal.
_WIDEST, _WIDTH = 120, 100


def main(lacking: ImportError) -> int:
    """What can be done without ``lacking``; returns the exit code."""
    arguments = sys.argv[1:]
    if arguments[:1] != ["doctor"]:
        name = lacking.name or str(lacking)
        print(
            f"scfcap cannot start: the library {name} is missing or broken ({lacking}).\n"
            "`scfcap doctor` says what else is, and what to do.",
            file=sys.stderr,
        )
        return 1
    parser = argparse.ArgumentParser(prog="scfcap doctor")
    parser.add_argument("--out", metavar="FILE", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quiet", "-q", action="store_true")
    parser.add_argument("--traceback", action="store_true")
    asked = parser.parse_args(arguments[1:])
    return _doctor(asked)


def _doctor(asked: argparse.Namespace) -> int:
    from scfcap.doctor import examine, ticket

    examination = examine()
    if asked.out is not None:
        try:
            write(asked.out, ticket(examination))
        except OSError as error:
            print(f"{asked.out} cannot be written ({error.strerror}).", file=sys.stderr)
            return 2
    if asked.json:
        print(json.dumps(examination.document(), indent=2))
    elif not asked.quiet:
        print(shown(examination))
    return 1 if examination.broken else 0


def shown(examination: Examination) -> str:
    """The table as wide as the terminal, in colours where it has them."""
    from scfcap.doctor import table

    if not sys.stdout.isatty():
        return _printable(table(examination, _WIDTH))
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    if "NO_COLOR" in os.environ:
        return _printable(table(examination, width))

    def paint(text: str, light: str) -> str:
        return f"\x1b[{_COLOURS[light]}m{text}\x1b[0m"

    return _printable(table(examination, width, paint))


def write(path: Path, text: str) -> None:
    """Write ``text`` to ``path``: aside, then renamed. Raises OSError."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _printable(text: str) -> str:
    """``text`` in the letters that standard output has."""
    encoding = sys.stdout.encoding or "ascii"
    return text.encode(encoding, "replace").decode(encoding)
