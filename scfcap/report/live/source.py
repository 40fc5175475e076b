"""Where a waterfall's lines come from: formulas over the workings, or the engine's figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from scfcap.quantities import FloatArray
from scfcap.report.book import Formula
from scfcap.report.live.against import lines_of
from scfcap.report.live.compiled import Compiled
from scfcap.report.live.given import Given

How = Literal["sum", "last"]


class Source(Protocol):
    """Gives cells of the sheet shown: figures of lines over periods, added up or the last one."""

    def has(self, lines: Sequence[str]) -> bool:
        """Whether any of the lines is there with something in it."""

    def cell(self, lines: Sequence[str], span: tuple[int, int], how: How) -> Formula | float:
        """``lines`` added up, over the periods of ``span``; period 0 is the opening."""


@dataclass(frozen=True)
class Live:
    """Formulas over the workings of a compiled deal."""

    compiled: Compiled

    def has(self, lines: Sequence[str]) -> bool:
        """See :class:`Source`."""
        rows = self.compiled.cells.rows
        return any(line in rows for line in lines)

    def cell(self, lines: Sequence[str], span: tuple[int, int], how: How) -> Formula | float:
        """See :class:`Source`."""
        cells = self.compiled.cells
        first, last = span if how == "sum" else (span[1], span[1])
        parts, value = [], 0.0
        for line in lines:
            if line not in cells.rows:
                continue
            value += sum(cells.value(line, t) for t in range(first, last + 1))
            area = cells.area(line, first, last).linked
            parts.append(area if first == last else f"SUM({area})")
        return Formula(f"={'+'.join(parts)}", value) if parts else 0.0


@dataclass(frozen=True)
class Engine:
    """The engine's own figures, for a deal that is not compiled."""

    given: Given

    def _values(self, line: str) -> FloatArray | None:
        """Figures of a line with its opening in front [T + 1]."""
        if line.startswith("step ") and line.endswith(" paid"):
            found = self.given.figures.steps[2, int(line.split()[1])]
            return np.concatenate([[0.0], found])
        opening = self.given.deal.spec.opening
        for key, name in lines_of(self.given).items():
            if name == line:
                begins = {"pool": self.given.start}.get(key[0], 0.0)
                if opening is not None and key[0] in ("balance", "account"):
                    known = opening.balances if key[0] == "balance" else opening.accounts
                    begins = known.get(key[1], 0.0)
                return np.concatenate([[begins], self.given.figures.by[key]])
        extra = {"cash yield": "cash_yield", "proceeds": "proceeds", "gap": "gap"}
        if line in extra:
            return np.concatenate([[0.0], self.given.figures.by[extra[line], ""]])
        if line.startswith("roll "):
            return np.concatenate([[0.0], self.given.figures.by["roll", line[5:]]])
        return None

    def has(self, lines: Sequence[str]) -> bool:
        """See :class:`Source`."""
        found = (self._values(line) for line in lines)
        return any(each is not None and bool(each.any()) for each in found)

    def cell(self, lines: Sequence[str], span: tuple[int, int], how: How) -> Formula | float:
        """See :class:`Source`."""
        first, last = span if how == "sum" else (span[1], span[1])
        found = [v for line in lines if (v := self._values(line)) is not None]
        return float(sum(each[first : last + 1].sum() for each in found))
