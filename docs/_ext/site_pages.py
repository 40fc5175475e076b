"""Directives that write a part of the reference from the program itself."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any, ClassVar

import commands
import linked
import model_keys
from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.application import Sphinx

MATHEMATICS = linked.DOCS / "mathematics.md"
PYTHON = linked.DOCS / "reference-python.md"

#: Pages with others below them in the navigation, which they link to in their own words.
BELOW = {"reports": "reports-*"}

_TREE = re.compile(r"^```\{toctree\}\n(.*?)^```\n", re.MULTILINE | re.DOTALL)

#: A tree of which no document is there: its section is left out.
_EMPTY = re.compile(r"^```\{toctree\}\n(?::.*\n|\n)*^```\n", re.MULTILINE)


class Written(Directive):
    """The Markdown that a function of ours makes, parsed in place."""

    text: ClassVar[Any]

    def run(self) -> list[nodes.Node]:
        """Sections and tables."""
        parent = nodes.Element()
        parent.document = self.state.document
        lines = StringList(type(self).text().splitlines(), source=self.name)
        self.state.nested_parse(lines, self.content_offset, parent, match_titles=True)
        return parent.children


class Commands(Written):
    """``{scfcap-commands}``: every command, its arguments and options."""

    text = staticmethod(commands.page)


class Keys(Written):
    """``{scfcap-keys}``: every key of a model file."""

    text = staticmethod(model_keys.page)


def _functions() -> str:
    """A section a module with what the page of the mathematics links to."""
    listed = set(re.findall(r"automodule:: (\S+)", PYTHON.read_text(encoding="utf-8")))
    lines = []
    for module, names in linked.by_module(MATHEMATICS).items():
        if module in listed:
            continue
        lines += [f"## {module.removeprefix('scfcap.')}", ""]
        lines += ["```{eval-rst}", f".. automodule:: {module}", "", "```", ""]
        for name in names:
            kind = _kind(linked.target(f"{module}.{name}", _path(module)))
            lines += ["```{eval-rst}", f".. auto{kind}:: {module}.{name}"]
            lines += ["   :members:"] * (kind == "class")
            lines += ["```", ""]
    return "\n".join(lines)


def _path(module: str) -> str:
    return f"../{module.replace('.', '/')}.py"


def _kind(found: Any) -> str:
    if inspect.isclass(found):
        return "class"
    return "function" if callable(found) else "data"


class Functions(Written):
    """``{scfcap-functions}``: the functions behind the mathematics."""

    text = staticmethod(_functions)


def navigation(name: str, text: str) -> str:
    """A page with what stands below it, and without entries for documents that are not there."""
    if name in BELOW:
        text += f"\n```{{toctree}}\n:hidden:\n:glob:\n\n{BELOW[name]}\n```\n"
    parts = re.split(r"(?m)^(?=## )", _TREE.sub(_present, text))
    return "".join(part for part in parts if not _EMPTY.search(part))


def _present(tree: re.Match[str]) -> str:
    lines = tree[1].splitlines()
    kept = [line for line in lines if not line or line.startswith(":") or _documents(line)]
    return f"```{{toctree}}\n{chr(10).join(kept)}\n```\n"


def _documents(pattern: str) -> list[Path]:
    return [path for kind in ("md", "ipynb") for path in linked.DOCS.glob(f"{pattern}.{kind}")]


def _read(_: Sphinx, name: str, content: list[str]) -> None:
    content[0] = navigation(name, content[0])


def setup(app: Sphinx) -> dict[str, Any]:
    """The directives, and what stands in the navigation."""
    app.connect("source-read", _read)
    app.add_directive("scfcap-commands", Commands)
    app.add_directive("scfcap-keys", Keys)
    app.add_directive("scfcap-functions", Functions)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
