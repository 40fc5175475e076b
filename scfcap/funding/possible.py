"""What has been done of a plan so far in the world that happens, and what is possible next.

Nothing here decides: :class:`Ledger` keeps what was done and says how much of a wish there is room
for. Rooms are those of contracts, the market and what is held; policies and caps of the law are not
among them, since a plan carried out in another world may break these and is then told so.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field

import numpy as np

from scfcap.axes import OWN, P2P
from scfcap.funding.constraints.p2p import first_of_window, placed_before_start
from scfcap.funding.decisions import Decisions
from scfcap.funding.inputs import BuyerInputs, DealInputs, Inputs, LenderInputs
from scfcap.funding.partner import PartnerInputs
from scfcap.funding.variables import all_places, open_for_sale
from scfcap.quantities import FloatArray


def empty_decisions(inputs: Inputs) -> Decisions:
    """Nothing decided: no lending, no sale, no draw."""
    steps = 0 if inputs.p2p is None else len(inputs.p2p.steps)
    shape = inputs.horizon + 1
    return Decisions(
        originated=np.zeros((len(inputs.segments), shape)),
        transfers={},
        draws={},
        placed=np.zeros((steps, shape)),
        issued={},
        dividends=None if inputs.spec.dividends is None else np.zeros(shape),
    )


@dataclass
class Ledger:
    """Decisions carried out so far, and where each cohort sits [money units].

    ``share`` [J, places, T + 1]: part of a cohort in each place at each close, as sold so far;
    ``made`` [J]: what was lent of a new one, or stood of an old one at ``as_of``.
    """

    inputs: Inputs
    originated: FloatArray
    placed: FloatArray
    transfers: dict[tuple[int, str, int], float] = field(default_factory=dict)
    draws: dict[tuple[str, int, int], float] = field(default_factory=dict)
    issued: dict[str, float] = field(default_factory=dict)
    pledged: dict[tuple[str, int, int], float] = field(default_factory=dict)
    booked: dict[tuple[int, str, int], float] = field(default_factory=dict)
    dividends: FloatArray | None = None
    left_out: frozenset[str] = frozenset()
    places: list[str] = field(init=False)
    share: FloatArray = field(init=False)
    made: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        cohorts = self.inputs.cohorts
        self.places = all_places(self.inputs)
        self.share = np.zeros((len(cohorts), len(self.places), self.inputs.horizon + 1))
        for j, origin in enumerate(cohorts.origin):
            if cohorts.vintage[j] <= 0:
                self.share[j, self.places.index(origin)] = 1.0
        self.made = np.where(cohorts.vintage <= 0, cohorts.amount, 0.0)

    @classmethod
    def of(cls, inputs: Inputs) -> Ledger:
        """A ledger in which nothing is done yet."""
        nothing = empty_decisions(inputs)
        return cls(inputs, nothing.originated, nothing.placed, dividends=nothing.dividends)

    def decisions(self) -> Decisions:
        """What was done so far, as decisions."""
        return Decisions(
            originated=self.originated.copy(),
            transfers=dict(self.transfers),
            draws=dict(self.draws),
            placed=self.placed.copy(),
            issued=dict(self.issued),
            pledged=dict(self.pledged),
            booked=dict(self.booked),
            dividends=None if self.dividends is None else self.dividends.copy(),
            left_out=self.left_out,
        )

    def copy(self) -> Ledger:
        """A ledger of the same, to try things in."""
        other = copy(self)
        for name in ("originated", "placed", "share", "made"):
            setattr(other, name, getattr(self, name).copy())
        for name in ("transfers", "draws", "issued", "pledged", "booked"):
            setattr(other, name, dict(getattr(self, name)))
        if self.dividends is not None:
            other.dividends = self.dividends.copy()
        return other

    # What is held and owed.

    def whole(self, t: int) -> FloatArray:
        """Principal of each cohort at the close of ``t``, wherever it sits [J]."""
        return np.asarray(self.made * self.inputs.cohorts.path[:, t])

    def held(self, where: str, t: int) -> FloatArray:
        """Principal of each cohort in a place at the close of ``t``, as sold so far [J]."""
        return np.asarray(self.share[:, self.places.index(where), t] * self.whole(t))

    def drawn(self, x: LenderInputs, t: int) -> float:
        """Balance of a line at the close of ``t``, older draws too."""
        balance = float(x.open_balance[t])
        for (name, tenor, since), amount in self.draws.items():
            if name == x.name and since <= t < x.maturity(tenor).falls_due(since):
                balance += amount
        return balance

    def p2p_stock(self, t: int) -> float:
        """P2P notes outstanding at the close of ``t``."""
        p2p = self.inputs.p2p
        if p2p is None:
            return 0.0
        standing = list(p2p.maturity.standing(t))
        return float(p2p.open_balance[t] + self.placed[:, standing].sum())

    def all_pledged(self, t: int) -> float:
        """Own loans pledged to lenders at the close of ``t``."""
        return sum(amount for (_, _, u), amount in self.pledged.items() if u == t)

    def unpledged(self, t: int) -> float:
        """Own loans that back no P2P note and are pledged to nobody at the close of ``t``."""
        free = float(self.held(OWN, t).sum()) - self.p2p_stock(t) - self.all_pledged(t)
        return max(free, 0.0)

    # What is done.

    def lend(self, s: int, t: int, own: float, with_partners: Mapping[str, float]) -> None:
        """Make loans of a segment in ``t``, alone and with partners by their place."""
        j = self.inputs.new_cohort.get((s, t))
        if j is None:
            return
        self.originated[s, t] = own
        parts = np.zeros(len(self.places))
        parts[self.places.index(OWN)] = own
        for x in self.inputs.partners:
            amount = with_partners.get(x.place, 0.0)
            if amount > 0.0:
                self.booked[s, x.place, t] = amount
                parts[self.places.index(OWN)] += x.own_share * amount
                parts[self.places.index(x.place)] += x.share * amount
        total = float(parts.sum())
        self.made[j] = total
        self.share[j] = (parts / total if total > 0.0 else parts)[:, None]

    def sell(self, j: int, where: str, t: int, amount: float) -> None:
        """Move principal of a cohort from the own book to another place at the close of ``t``."""
        whole = float(self.made[j] * self.inputs.cohorts.path[j, t])
        if amount <= 0.0 or whole <= 0.0:
            return
        key = (j, where, t)
        self.transfers[key] = self.transfers.get(key, 0.0) + amount
        self.share[j, self.places.index(OWN), t:] -= amount / whole
        self.share[j, self.places.index(where), t:] += amount / whole

    def take_over(self, done: Decisions, before: int) -> None:
        """Take over what was carried out in the periods before ``before``."""
        self.left_out = done.left_out
        for t in range(1, before):
            for s in range(len(self.inputs.segments)):
                booked = {w: a for (k, w, u), a in done.booked.items() if (k, u) == (s, t)}
                self.lend(s, t, float(done.originated[s, t]), booked)
            for (j, where, u), amount in done.transfers.items():
                if u == t:
                    self.sell(j, where, t, amount)
            self.placed[:, t] = done.placed[:, t]
            if self.dividends is not None and done.dividends is not None:
                self.dividends[t] = done.dividends[t]
        self.draws |= {key: a for key, a in done.draws.items() if key[2] < before}
        self.pledged |= {key: a for key, a in done.pledged.items() if key[2] < before}
        for d in self.inputs.deals:
            if d.closing < before and d.name in done.issued:
                self.issued[d.name] = done.issued[d.name]

    # What there is room for.

    def line_room(self, x: LenderInputs, t: int) -> float:
        """Most that may be drawn on a line in ``t``: what its balance leaves of what is there."""
        choice = self.inputs.choice
        refused = choice is not None and x.name in choice.names and x.name in self.left_out
        if x.limit <= 0.0 or t in x.closed or refused:
            return 0.0
        return max(x.room(t) - self.drawn(x, t), 0.0)

    def buyer_room(self, x: BuyerInputs, t: int) -> float:
        """Most principal that a buyer takes in ``t``."""
        room = x.room(t) - float(self.held(x.place, t).sum())
        if x.per_period is not None:
            taken = sum(
                amount for (_, where, u), amount in self.transfers.items()
                if where == x.place and u == t
            )  # fmt: skip
            room = min(room, x.per_period * float(self.inputs.units[t]) - taken)
        return max(room, 0.0)

    def sellable(self, funder: BuyerInputs | DealInputs, t: int) -> dict[int, float]:
        """Own principal by cohort that a funder may take at the close of ``t``: held, old enough,
        and within the eligible share of the cohort.
        """
        inputs, own, whole = self.inputs, self.held(OWN, t), self.whole(t)
        name = inputs.rule_set(funder)
        same = [x.place for x in inputs.funders if inputs.rule_set(x) == name]
        same += [x.place for x in inputs.partners if x.eligibility == name]
        gone = np.sum([self.held(where, t) for where in same], axis=0)
        most = np.minimum(own, np.maximum(inputs.eligible[name] * whole - gone, 0.0))
        most = np.where(inputs.eligible[name] >= 1.0, own, most)
        return {
            int(j): float(most[j])
            for j in np.flatnonzero(most > 0.0)
            if open_for_sale(inputs, int(j), t, funder)
        }

    def series_size(self, d: DealInputs, first_pool: float) -> float:
        """Largest size of a series at its closing, given the loans that are there for it.

        ``sum of shares * S <= (1 - retained) (pool + reserve)`` while it revolves.
        """
        vehicle = self.inputs.vehicle
        assert vehicle is not None
        taken = sum(self.issued.values())
        most = min(d.max_pool, self.inputs.programme_limit - taken)
        if d.closing <= d.last_revolving:
            sold, own = sum(x.share for x in vehicle.sold), 1.0 - vehicle.retained_share
            most = min(most, own * first_pool / (sold * (1.0 - own * vehicle.reserve_rate)))
        return max(most, 0.0)

    def p2p_room(self, t: int) -> float:
        """Most P2P notes that may be placed in ``t``, the supply at each rate apart: limit, the
        law's rolling cap, what lenders renew, and a loan behind each.
        """
        p2p = self.inputs.p2p
        if p2p is None or t not in p2p.open_periods or p2p.limit <= 0.0:
            return 0.0
        room = min(p2p.room(t) - self.p2p_stock(t), self.unpledged(t))
        if p2p.rolling is not None:
            older = placed_before_start(p2p, t)
            placed = float(self.placed[:, first_of_window(p2p, t) : t + 1].sum())
            room = min(room, max(p2p.rolling, older) - older - placed)
        if p2p.renewed is not None and p2p.fresh is not None:
            due = float(p2p.open_repaid[t])
            due += float(self.placed[:, list(p2p.maturity.falling(t))].sum())
            again, new = float(p2p.renewed[t]), float(p2p.fresh[t])
            if (again, new) != (1.0, 1.0):
                widths = sum(step.per_period for step in p2p.steps)
                room = min(room, again * due + new * float(self.inputs.units[t]) * widths)
        return max(room, 0.0)

    def step_room(self, m: int, t: int) -> float:
        """What P2P lenders bring at the rate of step ``m`` in ``t``."""
        assert self.inputs.p2p is not None
        return self.inputs.p2p.steps[m].per_period * float(self.inputs.units[t])

    def partner_share(self, x: PartnerInputs, t: int, wished: Mapping[int, float]) -> float:
        """Share of what is wished with a partner in ``t``, by segment, that it lends."""
        inputs, cohorts = self.inputs, self.inputs.cohorts
        stands, flows = 0.0, 0.0
        again, new = x.supply(t)
        for s, amount in wished.items():
            j = inputs.new_cohort[s, t]
            stands += x.share * amount * float(cohorts.path[j, t])
            flows += x.share * amount
            if (again, new) != (1.0, 1.0):
                flows -= again * x.share * amount * float(cohorts.repaid[j, t])
        share = _at_most(stands, x.room(t) - float(self.held(x.place, t).sum()))
        if x.per_period is not None:
            room = new * x.per_period * float(inputs.units[t])
            if (again, new) != (1.0, 1.0):
                room += again * float(self.held(x.place, t - 1) @ cohorts.repaid[:, t])
            share = min(share, _at_most(flows, room))
        if x.channel == P2P and x.rolling is not None:
            asked = sum(wished.values()) * x.share
            share = min(share, _at_most(asked, self._lent_room(x, t)))
        return share

    def _lent_room(self, x: PartnerInputs, t: int) -> float:
        """What the law's rolling cap leaves to P2P lenders who lend themselves."""
        cohorts, first = self.inputs.cohorts, t - x.rolling_periods + 1
        assert x.rolling is not None
        older = sum(
            float(cohorts.amount[j])
            for j in range(len(cohorts))
            if cohorts.vintage[j] <= 0
            and cohorts.origin[j] == x.place
            and cohorts.vintage[j] >= first
        )
        lent = sum(
            x.share * amount
            for (_, where, u), amount in self.booked.items()
            if where == x.place and first <= u <= t
        )
        return max(x.rolling, older) - older - lent


def _at_most(asked: float, room: float) -> float:
    """Share of what is asked for that there is room for."""
    return 1.0 if asked <= room else max(room, 0.0) / asked
