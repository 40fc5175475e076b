"""The workbook of a comparison: two projections, two plans, or both, side by side and by driver."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from scfcap import __version__
from scfcap.report.book import COUNT, Area, Book, Condition, Formula, Look, Sheet, address
from scfcap.report.labels import Labels
from scfcap.report.sheets.bridge import Ends
from scfcap.report.sheets.checks import ALL_PASS, FAIL, PASS
from scfcap.report.sheets.common import (
    BOLD,
    NOTE,
    TEXT,
    WRAPPED,
    Kit,
    figure,
    heads,
    lines_needed,
    linked,
    live,
    section,
    styled,
)
from scfcap.report.tables import RunMeta
from scfcap.report.translate import translated

if TYPE_CHECKING:
    from scfcap.report.compare import Comparison
    from scfcap.report.compare_plans import PlanComparison

#: Units of display, and the size from which amounts are shown in them.
_UNITS = {"en": (1e9, 1e6, 1e3), "zh": (1e8, 1e4)}
#: Amounts are shown in a unit of which the largest holds at least so many.
_LEAST_SHOWN = 50.0
#: Words of the sides' facts, in the order in which they stand.
_FACTS = {
    "model": "Model",
    "as_of": "As of",
    "scenario": "Scenario",
    "regime": "Law",
    "objective": "What is sought",
    "span": "Plan",
    "loans": "Loans",
    "version": "Version",
    "overrides": "Overrides",
}


@dataclass(frozen=True)
class Proof:
    """What must hold: two live figures that agree within ``tolerance``."""

    label: str
    left: Formula
    right: Formula
    tolerance: float


@dataclass
class Work:
    """A comparison's workbook while it is built: ``names`` are those that no language changes."""

    kit: Kit
    ends: Ends
    names: set[str]
    proofs: list[Proof] = field(default_factory=list)

    def prove(self, label: str, left: Area, right: Area, tolerance: float) -> None:
        """Two cells must hold the same."""
        both = [Formula(f"={x.linked}", _value(self.kit.book, x)) for x in (left, right)]
        self.proofs.append(Proof(label, both[0], both[1], tolerance))


def _value(book: Book, area: Area) -> float:
    value = book.sheet(area.sheet).value(area)
    assert isinstance(value, int | float)
    return float(value)


def tolerance_of(*amounts: float) -> float:
    """What rounding may do to figures of this size [currency]."""
    return max(0.005, 1e-9 * max((abs(x) for x in amounts if math.isfinite(x)), default=0.0))


def compare_book(
    flows: Comparison | None,
    plans: PlanComparison | None,
    *,
    language: str = "en",
    unit: float | None = None,
) -> Book:
    """The sheets of a comparison in ``language``: a summary, bridges with charts, figures, flows
    and balances with live differences, limits that bind otherwise, inputs that differ, checks.

    ``unit`` is the number of currency units in one unit of display; None: what fits the figures.
    """
    from scfcap.report.sheets.compare_flows import add_inputs, add_pool_bridge
    from scfcap.report.sheets.compare_plans import add_plans

    work = _begun(flows, plans, language, unit)
    kit = work.kit
    summary = kit.add("Summary", _title(work), 30.0)
    if plans is not None:
        add_plans(work, plans)
    if flows is not None:
        add_pool_bridge(work, flows)
    add_inputs(work, flows, plans)
    light = _checks(work)
    _summary(work, summary, flows, plans, light)
    return translated(kit.book, Labels(language, work.names))


def _title(work: Work) -> str:
    return f"{work.ends.long[0]} against {work.ends.long[1]}"


