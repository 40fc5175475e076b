"""The workbook of a comparison: recalculated, bent on purpose, with hostile names, in Chinese."""

from __future__ import annotations

from dataclasses import replace

import pytest
from openpyxl import load_workbook

import scfcap as package
from scfcap.api.compare import compare
from scfcap.api.compare_plans import compare_plans
from scfcap.quantities import HALF_CENT
from scfcap.report.book import Formula
from scfcap.report.excel import write_book
from scfcap.report.labels import Labels
from scfcap.report.sheets import compare as sheets
from scfcap.report.sheets.checks import ALL_PASS, FAIL
from scfcap.report.sheets.compare_plans import BOTH, GONE, NEW
from tests.report.office import recalculate, same_figures

BUSY = "demand.order.per_period=90000.0"
CHANGES = ("lenders.bank-a.limit=3000.0", "plan.opex_rate=0.02",
           "credit.segments.order.lifetime_default=0.02")  # fmt: skip
HOSTILE = ('=HYPERLINK("http://x","a")&\'![1]', '@b\x07 {amount}: "b" · 100% & <c>')


@pytest.fixture(scope="module")
def found(tmp_path_factory, write_model, model_text, plain_rows):
    """Projections and plans of two variants of the small model."""
    home = write_model(tmp_path_factory.mktemp("books") / "mini", model_text, plain_rows())
    pair = [package.load(home, overrides=[BUSY, *more]) for more in ((), CHANGES)]
    return replace(compare(*pair), plans=compare_plans(*pair))


@pytest.fixture(scope="module")
def hostile(found):
    """The same under names that a spreadsheet or a file could take for something else."""
    plans = replace(
        found.plans,
        a=replace(found.plans.a, name=HOSTILE[0]),
        b=replace(found.plans.b, name=HOSTILE[1]),
    )
    a, b = replace(found.a, name=HOSTILE[0]), replace(found.b, name=HOSTILE[1])
    return replace(found, a=a, b=b, plans=plans)


@pytest.fixture(scope="module")
def books(found, hostile):
    made = {
        "en": sheets.compare_book(found, found.plans),
        "zh": sheets.compare_book(found, found.plans, language="zh"),
        "hostile": sheets.compare_book(hostile, hostile.plans),
        "alone": sheets.compare_book(None, found.plans),
    }
    bent = sheets.compare_book(found, found.plans)
    cells = bent.sheet("Plan bridge").cells
    place = next(at for at, cell in cells.items() if at[1] == 2 and isinstance(cell.value, float))
    cells[place] = replace(cells[place], value=cells[place].value + 1.0)
    return {**made, "bent": bent}


@pytest.fixture(scope="module")
def recalculated(books, tmp_path_factory):
    folder = tmp_path_factory.mktemp("recalculated")
    for name, book in books.items():
        write_book(book, folder / f"{name}.xlsx", values=False)
    return recalculate(folder, *books)


@pytest.mark.parametrize("name", ["en", "zh", "hostile", "alone"])
def test_a_recalculation_moves_no_figure_by_half_a_cent(books, recalculated, name):
    assert len(list(books[name].formulas())) > 200
    same_figures(books[name], recalculated[name])


def test_a_changed_effect_turns_the_light_red(books, recalculated):
    for name, word in (("en", ALL_PASS), ("hostile", ALL_PASS), ("bent", FAIL)):
        light = books[name].places["checks.light"]
        assert recalculated[name]["Checks"].cell(light.row, light.column).value == word
        assert recalculated[name]["Summary"]["B3"].value == word


def test_the_bridge_leads_to_the_other_plan(found, recalculated):
    """The objectives of the plans, and the drivers that the command prints, are its witnesses."""
    sheet = recalculated["en"]["Plan bridge"]
    rows = [[cell.value for cell in row[:3]] for row in sheet.iter_rows()]
    reached = [row[2] for row in rows if row[0] == "a + effects"]
    plans = found.plans
    ends = (plans.b.objective, plans.b.net_income)
    assert reached == [pytest.approx(end, abs=HALF_CENT) for end in ends]
    drivers = plans.drivers.set_index("driver")["objective"]
    told = {str(row[0]).lower(): row[1] for row in reversed(rows)}
    for name in drivers.index[1:-1]:
        assert told[name] == pytest.approx(drivers[name], abs=HALF_CENT), name


