"""The Checks sheet: every invariant and tie as a live line, and the one light for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scfcap.quantities import HALF_CENT
from scfcap.report.book import (
    CENT,
    COUNT,
    Area,
    Condition,
    Formula,
    Sheet,
    Value,
    address,
    letter,
)
from scfcap.report.sheets.common import (
    BOLD,
    TEXT,
    WRAPPED,
    Kit,
    figure,
    heads,
    lines_needed,
    linked,
    live,
    records,
    section,
    styled,
)
from scfcap.report.sheets.data import Recorded
from scfcap.report.sheets.inputs import blue_cells
from scfcap.report.tie import Side, Term, Tie
from scfcap.report.ties import ties

NAME = "Checks"
PASS, FAIL = "OK", "CHECK"
ALL_PASS = "All checks pass"
#: What the light says, after their number, where inputs are changed; what a check says then.
ONE_CHANGED = " input changed: what-if, re-run to confirm"
MORE_CHANGED = " inputs changed: what-if, re-run to confirm"
WHAT_IF = "what-if"
_SCIENTIFIC = "0.0E+00"


def add_checks(kit: Kit) -> None:
    """Add the sheet; it must come after those whose totals it looks at."""
    sheet = kit.add(NAME, "Checks", 6.0)
    sheet.widths |= {2: 52.0, 3: 34.0, 4: 18.0, 5: 34.0, 6: 18.0, 7: 14.0, 8: 12.0, 9: 10.0}
    sheet.put(4, 2, "All of them", BOLD)
    row = section(sheet, 6, "Totals that must agree")
    labels = [
        "No.", "Check", "One side", f"Value, {kit.meta.currency}", "Other side",
        f"Value, {kit.meta.currency}", "Difference", "Tolerance", "Status",
    ]  # fmt: skip
    heads(sheet, row, labels)
    sheet.freeze, sheet.title_rows = (row + 1, 3), (row, row)
    first, count, passed = row + 1, 0, True
    for tie in ties(kit.tables):
        row, count = row + 1, count + 1
        _tie_line(kit, row, count, tie)
        passed = passed and tie.ok
    engine = kit.frame("plan_checks")
    if engine is not None:
        row = section(sheet, row + 2, "Checks of the engine")
        labels = ["No.", "Check", "What it is", "Value", "Engine", "", "", "Tolerance", "Status"]
        heads(sheet, row, labels)
        for item in records(engine):
            row, count = row + 1, count + 1
            _engine_line(kit, row, count, item)
            passed = passed and bool(item.ok)
    kit.book.places["checks.statuses"] = sheet.span(first, 9, row, 9)
    _light(kit, count, passed=passed)


def _tie_line(kit: Kit, row: int, count: int, tie: Tie) -> None:
    sheet = kit.book.sheet(NAME)
    sheet.put(row, 1, count, figure("0", ink="text", align="center"))
    sheet.put(row, 2, tie.name, WRAPPED)
    sheet.heights[row] = 14.0 * lines_needed(tie.name, 58)
    for column, side in ((3, tie.left), (5, tie.right)):
        sheet.put(row, column, side.label, styled(WRAPPED, indent=1))
        value = _side(kit, side)
        style = linked(CENT) if isinstance(value, Formula) else figure(CENT)
        sheet.put(row, column + 1, value, style)
    gap = Formula(f"={address(row, 4)}-{address(row, 6)}", tie.difference)
    sheet.put(row, 7, gap, live("#,##0.0000"))
    sheet.put(row, 8, tie.tolerance, figure("#,##0.000", ink="input"))
    text = f'=IF(ABS({address(row, 7)})<={address(row, 8)},"{PASS}","{FAIL}")'
    _status(kit, row, text, ok=tie.ok)


def _engine_line(kit: Kit, row: int, count: int, item: object) -> None:
    sheet = kit.book.sheet(NAME)
    name, value, tolerance, ok, note = (
        getattr(item, field) for field in ("check", "value", "tolerance", "ok", "note")
    )
    sheet.put(row, 1, count, figure("0", ink="text", align="center"))
    sheet.put(row, 2, str(name), WRAPPED)
    sheet.put(row, 3, str(note), styled(TEXT, indent=1))
    sheet.put(row, 4, float(value), figure(_SCIENTIFIC))
    sheet.put(row, 5, "passes" if ok else "fails", styled(TEXT, indent=1))
    look = "#,##0.000" if tolerance >= 0.001 else _SCIENTIFIC
    sheet.put(row, 8, float(tolerance), figure(look, ink="input"))
    d, e, h = (address(row, column) for column in (4, 5, 8))
    text = f'=IF(AND(ABS({d})<={h},{e}="passes"),"{PASS}","{FAIL}")'
    _status(kit, row, text, ok=bool(ok) and abs(float(value)) <= float(tolerance))


def _status(kit: Kit, row: int, text: str, *, ok: bool) -> None:
    sheet = kit.book.sheet(NAME)
    style = (linked if "!" in text else live)("General", align="center")
    cell = sheet.put(row, 9, Formula(text, PASS if ok else FAIL), style)
    for word, look in ((PASS, "good"), (FAIL, "bad"), (WHAT_IF, "binding")):
        sheet.conditions.append(
            Condition(cell, f'{address(row, 9)}="{word}"', look)  # type: ignore[arg-type]
        )


def _side(kit: Kit, side: Side) -> Value:
    """A side as a formula over the sheets that show it, or as the engine's figure."""
    found = [text for term in side.terms if (text := _term(kit, term))]
    return Formula("=" + "".join(found).removeprefix("+"), side.value) if found else side.value


