"""Links from a document to code: ``[`scfcap.module.function`](../scfcap/module.py)``.

On a plain Git host such a link opens the file; on the site it leads to the function's entry.
Knows nothing of Sphinx, so that the suite can read links too.
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1]
PACKAGE = DOCS.parent / "scfcap"

_LINK = re.compile(r"\[`(?P<name>scfcap(?:\.\w+)+)`\]\((?P<path>\.\./scfcap/[\w/]+\.py)\)")


def links(page: Path) -> list[tuple[str, str]]:
    """Dotted names and paths of a page's links to code, in order, each once."""
    found = _LINK.finditer(page.read_text(encoding="utf-8"))
    return list(dict.fromkeys((each["name"], each["path"]) for each in found))


def module_of(path: str) -> str:
    """Dotted name of the module at a path as links have it."""
    parts = Path(path).with_suffix("").parts[1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def target(name: str, path: str) -> Any:
    """What a link names. Raises LookupError where the module of ``path`` does not define it."""
    module = module_of(path)
    if name != module and not name.startswith(f"{module}."):
        msg = f"{name} is not of {path}"
        raise LookupError(msg)
    if not (DOCS / path).is_file():
        msg = f"{path} does not exist"
        raise LookupError(msg)
    found = import_module(module)
    for part in name.removeprefix(module).split(".")[1:]:
        if not hasattr(found, part):
            msg = f"{name} does not exist"
            raise LookupError(msg)
        found = getattr(found, part)
    home = getattr(found, "__module__", module)
    if home != module and name != module:
        msg = f"{name} is defined in {home}"
        raise LookupError(msg)
    return found


def by_module(page: Path) -> dict[str, list[str]]:
    """What a page links to, below the modules that define it, both sorted."""
    found: dict[str, set[str]] = {}
    for name, path in links(page):
        module = module_of(path)
        found.setdefault(module, set())
        if name != module:
            found[module].add(name.removeprefix(f"{module}.").split(".")[0])
    return {module: sorted(found[module]) for module in sorted(found)}
