"""Which limits can bind at all: rows that no placement could break are left out of the program."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from scfcap.errors import InfeasibleError
from scfcap.funding.allocation.counting import Counting, Weights
from scfcap.funding.allocation.limits import TODAY, Limits, NameLimit, Part, SumLimit
from scfcap.pool.columns import Values
from scfcap.quantities import FloatArray, IntArray

#: Rows on single names that a limit begins with; others are added once they are broken.
FIRST = 100
#: Kinds of rows that are kept though nothing could break them: a ticket binds by cases, and of a
#: cover the room is told.
_SHOWN = ("ticket", "cover")
#: Share of a limit by which it must be out of reach to count as such.
_CLEAR = 1e-9


@dataclass(frozen=True)
class NameRow:
    """A row on some values of a limit's column, by their codes."""

    limit: NameLimit
    members: tuple[int, ...]


@dataclass
class Binding:
    """Limits of a date that some placement could break.

    ``sums`` are all such; ``rows`` those on names to begin with. ``left_out``: rows that nothing
    could break; ``waiting``: rows on names that are added once they are broken.
    """

    sums: list[SumLimit] = field(default_factory=list)
    rows: list[NameRow] = field(default_factory=list)
    left_out: int = 0
    waiting: int = 0


class Reach:
    """How far the loans may push what is limited, and how far they do wherever they go."""

    def __init__(self, counting: Counting, limits: Limits) -> None:
        self.counting, self.given, self.limits = counting, counting.given, limits
        self._most: dict[Weights, FloatArray] = {}
        self._least: dict[Weights, FloatArray] = {}

    def most(self, weights: Weights) -> FloatArray:
        """Most that each loan can add, shape (loans,) [currency]."""
        if weights not in self._most:
            self._most[weights] = self.counting.most(weights)
        return self._most[weights]

    def least(self, weights: Weights) -> FloatArray:
        """What each loan adds at least, shape (loans,) [currency]."""
        if weights not in self._least:
            self._least[weights] = self.counting.least(weights)
        return self._least[weights]

    def extremes(self, limit: SumLimit) -> tuple[float, float]:
        """Least and most that the left side can be [currency], as every loan is placed."""
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
        return float(low.sum()), float(high.sum())

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

    Raises:
        InfeasibleError: an amount, a mean or a name's limit is broken wherever the loans go.
    """
    reach, found = Reach(counting, limits), Binding()
    broken: list[tuple[str, float]] = []
    for limit in limits.sums:
        low, high = reach.extremes(limit)
        slack = _CLEAR * max(abs(limit.right), 1.0)
        if limit.kind != "ticket" and low > limit.right + slack:
            broken.append((f"{limit.name}: {_said(limit, low)}", low - limit.right))
        elif limit.kind not in _SHOWN and high < limit.right - slack:
            found.left_out += 1
        else:
            found.sums.append(limit)
    for name_limit in limits.names:
        _names(reach, name_limit, found, broken)
    if broken:
        msg = "No placement of the loans keeps all limits."
        raise InfeasibleError(
            msg,
            [sentence for sentence, _ in broken],
            [(sentence.split(": ")[0], sentence, amount) for sentence, amount in broken],
        )
    return found


def _said(limit: SumLimit, low: float) -> str:
    """Why a limit is broken wherever the loans go."""
    if limit.kind in ("least", "cover"):
        stated = limit.right if limit.stated is None else limit.stated
        return f"at least {stated:,.2f} is asked for, and no more than {-low:,.2f} is to be had"
    if limit.kind == "most":
        return f"at most {limit.right:,.2f} is allowed, and {low:,.2f} cannot go elsewhere"
    return f"the limit of {limit.stated:g} is broken by {low - limit.right:,.2f} in any case"


def _names(reach: Reach, limit: NameLimit, found: Binding, broken: list[tuple[str, float]]) -> None:
    """Rows on names to begin with, largest first."""
    values = reach.given.columns.values(limit.column)
    most = values.sums(reach.most(limit.weights))[:-1]
    least = values.sums(reach.least(limit.weights))[:-1]
    stuck = _stuck(limit, values, least)
    if stuck is not None:
        broken.append(stuck)
        return
    able = _able(reach, limit, most, least)
    count = int((most > 0.0).sum())
    if limit.top > 1:
        found.left_out += not len(able)
        if len(able):
            found.rows.append(NameRow(limit, tuple(sorted(able[: limit.top].tolist()))))
        return
    found.left_out += count - len(able)
    found.waiting += max(len(able) - FIRST, 0)
    found.rows += [NameRow(limit, (code,)) for code in able[:FIRST].tolist()]


def _stuck(limit: NameLimit, values: Values, least: FloatArray) -> tuple[str, float] | None:
    """A name that has more than a stated amount wherever its loans go."""
    if limit.share is not None or not len(least):
        return None
    largest = np.sort(least)[::-1][: limit.top]
    over = float(largest.sum()) - limit.cap
    if over <= _CLEAR * max(limit.cap, 1.0):
        return None
    who = str(values.labels[int(least.argmax())]) if limit.top == 1 else f"{limit.top} names"
    text = f"{who} have {largest.sum():,.2f} wherever loans go, and {limit.cap:,.2f} is allowed"
    return f"{limit.name}: {text}", over


def _able(reach: Reach, limit: NameLimit, most: FloatArray, least: FloatArray) -> IntArray:
    """Names that may break the limit, those first that can have most; none where it is kept.

    With ``m`` the most that the names can have, ``f`` what they have in any case and ``F`` what
    all have: an amount is kept if ``m <= cap``; a share if ``m (1 - share) <= share (F - f)``, or
    if ``m <= share L`` where at least ``L`` is in the channels.
    """
    order = np.lexsort((np.arange(len(most)), -most))
    order = order[most[order] > 0.0]
    if limit.share is None:
        safe = limit.cap * (1.0 - _CLEAR)
        over = most > safe
        together = float(most[order[: limit.top]].sum()) > safe
    else:
        theta = limit.share
        floor = max(_floor(reach, limit), 0.0)
        reachable = most * (1.0 - theta) + theta * least
        free = theta * float(reach.least(limit.weights).sum()) * (1.0 - _CLEAR)
        over = (reachable > free) & (most > theta * floor * (1.0 - _CLEAR))
        joint = float(np.sort(reachable)[::-1][: limit.top].sum()) > free
        held = float(most[order[: limit.top]].sum()) > theta * floor * (1.0 - _CLEAR)
        together = joint and held
    if limit.top > 1:
        return order if together else order[:0]
    return order[over[order]]


def _floor(reach: Reach, limit: NameLimit) -> float:
    """Least balance that a row asks to be in the limit's channels [currency]."""
    found = [
        funder.target.least
        for key, funder in zip(reach.given.keys, reach.given.funders, strict=True)
        if reach.counting.weights([key]) == limit.weights
    ]
    return max(found, default=0.0)
