"""Who decides in a back-test: the program over scenarios, and its rivals.

A policy is asked at each decision date for what it wishes in that period. It sees the worlds that
can be expected then (:class:`Sight`) and what it has done itself, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from scfcap.errors import InfeasibleError, SolverError
from scfcap.funding.carried_limits import amortised
from scfcap.funding.carrying import Carrier, in_emergency, open_emergency, shortfall_terms
from scfcap.funding.decisions import Decisions, decisions_of
from scfcap.funding.inputs import Inputs
from scfcap.funding.nodes import Nodes
from scfcap.funding.past import going_on
from scfcap.funding.program import NoOptimumError, solve
from scfcap.funding.replay import Engine
from scfcap.funding.rolling.moving import on_grid
from scfcap.funding.rolling.rules import Raise, cheapest_first, decide, fixed_mix, proportional
from scfcap.funding.rolling.treasury import Desk
from scfcap.funding.scenarios import build_scenarios
from scfcap.schema.uncertainty import Uncertainty

#: Policies in the order in which they are shown; the first is the one that is judged.
PLANNER, MEAN, REPEATED = "scenario program", "mean-value program", "first plan repeated"
CHEAPEST, PROPORTIONAL, MIX = "cheapest first", "proportional", "fixed mix"
FORESIGHT = "perfect foresight"
POLICIES = (PLANNER, MEAN, REPEATED, CHEAPEST, PROPORTIONAL, MIX, FORESIGHT)

#: What a plan intends: amounts by family and item, by period [money units].
Intent = Mapping[tuple[str, object, int], float]


@dataclass(frozen=True)
class Sight:
    """The worlds that can be expected at the decision for ``period``.

    ``mean`` is the one of mean figures, ``scenarios`` the weighted ones; all go through the periods
    before as they were. ``engine`` projects in all of them.
    """

    period: int
    mean: Inputs
    scenarios: Mapping[str, Inputs]
    weights: Mapping[str, float]
    engine: Engine


@dataclass
class Decided:
    """What a policy wishes for a period, on the grid of ``inputs``; what it intends later."""

    inputs: Inputs
    decisions: Decisions
    intent: Intent = field(default_factory=dict)
    fell_back: bool = False


class Policy(Protocol):
    """Somebody who decides."""

    name: str

    def decide(self, sight: Sight, done: Carrier) -> Decided:
        """What is wished for the period of ``sight`` by who has ``done`` so much."""


@dataclass
class Rule:
    """A rule of thumb: see :mod:`~scfcap.funding.rolling.rules`."""

    name: str
    source: Raise

    def decide(self, sight: Sight, done: Carrier) -> Decided:
        """What the rule wishes."""
        seen = _with_emergencies(sight.mean, done, sight.period)
        past = on_grid(done.ledger.decisions(), done.inputs, seen)
        desk = Desk.at(_as_it_came(seen, done), past, sight.period, sight.engine)
        return Decided(desk.inputs, decide(desk, self.source))


@dataclass
class Program:
    """The funding program, solved anew at each date: over scenarios, or for the mean of them."""

    name: str
    over_scenarios: bool

    def decide(self, sight: Sight, done: Carrier) -> Decided:
        """First-period decisions of the program; the cheapest-first rule's where it has none."""
        worlds, weights = sight.scenarios, sight.weights
        if not self.over_scenarios:
            worlds, weights = {"mean": sight.mean}, {"mean": 1.0}
        found = _solved(worlds, weights, sight.period, done)
        if found is None and self.over_scenarios:
            found = _solved({"mean": sight.mean}, {"mean": 1.0}, sight.period, done)
            if found is not None:
                return replace(found, fell_back=True)
        if found is None:
            return replace(Rule(self.name, cheapest_first).decide(sight, done), fell_back=True)
        return found


@dataclass
class Once:
    """A plan that is made once, at the first date, and then only carried out."""

    name: str
    made: Decided

    def decide(self, sight: Sight, done: Carrier) -> Decided:  # noqa: ARG002
        """The plan as it was made."""
        return self.made


def foresight(truth: Inputs) -> Decided | None:
    """The best plan for what really happens; None where the program has none."""
    return _program({"truth": replace(truth, soft=True)}, {"truth": 1.0}, 1)


def first_plan(sight: Sight) -> Decided | None:
    """The mean-value plan at the first date; None where the program has none."""
    return _program({"mean": replace(sight.mean, soft=True)}, {"mean": 1.0}, sight.period)


def mix_of(made: Decided) -> dict[str, float]:
    """Shares of the kinds of sources in what a plan raises."""
    decisions, inputs = made.decisions, made.inputs
    buyers = {x.place for x in inputs.buyers}
    raised = {
        "bank_debt": sum(decisions.draws.values()),
        "bank_transfer": sum(a for (_, w, _), a in decisions.transfers.items() if w in buyers),
        "securitization": sum(decisions.issued.values()),
        "p2p": float(decisions.placed.sum()),
    }
    total = sum(raised.values())
    return {name: amount / total for name, amount in raised.items() if amount > 0.0}


