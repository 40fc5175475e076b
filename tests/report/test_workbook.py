"""The workbook as a file: recalculated by LibreOffice, read back, bent on purpose."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from datetime import date
from pathlib import Path
from xml.etree import ElementTree as ET

import pandas as pd
import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.utils.cell import range_boundaries

from scfcap.errors import InputError
from scfcap.quantities import HALF_CENT
from scfcap.report.book import Book, Formula, Sheet, Style
from scfcap.report.excel import CELL_CHARACTERS, book_bytes, build_workbook, write_book
from scfcap.report.sheets import build_book
from scfcap.report.sheets.cash_flows import ITEMS, SEGMENTS
from scfcap.report.sheets.checks import ALL_PASS, FAIL, ONE_CHANGED, WHAT_IF
from scfcap.report.tables import RunMeta, Table
from scfcap.schema.report import Pack

from .office import recalculate, same_figures

ERRORS = ("#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#N/A", "#NUM!", "#NULL!", "Err:")
BENT = 1_000.0
#: Running cost a year in the edited book; the model's is 3.6 m.
EDITED = 4.8e6


@pytest.fixture(scope="session")
def book(tables: dict[str, Table], pack: Pack, meta: RunMeta) -> Book:
    return build_book(tables, pack, meta)


@pytest.fixture(scope="session")
def recalculated(
    tables: dict[str, Table],
    pack: Pack,
    meta: RunMeta,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Workbook]:
    """The book, and the book with one figure changed, as LibreOffice works them out.

    Both are written without the engine's figures beside the formulas, which it would trust.
    """
    folder = tmp_path_factory.mktemp("recalculated")
    write_book(build_book(tables, pack, meta), folder / "true.xlsx", values=False)
    bent = build_book(tables, pack, meta)
    area = bent.places["plan.use.own_capital.loans made"]
    cells = bent.sheet(area.sheet).cells
    old = cells[area.row, area.column]
    cells[area.row, area.column] = replace(old, value=float(old.value) + BENT)
    write_book(bent, folder / "bent.xlsx", values=False)
    for name, both in (("edited", False), ("edited-bent", True)):
        made = build_book(tables, pack, meta)
        at = made.inputs["plan.opex_per_year"].area
        cells = made.sheet(at.sheet).cells
        cells[at.row, at.column] = replace(cells[at.row, at.column], value=EDITED)
        if both:
            cells = made.sheet(area.sheet).cells
            cells[area.row, area.column] = replace(old, value=float(old.value) + BENT)
        write_book(made, folder / f"{name}.xlsx", values=False)
    return recalculate(folder, "true", "bent", "edited", "edited-bent")


@pytest.fixture(scope="session")
def written(book: Book, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_book(book, tmp_path_factory.mktemp("written") / "book.xlsx")


def test_a_recalculation_moves_no_figure_by_half_a_cent(
    book: Book, recalculated: dict[str, Workbook]
) -> None:
    assert len(list(book.formulas())) > 500
    same_figures(book, recalculated["true"])


def test_no_cell_is_an_error(recalculated: dict[str, Workbook]) -> None:
    for workbook in recalculated.values():
        for sheet in workbook:
            for cells in sheet.iter_rows():
                for cell in cells:
                    assert not str(cell.value).startswith(ERRORS), (sheet.title, cell.coordinate)


def test_a_changed_figure_turns_the_light_red(
    book: Book, recalculated: dict[str, Workbook]
) -> None:
    light = book.places["checks.light"]
    for name, word in (("true", ALL_PASS), ("bent", FAIL)):
        assert recalculated[name]["Checks"].cell(light.row, light.column).value == word
        assert recalculated[name]["Summary"]["B3"].value == word
    statuses = {
        cells[1].value: cells[8].value
        for cells in recalculated["bent"]["Checks"].iter_rows(min_row=7)
        if cells[8].value in ("OK", FAIL)
    }
    failed = [name for name, status in statuses.items() if status == FAIL]
    assert failed[:2] == [
        "Plan: sources are uses in every period",
        "Plan: loans made are the lending by segment",
    ]
    assert all(name.endswith("formulas give the engine's values") for name in failed[2:])
    assert "Plan: formulas give the engine's values" in failed


def test_a_changed_input_turns_the_light_amber_and_moves_cash_and_capital(
    book: Book, recalculated: dict[str, Workbook]
) -> None:
    """4.8 m a year for 3.6 m: 0.1 m a month more, 1.2 m less cash and capital at the end."""
    light = book.places["checks.light"]
    edited = recalculated["edited"]
    assert edited["Checks"].cell(light.row, light.column).value == "1" + ONE_CHANGED
    assert edited["Summary"]["B3"].value == "1" + ONE_CHANGED

    def figure(key: str, last: bool = True) -> tuple[float, float]:
        place = book.places[key]
        at = (place.last_row, place.last_column) if last else (place.row, place.column)
        cell = book.sheet(place.sheet).cells[at].value
        assert isinstance(cell, Formula)
        return float(cell.value), float(edited[place.sheet].cell(*at).value)

    for key, more in (
        ("plan.use.own_capital.running cost", 0.1e6),
        ("plan.income.running cost", -0.1e6),
        ("plan.use.own_capital.cash carried forward", -1.2e6),
        ("plan.balance.own_capital.cash", -1.2e6),
        ("plan.balance.own_capital.net capital", -1.2e6),
        ("plan.assets", -1.2e6),
        ("plan.funding", -1.2e6),
        ("plan.source", -1.1e6),
    ):
        before, after = figure(key)
        assert after - before == pytest.approx(more, abs=HALF_CENT), key
    before, after = figure("plan.use.own_capital.cash carried forward", last=False)
    assert after - before == pytest.approx(-0.1e6, abs=HALF_CENT)
    statuses = {str(row[8].value) for row in edited["Checks"].iter_rows(min_row=7)}
    assert FAIL not in statuses
    assert WHAT_IF in statuses


def test_a_changed_input_hides_no_total_that_does_not_tie(
    recalculated: dict[str, Workbook],
) -> None:
    assert recalculated["edited-bent"]["Summary"]["B3"].value == FAIL


def test_totals_and_inputs_have_names_that_excel_takes(book: Book, written: Path) -> None:
    """Letters, digits and underscores, no cell's address; each leads to the cells it names."""
    workbook = load_workbook(written)
    assert {"in_plan_opex_per_year", "total_sources", "key_net_capital", "key_light"} <= set(
        book.names
    )
    for name, area in book.names.items():
        assert re.fullmatch(r"[A-Za-z_]\w{2,254}", name)
        assert not re.fullmatch(r"[A-Za-z]{1,3}\d+", name)
        assert workbook.defined_names[name].attr_text == area.absolute


