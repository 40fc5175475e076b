"""The workbook: sheets described in ``report.sheets`` are written with openpyxl here only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scfcap.report.tables import RunMeta, Table
from scfcap.schema.report import Pack


def build_workbook(tables: Mapping[str, Table], pack: Pack, meta: RunMeta, path: Path) -> Path:
    """Write the workbook of ``pack`` to ``path`` (aside, then renamed); returns ``path``.

    ``tables`` are those of :func:`scfcap.report.tables.run_tables`. The same arguments give the
    same bytes. Raises :class:`~scfcap.errors.InputError` where the folder cannot be written.
    """
    raise NotImplementedError
