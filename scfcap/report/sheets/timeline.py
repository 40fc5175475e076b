"""Lines of figures with time across: one column a period, or several periods where it is long."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from scfcap.report.book import Area, Condition, Formula, Sheet, Style, address
from scfcap.report.sheets.common import (
    BOLD,
    NOTE,
    TEXT,
    Kit,
    difference,
    figure,
    heads,
    live,
    row_total,
    rows_total,
    styled,
    totals,
)

How = Literal["sum", "first", "last"]
#: Columns of figures that still read well on a page.
MOST_COLUMNS = 20
#: A sheet is at least this wide, so that its charts fit [cm].
LEAST_WIDTH = 27.0
_OPENING = 2


@dataclass(frozen=True)
class Timeline:
    """The time columns of a sheet: A labels, the opening, then buckets of periods, then totals.

    ``buckets`` holds (first period, last period), inclusive; ``ends`` the last day of each;
    ``first`` is the column of the first bucket, 3 where column B holds the opening, else 2.
    """

    sheet: Sheet
    kit: Kit
    buckets: tuple[tuple[int, int], ...]
    ends: tuple[date, ...]
    first: int = _OPENING + 1

    @classmethod
    def over(
        cls, sheet: Sheet, kit: Kit, ends: Sequence[date], *, most: int = 0, opening: bool = True
    ) -> Timeline:
        """Columns for periods that end on ``ends``; at most ``most`` of them (0: one each)."""
        periods = len(ends)
        step = next(
            s for s in (1, 2, 3, 6, 12, 24, 48, 96, 120, 240, periods)
            if not most or math.ceil(periods / s) <= most
        )  # fmt: skip
        starts = range(1, periods + 1, step)
        buckets = tuple((s, min(s + step - 1, periods)) for s in starts)
        days = tuple(ends[last - 1] for _, last in buckets)
        return cls(sheet, kit, buckets, days, _OPENING + opening)

    @property
    def last(self) -> int:
        """Column of the last bucket."""
        return self.first + len(self.buckets) - 1

    @property
    def total(self) -> int:
        """Column of the totals over all periods."""
        return self.last + 1

    @property
    def step(self) -> int:
        """Periods in a column."""
        return self.buckets[0][1]

    def head(self, row: int) -> None:
        """The line of dates, frozen and repeated on each page."""
        sheet = self.sheet
        start = [self.kit.meta.as_of] if self.first > _OPENING else []
        heads(sheet, row, [self.kit.look.label, *start, *self.ends, "Total"], self.kit.look.day)
        sheet.widths |= dict.fromkeys(range(_OPENING, self.total), 9.5)
        sheet.widths[self.total] = 11.0
        sheet.freeze = (row + 1, 2)
        while sheet.centimetres(1, sheet.last_column) < LEAST_WIDTH:
            sheet.reach(row, sheet.last_column + 1)
        sheet.title_rows, sheet.title_columns = (row, row), (1, 1)
        sheet.pages_wide = max(1, round(len(self.buckets) / 20))
        if self.step > 1:
            note = f"Each column covers {self.step} periods; the run's tables hold every period."
            sheet.put(row - 1, 1, note, NOTE)

    def line(
        self,
        row: int,
        label: str,
        values: Mapping[Any, Any],
        how: How = "sum",
        style: Style | None = None,
    ) -> Area:
        """A line of the engine's figures by period; ``sum`` gets a total, ``last`` an opening.

        Period 0 is the opening. Returns the cells over the buckets (with the opening for
        ``last``).
        """
        look = style or figure(self.kit.look.money())
        self.sheet.put(row, 1, label, styled(TEXT, indent=1))
        if self._opens(how, values):
            self.sheet.put(row, _OPENING, float(values[0]), look)
        for column, (first, last) in enumerate(self.buckets, self.first):
            if how == "sum":
                value = float(sum(values.get(t, 0.0) for t in range(first, last + 1)))
            else:
                value = float(values.get(first if how == "first" else last, 0.0))
            self.sheet.put(row, column, value, look)
        if how == "sum":
            self.across(row)
        return self.cells(row, opening=self._opens(how, values))

    def carried(self, row: int, label: str, values: Mapping[Any, Any], how: How) -> Area:
        """A stock among flows: its ``first`` or ``last`` value, in a column and in all."""
        area = self.line(row, label, values, how)
        column = self.first if how == "first" else self.last
        value = float(
            values.get(self.buckets[0][0] if how == "first" else self.buckets[-1][1], 0.0)
        )
        cell = Formula(f"={address(row, column)}", value)
        self.sheet.put(row, self.total, cell, live(self.kit.look.money()))
        return area

    def _opens(self, how: How, values: Mapping[Any, Any]) -> bool:
        return how == "last" and self.first > _OPENING and 0 in values

    def across(self, row: int) -> None:
        """The total of a line over all periods."""
        cell = row_total(self.sheet, row, self.first, self.last)
        self.sheet.put(row, self.total, cell, live(self.kit.look.money()))

    def summed(
        self,
        row: int,
        label: str,
        rows: Sequence[int],
        *,
        opening: bool = False,
        minor: bool = False,
        across: bool = True,
    ) -> Area:
        """A line that adds up ``rows``, with a total ``across``; returns its cells."""
        money = self.kit.look.money()
        style = live(money, bold=True) if minor else totals(money)
        self.sheet.put(row, 1, label, BOLD if minor else totals("General", ink="text"))
        if not minor and not opening and self.first > _OPENING:
            self.sheet.put(row, _OPENING, None, style)
        for column in range(_OPENING if opening else self.first, self.last + 1):
            self.sheet.put(row, column, rows_total(self.sheet, rows, column), style)
        if across and not opening:
            self.sheet.put(row, self.total, rows_total(self.sheet, rows, self.total), style)
        return self.cells(row, opening=opening)

    def gap(
        self, row: int, upper: int, lower: int, *, label: str = "Difference", opening: bool = False
    ) -> Area:
        """A line of differences between two rows that must be zero; returns its cells."""
        self.sheet.put(row, 1, label, NOTE)
        for column in range(_OPENING if opening else self.first, self.last + 1):
            value = difference(self.sheet, row=(upper, lower), column=column)
            self.sheet.put(row, column, value, live(self.kit.look.money(4), size=9))
        return self.watched(row, opening=opening)

    def watched(self, row: int, *, opening: bool = False) -> Area:
        """The cells of a line of differences, shown red where they are not zero."""
        area = self.cells(row, opening=opening)
        formula = f"ABS({address(area.row, area.column)})>0.5"
        self.sheet.conditions.append(Condition(area, formula, "bad"))
        return area

    def cells(self, row: int, *, opening: bool = False) -> Area:
        """The cells of a line over the buckets."""
        return self.sheet.span(row, _OPENING if opening else self.first, row, self.last)