def test_comments_say_definition_and_source(written: Path) -> None:
    workbook = load_workbook(written)
    told = {
        cell.value: cell.comment.text
        for sheet in ("Plan", "Limits by period")
        for row in workbook[sheet].iter_rows()
        for cell in row
        if cell.comment is not None
    }
    assert {"Net capital", "Headroom, CNY m", "Share of demand that is met"} <= set(told)
    assert all("\nSource: " in text for text in told.values())


def test_the_hidden_sheet_holds_the_engines_value_of_every_formula(
    book: Book, written: Path
) -> None:
    """Static, and of each cell that it names; formulas that look at it are left out."""
    data = load_workbook(written)["Data"]
    assert data.sheet_state == "hidden"
    held: dict[tuple[str, int, int], object] = {}
    start = next(row[0].row for row in data.iter_rows() if row[2].value == "What it is")
    for row in data.iter_rows(min_row=start + 1, values_only=True):
        left, top, right, bottom = range_boundaries(row[1])
        assert top == bottom
        assert not any(str(value).startswith("=") for value in row[3:] if value is not None)
        for column in range(left, right + 1):
            held[row[0], top, column] = row[3 + column - left]
    formulas = {(s, r, c): f.value for s, r, c, f in book.formulas() if s not in ("Data", "Inputs")}
    looking_back = {at for at in formulas if at not in held}
    assert looking_back
    assert {sheet for sheet, _, _ in looking_back} == {"Summary", "Checks"}
    assert len(looking_back) < 50
    for at, value in held.items():
        assert value == formulas[at] or float(value) == pytest.approx(formulas[at], abs=1e-9), at


