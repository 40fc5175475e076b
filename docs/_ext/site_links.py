"""Links that lead elsewhere on the site than on a Git host, and references to code."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

#: What a Git host draws from its text, and the site shows as the picture of the same.
_DRAWN = {"deals": "![The order of payment of the deal above](pictures/deal-small.svg)"}

_MERMAID = re.compile(r"^```mermaid\n.*?^```$", re.MULTILINE | re.DOTALL)
_ELSEWHERE = re.compile(r"\]\((\.\./[^)#]+\.md)(?:#[^)]*)?\)")


def _files(_: Sphinx, name: str, content: list[str]) -> None:
    """Documents outside the folder are no pages of the site: they are handed out as files."""
    content[0] = _ELSEWHERE.sub(r"](path:\1)", content[0])
    if name in _DRAWN:
        content[0] = _MERMAID.sub(_DRAWN[name], content[0])


def _code(app: Sphinx, tree: nodes.document) -> None:
    """Links to code (see ``linked``) lead to its entry in the reference."""
    for node in list(tree.findall(addnodes.download_reference)):
        name, path = node.astext(), node.get("reftarget", "")
        if not (name.startswith("scfcap.") and path.endswith(".py")):
            continue
        found = addnodes.pending_xref(
            "", refdomain="py", reftype="obj", reftarget=name, refexplicit=True, refwarn=True,
            refdoc=app.env.current_document.docname, linked=True,
        )  # fmt: skip
        short = name.rpartition(".")[2]
        found += nodes.literal(short, short, classes=["xref", "py"])
        node.replace_self(found)


def _unlisted(
    _: Sphinx, _env: BuildEnvironment, node: addnodes.pending_xref, shown: nodes.Element
) -> nodes.Element | None:
    """A type or function that exists and has no entry stands as text; others are warned of."""
    if node.get("refdomain") != "py" or node.get("linked"):
        return None
    module, name = node.get("py:module") or "", node["reftarget"]
    return shown if any(_exists(each) for each in (name, f"{module}.{name}")) else None


def _exists(name: str) -> bool:
    parts = name.split(".")
    if parts[0] != "scfcap":
        return False
    for length in range(len(parts) - 1, 0, -1):
        try:
            found = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


def setup(app: Sphinx) -> dict[str, Any]:
    """Before links to files are gathered for download."""
    app.connect("source-read", _files)
    app.connect("doctree-read", _code, priority=100)
    app.connect("missing-reference", _unlisted)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
