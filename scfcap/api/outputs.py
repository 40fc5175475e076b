"""What a run folder holds beside the run's tables: report packs, and in what form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scfcap.errors import InputError, Problem
from scfcap.schema.load import LoadedModel, named_packs
from scfcap.schema.report import Language, Pack

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Outputs:
    """What is wanted of a run.

    ``reports`` are names of packs (without any, the model's own); ``language`` goes before what
    they say. ``pdf`` adds each pack as a PDF and ``page`` as a page beside its workbook, ``csv``
    each table as ``csv/NAME.csv``; ``recalculate`` has LibreOffice show that each workbook
    recalculates to its own figures.
    """

    reports: tuple[str, ...] = ()
    language: Language | None = None
    pdf: bool = False
    page: bool = False
    csv: bool = False
    recalculate: bool = False

    def packs(self, loaded: LoadedModel) -> dict[str, Pack]:
        """The packs of a model's run by name, in the order asked for.

        Raises :class:`~scfcap.errors.InputError` where one is named twice, is not there or cannot
        be read, or where LibreOffice is wanted and is not installed.
        """
        if not self.reports:
            self.refuse()
            return self.told({loaded.spec.report: loaded.pack})
        return self.named(self.reports, loaded.folders)

    def named(self, names: Sequence[str], folders: Sequence[Path]) -> dict[str, Pack]:
        """The packs of these names, looked up in ``folders``, beside them, then shipped."""
        self.refuse()
        return self.told(named_packs(names, folders, "--report"))

    def refuse(self) -> None:
        """Raise :class:`~scfcap.errors.InputError` where this cannot be made."""
        from scfcap.report.recalculated import require_office

        for option, wanted in (("--pdf", self.pdf), ("--recalculate", self.recalculate)):
            if wanted:
                require_office(option)
        twice = sorted({name for name in self.reports if self.reports.count(name) > 1})
        if twice:
            raise InputError(
                Problem(
                    "--report",
                    f"{', '.join(twice)} more than once",
                    "each pack once",
                    "A pack in another language is made afterwards: scfcap report.",
                )
            )

    def told(self, packs: Mapping[str, Pack]) -> dict[str, Pack]:
        """``packs`` in the language asked for, each with a file name of its own.

        A pack in another language than its own has it in the file's name, and one whose name is
        taken its own name: ``scfcap.xlsx``, ``scfcap-zh.xlsx``, ``scfcap-investor.xlsx``.
        """
        made: dict[str, Pack] = {}
        taken: set[str] = set()
        for name, pack in packs.items():
            stem = pack.file_name.removesuffix(".xlsx")
            language = self.language or pack.language
            if language != pack.language:
                stem = f"{stem}-{language}"
            if stem.casefold() in taken:
                stem = f"{stem}-{name}"
            taken.add(stem.casefold())
            made[name] = pack.model_copy(update={"language": language, "file_name": f"{stem}.xlsx"})
        return made
