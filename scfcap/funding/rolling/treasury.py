"""What a careful treasurer knows before deciding for a period, and the room that limits leave.

All rules share it: expected cash with nothing decided yet, the lending that is wanted, channels
with cost and room, and the law's caps and leverage covenants, which no rule may pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from scfcap.axes import OWN
from scfcap.funding.caps import replayed_base, stock
from scfcap.funding.carrying import FORCED, MISSING, in_emergency
from scfcap.funding.decisions import Decisions
from scfcap.funding.inputs import BuyerInputs, DealInputs, Inputs, LenderInputs
from scfcap.funding.possible import Ledger
from scfcap.funding.replay import Engine, Replay, replay
from scfcap.funding.variables import on_books
from scfcap.quantities import FloatArray

#: Share of the collections expected in a period that rules keep in cash above the floor.
BUFFER = 0.02
#: Debt that a leverage covenant counts, as caps name it.
DEBT = ("bank", "shareholder", "peer", "bond", "abs_third_party", "p2p")
#: Share of the way to a cap that is left free.
KEPT_FREE = 0.01


@dataclass
class Channel:
    """A source of cash in the period: ``cost`` [1/year], ``room`` for the amount that counts.

    ``cash`` is what a unit of the amount brings; ``source`` how caps count it, ``weight`` by how
    much.
    """

    group: str
    name: str
    cost: float
    room: float
    cash: float = 1.0
    source: str = ""
    weight: float = 1.0
    taken: float = 0.0


@dataclass
class Desk:
    """The treasurer's desk at one decision: the world as expected, with the past in it.

    ``expected``: what the engines make of the past alone; ``ledger`` also has what is decided at
    the desk.
    """

    inputs: Inputs
    period: int
    ledger: Ledger
    expected: Replay
    channels: list[Channel] = field(default_factory=list)
    headroom: list[tuple[dict[str, float], float]] = field(default_factory=list)
    bought: float = 0.0
    """What series that revolve have paid for loans."""

    @classmethod
    def at(cls, inputs: Inputs, past: Decisions, period: int, engine: Engine) -> Desk:
        """The desk for ``period``; ``past`` on the grid of ``inputs``, which are those expected."""
        seen = in_emergency(inputs)
        ledger = Ledger.of(seen)
        ledger.take_over(past, period)
        return cls(seen, period, ledger, replay(seen, ledger.decisions(), engine))

    def lending(self, amounts: FloatArray) -> Desk:
        """The desk once so much is lent by segment [S] and series have bought, sources yet untaken.

        New loans may be sold, pledged and back notes like all others.
        """
        made = Desk(self.inputs, self.period, self.ledger.copy(), self.expected)
        for s, amount in enumerate(amounts):
            made.ledger.lend(s, self.period, float(amount), {})
        made.headroom = list(made._caps())
        made.replenish()
        made.channels = [c for c in made._channels() if c.room > 0.0]
        return made

    def replenish(self) -> None:
        """Series that revolve buy what their cash pays for: it is the cheapest money there is."""
        for d in self.inputs.deals:
            found = self.expected.deals.get(d.name)
            if found is None or self.period <= d.first or self.period > d.last_revolving:
                continue
            self.bought += self.sell(d, float(found.cash[0, self.period - 1]))

    def sell(self, funder: BuyerInputs | DealInputs, amount: float) -> float:
        """Wish a sale of so much, of all loans alike that the funder takes; gives what it is."""
        most = self.ledger.sellable(funder, self.period)
        total = sum(most.values())
        part = min(1.0, amount / total) if total > 0.0 else 0.0
        for j, there in most.items():
            self.ledger.sell(j, funder.place, self.period, there * part)
        return total * part

    @property
    def cash(self) -> float:
        """Cash expected at the close above floor, what falls due next and a buffer, with what
        series pay for their purchases.
        """
        t, plan = self.period, self.inputs.spec.plan
        own = self.expected.places[OWN]
        due = sum(self._due_next(x) for x in self.inputs.lenders)
        if self.inputs.p2p is not None:
            p2p = self.inputs.p2p
            due += float(p2p.open_repaid[t + 1]) if t + 1 < len(p2p.open_repaid) else 0.0
            due += float(self.ledger.placed[:, list(p2p.maturity.falling(t + 1))].sum())
        floor = self.inputs.liquidity_floor + plan.debt_cover * due
        floor += plan.undrawn_draw_rate * self.inputs.undrawn
        if t < self.inputs.horizon:
            floor += plan.promise_cover * float(self.inputs.promised[:, t + 1].sum())
        buffer = BUFFER * float(own.interest[t] + own.principal[t])
        return float(self.expected.cash[t]) + self.bought - floor - buffer

    def _due_next(self, x: LenderInputs) -> float:
        t = self.period + 1
        older = float(x.open_repaid[t]) if t < len(x.open_repaid) else 0.0
        return older + sum(
            amount
            for (name, tenor, since), amount in self.ledger.draws.items()
            if name == x.name and x.maturity(tenor).falls_due(since) == t
        )

    def use_of(self, s: int) -> float:
        """Cash that a unit of new loans takes by the close of the period in which it is made."""
        j = self.inputs.new_cohort[s, self.period]
        cohorts, t = self.inputs.cohorts, self.period
        return float(1.0 - cohorts.repaid[j, t] - cohorts.interest[j, t])

    def earns(self, s: int) -> float:
        """What a unit of new loans earns in the period in which it is made and in the next, less
        what it loses.
        """
        cohorts, t = self.inputs.cohorts, self.period
        j = self.inputs.new_cohort[s, t]
        severity = float(self.inputs.severity[s])
        earned = float(cohorts.interest[j, t] - severity * cohorts.default[j, t])
        if t < self.inputs.horizon:
            later = cohorts.interest[j, t + 1] - severity * cohorts.default[j, t + 1]
            earned += float(cohorts.path[j, t] * later)
        return earned

    def demand(self) -> FloatArray:
        """Lending wanted by segment [S], within the shares of the book that the company allows."""
        t, inputs = self.period, self.inputs
        wanted = np.array(
            [
                float(inputs.demand[s, t]) if (s, t) in inputs.new_cohort else 0.0
                for s in range(len(inputs.segments))
            ]
        )
        for limit in inputs.spec.concentration:
            if limit.core is None and limit.segments:
                wanted = self._within(wanted, [inputs.segments.index(n) for n in limit.segments],
                                      limit.share)  # fmt: skip
        return wanted

    def _within(self, wanted: FloatArray, chosen: list[int], share: float) -> FloatArray:
        """Less lending in the chosen segments where they would be above their share of the book."""
        t, cohorts = self.period, self.inputs.cohorts
        stands = np.zeros(len(wanted))
        for where in on_books(self.inputs):
            stands += np.bincount(cohorts.segment, self.ledger.held(where, t), len(wanted))
        left = np.array(
            [
                wanted[s] * float(cohorts.path[self.inputs.new_cohort[s, t], t])
                if (s, t) in self.inputs.new_cohort
                else 0.0
                for s in range(len(wanted))
            ]
        )
        mine = float(stands[chosen].sum())
        others = float((stands + left).sum()) - float((stands + left)[chosen].sum())
        new = float(left[chosen].sum())
        most = share / (1.0 - share) * others - mine if share < 1.0 else new
        if new > max(most, 0.0):
            wanted = wanted.copy()
            wanted[chosen] *= max(most, 0.0) / new
        return wanted

    def take(self, channel: Channel, amount: float) -> float:
        """Use a channel for so much as it has room and caps allow; gives the cash it brings."""
        amount = min(amount, channel.room - channel.taken, self._allowed(channel))
        if amount <= 0.0:
            return 0.0
        amount = self._use(channel, amount)
        channel.taken += amount
        self.headroom = [
            (weights, left - weights.get(channel.source, 0.0) * channel.weight * amount)
            for weights, left in self.headroom
        ]
        return amount * channel.cash

    def _use(self, channel: Channel, amount: float) -> float:
        """Enter it in the ledger; gives what it is, less where loans to sell have run out."""
        t, ledger = self.period, self.ledger
        if channel.group == "bank_debt":
            x = next(y for y in self.inputs.lenders if y.name == channel.name)
            key = (x.name, self.tenor_of(x)[0], t)
            ledger.draws[key] = ledger.draws.get(key, 0.0) + amount
        elif channel.group == "p2p":
            amount = min(amount, ledger.p2p_room(t))
            ledger.placed[int(channel.name), t] += amount
        else:
            funder = next(y for y in self.inputs.funders if y.name == channel.name)
            amount = self.sell(funder, amount)
            if isinstance(funder, DealInputs) and amount > 0.0:
                ledger.issued[funder.name] = ledger.issued.get(funder.name, 0.0) + amount
        return amount

    def _allowed(self, channel: Channel) -> float:
        room = float("inf")
        for weights, left in self.headroom:
            counts = weights.get(channel.source, 0.0) * channel.weight
            if counts > 0.0:
                room = min(room, max(left, 0.0) / counts)
        return room

    def _caps(self) -> Iterator[tuple[dict[str, float], float]]:
        """What each cap of the law and leverage covenant counts, and what it leaves."""
        t, decisions = self.period, self.ledger.decisions()
        names = {n for x in self.inputs.caps for n in x.cap.weights} | {*DEBT}
        stocks = {n: float(stock(self.inputs, n, decisions, self.expected)[t]) for n in names}
        for dated in self.inputs.caps:
            if t in dated.periods:
                cap = dated.cap
                weights = {str(n): w for n, w in cap.weights.items() if w > 0.0}
                limit = cap.multiple * replayed_base(self.inputs, cap, t, self.expected)
                used = sum(w * stocks[n] for n, w in weights.items())
                yield weights, (1.0 - KEPT_FREE) * limit - used
        for x in self.inputs.covenants:
            if x.kind == "leverage":
                limit = x.planned * float(self.expected.net_capital[t])
                yield dict.fromkeys(DEBT, 1.0), limit - sum(stocks[n] for n in DEBT)

    def _channels(self) -> Iterator[Channel]:
        yield from self._lines()
        yield from self._buyers()
        yield from self._series()
        yield from self._notes()

    def _lines(self) -> Iterator[Channel]:
        t, ledger = self.period, self.ledger
        for x in self.inputs.lenders:
            if x.name == MISSING or not x.tenors:
                continue
            tenor, rate = self.tenor_of(x)
            lasts = range(t, min(x.maturity(tenor).falls_due(t), self.inputs.horizon + 1))
            room = min((x.room(u) - ledger.drawn(x, u) for u in lasts), default=0.0)
            room = min(room, ledger.line_room(x, t), *self._pledgeable(x))
            yield Channel("bank_debt", x.name, x.rate(rate, t), room, source=x.kind)

    def tenor_of(self, x: LenderInputs) -> tuple[int, float]:
        """The cheapest tenor of a line, the longer of equals."""
        return min(x.tenors, key=lambda tenor: (tenor[1], -tenor[0]))

    def _pledgeable(self, x: LenderInputs) -> Iterator[float]:
        """What a borrowing base leaves of a line, where it has one."""
        pledges = self.inputs.pledges
        for c in self.inputs.covenants:
            if c.lender == x.name and c.kind == "borrowing_base" and pledges is not None:
                own = pledges.share @ self.ledger.held(OWN, self.period)
                base = pledges.usable[c.eligibility] * float(
                    own[pledges.cells(c.eligibility)].sum()
                )
                yield max(c.planned * base - self.ledger.drawn(x, self.period), 0.0)

    def _buyers(self) -> Iterator[Channel]:
        for x in self.inputs.buyers:
            if x.name == FORCED:
                continue
            there = sum(self.ledger.sellable(x, self.period).values())
            room = min(self.ledger.buyer_room(x, self.period), there)
            cost = self._yield_sold() - x.servicing_fee + max(1.0 - x.price, 0.0)
            yield Channel("bank_transfer", x.name, cost, room, x.price, x.source)

    def _yield_sold(self) -> float:
        """Yearly yield of own loans, which who sells them gives up."""
        own, t = self.expected.places[OWN], self.period
        before, year = float(own.balance[t - 1]), float(self.inputs.year[t])
        earned = float(own.interest[t] - own.credit_cost[t])
        return earned / (before * year) if before > 0.0 else 0.0

    def _series(self) -> Iterator[Channel]:
        vehicle = self.inputs.vehicle
        for d in self.inputs.deals:
            if vehicle is None or d.state is not None or d.closing != self.period:
                continue
            there = sum(self.ledger.sellable(d, self.period).values())
            sold = sum(x.share for x in vehicle.sold)
            room = min(self.ledger.series_size(d, there), there)
            coupons = sum(x.share * (x.coupon + d.dearer) for x in vehicle.sold) / sold
            life = max((d.legal_end - d.closing) / self.inputs.grid.per_year, 1.0)
            cost = coupons + (vehicle.senior_fee_rate + vehicle.issue_cost_rate / life) / sold
            cash = sold * (1.0 - vehicle.reserve_rate - vehicle.issue_cost_rate)
            yield Channel("securitization", d.name, cost, room, cash, "abs_third_party", sold)

    def _notes(self) -> Iterator[Channel]:
        p2p = self.inputs.p2p
        if p2p is None:
            return
        room = self.ledger.p2p_room(self.period)
        for m, step in enumerate(p2p.steps):
            width = min(self.ledger.step_room(m, self.period), room)
            room -= width
            yield Channel("p2p", str(m), p2p.rate(step.rate, self.period), width, source="p2p")