def _term(kit: Kit, term: Term) -> str:
    place = kit.book.places.get(term.key)
    if place is None:
        return ""
    corner = {"first": (place.row, place.column), "last": (place.last_row, place.last_column)}
    if term.how in corner:
        row, column = corner[term.how]
        place = Area(place.sheet, row, column, row, column)
    single = (place.row, place.column) == (place.last_row, place.last_column)
    text = place.linked if single else f"SUM({place.linked})"
    if term.how == "absolute":
        text = f"SUMPRODUCT(ABS({place.linked}))"
    return f"{'+' if term.sign > 0 else '-'}{text}"


def _light(kit: Kit, count: int, *, passed: bool) -> None:
    """The light by the ties alone; :func:`add_live_checks` gives it its other states."""
    sheet, statuses = kit.book.sheet(NAME), kit.book.places["checks.statuses"]
    text = f'=IF(COUNTIF({statuses.local},"{PASS}")={count},"{ALL_PASS}","{FAIL}")'
    style = live("General", bold=True, align="center", size=12, fill="light")
    cell = sheet.put(4, 3, Formula(text, ALL_PASS if passed else FAIL), style)
    kit.book.places["checks.light"] = cell
    sheet.conditions.extend(light_looks(cell))


def light_looks(cell: Area) -> list[Condition]:
    """The light's colours: green, red, and amber where it says that inputs are changed."""
    corner = f"${letter(cell.column)}${cell.row}"
    return [
        Condition(cell, f'{corner}="{ALL_PASS}"', "good"),
        Condition(cell, f'{corner}="{FAIL}"', "bad"),
        Condition(cell, f'AND({corner}<>"{ALL_PASS}",{corner}<>"{FAIL}")', "binding"),
    ]


def add_live_checks(kit: Kit, recorded: Sequence[Recorded], changed: Area | None) -> None:
    """Below the ties: formulas against the engine's values, and the inputs that were changed.

    ``changed`` is the cell that counts them. The light turns amber where there are any; it is
    then not asked that the formulas give the engine's values.
    """
    place = kit.book.places.get("checks.light")
    if place is None:
        return
    sheet = kit.book.sheet(NAME)
    statuses = kit.book.places["checks.statuses"]
    row = section(
        sheet,
        statuses.last_row + 2,
        "Formulas against the engine's values",
        "By sheet; the values stand on the hidden sheet Data. Not asked while an input is changed.",
    )
    labels = ["No.", "Check", "What it is", "Value", "What it is", "Value", "Blocks that are off",
              "Tolerance", "Status"]  # fmt: skip
    heads(sheet, row, labels)
    first, count = row + 1, _lines(sheet, statuses)
    edited = "0" if changed is None else changed.linked
    for item in recorded:
        row, count = row + 1, count + 1
        _live_line(kit, row, count, item, edited)
    if changed is not None:
        row = _changed_line(kit, row + 1, count + 1, changed)
    kit.book.places["checks.live"] = sheet.span(first, 1, row, 9)
    _three_states(kit, sheet.span(first, 9, first + len(recorded) - 1, 9), edited)


