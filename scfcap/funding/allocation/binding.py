"""Which limits can bind at all: rows that no placement could break are left out of the program."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from scfcap.axes import OWN
from scfcap.errors import InfeasibleError
from scfcap.funding.allocation.counting import Counting, Weights
from scfcap.funding.allocation.limits import TODAY, Limits, NameLimit, Part, SumLimit
from scfcap.pool.columns import Values
from scfcap.quantities import BoolArray, FloatArray, IntArray

#: Rows on single names that a limit begins with; others are added once they are broken.
FIRST = 100
#: Kinds of rows that are kept though nothing could break them: a ticket binds by cases, and of a
#: cover the room is told.
_SHOWN = ("ticket", "cover")
#: Share of a limit by which it must be out of reach to count as such.
_CLEAR = 1e-9
#: What sums of floats may be off by, share of them.
_ROUNDING = 1e-11


@dataclass(frozen=True)
class NameRow:
    """A row on some values of a limit's column, by their codes."""

    limit: NameLimit
    members: tuple[int, ...]


@dataclass
class Binding:
    """Limits of a date that some placement could break.

    ``sums`` are all such; ``rows`` those on names to begin with. ``left_out``: rows that nothing
    could break; ``waiting``: rows on names that are added once they are broken. ``relief``: what
    rows on names are given beyond their limits, by name of the limit and code [currency]; of the
    largest together one figure for all.
    """

    sums: list[SumLimit] = field(default_factory=list)
    rows: list[NameRow] = field(default_factory=list)
    left_out: int = 0
    waiting: int = 0
    relief: dict[str, FloatArray] = field(default_factory=dict)
    cautions: list[str] = field(default_factory=list)

    def relieved(self, limit: NameLimit, code: int) -> float:
        """What a row of ``limit`` on the name ``code`` is given beyond it [currency]."""
        by_code = self.relief.get(limit.name)
        if by_code is None:
            return 0.0
        return float(by_code[0] if limit.top > 1 else by_code[code])


class Reach:
    """How far the loans may push what is limited, and how far they do wherever they go."""

    def __init__(self, counting: Counting, limits: Limits) -> None:
        self.counting, self.given, self.limits = counting, counting.given, limits
        # Of the last channels that were asked for: limits on the same ones follow each other.
        self._most: dict[Weights, FloatArray] = {}
        self._least: dict[Weights, FloatArray] = {}

    def most(self, weights: Weights) -> FloatArray:
        """Most that each loan can add, shape (loans,) [currency]."""
        if weights not in self._most:
            self._most.clear()
            self._most[weights] = self.counting.most(weights)
        return self._most[weights]

    def least(self, weights: Weights) -> FloatArray:
        """What each loan adds at least, shape (loans,) [currency]."""
        if weights not in self._least:
            self._least.clear()
            self._least[weights] = self.counting.least(weights)
        return self._least[weights]

    @cached_property
    def alone(self) -> BoolArray:
        """Loans that may be in one channel only, shape (loans,)."""
        return np.asarray(self.counting.eligible.sum(axis=1) == 1)

    @cached_property
    def staying(self) -> BoolArray:
        """Those of them that are in that channel already or, being of no funder, in own capital;
        the others are promised and still to come. Shape (loans,).
        """
        only = self.counting.eligible.argmax(axis=1)
        own = np.array([funder.kind == OWN for funder in self.given.funders])
        return np.asarray(self.alone & ((self.given.today == only) | own[only]))

    def stuck(self, weights: Weights, loans: BoolArray) -> FloatArray:
        """What each of ``loans`` adds at least, 0 of others, shape (loans,) [currency]."""
        return np.where(loans, self.least(weights), 0.0)

    def extremes(self, limit: SumLimit) -> tuple[float, float, float]:
        """Least and most that the left side can be [currency], as every loan is placed; and what
        loans without a choice give it, all or those that stay where they are, whichever is less.
        """
        count, eligible = len(self.given), self.counting.eligible
        low, high = np.full(count, np.inf), np.full(count, -np.inf)
        for c in range(len(self.given.funders)):
            parts = [part for part in limit.parts if part.channel == c]
            there: FloatArray | float = 0.0
            for part in parts:
                there = there + self._coefficients(part)
            open_ = eligible[:, c]
            np.minimum(low, there, out=low, where=open_)
            np.maximum(high, there, out=high, where=open_)
        stuck = min(float(low[self.alone].sum()), float(low[self.staying].sum()))
        return float(low.sum()), float(high.sum()), stuck

    def _coefficients(self, part: Part) -> FloatArray:
        found = part.weight * self.given.balance
        if part.number is not None:
            found = found * self.limits.numbers[part.number]
        if part.attribute == TODAY:
            found = found * np.isin(self.given.today, part.members)
        elif part.attribute is not None:
            found = found * (self.limits.known[part.attribute] == 0)
        return found


