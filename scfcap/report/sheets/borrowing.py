"""The part of the Pool sheet that is about borrowing bases: each line, its sums live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from scfcap.pool.borrowing_base import OTHERWISE
from scfcap.quantities import HALF_CENT
from scfcap.report.book import COUNT, PERCENT, Condition, Formula, Sheet, Value, address
from scfcap.report.sheets.common import (
    TEXT,
    Kit,
    figure,
    heads,
    live,
    number,
    rows_total,
    section,
    styled,
    totals,
)
from scfcap.report.sheets.inputs import input_cell

PREFIX = "pool_borrowing_base_"
_NOTE = "Deductions are negative; availability below zero is to be cured."
_LOANS, _BALANCE, _RATE, _AMOUNT = 2, 3, 4, 5
_TOTALS = ("eligible", "eligible_net", "gross_availability", "borrowing_base", "availability")


def borrowing_bases(kit: Kit, sheet_name: str, row: int) -> int:
    """Every borrowing base of the run; returns the row after the last."""
    for name in [n for n in kit.tables if n.startswith(PREFIX)]:
        frame = kit.frame(name)
        if frame is not None:
            base = name.removeprefix(PREFIX)
            row, _ = certificate(kit, sheet_name, row, base, frame, inputs=True)
    return row


def certificate(
    kit: Kit, sheet_name: str, row: int, name: str, frame: pd.DataFrame, *, inputs: bool = False
) -> tuple[int, dict[str, int]]:
    """One borrowing base; returns the row after it, and the row of each figure by its key.

    With ``inputs`` its advance rates and stated reserves are live cells by the model's keys.
    """
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
                style = totals(look, "engine") if total else figure(look, ink=ink)  # type: ignore[arg-type]
                sheet.put(row, column, value, style)
            elif total:
                sheet.put(row, column, None, totals("General", ink="text"))
        sheet.put(row, _AMOUNT, _amount(sheet, rows, key, item), _style(kit, key, total=total))
        if inputs:
            _stated(kit, sheet, f"pool.borrowing_base.{name}", rows, item)
    last = sheet.span(rows["availability"], _AMOUNT, rows["availability"], _AMOUNT)
    corner = address(rows["availability"], _AMOUNT)
    sheet.conditions.append(Condition(last, f"N({corner})<-0.005", "bad"))
    kit.book.places[f"pool.borrowing_base.{name}"] = sheet.at(rows["availability"], _AMOUNT)
    return row + 2, rows


def _stated(
    kit: Kit, sheet: Sheet, key: str, rows: Mapping[str, int], item: Mapping[Any, Any]
) -> None:
    """Make the rate of a class, or what a reserve is stated as, a live input.

    A reserve is its stated amount and its share of the eligible balance after excess.
    """
    figure_key = str(item["figure"])
    row, kind = rows[figure_key], figure_key.partition(":")[0]
    if kind == "class":
        place = [name for name in rows if name.startswith("class:")].index(figure_key)
        last = figure_key == f"class:{OTHERWISE}"
        part = f"{key}.otherwise" if last else f"{key}.advance_rates.{place}.rate"
        input_cell(kit, sheet.at(row, _RATE), part, float(item["advance_rate"]), PERCENT)
        return
    share = float(item.get("reserve_share", float("nan")))
    if kind != "reserve" or share != share:
        return
    before = [at for name, at in rows.items() if name.startswith("reserve:") and at < row]
    part = f"{key}.reserves.{sum((at, _RATE) in sheet.cells for at in before)}"
    net = number(sheet, rows["eligible_net"], _AMOUNT)
    amount = max(-float(item["amount"]) - share * net, 0.0)
    terms = []
    input_cell(kit, sheet.at(row, _RATE), f"{part}.share", share, PERCENT)
    terms.append(f"{address(row, _RATE)}*{address(rows['eligible_net'], _AMOUNT)}")
    if share == 0.0:
        input_cell(
            kit, sheet.at(row, _BALANCE), f"{part}.amount", amount, kit.look.money(),
            unit=kit.meta.currency,
        )  # fmt: skip
        terms.insert(0, address(row, _BALANCE))
    elif amount > HALF_CENT:
        sheet.put(row, _BALANCE, amount, figure(kit.look.money()))
        terms.insert(0, address(row, _BALANCE))
    text = f"=-({'+'.join(terms)})"
    sheet.put(row, _AMOUNT, Formula(text, float(item["amount"]) + 0.0), live(kit.look.money()))


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
