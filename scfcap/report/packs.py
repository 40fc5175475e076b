"""The files of report packs: what is written for each, from the tables of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from scfcap.report.alike import told_once
from scfcap.report.files import table_csv
from scfcap.report.tables import RunMeta, Table
from scfcap.report.waterfall import Drawing
from scfcap.schema.report import Pack

Progress = Callable[[str], None]
#: Writes one file.
Writer = Callable[[Path], object]


@dataclass(frozen=True)
class PackRun:
    """The tables of a run from which packs are made; with ``csv`` each table is a file too.

    With ``page`` each pack is a page too, which shows ``drawings`` of the deals' waterfalls. With
    ``recalculate`` each workbook is shown to recalculate to its own figures; ``proofs`` by file
    name come from that.
    """

    tables: Mapping[str, Table]
    meta: RunMeta
    csv: bool = False
    page: bool = False
    drawings: tuple[Drawing, ...] = ()
    recalculate: bool = False
    proofs: dict[str, dict[str, Any]] = field(default_factory=dict)

    @cached_property
    def _told(self) -> dict[str, Table]:
        return told_once(self.tables, self.meta.scenario)

    def workbook(self, pack: Pack, path: Path) -> Path:
        """Write the workbook of ``pack``."""
        from scfcap.report.excel import build_workbook

        return build_workbook(self._told, pack, self.meta, path)

    def to_page(self, pack: Pack, path: Path) -> Path:
        """Write the page of ``pack``."""
        from scfcap.report.page import build_page

        return build_page(self._told, pack, self.meta, path, self.drawings)

    def files(
        self, packs: Mapping[str, Pack], progress: Progress | None = None
    ) -> dict[str, Writer]:
        """The files of a run folder by name, each with what writes it.

        ``progress`` is told of each pack as it begins.
        """
        made: dict[str, Writer] = {}
        for name, pack in packs.items():
            made[pack.file_name] = partial(self._write, name, pack, progress)
            if self.page:
                page = f"{pack.file_name.removesuffix('.xlsx')}.html"
                made[page] = partial(self.to_page, pack)
        if self.csv:
            for name, table in self.tables.items():
                made[f"csv/{name}.csv"] = partial(_write_csv, table)
        return made

    def _write(self, name: str, pack: Pack, progress: Progress | None, path: Path) -> None:
        if progress is not None:
            progress(f"pack {name}")
        self.workbook(pack, path)
        if self.recalculate:
            from scfcap.report.recalculated import proved

            self.proofs[pack.file_name] = proved(path).manifest()


def _write_csv(table: Table, path: Path) -> None:
    path.write_bytes(table_csv(table.frame))
