"""A waterfall over time: collections, steps, accounts, classes, triggers; then one date alone."""

from __future__ import annotations

from collections.abc import Sequence

from scfcap.report.book import (
    Chart,
    Condition,
    Formula,
    Series,
    Sheet,
    Style,
    Value,
    address,
)
from scfcap.report.live.given import Given
from scfcap.report.live.merged import Slot, merged
from scfcap.report.live.source import How, Live, Source
from scfcap.report.sheets.common import (
    BOLD,
    NOTE,
    PALETTE,
    TEXT,
    Kit,
    figure,
    heads,
    linked,
    live,
    number,
    row_total,
    rows_total,
    section,
    styled,
    totals,
)
from scfcap.report.sheets.inputs import CHOICE
from scfcap.report.sheets.timeline import LEAST_WIDTH, Timeline

#: Most columns of periods on the sheet; more are shown several to a column.
_COLUMNS = 60
_CHART_ROWS = 16
_OPENING, _FIRST = 2, 3
_LIGHT = Style(ink="formula", align="center", size=9)


class Blocks:
    """Writes the blocks of a deal's sheet below its inputs."""

    def __init__(self, kit: Kit, given: Given, sheet: Sheet, source: Source) -> None:
        self.kit, self.given, self.sheet, self.source = kit, given, sheet, source
        days = given.deal.calendar.dates[: given.last]
        line = Timeline.over(sheet, kit, days, most=_COLUMNS)
        self.spans, self.ends, self.last = line.buckets, line.ends, line.last
        self.total = line.total
        self.money = kit.look.money()
        waterfall = merged(given.deal.spec, given.deal.waterfall)
        self.paying = waterfall
        self.slots = [*waterfall, *merged(given.deal.spec, given.deal.settlement)]

    def add(self, row: int) -> None:
        """All blocks from ``row`` on."""
        sheet = self.sheet
        sheet.widths |= dict.fromkeys(range(_OPENING, self.last + 1), 11.5)
        sheet.widths[self.total] = 13.0
        row = self._outcome(row)
        row = self._collections(row)
        row = self._steps(row)
        row = self._accounts(row)
        row = self._classes(row)
        row = self._states(row)
        if isinstance(self.source, Live):
            row = self._date(row, self.source)
        sheet.reach(row, self.total)
        while sheet.centimetres(1, sheet.last_column) < LEAST_WIDTH:
            sheet.reach(row, sheet.last_column + 1)
        sheet.title_columns = (1, 1)
        sheet.pages_wide = max(1, round(len(self.spans) / 20))

    # --- lines ------------------------------------------------------------------------------

    def _head(
        self, row: int, title: str, note: str = "", *, total: bool = True, unit: str | None = None
    ) -> int:
        row = section(self.sheet, row, title, note)
        begin = self.given.deal.calendar.start
        shown = self.kit.look.label if unit is None else unit
        labels: list[Value] = [shown, begin, *self.ends]
        labels += ["Total"] if total else []
        heads(
            self.sheet, row, labels, "d mmm yy" if self.kit.look.language == "en" else "yyyy-mm-dd"
        )
        return row + 1

    def _line(
        self,
        row: int,
        label: str,
        lines: Sequence[str],
        how: How = "sum",
        style: Style | None = None,
    ) -> int:
        """A line of the source; flows with their total, stocks with their opening."""
        live_ = isinstance(self.source, Live)
        look = style or (linked(self.money) if live_ else figure(self.money))
        self.sheet.put(row, 1, label, styled(TEXT, indent=1))
        if how == "last":
            self.sheet.put(row, _OPENING, self.source.cell(lines, (0, 0), how), look)
        for column, span in enumerate(self.spans, _FIRST):
            self.sheet.put(row, column, self.source.cell(lines, span, how), look)
        if how == "sum":
            cell = row_total(self.sheet, row, _FIRST, self.last)
            self.sheet.put(row, self.total, cell, live(self.money))
        return row + 1

    def _sum(self, row: int, label: str, rows: Sequence[int], *, opening: bool = False) -> int:
        self.sheet.put(row, 1, label, totals("General", ink="text"))
        for column in range(_OPENING, self.total + (not opening)):
            empty = column == _OPENING and not opening
            cell = None if empty else rows_total(self.sheet, rows, column)
            self.sheet.put(row, column, cell, totals(self.money))
        return row + 1

    # --- blocks -----------------------------------------------------------------------------

    def _outcome(self, row: int) -> int:
        """What the deal comes to now, and in the run."""
        sheet, given, source = self.sheet, self.given, self.source
        if not isinstance(source, Live):
            return row
        row = section(sheet, row, "What it comes to")
        heads(sheet, row, [self.kit.look.label, "Now", "In the run", "Change"])
        whole = (1, self.given.last)
        lines: list[tuple[str, list[str], tuple[int, int], How]] = []
        for name in self._debt():
            said = given.tell(name)
            lines.append((f"Interest paid: {said}", [f"interest {name}"], whole, "sum"))
            lines.append((f"Principal paid: {said}", [f"principal {name}"], whole, "sum"))
            left = [f"balance {name}", f"owed {name}"]
            lines.append((f"Unpaid at the end: {said}", left, whole, "last"))
        fees = [f"fee paid {name}" for name in given.deal.spec.fees]
        lines.append(("Fees paid", fees, whole, "sum"))
        lines.append(("Residual", self._residual(), whole, "sum"))
        for label, keys, span, how in lines:
            if not source.has(keys):
                continue
            row += 1
            now = source.cell(keys, span, how)
            value = now.value if isinstance(now, Formula) else now
            sheet.put(row, 1, label, styled(TEXT, indent=1))
            sheet.put(row, 2, now, linked(self.money))
            sheet.put(row, 3, value, figure(self.money))
            gap = Formula(f"=ROUND({address(row, 2)}-{address(row, 3)},4)", 0.0)
            sheet.put(row, 4, gap, live(self.money))
            self.kit.book.places[f"waterfall.{given.name}.{label}"] = sheet.at(row, 2)
        return row + 2

    def _residual(self) -> list[str]:
        return [
            f"step {place} paid"
            for place, slot in self._placed()
            if slot.step.spec.pay == "residual"
        ]

    def _placed(self) -> list[tuple[int, Slot]]:
        """Slots with the number that their lines have in the source."""
        if isinstance(self.source, Live):
            return list(enumerate(self.slots))
        return [(row, slot) for slot in self.slots for row in slot.rows.values()]

    def _debt(self) -> list[str]:
        spec = self.given.deal.spec
        return [name for name, each in spec.tranches.items() if each.kind != "equity"]

    def _collections(self, row: int) -> int:
        spec = self.given.deal.spec
        row = first = self._head(row, "Collections")
        row = self._line(row, "Interest collected", ["interest"])
        row = self._line(row, "Principal collected", ["principal"])
        for label, lines in (
            ("Recoveries", ["recovery"]),
            ("Yield of cash", [*(f"yield {name}" for name in spec.accounts), "cash yield"]),
            ("Proceeds of a call", [*(f"got {name}" for name in spec.calls), "proceeds"]),
        ):
            if self.source.has(lines):
                row = self._line(row, label, lines)
        row = self._sum(row, "Collected", range(first, row))
        row = self._line(row, "Defaults (no cash)", ["default"])
        return self._line(row, "Pool at the close", ["pool"], "last") + 1

    def _steps(self, row: int) -> int:
        """What each step paid; steps of one name, in whichever phase, are one line."""
        row = self._head(row, "Paid, step by step", "In the order of the waterfall.")
        lines: dict[str, list[str]] = {}
        for place, slot in self._placed():
            lines.setdefault(self.given.label(slot.step), []).append(f"step {place} paid")
        for label, keys in lines.items():
            row = self._line(row, label, keys)
        return row + 1

    def _accounts(self, row: int) -> int:
        given = self.given
        row = first = self._head(row, "Accounts at the close", total=False)
        for name in given.deal.accounts:
            row = self._line(row, given.tell(name), [f"account {name}"], "last")
        row = self._sum(row, "Cash", range(first, row), opening=True)
        row = self._check(row, "Cash in less cash out", ["gap"])
        return row + 1

    def _check(self, row: int, label: str, lines: Sequence[str]) -> int:
        """A line that must be zero."""
        look = linked(self.kit.look.money(4), size=9)
        self.sheet.put(row, 1, label, NOTE)
        for column, span in enumerate(self.spans, _FIRST):
            self.sheet.put(row, column, self.source.cell(lines, span, "sum"), look)
        area = self.sheet.span(row, _FIRST, row, self.last)
        self.sheet.conditions.append(Condition(area, f"ABS({address(row, _FIRST)})>0.005", "bad"))
        return row + 1

    def _classes(self, row: int) -> int:
        """Balance, factor, interest and principal of each class; a picture of the balances."""
        given, names = self.given, self._debt()
        if not names:
            return row
        row = self._head(row, "Classes")
        stack: list[int] = []
        for name in names:
            said = given.tell(name)
            stack.append(row)
            row = self._line(row, f"Balance: {said}", [f"balance {name}"], "last")
            row = self._factor(row, f"Factor: {said}", stack[-1])
            for what, key in (
                ("Interest paid", "interest"), ("Principal paid", "principal"),
            ):  # fmt: skip
                if self.source.has([f"{key} {name}"]):
                    row = self._line(row, f"{what}: {said}", [f"{key} {name}"])
            if self.source.has([f"owed {name}"]):
                row = self._line(row, f"Interest owed: {said}", [f"owed {name}"], "last")
        row = self._cover(row, stack)
        row = self._check(row, "Classes roll forward", [f"roll {n}" for n in given.deal.tranches])
        return self._chart(row, stack)

    def _factor(self, row: int, label: str, balance: int) -> int:
        self.sheet.put(row, 1, label, styled(TEXT, indent=1))
        first = number(self.sheet, balance, _OPENING)
        anchor = f"$B${balance}"
        for column in range(_OPENING, self.last + 1):
            value = number(self.sheet, balance, column) / first if first else 0.0
            text = f"=IF({anchor}>0,{address(balance, column)}/{anchor},0)"
            self.sheet.put(row, column, Formula(text, value), live("0.0000"))
        return row + 1

    def _cover(self, row: int, stack: Sequence[int]) -> int:
        """Notes and what stands behind them."""
        sheet, given = self.sheet, self.given
        row = self._sum(row, "Notes", stack, opening=True)
        notes = row - 1
        cash = f"account {given.deal.spec.collections.principal}"
        row = self._line(row, "Pool and cash of principal", ["pool", cash], "last")
        sheet.put(row, 1, "Overcollateralization, % of pool and cash", styled(TEXT, indent=1))
        for column in range(_OPENING, self.last + 1):
            held, owed = (number(sheet, at, column) for at in (row - 1, notes))
            a, b = address(row - 1, column), address(notes, column)
            value = 1.0 - owed / held if held > 0.5 else 0.0
            cell = Formula(f"=IF({a}>0.5,1-{b}/{a},0)", value)
            sheet.put(row, column, cell, live('0.0%_);(0.0%);"–"_)'))
        return row + 1

    def _chart(self, row: int, stack: Sequence[int]) -> int:
        sheet, look = self.sheet, self.kit.look
        head = row  # categories are the dates of the block's heading
        while (head, _FIRST) not in sheet.cells or sheet.cells[head, _FIRST].style.ink != "head":
            head -= 1
        sheet.charts.append(
            Chart(
                kind="stacked",
                title=f"Balances of the classes at the close, {look.label}",
                row=row + 1,
                column=1,
                categories=sheet.span(head, _OPENING, head, self.last),
                series=tuple(
                    Series(sheet.at(at, 1), sheet.span(at, _OPENING, at, self.last), colour)
                    for at, colour in zip(stack, PALETTE * 3, strict=False)
                ),
                number_format=look.axis(),
                category_format=look.day,
                width=min(30.0, max(20.0, sheet.centimetres(1, self.total))),
                height=7.0,
            )
        )
        sheet.blocks.append(row)
        return row + _CHART_ROWS

    def _states(self, row: int) -> int:
        """Phase and triggers, by the last period of a column."""
        given, sheet, spec = self.given, self.sheet, self.given.deal.spec
        row = self._head(row, "Phase and triggers", total=False, unit="")
        names = [phase.name for phase in spec.phases]
        sheet.put(row, 1, "Phase", styled(TEXT, indent=1))
        for column, span in enumerate(self.spans, _FIRST):
            found = self.source.cell(["phase"], span, "last")
            if isinstance(found, Formula):
                said = ",".join(f'"{name}"' for name in names)
                text = f"=CHOOSE({found.text[1:]}+1,{said})"
                sheet.put(row, column, Formula(text, names[int(found.value)]), _LIGHT)
            else:
                sheet.put(row, column, names[int(found)], _LIGHT)
        row += 1
        for name in spec.triggers:
            label = "Early amortisation" if given.kind == "series" else name
            sheet.put(row, 1, f"Trigger: {label}", styled(TEXT, indent=1))
            for column, span in enumerate(self.spans, _FIRST):
                self._light(row, column, self.source.cell([f"trigger {name}"], span, "last"))
            area = sheet.span(row, _FIRST, row, self.last)
            for word, look in (("tripped", "bad"), ("clear", "good")):
                test = f'{address(row, _FIRST)}="{word}"'
                sheet.conditions.append(Condition(area, test, look))  # type: ignore[arg-type]
            row += 1
        share = linked("0.00%") if isinstance(self.source, Live) else figure("0.00%")
        for name in spec.measures:
            row = self._line(row, f"Measure: {name}", [f"measure {name}"], "last", share)
            sheet.cells.pop((row - 1, _OPENING), None)
        return row + 1

    def _light(self, row: int, column: int, found: Formula | float) -> None:
        if isinstance(found, Formula):
            text = f'=IF({found.text[1:]}=1,"tripped","clear")'
            shown = "tripped" if found.value == 1.0 else "clear"
            self.sheet.put(row, column, Formula(text, shown), _LIGHT)
        else:
            self.sheet.put(row, column, "tripped" if found else "clear", _LIGHT)

    def _date(self, row: int, source: Live) -> int:
        """One payment date step by step; which one is a cell that a reader may change."""
        sheet, cells = self.sheet, source.compiled.cells
        count, calendar = cells.periods, self.given.deal.calendar
        row = section(sheet, row, "One payment date, step by step")
        chosen = next(t for t in range(1, count + 1) if calendar.pays[t - 1])
        sheet.put(row, 1, f"Period, 1 to {count}", BOLD)
        picked = sheet.put(row, 2, chosen, figure("0", ink="input"))
        self.kit.book.places[f"{CHOICE}{sheet.name}"] = picked
        at = f"MAX(1,MIN({count},{picked.local}))"
        dates = cells.area("date", 1, count).linked
        day, where = calendar.dates[chosen - 1], f"INDEX({dates},1,{at})"
        text = f"=YEAR({where})*10000+MONTH({where})*100+DAY({where})"
        shown = Formula(text, float(f"{day:%Y%m%d}"))
        sheet.put(row, 3, shown, linked(r"0000\-00\-00", bold=True))
        row += 1
        heads(
            sheet, row,
            [self.kit.look.label, "Due", "Available", "Paid", "Short", "Due in all", "Paid in all",
             "Phases"],
        )  # fmt: skip
        for place, slot in enumerate(self.slots):
            row += 1
            sheet.put(row, 1, self.given.label(slot.step), styled(TEXT, indent=1))
            for column, what in ((2, "due"), (3, "available"), (4, "paid")):
                key = f"step {place} {what}"
                if key not in cells.rows:
                    continue
                text = f"=INDEX({cells.area(key, 1, count).linked},1,{at})"
                cell = Formula(text, cells.value(key, chosen))
                sheet.put(row, column, cell, linked(self.money))
            due, paid = number(sheet, row, 2), number(sheet, row, 4)
            gap = Formula(f"=MAX(0,{address(row, 2)}-{address(row, 4)})", max(0.0, due - paid))
            sheet.put(row, 5, gap, live(self.money))
            for column, what in ((6, "due"), (7, "paid")):
                total = source.cell([f"step {place} {what}"], (1, count), "sum")
                sheet.put(row, column, total, linked(self.money))
            phases = ", ".join(self.given.deal.spec.phases[n].name for n in slot.rows)
            sheet.put(row, 8, phases, NOTE)
        return row + 2
