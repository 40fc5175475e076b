"""The Pool sheet: from the tape to the pool, who holds it, strata, eligibility, concentrations."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from scfcap.pool.concentration import MISSING
from scfcap.report.book import (
    COUNT,
    PERCENT,
    RATE,
    Chart,
    Condition,
    Formula,
    Series,
    Sheet,
    Style,
    Value,
    address,
)
from scfcap.report.sheets.borrowing import borrowing_bases
from scfcap.report.sheets.common import (
    TEXT,
    Kit,
    column_total,
    figure,
    heads,
    lines_needed,
    live,
    number,
    records,
    section,
    styled,
    title_case,
    totals,
    words,
)
from scfcap.report.sheets.tape import findings, from_tape, paid_out

NAME, STRATA = "Pool", "Stratification"
#: Lines that a concentration limit takes at most, its largest values first.
LINES_A_LIMIT = 5
#: Strata that a chart shows at most.
CHARTED = 12
_MEASURES: dict[str, tuple[str, str]] = {
    "loans": ("Loans", COUNT),
    "borrowers": ("Borrowers", COUNT),
    "balance": ("Balance", ""),
    "share": ("Share of pool", PERCENT),
    "average_balance": ("Average loan", "#,##0"),
    "rate": ("Rate a year", RATE),
    "remaining_days": ("Days to maturity", "0.0"),
    "age_days": ("Days of age", "0.0"),
    "past_due_share": ("Past due", PERCENT),
}
_LOANS, _BALANCE = 2, 4
_SUMMED = ("loans", "balance")
_WEIGHTED = ("rate", "remaining_days", "age_days", "past_due_share")


def add_pool(kit: Kit) -> None:
    """Add the sheet; notes where its totals stand for the Checks and the Summary."""
    summary = kit.frame("pool_summary")
    if summary is None:
        return
    sheet = kit.add(NAME, "Loan pool", 44.0)
    sheet.widths |= dict.fromkeys(range(2, 11), 13.5)
    sheet.freeze = (3, 2)
    row = from_tape(kit, NAME, 4)
    places = summary[summary["part"] == "place"]
    whole = summary[summary["part"] == "pool"].iloc[0]
    row = _measures(kit, row + 1, "place", "Who holds the pool", places, whole)
    for name in [n for n in kit.tables if n.startswith("pool_stratification_")]:
        column = name.removeprefix("pool_stratification_")
        frame = kit.frame(name)
        if frame is not None:
            row = _measures(kit, row + 1, column, f"By {title_case(column).lower()}", frame, whole)
            if column == "segment":
                row = _chart(kit, row, len(frame))
    row = _eligibility(kit, row + 1)
    row = _concentrations(kit, row + 1)
    row = borrowing_bases(kit, NAME, row + 1)
    row = _largest(kit, row + 1)
    row = paid_out(kit, NAME, row + 1)
    findings(kit, NAME, row + 1)


def add_stratification(kit: Kit) -> None:
    """Add the strata alone, as an investor is shown them."""
    summary = kit.frame("pool_summary")
    if summary is None:
        return
    sheet = kit.add(STRATA, "The pool by stratum", 44.0)
    sheet.widths |= dict.fromkeys(range(2, 11), 13.5)
    sheet.freeze = (3, 2)
    whole = summary[summary["part"] == "pool"].iloc[0]
    row = 4
    for name in [n for n in kit.tables if n.startswith("pool_stratification_")]:
        column = name.removeprefix("pool_stratification_")
        frame = kit.frame(name)
        if frame is not None:
            title = f"By {title_case(column).lower()}"
            row = _measures(kit, row, column, title, frame, whole, on=STRATA) + 1


def _measures(
    kit: Kit,
    row: int,
    key: str,
    title: str,
    frame: pd.DataFrame,
    whole: pd.Series,
    *,
    on: str = NAME,
) -> int:
    """A table of measures by stratum with its totals live; returns the row after it."""
    sheet = kit.book.sheet(on)
    row = section(sheet, row, title)
    shown = [m for m in _MEASURES if m in frame]
    labels = [_MEASURES[m][0] for m in shown]
    labels[shown.index("balance")] += f", {kit.look.label}"
    if "average_balance" in shown:
        labels[shown.index("average_balance")] += f", {kit.meta.currency}"
    heads(sheet, row, [title_case(key), *labels])
    first = row + 1
    last = row + len(frame)
    for item in frame.to_dict("records"):
        row += 1
        label = words(str(item["name"])) if key == "place" else str(item["name"])
        sheet.put(row, 1, label, styled(TEXT, indent=1))
        for column, measure in enumerate(shown, 2):
            sheet.put(row, column, *_cell(kit, measure, float(item[measure]), row, last + 1))
    sheet.put(last + 1, 1, "Total", totals("General", ink="text"))
    for column, measure in enumerate(shown, 2):
        _total(kit, sheet, (first, last, column), measure, float(whole[measure]))
    for measure in _SUMMED if on == NAME else ():
        cell = sheet.at(last + 1, 2 + shown.index(measure))
        kit.book.places[f"pool.{key}.{measure}"] = cell
    return last + 2


def _cell(kit: Kit, measure: str, value: float, row: int, end: int) -> tuple[Value, Style]:
    look = _MEASURES[measure][1] or kit.look.money()
    balance, loans = address(row, _BALANCE), address(row, _LOANS)
    if measure == "share":
        return Formula(f"=IF({address(end, _BALANCE)}=0,0,{balance}/{address(end, _BALANCE)})",
                       value), live(look)  # fmt: skip
    if measure == "average_balance":
        return Formula(f"=IF({loans}=0,0,{balance}/{loans})", value), live(look)
    return value, figure(look)


def _total(kit: Kit, sheet: Sheet, cells: tuple[int, int, int], measure: str, value: float) -> None:
    first, last, column = cells
    look = _MEASURES[measure][1] or kit.look.money()
    if measure in _SUMMED or measure == "share":
        cell: Value = column_total(sheet, first, last, column)
    elif measure == "average_balance":
        end = last + 1
        cell = Formula(f"={address(end, _BALANCE)}/{address(end, _LOANS)}", value)
    elif measure in _WEIGHTED:
        weights = f"{address(first, _BALANCE)}:{address(last, _BALANCE)}"
        values = f"{address(first, column)}:{address(last, column)}"
        text = f"=SUMPRODUCT({weights},{values})/SUM({weights})"
        cell = Formula(text, value)
    else:  # borrowers may stand in more than one stratum
        sheet.put(last + 1, column, value, totals(look, ink="engine"))
        return
    sheet.put(last + 1, column, cell, totals(look))


def _chart(kit: Kit, row: int, strata: int) -> int:
    """Balance by segment, below its table; returns the row after it."""
    sheet = kit.book.sheet(NAME)
    first = row - 1 - strata
    count = min(strata, CHARTED)
    chart = Chart(
        kind="bars",
        title=f"Balance by segment, {kit.look.label}",
        row=row + 1,
        column=1,
        categories=sheet.span(first, 1, first + count - 1, 1),
        series=(
            Series(sheet.at(first - 1, _BALANCE),
                   sheet.span(first, _BALANCE, first + count - 1, _BALANCE), "1F3A5F"),
        ),
        number_format=kit.look.axis(),
        width=26.0,
        height=2.4 + 0.55 * count,
    )  # fmt: skip
    sheet.charts.append(chart)
    sheet.blocks.append(row)
    return row + 2 + int(chart.height / 0.52)


def _eligibility(kit: Kit, row: int) -> int:
    answers, rules = kit.frame("pool_eligibility_answers"), kit.frame("pool_eligibility")
    if answers is None:
        return row
    sheet, money = kit.book.sheet(NAME), kit.look.money()
    note = "A missing value makes a loan undetermined: it is neither eligible nor ineligible."
    row = section(sheet, row, "Eligibility", note)
    for name, parts in answers.groupby("set", sort=False):
        heads(sheet, row, [f"{name}: answer", "Loans", f"Balance, {kit.look.label}", "Share"])
        first = row + 1
        for part in records(parts):
            row += 1
            sheet.put(row, 1, title_case(str(part.answer)), styled(TEXT, indent=1))
            sheet.put(row, 2, int(part.loans), figure(COUNT))
            sheet.put(row, 3, float(part.balance), figure(money))
        row += 1
        sheet.put(row, 1, "Total", totals("General", ink="text"))
        for column, look in ((2, COUNT), (3, money)):
            sheet.put(row, column, column_total(sheet, first, row - 1, column), totals(look))
        for at in range(first, row + 1):
            held, whole = number(sheet, at, 3), number(sheet, row, 3)
            text = f"=IF({address(row, 3)}=0,0,{address(at, 3)}/{address(row, 3)})"
            style = totals(PERCENT) if at == row else live(PERCENT)
            sheet.put(at, 4, Formula(text, held / whole if whole else 0.0), style)
        kit.book.places[f"pool.eligibility.{name}"] = sheet.at(row, 3)
        row = _rules(kit, row + 2, str(name), rules) + 1
    return row


def _rules(kit: Kit, row: int, name: str, rules: pd.DataFrame | None) -> int:
    chosen = None if rules is None else rules[rules["set"] == name]
    if chosen is None or chosen.empty:
        return row
    sheet, unit = kit.book.sheet(NAME), kit.look.label
    labels = [
        f"{name}: rule", "Loans that fail it", f"Balance, {unit}", "Not failed before",
        f"Balance, {unit}", "Undetermined", f"Balance, {unit}", "Eligible if waived",
        f"Balance, {unit}",
    ]  # fmt: skip
    heads(sheet, row, labels)
    columns = (
        "loans_alone", "balance_alone", "loans_in_sequence", "balance_in_sequence",
        "undetermined_loans", "undetermined_balance", "loans_if_waived", "balance_if_waived",
    )  # fmt: skip
    for item in chosen.to_dict("records"):
        row += 1
        sheet.put(row, 1, str(item["rule"]), styled(TEXT, indent=1))
        for column, key in enumerate(columns, 2):
            look = figure(kit.look.money() if "balance" in key else COUNT)
            sheet.put(row, column, float(item[key]), look)
    return row + 1


def _concentrations(kit: Kit, row: int) -> int:
    frame = kit.frame("pool_concentrations")
    if frame is None:
        return row
    sheet, unit = kit.book.sheet(NAME), kit.look.label
    note = f"Share of what each limit is of; at most {LINES_A_LIMIT} largest values a limit."
    row = section(sheet, row, "Concentrations", note)
    labels = ["Set, limit and value", f"Balance, {unit}", "Share", "Limit", "Headroom",
              f"Excess, {unit}"]  # fmt: skip
    heads(sheet, row, labels)
    first = row + 1
    for (name, limit), group in frame.groupby(["set", "limit"], sort=False):
        for item in records(group.head(LINES_A_LIMIT)):
            row += 1
            label = f"{name}, {limit}: {item.value}"
            sheet.put(row, 1, label, styled(TEXT, indent=1, wrap=True))
            sheet.heights[row] = 15.0 * lines_needed(label, 46.0)
            sheet.put(row, 2, float(item.balance), figure(kit.look.money()))
            sheet.put(row, 3, float(item.share), figure(PERCENT))
            sheet.put(row, 4, float(item.limit_share), figure(PERCENT, ink="input"))
            text = f"={address(row, 4)}-{address(row, 3)}"
            room = Formula(text, float(item.limit_share) - float(item.share))
            if item.value != MISSING:  # whose they are is not known: no limit is tested
                sheet.put(row, 5, room, live(PERCENT))
            sheet.put(row, 6, float(item.excess), figure(kit.look.money()))
    over = Condition(sheet.span(first, 5, row, 5), f"N({address(first, 5)})<-1E-9", "bad")
    sheet.conditions.append(over)
    return row + 1


def _largest(kit: Kit, row: int) -> int:
    for name in [n for n in kit.tables if n.startswith("pool_largest_")]:
        frame = kit.frame(name)
        if frame is None:
            continue
        who = name.removeprefix("pool_largest_").removesuffix("_id")
        row = _holders(kit, row, f"Largest {who}s", frame)
    return row


def _holders(kit: Kit, row: int, title: str, frame: pd.DataFrame) -> int:
    sheet = kit.book.sheet(NAME)
    row = section(sheet, row, title)
    labels: Sequence[str] = ("Name", "Loans", f"Balance, {kit.look.label}", "Share of pool")
    heads(sheet, row, list(labels))
    first, end = row + 1, row + 1 + len(frame)
    for item in records(frame):
        row += 1
        sheet.put(row, 1, str(item.value), styled(TEXT, indent=1))
        sheet.put(row, 2, int(item.loans), figure(COUNT))
        sheet.put(row, 3, float(item.balance), figure(kit.look.money()))
    sheet.put(end, 1, "Total", totals("General", ink="text"))
    sheet.put(end, 2, column_total(sheet, first, row, 2), totals(COUNT))
    sheet.put(end, 3, column_total(sheet, first, row, 3), totals(kit.look.money()))
    for at in range(first, end + 1):
        share = number(sheet, at, 3) / (number(sheet, end, 3) or 1.0)
        style = totals(PERCENT) if at == end else live(PERCENT)
        sheet.put(at, 4, Formula(f"={address(at, 3)}/{address(end, 3)}", share), style)
    kit.book.places[f"pool.{title.lower().replace(' ', '_')}"] = sheet.at(end, 3)
    return end + 2
