"""Write ``docs/validation.md``: every witness beside our figure, worked out now.

``python benchmarks/campaigns/validation.py [--data FOLDER]``. What lifelines finds comes from the
environment of the peers (``make peers``); tables and pictures of real pools and notes need their
data sets in FOLDER or where ``SCFCAP_DATA`` says. What is not at hand stays in the page as it is,
and the command says so. Ends with 1 where a witness does not hold.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / ".venv-peers" / "bin" / "python"
#: Libraries that are asked beside ours, or that we rest on.
LIBRARIES = ("numpy", "scipy", "highspy", "pyxirr", "numpy-financial", "QuantLib")


def _tests_of_the_checkout() -> None:
    """``tests`` is this checkout's folder, whatever else is installed under that name."""
    module = ModuleType("tests")
    module.__path__ = [str(ROOT / "tests")]
    sys.modules["tests"] = module
    sys.path.insert(0, str(ROOT))


def _peers_body() -> str | None:
    """The section of lifelines, made here or in the environment of the peers."""
    from tests.witnesses import page

    if find_spec("lifelines") is not None:
        return page.table(page.HEADS, [page.row(each) for each in page.witnesses(page.PEERS)])
    if not PEERS.exists():
        return None
    command = [str(PEERS), str(Path(__file__)), "--peers"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout.strip("\n")


def _pool_body(folder: Path) -> str:
    from tests.witnesses import aart, drawings, page

    found = aart.forecast(folder)
    _draw(drawings.of_pool(found))
    return page.table(aart.HEADS, aart.rows(found))


def _notes_body(folder: Path) -> str:
    from tests.witnesses import carmax, drawings, page

    deals = list(carmax.replays(folder))
    _draw(drawings.of_notes(deals))
    return page.table(page.COMPARED, [page.compared(each) for each in carmax.comparisons(deals)])


def _draw(pictures: Any) -> None:
    from scfcap.schema.files import put_in_place
    from tests.witnesses import drawings, page

    page.PICTURES.mkdir(exist_ok=True)
    for name, picture in pictures:
        path = page.PICTURES / f"{name}.png"
        put_in_place(path, drawings.png(picture), "a file in docs", "Look at the folder.")
        print(f"drawn: {path}")


def _versions() -> str:
    """Day, Python and libraries."""
    each = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"`make validation`, {datetime.now(UTC).date().isoformat()}, "
        f"Python {platform.python_version()}, scfcap {version('scfcap')}; {each}."
    )


def write(data: Path | None) -> int:
    """Write the page; gives how many rows do not hold."""
    from scfcap.schema.files import put_in_place
    from tests.witnesses import aart, carmax, page

    text = page.PAGE.read_text(encoding="utf-8")
    peers = _peers_body()
    if peers is None:
        print(f"lifelines is not at hand (`make peers`): section {page.PEERS} stays as it is")
    else:
        text = page.with_section(text, page.PEERS, peers)
    real: dict[str, tuple[str, Callable[[Path], str]]] = {
        "pool": (aart.DATA, _pool_body),
        "notes": (carmax.DATA, _notes_body),
    }
    for key, (name, body) in real.items():
        if data is None or not (data / name).is_dir():
            print(f"data set {name} is not at hand: section {key} and its pictures stay")
        else:
            text = page.with_section(text, key, body(data / name))
    text = page.with_section(page.written(text), "versions", _versions())
    put_in_place(page.PAGE, text.encode(), "a file in docs", "Look at the folder.")
    wrong = [line for line in page.lines(text) if line.cells.get("holds", "yes") != "yes"]
    for line in wrong:
        print(f"does not hold: {line['what, and our function']}", file=sys.stderr)
    print(f"written: {page.PAGE}")
    return len(wrong)


def main() -> None:
    """Read the arguments and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    stated = os.environ.get("SCFCAP_DATA")
    default = Path(stated) if stated else ROOT.parent / "shared" / "data"
    parser.add_argument("--data", type=Path, default=default, help="folder of the real data sets")
    parser.add_argument("--peers", action="store_true", help="print the section of lifelines only")
    given = parser.parse_args()
    _tests_of_the_checkout()
    if given.peers:
        print(_peers_body())
        return
    sys.exit(1 if write(given.data) else 0)


if __name__ == "__main__":
    main()
