"""Whether files are whole, each as its kind is read, and what a folder holds."""

from __future__ import annotations

import csv
import hashlib
import json
import sqlite3
import tomllib
import zipfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
from PIL import Image

from scfcap.report.placing import restore
from scfcap.report.store import MANIFEST, is_run

#: Keys of a manifest that tell how long things took: they differ from run to run.
TIMES = ("run_seconds", "seconds")


def visible(folder: Path) -> dict[str, Path]:
    """The files below ``folder`` that are not hidden, by their names in it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in name.parts):
            found[name.as_posix()] = path
    return found


def broken(folder: Path, *, listed: bool = True) -> list[str]:
    """What is wrong with the files below ``folder``, as whoever comes next finds them.

    ``listed``: those of a run have to be the ones that its manifest lists, too.
    """
    for out in sorted(p for p in folder.rglob(".*.old") if p.is_dir()):
        restore(out.with_name(out.name[1:].rsplit(".", 2)[0]))
    said = []
    for name, path in visible(folder).items():
        try:
            _read(path)
        except Exception as error:
            said.append(f"{name}: {type(error).__name__}: {error}")
    for manifest in (p for p in visible(folder).values() if listed and p.name == MANIFEST):
        said += _unlike(manifest)
    return said


def _unlike(manifest: Path) -> list[str]:
    """Files of a run that are not those its manifest lists."""
    run = manifest.parent
    if not is_run(run):
        return [f"{run.name}: a manifest, and no run"]
    listed = json.loads(manifest.read_text(encoding="utf-8"))["files"]
    here = {n: p for n, p in visible(run).items() if n != MANIFEST}
    return [
        f"{run.name}/{name}: not as the manifest lists it"
        for name in sorted(set(here) | set(listed))
        if name not in here
        or name not in listed
        or hashlib.sha256(here[name].read_bytes()).hexdigest() != listed[name]["sha256"]
    ]


def _read(path: Path) -> None:
    """Read a file to its end as what it is; raises where it is not whole."""
    kind, content = path.suffix, path.read_bytes()
    if kind == ".parquet":
        pq.read_table(path)
    elif kind == ".xlsx":
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
        openpyxl.load_workbook(path, read_only=True).close()
    elif kind == ".json":
        json.loads(content)
    elif kind == ".toml":
        tomllib.loads(content.decode())
    elif kind == ".png":
        with Image.open(path) as picture:
            picture.load()
    elif kind == ".pdf":
        assert content.startswith(b"%PDF-")
        assert content.rstrip().endswith(b"%%EOF")
    elif kind == ".html":
        assert content.rstrip().endswith(b"</html>")
    elif kind == ".svg":
        assert content.rstrip().endswith(b"</svg>")
    elif kind == ".csv":
        assert content.endswith(b"\n")
        rows = list(csv.reader(content.decode().splitlines()))
        assert len({len(row) for row in rows}) == 1
    elif kind == ".sqlite":
        dump(path)
    else:
        assert content


def dump(path: Path) -> list[str]:
    """A database in words of SQL, whole; a transaction that was begun is taken back first."""
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        return list(database.iterdump())


def content(folder: Path) -> dict[str, Any]:
    """What visible files say: digests; of a manifest all but times, of a ledger its rows."""
    return {
        name: _timeless(json.loads(path.read_text(encoding="utf-8")))
        if path.name == MANIFEST
        else dump(path)
        if path.suffix == ".sqlite"
        else hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in visible(folder).items()
        if not name.endswith("-journal")
    }


def _timeless(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {key: _timeless(item) for key, item in value.items() if key not in TIMES}
