"""Typed cells of a workbook (XLSX), read by openpyxl once nothing in it can do harm.

A workbook is a ZIP archive of XML. Before openpyxl sees it, its sizes are bounded as declared and
as unpacked, a document type (and with it any entity) is refused, and elements are counted, as
openpyxl keeps most of them. Formulas are not worked out: their results are read, as saved.
"""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final, NoReturn
from xml.parsers import expat

import openpyxl
import pyarrow as pa
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from scfcap.errors import InputError, Problem
from scfcap.schema.tape import FileOptions
from scfcap.tape import limits

#: Most parts of a workbook, and most bytes of all of them unpacked.
MAX_PARTS: Final = 2_000
MAX_UNPACKED: Final = 2**30
#: Most that a part of more than a few MiB may grow on unpacking.
MAX_RATIO: Final = 200
_SMALL: Final = 4 * 2**20
#: Most cells of a sheet; columns by the format.
MAX_CELLS: Final = 20_000_000
MAX_COLUMNS: Final = 16_384
#: Most elements beside rows and texts, and most rows or texts.
MAX_OTHERS: Final = 500_000
MAX_ITEMS: Final = 5_000_000
_BLOCK = 2**20
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main "
_ITEMS: Final = {_MAIN + "row": 3, _MAIN + "si": 2}
_LISTED: Final = 20
_MIDNIGHT: Final = time()
#: Characters of the last cell, XFD1048576.
_LONGEST_NAME: Final = 10
#: A number format that shows leading zeros, as keys have.
_LEADING_ZEROS = re.compile(r"0{2,30}")
#: What openpyxl, zipfile and expat raise of files that are not what they say.
_FAULTS: Final = (
    *(ArithmeticError, AttributeError, EOFError, LookupError, NotImplementedError, OSError),
    *(RuntimeError, SyntaxError, TypeError, ValueError, zlib.error, zipfile.BadZipFile),
    *(expat.ExpatError, InvalidFileException),
)


