"""The To do sheet: the next month's steps with their reasons; the Calendar: all steps by period."""

from __future__ import annotations

from datetime import date

import pandas as pd

from scfcap.report.book import COUNT, RATE, Sheet
from scfcap.report.sheets.common import WRAPPED, Kit, figure, section, styled, words
from scfcap.report.sheets.listing import Column, listed
from scfcap.report.sheets.plan import by_period, period_ends
from scfcap.report.sheets.timeline import Timeline

NAME = "To do"
#: Rows of the calendar that are still read well on one page.
_ONE_PAGE = 55
_WORDS = {
    "notify": "Give notice",
    "repay": "Repay",
    "lend": "Lend",
    "book": "Lend with partner",
    "transfer": "Transfer loans",
    "issue": "Issue notes",
    "draw": "Draw",
}
_TOP = styled(WRAPPED, align="left")


def add_to_do(kit: Kit) -> None:
    """Add the sheet."""
    steps, todo = kit.frame("plan_next"), kit.frame("plan_actions")
    if steps is None or todo is None:
        return
    sheet = kit.add(NAME, "What to do, why, and what it costs", 15.0)
    sheet.widths |= {2: 25.0, 3: 30.0, 4: 15.0, 5: 11.5, 6: 11.5, 7: 9.0, 8: 14.0, 9: 84.0}
    row = section(
        sheet,
        4,
        "Next month",
        "Rate: all-in cost of the source over the plan. One more: what another "
        f"{kit.look.say(kit.meta.money_unit)} of its limit, or of demand, earns over the plan.",
    )
    row = _next(kit, sheet, row, steps)
    sheet.reach(row, 9)
    sheet.squeeze()
    flows = kit.frame("plan_sources_uses")
    if flows is not None:
        _calendar(kit, todo, period_ends(flows))


def _next(kit: Kit, sheet: Sheet, row: int, steps: pd.DataFrame) -> int:
    money = kit.look.money()
    day = figure("d mmm yy", ink="text", align="center")
    columns = [
        Column("Step", _TOP),
        Column("With whom", _TOP),
        Column("What", _TOP),
        Column(f"Amount, {kit.look.label}", figure(money)),
        Column("By", day),
        Column("Notice by", day),
        Column("Rate", figure(RATE)),
        Column(f"One more earns, {kit.meta.currency}", figure(COUNT)),
        Column("Why", styled(_TOP, indent=1)),
    ]
    rows = [
        (
            _WORDS.get(str(x.action), str(x.action)),
            _who(str(x.channel), str(x.item)),
            x.detail,
            x.amount,
            x.last_date,
            x.deadline,
            x.rate,
            float(x.worth_of_more) * kit.meta.money_unit,  # type: ignore[arg-type]
            x.why,
        )
        for x in steps.itertuples()
    ]
    return listed(sheet, row, columns, rows)


def _calendar(kit: Kit, todo: pd.DataFrame, ends: list[date]) -> None:
    """A line for each step and source, a column for each period."""
    sheet = kit.add("Calendar", "The steps of the whole plan by period")
    line = Timeline.over(sheet, kit, ends, opening=False)
    line.head(4)
    days = pd.to_datetime(pd.Series(ends))
    at = days.searchsorted(pd.to_datetime(todo["date"]), side="left") + 1
    steps = todo.assign(period=at)
    row = 5
    for action in [key for key in _WORDS if key != "notify" and key in set(steps["action"])]:
        mine = steps[steps["action"] == action]
        row = section(sheet, row, _WORDS[action])
        first = row
        table = by_period(mine, ["channel", "item"])
        for (channel, item), values in zip(table.index, table.to_dict("records"), strict=True):
            line.line(row, _who(channel, item), values)
            row += 1
        line.summed(row, "All", range(first, row), minor=True)
        row += 2
    sheet.reach(row, line.total)
    sheet.one_page = row <= _ONE_PAGE


def _who(channel: str, item: str) -> str:
    """``Bank debt: bank-a``; what has no name of its own by its channel."""
    return words(channel) if item in ("", "notes") else f"{words(channel)}: {item}"
