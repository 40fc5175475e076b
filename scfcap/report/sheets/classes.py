"""Sheets of the structurer: the term sheet, the classes by period and scenario, what is kept."""

from __future__ import annotations

from typing import Any

import pandas as pd

from scfcap.report.book import PERCENT, RATE, Chart, Formula, Series, Sheet, address
from scfcap.report.sheets.common import (
    PALETTE,
    TEXT,
    WRAPPED,
    Kit,
    as_date,
    column_total,
    figure,
    heads,
    live,
    number,
    section,
    styled,
    totals,
)
from scfcap.report.sheets.deals_view import View, views
from scfcap.report.sheets.listing import Column, listed

#: Scenarios whose paths a sheet shows.
SHOWN = 6
_DAY = figure("d mmm yyyy", ink="text", align="center")
_SIZE, _SHARE, _ENHANCED = 3, 4, 5


def add_classes(kit: Kit) -> None:
    """Add the term sheet of every deal, and of every series of the plan."""
    found = [view for view in views(kit) if any(view.classes.values())]
    if not found:
        return
    sheet = kit.add("Term sheet", "Term sheet: classes of each deal and series", 22.0)
    sheet.widths |= {2: 12.0, **dict.fromkeys(range(3, 13), 13.0)}
    row = 4
    for view in found:
        row = _terms(kit, sheet, row, view) + 1
    sheet.freeze = (4, 2)


def _terms(kit: Kit, sheet: Sheet, row: int, view: View) -> int:
    """Classes of a deal, senior first: size, share and support live, the rest the engine's."""
    unit, money = kit.look.label, kit.look.money()
    row = section(
        sheet,
        row,
        f"{view.name}, scenario {view.scenario}",
        "Credit enhancement: what of the pool at closing stands below a class.",
    )
    labels = [
        "Class", "Kind", f"Size, {unit}", "Share of classes", "Credit enhancement",
        "Coupon a year", "Yield a year", "Average life, years", "First principal",
        "Last principal", "Loss, % of size", "Paid in full",
    ]  # fmt: skip
    heads(sheet, row, labels)
    facts = _facts(kit, view)
    first, end = row + 1, row + len(view.classes) + 1
    total = sum(view.classes.values())
    above = 0.0
    for name, size in view.classes.items():
        row += 1
        above += size
        fact = facts.get(name, {})
        sheet.put(row, 1, name, styled(TEXT, indent=1))
        sheet.put(row, 2, str(fact.get("kind", "notes")), TEXT)
        sheet.put(row, _SIZE, size, figure(money))
        share = Formula(f"=IF({address(end, _SIZE)}=0,0,{address(row, _SIZE)}/"
                        f"{address(end, _SIZE)})", size / total if total else 0.0)  # fmt: skip
        sheet.put(row, _SHARE, share, live(PERCENT))
        pool = address(end + 1, _SIZE)
        senior = f"SUM({address(first, _SIZE).replace(str(first), '$' + str(first))}:"
        text = f"=IF({pool}=0,0,1-{senior}{address(row, _SIZE)})/{pool})"
        support = 1.0 - above / view.pool_start if view.pool_start else 0.0
        sheet.put(row, _ENHANCED, Formula(text, support), live(PERCENT))
        for column, key, style in (
            (6, "coupon", figure(RATE)), (7, "yield", figure(RATE)),
            (8, "average_life", figure("0.00")), (9, "first_principal", _DAY),
            (10, "last_principal", _DAY), (11, "loss_share", figure(PERCENT)),
        ):  # fmt: skip
            value = fact.get(key)
            if value is None or pd.isna(value):
                continue
            shown = as_date(value) if style is _DAY else float(value)
            sheet.put(row, column, shown, style)
        if "paid_in_full" in fact and fact["kind"] != "equity":
            said = "yes" if fact["paid_in_full"] else "no"
            sheet.put(row, 12, said, styled(TEXT, align="center"))
    row += 1
    sheet.put(row, 1, "All classes", totals("General", ink="text"))
    sheet.put(row, 2, None, totals("General", ink="text"))
    sheet.put(row, _SIZE, column_total(sheet, first, end - 1, _SIZE), totals(money))
    sheet.put(row, _SHARE, column_total(sheet, first, end - 1, _SHARE), totals(PERCENT))
    sheet.put(row + 1, 1, "Pool at closing", TEXT)
    sheet.put(row + 1, _SIZE, view.pool_start, figure(money))
    over = Formula(f"={address(row + 1, _SIZE)}-{address(row, _SIZE)}", view.pool_start - total)
    sheet.put(row + 2, 1, "Overcollateralization", TEXT)
    sheet.put(row + 2, _SIZE, over, live(money))
    return row + 4


