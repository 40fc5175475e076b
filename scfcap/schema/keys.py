"""The keys that ``--set`` takes: those of the schema, with the names that a model states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scfcap.errors import InputError
from scfcap.schema.layers import merge
from scfcap.schema.load import load_model
from scfcap.schema.messages import Key, all_keys, dotted, shown
from scfcap.schema.model import Model

#: Stands for a name that users choose, in keys of a schema.
_CHOSEN = "NAME"


def settable(model: str, start: str = "") -> dict[str, str]:
    """Dotted keys that begin with ``start``, and what the model states for each (empty: nothing).

    Without a dot in ``start`` they are those that the model states, else all that it may. Of a
    model that cannot be read, the keys without names.
    """
    data = _stated(model)
    table = start.rpartition(".")[0]
    found = {}
    for key in _leaves():
        for named in _named(key, data):
            text = dotted(named)
            if text.startswith(start):
                value = _value(named, data)
                if table or value:
                    found[text] = value
    return found


def _stated(model: str) -> Mapping[str, Any]:
    """What a model and its bases state, merged; nothing where it cannot be read."""
    data: dict[str, Any] = {}
    try:
        for layer in load_model(model).layers:
            data = merge(data, layer.data)
    except (InputError, OSError):
        return {}
    return data


def _leaves() -> list[Key]:
    """Keys of the schema below which there are no others."""
    keys = list(all_keys(Model))
    inner = {key[:depth] for key in keys for depth in range(1, len(key))}
    return [key for key in dict.fromkeys(keys) if key not in inner]


def _named(key: Key, data: Any, before: Key = ()) -> Iterator[Key]:
    """``key`` once for each choice of names in ``data``; none where ``data`` has no name."""
    if not key:
        yield before
        return
    part, *rest = key
    if part != _CHOSEN:
        below = data.get(part) if isinstance(data, Mapping) else None
        yield from _named(tuple(rest), below, (*before, part))
    elif isinstance(data, Mapping):
        for name, below in data.items():
            yield from _named(tuple(rest), below, (*before, name))
    elif isinstance(data, list):
        for position, item in enumerate(data):
            known = isinstance(item, Mapping) and "name" in item
            yield from _named(tuple(rest), item, (*before, item["name"] if known else position))


def _value(key: Key, data: Any) -> str:
    """What ``data`` states for ``key``, as its file would write it; empty where nothing."""
    for part in key:
        if isinstance(data, Mapping) and part in data:
            data = data[part]
        elif isinstance(data, list):
            named = (x for x in data if isinstance(x, Mapping) and x.get("name") == part)
            data = data[part] if isinstance(part, int) else next(named, None)
        else:
            return ""
    return "" if data is None else shown(data)
