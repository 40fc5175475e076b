"""In which encoding a text file is written, and its bytes as UTF-8.

A byte order mark decides, then UTF-8 where all bytes are valid, then the look of the lines that
are not: in encodings of two bytes a letter the share of letters that are common there, in those
of one byte the library charset-normalizer.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import BinaryIO, Final

import numpy as np
from charset_normalizer import from_bytes

from scfcap.errors import InputError, Problem
from scfcap.tape import limits

#: Opens a file's bytes, unpacked, from their start.
Open = Callable[[], AbstractContextManager[BinaryIO]]

#: Bytes of lines above ASCII by which an encoding is told.
SAMPLE: Final = 2**18
_BLOCK: Final = 2**20
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
#: Encodings of two bytes a letter, and the ranges of first and second bytes of the letters that
#: are common in each: characters of the first level, kana, hangul, punctuation.
_COMMON: Final = {
    "gb18030": ((0xB0, 0xD7, 0xA1, 0xFE), (0xA1, 0xA5, 0xA1, 0xFE)),
    "big5hkscs": ((0xA4, 0xC6, 0x40, 0xFE), (0xA1, 0xA3, 0x40, 0xFE)),
    "cp932": ((0x81, 0x83, 0x40, 0xF1), (0x88, 0x97, 0x40, 0xFC)),
    "euc_jp": ((0xA1, 0xA5, 0xA1, 0xFE), (0xB0, 0xCF, 0xA1, 0xFE)),
    "cp949": ((0xB0, 0xC8, 0xA1, 0xFE), (0xA1, 0xA3, 0xA1, 0xFE)),
}
_LIKELY: Final = 0.75
#: What Chinese of the mainland is ahead by, as many texts of few letters would fit elsewhere.
_PREFERENCE: Final = 0.05
#: Distinct letters from which their spread over the code tells Korean from Chinese.
_MANY: Final = 12
#: Letters of one byte that stand outside of Latin alphabets are told by the library.
_SINGLE: Final = (
    *("cp1252", "cp1250", "cp1251", "koi8_r", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257"),
    *("cp866", "tis_620"),
)
# It begins after a line's end only: looked for from each byte, a long line would take its square.
_HIGH_LINE = re.compile(rb"(?<![^\r\n])[^\r\n\x80-\xff]*+[\x80-\xff][^\r\n]*+")
#: A line above ASCII that is valid UTF-8.
_UTF8_LINE = re.compile(
    rb"^[^\r\n\x80-\xff]*+(?:(?:[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}"
    rb"|[\xf0-\xf4][\x80-\xbf]{3})[^\r\n\x80-\xff]*+)++\r?$",
    re.MULTILINE,
)
#: What such a line holds that letters common in an encoding of two bytes do not.
_SURELY_UTF8 = re.compile(rb"(?=[^\r\n]*[\xe0-\xf4][\x80-\xbf]{2})[^\r\n]*[\x80-\xa0]")


def marked(head: bytes) -> str | None:
    """Encoding by the mark at the start of a file, or by the zero bytes of UTF-16; else None."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    zeros = np.frombuffer(head[: len(head) // 2 * 2], dtype=np.uint8) == 0
    if zeros.any():
        first, second = zeros[0::2].mean(), zeros[1::2].mean()
        if max(first, second) > 0.02 and min(first, second) < 0.1 * max(first, second):
            return "utf-16-be" if first > second else "utf-16-le"
    return None


