"""The Limits sheets: how far each limit is used, what is left, and what more of it would earn.

"Limits" shows the kinds of limit with a chart, then each limit over the periods; "Limits by
period" lists every limit in every period, and is what the first looks at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

import pandas as pd

from scfcap.report.book import (
    COUNT,
    PERCENT,
    PRICE,
    Chart,
    Condition,
    Formula,
    Series,
    address,
    quoted,
)
from scfcap.report.sheets.common import (
    TEXT,
    Kit,
    as_date,
    figure,
    heads,
    linked,
    live,
    number,
    records,
    rounded,
    section,
    title_case,
)
from scfcap.report.sheets.headroom import NEAR, SAID, coloured
from scfcap.report.words import FAMILIES

NAME, DETAILS = "Limits", "Limits by period"
BINDS = "binds"
#: Periods that the map of use shows at most; beyond it only the list has them.
MAPPED = 24
_ORDER = tuple(FAMILIES)
#: Rows of the list on a printed page: small, as an annex is.
_ROWS_A_PAGE = 54
#: Columns of the list.
_USE, _LIMIT, _ROOM, _USED, _PRICE, _STATE = 5, 6, 7, 8, 9, 10


@dataclass(frozen=True)
class _Limit:
    """One limit: its rows in the frame, and in the list."""

    family: str
    key: str
    sense: str
    money: str
    frame: pd.DataFrame
    first: int

    @property
    def last(self) -> int:
        """Last row in the list."""
        return self.first + len(self.frame) - 1

    def cells(self, column: int) -> str:
        """Its cells of a column of the list, as the first sheet's formulas write them."""
        span = f"{address(self.first, column)}:{address(self.last, column)}"
        return f"{quoted(DETAILS)}!{span}"


def add_limits(kit: Kit) -> None:
    """Add both sheets; notes where the count of binding limits stands for the Summary."""
    frame = kit.frame("plan_limits")
    if frame is None:
        return
    sheet = kit.add(NAME, "Limits: use, headroom and what more room would earn", 26.0)
    sheet.widths |= {2: 27.0, 3: 9.0, **dict.fromkeys(range(4, 8), 11.0)}
    limits = _details(kit, frame)
    families = list(dict.fromkeys(limit.family for limit in limits))
    head = 5 + max(len(families), 16) + 3
    _map(kit, head, limits)
    _families(kit, head, limits, families)


def family_label(name: str) -> str:
    """A constraint family in words."""
    return title_case(FAMILIES.get(name, name))


def key_label(family: str, key: str) -> str:
    """Whose limit it is; nothing where the family has only one."""
    if key == family:
        return "–"
    return f"step {int(key) + 1}" if key.isdigit() else key


