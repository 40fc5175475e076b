"""Texts of a delimited file (CSV and its like), whatever parts its cells and encodes its letters.

A plain UTF-8 file goes to Arrow as it is. What else there is, is turned into UTF-8 on the way.
No more than a few blocks of a file are held beside the columns that are asked for.
"""

from __future__ import annotations

import codecs
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv

from scfcap.errors import InputError, Problem
from scfcap.schema.tape import FileOptions, codec_of
from scfcap.tape import encodings, limits

#: Bytes from which delimiter and encoding are told.
HEAD: Final = 2**18
DELIMITERS: Final = (",", ";", "\t", "|")
#: Odd rows that a refusal lists one by one, and up to which it counts.
LISTED: Final = 20
MOST_ODD: Final = 10_000
_GZIP = b"\x1f\x8b"
_SIGNS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
#: A quoted cell, which may hold any sign.
_QUOTED = re.compile(r'(?<![^,;\t|\r\n])"(?:[^"]|"")*+"')
#: What spreadsheets put above the names to say how cells are parted.
_HINT = re.compile(r'\ufeff?"?sep=([!-/:-@^~\t|])"?\r?\n', re.IGNORECASE)


class Delimited:
    """A delimited file with its ``names``, ``encoding`` and ``delimiter``.

    Raises :class:`InputError` where the file is empty, no text, or none of its signs parts the
    names in one way.
    """

    sheet = None

    def __init__(self, file: Path, options: FileOptions) -> None:
        self.file = file
        self._header_row = options.header_row
        self._stated = options.encoding is not None
        with self._readable():
            with self._open() as stream:
                head = stream.read(HEAD)
                if not head.strip(b"\0\xef\xbb\xbf\xff\xfe \r\n"):
                    raise self._refusal(
                        found="an empty file", action="Check that the export is complete."
                    )
                whole = len(head) < HEAD
                if not whole and self._lacks_names(head):
                    head += stream.read(limits.MAX_LINE)
            self.encoding = self._told(head, options)
            text = codecs.getincrementaldecoder(self.encoding)("replace").decode(head)
        hint = _HINT.match(text)
        if hint is not None and self._header_row == 1:
            self._header_row = 2
        self._refuse_long(text, whole=whole)
        start = text if whole else text[: max(text.rfind("\n"), text.rfind("\r")) + 1]
        self.delimiter = options.delimiter or (hint[1] if hint else self._sign(start))
        with self._readable():
            self.names = self._first_row(start.encode() + b"\n")

    def read(self, columns: Sequence[str], coded: Sequence[str] = ()) -> pa.Table:
        """``columns`` as texts, those of ``coded`` dictionary encoded.

        Raises :class:`InputError` on rows of too few or many cells, on bytes that are no text,
        and past the bounds.
        """
        table = self._parsed(columns, coded)
        if table is None and not self._stated:
            # The start was ASCII or UTF-8; what follows is not.
            self.encoding = encodings.tell(self.file.name, self._open, self._header_row)
            table = self._parsed(columns, coded)
        if table is None:
            self._refuse_bytes()
        return table

    def _parsed(self, columns: Sequence[str], coded: Sequence[str]) -> pa.Table | None:
        """The cells; None where some are not in the encoding."""
        batches: list[Any] = []
        rows = size = 0
        try:
            with (
                self._readable(),
                self._plain() as file,
                pa.csv.open_csv(file, *self._options(columns, coded)) as reader,
            ):
                schema = reader.schema
                for batch in reader:
                    batches.append(batch)
                    rows, size = rows + batch.num_rows, size + batch.nbytes
                    limits.check(self.file.name, rows, size)
        except (encodings.BadByteError, UnicodeDecodeError):
            return None
        except _OddRowError:
            self._refuse_ragged()
            return None
        return pa.Table.from_batches(batches, schema=schema)

    def _open(self) -> Any:
        return opened(self.file)

    @contextmanager
    def _plain(self) -> Iterator[Any]:
        """The file as plain UTF-8 that Arrow opens itself.

        Its threads read ahead; were they to call into Python, they and an error of ours could
        wait for each other for ever. So a packed file, or one in another encoding, is written to
        a temporary file first.
        """
        if self.encoding == "utf-8" and not is_packed(self.file) and _is_utf8_name(self.file):
            yield pa.OSFile(str(self.file))
            return
        with TemporaryDirectory(prefix="scfcap-", ignore_cleanup_errors=True) as folder:
            target = Path(folder) / "plain.csv"
            with self._open() as raw, target.open("wb") as out:
                out.writelines(encodings.as_utf8(raw, self.encoding, self.file.name))
            yield pa.OSFile(str(target))

    def _told(self, head: bytes, options: FileOptions) -> str:
        if options.encoding is not None:
            name = codec_of(options.encoding) or "utf-8"
            return "utf-8" if name == "utf-8-sig" else name
        mark = encodings.marked(head)
        if mark is not None:
            self._stated = True
            return mark
        if encodings.is_utf8(head):
            return "utf-8"
        return encodings.tell(self.file.name, self._open, self._header_row)

    def _lacks_names(self, head: bytes) -> bool:
        return max(head.count(b"\n"), head.count(b"\r")) <= self._header_row

    def _refuse_long(self, text: str, *, whole: bool) -> None:
        ends = len(re.findall(r"\r\n?|\n", text))
        if ends < self._header_row and not whole:
            raise limits.long_line(self.file.name)
        if ends + 1 < self._header_row:
            raise self._refusal(
                found=f"{ends + 1} lines",
                expected=f"names in line {self._header_row}",
                action="Correct tape.header_row.",
            )

    def _refusal(self, *, found: str, action: str, expected: str = "a CSV file") -> InputError:
        return InputError(Problem(self.file.name, found, expected, action))

    def _sign(self, text: str) -> str:
        """The sign that parts the cells: it stands in the names, as often as in the rows."""
        bare = _QUOTED.sub("", text)
        lines = [line for line in re.split(r"\r\n?|\n", bare)[self._header_row - 1 :] if line]
        if not lines:
            return ","
        names, *rows = lines[:1_000]
        shares: dict[str, float] = {}
        for sign in DELIMITERS:
            count = names.count(sign)
            if count:
                even = sum(row.count(sign) == count for row in rows)
                shares[sign] = even / len(rows) if rows else 1.0
        if not shares:
            return ","
        best = max(shares.values())
        likely = [sign for sign, share in shares.items() if share >= best - 0.1]
        if len(likely) > 1 and rows:
            found = " and ".join(_SIGNS[sign] for sign in likely)
            raise self._refusal(
                found=f"rows that {found} part alike",
                expected="one sign between the cells",
                action="Name the sign in tape.delimiter.",
            )
        return max(likely, key=names.count)

    def _first_row(self, text: bytes) -> list[str]:
        odd = _OddRows(len(text))
        options = self._options([], [], odd)
        with pa.csv.open_csv(pa.BufferReader(text), *options) as reader:
            return list(reader.schema.names)

    def _options(
        self, columns: Sequence[str], coded: Sequence[str], odd: _OddRows | None = None
    ) -> tuple[Any, Any, Any]:
        """How Arrow reads: in one thread, which alone numbers the rows, where ``odd`` asks."""
        texts = dict.fromkeys(columns, pa.string())
        return (
            pa.csv.ReadOptions(
                block_size=limits.MAX_LINE, use_threads=odd is None, skip_rows=self._header_row - 1
            ),
            pa.csv.ParseOptions(
                delimiter=self.delimiter,
                newlines_in_values=True,
                invalid_row_handler=None if odd is None else odd.note,
            ),
            pa.csv.ConvertOptions(
                column_types=texts | dict.fromkeys(coded, pa.dictionary(pa.int32(), pa.string())),
                include_columns=list(columns),
                strings_can_be_null=False,
            ),
        )

    def _refuse_ragged(self) -> None:
        """Read once more and name the odd rows; returns where one is not in the encoding."""
        odd = _OddRows(MOST_ODD)
        options = self._options(self.names[:1], [], odd)
        with (
            odd.watched(),
            suppress(pa.ArrowInvalid),
            self._plain() as file,
            pa.csv.open_csv(file, *options) as reader,
        ):
            for _ in reader:
                pass
        if odd.undecodable:
            return
        shown = [
            Problem(
                f"{self.file.name} row {row.number - self._header_row}",
                f"{row.actual_columns} fields ({row.text[:80]})",
                f"{row.expected_columns} fields, as in the header",
                f"Quote cells that hold {_SIGNS.get(self.delimiter, repr(self.delimiter))}, or"
                " fill up short rows.",
            )
            for row in odd.first
        ]
        if odd.count > len(shown):
            more = f"{odd.count - len(shown):,} more such rows"
            least = "" if odd.count < MOST_ODD else " at least"
            shown.append(Problem(self.file.name, more + least, "none"))
        raise InputError(shown)

    def _refuse_bytes(self) -> None:
        """Name the first row that is not in the encoding."""
        place = 0
        try:
            with self._open() as raw:
                for _ in encodings.as_utf8(raw, self.encoding, self.file.name):
                    pass
        except encodings.BadByteError as error:
            place = error.place
        row = encodings.row_of(self._open, place, self.encoding, self._header_row)
        with self._open() as raw:
            raw.read(place)
            said = raw.read(4).hex(" ")
        name = "UTF-8" if self.encoding == "utf-8" else self.encoding
        raise InputError(
            Problem(
                f"{self.file.name} row {row}" if row else f"{self.file.name}, the header",
                f"bytes that are not {name} ({said})",
                f"{name}, {'as stated' if self._stated else 'as above'}",
                "Save the whole file as CSV UTF-8, or state tape.encoding.",
            )
        )

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Turns what Arrow and gzip say of an unreadable file into an :class:`InputError`.

        Odd rows and bytes that are not UTF-8 are left to the caller.
        """
        try:
            yield
        except (pa.ArrowException, OSError, EOFError) as error:
            said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            if "Expected" in said and "columns, got" in said:
                raise _OddRowError from None
            if "UTF8" in said:
                raise encodings.BadByteError(0) from None
            if "straddl" in said or "out of sync" in said:
                raise limits.long_line(self.file.name) from None
            if "Empty CSV" in said:
                said = "no rows"
            raise self._refusal(found=said, action="Export the tape anew.") from None


class _OddRowError(Exception):
    """A row has too few or many cells."""


class _OddRows:
    """Rows with too few or many cells: how many, up to ``most``, and the first ones."""

    def __init__(self, most: int) -> None:
        self.most, self.count = most, 0
        self.first: list[Any] = []
        self.undecodable = False

    def note(self, row: Any) -> str:
        self.count += 1
        if len(self.first) < LISTED:
            self.first.append(row)
        return "skip" if self.count < self.most else "error"

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Arrow cannot raise what befalls it while it hands a row over, and would print it."""
        hook = sys.unraisablehook

        def note(said: Any) -> None:
            if isinstance(said.exc_value, UnicodeDecodeError):
                self.undecodable = True
            else:
                hook(said)

        sys.unraisablehook = note
        try:
            yield
        finally:
            sys.unraisablehook = hook


def opened(file: Path) -> Any:
    """The bytes of a file, unpacked where it is packed by gzip."""
    raw = file.open("rb", buffering=0)
    return pa.CompressedInputStream(raw, "gzip") if is_packed(file) else raw


def is_packed(file: Path) -> bool:
    """Whether a file is packed by gzip, by its name or by how it starts."""
    if file.name.lower().endswith(".gz"):
        return True
    with file.open("rb") as raw:
        return raw.read(2) == _GZIP


def _is_utf8_name(file: Path) -> bool:
    """Arrow opens no others."""
    try:
        str(file).encode()
    except UnicodeEncodeError:
        return False
    return True
