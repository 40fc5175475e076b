"""A model file over its base, and the command line over both.

Tables merge key by key. Lists of tables whose items carry a ``name`` merge by that name, in
the base's order, new items last; any other value replaces the base's. Of keys that exclude each
other (:data:`~scfcap.schema.languages.RIVALS`) the one that is stated takes the place of the
base's other one.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from scfcap.errors import InputError, Problem
from scfcap.schema.bounds import read_toml
from scfcap.schema.languages import RIVALS
from scfcap.schema.messages import Key, closest, dotted

#: Characters of an override that a message repeats.
MOST_SAID = 1_000


@dataclass(frozen=True)
class Layer:
    """Keys that one file states. ``label`` is how messages call it ("model.toml")."""

    label: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Override:
    """One ``--set KEY=VALUE``."""

    text: str
    key: tuple[str, ...]
    value: Any


def merge(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    """``top`` over ``base``; neither is changed."""
    merged = copy.deepcopy(dict(base))
    for key, value in top.items():
        if key in RIVALS and not RIVALS[key] & top.keys():
            for rival in RIVALS[key]:
                merged.pop(rival, None)
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, Mapping):
            merged[key] = merge(old, value)
        elif _named(old) and _named(value):
            merged[key] = _merge_named(old, value)  # type: ignore[arg-type]
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def _named(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, Mapping) and isinstance(item.get("name"), str) for item in value)
    )


def _merge_named(base: Sequence[Any], top: Sequence[Any]) -> list[Any]:
    changes = {item["name"]: item for item in top}
    merged = [merge(item, changes.pop(item["name"], {})) for item in base]
    return merged + [copy.deepcopy(item) for item in top if item["name"] in changes]


def parse_override(text: str) -> Override:
    """``KEY=VALUE`` with a TOML value, or plain text where it is none.

    Raises :class:`InputError` if the key cannot be read.
    """
    key, equals, value = _split(text)
    try:
        nested = read_toml(f"{key} = 0") if equals and key.strip() else {}
    except ValueError:
        nested = {}
    parts: list[str] = []
    level: Any = nested
    while isinstance(level, dict) and len(level) == 1:
        name, level = next(iter(level.items()))
        parts.append(name)
    if not parts:
        raise InputError(
            Problem(
                f"--set {text[:MOST_SAID]}",
                f'"{text[:MOST_SAID]}"',
                "KEY=VALUE with a dotted key, such as plan.periods=6",
                "Quote a value with spaces for the shell: --set 'title=\"A title\"'.",
            )
        )
    return Override(text, tuple(parts), _value(value.strip()))


def _split(text: str) -> tuple[str, str, str]:
    """Key, "=" and value; an equals sign inside quotes belongs to the key."""
    quote = ""
    for position, char in enumerate(text):
        if char == quote:
            quote = ""
        elif not quote and char in "\"'":
            quote = char
        elif not quote and char == "=":
            return text[:position], char, text[position + 1 :]
    return text, "", ""


def _value(text: str) -> Any:
    try:
        parsed = read_toml(f"value = {text}")
    except ValueError:
        return text
    return parsed["value"] if set(parsed) == {"value"} else text


def apply_overrides(data: Mapping[str, Any], overrides: Sequence[Override]) -> dict[str, Any]:
    """``data`` with every override set, in order; a key takes the place of its rivals.

    Raises :class:`InputError` naming every list item that does not exist and every key below a
    value that is no table.
    """
    result = copy.deepcopy(dict(data))
    found: list[Problem] = []
    stated = {override.key for override in overrides}
    for override in overrides:
        problem = _set(result, override, stated)
        if problem is not None:
            found.append(problem)
    if found:
        raise InputError(found)
    return result


def _set(data: dict[str, Any], override: Override, stated: Set[tuple[str, ...]]) -> Problem | None:
    level: Any = data
    for depth, part in enumerate(override.key):
        last = depth == len(override.key) - 1
        if isinstance(level, dict):
            if last:
                for rival in RIVALS.get(part, ()):
                    if (*override.key[:-1], rival) not in stated:
                        level.pop(rival, None)
                level[part] = override.value
            else:
                level = level.setdefault(part, {})
        elif isinstance(level, list):
            position = _position(level, part)
            if position is None:
                return _no_item(override, depth, level)
            if last:
                level[position] = override.value
            else:
                level = level[position]
        else:
            above = dotted(override.key[:depth])
            return Problem(
                f"--set {override.text[:MOST_SAID]}",
                *(f"{above}, which is a value", "a table or a list"),
                f"Set {above} itself, or correct the key.",
            )  # fmt: skip
    return None


def _position(items: Sequence[Any], part: str) -> int | None:
    for position, item in enumerate(items):
        if isinstance(item, Mapping) and item.get("name") == part:
            return position
    return _number(part, len(items))


def _number(part: str, count: int) -> int | None:
    """``part`` as a position below ``count``; None where it is none. Python reads no number of
    thousands of digits.
    """
    short = part.isdecimal() and len(part) <= len(str(count))
    return int(part) if short and int(part) < count else None


def _no_item(override: Override, depth: int, items: Sequence[Any]) -> Problem:
    names = [str(x["name"]) for x in items if isinstance(x, Mapping) and "name" in x]
    part, above = override.key[depth], dotted(override.key[:depth])
    near = closest(part, names)
    allowed = ", ".join(names) if names else f"a position from 0 to {len(items) - 1}"
    return Problem(
        f"--set {override.text[:MOST_SAID]}",
        f'no "{part}" in {above}',
        f"one of {allowed}" if names else allowed,
        f"Did you mean {near}?" if near else "",
    )


def origin(key: Key, layers: Sequence[Layer], overrides: Sequence[Override]) -> str:
    """Who states ``key``: an override, else the last of ``layers`` that goes deepest towards it.

    What a layer replaces (a value, a list without names) is no longer stated by those below it.
    """
    texts = tuple(str(part) for part in key)
    for override in reversed(overrides):
        shorter = min(len(texts), len(override.key))
        if texts[:shorter] == override.key[:shorter] and len(texts) >= len(override.key):
            return f"--set {override.text[:MOST_SAID]}"
    whole = [layer for layer in layers if layer.data.keys() != {"deals"}] or layers
    if texts[:1] != ("deals",):
        layers = whole  # a deal's file says nothing of other keys
    held: list[tuple[str, Any]] = [(layer.label, layer.data) for layer in layers]
    for part in texts:
        left = _left(held)
        wanted = _name_at(left, part)
        places = [(label, value, _at(value, wanted)) for label, value in left]
        below = [(label, value[at]) for label, value, at in places if at is not None]
        if not below:
            break
        held = below
    return _left(held)[-1][0]


def placed(key: Key, layers: Sequence[Layer], overrides: Sequence[Override]) -> str:
    """Who states ``key``, and where: ``model.toml: plan.periods``; keys of a deal's file without
    its name, an override as it was given.
    """
    if not layers:
        return dotted(key)
    label = origin(key, layers, overrides)
    if label.startswith("--set"):
        return label
    deal = len(key) > 1 and key[0] == "deals" and label == f"deals/{key[1]}.toml"
    own = key[2:] if deal else key
    return f"{label}: {dotted(own)}".rstrip(": ")


def _left(held: Sequence[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Of values by layer, the last one and those that were merged with it."""
    left: list[tuple[str, Any]] = []
    for label, value in held:
        before = left[-1][1] if left else None
        tables = isinstance(before, Mapping) and isinstance(value, Mapping)
        if not tables and not (_named(before) and _named(value)):
            left = []
        left.append((label, value))
    return left


def _name_at(left: Sequence[tuple[str, Any]], part: str) -> str:
    """``part``, or the name of the item at this position of merged lists."""
    if not all(_named(value) for _, value in left):
        return part
    names = list(dict.fromkeys(item["name"] for _, value in left for item in value))
    at = _number(part, len(names))
    return part if at is None else str(names[at])


def _at(value: Any, part: str) -> str | int | None:
    """Key or position of ``part`` in a table or a list; None where it has none."""
    if isinstance(value, Mapping):
        return part if part in value else None
    return _position(value, part) if isinstance(value, list) else None
