"""What is tried in a process of its own, so that whatever it does to it can be told.

``python -m scfcap.doctor.probes NAME...`` writes a line of JSON as each probe begins and one as it
ends: what it found, or the error. A probe that is not on record as ended is the one that brought
the process down.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

#: A probe of this name imports what follows.
IMPORT = "import:"


def solver() -> dict[str, Any]:
    """Maximise x + y subject to x + 2 y <= 4 and 3 x + y <= 6: 2.8, at (1.6, 1.2)."""
    from scfcap.funding.program import Program, Row, Terms, solve

    program = Program("three lines")
    x, y = (program.column(name, 0) for name in "xy")
    rows = [
        ("first", Row(Terms().add(x).add(y, 2.0), "<=", 4.0)),
        ("second", Row(Terms().add(x, 3.0).add(y), "<=", 6.0)),
    ]
    program.add_family("row", ["first", "second"], rows)
    program.objective = Terms().add(x).add(y)
    solution = solve(program)
    return {"x": solution.value("x", 0), "y": solution.value("y", 0)}


def compiled() -> dict[str, Any]:
    """Compile a loop, and see whether its machine code is kept for the next time."""
    from scfcap.doctor.sample import summed

    start = time.perf_counter()
    value = summed(4)
    stats: Any = summed.stats  # type: ignore[attr-defined]
    return {
        "value": value,
        "kept": stats.cache_path is not None,
        "ready": sum(stats.cache_hits.values()) > 0,
        "seconds": time.perf_counter() - start,
    }


def models() -> dict[str, Any]:
    """Load every shipped model."""
    from scfcap.schema.load import load_model, shipped_models

    names = shipped_models()
    for name in names:
        load_model(name)
    return {"names": names}


def fonts() -> dict[str, Any]:
    """Fonts with Chinese characters that pictures would use."""
    from scfcap.report.charts.look import chinese_fonts

    return {"names": chinese_fonts()}


PROBES: dict[str, Callable[[], dict[str, Any]]] = {
    "solver": solver,
    "compiled": compiled,
    "models": models,
    "fonts": fonts,
}


def tried(name: str) -> dict[str, Any]:
    """What probe ``name`` found."""
    if name.startswith(IMPORT):
        importlib.import_module(name.removeprefix(IMPORT))
        return {}
    return PROBES[name]()


def main() -> None:
    """Try what the arguments name; only our own lines go to standard output."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace")
    os.dup2(2, 1)

    def tell(**record: Any) -> None:
        out.write(json.dumps(record) + "\n")
        out.flush()

    for name in sys.argv[1:]:
        tell(probe=name, state="begun")
        try:
            with contextlib.redirect_stdout(sys.stderr):
                found = tried(name)
        except (Exception, SystemExit) as error:
            tell(probe=name, state="failed", error=f"{type(error).__name__}: {error}")
        else:
            tell(probe=name, state="done", found=found)


if __name__ == "__main__":
    main()
