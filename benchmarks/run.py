"""Run the benchmarks: ``python benchmarks/run.py [NAME ...]``.

A benchmark is a module ``benchmarks/NAME.py`` with

``NAME``      the name it is called by, which is its file's
``SIZE``      the size at which its bars hold (loans, cohorts, rows: its docstring says which)
``BARS``      bars by measure: ``seconds``, ``peak_mib`` (``beyond_mib``: beyond the inputs) and
              ``spread`` at most, ``ratio`` and ``units_per_second`` at least; ``build_share``,
              ``slowest``, ``gap`` and ``mib``, the size of a file, at most
``SMOKE``     a size that takes a moment, at which the tests run it
``build(size, folder)``  the inputs; files go into ``folder``. Not timed
``ours(inputs)``         what is measured
``baseline(inputs)``     the same by what a competent pandas or numpy user would write
``check(ours, baseline)``  raises AssertionError unless both results are equal

and may say

``figures(result)``      measures of its own, from what our side returns
``units(inputs)``        how much work that is, in units that its docstring names
``SIZES``                sizes of a curve: seconds, and memory beyond the inputs, at each.
                         ``spread`` is the cost of a loan where it is dearest over where it is
                         cheapest, from 100,000 loans on; none where no size is so large
``BASELINE_SHARE``       the part of the work that the baseline is timed on, where the whole would
                         take minutes; ``part(inputs, share)`` cuts it out, and its seconds are
                         divided by the share

The results are compared first. Then each side runs three times in this process, compiled
kernels warm, and the best counts. Peak memory is the resident set of a process of its own that
builds the inputs and runs our side once. ``ratio`` is baseline seconds over ours.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
REPEATS = 3
#: Measures that a bar may limit, and whether more is better.
MEASURES = {
    "seconds": False,
    "peak_mib": False,
    "mib": False,
    "beyond_mib": False,
    "spread": False,
    "build_share": False,
    "slowest": False,
    "gap": False,
    "ratio": True,
    "units_per_second": True,
}
#: Sizes below it are ruled by what a call costs, whatever its size.
_LARGE = 100_000
EXPECTED = ("NAME", "SIZE", "BARS", "SMOKE", "build", "ours", "baseline", "check")


def names() -> list[str]:
    """Names of the benchmarks beside this file."""
    here = Path(__file__).name
    return sorted(path.stem for path in HERE.glob("*.py") if path.name != here)


def benchmark(name: str) -> ModuleType:
    """One benchmark; no other is imported, so that its memory is its own."""
    if str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))  # for `from baselines.NAME import ...`
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    missing = [part for part in EXPECTED if not hasattr(module, part)]
    assert not missing, f"{name} lacks {missing}"
    assert name == module.NAME, f"{name}.py calls itself {module.NAME}"
    assert set(module.BARS) <= set(MEASURES), f"{name}: bars {set(module.BARS)}"
    return module


def compare(module: ModuleType, inputs: Any) -> Any:
    """Both sides once; raises unless they agree. What ours returns."""
    result = module.ours(inputs)
    module.check(result, module.baseline(inputs))
    return result


def best_of(work: Callable[[Any], object], inputs: Any, repeats: int = REPEATS) -> float:
    """Least time of ``repeats`` runs [seconds]."""
    times = []
    for _ in range(repeats):
        gc.collect()
        start = time.perf_counter()
        work(inputs)
        times.append(time.perf_counter() - start)
    return min(times)


def measure(module: ModuleType, size: int) -> dict[str, Any]:
    """One row of ``results.json``."""
    share = getattr(module, "BASELINE_SHARE", 1.0)
    with tempfile.TemporaryDirectory(prefix="scfcap-bench-") as folder:
        inputs = module.build(size, Path(folder))
        some = module.part(inputs, share) if share < 1.0 else inputs
        result = compare(module, some)
        seconds = best_of(module.ours, inputs)
        baseline_seconds = best_of(module.baseline, some) / share
        units = module.units(inputs) if hasattr(module, "units") else None
        own = module.figures(result) if hasattr(module, "figures") else {}
    peak, beyond = peak_of(module.NAME, size)
    row: dict[str, Any] = {
        "name": module.NAME,
        "size": size,
        "seconds": round(seconds, 4),
        "peak_mib": round(peak, 1),
        "baseline": " ".join((module.baseline.__doc__ or "").split()),
        "baseline_seconds": round(baseline_seconds, 4),
        "ratio": round(baseline_seconds / seconds, 2),
        "bars": dict(module.BARS),
    }
    if "beyond_mib" in module.BARS:
        row["beyond_mib"] = round(beyond, 1)
    row.update(own)
    if units is not None:
        row["units_per_second"] = round(units / seconds)
    if hasattr(module, "SIZES") and size == module.SIZE:
        row["curve"] = curve(module)
        if max(module.SIZES) >= _LARGE:
            row["spread"] = spread(row["curve"])
    row["met"] = size == module.SIZE and all(holds(row, name) for name in module.BARS)
    return row


def curve(module: ModuleType) -> list[dict[str, Any]]:
    """Our side at every size of the module."""
    rows = []
    for size in module.SIZES:
        with tempfile.TemporaryDirectory(prefix="scfcap-bench-") as folder:
            seconds = best_of(module.ours, module.build(size, Path(folder)))
        beyond = round(peak_of(module.NAME, size)[1], 1)
        rows.append({"size": size, "seconds": round(seconds, 6), "beyond_mib": beyond})
    return rows


def spread(rows: list[dict[str, Any]]) -> float:
    """Cost of a loan at the dearest large size over that at the cheapest."""
    each = [row["seconds"] / row["size"] for row in rows if row["size"] >= _LARGE]
    return round(max(each) / min(each), 2)


def holds(row: dict[str, Any], measure_name: str) -> bool:
    """Whether a row keeps one of its bars."""
    value, bar = row[measure_name], row["bars"][measure_name]
    return bool(value >= bar if MEASURES[measure_name] else value <= bar)


def peak_of(name: str, size: int) -> tuple[float, float]:
    """Peak resident set [MiB] of our side alone, in a process of its own.

    And what it took beyond the resident set that held its inputs.
    """
    command = [sys.executable, __file__, "--peak", name, "--size", str(size)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    peak, before = done.stdout.split()[-2:]
    return float(peak), float(peak) - float(before)


def _print_peak(module: ModuleType, size: int) -> None:
    with tempfile.TemporaryDirectory(prefix="scfcap-bench-") as folder:
        inputs = module.build(size, Path(folder))
        if hasattr(module, "SIZES"):
            module.ours(module.build(module.SMOKE, Path(folder)))
        gc.collect()
        _forget_peak()
        before = _peak()
        module.ours(inputs)
        print(_peak(), before)


def _forget_peak() -> None:
    """Building may take more memory than the work; Linux lets the mark be reset."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _peak() -> float:
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    except (OSError, IndexError):
        unit = 2**20 if sys.platform == "darwin" else 2**10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def write(rows: list[dict[str, Any]]) -> None:
    """Put ``rows`` into ``results.json``, keeping those of other benchmarks."""
    old = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    merged = {row["name"]: row for row in [*old, *rows]}
    aside = RESULTS.with_suffix(".part")
    aside.write_text(json.dumps([merged[name] for name in sorted(merged)], indent=2) + "\n")
    aside.replace(RESULTS)


