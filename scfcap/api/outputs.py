"""What a run folder holds beside the run's tables: report packs, and in what form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scfcap.errors import InputError, Problem
from scfcap.schema.load import LoadedModel, named_packs
from scfcap.schema.report import Language, Pack

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Outputs:
    """What is wanted of a run.

    ``reports`` are names of packs (without any, the model's own); ``language`` goes before what
    they say. ``csv`` adds each table as ``csv/NAME.csv``.
    """

    reports: tuple[str, ...] = ()
    language: Language | None = None
    csv: bool = False

    def packs(self, loaded: LoadedModel) -> dict[str, Pack]:
        """The packs by name, in the order asked for.

        Raises :class:`~scfcap.errors.InputError` where one is named twice, is not there or cannot
        be read.
        """
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
        found = named_packs(self.reports, loaded.folders, "--report") if self.reports else {}
        return self.told(found or {loaded.spec.report: loaded.pack})

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
