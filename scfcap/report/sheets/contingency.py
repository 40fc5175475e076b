"""The Contingency sheet: for each shock what fails first, what to do in order, what to hold."""

from __future__ import annotations

import pandas as pd

from scfcap.report.book import COUNT, RATE, Chart, Series, Sheet, Style
from scfcap.report.sheets.common import (
    BOLD,
    NOTE,
    PALETTE,
    TEXT,
    WRAPPED,
    Kit,
    as_date,
    figure,
    lines_needed,
    records,
    section,
    styled,
    title_case,
    words,
)
from scfcap.report.sheets.listing import Column, listed

NAME = "Contingency"
#: Actions and failures of a shock that are shown; the tables hold all.
ACTIONS, FAILURES = 12, 6
_TOP = styled(WRAPPED, align="left")
_WIDTHS = {
    1: 24.0, 2: 22.0, 3: 27.0, 4: 12.0, 5: 12.0, 6: 13.0, 7: 13.0, 8: 13.0, 9: 13.0, 10: 42.0,
}  # fmt: skip
_LAST = 10


def add_contingency(kit: Kit) -> None:
    """Add the sheet, where the model has scenarios with shocks."""
    frame = kit.frame("plan_contingency")
    if frame is None:
        return
    sheet = kit.add(NAME, "If a shock comes: what fails first, what to do, what to hold ready")
    sheet.widths |= _WIDTHS
    row = _summary(kit, sheet, frame)
    row = _pictures(kit, sheet, frame, row)
    for shock in records(frame):
        row = _block(kit, sheet, shock, row)
    sheet.reach(row, _LAST)


def _summary(kit: Kit, sheet: Sheet, frame: pd.DataFrame) -> int:
    row = section(
        sheet,
        4,
        "All shocks",
        "Each alone, against the plan as it stands. Costs are what the plan is after, base less "
        "shock; the plan is made anew from the period in which the shock is seen.",
    )
    money, day = figure(kit.look.money()), _day()
    columns = [
        Column("Shock", _TOP),
        Column("Fails first if nothing is done", _TOP),
        Column("Limits", _TOP),
        Column("Seen in the period to", day),
        Column("Fails on", day),
        Column(f"Costs even if foreseen, {kit.look.label}", money),
        Column(f"for not being foreseen, {kit.look.label}", money),
        Column(f"Costs in all, answered, {kit.look.label}", money),
        Column(f"Doing nothing costs more, {kit.look.label}", money),
        Column("Do first", styled(_TOP, indent=1)),
    ]
    rows = [
        (
            x.title, _capital(x.first_failure), _limits(x), x.known, x.failure_date,
            x.cost_shock, x.cost_late, x.cost, x.avoided, _capital(x.first_action),
        )
        for x in records(frame)
    ]  # fmt: skip
    first, last = row + 1, row + len(rows)
    row = listed(sheet, row, columns, rows)
    for at, name in ((6, "shock"), (7, "late"), (8, "cost"), (9, "avoided")):
        kit.book.places[f"contingency.{name}"] = sheet.span(first, at, last, at)
    kit.book.places["contingency.names"] = sheet.span(first, 1, last, 1)
    notes = kit.frame("plan_contingency_notes")
    for says in () if notes is None else notes["says"]:
        row += 1
        sheet.put(row, 1, str(says), NOTE)
    return row + 2


def _limits(x: pd.Series) -> str:
    """How many limits fail if nothing is done, and how many give way even so."""
    failing = f"{x.limits_failing} fail if nothing is done" if x.limits_failing else "none fails"
    return failing + (f", {x.limits_giving_way} even so" if x.limits_giving_way else "")


def _capital(text: object) -> str:
    """A sentence's first letter as a capital; names stay as they are."""
    said = str(text)
    return said[:1].upper() + said[1:]


def _day() -> Style:
    return figure("d mmm yy", ink="text", align="center")


