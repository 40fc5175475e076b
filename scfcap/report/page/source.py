"""What the page's parts are made from: the tables that a pack shows, and how to say things."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from scfcap.report.book import Look
from scfcap.report.labels import Labels
from scfcap.report.page.numbers import NumberFormat, money
from scfcap.report.sheets.common import PALETTE, as_date
from scfcap.report.tables import RunMeta, Table

#: Lines that stand over others: totals, what was planned.
INK = "222222"


@dataclass(frozen=True)
class Source:
    """Tables, the run, how amounts are shown, and the reader's language."""

    tables: Mapping[str, Table]
    meta: RunMeta
    look: Look
    labels: Labels

    def frame(self, name: str) -> pd.DataFrame | None:
        """The frame of a table that is shown and has rows, else None."""
        table = self.tables.get(name)
        return None if table is None or table.frame.empty else table.frame

    def say(self, text: str) -> str:
        """``text`` in the reader's language."""
        return self.labels(text)

    def joined(self, *parts: str) -> str:
        """``Bank debt: bank-a``."""
        return ("：" if self.labels.language == "zh" else ": ").join(parts)

    @property
    def money(self) -> NumberFormat:
        """How amounts are shown."""
        return money(self.look)

    @property
    def unit(self) -> str:
        """The unit of amounts, as the reader says it."""
        return self.say(self.look.label)

    def close(self, day: Any) -> str:
        """A period's end, as an axis says it."""
        return self.say(self.look.say_day(as_date(day), short=True))

    def closes(self, days: Iterable[Any]) -> list[str]:
        """Ends of periods, as an axis says them."""
        return [self.close(day) for day in days]


def colour(place: int) -> str:
    """The colour of the series at ``place`` (from 0), of those told apart by everybody."""
    return PALETTE[place % len(PALETTE)]


def figures(values: Sequence[float] | pd.Series | np.ndarray[Any, Any]) -> list[float | None]:
    """Figures in full; None for what is none."""
    found = np.asarray(values, dtype=float)
    return [value if ok else None for value, ok in zip(
        found.tolist(), np.isfinite(found).tolist(), strict=True
    )]  # fmt: skip


def table_by(
    frame: pd.DataFrame, line: Sequence[str], across: str, value: str, how: str = "sum"
) -> pd.DataFrame:
    """``value`` with a row by ``line``, a column by ``across``, both in the frame's order."""
    keys = [*line, across]
    found = frame.groupby(keys, sort=False)[value].agg(how).unstack(across)  # noqa: PD010
    return found[list(dict.fromkeys(frame[across]))]
