"""A plan's decisions carried out in a world that it was not made for.

Period by period each wish is clipped to what is possible there and nothing more is decided. Where
the company's cash would then end below zero, own loans are sold at a haircut, and what no loan is
left to bring is borrowed until the next close at the rate of missing money. The engines say what
comes of it: a forced sale is a sale to one more buyer, missing money a draw on one more lender, so
that money ties as in any replay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from scfcap.axes import BANK_TRANSFER, OWN, place
from scfcap.deal.result import REVOLVING
from scfcap.errors import InputError, Problem
from scfcap.funding.calendar_years import dividend_periods, year_so_far, years_of
from scfcap.funding.carried_limits import Failed, at_point, failed_limits
from scfcap.funding.covenant_inputs import CovenantInputs
from scfcap.funding.covenants import Measure, replayed_measures
from scfcap.funding.decisions import Decisions
from scfcap.funding.inputs import BuyerInputs, DealInputs, Inputs, LenderInputs
from scfcap.funding.possible import Ledger
from scfcap.funding.replay import Engine, Replay, replay
from scfcap.schema.uncertainty import Shortfall as ShortfallTerms

#: Who takes loans that must be sold, and who lends what is missing.
FORCED, MISSING = "forced sale", "missing money"
FORCED_PLACE = place(BANK_TRANSFER, FORCED)
#: Amounts below it are none [money units].
NOTHING = 1e-7


@dataclass(frozen=True)
class Shortfall:
    """Cash that was missing at the close of ``period`` [money units].

    ``amount`` is what lacked; ``sold`` principal was sold for it with a loss of ``haircut``, and
    ``borrowed`` until the next close, for ``interest``.
    """

    period: int
    amount: float
    sold: float
    haircut: float
    borrowed: float
    interest: float

    @property
    def cost(self) -> float:
        """What it cost to meet it [money units]."""
        return self.haircut + self.interest


@dataclass(frozen=True)
class Clipped:
    """A wish that could not be carried out in full [money units]."""

    period: int
    channel: str
    item: str
    wished: float
    done: float


@dataclass(frozen=True)
class CarriedOut:
    """What became of a plan in another world.

    ``inputs`` are that world's, with the buyer of forced sales and the lender of missing money;
    ``decisions`` what was done, ``replay`` what the engines made of it. ``breaches`` are limits
    that fail, in the order in which they do.
    """

    inputs: Inputs
    decisions: Decisions
    replay: Replay
    shortfalls: tuple[Shortfall, ...]
    clipped: tuple[Clipped, ...]
    breaches: tuple[Failed, ...]
    end_value: float
    """What stands at the end is worth, ``V_T`` [money units]."""
    objective: float
    """What the plan is after, at what was done [money units]."""


def carry_out(
    inputs: Inputs, wished: Decisions, engine: Engine, since: int = 1, until: int | None = None
) -> CarriedOut:
    """Carry decisions out in the world of ``inputs``, period by period.

    Those of periods before ``since`` were carried out already and are taken as they stand; after
    ``until`` (None: the last period) nothing is done any more.

    Raises:
        InputError: a buyer or lender of the model has a name that is taken here.
    """
    carrier = Carrier(inputs, engine)
    carrier.resume(wished, since)
    last = inputs.horizon if until is None else until
    for t in range(since, last + 1):
        carrier.step(t, wished)
    return carrier.result(last)


def in_emergency(inputs: Inputs) -> Inputs:
    """``inputs`` with a buyer of forced sales and a lender of missing money, both closed.

    The price of a forced sale is one less the haircut; the buyer pays what servicing costs. The
    model's ``plan.uncertainty.shortfall`` has haircut and rate, else the schema's.

    Raises:
        InputError: a buyer or lender of the model has such a name.
    """
    if any(x.name == FORCED for x in inputs.buyers) and _has_lender(inputs):
        return inputs
    for kind, name, names in (
        ("buyers", FORCED, [x.name for x in inputs.buyers]),
        ("lenders", MISSING, [x.name for x in inputs.lenders]),
    ):
        if name in names:
            what = "the name stands for what a plan must do when cash is short"
            raise InputError(
                Problem(f"model.toml: {kind}", f"the name {name!r}", what, "Choose another name.")
            )
    terms = shortfall_terms(inputs)
    horizon, cohorts = inputs.horizon, inputs.cohorts
    nothing, every = np.zeros(horizon + 1), frozenset(inputs.periods)
    old = cohorts.vintage <= 0
    most = float(cohorts.amount[old].sum() + inputs.demand.sum())
    buyer = BuyerInputs(
        name=FORCED,
        price=1.0 - terms.haircut,
        servicing_fee=inputs.spec.plan.opex_rate,
        limit=most,
        per_period=None,
        min_seasoning=0,
        eligibility=FORCED,
        segments=frozenset(range(len(inputs.segments))),
        open_stock=nothing,
        closed=every,
    )
    lender = LenderInputs(
        name=MISSING,
        kind=MISSING,
        limit=most,
        commitment_fee=0.0,
        tenors=((1, terms.rate),),
        open_balance=nothing,
        open_repaid=np.zeros(horizon + 2),
        open_interest=nothing,
        closed=every,
    )
    return replace(
        inputs,
        buyers=(*inputs.buyers, buyer),
        lenders=(*inputs.lenders, lender),
        eligible={**inputs.eligible, FORCED: np.ones(len(cohorts))},
    )


def _has_lender(inputs: Inputs) -> bool:
    return any(x.name == MISSING for x in inputs.lenders)


def shortfall_terms(inputs: Inputs) -> ShortfallTerms:
    """Haircut of forced sales and rate of missing money of a model."""
    uncertainty = inputs.spec.plan.uncertainty
    return ShortfallTerms() if uncertainty is None else uncertainty.shortfall


def open_emergency(inputs: Inputs, t: int, sold: bool, borrowed: bool) -> Inputs:
    """The emergency's buyer and lender open in ``t``, so that a program has columns for it."""
    buyers = tuple(
        replace(x, closed=x.closed - {t}) if sold and x.name == FORCED else x for x in inputs.buyers
    )
    lenders = tuple(
        replace(x, closed=x.closed - {t}) if borrowed and x.name == MISSING else x
        for x in inputs.lenders
    )
    return replace(inputs, buyers=buyers, lenders=lenders)