def _facts(kit: Kit, view: View) -> dict[str, dict[str, Any]]:
    """What the run knows of each class of a deal, by column."""
    found: dict[str, dict[str, Any]] = {}
    for table in ("deals_classes", "deals_yields"):
        frame = kit.frame(table)
        if frame is None:
            continue
        mine = frame[(frame["deal"] == view.name) & (frame["scenario"] == view.scenario)]
        for item in mine.to_dict("records"):
            found.setdefault(str(item["tranche"]), {}).update({str(k): v for k, v in item.items()})
    return found


# --- by period ----------------------------------------------------------------------------------


def add_tranches(kit: Kit) -> None:
    """Add a sheet for each deal: factors of its classes by payment date, in each scenario."""
    frame = kit.frame("deals_tranches")
    if frame is None:
        return
    sizes = kit.tables["deals_classes"].frame.set_index(["deal", "scenario", "tranche"])["original"]
    for deal, mine in frame.groupby("deal", sort=False):
        scenarios = list(dict.fromkeys(mine["scenario"].astype(str)))
        note = ""
        if len(scenarios) > SHOWN:
            note = f"The first {SHOWN} of {len(scenarios)} scenarios; deals_tranches holds all."
        sheet = kit.add(f"Classes {deal}", f"Classes of {deal} by scenario", 16.0)
        sheet.widths |= dict.fromkeys(range(2, 2 + 2 * SHOWN), 12.0)
        row = 4
        for tranche, rows in mine.groupby("tranche", sort=False):
            size = sizes[deal]
            title = f"Class {tranche}: balance and factor"
            row = section(sheet, row, title, note)
            row = _paths(kit, sheet, row, rows, str(tranche), scenarios[:SHOWN], size) + 1
        sheet.freeze = (4, 2)


def _paths(
    kit: Kit,
    sheet: Sheet,
    row: int,
    rows: pd.DataFrame,
    tranche: str,
    scenarios: list[str],
    sizes: pd.Series,
) -> int:
    """A class over time: balances by scenario, beside them factors and their chart."""
    money, count = kit.look.money(), len(scenarios)
    table = rows.pivot_table(index="date", columns="scenario", values="balance", sort=False)
    busy = table[scenarios].abs().max(axis=1) > 0.005
    table = table[: (int(busy.to_numpy().nonzero()[0].max()) + 2) if busy.any() else 1]
    labels = [f"{name}: {kit.look.label}" for name in scenarios]
    labels += [f"{name}: factor" for name in scenarios]
    heads(sheet, row, ["Date", *labels])
    head = row
    sheet.put(row + 1, 1, "Original", styled(TEXT, align="left"))
    for offset, name in enumerate(scenarios, start=2):
        sheet.put(row + 1, offset, float(sizes[name, tranche]), figure(money))
    original, row = row + 1, row + 1
    for day, balances in zip(table.index, table[scenarios].to_numpy(dtype=float), strict=True):
        row += 1
        sheet.put(row, 1, as_date(day), styled(_DAY, align="left"))
        for offset, balance in enumerate(balances, start=2):
            sheet.put(row, offset, float(balance), figure(money))
            top = address(original, offset)
            whole = number(sheet, original, offset)
            text = f"=IF({top}=0,0,{address(row, offset)}/{top})"
            value = float(balance) / whole if whole else 0.0
            sheet.put(row, offset + count, Formula(text, value), live("0.0000"))
    side = 2 + 2 * count
    chart = Chart(
        kind="lines",
        title=f"Class {tranche}: note factor by scenario",
        row=head,
        column=side + 1,
        categories=sheet.span(original + 1, 1, row, 1),
        series=tuple(
            Series(
                sheet.at(head, 1 + count + n),
                sheet.span(original + 1, 1 + count + n, row, 1 + count + n),
                tint,
            )
            for n, tint in zip(range(1, count + 1), PALETTE, strict=False)
        ),
        number_format="0.0",
        category_format=kit.look.day,
        width=17.0,
        height=6.5,
    )
    sheet.charts.append(chart)
    sheet.widths[side] = 2.0
    sheet.reach(head + 13, side + 11)
    return max(row, head + 13) + 1


