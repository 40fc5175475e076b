"""The Deal sheet: each series in every scenario, its cash, its notes and what carries them."""

from __future__ import annotations

from datetime import date

import pandas as pd

from scfcap.report.book import PERCENT, Chart, Formula, Series, Style, address
from scfcap.report.sheets.common import (
    NOTE,
    PALETTE,
    TEXT,
    Kit,
    as_date,
    live,
    number,
    section,
    styled,
    title_case,
)
from scfcap.report.sheets.timeline import MOST_COLUMNS, How, Timeline
from scfcap.report.totals import deal_sides, deal_tranches

NAME = "Deal"
_FIRST_OF = ("opening cash", "opening reserve")
_LAST_OF = ("cash", "reserve")
_PHASE = Style(ink="note", size=8, align="right")
_CHART_ROWS = 11


def add_deal(kit: Kit) -> None:
    """Add the sheet; notes where its totals stand for the Checks."""
    frames = {
        name.removeprefix("deal_"): table.frame
        for name, table in kit.tables.items()
        if name.startswith("deal_") and not table.frame.empty
    }
    if not frames:
        return
    sheet = kit.add(NAME, "Securitization: each series alone, its collections reinvested")
    ends = _ends(frames)
    line = Timeline.over(sheet, kit, ends, most=MOST_COLUMNS, opening=False)
    line.head(4)
    row = 5
    for name, frame in frames.items():
        for number_, (scenario, flows) in enumerate(frame.groupby("scenario", sort=False)):
            shown = flows[flows["period"] <= len(ends)]
            row = _block(line, row, name, str(scenario), shown, charted=number_ == 0)


def _ends(frames: dict[str, pd.DataFrame]) -> list[date]:
    """Period ends up to the last in which any series is alive."""
    last = 1
    for frame in frames.values():
        flows = frame.drop(columns=["period", "end"]).select_dtypes("number")
        alive = frame["period"][(flows.abs() > 0.5).any(axis=1)]
        last = max(last, int(alive.max()) if len(alive) else 1)
    first = next(iter(frames.values()))
    days = first.drop_duplicates("period").sort_values("period")["end"]
    return [as_date(day) for day in days[:last]]


def _block(
    line: Timeline, row: int, name: str, scenario: str, frame: pd.DataFrame, *, charted: bool
) -> int:
    """One series in one scenario; returns the row after it."""
    sheet, places = line.sheet, line.kit.book.places
    flows = frame.set_index("period")
    row = section(sheet, row, f"{name}, scenario {scenario}", _story(frame, line.kit))
    phases = flows["phase"].to_dict()
    sheet.put(row, 1, "Phase", NOTE)
    for column, (_, last) in enumerate(line.buckets, line.first):
        sheet.put(row, column, str(phases.get(last, "")), _PHASE)
    row += 1
    ends = []
    for label, items in zip(("sources", "uses"), deal_sides(frame), strict=True):
        first = row
        for item in items:
            how: How = "first" if item in _FIRST_OF else "last" if item in _LAST_OF else "sum"
            if how == "sum" and not flows[item].abs().max() > 0.0:
                continue
            text = f"Closing {item}" if how == "last" else title_case(item)
            line.line(row, text, flows[item].to_dict(), how)
            row += 1
        area = line.summed(row, f"Total {label}", range(first, row), across=False)
        places[f"deal.{name}.{scenario}.{label}"] = area
        ends.append(row)
        row += 1
    places[f"deal.{name}.{scenario}.gap"] = line.gap(row, ends[0], ends[1])
    row, stack = _balances(line, row + 1, frame)
    if charted:
        row = _chart(line, row, name, scenario, stack)
    return row + 1


def _balances(line: Timeline, row: int, frame: pd.DataFrame) -> tuple[int, list[int]]:
    """Notes, the part that the company carries, and the cover; returns the rows of the stack."""
    sheet, money = line.sheet, line.kit.look.money()
    flows = frame.set_index("period")
    stack: list[int] = []
    for tranche in deal_tranches(frame):
        line.line(row, f"Notes: {tranche}", flows[f"{tranche} notes"].to_dict(), "last")
        stack.append(row)
        row += 1
    accrued = [c for c in map(str, frame.columns) if c.endswith(" accrued")]
    owed = flows[accrued].sum(axis=1)
    if owed.abs().max() > 0.0:
        line.line(row, "Interest accrued on notes", owed.to_dict(), "last")
        stack.append(row)
        row += 1
    pool = row
    line.line(pool, "Pool", flows["pool"].to_dict(), "last")
    line.line(pool + 1, "Cash and reserve", (flows["cash"] + flows["reserve"]).to_dict(), "last")
    sheet.put(pool + 2, 1, "Carried by the company", styled(TEXT, indent=1))
    sheet.put(pool + 3, 1, "Pool and cash, % of notes and interest", styled(TEXT, indent=1))
    for column in range(line.first, line.last + 1):
        notes = sum(number(sheet, at, column) for at in stack)
        held = number(sheet, pool, column) + number(sheet, pool + 1, column)
        plus = f"{address(pool, column)}+{address(pool + 1, column)}"
        debt = "+".join(address(at, column) for at in stack)
        own = Formula(f"={plus}-({debt})", held - notes)
        sheet.put(pool + 2, column, own, live(money))
        cover = Formula(f"=IF({debt}<0.5,0,({plus})/({debt}))", held / notes if notes >= 0.5 else 0)
        sheet.put(pool + 3, column, cover, live(PERCENT))
    return pool + 4, [*stack, pool + 2]


def _chart(line: Timeline, row: int, name: str, scenario: str, stack: list[int]) -> int:
    sheet, look = line.sheet, line.kit.look
    tints = ("1F3A5F", "56B4E9", *PALETTE[3:])
    series = [
        Series(sheet.at(at, 1), line.cells(at), "E69F00" if at == stack[-1] else tint)
        for at, tint in zip(stack, tints, strict=False)
    ]
    chart = Chart(
        kind="stacked",
        title=f"{name}, scenario {scenario}: notes and what the company carries, {look.label}",
        row=row + 1,
        column=1,
        categories=line.cells(4),
        series=tuple(series),
        number_format=look.axis(),
        category_format=look.day,
        width=min(30.0, sheet.centimetres(1, sheet.last_column)),
        height=5.0,
    )
    sheet.charts.append(chart)
    sheet.blocks.append(row)
    return row + _CHART_ROWS


def _story(frame: pd.DataFrame, kit: Kit) -> str:
    """When it revolves, when each tranche is repaid, and what is left."""
    parts = []
    revolving = frame[frame["phase"] == "revolving"]
    if len(revolving):
        parts.append(f"revolves until {as_date(revolving['end'].iloc[-1]):%b %Y}")
    for tranche in deal_tranches(frame):
        notes = frame[f"{tranche} notes"]
        size = float(notes.max())
        open_ = frame[notes > 1e-9 * max(size, 1.0)]
        alive = int((frame["phase"] != "before closing").sum())
        if len(open_) and len(open_) == alive:
            parts.append(f"{tranche} is still outstanding at the end")
        elif len(open_):
            after = frame[frame["period"] > open_["period"].iloc[-1]].iloc[0]
            parts.append(f"{tranche} is repaid in {as_date(after['end']):%b %Y}")
    if len(revolving) and (frame["phase"] == "amortising").any():
        gone = float(frame["residual"].sum())
        if gone > 0.5:
            parts.append(f"{kit.look.say(gone)} comes back to the company")
    text = "; ".join(parts)
    return text[:1].upper() + text[1:] + "." if text else ""
