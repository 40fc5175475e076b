"""Files that a model names, and does not path: regimes, scenarios, rules, packs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from scfcap.errors import InputError, Problem
from scfcap.schema.base import Schema
from scfcap.schema.files import Source, held_inside, parse
from scfcap.schema.messages import Key, closest, dotted, problems

_S = TypeVar("_S", bound=Schema)


def named_files(kind: str, folders: Sequence[Path], library: Path) -> dict[str, Path]:
    """Files ``KIND/NAME.toml`` by name: in the folders, beside them, then shipped."""
    places = [p / kind for folder in folders for p in (folder, folder.resolve().parent)]
    found: dict[str, Path] = {}
    for place in [*places, library]:
        for path in sorted(place.glob("*.toml")):
            found.setdefault(path.stem, path)
    return found


def find_named(
    name: str, key: Key, known: Mapping[str, Path], also: Sequence[str], where: Callable[[Key], str]
) -> Path:
    """The file of that name. Raises InputError, with the nearest of the names and of ``also``."""
    if name in known:
        return known[name]
    names = sorted({*known, *also})
    near = closest(name, names)
    action = f"Did you mean {near}?" if near else ""
    raise InputError(
        Problem(where(key), f'"{name}"', f"one of {', '.join(names) or 'none'}", action)
    )


def read_named(schema: type[_S], kind: str, path: Path) -> tuple[_S, Source]:
    """A file ``KIND/NAME.toml``, checked, and its bytes."""
    label = f"{kind}/{path.name}"
    source = parse(held_inside(path.parent, path, label), label)
    return validated(
        schema, source.data, lambda key: f"{source.label}: {dotted(key)}".rstrip(": ")
    ), source


def validated(schema: type[_S], data: Mapping[str, Any], where: Callable[[Key], str]) -> _S:
    """``data`` as ``schema``, types taken at their word: a quoted number is no number."""
    frozen = as_tuples(data)
    try:
        return schema.model_validate(frozen, strict=True)
    except ValidationError as error:
        raise InputError(problems(error, schema, frozen, where)) from error


def as_tuples(value: Any) -> Any:
    """TOML's tables and lists, the lists as the tuples that a frozen schema holds."""
    if isinstance(value, Mapping):
        return {key: as_tuples(item) for key, item in value.items()}
    return tuple(as_tuples(item) for item in value) if isinstance(value, list) else value
