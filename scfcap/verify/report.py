"""What was checked, what was claimed, what was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

#: ``given``: taken as the files state it, there being nothing to check it against.
Verdict = Literal["holds", "false", "given"]


@dataclass(frozen=True)
class Check:
    """One check: ``claimed`` and ``found`` in words or figures, ``said`` what is wrong."""

    name: str
    verdict: Verdict
    claimed: str
    found: str
    said: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing is false."""
        return self.verdict != "false"


@dataclass(frozen=True)
class Report:
    """All checks of an allocation, in their order; ``about``: which, for the heading."""

    checks: tuple[Check, ...]
    about: Mapping[str, Any]

    @property
    def holds(self) -> bool:
        """Whether every check does."""
        return all(check.holds for check in self.checks)

    @property
    def false(self) -> tuple[str, ...]:
        """Names of the checks that found something false."""
        return tuple(check.name for check in self.checks if not check.holds)

    def check(self, name: str) -> Check:
        """One check by name."""
        return next(check for check in self.checks if check.name == name)


#: Findings of one check that are told.
TOLD = 5


def decided(name: str, claimed: str, found: str, wrong: Iterable[str] = ()) -> Check:
    """A check that holds where nothing is wrong; the first few findings are told."""
    said = tuple(wrong)
    more = (f"and {len(said) - TOLD:,} more",) if len(said) > TOLD else ()
    return Check(name, "false" if said else "holds", claimed, found, (*said[:TOLD], *more))


def given(name: str, claimed: str, found: str) -> Check:
    """What is taken as it is, there being nothing to check it against."""
    return Check(name, "given", claimed, found)


def named(names: Iterable[object]) -> str:
    """The first few names, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - TOLD:,} more" if len(every) > TOLD else ""
    return ", ".join(map(str, every[:TOLD])) + more