def rivals(sight: Sight, truth: Inputs) -> list[Policy]:
    """All policies for one world, in the order of :data:`POLICIES`.

    ``sight`` is that of the first date, ``truth`` what happens, which perfect foresight alone sees.
    A policy whose program has no plan at all is left out.
    """
    opening, best = first_plan(sight), foresight(truth)
    found: list[Policy] = [Program(PLANNER, True), Program(MEAN, False)]
    if opening is not None:
        found.append(Once(REPEATED, opening))
    found += [Rule(CHEAPEST, cheapest_first), Rule(PROPORTIONAL, proportional)]
    if opening is not None:
        found.append(Rule(MIX, fixed_mix(mix_of(opening))))
    if best is not None:
        found.append(Once(FORESIGHT, best))
    return found


def _with_emergencies(world: Inputs, done: Carrier, period: int) -> Inputs:
    """A world that is expected, with forced sales and missing money of the past in it, and no draw
    in ``period`` on lines that a broken covenant has stopped.
    """
    seen = in_emergency(world)
    for x in done.shortfalls:
        seen = open_emergency(seen, x.period, x.sold > 0.0, x.borrowed > 0.0)
    lenders = tuple(
        replace(x, closed=x.closed | {period}) if done.stopped.get(x.name) else x
        for x in seen.lenders
    )
    return replace(seen, lenders=lenders)


def _as_it_came(world: Inputs, done: Carrier) -> Inputs:
    """Series that amortise early in fact do so in the world that is expected too."""
    return amortised(world, done.replayed)


def _solved(
    worlds: Mapping[str, Inputs], weights: Mapping[str, float], period: int, done: Carrier
) -> Decided | None:
    """The program that goes on from what was done up to the close before ``period``."""
    ready = {}
    for name, world in worlds.items():
        seen = _as_it_came(_with_emergencies(world, done, period), done)
        past = on_grid(done.ledger.decisions(), done.inputs, seen)
        ready[name] = going_on(replace(seen, soft=True), past, period - 1, done.replayed)
    return _program(ready, weights, period)


def _program(
    worlds: Mapping[str, Inputs], weights: Mapping[str, float], period: int
) -> Decided | None:
    """First solve only: the program decides ``period``, it does not choose among equals."""
    worlds = {name: with_forced_sales(x) for name, x in worlds.items()}
    first = next(iter(worlds.values()))
    nodes = Nodes.two_stage(len(worlds), first.horizon, period)
    try:
        shared, books = build_scenarios(worlds, weights, nodes)
        solution = solve(shared, solver=first.spec.plan.solver)
    except (InfeasibleError, NoOptimumError, SolverError):
        return None
    intent: dict[tuple[str, object, int], float] = {}
    found = None
    for name, book in books.items():
        decisions = decisions_of(book, replace(solution, program=book.program))
        found = decisions if found is None else found
        for key, amount in intended(book.inputs, decisions).items():
            if key[2] >= period:
                intent[key] = intent.get(key, 0.0) + weights[name] * amount
    assert found is not None
    return Decided(first, found, intent)


def with_forced_sales(inputs: Inputs) -> Inputs:
    """``inputs`` in which missing money costs what the forced sale does that will bring it.

    ``rate + haircut / (1 - haircut)`` of the amount over one period.
    """
    terms, plan = shortfall_terms(inputs), inputs.spec.plan
    once = terms.haircut / (1.0 - terms.haircut) if terms.haircut < 1.0 else 1.0
    dearer = terms.model_copy(
        update={"rate": terms.rate + once / float(inputs.grid.year_fractions.mean())}
    )
    stated = plan.uncertainty or Uncertainty(weights={plan.scenario: 1.0})
    plan = plan.model_copy(update={"uncertainty": stated.model_copy(update={"shortfall": dearer})})
    return replace(inputs, spec=inputs.spec.model_copy(update={"plan": plan}))


def intended(inputs: Inputs, decisions: Decisions) -> Intent:
    """What is decided by family, item and period: lending, draws, notes, sales, series."""
    found: dict[tuple[str, object, int], float] = {}

    def put(family: str, item: object, t: int, amount: float) -> None:
        if amount != 0.0:
            found[family, item, t] = found.get((family, item, t), 0.0) + amount

    for (s, t), lent in np.ndenumerate(decisions.originated):
        put("lending", inputs.segments[s], t, float(lent))
    for (m, t), placed in np.ndenumerate(decisions.placed):
        put("p2p", m, t, float(placed))
    for (lender, _, t), amount in decisions.draws.items():
        put("draws", lender, t, amount)
    for (_, where, t), amount in decisions.transfers.items():
        put("sales", where, t, amount)
    for (_, where, t), amount in decisions.booked.items():
        put("partners", where, t, amount)
    for d in inputs.deals:
        if d.state is None:
            put("series", d.name, d.closing, decisions.issued.get(d.name, 0.0))
    return found
