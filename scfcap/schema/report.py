"""A report pack: which sheets, in which order, and how they look."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, model_validator

from scfcap.expressions import ExpressionText
from scfcap.schema.base import MisfitError, Schema
from scfcap.schema.messages import closest

#: Sheets that a pack may name, and what each shows.
SHEETS: dict[str, str] = {
    "contents": "Every sheet of the workbook, with a link to it",
    "summary": "The decision in words, key figures, what more of each limit earns, one light",
    "to_do": "What to do, by day",
    "plan": "The plan: sources and uses of cash, balances, income",
    "cash": "Cash-flow statement and cash forecast",
    "costs": "What each source of funds costs, and what borrowers pay",
    "scenarios": "What the plan comes to in each scenario",
    "contingency": "If a shock comes: what fails, and what to do",
    "covenants": "Covenants of the lines: headroom, and what trips first",
    "limits": "Every limit: use, headroom, and what more room would earn",
    "pool": "The loan pool: strata, eligibility, concentrations, borrowing bases",
    "stratification": "The pool by stratum, as an investor is shown it",
    "cash_flows": "What the pool pays, by scenario",
    "deal": "The series of the plan: sources, uses, notes and what carries them",
    "waterfall": "The waterfall of each series and deal in the scenario shown, live",
    "classes": "Term sheet: classes, credit enhancement, yields, lives",
    "tranches": "Classes by period and scenario: balances and factors",
    "triggers": "Triggers of the deals: when each trips, by scenario",
    "retention": "What the originator keeps of each deal, by each rule's forms",
    "investor": "Investor report: collections, losses, payments, factors, by period",
    "borrowing_base": "Borrowing base certificate of each line",
    "regulator": "The caps of the law: what they count, their bases, headroom",
    "checks": "Every total that must agree, as a live line",
}
#: Languages of a report: English and Chinese.
Language = Literal["en", "zh"]
#: Units in which a report may show amounts.
Unit = Literal[1, 1_000, 10_000, 1_000_000, 100_000_000, 1_000_000_000]
#: How a column of figures looks: amounts in the report's unit, or to the cent; numbers with two
#: decimals, or whole ones; shares and rates in percent.
ColumnFormat = Literal["amount", "cents", "number", "whole", "percent", "rate", "date", "text"]


class Brand(Schema):
    """``[brand]``: how a report looks."""

    logo: str | None = None
    """A PNG file beside the pack."""
    colour: str = Field(default="1F3A5F", pattern=r"^[0-9A-Fa-f]{6}$")
    """Of titles and headings, RRGGBB."""
    footer: str = ""
    """Said at the foot of each page, before the version."""


class Formats(Schema):
    """``[formats]``: numbers and days, where a pack wants them otherwise than usual."""

    decimals: int | None = Field(default=None, ge=0, le=6)
    """Of amounts that are shown in a unit; amounts in full have none."""
    percent_decimals: int | None = Field(default=None, ge=0, le=6)
    """Of shares and rates."""
    date: Literal["iso", "day_month_year", "month_day_year"] | None = None
    """2014-03-31, 31/03/2014 or 03/31/2014 for every day; else as each language has them."""


class TableColumn(Schema):
    """A column of a table's sheet."""

    column: str
    """Its name in the table."""
    label: str | None = None
    """Its heading, to which the unit is added; the column's name if absent."""
    format: ColumnFormat | None = None
    """By the column's unit if absent."""
    width: float | None = Field(default=None, gt=0, le=120)
    """Of the column, in characters."""


class TableChart(Schema):
    """``[tables.chart]``: a chart of columns of a table's sheet, below its rows."""

    kind: Literal["stacked", "columns", "bars", "lines"] = "columns"
    categories: str
    """The column along the axis."""
    columns: Annotated[tuple[str, ...], Field(min_length=1, max_length=10)]
    """Columns of numbers, a series each."""
    title: str = ""


