"""A funder's workbook: its report, and the list whose sums the report's figures are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from scfcap.report.book import (
    CENT,
    COUNT,
    PERCENT,
    RATE,
    Book,
    Condition,
    Formula,
    Look,
    Sheet,
    Strip,
    Style,
    address,
    letter,
    quoted,
)
from scfcap.report.long_lists import rows_shown
from scfcap.report.sheets.borrowing import certificate
from scfcap.report.sheets.common import (
    NOTE,
    TEXT,
    Kit,
    figure,
    heads,
    live,
    plain,
    rows_total,
    section,
    styled,
    title_case,
    totals,
    words,
)
from scfcap.report.tables import RunMeta

if TYPE_CHECKING:
    import pandas as pd

    from scfcap.report.delivery import Delivery

LOANS = "Loans"
_DAY = "yyyy-mm-dd"
_MONEY = ("balance", "amount", "purchase_price", "counted", "contribution")
_LOOKS = {"rate": RATE, "advance_rate": PERCENT, "price": "0.0000"}
_WIDTHS = {
    "loan_id": 18.0,
    "reason": 34.0,
    "status": 26.0,
    "movement": 10.0,
    "class": 16.0,
    "rate": 8.0,
    "advance_rate": 9.0,
    "price": 8.0,
    "maturity_date": 11.0,
}
_HEADS = {"amount": "Funder's part", "price": "Price, of par", "maturity_date": "Maturity"}
_FIGURE, _NUMBER, _BALANCE = 1, 2, 3
_SUMS = ("eligible", "placed", "after")
_INDENTED = styled(TEXT, indent=1)
_LINES: Mapping[str, tuple[str, str, tuple[str, ...], str]] = {
    "before": ("before", "Before", ("stays", "out"), ""),
    "in": ("in", "Comes in", ("in",), ""),
    "out": ("out", "Leaves", ("out",), "-"),
    "after": ("after", "After", ("in", "stays"), ""),
}


@dataclass(frozen=True)
class _List:
    """Where the list stands: its sheet's name, rows and columns by name; ``whole``: all of it."""

    sheet: str
    first: int
    last: int
    columns: Mapping[str, int]
    whole: bool

    @property
    def rows(self) -> int:
        """How many loans stand in it."""
        return self.last - self.first + 1

    def at(self, name: str) -> str:
        """The cells of a column, as a formula on another sheet writes them."""
        column = letter(self.columns[name])
        return f"{quoted(self.sheet)}!${column}${self.first}:${column}${self.last}"

    def total(self, name: str, value: float, sign: str = "") -> Formula:
        """The sum of a column."""
        return Formula(f"={sign}SUM({self.at(name)})", value)

    def among(self, name: str, tests: Sequence[str], value: float, sign: str = "") -> Formula:
        """The sum of a column over the rows that pass any of some tests."""
        joined = "+".join(tests)
        return Formula(f"={sign}SUMPRODUCT(({joined})*{self.at(name)})", value)

    def count(self, tests: Sequence[str], value: float) -> Formula:
        """Rows that pass any of some tests."""
        return Formula(f"=SUMPRODUCT(({'+'.join(tests)})*1)", value)

    def moves(self, *names: str) -> list[str]:
        """Tests of how a loan moves."""
        return [f'({self.at("movement")}="{name}")' for name in names]


@dataclass(frozen=True)
class _Places:
    """Columns of the report: of amounts, and of the figures' keys."""

    amount: int
    key: int


def delivery_book(found: Delivery, about: Mapping[str, str], most_rows: int) -> Book:
    """The workbook of a funder: ``Report``, and ``Loans``, which is cut where it is longer than
    ``most_rows``; ``about`` as :func:`scfcap.report.delivery.delivery_files` says.
    """
    meta = _meta(about)
    title = "Borrowing base" if found.pledge else "Purchase report"
    book = Book(
        title=f"{title}: {words(found.key)}",
        subject=f"{meta.model}, as of {meta.as_of:%Y-%m-%d}",
        as_of=meta.as_of,
        footer=f"scfcap {meta.version} · {meta.model} · inputs {meta.digest[:12]}",
    )
    kit = Kit({}, meta, Look(meta.currency, 1.0), book)
    sheet = kit.add("Report", f"{title}: {words(found.key)}", 46.0)
    rows = rows_shown(len(found.loans), most_rows)
    at = _Places(5, 6) if found.pledge else _Places(4, 5)
    listed = _loans(kit, found, rows)
    for column in range(2, 8):
        sheet.widths[column] = 17.0
    row = _note(sheet, found, listed)
    row = (_base if found.pledge else _purchase)(kit, row, found, listed, at)
    row = _movement(sheet, row, found, listed, at)
    row = _names(sheet, row, found, meta.currency)
    _means(sheet, row, found)
    sheet.freeze = (3, 2)
    if found.before is not None:
        _before(kit, found.before.table, words(found.key))
    return book