def _natural(key: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts ``series-2`` before ``series-10``."""
    parts = re.findall(r"\d+|\D+", key)
    return tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in parts)


def groups(frame: pd.DataFrame) -> list[tuple[str, str, str, pd.DataFrame]]:
    """Each limit by family, key and sense, with its rows in time; in the order of the families."""
    groups = [
        (str(family), str(key), str(sense), group.sort_values("period", kind="stable"))
        for (family, key, sense), group in frame.groupby(["family", "key", "sense"], sort=False)
    ]

    def rank(group: tuple[str, str, str, pd.DataFrame]) -> tuple[object, ...]:
        known = _ORDER.index(group[0]) if group[0] in _ORDER else len(_ORDER)
        return (known, group[0], _natural(group[1]))

    return sorted(groups, key=rank)


def _used(sense: str, use: float, limit: float) -> float:
    """Use as a share of the limit (of a floor: the floor as a share of what is there)."""
    over, under = (use, limit) if sense == "<=" else (limit, use)
    return over / under if under > 0.0 else 0.0


def _details(kit: Kit, frame: pd.DataFrame) -> list[_Limit]:
    """The list of every limit in every period."""
    sheet = kit.add(DETAILS, "Every limit in every period", 26.0)
    sheet.widths |= {2: 30.0, 3: 11.0, 4: 9.0, **dict.fromkeys(range(5, 11), 13.0), 7: 16.0}
    unit = kit.look.label
    labels = [
        "Kind", "Limit", "Period end", "Sense", f"Use, {unit}", f"Limit, {unit}",
        f"Headroom, {unit}", "Used, % of limit", "One more unit of room earns", "State",
    ]  # fmt: skip
    heads(sheet, 4, labels)
    sheet.freeze, sheet.title_rows = (5, 3), (4, 4)
    row, limits = 4, []
    for family, key, sense, group in groups(frame):
        currency = str(group["unit"].iloc[0]) in ("currency", kit.meta.currency)
        money = kit.look.money() if currency else "0.00"
        limits.append(_Limit(family, key, sense, money, group, row + 1))
        for item in records(group):
            row += 1
            sheet.put(row, 1, family_label(family), TEXT)
            sheet.put(row, 2, key_label(family, key), TEXT)
            if not pd.isna(item.end):
                month = figure(kit.look.day, ink="text", align="center")
                sheet.put(row, 3, as_date(item.end), month)
            _detail_line(kit, row, item, limits[-1])
    body = sheet.span(5, 1, row, _STATE)
    state, room, used = (f"${address(5, column)}" for column in (_STATE, _ROOM, _USED))
    coloured(sheet, sheet.span(5, _ROOM, row, _USED), broken=f"{room}<-0.5", near=f"{used}>={NEAR}")
    sheet.conditions.append(Condition(body, f'{state}="{BINDS}"', "binding"))
    sheet.filter_area = sheet.span(4, 1, row, _STATE)
    sheet.pages_tall = -(-row // _ROWS_A_PAGE)
    return limits


def _detail_line(kit: Kit, row: int, item: object, limit: _Limit) -> None:
    sheet = kit.book.sheet(DETAILS)
    use, most = float(getattr(item, "use")), float(getattr(item, "limit"))  # noqa: B009
    dual, bound = float(getattr(item, "dual")), bool(getattr(item, "binding"))  # noqa: B009
    at_most = limit.sense == "<="
    sheet.put(row, 4, "at most" if at_most else "at least", TEXT)
    sheet.put(row, _USE, use, figure(limit.money))
    sheet.put(row, _LIMIT, most, figure(limit.money))
    e, f = address(row, _USE), address(row, _LIMIT)
    text, room = (f"{f}-{e}", most - use) if at_most else (f"{e}-{f}", use - most)
    sheet.put(row, _ROOM, rounded(text, room), live(limit.money))
    over, under = (e, f) if at_most else (f, e)
    used = Formula(f"=IF({under}>0,{over}/{under},0)", _used(limit.sense, use, most))
    sheet.put(row, _USED, used, live(PERCENT))
    sheet.put(row, _PRICE, (dual if at_most else -dual) + 0.0, figure(PRICE))
    sheet.put(row, _STATE, BINDS if bound else "", TEXT)


def _map(kit: Kit, row: int, limits: list[_Limit]) -> None:
    """Each limit over the periods: the share that is used, marked where it binds."""
    sheet, details = kit.book.sheet(NAME), kit.book.sheet(DETAILS)
    ends = sorted({as_date(e) for x in limits for e in x.frame["end"].dropna()})
    shown = ends if len(ends) <= MAPPED else []
    row = section(sheet, row, "Each limit: share used in each period", SAID)
    labels = ["Kind", "Limit", "Sense", f"Least headroom, {kit.look.label}", "Most used, %",
              "Periods in which it binds", "One more unit of room earns"]  # fmt: skip
    sheet.widths |= dict.fromkeys(range(8, 8 + len(shown)), 7.5)
    heads(sheet, row, [*labels, *shown], kit.look.day)
    sheet.title_rows, sheet.freeze = (row, row), (4, 3)
    first = row + 1
    for limit in limits:
        row += 1
        sheet.put(row, 1, family_label(limit.family), TEXT)
        sheet.put(row, 2, key_label(limit.family, limit.key), TEXT)
        sheet.put(row, 3, "at most" if limit.sense == "<=" else "at least", TEXT)
        _totals(kit, row, limit)
        rows: dict[date, int] = {}
        for at, end in enumerate(limit.frame["end"], start=limit.first):
            if not pd.isna(end):
                rows.setdefault(as_date(end), at)
        for offset, day in enumerate(shown):
            if day in rows:
                cell = details.at(rows[day], _USED)
                value = Formula(f"={cell.linked}", number(details, rows[day], _USED))
                sheet.put(row, 8 + offset, value, linked("0%"))
    sheet.blocks.extend(range(first + 6, row + 1))
    if shown:
        body = sheet.span(first, 8, row, 7 + len(shown))
        corner = address(first, 8)
        coloured(sheet, body, broken=f"{corner}>1.000001", near=f"{corner}>={NEAR}")
    coloured(
        sheet,
        sheet.span(first, 4, row, 5),
        broken=f"$D{first}<-0.5",
        near=f"$E{first}>={NEAR}",
    )
    for column in (1, 2):
        bound = f"${address(first, 6)}>0"
        area = sheet.span(first, column, row, column)
        sheet.conditions.append(Condition(area, bound, "binding"))
    kit.book.places["limits.binding"] = sheet.span(first, 6, row, 6)
    kit.book.places["limits.map"] = sheet.span(first, 1, row, 7)


def _totals(kit: Kit, row: int, limit: _Limit) -> None:
    """Least headroom, largest use, periods in which it binds, highest price of a limit."""
    sheet, details = kit.book.sheet(NAME), kit.book.sheet(DETAILS)
    rows = range(limit.first, limit.last + 1)

    def values(column: int) -> list[float]:
        return [number(details, at, column) for at in rows]

    bound = float(limit.frame["binding"].sum())
    cells = (
        (4, f"=MIN({limit.cells(_ROOM)})", min(values(_ROOM)), linked(limit.money)),
        (5, f"=MAX({limit.cells(_USED)})", max(values(_USED)), linked(PERCENT)),
        (6, f'=COUNTIF({limit.cells(_STATE)},"{BINDS}")', bound, linked(COUNT)),
        (7, f"=MAX({limit.cells(_PRICE)})", max(values(_PRICE)), linked(PRICE)),
    )
    for column, text, value, style in cells:
        sheet.put(row, column, Formula(text, value), style)


def _families(kit: Kit, head: int, limits: list[_Limit], families: list[str]) -> None:
    """Kinds of limit at the top, with the chart beside them."""
    sheet = kit.book.sheet(NAME)
    area = kit.book.places["limits.map"]
    labels = ["Kind", "Limits", "", "Least used, %", "Most used, %", "Limits that bind",
              "One more unit of room earns"]  # fmt: skip
    heads(sheet, 4, labels)
    row, at = 4, area.row
    for family in families:
        row += 1
        count = sum(1 for limit in limits if limit.family == family)
        last = at + count - 1
        sheet.put(row, 1, family_label(family), TEXT)
        sheet.put(row, 2, count, figure(COUNT, ink="engine"))
        used = [number(sheet, n, 5) for n in range(at, last + 1)]
        binding = sum(1 for n in range(at, last + 1) if number(sheet, n, 6) > 0)
        prices = [number(sheet, n, 7) for n in range(at, last + 1)]
        span = {column: f"{address(at, column)}:{address(last, column)}" for column in (5, 6, 7)}
        sheet.put(row, 4, Formula(f"=MIN({span[5]})", min(used)), live(PERCENT))
        sheet.put(row, 5, Formula(f"=MAX({span[5]})", max(used)), live(PERCENT))
        sheet.put(row, 6, Formula(f'=COUNTIF({span[6]},">0")', float(binding)), live(COUNT))
        sheet.put(row, 7, Formula(f"=MAX({span[7]})", max(prices)), live(PRICE))
        at = last + 1
    sheet.conditions.append(Condition(sheet.span(5, 5, row, 5), f"$E5>={NEAR}", "near"))
    sheet.conditions.append(Condition(sheet.span(5, 1, row, 7), "$F5>0", "binding"))
    chart = Chart(
        kind="bars",
        title="Largest use of each kind of limit, % of the limit",
        row=4,
        column=8,
        categories=sheet.span(5, 1, row, 1),
        series=(Series(sheet.at(4, 5), sheet.span(5, 5, row, 5), "1F3A5F"),),
        number_format="0%",
        most=1.0 if max(number(sheet, n, 5) for n in range(5, row + 1)) <= 1.000001 else None,
        width=15.5,
        height=min(0.5 * (head - 4), 14.0),
    )
    sheet.charts.append(chart)
    sheet.reach(head, 17)
