"""The files of an allocation: their names, and what ``limits.json`` holds."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import Field

from scfcap.expressions import ExpressionText
from scfcap.schema.base import Schema

#: Version of the layout.
VERSION = 1
LIMITS, DUALS, VALUES, LISTS = "limits.json", "duals.parquet", "values.parquet", "lists.parquet"
#: Columns of ``values.parquet`` that go by channel or name: this, a colon, the key or name.
VALUE, ELIGIBLE, COLUMN, NUMBER, PRICE = "value", "eligible", "column", "number", "price"
#: And where the plan, which cannot be asked here, has no such loan.
KEPT = "kept"


class PartText(Schema):
    """Part of a limit: see :class:`scfcap.verify.claim.Part`; ``members`` as texts."""

    channel: str
    weight: float
    column: str | None = None
    members: tuple[str, ...] = ()
    number: str | None = None


class LimitText(Schema):
    """``sum of parts <= right`` [currency]; ``stated`` and ``subject`` for readers; ``names``: the
    limit on names that it is a part of; ``relief``: what of ``right`` is given beyond what is
    stated, as loans without a choice break it.
    """

    name: str
    kind: str
    right: float
    relief: float = 0.0
    names: str | None = None
    stated: float | None = None
    subject: str = ""
    parts: tuple[PartText, ...]


class TestText(Schema):
    """A test that each loan in a channel has to meet; a missing value does not meet it."""

    __test__ = False

    name: str
    test: ExpressionText


class ChannelText(Schema):
    """What a channel asks of its loans; ``wanted`` [currency] and its ``source``: what the amounts
    among the limits aim at, for readers.

    ``rules``: name of its eligibility set, whose tests are among ``tests``. A loan that is there
    today is not tested, but in a channel that ``retests``: there only those that have to stay are
    not. ``closed``: why no loan comes in, empty where loans do. ``new_only``: only loans without a
    present channel come in. ``releases``: whether loans may leave. ``part``: share of each loan
    that it has. ``cost`` [1/year], ``income_share``, ``loss_share``, ``move_cost`` (shares): by
    which values are worked out, where they are stated.
    """

    key: str
    rules: str | None = None
    tests: tuple[TestText, ...] = ()
    retests: bool = False
    closed: str = ""
    new_only: bool = False
    releases: bool = True
    part: float = 1.0
    wanted: float | None = None
    source: str = ""
    cost: float = 0.0
    income_share: float = 1.0
    loss_share: float = 1.0
    move_cost: float = 0.0


class PromiseText(Schema):
    """Loans that are promised to a channel: those that meet the test, and may go there."""

    name: str
    test: ExpressionText
    channel: str


class RateText(Schema):
    """Share of a loan that a lender advances, where ``test`` holds."""

    test: ExpressionText
    rate: float


class ColumnText(Schema):
    """How a text that limits name comes about.

    ``column``: the value of the tape column ``of``; ``today``: the present channel; ``known``: the
    text "known" where the number of the tape column ``of`` is there; ``given``: as the loans' file
    has it, such as groups of related borrowers.
    """

    name: str
    how: Literal["column", "today", "known", "given"]
    of: str = ""


class NumberText(Schema):
    """How a number that limits name comes about.

    ``column``: the number of the tape column ``of``, 0 where it is missing; ``product`` of the
    numbers ``factors``; ``part``: ``share`` of a loan, ``share_there`` if it is in ``channel``
    today; ``advance``: for loans that may go to ``channel`` the first of ``rates`` whose test holds
    or ``otherwise``, or the lowest of those before it that meet a missing value; else 0;
    ``given``: as the loans' file has it, such as what the plan expects to stand of a loan.
    """

    name: str
    how: Literal["column", "product", "part", "advance", "given"]
    of: str = ""
    factors: tuple[str, ...] = ()
    channel: str = ""
    share: float = 1.0
    share_there: float = 1.0
    rates: tuple[RateText, ...] = ()
    otherwise: float = 0.0


class WeightText(Schema):
    """A channel that counts towards a limit on names: its balances times ``weight`` and number."""

    channel: str
    weight: float = 1.0
    number: str | None = None


class NamesText(Schema):
    """No value of ``column``, or not its ``top`` largest together, has more than so much.

    Either ``share`` of the balance that counts, or ``cap`` [currency]. The limits that are parts of
    it are in ``limits``, by ``limit.names`` = its name; others are not needed. ``relief``: what
    values are given beyond it, as loans without a choice break it [currency]; under "" what any
    are.
    """

    name: str
    column: str
    top: int = Field(ge=1)
    share: float | None = None
    cap: float | None = None
    relief: dict[str, float] = Field(default_factory=dict)
    weights: tuple[WeightText, ...]


class TapeText(Schema):
    """The tape: its name and SHA-256; how its columns become ours (``[tape]`` of the model); where
    it is, unless another place is given.

    A tape that the model makes itself stands beside this file, as ``kept``, in our columns.
    """

    name: str
    sha256: str
    mapping: dict[str, Any] = Field(default_factory=dict)
    folder: str = ""
    path: str | None = None
    kept: str | None = None


class WorthText(Schema):
    """What values are: taken from a plan, or worked out from what is stated.

    ``stated``: ``balance x ((rate x income_share - cost) x life - loss x loss_share)``, less
    ``move_cost`` of the channel for a loan that is not there and ``move_cost`` here for one that
    leaves another; rate, life and loss by loan are in ``values.parquet``.
    """

    how: Literal["plan", "stated"] = "plan"
    move_cost: float = 0.0


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
    frozen: ExpressionText | None = None
    promised: tuple[PromiseText, ...] = ()
    holders: Literal["tape", "before"] = "tape"
    """Where loans are today: by the tape, or by an earlier allocation, which is not looked at."""
    columns: tuple[ColumnText, ...] = ()
    numbers: tuple[NumberText, ...] = ()
    names: tuple[NamesText, ...] = ()
    worth: WorthText = WorthText()
    limits: tuple[LimitText, ...]
    claim: ClaimText
