"""Limits on names: the true ones from the tape, and that those in the program are parts of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

import numpy as np

from scfcap.expressions import Texts
from scfcap.quantities import FloatArray, IntArray
from scfcap.verify.claim import Claim
from scfcap.verify.exact import in_range, product, sums
from scfcap.verify.layout import LimitText, NamesText, PartText
from scfcap.verify.limits import ROUNDING
from scfcap.verify.report import named

#: What names may be given beyond what loans without a choice lack, share of it.
RELIEF = 2e-9


class Names:
    """A limit on names over the loans of a claim; ``texts`` and ``numbers`` (loans,) by name."""

    def __init__(
        self, claim: Claim, limit: NamesText, texts: Texts, numbers: Mapping[str, FloatArray]
    ) -> None:
        self.claim, self.limit, self.numbers = claim, limit, numbers
        self.labels = texts.labels
        self.count = len(texts.labels)
        self.places = np.where(texts.codes < 0, self.count, texts.codes).astype(np.int64)

    def held(self, choice: IntArray) -> tuple[dict[int, Fraction], Fraction]:
        """What each name has where loans are placed so, and what all have, on exact sums."""
        claim, held = self.claim, dict[int, Fraction]()
        for weight in self.limit.weights:
            loans = np.flatnonzero(choice == claim.channels.index(weight.channel))
            parts: tuple[FloatArray, ...] = (claim.balance[loans],)
            if weight.number is not None:
                parts = product(claim.balance[loans], self.numbers[weight.number][loans])
            for part in parts:
                for place, amount in sums(self.places[loans], part, self.count + 1).items():
                    more = Fraction(weight.weight) * amount
                    held[place] = held.get(place, Fraction(0)) + more
        total = sum(held.values(), Fraction(0))
        held.pop(self.count, None)
        return held, total

    def unsound(self, choice: IntArray) -> Iterator[str]:
        """Loans placed so whose balance or number cannot be added exactly: missing, or extreme."""
        for weight in self.limit.weights:
            loans = np.flatnonzero(choice == self.claim.channels.index(weight.channel))
            held = [self.claim.balance[loans]]
            if weight.number is not None:
                held.append(self.numbers[weight.number][loans])
            odd = ~np.logical_and.reduce([in_range(each) for each in held])
            if odd.any():
                said = f"no sound amount of {weight.number or 'balance'}"
                yield f"{self.limit.name}: {said} for {named(self.claim.loan_id[loans[odd]])}"

    def allowed(self, total: Fraction) -> Fraction:
        """Most that names may have, without relief."""
        if self.limit.share is not None:
            return Fraction(self.limit.share) * total
        return Fraction(self.limit.cap or 0.0)

    def largest(self, held: dict[int, Fraction]) -> list[tuple[list[int], Fraction]]:
        """What is limited: each name, or the largest together."""
        if self.limit.top == 1:
            return [([place], amount) for place, amount in held.items()]
        order = sorted(held, key=lambda place: (-held[place], self.labels[place]))
        chosen = order[: self.limit.top]
        return [(chosen, sum((held[place] for place in chosen), Fraction(0)))]

    def relief(self, chosen: list[int]) -> Fraction:
        """What names are given beyond the limit."""
        name = self.labels[chosen[0]] if self.limit.top == 1 and chosen else ""
        return Fraction(self.limit.relief.get(name, 0.0))

    def over(self) -> Iterator[str]:
        """Which names have more than is allowed."""
        unsound = list(self.unsound(self.claim.choice))
        if unsound:
            yield from unsound
            return
        held, total = self.held(self.claim.choice)
        for chosen, amount in self.largest(held):
            allowed = self.allowed(total) + self.relief(chosen)
            if amount > allowed + Fraction(ROUNDING) * (total + abs(allowed)):
                yield (
                    f"{self.limit.name}: {self.who(chosen)} has {float(amount)!r}, "
                    f"at most {float(allowed)!r}"
                )

    def over_relieved(self) -> Iterator[str]:
        """Which names are given more than loans without a choice break the limit by."""
        if not self.limit.relief:
            return
        unsound = list(self.unsound(self.claim.alone))
        if unsound:
            yield from unsound
            return
        held, total = self.held(self.claim.alone)
        place = {label: k for k, label in enumerate(self.labels)}
        whole = self.largest(held)
        whole_held = whole[0][1] if whole else Fraction(0)
        for name, given in self.limit.relief.items():
            amount = held.get(place.get(name, -1), Fraction(0)) if name else whole_held
            lacking = max(amount - self.allowed(total), Fraction(0))
            if Fraction(given) > lacking + Fraction(RELIEF) * max(amount, Fraction(1)):
                yield f"{self.limit.name}: relief of {given!r}, at most {float(lacking)!r}"
            if bool(name) is not (self.limit.top == 1):
                yield f"{self.limit.name}: relief of {name or 'all'}, which it does not limit"

    def who(self, chosen: list[int]) -> str:
        """Names in words."""
        return ", ".join(self.labels[place] for place in chosen)


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
    base = 0.0 if names.share is not None else names.cap or 0.0
    who = next(iter(next(iter(members)))) if names.top == 1 else ""
    right = base + names.relief.get(who, 0.0)
    alike = found.keys() == expected.keys() and len(found) == len(limit.parts)
    if limit.right != right or not alike or any(found[k] != expected[k] for k in expected):
        yield f"{limit.name}: not what {names.name} says of {', '.join(next(iter(members)))}"


def _key(part: PartText) -> tuple[str, str | None, str | None]:
    return part.channel, part.column, part.number
