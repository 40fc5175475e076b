"""The file that tells which number stands for whom: written and read only where it is asked for."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from scfcap.errors import InputError, Problem
from scfcap.schema.files import put_in_place

_HEAD = ["kind", "number", "identity"]
#: Largest file that is read back [bytes].
_MOST = 256 * 2**20


def read_key(path: Path) -> dict[str, dict[str, int]]:
    """Numbers by kind and identity; none where the file is not there yet.

    Raises :class:`~scfcap.errors.InputError` where it is not such a file.
    """
    if not path.exists():
        return {}
    try:
        return _parsed(path)
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(
            Problem(
                f"--privacy-key {path}",
                f"not readable ({error})",
                "a file that --privacy-key wrote, or a name that is free",
                "Give another.",
            )
        ) from error


def _parsed(path: Path) -> dict[str, dict[str, int]]:
    """What the file says. Raises ValueError where it is not such a file."""
    found: dict[str, dict[str, int]] = {}
    fault = "" if path.is_file() else "it is a folder, pipe or device"
    if not fault and path.stat().st_size > _MOST:
        fault = f"more than {_MOST:,} bytes"
    if not fault:
        rows = csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline=""))
        if next(rows, None) != _HEAD:
            fault = f"its first line is not {','.join(_HEAD)}"
        else:
            for kind, number, identity in rows:
                found.setdefault(kind, {})[identity] = int(number)
    twice = [kind for kind, each in found.items() if len(set(each.values())) < len(each)]
    if twice:
        fault = f"a number of kind {twice[0]} stands twice"
    if fault:
        raise ValueError(fault)
    return found


def write_key(path: Path, numbers: Mapping[str, Mapping[str, int]]) -> None:
    """Write the file, aside and renamed, for its owner's eyes alone (mode 0600)."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(_HEAD)
    for kind, each in numbers.items():
        rows.writerows((kind, number, name) for name, number in each.items())
    put_in_place(
        path,
        text.getvalue().encode(),
        "a file in a folder that may be written",
        "Give another.",
        where=f"--privacy-key {path}",
        mode=0o600,
    )
