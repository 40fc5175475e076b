"""The run folder: ``manifest.json``, ``result.json``, ``tables/*.parquet`` and the workbook."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from scfcap.errors import InputError, Problem
from scfcap.report.placing import aside, placed, restore, written
from scfcap.report.tables import Table
from scfcap.schema.files import put_in_place
from scfcap.tape.files import digest_of_file
from scfcap.tape.parquets import refuse_bombs

MANIFEST, RESULT, TABLES = "manifest.json", "result.json", "tables"
#: Largest manifest or result that is read back [bytes].
_MAX_JSON = 64 * 2**20
_METADATA = b"scfcap"
#: What a table raises that is not as it was written, by Arrow, by pandas or by its description.
_FAULTS = (
    *(OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError),
    *(NotImplementedError, RecursionError, pa.ArrowException),
)
#: What a manifest holds, where it holds it.
_KINDS: Mapping[str, type] = {
    **dict.fromkeys(("files", "versions", "digests", "recalculated"), dict),
    **dict.fromkeys(("tables", "reports", "overrides"), list),
}


@dataclass(frozen=True)
class SavedRun:
    """A run folder on disk; ``tables`` by name (read with :func:`read_run`).

    ``workbook`` is its first one. ``manifest["files"]`` lists every file but the manifest itself by
    its name in the folder: ``bytes`` and ``sha256``.
    """

    folder: Path
    workbook: Path | None
    manifest: Mapping[str, Any]
    result: Mapping[str, Any]
    tables: Mapping[str, Table]

    def files(self, ending: str = "") -> list[Path]:
        """What was written, by name; only files with this ``ending`` (".xlsx"), if there is one."""
        return [self.folder / name for name in self.manifest["files"] if name.endswith(ending)]


def save_run(
    out: Path,
    tables: Mapping[str, Table],
    manifest: Mapping[str, Any],
    result: Mapping[str, Any],
    workbook: tuple[str, Callable[[Path], object]] | None = None,
    extra: Mapping[str, bytes] | None = None,
    files: Mapping[str, Callable[[Path], object]] | None = None,
) -> SavedRun:
    """Write a run folder at ``out``: all of it or nothing.

    ``workbook`` is its file name and a function that writes it to a path (usually
    ``lambda path: build_workbook(tables, pack, meta, path)``). ``extra`` are further files by
    name (``rejects.csv``), in folders of the run (``lists/p2p/loans.csv``), and ``files`` those
    that a function writes; the first workbook among them is the run's. Everything is written
    into a folder beside ``out`` that is then renamed; an older run folder at ``out`` is replaced.
    The same arguments give the same bytes of each table. Raises
    :class:`~scfcap.errors.InputError` where ``out`` is a file, a folder
    that is not a run folder, or cannot be written.
    """
    out = Path(out)
    check_out(out)
    with placed(out) as folder:
        (folder / TABLES).mkdir()
        taken: set[str] = set()
        for table in tables.values():
            name = _file_name(table.name, taken)
            _write_table(folder / TABLES / f"{name}.parquet", table)
        for name, content in (extra or {}).items():
            _target(folder, name).write_bytes(content)
        (folder / RESULT).write_text(_json(result), encoding="utf-8")
        made = ({} if workbook is None else dict([workbook])) | dict(files or {})
        for name, write in made.items():
            write(_target(folder, name))
        books = [name for name in made if name.endswith(".xlsx")]
        listed = {**manifest, "tables": sorted(tables)}
        if books:
            listed["workbook"] = books[0]
        listed["files"] = _listed(folder)
        (folder / MANIFEST).write_text(_json(listed), encoding="utf-8")
    place = out / books[0] if books else None
    return SavedRun(out, place, listed, result, tables)


def _target(folder: Path, name: str) -> Path:
    """Where a file of the run goes; its folder is made."""
    target = folder.joinpath(*map(_file_name, name.split("/")))
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _listed(folder: Path) -> dict[str, dict[str, Any]]:
    """Every file below ``folder`` by its name in it: size [bytes] and SHA-256."""
    found = {}
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        found[name] = {"bytes": path.stat().st_size, "sha256": digest_of_file(path)}
    return found


def _files(folder: Path) -> list[Path]:
    """The files below ``folder``, without what is hidden: another writer's, or a dead one's."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def add_files(
    run: SavedRun,
    files: Mapping[str, Callable[[Path], object]],
    about: Mapping[str, Any] | None = None,
) -> SavedRun:
    """Write ``files`` into a run's folder, each by its function: all of them or none.

    One of the same name is replaced, the others stay; the manifest lists them all, and has what
    ``about`` holds once they are written. Raises
    :class:`~scfcap.errors.InputError` where the folder cannot be written.
    """
    with written(run.folder, f"{run.folder}"):
        with aside(run.folder / "files") as folder:
            for name, write in files.items():
                write(_target(folder, name))
            for path in _files(folder):
                path.replace(_target(run.folder, path.relative_to(folder).as_posix()))
        listed = _listed(run.folder)
        listed.pop(MANIFEST, None)
        manifest = {**run.manifest, **(about or {}), "files": listed}
        told = _json(manifest).encode()
        put_in_place(run.folder / MANIFEST, told, "a place where files may be made")
    return replace(run, manifest=manifest)


