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
from typing import Any, BinaryIO, Final

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
        odd = _OddRows(1)
        batches: list[Any] = []
        rows = size = 0
        with self._readable() as state, self._open() as raw:
            stream = self._utf8(raw)
            try:
                with pa.csv.open_csv(stream, *self._options(columns, coded, odd)) as reader:
                    schema = reader.schema
                    for batch in reader:
                        batches.append(batch)
                        rows, size = rows + batch.num_rows, size + batch.nbytes
                        limits.check(self.file.name, rows, size)
            except (pa.ArrowInvalid, UnicodeDecodeError) as error:
                if "UTF8" in str(error) or stream.fault is not None:
                    state.undecodable = True
                elif not odd.count and not state.undecodable:
                    raise
        if state.undecodable or stream.fault is not None:
            return None
        if odd.count:
            self._refuse_ragged()
        return pa.Table.from_batches(batches, schema=schema)

    def _open(self) -> Any:
        return opened(self.file)

    def _utf8(self, stream: BinaryIO) -> encodings.Utf8Stream:
        return encodings.Utf8Stream(stream, self.encoding, self.file.name)

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
        options = self._options([], [], _OddRows(len(text)))
        with pa.csv.open_csv(pa.BufferReader(text), *options) as reader:
            return list(reader.schema.names)

    def _options(
        self, columns: Sequence[str], coded: Sequence[str], odd: _OddRows, *, threads: bool = True
    ) -> tuple[Any, Any, Any]:
        texts = dict.fromkeys(columns, pa.string())
        return (
            pa.csv.ReadOptions(
                block_size=limits.MAX_LINE, use_threads=threads, skip_rows=self._header_row - 1
            ),
            pa.csv.ParseOptions(
                delimiter=self.delimiter, newlines_in_values=True, invalid_row_handler=odd.note
            ),
            pa.csv.ConvertOptions(
                column_types=texts | dict.fromkeys(coded, pa.dictionary(pa.int32(), pa.string())),
                include_columns=list(columns),
                strings_can_be_null=False,
            ),
        )

    def _refuse_ragged(self) -> None:
        """Read once more in one thread, which alone numbers the rows, and name the odd ones."""
        odd = _OddRows(MOST_ODD)
        options = self._options(self.names[:1], [], odd, threads=False)
        with (
            self._readable(),
            suppress(pa.ArrowInvalid),
            self._open() as raw,
            pa.csv.open_csv(self._utf8(raw), *options) as reader,
        ):
            for _ in reader:
                pass
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
        with self._open() as raw:
            stream = encodings.Utf8Stream(raw, self.encoding, self.file.name, strict=True)
            while stream.read(limits.MAX_LINE):
                pass
        place = stream.fault or 0
        row = encodings.row_of(self._open, place, self.encoding, self._header_row)
        with self._open() as raw:
            raw.read(place)
            said = raw.read(4).hex(" ")
        name = "UTF-8" if self.encoding == "utf-8" else self.encoding
        raise InputError(
            Problem(
                f"{self.file.name} row {row}" if row else f"{self.file.name}, names",
                f"bytes that are not {name} ({said})",
                f"{name}, {'as stated' if self._stated else 'as above'}",
                "Save the whole file as CSV UTF-8, or state tape.encoding.",
            )
        )

    @contextmanager
    def _readable(self) -> Iterator[_Undecodable]:
        """Turns what Arrow and gzip say of an unreadable file into an :class:`InputError`."""
        state = _Undecodable()
        hook, sys.unraisablehook = sys.unraisablehook, state.note
        state.hook = hook
        try:
            yield state
        except (pa.ArrowException, OSError, EOFError) as error:
            said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            if "straddl" in said or "out of sync" in said:
                raise limits.long_line(self.file.name) from None
            if "Empty CSV" in said:
                said = "no rows"
            raise self._refusal(found=said, action="Export the tape anew.") from None
        finally:
            sys.unraisablehook = hook


class _OddRows:
    """Rows with too few or many cells: how many, up to ``most``, and the first ones."""

    def __init__(self, most: int) -> None:
        self.most, self.count = most, 0
        self.first: list[Any] = []

    def note(self, row: Any) -> str:
        self.count += 1
        if len(self.first) < LISTED:
            self.first.append(row)
        return "skip" if self.count < self.most else "error"


class _Undecodable:
    """Arrow cannot raise what befalls it while it hands a row over, and would print it."""

    def __init__(self) -> None:
        self.undecodable = False
        self.hook: Any = None

    def note(self, said: Any) -> None:
        if isinstance(said.exc_value, UnicodeDecodeError):
            self.undecodable = True
        else:
            self.hook(said)


def opened(file: Path) -> Any:
    """The bytes of a file, unpacked where it is packed by gzip."""
    raw = file.open("rb", buffering=0)
    packed = file.name.lower().endswith(".gz") or raw.read(2) == _GZIP
    raw.seek(0)
    return pa.CompressedInputStream(raw, "gzip") if packed else raw
