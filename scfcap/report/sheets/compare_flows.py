"""Two projections side by side: what each driver did to each measure, and the inputs behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scfcap.cashflow.driver_fields import DRIVERS, MEANING
from scfcap.report.book import COUNT, PERCENT, Area, Formula, Sheet, address
from scfcap.report.sheets.bridge import Bridge, Step, add_bridge
from scfcap.report.sheets.common import (
    NOTE,
    TEXT,
    WRAPPED,
    as_date,
    column_total,
    figure,
    heads,
    live,
    number,
    rounded,
    section,
    styled,
    title_case,
    totals,
)
from scfcap.report.sheets.compare import Work, tolerance_of
from scfcap.report.sheets.listing import Column, listed

if TYPE_CHECKING:
    from scfcap.report.compare import Comparison
    from scfcap.report.compare_plans import PlanComparison

NAME, SEGMENTS, PERIODS, INPUTS = "Pool bridge", "Pool by segment", "Pool by period", "Inputs"
#: Measures that have a bridge of their own.
_BRIDGED = ("collections", "interest", "loss")
_YEARS = "0.000"
_FROM_VERSION = "what this version of the program makes of the folders' inputs"
_Cells = Mapping[tuple[str, str], Area]


def add_pool_bridge(work: Work, found: Comparison) -> None:
    """The sheets of the projections: all segments, each segment, each period."""
    frame = found.drivers
    names = _drivers(frame)
    sheet = work.kit.add(NAME, "What each driver did to the cash flows of the loans", 24.0)
    each = _segments(work, frame, names)
    cells, row = _whole(work, sheet, frame, names, each)
    _periods(work, found, names, cells)
    for measure in _BRIDGED:
        if (measure, "a") not in cells:
            continue
        steps = [_step(sheet, cells[measure, name], name) for name in names]
        ends = [_shown(sheet, cells[measure, side]) for side in ("a", "b")]
        bridge = Bridge(title_case(measure), ends[0], ends[1], steps)
        standing = add_bridge(work.kit, sheet, row + 1, bridge, work.ends)
        row = standing.after
        size = tolerance_of(*(number(sheet, x.row, x.column) for x in (standing.end,)))
        label = f"{title_case(measure)} of the loans: a and the effects of the drivers are b"
        work.prove(label, standing.reached, standing.end, size)


def _drivers(frame: pd.DataFrame) -> list[str]:
    extra = [str(n) for n in frame if n not in (*DRIVERS, "measure", "segment", "a", "b", "change")]
    return [*DRIVERS, *(name for name in extra if (frame[name] != 0.0).any())]


def _step(sheet: Sheet, cell: Area, name: str) -> Step:
    return Step(title_case(name), _shown(sheet, cell), MEANING.get(name, _FROM_VERSION))


def _shown(sheet: Sheet, cell: Area) -> Formula:
    return Formula(f"={cell.local}", number(sheet, cell.row, cell.column))


def _look(work: Work, measure: str) -> str:
    return _YEARS if measure == "average_life" else work.kit.look.money()


def _head(sheet: Sheet, row: int, first: Sequence[str], names: Sequence[str]) -> None:
    sheet.widths |= {1 + len(first) + n: 11.5 for n in range(len(names) + 5)}
    labels = [*first, "a", *map(title_case, names), "b", "Change", "Change, %", "Left over"]
    heads(sheet, row, labels)


def _line(
    sheet: Sheet, row: int, column: int, values: Sequence[float | Formula], look: str, *, bold: bool
) -> None:
    """a, the effects, b; then live: the change, its share, and what the effects leave over."""
    last = column + len(values) - 1
    for n, value in enumerate(values):
        style = live(look) if isinstance(value, Formula) else figure(look)
        sheet.put(row, column + n, value, styled(style, bold=bold))
    a, b = address(row, column), address(row, last)
    x, y = number(sheet, row, column), number(sheet, row, last)
    sheet.put(row, last + 1, Formula(f"={b}-{a}", y - x), live(look, bold=bold))
    share = Formula(f"=IF({a}=0,0,({b}-{a})/ABS({a}))", (y - x) / abs(x) if x else 0.0)
    sheet.put(row, last + 2, share, live(PERCENT, bold=bold))
    span = f"{a}:{address(row, last - 1)}"
    inner = sum(number(sheet, row, at) for at in range(column, last))
    sheet.put(row, last + 3, rounded(f"SUM({span})-{b}", inner - y), live(look, size=9))


def _segments(
    work: Work, frame: pd.DataFrame, names: Sequence[str]
) -> Mapping[str, tuple[int, int]]:
    """Every measure by segment; rows of each measure."""
    sheet = work.kit.add(SEGMENTS, "What each driver did, by segment", 20.0)
    sheet.widths[2] = 20.0
    sheet.put(3, 1, f"Average life in years, all else in {work.kit.look.label}.", NOTE)
    _head(sheet, 4, ["Measure", "Segment"], names)
    sheet.freeze, sheet.title_rows = (5, 3), (4, 4)
    row, found = 4, {}
    for measure, rows in frame[frame["segment"] != "all"].groupby("measure", sort=False):
        if not _moves(rows):
            continue
        first = row + 1
        for record in rows.to_dict("records"):
            row += 1
            sheet.put(row, 1, title_case(str(measure)), TEXT)
            sheet.put(row, 2, str(record["segment"]), TEXT)
            work.names.add(str(record["segment"]))
            values = [float(record[name]) for name in ("a", *names, "b")]
            _line(sheet, row, 3, values, _look(work, str(measure)), bold=False)
        found[str(measure)] = (first, row)
    if row > 4:
        sheet.filter_area = sheet.span(4, 1, row, 7 + len(names))
    return found


def _moves(rows: pd.DataFrame) -> bool:
    return bool(np.abs(rows.select_dtypes("number").to_numpy()).max(initial=0.0) > 0.0)


def _whole(
    work: Work,
    sheet: Sheet,
    frame: pd.DataFrame,
    names: Sequence[str],
    each: Mapping[str, tuple[int, int]],
) -> tuple[_Cells, int]:
    """All segments together: sums over the sheet of segments; the cells by measure and column."""
    _head(sheet, 4, ["Measure"], names)
    sheet.freeze = (5, 2)
    sheet.blocks.append(4)
    other, row = work.kit.book.sheet(SEGMENTS), 4
    cells: dict[tuple[str, str], Area] = {}
    columns = ("a", *names, "b")
    for record in frame[frame["segment"] == "all"].to_dict("records"):
        measure = str(record["measure"])
        if measure not in each:
            continue
        row += 1
        sheet.put(row, 1, title_case(measure), TEXT)
        values: list[float | Formula] = [float(record[name]) for name in columns]
        if measure != "average_life":
            values = [
                Formula(f"=SUM({other.span(x, 3 + n, y, 3 + n).linked})", float(record[name]))
                for n, name in enumerate(columns)
                for x, y in (each[measure],)
            ]
        _line(sheet, row, 2, values, _look(work, measure), bold=False)
        for n, value in enumerate(values):
            if isinstance(value, Formula):
                style = sheet.cells[row, 2 + n].style
                sheet.put(row, 2 + n, value, styled(style, ink="link"))
        cells |= {(measure, name): sheet.at(row, 2 + n) for n, name in enumerate(columns)}
    note = (
        "Average life in years. Effects follow one another from left to right; Left over is what "
        "they do not explain."
    )
    sheet.put(3, 1, note, NOTE)
    return cells, row + 1


def _periods(work: Work, found: Comparison, names: Sequence[str], cells: _Cells) -> None:
    """Collections by period, and their total, which is that of the bridge."""
    frame = found.periods
    names = [name for name in names if name in frame]
    sheet = work.kit.add(PERIODS, "Collections by period, by driver", 14.0)
    sheet.widths[2] = 14.0
    same = bool((frame["end_a"] == frame["end_b"]).all())
    dates = ["Period's end"] if same else ["End in a", "End in b"]
    _head(sheet, 4, dates, names)
    sheet.freeze, sheet.title_rows = (5, len(dates) + 1), (4, 4)
    row, start = 4, 1 + len(dates)
    for record in frame.to_dict("records"):
        row += 1
        for n, key in enumerate(("end_a", "end_b")[: len(dates)]):
            sheet.put(row, 1 + n, as_date(record[key]), figure("yyyy-mm-dd", ink="text"))
        values = [float(record[name]) for name in ("a", *names, "b")]
        _line(sheet, row, start, values, work.kit.look.money(), bold=False)
    last, row = row, row + 1
    sheet.put(row, 1, "Total", totals("General", ink="text"))
    columns = (*range(start, start + len(names) + 3), start + len(names) + 4)
    for column in columns:
        cell = column_total(sheet, 5, last, column)
        sheet.put(row, column, cell, totals(work.kit.look.money()))
    if ("collections", "a") in cells and ("collections", "version") not in cells:
        _prove_periods(work, sheet, row, start, names, cells)


def _prove_periods(
    work: Work, sheet: Sheet, row: int, start: int, names: Sequence[str], cells: _Cells
) -> None:
    for n, name in enumerate(names, start=1):
        mine, other = sheet.at(row, start + n), cells["collections", name]
        size = tolerance_of(number(sheet, row, start), number(sheet, row, start + n))
        label = f"Collections, effect of {name}: periods and segments give the same"
        work.prove(label, mine, other, size)


# --- inputs -----------------------------------------------------------------------------------

_COUNTS, _MONEY, _DAYS = ("loans",), ("balance",), ("remaining_days", "recovery_lag")


def add_inputs(work: Work, flows: Comparison | None, plans: PlanComparison | None) -> None:
    """What the two were made from: figures of the loans and curves, and fields of the models."""
    from scfcap.report.compare import differing_fields

    sheet = work.kit.add(INPUTS, "What went in: loans, curves and the models' fields", 44.0)
    sheet.widths |= {2: 40.0, 3: 40.0, 4: 16.0}
    row = 4
    if flows is not None:
        row = _facts(work, sheet, row, flows.inputs)
    both = flows or plans
    assert both is not None
    fields = differing_fields(both.a.spec, both.b.spec)
    row = section(sheet, row, "Fields of the models that differ")
    if not len(fields):
        none = "None." if both.a.spec and both.b.spec else "The folders do not hold their models."
        sheet.put(row, 1, none, TEXT)
        return
    columns = [Column(label, WRAPPED) for label in ("Field", "a", "b")]
    rows = [[str(cell) for cell in each] for each in fields.itertuples(index=False)]
    work.names.update(cell for each in rows for cell in each)
    listed(sheet, row, columns, rows)


def _facts(work: Work, sheet: Sheet, row: int, frame: pd.DataFrame) -> int:
    """Figures of loans and curves that differ, by segment, with live changes."""
    scale = frame[["a", "b"]].abs().max(axis=1)
    differs = frame["change"].isna() | (frame["change"].abs() > 1e-12 * scale)
    row = section(sheet, row, "Loans and curves that differ")
    heads(sheet, row, ["Figure", "a", "b", "Change"])
    rows = frame[differs].to_dict("records")
    if not rows:
        sheet.put(row + 1, 1, "None.", TEXT)
    for record in rows:
        row += 1
        segment, name = str(record["segment"]), str(record["figure"])
        label = title_case(name)
        if segment != "all":
            work.names.add(segment)
            label = f"{segment}: {label}"
        sheet.put(row, 1, label, TEXT)
        look = _fact_look(work, name)
        for n, side in enumerate(("a", "b")):
            value = _there(record[side])
            sheet.put(row, 2 + n, value, figure(look, align="right"))
        gap = number(sheet, row, 3) - number(sheet, row, 2)
        text = f"={address(row, 3)}-{address(row, 2)}"
        sheet.put(row, 4, Formula(text, gap), live(look))
    return row + 2


def _there(value: Any) -> float | None:
    return None if value != value else float(value)


def _fact_look(work: Work, name: str) -> str:
    if name in _COUNTS:
        return COUNT
    if name in _MONEY:
        return work.kit.look.money()
    return "#,##0.0" if name in _DAYS else "0.000%"