def _before(kit: Kit, frame: pd.DataFrame, name: str) -> None:
    """The borrowing base with the loans that were pledged before the day, on a sheet of its own."""
    sheet = kit.add("Before", f"Before the day: {name}", 46.0)
    for column in range(2, 6):
        sheet.widths[column] = 17.0
    sheet.put(3, 1, "With the loans that were pledged before, by today's balances and rules.", NOTE)
    _, rows = certificate(kit, sheet.name, 5, name, frame)
    for line in rows.values():
        _cents(sheet, line, 3)
        _cents(sheet, line, 5)
    sheet.freeze = (3, 2)


def _meta(about: Mapping[str, str]) -> RunMeta:
    return RunMeta(
        model=about["model"],
        title=about["title"],
        as_of=date.fromisoformat(about["as_of"]),
        regime="",
        currency=about["currency"],
        money_unit=1.0,
        scenario="",
        frequency="month",
        status="",
        objective=math.nan,
        net_income=math.nan,
        version=about["version"],
        digest=about["digest"],
    )


def _note(sheet: Sheet, found: Delivery, listed: _List) -> int:
    text = f"The list of {len(found.loans):,} loans stands on the sheet {LOANS}."
    if not listed.whole:
        text = (
            f"The list has {len(found.loans):,} loans: the first {listed.rows:,} stand on the "
            f"sheet {LOANS}, all of them in loans.csv and loans.parquet. Figures here are of all."
        )
    sheet.put(3, 1, text, NOTE)
    return 5


def _loans(kit: Kit, found: Delivery, rows: int) -> _List:
    """The list, or its first ``rows``, and totals above it."""
    whole = rows == len(found.loans)
    frame = found.loans if whole else found.loans.head(rows)
    if not (frame["amount"] != frame["balance"]).any():
        frame = frame.drop(columns="amount")
    sheet = kit.add(LOANS, f"Loans: {words(found.key)}", 18.0)
    names = [str(name) for name in frame.columns]
    for at, name in enumerate(names, start=1):
        sheet.widths[at] = _WIDTHS.get(name, 14.0)
    head = 6 if whole else 7
    heads(sheet, head, [_HEADS.get(name, title_case(name)) for name in names])
    first, last = head + 1, head + max(len(frame), 1)
    for at, name in enumerate(names, start=1):
        sheet.strip(Strip(first, at, _look(name), _values(frame[name])))
    columns = {name: at for at, name in enumerate(names, start=1)}
    listed = _List(sheet.name, first, last, columns, whole)
    _sums(sheet, found, listed)
    sheet.freeze = (first, 2)
    sheet.title_rows = (head, head)
    sheet.filter_area = sheet.span(head, 1, last, len(names))
    return listed


def _values(column: pd.Series[Any]) -> list[Any]:
    """A column's values as cells hold them; an empty text is no cell."""
    if column.dtype.kind == "M":
        days = column.to_numpy().astype("datetime64[D]")
        return [None if day is None else day for day in days.tolist()]
    if column.dtype.kind in "fiu":
        return column.astype(float).tolist()
    texts = column.astype(object)
    return [None if value is None or value != value or value == "" else str(value)
            for value in texts.tolist()]  # fmt: skip


def _summed(name: str) -> bool:
    return name in _MONEY or name.startswith(("excess:", "reserve:"))


def _look(name: str) -> Style:
    if _summed(name):
        return figure(CENT)
    if name == "maturity_date":
        return figure(_DAY, ink="text", align="center")
    return figure(_LOOKS[name]) if name in _LOOKS else TEXT


def _sums(sheet: Sheet, found: Delivery, listed: _List) -> None:
    """Totals of the list, and of what the funder has after the day; where it is cut, of all too."""
    shown = found.loans.head(listed.rows)
    count = f"{len(found.loans):,}"
    labels = [
        "All rows" if listed.whole else f"First {listed.rows:,} rows",
        "of them after the day",
    ]
    labels += [] if listed.whole else [f"After the day, of all {count}"]
    for row, label in enumerate(labels, start=4):
        sheet.put(row, 1, label, totals("General", "text"))
        for at in range(2, len(listed.columns) + 1):
            sheet.put(row, at, None, totals("General", "text"))
    moves = listed.columns["movement"]
    tested = f"{letter(moves)}{listed.first}:{letter(moves)}{listed.last}"
    for name, at in listed.columns.items():
        if not _summed(name):
            continue
        cells = f"{letter(at)}{listed.first}:{letter(at)}{listed.last}"
        total, after = (float(part[name].sum()) for part in (shown, _after(shown)))
        sheet.put(4, at, Formula(f"=SUM({cells})", total), totals(CENT))
        text = f'=SUMIF({tested},"<>out",{cells})'
        sheet.put(5, at, Formula(text, after), totals(CENT))
        if not listed.whole:
            sheet.put(6, at, float(_after(found.loans)[name].sum()), totals(CENT, "engine"))


