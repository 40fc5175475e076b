"""Texts that a spreadsheet could take for something else, and figures beyond what a file holds.

Witnesses are openpyxl, and LibreOffice in one call: both must read the text that was given.
"""

from __future__ import annotations

import io
import math
import random
from dataclasses import replace
from datetime import date

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from openpyxl.worksheet.header_footer import _HeaderFooterPart

from scfcap.errors import InputError
from scfcap.report.book import Area, Book, Chart, Condition, Formula, Series, Sheet, Strip, Style
from scfcap.report.book import sheet_name as named
from scfcap.report.excel import book_bytes, write_book
from scfcap.report.excel_limits import (
    CELL_CHARACTERS,
    COLUMNS,
    FORMULA_CHARACTERS,
    HEADER_CHARACTERS,
    LITERAL_CHARACTERS,
    ROWS,
    check_styles,
    safe_formula,
    safe_text,
)
from scfcap.report.files import csv_bytes
from scfcap.report.long_lists import FIRST, MOST_ROWS, rows_shown

from .office import recalculate

#: How an attack begins, and what may follow.
SIGNS = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "＝",
    "＋",
    "－",
    "＠",
    " =",
    "'",
    "&",
    "%",
    "_x003D_",
)
PAYLOADS = ("1+1", 'HYPERLINK("http://x";"a")', "cmd|' /C calc'!A0", "WEBSERVICE(A1)", "#REF!")
ATTACKS = [sign + payload for sign in SIGNS for payload in PAYLOADS] + [
    "TRUE", "1e5", "00123", "#N/A", "2014-01-01", "<b>&amp;</b>", "]]>", "a\x00b\x1fc",
    "\ud800 half", "\udc00", "\ufffe\uffff", "贷款 😀", "line\nbreak", "  spaces  ", "&L&8&P",
    "_x000D_", "=" * 400,
]  # fmt: skip
PLAIN = Style()


def _book(sheet: Sheet, **more: object) -> Book:
    return replace(Book("t", "s", date(2020, 1, 1), "f", [sheet]), **more)


def _read(book: Book):
    return load_workbook(io.BytesIO(book_bytes(book)))


def _random_texts(many: int) -> list[str]:
    """Texts of any characters, always the same."""
    dice = random.Random(2014)
    planes = (range(0x80), range(0x500), range(0x4E00, 0x9FFF), range(0x1F300, 0x1F6FF))
    return [
        dice.choice(SIGNS) + "".join(chr(dice.choice(dice.choice(planes))) for _ in range(12))
        for _ in range(many)
    ]


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return ATTACKS + _random_texts(60)


@pytest.fixture(scope="module")
def attacked(texts: list[str]) -> Book:
    """Every text as a cell, in a long list, in a formula's literal and as its figure."""
    sheet = Sheet("S")
    for row, text in enumerate(texts, start=1):
        sheet.put(row, 1, text, PLAIN)
        literal = safe_text(text).replace('"', '""')
        sheet.put(row, 2, Formula(f'="{literal}"', safe_text(text)), PLAIN)
    below = len(texts) + 1
    sheet.strip(Strip(below, 1, PLAIN, texts))
    sheet.strip(Strip(below, 2, PLAIN, [float(n) for n in range(len(texts))]))
    return _book(sheet)


def test_openpyxl_reads_every_text_as_the_text_it_was(attacked: Book, texts: list[str]) -> None:
    found = _read(attacked)["S"]
    for row, text in enumerate(texts, start=1):
        for at in (row, row + len(texts)):
            cell = found.cell(at, 1)
            assert cell.data_type == "s", text
            # openpyxl leaves the file's own code for an underscore as it stands.
            assert cell.value.replace("_x005F_", "_") == safe_text(text)
        assert found.cell(row, 2).data_type == "f"


def test_libreoffice_reads_every_text_as_the_text_it_was(attacked: Book, texts, tmp_path) -> None:
    write_book(attacked, tmp_path / "attacked.xlsx", values=False)
    found = recalculate(tmp_path, "attacked")["attacked"]["S"]
    for row, text in enumerate(texts, start=1):
        for place in ((row, 1), (row + len(texts), 1), (row, 2)):
            value = str(found.cell(*place).value or "").replace("_x005F_", "_")
            assert value == safe_text(text), (text, place)


