"""What the tests reach: ``python benchmarks/campaigns/covered.py`` (``make coverage``).

Lines and branches of the engines and the report, by their tests. Compiled loops are run as
Python, so that their lines count too; that is some hundred times slower, and a test that takes
longer than ``--limit`` seconds of processor time so is left to a second pass with compilation on,
where only lines outside compiled loops count. The data, with the tests that reach each line, stay
in ``build/coverage`` for ``make mutate``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import record

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build" / "coverage"
#: Packages that are measured, and their least share of lines and branches.
PACKAGES = ("pool", "cashflow", "deal", "funding", "report")
LEAST = 0.95
#: Tests that reach them: their own, and those that go through all stations on small models.
TESTS = ("pool", "cashflow", "deal", "funding", "report", "credit", "ledger", "verify", "cli")
CONFIG = """\
[run]
branch = true
source = scfcap
[report]
exclude_also =
    if TYPE_CHECKING:
    raise NotImplementedError
    @overload
    ^\\s*\\.\\.\\.$
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=float, default=15.0, help="seconds a test may take")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("tests", nargs="*", help="files or folders under tests/, else all")
    chosen = parser.parse_args()
    started = time.perf_counter()
    BUILD.mkdir(parents=True, exist_ok=True)
    for old in BUILD.glob("*"):
        old.unlink()
    config = BUILD / "config"
    config.write_text(CONFIG, encoding="utf-8")
    files = _files(chosen.tests or [f"tests/{name}" for name in TESTS])
    shares = [files[k :: chosen.workers] for k in range(chosen.workers)]
    failed = _run(shares, limit=chosen.limit, compiling=False)
    late = [path.read_text(encoding="utf-8").split("\n") for path in BUILD.glob("late.*")]
    again = [test for tests in late for test in tests if test]
    if again:
        failed += _run(
            [again[k :: chosen.workers] for k in range(chosen.workers)], limit=0.0, compiling=True
        )
    _coverage("combine", "--keep", *(str(path) for path in BUILD.glob("data.*")))
    _coverage("json", "-o", str(BUILD / "report.json"))
    rows = _rows(json.loads((BUILD / "report.json").read_text(encoding="utf-8")))
    notes = [
        f"{len(again):,} tests took longer than {chosen.limit:g} s of processor time with "
        f"compilation off and ran with it on; {failed} failed."
    ]
    if not chosen.tests:
        heads = ("package", "lines", "reached", "branches", "reached", "share of both")
        seconds = time.perf_counter() - started
        record.keep("covered", "quality.md", "make coverage", heads, rows, seconds, notes)
    for row in rows:
        print(*row)
    print(*notes)
    return 0


def _files(asked: list[str]) -> list[str]:
    found: list[Path] = []
    for name in asked:
        path = ROOT / name
        found += sorted(path.rglob("test_*.py")) if path.is_dir() else [path]
    return [str(path.relative_to(ROOT)) for path in found]


def _run(shares: list[list[str]], *, limit: float, compiling: bool) -> int:
    """Run each share of tests in a process; how many tests failed."""
    kind = "on" if compiling else "off"
    running = []
    for number, share in enumerate(shares):
        if not share:
            continue
        environment = {
            **os.environ,
            "COVERAGE_FILE": str(BUILD / f"data.{kind}.{number}"),
            "COVERAGE_LIMIT": str(limit),
            "COVERAGE_LATE": str(BUILD / f"late.{number}"),
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(Path(__file__).parent))),
        }
        if not compiling:
            environment["NUMBA_DISABLE_JIT"] = "1"
        command = [
            *(sys.executable, "-m", "coverage", "run", f"--rcfile={BUILD / 'config'}"),
            *("-m", "pytest", "-q", "-p", "limited", "-p", "no:cacheprovider", "-m", "not slow"),
            *("--tb=line", *(OFF if not compiling else ()), *share),
        ]
        log = (BUILD / f"log.{kind}.{number}").open("w", encoding="utf-8")
        running.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log))
    if any(process.wait() not in (0, 1) for process in running):
        msg = f"pytest did not run: see {BUILD}/log.{kind}.*"
        raise SystemExit(msg)
    logs = BUILD.glob(f"log.{kind}.*")
    lines = [line for log in logs for line in log.read_text(encoding="utf-8").splitlines()]
    return sum(line.startswith(("FAILED ", "ERROR ")) for line in lines)


#: Integers of compiled hashes wrap round; as Python they warn.
OFF = ("-W", "ignore:overflow encountered:RuntimeWarning")


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
