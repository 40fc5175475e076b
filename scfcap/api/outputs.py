"""What a run folder holds beside the run's tables: report packs, and in what form."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from scfcap.errors import InputError, Problem
from scfcap.schema.load import LoadedModel, named_packs
from scfcap.schema.report import Language, Pack

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from scfcap.api.model import Model
    from scfcap.report.privacy import Mask


@dataclass(frozen=True)
class Outputs:
    """What is wanted of a run.

    ``reports`` are names of packs (without any, the model's own); ``language`` goes before what
    they say. ``pdf`` adds each pack as a PDF and ``page`` as a page beside its workbook, ``csv``
    each table as ``csv/NAME.csv``. ``privacy = "masked"`` puts numbers in place of all who are
    named, in every file; a pack that says so is masked in any case. ``privacy_key`` is a file that
    keeps the numbers and tells them back. ``recalculate`` has LibreOffice show that each workbook
    recalculates to its own figures.
    """

    reports: tuple[str, ...] = ()
    language: Language | None = None
    pdf: bool = False
    page: bool = False
    csv: bool = False
    privacy: Literal["masked"] | None = None
    privacy_key: Path | None = None
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

    def mask(self, model: Model, packs: Iterable[Pack]) -> Mask | None:
        """What keeps names out of all of it, or of ``packs`` that say so; None where none does.

        Raises :class:`~scfcap.errors.InputError`; see :func:`scfcap.api.privacy.mask_of`.
        """
        from scfcap.api.privacy import mask_of

        if self.privacy is not None or any(pack.privacy == "masked" for pack in packs):
            return mask_of(model, self.privacy_key)
        if self.privacy_key is None:
            return None
        raise InputError(
            Problem(
                f"--privacy-key {self.privacy_key}",
                "nothing that is masked",
                '--privacy masked, or a pack with privacy = "masked"',
                "Add it, or leave the key out.",
            )
        )

    def refuse_key_in(self, out: Path) -> None:
        """Raise :class:`~scfcap.errors.InputError` where the key would be sent on with the run."""
        if self.privacy_key is not None and out.resolve() in self.privacy_key.resolve().parents:
            raise InputError(
                Problem(
                    f"--privacy-key {self.privacy_key}",
                    "a file in the run's own folder",
                    "a file elsewhere, which is not sent on with the run",
                    "Give another.",
                )
            )

    def refuse(self) -> None:
        """Raise :class:`~scfcap.errors.InputError` where this cannot be made."""
        from scfcap.report.recalculated import require_office

        for asked, option in ((self.pdf, "--pdf"), (self.recalculate, "--recalculate")):
            if asked:
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
        from scfcap.report.sheets.stated import check_pack

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
            check_pack(pack)
            made[name] = pack.model_copy(update={"language": language, "file_name": f"{stem}.xlsx"})
        return made
