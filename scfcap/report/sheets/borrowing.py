"""The part of the Pool sheet that is about borrowing bases: each line, its sums live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from scfcap.report.book import COUNT, PERCENT, Condition, Formula, Value, address
from scfcap.report.sheets.common import (
    TEXT,
    Kit,
    figure,
    heads,
    live,
    rows_total,
    section,
    styled,
    totals,
)

PREFIX = "pool_borrowing_base_"
_NOTE = "Deductions are negative; availability below zero is to be cured."
_LOANS, _BALANCE, _RATE, _AMOUNT = 2, 3, 4, 5
_TOTALS = ("eligible", "eligible_net", "gross_availability", "borrowing_base", "availability")


def borrowing_bases(kit: Kit, sheet_name: str, row: int) -> int:
    """Every borrowing base of the run; returns the row after the last."""
    for name in [n for n in kit.tables if n.startswith(PREFIX)]:
        frame = kit.frame(name)
        if frame is not None:
            row, _ = certificate(kit, sheet_name, row, name.removeprefix(PREFIX), frame)
    return row


def certificate(
    kit: Kit, sheet_name: str, row: int, name: str, frame: pd.DataFrame
) -> tuple[int, dict[str, int]]:
    """One borrowing base; returns the row after it, and the row of each figure by its key."""
    sheet, unit = kit.book.sheet(sheet_name), kit.look.label
    row = section(sheet, row, f"Borrowing base: {name}", _NOTE)
    heads(sheet, row, ["", "Loans", f"Balance, {unit}", "Advance rate", f"Amount, {unit}"])
    rows: dict[str, int] = {}
    for item in frame.to_dict("records"):
        row += 1
        key = str(item["figure"])
        rows[key] = row
        total = key in _TOTALS
        label = totals("General", ink="text") if total else styled(TEXT, indent=1)
        sheet.put(row, 1, str(item["line"]), label)
        for column, measure, look in (
            (_LOANS, "loans", COUNT), (_BALANCE, "balance", kit.look.money()),
            (_RATE, "advance_rate", PERCENT),
        ):  # fmt: skip
            value = float(item[measure])
            if value == value:  # NaN: the figure is not about loans
                ink = "input" if column == _RATE else "engine"
                sheet.put(row, column, value, figure(look, ink=ink))  # type: ignore[arg-type]
        sheet.put(row, _AMOUNT, _amount(sheet, rows, key, item), _style(kit, key, total=total))
    last = sheet.span(rows["availability"], _AMOUNT, rows["availability"], _AMOUNT)
    corner = address(rows["availability"], _AMOUNT)
    sheet.conditions.append(Condition(last, f"N({corner})<-0.005", "bad"))
    kit.book.places[f"pool.borrowing_base.{name}"] = sheet.at(rows["availability"], _AMOUNT)
    return row + 2, rows


def _style(kit: Kit, key: str, *, total: bool) -> Any:
    money = kit.look.money()
    if total:
        return totals(money)
    computed = key.startswith("class:") or key in ("maximum", "to_cure")
    return live(money) if computed else figure(money)


def _amount(sheet: Any, rows: dict[str, int], key: str, item: Mapping[Any, Any]) -> Value:
    """The amount of a line: a sum of lines above, a product, or the engine's figure."""
    value, row = float(item["amount"]), rows[key]
    at = {name: address(number_, _AMOUNT) for name, number_ in rows.items()}
    if key == "eligible":
        return rows_total(sheet, list(range(rows["gross"], row)), _AMOUNT)
    if key == "eligible_net":
        return rows_total(sheet, list(range(rows["eligible"], row)), _AMOUNT)
    if key.startswith("class:"):
        return Formula(f"={address(row, _BALANCE)}*{address(row, _RATE)}", value)
    if key == "gross_availability":
        chosen = [r for name, r in rows.items() if name.startswith("class:")]
        return rows_total(sheet, chosen, _AMOUNT)
    if key == "borrowing_base":
        return rows_total(sheet, list(range(rows["gross_availability"], row)), _AMOUNT)
    if key == "maximum":
        return Formula(f"=MIN({at['borrowing_base']},{at['limit']})", value)
    if key == "availability":
        most = at.get("maximum", at["borrowing_base"])
        return Formula(f"={most}+{at['drawn']}", value)
    if key == "to_cure":
        least = f"{at['minimum']}-" if "minimum" in at else "-"
        return Formula(f"=MAX({least}{at['availability']},0)", value)
    return value + 0.0  # no negative zero
