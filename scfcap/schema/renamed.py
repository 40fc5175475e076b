"""Keys of model files that have a new name: the old one works, and warns, for a while."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scfcap.deprecation import DeprecatedWarning, Leaving
from scfcap.errors import InputError, Problem
from scfcap.schema.layers import Override
from scfcap.schema.messages import Key, dotted

#: Stands in a key for a name that users choose, or a place in a list.
_CHOSEN = "NAME"


@dataclass(frozen=True)
class Renamed:
    """``old`` is called ``new`` since a version, and gone in another; both in the same table or
    in another, with as many NAMEs. Raises ValueError where they are not, or as
    :class:`~scfcap.deprecation.Leaving` does.
    """

    old: str
    new: str
    since: str
    until: str

    def __post_init__(self) -> None:
        if self.old_key.count(_CHOSEN) != self.new_key.count(_CHOSEN):
            msg = f"{self.old} and {self.new} have other numbers of NAMEs"
            raise ValueError(msg)
        self.leaving()

    @property
    def old_key(self) -> tuple[str, ...]:
        """Its parts."""
        return tuple(self.old.split("."))

    @property
    def new_key(self) -> tuple[str, ...]:
        """Its parts."""
        return tuple(self.new.split("."))

    def leaving(self, where: str = "") -> Leaving:
        """The words for a user who wrote the old name at ``where``."""
        return Leaving(f"{where or 'the key'} {self.old}".strip(), self.new, self.since, self.until)

    def filled(self, key: Key) -> Key:
        """The new key of ``key``, with its names."""
        pairs = zip(self.old_key, key, strict=True)
        names = iter([part for chosen, part in pairs if chosen == _CHOSEN])
        return tuple(next(names) if part == _CHOSEN else part for part in self.new_key)


#: Every key that has another name than in the version before. docs/releases.md has the rule.
RENAMED: tuple[Renamed, ...] = ()


def renewed(
    data: Mapping[str, Any], label: str, renamed: Sequence[Renamed] | None = None
) -> dict[str, Any]:
    """What the file ``label`` states, with the new names; each old one warns.

    Raises :class:`InputError` for every key that it states under both names.
    """
    result = copy.deepcopy(dict(data))
    found: list[Problem] = []
    for rule in RENAMED if renamed is None else renamed:
        for key in list(_matches(rule.old_key, result)):
            new = rule.filled(key)
            if _holds(result, new):
                action = f"Take {dotted(key)} out; it is the older name."
                both = f"{dotted(key)} and {dotted(new)}"
                found.append(Problem(f"{label}: {dotted(key)}", both, "one of the two", action))
                continue
            _put(result, new, _take(result, key))
            warnings.warn(rule.leaving(f"{label}:").sentence, DeprecatedWarning, stacklevel=3)
    if found:
        raise InputError(found)
    return result


def renewed_override(override: Override, renamed: Sequence[Renamed] | None = None) -> Override:
    """A ``--set`` with the new name; an old one warns."""
    for rule in RENAMED if renamed is None else renamed:
        old = rule.old_key
        if len(old) <= len(override.key) and all(
            part in (_CHOSEN, given) for part, given in zip(old, override.key, strict=False)
        ):
            key, rest = override.key[: len(old)], override.key[len(old) :]
            warnings.warn(rule.leaving("--set").sentence, DeprecatedWarning, stacklevel=3)
            return replace(override, key=(*(str(part) for part in rule.filled(key)), *rest))
    return override


def _matches(pattern: Sequence[str], data: Any, before: Key = ()) -> Iterator[Key]:
    """Keys that ``data`` states and that are of the form of ``pattern``."""
    if not pattern:
        yield before
        return
    part, rest = pattern[0], pattern[1:]
    steps: list[tuple[str | int, Any]] = []
    if isinstance(data, Mapping):
        steps = [(name, data[name]) for name in data if part in (_CHOSEN, name)]
    elif isinstance(data, list) and part == _CHOSEN:
        steps = list(enumerate(data))
    for step, below in steps:
        yield from _matches(rest, below, (*before, step))


def _holds(data: Any, key: Key) -> bool:
    for part in key:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _take(data: Any, key: Key) -> Any:
    for part in key[:-1]:
        data = data[part]
    return data.pop(key[-1])


def _put(data: Any, key: Key, value: Any) -> None:
    for part in key[:-1]:
        data = data.setdefault(part, {}) if isinstance(data, dict) else data[part]
    data[key[-1]] = value
