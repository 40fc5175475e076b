"""The workbook in Chinese: nothing stays unsaid, no figure moves, and it recalculates."""

from __future__ import annotations

import ast
import math
import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from scfcap.funding import accounting, entries, unused
from scfcap.funding import catalogue as limits
from scfcap.funding.answer_actions import LOST, WORDS
from scfcap.pool.signs import SIGNS
from scfcap.quantities import HALF_CENT
from scfcap.report import tables as titles
from scfcap.report import words
from scfcap.report.book import Book, Cell, Formula, Sheet, Style
from scfcap.report.excel import write_book
from scfcap.report.labels import Labels, catalogue
from scfcap.report.labels.tables import heading, labels_of
from scfcap.report.recalculated import converted, office
from scfcap.report.sheets import build_book
from scfcap.report.sheets.common import HEAD
from scfcap.report.tables import RunMeta, Table
from scfcap.report.translate import translated
from scfcap.schema.load import load_pack
from scfcap.schema.report import Pack
from scfcap.tape.rules.catalogue import READING, RULES
from scfcap.tape.schema import COLUMNS

#: Names in the small run of this folder, besides those of its tape.
NAMES = (
    "order", "credit", "bank-a", "bank-c", "series-1", "chongqing-2012", "vehicle",
    "score of 550 at least", "good score", "fair score", "servicing", "bank-a line", "example",
    "An example platform", "borrower_id largest", "demand of order",
)  # fmt: skip
#: What no language changes: standards, measures and words of the trade.
LATIN = frozenset(
    ("P2P", "SPV", "IFRS", "IAS", "XIRR", "VaR", "CVaR", "SDA", "PSA", "VSS", "EVPI", "scfcap")
)
FORMULA = re.compile(r"[A-Z]+\(|^=|^[0-9A-F]{6}$|^General$|^EXACT|mmm")
PACKAGE = Path(titles.__file__).parent
#: Where texts of reports are written as constants of a module.
WRITTEN = (
    *sorted((PACKAGE / "sheets").glob("*.py")),
    PACKAGE / "words.py",
    PACKAGE / "tables.py",
    *(Path(module.__file__) for module in (limits, entries, unused)),
)
#: Constants of those modules that no report shows.
UNSAID = frozenset(("OC", "CNY m CNY m", "CNY m per CNY m"))


