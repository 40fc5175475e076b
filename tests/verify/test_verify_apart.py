"""The checker shares no code with what it checks: read from its syntax trees."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "scfcap" / "verify"
FILES = sorted(FOLDER.glob("*.py"))

#: What of scfcap it may use: words, errors, the grammar of tests, and the reader of tapes.
ALLOWED = ("errors", "quantities", "axes", "expressions", "schema", "tape", "verify")
#: Libraries that solve programs.
SOLVERS = ("scipy.optimize", "highspy", "pulp", "numba")


def _imported(text: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = f"scfcap.verify.{node.module or ''}" if node.level else node.module or ""
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def _foreign(text: str) -> list[str]:
    ours = [name.split(".") for name in _imported(text) if name.startswith("scfcap")]
    wrong = [".".join(parts) for parts in ours if len(parts) < 2 or parts[1] not in ALLOWED]
    return wrong + [
        name for name in _imported(text) if any(f"{name}.".startswith(f"{s}.") for s in SOLVERS)
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_checker_uses_nothing_of_the_solver(path):
    assert _foreign(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "from scfcap.funding.allocation.program import Row",
        "def f():\n    from scfcap.pool.columns import Columns",
        "import scfcap.report.proof",
        "from scipy.optimize import linprog",
    ],
)
def test_the_rule_finds_what_it_forbids(text):
    assert len(_foreign(text)) == 1


def test_there_is_something_to_read():
    assert {"bound.py", "exact.py", "proof.py", "read.py"} <= {path.name for path in FILES}
