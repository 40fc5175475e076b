"""The Cash sheet: the direct forecast, the cash-flow statement, and the maturity gaps."""

from __future__ import annotations

import pandas as pd

from scfcap.report.book import Condition, address
from scfcap.report.sheets.common import BOLD, Kit, section, title_case
from scfcap.report.sheets.plan import by_period, not_idle, period_ends
from scfcap.report.sheets.timeline import Timeline

NAME = "Cash"


def add_cash(kit: Kit) -> None:
    """Add the sheet; notes where its totals stand for the Checks."""
    flows, forecast = kit.frame("plan_cash_flow"), kit.frame("plan_cash_forecast")
    if flows is None or forecast is None:
        return
    sheet = kit.add(NAME, "Cash: forecast, statement, maturities")
    line = Timeline.over(sheet, kit, period_ends(flows))
    line.head(4)
    row = _forecast(line, forecast, 5)
    row = _statement(line, flows, row + 1)
    row = _gaps(line, row + 1)
    sheet.reach(row, line.total)


def _forecast(line: Timeline, forecast: pd.DataFrame, row: int) -> int:
    row = section(
        line.sheet,
        row,
        "Cash forecast",
        "Free cash is the company's; restricted cash is kept in the series. Payments are negative.",
    )
    for purse, label in (("free", "Free cash"), ("restricted", "Restricted cash")):
        mine = forecast[forecast["cash"] == purse]
        if mine.empty:
            continue
        line.sheet.put(row, 1, label, BOLD)
        line.sheet.blocks.append(row)
        row = _purse(line, mine, row + 1, purse)
    return row


def _purse(line: Timeline, mine: pd.DataFrame, row: int, purse: str) -> int:
    """Opening, receipts, payments and closing of one kind of cash, each item a line."""
    opening = mine[mine["kind"] == "opening"].groupby("period")["amount"].sum()
    line.carried(row, "Opening", opening.to_dict(), "first")
    for kind in ("receipt", "payment"):
        items = not_idle(by_period(mine[mine["kind"] == kind], ["item"]))
        first = row + 1
        for item, values in items.iterrows():
            row += 1
            line.line(row, title_case(str(item)), values.to_dict())
        if row >= first:
            row += 1
            line.summed(row, f"All {kind}s", range(first, row), minor=True)
    row += 1
    closing = mine[mine["kind"] == "closing"].groupby("period")["amount"].sum()
    line.carried(row, "Closing", closing.to_dict(), "last")
    line.kit.book.places[f"cash.{purse}.closing"] = line.cells(row)
    return row + 2


def _statement(line: Timeline, flows: pd.DataFrame, row: int) -> int:
    row = section(
        line.sheet,
        row,
        "Cash-flow statement of the group",
        "Company and vehicles; what they pay each other is left out (IAS 7).",
    )
    opening = flows[flows["section"] == "opening"].groupby("period")["amount"].sum()
    line.carried(row, "Cash at the beginning, free and restricted", opening.to_dict(), "first")
    sums = []
    for part in ("operating", "financing"):
        first = row + 1
        items = not_idle(by_period(flows[flows["section"] == part], ["item"]))
        for item, values in items.iterrows():
            row += 1
            line.line(row, title_case(str(item)), values.to_dict())
        row += 1
        line.summed(row, f"Net cash from {part}", range(first, row), minor=True)
        sums.append(row)
    row += 1
    line.summed(row, "Change of cash", sums)
    row += 1
    closing = flows[flows["section"] == "closing"].groupby("period")["amount"].sum()
    line.carried(row, "Cash at the end, free and restricted", closing.to_dict(), "last")
    return row + 1


def _gaps(line: Timeline, row: int) -> int:
    gaps = line.kit.frame("plan_maturity_gaps")
    if gaps is None:
        return row
    row = section(
        line.sheet,
        row,
        "Maturity gaps at each close",
        "Cash and assets that fall due within so many days, less liabilities that do.",
    )
    for days, values in by_period(gaps, ["within_days"], "gap").iterrows():
        area = line.line(row, f"Within {days} days", values.to_dict(), "last")
        corner = f"{address(area.row, area.column)}<0"
        line.sheet.conditions.append(Condition(area, corner, "bad"))
        row += 1
    return row
