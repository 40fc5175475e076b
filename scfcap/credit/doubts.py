"""What a history does not tell, so that curves fitted on it would be far off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from scfcap.errors import Problem
from scfcap.schema.history import PerformanceSpec
from scfcap.tape.history import History
from scfcap.tape.performance import NO_SEGMENT

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
    both = (_vanished(history, spec), _unsegmented(history, spec))
    return tuple(found for found in both if found)


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


def _unsegmented(history: History, spec: PerformanceSpec | None) -> Doubt | None:
    """More than :data:`MOST` of the loans that ended, or defaulted, are in no segment.

    Segments come from the tape where ``spec`` maps none; a tape of today holds only loans that
    still run, so that each segment is told by its survivors.
    """
    if spec is None or spec.sources("segment"):
        return None
    findings, ends = history.findings, history.loans["end"]
    if not ((findings["reason"] == "unknown_loan") & (findings["severity"] == "warning")).any():
        return None
    lost = history.loans["segment"] == NO_SEGMENT
    ended, failed = ends != "open", ends == "default"
    if not any(int((lost & of).sum()) > MOST * int(of.sum()) for of in (ended, failed)):
        return None
    found = (
        f"{int((lost & ended).sum()):,} of {int(ended.sum()):,} loans that ended are not on the "
        f'tape and fall into segment "{NO_SEGMENT}"'
    )
    action = (
        "Each segment is told by the loans that survived, so that its defaults come out wrong. "
        "Map segment in [history.columns] to a column of the history's file, or keep ended loans "
        "on the tape."
    )
    expected = f"a segment of all loans that ended but {MOST:.0%}"
    return Doubt(Problem("model.toml: history.columns.segment", found, expected, action))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
