"""The Costs sheet: what money costs and may cost, what more is worth, what is not used and why."""

from __future__ import annotations

import pandas as pd

from scfcap.report.book import COUNT, PERCENT, RATE, Sheet
from scfcap.report.sheets.common import (
    TEXT,
    WRAPPED,
    Kit,
    as_date,
    figure,
    heads,
    lines_needed,
    section,
    styled,
    title_case,
    words,
)
from scfcap.report.sheets.listing import Column, listed

NAME = "Costs"
_SAID = styled(WRAPPED, align="left", indent=1)
#: Tenors of the marginal funding curve that fit across.
_TENORS = (1, 2, 3, 6, 9, 12)


def add_costs(kit: Kit) -> None:
    """Add the sheet."""
    costs = kit.frame("plan_cost_of_funds")
    if costs is None:
        return
    sheet = kit.add(NAME, "What money costs, and what more of it is worth", 34.0)
    sheet.widths |= dict.fromkeys(range(2, 9), 13.0) | {3: 22.0, 9: 50.0}
    row = _costs(kit, sheet, 4, costs)
    row = _worth(kit, sheet, row + 1)
    row = _curve(kit, sheet, row + 1)
    row = _unused(kit, sheet, row + 1)
    row = _long(kit, sheet, row + 1)
    row = _borrowers(kit, sheet, row + 1)
    _accounts(kit, sheet, row + 1)


def _costs(kit: Kit, sheet: Sheet, row: int, costs: pd.DataFrame) -> int:
    row = section(
        sheet,
        row,
        "All-in cost of each source over the plan",
        "Rate: XIRR of what the source pays to the company and gets back; what stands at the start "
        "and the end counts at par.",
    )
    money = figure(kit.look.money())
    columns = [
        Column("Source", WRAPPED),
        Column("At the start", money),
        Column("Raised", money),
        Column("At the end", money),
        Column("On average", money),
        Column("Cost", money),
        Column("Rate a year", figure(RATE)),
        Column("Own funds tied up beside it", figure(PERCENT)),
        Column("Note", WRAPPED),
    ]
    rows = [
        (
            f"{words(str(x.channel))}: {x.item}" if x.channel else title_case(str(x.item)),
            x.opening_amount, x.raised, x.closing_amount, x.average_amount, x.cost_amount, x.rate,
            x.own_share, x.note,
        )
        for x in costs.itertuples()
    ]  # fmt: skip
    return listed(sheet, row, columns, rows)


def _worth(kit: Kit, sheet: Sheet, row: int) -> int:
    prices = kit.frame("plan_prices")
    if prices is None:
        return row
    told = prices[prices["value"].abs() + prices["high"].abs() > 0.0]
    row = section(sheet, row, "What one more unit is worth", "Dearest first, then demand.")
    per = f"{kit.meta.currency} per {kit.look.say(kit.meta.money_unit)}"
    columns = [
        Column("One more of", WRAPPED),
        Column(f"earns, {per}", figure(COUNT)),
        Column(f"one less costs, {per}", figure(COUNT)),
    ]
    unit = kit.meta.money_unit
    rows = [(title_case(str(x.what)), x.value * unit, x.high * unit) for x in told.itertuples()]  # type: ignore[operator]
    last = listed(sheet, row, columns, rows)
    for at, x in enumerate(told.itertuples(), start=row + 1):
        sheet.merged(at, (4, 9), str(x.sentence), _SAID)
        sheet.heights[at] = 28.0 if len(str(x.sentence)) > 105 else 15.0
    return last


def _curve(kit: Kit, sheet: Sheet, row: int) -> int:
    curve = kit.frame("plan_marginal_funding")
    if curve is None:
        return row
    row = section(
        sheet,
        row,
        "What the next unit of money may cost",
        "By the period in which it is raised and for how many periods; below it, it earns.",
    )
    table = curve.pivot_table(index="end", columns="tenor", values="rate", sort=True)
    tenors = [tenor for tenor in _TENORS if tenor in table.columns]
    heads(sheet, row, ["Raised by", *(f"for {tenor}" for tenor in tenors)])
    for end, rates in table.iterrows():
        row += 1
        sheet.put(row, 1, as_date(end), figure("d mmm yy", ink="text", align="left"))
        for column, tenor in enumerate(tenors, start=2):
            rate = float(rates[tenor])
            if rate == rate:
                sheet.put(row, column, rate, figure(RATE))
    return row + 1


