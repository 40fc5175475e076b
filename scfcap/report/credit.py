"""Credit curves by themselves, to show and to save: figures, what they rest on, charts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from scfcap import __version__
from scfcap.brief import Lines, listed
from scfcap.credit.doubts import Doubt
from scfcap.errors import InputError
from scfcap.report.book import COUNT, RATE, Book, Chart, Look, Series, Sheet
from scfcap.report.excel import write_book
from scfcap.report.files import RESULT_VERSION, csv_bytes, records
from scfcap.report.pictures.credit import credit_drawings
from scfcap.report.pictures.pictured import About, Pictured, Plots
from scfcap.report.sheets.common import (
    PALETTE,
    TEXT,
    Kit,
    figure,
    heads,
    lines_needed,
    plain,
    styled,
    title_case,
)
from scfcap.report.store import SavedRun, save_run
from scfcap.report.tables import RunMeta, Table, named_table
from scfcap.report.words import FORECASTS, MEASURES
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.load import LoadedModel

WORKBOOK = "credit.xlsx"
#: Lines that a chart shows at most.
CHARTED = 10
#: Title and, for tables with a chart, what its axes are.
TITLES: Mapping[str, str] = {
    "credit": "Behaviour by segment",
    "lifetime": "Default over a loan's life, found in several ways",
    "credibility": "How far each segment's own figure is trusted",
    "vintages": "Static pools by month of origination and months on book",
    "static_pools": "Defaulted share of loans by vintage and months on book",
    "run_off": "Where vintages end by the chain ladder, with Mack's standard error",
    "survival": "Loans running, defaulted and prepaid by months on book",
    "timing": "When the lifetime default comes, by amount lent",
    "roll_rates": "Roll rates of a month, by count and by amount",
    "roll_ends": "Where loans in each state end",
    "roll_test": "Do the roll rates hold over time?",
    "recovery": "Recovery by months since default",
    "log_rank": "Do the segments default alike?",
    "backtest_errors": "Back-test: forecast less actual, as a share of the actual",
    "backtest_calibration": "Back-test: loans predicted and seen, by class",
    "backtest_months": "Back-test: month by month",
}
#: Tables in the order of the workbook's sheets. Those that count every segment, vintage and month
#: are long, and stand in the CSV files only.
SHEETS = (
    "credit", "backtest_errors", "backtest_calibration", "backtest_months", "lifetime",
    "credibility", "static_pools", "run_off", "survival", "roll_ends", "roll_rates", "roll_test",
    "recovery", "log_rank",
)  # fmt: skip
#: Months on book that a sheet of vintages shows; more are taken a few at a time.
_MONTHS = 24
#: Headings of a back-test that the name of a column does not give.
_HEADS = {
    "cumulative": "At the end, or in sum",
    "bias": "Mean error",
    "wape": "Mean size of the error over the mean",
    "coverage": "Months within 95%",
    "inside": "Within",
    "model": "Segment curves",
    "naive": "Rates held",
    "column": "Class of",
}
_WHOLE = frozenset(
    (
        "age", "at_risk", "ends", "loans", "defaults", "prepayments", "events", "lag", "observed",
        "degrees", "rows", "transitions", "gaps", "left_an_end", "count", "from_age", "months",
        "departures", "row_count",
    )
)  # fmt: skip
_NUMBERS = frozenset(
    ("chi_square", "months_to_end", "balance", "amount", "expected", "ratio", "cumulative_hazard")
)


@dataclass(frozen=True, repr=False)
class CreditReport(Pictured):
    """Curves of a model, the table of figures behind them, and all that was found on the way.

    ``origin`` is what the manifest says of where figures come from; ``source`` in words.
    ``backtest``: its tables by name, and what they say in a sentence or two. ``doubts``: what the
    history behind the curves does not tell.
    """

    model: LoadedModel
    curves: Mapping[str, SegmentCredit]
    table: pd.DataFrame
    source: str
    origin: Mapping[str, Any]
    found: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    backtest: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    verdict: str = ""
    doubts: tuple[Doubt, ...] = ()

    @cached_property
    def tables(self) -> dict[str, Table]:
        """Every table with its title and units, by name."""
        currency = self.model.spec.currency
        frames = {"credit": self.table, **self.found, **self.backtest}
        made = {name: named_table(name, frame, currency) for name, frame in frames.items()}
        return {
            name: Table(name, TITLES.get(name, table.title), table.frame, table.units, table.note)
            for name, table in made.items()
        }

    def document(self) -> dict[str, Any]:
        """Curves and tables as plain values; the longest stand in the files only."""
        spec = self.model.spec
        shown = {n: t for n, t in self.tables.items() if n not in ("vintages", "static_pools")}
        return {
            "schema_version": RESULT_VERSION,
            "model": spec.name,
            "as_of": spec.as_of,
            "currency": spec.currency,
            "source": self.source,
            "segments": {
                name: {k: v for k, v in curve if v is not None}
                for name, curve in self.curves.items()
            },
            "verdict": self.verdict or None,
            "cautions": self.cautions,
            "tables": {name: records(table.frame) for name, table in shown.items()},
        }

    @property
    def cautions(self) -> list[str]:
        """The doubts in words."""
        return [f"CAUTION: {doubt}" for doubt in self.doubts]

    def refuse_doubtful(self) -> None:
        """Raise :class:`InputError` where the curves must not go into a model."""
        problems = [doubt.problem for doubt in self.doubts if doubt.forbids]
        if problems:
            said = "so that these curves are not written into the model"
            raise InputError([replace(p, found=f"{p.found}, {said}") for p in problems])

    def notes(self) -> dict[str, list[str]]:
        """By segment, lines that say where each of its figures comes from."""
        origin = f"From {self.source}, as of {self.model.spec.as_of}."
        lines = {name: [origin] for name in self.curves}
        for row in self.table.itertuples():
            if str(row.segment) in lines:
                lines[str(row.segment)].append(_line(row))
        return lines

    def _brief(self) -> tuple[str, Lines]:
        lines = [("source", self.source), ("segments", listed(list(self.curves)))]
        if self.verdict:
            lines.append(("back-test", self.verdict))
        return f"Credit behaviour of {self.model.spec.name}", lines

    def _about(self) -> About:
        """What its pictures say of where they come from."""
        return About.of(self.model.spec)

    def plots(self) -> Plots:
        """Figures by segment; survival, vintages and the back-test where there is a history."""
        return credit_drawings(self.tables, self._about())

    def to_excel(self, path: str | Path) -> Path:
        """Write the workbook alone: one sheet a table, with charts."""
        return write_book(self.book(), Path(path))

    def book(self) -> Book:
        """The workbook as data."""
        meta = self._meta()
        book = Book(
            title=f"Credit curves: {meta.title}",
            subject=f"{meta.model}, as of {meta.as_of:%Y-%m-%d}",
            as_of=meta.as_of,
            footer=f"scfcap {meta.version} · {meta.model} · inputs {meta.digest[:12]}",
        )
        kit = Kit(self.tables, meta, Look(meta.currency, meta.money_unit, meta.frequency), book)
        for name in SHEETS:
            if name in self.tables and len(self.tables[name].frame):
                _sheet(kit, name, self.tables[name])
        _explain(book, self)
        return book

    def save(self, out: Path) -> SavedRun:
        """Write the run folder: tables, also as CSV, and the workbook."""
        result = {k: v for k, v in self.document().items() if k != "tables"}
        extra = {f"{name}.csv": csv_bytes(table.frame) for name, table in self.tables.items()}
        return save_run(
            out,
            self.tables,
            self.origin,
            result,
            workbook=(WORKBOOK, self.to_excel),
            extra=extra,
        )

    def _meta(self) -> RunMeta:
        spec = self.model.spec
        nan = float("nan")
        return RunMeta(
            model=spec.name,
            title=spec.title,
            as_of=spec.as_of,
            regime=self.model.regime.title if self.model.regime is not None else "none",
            currency=spec.currency,
            money_unit=1.0,
            scenario=spec.plan.scenario,
            frequency="month",
            status="credit",
            objective=nan,
            net_income=nan,
            version=__version__,
            digest=self.model.digest,
            overrides=self.model.overrides,
        )


def _line(row: Any) -> str:
    """``cdr 0.05 (0.04 to 0.06), 1,200 loans, history: Z 0.9; ...``."""
    words = f"{row.measure} {row.estimate:.4g}"
    if row.low == row.low:
        words += f" ({row.low:.4g} to {row.high:.4g})"
    if row.count:
        words += f", {int(row.count):,} loans"
    return f"{words}, {row.source}" + (f": {row.note}" if row.note else "")


def _explain(book: Book, report: CreditReport) -> None:
    """Say under the first table what the others are, and what the back-test found."""
    sheet = book.sheets[0]
    lines = [f"Curves from {report.source}.", *report.cautions]
    lines += [report.verdict] if report.verdict else []
    left = [TITLES[name] for name in report.tables if name in TITLES and name not in SHEETS]
    if left:
        lines.append(f"In the CSV files beside this workbook: {'; '.join(left)}.")
    below = max(row for row, _ in sheet.cells) + 2
    for row, line in enumerate(lines, below):
        sheet.merged(row, (1, sheet.last_column), line, styled(TEXT, wrap=True))
        room = sum(sheet.widths.get(c, 8.4) for c in range(1, sheet.last_column + 1))
        sheet.heights[row] = 15.0 * lines_needed(line, room)


def _sheet(kit: Kit, name: str, table: Table) -> None:
    frame = _readable(name, table.frame)
    sheet = kit.add(title_case(name), table.title, 24.0)
    columns = [str(column) for column in frame.columns]
    sheet.widths |= {n: _width(column) for n, column in enumerate(columns[1:], 2)}
    top = 22 if name in _CHARTS else 4
    named = _HEADS if name.startswith("backtest") else {"z": "Z"}
    heads(sheet, top, [named.get(column, title_case(column)) for column in columns])
    sheet.freeze = (top + 1, 2)
    for row, values in enumerate(frame.to_dict("records"), top + 1):
        for place, column in enumerate(columns, 1):
            shown = plain(values[column])
            if column in ("measure", "forecast"):
                shown = {**MEASURES, **FORECASTS}.get(str(shown), shown)
            if isinstance(shown, bool):
                shown = "yes" if shown else "no"
            number = isinstance(shown, int | float)
            kind = str(values.get("measure", ""))
            look = figure(_look(name, column, kind)) if number else TEXT
            sheet.put(row, place, shown, look)
    if name in _CHARTS:
        _CHARTS[name](sheet, frame, top)


def _readable(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Of a wide table the columns that fit a page.

    Vintages by every second or third month on book; survival without its standard errors, as the
    intervals stand there.
    """
    if name == "survival":
        return frame.drop(columns=[c for c in frame if str(c).endswith("_se")])
    months = len(frame.columns) - 1
    step = max(1, -(-months // _MONTHS))
    if name != "static_pools" or step == 1:
        return frame
    return frame.iloc[:, [0, *range(step, months, step), months]]


def _look(table: str, column: str, measure: str) -> str:
    """Number format of a column; lags and days are no shares."""
    if table == "backtest_months":
        return COUNT
    if table == "backtest_calibration" and column not in ("loans", "actual"):
        return "#,##0.00" if column == "ratio" else "#,##0.0"
    if column in _WHOLE or column == "actual":
        return COUNT
    if column in _NUMBERS or (column != "z" and measure.endswith(("lag", "days"))):
        return "#,##0.00"
    return {"p_value": "0.000", "z": "0.00"}.get(column, RATE)


def _width(column: str) -> float:
    if column in ("note", "method", "measure", "forecast", "unit"):
        return {"note": 60.0, "method": 22.0, "unit": 21.0, "forecast": 34.0}.get(column, 24.0)
    return 20.0 if column == "source" else 7.5 if column.startswith("month ") else 11.5


def _by_vintage(sheet: Sheet, frame: pd.DataFrame, top: int) -> None:
    """Vintages as lines over months on book, spread over the years."""
    step = max(1, -(-len(frame) // CHARTED))
    rows = [top + 1 + n for n in range(0, len(frame), step)]
    last = len(frame.columns)
    series = tuple(
        Series(sheet.at(row, 1), sheet.span(row, 2, row, last), PALETTE[n % len(PALETTE)])
        for n, row in enumerate(rows)
    )
    _draw(sheet, "Defaulted share by months on book", sheet.span(top, 2, top, last), series)


def _by_age(sheet: Sheet, frame: pd.DataFrame, top: int) -> None:
    """The whole book's columns as lines over months."""
    rows = int((frame["segment"] == frame["segment"].iloc[0]).sum())
    names = [str(column) for column in frame.columns]
    across = next(n for n, name in enumerate(names, 1) if name in ("age", "lag"))
    shown = [n for n in ("running", "defaulted", "prepaid", "cumulative", "low", "high")
             if n in names]  # fmt: skip
    series = tuple(
        Series(
            sheet.at(top, 1 + names.index(name)),
            sheet.span(top + 1, 1 + names.index(name), top + rows, 1 + names.index(name)),
            PALETTE[n],
        )
        for n, name in enumerate(shown)
    )
    _draw(
        sheet, "The whole book, by months", sheet.span(top + 1, across, top + rows, across), series
    )


def _draw(sheet: Sheet, title: str, categories: Any, series: tuple[Series, ...]) -> None:
    sheet.charts.append(Chart("lines", title, 4, 1, categories, series, "0%"))
    sheet.reach(21, 12)


_CHARTS = {"static_pools": _by_vintage, "survival": _by_age, "recovery": _by_age}
