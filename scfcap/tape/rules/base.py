"""What a rule of data quality is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from scfcap.quantities import BoolArray, IntArray
from scfcap.tape.derive import Typed

Test = Callable[[Typed], BoolArray]
#: What is due in each of some rows.
Detail = Callable[[Typed, IntArray], list[str]]


@dataclass(frozen=True)
class Rule:
    """A test over whole columns: ``test`` masks the rows of a tape that fail.

    ``expected`` says what is due, to all rows or to each. ``severity`` is what the rule is where
    the model does not say otherwise; a ``fixed`` rule cannot be changed, as the engines rely on it.
    The rule is asked where the tape states its ``column`` and all of ``needs``.
    """

    column: str
    reason: str
    severity: Literal["error", "warning", "off"]
    test: Test
    expected: str | Detail
    meaning: str
    needs: tuple[str, ...] = ()
    fixed: bool = False

    @property
    def code(self) -> str:
        """``column.reason``, the rule's own name."""
        return f"{self.column}.{self.reason}"

    def asked(self, tape: Typed) -> bool:
        """Whether the tape states what the rule looks at."""
        return all(tape.states(name) for name in (self.column, *self.needs))
