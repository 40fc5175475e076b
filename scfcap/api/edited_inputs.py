"""A model with the inputs of an edited workbook: ``run --inputs``, ``load(..., inputs=)``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scfcap.errors import InputError, Problem
from scfcap.schema.layers import parse_override
from scfcap.schema.load import LoadedModel, load_model

if TYPE_CHECKING:
    from scfcap.report.edited import Edited


@dataclass(frozen=True)
class Taken:
    """What a model took from a workbook: the cells, and what its user should know of it."""

    file: str
    cells: tuple[Edited, ...]
    notes: tuple[str, ...]

    def manifest(self) -> list[dict[str, Any]]:
        """Each override that came from the workbook, with its cell, for the manifest."""
        return [
            {
                "override": cell.override,
                "file": cell.file,
                "sheet": cell.sheet,
                "cell": cell.cell,
                "before": cell.before,
            }
            for cell in self.cells
        ]


def load_edited(
    path: str | Path, overrides: Sequence[str], inputs: str | Path
) -> tuple[LoadedModel, Taken]:
    """The model at ``path`` with ``overrides`` and the changed input cells of a workbook.

    An override goes before a cell that states the same key. Raises
    :class:`~scfcap.errors.InputError`: of the model, of the workbook, or of a value that the
    model does not take, at its cell.
    """
    from scfcap.report.edited import read_inputs

    plain = load_model(path, overrides)
    edited = read_inputs(inputs, plain.spec.name)
    stated = [parse_override(text).key for text in overrides]
    notes = []
    if edited.digest != plain.digest:
        notes.append(
            f"{edited.path.name} was made from other files or overrides of the model (inputs "
            f"{edited.digest[:12]}, now {plain.digest[:12]}): its changed cells are taken, all "
            "else is as the model stands."
        )
    notes += [
        f"{cell.place} is a what-if of the workbook that no key of the model states: left out."
        for cell in edited.beside
    ]
    cells = []
    for cell in edited.changed:
        key = parse_override(cell.override).key
        if any(key[: len(other)] == other for other in stated):
            notes.append(f"--set states {cell.key}, and goes before {cell.place}.")
        else:
            cells.append(cell)
    taken = Taken(edited.path.name, tuple(cells), tuple(notes))
    if not cells:
        return plain, taken
    try:
        loaded = load_model(path, [*(cell.override for cell in cells), *overrides])
    except InputError as error:
        raise InputError([_at_cell(problem, cells) for problem in error.problems]) from error
    return loaded, taken


def _at_cell(problem: Problem, cells: Sequence[Edited]) -> Problem:
    """A problem of an override that came from a cell, told at the cell."""
    for cell in cells:
        if f"--set {cell.override}" in problem.where:
            where = f"{cell.place} ({cell.key})"
            return replace(problem, where=where)
    return problem