@dataclass
class _Audit:
    """Counts of one part, and what is refused in it; fed block by block.

    ``empty``: formulas without a saved result: count by column letter, and the first cells.
    """

    source: str
    part: str
    depth: int = 0
    items: int = 0
    others: int = 0
    cells: int = 0
    row: int = 0
    column: int = 0
    empty: dict[str, list[str]] = field(default_factory=dict)
    _start: int | None = None
    _inside: int = 0
    _cell: str = ""
    _text: bool = False
    _formula: bool = False
    _result: bool = False

    def __post_init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._open
        self.parser.EndElementHandler = self._close
        self.fed = 0

    def feed(self, block: bytes) -> None:
        """The next bytes of the part, none at its end."""
        self.parser.Parse(block, not block)
        self.fed += len(block)
        start = self.parser.CurrentByteIndex if self._start is None else self._start
        if block and self.fed - start > 2 * limits.MAX_LINE:
            self._refuse("one row, text or tag of many megabytes")

    def _refuse(self, found: str) -> NoReturn:
        raise InputError(
            Problem(
                self.source,
                f"{found} (in {self.part})",
                "a plain workbook",
                "Export the sheet as CSV.",
            )
        )

    def _doctype(self, *_: object) -> None:
        self._refuse("a document type, which may define entities")

    def _open(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self._start is None:
            if _ITEMS.get(name) == self.depth:
                self._start, self._inside, self.column = self.parser.CurrentByteIndex, 0, 0
                self.items += 1
                self.row = int(attributes.get("r", self.row + 1))
                if self.items > MAX_ITEMS or self.row > MAX_ITEMS:
                    self._refuse(f"more than {MAX_ITEMS:,} rows or texts")
            else:
                self.others += 1
                if self.others > MAX_OTHERS:
                    self._refuse(f"more than {MAX_OTHERS:,} elements beside its rows")
            return
        self._inside += 1
        if self.depth == 4:
            self._new_cell(attributes)
        elif self.depth == 5:
            self._formula = self._formula or name == _MAIN + "f"
            if self._formula and name == _MAIN + "v":
                # A formula that gives an empty text saves that text.
                self._result = self._text
                self.parser.CharacterDataHandler = self._saved
        if self._inside > 16 * MAX_COLUMNS:
            self._refuse(f"a row of more than {MAX_COLUMNS:,} cells")

    def _new_cell(self, attributes: dict[str, str]) -> None:
        self.cells += 1
        self.column += 1
        if self.cells > MAX_CELLS:
            self._refuse(f"more than {MAX_CELLS:,} cells")
        self._cell = cell = attributes.get("r", "")
        if len(cell) > _LONGEST_NAME or cell[3:4].isalpha():
            self._refuse(f"a cell {cell[:20]}, beyond column XFD")
        self._text = attributes.get("t") == "str"
        self._formula = self._result = False

    def _saved(self, text: str) -> None:
        self._result = self._result or bool(text.strip())

    def _close(self, name: str) -> None:
        if self._start is not None:
            if self.depth == 5 and self._formula:
                self.parser.CharacterDataHandler = None
            elif self.depth == 4 and self._formula and not self._result:
                cell = self._cell or f"{get_column_letter(self.column)}{self.row}"
                found = self.empty.setdefault(cell.rstrip("0123456789"), [])
                if len(found) < _LISTED:
                    found.append(cell)
            elif _ITEMS.get(name) == self.depth:
                self._start = None
        self.depth -= 1


def audit(archive: zipfile.ZipFile, source: str) -> dict[str, _Audit]:
    """Every part that could be XML, gone through; raises :class:`InputError` on what may harm."""
    parts = archive.infolist()
    _check_declared(parts, source)
    audits: dict[str, _Audit] = {}
    unpacked = 0
    for part in parts:
        with archive.open(part) as stream:
            block = stream.read(_BLOCK)
            if not block.lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n").startswith(b"<"):
                continue
            found = audits[part.filename] = _Audit(source, part.filename)
            while block:
                unpacked += len(block)
                if unpacked > MAX_UNPACKED:
                    raise _bomb(source, f"more than {MAX_UNPACKED:,} bytes unpacked")
                found.feed(block)
                block = stream.read(_BLOCK)
            found.feed(b"")
    return audits


def _check_declared(parts: Sequence[zipfile.ZipInfo], source: str) -> None:
    if len(parts) > MAX_PARTS:
        raise _bomb(source, f"{len(parts):,} parts")
    size = sum(part.file_size for part in parts)
    if size > MAX_UNPACKED:
        raise _bomb(source, f"{size:,} bytes unpacked")
    for part in parts:
        if part.file_size > max(_SMALL, MAX_RATIO * part.compress_size):
            ratio = part.file_size / max(part.compress_size, 1)
            raise _bomb(source, f"{part.filename} packed {ratio:,.0f} to 1")


def _bomb(source: str, found: str) -> InputError:
    expected = f"at most {MAX_PARTS:,} parts, {MAX_UNPACKED:,} bytes unpacked, and {MAX_RATIO} to 1"
    return InputError(Problem(source, found, expected, "Export the sheet as CSV."))


class Sheet:
    """One sheet of a workbook, with its ``names``; to be closed.

    ``percent``: columns with cells that the workbook shows in percent, known once read.
    """

    encoding = delimiter = None

    def __init__(self, file: Path, options: FileOptions) -> None:
        self.file, self._options = file, options
        self._raw = file.open("rb")
        self.percent: tuple[str, ...] = ()
        try:
            with self._readable():
                with zipfile.ZipFile(self._raw) as archive:
                    self._audits = audit(archive, file.name)
                self._book = openpyxl.load_workbook(
                    self._raw, read_only=True, data_only=True, keep_links=False
                )
                self._sheet = self._chosen(options.sheet)
                self._sheet.reset_dimensions()
                self._header = self._first_row()
        except BaseException:
            self.close()
            raise
        self.sheet: str = self._sheet.title
        self.names = [name for name in self._header if name]

    def close(self) -> None:
        """Let go of the file."""
        self._raw.close()

    def _chosen(self, name: str | None) -> Any:
        sheets = self._book.worksheets
        if name is not None:
            wanted = [sheet for sheet in sheets if sheet.title == name]
        else:
            seen = [sheet for sheet in sheets if sheet.sheet_state == "visible"] or sheets
            wanted = [sheet for sheet in seen if len(seen) == 1 or _has_cells(sheet)]
        if len(wanted) == 1:
            return wanted[0]
        titles = ", ".join(sheet.title for sheet in sheets)
        found = f"no sheet {name}" if name is not None else f"{len(wanted)} sheets with cells"
        raise InputError(
            Problem(
                self.file.name,
                f"{found} (there are: {titles})",
                "one sheet with the tape",
                "Name it in tape.sheet.",
            )
        )

    def _first_row(self) -> list[str]:
        top = self._options.header_row
        for row in self._sheet.iter_rows(min_row=top, max_row=top, values_only=True):
            names = ["" if cell is None else as_text(cell).strip() for cell in row]
            if any(names):
                return names
        raise InputError(
            Problem(
                self.file.name,
                f"nothing in row {top} of sheet {self._sheet.title}",
                "the column names",
                "Give their row in tape.header_row.",
            )
        )

    def read(self, columns: Sequence[str], coded: Sequence[str] = ()) -> pa.Table:
        """``columns`` in the types of their cells; texts where these differ. Empty rows are left
        out.

        Raises :class:`InputError` where a formula has no saved result.
        """
        del coded
        self._refuse_unsolved(columns)
        places = [self._header.index(name) for name in columns]
        cells: list[list[Any]] = [[] for _ in places]
        percent: set[int] = set()
        with self._readable():
            for row in self._rows():
                for k, place in enumerate(places):
                    cell = row[place]
                    value = cell.value
                    if isinstance(value, int | float) and not isinstance(value, bool):
                        form = cell.number_format
                        if form.endswith("%"):
                            percent.add(k)
                        elif _LEADING_ZEROS.fullmatch(form) and isinstance(value, int):
                            value = f"{value:0{len(form)}d}"
                    cells[k].append(value)
            limits.check(self.file.name, len(cells[0]) if cells else 0, 0)
        self.percent = tuple(columns[k] for k in sorted(percent))
        point = getattr(self._options, "decimal", ".")
        return pa.table([_array(values, point) for values in cells], names=list(columns))

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        below = self._options.header_row + 1
        width = len(self._header)
        for row in self._sheet.iter_rows(min_row=below, max_col=width):
            if any(cell.value is not None for cell in row):
                yield row

    def _refuse_unsolved(self, columns: Sequence[str]) -> None:
        part = self._sheet._worksheet_path.lstrip("/")
        empty = self._audits[part].empty if part in self._audits else {}
        for place, name in enumerate(self._header):
            found = [
                cell
                for cell in empty.get(get_column_letter(place + 1), [])
                if int(cell.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")) > self._options.header_row
            ]
            if name in columns and found:
                raise InputError(
                    Problem(
                        f"{self.file.name}, column {name}",
                        f"a formula without a saved result in {', '.join(found[:_LISTED])}",
                        "values",
                        "Open the workbook and save it, or paste the column as values.",
                    )
                )

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Turns what a faulty workbook brings up into an :class:`InputError`."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except InputError:
            raise
        except _FAULTS as error:
            said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            action = "Save it anew as XLSX without a password, or as CSV."
            raise InputError(Problem(self.file.name, said, "an XLSX file", action)) from None


def _has_cells(sheet: Any) -> bool:
    rows = sheet.iter_rows(max_row=100, max_col=100, values_only=True)
    return any(cell is not None for row in rows for cell in row)


def as_text(value: Any, point: str = ".") -> str:
    """A cell as it would be typed; dates in ISO 8601, whole numbers without a decimal point."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) < 2.0**53
        return str(int(value)) if whole else repr(value).replace(".", point)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == _MIDNIGHT else value.isoformat(" ")
    return value.isoformat() if isinstance(value, date) else str(value)


def _array(values: list[Any], point: str) -> pa.Array:
    """Cells of one column in their common type, as texts where there is none."""
    kinds = {type(value) for value in values if value is not None}
    if not kinds:
        return pa.nulls(len(values))
    if kinds == {int} and all(abs(value) < 2**63 for value in values if value is not None):
        return pa.array(values, pa.int64())
    if kinds <= {int, float}:
        return pa.array([None if v is None else float(v) for v in values], pa.float64())
    if kinds <= {datetime, date}:
        return pa.array(values, pa.timestamp("us"))
    return pa.array([None if v is None else as_text(v, point) for v in values], pa.string())