def _live_line(kit: Kit, row: int, count: int, item: Recorded, edited: str) -> None:
    sheet = kit.book.sheet(NAME)
    name = f"{item.sheet}: formulas give the engine's values"
    sheet.put(row, 1, count, figure("0", ink="text", align="center"))
    sheet.put(row, 2, name, WRAPPED)
    sheet.heights[row] = 14.0 * lines_needed(name, 58)
    sheet.put(row, 3, "formulas", styled(WRAPPED, indent=1))
    sheet.put(row, 4, item.formulas, figure(COUNT))
    sheet.put(row, 5, "largest difference", styled(WRAPPED, indent=1))
    sheet.put(row, 6, Formula(f"=MAX({item.differences.linked})", 0.0), linked("#,##0.000000"))
    off, allowed = item.differences.linked, item.tolerances.linked
    within = f"SUMPRODUCT(--({off}<={allowed}))"
    sheet.put(row, 7, Formula(f"={item.blocks}-{within}", 0.0), linked("0"))
    sheet.put(row, 8, HALF_CENT, figure("#,##0.000", ink="input"))
    text = f'=IF({edited}>0,"{WHAT_IF}",IF({address(row, 7)}=0,"{PASS}","{FAIL}"))'
    _status(kit, row, text, ok=True)


def _changed_line(kit: Kit, row: int, count: int, changed: Area) -> int:
    sheet = kit.book.sheet(NAME)
    row = section(
        sheet, row + 1, "Inputs", "Blue cells against what the model states; re-run to confirm."
    )
    sheet.put(row, 1, count, figure("0", ink="text", align="center"))
    sheet.put(row, 2, "Inputs are as the model states them", WRAPPED)
    sheet.put(row, 3, "inputs", styled(WRAPPED, indent=1))
    sheet.put(row, 4, len(blue_cells(kit.book)), figure(COUNT))
    sheet.put(row, 5, "changed", styled(WRAPPED, indent=1))
    sheet.put(row, 6, Formula(f"={changed.linked}", 0.0), linked("0"))
    _status(kit, row, f'=IF({address(row, 6)}=0,"{PASS}","{WHAT_IF}")', ok=True)
    return row


def _three_states(kit: Kit, live_statuses: Area, edited: str) -> None:
    """A tie that breaks is red, a changed input amber, a formula that is off red."""
    sheet, place = kit.book.sheet(NAME), kit.book.places["checks.light"]
    statuses = kit.book.places["checks.statuses"]
    cell = sheet.cells[place.row, place.column]
    assert isinstance(cell.value, Formula)
    failed, off = (
        f'COUNTIF({area.local},"{PASS}")<{_lines(sheet, area)}'
        for area in (statuses, live_statuses)
    )
    told = f'IF({edited}=1,"1{ONE_CHANGED}",{edited}&"{MORE_CHANGED}")'
    text = f'=IF({failed},"{FAIL}",IF({edited}>0,{told},IF({off},"{FAIL}","{ALL_PASS}")))'
    style = replace(cell.style, ink="link") if "!" in text else cell.style
    light = replace(cell, value=Formula(text, cell.value.value), style=style)
    sheet.cells[place.row, place.column] = light


def _lines(sheet: Sheet, statuses: Area) -> int:
    """Checks of a part of the sheet."""
    rows = range(statuses.row, statuses.last_row + 1)
    found = (sheet.cells.get((row, statuses.column)) for row in rows)
    return sum(1 for cell in found if cell is not None and isinstance(cell.value, Formula))
