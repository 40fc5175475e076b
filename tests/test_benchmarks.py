"""Every benchmark gives its baseline's result, at a size that takes a moment."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

HERE = Path(__file__).parents[1] / "benchmarks"


def _harness() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_harness", HERE / "run.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


harness = _harness()


def test_the_road_is_measured():
    assert {
        "read_parquet_1m",
        "read_csv_1m",
        "project_1m",
        "deal",
        "plan",
        "pack_treasury",
        "loan_list_100k",
    } <= set(harness.names())


def _taken_from(module, name):
    """The benchmark whose four functions these are, which is run under its own name."""
    parts = (module.build, module.ours, module.baseline, module.check)
    files = {part.__code__.co_filename for part in parts}
    other = Path(files.pop()).stem
    return None if files or other == name else harness.benchmark(other)


@pytest.mark.parametrize("name", harness.names())
def test_a_benchmark_equals_its_baseline(name, tmp_path):
    module = harness.benchmark(name)
    if (other := _taken_from(module, name)) is not None:
        assert module.SMOKE == other.SMOKE
        return
    result = harness.compare(module, module.build(module.SMOKE, tmp_path))
    if hasattr(module, "figures"):
        assert module.figures(result)


@pytest.mark.parametrize(
    ("bars", "size", "met"),
    [
        ({"seconds": 1e9, "ratio": 1e-9}, 10, True),
        ({"seconds": -1.0}, 10, False),
        ({"seconds": 1e9, "ratio": 1e9}, 10, False),
        ({"peak_mib": 1.0}, 10, False),
        ({"seconds": 1e9}, 9, False),
    ],
)
def test_met_needs_every_bar_at_the_size_asked(monkeypatch, bars, size, met):
    def baseline(number):
        """a loop"""
        return sum(range(number))

    module = SimpleNamespace(
        NAME="toy", SIZE=10, BARS=bars, build=lambda size, _: size,
        ours=lambda number: number * (number - 1) // 2, baseline=baseline,
        check=lambda a, b: None if a == b else pytest.fail("differs"),
    )  # fmt: skip
    monkeypatch.setattr(harness, "peak_of", lambda *_: (50.0, 1.0))
    monkeypatch.setattr(harness.gc, "collect", lambda: 0)  # it goes over all that tests hold
    row = harness.measure(module, size)
    assert row["met"] is met
    assert list(row) == [
        "name", "size", "seconds", "peak_mib", "baseline", "baseline_seconds", "ratio", "bars",
        "met",
    ]  # fmt: skip


def test_a_wrong_result_is_not_measured():
    def check(a, b):
        assert a == b

    module = SimpleNamespace(ours=lambda _: 1, baseline=lambda _: 2, check=check)
    with pytest.raises(AssertionError):
        harness.compare(module, None)


def test_a_new_row_takes_the_place_of_the_old_one_only(monkeypatch, tmp_path):
    monkeypatch.setattr(harness, "RESULTS", tmp_path / "results.json")
    harness.write([{"name": "b", "size": 1}, {"name": "a", "size": 1}])
    harness.write([{"name": "b", "size": 2}])
    rows = json.loads((tmp_path / "results.json").read_text())
    assert rows == [{"name": "a", "size": 1}, {"name": "b", "size": 2}]
