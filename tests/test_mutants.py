"""The campaign that changes the engines: what it changes, how, and which tests it asks first."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from scfcap.pool import limits

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "benchmarks" / "campaigns"
OURS = ("record", "changes", "inplace", "reach", "mutants")
SOURCE = '''
LIMIT = 3

class Cap:
    def clipped(self, x: float, most: float = 1.0) -> list[float]:
        """No more than 5."""
        if x < 0 and not most:
            raise ValueError(f"{x + 1}")
        return [min(x, most) * 2, *zip(x, x, strict=True), True]
'''


@pytest.fixture(scope="module")
def campaign() -> Iterator[ModuleType]:
    """The script, with the modules that lie beside it."""
    sys.path.insert(0, str(FOLDER))
    try:
        yield importlib.import_module("mutants")
    finally:
        sys.path.remove(str(FOLDER))
        for name in OURS:
            sys.modules.pop(name, None)


def test_every_change_is_one_of_an_expression_that_computes(campaign):
    tree, places = campaign.changed(SOURCE, None)
    plain = ast.unparse(ast.parse(SOURCE))
    assert ast.unparse(tree) == plain
    made = [ast.unparse(campaign.changed(SOURCE, place.number)[0]) for place in places]
    changes = {
        new.strip()
        for text in made
        for old, new in zip(plain.splitlines(), text.splitlines(), strict=True)
        if old != new
    }
    assert changes == {
        "LIMIT = 4",
        "if x <= 0 and (not most):",
        "if x < 1 and (not most):",
        "if x < 0 or not most:",
        "if x < 0 and most:",
        "if not (x < 0 and (not most)):",
        "return [max(x, most) * 2, *zip(x, x, strict=True), True]",
        "return [min(x, most) / 2, *zip(x, x, strict=True), True]",
        "return [min(x, most) * 3, *zip(x, x, strict=True), True]",
        "return [min(x, most) * 2, *zip(x, x, strict=True), False]",
    }
    assert len(places) == len(changes)
    assert {(place.scope, place.inside) for place in places} == {("", False), ("Cap.clipped", True)}


def test_functions_that_are_loaded_run_the_change(campaign):
    held, path = np.array([5.0, 3.0, 2.0]), "scfcap/pool/limits.py"
    source = (ROOT / path).read_text(encoding="utf-8")
    changes = (campaign.mutant(ROOT, path, place) for place in campaign.changed(source, None)[1])
    after = "rest = np.append(np.cumsum(largest[:1:-1])[::-1], 0.0)"
    chosen = next(one for one in changes if one.after == after)
    assert chosen.key.startswith("scfcap/pool/limits.py level: rest = ")
    assert limits.level(held, 2, 6.0) == 3.0  # two of 3
    campaign.install(ROOT, chosen)
    try:
        assert limits.level(held, 2, 6.0) == 6.0  # as if the second of them had nothing
    finally:
        campaign.install(ROOT, replace(chosen, place=replace(chosen.place, number=-1)))
    assert limits.level(held, 2, 6.0) == 3.0


def test_what_fails_before_any_test_is_no_mutant_that_a_test_noticed(tmp_path):
    """In a process of its own: a child that cannot install the change, and tests that are not
    there, say nothing; a test that fails does."""
    outcomes = {
        "raise RuntimeError": "unjudged",
        "return 4": "unjudged",
        "return 0": "survived",
        "print('FAILED tests/test_a.py::test_b - assert 1 == 2'); return 1": "killed",
        "import os, signal; os.kill(os.getpid(), signal.SIGXCPU)": "late",
    }
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import mutants; from pathlib import Path\n"
    )
    script += "def child(one, tests, scratch):\n    log = (scratch / 'log').open('w')\n"
    script += (
        "    sys.stdout = sys.stderr = log\n    exec(f'def work():\\n {tests[0]}', globals())\n"
    )
    script += "    return work()\nmutants._in_child = child\n"
    script += "found = [mutants.outcome(None, [x], Path(sys.argv[2])) for x in sys.argv[3:]]\n"
    script += "print(*found)\n"
    done = subprocess.run(
        [sys.executable, "-c", script, str(FOLDER), str(tmp_path), *outcomes],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == list(outcomes.values())


def test_near_and_quick_tests_come_first_and_no_more_than_the_time_allows(campaign):
    seconds = {
        "tests/pool/test_limits.py::test_near": 3.0,
        "tests/pool/test_limits.py::test_slow": 40.0,
        "tests/report/test_book.py::test_quick": 0.5,
        "tests/report/test_book.py::test_long": 5.0,
    }
    reach = SimpleNamespace(tests=lambda *_: sorted(seconds), seconds=seconds)
    place = campaign.changed("1", None)[1][0]
    one = campaign.Mutant("scfcap/pool/limits.py", place, "1", "2")
    near, slow, quick, long = seconds
    assert campaign.with_tests(one, reach) == (one, [near, quick, slow], [long])