def _pictures(kit: Kit, sheet: Sheet, frame: pd.DataFrame, row: int) -> int:
    """What each shock costs, by course; and the cash of the dearest shock if nothing is done."""
    places, look = kit.book.places, kit.look
    sheet.blocks.append(row)
    sheet.charts.append(
        Chart(
            kind="bars",
            title=f"What each shock costs, {look.label}",
            row=row,
            column=1,
            categories=places["contingency.names"],
            series=tuple(
                Series(sheet.at(6, at), places[f"contingency.{name}"], colour)
                for at, name, colour in (
                    (6, "shock", PALETTE[0]), (8, "cost", PALETTE[1]), (9, "avoided", PALETTE[5]),
                )
            ),
            number_format=look.axis(),
            width=min(19.0, sheet.centimetres(1, 5)),
            height=8.0,
        )
    )  # fmt: skip
    paths = kit.frame("plan_contingency_cash")
    if paths is None:
        return row + 17
    worst = frame.iloc[int(frame["avoided"].to_numpy().argmax())]
    mine = paths[paths["scenario"] == worst["scenario"]]
    table = _cash(kit, sheet, mine, str(worst["title"]), row + 17)
    sheet.charts.append(
        Chart(
            kind="lines",
            title=f"Free cash: {worst['title']}, {look.label}",
            row=row,
            column=6,
            categories=sheet.span(table[0], 1, table[1], 1),
            series=tuple(
                Series(sheet.at(table[0] - 1, at), sheet.span(table[0], at, table[1], at), colour)
                for at, colour in ((2, PALETTE[0]), (3, PALETTE[5]), (4, PALETTE[3]))
            ),
            number_format=look.axis(),
            category_format=look.day,
            width=min(16.0, sheet.centimetres(6, _LAST)),
            height=8.0,
        )
    )
    return table[1] + 2


def _cash(kit: Kit, sheet: Sheet, mine: pd.DataFrame, title: str, row: int) -> tuple[int, int]:
    """The cash paths behind the picture; gives their first and last row."""
    row = section(
        sheet,
        row,
        f"Free cash at each close: {title}",
        "If nothing is done: before what is missing is raised by forced sales or borrowed.",
    )
    money = figure(kit.look.money())
    columns = [
        Column("Close", figure(kit.look.day, ink="text", align="left")),
        Column("as planned", money),
        Column("nothing done", money),
        Column("answered", money),
    ]
    rows = [(x.end, x.cash_base, x.cash_nothing, x.cash_answer) for x in records(mine)]
    last = listed(sheet, row, columns, rows)
    return row + 1, last - 1


def _block(kit: Kit, sheet: Sheet, shock: pd.Series, row: int) -> int:
    """One shock: what happens, what fails, what to do, what to hold ready, its signs."""
    row = section(sheet, row, str(shock.title))
    sheet.merged(row, (1, _LAST), str(shock.sentence), _TOP)
    width = sum(_WIDTHS.values())
    sheet.heights[row] = 2.0 + 13.0 * lines_needed(str(shock.sentence), width)
    row = _failures(kit, sheet, str(shock.scenario), row + 2)
    row = _actions(kit, sheet, str(shock.scenario), row)
    row = _ready(kit, sheet, shock, row)
    return _signs(kit, sheet, str(shock.scenario), row)


def _of(kit: Kit, table: str, scenario: str) -> pd.DataFrame:
    frame = kit.tables[f"plan_contingency_{table}"].frame
    return frame[frame["scenario"] == scenario]


def _failures(kit: Kit, sheet: Sheet, scenario: str, row: int) -> int:
    mine = _of(kit, "failures", scenario)
    if mine.empty:
        sheet.put(row, 1, "If nothing is done, no limit fails.", BOLD)
        return row + 2
    row = _head(sheet, row, "If nothing is done, fails in this order", len(mine), FAILURES)
    money, day = figure(kit.look.money()), _day()
    columns = [
        Column("What", _TOP),
        Column("Kind", _TOP),
        Column("At how many closes", figure(COUNT, align="left")),
        Column("First on", day),
        Column("Worst on", day),
        Column(f"by, first, {kit.look.label}", money),
        Column(f"by, worst, {kit.look.label}", money),
    ]
    rows = [
        (
            _capital(x.what), title_case(str(x.kind)), x.closes, x.first_date, x.worst_date,
            x.first_amount, x.worst_amount,
        )
        for x in records(mine.head(FAILURES))
    ]  # fmt: skip
    return listed(sheet, row, columns, rows) + 1