def test_the_bridge_of_the_loans_is_the_sum_of_the_segments(found, recalculated):
    sheet = recalculated["en"]["Pool bridge"]
    heads = [cell.value for cell in sheet[4]]
    whole = {row[0].value: row for row in sheet.iter_rows(min_row=5, max_row=14)}
    frame = found.drivers
    frame = frame[(frame["measure"] == "collections") & (frame["segment"] != "all")]
    for name in ("a", "default", "b"):
        column = heads.index(name.capitalize() if name == "default" else name)
        shown = whole["Collections"][column].value
        assert shown == pytest.approx(frame[name].sum(), abs=HALF_CENT)


def test_what_binds_is_told_by_period(found, recalculated):
    sheet = recalculated["en"]["What binds"]
    states = [cell.value for row in sheet.iter_rows(min_row=6, min_col=7) for cell in row]
    count = {state: states.count(state) for state in (BOTH, NEW, GONE)}
    binding = [int(x.frames["limits"]["binding"].sum()) for x in (found.plans.a, found.plans.b)]
    assert [count[BOTH] + count[GONE], count[BOTH] + count[NEW]] == binding
    assert count[NEW] or count[GONE]
    live = [
        sum(row[at].value for row in sheet.iter_rows(min_row=6) if isinstance(row[at].value, int))
        for at in (2, 3)
    ]
    assert live == binding


def test_a_bridge_is_a_native_chart_on_an_unseen_base(books):
    for chart in books["en"].sheet("Plan bridge").charts:
        assert chart.kind == "stacked"
        assert [series.colour == "" for series in chart.series] == [True, *[False] * 5]
        room, *others = chart.series
        sheet = books["en"].sheet("Plan bridge")
        for row in range(room.values.row + 1, room.values.last_row):
            base = sheet.value(sheet.at(row, room.values.column))
            moved = sum(sheet.value(sheet.at(row, x.values.column)) for x in others)
            levels = sorted(sheet.value(sheet.at(row - n, 3)) for n in range(2))
            assert [base, base + moved] == pytest.approx(levels)


def test_names_stay_text_wherever_they_stand(books, tmp_path):
    path = write_book(books["hostile"], tmp_path / "hostile.xlsx")
    workbook = load_workbook(path)
    texts = {cell.value for sheet in workbook for row in sheet.iter_rows() for cell in row
             if cell.data_type == "s"}  # fmt: skip
    clean = [name.replace("\x07", "\ufffd") for name in HOSTILE]
    assert set(clean) <= texts
    live = [cell.value for sheet in workbook for row in sheet.iter_rows() for cell in row
            if cell.data_type == "f"]  # fmt: skip
    assert not any("HYPERLINK" in text for text in live)
    assert len(live) == len(list(books["hostile"].formulas()))
    assert workbook.properties.title.startswith("Comparison: =HYPERLINK")


def test_every_text_is_said_in_chinese(found, books, monkeypatch):
    seen = []

    class Heard(Labels):
        def __init__(self, *args):
            super().__init__(*args)
            seen.append(self)

    monkeypatch.setattr(sheets, "Labels", Heard)
    sheets.compare_book(found, found.plans, language="zh")
    assert [text for text in seen[0].missing if not text.startswith(("Of a ", "Of b "))] == []
    places = {
        (sheet, row, column): formula.value
        for sheet, row, column, formula in books["en"].formulas()
        if not isinstance(formula.value, str)
    }
    names = dict(zip([s.name for s in books["en"].sheets], books["zh"].sheets, strict=True))
    for (sheet, row, column), value in places.items():
        other = names[sheet].cells[row, column].value
        assert isinstance(other, Formula)
        assert other.value == value


def test_the_command_writes_it_in_the_language_asked_for(scfcap, mini, tmp_path, monkeypatch):
    monkeypatch.setattr("scfcap.report.compare.Comparison.pictures", lambda _: {})
    home = mini()
    done = scfcap(
        "compare", home, home, "--scenario-b", "stress", "--language", "zh",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    workbook = load_workbook(tmp_path / "out" / "compare.xlsx")
    assert workbook.sheetnames[0] == "摘要"
    assert "Workbook, tables and charts: " in done.stdout
