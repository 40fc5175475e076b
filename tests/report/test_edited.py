"""Blue cells of a workbook read back: what was changed, and what is refused."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook

from scfcap.errors import InputError
from scfcap.report import edited
from scfcap.report.edited import read_inputs
from scfcap.report.excel import write_book
from scfcap.report.sheets import build_book
from scfcap.report.tables import RunMeta, Table
from scfcap.schema.report import Pack

KEY = "plan.opex_per_year"
#: In the cell; the model's file states a thousandth (tests/report/conftest.py).
SHOWN = 3.6e6
Edit = Callable[[Workbook], None]


@pytest.fixture(scope="module", params=["en", "zh"])
def delivered(
    request: pytest.FixtureRequest,
    tables: dict[str, Table],
    pack: Pack,
    meta: RunMeta,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The workbook as a run writes it, in both languages."""
    book = build_book(tables, pack.model_copy(update={"language": request.param}), meta)
    return write_book(book, tmp_path_factory.mktemp("delivered") / "plan.xlsx")


def _edited(source: Path, folder: Path, edit: Edit) -> Path:
    workbook = load_workbook(source)
    edit(workbook)
    path = folder / "edited.xlsx"
    workbook.save(path)
    return path


def _cell(workbook: Workbook):  # type: ignore[no-untyped-def]
    """The cell that states :data:`KEY`, by its name."""
    sheet, cell = workbook.defined_names["in_plan_opex_per_year"].attr_text.rsplit("!", 1)
    return workbook[sheet.strip("'")][cell.replace("$", "")]


def test_a_workbook_as_written_asks_for_nothing(delivered: Path, meta: RunMeta) -> None:
    found = read_inputs(delivered, meta.model)
    assert (found.model, found.digest, found.changed) == (meta.model, meta.digest, ())
    # The plan's cost, two advance rates and a reserve.
    assert found.listed == 4


def test_a_changed_cell_is_an_override_in_the_models_scale(delivered: Path, tmp_path: Path) -> None:
    """Saved by another program, which keeps no value beside the formulas."""

    def edit(workbook: Workbook) -> None:
        assert _cell(workbook).value == SHOWN
        _cell(workbook).value = 4.8e6

    (cell,) = read_inputs(_edited(delivered, tmp_path, edit)).changed
    assert cell.override == f"{KEY}=4800.0"
    assert cell.before == pytest.approx(3600.0, rel=1e-12)


def test_an_input_is_found_where_a_reader_moved_it(delivered: Path, tmp_path: Path) -> None:
    """Its sheet renamed, and rows put in above it: names of the workbook follow, as in Excel."""

    def edit(workbook: Workbook) -> None:
        old = _cell(workbook)
        sheet = old.parent
        sheet.title = "My terms"
        sheet.cell(old.row + 40, old.column).value = 5e6
        name = workbook.defined_names["in_plan_opex_per_year"]
        name.attr_text = f"'My terms'!$B${old.row + 40}"

    (cell,) = read_inputs(_edited(delivered, tmp_path, edit)).changed
    assert (cell.sheet, cell.value) == ("My terms", 5000.0)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("a lot", "'a lot'"),
        (None, "found nothing"),
        ("=1+1", r"the formula =1\+1"),
        (True, "found True"),
        (datetime(2014, 2, 1), "the day 2014-02-01"),  # noqa: DTZ001
    ],
)
def test_an_input_that_is_no_number_is_refused_at_its_cell(
    value: object, said: str, delivered: Path, tmp_path: Path
) -> None:
    def edit(workbook: Workbook) -> None:
        _cell(workbook).value = value

    path = _edited(delivered, tmp_path, edit)
    cell = _cell(load_workbook(path))
    place = rf"edited\.xlsx, sheet {cell.parent.title}, cell {cell.coordinate}"
    with pytest.raises(InputError, match=rf"{place}.*{said}.*a number for {KEY}"):
        read_inputs(path)


def test_an_input_whose_cell_is_gone_is_named(delivered: Path, tmp_path: Path) -> None:
    def edit(workbook: Workbook) -> None:
        del workbook.defined_names["in_plan_opex_per_year"]

    with pytest.raises(InputError, match="the cell is gone"):
        read_inputs(_edited(delivered, tmp_path, edit))


def test_a_workbook_without_the_list_is_refused(delivered: Path, tmp_path: Path) -> None:
    def edit(workbook: Workbook) -> None:
        sheet = workbook.defined_names["scfcap_inputs"].attr_text.rsplit("!", 1)[0].strip("'")
        del workbook[sheet]

    with pytest.raises(InputError, match="no list of inputs"):
        read_inputs(_edited(delivered, tmp_path, edit))


@pytest.mark.parametrize(
    ("name", "area"), [("scfcap_inputs", "$A:$J"), ("scfcap_model", "$B$4000")]
)
def test_a_name_that_leads_astray_is_told(
    name: str, area: str, delivered: Path, tmp_path: Path
) -> None:
    def edit(workbook: Workbook) -> None:
        found = workbook.defined_names[name]
        found.attr_text = f"{found.attr_text.rsplit('!', 1)[0]}!{area}"

    with pytest.raises(InputError, match=rf"no list of inputs \(the name {name}"):
        read_inputs(_edited(delivered, tmp_path, edit))


def test_another_models_workbook_is_refused(delivered: Path) -> None:
    with pytest.raises(InputError, match=r"a workbook of the model example; expected one of mine"):
        read_inputs(delivered, "mine")


def test_what_is_no_workbook_or_too_large_is_refused(
    delivered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = tmp_path / "text.xlsx"
    text.write_text("not a workbook", encoding="utf-8")
    with pytest.raises(InputError, match=r"text\.xlsx: found not readable"):
        read_inputs(text)
    with pytest.raises(InputError, match=r"none\.xlsx: found not readable"):
        read_inputs(tmp_path / "none.xlsx")
    bomb = tmp_path / "bomb.xlsx"
    shutil.copy(delivered, bomb)
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/more.xml", "<a>" + " " * 2**24 + "</a>")
    with pytest.raises(InputError, match=r"bomb\.xlsx: found xl/more\.xml packed"):
        read_inputs(bomb)
    monkeypatch.setattr(edited, "LARGEST", 10)
    with pytest.raises(InputError, match="more than"):
        read_inputs(delivered)


def test_a_named_blue_cell_without_a_key_is_told_apart(
    tables: dict[str, Table], pack: Pack, meta: RunMeta, tmp_path: Path
) -> None:
    """A book whose input has lost its key stands for a multiplier that only the workbook has."""
    book = build_book(tables, pack, meta)
    area = book.inputs[KEY].area
    registry = book.sheet(book.names["scfcap_inputs"].sheet)
    row = next(at for (at, column), cell in registry.cells.items() if cell.value == KEY)
    registry.cells[row, 1] = replace(registry.cells[row, 1], value=None)
    cells = book.sheet(area.sheet).cells
    cells[area.row, area.column] = replace(cells[area.row, area.column], value=5e6)
    found = read_inputs(write_book(book, tmp_path / "plan.xlsx"))
    assert found.changed == ()
    assert [cell.sheet for cell in found.beside] == [area.sheet]
