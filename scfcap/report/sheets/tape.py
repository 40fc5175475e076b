"""The part of the Pool sheet that is about the tape: amounts paid out, and what was found."""

from __future__ import annotations

import pandas as pd

from scfcap.report.book import COUNT, Formula, address
from scfcap.report.sheets.common import (
    TEXT,
    Kit,
    column_total,
    figure,
    heads,
    live,
    number,
    records,
    rounded,
    section,
    styled,
    title_case,
    totals,
)

_AMOUNTS = ("original_balance", "current_balance", "paid_principal", "loss", "unexplained")


def from_tape(kit: Kit, sheet_name: str, row: int) -> int:
    """Rows and amounts from the tape as read to the pool; returns the row after it."""
    sheet, money = kit.book.sheet(sheet_name), kit.look.money()
    summary = kit.tables["pool_summary"].frame
    row = section(sheet, row, "From the tape to the pool")
    unit = kit.look.label
    heads(sheet, row, ["", "Loans", f"Original balance, {unit}", f"Balance, {unit}"])
    lines: list[tuple[str, float, float, float, int]] = []
    tape = kit.frame("tape_totals")
    for item in records(pd.DataFrame() if tape is None else tape):
        if item.item != "kept":
            read = item.item == "read"
            label = "Tape as read" if read else f"Rows {item.item}"
            held = (item.rows, item.original_balance, item.current_balance)
            lines.append((label, *held, 1 if read else -1))
    for item in records(summary[summary["part"] == "left out"]):
        label = f"Left out: {str(item.name).replace('_', ' ')}"
        lines.append((label, item.loans, item.original_balance, item.balance, -1))
    first = row + 1
    for label, *amounts, sign in lines:
        row += 1
        sheet.put(row, 1, label, styled(TEXT, indent=1))
        for column, amount in enumerate(amounts, 2):
            value = float(sign * amount)
            sheet.put(row, column, value, figure(COUNT if column == 2 else money))
    row += 1
    sheet.put(row, 1, "Pool", totals("General", ink="text"))
    whole = summary[summary["part"] == "pool"].iloc[0]
    for column, name in ((2, "loans"), (3, "original_balance"), (4, "balance")):
        look = COUNT if column == 2 else money
        if tape is None:
            sheet.put(row, column, float(whole[name]), totals(look, ink="engine"))
        else:
            sheet.put(row, column, column_total(sheet, first, row - 1, column), totals(look))
    kit.book.places["pool.from_tape"] = sheet.at(row, 4)
    return row + 1


def paid_out(kit: Kit, sheet_name: str, row: int) -> int:
    """What became of the amounts paid out: outstanding, repaid, lost; returns the row after."""
    tape = kit.frame("tape_totals")
    if tape is None or not set(_AMOUNTS) <= set(tape):
        return row
    sheet, unit = kit.book.sheet(sheet_name), kit.look.label
    note = "Loss is what charged-off loans left unpaid; unexplained is any other gap."
    row = section(sheet, row, "What became of the amounts paid out", note)
    labels = ["", "Rows", f"Paid out, {unit}", f"Outstanding, {unit}", f"Repaid, {unit}",
              f"Lost, {unit}", f"Unexplained, {unit}", "Difference"]  # fmt: skip
    heads(sheet, row, labels)
    first = row + 1
    for item in tape.to_dict("records"):
        row += 1
        sheet.put(row, 1, title_case(f"rows {item['item']}"), styled(TEXT, indent=1))
        sheet.put(row, 2, int(item["rows"]), figure(COUNT))
        for column, name in enumerate(_AMOUNTS, 3):
            sheet.put(row, column, float(item[name]), figure(kit.look.money()))
        parts = "-".join(address(row, column) for column in range(3, 8))
        gap = number(sheet, row, 3) - sum(number(sheet, row, column) for column in range(4, 8))
        sheet.put(row, 8, rounded(parts, gap), live(kit.look.money(4)))
    kit.book.places["tape.gap"] = sheet.span(first, 8, row, 8)
    return row + 1


def findings(kit: Kit, sheet_name: str, row: int) -> int:
    """What was found on the tape, by reason; returns the row after it."""
    frame = kit.frame("tape_reasons")
    if frame is None or "severity" not in frame:
        return row
    sheet = kit.book.sheet(sheet_name)
    note = "The run's table tape_findings lists each with its row and value."
    row = section(sheet, row, "What was found on the tape", note)
    balance = f"Balance, {kit.look.label}"
    heads(sheet, row, ["Reason", "Findings", "Column", "Severity", balance])
    first = row + 1
    for item in records(frame):
        row += 1
        sheet.put(row, 1, title_case(str(item.reason)), styled(TEXT, indent=1))
        sheet.put(row, 2, int(item.rows), figure(COUNT))
        sheet.put(row, 3, str(item.column), TEXT)
        sheet.put(row, 4, str(item.severity), TEXT)
        sheet.put(row, 5, float(item.balance), figure(kit.look.money()))
    row += 1
    sheet.put(row, 1, "Total", totals("General", ink="text"))
    total = Formula(f"=SUM(B{first}:B{row - 1})", float(frame["rows"].sum()))
    sheet.put(row, 2, total, totals(COUNT))
    return row + 1
