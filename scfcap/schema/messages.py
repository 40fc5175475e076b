"""What pydantic says about a model file, in words for the person who wrote it.

Every message names the file, the dotted key (as ``--set`` takes it), the value found, what is
expected and what to do. All problems of a file come at once.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from scfcap.errors import InputError, Problem
from scfcap.expressions import ExpressionError
from scfcap.schema.base import NAME_PATTERN, MisfitError, Schema

Key = tuple[str | int, ...]
#: What is found where a key or a table is missing.
_LACKING = ("nothing", "no such table")
#: Problems of a file that are told one by one.
MOST_TOLD = 100

_EXPECTED = {
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "text in quotes",
    "bool_type": "true or false",
    "date_type": "a date such as 2013-12-31, without quotes or time",
    "tuple_type": "a list in [ ]",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "is_instance_of": "a table",
}
_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}


@dataclass(frozen=True)
class _Found:
    """One error of pydantic with its place in the file."""

    key: Key
    union: Key | None
    owner: type[Schema] | None
    annotation: Any
    error: ErrorDetails
    expected: str = ""


def problems(
    error: ValidationError,
    schema: type[Schema],
    data: Mapping[str, Any],
    where: Callable[[Key], str],
) -> list[Problem]:
    """Every problem of ``error``, raised when ``data`` was read as ``schema``.

    ``where`` turns a key into the file and key to show.
    """
    found = [
        _locate(schema, data, item)
        for item in error.errors(include_url=False)
        if not _only_counts_faulty(item)
    ]
    known = list(all_keys(schema))
    kept = list(_without_branches(found))
    unknown = {
        item.key: _unknown_key(item, known, where)
        for item in kept
        if item.error["type"] == "extra_forbidden"
    }
    meant = {key for _, key in unknown.values()}
    result: list[Problem] = []
    for item in kept:
        if item.key in unknown:
            problem = unknown[item.key][0]
        elif item.error["type"] == "missing" and item.key in meant:
            continue
        else:
            problem = _problem(item, where)
        if problem not in result:
            result.append(problem)
    return _at_most(result, where)


def _at_most(found: list[Problem], where: Callable[[Key], str]) -> list[Problem]:
    """The first :data:`MOST_TOLD` problems, and how many more there are."""
    more = len(found) - MOST_TOLD
    if more <= 0:
        return found
    action = "Correct those above first."
    rest = Problem(where(()), f"{more:,} more problems like these", "none", action)
    return [*found[:MOST_TOLD], rest]


def naming_bases(error: InputError, bases: Sequence[str]) -> InputError:
    """``error``; of a key that is nowhere it says in which ``bases`` it was looked for too."""
    if not bases:
        return error
    looked = f" It is not in {', '.join(bases)} either."
    return InputError(
        replace(problem, action=problem.action + looked) if problem.found in _LACKING else problem
        for problem in error.problems
    )


def dotted(key: Key) -> str:
    """``("lenders", "bank-a", "limit")`` as ``lenders.bank-a.limit``; parts quoted where needed."""
    return ".".join(_part(part) for part in key)


def shown(value: Any) -> str:
    """A value as the file would write it, cut to 60 characters."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, str):
        text = f'"{value}"'
    elif isinstance(value, Mapping):
        text = f"a table ({', '.join(map(str, value)) or 'empty'})"
    elif isinstance(value, list | tuple):
        text = f"a list of {len(value)}"
    else:
        text = value.isoformat() if isinstance(value, date) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


def closest(name: str, names: Sequence[str]) -> str:
    """The known name nearest to ``name``; empty if none is near."""
    near = difflib.get_close_matches(name.lower(), [n.lower() for n in names], 1, 0.6)
    return next((n for n in names if near and n.lower() == near[0]), "")


def decimal_hint(value: Any) -> str:
    """What to write in place of a quoted number or a percentage; empty for anything else."""
    if not isinstance(value, str):
        return ""
    number, percent, rest = value.strip().partition("%")
    try:
        amount = float(number.replace(",", "").strip())
    except ValueError:
        return "" if not percent else "Write a decimal without the percent sign: 0.12 for 12%."
    if percent and not rest:
        return f"Write a decimal without the percent sign: {amount / 100:.10g}."
    return f"Write it without quotes: {amount:.10g}."


