"""The Terms sheet: rates and prices that the model states, and what they come to in the plan.

A rate (blue) times the amount it is paid on (grey: solved) times the length of the period gives a
line of the plan's sources and uses. What changed rates come to is added to the cash and the net
capital that were solved; the amounts themselves stay until the plan is solved again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from scfcap import axes
from scfcap.quantities import HALF_CENT
from scfcap.report.book import RATE, Area, Formula, Sheet, address
from scfcap.report.sheets.common import (
    NOTE,
    TEXT,
    Kit,
    figure,
    heads,
    linked,
    live,
    number,
    section,
    styled,
    title_case,
    totals,
)
from scfcap.report.sheets.inputs import input_cell

NAME = "Terms"
_YEARS, _HEAD, _RATE, _FIRST = 5, 4, 2, 3
Key = tuple[str, str, str]
#: Items of income, and the lines of sources and uses of which they are made.
INCOME = {
    "interest on cash": ((axes.OWN, "interest on cash"),),
    "running cost": ((axes.OWN, "running cost"),),
    "servicing fees from buyers": ((axes.BANK_TRANSFER, "servicing fees"),),
    "gain or loss on sales": ((axes.BANK_TRANSFER, ": loans sold"),),
    "bank interest and fees": ((axes.BANK_DEBT, ": interest and fees"),),
    "P2P interest and fees": ((axes.P2P, "interest and fees"),),
}


@dataclass
class Terms:
    """The sheet while the plan is written: rows of the lines, and of what changes come to.

    ``now``, ``changes``: row of a line as its rates stand, and of its difference to what was
    solved. ``since``: row of all differences since the start; ``solved``: rows of what was solved.
    """

    kit: Kit
    periods: int
    now: dict[Key, int] = field(default_factory=dict)
    changes: dict[Key, int] = field(default_factory=dict)
    bases: dict[str, int] = field(default_factory=dict)
    solved: dict[str, int] = field(default_factory=dict)
    since: int = 0
    row: int = _YEARS + 1

    @property
    def sheet(self) -> Sheet:
        """The sheet."""
        return self.kit.book.sheet(NAME)

    def cell(self, row: int, column: int) -> str:
        """A cell as formulas of other sheets write it."""
        return self.sheet.at(row, column).linked

    def link(self, key: Key, area: Area) -> None:
        """Let a line of sources and uses show what its parts come to."""
        if key in self.now:
            _each(self.kit, area, lambda column: f"={self.cell(self.now[key], column)}")

    def shift(self, name: str, area: Area) -> None:
        """Let a stock be what was solved, moved by what changed rates came to since the start."""
        if not self.since:
            return
        first = max(area.column, _FIRST)
        source = self.kit.book.sheet(area.sheet)
        values = [number(source, area.row, c) for c in range(first, area.last_column + 1)]
        row = self._solve(name, values)
        moved = Area(area.sheet, area.row, first, area.row, area.last_column)
        _each(self.kit, moved, lambda c: f"={self.cell(row, c)}+{self.cell(self.since, c)}")

    def earn(self, item: str, area: Area) -> None:
        """Let an item of income be what its lines come to, or what was solved and their change."""
        mine = [
            key
            for key in self.now
            for channel, ending in INCOME.get(item, ())
            if key[1] == channel and key[2].endswith(ending)
        ]
        if not mine:
            return
        source, sheet = self.kit.book.sheet(area.sheet), self.sheet
        signs = {key: 1.0 if key[0] == "source" else -1.0 for key in mine}
        columns = range(area.column, area.last_column + 1)
        stated = [number(source, area.row, c) for c in columns]
        made = [sum(signs[k] * number(sheet, self.now[k], c) for k in mine) for c in columns]
        rows = self.now
        before = 0
        if any(abs(a - b) > HALF_CENT for a, b in zip(stated, made, strict=True)):
            rows, before = self.changes, self._solve(title_case(item), stated)

        def text(column: int) -> str:
            start = self.cell(before, column) if before else ""
            terms = (
                ("+" if signs[key] > 0 else "-") + self.cell(rows[key], column) for key in mine
            )
            return "=" + (start + "".join(terms)).removeprefix("+")

        _each(self.kit, area, text)

    def rest_on(self, places: dict[str, Area]) -> None:
        """Let amounts that the plan shows be links to where it shows them, a column earlier."""
        shown = {
            "plan.cash_yield": f"plan.balance.{axes.OWN}.cash",
            "plan.opex_rate": "plan.managed",
        }
        for key, row in self.bases.items():
            buyer = key.removeprefix("buyers.").removesuffix(".servicing_fee")
            named = f"plan.balance.{axes.BANK_TRANSFER}.{buyer}: loans sold"
            area = places.get(shown.get(key, named))
            if area is None or key.endswith(".price"):
                continue
            source = self.kit.book.sheet(area.sheet)
            columns = range(_FIRST, _FIRST + self.periods)
            offs = [number(source, area.row, c - 1) - number(self.sheet, row, c) for c in columns]
            if area.column == _RATE and max(map(abs, offs)) <= HALF_CENT:
                for column in columns:
                    text = f"={source.at(area.row, column - 1).linked}"
                    value = number(source, area.row, column - 1)
                    look = linked(self.kit.look.money())
                    self.sheet.put(row, column, Formula(text, value), look)

    def _solve(self, name: str, values: list[float]) -> int:
        """A row of what was solved; the row it stands in."""
        if name not in self.solved:
            if not self.solved:
                self.row = section(
                    self.sheet,
                    self.row,
                    "As solved",
                    "Before inputs were changed; re-run to solve.",
                )
            self.sheet.put(self.row, 1, name, styled(TEXT, indent=1))
            for column, value in enumerate(values, _FIRST):
                self.sheet.put(self.row, column, value, figure(self.kit.look.money()))
            self.solved[name] = self.row
            self.row += 1
        return self.solved[name]


def _each(kit: Kit, area: Area, text: object) -> None:
    """Formulas in a row of cells that hold the engine's figures, which they keep as values."""
    sheet = kit.book.sheet(area.sheet)
    for column in range(area.column, area.last_column + 1):
        cell = sheet.cells[area.row, column]
        style = styled(cell.style, ink="link")
        formula = Formula(text(column), number(sheet, area.row, column))  # type: ignore[operator]
        sheet.put(area.row, column, formula, style, note=cell.note)


