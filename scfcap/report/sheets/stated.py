"""Sheets that a pack states itself: any table of the run, its rows and columns chosen."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from scfcap.errors import InputError, Problem
from scfcap.expressions import Cells, ExpressionError, Texts, parse
from scfcap.report.book import (
    CENT,
    COUNT,
    PERCENT,
    PLAIN,
    RATE,
    Area,
    Chart,
    Series,
    Sheet,
    Style,
)
from scfcap.report.sheets.common import (
    NOTE,
    PALETTE,
    TEXT,
    Kit,
    column_total,
    figure,
    heads,
    lines_needed,
    plain,
    styled,
    title_case,
    totals,
)
from scfcap.report.sheets.limits import family_label
from scfcap.report.tables import Table
from scfcap.schema.report import ColumnFormat, Pack, TableChart, TableSheet

#: Rows that a sheet shows at most.
MOST_ROWS = 2_000
#: Tables that some runs have and others do not, by name or by how their names begin.
TABLES = (
    "buyers", "cash_flows", "credit", "deals_accounts", "deals_checks", "deals_classes",
    "deals_events", "deals_fees", "deals_periods", "deals_retention", "deals_sources_uses",
    "deals_steps", "deals_tranches", "deals_triggers", "deals_yields", "lock_box", "orders",
    "plan_accounting", "plan_actions", "plan_balance_sheet", "plan_balances",
    "plan_borrower_cost", "plan_cap_sources", "plan_caps", "plan_cash_flow",
    "plan_cash_forecast", "plan_channels", "plan_checks", "plan_contingency",
    "plan_contingency_actions", "plan_contingency_cash", "plan_contingency_failures",
    "plan_contingency_notes", "plan_contingency_ready", "plan_contingency_signs",
    "plan_cost_of_funds", "plan_covenants", "plan_income", "plan_lending", "plan_limits",
    "plan_long_demand", "plan_marginal_funding", "plan_maturity_gaps", "plan_maturity_ladder",
    "plan_next", "plan_prices", "plan_risk", "plan_scenarios", "plan_sources_uses",
    "plan_term_prices", "plan_together", "plan_uncertainty_value", "plan_unused", "plan_value",
    "pool_concentrations", "pool_eligibility", "pool_eligibility_answers", "pool_summary",
    "pool_usable", "tape_findings", "tape_reasons", "tape_totals",
)  # fmt: skip
PREFIXES = ("deal_", "pool_borrowing_base_", "pool_largest_", "pool_stratification_")
_ADDED = ("loans", "rows", "borrowers", "orders")
_WIDEST, _NARROWEST = 52.0, 9.0
_FORMATS = {"cents": CENT, "whole": COUNT, "percent": PERCENT, "rate": RATE, "text": PLAIN}
_NUMBER = '#,##0.00_);(#,##0.00);"–"_)'
_WORDS = {"1/year": "a year", "days": "days", "years": "years"}


@dataclass(frozen=True)
class _Column:
    """A column of the sheet: its name in the table, heading, look, and whether it adds up."""

    name: str
    label: str
    format: ColumnFormat
    style: Style
    width: float
    adds: bool


def check_pack(pack: Pack) -> None:
    """Refuse tables that no run has.

    Raises :class:`InputError`.
    """
    problems = [
        _unknown(pack, f"tables.{each.name}.table", each.table, TABLES)
        for each in pack.tables
        if not known_table(each.table)
    ]
    if problems:
        raise InputError(problems)


def known_table(name: str) -> bool:
    """Whether a run may have a table of that name."""
    return name in TABLES or name.startswith(PREFIXES)


def add_stated(kit: Kit, pack: Pack, name: str) -> None:
    """Add the sheet of ``[[tables]]`` ``name``, where the run has its table.

    Raises :class:`InputError` for a table, column or expression that does not fit.
    """
    stated = next(each for each in pack.tables if each.name == name)
    table = kit.tables.get(stated.table)
    if table is None:
        if not known_table(stated.table):
            known = sorted({*TABLES, *kit.tables})
            raise InputError(_unknown(pack, f"tables.{name}.table", stated.table, known))
        return
    columns = _columns(kit, pack, stated, table)
    rows = _rows(pack, stated, table.frame, kit)
    sheet = kit.add(stated.sheet or title_case(name), stated.heading or table.title, 12.0)
    for at, column in enumerate(columns, start=1):
        sheet.widths[at] = column.width
    row = 4
    note = stated.note
    if len(rows) > MOST_ROWS:
        note = (
            f"{note} The first {MOST_ROWS:,} of {len(rows):,} rows; the run's table holds all."
        ).strip()
        rows = rows.head(MOST_ROWS)
    if note:
        sheet.put(3, 1, note, NOTE)
        row = 5
    if rows.empty:
        sheet.put(row, 1, "No row meets the condition." if stated.where else "No rows.", TEXT)
        return
    last = _body(sheet, row, columns, rows)
    if stated.total is not False:
        _total(pack, stated, sheet, (row + 1, last), columns)
    if stated.chart is not None:
        end = last + (1 if stated.total is not False else 0)
        _chart(kit, pack, stated.name, stated.chart, sheet, (row, last, end + 2), columns)


def _unknown(pack: Pack, key: str, found: str, known: Iterable[str]) -> Problem:
    names = list(known)
    near = difflib.get_close_matches(found.lower(), [n.lower() for n in names], 1, 0.6)
    meant = next((n for n in names if near and n.lower() == near[0]), "")
    return Problem(
        f"{pack.file}: {key}",
        f'"{found}"',
        f"one of {', '.join(names)}",
        f"Did you mean {meant}?" if meant else "",
    )


def stated_table(kit: Kit, pack: Pack, name: str) -> tuple[Table, dict[str, str]] | None:
    """What the sheet of ``[[tables]]`` ``name`` shows, as a table, with the headings it states.

    None where the run has no such table. Raises :class:`InputError` as :func:`add_stated`.
    """
    stated = next(each for each in pack.tables if each.name == name)
    table = kit.tables.get(stated.table)
    if table is None:
        return None
    columns = [column.name for column in _columns(kit, pack, stated, table)]
    rows = _rows(pack, stated, table.frame, kit)[columns].reset_index(drop=True)
    units = {column: unit for column, unit in table.units.items() if column in columns}
    said = {each.column: each.label for each in stated.chosen if each.label}
    title = stated.heading or table.title
    return Table(table.name, title, rows, units, stated.note or table.note), said


# --- columns ------------------------------------------------------------------------------------


def _columns(kit: Kit, pack: Pack, stated: TableSheet, table: Table) -> list[_Column]:
    """The sheet's columns; all that are not in the table are refused at once."""
    known = list(map(str, table.frame.columns))
    asked: list[tuple[str, str]] = [("columns", each.column) for each in stated.chosen]
    asked += [("sort", name.removeprefix("-")) for name in stated.sort]
    if stated.where is not None:
        asked += [("where", name) for name in parse(stated.where).columns if name != "as_of"]
    if not isinstance(stated.total, bool):
        asked += [("total", name) for name in stated.total]
    if stated.chart is not None:
        asked += [("chart.categories", stated.chart.categories)]
        asked += [("chart.columns", name) for name in stated.chart.columns]
    problems = [
        _unknown(pack, f"tables.{stated.name}.{key}", name, known)
        for key, name in asked
        if name not in known
    ]
    if problems:
        raise InputError(problems)
    chosen = {each.column: each for each in stated.chosen} or dict.fromkeys(known)
    made = []
    for name, each in chosen.items():
        unit = table.units.get(name, "")
        look = (each.format if each else None) or _format_of(table.frame[name], unit, kit)
        label = _label(kit, (each.label if each else None) or title_case(name), look, unit)
        width = (each.width if each else None) or _width(table.frame[name], look, label)
        adds = unit in (kit.meta.currency, *_ADDED) and look in ("amount", "cents", "whole")
        made.append(_Column(name, label, look, _style(kit, look), width, adds))
    return made