class Carrier:
    """Carries wishes out one period after the other; :attr:`ledger` knows what is possible."""

    def __init__(self, inputs: Inputs, engine: Engine) -> None:
        self.inputs = in_emergency(inputs)
        self.engine = engine
        self.ledger = Ledger.of(self.inputs)
        self.shortfalls: list[Shortfall] = []
        self.clipped: list[Clipped] = []
        self.stopped: dict[str, set[tuple[str, str]]] = {}
        self._replay: Replay | None = None

    @property
    def replayed(self) -> Replay:
        """The engines on all that was done so far."""
        if self._replay is None:
            self._replay = replay(self.inputs, self.ledger.decisions(), self.engine)
        return self._replay

    def resume(self, done: Decisions, since: int) -> None:
        """Take over what was carried out in the periods before ``since``."""
        self.ledger.take_over(done, since)
        for t in range(1, since):
            self._test_covenants(t)

    def step(self, t: int, wished: Decisions) -> None:
        """Carry out what is wished for period ``t``, and meet what cash lacks then."""
        before = self.replayed
        self._lend(t, wished)
        self._sell(t, wished, before)
        self._pledge(t, wished)
        self._place(t, wished)
        self._draw(t, wished)
        self._pay_out(t, wished, before)
        self._replay = None
        self._meet(t)
        self._test_covenants(t)

    def result(self, last: int) -> CarriedOut:
        """What became of the plan up to ``last``."""
        decisions, found = self.ledger.decisions(), self.replayed
        point = at_point(self.inputs, decisions, self.ledger.held, found)
        return CarriedOut(
            self.inputs,
            decisions,
            found,
            tuple(self.shortfalls),
            tuple(self.clipped),
            failed_limits(point, decisions, found, last),
            point.value_at_end(),
            point.objective(),
        )

    def _clip(self, t: int, channel: str, item: str, wished: float, done: float) -> None:
        if wished - done > NOTHING:
            self.clipped.append(Clipped(t, channel, item, wished, done))

    def _lend(self, t: int, wished: Decisions) -> None:
        inputs, ledger = self.inputs, self.ledger
        alone = {s: float(wished.originated[s, t]) for s in range(len(inputs.segments))}
        booked = {
            x.place: {
                s: amount
                for (s, where, u), amount in wished.booked.items()
                if where == x.place and u == t
            }
            for x in inputs.partners
        }
        done: dict[int, dict[str, float]] = {s: {} for s in alone}
        for s, name in enumerate(inputs.segments):
            asked = alone[s] + sum(by.get(s, 0.0) for by in booked.values())
            there = float(inputs.demand[s, t]) if (s, t) in inputs.new_cohort else 0.0
            factor = 1.0 if asked <= there else there / asked
            self._clip(t, OWN, name, asked, asked * factor)
            alone[s] *= factor
            for by in booked.values():
                if s in by:
                    by[s] *= factor
        for x in inputs.partners:
            mine = {s: a for s, a in booked[x.place].items() if a > 0.0 and x.lends(s, t)}
            mine = self._eligible(x.eligibility, mine, alone, t)
            share = ledger.partner_share(x, t, mine)
            for s, amount in booked[x.place].items():
                given = mine.get(s, 0.0) * share
                self._clip(t, x.channel, f"{x.name}: {inputs.segments[s]}", amount, given)
                done[s][x.place] = given
        for s, own in alone.items():
            ledger.lend(s, t, own, done[s])

    def _eligible(
        self, name: str | None, mine: dict[int, float], alone: Mapping[int, float], t: int
    ) -> dict[int, float]:
        """What of loans with a partner its eligibility set admits beside those made alone."""
        if name is None:
            return mine
        found = {}
        for s, amount in mine.items():
            e = float(self.inputs.eligible[name][self.inputs.new_cohort[s, t]])
            found[s] = amount if e >= 1.0 else min(amount, e * alone[s] / (1.0 - e))
        return found

    def _sell(self, t: int, wished: Decisions, before: Replay) -> None:
        for funder in self.inputs.funders:
            asked = {
                j: amount
                for (j, where, u), amount in wished.transfers.items()
                if where == funder.place and u == t
            }
            forced = isinstance(funder, BuyerInputs) and funder.name == FORCED
            if forced or (not asked and getattr(funder, "closing", None) != t):
                continue
            most = self.ledger.sellable(funder, t)
            done = {j: min(amount, most.get(j, 0.0)) for j, amount in asked.items()}
            if isinstance(funder, BuyerInputs):
                room, channel = self.ledger.buyer_room(funder, t), "bank_transfer"
            else:
                room, channel = self._series_room(funder, t, wished, done, before), "securitization"
            total = sum(done.values())
            factor = 1.0 if total <= room else room / total
            self._clip(t, channel, funder.name, sum(asked.values()), total * factor)
            for j, amount in done.items():
                self.ledger.sell(j, funder.place, t, amount * factor)

    def _series_room(
        self,
        d: DealInputs,
        t: int,
        wished: Decisions,
        sold: Mapping[int, float],
        before: Replay,
    ) -> float:
        """What a series can pay for: at closing its size, later the cash that it holds."""
        if d.state is None and t == d.closing:
            asked = wished.issued.get(d.name, 0.0)
            size = min(asked, self.ledger.series_size(d, sum(sold.values())))
            self._clip(t, "securitization", f"{d.name}: size", asked, size)
            if size > NOTHING:
                self.ledger.issued[d.name] = size
                return size
            return 0.0
        found = before.deals.get(d.name)
        if found is None or found.phase[0, t - 1] != REVOLVING:
            return 0.0
        return max(float(found.cash[0, t - 1]), 0.0)

    def _pledge(self, t: int, wished: Decisions) -> None:
        pledges = self.inputs.pledges
        if pledges is None:
            return
        cells = pledges.share @ self.ledger.held(OWN, t)
        asked = {key: a for key, a in wished.pledged.items() if key[2] == t and a > 0.0}
        for c in range(len(pledges.takes)):
            total = sum(a for (_, cell, _), a in asked.items() if cell == c)
            factor = 1.0 if total <= cells[c] else float(cells[c]) / total
            for key, amount in asked.items():
                if key[1] == c:
                    self.ledger.pledged[key] = amount * factor

    def _place(self, t: int, wished: Decisions) -> None:
        if self.inputs.p2p is None:
            return
        room = self.ledger.p2p_room(t)
        for m, step in enumerate(self.inputs.p2p.steps):
            asked = float(wished.placed[m, t])
            done = min(asked, self.ledger.step_room(m, t), room)
            room -= done
            self.ledger.placed[m, t] = done
            self._clip(t, "p2p", f"at {step.rate:.2%}", asked, done)

    def _draw(self, t: int, wished: Decisions) -> None:
        for x in self.inputs.lenders:
            if x.name == MISSING:
                continue
            asked = {
                tenor: amount
                for (name, tenor, u), amount in wished.draws.items()
                if name == x.name and u == t
            }
            total = sum(asked.values())
            room = 0.0 if self.stopped.get(x.name) else self.ledger.line_room(x, t)
            factor = 1.0 if total <= room else room / total
            self._clip(t, "bank_debt", x.name, total, total * factor)
            for tenor, amount in asked.items():
                if amount * factor > 0.0:
                    self.ledger.draws[x.name, tenor, t] = amount * factor

    def _pay_out(self, t: int, wished: Decisions, before: Replay) -> None:
        """Dividends within what a closed year has earned in this world."""
        rule, paid = self.inputs.spec.dividends, self.ledger.dividends
        if rule is None or paid is None or wished.dividends is None:
            return
        asked, room = float(wished.dividends[t]), 0.0
        if t in dividend_periods(self.inputs):
            closed = years_of(self.inputs).get(self.inputs.grid.ends[t - 1].year - 1, [])
            earned = rule.income_prior_year / self.inputs.unit
            if closed:
                earned = float((before.profit - before.tax)[closed].sum())
            so_far = float(paid[year_so_far(self.inputs, t)].sum())
            room = max(rule.payout * earned - so_far, 0.0)
        paid[t] = min(asked, room)
        self._clip(t, "owners", "dividends", asked, float(paid[t]))

    def _meet(self, t: int) -> None:
        """Sell own loans, and borrow, where cash would end below zero."""
        lacking = -float(self.replayed.cash[t])
        if lacking <= NOTHING:
            return
        ledger, terms = self.ledger, shortfall_terms(self.inputs)
        own, price = ledger.held(OWN, t), 1.0 - terms.haircut
        alive = np.array([self.inputs.cohorts.alive(j, t) for j in range(len(own))])
        own = np.where(alive & (own > 0.0), own, 0.0)
        free = min(ledger.unpledged(t), float(own.sum()))
        sold = min(lacking / price, free) if price > 0.0 else 0.0
        if sold > 0.0:
            for j in np.flatnonzero(own):
                ledger.sell(int(j), FORCED_PLACE, t, float(own[j]) * sold / float(own.sum()))
        borrowed = lacking - sold * price
        if borrowed > NOTHING:
            ledger.draws[MISSING, 1, t] = borrowed
        else:
            borrowed = 0.0
        self.inputs = ledger.inputs = open_emergency(self.inputs, t, sold > 0.0, borrowed > 0.0)
        year = float(self.inputs.year[t + 1]) if t < self.inputs.horizon else 0.0
        self.shortfalls.append(
            Shortfall(
                t, lacking, sold, sold * terms.haircut, borrowed, borrowed * terms.rate * year
            )
        )
        self._replay = None

    def _test_covenants(self, t: int) -> None:
        """A broken covenant stops draws on its line until a test is kept; cross default too."""
        tested = [x for x in self.inputs.covenants if t in x.tests and self._in_use(x, t)]
        if not tested:
            return
        wanted = {(x, t): Measure(0.0, 0.0) for x in tested}
        found = replayed_measures(self.inputs, self.ledger.decisions(), self.replayed, wanted)
        for x in tested:
            broken = found[x, t].headroom(x) < -NOTHING
            for name in (x.lender, *self._hit_with(x.lender)):
                why = self.stopped.setdefault(name, set())
                (why.add if broken else why.discard)((x.lender, x.name))

    def _in_use(self, x: CovenantInputs, t: int) -> bool:
        line = next(y for y in self.inputs.lenders if y.name == x.lender)
        return self.ledger.drawn(line, t) > 0.0 or (line.limit > 0.0 and t not in line.closed)

    def _hit_with(self, lender: str) -> Iterable[str]:
        """Lines that a breach at ``lender`` reaches by cross default."""
        reached = {lender}
        while True:
            more = {c.lender for c in self.inputs.cross_defaults if c.of & reached} - reached
            if not more:
                return reached - {lender}
            reached |= more
