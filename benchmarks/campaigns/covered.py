"""What the tests reach: ``python benchmarks/campaigns/covered.py`` (``make coverage``).

Lines and branches of the engines and the report, by their tests. For tests of packages that have
compiled loops these are run as Python, so that their lines count too; that is some hundred times
slower, and a test that takes longer than ``--limit`` seconds of processor time so is left to a
second pass with compilation on, where only lines outside compiled loops count. The data, with the
tests that reach each line, stay in ``build/coverage`` for ``make mutate``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import record

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build" / "coverage"
#: Packages that are measured, and their least share of lines and branches.
PACKAGES = ("pool", "cashflow", "deal", "funding", "report")
LEAST = 0.95
#: Tests that reach them: their own, and those that go through all stations on small models.
TESTS = (
    *("pool", "cashflow", "deal", "funding", "report", "credit", "ledger", "verify", "cli"),
    *("test_api.py", "test_brief.py", "test_cluster.py", "test_models.py"),
    *("test_plan_stability.py", "test_projecting.py", "test_regimes.py", "test_scale.py"),
    *("test_stored_inputs.py", "test_tutorials.py", "test_uncertain.py", "testing"),
)
#: Tests of what has compiled loops: with compilation off. The others' loops are reached by these.
INTERPRETED = tuple(
    f"tests/{name}/" for name in ("pool", "cashflow", "credit", "deal", "funding/allocation")
)
#: Files of tests for one process, and tests that were late.
PART, LATE_PART = 14, 40
#: Examples of a property: what more of them reach is little, and each is slow.
EXAMPLES = 20
CONFIG = """\
[run]
branch = true
source = {packages}
[report]
exclude_also =
    if TYPE_CHECKING:
    raise NotImplementedError
    @overload
    ^\\s*\\.\\.\\.$
