"""The Checks sheet: every invariant and tie as a live line, and the one light for all of them."""

from __future__ import annotations

from scfcap.report.book import CENT, Area, Condition, Formula, Value, address
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
from scfcap.report.ties import Side, Term, Tie, ties

NAME = "Checks"
PASS, FAIL = "OK", "CHECK"
ALL_PASS = "All checks pass"
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
    _light(kit, sheet.span(first, 9, row, 9), count, passed=passed)


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
    cell = sheet.put(row, 9, Formula(text, PASS if ok else FAIL), live("General", align="center"))
    for word, look in ((PASS, "good"), (FAIL, "bad")):
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


def _light(kit: Kit, statuses: Area, count: int, *, passed: bool) -> None:
    sheet = kit.book.sheet(NAME)
    text = f'=IF(COUNTIF({statuses.local},"{PASS}")={count},"{ALL_PASS}","{FAIL}")'
    style = live("General", bold=True, align="center", size=12, fill="light")
    cell = sheet.put(4, 3, Formula(text, ALL_PASS if passed else FAIL), style)
    sheet.conditions.append(Condition(cell, f'{cell.local}="{ALL_PASS}"', "good"))
    sheet.conditions.append(Condition(cell, f'{cell.local}<>"{ALL_PASS}"', "bad"))
    kit.book.places["checks.light"] = cell
