"""Two plans side by side: why the figures differ, what is done otherwise, and what binds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd

from scfcap.report.book import PERCENT, Condition, Formula, Sheet, Style, address
from scfcap.report.sheets.bridge import WIDE, Bridge, Step, add_bridge
from scfcap.report.sheets.common import (
    NOTE,
    TEXT,
    WRAPPED,
    as_date,
    difference,
    figure,
    heads,
    live,
    number,
    section,
    styled,
    title_case,
    words,
)
from scfcap.report.sheets.compare import Work, tolerance_of
from scfcap.report.sheets.compare_words import objective_title
from scfcap.report.sheets.limits import family_label, key_label
from scfcap.report.sheets.plan import by_period, ordered
from scfcap.report.sheets.timeline import How, Timeline

if TYPE_CHECKING:
    from scfcap.report.compare_plans import PlanComparison, PlanParty

BRIDGE, FIGURES, BINDING = "Plan bridge", "Figures", "What binds"
FLOWS, BALANCES = "Sources and uses", "Balances"
#: How a limit stands in a period, and how that is shown.
BOTH, NEW, GONE = "in both", "now", "no longer"
#: Columns of periods at most.
_MOST = 20
_CARRIED: Mapping[str, How] = {"cash brought forward": "first", "cash carried forward": "last"}
#: Lines that never hold as much are left out [currency].
_LEAST = 0.005
_RATE = '0.0000_);(0.0000);"–"_)'
#: The day under which a limit without a period stands.
_UNDATED = "At its date"


def add_plans(work: Work, found: PlanComparison) -> None:
    """The sheets of the plans."""
    _bridges(work, found)
    _figures(work, found)
    _binding(work, found)
    for name, title, add in (
        (FLOWS, "Sources and uses by period: b less a, and both", _flows),
        (BALANCES, "Balances by period: b less a, and both", _balances),
    ):
        table = name.lower().replace(" and ", "_")
        if all(_holds(x, table) for x in (found.a, found.b)):
            add(work, name, title, found)


def _holds(party: PlanParty, table: str) -> bool:
    return table in party.frames and not party.frames[table].empty


def _bridges(work: Work, found: PlanComparison) -> None:
    sheet = work.kit.add(BRIDGE, "Why the plans differ", 30.0)
    sheet.widths |= {2: 16.0, 3: 16.0, **dict.fromkeys(range(4, WIDE + 1), 13.0)}
    if found.steps is None:
        text = f"Why the plans differ is not told: {found.unexplained}."
        sheet.merged(3, (1, 4), text, WRAPPED)
        return
    titles = {"objective": objective_title(found), "net_income": "Net income"}
    row = 4
    for column, title in titles.items():
        if column == "objective" and title == titles["net_income"]:
            title = "Objective: net income"
        frame = found.drivers
        steps = [
            Step(_joined(str(each["driver"])), float(each[column]), str(each["meaning"]))
            for each in frame.iloc[1:-1].to_dict("records")
        ]
        ends = float(frame[column].iloc[0]), float(frame[column].iloc[-1])
        standing = add_bridge(work.kit, sheet, row, Bridge(title, *ends, steps), work.ends)
        label = f"{title}: a and the effects of the drivers are b"
        work.prove(label, standing.reached, standing.end, tolerance_of(*ends))
        row = standing.after + 1


def _joined(drivers: str) -> str:
    return " + ".join(title_case(name) for name in drivers.split(" + "))


# --- figures ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Block:
    """A list of amounts of both plans: its title, headings of its keys, rows of keys, a and b."""

    title: str
    keys: Sequence[str]
    rows: Iterable[tuple[Sequence[str], float | None, float | None]]
    look: str
    note: str = ""


def _figures(work: Work, found: PlanComparison) -> None:
    sheet = work.kit.add(FIGURES, "Figures of both plans, and what differs", 34.0)
    sheet.widths |= {2: 22.0, 3: 30.0, **dict.fromkeys(range(4, 8), 15.0)}
    sheet.freeze = (4, 2)
    money, unit = work.kit.look.money(), work.kit.meta.currency
    blocks = [
        _Block("Totals over the plan", ["Figure"], _totals(found), money),
        _Block("Decided otherwise, over the plan", _KEYS, _decided(found.totals), money),
        _Block("Otherwise in the first period", _KEYS, _decided(found.next), money),
        _Block(
            "Shadow prices that differ",
            ["Of"],
            (
                ((str(x["what"]),), _there(x["a"]), _there(x["b"]))
                for x in found.prices.to_dict("records")
            ),
            _RATE,
            f"What one more {unit} of each is worth over the plan [{unit}/{unit}].",
        ),
    ]
    row = 4
    for block in blocks:
        row = _block(sheet, row, block) + 1


_KEYS = ("Channel", "Action", "Item")


def _block(sheet: Sheet, row: int, block: _Block) -> int:
    row = section(sheet, row, block.title, block.note)
    blank = [""] * (3 - len(block.keys))
    heads(sheet, row, [*block.keys, *blank, "a", "b", "Change", "Change, %"])
    first = row + 1
    for keys, a, b in block.rows:
        row += 1
        for n, key in enumerate(keys, start=1):
            sheet.put(row, n, key, styled(TEXT, indent=1 if n == 1 else 0))
        for n, value in enumerate((a, b), start=4):
            sheet.put(row, n, value, figure(block.look))
        x, y = address(row, 4), address(row, 5)
        gap = (b or 0.0) - (a or 0.0)
        sheet.put(row, 6, Formula(f"={y}-{x}", gap), live(block.look))
        share = gap / abs(a) if a else 0.0
        sheet.put(row, 7, Formula(f"=IF({x}=0,0,({y}-{x})/ABS({x}))", share), live(PERCENT))
    if row < first:
        row += 1
        sheet.put(row, 1, "No difference.", NOTE)
    return row + 1


def _there(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def _totals(found: PlanComparison) -> Iterable[tuple[Sequence[str], float, float]]:
    for row in found.figures.to_dict("records"):
        name, _, channel = str(row["figure"]).partition(", ")
        label = title_case(name)
        if channel:
            label = f"{label}: {words(channel.replace(' ', '_'))}"
        yield (label,), float(row["a"]), float(row["b"])


def _decided(frame: pd.DataFrame) -> Iterable[tuple[Sequence[str], float, float]]:
    for row in frame.to_dict("records"):
        item = str(row["item"])
        keys = (words(str(row["channel"])), title_case(str(row["action"])), title_case(item))
        yield keys, float(row["a"]), float(row["b"])


# --- limits -----------------------------------------------------------------------------------

_Key = tuple[str, str]


def _binding(work: Work, found: PlanComparison) -> None:
    """Limits by period: binding in both, now, or no longer, with live counts."""
    sheet = work.kit.add(BINDING, "What binds now, and what binds no longer", 34.0)
    sheet.widths[2] = 30.0
    states, days = _states(found)
    text = (
        f"{BOTH}: binds in both; {NEW}: binds in b and not in a; {GONE}: bound in a and "
        "not in b; empty: binds in neither."
    )
    sheet.put(3, 1, text, NOTE)
    changed = [key for key in states if {NEW, GONE} & set(states[key].values())]
    row = _matrix(
        work, sheet, 5, "Limits that bind otherwise", {k: states[k] for k in changed}, days
    )
    same = {key: each for key, each in states.items() if key not in changed}
    _matrix(work, sheet, row + 1, "Limits that bind as before", same, days)
    sheet.freeze = (5, 3)


def _states(
    found: PlanComparison,
) -> tuple[dict[_Key, dict[date | None, str]], list[date | None]]:
    both: list[dict[_Key, set[date | None]]] = []
    days: set[date | None] = set()
    for party in (found.a, found.b):
        frame = party.frames["limits"]
        days |= {_day(x) for x in frame["end"]}
        mine: dict[_Key, set[date | None]] = {}
        for row in frame[frame["binding"].astype(bool)].to_dict("records"):
            mine.setdefault((str(row["family"]), str(row["key"])), set()).add(_day(row["end"]))
        both.append(mine)
    order = sorted(day for day in days if day is not None)
    listed: list[date | None] = [*order, *([None] if None in days else [])]
    states: dict[_Key, dict[date | None, str]] = {}
    for key in dict.fromkeys([*both[0], *both[1]]):
        a, b = (each.get(key, set()) for each in both)
        states[key] = {
            day: BOTH if day in a and day in b else NEW if day in b else GONE
            for day in listed
            if day in a or day in b
        }
    return states, listed


def _day(value: Any) -> date | None:
    return None if pd.isna(value) else as_date(value)


def _matrix(
    work: Work,
    sheet: Sheet,
    row: int,
    title: str,
    states: Mapping[_Key, Mapping[date | None, str]],
    days: Sequence[date | None],
) -> int:
    row = section(sheet, row, title)
    first = 7
    labels = ["Kind of limit", "Limit", "Periods in a", "Periods in b", "Binds now", "No longer"]
    heads(sheet, row, [*labels, *(day or _UNDATED for day in days)], "d mmm yy")
    sheet.widths |= dict.fromkeys(range(3, first), 9.0)
    sheet.widths |= dict.fromkeys(range(first, first + len(days)), 9.5)
    top = row + 1
    centred = Style(align="center", size=9)
    for (family, key), told in states.items():
        row += 1
        sheet.put(row, 1, family_label(family), TEXT)
        shown = key_label(family, key)
        work.names.add(key)
        sheet.put(row, 2, shown, TEXT)
        for column, day in enumerate(days, start=first):
            sheet.put(row, column, told.get(day), centred)
        _counts(sheet, row, first, len(days), list(told.values()))
    if row < top:
        sheet.put(row + 1, 1, "None.", NOTE)
        return row + 2
    area = sheet.span(top, first, row, first + len(days) - 1)
    corner = address(top, first)
    for state, look in ((NEW, "bad"), (GONE, "good"), (BOTH, "binding")):
        sheet.conditions.append(Condition(area, f'{corner}="{state}"', look))  # type: ignore[arg-type]
    return row + 1


def _counts(sheet: Sheet, row: int, first: int, many: int, told: Sequence[str]) -> None:
    span = f"{address(row, first)}:{address(row, first + many - 1)}"
    count = {state: float(told.count(state)) for state in (BOTH, NEW, GONE)}
    new, gone = (f'COUNTIF({span},"{state}")' for state in (NEW, GONE))
    both = f'COUNTIF({span},"{BOTH}")'
    for column, (text, value) in enumerate(
        (
            (f"={both}+{gone}", count[BOTH] + count[GONE]),
            (f"={both}+{new}", count[BOTH] + count[NEW]),
            (f"={new}", count[NEW]),
            (f"={gone}", count[GONE]),
        ),
        start=3,
    ):
        sheet.put(row, column, Formula(text, value), live('0;-0;"–"', align="center"))


# --- by period --------------------------------------------------------------------------------

_Lines = dict[tuple[str, ...], dict[int, float]]


def _places(found: PlanComparison, table: str) -> dict[date, int]:
    """Ends of the periods of both, and the place of each among them; 0 is the opening."""
    frames = [party.frames[table] for party in (found.a, found.b)]
    ends = {as_date(x) for each in frames for x in each[each["period"] > 0]["end"].unique()}
    return {day: n for n, day in enumerate(sorted(ends), start=1)}


def _lines(frame: pd.DataFrame, keys: list[str], place: Mapping[date, int]) -> _Lines:
    """Amounts by key and place among the periods of both."""
    at = [0 if period == 0 else place[as_date(end)] for period, end in zip(
        frame["period"], frame["end"], strict=True)]  # fmt: skip
    table = by_period(frame.assign(period=at), keys)
    table = table[table.abs().max(axis=1) >= _LEAST]
    return {
        tuple(map(str, index if isinstance(index, tuple) else (index,))): {
            int(str(period)): float(value) for period, value in values.items()
        }
        for index, values in table.iterrows()
    }


def _flows(work: Work, name: str, title: str, found: PlanComparison) -> None:
    line = _timeline(work, name, title, found, "sources_uses", opening=False)
    row = 5
    totals: list[tuple[int, int]] = []
    for side, label in (("source", "Sources"), ("use", "Uses")):
        frames = [x.frames["sources_uses"] for x in (found.a, found.b)]
        both = [
            _lines(frame[frame["side"] == side], ["channel", "item"], line.place)
            for frame in frames
        ]
        row, sums = _three(line, row, label, both, lambda key: _CARRIED.get(key[1], "sum"))
        totals.append(sums)
    for n, short in enumerate(work.ends.short):
        cells = [line.line.sheet.at(each[n], line.line.total) for each in totals]
        size = [number(line.line.sheet, x.row, x.column) for x in cells]
        work.prove(f"Plan {short}: sources are uses", cells[0], cells[1], tolerance_of(*size))
    line.line.sheet.reach(row, line.line.total)


def _balances(work: Work, name: str, title: str, found: PlanComparison) -> None:
    opening = found.a.about["as_of"] == found.b.about["as_of"]
    line = _timeline(work, name, title, found, "balances", opening=opening)
    both = [
        _lines(x.frames["balances"], ["channel", "item"], line.place) for x in (found.a, found.b)
    ]
    row, _ = _three(line, 5, "Balances", both, lambda _: "last")
    line.line.sheet.reach(row, line.line.last)


@dataclass(frozen=True)
class _Grid:
    """The timeline of a sheet, and the place of each period's end on it."""

    line: Timeline
    place: Mapping[date, int]
    work: Work