def _begun(
    flows: Comparison | None, plans: PlanComparison | None, language: str, unit: float | None
) -> Work:
    both = plans or flows
    assert both is not None
    a, b = both.a, both.b
    size = 0.0
    if flows is not None:
        size = float(flows.drivers[["a", "b"]].abs().to_numpy().max(initial=0.0))
    if plans is not None:
        totals = plans.figures[["a", "b"]].abs().to_numpy()
        size = max(size, float(totals.max(initial=0.0)))
    fit = next((x for x in _UNITS[language] if size >= _LEAST_SHOWN * x), 1.0)
    alike = a.name == b.name
    long = (f"{a.name} (a)", f"{b.name} (b)") if alike else (a.name, b.name)
    names = {text for x in (flows, plans) if x is not None for text in (*x.a.names, *x.b.names)}
    names |= {a.name, b.name, *long, f"{a.name}, {b.name}"}
    meta = _meta((a.name, b.name), a.about, b.about, both.currency)
    look = Look(both.currency, float(unit or fit), meta.frequency, language)
    book = Book(
        title=f"Comparison: {a.name}, {b.name}",
        subject=f"{a.name}, {b.name}",
        as_of=meta.as_of,
        footer=f"scfcap {__version__} · {a.name}, {b.name}",
        language=language,
    )
    return Work(Kit({}, meta, look, book), Ends(("a", "b"), long), names)


def _meta(
    names: tuple[str, str], a: Mapping[str, str], b: Mapping[str, str], currency: str
) -> RunMeta:
    return RunMeta(
        model=b.get("model", names[1]),
        title=f"{names[0]}, {names[1]}",
        as_of=date.fromisoformat(b.get("as_of") or a["as_of"]),
        regime="",
        currency=currency,
        money_unit=1.0,
        scenario=b.get("scenario", ""),
        frequency="day",
        status="",
        objective=math.nan,
        net_income=math.nan,
        version=__version__,
        digest="",
    )


def _summary(
    work: Work,
    sheet: Sheet,
    flows: Comparison | None,
    plans: PlanComparison | None,
    light: Area,
) -> None:
    from scfcap.report.sheets.compare_words import headlines

    sheet.one_page = True
    sheet.widths |= {2: 46.0, 3: 46.0}
    sheet.put(3, 1, "Checks", BOLD)
    shown = Formula(f"={light.linked}", str(work.kit.book.sheet(light.sheet).value(light)))
    cell = sheet.put(3, 2, shown, linked("General", bold=True, align="center", fill="light"))
    for text, look in ((f'="{ALL_PASS}"', "good"), (f'<>"{ALL_PASS}"', "bad")):
        formula = f"{cell.local}{text}"
        sheet.conditions.append(Condition(cell, formula, look))  # type: ignore[arg-type]
    row = _said(sheet, section(sheet, 5, "In words"), headlines(work, flows, plans))
    row = _facts(work, sheet, row + 1, flows, plans)
    cautions = () if plans is None else plans.cautions
    if cautions:
        row = _said(sheet, section(sheet, row + 1, "What to know first"), cautions)
    _contents(work, sheet, row + 1)


def _said(sheet: Sheet, row: int, sentences: Sequence[str]) -> int:
    for text in sentences:
        sheet.merged(row, (1, 3), text, WRAPPED)
        sheet.heights[row] = 3.0 + 13.0 * lines_needed(text, 120)
        row += 1
    return row


def _facts(
    work: Work, sheet: Sheet, row: int, flows: Comparison | None, plans: PlanComparison | None
) -> int:
    """What both sides are, a line a fact that either has."""
    sides: list[dict[str, str]] = []
    for n in range(2):
        parts = [(x.a, x.b)[n].about for x in (flows, plans) if x is not None]
        sides.append({key: str(told[key]) for told in parts for key in told if told[key]})
    row = section(sheet, row, "The two")
    heads(sheet, row, ["", work.ends.short[0], work.ends.short[1]])
    row += 1
    sheet.put(row, 1, "Name", BOLD)
    for n in range(2):
        sheet.put(row, 2 + n, work.ends.long[n], styled(WRAPPED, bold=True))
    for key, label in _FACTS.items():
        values = [side.get(key, "") for side in sides]
        if not any(values):
            continue
        row += 1
        sheet.put(row, 1, label, styled(TEXT, indent=1))
        for n, text in enumerate(values):
            shown = _OBJECTIVES.get(text, text)
            if shown == text:
                work.names.add(text)
            if key == "loans" and text.isdigit():
                sheet.put(row, 2 + n, int(text), figure(COUNT, align="left"))
            else:
                sheet.put(row, 2 + n, shown, styled(WRAPPED, align="left"))
        most = max(lines_needed(text, 46) for text in values)
        sheet.heights[row] = 3.0 + 13.0 * most
        if values[0] != values[1] and all(values):
            for n in range(2):
                cell = sheet.cells[row, 2 + n]
                sheet.put(row, 2 + n, cell.value, styled(cell.style, bold=True))
    return row + 1


