"""The regulator's return: each cap of the law, what it counts, its base, and what is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from scfcap.report.book import PERCENT, Condition, Formula, Sheet, Style, address
from scfcap.report.sheets.common import (
    BOLD,
    NOTE,
    TEXT,
    Kit,
    as_date,
    figure,
    heads,
    lines_needed,
    live,
    number,
    records,
    section,
    styled,
    title_case,
    totals,
)
from scfcap.report.sheets.headroom import SAID, coloured, uses_most
from scfcap.report.sheets.signing import signed
from scfcap.report.sheets.timeline import Timeline

NAME = "Regulatory return"
#: Closes that the sheet shows at most.
SHOWN = 12
_WEIGHT, _FIRST = 2, 3
_BASES = {
    "net_capital": "Net capital",
    "net_assets": "Net assets",
    "net_assets_prior_year_end": "Net assets at the preceding year end",
}
#: Names under which caps count sources, in words.
_SOURCES = {
    "bank": "loans from banks",
    "shareholder": "loans from shareholders",
    "peer": "loans from other microloan companies",
    "bond": "bonds",
    "abs_third_party": "notes held by others",
    "transfer_recourse": "loans sold with recourse",
    "transfer_clean": "loans sold without recourse",
    "p2p": "P2P notes",
    "guaranteed": "guarantees given",
    "joint_partner": "partners' parts of joint loans",
}
_LIMITS = {
    "single_borrower": "Largest borrower",
    "group": "Largest group of related borrowers",
}
_DAY = "d mmm yyyy"


@dataclass(frozen=True)
class _Cap:
    """Where a cap's lines stand on the sheet."""

    name: str
    base: str
    source: str
    numerator: int
    limit: int
    ratio: int
    room: int


def add_regulator(kit: Kit) -> None:
    """Add the sheet, where a regime is in force."""
    caps, sources = kit.frame("plan_caps"), kit.frame("plan_cap_sources")
    if caps is None:
        return
    sheet = kit.add(NAME, "Return on the caps of the law", 50.0)
    ends = [as_date(end) for end in caps.drop_duplicates("period")["end"]]
    line = Timeline.over(sheet, kit, ends, most=SHOWN, opening=False)
    periods = sorted(caps["period"].unique())
    shown = [periods[last - 1] for _, last in line.buckets]
    last = _FIRST + len(shown) - 1
    sheet.widths |= {_WEIGHT: 9.0, **dict.fromkeys(range(_FIRST, max(last, 9) + 1), 14.0)}
    sheet.put(4, 1, f"Regime: {kit.meta.regime}", BOLD)
    sheet.put(4, _FIRST, SAID, NOTE)
    names = list(dict.fromkeys(caps["cap"].astype(str)))
    top, row = 6, 6 + len(names) + 4
    if line.step > 1:
        sheet.put(5, 1, f"Every {line.step} closes; the table plan_caps has each.", NOTE)
    places = []
    for name in names:
        mine = caps[caps["cap"] == name].set_index("period")
        counted = pd.DataFrame() if sources is None else sources[sources["cap"] == name]
        place, row = _cap(kit, sheet, row, mine, counted, shown)
        places.append(place)
        row += 1
    _glance(kit, sheet, top, places, (_FIRST, last))
    row = _others(kit, sheet, row)
    signed(sheet, row + 1, "The figures above are those of the plan at each close.")
    sheet.freeze, sheet.title_columns = (4, 2), (1, 1)


