"""What a mapping asks of a source: its columns, and whether the mapping can be read at all."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from scfcap.errors import InputError, Problem
from scfcap.expressions import parse
from scfcap.schema.tape import Derive, TapeSpec
from scfcap.tape.schema import COLUMNS, Column

BY_NAME: Final[Mapping[str, Column]] = {column.name: column for column in COLUMNS}
#: The tape's day in an expression.
AS_OF: Final = "as_of"
#: Kinds of columns that a table of the mapping may name; all where it is not here.
_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "values": ("category",),
    "percent": ("rate", "money", "number"),
    "basis_points": ("rate", "number"),
    "daily": ("rate",),
    "monthly": ("rate",),
    "scale": ("money", "rate", "number", "integer"),
    "currency_text": ("money",),
    "date_formats": ("date",),
    "reference": ("text", "category"),
}
_UNITS: Final = ("percent", "basis_points", "daily", "monthly", "scale", "currency_text")


def source_columns(spec: TapeSpec, names: Sequence[str], source: str) -> list[str]:
    """Source columns that the mapping uses, in the file's order.

    Raises :class:`InputError` for keys that are no columns of ours, for one column mapped twice,
    and for source columns that the mapping names but the source has not.
    """
    problems = _mapping_faults(spec)
    asked = asked_by_name(spec)
    wanted = set(spec.columns.values()) | (asked - set(BY_NAME))
    missing = sorted(wanted - set(names))
    if missing:
        hints = [m for name in missing for m in difflib.get_close_matches(name, names, 1)]
        problems.append(
            Problem(
                source,
                f"no column {', '.join(missing)}",
                f"the columns that [tape] names (there are: {_listed(names)})",
                f"Did you mean {', '.join(hints)}?" if hints else "Correct [tape].",
            )
        )
    given = {*spec.columns, *spec.constants, *spec.derive}
    absent = [c.name for c in COLUMNS if c.required and c.name not in given | set(names)]
    if absent:
        problems.append(
            Problem(
                source,
                f"no column for {', '.join(absent)} (there are: {_listed(names)})",
                "all of " + ", ".join(c.name for c in COLUMNS if c.required),
                "Map them in [tape.columns], [tape.constants] or [tape.derive]."
                + (
                    " If the cells are parted otherwise, state tape.delimiter."
                    if len(names) == 1
                    else ""
                ),
            )
        )
    if problems:
        raise InputError(problems)
    wanted |= set(spec.keep)
    wanted |= {name for name in names if name in BY_NAME and name not in given}
    wanted |= asked & set(names) - given
    return [name for name in names if name in wanted]


def asked_by_name(spec: TapeSpec) -> set[str]:
    """Columns, of the source or ours, that are named outside of ``columns``."""
    found = set(spec.keep) | filtering(spec)
    for how in spec.derive.values():
        found |= needs(how)
    return found - {AS_OF}


def filtering(spec: TapeSpec) -> set[str]:
    """Columns that the rows are chosen, folded or measured by."""
    found = set(parse(spec.where).columns) if spec.where is not None else set()
    if spec.group is not None:
        found |= {spec.group.by, *spec.group.take}
    if spec.term is not None:
        found.add(spec.term.column)
    return found - {AS_OF}


def needs(how: Derive) -> set[str]:
    """Columns, of the source or ours, that a derived one is worked out from."""
    found = {how.column, how.days, *how.columns} | ({how.by} if how.how != "join" else set())
    if how.expression is not None:
        found |= set(parse(how.expression).columns)
    if how.how == "days_past_maturity":
        found.add("maturity_date")
    return {name for name in found if name} - {AS_OF}


def _listed(names: Sequence[str], most: int = 80) -> str:
    more = f", and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _mapping_faults(spec: TapeSpec) -> list[Problem]:
    problems: list[Problem] = []
    for table in ("columns", "constants", "derive", "values", *_UNITS, "reference"):
        keys: Iterable[str] = getattr(spec, table)
        for key in keys:
            problems += _key_faults(table, key, BY_NAME)
    of_source = asked_by_name(spec) - set(BY_NAME)
    for key in spec.date_formats:
        if key not in of_source:
            problems += _key_faults("date_formats", key, (*BY_NAME, *sorted(of_source)))
    given = [*spec.columns, *spec.constants, *spec.derive]
    problems += [
        Problem("model.toml: tape", f"{name} more than once", "columns, constants or derive")
        for name in sorted({name for name in given if given.count(name) > 1})
    ]
    return problems + _unit_faults(spec) + _filter_faults(spec)


def _key_faults(table: str, key: str, known: Iterable[str]) -> list[Problem]:
    where = f"model.toml: tape.{table}"
    if key not in BY_NAME:
        near = difflib.get_close_matches(key, list(known), 1)
        hint = f"Did you mean {near[0]}?" if near else ""
        return [Problem(where, repr(key), f"one of {', '.join(known)}", hint)]
    kind = BY_NAME[key].kind
    if kind in _KINDS.get(table, (kind,)):
        return []
    return [Problem(where, f"{key}, a {kind}", f"columns of kind {' or '.join(_KINDS[table])}")]


def _unit_faults(spec: TapeSpec) -> list[Problem]:
    """Units belong to cells that are read; what is worked out or stated is in our units."""
    return [
        Problem(
            f"model.toml: tape.{table}",
            f"{key}, which [tape.{way}] gives",
            "columns that are read from the source",
            f"Take {key} out; what is derived or constant is in our units.",
        )
        for table in _UNITS
        for key in getattr(spec, table)
        for way in ("constants", "derive")
        if key in getattr(spec, way)
    ]


def _filter_faults(spec: TapeSpec) -> list[Problem]:
    """Rows are chosen and folded before anything is derived."""
    return [
        Problem(
            "model.toml: tape",
            f"{name}, which [tape.derive] works out later, in where, group or term",
            "columns of the source, or mapped in [tape.columns]",
        )
        for name in sorted(filtering(spec) & set(spec.derive))
    ]