def is_utf8(head: bytes) -> bool:
    """Whether the start of a file is UTF-8; its last letter may be cut."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


@dataclass
class _Survey:
    """The lines above ASCII of a file: some that are not UTF-8, and where the first ones start.

    ``other``, ``likely`` and ``sure``: bytes before the first line that is not UTF-8, that is
    (``line``), and that can hardly be anything else; None where there is none.
    """

    lines: list[bytes] = field(default_factory=list)
    line: bytes = b""
    size: int = 0
    other: int | None = None
    likely: int | None = None
    sure: int | None = None

    def add(self, block: bytes, start: int) -> None:
        """Take note of the lines of ``block``, which starts at byte ``start``."""
        if self.sure is None:
            for found in _UTF8_LINE.finditer(block):
                if self.likely is None:
                    self.likely, self.line = start + found.start(), found[0]
                if any(map(_SURELY_UTF8.match, found[0].splitlines())):
                    self.sure = start + found.start()
                    break
        if self.size >= SAMPLE:
            return
        for found in _HIGH_LINE.finditer(block):
            if not is_utf8(found[0] + b"\n"):
                self.other = start + found.start() if self.other is None else self.other
                self.lines.append(found[0])
                self.size += len(found[0])
                if self.size >= SAMPLE:
                    return


def tell(source: str, open_bytes: Open, header_row: int) -> str:
    """The encoding of a file without mark that is not all UTF-8.

    Raises :class:`InputError` where some lines are UTF-8 and others are not.
    """
    survey, start = _Survey(), 0
    with open_bytes() as stream:
        for block in _of_lines(stream, source):
            survey.add(block, start)
            start += len(block)
    if survey.other is None:
        return "utf-8"
    name = _of_two_bytes(survey.lines)
    if name is None or not _decodes(survey.line, name):
        survey.sure = survey.likely
    name = name or _of_one_byte(b"\n".join(survey.lines))
    if survey.sure is not None:
        places = [row_of(open_bytes, at, name, header_row) for at in (survey.sure, survey.other)]
        utf8, other = (f"row {row}" if row else "the header" for row in places)
        raise InputError(
            Problem(
                f"{source} row {max(places)}" if max(places) else f"{source}, the header",
                f"another encoding than above: {utf8} is UTF-8, {other} is not"
                f" ({name} by its look)",
                "one encoding in the whole file",
                "Save the whole file as CSV UTF-8.",
            )
        )
    return name


def _of_lines(stream: BinaryIO, source: str) -> Iterator[bytes]:
    """Blocks that end with a line. Raises :class:`InputError` on a line that is too long."""
    rest = b""
    while block := stream.read(_BLOCK):
        block = rest + block
        end = max(block.rfind(b"\n"), block.rfind(b"\r")) + 1
        rest = block[end:]
        if len(rest) > limits.MAX_LINE:
            raise limits.long_line(source)
        yield block[:end]
    yield rest


def _of_two_bytes(lines: list[bytes]) -> str | None:
    """The encoding of two bytes a letter in which nearly all letters are common ones."""
    shares: dict[str, float] = {}
    letters = {name: _letters(lines, name) for name in _COMMON}
    for name, counts in letters.items():
        common = sum(n for letter, n in counts.items() if _is_common(letter, name))
        shares[name] = common / max(sum(counts.values()), 1)
    shares["gb18030"] += _PREFERENCE
    best = max(shares, key=shares.__getitem__)
    if shares[best] >= _LIKELY:
        return _neighbour(letters["gb18030"], shares) if best == "gb18030" else best
    # Traditional characters lie outside of the first level; a text of one byte a letter decodes
    # line for line hardly ever, and to rare characters only.
    whole = all(_decodes(line, "gb18030") for line in lines)
    many = len(letters["gb18030"]) >= _MANY
    return "gb18030" if whole and many and shares["gb18030"] > 0.4 else None


def _letters(lines: list[bytes], name: str) -> Counter[str]:
    """Letters above ASCII, each line once; none where two fifths of the lines do not decode."""
    counts: Counter[str] = Counter()
    failed = 0
    for line, times in Counter(lines).items():
        try:
            counts.update(letter for letter in line.decode(name) if letter > "\x7f")
        except UnicodeDecodeError:
            failed += times
    return counts if failed <= 0.4 * len(lines) else Counter()


def _decodes(data: bytes, name: str) -> bool:
    try:
        data.decode(name)
    except UnicodeDecodeError:
        return False
    return True


def _is_common(letter: str, name: str) -> bool:
    code = letter.encode(name)
    return len(code) == 2 and any(
        low <= code[0] <= high and first <= code[1] <= last
        for low, high, first, last in _COMMON[name]
    )


def _neighbour(letters: Counter[str], shares: dict[str, float]) -> str:
    """Chinese of the mainland, or what shares its bytes and shows by the letters that it uses.

    Japanese is full of kana; the letters of Korean end where the Chinese ones from S to Z begin.
    """
    firsts = np.array([letter.encode("gb18030")[0] for letter in letters])
    counts = np.array(list(letters.values()))
    kana = counts[(firsts == 0xA4) | (firsts == 0xA5)].sum()
    if shares["euc_jp"] >= _LIKELY and kana > 0.2 * counts.sum():
        return "euc_jp"
    late = ((firsts >= 0xC9) & (firsts <= 0xF7)).mean()
    if shares["cp949"] >= _LIKELY and len(letters) >= _MANY and late < 0.05:
        return "cp949"
    return "gb18030"


def _of_one_byte(sample: bytes) -> str:
    """Western or Polish and its like unless the letters above ASCII are many and of many kinds."""
    letters = sum(byte > 0x7F or chr(byte).isalpha() for byte in sample)
    high = [byte for byte in sample if byte > 0x7F]
    if len(high) > 0.3 * letters and len(set(high)) >= _MANY:
        match = from_bytes(sample[: SAMPLE // 4], cp_isolation=list(_SINGLE)).best()
        if match is not None:
            return codecs.lookup(match.encoding).name
    fits = {name: _within_words(sample, name) for name in ("cp1252", "cp1250")}
    best = max(fits, key=fits.__getitem__)
    return best if _decodes(sample, best) else "iso8859-1"


def _within_words(sample: bytes, name: str) -> float:
    """Share of the signs above ASCII beside a Latin letter that are letters too."""
    text = sample.decode(name, "replace")
    beside = re.findall(r"(?<=[A-Za-z])[^\x00-\x7f]|[^\x00-\x7f](?=[A-Za-z])", text)
    return float(sum(sign.isalpha() for sign in beside)) / max(len(beside), 1)


def row_of(open_bytes: Open, offset: int, encoding: str, header_row: int) -> int:
    """Row of the byte at ``offset``, from 1 without the header; 0 for the header and above.

    Line ends within quotes and empty lines do not count.
    """
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    left, rows, quoted, blank, lines = offset, 0, False, True, 0
    with open_bytes() as stream:
        while left > 0 and (block := stream.read(min(_BLOCK, left))):
            left -= len(block)
            for part in re.split(r'(["\n])', decoder.decode(block).replace("\r\n", "\n")):
                if part == '"':
                    quoted = not quoted
                elif part == "\n":
                    lines += 1
                    rows += lines > header_row - 1 and not quoted and not blank
                    blank = True
                    continue
                blank = blank and not part.strip()
    return rows


class BadByteError(Exception):
    """A byte that an encoding does not know; ``place`` counts the bytes before it."""

    def __init__(self, place: int) -> None:
        self.place = place
        super().__init__(place)


def as_utf8(stream: BinaryIO, encoding: str, source: str) -> Iterator[bytes]:
    """A text's bytes as UTF-8, a block at a time.

    Raises :class:`BadByteError`, and :class:`InputError` on a line that is too long and past
    :data:`~scfcap.tape.limits.MAX_BYTES`.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    read = since_end = 0
    while True:
        start = read - len(decoder.getstate()[0])
        block = stream.read(_BLOCK)
        read += len(block)
        limits.check(source, 0, read)
        try:
            text = decoder.decode(block, final=not block).encode()
        except UnicodeDecodeError as error:
            raise BadByteError(start + error.start) from None
        end = max(text.rfind(b"\n"), text.rfind(b"\r")) + 1
        since_end = len(text) - end if end else since_end + len(text)
        if since_end > limits.MAX_LINE:
            raise limits.long_line(source)
        yield text
        if not block:
            return