def _format_of(column: pd.Series[Any], unit: str, kit: Kit) -> ColumnFormat:
    if pd.api.types.is_datetime64_any_dtype(column):
        return "date"
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        return "text"
    if unit == kit.meta.currency:
        return "amount"
    if unit in ("share", "1/year"):
        return "percent" if unit == "share" else "rate"
    whole = unit in (*_ADDED, "periods") or pd.api.types.is_integer_dtype(column)
    return "whole" if whole else "number"


def _label(kit: Kit, said: str, look: ColumnFormat, unit: str) -> str:
    if look in ("amount", "cents"):
        return f"{said}, {kit.look.label if look == 'amount' else kit.meta.currency}"
    return f"{said}, {_WORDS[unit]}" if unit in _WORDS else said


def _width(column: pd.Series[Any], look: ColumnFormat, label: str) -> float:
    if look != "text":
        return 13.0 if look != "cents" else 16.0
    texts = column.dropna().astype(str)
    longest = float(texts.str.len().max()) if len(texts) else 0.0
    word = max((len(part) for part in label.split()), default=0)
    return min(_WIDEST, max(_NARROWEST, 1.1 * longest + 2.0, 1.2 * word + 2.0))


def _style(kit: Kit, look: ColumnFormat) -> Style:
    if look == "text":
        return styled(TEXT, wrap=True, indent=1)
    if look == "date":
        return figure("yyyy-mm-dd", ink="text", align="center")
    if look == "amount":
        return figure(kit.look.money())
    return figure(_NUMBER if look == "number" else _FORMATS[look])


# --- rows ---------------------------------------------------------------------------------------


