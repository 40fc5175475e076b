"""Who may take loans at a funding date: the model's funders with their rules and amounts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from scfcap.axes import (
    BANK_DEBT,
    BANK_TRANSFER,
    GUARANTEED_BANK,
    JOINT_LENDING,
    OWN,
    P2P,
    SECURITIZATION,
    channel_of,
    place,
)
from scfcap.errors import InputError, Problem
from scfcap.funding.allocation.assembled import Funder, Target
from scfcap.funding.allocation.program import Choice
from scfcap.periods import moved
from scfcap.pool.columns import Columns, Values
from scfcap.pool.snapshot import Pool
from scfcap.quantities import FloatArray
from scfcap.schema import plan as stated_plan
from scfcap.schema.allocation import AllocationChannel
from scfcap.schema.lending import Guaranteed, Joint
from scfcap.schema.messages import closest
from scfcap.schema.model import Model
from scfcap.schema.placing import channel_keys, is_channel, line_base, pledge_lines
from scfcap.schema.plan import Buyer

#: Channels from which loans may be taken without the model saying so.
_RELEASING = (OWN, BANK_DEBT)
#: Those who lend from the start, and take no loan that was made already.
_FROM_THE_START = (JOINT_LENDING, GUARANTEED_BANK, P2P)


@dataclass(frozen=True)
class Terms:
    """On what a funder takes loans, as the model has it.

    ``segments``: those it takes, None for all. ``oldest_day``: last day of origination of a loan
    that is old enough [days from ``as_of``, at most 0], with ``seasoning`` in words. ``closed``:
    why no loan may come in, empty where one may. ``new_only``: loans without a present channel
    alone. ``releases``: whether loans may leave.
    """

    segments: tuple[str, ...] | None = None
    oldest_day: int = 0
    seasoning: str = ""
    closed: str = ""
    new_only: bool = False
    releases: bool = False


@dataclass(frozen=True)
class Setting:
    """A funding date before its program: the loans, where they are, who may take them.

    ``today`` (loans,): position of the present channel among ``funders``, -1 where a loan has none
    yet. ``columns`` of the same loans as ``pool``.
    """

    spec: Model
    pool: Pool
    columns: Columns
    today: Choice
    funders: tuple[Funder, ...]
    terms: tuple[Terms, ...]
    cautions: tuple[str, ...] = ()
    under_way: Choice | None = None
    """(loans,): position of the channel that a loan is being delivered to, -1 where it is not."""

    def __len__(self) -> int:
        return len(self.pool)

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the channels."""
        return tuple(funder.key for funder in self.funders)

    @property
    def balance(self) -> FloatArray:
        """Principal of each loan [currency]."""
        return self.pool.balance

    @cached_property
    def held(self) -> FloatArray:
        """Balance in each channel today, shape (channels,) [currency]."""
        there = self.today >= 0
        return np.bincount(
            self.today[there], self.balance[there], minlength=len(self.funders)
        ).astype(np.float64)


def setting(
    spec: Model,
    pool: Pool,
    columns: Columns,
    targets: Mapping[str, Target] | None = None,
    before: Mapping[str, Sequence[str]] | None = None,
) -> Setting:
    """The funders of a date and where the loans of ``pool`` are.

    ``targets`` by key: the plan's amounts; None: values are stated, and so are the channels.
    ``before``: yesterday's allocation, lists ``loan_id`` and ``channel``, in place of the tape's
    channels; loans that it does not have are new. A ledger's has ``promised`` too, the channel that
    a loan is being delivered to, or "".

    Raises:
        InputError: a loan's channel is none of the model's; ``before`` has a loan twice.
    """
    cautions: list[str] = []
    values = _channels(columns) if before is None else _listed(pool, before, cautions)
    used = [str(x) for x in values.labels[np.unique(values.codes[values.codes >= 0])]]
    _check_used(spec, used, "tape, column channel" if before is None else "--before")
    if before is not None:
        columns = replace(columns, added={**columns.added, "channel": values})
    promised = None if before is None else _promised(pool, before)
    keys = _keys(spec, [*used, *([] if promised is None else map(str, promised.labels))], targets)
    position = {key: k for k, key in enumerate(keys)}
    table = np.array([*(position.get(str(x), -1) for x in values.labels), -1], dtype=np.int16)
    named = tuple(Funder(key, AllocationChannel()) for key in keys)
    under_way = None
    if promised is not None:
        labels = [*(position[str(x)] for x in promised.labels), -1]
        under_way = np.array(labels, dtype=np.int16)[promised.codes]
    bare = Setting(spec, pool, columns, table[values.codes], named, (), tuple(cautions), under_way)
    return with_targets(bare, targets)


