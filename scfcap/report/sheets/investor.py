"""The investor report: each deal period by period, in the order in which investors read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scfcap.report.book import PERCENT, Chart, Formula, Series, Style, address
from scfcap.report.sheets.common import (
    PALETTE,
    TEXT,
    Kit,
    as_date,
    figure,
    live,
    number,
    section,
    styled,
    title_case,
)
from scfcap.report.sheets.deals_view import View, views
from scfcap.report.sheets.timeline import MOST_COLUMNS, Timeline

_FACTOR = "0.0000"
_STATE = Style(ink="text", align="right", size=9)


def add_investor(kit: Kit) -> None:
    """Add a sheet for each deal and each series of the plan."""
    for view in views(kit):
        if len(view.flows):
            _Report(kit, view).write()


class _Report:
    """One deal's sheet while it is written."""

    def __init__(self, kit: Kit, view: View) -> None:
        self.kit, self.view = kit, view
        title = f"Investor report: {view.name}, scenario {view.scenario}"
        self.sheet = kit.add(f"Investor {view.name}", title, 40.0)
        ends = [as_date(day) for day in view.flows["date"]]
        self.line = Timeline.over(self.sheet, kit, ends, most=MOST_COLUMNS - 4, opening=False)
        self.line.head(5)
        self.row = 6
        # Periods of a series that closes late do not begin at 1: the columns count from its first.
        first = int(view.flows.index.min())
        self.flows = view.flows.set_axis(view.flows.index - first + 1)

    def write(self) -> None:
        """All sections in their order."""
        view = self.view
        collected = self._flows("Collections", ("interest", "principal", "recovery"), "collections")
        self._losses(collected["recovery"])
        self._pool()
        balances = [self._class(name, size) for name, size in view.classes.items() if size > 0.0]
        self._flows("Fees, residual and cash", ("fees", "residual"), "")
        self._last("cash", "Cash in the accounts at the close")
        self._triggers()
        if balances:
            self._chart(balances)

    def _values(self, key: str) -> dict[int, float]:
        return {int(t): float(x) for t, x in self.flows[key].items()}  # type: ignore[call-overload]

    def _flows(self, title: str, keys: Sequence[str], total: str) -> dict[str, int]:
        self.row = section(self.sheet, self.row, title)
        labels = {"fees": "Fees paid", "residual": "Residual paid", "recovery": "Recoveries",
                  "interest": "Interest collected", "principal": "Principal collected"}  # fmt: skip
        at = {}
        for key in keys:
            self.line.line(self.row, labels[key], self._values(key))
            at[key] = self.row
            self.row += 1
        if total:
            self.line.summed(self.row, f"Total {total}", list(at.values()))
            self.row += 1
        return at

    def _last(self, key: str, label: str) -> int:
        self.line.line(self.row, label, self._values(key), "last")
        self.row += 1
        return self.row - 1

    def _live(self, label: str, style: Style, made: Callable[[int], tuple[str, float]]) -> int:
        """A line of formulas over the periods; ``made`` gives text and value by column."""
        self.sheet.put(self.row, 1, label, styled(TEXT, indent=1))
        for column in range(self.line.first, self.line.last + 1):
            self.sheet.put(self.row, column, Formula(*made(column)), style)
        self.row += 1
        return self.row - 1

    def _running(self, label: str, plus: int, minus: int | None = None) -> int:
        """What has come up to a period of a line, less that of another."""
        row, style = self.row, live(self.kit.look.money())

        def made(column: int) -> tuple[str, float]:
            text = f"={address(plus, column)}"
            value = number(self.sheet, plus, column)
            if minus is not None:
                text += f"-{address(minus, column)}"
                value -= number(self.sheet, minus, column)
            if column > self.line.first:
                text += f"+{address(row, column - 1)}"
                value += number(self.sheet, row, column - 1)
            return text, value

        return self._live(label, style, made)

    def _share(self, label: str, upper: int, lower: str, whole: float, look: str = PERCENT) -> int:
        """A line over one amount."""

        def made(column: int) -> tuple[str, float]:
            part = number(self.sheet, upper, column)
            return (
                f"=IF({lower}=0,0,{address(upper, column)}/{lower})",
                part / whole if whole else 0.0,
            )

        return self._live(label, live(look), made)

    def _given(self, label: str, value: float) -> str:
        """An amount in the first column of figures; returns its cell for formulas."""
        self.sheet.put(self.row, 1, label, styled(TEXT, indent=1))
        self.sheet.put(self.row, self.line.first, value, figure(self.kit.look.money()))
        self.row += 1
        return "$" + address(self.row - 1, self.line.first).replace(
            str(self.row - 1), f"${self.row - 1}"
        )

    def _losses(self, recovered: int) -> None:
        self.row = section(self.sheet, self.row, "Defaults and losses")
        self.start = self._given("Pool that factors are of", self.view.pool_start)
        self.line.line(self.row, "Defaults", self._values("default"))
        defaults = self.row
        self.row += 1
        gross = self._running("Cumulative defaults", defaults)
        self._share("Cumulative defaults, % of that pool", gross, self.start, self.view.pool_start)
        net = self._running("Cumulative net loss", defaults, recovered)
        self._share("Cumulative net loss, % of that pool", net, self.start, self.view.pool_start)

    def _pool(self) -> None:
        self.row = section(self.sheet, self.row, "Pool")
        pool = self._last("pool", "Performing pool at the close")
        self._share("Pool factor", pool, self.start, self.view.pool_start, _FACTOR)
        if self.view.delinquency:
            late = self._last("delinquent", "Delinquent at the close")

            def made(column: int) -> tuple[str, float]:
                part, whole = (number(self.sheet, at, column) for at in (late, pool))
                below = address(pool, column)
                text = f"=IF({below}<0.005,0,{address(late, column)}/{below})"
                return text, part / whole if whole >= 0.005 else 0.0

            self._live("Delinquent, % of the pool", live(PERCENT), made)

    def _class(self, name: str, size: float) -> int:
        self.row = section(self.sheet, self.row, f"Class {name}")
        original = self._given("Original balance", size)
        for key, label in (("interest", "Interest paid"), ("principal", "Principal paid")):
            self.line.line(self.row, label, self._values(f"{name}|{key}"))
            self.row += 1
        balance = self._last(f"{name}|balance", f"{title_case(name)}: balance at the close")
        self._share("Note factor", balance, original, size, _FACTOR)
        return balance

    def _triggers(self) -> None:
        frame = self.kit.frame("deals_triggers")
        if frame is not None:
            mine = (frame["deal"] == self.view.name) & (frame["scenario"] == self.view.scenario)
            frame = frame[mine]
        if frame is None or frame.empty:
            return
        self.row = section(self.sheet, self.row, "Triggers", "As they stand at each close.")
        for name, rows in frame.groupby("trigger", sort=False):
            holds = dict(zip(rows["period"], rows["holds"].astype(bool), strict=True))
            self.sheet.put(self.row, 1, str(name), styled(TEXT, indent=1))
            for column, (_, last) in enumerate(self.line.buckets, self.line.first):
                said = "tripped" if holds.get(last, False) else "clear"
                self.sheet.put(self.row, column, said, _STATE)
            self.row += 1

    def _chart(self, balances: Sequence[int]) -> None:
        look = self.kit.look
        chart = Chart(
            kind="stacked",
            title=f"Balances of the classes, {look.label}",
            row=self.row + 1,
            column=1,
            categories=self.line.cells(5),
            series=tuple(
                Series(self.sheet.at(row, 1), self.line.cells(row), tint)
                for row, tint in zip(balances, PALETTE, strict=False)
            ),
            number_format=look.axis(),
            category_format=look.day,
            width=min(28.0, self.sheet.centimetres(1, self.sheet.last_column)),
            height=7.0,
        )
        self.sheet.charts.append(chart)
        self.sheet.blocks.append(self.row + 1)
        self.sheet.reach(self.row + 15, 1)