def constants(file: Path) -> Iterator[str]:
    """Texts that a module writes: what has a blank or begins with a capital, docstrings apart."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    inside = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr | ast.Raise)
        for part in ast.walk(node)
        if part is not node
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            inside.add(id(node.value))
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield from _with_unit(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
            told = text == text.strip() and re.search(r"[A-Za-z]{2}", text)
            if id(node) not in inside and told and (" " in text or text[0].isupper()):
                yield text


def _with_unit(node: ast.JoinedStr) -> Iterator[str]:
    """A heading whose only changing part is the unit of its amounts."""
    parts = [
        part.value if isinstance(part, ast.Constant) else "CNY m"
        for part in node.values
        if isinstance(part, ast.Constant)
        or re.search(r"^(?!.*say\().*(unit|look\.label|currency)", ast.unparse(part))
    ]
    if len(parts) == len(node.values) and len(parts) > 1:
        yield "".join(map(str, parts))


@pytest.mark.parametrize("file", WRITTEN, ids=lambda file: file.stem)
def test_every_text_that_a_module_writes_is_said(file: Path) -> None:
    """Rarely shown texts too: whatever a builder of sheets may write has its Chinese."""
    labels = Labels("zh")
    for text in constants(file):
        if not FORMULA.search(text) and text not in UNSAID:
            labels(text)
    assert not labels.missing


@pytest.mark.parametrize(
    "text",
    [
        *words.FAMILIES.values(), *words.MEASURES.values(), *words.FORECASTS.values(),
        *words.CHANNELS.values(), *titles._TITLES.values(), *unused._MISSING.values(),
        *(family.what for family in limits.FAMILIES), *LOST.values(),
        *(text for each in WORDS.values() for text in each if text),
        *(sign.why for each in SIGNS.values() for sign in each),
        *(x.basis for x in vars(accounting).values() if isinstance(x, accounting.Treatment)),
    ],
)  # fmt: skip
def test_every_word_of_the_engine_is_said(text: str) -> None:
    labels = Labels("zh")
    labels(text)
    assert not labels.missing


@pytest.mark.parametrize(
    "column", sorted({rule.reason for rule in RULES} | set(READING) | {x.name for x in COLUMNS})
)
def test_every_finding_and_column_of_a_tape_is_said(column: str) -> None:
    labels = Labels("zh")
    labels(heading(column))
    assert not labels.missing


def test_every_shipped_rule_and_scenario_has_its_title_in_chinese(root: Path) -> None:
    known = catalogue("zh")
    files = [*root.glob("models/regimes/*.toml"), *root.glob("models/scenarios/*.toml")]
    assert len(files) > 30
    for file in files:
        title = tomllib.loads(file.read_text(encoding="utf-8"))["title"]
        assert title in known, (file.name, title)


@pytest.fixture(scope="module")
def told(meta: RunMeta) -> RunMeta:
    return replace(meta, names=NAMES, regime="Chongqing: microloan companies, 2012")


@pytest.fixture(scope="module")
def english(tables: dict[str, Table], pack: Pack, told: RunMeta) -> Book:
    return build_book(tables, pack, told)


@pytest.fixture(scope="module")
def chinese(tables: dict[str, Table], pack: Pack, told: RunMeta) -> Book:
    return build_book(tables, pack.model_copy(update={"language": "zh"}), told)


def shown(cell: Cell) -> object:
    """What a reader sees in a cell."""
    return cell.value.value if isinstance(cell.value, Formula) else cell.value


def left_in_english(book: Book, names: tuple[str, ...], told: RunMeta) -> set[str]:
    """Words of English that a reader meets in the cells, charts and comments of ``book``."""
    texts = [sheet.name for sheet in book.sheets] + [book.title, book.footer]
    for sheet in book.sheets:
        if sheet.hidden:
            continue
        texts += [value for cell in sheet.cells.values() if isinstance(value := shown(cell), str)]
        texts += [cell.note for cell in sheet.cells.values()]
        texts += [text for chart in sheet.charts for text in (chart.title, chart.value_title)]
    forms = {each.replace("_", " ") for each in names} | set(names)
    allowed = [told.command, told.digest[:16], told.digest[:12], told.version, *forms]
    longest = sorted(allowed, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, longest)), re.IGNORECASE)
    return {
        word
        for text in set(texts)
        for word in re.findall(r"\b[A-Za-z]{2,}", pattern.sub(" ", text))
        if word not in LATIN
    }


def test_no_text_of_the_small_run_is_missing(
    english: Book, tables: dict[str, Table], told: RunMeta
) -> None:
    labels = labels_of("zh", told, tables)
    for sheet in english.sheets:
        for text in (sheet.name, *(each for each in map(shown, sheet.cells.values()))):
            if isinstance(text, str):
                labels(text)
    assert not labels.missing


def test_nothing_of_the_small_run_stays_in_english(
    chinese: Book, tables: dict[str, Table], told: RunMeta
) -> None:
    of_tape = tuple(
        str(value)
        for name in ("pool_largest_borrower_id", "pool_concentrations")
        for column in ("name", "value")
        if column in (frame := tables[name].frame)
        for value in frame[column]
    )
    columns = tuple(x.name for x in COLUMNS)
    names = (*NAMES, *of_tape, *columns)
    assert left_in_english(chinese, names, told) <= {"tape", "findings"}


@pytest.mark.parametrize("name", ["structurer", "investor", "borrowing-base", "regulator"])
def test_nothing_of_a_shipped_pack_is_missing(
    name: str, root: Path, tables: dict[str, Table], told: RunMeta, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their own titles and headings too: they are texts of ours, not of a user."""
    shipped = load_pack(name, [root], lambda _: "--report")[0]
    made: list[Labels] = []

    def kept(*given: Any) -> Labels:
        made.append(labels_of(*given))
        return made[-1]

    monkeypatch.setattr("scfcap.report.sheets.labels_of", kept)
    book = build_book(tables, shipped.model_copy(update={"language": "zh"}), told)
    assert [labels.missing for labels in made] == [set()]
    assert book.title.startswith(Labels("zh")(shipped.title))
    assert not book.title.startswith(shipped.title)


def test_what_a_shipped_pack_states_is_said(root: Path) -> None:
    files = sorted(root.glob("reports/*.toml"))
    assert len(files) > 4
    labels = Labels("zh")
    for file in files:
        stated = tomllib.loads(file.read_text(encoding="utf-8"))
        labels(stated["title"])
        for table in stated.get("tables", ()):
            columns = [each for each in table.get("columns", ()) if isinstance(each, dict)]
            texts = [table.get(key, "") for key in ("sheet", "heading", "note")]
            for text in (*texts, *(column.get("label", "") for column in columns)):
                labels(text)
    assert not labels.missing