def test_text_that_looks_like_a_formula_stays_text(
    book: Book, written: Path, recalculated: dict[str, Workbook]
) -> None:
    source = book.sheet("Pool")
    cells = [at for at, cell in source.cells.items() if str(cell.value).startswith("=shop")]
    assert cells, "the example's borrowers are called =shop"
    workbook = load_workbook(written)
    for row, column in cells:
        cell = workbook["Pool"].cell(row, column)
        assert (cell.data_type, cell.quotePrefix) == ("s", True)
        shown = recalculated["true"]["Pool"].cell(row, column).value
        assert shown == source.cells[row, column].value


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "#N/A", "=cmd|'/c'!A1"])
def test_dangerous_text_is_written_as_text(text: str, tmp_path: Path) -> None:
    sheet = Sheet("S")
    sheet.put(1, 1, text, Style())
    path = write_book(Book("t", "s", date(2020, 1, 1), "f", [sheet]), tmp_path / "t.xlsx")
    cell = load_workbook(path)["S"]["A1"]
    assert cell.data_type == "s"
    assert cell.value == text.replace("\r", "\n")
    assert b"<f>" not in zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml")


def test_long_text_and_control_characters_fit_the_file(tmp_path: Path) -> None:
    sheet = Sheet("S")
    sheet.put(1, 1, "x" * (CELL_CHARACTERS + 9), Style())
    sheet.put(2, 1, "a\x00b\x1fc", Style())
    path = write_book(Book("t", "s", date(2020, 1, 1), "f", [sheet]), tmp_path / "t.xlsx")
    found = load_workbook(path)["S"]
    assert len(found["A1"].value) == CELL_CHARACTERS
    assert found["A1"].value.endswith("…")
    assert found["A2"].value == "a�b�c"


def test_the_engines_figures_stand_beside_the_formulas(book: Book, written: Path) -> None:
    """A preview and a protected view show them, since neither recalculates."""
    workbook = load_workbook(written, data_only=True)
    for sheet, row, column, formula in book.formulas():
        found = workbook[sheet].cell(row, column).value
        if isinstance(formula.value, str):
            assert found == formula.value
        else:
            assert found == pytest.approx(formula.value, abs=1e-9)


def test_the_same_run_gives_the_same_bytes(
    book: Book, tables: dict[str, Table], pack: Pack, meta: RunMeta
) -> None:
    first, second = book_bytes(book), book_bytes(build_book(tables, pack, meta))
    assert first == second


def test_nothing_in_the_file_depends_on_the_clock(written: Path) -> None:
    with zipfile.ZipFile(written) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        core = archive.read("docProps/core.xml").decode()
    assert core.count("2013-12-31T00:00:00Z") == 2


def test_every_part_is_well_formed_and_recalculates_on_load(written: Path) -> None:
    with zipfile.ZipFile(written) as archive:
        for name in archive.namelist():
            ET.fromstring(archive.read(name))
        assert b'fullCalcOnLoad="1"' in archive.read("xl/workbook.xml")
        assert not [n for n in archive.namelist() if "externalLink" in n]


def test_sheets_come_in_the_order_of_the_pack(
    tables: dict[str, Table], pack: Pack, meta: RunMeta, tmp_path: Path
) -> None:
    chosen = pack.model_copy(update={"sheets": ("checks", "plan", "summary")})
    path = build_workbook(tables, chosen, meta, tmp_path / "chosen.xlsx")
    workbook = load_workbook(path, data_only=True)
    shown = [sheet.title for sheet in workbook if sheet.sheet_state == "visible"]
    assert shown == ["Checks", "Plan", "Terms", "Summary"]
    assert workbook["Summary"]["B3"].value == ALL_PASS