def _long(kit: Kit, sheet: Sheet, row: int) -> int:
    frame = kit.frame("plan_long_demand")
    if frame is None or frame.empty:
        return row
    row = section(
        sheet,
        row,
        "What each source could carry of loans above 180 days",
        "On average over the plan: alone on top of own funds, and beside all that the plan does. "
        "Gap: weighted life of the loans less the days that the money stays.",
    )
    money, days = figure(kit.look.money()), figure(COUNT)
    columns = [
        Column("Source", WRAPPED),
        Column("Could carry", money),
        Column("Beside the plan", money),
        Column("Rate a year", figure(RATE)),
        Column("Loans, days", days),
        Column("Money, days", days),
        Column("Gap, days", days),
        Column("Moves the 180-day gap", money),
    ]
    rows = [
        (
            f"{words(str(x.channel))}: {x.item}", x.carried_amount, x.beside_amount, x.rate,
            x.life_days, x.source_days, x.gap_days, x.gap_180,
        )
        for x in frame.itertuples()
    ]  # fmt: skip
    return listed(sheet, row, columns, rows)


def _unused(kit: Kit, sheet: Sheet, row: int) -> int:
    unused = kit.frame("plan_unused")
    row = section(sheet, row, "Sources that are not used")
    if unused is None:
        sheet.put(row, 1, "Every source has new business in the plan.", TEXT)
        return row + 1
    for sentence in unused["sentence"]:
        sheet.merged(row, (1, 9), str(sentence), WRAPPED)
        row += 1
    return row


def _borrowers(kit: Kit, sheet: Sheet, row: int) -> int:
    frame = kit.frame("plan_borrower_cost")
    if frame is None:
        return row
    row = section(
        sheet,
        row,
        "What borrowers pay, all in",
        "Claims as quoted, the same put together from their parts, and this plan's new loans.",
    )
    rate = figure(RATE)
    columns = [
        Column("Who", WRAPPED),
        Column("Lowest", rate),
        Column("Mean", rate),
        Column("Highest", rate),
    ]
    rows = [(x.item, x.rate_low, x.rate_mean, x.rate_high) for x in frame.itertuples()]
    last = listed(sheet, row, columns, rows)
    for at, x in enumerate(frame.itertuples(), start=row + 1):
        sheet.merged(at, (5, 9), f"{x.formula} · {x.source}", _SAID)
        sheet.heights[at] = 28.0 if len(f"{x.formula}{x.source}") > 95 else 15.0
    return last


def _accounts(kit: Kit, sheet: Sheet, row: int) -> int:
    frame = kit.frame("plan_accounting")
    if frame is None:
        return row
    row = section(
        sheet,
        row,
        "In the accounts, and in the caps of the law",
        "What a unit of each source counts in each cap. Our reading of the standards, no opinion "
        "of an auditor.",
    )
    keys = ["channel", "item", "sheet", "derecognition", "basis", "closing_amount"]
    frame = frame.assign(cap=frame["cap"].replace("", "no cap"))
    shown = frame[keys].drop_duplicates()
    caps = [str(cap) for cap in frame["cap"].unique()][:4]
    columns = [
        Column("Source", WRAPPED),
        Column(f"At the end, {kit.look.label}", figure(kit.look.money())),
        Column("Balance sheet", styled(WRAPPED, indent=1)),
        *(Column(f"Counts in {cap}", figure(PERCENT)) for cap in caps),
    ]
    rows = []
    for x in shown.itertuples():
        mine = frame[(frame["channel"] == x.channel) & (frame["item"] == x.item)]
        weights = mine.groupby("cap")["weight"].max()
        words_of = f"{words(str(x.channel))}: {x.item}"
        sides = ", ".join(part for part in (str(x.sheet), str(x.derecognition)) if part)
        rows.append((words_of, x.closing_amount, sides, *(weights.get(cap) for cap in caps)))
    wide = sum(sheet.widths.get(column, 10.0) for column in range(4 + len(caps), 10))
    last = listed(sheet, row, columns, rows)
    for at, x in enumerate(shown.itertuples(), start=row + 1):
        sheet.merged(at, (4 + len(caps), 9), str(x.basis), _SAID)
        lines = lines_needed(str(x.basis), wide)
        sheet.heights[at] = max(sheet.heights.get(at, 15.0), 2.0 + 13.0 * lines)
    return last
