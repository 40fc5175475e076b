"""Report packs made again from a run folder, without a model and without solving."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scfcap.api.outputs import Outputs
from scfcap.errors import InputError, Problem

if TYPE_CHECKING:
    from scfcap.schema.report import Pack


def report(
    folder: str | Path,
    outputs: Outputs | None = None,
    *,
    packs: Sequence[str | Path] = (),
    progress: Callable[[str], None] | None = None,
) -> dict[str, dict[str, Any]]:
    """Make report packs from what ``scfcap run`` wrote into ``folder``, and put them there.

    A file of the same name is replaced, any other stays. Without ``outputs.reports`` the packs are
    those of the run, looked up as ``reports/NAME.toml`` in the folders ``packs`` (a model's, say),
    then below the present one, then among the shipped ones. ``progress`` is told of each pack.
    With ``outputs.recalculate`` the manifest holds what was found of each workbook; what an earlier
    one was found to do goes with it. Gives the files by name, with their size [bytes] and SHA-256.

    Raises:
        InputError: no folder of a run, a pack that is not there, no LibreOffice for a PDF, or a
            pack that is masked where the run is not: the run does not keep whom to mask.
    """
    from scfcap.report.packs import PackRun, heard
    from scfcap.report.store import MANIFEST, add_files, read_run

    outputs = outputs or Outputs()
    saved = read_run(Path(folder))
    meta, waterfalls = heard(saved.manifest, str(saved.folder / MANIFEST))
    names = outputs.reports or tuple(map(str, saved.manifest.get("reports", ())))
    if not names:
        raise InputError(
            Problem(str(folder), "a run without a report pack", "--report NAME", "Name one.")
        )
    wanted = outputs.named(names, [*map(Path, packs), Path.cwd()])
    _refuse_masked(wanted, masked=saved.manifest.get("privacy") == "masked", folder=saved.folder)
    proofs = dict(saved.manifest.get("recalculated", {}))
    for pack in wanted.values():
        proofs.pop(pack.file_name, None)
    made = PackRun(
        saved.tables,
        meta,
        pdf=outputs.pdf,
        csv=outputs.csv,
        page=outputs.page,
        waterfalls=waterfalls,
        recalculate=outputs.recalculate,
        proofs=proofs,
    ).files(wanted, progress)
    told = outputs.recalculate or "recalculated" in saved.manifest
    listed = add_files(saved, made, {"recalculated": proofs} if told else None).manifest["files"]
    return {name: listed[name] for name in made}


def _refuse_masked(packs: Mapping[str, Pack], *, masked: bool, folder: Path) -> None:
    asked = [name for name, pack in packs.items() if pack.privacy == "masked"]
    if asked and not masked:
        raise InputError(
            Problem(
                f"--report {asked[0]}",
                f'privacy = "masked" on {folder}, a run with its names',
                "a run that is masked: only the loan tape tells all who are to be hidden",
                "Run the model again: scfcap run MODEL --privacy masked, or with this pack.",
            )
        )