_OBJECTIVES = {
    "max_income": "Most net income",
    "max_lending": "Most lending",
    "min_cost": "Least cost",
}


def _contents(work: Work, sheet: Sheet, row: int) -> None:
    row = section(sheet, row, "Sheets")
    for other in work.kit.book.sheets[1:]:
        title = other.cells[1, 1].value
        sheet.put(row, 1, other.name, styled(TEXT, ink="link", indent=1), goto=other.at(1, 1))
        sheet.put(row, 2, title, NOTE)
        row += 1


def _checks(work: Work) -> Area:
    """Every proof as a live line, and one light for all of them."""
    sheet = work.kit.add("Checks", "Checks", 6.0)
    sheet.widths |= {2: 72.0, 3: 20.0, 4: 20.0, 5: 14.0, 6: 12.0, 7: 10.0}
    sheet.put(4, 2, "All of them", BOLD)
    unit = work.kit.meta.currency
    row = section(sheet, 6, "What must hold")
    labels = ["No.", "Check", f"One side, {unit}", f"Other side, {unit}", "Difference",
              "Tolerance", "Status"]  # fmt: skip
    heads(sheet, row, labels)
    sheet.freeze, sheet.title_rows = (row + 1, 3), (row, row)
    first, passed = row + 1, True
    for count, proof in enumerate(work.proofs, start=1):
        row += 1
        passed = _proof(sheet, row, count, proof) and passed
    count = len(work.proofs)
    span = sheet.span(first, 7, max(row, first), 7).local
    text = f'=IF(COUNTIF({span},"{PASS}")={count},"{ALL_PASS}","{FAIL}")'
    style = live("General", bold=True, align="center", size=12, fill="light")
    light = sheet.put(4, 3, Formula(text, ALL_PASS if passed else FAIL), style)
    sheet.conditions.append(Condition(light, f'{light.local}="{ALL_PASS}"', "good"))
    sheet.conditions.append(Condition(light, f'{light.local}<>"{ALL_PASS}"', "bad"))
    work.kit.book.places["checks.light"] = light
    return light


def _proof(sheet: Sheet, row: int, count: int, proof: Proof) -> bool:
    look = "#,##0.00"
    sheet.put(row, 1, count, figure("0", ink="text", align="center"))
    sheet.put(row, 2, proof.label, WRAPPED)
    sheet.heights[row] = 3.0 + 13.0 * lines_needed(proof.label, 74)
    for column, side in ((3, proof.left), (4, proof.right)):
        sheet.put(row, column, side, linked(look))
    gap = float(proof.left.value) - float(proof.right.value)
    c, d, e, f = (address(row, column) for column in (3, 4, 5, 6))
    sheet.put(row, 5, Formula(f"={c}-{d}", gap), live("#,##0.0000"))
    sheet.put(row, 6, proof.tolerance, figure("#,##0.000", ink="input"))
    holds = abs(gap) <= proof.tolerance
    text = f'=IF(ABS({e})<={f},"{PASS}","{FAIL}")'
    cell = sheet.put(
        row, 7, Formula(text, PASS if holds else FAIL), live("General", align="center")
    )
    for word, shade in ((PASS, "good"), (FAIL, "bad")):
        formula = f'{cell.local}="{word}"'
        sheet.conditions.append(Condition(cell, formula, shade))  # type: ignore[arg-type]
    return holds
