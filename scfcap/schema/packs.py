"""What a report pack names beside itself: its logo."""

from __future__ import annotations

import struct
from typing import Final

from scfcap.errors import InputError, Problem
from scfcap.schema.files import Source, inside
from scfcap.schema.messages import shown
from scfcap.schema.report import Pack

#: Largest logo: bytes of the file, pixels of a side.
LOGO_BYTES: Final = 1 << 20
LOGO_PIXELS: Final = 4_000
#: What a PNG file begins and ends with (ISO/IEC 15948, 5.2 and 11.2.5).
_SIGNATURE, _END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
_HEADER: Final = 24


def with_logo(pack: Pack, source: Source, *, shipped: bool = False) -> tuple[Pack, list[Source]]:
    """``pack`` with its file's name and its logo, and the files read.

    What a pack says that is not ``shipped`` is the user's, and stays in its language.

    Raises:
        InputError: a logo that is not there, outside the pack's folder, no PNG, or too large.
    """
    if pack.brand.logo is None:
        return pack.read_from(source.label, shipped=shipped), [source]
    where, name = f"{source.label}: brand.logo", pack.brand.logo
    folder = source.path.parent
    path = inside(folder, name)
    if path is None or path.parent != folder.resolve():
        raise InputError(
            Problem(where, shown(name), "the name of a PNG file beside the pack", "Copy it there.")
        )
    if path.exists() and not path.is_file():
        found, action = f'"{name}", which is no regular file', f"Put one into {folder}."
        raise InputError(Problem(where, found, "a PNG file beside the pack", action))
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= LOGO_BYTES else b""
    except OSError as error:
        found = f'"{name}", which cannot be read ({error.strerror})'
        action = f"Put it into {folder}."
        raise InputError(Problem(where, found, "a PNG file beside the pack", action)) from error
    fault = f"{size:,} bytes" if size > LOGO_BYTES else _fault(content)
    if fault:
        expected = f"a PNG of up to {LOGO_BYTES:,} bytes and {LOGO_PIXELS:,} pixels a side"
        action = "Save it as PNG, smaller."
        raise InputError(Problem(where, f'"{name}": {fault}', expected, action))
    made = pack.read_from(source.label, content, shipped=shipped)
    return made, [source, Source(path, name, content, {})]


def _fault(content: bytes) -> str:
    """What is wrong with a logo; empty where nothing is."""
    whole = content.startswith(_SIGNATURE) and content[12:16] == b"IHDR"
    if not whole or not content.endswith(_END):
        return "no PNG, or not all of one"
    width, height = struct.unpack(">II", content[16:_HEADER])
    if not 0 < width <= LOGO_PIXELS or not 0 < height <= LOGO_PIXELS:
        return f"{width:,} by {height:,} pixels"
    return ""