""".format(packages=", ".join(f"scfcap/{name}" for name in PACKAGES))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=float, default=6.0, help="seconds a test may take")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--add", action="store_true", help="keep what earlier runs left, go on")
    parser.add_argument("tests", nargs="*", help="files or folders under tests/, else all")
    chosen = parser.parse_args()
    started = time.perf_counter()
    BUILD.mkdir(parents=True, exist_ok=True)
    if not chosen.add:
        for old in BUILD.glob("*"):
            old.unlink()
    (BUILD / "config").write_text(CONFIG, encoding="utf-8")
    _run(_asked(chosen.tests, chosen.limit), chosen.workers)
    late = _lines("late.off.*")
    again = sorted(late - _lines("done.on.*"))
    shares = [again[k : k + LATE_PART] for k in range(0, len(again), LATE_PART)]
    _run([_Part(tests, "on", 0.0) for tests in shares], chosen.workers)
    _coverage("combine", "--keep", *(str(path) for path in BUILD.glob("data.*")))
    _coverage("json", "-o", str(BUILD / "report.json"))
    rows = _rows(json.loads((BUILD / "report.json").read_text(encoding="utf-8")))
    failed = sorted(_lines("failed.*"))
    notes = [
        f"{len(late):,} tests took longer than {chosen.limit:g} s of processor time with "
        f"compilation off and ran with it on; {len(failed)} failed. Tests of properties drew "
        f"{EXAMPLES} examples each, always the same."
    ]
    seconds = time.perf_counter() - started + sum(map(float, _lines("seconds")))
    (BUILD / "seconds").write_text(f"{seconds}\n", encoding="utf-8")
    if not chosen.tests:
        heads = ("package", "lines", "reached", "branches", "reached", "share of both")
        record.keep("covered", "quality.md", "make coverage", heads, rows, seconds, notes)
    for row in rows:
        print(*row)
    print(*notes, *failed, sep="\n")
    return 0


def _asked(asked: list[str], limit: float) -> list[_Part]:
    """Files of tests that were not run yet, in parts that one process runs."""
    found: list[Path] = []
    for name in asked or [f"tests/{name}" for name in TESTS]:
        path = ROOT / name
        found += sorted(path.rglob("test_*.py")) if path.is_dir() else [path]
    done = _lines("done.*")
    shares: dict[str, list[str]] = {"off": [], "on": []}
    for name in dict.fromkeys(str(path.relative_to(ROOT)) for path in found):
        if name not in done:
            shares["off" if name.startswith(INTERPRETED) else "on"].append(name)
    return [
        _Part(names[k : k + PART], kind, limit if kind == "off" else 0.0)
        for kind, names in shares.items()
        for k in range(0, len(names), PART)
    ]


def _lines(pattern: str) -> set[str]:
    """The lines of all files in the folder of this campaign whose names are like ``pattern``."""
    texts = (path.read_text(encoding="utf-8") for path in BUILD.glob(pattern))
    return {line for text in texts for line in text.split("\n") if line}


class _Part:
    """Tests that one process runs, with compilation ``on`` or ``off``."""

    def __init__(self, tests: list[str], kind: str, limit: float) -> None:
        taken = [int(path.suffix[1:]) for path in BUILD.glob("log.*")]
        self._name = f"{kind}.{max(taken, default=-1) + 1}"
        self._tests, self._kind, self._limit = tests, kind, limit
        self._log = BUILD / f"log.{self._name}"
        self._log.touch()

    def run(self) -> None:
        """Measure them. Raises SystemExit where pytest did not come to its end."""
        environment = {
            **os.environ,
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(BUILD.parent / "bytecode"),
            "COVERAGE_FILE": str(BUILD / f"data.{self._name}"),
            "COVERAGE_LIMIT": str(self._limit),
            "COVERAGE_LATE": str(BUILD / f"late.{self._name}"),
            "COVERAGE_TIMES": str(BUILD / f"times.{self._name}"),
            "COVERAGE_EXAMPLES": str(EXAMPLES),
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(Path(__file__).parent))),
        }
        environment |= {"NUMBA_DISABLE_JIT": "1"} if self._kind == "off" else {}
        command = [
            *(sys.executable, "-m", "coverage", "run", f"--rcfile={BUILD / 'config'}"),
            *("-m", "pytest", "-q", "-p", "limited", "-p", "no:cacheprovider", "-m", "not slow"),
            *("--hypothesis-profile=measured", "--tb=short"),
            *(OFF if self._kind == "off" else ()),
            *("-W", ANEW),
            *self._tests,
        ]
        with self._log.open("w", encoding="utf-8") as log:
            done = subprocess.run(
                command,
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                check=False,
                start_new_session=True,  # Linux shares processors between sessions first
            )
        if done.returncode not in (0, 1, 5):
            msg = f"pytest did not run: see {self._log}"
            raise SystemExit(msg)
        lines = self._log.read_text(encoding="utf-8").splitlines()
        marks = ("FAILED ", "ERROR ")
        failed = [line.split(" ", 1)[1] for line in lines if line.startswith(marks)]
        self._leave("failed", [line.split(" - ")[0] for line in failed])
        self._leave("done", self._tests)

    def _leave(self, what: str, lines: list[str]) -> None:
        text = "".join(f"{line}\n" for line in lines)
        (BUILD / f"{what}.{self._name}").write_text(text, encoding="utf-8")


def _run(parts: list[_Part], workers: int) -> None:
    """Run parts beside each other."""
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(_Part.run, parts))


#: Integers of compiled hashes wrap round; as Python they warn.
OFF = ("-W", "ignore:overflow encountered:RuntimeWarning")
#: Bytecode is kept apart, so that libraries are compiled anew, and some warn.
ANEW = "ignore:invalid escape sequence:DeprecationWarning"


def _coverage(*arguments: str) -> None:
    environment = {**os.environ, "COVERAGE_FILE": str(BUILD / "all")}
    command = [sys.executable, "-m", "coverage", arguments[0], f"--rcfile={BUILD / 'config'}"]
    subprocess.run([*command, *arguments[1:]], cwd=ROOT, env=environment, check=True)


def _rows(report: dict[str, dict[str, dict[str, dict[str, int]]]]) -> list[record.Row]:
    rows: list[record.Row] = []
    for package in PACKAGES:
        sums = [
            entry["summary"]
            for path, entry in report["files"].items()
            if path.startswith(f"scfcap/{package}/")
        ]
        lines, reached, branches, taken = (
            sum(entry[key] for entry in sums)
            for key in ("num_statements", "covered_lines", "num_branches", "covered_branches")
        )
        share = (reached + taken) / max(lines + branches, 1)
        mark = "" if share >= LEAST else f" (below {LEAST:.0%})"
        rows.append((package, lines, reached, branches, taken, f"{share:.1%}{mark}"))
    return rows


if __name__ == "__main__":
    sys.exit(main())