@settings(max_examples=15)
@given(st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=4))
def test_any_text_is_a_text_in_a_cell_and_in_a_name(given_texts: list[str]) -> None:
    book = Book(given_texts[0], given_texts[-1], date(2020, 1, 1), given_texts[0])
    for text in given_texts:
        sheet = Sheet(named(text, [other.name for other in book.sheets]))
        sheet.put(1, 1, text, PLAIN, note=text, goto=Area(sheet.name, 2, 1, 2, 1))
        sheet.put(2, 1, Formula(f"={sheet.at(1, 1).linked}", safe_text(text)), PLAIN)
        book.sheets.append(sheet)
    found = _read(book)
    assert found.sheetnames == [sheet.name for sheet in book.sheets]
    for text, sheet in zip(given_texts, found, strict=True):
        assert sheet["A1"].data_type == "s"
        assert (sheet["A1"].value or "").replace("_x005F_", "_") == safe_text(text)
        assert sheet["A2"].data_type == "f"
        assert sheet["A1"].comment is not None


@settings(max_examples=200)
@given(st.lists(st.text(max_size=60), max_size=12))
def test_names_of_sheets_are_short_unlike_and_without_what_excel_refuses(wanted: list[str]) -> None:
    names: list[str] = []
    for text in wanted:
        names.append(named(text, names))
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        assert 0 < len(name.encode("utf-16-le")) // 2 <= 31
        assert not set(name) & set("[]:*?/\\")
        assert name.isprintable()
        assert name.strip("'") == name
        assert name.casefold() != "history"


@pytest.mark.parametrize(
    "word", ["资产证券化优先级次级循环购买" * 4, "😀" * 40, "History", "'''", "x" * 90]
)
def test_names_that_are_cut_alike_stay_apart(word: str) -> None:
    names: list[str] = []
    for _ in range(12):
        names.append(named(word, names))
    assert len(set(names)) == 12
    made = [Sheet(name) for name in names]
    for sheet in made:
        sheet.put(1, 1, sheet.name, PLAIN)
    found = _read(_book(made[0], sheets=made))
    assert found.sheetnames == names


def test_texts_outside_cells_are_fit_too(texts: list[str]) -> None:
    """Titles, comments, properties, headers and conditions hold them; the file stays readable."""
    sheet = Sheet("S")
    for row, text in enumerate(texts, start=1):
        sheet.put(row, 1, float(row), PLAIN, note=text * 9)
        sheet.conditions.append(Condition(sheet.at(row, 1), f'A{row}="{_inner(text)}"', "bad"))
    series = (Series(sheet.at(1, 1), sheet.span(1, 1, 4, 1), "1F3A5F"),)
    for text in texts[:12]:
        sheet.charts.append(
            Chart("lines", text, 1, 3, sheet.span(1, 1, 4, 1), series, "0", value_title=text)
        )
    for text in (*ATTACKS[::12], "&" * 300, "&[Picture]&G" * 30, "8" * 300):
        found = _read(_book(sheet, title=text, subject=text, footer=text))
        header = found["S"].oddHeader
        for part in (header.left, found["S"].oddFooter.left):
            told = (part.text or "").replace("&&", "")
            assert "&" not in told
        parts = (header.left, header.center, header.right)
        whole = "".join(str(part) for part in parts if part.text)
        assert len(whole) <= HEADER_CHARACTERS
        if text is ATTACKS[0]:
            assert len(found["S"]._comments) == 0 or found["S"]["A1"].comment
            assert found["S"]["A1"].comment.text.startswith(safe_text(texts[0]))
        sheet.charts.clear()
        sheet.conditions.clear()
        sheet.cells = {at: replace(cell, note="") for at, cell in sheet.cells.items()}
    assert isinstance(header.left, _HeaderFooterPart)


def _inner(text: str) -> str:
    return text.replace('"', '""')


# --- limits -------------------------------------------------------------------------------------