def with_targets(given: Setting, targets: Mapping[str, Target] | None) -> Setting:
    """The same date with other amounts; its channels stay."""
    found = [
        _funder(given.spec, key, float(held), None if targets is None else targets.get(key))
        for key, held in zip(given.keys, given.held, strict=True)
    ]
    return replace(
        given,
        funders=tuple(funder for funder, _ in found),
        terms=tuple(terms for _, terms in found),
    )


def _channels(columns: Columns) -> Values:
    """The tape's channels; no loan has one where the tape does not say."""
    if "channel" in columns:
        return columns.values("channel")
    return Values(np.full(len(columns), -1, dtype=np.int32), np.empty(0, dtype=object))


def _listed(pool: Pool, before: Mapping[str, Sequence[str]], cautions: list[str]) -> Values:
    """Channels of the loans by a list of an earlier day."""
    import pandas as pd

    ids = pd.Index(np.asarray(before["loan_id"], dtype=object).astype(str))
    if not ids.is_unique:
        twice = ids[ids.duplicated()]
        raise InputError(
            Problem(
                "--before",
                f"loan {twice[0]} more than once",
                "each loan in one channel",
                f"{len(twice):,} rows repeat a loan; give the allocation of one day.",
            )
        )
    names = np.asarray(before["channel"], dtype=object)
    names = np.array([None if x is None or x != x or x == "" else str(x) for x in names])
    codes, labels = pd.factorize(names)
    at = ids.get_indexer(pd.Index(pool.loan_id.astype(str)))
    gone = len(ids) - int((at >= 0).sum())
    if gone:
        cautions.append(f"{gone:,} loans of the earlier allocation are no longer outstanding.")
    table = np.append(codes, -1)
    return Values(table[at].astype(np.int32), np.asarray(labels, dtype=object))


def _promised(pool: Pool, before: Mapping[str, Sequence[str]]) -> Values | None:
    """Channels that the loans are being delivered to; None where the list does not tell."""
    if "promised" not in before:
        return None
    promised = {"loan_id": before["loan_id"], "channel": before["promised"]}
    return _listed(pool, promised, [])


def _check_used(spec: Model, used: Sequence[str], where: str) -> None:
    keys = channel_keys(spec)
    problems = []
    for key in used:
        if not is_channel(spec, key):
            near = closest(key, keys)
            problems.append(
                Problem(
                    where,
                    f"holder {key!r}",
                    f"one of {', '.join(keys)}",
                    f"Did you mean {near}?"
                    if near
                    else "Add the buyer, series, partner or line to model.toml, or correct it.",
                )
            )
    if problems:
        raise InputError(problems)


def _keys(spec: Model, used: Sequence[str], targets: Mapping[str, Target] | None) -> list[str]:
    """Own capital, the channels that take part, and those where loans are."""
    stated = [key for key in spec.allocation.channels if key != OWN]
    by_plan: list[str] = []
    if targets is not None:
        vehicle = spec.securitization
        series = () if vehicle is None else vehicle.series
        by_plan = [
            *(place(BANK_TRANSFER, x.name) for x in spec.buyers),
            *(place(SECURITIZATION, x.name) for x in series),
            *(key for key in targets if is_channel(spec, key)),
        ]
    return list(dict.fromkeys([OWN, *by_plan, *stated, *sorted(used)]))


def _funder(spec: Model, key: str, held: float, target: Target | None) -> tuple[Funder, Terms]:
    """A channel with the rules and amounts of its funder."""
    stated = spec.allocation.channels.get(key, AllocationChannel())
    base, rules, part = _rules(spec, key)
    rules = stated.eligibility or rules
    chosen = None if rules is None else spec.pool.eligibility[rules]
    terms = _terms(spec, key, stated)
    aim = _model_amounts(spec, key, held) if target is None else target
    left_out = target is None and spec.allocation.values == "stated"  # noqa: PD011
    if left_out and key not in (OWN, *spec.allocation.channels):
        terms = replace(terms, closed="the channel is not among those stated")
    if terms.closed and target is None:
        aim = replace(aim, most=max(aim.most, held))
    if stated.least is not None or stated.most is not None:
        least = aim.least if stated.least is None else stated.least
        most = aim.most if stated.most is None else stated.most
        aim = replace(aim, least=least, most=most, source="stated")
    return Funder(key, stated, aim, rules, chosen, base, part), terms