def _cap(
    kit: Kit,
    sheet: Sheet,
    row: int,
    cap: pd.DataFrame,
    sources: pd.DataFrame,
    shown: Sequence[int],
) -> tuple[_Cap, int]:
    """A cap in every shown period; returns where it stands, and the row after it."""
    money, first = kit.look.money(), cap.iloc[0]
    name = str(first["cap"])
    row = section(sheet, row, f"Cap: {title_case(name)}", str(first["source"]))
    ends = [as_date(cap["end"].get(t, kit.meta.as_of)) for t in shown]
    heads(sheet, row, [f"Balance at the close, {kit.look.label}", "Weight", *ends], kit.look.day)
    items = [] if sources.empty else list(records(sources.drop_duplicates("item")))
    held = {
        (str(x.item), int(x.period)): (float(x.balance), float(x.counted)) for x in records(sources)
    }
    balances = row + 1
    for item in items:
        row += 1
        label = f"{item.item} ({_SOURCES.get(str(item.source), str(item.source))})"
        sheet.put(row, 1, label, styled(TEXT, indent=1))
        sheet.put(row, _WEIGHT, float(item.weight), figure("0.00", ink="input"))
        for column, t in enumerate(shown, _FIRST):
            if (str(item.item), t) in held:
                sheet.put(row, column, held[str(item.item), t][0], figure(money))
    if not items:
        row += 1
        sheet.put(row, 1, "Nothing that this cap counts", styled(NOTE, indent=1))
    counted = row + 1
    for offset, item in enumerate(items):
        row += 1
        sheet.put(row, 1, f"Counted: {item.item}", styled(TEXT, indent=1))
        for column, t in enumerate(shown, _FIRST):
            if (str(item.item), t) in held:
                text = (
                    f"=${address(balances + offset, _WEIGHT)}*{address(balances + offset, column)}"
                )
                value = held[str(item.item), t][1]
                sheet.put(row, column, Formula(text, value), live(money))
    numerator = row + 1
    place = _Cap(
        name, _BASES[str(first["base"])], str(first["source"]), numerator, numerator + 4,
        numerator + 5, numerator + 6,
    )  # fmt: skip
    _labels(kit, sheet, place)
    given = cap.to_dict("index")
    for column, t in enumerate(shown, _FIRST):
        if t in given:
            body = (counted, numerator - 1) if items else None
            _figures(kit, sheet, column, place, given[t], body)
    area = sheet.span(place.room, _FIRST, place.room, _FIRST + len(shown) - 1)
    use, limit, room = (address(at, _FIRST) for at in (place.numerator, place.limit, place.room))
    coloured(sheet, area, broken=f"N({room})<-0.005", near=uses_most(use, limit))
    kit.book.places[f"regulator.{name}.counted"] = sheet.span(
        numerator, _FIRST, numerator, _FIRST + len(shown) - 1
    )
    return place, place.room + 2


def _labels(kit: Kit, sheet: Sheet, place: _Cap) -> None:
    lines = {
        place.numerator: (f"Numerator, {kit.look.label}", totals("General", ink="text")),
        place.numerator + 1: (f"Base: {place.base.lower()}", styled(TEXT, indent=1)),
        place.numerator + 2: ("Base as of", styled(TEXT, indent=1)),
        place.numerator + 3: ("Multiple of the base", styled(TEXT, indent=1)),
        place.limit: ("Limit: multiple times base", totals("General", ink="text")),
        place.ratio: ("Ratio: numerator over base", BOLD),
        place.room: ("Headroom: limit less numerator", BOLD),
    }
    for row, (label, style) in lines.items():
        sheet.put(row, 1, label, style)
        if style.fill:
            sheet.put(row, _WEIGHT, None, style)


