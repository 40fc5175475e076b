"""What ``[allocation]`` names: channels, sets and lines that the rest of the model has."""

from __future__ import annotations

from collections.abc import Callable, Iterator

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
from scfcap.errors import Problem
from scfcap.schema.messages import Key, closest
from scfcap.schema.model import Model
from scfcap.schema.pool import BorrowingBaseSpec

Where = Callable[[Key], str]
#: What a channel may state that own capital may not: it takes every loan that goes nowhere else.
_NOT_OWN = ("open", "eligibility", "minimum_loan", "minimum_ticket", "move_cost")


def channel_keys(spec: Model) -> list[str]:
    """Keys of all channels that ``[allocation]`` may speak of, own capital first.

    P2P lenders stand together under ``p2p``, and may be named one by one: ``p2p:NAME``.
    """
    vehicle = spec.securitization
    series: list[str] = []
    if vehicle is not None:
        series = [*(x.name for x in vehicle.series), *(x.name for x in vehicle.issues)]
    keys = [
        OWN,
        *(place(BANK_TRANSFER, x.name) for x in spec.buyers),
        *(place(SECURITIZATION, x) for x in series),
        *(place(JOINT_LENDING, x.name) for x in spec.joint),
        *(place(GUARANTEED_BANK, x.name) for x in spec.guaranteed),
        *(place(BANK_DEBT, x) for x in pledge_lines(spec)),
    ]
    return keys if spec.p2p is None or spec.p2p.mode == "debt" else [*keys, P2P]


def pledge_lines(spec: Model) -> dict[str, str]:
    """Names of lines that loans may be pledged to, and of the borrowing base that tests them.

    A line is called by its lender; without a lender by the base.
    """
    bases: dict[str, BorrowingBaseSpec] = spec.pool.borrowing_base
    named = {base.lender: name for name, base in bases.items() if base.lender is not None}
    return named | {name: name for name, base in bases.items() if base.lender is None}


def line_base(spec: Model, line: str) -> BorrowingBaseSpec:
    """The borrowing base of a line of :func:`pledge_lines`."""
    return spec.pool.borrowing_base[pledge_lines(spec)[line]]


def is_channel(spec: Model, key: str) -> bool:
    """Whether there is such a channel."""
    keys = channel_keys(spec)
    return key in keys or (P2P in keys and channel_of(key) == P2P)


def placing(spec: Model, where: Where) -> Iterator[Problem]:
    """Every disagreement between ``[allocation]`` and the rest of the model."""
    stated = spec.allocation
    keys = channel_keys(spec)
    for key, channel in stated.channels.items():
        at: Key = ("allocation", "channels", key)
        if not is_channel(spec, key):
            yield _unknown(where(at), key, keys)
            continue
        if channel.eligibility is not None and channel.eligibility not in spec.pool.eligibility:
            sets = list(spec.pool.eligibility)
            yield _unknown(where((*at, "eligibility")), channel.eligibility, sets, "sets")
        if key == OWN:
            for name in _NOT_OWN:
                if name in channel.model_fields_set:
                    yield Problem(
                        where((*at, name)),
                        f"{name} of own capital",
                        "none: loans that go nowhere else stay there",
                        "Take it out, or limit its amount with most.",
                    )
        elif stated.values == "stated" and channel.cost is None and channel_of(key) != BANK_DEBT:
            yield Problem(
                where((*at, "cost")),
                "no cost",
                "the all-in cost of the channel's money [1/year], as values are stated",
                'State it, or set allocation.values to "plan".',
            )
    yield from _shared_lines(spec, where)
    there = [OWN, *(key for key in stated.channels if key != OWN)]
    there = there if stated.values == "stated" else keys
    for number, promise in enumerate(stated.promised):
        if promise.channel not in there and not _known_p2p(spec, promise.channel):
            yield _unknown(
                where(("allocation", "promised", number, "channel")), promise.channel, there
            )
    for number, limit in enumerate(stated.limits):
        for key in limit.channels:
            if key not in there and not _known_p2p(spec, key):
                yield _unknown(where(("allocation", "limits", number, "channels")), key, there)


def _known_p2p(spec: Model, key: str) -> bool:
    return spec.allocation.values == "plan" and is_channel(spec, key)


def _shared_lines(spec: Model, where: Where) -> Iterator[Problem]:
    """A line that loans are pledged to is tested by one borrowing base."""
    lenders = [base.lender for base in spec.pool.borrowing_base.values()]
    for key in spec.allocation.channels:
        kind, _, line = key.partition(":")
        if kind == BANK_DEBT and lenders.count(line) > 1:
            yield Problem(
                where(("allocation", "channels", key)),
                f"{lenders.count(line)} borrowing bases of {line}",
                "one, by which the pledge is tested",
                "Take the lender out of the others, and state limit and drawn there.",
            )


def _unknown(where: str, key: str, keys: list[str], what: str = "channels") -> Problem:
    near = closest(key, keys)
    return Problem(
        where,
        f'"{key}"',
        f"one of the {what} {', '.join(keys) or '(none)'}",
        f"Did you mean {near}?" if near else "",
    )