def _rules(spec: Model, key: str) -> tuple[str | None, str | None, float]:
    """Borrowing base, eligibility set and share of each loan of a channel."""
    funder = _named(spec, key)
    kind, _, name = key.partition(":")
    if kind == BANK_DEBT:
        return pledge_lines(spec)[name], line_base(spec, name).eligibility, 1.0
    if kind == SECURITIZATION and spec.securitization is not None:
        return None, spec.securitization.eligibility, 1.0
    if isinstance(funder, Joint):
        return None, funder.eligibility, 1.0 - funder.own_share
    return None, None if funder is None else funder.eligibility, 1.0


def _named(spec: Model, key: str) -> Buyer | Guaranteed | Joint | stated_plan.P2P | None:
    """The funder of a channel where the model has a record of it alone."""
    kind, _, name = key.partition(":")
    several: dict[str, Sequence[Buyer | Guaranteed | Joint]] = {
        BANK_TRANSFER: spec.buyers,
        GUARANTEED_BANK: spec.guaranteed,
        JOINT_LENDING: spec.joint,
    }
    if kind == P2P:
        return spec.p2p
    return next((x for x in several.get(kind, ()) if x.name == name), None)


def _terms(spec: Model, key: str, stated: AllocationChannel) -> Terms:
    kind = channel_of(key)
    releases = kind in _RELEASING if stated.releases is None else stated.releases
    segments: tuple[str, ...] = ()
    seasoning, closed = 0, "" if stated.open else "closed to new loans"
    funder = _named(spec, key)
    if funder is not None:
        segments = funder.segments
        seasoning = funder.min_seasoning if isinstance(funder, Buyer) else 0
        closed = closed or ("" if funder.limit > 0.0 else "its limit is 0")
        if isinstance(funder, stated_plan.P2P) and not _window(funder, spec):
            closed = closed or "its window is shut"
    if kind == SECURITIZATION and spec.securitization is not None:
        segments, seasoning = spec.securitization.segments, spec.securitization.min_seasoning
        closed = closed or _amortising(spec, key)
    day = (moved(spec.as_of, -seasoning, spec.plan.unit) - spec.as_of).days if seasoning else 0
    return Terms(
        segments=segments or None,
        oldest_day=day,
        seasoning=f"younger than {seasoning} {spec.plan.unit}s" if seasoning else "",
        closed=closed,
        new_only=kind in _FROM_THE_START,
        releases=releases,
    )


def _window(p2p: stated_plan.P2P, spec: Model) -> bool:
    """Whether P2P lenders may lend at ``as_of``."""
    begun = p2p.open_from is None or p2p.open_from <= spec.as_of
    return begun and (p2p.open_to is None or spec.as_of <= p2p.open_to)


def _amortising(spec: Model, key: str) -> str:
    """Why a series buys no more loans, empty where it does."""
    vehicle, name = spec.securitization, key.partition(":")[2]
    if vehicle is None:
        return ""
    for series in vehicle.series:
        if series.name == name:
            end = moved(series.closing, vehicle.revolving_periods, spec.plan.unit)
            return "" if spec.as_of < end else f"its revolving period ended on {end}"
    return ""


def _model_amounts(spec: Model, key: str, held: float) -> Target:
    """What the model lets a channel hold where neither plan nor ``[allocation]`` say an amount."""
    kind, _, name = key.partition(":")
    funder = _named(spec, key)
    if funder is not None:
        flow = math.inf if funder.per_period is None else held + funder.per_period
        most = max(min(funder.limit, flow), held)
        return Target(most=most, source="the funder's limit and what it takes in a period")
    vehicle = spec.securitization
    if kind == SECURITIZATION and vehicle is not None:
        for series in vehicle.series:
            if series.name == name:
                return Target(most=held + series.cash, source="its loans and cash")
        for issue in vehicle.issues:
            if issue.name == name:
                most = min(issue.max_pool, vehicle.programme_limit)
                return Target(most=most, source="the largest pool of the issue")
    return Target()
