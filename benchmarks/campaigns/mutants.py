"""Do the tests notice a change of the engines? ``python benchmarks/campaigns/mutants.py``.

A mutant is one small change of one expression (``<`` for ``<=``, ``+`` for ``-``, a number moved,
a condition turned round, ...). Mutants are drawn at random from the lines of the engines that
tests reach; each is run against the tests that reach its line, near and quick ones first, until
one fails. Files with compiled loops are run as Python, and the tests are those that are not late
so. What no test notices is listed in ``survivors.toml`` beside this script with the reason, or is
a gap.

Needs what ``make coverage`` leaves in ``build/coverage``. Nothing is written into the source: a
process is forked for each mutant, and the functions of its module get the code of the changed
syntax tree, or the module is imported anew where what changed stands outside functions. Outcomes
stand in ``build/mutants`` as they come. ``--again`` judges only the mutants that survived the last
run, against tests as they are now.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import os
import random
import resource
import shutil
import signal
import sys
import time
import tomllib
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import record
from changes import Mutant, Place, changed, mutant
from covered import ANEW, OFF
from inplace import install, module_name
from reach import Reach

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build" / "coverage"
OUT = ROOT / "build" / "mutants"
SURVIVORS = Path(__file__).with_name("survivors.toml")
ENGINES = ("pool", "cashflow", "deal", "funding")
#: What they stand on.
BELOW = ("schema", "tape", "credit", "synthetic")
#: Seconds of processor time, as coverage measured it, of the tests that a mutant meets first, and
#: of those that one meets which survived them.
FIRST, MORE = 6.0, 24.0
MOST_TESTS = 120
#: Seconds that a mutant's process may take: of processor time, and by the clock.
MOST_SECONDS, MOST_CLOCK = 100, 900


@dataclass(frozen=True)
class Outcome:
    """How a mutant fared: ``killed``, ``late`` (no end: noticed too), ``survived``, ``unjudged``.

    ``tests`` is how many it met at most, ``by`` which one noticed.
    """

    found: str
    key: str
    where: str
    kind: str
    tests: int
    by: str = ""

    @property
    def package(self) -> str:
        """The package of the changed file."""
        return self.where.split("/")[1]


Work = tuple[Mutant, list[str], list[str]]


class Reaches:
    """Which tests reach a file: of one with compiled loops those that run it as Python."""

    def __init__(self) -> None:
        self._by_kind = [Reach(ROOT, BUILD, interpreted=flag) for flag in (False, True)]

    def of(self, path: str) -> Reach:
        """What is known of the file ``path``."""
        return self._by_kind[interpreted(path)]


def interpreted(path: str) -> bool:
    """Whether the file has compiled loops, so that mutants of it run as Python."""
    return "\n@compiled\n" in (ROOT / path).read_text(encoding="utf-8")


def drawn(
    wanted: int, seed: int, reaches: Reaches, packages: Sequence[str]
) -> tuple[list[Work], dict[str, list[int]]]:
    """Mutants of ``packages`` on lines that tests reach, each with its tests.

    ``wanted`` is divided among all engines by their places for a change. Also given by package:
    how many places tests reach, and how many there are.
    """
    places = {package: _places(package) for package in ENGINES}
    whole = sum(map(len, places.values()))
    works, counts = [], {}
    for package in packages:
        mine = places[package]
        reached = [(path, place) for path, place in mine if reaches.of(path).tests(path, place)]
        counts[package] = [len(reached), len(mine)]
        number = min(math.ceil(wanted * len(mine) / whole), len(reached))
        chosen = random.Random(f"{seed} {package}").sample(reached, number)
        works += [with_tests(mutant(ROOT, *place), reaches.of(place[0])) for place in chosen]
    return works, counts


def _places(package: str) -> list[tuple[str, Place]]:
    return [
        (str(path.relative_to(ROOT)), place)
        for path in sorted((ROOT / "scfcap" / package).rglob("*.py"))
        for place in changed(path.read_text(encoding="utf-8"), None)[1]
    ]


def with_tests(mutated: Mutant, reach: Reach) -> Work:
    """A mutant, the tests that it meets first, and those that it meets where it survives them."""
    package = mutated.path.split("/")[1]
    stem = Path(mutated.path).stem.split("_")[0]

    def cost(test: str) -> tuple[float, str]:
        near = (4 if stem in Path(test.split("::")[0]).stem else 1) * (
            4 if f"tests/{package}/" in test else 1
        )
        return (reach.seconds[test] + 0.02) / near, test

    left = sorted(reach.tests(mutated.path, mutated.place), key=cost)[: 2 * MOST_TESTS]
    parts: list[list[str]] = []
    for budget in (FIRST, MORE):
        taken: list[str] = []
        while left and len(taken) < MOST_TESTS and (budget > 0 or not taken):
            budget -= reach.seconds[left[0]]
            taken.append(left.pop(0))
        parts.append(taken)
    return mutated, parts[0], parts[1]


def found_again(keys: Sequence[str], reaches: Reaches) -> list[Work]:
    """The mutants of these names in the source as it is now."""
    wanted, works = set(keys), []
    for path in sorted({key.split(" ", 1)[0] for key in keys}):
        for place in changed((ROOT / path).read_text(encoding="utf-8"), None)[1]:
            one = mutant(ROOT, path, place)
            if one.key in wanted:
                wanted.remove(one.key)
                works.append(with_tests(one, reaches.of(path)))
    print(*(f"no longer there: {key}" for key in sorted(wanted)), sep="\n")
    return works


def _in_child(mutated: Mutant, tests: Sequence[str], scratch: Path) -> int:
    """Run ``tests`` against ``mutated`` in this forked process; pytest's code of exit."""
    os.setpgid(0, 0)
    with (scratch / "log").open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    signal.alarm(MOST_CLOCK)
    install(ROOT, mutated)
    import pytest

    options = ("-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=line", "--no-header")
    ignored = [*OFF, "-W", ANEW, "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    made = (f"--basetemp={scratch / 'temp'}", "--hypothesis-profile=mutants")
    return int(pytest.main([*options, *ignored, *made, *tests]))


def outcome(mutated: Mutant, tests: Sequence[str], scratch: Path) -> str:
    """How ``mutated`` fares with ``tests``."""
    child = os.fork()
    if not child:
        code = 70
        try:
            code = _in_child(mutated, tests, scratch)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what a test of it started and left
    if os.WIFSIGNALED(status):
        ended = (signal.SIGXCPU, signal.SIGKILL, signal.SIGALRM)
        return "late" if os.WTERMSIG(status) in ended else "killed"
    code = os.WEXITSTATUS(status)
    if code == 0:
        return "survived"
    # A test that failed notices it; so does a module that cannot be imported. All else (a child
    # that did not come to its tests, tests that are not there) says nothing.
    log = scratch / "log"
    text = log.read_text(encoding="utf-8", errors="replace")
    noticed = "ERROR collecting" in text or "loading conftest" in text
    return "killed" if noticed or (code == 1 and failed(log)) else "unjudged"


def judged(work: Work, scratch: Path) -> Outcome:
    """The outcome of one mutant."""
    mutated, first, more = work
    tests = first
    found = outcome(mutated, first, scratch)
    if found == "survived" and more:
        tests = more
        found = outcome(mutated, more, scratch)
    if found == "late" and outcome(_unchanged(mutated), tests, scratch) == "late":
        found = "unjudged"
    where = f"{mutated.path}:{mutated.place.line}"
    by = failed(scratch / "log")[:1] if found == "killed" else []
    return Outcome(found, mutated.key, where, mutated.place.kind, len(first) + len(more), *by)


def failed(log: Path) -> list[str]:
    """The tests that pytest's summary calls failed."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    told = [line.split(" ", 1)[1] for line in lines if line.startswith(("FAILED ", "ERROR "))]
    return [line.split(" - ")[0] for line in told]


def beside(count: int, workers: int, do: Callable[[int, Path], None]) -> None:
    """``do`` each of ``count`` numbers in ``workers`` forked processes, each with its folder."""
    reading, writing = os.pipe()
    os.write(writing, b"".join(number.to_bytes(4, "big") for number in range(count)))
    os.close(writing)
    children = []
    for _ in range(workers):
        if child := os.fork():
            children.append(child)
            continue
        os.setsid()  # Linux shares processors between sessions first
        scratch = OUT / f"worker.{os.getpid()}"
        scratch.mkdir(parents=True, exist_ok=True)
        code = 1
        try:
            while field := os.read(reading, 4):
                do(int.from_bytes(field, "big"), scratch)
            code = 0
        finally:
            os._exit(code)
    if any(os.waitpid(child, 0)[1] for child in children):
        msg = "a worker did not come to its end"
        raise SystemExit(msg)


def _ready(*, compiling: bool) -> None:
    """Import what every child would import, but for the tests."""
    if not compiling:
        os.environ["NUMBA_DISABLE_JIT"] = "1"
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(OUT / "hypothesis")
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    sys.dont_write_bytecode, sys.pycache_prefix = False, str(ROOT / "build" / "bytecode")
    for package in (*BELOW, *ENGINES):
        for path in sorted((ROOT / "scfcap" / package).rglob("*.py")):
            importlib.import_module(module_name(str(path.relative_to(ROOT))))
    for name in ("pytest", "openpyxl", "typer", "rich", "scfcap.api.model", "scfcap.testing"):
        importlib.import_module(name)
    os.environ.pop("NUMBA_DISABLE_JIT", None)  # a program that a test starts need not be slow
    from hypothesis import Phase, settings

    phases = (Phase.explicit, Phase.generate)
    settings.register_profile(
        "mutants", deadline=None, derandomize=True, database=None, phases=phases
    )


def control(works: Sequence[Work], count: int, workers: int) -> list[str]:
    """What fails of the first tests of ``count`` mutants with nothing changed."""

    def do(number: int, scratch: Path) -> None:
        mutated, tests, _ = works[number]
        if outcome(_unchanged(mutated), tests, scratch) != "survived":
            shutil.copy(scratch / "log", OUT / f"control.{os.getppid()}.{number}")

    beside(min(count, len(works)), workers, do)
    found = OUT.glob(f"control.{os.getpid()}.*")
    return [path.read_text(encoding="utf-8") for path in found]


def unsound(works: Sequence[Work], outcomes: Sequence[Outcome], workers: int) -> set[str]:
    """Of the tests that noticed a mutant, those that fail with nothing changed too."""
    noticed = sorted({one.by for one in outcomes if one.by})
    unchanged = _unchanged(works[0][0])

    def do(number: int, scratch: Path) -> None:
        if outcome(unchanged, [noticed[number]], scratch) != "survived":
            (OUT / f"unsound.{os.getppid()}.{number}").write_text(noticed[number], encoding="utf-8")

    beside(len(noticed), workers, do)
    return {path.read_text(encoding="utf-8") for path in OUT.glob(f"unsound.{os.getpid()}.*")}


def _unchanged(mutated: Mutant) -> Mutant:
    return replace(mutated, place=replace(mutated.place, number=-1))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=520)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--packages", nargs="*", default=list(ENGINES))
    parser.add_argument("--control", type=int, default=20, help="mutants whose tests run unchanged")
    parser.add_argument("--again", action="store_true", help="only what survived the last run")
    chosen = parser.parse_args()
    started = time.perf_counter()
    OUT.mkdir(parents=True, exist_ok=True)
    run = _Run.read(OUT / "run.json")
    reaches = Reaches()
    mine = [one for one in run.outcomes if one.package in chosen.packages]
    if chosen.again:
        works = found_again([one.key for one in mine if one.found in TRIED_AGAIN], reaches)
        kept, counts = [one for one in mine if one.found not in TRIED_AGAIN], {}
    else:
        works, counts = drawn(chosen.mutants, chosen.seed, reaches, chosen.packages)
        kept = []
    judged_now = []
    for compiling in (False, True):
        mine_now = [work for work in works if interpreted(work[0].path) != compiling]
        judged_now += _apart(mine_now, chosen, compiling=compiling)
    run = _Run.read(OUT / "run.json")  # other packages may have been judged beside these
    others = [one for one in run.outcomes if one.package not in chosen.packages]
    run.outcomes = others + kept + judged_now
    run.places |= counts
    run.seconds += time.perf_counter() - started
    run.again |= chosen.again
    run.write(OUT / "run.json")
    return _told(run, chosen.seed)


#: Outcomes that ``--again`` judges again.
TRIED_AGAIN = ("survived", "unjudged")


@dataclass
class _Run:
    """What stands so far: outcomes, and by package the places that are reached and all."""

    outcomes: list[Outcome]
    places: dict[str, list[int]]
    seconds: float = 0.0
    again: bool = False

    @classmethod
    def read(cls, path: Path) -> _Run:
        if not path.exists():
            return cls([], {})
        found = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**found, "outcomes": [Outcome(**line) for line in found["outcomes"]]})

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")


def _apart(works: Sequence[Work], chosen: argparse.Namespace, *, compiling: bool) -> list[Outcome]:
    """Judge in a process of its own, which imports the package as it is to be run.

    Raises SystemExit where tests fail with nothing changed.
    """
    path = OUT / f"outcomes.{os.getpid()}.{'on' if compiling else 'off'}"
    path.write_text("", encoding="utf-8")
    if child := os.fork():
        if os.waitpid(child, 0)[1]:
            msg = f"mutants were not judged: see above, and {OUT}"
            raise SystemExit(msg)
        return _read(path)
    code = 1
    try:
        _ready(compiling=compiling)
        wrong = control(works, chosen.control, chosen.workers)
        if not wrong and works:
            outcomes = _judge(works, chosen.workers, path)
            void = unsound(works, outcomes, chosen.workers)
            sound = [replace(one, found="unjudged") if one.by in void else one for one in outcomes]
            path.write_text("".join(_line(one) for one in sound), encoding="utf-8")
        code = 1 if wrong else 0
        print(*wrong, sep="\n")
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def _line(one: Outcome) -> str:
    return json.dumps(asdict(one)) + "\n"


def _read(path: Path) -> list[Outcome]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Outcome(**json.loads(line)) for line in lines]


def _judge(works: Sequence[Work], workers: int, path: Path) -> list[Outcome]:
    def do(number: int, scratch: Path) -> None:
        found = judged(works[number], scratch)
        if found.found == "unjudged":
            shutil.copy(scratch / "log", OUT / f"unjudged.{number}")
        with path.open("a", encoding="utf-8") as file:
            file.write(_line(found))

    beside(len(works), workers, do)
    return _read(path)


def explained() -> dict[str, str]:
    """The survivors that make no difference, with the reason."""
    if not SURVIVORS.exists():
        return {}
    with SURVIVORS.open("rb") as file:
        entries = tomllib.load(file)["survivor"]
    return {entry["mutant"]: entry["why"] for entry in entries}


def _told(run: _Run, seed: int) -> int:
    reasons = explained()
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for one in run.outcomes:
        counts[one.package].update(("drawn", one.found))
        counts[one.package]["explained"] += one.found == "survived" and one.key in reasons
    counts["all"] = sum(counts.values(), Counter())
    heads = ("package", "mutants", "killed", "late", "survived", "of these explained")
    heads = (*heads, "not judged", "share noticed")
    rows: list[record.Row] = []
    for package in (*ENGINES, "all"):
        found = counts[package]
        noticed = (found["killed"] + found["late"]) / max(found["drawn"], 1)
        fields = ("drawn", "killed", "late", "survived", "explained", "unjudged")
        rows.append((package, *(found[key] for key in fields), f"{noticed:.1%}"))
    gaps = [
        f"{one.found} {one.where} ({one.tests} tests): {one.key}"
        for one in sorted(run.outcomes, key=lambda one: one.where)
        if one.found == "unjudged" or (one.found == "survived" and one.key not in reasons)
    ]
    for row in rows:
        print(*row)
    print(*gaps, sep="\n")
    if set(run.places) == set(ENGINES):
        reached, whole = (sum(column) for column in zip(*run.places.values(), strict=True))
        notes = [
            f"Drawn with seed {seed} from {reached:,} places for a change in lines that tests "
            f"reach, of {whole:,} in all."
        ]
        if run.again:
            notes.append("Survivors were judged again after tests had been added (`--again`).")
        record.keep("mutants", "quality.md", "make mutate", heads, rows, run.seconds, notes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