class TableSheet(Schema):
    """``[[tables]]``: a table of the run as a sheet."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")
    """By which ``sheets`` names it."""
    table: str
    """Name of the run's table."""
    sheet: str | None = None
    """Name of the sheet; made of ``name`` if absent."""
    heading: str | None = None
    """The sheet's title; the table's if absent."""
    note: str = ""
    columns: tuple[str | TableColumn, ...] = ()
    """Which, in which order; all if absent."""
    where: ExpressionText | None = None
    """Rows for which it holds; all if absent."""
    sort: tuple[str, ...] = ()
    """Columns by which rows are ordered; ``-balance``: the largest first."""
    first: int | None = Field(default=None, ge=1)
    """At most so many rows, after they are ordered."""
    total: bool | tuple[str, ...] = False
    """Columns with a sum below them; ``true``: every column of amounts or counts."""
    chart: TableChart | None = None

    @property
    def chosen(self) -> tuple[TableColumn, ...]:
        """``columns`` written out."""
        return tuple(TableColumn(column=x) if isinstance(x, str) else x for x in self.columns)

    @model_validator(mode="after")
    def _once(self) -> TableSheet:
        names = [each.column for each in self.chosen]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise MisfitError(
                key="columns", found=f'"{twice[0]}" more than once', expected="columns that differ"
            )
        for key, column in self._shown():
            if names and column not in names:
                raise MisfitError(
                    key=key,
                    found=f'"{column}"',
                    expected=f"a column that the sheet shows: {', '.join(names)}",
                    action=_near(column, names),
                )
        return self

    def _shown(self) -> Iterator[tuple[str, str]]:
        """Columns that must be on the sheet, each with the key that names it."""
        if not isinstance(self.total, bool):
            yield from (("total", name) for name in self.total)
        if self.chart is not None:
            yield "chart.categories", self.chart.categories
            yield from (("chart.columns", name) for name in self.chart.columns)


class Pack(Schema):
    """``reports/NAME.toml``."""

    title: str
    sheets: tuple[str, ...] = Field(min_length=1)
    """Sheets in their order: names of built ones, and of ``[[tables]]``."""
    file_name: str = Field(default="scfcap.xlsx", pattern=r"^[^/\\:*?\"<>|\x00-\x1f]+\.xlsx$")
    language: Language = "en"
    unit: Unit | None = None
    """Currency units in one unit of display; None: the model's ``plan.money_unit``."""
    privacy: Literal["plain", "masked"] = "plain"
    """``masked``: names and identity numbers of borrowers and buyers are replaced by numbers."""
    brand: Brand = Brand()
    formats: Formats = Formats()
    tables: tuple[TableSheet, ...] = ()
    _file: str = PrivateAttr(default="report pack")
    _logo: bytes = PrivateAttr(default=b"")
    _ours: bool = PrivateAttr(default=True)

    @property
    def file(self) -> str:
        """The file that states it, as messages name it."""
        return self._file

    @property
    def logo(self) -> bytes:
        """The logo's PNG; empty without one."""
        return self._logo

    @property
    def texts(self) -> tuple[str, ...]:
        """Texts that a user chose, which no language changes; a shipped pack has none."""
        if self._ours:
            return ()
        found = [self.title, self.brand.footer]
        for each in self.tables:
            found += [each.name, each.sheet or "", each.heading or "", each.note]
            found += [column.label or "" for column in each.chosen]
            found += [each.chart.title if each.chart else ""]
        return tuple(text for text in found if text)

    def read_from(self, file: str, logo: bytes = b"", *, shipped: bool = False) -> Pack:
        """A copy that knows its file, whether it is a shipped one, and holds its logo."""
        copy = self.model_copy()
        copy._file, copy._logo, copy._ours = file, logo, shipped
        return copy

    @model_validator(mode="after")
    def _known(self) -> Pack:
        own = [each.name for each in self.tables]
        for name in own:
            if name in SHEETS or own.count(name) > 1:
                raise MisfitError(
                    key=f"tables.{name}.name",
                    found=f'"{name}", ' + ("a built sheet" if name in SHEETS else "twice"),
                    expected="a name of its own",
                )
            if name not in self.sheets:
                raise MisfitError(
                    key="sheets",
                    found=f'no "{name}", for which there is a table',
                    expected="every table's name at its place",
                    action=f'Put "{name}" into sheets, or take the table out.',
                )
        known = [*SHEETS, *own]
        for name in self.sheets:
            if name not in known or self.sheets.count(name) > 1:
                raise MisfitError(
                    key="sheets",
                    found=f'"{name}"' + (" twice" if name in known else ""),
                    expected=f"each once, of {', '.join(known)}",
                    action=_near(name, known) if name not in known else "",
                )
        return self


def _near(name: str, names: list[str]) -> str:
    near = closest(name, names)
    return f"Did you mean {near}?" if near else ""
