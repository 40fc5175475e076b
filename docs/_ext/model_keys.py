"""The keys of ``model.toml`` as Markdown, read from the schema: type, unit, default, meaning."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from scfcap.schema.base import Schema
from scfcap.schema.model import Model

#: Unit of a number by the name of its type in ``scfcap.quantities``.
UNITS = {
    "Money": "currency", "LoanAmount": "currency", "Rate": "1/year", "CostRate": "1/year",
    "Share": "share",
}  # fmt: skip


#: What keys mean that many tables have, where a table does not say more.
COMMON = {
    "name": "Name by which other keys, tables and reports speak of it.",
    "title": "Title in reports.",
    "kind": "Which of the kinds of this table it is.",
}


@dataclass(frozen=True)
class Key:
    """One key of a table: its name, type, unit, default and meaning in words."""

    name: str
    type: str
    unit: str
    default: str
    meaning: str


@dataclass(frozen=True)
class Part:
    """One table of the file: the schema that reads it, the place where it stands, its keys."""

    schema: type[Schema]
    place: str
    meaning: str
    keys: tuple[Key, ...]


def parts() -> list[Part]:
    """All tables of a model, each once, in the order in which the schema names them."""
    found: dict[type[Schema], str] = {Model: ""}
    pending: list[type[Schema]] = [Model]
    while pending:
        schema = pending.pop(0)
        below: list[type[Schema]] = []
        for name, field in schema.model_fields.items():
            for child, shape in _schemas(field.annotation):
                if child not in found:
                    found[child] = _place(found[schema], _alias(name, field), shape)
                    below.append(child)
        pending = below + pending
    return [_part(schema, place) for schema, place in found.items()]


def page() -> str:
    """All tables of a model as sections of Markdown."""
    return "\n".join(line for part in parts() for line in _section(part))


def _section(part: Part) -> Iterator[str]:
    yield from (f"## {_title(part)}", "")
    if part.meaning:
        yield from (part.meaning, "")
    yield from ("| key | type | unit | default | meaning |", "|---|---|---|---|---|")
    for key in part.keys:
        cells = (f"`{key.name}`", key.type, key.unit, key.default, key.meaning)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""


def _title(part: Part) -> str:
    same = f", `{_kind(part.schema)}`" if _kind(part.schema) else ""
    return f"`{part.place}`{same}" if part.place else "`model.toml`"


def _part(schema: type[Schema], place: str) -> Part:
    keys = tuple(_key(schema, name, field) for name, field in schema.model_fields.items())
    return Part(schema, place, _prose(schema.__doc__ or ""), keys)


def _key(schema: type[Schema], name: str, field: FieldInfo) -> Key:
    written = _written(schema, name)
    meaning = _prose(field.description or "")
    unit = next((u for word, u in UNITS.items() if re.search(rf"\b{word}\b", written)), "")
    if stated := re.search(
        r"\[((?:currency|1/|days|years|months|share|periods|%)[^\]]*)\]", meaning
    ):
        unit = stated[1]
        meaning = meaning.replace(f" {stated[0]}", "", 1)
    if not meaning:
        below = [child for child, _ in _schemas(field.annotation)]
        meaning = " ".join(dict.fromkeys(_prose(child.__doc__ or "") for child in below))
    meaning = meaning or COMMON.get(name, "")
    return Key(_alias(name, field), _type(field), unit, _default(field), meaning)


def _written(schema: type[Schema], name: str) -> str:
    """The annotation as the source has it."""
    stated = (inspect.get_annotations(base) for base in schema.__mro__)
    return next((str(each[name]) for each in stated if name in each), "")


def _alias(name: str, field: FieldInfo) -> str:
    return field.alias or name


def _kind(schema: type[Schema]) -> str:
    """``kind = "..."`` of a table that is one of several."""
    field = schema.model_fields.get("kind")
    values = typing.get_args(field.annotation) if field is not None else ()
    return f'kind = "{values[0]}"' if len(values) == 1 and isinstance(values[0], str) else ""


def _schemas(annotation: Any, shape: str = "") -> Iterator[tuple[type[Schema], str]]:
    """Schemas inside an annotation, with the shape they stand in: list, table or itself."""
    if isinstance(annotation, type) and issubclass(annotation, Schema):
        yield annotation, shape
        return
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    inner = {tuple: "list", list: "list", dict: "table"}.get(origin, "")
    for argument in arguments:
        yield from _schemas(argument, shape or inner)


def _place(above: str, name: str, shape: str) -> str:
    path = f"{above.strip('[]')}.{name}".lstrip(".")
    return {"list": f"[[{path}]]", "table": f"[{path}.NAME]"}.get(shape, f"[{path}]")


def _type(field: FieldInfo) -> str:
    bounds = _bounds(field.metadata)
    return f"{_words(field.annotation)}{f', {bounds}' if bounds else ''}"


def _words(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        bounds = _bounds(arguments[1:])
        return f"{_words(arguments[0])}{f' {bounds}' if bounds else ''}"
    if origin is typing.Literal:
        return ", ".join(f"`{value!r}`".replace("'", '"') for value in arguments)
    if origin is dict:
        return f"table of {_words(arguments[1])}"
    if origin in (tuple, list):
        inner = [argument for argument in arguments if argument is not Ellipsis]
        return f"list of {' and '.join(dict.fromkeys(map(_words, inner)))}"
    if origin is not None:
        inner = [argument for argument in arguments if argument is not type(None)]
        return " or ".join(dict.fromkeys(map(_words, inner)))
    if isinstance(annotation, type) and issubclass(annotation, Schema):
        return "table"
    simple = {"str": "text", "float": "number", "int": "whole number", "bool": "true or false"}
    name = getattr(annotation, "__name__", str(annotation))
    return simple.get(name, name)


def _bounds(metadata: Any) -> str:
    """Bounds of a number as the schema states them; lengths of texts and lists are left out."""
    found: dict[str, Any] = {}
    for each in metadata:
        inner = each.metadata if isinstance(each, FieldInfo) else [each]
        for one in inner:
            for sign in ("ge", "gt", "le", "lt"):
                if getattr(one, sign, None) is not None:
                    found[sign] = getattr(one, sign)
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    if {"ge", "le"} <= set(found):
        return f"{found['ge']:g} to {found['le']:g}"
    return ", ".join(f"{words[sign]} {value:g}" for sign, value in found.items())


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if field.default_factory is not None or value is PydanticUndefined or isinstance(value, Schema):
        return ""
    if value is None or value == () or value == {} or value == "":
        return ""
    return f"`{_toml(value)}`"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_toml(each)}' for key, each in value.items())} }}"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _prose(text: str) -> str:
    """A docstring as one paragraph of Markdown."""
    joined = re.sub(r"\s+", " ", text).strip()
    joined = re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"`\1`", joined)
    joined = joined.replace("``", "`")
    return re.sub(r"(?<![`\w])([*<>])", r"\\\1", joined)