def read_run(folder: Path) -> SavedRun:
    """Read a run folder back; :class:`~scfcap.errors.InputError` where it is not one."""
    folder = Path(folder)
    if not folder.exists():
        restore(folder)
    if not is_run(folder):
        raise InputError(
            Problem(
                str(folder),
                "no run folder",
                f"a folder with {MANIFEST}, {RESULT} and {TABLES}/",
                "Give the folder that a run wrote.",
            )
        )
    manifest, result = read_manifest(folder), _read_json(folder / RESULT)
    _refuse_changed(folder, manifest)
    found = [_read_table(path) for path in sorted((folder / TABLES).glob("*.parquet"))]
    tables = {table.name: table for table in found}
    book = manifest.get("workbook")
    listed = isinstance(book, str) and book in manifest["files"]
    place = folder / str(book) if listed and (folder / str(book)).is_file() else None
    return SavedRun(folder, place, manifest, result, tables)


def read_manifest(folder: Path) -> Mapping[str, Any]:
    """What a run folder says of where it comes from; InputError where it cannot be read."""
    path = Path(folder) / MANIFEST
    found = _read_json(path)
    for key, kind in _KINDS.items():
        if not isinstance(found.get(key, kind()), kind):
            raise _unreadable(path, f"{key} is no {kind.__name__}")
    return {"files": {}, **found}


def _refuse_changed(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Raise InputError where results are not those that the manifest lists, or lie elsewhere."""
    names = [RESULT, *(f"{TABLES}/{path.name}" for path in (folder / TABLES).glob("*.parquet"))]
    stated = manifest["files"]
    strange = [name for name in stated if Path(name).is_absolute() or ".." in Path(name).parts]
    if strange:
        raise _unreadable(folder / MANIFEST, f"it lists {strange[0][:100]!r}, which is elsewhere")
    for name in sorted(names):
        about = stated.get(name)
        digest = about.get("sha256") if isinstance(about, dict) else None
        if digest != digest_of_file(folder / name):
            said = f"changed since the run wrote it: not what {MANIFEST} lists"
            raise _unreadable(folder / name, said)


def is_run(folder: Path) -> bool:
    """Whether ``folder`` was written by :func:`save_run`."""
    return (
        all((folder / name).is_file() for name in (MANIFEST, RESULT)) and (folder / TABLES).is_dir()
    )


def check_out(out: Path) -> None:
    """Raise :class:`~scfcap.errors.InputError` where ``out`` holds something that is no run."""
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        found = "a file or a link"
    elif out.is_dir() and any(out.iterdir()) and not is_run(out):
        found = "a folder with other files in it"
    else:
        return
    raise InputError(
        Problem(
            f"--out {out}",
            found,
            "a new folder, an empty one, or one that an earlier run wrote",
            "Give another --out, or move what is there.",
        )
    )


def _file_name(name: str, taken: set[str] | None = None) -> str:
    """``name`` fit for a file on any system, without a folder in it; unlike those ``taken``."""
    safe = "".join(c if c.isalnum() or c in "-_.() " else "-" for c in name).strip(" .")
    found = safe = safe[:100] or "table"
    if taken is not None:
        count = 1
        while found.casefold() in taken:
            count += 1
            found = f"{safe}-{count}"
        taken.add(found.casefold())
    return found


def _write_table(path: Path, table: Table) -> None:
    arrow = pa.Table.from_pandas(table.frame, preserve_index=False)
    about = {
        "name": table.name,
        "title": table.title,
        "units": dict(table.units),
        "note": table.note,
    }
    metadata = {**(arrow.schema.metadata or {}), _METADATA: json.dumps(about).encode()}
    pq.write_table(arrow.replace_schema_metadata(metadata), path, compression="zstd")


def _read_table(path: Path) -> Table:
    try:
        refuse_bombs(path)
        arrow = pq.read_table(path)
        about = json.loads((arrow.schema.metadata or {}).get(_METADATA, b"{}"))
        name = str(about.get("name", path.stem))
        units = {str(column): str(unit) for column, unit in about.get("units", {}).items()}
        frame = arrow.to_pandas()
    except _FAULTS as error:
        raise _unreadable(path, error) from error
    return Table(name, str(about.get("title", name)), frame, units, str(about.get("note", "")))


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        large = path.stat().st_size > _MAX_JSON
        found = None if large else json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(path, error) from error
    if not isinstance(found, dict):
        raise _unreadable(path, "too large" if large else "not a JSON object")
    return found


def _unreadable(path: Path, error: object) -> InputError:
    return InputError(
        Problem(str(path), f"not readable ({error})", "a file as a run wrote it", "Run it again.")
    )


def _json(value: Mapping[str, Any]) -> str:
    text = json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    # A name of a file that is not UTF-8 becomes the JSON escape of what Python reads it as.
    return text.encode("utf-8", "backslashreplace").decode()


def _plain(value: Any) -> Any:
    """``value`` in the types of JSON; what is not a number becomes null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | list | tuple | set):
        return [_plain(item) for item in value]
    if isinstance(value, pd.Timestamp | date):
        return value.isoformat()[:10]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)