def _after(loans: pd.DataFrame) -> pd.DataFrame:
    """What the funder has after the day."""
    return loans[(loans["movement"] != "out").to_numpy()]


def _base(kit: Kit, row: int, found: Delivery, listed: _List, at: _Places) -> int:
    """The borrowing base certificate, its figures sums of the list."""
    sheet, frame = kit.book.sheet("Report"), found.report.table
    row, rows = certificate(kit, sheet.name, row, words(found.key), frame)
    items = {str(item["figure"]): item for item in frame.to_dict("records")}
    sheet.put(min(rows.values()) - 1, at.key, "Key", _key_head())
    for key, line in rows.items():
        sheet.put(line, at.key, key, NOTE)
        money = _cents(sheet, line, at.amount)
        _cents(sheet, line, _BALANCE)
        if listed.whole:
            cells = _from_list(items[key], line, listed, at)
            for column, formula in cells.items():
                ink = styled(money, ink="formula") if column == at.amount else live(CENT)
                sheet.put(line, column, formula, ink)
    return row


def _key_head() -> Style:
    return Style(ink="head", bold=True, fill="head", align="left")


def _cents(sheet: Sheet, row: int, column: int) -> Style:
    """Show a cell to the cent; how it looks then."""
    cell = sheet.cells.get((row, column))
    if cell is None:  # the figure is not about loans
        return live(CENT)
    style = styled(cell.style, number_format=CENT)
    sheet.put(row, column, cell.value, style)
    return style


def _from_list(item: Mapping[Any, Any], row: int, listed: _List, at: _Places) -> dict[int, Formula]:
    """The cells of a certificate's line that are sums of the list."""
    key, amount, balance = str(item["figure"]), float(item["amount"]), float(item["balance"])
    cell = address(row, at.key)
    if key == "not_pledged":
        gross = address(row - 1, at.amount)
        pledged = listed.among("balance", listed.moves("in", "stays"), amount)
        return {at.amount: Formula(f"{pledged.text}-{gross}", amount)}
    if key == "undetermined" or key.startswith("ineligible:"):
        test = [f"EXACT({listed.at('status')},{cell})"]
        return {at.amount: listed.among("balance", test, amount, "-")}
    if key.startswith(("excess:", "reserve:")) and key in listed.columns:
        return {at.amount: listed.total(key, amount, "-")}
    if key.startswith("class:"):
        test = [f'EXACT("class:"&{listed.at("class")},{cell})']
        return {_BALANCE: listed.among("counted", test, balance)}
    return {}


def _purchase(kit: Kit, row: int, found: Delivery, listed: _List, at: _Places) -> int:
    """From the outstanding loans to what the funder has."""
    sheet = kit.book.sheet("Report")
    note = "Loans are counted once, by the first reason; amounts here are whole balances."
    row = section(sheet, row, "What is offered, and what is refused", note)
    heads(sheet, row, ["", "Loans", "Balance", "Amount"])
    sheet.put(row, at.key, "Key", _key_head())
    rows: dict[str, int] = {}
    for item in found.report.table.to_dict("records"):
        key = str(item["figure"])
        if key == "before":
            break
        row += 1
        rows[key] = row
        total = key in _SUMS
        label = totals("General", ink="text") if total else _INDENTED
        sheet.put(row, _FIGURE, str(item["line"]), label)
        value: float | Formula = float(item["amount"])
        if total:
            first = rows["gross" if key == "eligible" else "eligible"]
            value = rows_total(sheet, list(range(first, row)), at.amount)
        figures = ((_NUMBER, int(item["loans"])), (_BALANCE, float(item["balance"])))
        for column, shown in (*figures, (at.amount, value)):
            sheet.put(row, column, shown, _cell(column, shown, total=total))
        sheet.put(row, at.key, key, NOTE)
    if listed.whole:
        row += 1
        sheet.put(row, _FIGURE, "Less what the list has, in and stays", _INDENTED)
        placed = address(rows["placed"], at.amount)
        tests = "+".join(listed.moves("in", "stays"))
        text = f"=ROUND({placed}-SUMPRODUCT(({tests})*{listed.at('balance')}),4)"
        sheet.put(row, at.amount, Formula(text, 0.0), live(CENT))
        area = sheet.at(row, at.amount)
        sheet.conditions.append(Condition(area, f"ABS(N({address(row, at.amount)}))>0.005", "bad"))
    return row + 2


