"""Rules of thumb for funding: what a treasurer does who does not optimise.

Each lends what is asked for as far as money reaches, promises first and then the best yields, and
raises what own cash does not bring. They differ in where they go for it. All keep within lines,
markets, the law's caps and leverage covenants (:class:`~scfcap.funding.rolling.treasury.Desk`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from scfcap.funding.decisions import Decisions
from scfcap.funding.rolling.treasury import Channel, Desk
from scfcap.quantities import FloatArray

#: Amounts below it are none [money units].
NOTHING = 1e-9
#: Most passes in which lending and what pays for it are brought in line, to this share of it.
PASSES, ENOUGH = 12, 1e-3

#: Raises so much cash at a desk; gives what it raised.
Raise = Callable[[Desk, float], float]


def decide(desk: Desk, source: Raise) -> Decisions:
    """What a rule wishes for the desk's period.

    It begins with all that is wanted and lends less until what it can raise, new loans among what
    it sells, pays for it.
    """
    lending = desk.demand()
    uses = np.array([desk.use_of(s) if amount > 0.0 else 0.0 for s, amount in enumerate(lending)])
    for _ in range(PASSES):
        tried = desk.lending(lending)
        need = float(lending @ uses) - tried.cash
        raised = source(tried, need) if need > NOTHING else 0.0
        less = _affordable(tried, lending, uses, tried.cash + raised)
        done = float(np.abs(lending - less).max(initial=0.0)) <= ENOUGH * float(lending.sum())
        lending = less
        if done:
            break
    return tried.ledger.decisions()


def _affordable(desk: Desk, wanted: FloatArray, uses: FloatArray, money: float) -> FloatArray:
    """Lending that ``money`` pays for: what is promised, then what earns most on its cash."""
    promised = np.minimum(desk.inputs.promised[:, desk.period], wanted)
    lending = np.zeros(len(wanted))
    earns = [desk.earns(s) / uses[s] if uses[s] > 0.0 else 0.0 for s in range(len(wanted))]
    for most in (promised, wanted):
        for s in sorted(range(len(wanted)), key=lambda s: -earns[s]):
            more = most[s] - lending[s]
            if uses[s] > 0.0:
                more = min(more, max(money, 0.0) / uses[s])
            if more > 0.0:
                lending[s] += more
                money -= more * uses[s]
    return lending


def cheapest_first(desk: Desk, need: float) -> float:
    """The cheapest source first, up to its limit, then the next."""
    return _fill(desk, sorted(desk.channels, key=lambda c: c.cost), need)


def proportional(desk: Desk, need: float) -> float:
    """All sources alike, each by the room that its limit leaves."""
    total = sum(c.room * c.cash for c in desk.channels)
    part = min(1.0, need / total) if total > 0.0 else 0.0
    raised = sum(desk.take(c, c.room * part) for c in desk.channels)
    return raised + _fill(desk, desk.channels, need - raised)


def fixed_mix(shares: Mapping[str, float]) -> Raise:
    """Sources in the shares given, by kind; what one cannot bring the cheapest others do."""

    def source(desk: Desk, need: float) -> float:
        raised = 0.0
        for group, share in shares.items():
            mine = [c for c in desk.channels if c.group == group]
            raised += _fill(desk, sorted(mine, key=lambda c: c.cost), share * need)
        return raised + cheapest_first(desk, need - raised)

    return source


def _fill(desk: Desk, channels: list[Channel], need: float) -> float:
    raised = 0.0
    for c in channels:
        if need - raised > NOTHING and c.cash > 0.0:
            raised += desk.take(c, (need - raised) / c.cash)
    return raised
