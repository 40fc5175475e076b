"""The parts that a mapping is made of: the profiled tape, and one choice for each column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

import numpy as np

from scfcap.quantities import BoolArray, FloatArray, IntArray
from scfcap.tape.dates import DateArray
from scfcap.tape.map_names import said_by_name
from scfcap.tape.map_values import Profile

#: The most that is said where other columns fit as well, or where the names contradict the values.
DOUBTED = 0.85
#: A name that says what it says plainly.
STRONG = 0.9


@dataclass(frozen=True)
class Choice:
    """Where one of our columns comes from.

    ``how``: "column" (``source``), "derive" (keys of ``[tape.derive]``), "constant", "default"
    (optional and absent) or "open" (required, to be settled by hand; ``reason`` says why).
    ``confidence``: 0..1. ``unit``: unit and form of the source, in words. ``settings``: entries
    of ``[tape]`` that go with it, such as ``{"percent": True}``. ``evidence``: sentences.
    ``guess``: a line that may be tried where the column is open.
    """

    column: str
    how: Literal["column", "derive", "constant", "default", "open"]
    source: str = ""
    derive: Mapping[str, Any] = field(default_factory=dict)
    constant: Any = None
    confidence: float = 0.0
    unit: str = ""
    sample: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()
    reason: str = ""
    guess: str = ""

    def doubted(self, most: float, why: str) -> Choice:
        """The same with a confidence of at most ``most``, and why."""
        if self.confidence <= most:
            return self
        return replace(self, confidence=most, evidence=(*self.evidence, why))


def left_open(column: str, reason: str, guess: str = "") -> Choice:
    """A column for the user to settle."""
    return Choice(column, "open", reason=reason, guess=guess)


def from_column(
    column: str, one: Profile, confidence: float, *evidence: str, **settings: Any
) -> Choice:
    """A column of the source."""
    return Choice(
        column,
        "column",
        source=one.name,
        confidence=round(confidence, 2),
        sample=one.sample(),
        evidence=tuple(filter(None, evidence)),
        settings={key: value for key, value in settings.items() if value},
    )


@dataclass(frozen=True)
class Grouping:
    """Several rows a loan: the key, the rows without one, columns that differ within a loan."""

    by: str
    loans: int
    varying: tuple[str, ...]


@dataclass
class Book:
    """A profiled tape. ``loans``: sampled rows, one a loan, that have a key. ``taken``: source
    columns in use. ``varying``: columns that differ within a loan. ``lies``: names that their
    values contradict.
    """

    rows: int
    profiles: dict[str, Profile]
    loans: IntArray
    choices: dict[str, Choice] = field(default_factory=dict)
    where: str = ""
    grouping: Grouping | None = None
    lies: list[str] = field(default_factory=list)
    as_of: date | None = None
    as_of_from: str = ""
    serials: dict[str, tuple[str, DateArray]] = field(default_factory=dict)

    @property
    def varying(self) -> tuple[str, ...]:
        """Columns that differ within a loan."""
        return self.grouping.varying if self.grouping else ()

    @property
    def taken(self) -> set[str]:
        """Source columns that a choice uses."""
        return {c.source for c in self.choices.values() if c.source}

    def distinct(self, one: Profile) -> int:
        """Different values of a column over all rows that are loans."""
        key = self.choices.get("loan_id")
        if not self.where or key is None or not key.source:
            return one.distinct
        used = one.codes[self.profiles[key.source].codes >= 0]
        return len(np.unique(used[used >= 0]))

    def number(self, name: str) -> FloatArray:
        """Numbers of a column, one for each of :attr:`loans`."""
        return self.profiles[name].at(self.loans)

    def day(self, name: str) -> DateArray:
        """Days of a column, one for each of :attr:`loans`."""
        if name in self.serials:
            return self.serials[name][1]
        return self.profiles[name].dates_at(self.loans)

    def chosen_day(self, column: str) -> DateArray | None:
        """Days of one of our columns, where it comes from a column."""
        choice = self.choices.get(column)
        return self.day(choice.source) if choice and choice.how == "column" else None

    def chosen_number(self, column: str) -> FloatArray | None:
        """Numbers of one of our columns as they stand, where it comes from a column."""
        choice = self.choices.get(column)
        return self.number(choice.source) if choice and choice.how == "column" else None

    def named(self, role: str, least: float = 0.5) -> list[tuple[float, Profile]]:
        """Columns whose names say ``role``, the strongest first, then in the file's order."""
        found = [(said_by_name(name, role), one) for name, one in self.profiles.items()]
        return sorted((p for p in found if p[0] >= least), key=lambda p: -p[0])

    def ours(self, choice: Choice) -> None:
        """Keep a choice."""
        self.choices[choice.column] = choice


def share(mask: Any, known: Any) -> float:
    """Share of the ``known`` rows on which ``mask`` holds; 0 where none is known."""
    known = np.asarray(known)
    count = int(known.sum())
    return float((np.asarray(mask) & known).sum()) / count if count else 0.0


def at_most(low: FloatArray, high: FloatArray, slack: float = 0.0051) -> float:
    """Share of the rows with both numbers on which ``low`` is not above ``high``."""
    known: BoolArray = ~np.isnan(low) & ~np.isnan(high)
    with np.errstate(invalid="ignore"):
        return share(low <= high + slack, known)


def listed(names: Any, most: int = 6) -> str:
    """Names with commas, the rest counted."""
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
