"""The command line as Markdown, read from the commands themselves."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from enum import EnumType
from typing import Any

import typer

from scfcap.cli.main import app


def page() -> str:
    """A section for each command: usage, what it does, arguments and options."""
    group = typer.main.get_command(app)
    context = group.make_context("scfcap", [], resilient_parsing=True)
    lines = []
    for name in group.list_commands(context):  # type: ignore[attr-defined]
        command = group.get_command(context, name)  # type: ignore[attr-defined]
        lines += [*_command(command, command.make_context(name, [], resilient_parsing=True)), ""]
    return "\n".join(lines)


def _command(command: Any, context: Any) -> Iterator[str]:
    pieces = " ".join(command.collect_usage_pieces(context))
    yield from (f"## {command.name}", "", f"    scfcap {command.name} {pieces}", "")
    yield from (_prose(command.help or ""), "")
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
    for title, found in (("argument", arguments), ("option", options)):
        if found:
            yield from (f"| {title} | takes | meaning |", "|---|---|---|")
            yield from (_row(each) for each in found)
            yield ""


def _row(parameter: Any) -> str:
    names = [*parameter.opts, *parameter.secondary_opts]
    if parameter.param_type_name == "argument":
        names = [parameter.metavar or parameter.name.upper()]
    shown = ", ".join(f"`{name}`" for name in names)
    return f"| {shown} | {_takes(parameter)} | {_meaning(parameter)} |"


def _takes(parameter: Any) -> str:
    """What is typed after the name: choices where there are some, else its word in the usage."""
    if getattr(parameter, "is_flag", False):
        return ""
    if choices := _choices(parameter):
        word = ", ".join(f"`{choice}`" for choice in choices)
    else:
        word = f"`{parameter.metavar or parameter.name.upper()}`"
    return f"{word}, repeatable" if parameter.multiple else word


def _choices(parameter: Any) -> list[str]:
    kind = parameter.type_descriptor.annotation
    inner = [each for each in typing.get_args(kind) or (kind,) if isinstance(each, EnumType)]
    return [str(choice.value) for kind in inner for choice in kind]


def _meaning(parameter: Any) -> str:
    text = _prose(parameter.help or "").replace("|", "\\|")
    default = parameter.default
    if isinstance(default, str | int | float) and not isinstance(default, bool) and default != "":
        text += f" Default: `{getattr(default, 'value', default)}`."
    if parameter.required:
        text += " Required." if parameter.param_type_name == "option" else ""
    return text.strip()


def _prose(text: str) -> str:
    """Help as Markdown: one paragraph, what looks like markup kept as it is typed."""
    joined = re.sub(r"\s+", " ", text.replace("\f", " ")).strip()
    return re.sub(r"([*_<>\[\]])", r"\\\1", joined)
