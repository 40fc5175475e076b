"""Limits on names: the true ones from the tape, and that those in the program are parts of them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from scfcap.expressions import Texts
from scfcap.quantities import FloatArray
from scfcap.verify.claim import Claim
from scfcap.verify.exact import product, sums
from scfcap.verify.layout import LimitText, NamesText, PartText
from scfcap.verify.limits import ROUNDING


def over(claim: Claim, limit: NamesText, texts: Texts, numbers: dict[str, FloatArray]) -> str:
    """Which names have more than a limit on names allows, on exact sums; empty where none has."""
    count = len(texts.labels)
    places = np.where(texts.codes < 0, count, texts.codes).astype(np.int64)
    held: dict[int, Fraction] = {}
    for weight in limit.weights:
        loans = np.flatnonzero(claim.choice == claim.channels.index(weight.channel))
        parts: tuple[FloatArray, ...] = (claim.balance[loans],)
        if weight.number is not None:
            parts = product(claim.balance[loans], numbers[weight.number][loans])
        for part in parts:
            for place, amount in sums(places[loans], part, count + 1).items():
                more = Fraction(weight.weight) * amount
                held[place] = held.get(place, Fraction(0)) + more
    total = sum(held.values(), Fraction(0))
    held.pop(count, None)
    largest = sorted(held, key=lambda place: (-held[place], texts.labels[place]))[: limit.top]
    most = sum((held[place] for place in largest), Fraction(0))
    allowed = Fraction(limit.cap or 0.0) if limit.share is None else Fraction(limit.share) * total
    if most <= allowed + Fraction(ROUNDING) * (total + abs(allowed)):
        return ""
    who = ", ".join(texts.labels[place] for place in largest)
    return f"{limit.name}: {who} has {float(most)!r}, at most {float(allowed)!r}"


def strange_parts(limit: LimitText, names: NamesText) -> Iterator[str]:
    """What keeps a limit from following from one on names: then the bound would not hold.

    It follows if it says of at most ``top`` names what the limit on names says of any.
    """
    members = {part.members for part in limit.parts if part.column is not None}
    if len(members) != 1 or not 0 < len(next(iter(members))) <= names.top:
        yield f"{limit.name}: not of one set of at most {names.top} names"
        return
    expected: dict[tuple[str, str | None, str | None], float] = {}
    for each in names.weights:
        expected[each.channel, names.column, each.number] = each.weight
        if names.share is not None:
            expected[each.channel, None, each.number] = -names.share * each.weight
    found = {_key(part): part.weight for part in limit.parts}
    right = 0.0 if names.share is not None else names.cap
    alike = found.keys() == expected.keys() and len(found) == len(limit.parts)
    if limit.right != right or not alike or any(found[k] != expected[k] for k in expected):
        yield f"{limit.name}: not what {names.name} says of {', '.join(next(iter(members)))}"


def _key(part: PartText) -> tuple[str, str | None, str | None]:
    return part.channel, part.column, part.number
