"""The files of an allocation: their names, and what ``limits.json`` holds."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import Field

from scfcap.schema.base import Schema

#: Version of the layout.
VERSION = 1
LIMITS, DUALS, VALUES, LISTS = "limits.json", "duals.parquet", "values.parquet", "lists.parquet"
#: Columns of ``values.parquet`` that go by channel or name: this, a colon, the key or name.
VALUE, ELIGIBLE, COLUMN, NUMBER = "value", "eligible", "column", "number"


class PartText(Schema):
    """Part of a limit: see :class:`scfcap.verify.claim.Part`; ``members`` as texts."""

    channel: str
    weight: float
    column: str | None = None
    members: tuple[str, ...] = ()
    number: str | None = None


class LimitText(Schema):
    """``sum of parts <= right`` [currency]; ``stated`` and ``subject`` in words for readers."""

    name: str
    kind: str
    right: float
    stated: float | None = None
    subject: str = ""
    parts: tuple[PartText, ...]


class TestText(Schema):
    """A test that each loan in a channel has to meet; a missing value does not meet it."""

    __test__ = False

    name: str
    test: str


class ChannelText(Schema):
    """What a channel asks of its loans, and what is to be in it [currency].

    ``rules``: name of the eligibility set. ``present``: columns that its loans must have.
    ``open``: whether loans may come in; ``releases``: whether loans may leave.
    """

    key: str
    rules: str | None = None
    tests: tuple[TestText, ...] = ()
    present: tuple[str, ...] = ()
    minimum_loan: float = 0.0
    open: bool = True
    releases: bool = True
    part: float = 1.0
    least: float = 0.0
    most: float | None = None
    wanted: float | None = None
    source: str = ""
    minimum_ticket: float = 0.0


class PromiseText(Schema):
    """Loans that are promised to a channel: those that meet the test."""

    name: str
    test: str
    channel: str


class TapeText(Schema):
    """The tape: its name, SHA-256, and how its columns become ours (``[tape]`` of the model)."""

    name: str
    sha256: str
    mapping: dict[str, Any]


class ListText(Schema):
    """What a channel's list adds up to: loans and balance [currency]."""

    channel: str
    loans: int = Field(ge=0)
    balance: float


class CaseText(Schema):
    """A case of the bound: channels with a least ticket as open, or as closed to loans."""

    taken: dict[str, bool] = Field(default_factory=dict)


class ClaimText(Schema):
    """What is claimed: ``bound`` and ``value`` [currency], ``gap`` (share; none of a bound of
    0), lists, moves, cases.
    """

    bound: float
    value: float
    gap: float | None
    lists: tuple[ListText, ...]
    moved_loans: int
    moved_balance: float
    cases: tuple[CaseText, ...] = (CaseText(),)


class LimitsText(Schema):
    """``limits.json``."""

    schema_version: Literal[1]
    as_of: date
    currency: str
    tape: TapeText | None = None
    channels: tuple[ChannelText, ...]
    frozen: str | None = None
    promised: tuple[PromiseText, ...] = ()
    limits: tuple[LimitText, ...]
    claim: ClaimText
