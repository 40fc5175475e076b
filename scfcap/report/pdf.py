"""A workbook as a PDF, printed by LibreOffice; the same workbook gives the same bytes."""

from __future__ import annotations

import hashlib
import re
import tempfile
from pathlib import Path

from scfcap.report.recalculated import converted

#: Where a PDF tells the time at which, and the number by which, it was made.
_CLOCK = re.compile(rb"/(CreationDate|ModDate)\(([^)]*)\)")
_NUMBER = re.compile(rb"/ID\s*\[\s*<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*\]")
_CHECKSUM = re.compile(rb"/DocChecksum\s*/([0-9A-Fa-f]+)")
_EPOCH = b"D:19800101000000Z"


def pdf_of(workbook: Path, path: Path) -> Path:
    """Write ``workbook`` to ``path`` as a PDF: its visible sheets in order, as they are printed.

    Raises :class:`~scfcap.errors.InputError` where LibreOffice is not there or fails.
    """
    with tempfile.TemporaryDirectory(prefix="scfcap-pdf-") as place:
        (made,) = converted([workbook], "pdf", Path(place), asked="--pdf")
        content = made.read_bytes()
    path.write_bytes(_timeless(content, workbook.read_bytes()))
    return path


def _timeless(content: bytes, workbook: bytes) -> bytes:
    """``content`` without the clock; no byte moves, for a PDF finds its parts by their place."""
    number = hashlib.sha256(workbook).hexdigest().upper().encode()

    def dated(found: re.Match[bytes]) -> bytes:
        return b"/%s(%s)" % (found[1], _EPOCH[: len(found[2])].ljust(len(found[2]), b"'"))

    def numbered(found: re.Match[bytes]) -> bytes:
        whole = found[0]
        for part in {found[1], found[2]}:
            whole = whole.replace(part, number[: len(part)].ljust(len(part), b"0"))
        return whole

    content = _CLOCK.sub(dated, content)
    content = _NUMBER.sub(numbered, content)
    return _CHECKSUM.sub(
        lambda found: found[0].replace(
            found[1], number[: len(found[1])].ljust(len(found[1]), b"0")
        ),
        content,
    )
