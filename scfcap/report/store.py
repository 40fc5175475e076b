"""The run folder: ``manifest.json``, ``result.json``, ``tables/*.parquet`` and the workbook."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scfcap.report.tables import Table


@dataclass(frozen=True)
class SavedRun:
    """A run folder on disk; ``tables`` by name (read with :func:`read_run`)."""

    folder: Path
    workbook: Path | None
    manifest: Mapping[str, Any]
    result: Mapping[str, Any]
    tables: Mapping[str, Table]


def save_run(
    out: Path,
    tables: Mapping[str, Table],
    manifest: Mapping[str, Any],
    result: Mapping[str, Any],
    workbook: tuple[str, Callable[[Path], object]] | None = None,
    extra: Mapping[str, bytes] | None = None,
) -> SavedRun:
    """Write a run folder at ``out``: all of it or nothing.

    ``workbook`` is its file name and a function that writes it to a path (usually
    ``lambda path: build_workbook(tables, pack, meta, path)``). ``extra`` are further files by
    name (``rejects.csv``). Everything is written into a folder beside ``out`` that is then
    renamed; an older run folder at ``out`` is replaced. Raises
    :class:`~scfcap.errors.InputError` where ``out`` is a file, a folder that is not a run
    folder, or cannot be written.
    """
    raise NotImplementedError


def read_run(folder: Path) -> SavedRun:
    """Read a run folder back; :class:`~scfcap.errors.InputError` where it is not one."""
    raise NotImplementedError
