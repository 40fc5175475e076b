"""The Plan sheet: sources and uses, lending, balances, balance sheet and income, month by month."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from scfcap import axes
from scfcap.quantities import HALF_CENT
from scfcap.report.book import PERCENT, Area, Chart, Formula, Series, address
from scfcap.report.sheets.common import (
    BOLD,
    CHANNEL_COLOURS,
    CHANNEL_WORDS,
    HEAD,
    NOTE,
    STACK_WORDS,
    Kit,
    as_date,
    figure,
    live,
    number,
    section,
    styled,
    title_case,
    words,
)
from scfcap.report.sheets.terms import INCOME, Terms, add_terms
from scfcap.report.sheets.timeline import How, Timeline
from scfcap.report.totals import funding_stack, loans_managed

NAME = "Plan"


def add_plan(kit: Kit) -> None:
    """Add the sheet; notes where its totals stand for the Checks and the Summary."""
    flows = kit.frame("plan_sources_uses")
    if flows is None:
        return
    sheet = kit.add(NAME, "Funding plan: sources and uses of cash")
    ends = period_ends(flows)
    line = Timeline.over(sheet, kit, ends)
    line.head(4)
    terms = add_terms(kit, flows) if line.step == 1 else None
    row = _sources_and_uses(line, flows, 5)
    row = _lending(line, row + 1)
    row = _stack(line, row + 1)
    row = _balances(line, row + 1)
    row = _balance_sheet(line, row + 1)
    row = _income(line, row + 1)
    if terms is not None:
        _live(line, terms)
    _marks(line)
    sheet.reach(row - 1, line.total + 1)


def _live(line: Timeline, terms: Terms) -> None:
    """Let lines be formulas where what they are made of stands in the workbook."""
    places, own = line.kit.book.places, axes.OWN
    for key in terms.now:
        area = places.get(f"plan.{key[0]}.{key[1]}.{key[2]}")
        if area is not None:
            terms.link(key, area)
    closing, opening = (
        places.get(f"plan.{side}.{own}.cash {word}")
        for side, word in (("use", "carried forward"), ("source", "brought forward"))
    )
    if closing is not None:
        terms.shift("Cash carried forward", closing)
        if opening is not None:
            _from_before(line, opening, closing)
    for name, title in (("cash", "Cash at the close"), ("net capital", "Net capital at the close")):
        area = places.get(f"plan.balance.{own}.{name}")
        if area is not None:
            terms.shift(title, area)
            for other in (f"plan.sheet.{name}", f"plan.sheet.free {name}", f"plan.stack.{own}"):
                if other in places and (name == "net capital" or "stack" not in other):
                    _same_as(line, places[other], area)
    for item in INCOME:
        area = places.get(f"plan.income.{item}")
        if area is not None:
            terms.earn(item, area)
    terms.rest_on(places)


def _from_before(line: Timeline, opening: Area, closing: Area) -> None:
    """Cash brought forward is what the period before carries forward."""
    sheet = line.sheet
    for column in range(opening.column + 1, opening.last_column + 1):
        value = number(sheet, opening.row, column)
        if abs(value - number(sheet, closing.row, column - 1)) <= HALF_CENT:
            text = f"={address(closing.row, column - 1)}"
            sheet.put(opening.row, column, Formula(text, value), live(line.kit.look.money()))


def _same_as(line: Timeline, area: Area, source: Area) -> None:
    """A line of the sheet that shows another one again."""
    sheet = line.sheet
    for column in range(area.column, area.last_column + 1):
        value = number(sheet, area.row, column)
        if abs(value - number(sheet, source.row, column)) <= HALF_CENT:
            text = f"={address(source.row, column)}"
            sheet.put(area.row, column, Formula(text, value), live(line.kit.look.money()))


def _marks(line: Timeline) -> None:
    """Beside each line: live, or to be run again."""
    sheet, at = line.sheet, line.total + 1
    sheet.put(4, at, "Live?", HEAD)
    sheet.widths[at] = 8.0
    meta = line.kit.meta
    sheet.put(3, 1, f"Grey figures are solved and stay; to solve again, run: {meta.command}", NOTE)
    for row in range(5, sheet.last_row + 1):
        cell = sheet.cells.get((row, line.last))
        if cell is not None and cell.style.ink != "head" and cell.value is not None:
            word = "live" if isinstance(cell.value, Formula) else "re-run"
            word = "model" if cell.style.ink == "input" else word
            sheet.put(row, at, word, styled(NOTE, align="center"))


def by_period(frame: pd.DataFrame, keys: list[str], value: str = "amount") -> pd.DataFrame:
    """A line for each combination of ``keys``, a column for each period."""
    table = frame.pivot_table(
        index=keys, columns="period", values=value, aggfunc="sum", sort=False, fill_value=0.0
    )
    return table.sort_index(axis=1)


def period_ends(frame: pd.DataFrame) -> list[date]:
    """The last day of each period, in their order."""
    return [as_date(day) for day in frame.sort_values("period")["end"].unique()]


def not_idle(table: pd.DataFrame) -> pd.DataFrame:
    """The lines of a table that are not zero throughout."""
    kept: pd.DataFrame = table[np.abs(table.to_numpy()).max(axis=1, initial=0.0) > 0.0]
    return kept


def ordered(keys: list[str]) -> list[str]:
    """Channels in the order of :data:`CHANNEL_WORDS`, then by name; each once."""
    order = list(CHANNEL_WORDS)

    def rank(key: str) -> tuple[int, str]:
        channel = axes.channel_of(key)
        return (order.index(channel) if channel in order else len(order), key)

    return sorted(dict.fromkeys(keys), key=rank)


#: Stocks among the flows, and which of a column's periods shows.
_CARRIED: dict[str, How] = {"cash brought forward": "first", "cash carried forward": "last"}


def _sources_and_uses(line: Timeline, flows: pd.DataFrame, row: int) -> int:
    places = line.kit.book.places
    ends: dict[str, int] = {}
    for side, label in (("source", "Sources"), ("use", "Uses")):
        table = by_period(flows[flows["side"] == side], ["channel", "item"])
        row = section(line.sheet, row, label)
        heads_at = []
        for channel in ordered([str(c) for c in table.index.get_level_values("channel")]):
            items = pd.DataFrame(table.xs(channel, level="channel"))
            items = not_idle(items)
            if items.empty:
                continue
            head = row
            line.sheet.blocks.append(row)
            for item, values in items.iterrows():
                row += 1
                how, name = _CARRIED.get(str(item)), title_case(str(item))
                if how is None:
                    area = line.line(row, name, values.to_dict())
                else:
                    area = line.carried(row, name, values.to_dict(), how)
                places[f"plan.{side}.{channel}.{item}"] = area
            line.summed(head, words(channel), range(head + 1, row + 1), minor=True)
            heads_at.append(head)
            row += 1
        places[f"plan.{side}"] = line.summed(row, f"Total {label.lower()}", heads_at)
        ends[side] = row
        row += 1
    places["plan.sources_less_uses"] = line.gap(row, ends["source"], ends["use"])
    return row + 1


def _lending(line: Timeline, row: int) -> int:
    lending = line.kit.frame("plan_lending")
    if lending is None:
        return row
    sheet, places = line.sheet, line.kit.book.places
    row = section(sheet, row, "Lending and demand")
    rows: dict[str, int] = {}
    for column, label in (("originated", "Lent"), ("demand", "Demand")):
        ink = figure(line.kit.look.money(), ink="input" if column == "demand" else "engine")
        first = row
        for segment, values in by_period(lending, ["segment"], column).iterrows():
            line.line(row, f"{label}: {segment}", values.to_dict(), style=ink)
            row += 1
        places[f"plan.{column}"] = line.summed(row, f"{label}, all", range(first, row))
        rows[column] = row
        row += 1
    sheet.put(row, 1, "Share of demand that is met", BOLD)
    for at in range(line.first, line.total + 1):
        lent, asked = (number(sheet, rows[key], at) for key in ("originated", "demand"))
        over, under = (address(rows[key], at) for key in ("originated", "demand"))
        share = Formula(f"=IF({under}=0,0,{over}/{under})", lent / asked if asked else 0.0)
        sheet.put(row, at, share, live(PERCENT, bold=True))
    places["plan.share_met"] = sheet.at(row, line.total)
    return row + 1


def _stack(line: Timeline, row: int) -> int:
    balances = line.kit.frame("plan_balances")
    if balances is None:
        return row
    sheet, places = line.sheet, line.kit.book.places
    stack = funding_stack(balances)
    row = section(
        sheet,
        row,
        "Who funds the loans and the cash",
        "On the books and off them; own capital is net capital.",
    )
    first = row
    series = []
    for channel, values in stack.iterrows():
        area = line.line(row, STACK_WORDS[str(channel)], values.to_dict(), "last")
        places[f"plan.stack.{channel}"] = area
        series.append(Series(sheet.at(row, 1), area, CHANNEL_COLOURS[str(channel)]))
        row += 1
    line.summed(row, "Funding in all", range(first, row), opening=True)
    row += 1
    managed = loans_managed(balances).to_dict()
    places["plan.managed"] = line.line(row, "of which loans managed", managed, "last")
    places["plan.months"] = line.cells(4, opening=True)
    look = line.kit.look
    chart = Chart(
        kind="stacked",
        title=f"Who funds the loans and the cash, {look.label}",
        row=row + 2,
        column=1,
        categories=places["plan.months"],
        series=tuple(series),
        number_format=look.axis(),
        category_format=look.day,
        width=min(30.0, sheet.centimetres(1, sheet.last_column)),
        height=7.4,
    )
    sheet.charts.append(chart)
    sheet.blocks.append(row + 1)
    return row + 17


def _balances(line: Timeline, row: int) -> int:
    balances = line.kit.frame("plan_balances")
    if balances is None:
        return row
    sheet, places = line.sheet, line.kit.book.places
    row = section(sheet, row, "Balances at the end of the period")
    table = by_period(balances, ["channel", "item"])
    for channel in ordered([str(c) for c in table.index.get_level_values("channel")]):
        sheet.put(row, 1, words(channel), BOLD)
        sheet.blocks.append(row)
        row += 1
        items = pd.DataFrame(table.xs(channel, level="channel"))
        whose = ""
        for item, values in not_idle(items).iterrows():
            before, whose = whose, str(item).partition(": ")[0]
            if before not in ("", whose):
                sheet.blocks.append(row)
            area = line.line(row, title_case(str(item)), values.to_dict(), "last")
            places[f"plan.balance.{channel}.{item}"] = area
            row += 1
    return row


def _balance_sheet(line: Timeline, row: int) -> int:
    frame = line.kit.frame("plan_balance_sheet")
    if frame is None:
        return row
    places = line.kit.book.places
    row = section(line.sheet, row, "Balance sheet")
    sums: list[int] = []
    for sides, label in ((("asset",), "assets"), (("liability", "capital"), "funding")):
        first = row
        for item, values in by_period(frame[frame["side"].isin(sides)], ["item"]).iterrows():
            area = line.line(row, title_case(str(item)), values.to_dict(), "last")
            places[f"plan.sheet.{item}"] = area
            row += 1
        area = line.summed(row, f"Total {label}", range(first, row), opening=True)
        places[f"plan.{label}"] = area
        sums.append(row)
        row += 1
    places["plan.balance_sheet"] = line.gap(row, sums[0], sums[1], opening=True)
    return row + 1


def _income(line: Timeline, row: int) -> int:
    income = line.kit.frame("plan_income")
    if income is None:
        return row
    row = section(line.sheet, row, "Income")
    first = row
    for item, values in by_period(income, ["item"]).iterrows():
        area = line.line(row, title_case(str(item)), values.to_dict())
        line.kit.book.places[f"plan.income.{item}"] = area
        row += 1
    area = line.summed(row, "Net income", range(first, row))
    line.kit.book.places["plan.income"] = area
    return row + 1