def _show(row: dict[str, Any]) -> None:
    bars = ", ".join(
        f"{name} {row[name]:g} ({'at least' if MEASURES[name] else 'at most'} {bar:g})"
        for name, bar in row["bars"].items()
    )
    print(
        f"{row['name']:<12} size {row['size']:>9,}  ours {row['seconds']:8.3f} s  "
        f"baseline {row['baseline_seconds']:8.3f} s  ratio {row['ratio']:7.1f}  "
        f"peak {row['peak_mib']:7.0f} MiB  {'met' if row['met'] else 'NOT MET'}: {bars}",
        flush=True,
    )


def main() -> int:
    """Run what is asked for; 1 if a bar is missed, 2 if a name is unknown."""
    parser = argparse.ArgumentParser(description="Run the benchmarks, all of them by default.")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--size", type=int, help="another size: no bar counts, nothing is written")
    parser.add_argument("--peak", metavar="NAME", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak:
        _print_peak(benchmark(arguments.peak), arguments.size)
        return 0
    unknown = sorted(set(arguments.names) - set(names()))
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(names())}", file=sys.stderr)
        return 2
    rows = []
    for name in arguments.names or names():
        module = benchmark(name)
        rows.append(measure(module, arguments.size or module.SIZE))
        _show(rows[-1])
        if arguments.size is None:
            write(rows[-1:])
    return 0 if arguments.size or all(row["met"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