def add_terms(kit: Kit, flows: pd.DataFrame) -> Terms | None:
    """Add the sheet where the run has the parts of at least one line of ``flows``."""
    frame = kit.frame("plan_terms")
    if frame is None:
        return None
    engine = {
        tuple(map(str, key)): line.groupby("period")["amount"].sum()
        for key, line in flows.groupby(["side", "channel", "item"], sort=False)
    }
    found: list[tuple[Key, pd.DataFrame, list[float]]] = []
    for (side, channel, item), parts in frame.groupby(["side", "channel", "item"], sort=False):
        key = (str(side), str(channel), str(item))
        made = (parts["rate"] * parts["base_amount"] * parts["years"]).groupby(parts["period"])
        came = made.sum()
        if key in engine:
            stated = engine[key].reindex(came.index, fill_value=0.0)
            if (came - stated).abs().max() <= HALF_CENT:
                found.append((key, parts, [float(value) for value in stated]))
    if not found:
        return None
    ends = list(frame.drop_duplicates("period").sort_values("period")["end"])
    terms = Terms(kit, len(ends))
    sheet = kit.add(NAME, "Terms: rates and prices, and what they come to", 44.0)
    sheet.put(3, 1, _SAID, NOTE)
    days = [pd.Timestamp(end).date() for end in ends]
    heads(sheet, _HEAD, [kit.look.label, "Rate or price", *days], kit.look.day)
    sheet.widths |= {_RATE: 12.0, **dict.fromkeys(range(_FIRST, _FIRST + len(ends)), 10.5)}
    sheet.freeze, sheet.title_rows, sheet.title_columns = (
        (_HEAD + 1, _FIRST),
        (_HEAD, _HEAD),
        (1, 1),
    )
    sheet.put(_YEARS, 1, "Length of the period, years", TEXT)
    lengths = frame[frame["kind"] != "price"].drop_duplicates("period").sort_values("period")
    for column, years in enumerate(lengths["years"], _FIRST):
        sheet.put(_YEARS, column, float(years), figure("0.0000"))
    for key, parts, stated_amounts in found:
        _line(terms, key, parts, stated_amounts)
    _effect(terms)
    return terms