def _part(part: str | int) -> str:
    text = str(part)
    plain = text and all(c.isalnum() or c in "-_" for c in text)
    return text if plain and text.isascii() else f'"{text}"'


def _unwrapped(annotation: Any) -> Any:
    """``annotation`` without ``Annotated`` and without ``| None``."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
            continue
        branches = _branches(annotation)
        if len(branches) != 1 or branches[0] is annotation:
            return annotation
        annotation = branches[0]


def _branches(annotation: Any) -> list[Any]:
    """Members of a union other than None; the annotation itself if it is none."""
    if get_origin(annotation) in (Union, types.UnionType):
        return [a for a in get_args(annotation) if a is not type(None)]
    return [annotation]


def _branch(annotation: Any, tag: str) -> Any:
    """Member of a union for ``tag``: its kind, "NAME", or "function-after[check(), NAME]"."""
    for branch in _branches(annotation):
        name = getattr(branch, "__name__", "")
        if tag == _kind(branch):
            return branch
        if name and (tag == name or tag.endswith(f" {name}]")):
            return branch
    return Any


def _kind(branch: Any) -> str:
    """What the key ``kind`` says in the tables of this member of a union; empty if it has none."""
    inner = _schema(branch)
    field = inner.model_fields.get("kind") if inner else None
    options = get_args(field.annotation) if field else ()
    return str(options[0]) if len(options) == 1 else ""


def _schema(annotation: Any) -> type[Schema] | None:
    is_schema = isinstance(annotation, type) and issubclass(annotation, Schema)
    return annotation if is_schema else None


def _only_counts_faulty(error: ErrorDetails) -> bool:
    """Whether a list is called too short only because its items are faulty."""
    least = error.get("ctx", {}).get("min_length", 0)
    return error["type"] == "too_short" and len(error["input"]) >= least


def _locate(schema: type[Schema], data: Any, error: ErrorDetails) -> _Found:
    """Walk the location of ``error`` down the schema: drop union tags, name list items."""
    key: list[str | int] = []
    annotation: Any = schema
    owner: type[Schema] | None = None
    union: Key | None = None
    for item in error["loc"]:
        annotation = _unwrapped(annotation)
        if item == "[key]":
            continue
        if len(_branches(annotation)) > 1:
            union = tuple(key)
            annotation = _branch(annotation, str(item))
            continue
        inner = _schema(annotation)
        if inner is not None:
            owner = inner
            field = inner.model_fields.get(str(item))
            annotation = field.annotation if field else Any
        else:
            arguments = get_args(annotation)
            annotation = (
                arguments[-1 if get_origin(annotation) is dict else 0] if arguments else Any
            )
        try:
            data = data[item]
        except (KeyError, IndexError, TypeError):
            data = None
        named_item = isinstance(item, int) and isinstance(data, Mapping) and "name" in data
        key.append(str(data["name"]) if named_item else item)
    return _Found(tuple(key), union, owner, _unwrapped(annotation), error)


def _without_branches(found: list[_Found]) -> Iterator[_Found]:
    """One error for a union: what is wrong inside the table, else what the branches take."""
    done: set[Key] = set()
    for item in found:
        if item.union is None:
            yield item
        elif item.union not in done:
            done.add(item.union)
            rivals = [other for other in found if other.union == item.union]
            inside = [other for other in rivals if len(other.key) > len(item.union)]
            if inside:
                yield from inside
            else:
                words = [_expected(other) for other in rivals]
                yield replace(item, expected=" or ".join(dict.fromkeys(words)))


def _expected(item: _Found) -> str:
    """What would do in place of the value of ``item``."""
    kind, context = item.error["type"], item.error.get("ctx", {})
    if item.expected:
        return item.expected
    if kind == "literal_error":
        options = [str(x) for x in get_args(item.annotation)] or [str(context["expected"])]
        return f"one of {', '.join(options)}" if len(options) > 1 else options[0]
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        return f"kind = one of {', '.join(_kind(x) for x in _branches(item.annotation))}"
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        return f"{words} {context[bound]:g}"
    if kind == "too_short":
        unit = "entries in the table" if isinstance(item.error["input"], Mapping) else "in the list"
        return f"at least {context['min_length']} {unit}"
    if kind in {"string_too_short", "string_too_long"}:
        return f"text of {context.get('min_length', context.get('max_length'))} characters"
    if kind == "string_pattern_mismatch" and context["pattern"] == NAME_PATTERN:
        return "a name of letters, digits and _, of which the first is a letter"
    return _EXPECTED.get(kind) or item.error["msg"].removeprefix("Value error, ").lower()


def all_keys(schema: type[Schema], prefix: Key = ()) -> Iterator[Key]:
    """Every key of a schema; NAME stands for a name that users choose."""
    for name, field in schema.model_fields.items():
        yield (*prefix, name)
        for branch in _branches(_unwrapped(field.annotation)):
            inner: Any = _unwrapped(branch)
            part: Key = ()
            while get_args(inner) and get_origin(inner) in (dict, tuple):
                part = (*part, "NAME")
                inner = _unwrapped(get_args(inner)[-1 if get_origin(inner) is dict else 0])
            for member in _branches(inner):
                below = _schema(member)
                if below is not None:
                    yield from all_keys(below, (*prefix, name, *part))


def _unknown_key(
    item: _Found, known: Sequence[Key], where: Callable[[Key], str]
) -> tuple[Problem, Key | None]:
    """An unknown key: the nearest key here, else the same key elsewhere, else all keys here."""
    name, above = str(item.key[-1]), item.key[:-1]
    here = list(item.owner.model_fields) if item.owner else []
    near = closest(name, here)
    meant: Key | None = None
    if near:
        meant = (*above, near)
        action = f"Did you mean {near}?"
    else:
        elsewhere = [key for key in known if key[-1] == name]
        action = "Take it out, or see `scfcap schema` for all keys."
        if elsewhere:
            action = f"It belongs to {' or '.join(dotted(k) for k in elsewhere[:3])}."
    expected = f"one of {', '.join(here)}" if here else "a known key"
    return Problem(where(item.key), "an unknown key", expected, action), meant


def _problem(item: _Found, where: Callable[[Key], str]) -> Problem:
    kind, value = item.error["type"], item.error["input"]
    if kind == "missing":
        return _missing(item, where)
    fault = item.error.get("ctx", {}).get("error")
    if isinstance(fault, MisfitError):
        below: Key = tuple(fault.key.split(".")) if fault.key else ()
        return Problem(where((*item.key, *below)), fault.found, fault.expected, fault.action)
    if isinstance(fault, ExpressionError):
        return Problem(where(item.key), fault.found, fault.expected, fault.action)
    hint = _percent_slip(item) if kind in _BOUNDS else _type_hint(item, kind, value)
    return Problem(where(item.key), shown(value), _expected(item), hint)


def _missing(item: _Found, where: Callable[[Key], str]) -> Problem:
    name = str(item.key[-1])
    field = item.owner.model_fields.get(name) if item.owner else None
    description = " ".join((field.description or "").split()) if field else ""
    if _schema(item.annotation) is not None or get_origin(item.annotation) is dict:
        tables = get_origin(item.annotation) is dict
        table = f"[{dotted(item.key)}{'.NAME' if tables else ''}]"
        expected = f"a table {table}"
        action = f"Add {table}; `scfcap schema` lists its keys."
        return Problem(where(item.key), "no such table", expected, action)
    expected = f"a value ({description.rstrip('.')})" if description else "a value"
    return Problem(where(item.key), "nothing", expected, f"Add the key {name}.")


def _percent_slip(item: _Found) -> str:
    """A hint where a percentage stands in place of a decimal."""
    value, top = item.error["input"], item.error.get("ctx", {}).get("le")
    if top == 1.0 and isinstance(value, int | float) and 1.0 < value <= 100.0:
        return f"Shares and rates are decimals: {value:g}% is {value / 100:.10g}."
    return ""


def _type_hint(item: _Found, kind: str, value: Any) -> str:
    if kind == "literal_error" and isinstance(value, str):
        near = closest(value, [str(x) for x in get_args(item.annotation)])
        return f'Did you mean "{near}"?' if near else ""
    if kind.startswith(("float", "int")):
        return decimal_hint(value)
    if kind == "string_type" and isinstance(value, int | float) and not isinstance(value, bool):
        return f'Write it in quotes: "{value}".'
    if kind == "date_type" and isinstance(value, str):
        return "Dates stand without quotes, year first."
    if kind == "tuple_type" and isinstance(value, Mapping):
        return "Use double brackets, [[name]], for each item of a list of tables."
    return ""