# --- triggers and what is kept ------------------------------------------------------------------


def add_triggers(kit: Kit) -> None:
    """Add the triggers of every deal: when each trips first in each scenario."""
    frame = kit.frame("deals_triggers")
    if frame is None:
        return
    sheet = kit.add("Triggers", "Triggers of the deals, by scenario", 18.0)
    sheet.widths |= {2: 20.0, 3: 60.0, 4: 18.0, 5: 14.0, 6: 12.0}
    columns = [
        Column("Deal", TEXT), Column("Trigger", TEXT), Column("Trips where", WRAPPED),
        Column("Scenario", TEXT), Column("Trips first on", _DAY),
        Column("Closes on which it holds", figure("0")),
    ]  # fmt: skip
    rows = []
    for (deal, name, scenario), mine in frame.groupby(["deal", "trigger", "scenario"], sort=False):
        held = mine[mine["holds"].astype(bool)]
        first = held["date"].min() if len(held) else None
        rows.append((deal, name, mine["test"].iloc[0], scenario, first, len(held)))
    listed(sheet, 4, columns, rows)
    sheet.freeze, sheet.title_rows = (5, 3), (4, 4)


def add_retention(kit: Kit) -> None:
    """Add what the originator keeps, where a deal states it."""
    frame = kit.frame("deals_retention")
    if frame is None:
        return
    sheet = kit.add("Retention", "What the originator keeps of each deal", 18.0)
    sheet.widths |= {2: 14.0, 3: 38.0, 4: 10.0, 5: 10.0, 6: 10.0, 7: 10.0, 8: 44.0}
    heads(sheet, 4, ["Deal", "Rule", "Form", "Kept", "At least", "Margin", "Met", "Source"])
    row = 4
    for item in frame[frame["in_force"].astype(bool)].to_dict("records"):
        row += 1
        for column, key in enumerate(("deal", "rule", "form"), start=1):
            sheet.put(row, column, str(item[key]), WRAPPED)
        kept, least = float(item["kept"]), float(item["least"])
        sheet.put(row, 4, kept, figure(PERCENT))
        sheet.put(row, 5, least, figure(PERCENT, ink="input"))
        d, e = address(row, 4), address(row, 5)
        sheet.put(row, 6, Formula(f"={d}-{e}", kept - least), live(PERCENT))
        met = Formula(f'=IF({d}-{e}>=-1E-9,"yes","no")', "yes" if kept - least >= -1e-9 else "no")
        sheet.put(row, 7, met, live("General", align="center"))
        sheet.put(row, 8, str(item["source"]), WRAPPED)
        sheet.heights[row] = 2.0 + 13.0 * max(1, -(-len(str(item["source"])) // 46),
                                             -(-len(str(item["form"])) // 38))  # fmt: skip
    if row == 4:
        sheet.put(5, 1, "No rule was in force at closing.", TEXT)
    sheet.freeze, sheet.title_rows = (5, 3), (4, 4)
