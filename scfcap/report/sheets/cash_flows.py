"""The Cash flows sheet: the pool's run-off in every scenario, all segments and one by one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd

from scfcap.cashflow.flows import COLLECTED
from scfcap.quantities import HALF_CENT
from scfcap.report.book import Chart, Series, address
from scfcap.report.sheets.common import (
    BOLD,
    NOTE,
    PALETTE,
    TEXT,
    Kit,
    as_date,
    live,
    number,
    rounded,
    rows_total,
    section,
    styled,
    totals,
)
from scfcap.report.sheets.credit import assumed
from scfcap.report.sheets.timeline import MOST_COLUMNS, How, Timeline

NAME = "Cash flows"
#: Columns of the frame in the order of the sheet: label, and what a column of periods shows. Those
#: that most pools do not have are left out where all is zero.
ITEMS: dict[str, tuple[str, How]] = {
    "opening": ("Opening balance", "first"),
    "default": ("Defaults", "sum"),
    "scheduled": ("Scheduled principal", "sum"),
    "prepaid": ("Prepaid principal", "sum"),
    "closing": ("Closing balance", "last"),
    "interest": ("Interest", "sum"),
    "fees": ("Fees", "sum"),
    "recovery": ("Recoveries", "sum"),
    "advanced": ("Advanced by the servicer", "sum"),
    "reimbursed": ("Less taken back by the servicer", "sum"),
    "drawn": ("Less drawn by borrowers", "sum"),
    "loss": ("Losses", "sum"),
}
_COLOURS = {
    "interest": "E69F00",
    "fees": "F0E442",
    "scheduled": "1F3A5F",
    "prepaid": "56B4E9",
    "recovery": "009E73",
    "advanced": "CC79A7",
    "reimbursed": "D55E00",
    "drawn": "999999",
}
_CHART_ROWS = 17
_AT_TIMES = ("fees", "advanced", "reimbursed", "drawn")
_Items = Mapping[str, tuple[str, How]]
#: Segments that are shown one by one at most.
SEGMENTS = 24
#: Rows of a scenario's block beside its items: heading, collections, difference, a blank line.
_FRAMING = 4


def add_cash_flows(kit: Kit) -> None:
    """Add the sheet; notes where its totals stand for the Checks and the Summary."""
    frame = kit.frame("cash_flows")
    if frame is None:
        return
    sheet = kit.add(NAME, "Cash flows of the pool")
    items = _shown(frame)
    frame = _largest_segments(_signed(frame), items)
    ends = _ends(frame, items)
    line = Timeline.over(sheet, kit, ends, most=MOST_COLUMNS, opening=False)
    line.head(4)
    scenarios = list(dict.fromkeys(frame["scenario"].astype(str)))
    segments = list(dict.fromkeys(frame["segment"].astype(str)))
    block = len(items) + _FRAMING
    heads = {s: 5 + n * block + (_CHART_ROWS if n else 0) for n, s in enumerate(scenarios)}
    row = 5 + len(scenarios) * block + _CHART_ROWS
    for scenario in scenarios:
        chosen = (frame["scenario"].astype(str) == scenario) & (frame["period"] <= len(ends))
        flows = frame[chosen]
        details = []
        for segment in segments:
            sheet.put(row, 1, f"Scenario {scenario}, {segment}", BOLD)
            sheet.blocks.append(row)
            details.append(row + 1)
            mine = flows[flows["segment"].astype(str) == segment].set_index("period")
            for offset, (column, (label, how)) in enumerate(items.items(), 1):
                line.line(row + offset, label, mine[column].to_dict(), how)
            row += len(items) + 2
        section(sheet, heads[scenario], f"Scenario {scenario}, all segments")
        sheet.blocks.append(heads[scenarios[0]] + block)
        _totals(line, items, heads[scenario] + 1, scenario, details)
    _charts(line, items, heads)
    assumed(kit, sheet, row)


def _shown(frame: pd.DataFrame) -> dict[str, tuple[str, How]]:
    """:data:`ITEMS` that the pool has."""
    missing = [name for name in _AT_TIMES if not _flows(frame, name)]
    return {name: item for name, item in ITEMS.items() if name not in missing}


def _flows(frame: pd.DataFrame, name: str) -> bool:
    return name in frame and bool((frame[name].abs() > HALF_CENT).any())


def _signed(frame: pd.DataFrame) -> pd.DataFrame:
    """``frame`` with what is taken off the collections below zero, so that its lines add up."""
    less = [name for name, sign in COLLECTED.items() if sign < 0.0 and name in frame]
    return frame.assign(**{name: 0.0 - frame[name] for name in less})


def _largest_segments(frame: pd.DataFrame, items: _Items) -> pd.DataFrame:
    """``frame`` with all but the largest :data:`SEGMENTS` segments taken together."""
    segment = frame["segment"].astype(str)
    opening = frame["opening"].where(frame["period"] == 1, 0.0).groupby(segment).sum()
    if len(opening) <= SEGMENTS:
        return frame
    kept = opening.sort_values(ascending=False, kind="stable").index[: SEGMENTS - 1]
    rest = f"{len(opening) - len(kept)} other segments"
    named = frame.assign(segment=segment.where(segment.isin(kept), rest))
    keys = ["scenario", "segment", "period", "end"]
    return named.groupby(keys, sort=False, as_index=False)[list(items)].sum()


def _ends(frame: pd.DataFrame, items: _Items) -> list[date]:
    """Period ends up to the last in which anything flows."""
    alive = frame["period"][(frame[list(items)].abs() > HALF_CENT).any(axis=1)]
    days = frame.drop_duplicates("period").sort_values("period")
    return [as_date(day) for day in days[days["period"] <= alive.max()]["end"]]


def _totals(line: Timeline, items: _Items, row: int, scenario: str, details: list[int]) -> None:
    """All segments of a scenario together, live, and what must be zero."""
    sheet, money = line.sheet, line.kit.look.money()
    at = {column: row + offset for offset, column in enumerate(items)}
    for offset, (label, how) in enumerate(items.values()):
        sheet.put(row + offset, 1, label, styled(TEXT, indent=1))
        for place in range(line.first, (line.total if how == "sum" else line.last) + 1):
            cell = rows_total(sheet, [first + offset for first in details], place)
            sheet.put(row + offset, place, cell, live(money))
    end = row + len(items)
    sheet.put(end, 1, f"Collections, {scenario}", totals("General", ink="text"))
    plus = " and what is drawn" if "drawn" in at else ""
    sheet.put(end + 1, 1, f"Opening{plus} less defaults, principal and closing", NOTE)
    for place in range(line.first, line.total + 1):
        cell = rows_total(sheet, [at[c] for c in COLLECTED if c in at], place)
        sheet.put(end, place, cell, totals(money))
    for place in range(line.first, line.last + 1):
        columns = ("opening", "default", "scheduled", "prepaid", "closing", "drawn")
        terms = [at[c] for c in columns if c in at]
        value = number(sheet, terms[0], place) - sum(number(sheet, t, place) for t in terms[1:])
        text = "-".join(address(t, place) for t in terms)
        sheet.put(end + 1, place, rounded(text, value), live(line.kit.look.money(4), size=9))
    places = line.kit.book.places
    places[f"cash.{scenario}.gap"] = line.watched(end + 1)
    places[f"cash.{scenario}.opening"] = sheet.at(at["opening"], line.first)
    places[f"cash.{scenario}.collections"] = line.cells(end)


def _charts(line: Timeline, items: _Items, heads: dict[str, int]) -> None:
    """Collections of the first scenario by kind, and of every scenario side by side."""
    sheet = line.sheet
    first = next(iter(heads))
    at = {column: heads[first] + n for n, column in enumerate(items, 1)}
    kinds = tuple(
        Series(sheet.at(at[column], 1), line.cells(at[column]), _COLOURS[column])
        for column in COLLECTED
        if column in at
    )
    ends = [head + 1 + len(items) for head in heads.values()]
    scenarios = tuple(
        Series(sheet.at(end, 1), line.cells(end), tint)
        for end, tint in zip(ends, PALETTE, strict=False)
    )
    row = heads[first] + len(items) + _FRAMING
    half = sheet.centimetres(1, sheet.last_column) / 2.0 - 0.5
    middle = next(c for c in range(2, 99) if sheet.centimetres(1, c - 1) >= half + 0.5)
    _chart(line, (row, 1, half), f"Collections, scenario {first}", kinds, stacked=True)
    _chart(line, (row, middle, half), "Collections by scenario", scenarios, stacked=False)


def _chart(
    line: Timeline,
    place: tuple[int, int, float],
    title: str,
    series: tuple[Series, ...],
    *,
    stacked: bool,
) -> None:
    """A chart at ``place``: row, column, room in centimetres."""
    look = line.kit.look
    chart = Chart(
        kind="stacked" if stacked else "columns",
        title=f"{title}, {look.label}",
        row=place[0],
        column=place[1],
        categories=line.cells(4),
        series=series,
        number_format=look.axis(),
        category_format=look.day,
        width=min(place[2], 17.0),
        height=8.0,
    )
    line.sheet.charts.append(chart)