def test_a_long_text_in_a_formula_is_joined_from_short_ones() -> None:
    long = "贷" * 300 + 'say "yes"' + "x" * 400
    inner = long.replace('"', '""')
    text = safe_formula(f'=IF(A1="","{inner}","b")')
    literals = [part for n, part in enumerate(text.replace('""', "").split('"')) if n % 2]
    assert max(map(len, literals)) <= LITERAL_CHARACTERS
    joined = "".join(text.split('"&"')).replace('("', '"').replace('")', '"')
    assert inner.replace('""', "") in joined.replace('""', "")
    short = '=IF(A1="a""b",1,0)'
    assert safe_formula(short) == short


def test_what_a_sheet_cannot_hold_is_said_plainly() -> None:
    long = Sheet("L")
    long.reach(ROWS + 1, 1)
    wide = Sheet("W")
    wide.reach(1, COLUMNS + 1)
    formula = Sheet("F")
    formula.put(3, 2, Formula("=" + "1+" * (FORMULA_CHARACTERS // 2) + "1", 1.0), PLAIN)
    for sheet, said in (
        (long, r"sheet L: found 1,048,577 rows, more than a workbook holds; .*1,048,576"),
        (wide, r"sheet W: found 16,385 columns"),
        (formula, r"sheet F, cell B3: found a formula of 8,194 characters"),
    ):
        with pytest.raises(InputError, match=said):
            book_bytes(_book(sheet))
    with pytest.raises(InputError, match=r"look in 70,000 ways.*65,490"):
        check_styles(70_000, _book(long))


def test_figures_that_no_spreadsheet_has_are_empty_or_text() -> None:
    values = [math.nan, math.inf, -math.inf, 10**400, 1e308, date(1899, 5, 4), date(1900, 2, 28),
              date(1900, 3, 1), date(9999, 12, 31), True, -0.0]  # fmt: skip
    sheet = Sheet("S")
    for row, value in enumerate(values, start=1):
        sheet.put(
            row, 1, value, Style(number_format="yyyy-mm-dd" if isinstance(value, date) else "0")
        )
    sheet.put(20, 1, Formula("=1/0", math.nan), PLAIN)
    found = _read(_book(sheet))["S"]
    shown = [found.cell(row, 1).value for row in range(1, len(values) + 1)]
    assert shown[:3] == [None, None, None]
    assert shown[3] == str(10**400)
    assert shown[4] == 1e308
    assert shown[5:7] == ["1899-05-04", "1900-02-28"]
    assert [day.date() for day in shown[7:9]] == values[7:9]
    assert shown[9] is True
    assert found["A20"].value == "=1/0"


def test_a_cell_counts_characters_as_excel_does() -> None:
    text = "😀" * CELL_CHARACTERS
    kept = safe_text(text)
    assert len(kept.encode("utf-16-le")) // 2 <= CELL_CHARACTERS
    assert kept.endswith("…")
    assert safe_text("a" * CELL_CHARACTERS) == "a" * CELL_CHARACTERS


def test_one_rule_says_how_much_of_a_long_list_a_workbook_holds() -> None:
    assert [rows_shown(n) for n in (0, 7, MOST_ROWS, MOST_ROWS + 1, 10**6)] == [
        0, 7, MOST_ROWS, FIRST, FIRST
    ]  # fmt: skip
    assert (MOST_ROWS, FIRST) == (100_000, 1_000)


# --- CSV ----------------------------------------------------------------------------------------


def test_no_cell_nor_heading_of_a_csv_is_a_formula(texts: list[str]) -> None:
    fit = [text.encode(errors="replace").decode() for text in texts]
    frame = pd.DataFrame({"=1+1": fit, "＠b": pd.Categorical(fit), "amount": range(len(fit))})
    read = pd.read_csv(io.BytesIO(csv_bytes(frame)), keep_default_na=False, dtype=str)
    assert list(read.columns) == ["'=1+1", "'＠b", "amount"]
    for name in read.columns[:2]:
        for text, found in zip(fit, read[name], strict=True):
            assert not found.startswith(SIGNS[:11])
            assert found.removeprefix("'").replace("\r", "\n") in (
                text.replace("\r", "\n"), text.removeprefix("'").replace("\r", "\n")
            )  # fmt: skip
    signed = csv_bytes(pd.DataFrame({"a": ["-5", "+1e3", "-1+1"]})).decode()
    assert signed.splitlines() == ["a", "-5", "+1e3", "'-1+1"]
