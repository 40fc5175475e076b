"""What a history does not tell, so that curves fitted on it would be far off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from scfcap.errors import Problem
from scfcap.schema.history import PerformanceSpec
from scfcap.tape.history import History

#: Share of loans that may vanish without a doubt.
MOST: Final = 0.02


@dataclass(frozen=True)
class Doubt:
    """Why curves of a history may be far off; ``forbids``: they must not go into a model."""

    problem: Problem
    forbids: bool = True

    def __str__(self) -> str:
        return f"{_capital(self.problem.found)}. {self.problem.action}"


def doubts(history: History, spec: PerformanceSpec | None) -> tuple[Doubt, ...]:
    """The doubts about curves from ``history``, which ``spec`` describes, in a fixed order."""
    return tuple(found for found in (_vanished(history, spec),) if found)


def _vanished(history: History, spec: PerformanceSpec | None) -> Doubt | None:
    """More than :data:`MOST` of the loans left the history without a word."""
    ends = history.loans["end"]
    count = int((ends == "vanished").sum())
    if count <= MOST * len(ends):
        return None
    late = spec is not None and spec.vanished == "repaid"
    found = (
        f"{count:,} of {len(ends):,} loans vanish from the history, neither repaid nor in default"
    )
    action = (
        "They are 90 days or more past due when they are last listed, and count until then only: "
        "set history.default_days to 90 or less if they are defaults."
        if late
        else "They count until then only; if they were repaid, defaults come out far too high. Set "
        'vanished = "repaid" in [history] if loans are listed no more once they are repaid, or '
        "keep them in the files, with status repaid or no balance, at least once."
    )
    expected = f"an end, or a row in the last month, of all loans but {MOST:.0%}"
    return Doubt(Problem("model.toml: history.vanished", found, expected, action), not late)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