def _movement(sheet: Sheet, row: int, found: Delivery, listed: _List, at: _Places) -> int:
    """Before, in, out and after; what is paid."""
    row = section(sheet, row, "Before and after the day", "The amount is the funder's part.")
    heads(sheet, row, ["", "Loans", "Balance", *[""] * (at.amount - 4), "Amount"])
    start, mine = row + 1, "amount" if "amount" in listed.columns else "balance"
    for item in found.totals.to_dict("records"):
        row += 1
        name, label, parts, sign = _LINES[str(item["movement"])]
        total = name == "after"
        sheet.put(row, _FIGURE, label, totals("General", "text") if total else _INDENTED)
        tests = listed.moves(*parts)
        loans, balance, amount = (float(item[c]) for c in ("loans", "balance", "amount"))
        amount = -amount + 0.0 if sign else amount
        cells: dict[int, float | Formula] = {_NUMBER: loans, _BALANCE: balance, at.amount: amount}
        if listed.whole:
            cells = {
                _NUMBER: listed.count(tests, loans),
                _BALANCE: listed.among("balance", tests, balance),
                at.amount: listed.among(mine, tests, amount, sign),
            }
        if total:
            cells[at.amount] = rows_total(sheet, list(range(start, row)), at.amount)
            for blank in range(4, at.amount):
                sheet.put(row, blank, None, totals("General"))
        for column, value in cells.items():
            sheet.put(row, column, value, _cell(column, value, total=total))
    if "purchase_price" in listed.columns:
        row += 1
        paid = float(found.loans["purchase_price"].sum())
        sheet.put(row, _FIGURE, "Purchase price of what comes in", _INDENTED)
        price = listed.total("purchase_price", paid) if listed.whole else paid
        sheet.put(row, at.amount, price, _cell(at.amount, price, total=False))
    return row + 2


def _cell(column: int, value: float | Formula, *, total: bool) -> Style:
    """How a figure looks: a formula or the engine's, a total or not."""
    look = COUNT if column == _NUMBER else CENT
    if total:
        return totals(look, "formula" if isinstance(value, Formula) else "engine")
    return live(look) if isinstance(value, Formula) else figure(look)


def _names(sheet: Sheet, row: int, found: Delivery, currency: str) -> int:
    """Concentrations before and after against their limits."""
    frame = found.concentrations
    if frame.empty:
        return row
    row = section(
        sheet, row, "Concentrations", "Room is the limit less what is held after the day."
    )
    labels = ["", "Limit", f"Before, {currency}", "Share", f"After, {currency}", "Share",
              "Room"]  # fmt: skip
    for limit, part in frame.groupby("limit", sort=False):
        amount = float(part["limit_amount"].iloc[0])
        heads(sheet, row, [f"{limit}", *labels[1:]])
        for item in part.to_dict("records"):
            row += 1
            sheet.put(row, 1, str(item["value"]), _INDENTED)
            known = item["room"] == item["room"]
            if known:
                sheet.put(row, 2, amount, figure(CENT, ink="input"))
            for column, name, look in (
                (3, "before", CENT), (4, "before_share", PERCENT), (5, "after", CENT),
                (6, "after_share", PERCENT),
            ):  # fmt: skip
                sheet.put(row, column, float(item[name]), figure(look))
            if known:
                text = f"={address(row, 2)}-{address(row, 5)}"
                room = sheet.put(row, 7, Formula(text, float(item["room"])), live(CENT))
                sheet.conditions.append(Condition(room, f"N({address(row, 7)})<-0.005", "bad"))
        row += 2
    return row


def _means(sheet: Sheet, row: int, found: Delivery) -> int:
    """Weighted means before and after against their limits."""
    frame = found.averages
    if frame.empty:
        return row
    row = section(sheet, row, "Weighted means", "By balance, over the loans that have the number.")
    heads(sheet, row, ["", "Before", "After", "Least", "Most", "Room", "Loans without"])
    for item in frame.to_dict("records"):
        row += 1
        look = RATE if item["column"] == "rate" else "#,##0.00"
        sheet.put(row, 1, str(item["name"]), _INDENTED)
        for column, name in ((2, "before"), (3, "after"), (4, "least"), (5, "most"), (6, "room")):
            value = plain(item[name])
            if value is not None:
                ink = "input" if name in ("least", "most") else "engine"
                sheet.put(row, column, value, figure(look, ink=ink))  # type: ignore[arg-type]
        sheet.put(row, 7, int(item["loans_without"]), figure(COUNT))
    return row + 2
