"""The shipped packs over real runs: every live cell recalculated, and figures worked by hand."""

from __future__ import annotations

import io
import tomllib
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from openpyxl import Workbook
from PIL import Image

import scfcap
from scfcap.funding.catalogue import BY_NAME
from scfcap.report.book import Book, Formula, Style
from scfcap.report.excel import book_bytes, write_book
from scfcap.report.sheets import build_book
from scfcap.report.tables import RunMeta, Table
from scfcap.schema.load import load_pack
from scfcap.schema.report import Pack
from tests.witnesses.pools import LINE, RULES, base_of, tape_of

from .office import recalculate, same_figures

SMALL = {"plan.periods": 2, "plan.contingency": []}
MODELS = {"alibaba-2013": {**SMALL, "tape.platform.loans": 400}, "lendingclub": SMALL}
PACKS = ("treasury", "structurer", "investor", "borrowing-base", "regulator")
#: Those whose workbooks LibreOffice works out in a second or two.
QUICK = ("borrowing-base", "regulator")


@dataclass(frozen=True)
class Made:
    """Books of a model's packs, and what they are made of."""

    tables: dict[str, Table]
    meta: RunMeta
    books: dict[str, Book]


def _pack(root: Path, name: str) -> Pack:
    return load_pack(name, [root], lambda _: "--report")[0]


def _made(root: Path, model: str, packs: tuple[str, ...]) -> Made:
    run = scfcap.load(model, overrides=MODELS[model]).run()
    tables, meta = dict(run.tables()), run.meta()
    return Made(tables, meta, {x: build_book(tables, _pack(root, x), meta) for x in packs})


@pytest.fixture(scope="module")
def made(root: Path) -> Made:
    return _made(root, "alibaba-2013", QUICK)


@pytest.fixture(scope="module")
def certificate(root: Path, meta: RunMeta) -> Book:
    """The certificate of the example that ``tests/pool`` works by hand."""
    tape = tape_of(
        current_balance=[400.0, 300.0, 100.0, 80.0, 60.0, 50.0, 40.0, 70.0],
        borrower_id=["big", "big", "c", "d", "e", "f", "g", "h"],
        days_past_due=[0, 0, 20, 0, 120, 0, 0, 0],
        score=[700.0, 620.0, 640.0, 580.0, 700.0, None, 590.0, 700.0],
        channel=["own_capital"] * 7 + ["securitization:series-1"],
    )
    base = base_of(tape, LINE, RULES)
    name = "pool_borrowing_base_bank"
    return build_book({name: Table(name, "", base.table)}, _pack(root, "borrowing-base"), meta)


@pytest.fixture(scope="module")
def limits(tables: dict[str, Table], meta: RunMeta) -> Book:
    """Limits of which the first is broken; beside each headroom which conditions hold for it."""
    table = tables["plan_limits"]
    frame = table.frame.copy()
    frame.loc[frame.index[0], "use"] = 1.05 * frame["limit"].iloc[0]
    broken = {"plan_limits": replace(table, frame=frame)}
    book = build_book(broken, Pack(title="t", sheets=("limits",)), meta)
    sheet = book.sheet("Limits by period")
    looks = {each.look: each.formula for each in sheet.conditions if each.area.column == 7}
    for row in range(5, sheet.last_row + 1):
        for column, kind in ((20, "near"), (21, "bad")):
            text = looks[kind].replace("5", str(row), 1)
            sheet.put(row, column, Formula(f'=IF({text},"{kind}","")', ""), Style())
    return book


@pytest.fixture(scope="module")
def recalculated(
    made: Made, certificate: Book, limits: Book, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Workbook]:
    """The quick packs and the examples, worked out in one call."""
    books = {**made.books, "by hand": certificate, "limits": limits}
    return _worked_out(books, tmp_path_factory.mktemp("packs"))


def _worked_out(books: dict[str, Book], folder: Path) -> dict[str, Workbook]:
    for name, book in books.items():
        write_book(book, folder / f"{name}.xlsx", values=False)
    return recalculate(folder, *books)


def _errors(workbook: Workbook) -> list[str]:
    return [
        f"{sheet.title}!{cell.coordinate}"
        for sheet in workbook.worksheets
        for row in sheet.iter_rows()
        for cell in row
        if cell.data_type == "e"
    ]


def test_packs_recalculate_to_the_engine_s_figures(
    made: Made, recalculated: dict[str, Workbook]
) -> None:
    for name, book in made.books.items():
        assert sum(1 for _ in book.formulas()) > 100, name
        same_figures(book, recalculated[name])
        assert _errors(recalculated[name]) == [], name


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_every_pack_recalculates(root: Path, model: str, tmp_path: Path) -> None:
    books = _made(root, model, PACKS).books
    for name, workbook in _worked_out(books, tmp_path).items():
        same_figures(books[name], workbook)
        assert _errors(workbook) == [], name