def test_each_sheet_prints_on_landscape_pages_of_full_width(written: Path) -> None:
    workbook = load_workbook(written)
    for sheet in workbook:
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert sheet.page_setup.fitToWidth == 1
        assert bool(sheet.print_area) == (sheet.sheet_state == "visible")
        assert sheet.oddFooter.right.text == "Page &[Page] of &N" or "&P" in (
            sheet.oddFooter.right.text or ""
        )
    for name in ("Cash flows", "Deal", "Plan", "Limits", "Limits by period", "Checks"):
        assert workbook[name].freeze_panes, name
        assert workbook[name].print_title_rows, name
    assert not workbook["Summary"].sheet_view.showGridLines


def test_each_sheet_but_the_checks_has_a_chart(book: Book) -> None:
    without = [sheet.name for sheet in book.sheets if not (sheet.charts or sheet.hidden)]
    assert without == ["Terms", "Limits by period", "Checks"]


def test_no_printed_page_cuts_a_chart(book: Book) -> None:
    for sheet in book.sheets:
        for chart in sheet.charts:
            room = sheet.centimetres(chart.column, sheet.last_column)
            assert chart.width <= room + 0.01, f"{sheet.name}: {chart.title}"


def test_colours_follow_the_trade(book: Book) -> None:
    """Formulas are black, or green where they look at another sheet; none is blue."""
    for sheet in book.sheets:
        for at, cell in sheet.cells.items():
            if isinstance(cell.value, Formula):
                expected = "link" if "!" in cell.value.text else "formula"
                assert cell.style.ink == expected, (sheet.name, at)
            elif isinstance(cell.value, float):
                assert cell.style.ink in ("engine", "input"), (sheet.name, at)


def test_what_is_blue_is_read_back(book: Book) -> None:
    """A changed blue cell that ``run --inputs`` does not take would be lost without a word."""
    taken = {each.area for each in book.inputs.values()} | set(book.names.values())
    blue = {
        sheet.at(*at)
        for sheet in book.sheets
        for at, cell in sheet.cells.items()
        if cell.style.ink == "input" and isinstance(cell.value, int | float)
    }
    assert blue
    assert blue <= taken
    plan = book.sheet("Plan")
    (demand,) = [
        row for (row, column), cell in plan.cells.items()
        if column == 1 and str(cell.value).startswith("Demand: ")
    ][:1]  # fmt: skip
    assert plan.cells[demand, 3].style.ink == "engine"


def test_headings_give_the_unit(book: Book) -> None:
    for name in ("Cash flows", "Deal", "Plan"):
        assert book.sheet(name).cells[4, 1].value == "CNY m"
    assert book.sheet("Limits by period").cells[4, 5].value == "Use, CNY m"


def test_headroom_is_live(book: Book, tables: dict[str, Table]) -> None:
    sheet = book.sheet("Limits by period")
    area = sheet.filter_area
    assert area is not None
    rows = range(area.row + 1, area.last_row + 1)
    assert len(rows) == len(tables["plan_limits"].frame)
    for row in rows:
        cell = sheet.cells[row, 7]
        assert isinstance(cell.value, Formula)
        at_most = sheet.cells[row, 4].value == "at most"
        room = f"F{row}-E{row}" if at_most else f"E{row}-F{row}"
        assert cell.value.text == f"=ROUND({room},4)"


def test_no_two_merged_cells_overlap(book: Book) -> None:
    for sheet in book.sheets:
        taken: set[tuple[int, int]] = set()
        for area in sheet.merges:
            cells = {
                (row, column)
                for row in range(area.row, area.last_row + 1)
                for column in range(area.column, area.last_column + 1)
            }
            assert not cells & taken
            taken |= cells