def _timeline(
    work: Work, name: str, title: str, found: PlanComparison, table: str, *, opening: bool
) -> _Grid:
    sheet = work.kit.add(name, title, 36.0)
    place = _places(found, table)
    line = Timeline.over(sheet, work.kit, list(place), most=_MOST, opening=opening)
    line.head(4)
    return _Grid(line, place, work)


def _three(
    grid: _Grid,
    row: int,
    label: str,
    both: Sequence[_Lines],
    how: Callable[[tuple[str, ...]], How],
) -> tuple[int, tuple[int, int]]:
    """The differences, live, then the lines of a and of b, which they look at.

    Returns the row after them, and the rows of both totals (0 where balances are not summed).
    """
    line, sheet = grid.line, grid.line.sheet
    keys = _in_order([*both[0], *both[1]])
    summed = any(how(key) == "sum" for key in keys)
    height = len(keys) + 1 + summed
    starts = [row + (n + 1) * (height + 1) for n in range(2)]
    for start, lines, short in zip(starts, both, grid.work.ends.short, strict=True):
        at = section(sheet, start, f"{label}, {short}")
        for n, key in enumerate(keys):
            _own(line, at + n, key, lines.get(key, {}), how(key))
        if summed:
            line.summed(at + len(keys), f"Total, {short}", range(at, at + len(keys)))
    at = section(sheet, row, f"{label}: b less a")
    for n, key in enumerate(keys):
        _less(grid, at + n, _label(key), (starts[0] + 1 + n, starts[1] + 1 + n))
    ends = (starts[0] + 1 + len(keys), starts[1] + 1 + len(keys))
    if summed:
        _less(grid, at + len(keys), "Total, b less a", ends)
    return starts[1] + height + 1, ends if summed else (0, 0)


def _in_order(keys: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    unique = list(dict.fromkeys(keys))
    channels = ordered([key[0] for key in unique])
    return sorted(unique, key=lambda key: channels.index(key[0]))


def _label(key: tuple[str, ...]) -> str:
    return f"{words(key[0])}: {title_case(key[1])}"


def _own(
    line: Timeline, row: int, key: tuple[str, ...], values: dict[int, float], how: How
) -> None:
    if how in ("first", "last") and key[1] in _CARRIED:
        line.carried(row, _label(key), values, how)
        return
    line.line(row, _label(key), {0: 0.0, **values} if how == "last" else values, how)


def _less(grid: _Grid, row: int, label: str, rows: tuple[int, int]) -> None:
    sheet, line = grid.line.sheet, grid.line
    a, b = rows
    sheet.put(row, 1, label, styled(TEXT, indent=1))
    money = line.kit.look.money()
    for column in range(2, line.total + 1):
        if (b, column) in sheet.cells or (a, column) in sheet.cells:
            sheet.put(row, column, difference(sheet, (b, a), column), live(money))
    area = sheet.span(row, 2, row, line.last)
    sheet.conditions.append(Condition(area, f"ABS({address(row, 2)})<0.5", "faint"))