def _lines(workbook: Workbook, sheet: str, column: int) -> dict[str, float]:
    """The figures of a column by what stands before them."""
    rows = workbook[sheet].iter_rows(values_only=True)
    return {
        str(row[0]): float(row[column - 1])
        for row in rows
        if row[0] is not None and isinstance(row[column - 1], int | float)
    }


def test_a_certificate_by_hand(recalculated: dict[str, Workbook]) -> None:
    """Eligible 1100 - 70 - 60 - 50 = 920, less 240 of excess 680; half of 100, 85% of 460 and 60%
    of 120 are 513; less 5% of 680 and 10 are 469, of which 420 are drawn: on paper."""
    found = _lines(recalculated["by hand"], "Base bank", 5)
    assert found["Eligible"] == pytest.approx(920.0)
    assert found["Eligible, net of excess"] == pytest.approx(680.0)
    assert found["Gross availability"] == pytest.approx(513.0)
    assert found["Borrowing base"] == pytest.approx(469.0)
    assert found["Availability"] == pytest.approx(49.0)
    assert found["Eligible, net of excess, of outstanding loans"] == pytest.approx(680 / 1100)
    assert found["Drawn of what may be drawn"] == pytest.approx(420 / 469)


def test_the_certificate_is_the_pool_s_borrowing_base(
    made: Made, recalculated: dict[str, Workbook]
) -> None:
    table = made.tables["pool_borrowing_base_bank-a"].frame
    found = _lines(recalculated["borrowing-base"], "Base bank-a", 5)
    assert found["Borrowing base"] > 0.0
    for item in table.to_dict("records"):
        assert found[str(item["line"])] == pytest.approx(item["amount"], abs=0.005)


def test_the_return_is_the_rule_s_ratio(
    root: Path, made: Made, recalculated: dict[str, Workbook]
) -> None:
    """Chongqing 2012: bank loans of at most the stated multiple of net capital, from the plan's
    balances."""
    file = root / "models" / "regimes" / "cq_2012.toml"
    rule = next(
        cap
        for cap in tomllib.loads(file.read_text(encoding="utf-8"))["caps"]
        if cap["name"] == "bank_repo"
    )
    balances = made.tables["plan_balances"].frame
    last = balances[balances["period"] == balances["period"].max()]
    debt = rule["weights"]["bank"] * last.loc[last["channel"] == "bank_debt", "amount"].sum()
    capital = last.loc[last["item"] == "net capital", "amount"].sum()
    assert min(debt, capital) > 1e6
    place = made.books["regulator"].places["regulator.bank_repo.counted"]
    sheet = recalculated["regulator"][place.sheet]
    figures = [sheet.cell(place.row + n, place.last_column).value for n in (0, 4, 5, 6)]
    limit = rule["multiple"] * capital
    assert figures == pytest.approx([debt, limit, debt / capital, limit - debt], abs=0.005)


def test_headroom_is_amber_from_nine_tenths_and_red_where_broken(
    recalculated: dict[str, Workbook],
) -> None:
    """What LibreOffice makes of the conditions themselves, written as formulas."""
    worked, seen = recalculated["limits"]["Limits by period"], set()
    for row in range(5, worked.max_row + 1):
        use, limit = (float(worked.cell(row, column).value) for column in (5, 6))
        share = use / limit if worked.cell(row, 4).value == "at most" else limit / use
        said = tuple(worked.cell(row, column).value or "" for column in (20, 21))
        assert said == ("near" if share >= 0.9 else "", "bad" if share > 1.0 + 1e-6 else "")
        seen.add(said)
    assert seen == {("near", ""), ("near", "bad"), ("", "")}


def test_a_logo_gives_the_same_bytes_each_time(tables: dict[str, Table], meta: RunMeta) -> None:
    drawn = io.BytesIO()
    Image.new("RGB", (40, 10), "#7A1F3D").save(drawn, "PNG")
    pack = Pack(title="t", sheets=("contents", "pool")).read_from("t.toml", drawn.getvalue())
    first, second = (book_bytes(build_book(tables, pack, meta)) for _ in range(2))
    assert first == second
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        (name,) = [each for each in archive.namelist() if each.startswith("xl/media/")]
        shown = Image.open(io.BytesIO(archive.read(name)))
        assert (shown.size, shown.convert("RGB").getpixel((0, 0))) == ((40, 10), (122, 31, 61))


def test_the_structurer_sees_the_headroom_of_triggers(root: Path) -> None:
    """Families that the pack asks for are families of the program."""
    table = next(x for x in _pack(root, "structurer").tables if x.name == "series_triggers")
    asked = {"trigger_headroom", "overcollateralization", "idle_cash"}
    assert asked <= set(BY_NAME)
    assert all(f'"{name}"' in str(table.where) for name in asked)
