"""A bridge: from one figure to another by steps that add up, as live sums and as a chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from scfcap.report.book import (
    Area,
    Cell,
    Chart,
    Formula,
    Look,
    Series,
    Sheet,
    Style,
    Value,
    address,
)
from scfcap.report.sheets.common import (
    BOLD,
    HEAD_LEFT,
    NOTE,
    TEXT,
    WRAPPED,
    Kit,
    figure,
    heads,
    lines_needed,
    linked,
    live,
    number,
    section,
    styled,
    totals,
)

#: Colours of the ends, of what adds and of what takes away, as the pictures have them.
_ENDS, _RISE, _FALL = "1F3A5F", "56B4E9", "E69F00"
#: Of figures above it the axis starts near the steps, where they are small beside the whole.
_NEAR = 0.75
#: Rows that a chart covers.
CHART_ROWS = 19
#: Columns: the last across which a step is explained, and the first of what a chart draws.
WIDE, ASIDE = 9, 20
#: What a chart draws of each step: nothing up to where the step begins, the ends, what adds and
#: what takes away, above and below zero.
_DRAWN = ("Up to the step", "Ends", "Adds", "Adds, below zero", "Takes", "Takes, below zero")


@dataclass(frozen=True)
class Step:
    """One step of a bridge: its name, what it does [currency], and what that is."""

    name: str
    effect: float | Formula
    meaning: str = ""


@dataclass(frozen=True)
class Ends:
    """What a bridge leads from and to: short names, and each in words."""

    short: tuple[str, str]
    long: tuple[str, str]


@dataclass(frozen=True)
class Bridge:
    """From ``start`` by ``steps`` to ``end`` [currency], figures or links to them."""

    title: str
    start: float | Formula
    end: float | Formula
    steps: Sequence[Step]


@dataclass(frozen=True)
class Standing:
    """Where a bridge stands: its own sum of start and steps, the end it must meet, the row after
    it.
    """

    reached: Area
    end: Area
    after: int


def add_bridge(kit: Kit, sheet: Sheet, row: int, bridge: Bridge, ends: Ends) -> Standing:
    """A bridge as a table, its steps added up live, with its chart below.

    What each step is stands across columns 4 to :data:`WIDE`; what the chart draws, a line a step,
    beside the printed page, from column :data:`ASIDE` on.
    """
    money, label = kit.look.money(), kit.look.label
    head = row = section(sheet, row, f"{bridge.title}, from {ends.short[0]} to {ends.short[1]}")
    heads(sheet, row, ["Step", f"Effect, {label}", f"After it, {label}"])
    sheet.merged(row, (4, WIDE), "What it is", styled(HEAD_LEFT))
    first = row = row + 1
    _end(sheet, row, (ends.short[0], ends.long[0]), bridge.start, money)
    for step in bridge.steps:
        row += 1
        _stepped(sheet, row, step, money)
    last, row = row, row + 1
    end = _end(sheet, row, (ends.short[1], ends.long[1]), bridge.end, money)
    row += 1
    reached = _sum(sheet, row, (first, last), f"{ends.short[0]} + effects", money)
    _drawn(kit.look, sheet, head, (first, last))
    _chart(kit, sheet, row + 2, bridge.title, (head, first, end.row))
    return Standing(reached, end, row + 2 + CHART_ROWS)


def _end(
    sheet: Sheet, row: int, names: tuple[str, str], value: float | Formula, money: str
) -> Area:
    sheet.put(row, 1, names[0], BOLD)
    sheet.merged(row, (4, WIDE), names[1], styled(WRAPPED, bold=True))
    return sheet.put(row, 3, value, _figure(value, money, bold=True))


def _figure(value: float | Formula, money: str, *, bold: bool = False) -> Style:
    if not isinstance(value, Formula):
        return figure(money, bold=bold)
    return (linked if "!" in value.text else live)(money, bold=bold)


def _stepped(sheet: Sheet, row: int, step: Step, money: str) -> None:
    sheet.put(row, 1, step.name, styled(TEXT, indent=1))
    sheet.put(row, 2, step.effect, _figure(step.effect, money))
    level = number(sheet, row - 1, 3) + number(sheet, row, 2)
    sheet.put(row, 3, Formula(f"={address(row - 1, 3)}+{address(row, 2)}", level), live(money))
    sheet.merged(row, (4, WIDE), step.meaning, WRAPPED)
    width = sum(sheet.widths.get(column, 8.43) for column in range(4, WIDE + 1))
    sheet.heights[row] = 3.0 + 12.5 * lines_needed(step.meaning, width)


def _sum(sheet: Sheet, row: int, rows: tuple[int, int], label: str, money: str) -> Area:
    """The start and all steps added up."""
    first, last = rows
    span = f"{address(first + 1, 2)}:{address(last, 2)}"
    effects = float(sum(number(sheet, each, 2) for each in range(first + 1, last + 1)))
    sheet.put(row, 1, label, totals("General", ink="text"))
    sheet.put(row, 2, Formula(f"=SUM({span})" if last > first else "=0", effects), totals(money))
    whole = Formula(f"={address(first, 3)}+{address(row, 2)}", number(sheet, first, 3) + effects)
    return sheet.put(row, 3, whole, totals(money))


def _drawn(look: Look, sheet: Sheet, head: int, rows: tuple[int, int]) -> None:
    """What the chart draws of each step, live, as its labels write it."""
    first, last = rows
    looks = [Style(ink="formula", number_format=x.labels, size=9) for x in _looks(look)]
    for column, label in enumerate(_DRAWN, start=ASIDE):
        sheet.cells[head, column] = Cell(label, styled(NOTE, wrap=True))
    for row in range(first, last + 2):
        edge = row in (first, last + 1)
        shown = _edge(sheet, row) if edge else _step(sheet, row)
        for column, (value, style) in enumerate(zip(shown, looks, strict=True), start=ASIDE):
            sheet.cells[row, column] = Cell(value, style)


def _edge(sheet: Sheet, row: int) -> list[Value]:
    level = Formula(f"={address(row, 3)}", number(sheet, row, 3))
    return [0, level, *[0] * (len(_DRAWN) - 2)]


def _step(sheet: Sheet, row: int) -> list[Value]:
    """Room, ends, rise and fall above and below zero, from the levels before and after."""
    x, y = address(row - 1, 3), address(row, 3)
    before, after = number(sheet, row - 1, 3), number(sheet, row, 3)
    low, high = min(before, after), max(before, after)
    up, down = (1.0, 0.0) if after >= before else (0.0, 1.0)
    above = max(0.0, high) - max(0.0, low)
    below = min(0.0, low) - min(0.0, high)
    over = f"MAX(0,MAX({x},{y}))-MAX(0,MIN({x},{y}))"
    under = f"MIN(0,MIN({x},{y}))-MIN(0,MAX({x},{y}))"
    return [
        Formula(f"=MAX(0,MIN({x},{y}))+MIN(0,MAX({x},{y}))", max(0.0, low) + min(0.0, high)),
        0,
        Formula(f"=IF({y}>={x},{over},0)", up * above + 0.0),
        Formula(f"=IF({y}>={x},{under},0)", up * below + 0.0),
        Formula(f"=IF({y}<{x},{over},0)", down * above + 0.0),
        Formula(f"=IF({y}<{x},{under},0)", down * below + 0.0),
    ]


class _Drawn(NamedTuple):
    """How the chart shows one of :data:`_DRAWN`."""

    colour: str
    labels: str
    ink: str = "1F2937"


def _looks(look: Look) -> tuple[_Drawn, ...]:
    return (
        _Drawn("", ";;"),
        _Drawn(_ENDS, plain_label(look), "FFFFFF"),
        _Drawn(_RISE, signed_label(look, "+")),
        _Drawn(_RISE, signed_label(look, "+", below=True)),
        _Drawn(_FALL, signed_label(look, "-")),
        _Drawn(_FALL, signed_label(look, "-", below=True)),
    )


def _chart(kit: Kit, sheet: Sheet, row: int, title: str, rows: tuple[int, int, int]) -> None:
    head, first, last = rows
    series = tuple(
        Series(
            sheet.at(head, at),
            sheet.span(first, at, last, at),
            x.colour,
            x.labels if x.colour else "",
            x.ink,
        )
        for at, x in enumerate(_looks(kit.look), start=ASIDE)
    )
    least = _least([number(sheet, each, 3) for each in range(first, last + 1)])
    note = "" if least is None else " (the axis does not start at zero)"
    sheet.charts.append(
        Chart(
            "stacked",
            f"{title}{note}",
            row,
            1,
            sheet.span(first, 1, last, 1),
            series,
            kit.look.axis(),
            value_title=kit.look.label,
            least=least,
            legend=False,
            width=min(26.0, sheet.centimetres(1, WIDE)),
        )
    )
    sheet.reach(row + CHART_ROWS - 1, WIDE)


def _least(levels: Sequence[float]) -> float | None:
    """Where the axis starts: near the steps where they are small beside the whole, else at zero."""
    low, high = min(levels), max(levels)
    if not (low > 0.0 and low > _NEAR * high):
        return None
    reach = max(high - low, 0.02 * high)
    unit = 10.0 ** (len(f"{reach:.0f}") - 1)
    return max(0.0, (low - 0.6 * reach) // unit * unit)


def plain_label(look: Look) -> str:
    """The number format of an end's label."""
    digits = look.money(1).split(";")[0].removesuffix("_)")
    return f"{digits};-{digits};"


def signed_label(look: Look, sign: str, *, below: bool = False) -> str:
    """The number format of a step's label: its sign, and nothing where the step is nothing."""
    digits = look.money(1).split(";")[0].removesuffix("_)")
    return f";{sign}{digits};" if below else f"{sign}{digits};;"