def test_what_a_user_states_in_a_pack_stays(
    tmp_path: Path, tables: dict[str, Table], told: RunMeta
) -> None:
    """A text that a catalogue knows is not said where it is the user's own."""
    (tmp_path / "reports").mkdir()
    text = 'title = "Loan pool"\nlanguage = "zh"\nsheets = ["pool"]\n'
    (tmp_path / "reports" / "mine.toml").write_text(text, encoding="utf-8")
    mine = load_pack("mine", [tmp_path], lambda _: "--report")[0]
    assert mine.texts == ("Loan pool",)
    assert build_book(tables, mine, told).title.startswith("Loan pool")


def test_the_sheet_of_the_pool_is_headed_in_chinese(
    tables: dict[str, Table], told: RunMeta
) -> None:
    own = Pack(title="Loan pool", sheets=("pool",), language="zh")
    (sheet, *_) = build_book(tables, own, told).sheets
    assert sheet.cells[1, 1].value == "贷款资产池"


def test_every_cap_of_a_shipped_rule_has_its_source_in_chinese(root: Path) -> None:
    labels, seen = Labels("zh"), 0
    for file in sorted(root.glob("models/regimes/*.toml")):
        for cap in tomllib.loads(file.read_text(encoding="utf-8")).get("caps", ()):
            labels(cap["source"])
            labels(heading(cap["name"]))
            seen += 1
    assert seen > 10
    assert not labels.missing


def test_days_and_units_fit_narrow_columns() -> None:
    """Days are short in all columns where one is narrow; a unit stands below its heading."""
    sheet = Sheet("Wide")
    sheet.widths |= {1: 8.0, 2: 14.0, 3: 40.0}
    for column in (1, 2):
        sheet.put(2, column, date(2014, 1, 31), Style(number_format="mmm yy"))
    for column in (2, 3):
        sheet.put(1, column, "Balance, CNY m", HEAD)
    said = translated(
        Book("", "", date(2014, 1, 31), "", [sheet], language="zh"), Labels("zh")
    ).sheets[0]
    assert {said.cells[2, column].style.number_format for column in (1, 2)} == {"yyyy-mm"}
    assert said.widths[1] >= len("2014-01") + 1
    whole = str(said.cells[1, 3].value)
    assert whole.endswith("（人民币百万元）")
    assert said.cells[1, 2].value == whole.replace("（人民币", "\n（")


def test_both_languages_have_the_same_figures_in_the_same_cells(
    english: Book, chinese: Book
) -> None:
    pairs = list(zip(english.sheets, chinese.sheets, strict=True))
    assert len(pairs) > 6
    for one, other in pairs:
        assert one.cells.keys() == other.cells.keys()
        for at, cell in one.cells.items():
            there = other.cells[at]
            assert isinstance(cell.value, Formula) == isinstance(there.value, Formula)
            if not isinstance(shown(cell), str):
                assert shown(cell) == shown(there), (one.name, at)
        assert [area.local for area in one.merges] == [area.local for area in other.merges]
    assert len({sheet.name for sheet in chinese.sheets}) == len(pairs)
    assert chinese.places.keys() == english.places.keys()


def test_days_are_written_as_chinese_writes_them(chinese: Book) -> None:
    formats = {
        cell.style.number_format for sheet in chinese.sheets for cell in sheet.cells.values()
    }
    assert 'yyyy"年"m"月"' in formats
    assert not {each for each in formats if "mmm" in each}


def test_the_chinese_workbook_recalculates_to_the_same_figures(
    chinese: Book, tmp_path: Path
) -> None:
    if office() is None:
        pytest.skip("LibreOffice (soffice) is not installed: nothing can recalculate the workbook")
    file = write_book(chinese, tmp_path / "book.xlsx", values=False)
    (made,) = converted([file], "xlsx", tmp_path / "out")
    result = load_workbook(made, data_only=True)
    seen = 0
    for sheet, row, column, formula in chinese.formulas():
        found = result[sheet].cell(row, column).value
        if isinstance(formula.value, str):
            assert (found or "") == formula.value, (sheet, row, column, formula.text)
        else:
            assert math.isclose(float(found), formula.value, rel_tol=0.0, abs_tol=HALF_CENT)
        seen += 1
    assert seen > 500
    light = chinese.places["checks.light"]
    assert result[light.sheet].cell(light.row, light.column).value == "全部检查通过"