def _figures(
    kit: Kit,
    sheet: Sheet,
    column: int,
    place: _Cap,
    cap: Mapping[Any, Any],
    counted: tuple[int, int] | None,
) -> None:
    """One period of a cap: all but what is given is live."""
    money, top = kit.look.money(), place.numerator
    count, base, multiple, limit = (
        float(cap[key]) for key in ("counted", "base_amount", "multiple", "limit")
    )
    at = {row: address(row, column) for row in range(top, place.room + 1)}
    if counted is None:
        total: Formula | float = Formula("=0", count)
    else:
        span = f"{address(counted[0], column)}:{address(counted[1], column)}"
        total = Formula(f"=SUM({span})", count)
    cells: tuple[tuple[int, object, Style], ...] = (
        (top, total, totals(money)),
        (top + 1, base, figure(money)),
        (top + 2, as_date(cap["base_date"]), figure(_DAY, ink="text", align="right")),
        (top + 3, multiple, figure("0.00", ink="input")),
        (place.limit, Formula(f"={at[top + 3]}*{at[top + 1]}", limit), totals(money)),
        (
            place.ratio,
            Formula(
                f"=IF({at[top + 1]}=0,0,{at[top]}/{at[top + 1]})", count / base if base else 0.0
            ),
            live(PERCENT, bold=True),
        ),
        (
            place.room,
            Formula(f"={at[place.limit]}-{at[top]}", limit - count),
            live(money, bold=True),
        ),
    )
    for row, value, style in cells:
        sheet.put(row, column, value, style)  # type: ignore[arg-type]


def _glance(
    kit: Kit, sheet: Sheet, row: int, places: Sequence[_Cap], columns: tuple[int, int]
) -> None:
    """Every cap in a line: its highest ratio and its least headroom among the closes shown."""
    unit, (first, last) = kit.look.label, columns
    heads(
        sheet,
        row,
        ["Cap", "", "Highest ratio", f"Least headroom, {unit}", "Within the cap"],
    )
    for place in places:
        row += 1
        spans = {
            at: f"{address(at, first)}:{address(at, last)}" for at in (place.ratio, place.room)
        }
        ratios, rooms = (
            [number(sheet, at, column) for column in range(first, last + 1)
             if (at, column) in sheet.cells]
            for at in (place.ratio, place.room)
        )  # fmt: skip
        most, least = max(ratios), min(rooms)
        sheet.put(row, 1, f"{title_case(place.name)} ({place.base.lower()})", TEXT)
        sheet.put(row, 3, Formula(f"=MAX({spans[place.ratio]})", most), live(PERCENT))
        room = Formula(f"=MIN({spans[place.room]})", least)
        sheet.put(row, 4, room, live(kit.look.money()))
        text = f'=IF({address(row, 4)}>=-0.005,"yes","no")'
        kept = "yes" if least >= -0.005 else "no"
        cell = sheet.put(row, 5, Formula(text, kept), live("General", align="center"))
        for word, look in (("yes", "good"), ("no", "bad")):
            condition = Condition(cell, f'{cell.local}="{word}"', look)  # type: ignore[arg-type]
            sheet.conditions.append(condition)


def _others(kit: Kit, sheet: Sheet, row: int) -> int:
    """Limits of the law on borrowers, which stand at the start."""
    frame = kit.frame("plan_limits")
    chosen = pd.DataFrame() if frame is None else frame[frame["family"].isin(list(_LIMITS))]
    if chosen.empty:
        return row
    unit, money = kit.look.label, kit.look.money()
    row = section(sheet, row, "Limits on borrowers", f"As of {kit.meta.as_of:%Y-%m-%d}.")
    heads(sheet, row, ["", "", f"Largest, {unit}", f"Limit, {unit}", f"Headroom, {unit}", "Used"])
    for item in chosen.to_dict("records"):
        row += 1
        use, most = float(item["use"]), float(item["limit"])
        label = _LIMITS[str(item["family"])]
        sheet.put(row, 1, label, styled(TEXT, indent=1))
        sheet.heights[row] = 15.0 * lines_needed(label, 50.0)
        sheet.put(row, 3, use, figure(money))
        sheet.put(row, 4, most, figure(money))
        c, d = address(row, 3), address(row, 4)
        sheet.put(row, 5, Formula(f"={d}-{c}", most - use), live(money))
        used = Formula(f"=IF({d}=0,0,{c}/{d})", use / most if most else 0.0)
        sheet.put(row, 6, used, live(PERCENT))
        area = sheet.span(row, 5, row, 6)
        coloured(sheet, area, broken=f"$E{row}<-0.005", near=uses_most(f"$C{row}", f"$D{row}"))
    return row + 2
