"""One loan's reckoning in sentences."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scfcap.funding.allocation.explain import DECIDED, STATUSES, Explained
from scfcap.funding.allocation.program import AllocationProgram
from scfcap.funding.allocation.row_words import channel_words, limit_of

_DECIDED = {
    "only_place": "It may go nowhere else.",
    "most_net": "At these prices it leaves most there.",
    "equal": "At these prices {other} would leave as much.",
    "no_churn": "It stays: elsewhere it would leave more, but for the limit on changes of channel.",
    "whole_loans": (
        "At these prices it would leave more in {other}; there whole loans and the limits together "
        "do not have it."
    ),
}


def loan_sentences(explained: Explained, k: int = 0) -> tuple[str, ...]:
    """The ``k``-th of the explained loans: where it goes, what decided, why not elsewhere."""
    return (*_head(explained, k), *_decided(explained, k), *_elsewhere(explained, k))


def _say(explained: Explained, amount: float) -> str:
    return f"{explained.assembled.currency} {round(amount, 2) + 0.0:,.2f}"  # no negative zero


def _head(explained: Explained, k: int) -> Iterator[str]:
    program = explained.allocation.program
    i = int(explained.loans[k])
    places = explained.places
    at, today = int(explained.at[k]), int(program.today[i])
    who = f"Loan {program.loan_id[i]}, {_say(explained, float(program.balance[i]))}"
    if at == today:
        yield f"{who}: stays in {channel_words(places[at])}."
    elif today < 0:
        yield f"{who}: goes to {channel_words(places[at])}, placed for the first time."
    else:
        yield f"{who}: goes from {channel_words(places[today])} to {channel_words(places[at])}."


def _decided(explained: Explained, k: int) -> Iterator[str]:
    yield f"{_reckoned(explained, k, int(explained.at[k]))}."
    word = DECIDED[int(explained.decided[k])]
    other = int(explained.other[k])
    yield _DECIDED[word].format(other=channel_words(explained.places[other]))
    if other < 0:
        return
    yield f"Next best: {_reckoned(explained, k, other)}."
    loss = float(explained.net[k, explained.at[k]] - explained.net[k, other])
    if word in ("most_net", "no_churn"):
        yield f"Put there, it would lose {_say(explained, loss)} at these prices."


def _reckoned(explained: Explained, k: int, place: int) -> str:
    """``in P2P it is worth CNY 10.00, the limits charge 2.00, of it 1.50 for ..., leaves 8.00``."""
    key = explained.places[place]
    if not key:
        return "placed nowhere it is worth nothing and takes no room"
    value, price = float(explained.value[k, place]), float(explained.price[k, place])
    words = f"in {channel_words(key)} it is worth {_say(explained, value)}"
    words = words[:1].upper() + words[1:] if place == explained.at[k] else words
    if not price:
        return f"{words}, and no limit that binds is touched"
    verb = "charge" if price > 0.0 else "pay"
    named = _named(explained, k, place)
    net = _say(explained, float(explained.net[k, place]))
    return f"{words}, the limits {verb} {_say(explained, abs(price))}{named}, so that {net} is left"


def _named(explained: Explained, k: int, place: int) -> str:
    """The rows that weigh most, with what each charges or pays."""
    program = explained.allocation.program
    found = explained.charged(np.array([k]), np.array([place]))
    parts = [
        f"{_say(explained, abs(amount))} {'for' if amount > 0.0 else 'back by'} "
        f"{_limit(program, int(row), explained.assembled.currency)}"
        for row, amount in zip(found.row[0], found.amount[0], strict=True)
        if row >= 0
    ]
    return f" ({'; '.join(parts)})" if parts else ""


def _limit(program: AllocationProgram, r: int, currency: str) -> str:
    limit = limit_of(program, program.rows[r])
    return f"{limit.what}, {limit.figure(currency)}"


def _elsewhere(explained: Explained, k: int) -> Iterator[str]:
    """Why no other channel has it."""
    i = int(explained.loans[k])
    assembled = explained.assembled
    for c, key in enumerate(explained.allocation.program.channels):
        status = STATUSES[int(explained.status[k, c])]
        where = channel_words(key)
        reason = assembled.reasons[int(assembled.refused[i, c])]
        if status == "refused":
            yield f"Not {where}: {reason or 'it may not go there'}."
        elif status == "undetermined":
            yield f"Not {where}: {reason or 'a value is missing'}."
        elif status != "chosen" and c != explained.other[k]:
            yield f"Not {where}: {_rather(explained, k, c, status)}."


def _rather(explained: Explained, k: int, c: int, status: str) -> str:
    """Why an open channel does not have the loan."""
    less = float(explained.net[k, explained.at[k]] - explained.net[k, c])
    if status == "equal":
        return "it would leave as much there, and whole loans decide"
    if status == "ticket":
        return "nothing moves into it today, and its least ticket holds"
    if status == "whole_loans":
        return f"it would leave {_say(explained, -less)} more there, but whole loans decide"
    if status == "no_churn":
        return (
            "it would leave more there, but for the limit on changes of channel; with it "
            f"{_say(explained, less)} less"
        )
    return f"it would leave {_say(explained, less)} less there"