def _rows(pack: Pack, stated: TableSheet, frame: pd.DataFrame, kit: Kit) -> pd.DataFrame:
    """Rows that meet the condition, in order, the first of them."""
    if stated.where is not None and len(frame):
        try:
            answers = parse(stated.where).answers(_cells_of(frame, kit), len(frame))
        except ExpressionError as error:
            where = f"{pack.file}: tables.{stated.name}.where"
            raise InputError(Problem(where, error.found, error.expected, error.action)) from None
        frame = frame[answers == 1]
    if stated.sort:
        names = [name.removeprefix("-") for name in stated.sort]
        rising = [not name.startswith("-") for name in stated.sort]
        frame = frame.sort_values(names, ascending=rising, kind="stable")
    return frame if stated.first is None else frame.head(stated.first)


def _cells_of(frame: pd.DataFrame, kit: Kit) -> Any:
    def cells(name: str) -> Cells:
        if name == "as_of" and name not in frame:
            return np.asarray(np.datetime64(kit.meta.as_of, "D"))
        column = frame[name]
        if pd.api.types.is_datetime64_any_dtype(column):
            return column.to_numpy().astype("datetime64[D]")
        if pd.api.types.is_bool_dtype(column):
            return column.to_numpy(dtype=np.int8)
        if pd.api.types.is_numeric_dtype(column):
            return column.to_numpy(dtype=np.float64, na_value=np.nan)
        codes, labels = pd.factorize(column.astype(object))
        return Texts(codes.astype(np.int32), tuple(map(str, labels)))

    return cells


# --- on the sheet -------------------------------------------------------------------------------


def _body(sheet: Sheet, row: int, columns: Sequence[_Column], rows: pd.DataFrame) -> int:
    """Heading and rows from ``row`` on, families of limits in words; returns the last row."""
    heads(sheet, row, [column.label for column in columns])
    sheet.freeze, sheet.title_rows = (row + 1, 2), (row, row)
    values = [rows[column.name].tolist() for column in columns]
    last = row + len(rows)
    sheet.filter_area = sheet.span(row, 1, last, len(columns))
    for offset, record in enumerate(zip(*values, strict=True), start=1):
        lines = 1
        for at, (column, value) in enumerate(zip(columns, record, strict=True), start=1):
            shown = family_label(str(value)) if column.name == "family" else plain(value)
            sheet.put(row + offset, at, shown, column.style)
            if column.format == "text" and isinstance(shown, str):
                lines = max(lines, lines_needed(shown, 1.05 * column.width))
        if lines > 1:
            sheet.heights[row + offset] = 2.0 + 13.0 * lines
    return last


def _total(
    pack: Pack,
    stated: TableSheet,
    sheet: Sheet,
    body: tuple[int, int],
    columns: Sequence[_Column],
) -> None:
    """A line of sums below the rows."""
    first, last = body
    asked = () if isinstance(stated.total, bool) else stated.total
    for at, column in enumerate(columns, start=1):
        if column.name in asked and column.format in ("text", "date"):
            key = f"{pack.file}: tables.{stated.name}.total"
            raise InputError(Problem(key, f'"{column.name}", no number', "columns of numbers"))
        text = "Total" if at == 1 else None
        if column.name in asked or (stated.total is True and column.adds):
            cell = column_total(sheet, first, last, at)
            sheet.put(last + 1, at, cell, totals(column.style.number_format))
        else:
            sheet.put(last + 1, at, text, totals(PLAIN, ink="text"))


def _chart(
    kit: Kit,
    pack: Pack,
    name: str,
    chart: TableChart,
    sheet: Sheet,
    rows: tuple[int, int, int],
    columns: Sequence[_Column],
) -> None:
    """The chart below the rows; ``rows`` are the heading, the last row, and where it stands."""
    head, last, place = rows
    at = {column.name: (n, column) for n, column in enumerate(columns, start=1)}
    bad = [each for each in chart.columns if at[each][1].format in ("text", "date")]
    if bad:
        key = f"{pack.file}: tables.{name}.chart.columns"
        raise InputError(Problem(key, f'"{bad[0]}", no number', "columns of numbers"))

    def cells(column: str) -> Area:
        return sheet.span(head + 1, at[column][0], last, at[column][0])

    first, category = at[chart.columns[0]][1], at[chart.categories][1]
    count = last - head
    height = 8.5 if chart.kind != "bars" else min(16.0, 2.4 + 0.55 * count)
    made = Chart(
        kind=chart.kind,
        title=chart.title or ", ".join(at[each][1].label for each in chart.columns),
        row=place,
        column=1,
        categories=cells(chart.categories),
        series=tuple(
            Series(sheet.at(head, at[each][0]), cells(each), colour)
            for each, colour in zip(chart.columns, PALETTE, strict=False)
        ),
        number_format=_axis(kit, first),
        category_format=category.style.number_format if category.format == "date" else PLAIN,
        width=24.0,
        height=height,
    )
    sheet.charts.append(made)
    sheet.blocks.append(place)
    while sheet.centimetres(1, sheet.last_column) < made.width:
        sheet.reach(head, sheet.last_column + 1)
    sheet.reach(place + int(height / 0.52) + 1, 1)


def _axis(kit: Kit, column: _Column) -> str:
    if column.format == "amount":
        return kit.look.axis()
    return {"percent": "0%", "rate": "0%", "number": "0.0"}.get(column.format, "#,##0")
