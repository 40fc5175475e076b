"""Files that are broken, or made to do harm: one clear error each, and little memory."""

from __future__ import annotations

import gzip
import io
import re
import subprocess
import sys
import textwrap
import tracemalloc
import zipfile
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pytest

from scfcap.errors import InputError
from scfcap.schema.tape import FileOptions, TapeSpec
from scfcap.tape import limits, sheets
from scfcap.tape.checks import RejectedRows
from scfcap.tape.files import Files, read_any
from scfcap.tape.read import read_tape

MIB = 2**20
HEADER = (
    "loan_id,borrower_id,segment,loan_type,origination_date,maturity_date,original_balance,"
    "current_balance,rate"
)
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def refused(path: Path, content: bytes | None = None, **options: Any) -> str:
    """What is said of a file, which must be refused with little memory."""
    if content is not None:
        path.write_bytes(content)
        del content
    tracemalloc.start()
    held = pa.total_allocated_bytes()
    with pytest.raises(InputError) as error:
        read_any(path, options=FileOptions(**options))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * MIB
    assert pa.total_allocated_bytes() - held < 64 * MIB
    return str(error.value)


class TestText:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "tape.csv"

    @pytest.mark.parametrize("content", [b"", b"\n", b" ", b"\xef\xbb\xbf", b"\xff\xfe", b"\0\0"])
    def test_nothing(self, path: Path, content: bytes) -> None:
        assert "tape.csv: found an empty file" in refused(path, content)

    @pytest.mark.parametrize(
        "content",
        [
            b"x" * (6 * MIB),
            b"a,b\n1,2\n" + b"x" * (12 * MIB) + b",3\n",
            b"a,b\n1,2\n" + "中".encode("gbk") * (6 * MIB),
            "a,b\n1,2\n".encode("utf-16") + "中".encode("utf-16-le") * (6 * MIB),
            b'a,b\n1,"2\n' + b"3,4\n" * (2 * MIB),
        ],
        ids=["no line at all", "one line", "in gbk", "in utf-16", "an open quote"],
    )
    def test_a_line_without_end(self, path: Path, content: bytes) -> None:
        assert "a line of more than 4 MiB" in refused(path, content)

    def test_a_line_of_two_gigabytes(self, path: Path) -> None:
        with path.open("wb") as file:
            file.write(b"a,b\n1,2\nx")
            file.truncate(2**31 + 100)
        assert "a line of more than 4 MiB" in refused(path)

    def test_a_packed_line_of_many_megabytes(self, tmp_path: Path) -> None:
        with gzip.open(tmp_path / "tape.csv.gz", "wb", compresslevel=1) as file:
            file.write(b"a,b\n1,2\n")
            for _ in range(8):
                file.write(b"x" * (16 * MIB))
        assert "a line of more than 4 MiB" in refused(tmp_path / "tape.csv.gz")

    def test_a_few_packed_bytes_that_stand_for_many(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "tape.csv.gz"
        path.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * (8 * MIB)))
        monkeypatch.setattr(limits, "MAX_BYTES", 16 * MIB)
        assert path.stat().st_size < MIB
        assert "Split the tape" in refused(path)

    @pytest.mark.parametrize(
        ("rows", "said"),
        [
            (
                ["中国,utf-8", "中国,gbk"],
                "row 2: found another encoding than above: row 1 is UTF-8",
            ),
            (["杭州市,gbk", "x,ascii", "杭州市,utf-8"], "row 3: found another encoding"),
            (["Müller,latin-1", "Weiß,utf-8"], "row 2: found another encoding"),
            (["Müller,utf-8", "Weiß,cp1252"], r"row 2 is not \(cp1252 by its look\)"),
            (["杭州市西湖区,gbk"] * 30 + ["é,latin-1"], "row 31: found bytes that are not gb18030"),
            (['"a\nb",ascii', "中国,utf-8", "中国,gbk"], "row 3: found another encoding"),
        ],
    )
    @pytest.mark.parametrize("before", [0, 40_000])
    def test_mixed_encodings(self, path: Path, rows: list[str], said: str, before: int) -> None:
        lines = [b"id,name\n", *[b"0,plain\n"] * before]
        for row in rows:
            cell, encoding = row.rsplit(",", 1)
            lines.append(b"1," + cell.encode(encoding) + b"\n")
        if before:
            said = re.sub(r"row (\d+)", lambda m: f"row {int(m[1]) + before}", said)
        assert re.search(said, refused(path, b"".join(lines)))

    def test_mixed_encodings_where_the_header_is_one_of_them(self, path: Path) -> None:
        header, row = "编号,姓名\n", "1,杭州市\n"
        said = refused(path, header.encode("gbk") + row.encode())
        assert "row 1: found another encoding than above: row 1 is UTF-8, the header is not" in said
        said = refused(path, header.encode() + row.encode("gbk"))
        assert "row 1: found another encoding than above: the header is UTF-8, row 1 is not" in said

    @pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16", "ascii"])
    def test_bytes_against_the_statement(self, path: Path, encoding: str) -> None:
        content = b"id,name\n" + b"1,x\n" * 3 + b"2,\xff\xff\xff\n"
        if encoding == "utf-16":
            content = "id,name\n1,x\n1,x\n1,x\n2,".encode(encoding) + b"\x00\xdc\n\x00"
        said = refused(path, content, encoding=encoding)
        assert "tape.csv row 4: found bytes that are not" in said
        assert "as stated" in said

    def test_many_odd_rows_take_no_memory(self, path: Path) -> None:
        said = refused(path, b"a,b\n" + b"1\n" * 2_000_000)
        assert "row 1: found 1 fields (1); expected 2 fields" in said
        assert "9,980 more such rows at least" in said

    @pytest.mark.parametrize("delimiter", [";", "\t", "|"])
    def test_odd_rows_name_their_sign(self, path: Path, delimiter: str) -> None:
        content = "a,b,c\n1,2,3\n1,2,3\n\n1,2\n".replace(",", delimiter)
        assert "row 3: found 2 fields" in refused(path, b"title\n" + content.encode(), header_row=2)

    def test_odd_rows_in_an_encoding_that_is_none(
        self, path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        assert "row 1: found 3 fields" in refused(path, b"loan_id\n\x9e\xff,\x80,1\nL1\n")
        assert capfd.readouterr().err == ""

    def test_a_late_odd_row_that_is_no_utf8(
        self, path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        content = b"a,b\n" + b"1,2\n" * 100_000 + "张伟,x,1\n".encode("gbk")
        assert "row 100001: found 3 fields (张伟,x,1)" in refused(path, content)
        assert capfd.readouterr().err == ""

    def test_a_header_row_that_is_not_there(self, path: Path) -> None:
        assert "Correct tape.header_row" in refused(path, b"a,b\n1,2\n", header_row=9)

    def test_random_bytes(self, path: Path) -> None:
        import random

        for seed in range(40):
            content = random.Random(seed).randbytes(2_000)
            path.write_bytes(content)
            with suppress(InputError):
                read_any(path)

    def test_formulas_and_markup_are_texts(self, path: Path) -> None:
        names = ["=1+1", "=cmd|' /C calc'!A0", "@SUM(A1)", "-2+3", "<script>", "&lol;"]
        rows = "".join(
            f"L{k},{name},a,order,2013-12-01,2014-01-01,1,1,0.1\n" for k, name in enumerate(names)
        )
        path.write_text(f"{HEADER}\n{rows}", encoding="utf-8")
        spec = TapeSpec(source="file")
        tape = read_tape(spec, as_of=date(2013, 12, 31), folder=path.parent, path=path)
        assert tape.frame["borrower_id"].tolist() == names


def repeated(path: Path, count: int) -> None:
    """A tape on which one loan stands ``count`` times."""
    row = b"L1,B1,a,order,2013-12-01,2014-01-01,1,1,0.1\n"
    with path.open("wb") as file:
        file.write(HEADER.encode() + b"\n")
        for first in range(0, count, 100_000):
            file.write(row * min(100_000, count - first))


def test_repeated_ids_are_counted(tmp_path: Path) -> None:
    repeated(tmp_path / "tape.csv", 5_000)
    spec = TapeSpec(source="file", path="tape.csv")
    with pytest.raises(RejectedRows) as error:
        read_tape(spec, as_of=date(2013, 12, 31), folder=tmp_path)
    assert "row 2, loan_id: found 'L1'" in str(error.value)
    assert "4,999 faulty rows" in str(error.value)


@pytest.mark.slow
def test_ten_million_repeated_ids_in_bounded_memory(tmp_path: Path) -> None:
    """In a process of its own, whose address space is bounded while it reads."""
    repeated(tmp_path / "tape.csv", 10_000_000)
    script = f"""
        import resource, time
        from datetime import date
        from pathlib import Path
        from scfcap.schema.tape import TapeSpec
        from scfcap.tape.checks import RejectedRows
        from scfcap.tape.read import read_tape
        start = time.process_time()
        try:
            spec = TapeSpec(source="file", path="tape.csv")
            read_tape(spec, as_of=date(2013, 12, 31), folder=Path({str(tmp_path)!r}))
        except RejectedRows as error:
            print(len(error.findings) < 3_000_000, "9,999,999 faulty rows" in str(error))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
        print(time.process_time() - start)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], check=True, capture_output=True, text=True
    )
    capped, gigabytes, seconds = done.stdout.splitlines()
    assert capped == "True True"
    assert float(gigabytes) < 6.0
    assert float(seconds) < 120.0


def parts_of(cells: list[list[Any]]) -> dict[str, bytes]:
    """The parts of a plain workbook, its texts in a part of their own as Excel saves them."""
    book = openpyxl.Workbook()
    for row in cells:
        book.active.append(row)
    raw = io.BytesIO()
    book.save(raw)
    with zipfile.ZipFile(raw) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    texts: list[bytes] = []

    def shared(cell: re.Match[bytes]) -> bytes:
        texts.append(cell[1])
        return b't="s"><v>%d</v>' % (len(texts) - 1)

    sheet = parts["xl/worksheets/sheet1.xml"]
    parts["xl/worksheets/sheet1.xml"] = re.sub(rb't="inlineStr"><is>(.*?)</is>', shared, sheet)
    items = b"".join(b"<si>" + text + b"</si>" for text in texts)
    parts["xl/sharedStrings.xml"] = f'<sst xmlns="{MAIN}">'.encode() + items + b"</sst>"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    entry = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}" /></Types>'
    types = "[Content_Types].xml"
    parts[types] = parts[types].replace(b"</Types>", entry.encode())
    return parts


class TestWorkbook:
    SHEET = "xl/worksheets/sheet1.xml"
    TEXTS = "xl/sharedStrings.xml"

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "tape.xlsx"

    @pytest.fixture
    def parts(self) -> dict[str, bytes]:
        return parts_of([["a", "b"], [1, "x"]])

    def packed(self, path: Path, parts: dict[str, bytes]) -> Path:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name, content in parts.items():
                archive.writestr(name, content)
        return path

    def sheet(self, rows: str, before: str = "", after: str = "") -> bytes:
        return (
            f'<?xml version="1.0"?>{before}<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData>'
            f"{after}</worksheet>"
        ).encode()

    def test_a_part_that_unpacks_to_very_much(self, path: Path, parts: dict[str, bytes]) -> None:
        parts[self.SHEET] = self.sheet("<row/>" + " " * (64 * MIB))
        said = refused(self.packed(path, parts))
        assert path.stat().st_size < MIB
        assert re.search(r"sheet1\.xml packed [\d,]+ to 1", said)

    def test_more_than_may_be_unpacked(
        self, path: Path, parts: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sheets, "MAX_UNPACKED", 5_000)
        assert "bytes unpacked" in refused(self.packed(path, parts))

    def test_a_size_that_is_a_lie(self, path: Path, parts: dict[str, bytes]) -> None:
        """The archive says 100 bytes, and holds 64 MiB."""
        big = self.sheet("<row/>" + " " * (64 * MIB))
        parts[self.SHEET] = big
        content = self.packed(path, parts).read_bytes()
        path.write_bytes(content.replace(len(big).to_bytes(4, "little"), b"\x64\0\0\0"))
        assert "tape.xlsx: found" in refused(path)

    def test_very_many_parts(self, path: Path, parts: dict[str, bytes]) -> None:
        parts |= {f"x/{k}": b"" for k in range(sheets.MAX_PARTS)}
        assert f"{len(parts):,} parts" in refused(self.packed(path, parts))

    @pytest.mark.parametrize("part", [SHEET, TEXTS, "xl/workbook.xml", "[Content_Types].xml"])
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
    def test_entities(self, path: Path, parts: dict[str, bytes], part: str, encoding: str) -> None:
        laughs = "".join(
            f'<!ENTITY l{k} "{f"&l{k - 1};" * 10}">' if k else '<!ENTITY l0 "ha">'
            for k in range(10)
        )
        outer = '<!ENTITY x SYSTEM "file:///etc/passwd">'
        body = parts[part].decode().split("?>")[-1]
        text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE x [{laughs}{outer}]>{body}'
        parts[part] = text.encode(encoding)
        said = refused(self.packed(path, parts))
        assert f"a document type, which may define entities (in {part})" in said

    def test_rows_of_very_many_cells(
        self, path: Path, parts: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sheets, "MAX_RATIO", 10_000)
        monkeypatch.setattr(sheets, "MAX_COLUMNS", 1_000)
        parts[self.SHEET] = self.sheet("<row>" + "<c/>" * 20_000 + "</row>")
        assert "a row of more than 1,000 cells" in refused(self.packed(path, parts))

    def test_very_many_cells(
        self, path: Path, parts: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sheets, "MAX_CELLS", 1_000)
        parts[self.SHEET] = self.sheet("<row><c/><c/></row>" * 501)
        assert "more than 1,000 cells" in refused(self.packed(path, parts))

    @pytest.mark.parametrize(
        ("rows", "said"),
        [
            ('<row r="1048576000"><c><v>1</v></c></row>', "more than 5,000,000 rows"),
            ('<row><c r="ZZZZZZZ1"><v>1</v></c></row>', "a cell ZZZZZZZ1, beyond column XFD"),
            ("<a/>" * 20_000, "more than 10,000 elements beside its rows"),
            ("<row><c t='inlineStr'><is><t>" + "x" * (12 * MIB) + "</t></is></c></row>", "one row"),
            ('<row x="' + "x" * (12 * MIB) + '"/>', "one row, text or tag"),
            ("<row><c></row>", "mismatched tag"),
        ],
        ids=["far row", "far column", "elements", "text", "attribute", "broken"],
    )
    def test_sheets_that_are_none(
        self,
        path: Path,
        parts: dict[str, bytes],
        rows: str,
        said: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(sheets, "MAX_RATIO", 10_000)
        monkeypatch.setattr(sheets, "MAX_OTHERS", 10_000)
        parts[self.SHEET] = self.sheet(rows)
        assert said in refused(self.packed(path, parts))

    def test_a_dimension_that_is_a_lie(self, path: Path, parts: dict[str, bytes]) -> None:
        for lie in ("A1:XFD1048576", "A1:A1"):
            content = parts[self.SHEET].replace(b'ref="A1:B2"', f'ref="{lie}"'.encode())
            self.packed(path, parts | {self.SHEET: content})
            assert read_any(path)[0].to_pydict() == {"a": [1], "b": ["x"]}

    @pytest.mark.parametrize("content", [b"", b"PK\3\4", b"\xd0\xcf\x11\xe0" * 100, b"a,b\n1,2\n"])
    def test_files_that_are_no_workbook(self, path: Path, content: bytes) -> None:
        assert "expected an XLSX file" in refused(path, content)

    def test_a_workbook_cut_off(self, path: Path, parts: dict[str, bytes]) -> None:
        content = self.packed(path, parts).read_bytes()
        assert "expected an XLSX file" in refused(path, content[: len(content) // 2])

    @pytest.mark.parametrize("part", [TEXTS, "xl/workbook.xml", "[Content_Types].xml", SHEET])
    def test_a_part_that_is_missing(self, path: Path, parts: dict[str, bytes], part: str) -> None:
        del parts[part]
        assert "tape.xlsx: found" in refused(self.packed(path, parts))

    def test_texts_that_look_like_formulas_stay_texts(self, path: Path) -> None:
        book = openpyxl.Workbook()
        book.active.append(["name", "sum"])
        book.active.append(["x", 3])
        for row, text in enumerate(["=1+1", "=cmd|' /C calc'!A0"], start=3):
            book.active.cell(row, 1, text).data_type = "s"
            book.active.cell(row, 2, 4)
        book.save(path)
        with Files([path], FileOptions()) as files:
            table, _ = files.read(["name"])
        assert table.column("name").to_pylist() == ["x", "=1+1", "=cmd|' /C calc'!A0"]
