"""Witnesses: figures of ours beside figures that somebody else found.

A witness is a list of figures from one source, each with ours, worked out when it is asked for
through the package's public functions, and how far the two may be apart. Tests hold them
(:func:`holds`), and ``make validation`` prints them in ``docs/validation.md``. The published tables
under ``tests/golden/tables`` are read by :func:`golden` alone, so that it is known which were read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

TABLES = Path(__file__).resolve().parents[1] / "golden" / "tables"

#: How a source's figure came to us.
Known = Literal["printed", "cited", "closed form", "by hand", "peer", "reported"]

_PROVENANCE: dict[str, Known] = {
    "published": "printed",
    "published-and-recomputed": "printed",
    "recalled (not checked against a copy)": "cited",
    "closed-form": "closed form",
}
#: Tables that :func:`golden` gave since this process began.
_READ: set[str] = set()


@dataclass(frozen=True)
class Figure:
    """One figure: what the source has, what we have, how far below and above it ours may be."""

    label: str
    published: float
    ours: float
    below: float
    above: float

    @property
    def difference(self) -> float:
        """Ours less theirs."""
        return self.ours - self.published

    @property
    def used(self) -> float:
        """Share of the tolerance that the difference takes; above 1 it does not hold."""
        room = self.above if self.difference > 0 else self.below
        if self.difference == 0.0:
            return 0.0
        if not np.isfinite(self.difference) or room == 0.0:
            return np.inf
        return abs(self.difference) / room

    @property
    def relative(self) -> float:
        """The difference over their figure; nan where that is zero."""
        return self.difference / abs(self.published) if self.published else np.nan


@dataclass(frozen=True)
class Witness:
    """Figures of one source. ``by``: our function or functions that gave ours."""

    what: str
    by: str
    source: str
    known: Known
    figures: tuple[Figure, ...]
    unit: str = ""
    table: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        if not self.figures:
            msg = f"witness {self.what!r} has no figure"
            raise ValueError(msg)

    @property
    def widest(self) -> Figure:
        """The figure whose difference takes most of its tolerance."""
        return max(self.figures, key=lambda figure: figure.used)

    @property
    def held(self) -> bool:
        """Whether every figure is within its tolerance."""
        return all(figure.used <= 1.0 for figure in self.figures)


@dataclass(frozen=True)
class Comparison:
    """Our figures beside many that may not be shown: how many, and how far apart.

    ``mean`` and ``largest`` are of the absolute differences, ``bound`` what the largest may be, all
    in ``unit``.
    """

    what: str
    by: str
    source: str
    count: int
    mean: float
    largest: float
    bound: float
    unit: str

    @property
    def held(self) -> bool:
        """Whether the largest difference is within its bound."""
        return self.largest <= self.bound


def near(label: str, published: float, ours: Any, within: float) -> Figure:
    """A figure that may be ``within`` of theirs, either way."""
    return Figure(label, float(published), float(ours), within, within)


def alike(label: str, published: Any, ours: Any, within: float, rel: float = 0.0) -> list[Figure]:
    """A figure for each element of two arrays of one shape; ``rel`` is of theirs."""
    theirs, mine = np.asarray(published, dtype=np.float64), np.asarray(ours, dtype=np.float64)
    if theirs.shape != mine.shape:
        msg = f"{label}: theirs are of shape {theirs.shape}, ours of {mine.shape}"
        raise ValueError(msg)
    return [
        near(f"{label} {place + 1}", a, b, within + rel * abs(a))
        for place, (a, b) in enumerate(zip(theirs.ravel(), mine.ravel(), strict=True))
    ]


def golden(name: str) -> dict[str, Any]:
    """A published table by folder and name, such as ``yields/excel_rates_shared``."""
    found: dict[str, Any] = json.loads((TABLES / f"{name}.json").read_text(encoding="utf-8"))
    _READ.add(name)
    return found


def known(table: Mapping[str, Any]) -> Known:
    """How the figures of a published table came to us, by its own word."""
    return _PROVENANCE[table["provenance"]]


def within(table: Mapping[str, Any], key: str = "") -> float:
    """Tolerance of a figure of a published table, its own or the table's."""
    tol = table["tol"]
    return float(tol.get("by_key", {}).get(key, tol)["abs"])


def tables(folder: Path = TABLES) -> set[str]:
    """Names of all published tables."""
    return {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.json")}


def unread(folder: Path = TABLES) -> set[str]:
    """Published tables that nothing in this process has read."""
    return tables(folder) - _READ


def holds(witnesses: Witness | Iterable[Witness]) -> None:
    """Raise AssertionError naming every figure that is farther from its source than it may be."""
    each = [witnesses] if isinstance(witnesses, Witness) else list(witnesses)
    assert each, "no witness at all"
    wrong = [
        f"{witness.what}: {figure.label}: published {figure.published!r}, ours {figure.ours!r}, "
        f"apart {figure.difference:.3g}; at most {figure.below:.3g} below, {figure.above:.3g} above"
        for witness in each
        for figure in witness.figures
        if not figure.used <= 1.0
    ]
    assert not wrong, "\n".join(wrong)
