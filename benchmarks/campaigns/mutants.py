"""Do the tests notice a change of the engines? ``python benchmarks/campaigns/mutants.py``.

A mutant is one small change of one expression (``<`` for ``<=``, ``+`` for ``-``, a number moved,
a condition turned round, ...). Mutants are drawn at random from the lines of the engines that
tests reach; each is run, compilation off, against the tests that reach its line, the quickest
first, until one fails. What no test notices is listed in ``survivors.toml`` beside this script
with the reason, or is a gap.

Needs what ``make coverage`` leaves in ``build/coverage``. Nothing is written into the source: a
process is forked for each mutant, and its module is compiled from the changed syntax tree.
"""

from __future__ import annotations

import argparse
import ast
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import random
import re
import resource
import signal
import sys
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import record

ROOT = Path(__file__).resolve().parent.parent.parent
DATA = ROOT / "build" / "coverage" / "all"
OUT = ROOT / "build" / "mutants"
SURVIVORS = Path(__file__).with_name("survivors.toml")
ENGINES = ("pool", "cashflow", "deal", "funding")
#: The most tests that a mutant meets, and seconds of processor time that they may take together.
MOST_TESTS = 60
MOST_SECONDS = 90
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}
METHODS = {"minimum": "maximum", "maximum": "minimum", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Mutant:
    """One change: where it stands, of what kind it is, and the line before and after."""

    path: str
    line: int
    kind: str
    number: int
    before: str
    after: str

    @property
    def key(self) -> str:
        """A name that survives moves of the line."""
        return f"{self.path}: {self.before} -> {self.after}"


class _Changes(ast.NodeTransformer):
    """Counts the places that may be changed, and changes the ``wanted``-th."""

    def __init__(self, wanted: int | None = None) -> None:
        self.wanted = wanted
        self.found: list[tuple[int, str]] = []

    def _here(self, node: ast.AST, kind: str) -> bool:
        self.found.append((node.lineno, kind))  # type: ignore[attr-defined]
        return len(self.found) - 1 == self.wanted

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        if type(node.ops[0]) in COMPARISONS and self._here(node, "comparison"):
            node.ops[0] = COMPARISONS[type(node.ops[0])]()
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        textual = any(
            isinstance(side, ast.JoinedStr)
            or (isinstance(side, ast.Constant) and isinstance(side.value, str))
            for side in (node.left, node.right)
        )
        if not textual and type(node.op) in ARITHMETIC and self._here(node, "arithmetic"):
            node.op = ARITHMETIC[type(node.op)]()
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        if type(node.op) in ARITHMETIC and self._here(node, "arithmetic"):
            node.op = ARITHMETIC[type(node.op)]()
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        if self._here(node, "and, or"):
            node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Not | ast.USub) and self._here(node, "sign, not"):
            return node.operand
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, bool):
            if self._here(node, "constant"):
                return ast.copy_location(ast.Constant(not node.value), node)
        elif isinstance(node.value, int | float) and self._here(node, "constant"):
            moved = node.value + 1 if isinstance(node.value, int) else node.value * 1.5 + 1e-3
            return ast.copy_location(ast.Constant(moved), node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = node.func
        if isinstance(name, ast.Name) and name.id in CALLS and self._here(node, "call"):
            name.id = CALLS[name.id]
        elif isinstance(name, ast.Attribute) and name.attr in METHODS and self._here(node, "call"):
            name.attr = METHODS[name.attr]
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        self.generic_visit(node)
        if self._here(node, "condition"):
            node.test = ast.copy_location(ast.UnaryOp(ast.Not(), node.test), node.test)
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        if self._here(node, "condition"):
            node.body, node.orelse = node.orelse, node.body
        return node

    # What no engine computes: annotations, texts, decorators, what a fault of ours says.
    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.body = [self.visit(statement) for statement in node.body]
        return node


def changed(source: str, number: int | None) -> tuple[ast.Module, list[tuple[int, str]]]:
    """The syntax tree of ``source`` with its ``number``-th place changed, and all places."""
    changes = _Changes(number)
    tree = changes.visit(ast.parse(source))
    ast.fix_missing_locations(tree)
    return tree, changes.found


def drawn(wanted: int, seed: int, packages: Sequence[str]) -> tuple[list[Mutant], Reach, int]:
    """``wanted`` mutants on lines that tests reach, the tests by line, and places in all."""
    reach = Reach()
    places: list[tuple[str, int, int, str]] = []
    everywhere = 0
    for package in packages:
        for path in sorted((ROOT / "scfcap" / package).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            _, found = changed(path.read_text(encoding="utf-8"), None)
            everywhere += len(found)
            reached = reach.lines(name)
            places += [(name, k, *place) for k, place in enumerate(found) if place[0] in reached]
    chosen = random.Random(seed).sample(places, min(wanted, len(places)))
    return [_mutant(*place) for place in chosen], reach, everywhere


def _mutant(path: str, number: int, line: int, kind: str) -> Mutant:
    source = (ROOT / path).read_text(encoding="utf-8")
    before = ast.unparse(ast.parse(source)).splitlines()
    after = ast.unparse(changed(source, number)[0]).splitlines()
    pairs = [(a, b) for a, b in zip(before, after, strict=False) if a != b]
    was, is_now = pairs[0] if pairs else ("", "")
    return Mutant(path, line, kind, number, was.strip(), is_now.strip())


class Reach:
    """Which tests reach which line, and how long each took: from the data of ``make coverage``."""

    def __init__(self) -> None:
        from coverage import CoverageData

        if not DATA.exists():
            msg = "no build/coverage: run `make coverage` first"
            raise SystemExit(msg)
        self._data = CoverageData(basename=str(DATA))
        self._data.read()
        self._files = {
            str(Path(name).relative_to(ROOT)): name
            for name in self._data.measured_files()
            if Path(name).is_relative_to(ROOT)
        }
        self._size: Counter[str] = Counter()
        self._by_path: dict[str, dict[int, list[str]]] = {}

    def lines(self, path: str) -> dict[int, list[str]]:
        """Tests by line of one file, lines that a test's own call reached."""
        if path not in self._by_path:
            found = self._data.contexts_by_lineno(self._files.get(path, path))
            self._by_path[path] = {
                line: sorted({test for test in tests if test})
                for line, tests in found.items()
                if any(tests)
            }
        return self._by_path[path]


def selected(contexts: Sequence[str]) -> list[str]:
    """What pytest is to run for contexts as ``limited.py`` names them, once each.

    A line that a fixture reached is asked by all tests of the file, which may share what it made.
    """
    shared = {name.split("::")[0] for name in contexts if name.endswith("|setup")}
    alone = [name.split("|")[0] for name in contexts]
    tests = [re.sub(r"\[.*", "", name, flags=re.DOTALL) for name in alone]
    return [*sorted(shared), *dict.fromkeys(t for t in tests if t.split("::")[0] not in shared)]


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module from a changed syntax tree; all others come as usual."""

    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        self._name, self._path, self._tree = name, path, tree

    def find_spec(self, fullname: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        package = self._path.name == "__init__.py"
        return importlib.util.spec_from_file_location(
            fullname,
            self._path,
            loader=self,
            submodule_search_locations=[str(self._path.parent)] if package else None,
        )

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._tree, str(self._path), "exec"), module.__dict__)


def _in_child(mutant: Mutant | None, tests: Sequence[str], log: Path) -> None:
    """Run ``tests`` against ``mutant`` in this forked process, which ends with their outcome."""
    with log.open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    if mutant is not None:
        path = ROOT / mutant.path
        name = mutant.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        tree, _ = changed(path.read_text(encoding="utf-8"), mutant.number)
        sys.meta_path.insert(0, _Finder(name, path, tree))
    import pytest

    ignored = ("-W", "ignore:overflow encountered:RuntimeWarning")
    options = ("-x", "-q", "-p", "no:cacheprovider", "--tb=line", "--no-header", *ignored)
    code = pytest.main([*options, *tests])
    os._exit(int(code))


def outcome(mutant: Mutant | None, tests: Sequence[str], log: Path) -> str:
    """``killed``, ``late`` (a loop without end: noticed too) or ``survived``."""
    child = os.fork()
    if not child:
        try:
            _in_child(mutant, tests, log)
        finally:
            os._exit(70)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        over = os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL)
        return "late" if over else "killed"
    return "survived" if os.WEXITSTATUS(status) == 0 else "killed"


def _judged(share: Sequence[tuple[Mutant, Sequence[str]]], worker: int) -> Iterator[list[str]]:
    for number, (mutant, tests) in enumerate(share):
        log = OUT / f"{worker}-{number}.log"
        found = outcome(mutant, tests, log) if tests else "survived"
        if found != "survived":
            log.unlink(missing_ok=True)
        yield [found, mutant.key, f"{mutant.path}:{mutant.line}", mutant.kind, str(len(tests))]


def _work(share: Sequence[tuple[Mutant, Sequence[str]]], worker: int) -> Path:
    """Judge a share in a process of its own; where its lines are."""
    path = OUT / f"outcomes.{worker}"
    if child := os.fork():
        os.waitpid(child, 0)
        return path
    try:
        with path.open("w", encoding="utf-8") as file:
            for line in _judged(share, worker):
                file.write(json.dumps(line) + "\n")
                file.flush()
    finally:
        os._exit(0)


def _explained() -> dict[str, str]:
    if not SURVIVORS.exists():
        return {}
    with SURVIVORS.open("rb") as file:
        entries = tomllib.load(file)["survivor"]
    return {entry["mutant"]: entry["why"] for entry in entries}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=500)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--packages", nargs="*", default=list(ENGINES))
    chosen = parser.parse_args()
    started = time.perf_counter()
    os.environ["NUMBA_DISABLE_JIT"] = "1"
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    OUT.mkdir(parents=True, exist_ok=True)
    for old in OUT.glob("*"):
        old.unlink()
    mutants, reach, everywhere = drawn(chosen.mutants, chosen.seed, chosen.packages)
    work = [(mutant, _tests(mutant, reach)) for mutant in mutants]
    _warm()
    shares = [work[k :: chosen.workers] for k in range(chosen.workers)]
    with ThreadPoolExecutor(chosen.workers) as pool:
        files = list(pool.map(_work, shares, range(chosen.workers)))
    lines = [json.loads(line) for path in files for line in path.read_text().splitlines()]
    return _told(lines, everywhere, chosen, time.perf_counter() - started)


def _tests(mutant: Mutant, reach: Reach) -> list[str]:
    """The tests that reach its line: of its own package first, then those near it by name."""
    package = mutant.path.split("/")[1]
    stem = re.split(r"_|\.", Path(mutant.path).name)[0]
    tests = selected(reach.lines(mutant.path).get(mutant.line, ()))

    def rank(name: str) -> tuple[bool, bool, str]:
        return (f"tests/{package}/" not in name, stem not in name, name)

    return sorted(tests, key=rank)[:MOST_TESTS]


def _warm() -> None:
    """Import what every child would import, but for the package itself and its tests."""
    for name in ("numpy", "scipy.optimize", "pandas", "pyarrow.parquet", "numba", "pydantic"):
        importlib.import_module(name)
    for name in ("pulp", "highspy", "hypothesis", "pytest", "openpyxl", "typer", "rich"):
        importlib.import_module(name)


def _told(lines: list[list[str]], everywhere: int, chosen: argparse.Namespace, took: float) -> int:
    explained = _explained()
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    gaps = []
    for found, key, where, _, tests in lines:
        package = where.split("/")[1]
        counts[package]["drawn"] += 1
        counts[package][found] += 1
        if found == "survived":
            counts[package]["explained"] += key in explained
            if key not in explained:
                gaps.append(f"{where} ({tests} tests): {key.split(': ', 1)[1]}")
    heads = ("package", "mutants", "killed", "late", "survived", "of these explained", "share")
    rows: list[record.Row] = []
    for package, found in sorted(counts.items()):
        noticed = found["killed"] + found["late"]
        plain = [found[key] for key in ("drawn", "killed", "late", "survived", "explained")]
        rows.append((package, *plain, f"{noticed / found['drawn']:.1%}"))
    sums = [sum(row[k] for row in rows) for k in range(1, 6)]  # type: ignore[misc]
    rows.append(("all", *sums, f"{(sums[1] + sums[2]) / max(sums[0], 1):.1%}"))
    for row in rows:
        print(*row)
    print(*gaps, sep="\n")
    (OUT / "survived.txt").write_text("\n".join(gaps) + "\n", encoding="utf-8")
    if chosen.packages == list(ENGINES):
        notes = [f"Drawn with seed {chosen.seed} from {everywhere:,} places where one may stand."]
        record.keep("mutants", "quality.md", "make mutate", heads, rows, took, notes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
