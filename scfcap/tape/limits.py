"""How large a tape may be: files are untrusted, and memory is not endless."""

from __future__ import annotations

from typing import Final

from scfcap.errors import InputError, Problem

#: Most rows of a tape or a history.
MAX_ROWS: Final = 20_000_000
#: Most bytes of a tape after decompression.
MAX_BYTES: Final = 8 * 2**30

#: Longest line, cells with line ends included [bytes]; also what is parsed at a time.
MAX_LINE: Final = 4 * 2**20


def check(source: str, rows: int, size: int) -> None:
    """Raises :class:`InputError` where a source has more rows or bytes than a tape may have."""
    if rows > MAX_ROWS or size > MAX_BYTES:
        raise InputError(
            Problem(
                source,
                f"{rows:,} rows or more, {size / 2**30:.1f} GiB unpacked",
                f"at most {MAX_ROWS:,} rows and {MAX_BYTES / 2**30:.0f} GiB",
                "Split the tape.",
            )
        )


def long_line(source: str) -> InputError:
    """What is wrong with a file whose line takes more than :data:`MAX_LINE`."""
    return InputError(
        Problem(
            source,
            f"a line of more than {MAX_LINE / 2**20:g} MiB, or a quote that is never closed",
            "shorter lines",
            "Check that the export ends its lines and closes its quotes.",
        )
    )
