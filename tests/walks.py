"""Walks through a tutorial: its blocks in order, in one folder, beside what they really print.

A tutorial is a document in which

- ``sh`` blocks hold commands, one a line; ``# exit code N`` behind one says how it ends, if not
  with 0. Their output is taken at a width of 160 columns;
- ``python`` blocks share their names;
- ``text`` blocks show lines of what the block before printed, in order; ``…`` stands for anything,
  and a line of it alone for lines left out. Spaces count as one;
- ``toml`` blocks begin with a comment that names a file. One that is not there yet is written;
  else keys go in place of those in the table of that name, or are added to it (in an array of
  tables, to the one that has the first of them as it is), and new tables go to the end;
- ``<!-- blue cells: A.xlsx to B.xlsx: NAME = VALUE -->`` changes the named cells of a workbook.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from typer.testing import CliRunner

from scfcap.cli.main import app

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$|^<!-- blue cells: (.*?) -->$", re.DOTALL | re.MULTILINE)
_HEADER = re.compile(r"^\[.*\]")
_KEY = re.compile(r"^([\w-]+) *= ")


def walk(page: str, folder: Path) -> dict[str, int]:
    """Do in ``folder``, which is the present one, what ``page`` says; count blocks by kind."""
    printed, names = "", {"__name__": "__tutorial__"}
    done: dict[str, int] = {}
    for kind, text, cells in _BLOCK.findall(page):
        kind = kind or "cells"
        done[kind] = done.get(kind, 0) + 1
        if kind == "sh":
            printed = "".join(_command(line) for line in text.splitlines() if line.strip())
        elif kind == "python":
            printed = _python(text, names)
        elif kind == "text":
            shown(text, printed)
        elif kind == "cells":
            _blue(cells, folder)
        else:
            head, _, rest = text.partition("\n")
            file = folder / head.removeprefix("# ").strip()
            if file.exists():
                rest = merged(file.read_text(encoding="utf-8"), rest)
            file.parent.mkdir(exist_ok=True)
            file.write_text(rest, encoding="utf-8")
    return done


def shown(text: str, printed: str) -> None:
    """Raise AssertionError where a line of ``text`` is not printed, below those before it."""
    left = [" ".join(line.split()) for line in printed.splitlines()]
    for line in text.splitlines():
        wanted = " ".join(line.split())
        if wanted in {"", "…"}:
            continue
        pattern = re.compile(".*".join(re.escape(part) for part in wanted.split("…")))
        at = next((k for k, there in enumerate(left) if pattern.fullmatch(there)), None)
        assert at is not None, f"not printed here: {wanted}\n" + "\n".join(left)
        left = left[at + 1 :]


def merged(text: str, block: str) -> str:
    """The model file ``text`` with the keys of ``block`` set in their tables."""
    parts = re.split(r"(?m)^(?=\[)", block)
    lines = text.splitlines()
    for part in parts:
        rows = [row for row in part.splitlines() if row.strip() and not row.startswith("#")]
        if not rows:
            continue
        header = rows.pop(0) if _HEADER.match(rows[0]) else ""
        place = _table(lines, header, rows[0] if rows else "")
        if place is None:
            lines += ["", *part.rstrip().splitlines()]
            continue
        first, last = place
        for row in rows:
            key = _KEY.match(row)
            assert key, f"one line a key: {row}"
            at = next((k for k in range(first, last) if lines[k].startswith(key[0])), None)
            if at is None:
                lines.insert(first, row)
                last += 1
            else:
                lines[at] = row
    return "\n".join(lines) + "\n"


def _table(lines: list[str], header: str, has: str) -> tuple[int, int] | None:
    """First and last line, exclusive, of a table's keys; of the root's with no header."""
    bare = re.sub(r"\].*#.*", "]", header).strip()
    for start in range(-1, len(lines)):
        here = "" if start < 0 else re.sub(r"\s*#.*", "", lines[start]).strip()
        if here != bare or (start < 0) != (bare == ""):
            continue
        after = range(start + 1, len(lines))
        end = next((k for k in after if _HEADER.match(lines[k])), len(lines))
        named = not bare.startswith("[[") or any(
            re.sub(r"\s*#.*", "", row).strip() == has for row in lines[start + 1 : end]
        )
        if named:
            return start + 1, end
    return None


def _command(line: str) -> str:
    words = shlex.split(line, comments=True)
    assert words[0] == "scfcap", line
    expected = re.search(r"# exit code (\d)$", line)
    done = CliRunner(env={"COLUMNS": "160"}).invoke(app, words[1:], catch_exceptions=False)
    assert done.exit_code == int(expected[1] if expected else 0), f"{line}\n{done.output}"
    return done.output


def _python(code: str, names: dict[str, Any]) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, "tutorial", "exec"), names)
    return printed.getvalue()


def _blue(said: str, folder: Path) -> None:
    files, _, changes = said.partition(": ")
    source, _, target = files.partition(" to ")
    book = load_workbook(folder / source)
    for change in changes.split(", "):
        name, _, value = change.partition(" = ")
        sheet, cell = next(iter(book.defined_names[name].destinations))
        book[sheet][cell.replace("$", "")].value = float(value)
    book.save(folder / target)