def _actions(kit: Kit, sheet: Sheet, scenario: str, row: int) -> int:
    mine = _of(kit, "actions", scenario)
    if mine.empty:
        sheet.put(row, 1, "Nothing need be done otherwise than planned.", BOLD)
        return row + 2
    row = _head(sheet, row, "What to do, in this order", len(mine), ACTIONS)
    money, day = figure(kit.look.money()), _day()
    columns = [
        Column("Step", _TOP),
        Column("With whom, in what", _TOP),
        Column("Of it", _TOP),
        Column("First on", day),
        Column("Notice by", day),
        Column(f"then, {kit.look.label}", money),
        Column(f"in all, {kit.look.label}", money),
        Column(f"Planned, {kit.look.label}", money),
        Column("Rate", figure(RATE)),
        Column("Why", styled(_TOP, indent=1)),
    ]
    rows = [
        (
            f"{x.step}. {_capital(x.action)}", _who(str(x.channel), str(x.item)), x.detail,
            x.first_date, x.deadline, x.first_amount, x.amount, x.planned, x.rate, x.why,
        )
        for x in records(mine.head(ACTIONS))
    ]  # fmt: skip
    return listed(sheet, row, columns, rows) + 1


def _ready(kit: Kit, sheet: Sheet, shock: pd.Series, row: int) -> int:
    mine = _of(kit, "ready", str(shock.scenario))
    if mine.empty:
        return row
    most = float(mine["more"].abs().max())
    mine = mine[mine["more"].abs() > max(1e-3 * most, 1.0)]
    if mine.empty:
        text = "Hold ready: nothing; the plan is ready as it is"
        sheet.put(row, 1, f"{text} (at a probability of {shock.probability:.0%}).", BOLD)
        return row + 2
    by = as_date(mine["by"].iloc[0])
    sheet.blocks.append(row)
    sheet.put(row, 1, f"Hold ready by {by:%Y-%m-%d}", BOLD)

    def say(amount: float) -> str:
        return f"{kit.look.currency} {amount:,.0f}"

    saves = f"saves {say(shock.saved)}" if shock.saved >= 0.0 else f"costs {say(-shock.saved)}"
    sheet.put(
        row + 1,
        1,
        f"At a probability of {shock.probability:.0%}: costs {say(shock.premium)} if the shock "
        f"stays out, {saves} if it comes, limits that are kept apart.",
        NOTE,
    )
    money = figure(kit.look.money())
    columns = [
        Column("", _TOP),
        Column("What", _TOP),
        Column("", _TOP),
        Column(f"Planned, {kit.look.label}", money),
        Column(f"Ready, {kit.look.label}", money),
        Column(f"More, {kit.look.label}", money),
    ]
    rows = [
        (title_case(str(x.kind)), _capital(x.what), None, x.planned, x.ready, x.more)
        for x in records(mine)
    ]
    return listed(sheet, row + 2, columns, rows) + 1


def _signs(kit: Kit, sheet: Sheet, scenario: str, row: int) -> int:
    mine = _of(kit, "signs", scenario)
    if mine.empty:
        return row
    sheet.blocks.append(row)
    sheet.put(row, 1, "What would have announced it, as it stands today", BOLD)
    columns = [
        Column("Sign", _TOP),
        Column("Of whom", _TOP),
        Column("Source", _TOP),
        Column("Today", figure("0.000")),
        Column("Yellow at", figure("0.000", ink="input")),
        Column("Red at", figure("0.000", ink="input")),
        Column("Light", styled(TEXT, align="center")),
        Column("Trend", styled(TEXT, align="center")),
        Column("Lead, days", figure(COUNT)),
        Column("Why", styled(_TOP, indent=1)),
    ]
    rows = [
        (
            title_case(str(x.indicator)), x.entity, x.source, x.value, x.yellow, x.red, x.light,
            x.trend, x.lead_days, x.why,
        )
        for x in records(mine)
    ]  # fmt: skip
    return listed(sheet, row + 1, columns, rows) + 2


def _head(sheet: Sheet, row: int, text: str, count: int, shown: int) -> int:
    sheet.blocks.append(row)
    more = f" (first {shown} of {count})" if count > shown else ""
    sheet.put(row, 1, f"{text}{more}", BOLD)
    return row + 1


def _who(channel: str, item: str) -> str:
    """``Bank debt: bank-a``; a segment by its name alone."""
    if channel == "own_capital":
        return item
    return words(channel) if item in ("notes", "series") else f"{words(channel)}: {item}"