_SAID = (
    "Blue: stated in the model, change it to ask what if. Grey: solved, stays until the plan is "
    "run again. Black: what the rates come to."
)


def _line(terms: Terms, key: Key, parts: pd.DataFrame, solved: list[float]) -> None:
    """A line: its parts, what they come to, what was solved, and the difference."""
    sheet, kit = terms.sheet, terms.kit
    money = kit.look.money()
    name = key[2] if ": " in key[2] else title_case(key[2])
    row = section(sheet, terms.row, f"P2P: {name}" if key[1] == axes.P2P else name)
    first = row
    priced = bool((parts["kind"] == "price").all())
    for (label, model_key), part in parts.groupby(["part", "key"], sort=False):
        sheet.put(row, 1, str(label), styled(TEXT, indent=1))
        rate, scale = float(part["rate"].iloc[0]), float(part["scale"].iloc[0])
        amount = str(part["kind"].iloc[0]) == "amount"
        unit = kit.meta.currency if amount else "" if priced else "1/year"
        look = money if amount else "0.0000" if priced else RATE
        at = sheet.at(row, _RATE)
        input_cell(kit, at, str(model_key), rate * scale, look, unit=unit, scale=scale)
        ordered = part.sort_values("period")["base_amount"]
        for column, base in enumerate(ordered, _FIRST):
            sheet.put(row, column, float(base), figure("0" if amount else money))
        terms.bases[str(model_key)] = row
        row += 1
    sheet.put(row, 1, "What they come to", totals("General", ink="text"))
    sheet.put(row, _RATE, None, totals(money))
    sheet.put(row + 1, 1, "As solved", styled(TEXT, indent=1))
    sheet.put(row + 2, 1, "Change", styled(TEXT, indent=1))
    rates = f"${address(first, _RATE)[0]}${first}:${address(row - 1, _RATE)[0]}${row - 1}"
    for column, value in enumerate(solved, _FIRST):
        bases = f"{address(first, column)}:{address(row - 1, column)}"
        text = f"=SUMPRODUCT({rates},{bases})"
        if not priced:
            text += f"*{address(_YEARS, column)}"
        sheet.put(row, column, Formula(text, value), totals(money))
        sheet.put(row + 1, column, value, figure(money))
        change = f"=ROUND({address(row, column)}-{address(row + 1, column)},4)"
        sheet.put(row + 2, column, Formula(change, 0.0), live(money))
    terms.now[key], terms.changes[key] = row, row + 2
    terms.row = row + 4


def _effect(terms: Terms) -> None:
    """What changed rates come to: in a period, and since the start."""
    sheet, money = terms.sheet, terms.kit.look.money()
    row = section(
        sheet,
        terms.row,
        "What changed rates and prices come to",
        "On cash and on net capital; amounts, taxes and dividends stay as solved.",
    )
    sheet.put(row, 1, "In the period", styled(TEXT, indent=1))
    sheet.put(row + 1, 1, "Since the start", totals("General", ink="text"))
    for column in range(_FIRST, _FIRST + terms.periods):
        signed = (
            ("+" if key[0] == "source" else "-") + address(at, column)
            for key, at in terms.changes.items()
        )
        text = "=" + "".join(signed).removeprefix("+")
        sheet.put(row, column, Formula(text, 0.0), live(money))
        before = f"{address(row + 1, column - 1)}+" if column > _FIRST else ""
        text = f"={before}{address(row, column)}"
        sheet.put(row + 1, column, Formula(text, 0.0), totals(money))
    terms.since, terms.row = row + 1, row + 3
