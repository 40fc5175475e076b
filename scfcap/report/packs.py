"""The files of report packs: what is written for each, from the tables of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from scfcap.errors import InputError, Problem
from scfcap.report.alike import told_once
from scfcap.report.files import table_csv
from scfcap.report.privacy import Mask
from scfcap.report.tables import RunMeta, Table
from scfcap.report.waterfall import Drawing
from scfcap.schema.report import Pack

#: Version of :func:`meta_told`.
META_VERSION = 1
Progress = Callable[[str], None]
#: Writes one file.
Writer = Callable[[Path], object]


@dataclass(frozen=True)
class PackRun:
    """The tables of a run from which packs are made.

    With ``pdf`` each pack is a PDF too, with ``csv`` each table a file, with ``page`` each pack a
    page that shows the deals' ``waterfalls``. ``mask`` is for the packs that say ``privacy =
    "masked"``; where tables and meta are masked already there is none. With ``recalculate`` each
    workbook is shown to recalculate to its own figures; ``proofs`` by file name come from that.
    """

    tables: Mapping[str, Table]
    meta: RunMeta
    pdf: bool = False
    csv: bool = False
    page: bool = False
    waterfalls: tuple[Drawing, ...] = ()
    mask: Mask | None = None
    recalculate: bool = False
    proofs: dict[str, dict[str, Any]] = field(default_factory=dict)

    @cached_property
    def _plain(self) -> tuple[dict[str, Table], RunMeta]:
        return told_once(self.tables, self.meta.scenario), self.meta

    @cached_property
    def _masked(self) -> tuple[dict[str, Table], RunMeta]:
        tables, meta = self._plain
        return (
            (tables, meta)
            if self.mask is None
            else (self.mask.tables(tables), self.mask.meta(meta))
        )

    def view(self, pack: Pack) -> tuple[dict[str, Table], RunMeta]:
        """Tables and meta as ``pack`` may show them."""
        return self._masked if pack.privacy == "masked" else self._plain

    def workbook(self, pack: Pack, path: Path) -> Path:
        """Write the workbook of ``pack``."""
        from scfcap.report.excel import build_workbook

        tables, meta = self.view(pack)
        return build_workbook(tables, pack, meta, path)

    def to_page(self, pack: Pack, path: Path) -> Path:
        """Write the page of ``pack``."""
        from scfcap.report.page import build_page

        tables, meta = self.view(pack)
        return build_page(tables, pack, meta, path, self.waterfalls)

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
            if self.pdf:
                printed = str(Path(pack.file_name).with_suffix(".pdf"))
                made[printed] = partial(_print, name, pack, progress)
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


def _print(name: str, pack: Pack, progress: Progress | None, path: Path) -> None:
    """Write the PDF beside its workbook, which is there."""
    from scfcap.report.pdf import pdf_of

    if progress is not None:
        progress(f"pdf {name}")
    pdf_of(path.parent / pack.file_name, path)


def _write_csv(table: Table, path: Path) -> None:
    path.write_bytes(table_csv(table.frame))


def meta_told(meta: RunMeta) -> dict[str, Any]:
    """``meta`` as a manifest keeps it, so that packs can be made again."""
    told: dict[str, Any] = TypeAdapter(RunMeta).dump_python(meta, mode="json")
    return {"version": META_VERSION, "meta": told}


def meta_heard(manifest: Mapping[str, Any], where: str) -> RunMeta:
    """What :func:`meta_told` told, out of a manifest.

    Raises :class:`~scfcap.errors.InputError` where it is not there, or of another version.
    """
    told = manifest.get("about")
    version = told.get("version") if isinstance(told, dict) else None
    try:
        if isinstance(told, dict) and version == META_VERSION:
            return TypeAdapter(RunMeta).validate_python(told.get("meta"), strict=False)
        found = "no word of what its packs need" if version is None else f"version {version}"
    except ValidationError as error:
        found = f"not readable ({str(error).splitlines()[0]})"
    raise InputError(
        Problem(
            f"{where}: about",
            found,
            f"what scfcap run wrote (version {META_VERSION})",
            "Run the model again.",
        )
    )
