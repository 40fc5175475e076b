"""The limits of a funding date: bands, means, shares of names, churn, cover; as data, then rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scfcap.axes import BANK_DEBT
from scfcap.funding.allocation.admission import Admission
from scfcap.funding.allocation.counting import Counting, Weights
from scfcap.funding.allocation.funders import Setting
from scfcap.funding.allocation.program import Kind
from scfcap.pool.borrowing_base import advance_rates
from scfcap.quantities import FloatArray, IntArray
from scfcap.schema.allocation import Across
from scfcap.schema.placing import line_base
from scfcap.schema.pool import Concentration

#: Name of the attribute that says where a loan is today.
TODAY = "channel today"


@dataclass(frozen=True)
class NameLimit:
    """No value of ``column``, or not its ``top`` largest together, has more than so much.

    ``weights``: the channels that count. Either ``share`` of the balance in them, or ``cap``
    [currency]. ``stated``: the limit as the model has it.
    """

    name: str
    kind: Kind
    weights: Weights
    column: str
    top: int
    share: float | None
    cap: float
    stated: float

    def allowed(self, total: float) -> float:
        """Most that the names may have where ``total`` is in the channels [currency]."""
        return self.cap if self.share is None else self.share * total


@dataclass(frozen=True)
class SumLimit:
    """``sum of balances times factors <= right``: a band, a mean, churn, cover or a ticket.

    ``parts``: channel, weight, number by which the balance is multiplied (None: 1), attribute
    and its members on which it counts (None: all loans).
    """

    name: str
    kind: Kind
    right: float
    parts: tuple[Part, ...]
    stated: float | None = None


@dataclass(frozen=True)
class Part:
    """One term of a :class:`SumLimit`."""

    channel: int
    weight: float
    number: str | None = None
    attribute: str | None = None
    members: tuple[int, ...] = ()


@dataclass(frozen=True)
class Limits:
    """All limits of a date. ``numbers`` (loans,) by name; ``known`` by column: 0 where a loan has
    the number, -1 where not, of columns that some loan in a channel lacks.
    """

    sums: tuple[SumLimit, ...]
    names: tuple[NameLimit, ...]
    numbers: dict[str, FloatArray]
    known: dict[str, IntArray]
    cautions: tuple[str, ...]


def limits_of(
    given: Setting, found: Admission, counting: Counting, counts: dict[str, FloatArray]
) -> Limits:
    """Every limit of the model on where loans go; ``counts``: numbers that targets count by."""
    builder = _Builder(given, found, counting)
    builder.numbers |= counts
    sums = [*builder.bands(), *builder.means(), *builder.covers(), *builder.day()]
    names = [*builder.concentrations(), *builder.across()]
    return Limits(
        sums=_distinct(sums),
        names=_distinct(names),
        numbers={**builder.numbers, **counting.numbers},
        known=builder.known,
        cautions=tuple(builder.cautions),
    )


class _Builder:
    """Goes through the model's limits, keeping what they need to know of the loans."""

    def __init__(self, given: Setting, found: Admission, counting: Counting) -> None:
        self.given, self.found, self.counting = given, found, counting
        self.numbers: dict[str, FloatArray] = {}
        self.known: dict[str, IntArray] = {}
        self.cautions: list[str] = []

    def bands(self) -> Iterator[SumLimit]:
        """Least and most in each channel."""
        for key, funder in zip(self.given.keys, self.given.funders, strict=True):
            weights = self.counting.weights([key])
            aim = funder.target
            if np.isfinite(aim.most):
                by = aim.number if funder.stated.most is None else None
                parts = self._counted(weights, 1.0, by)
                yield SumLimit(f"{key}: most", "most", aim.most, parts, aim.most)
            if aim.least > 0.0:
                by = aim.number if funder.stated.least is None else None
                parts = self._counted(weights, -1.0, by)
                yield SumLimit(f"{key}: least", "least", -aim.least, parts, aim.least)

    def _counted(self, weights: Weights, sign: float, number: str | None) -> tuple[Part, ...]:
        """The loans of an amount, by the number by which it counts them, if any."""
        if number is None:
            return self._parts(weights, sign)
        return tuple(self._times(weights, sign, number, None))

    def _parts(
        self, weights: Weights, sign: float, attribute: str | None = None
    ) -> tuple[Part, ...]:
        members = () if attribute is None else (0,)
        found = []
        for c, side in weights:
            factor, number = self.counting.parted(c, side)
            found.append(Part(c, sign * factor, number, attribute, members))
        return tuple(found)

    def means(self) -> Iterator[SumLimit]:
        """Weighted averages: ``sum of b (number - limit) <= 0``, and the same below."""
        for key, funder in zip(self.given.keys, self.given.funders, strict=True):
            weights = self.counting.weights([key])
            for mean in funder.stated.averages:
                attribute = self._number(mean.column, weights, key)
                name = f"{key}: {mean.label}"
                for kind, limit, sign in (("least", mean.least, -1.0), ("most", mean.most, 1.0)):
                    if limit is None:
                        continue
                    parts = [
                        *self._times(weights, sign, mean.column, attribute),
                        *self._parts(weights, -sign * limit, attribute),
                    ]
                    yield SumLimit(f"{name}, {kind}", "average", 0.0, tuple(parts), limit)

    def _number(self, column: str, weights: Weights, key: str) -> str | None:
        """Keep a column's numbers; the attribute of those who have one, where some may lack it."""
        values = self.given.columns.numbers(column)
        missing = np.isnan(values)
        self.numbers[column] = np.where(missing, 0.0, values)
        held = missing & np.logical_or.reduce([self.found.eligible[:, c] for c, _ in weights])
        if not held.any():
            return None
        there = int(held.sum())
        self.cautions.append(
            f"{key}: {there:,} loans that it may hold lack {column}; the mean is over the others."
        )
        name = f"{column} is known"
        self.known[name] = np.where(missing, -1, 0).astype(np.int64)
        return name

    def _times(
        self, weights: Weights, sign: float, column: str, attribute: str | None
    ) -> Iterator[Part]:
        members = () if attribute is None else (0,)
        for c, side in weights:
            factor, number = self.counting.parted(c, side)
            name = column
            if number is not None:
                name = f"{column} times {number}"
                self.numbers[name] = self.numbers[column] * self.counting.numbers[number]
            yield Part(c, sign * factor, name, attribute, members)

    def covers(self) -> Iterator[SumLimit]:
        """What is advanced on pledged loans covers what is drawn, reserves, least availability."""
        for c, funder in enumerate(self.given.funders):
            if funder.kind != BANK_DEBT:
                continue
            base = line_base(self.given.spec, funder.name)
            drawn = base.drawn
            if drawn is None:
                lenders = [x for x in self.given.spec.lenders if x.name == base.lender]
                drawn = sum(draw.amount for lender in lenders for draw in lender.draws)
            share = sum(reserve.share for reserve in base.reserves)
            needed = drawn + base.minimum + sum(reserve.amount for reserve in base.reserves)
            number = f"advance rate of {funder.name}"
            rates = advance_rates(self.given.columns, base, self.found.eligible[:, c])
            self.numbers[number] = rates
            parts = [Part(c, -1.0, number)]
            if share > 0.0:
                parts.append(Part(c, share))
            yield SumLimit(f"{funder.key}: cover", "cover", -needed, tuple(parts), needed)

    def day(self) -> Iterator[SumLimit]:
        """What changes on the day: the least that moves in, and the most that moves at all."""
        given = self.given
        for c, funder in enumerate(given.funders):
            ticket = funder.stated.minimum_ticket
            if ticket > 0.0 and (self.found.eligible[:, c] & (given.today != c)).any():
                moved = (Part(c, -1.0), Part(c, 1.0, None, TODAY, (c,)))
                yield SumLimit(f"{funder.key}: ticket", "ticket", -ticket, moved, ticket)
        churn = given.spec.allocation.churn
        if churn is not None:
            every = range(len(given.funders))
            parts = tuple(
                Part(c, 1.0, None, TODAY, tuple(x for x in every if x != c)) for c in every
            )
            if len(parts) > 1:
                total = float(given.balance.sum())
                yield SumLimit("churn", "churn", churn * total, parts, churn)

    def concentrations(self) -> Iterator[NameLimit]:
        """Limits on names within a channel: of its eligibility set, and its own."""
        for key, funder in zip(self.given.keys, self.given.funders, strict=True):
            chosen = () if funder.chosen is None else funder.chosen.concentrations
            for limit in (*chosen, *funder.stated.concentrations):
                yield self._named(f"{key}: {limit.label}", [key], limit, limit.top)

    def across(self) -> Iterator[NameLimit]:
        """Limits on names over several channels."""
        for limit in self.given.spec.allocation.limits:
            keys = [key for key in limit.channels if key in self.given.keys]
            if not limit.channels:
                keys = list(self.given.keys)
            if keys:
                yield self._named(limit.label, keys, limit, 1)

    def _named(
        self, name: str, keys: Sequence[str], limit: Concentration | Across, top: int
    ) -> NameLimit:
        stated = limit.amount if limit.share is None else limit.share
        assert stated is not None
        kind: Kind = "cap" if isinstance(limit, Across) else "share"
        weights = self.counting.weights(keys)
        found = NameLimit(name, kind, weights, limit.column, top, limit.share, np.inf, stated)
        if limit.amount is not None:
            return replace(found, cap=limit.amount)
        if limit.of is not None:
            return replace(found, share=None, cap=stated * limit.of)
        return found


def _distinct(limits: Sequence[SumLimit] | Sequence[NameLimit]) -> tuple:  # type: ignore[type-arg]
    """The limits with names that differ: the second of a name is numbered."""
    taken: dict[str, int] = {}
    found = []
    for limit in limits:
        count = taken[limit.name] = taken.get(limit.name, 0) + 1
        found.append(limit if count == 1 else replace(limit, name=f"{limit.name} ({count})"))
    return tuple(found)