def test_a_place_that_cannot_be_written_is_said_plainly(book: Book, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_book(book, tmp_path / "missing" / "book.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_plan_and_deal_has_fewer_sheets(
    tables: dict[str, Table], pack: Pack, meta: RunMeta
) -> None:
    some = {name: t for name, t in tables.items() if not name.startswith(("plan_", "deal_"))}
    book = build_book(some, pack, meta)
    shown = [sheet.name for sheet in book.sheets if not sheet.hidden]
    assert shown == ["Summary", "Pool", "Cash flows", "Checks"]
    assert book_bytes(book)


def test_lines_that_few_pools_have_are_shown_and_collected(
    tables: dict[str, Table], pack: Pack, meta: RunMeta
) -> None:
    """Fees of a twelfth a period, advances that come back a period later; in one scenario."""
    plain = tables["cash_flows"].frame
    base = plain["scenario"] == "base"
    frame = plain.assign(
        fees=12_000.0 * base,
        advanced=5_000.0 * (base & (plain["period"] < 12)),
        reimbursed=5_000.0 * (base & (plain["period"] > 1)),
    )
    bent = {**tables, "cash_flows": replace(tables["cash_flows"], frame=frame)}
    made = build_book(bent, pack, meta)
    without, sheet = build_book(tables, pack, meta).sheet("Cash flows"), made.sheet("Cash flows")

    def line(of: Sheet, label: str) -> tuple[int, float]:
        row = min(r for (r, c), cell in of.cells.items() if c == 1 and cell.value == label)
        cell = of.cells[row, 14].value
        assert isinstance(cell, Formula)
        return row, float(cell.value)

    for column, total in (("fees", 288e3), ("advanced", 110e3), ("reimbursed", -110e3)):
        label = ITEMS[column][0]
        assert line(sheet, label)[1] == pytest.approx(total)
        with pytest.raises(ValueError, match="empty"):
            line(without, label)
    row, paid = line(sheet, "Collections, base")
    assert paid == pytest.approx(line(without, "Collections, base")[1] + 288e3)
    text = sheet.cells[row, 14].value.text
    for column in ("interest", "fees", "scheduled", "prepaid", "recovery", "reimbursed"):
        assert f"N{line(sheet, ITEMS[column][0])[0]}" in text
    assert len(sheet.charts[0].series) == 7
    assert line(sheet, "Collections, stress")[1] == line(without, "Collections, stress")[1]
    shown = {str(cell.value) for cell in made.sheet("Checks").cells.values()}
    assert "Cash flows, base: collections are all that investors are paid" in shown


def test_many_segments_are_taken_together_beyond_the_largest(
    tables: dict[str, Table], pack: Pack, meta: RunMeta
) -> None:
    frame = tables["cash_flows"].frame
    amounts = frame.select_dtypes("number").columns.drop("period")
    copies = [frame.assign(segment=frame["segment"] + f"-{n}") for n in range(20)]
    many = pd.concat(copies, ignore_index=True)
    many[amounts] /= 20.0
    bent = {**tables, "cash_flows": replace(tables["cash_flows"], frame=many)}
    made = build_book(bent, pack, meta).sheet("Cash flows")
    labels = [str(cell.value) for (_, column), cell in made.cells.items() if column == 1]
    shown = [label for label in labels if label.startswith("Scenario base, ")]
    assert len(shown) == SEGMENTS + 1
    assert "Scenario base, 17 other segments" in shown
    label = ITEMS["opening"][0]
    opening = min(row for (row, c), cell in made.cells.items() if c == 1 and cell.value == label)
    assert made.value(made.at(opening, 2)) == pytest.approx(100e6)


def test_the_year_begins_with_its_first_cash_and_ends_with_its_last(
    written: Path, tables: dict[str, Table]
) -> None:
    """A stock among flows is not added up: opening cash + flows in = flows out + closing cash."""
    flows = tables["plan_sources_uses"].frame
    stock = flows["item"].isin(["cash brought forward", "cash carried forward"])
    last = int(flows["period"].max())
    ends = {"source": ("Cash brought forward", 1), "use": ("Cash carried forward", last)}
    plan = load_workbook(written, data_only=True)["Plan"]
    heads = [cell.value for cell in plan[4]]
    column = heads.index("Total")
    by_label = {row[0].value: row[column].value for row in plan.iter_rows(min_row=5)}
    for side, (label, period) in ends.items():
        mine = flows[flows["side"] == side]
        cash = float(mine[stock[mine.index] & (mine["period"] == period)]["amount"].sum())
        moved = float(mine[~stock[mine.index]]["amount"].sum())
        assert by_label[label] == pytest.approx(cash, abs=HALF_CENT)
        assert by_label[f"Total {side}s"] == pytest.approx(cash + moved, rel=1e-12)
