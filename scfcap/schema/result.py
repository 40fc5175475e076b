"""``result.json`` of a run: its JSON Schema is published from these records."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from scfcap.schema.base import Schema

#: A figure; null where there is none.
Figure = float | None


class Row(Schema):
    """A row of a table; further columns may follow without a new version."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)


class PoolRow(Row):
    """The pool, a place where its loans are, or what was left out."""

    part: str
    """``pool``, ``place`` or ``left out``."""
    name: str
    loans: int
    balance: Figure
    """[currency]"""
    rate: Figure
    """Mean, weighted by balance [1/year]."""


class LendingRow(Row):
    """New loans of a segment in a period."""

    period: int
    end: date
    segment: str
    demand: Figure
    """[currency]"""
    originated: Figure
    """[currency]"""


class PriceRow(Row):
    """What one more unit of a limit earns, largest first."""

    rank: int
    what: str
    value: Figure
    """Of ``per`` [currency]."""
    per: str
    low: Figure
    high: Figure
    sentence: str


class ChannelRow(Row):
    """What an outside channel is worth."""

    channel: str
    income_with: Figure
    """[currency]"""
    income_without: Figure
    """[currency]"""
    worth: Figure
    """[currency]"""
    sentence: str


class LimitRow(Row):
    """A limit that holds the plan back in a period."""

    family: str
    key: str
    period: int
    end: date
    sense: Literal["<=", ">=", "=="]
    use: Figure
    limit: Figure
    headroom: Figure
    """Below 0 where the limit is broken."""
    binding: Literal[True]
    unit: str
    """Of use, limit and headroom."""


class CheckRow(Row):
    """A check of the engine on its own answer."""

    check: str
    value: Figure
    tolerance: Figure
    ok: bool
    note: str


class Result(Schema):
    """``result.json``: what a run says in figures; the tables hold all of them.

    Rows of deals are there where the model has any. Numbers that are none are null.
    """

    model_config = ConfigDict(title="scfcap result")

    schema_version: Literal[1]
    """Changes when a key goes or changes its meaning; further keys and columns may come."""
    model: str
    as_of: date
    currency: Annotated[str, Field(min_length=3, max_length=3)]
    """ISO 4217 code; of all amounts."""
    regime: str
    scenario: str
    """Scenario that the plan is made in."""
    status: str
    """What the solver says: ``optimal``."""
    objective: float
    """[currency]"""
    net_income: float
    """Over the horizon [currency]."""
    pool: list[PoolRow]
    lending: list[LendingRow]
    prices: list[PriceRow]
    channels: list[ChannelRow]
    checks: list[CheckRow]
    binding_limits: list[LimitRow]
    deals_classes: tuple[Row, ...] = ()
    """Classes of deals: what each was paid, by scenario."""
    deals_fees: tuple[Row, ...] = ()
    """Fees of deals: what was paid, and what was short."""
    deals_events: tuple[Row, ...] = ()
    """What trips, begins, is called and is repaid, by scenario."""
    summary: list[str]
    """The run in ten lines."""
    cautions: list[str]
    """What no figure shows."""
    tables: list[str]
    """Names of the run's tables: ``tables/NAME.parquet``."""


def result_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of ``result.json``."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Result.model_json_schema()}
