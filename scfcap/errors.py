"""What can go wrong, and whose fault it is.

::

    ScfcapError                 anything we raise on purpose
    ├── InputError              the user's file, key or row        exit code 2
    ├── InfeasibleError         no plan keeps all the limits       exit code 3
    └── FaultError              ours: report it                    exit code 1
        ├── SolverError         the solver gave no proven optimum
        └── InvariantError      money was lost, or a total does not tie

An :class:`InputError` carries every problem found, not the first one only; each
:class:`Problem` says where, what was found, what is expected and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Problem:
    """One thing wrong with an input.

    ``where`` is a file, with key or row ("model.toml: plan.periods", "tape.csv row 12, rate").
    """

    where: str
    found: str
    expected: str
    action: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: found {self.found}; expected {self.expected}."
        return f"{text} {self.action}" if self.action else text


class ScfcapError(Exception):
    """Base of every error that scfcap raises on purpose."""

    exit_code = 1


class InputError(ScfcapError):
    """A file, key, row or argument from the user is not usable."""

    exit_code = 2

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (
            (problems,) if isinstance(problems, Problem) else tuple(problems)
        )
        super().__init__("\n".join(str(p) for p in self.problems))


@contextmanager
def of_file(file: str) -> Iterator[None]:
    """Says whose column or loan it is where a problem within names that alone."""
    try:
        yield
    except InputError as error:
        alone = [problem.where.startswith(("column ", "loan ")) for problem in error.problems]
        if not any(alone):
            raise
        raise InputError(
            replace(problem, where=f"{file}, {problem.where}") if each else problem
            for problem, each in zip(error.problems, alone, strict=True)
        ) from None


class InfeasibleError(ScfcapError):
    """No plan keeps all limits; carries the conflict in words.

    ``relaxations`` are (limit, its key, amount in currency) of the least relaxation found;
    ``conflict`` the limits (limit, its key) that cannot be kept together, each of which the others
    could do without; ``levers`` what alone would mend it and by how much [currency, or the share of
    lending promised], None where it cannot.
    """

    exit_code = 3

    def __init__(
        self,
        message: str,
        sentences: Sequence[str] = (),
        relaxations: Sequence[tuple[str, object, float]] = (),
        *,
        conflict: Sequence[tuple[str, object]] = (),
        levers: Sequence[tuple[str, float | None]] = (),
    ) -> None:
        self.sentences = tuple(sentences)
        self.conflict = tuple(conflict)
        self.levers = tuple(levers)
        self.relaxations = tuple(relaxations)
        super().__init__("\n".join([message, *self.sentences]))


class FaultError(ScfcapError):
    """A fault of scfcap itself."""


class SolverError(FaultError):
    """The solver ended without a proven optimum."""


class InvariantError(FaultError):
    """Something that must always hold did not."""
