"""Left sides of limits for any placement, without rounding."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import numpy as np

from scfcap.quantities import FloatArray, IntArray
from scfcap.verify.claim import Claim, Limit, Part
from scfcap.verify.exact import product, sums

#: What a limit may be passed by, of the sum of the sizes of its parts: stated weights and right
#: sides are doubles, which say 30% to half a unit of their last place (2^-53), after some steps.
ROUNDING = 2.0**-48
#: What a part sums: channel, column and number.
Key = tuple[int, str | None, str | None]


def key(part: Part) -> Key:
    """What a part sums."""
    return part.channel, part.column, part.number


def left_sides(
    claim: Claim, choice: IntArray, which: Iterable[int] | None = None
) -> tuple[list[Fraction], FloatArray]:
    """Exact left sides of limits (of those in ``which``) where loans are placed as ``choice`` says,
    and the sum of the sizes of their parts [currency], shape (limits,).
    """
    chosen = range(len(claim.limits)) if which is None else list(which)
    limits = [claim.limits[k] for k in chosen]
    needed: dict[Key, set[int]] = {}
    for limit in limits:
        for part in limit.parts:
            needed.setdefault(key(part), set()).update(part.members)
    held = {each: _by_value(claim, choice, each, members) for each, members in needed.items()}
    exact, size = zip(*(_sum(limit, held) for limit in limits), strict=True) if limits else ((), ())
    return list(exact), np.array(size, dtype=np.float64)


def _by_value(
    claim: Claim, choice: IntArray, what: Key, members: set[int]
) -> tuple[dict[int, Fraction], dict[int, float]]:
    """Exact sums, and sums of sizes, by value of the column (all at 0 without one)."""
    channel, column, number = what
    loans = np.flatnonzero(choice == channel)
    if column is None:
        places, count, values = np.zeros(len(loans), dtype=np.int64), 1, [0]
    else:
        codes = claim.columns[column].codes[loans]
        values = sorted(members)
        rank = np.full(len(claim.columns[column].labels) + 1, -1, dtype=np.int64)
        rank[values] = np.arange(len(values))
        places, count = rank[codes], len(values)
        loans, places = loans[places >= 0], places[places >= 0]
    balance = claim.balance[loans]
    if number is None:
        found, amounts = sums(places, balance, count), np.abs(balance)
    else:
        amounts, error = product(balance, claim.numbers[number][loans])
        found = sums(places, amounts, count)
        for place, more in sums(places, error, count).items():
            found[place] = found.get(place, Fraction(0)) + more
    sizes = np.bincount(places, weights=np.abs(amounts), minlength=count).tolist()
    exact = {values[place]: amount for place, amount in found.items()}
    return exact, dict(zip(values, sizes, strict=True))


def _sum(
    limit: Limit, held: dict[Key, tuple[dict[int, Fraction], dict[int, float]]]
) -> tuple[Fraction, float]:
    exact, size = Fraction(0), 0.0
    for part in limit.parts:
        amounts, sizes = held[key(part)]
        values = [0] if part.column is None else part.members
        inside = sum((amounts[v] for v in values if v in amounts), Fraction(0))
        exact += Fraction(part.weight) * inside
        size += abs(part.weight) * sum(sizes[v] for v in values)
    return exact, size