def binding(counting: Counting, limits: Limits) -> Binding:
    """The limits that can bind, and rows on names to begin with.

    A mean or a limit on names that loans break which stay where they are is to get no worse by
    others. Loans that are promised and still to come get no such relief.

    Raises:
        InfeasibleError: an amount is out of reach wherever the loans go.
    """
    reach, found = Reach(counting, limits), Binding()
    broken: list[tuple[str, str, float]] = []
    for limit in limits.sums:
        low, high, stuck = reach.extremes(limit)
        size = max(abs(limit.right), abs(stuck), 1.0)
        if limit.kind in _SHOWN[:1]:
            found.sums.append(limit)
        elif high <= limit.right + _ROUNDING * size and limit.kind not in _SHOWN:
            found.left_out += 1
        elif limit.kind == "average" and stuck > limit.right:
            found.cautions.append(_kept_broken(limit.name, stuck - limit.right))
            found.sums.append(replace(limit, right=stuck + _ROUNDING * size))
        elif low > limit.right + _CLEAR * size:
            broken.append((limit.name, _said(limit, low), low - limit.right))
        else:
            found.sums.append(replace(limit, right=max(limit.right, low + _ROUNDING * size))
                              if low > limit.right - _ROUNDING * size else limit)  # fmt: skip
    for name_limit in limits.names:
        _names(reach, name_limit, found)
    if broken:
        msg = "No placement of the loans keeps all limits."
        raise InfeasibleError(
            msg,
            [f"{name}: {text}." for name, text, _ in broken],
            [(name, name, amount) for name, _, amount in broken],
        )
    return found


def _kept_broken(name: str, over: float) -> str:
    return f"{name}: broken by {over:,.2f} by loans that stay; others make it no worse."


def _said(limit: SumLimit, low: float) -> str:
    """Why a limit is broken wherever the loans go."""
    if limit.kind in ("least", "cover"):
        stated = limit.right if limit.stated is None else limit.stated
        return f"at least {stated:,.2f} is asked for, and no more than {-low:,.2f} is to be had"
    if limit.kind == "most":
        return f"at most {limit.right:,.2f} is allowed, and {low:,.2f} cannot go elsewhere"
    return f"the limit of {limit.stated:g} is broken by {low - limit.right:,.2f} in any case"


def _names(reach: Reach, limit: NameLimit, found: Binding) -> None:
    """Rows on names to begin with, largest first."""
    values = reach.given.columns.values(limit.column)
    most = values.sums(reach.most(limit.weights))[:-1]
    least = values.sums(reach.least(limit.weights))[:-1]
    relief = _relief(reach, limit, values, found)
    able = _able(reach, limit, (most, least), relief)
    count = int((most > 0.0).sum())
    if limit.top > 1:
        found.left_out += not len(able)
        if len(able):
            found.rows.append(NameRow(limit, tuple(sorted(able[: limit.top].tolist()))))
        return
    found.left_out += count - len(able)
    found.waiting += max(len(able) - FIRST, 0)
    found.rows += [NameRow(limit, (code,)) for code in able[:FIRST].tolist()]


def _relief(reach: Reach, limit: NameLimit, values: Values, found: Binding) -> FloatArray | float:
    """By how much loans that stay break a limit on names [currency], by code; no more than all
    loans without a choice do.
    """
    overs, sums = [], []
    for loans in (reach.alone, reach.staying):
        each = reach.stuck(limit.weights, loans)
        stuck = values.sums(each)[:-1]
        if limit.top > 1:
            stuck = np.array([np.sort(stuck)[::-1][: limit.top].sum()])
        overs.append(stuck - limit.allowed(float(each.sum())))
        sums.append(stuck)
    over = np.minimum(*overs)
    broken = over > 0.0
    if not broken.any():
        return 0.0
    relief = np.where(broken, over + _ROUNDING * np.minimum(*sums), 0.0)
    found.relief[limit.name] = relief
    found.cautions.append(_kept_broken(limit.name, float(over[broken].sum())))
    return relief


def _able(
    reach: Reach,
    limit: NameLimit,
    sums: tuple[FloatArray, FloatArray],
    relief: FloatArray | float,
) -> IntArray:
    """Names that may break the limit, those first that can have most; none where it is kept.

    With ``m`` the most that the names can have, ``f`` what they have in any case and ``F`` what
    all have: an amount is kept if ``m <= cap``; a share if ``m (1 - share) <= share (F - f)``, or
    if ``m <= share L`` where at least ``L`` is in the channels.
    """
    most, least = sums
    order = np.lexsort((np.arange(len(most)), -most))
    order = order[most[order] > 0.0]
    if limit.share is None:
        reachable, free, held = most, limit.cap, most
        floor = -1.0
    else:
        reachable = most * (1.0 - limit.share) + limit.share * least
        free = limit.share * float(reach.least(limit.weights).sum())
        held, floor = most, limit.share * _floor(reach, limit)
    free, floor = free * (1.0 - _CLEAR), floor * (1.0 - _CLEAR)
    if limit.top > 1:
        out = float(np.sort(reachable)[::-1][: limit.top].sum()) > free + float(np.max(relief))
        return order if out and float(held[order[: limit.top]].sum()) > floor else order[:0]
    over = (reachable > free + relief) & (held > floor)
    return order[over[order]]


def _floor(reach: Reach, limit: NameLimit) -> float:
    """Least balance that a row asks to be in the limit's channels [currency]."""
    found = [
        funder.target.least
        for key, funder in zip(reach.given.keys, reach.given.funders, strict=True)
        if reach.counting.weights([key]) == limit.weights
    ]
    return max(found, default=0.0)
