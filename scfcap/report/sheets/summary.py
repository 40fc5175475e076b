"""The Summary sheet: the decision in words, key figures, what is worth what, one light."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from scfcap import axes
from scfcap.report.book import (
    COUNT,
    PERCENT,
    Area,
    Chart,
    Formula,
    Series,
    Sheet,
    Style,
    Value,
    address,
    link,
)
from scfcap.report.sheets.checks import light_looks
from scfcap.report.sheets.common import (
    CHANNEL_COLOURS,
    CHANNEL_WORDS,
    HEAD,
    HEAD_LEFT,
    NOTE,
    SECTION,
    STACK_WORDS,
    TEXT,
    TITLE,
    WRAPPED,
    Kit,
    figure,
    lines_needed,
    linked,
    number,
    records,
    styled,
)
from scfcap.report.words import best_prices, decision

NAME = "Summary"
#: Columns of the sheet's body: B to M, of one width.
_FIRST, _LAST, _WIDTH = 2, 13, 11.5
_LINE = 14.5
#: Where the chart begins; it ends with the body, which is where a printed page ends.
_CHART = 8


def add_summary(kit: Kit) -> None:
    """Add the sheet; it must come after all others, whose figures it links to."""
    sheet = Sheet(NAME)
    kit.book.sheets.append(sheet)
    sheet.one_page = True
    sheet.widths |= {1: 2.0, **dict.fromkeys(range(_FIRST, _LAST + 1), _WIDTH)}
    row = _top(kit, sheet)
    row = _sentences(sheet, row, "The decision", decision(kit.tables, kit.meta))
    row = _figures(kit, sheet, row + 1)
    prices = best_prices(kit.tables)
    if prices:
        row = _sentences(sheet, row + 1, "What one more unit earns", prices)
    row = _channels(kit, sheet, row + 1)
    _legend(kit, sheet, row + 1)


def _top(kit: Kit, sheet: Sheet) -> int:
    meta = kit.meta
    sheet.put(1, _FIRST, kit.book.title, TITLE)
    sheet.heights[1] = 26.0
    about = (
        f"Model {meta.model} · as of {meta.as_of:%Y-%m-%d} · regime: {meta.regime} · "
        f"scenario {meta.scenario} · amounts in {kit.look.label}"
    )
    sheet.put(2, _FIRST, about, NOTE)
    light = kit.book.places.get("checks.light")
    if light is not None:
        value = str(kit.book.sheet(light.sheet).value(light))
        look = Style("link", bold=True, fill="light", align="center", size=12)
        sheet.merged(3, (_FIRST, _FIRST + 3), link(light, value), look)
        sheet.heights[3] = 20.0
        sheet.conditions.extend(light_looks(sheet.span(3, _FIRST, 3, _FIRST + 3)))
    return 5


def _sentences(sheet: Sheet, row: int, title: str, sentences: list[str]) -> int:
    sheet.put(row, _FIRST, title, SECTION)
    for sentence in sentences:
        row += 1
        sheet.merged(row, (_FIRST, _LAST), sentence, WRAPPED)
        sheet.heights[row] = _LINE * lines_needed(sentence, 1.1 * _WIDTH * (_LAST - _FIRST + 1))
    return row + 1


@dataclass(frozen=True)
class _Line:
    """A key figure: at as_of, over the horizon, at its end; None where it has no meaning."""

    label: str
    number_format: str
    start: Value = None
    over: Value = None
    end: Value = None


def _figures(kit: Kit, sheet: Sheet, row: int) -> int:
    """Key figures on the left, the chart of the funding mix on the right."""
    sheet.put(row, _FIRST, "Key figures", SECTION)
    months = kit.book.places.get("plan.months")
    end: Value = "End"
    if months is not None:
        end = kit.book.sheet(months.sheet).cells[months.last_row, months.last_column].value
    labels: tuple[Value, ...] = (kit.look.label, None, kit.meta.as_of, "Horizon", end)
    for offset, label in enumerate(labels):
        style = styled(HEAD, number_format=kit.look.day) if offset else HEAD_LEFT
        sheet.put(row + 1, _FIRST + offset, label, style)
    sheet.heights[row + 1] = 2 * _LINE if kit.look.language == "zh" else _LINE
    at = row + 1
    for line in _key_figures(kit):
        at += 1
        sheet.put(at, _FIRST, line.label, TEXT)
        for column, value in ((4, line.start), (5, line.over), (6, line.end)):
            if value is not None:
                live = isinstance(value, Formula)
                style = linked(line.number_format) if live else figure(line.number_format)
                sheet.put(at, column, value, style)
    chart = _chart(kit, sheet, row + 1)
    if chart is not None:
        sheet.charts.append(chart)
        at = max(at, row + 1 + int(chart.height / 0.51))
    return at + 1


def _key_figures(kit: Kit) -> list[_Line]:
    money = kit.look.money()
    lines = [
        _Line("Loans made", money, over=_horizon(kit, "plan.originated")),
        _Line("Demand that is met", PERCENT, over=_corner(kit, "plan.share_met", first=True)),
        _Line("Net income", money, over=_horizon(kit, "plan.income")),
        _both(kit, "Free cash", f"plan.balance.{axes.OWN}.cash"),
        _both(kit, "Loans managed", "plan.managed"),
    ]
    lines += [_both(kit, STACK_WORDS[channel], f"plan.stack.{channel}") for channel in STACK_WORDS]
    binding = kit.book.places.get("limits.binding")
    if binding is not None:
        source = kit.book.sheet(binding.sheet)
        rows = range(binding.row, binding.last_row + 1)
        count = sum(1 for row in rows if number(source, row, binding.column) > 0)
        text = f'=COUNTIF({binding.linked},">0")'
        lines.append(_Line("Limits that bind", COUNT, over=Formula(text, float(count))))
    return [x for x in lines if not (x.start is None and x.over is None and x.end is None)]


def _both(kit: Kit, label: str, key: str) -> _Line:
    start, end = _corner(kit, key, first=True), _corner(kit, key, first=False)
    return _Line(label, kit.look.money(), start=start, end=end)


def _corner(kit: Kit, key: str, *, first: bool) -> Value:
    place = kit.book.places.get(key)
    if place is None:
        return None
    row, column = (place.row, place.column) if first else (place.last_row, place.last_column)
    cell = Area(place.sheet, row, column, row, column)
    return link(cell, number(kit.book.sheet(place.sheet), row, column))


def _horizon(kit: Kit, key: str) -> Value:
    place = kit.book.places.get(key)
    if place is None:
        return None
    source = kit.book.sheet(place.sheet)
    columns = range(place.column, place.last_column + 1)
    value = sum(number(source, place.row, column) for column in columns)
    return Formula(f"=SUM({place.linked})", value)


def _chart(kit: Kit, sheet: Sheet, row: int) -> Chart | None:
    months = kit.book.places.get("plan.months")
    if months is None:
        return None
    series = []
    for channel, tint in CHANNEL_COLOURS.items():
        place = kit.book.places.get(f"plan.stack.{channel}")
        if place is not None:
            name = Area(place.sheet, place.row, 1, place.row, 1)
            series.append(Series(name, place, tint))
    return Chart(
        kind="stacked",
        title=f"Who funds the loans and the cash, {kit.look.label}",
        row=row,
        column=_CHART,
        categories=months,
        series=tuple(series),
        number_format=kit.look.axis(),
        category_format=kit.look.day,
        width=sheet.centimetres(_CHART, _LAST),
        height=7.6,
    )


def _channels(kit: Kit, sheet: Sheet, row: int) -> int:
    frame = kit.frame("plan_channels")
    if frame is None:
        return row
    title = "What each outside channel is worth: what the plan is after, with and without it"
    sheet.put(row, _FIRST, title, SECTION)
    row += 1
    sheet.merged(row, (_FIRST, _FIRST + 1), kit.look.label, HEAD_LEFT)
    for column, label in ((4, "With it"), (5, "Without it"), (6, "Worth")):
        sheet.put(row, column, label, HEAD)
    sheet.merged(row, (7, _LAST), "In words", HEAD)
    money = kit.look.money(3)
    for item in records(frame):
        row += 1
        sheet.put(row, 2, CHANNEL_WORDS.get(str(item.channel), str(item.channel)), TEXT)
        sheet.put(row, 4, float(item.income_with), figure(money))
        if pd.isna(item.income_without):
            sheet.put(row, 5, "no plan", styled(TEXT, align="right"))
        else:
            sheet.put(row, 5, float(item.income_without), figure(money))
            text = f"={address(row, 4)}-{address(row, 5)}"
            sheet.put(row, 6, Formula(text, float(item.worth)), Style("formula", money, bold=True))
        sentence = str(item.sentence)
        sheet.merged(row, (7, _LAST), sentence, styled(TEXT, indent=1, wrap=True))
        sheet.heights[row] = _LINE * lines_needed(sentence, 1.2 * _WIDTH * (_LAST - 7))
    return row + 1


def _legend(kit: Kit, sheet: Sheet, row: int) -> None:
    for offset, (ink, text) in enumerate(
        (
            ("input", "blue: an input, may be changed"),
            ("engine", "grey: fixed, re-run to change"),
            ("formula", "black: live formula"),
            ("link", "green: link to a sheet"),
        )
    ):
        sheet.put(row, _FIRST + 3 * offset, text, Style(ink, size=8))  # type: ignore[arg-type]
    meta = kit.meta
    repeat = f"Repeat: {meta.command} · scfcap {meta.version} · inputs {meta.digest[:16]}"
    sheet.merged(row + 1, (_FIRST, _LAST), repeat, styled(NOTE, wrap=True, size=8.0))
    sheet.heights[row + 1] = 12.0 * lines_needed(repeat, 1.2 * _WIDTH * (_LAST - _FIRST + 1))
