"""One small tape in many encodings, with many signs between its cells, in files of many kinds."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scfcap.errors import InputError
from scfcap.schema.tape import FileOptions, TapeSpec
from scfcap.tape.files import Files, read_any
from scfcap.tape.read import read_tape
from scfcap.tape.schema import Tape

AS_OF = date(2013, 12, 31)
NAMES = (
    *("loan_id", "borrower_id", "segment", "loan_type", "origination_date", "maturity_date"),
    *("original_balance", "current_balance", "rate", "region"),
)
ROWS = [
    *(["001", "{0}", "order", "order", "2013-12-01", "2014-01-15", 1000.1, 1000.1, 0.18, "{1}"],),
    *(["002", "{2}", "credit", "bullet", "2013-06-30", "2014-06-30", 2000, 1100.55, 0.2, "{3}"],),
    *(["003", "x,;|\ty", "credit", "bullet", "2013-11-30", "2014-03-30", 300, 300, 0.15, "{1}"],),
    *(["004", 'a "b"\nc', "credit", "bullet", "2013-11-30", "2014-03-30", 40.5, 40, 0.15, "{3}"],),
]
#: Borrower, region, borrower, region.
WORDS = {
    "chinese": ("张伟商贸有限公司", "浙江省", "王芳服装店", "广东省"),
    "traditional": ("張偉商貿有限公司", "臺北市", "王芳服裝店", "高雄市"),
    "japanese": ("株式会社さくら", "東京都", "やまだ商店", "大阪府"),
    "korean": ("김철수 상사 주식회사", "서울특별시", "박영희 의류 판매점", "부산광역시"),
    "german": ("Müller & Söhne", "Thüringen", "Weiß GmbH", "Baden-Württemberg"),
    "polish": ("Żółw Spółka", "Łódź", "Gęś i Wąż", "Wrocław"),
    "russian": ("Общество Ромашка", "Москва", "Иванов Пётр Сергеевич", "Санкт-Петербург"),
    "plain": ("Smith Ltd", "North", "Jones plc", "South"),
}
SPEC = TapeSpec(source="file")
at = datetime.fromisoformat


def rows(language: str) -> list[list[Any]]:
    return [
        [cell.format(*WORDS[language]) if isinstance(cell, str) else cell for cell in row]
        for row in ROWS
    ]


def text(language: str, delimiter: str = ",", ends: str = "\n") -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=ends)
    writer.writerows([NAMES, *rows(language)])
    return out.getvalue()


def tape(path: Path, spec: TapeSpec = SPEC) -> Tape:
    return read_tape(spec, as_of=AS_OF, folder=path.parent, path=path)


def expected(language: str) -> pd.DataFrame:
    """The frame of the tape, made without reading a file."""
    frame = pd.DataFrame(rows(language), columns=list(NAMES))
    for name in ("origination_date", "maturity_date"):
        frame[name] = pd.to_datetime(frame[name])
    return frame


def assert_read(found: Tape, language: str) -> None:
    frame = found.frame[list(NAMES)]
    wanted = expected(language)
    for name in NAMES:
        assert frame[name].tolist() == wanted[name].tolist(), name
    assert found.totals["rows"].tolist()[0] == len(ROWS)


ENCODINGS = [
    *(("chinese", name) for name in ("utf-8", "utf-8-sig", "gb18030", "gbk", "gb2312")),
    *(("chinese", name) for name in ("utf-16", "utf-16-le", "utf-16-be", "utf-32")),
    *(("traditional", name) for name in ("big5", "big5hkscs", "gb18030", "utf-8")),
    *(("japanese", name) for name in ("shift_jis", "cp932", "euc_jp", "utf-8")),
    *(("korean", name) for name in ("euc_kr", "cp949")),
    *(("german", name) for name in ("latin-1", "cp1252", "utf-8", "utf-16")),
    *(("polish", name) for name in ("cp1250", "utf-8")),
    *(("russian", name) for name in ("cp1251", "utf-8-sig")),
    ("plain", "ascii"),
]


@pytest.mark.parametrize(("language", "encoding"), ENCODINGS)
def test_an_encoding_is_told(tmp_path: Path, language: str, encoding: str) -> None:
    path = tmp_path / "tape.csv"
    path.write_bytes(text(language).encode(encoding))
    assert_read(tape(path), language)


@pytest.mark.parametrize(("language", "encoding"), ENCODINGS)
def test_an_encoding_that_is_stated_is_taken(tmp_path: Path, language: str, encoding: str) -> None:
    path = tmp_path / "tape.csv"
    path.write_bytes(text(language).encode(encoding))
    assert_read(tape(path, SPEC.model_copy(update={"encoding": encoding})), language)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_delimiter_is_told(
    tmp_path: Path, delimiter: str, ends: str, encoding: str, packed: bool
) -> None:
    path = tmp_path / ("tape.csv.gz" if packed else "tape.txt")
    content = text("chinese", delimiter, ends).encode(encoding)
    path.write_bytes(gzip.compress(content) if packed else content)
    assert_read(tape(path), "chinese")
    with Files([path], SPEC) as files:
        _, info = files.read(["loan_id"])
    assert (info.delimiter, info.encoding) == (delimiter, encoding)


def test_a_delimiter_that_is_stated_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "tape.csv"
    path.write_text(text("plain", "^"), encoding="utf-8")
    assert_read(tape(path, SPEC.model_copy(update={"delimiter": "^"})), "plain")


def test_a_line_that_says_how_cells_are_parted(tmp_path: Path) -> None:
    path = tmp_path / "tape.csv"
    path.write_text("\ufeffsep=;\r\n" + text("plain", ";", "\r\n"), encoding="utf-8", newline="")
    assert_read(tape(path), "plain")
    path.write_text("sep=;\na;b\n1;2\n3\n", encoding="utf-8")
    with pytest.raises(InputError, match="row 2: found 1 fields"):
        read_any(path)


def test_a_packed_file_needs_no_telling_name(tmp_path: Path) -> None:
    path = tmp_path / "tape.csv"
    path.write_bytes(gzip.compress(text("plain").encode()))
    assert_read(tape(path), "plain")


def test_names_below_other_lines(tmp_path: Path) -> None:
    path = tmp_path / "tape.csv"
    path.write_text('Report "of" 2013, draft\n\n' + text("plain"), encoding="utf-8")
    assert_read(tape(path, SPEC.model_copy(update={"header_row": 3})), "plain")


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8"])
def test_letters_that_come_late(tmp_path: Path, encoding: str) -> None:
    """The start of the file, by which the encoding is told first, is plain ASCII."""
    path = tmp_path / "tape.csv"
    path.write_bytes(b"id,name\n" + b"1,plain\n" * 50_000 + "2,张伟商贸\n".encode(encoding))
    table, info = read_any(path)
    assert table.column("name")[-1].as_py() == "张伟商贸"
    assert (table.num_rows, info.encoding) == (50_001, encoding)


def test_signs_that_part_the_rows_alike_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "tape.csv"
    path.write_text("a;x,b;y\n1;5,2;5\n", encoding="utf-8")
    with pytest.raises(InputError, match="part alike"):
        read_any(path)
    table, _ = read_any(path, options=FileOptions(delimiter=";"))
    assert table.column_names == ["a", "x,b", "y"]


def test_commas_for_decimals_do_not_part_cells(tmp_path: Path) -> None:
    path = tmp_path / "tape.csv"
    path.write_text("a;b;c\n1,5;2,5;3\n2,5;1,0;3\n", encoding="utf-8")
    table, info = read_any(path)
    assert info.delimiter == ";"
    assert table.column("a").to_pylist() == ["1,5", "2,5"]


def workbook(path: Path, *sheets: tuple[str, list[list[Any]]], formats: dict[str, str]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, cells in sheets:
        sheet = book.create_sheet(title)
        for row in cells:
            sheet.append(row)
        for name, form in formats.items():
            if cells and name in cells[0]:
                for cell in sheet.iter_rows(min_row=2, min_col=cells[0].index(name) + 1):
                    cell[0].number_format = form
    book.save(path)
    return path


def typed_rows(language: str) -> list[list[Any]]:
    found = rows(language)
    for row in found:
        row[4:6] = [datetime.fromisoformat(cell) for cell in row[4:6]]
    return found


def written(kind: str, folder: Path, language: str) -> Path:
    """The tape in a file of a kind."""
    if kind == "xlsx":
        cells = [list(NAMES), *typed_rows(language)]
        return workbook(folder / "tape.xlsx", ("Loans", cells), formats={"rate": "0.00%"})
    frame = expected(language)
    if kind == "parquet":
        frame.to_parquet(folder / "tape.parquet")
        return folder / "tape.parquet"
    name, encoding, packed = {
        "csv": ("tape.csv", "utf-8", False),
        "tsv in gbk": ("tape.tsv", "gbk", False),
        "utf-16, packed": ("tape.csv.gz", "utf-16", True),
    }[kind]
    content = text(language, "\t" if name.endswith("tsv") else ",").encode(encoding)
    (folder / name).write_bytes(gzip.compress(content) if packed else content)
    return folder / name


KINDS = ("csv", "tsv in gbk", "utf-16, packed", "parquet", "xlsx")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_gives_the_same_tape(tmp_path: Path, kind: str) -> None:
    assert_read(tape(written(kind, tmp_path, "chinese")), "chinese")


class TestWorkbook:
    def book(self, folder: Path, cells: list[list[Any]], **formats: str) -> Path:
        return workbook(folder / "tape.xlsx", ("Loans", cells), formats=formats)

    def test_cells_keep_their_types(self, tmp_path: Path) -> None:
        cells = [
            ["id", "day", "moment", "amount", "count", "mixed", "yes", "empty", None, "share"],
            [7, date(2013, 1, 2), at("2013-01-02 03:04"), 1.5, 2, 3, True, None, None, 0.125],
            [8, date(2013, 1, 3), at("2013-01-03"), 2, 3, "n/a", False, None, None, 0.5],
        ]
        table, info = read_any(self.book(tmp_path, cells, id="00000", share="0.0%"))
        assert info.percent == ("share",)
        assert table.to_pydict() == {
            "id": ["00007", "00008"],
            "day": [at("2013-01-02"), at("2013-01-03")],
            "moment": [at("2013-01-02 03:04"), at("2013-01-03")],
            "amount": [1.5, 2.0],
            "count": [2, 3],
            "mixed": ["3", "n/a"],
            "yes": ["TRUE", "FALSE"],
            "empty": [None, None],
            "share": [0.125, 0.5],
        }
        assert table.schema.field("count").type == pa.int64()

    def test_empty_rows_are_left_out(self, tmp_path: Path) -> None:
        table, _ = read_any(self.book(tmp_path, [["a", "b"], [1, 2], [None, None], [3, None]]))
        assert table.to_pydict() == {"a": [1, 3], "b": [2, None]}

    def test_the_sheet_is_stated_or_the_only_one_with_cells(self, tmp_path: Path) -> None:
        path = tmp_path / "tape.xlsx"
        workbook(path, ("One", [["a"], [1]]), ("Empty", []), formats={})
        assert read_any(path)[1].sheet == "One"
        workbook(path, ("One", [["a"], [1]]), ("Two", [["a"], [2]]), formats={})
        with pytest.raises(InputError, match=r"2 sheets with cells \(there are: One, Two\)"):
            read_any(path)
        table, info = read_any(path, options=FileOptions(sheet="Two"))
        assert (table.to_pydict(), info.sheet) == ({"a": [2]}, "Two")
        with pytest.raises(InputError, match="no sheet Three"):
            read_any(path, options=FileOptions(sheet="Three"))

    def test_names_below_other_rows(self, tmp_path: Path) -> None:
        path = self.book(tmp_path, [["Loans of 2013"], [], ["a", 2013], [1, 2]])
        table, _ = read_any(path, options=FileOptions(header_row=3))
        assert table.to_pydict() == {"a": [1], "2013": [2]}
        with pytest.raises(InputError, match=r"nothing in row 2 .* tape.header_row"):
            read_any(path, options=FileOptions(header_row=2))

    def test_percent_cells_are_not_divided_once_more(self, tmp_path: Path) -> None:
        path = written("xlsx", tmp_path, "plain")
        with pytest.raises(InputError, match="rate, whose cells are shown in percent"):
            tape(path, SPEC.model_copy(update={"percent": ("rate",)}))

    def test_a_formula_needs_a_saved_result(self, tmp_path: Path) -> None:
        path = self.book(tmp_path, [["a", "b"], [1, "=A2*2"], [2, "=A3*2"]])
        with pytest.raises(InputError, match=r"column b: found a formula .* in B2, B3"):
            read_any(path)
        with Files([path], FileOptions()) as files:
            assert files.read(["a"])[0].to_pydict() == {"a": [1, 2]}

    def test_numbers_among_texts_take_the_stated_decimal_sign(self, tmp_path: Path) -> None:
        path = self.book(tmp_path, [["a"], [1.234], ["1.000,5"]])
        spec = SPEC.model_copy(update={"decimal": ",", "thousands": "."})
        assert read_any(path, options=spec)[0].to_pydict() == {"a": ["1,234", "1.000,5"]}


class TestSeveralFiles:
    def two(self, folder: Path, write: Callable[[Path, pd.DataFrame], None], end: str) -> None:
        frame = expected("plain")
        write(folder / f"2013-01{end}", frame.iloc[:1])
        write(folder / f"2013-02{end}", frame.iloc[1:, ::-1])

    @pytest.mark.parametrize("by", ["folder", "pattern", "list", "--tape"])
    def test_files_make_one_tape(self, tmp_path: Path, by: str) -> None:
        (tmp_path / "tapes").mkdir()
        self.two(tmp_path / "tapes", lambda path, frame: frame.to_csv(path, index=False), ".csv")
        update: dict[str, dict[str, Any]] = {
            "folder": {"path": "tapes"},
            "pattern": {"path": "tapes/2013-*.csv"},
            "list": {"paths": ("tapes/2013-01.csv", "tapes/2013-02.csv")},
            "--tape": {},
        }
        found = read_tape(
            SPEC.model_copy(update=update[by]),
            as_of=AS_OF,
            folder=tmp_path,
            path=tmp_path / "tapes" if by == "--tape" else None,
        )
        assert_read(found, "plain")
        assert found.source == "2013-01.csv and 1 more file"

    def test_findings_name_the_file_and_its_row(self, tmp_path: Path) -> None:
        def write(path: Path, frame: pd.DataFrame) -> None:
            frame.assign(rate=["x", *frame["rate"][1:]]).to_csv(path, index=False)

        self.two(tmp_path, write, ".csv")
        spec = SPEC.model_copy(update={"reject_limit": 0.5})
        found = tape(tmp_path, spec)
        said = found.findings[["file", "row", "column"]].to_dict("split")["data"]
        assert said == [["2013-01.csv", 1, "rate"], ["2013-02.csv", 1, "rate"]]
        with pytest.raises(InputError, match=r"2013-02\.csv row 1, loan \w+, rate"):
            tape(tmp_path)

    def test_kinds_may_differ(self, tmp_path: Path) -> None:
        frame = expected("plain")
        frame.iloc[:2].to_csv(tmp_path / "a.csv", index=False)
        frame.iloc[2:].to_parquet(tmp_path / "b.parquet")
        assert_read(tape(tmp_path), "plain")

    def test_other_columns_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_text("x,y\n1,2\n")
        (tmp_path / "b.csv").write_text("x,z\n1,2\n")
        with pytest.raises(InputError, match=r"b\.csv: found no column y and further columns z"):
            read_any(tmp_path)

    def test_the_digest_follows_every_file(self, tmp_path: Path) -> None:
        self.two(tmp_path, lambda path, frame: frame.to_csv(path, index=False), ".csv")
        before = tape(tmp_path).digest
        assert tape(tmp_path).digest == before
        (tmp_path / "2013-02.csv").rename(tmp_path / "2013-03.csv")
        assert tape(tmp_path).digest != before

    def test_a_folder_without_tapes(self, tmp_path: Path) -> None:
        (tmp_path / "notes.md").write_text("x")
        (tmp_path / ".hidden.csv").write_text("a\n1\n")
        with pytest.raises(InputError, match="found no tape"):
            read_any(tmp_path)

    @pytest.mark.parametrize("name", ["../*.csv", "/*.csv", "x/../../*.csv"])
    def test_a_pattern_that_leaves_the_folder(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "a.csv").write_text("a\n1\n")
        (tmp_path / "model" / "x").mkdir(parents=True)
        spec = SPEC.model_copy(update={"path": name})
        with pytest.raises(InputError, match=r"leaves its folder|no such file"):
            read_tape(spec, as_of=AS_OF, folder=tmp_path / "model")


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    cells=st.lists(
        st.lists(
            st.text(
                st.sampled_from("ab 1,;|\t\"'\n=+-@éß订单信用逾期杭州"), min_size=1, max_size=8
            ).filter(lambda cell: cell.strip("\n") == cell),
            min_size=3,
            max_size=3,
        ),
        min_size=1,
        max_size=6,
    ),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-16", "gb18030", "utf-8-sig"]),
    kind=st.sampled_from(["csv", "gz", "parquet", "xlsx"]),
)
def test_cells_come_back_as_they_were(
    tmp_path: Path, cells: list[list[str]], delimiter: str, encoding: str, kind: str
) -> None:
    names = ["编号", "b", "c"]
    path = tmp_path / {"csv": "t.csv", "gz": "t.csv.gz"}.get(kind, f"t.{kind}")
    if kind == "xlsx":
        # A leading = would make a formula of a text.
        cells = [[cell.lstrip("=") or "x" for cell in row] for row in cells]
        workbook(path, ("s", [names, *cells]), formats={})
    elif kind == "parquet":
        table = pa.table(dict(zip(names, map(list, zip(*cells, strict=True)), strict=True)))
        pq.write_table(table, path)
    else:
        out = io.StringIO()
        writer = csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerows([names, *cells])
        content = out.getvalue().encode(encoding)
        path.write_bytes(gzip.compress(content) if kind == "gz" else content)
    options = FileOptions(delimiter=delimiter, encoding=encoding)
    read, _ = read_any(path, options=options)
    assert read.column_names == names
    assert [list(row.values()) for row in read.to_pylist()] == cells
