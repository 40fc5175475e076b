"""Lists that a model names beside its tape: known buyers, borrowers, regions."""

from __future__ import annotations

from pathlib import Path

from scfcap.errors import InputError, Problem
from scfcap.schema.tape import TapeSpec
from scfcap.tape import convert
from scfcap.tape.files import Files, inside


def reference_lists(spec: TapeSpec, folder: Path) -> dict[str, list[str]]:
    """The values that ``[tape.reference]`` lists for each column, from files of ``folder``.

    Raises :class:`InputError` for a file or a column that is not there, and for an empty list.
    """
    found: dict[str, list[str]] = {}
    for ours, reference in spec.reference.items():
        where = f"model.toml: tape.reference.{ours}"
        with Files(inside(folder, reference.path), reference) as files:
            if reference.column not in files.names:
                there = ", ".join(files.names[:40])
                found_none = f"no column {reference.column} in {reference.path}"
                raise InputError(Problem(where, found_none, f"one of {there}"))
            table, info = files.read([reference.column])
        cells, _ = convert.texts(table.column(reference.column), ours)
        found[ours] = [value for value in cells.unique().to_pylist() if value is not None]
        if not found[ours]:
            raise InputError(Problem(f"{where} ({info.name})", "no values", "at least one"))
    return found
