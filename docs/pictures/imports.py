"""Draws who imports whom, from the syntax trees: ``python docs/pictures/imports.py``.

A row is a package, in the order of docs/architecture.md; a cell says how many of its modules
import from the package of the column. Each cell carries its pair as an id, by which the suite
sees that the picture is current.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PICTURE = Path(__file__).with_name("imports.svg")

_INK, _GRID, _HOME = "#1f2933", "#d9dee3", "#e9edf1"
_SHADES = ("#cfe3f5", "#9dc6ea", "#5b9bd0", "#2c6da4")
_STEPS = (1, 3, 10, 30)


def _rules() -> Any:
    """The suite's own reading of imports, and its order of packages."""
    path = ROOT / "tests" / "test_imports.py"
    spec = importlib.util.spec_from_file_location("imports_of_the_suite", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def counted() -> tuple[list[str], Counter[tuple[str, str]]]:
    """Packages in order, and by (package, imported package) how many modules import; the pair of
    a package with itself counts its modules.
    """
    rules = _rules()
    found: Counter[tuple[str, str]] = Counter()
    for path in rules.FILES:
        name = path.relative_to(rules.PACKAGE).as_posix()
        if name in rules.OPEN:
            continue
        parts = ("scfcap", *name.removesuffix(".py").split("/"))
        tree = ast.parse(path.read_text(encoding="utf-8"))
        asked = {target.split(".")[1] for target, _ in rules._imports(tree, parts[:-1])
                 if target.startswith("scfcap.")}  # fmt: skip
        found.update((parts[1], other) for other in (asked & set(rules.ORDER)) - {parts[1]})
        found[parts[1], parts[1]] += 1
    there = {package for package, _ in found}
    return [package for package in rules.ORDER if package in there], found


def drawn(picture: Path = PICTURE) -> dict[tuple[str, str], int]:
    """What a picture shows: modules by pair of packages."""
    found = re.findall(r'id="(\w+)-imports-(\w+)-(\d+)"', picture.read_text(encoding="utf-8"))
    return {(package, other): int(count) for package, other, count in found}


def draw(picture: Path = PICTURE) -> Path:
    """Write the picture."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    packages, found = counted()
    place = {package: k for k, package in enumerate(packages)}
    size = len(packages)
    plain = {"svg.hashsalt": "imports", "svg.fonttype": "none", "font.family": "sans-serif"}
    with mpl.rc_context(plain):
        figure, axes = plt.subplots(figsize=(9.6, 7.6))
        for (package, other), count in sorted(found.items()):
            _cell(axes, place[other], place[package], count, f"{package}-imports-{other}-{count}")
        axes.set(xlim=(0, size), ylim=(size, 0), aspect="equal")
        axes.set_xticks(
            [k + 0.5 for k in range(size)], packages, rotation=55, ha="left", fontsize=9
        )
        axes.set_yticks([k + 0.5 for k in range(size)], packages, fontsize=9)
        axes.xaxis.tick_top()
        axes.tick_params(length=0, colors=_INK, pad=2)
        for k in range(size + 1):
            axes.axhline(k, color=_GRID, linewidth=0.6, zorder=0)
            axes.axvline(k, color=_GRID, linewidth=0.6, zorder=0)
        for side in axes.spines.values():
            side.set_visible(False)
        figure.savefig(picture, bbox_inches="tight", metadata={"Date": None, "Creator": None})
        plt.close(figure)
    return picture


def _cell(axes: Any, column: int, row: int, count: int, name: str) -> None:
    from matplotlib.patches import Rectangle

    shade = sum(count >= step for step in _STEPS) - 1
    colour = _HOME if column == row else _SHADES[shade]
    axes.add_patch(Rectangle((column, row), 1, 1, facecolor=colour, gid=name))
    ink = "white" if column != row and shade >= 2 else _INK
    axes.text(column + 0.5, row + 0.5, str(count), ha="center", va="center", fontsize=8, color=ink)


if __name__ == "__main__":
    draw()
