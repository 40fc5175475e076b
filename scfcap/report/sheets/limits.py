"""The Limits sheet: how far each limit is used, what is left, and what more of it would earn."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from scfcap.report.book import PERCENT, PRICE, Chart, Condition, Formula, Series, address
from scfcap.report.sheets.common import (
    TEXT,
    Kit,
    as_date,
    figure,
    heads,
    live,
    records,
    section,
    title_case,
)
from scfcap.report.words import FAMILIES

NAME = "Limits"
#: Limits that the chart shows, those most used first.
CHARTED = 15
_ORDER = tuple(FAMILIES)


def add_limits(kit: Kit) -> None:
    """Add the sheet: a line for each limit, a chart, then every limit in every period."""
    frame = kit.frame("plan_limits")
    if frame is None:
        return
    sheet = kit.add(NAME, "Limits: use, headroom and what one more unit would earn", 24.0)
    sheet.widths |= {2: 46.0, 3: 11.0, 4: 7.0, **dict.fromkeys(range(5, 11), 13.0)}
    groups = list(_sorted(frame).groupby(["family", "key", "sense"], sort=False))
    shown = sum(1 for _, group in groups)
    charted = min(CHARTED, shown)
    details = 5 + shown + 2 + 4 + charted + 3
    labels = [
        "Family", "Limit", "Periods", "Sense", f"Least headroom, {kit.look.label}",
        "Most used, % of limit", "Periods in which it binds", "Highest price",
    ]  # fmt: skip
    heads(sheet, 4, labels)
    sheet.freeze, sheet.title_rows = (5, 3), (4, 4)
    spans = _details(kit, groups, details)
    ranked = sorted(range(shown), key=lambda n: (-spans[n][1], spans[n][0]))
    for row, n in enumerate(ranked, 5):
        _summary_line(kit, row, groups[n], spans[n])
    kit.book.places["limits.binding"] = sheet.span(5, 7, 4 + shown, 7)
    _chart(kit, charted, 5 + shown)


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    rank = frame["family"].map({family: n for n, family in enumerate(_ORDER)})
    order = frame.assign(_rank=rank.fillna(len(_ORDER)))
    return order.sort_values(["_rank", "family", "key", "period"], kind="stable")


def _used(sense: str, use: float, limit: float) -> float:
    """Use as a share of the limit (of a floor: the floor as a share of what is there)."""
    over, under = (use, limit) if sense == "<=" else (limit, use)
    return over / under if under > 0.0 else 0.0


def _details(
    kit: Kit, groups: Sequence[tuple[object, pd.DataFrame]], row: int
) -> list[tuple[int, float]]:
    """Every limit in every period; returns first row and largest use of each."""
    sheet, money = kit.book.sheet(NAME), kit.look.money()
    row = section(sheet, row, "Every limit in every period") - 1
    sheet.breaks.append(row - 1)
    row += 1
    unit = kit.look.label
    labels = [
        "Family", "Limit", "Period end", "Sense", f"Use, {unit}", f"Limit, {unit}",
        f"Headroom, {unit}", "Used, % of limit", "Price of one more unit", "State",
    ]  # fmt: skip
    heads(sheet, row, labels)
    head, spans = row, []
    for _, group in groups:
        spans.append((row + 1, 0.0))
        for item in records(group):
            row += 1
            sense, use, limit = str(item.sense), float(item.use), float(item.limit)
            style = figure(money if item.unit in ("currency", kit.meta.currency) else "0.00")
            sheet.put(row, 1, _family(str(item.family)), TEXT)
            sheet.put(row, 2, str(item.key), TEXT)
            if not pd.isna(item.end):
                sheet.put(row, 3, as_date(item.end), figure("mmm yy", ink="text", align="center"))
            sheet.put(row, 4, "at most" if sense == "<=" else "at least", TEXT)
            sheet.put(row, 5, use, style)
            sheet.put(row, 6, limit, style)
            e, f = address(row, 5), address(row, 6)
            text = f"={f}-{e}" if sense == "<=" else f"={e}-{f}"
            left = limit - use if sense == "<=" else use - limit
            sheet.put(row, 7, Formula(text, left), live(style.number_format))
            over, under = (e, f) if sense == "<=" else (f, e)
            used = _used(sense, use, limit)
            text = f"=IF({under}>0,{over}/{under},0)"
            sheet.put(row, 8, Formula(text, used), live(PERCENT))
            sheet.put(row, 9, float(item.dual), figure(PRICE))
            sheet.put(row, 10, "binds" if item.binding else "", TEXT)
            spans[-1] = (spans[-1][0], max(spans[-1][1], used))
    body = sheet.span(head + 1, 1, row, 10)
    sheet.conditions.append(Condition(body, f'$J{head + 1}="binds"', "binding"))
    sheet.conditions.append(Condition(sheet.span(head + 1, 7, row, 7), f"$G{head + 1}<-0.5", "bad"))
    sheet.filter_area = sheet.span(head, 1, row, 10)
    return spans


def _summary_line(
    kit: Kit, row: int, group: tuple[object, pd.DataFrame], span: tuple[int, float]
) -> None:
    sheet = kit.book.sheet(NAME)
    frame, (first, used) = group[1], span
    last = first + len(frame) - 1
    sense, bound = str(frame["sense"].iloc[0]), int(frame["binding"].sum())
    gaps = frame["limit"] - frame["use"]
    least = float((gaps if sense == "<=" else -gaps).min())
    unit = frame["unit"].iloc[0]
    money = kit.look.money() if unit in ("currency", kit.meta.currency) else "0.00"
    sheet.put(row, 1, _family(str(frame["family"].iloc[0])), TEXT)
    sheet.put(row, 2, str(frame["key"].iloc[0]), TEXT)
    sheet.put(row, 3, len(frame), figure("0", align="center"))
    sheet.put(row, 4, "at most" if sense == "<=" else "at least", TEXT)
    sheet.put(row, 5, Formula(f"=MIN(G{first}:G{last})", least), live(money))
    sheet.put(row, 6, Formula(f"=MAX(H{first}:H{last})", used), live(PERCENT))
    count = Formula(f'=COUNTIF(J{first}:J{last},"binds")', float(bound))
    sheet.put(row, 7, count, live("0;-0;–", align="center"))
    price = Formula(f"=MAX(I{first}:I{last})", float(frame["dual"].max()))
    sheet.put(row, 8, price, live(PRICE))
    sheet.conditions.append(Condition(sheet.span(row, 1, row, 8), f"$G{row}>0", "binding"))


def _family(name: str) -> str:
    return title_case(FAMILIES.get(name, name))


def _chart(kit: Kit, charted: int, row: int) -> None:
    sheet = kit.book.sheet(NAME)
    chart = Chart(
        kind="bars",
        title="Most used limits: largest use in any period, % of the limit",
        row=row + 1,
        column=1,
        categories=sheet.span(5, 2, 4 + charted, 2),
        series=(Series(sheet.at(4, 6), sheet.span(5, 6, 4 + charted, 6), "1F3A5F"),),
        number_format="0%",
        width=29.0,
        height=2.8 + 0.52 * charted,
    )
    sheet.charts.append(chart)
