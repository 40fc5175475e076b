"""The files of report packs: what is written for each, from the tables of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from scfcap.report.alike import told_once
from scfcap.report.files import table_csv
from scfcap.report.tables import RunMeta, Table
from scfcap.schema.report import Pack

Progress = Callable[[str], None]
#: Writes one file.
Writer = Callable[[Path], object]


@dataclass(frozen=True)
class PackRun:
    """The tables of a run from which packs are made; with ``csv`` each table is a file too."""

    tables: Mapping[str, Table]
    meta: RunMeta
    csv: bool = False

    @cached_property
    def _told(self) -> dict[str, Table]:
        return told_once(self.tables, self.meta.scenario)

    def workbook(self, pack: Pack, path: Path) -> Path:
        """Write the workbook of ``pack``."""
        from scfcap.report.excel import build_workbook

        return build_workbook(self._told, pack, self.meta, path)

    def files(
        self, packs: Mapping[str, Pack], progress: Progress | None = None
    ) -> dict[str, Writer]:
        """The files of a run folder by name, each with what writes it.

        ``progress`` is told of each pack as it begins.
        """
        made: dict[str, Writer] = {}
        for name, pack in packs.items():
            made[pack.file_name] = partial(self._write, name, pack, progress)
        if self.csv:
            for name, table in self.tables.items():
                made[f"csv/{name}.csv"] = partial(_write_csv, table)
        return made

    def _write(self, name: str, pack: Pack, progress: Progress | None, path: Path) -> None:
        if progress is not None:
            progress(f"pack {name}")
        self.workbook(pack, path)


def _write_csv(table: Table, path: Path) -> None:
    path.write_bytes(table_csv(table.frame))
