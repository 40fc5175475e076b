"""What a shock does to a plan: what fails first, what to do, what the warning is worth.

A plan stands, and a shock comes that it was not made for. Four courses are compared, all in the
shock's world and from one balance sheet:

- nothing done: the plan's decisions are carried out as far as they can be;
- answer: the plan stands up to the period in which the shock is seen, and is made anew from then
  on;
- foreseen: the shock is known from the start;
- held ready: one plan for the base and the shock, decided alike until the shock is seen.

Limits give way at a price where they must (:mod:`scfcap.funding.soft`). ``worth`` of a course is
its objective without these prices, ``weighed`` with them: a course that breaks limits may be worth
more, and weighs less.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from scfcap.errors import InfeasibleError
from scfcap.funding.carried_limits import Failed
from scfcap.funding.carrying import FORCED, MISSING, CarriedOut, carry_out, in_emergency
from scfcap.funding.cells import Cell, changes, decided
from scfcap.funding.inputs import DealInputs, Inputs
from scfcap.funding.nearest import nearest
from scfcap.funding.past import going_on
from scfcap.funding.plan import Optimum, carried, optimum
from scfcap.funding.program import Key, Solution
from scfcap.funding.replay import Engine, Replay, repaid_by, replay
from scfcap.funding.soft import PRICES, broken, penalty

#: Rounds in which series that amortise early are told to the program.
ROUNDS = 4
#: What failed limits of a carried plan cost, where they have another name in the program.
_SAME = {"trigger": "trigger_headroom"}


@dataclass(frozen=True)
class Shock:
    """A scenario that a plan was not made for; ``known``: the first period that can answer it."""

    name: str
    title: str
    inputs: Inputs
    known: int


@dataclass(frozen=True)
class Replanned:
    """A plan made in the world of a shock; ``gave``: limits that give way [money units]."""

    optimum: Optimum
    gave: Mapping[tuple[str, Key], float]
    weight: float

    @property
    def worth(self) -> float:
        """What the plan is worth [money units]."""
        return self.weighed + self.weight

    @property
    def weighed(self) -> float:
        """The same less the price of limits that give way [money units]."""
        return self.optimum.solution.objective

    def cells(self) -> dict[Cell, float]:
        """What is decided [money units]."""
        return decided(self.optimum.inputs, self.optimum.decisions)


@dataclass(frozen=True)
class NothingDone:
    """The plan's decisions carried out in the shock."""

    course: CarriedOut

    @property
    def worth(self) -> float:
        """What comes of it is worth [money units]."""
        return self.course.objective

    @property
    def weighed(self) -> float:
        """The same less the price of limits that fail [money units]."""
        return self.worth - sum(
            PRICES.get(_SAME.get(f.family, f.family), 0.0) * f.size for f in self.course.breaches
        )

    def first(self) -> Failed | None:
        """What fails first: missing cash before the limits of its close."""
        short = self.course.shortfalls
        limit = self.course.breaches[0] if self.course.breaches else None
        if short and (limit is None or short[0].period <= limit.period):
            cash = short[0]
            return Failed(cash.period, "cash", "cash", "cash", -cash.amount, 0.0)
        return limit


@dataclass(frozen=True)
class Contingency:
    """A plan and a shock: what comes of it by course [money units]."""

    base: Optimum
    shock: Shock
    nothing: NothingDone
    answer: Replanned
    foreseen: Replanned

    @property
    def known(self) -> int:
        """First period that can answer the shock."""
        return self.shock.known

    def actions(self) -> dict[Cell, float]:
        """The answer less what was planned, by cell [money units]: base + action = answer."""
        return changes(decided(self.base.inputs, self.base.decisions), self.answer.cells())

    @property
    def cost(self) -> float:
        """What the shock costs, answered: base less answer [money units]."""
        return self.base.solution.objective - self.answer.worth

    @property
    def cost_foreseen(self) -> float:
        """What of it the shock costs even if it is foreseen [money units]."""
        return self.base.solution.objective - self.foreseen.worth

    @property
    def cost_late(self) -> float:
        """What of it is for not knowing: what a warning at the start is worth [money units]."""
        return self.foreseen.worth - self.answer.worth

    @property
    def avoided(self) -> float:
        """What doing nothing would cost more [money units]."""
        return self.answer.worth - self.nothing.worth


def contingency(base: Optimum, shock: Shock, engine: Engine) -> Contingency:
    """What ``shock`` does to the plan ``base`` by each course.

    Knowing earlier is never worse: one may still do what one would have done. Where the foreseen
    plan comes out below the answer, because limits bind it that came into being with the shock,
    the answer stands for it.

    Raises:
        InfeasibleError: no plan keeps even those limits that never give way.
    """
    planned = decided(base.inputs, base.decisions)
    # Draws that stand when a line is cut run to their end in every course.
    given = decided_before(shock.inputs, base, shock.known, engine)
    standing = replace(shock.inputs, lenders=given.lenders)
    nothing = NothingDone(carry_out(standing, base.decisions, engine, shock.known))
    try:
        answer = _replanned(replace(given, soft=True), engine, planned, base.solution)
    except InfeasibleError:
        answer = _urgently(base, shock, engine, planned)
    if answer.weighed < nothing.weighed:
        urgent = _urgently(base, shock, engine, planned)
        answer = max(answer, urgent, key=lambda x: x.weighed)
    foreseen = answer
    if shock.known > 1:
        start = answer.optimum.solution
        found = _replanned(replace(shock.inputs, soft=True), engine, None, start)
        foreseen = max(answer, found, key=lambda x: x.weighed)
    return Contingency(base, shock, nothing, answer, foreseen)


def _urgently(
    base: Optimum, shock: Shock, engine: Engine, planned: Mapping[Cell, float]
) -> Replanned:
    """The plan from the shock on with forced sales too, where nothing else is left."""
    given = with_emergency(shock.inputs, shock.known)
    given = replace(decided_before(given, base, shock.known, engine), soft=True)
    return _replanned(given, engine, planned, base.solution)


def with_emergency(inputs: Inputs, since: int) -> Inputs:
    """``inputs`` in which loans may be sold at a haircut and missing money borrowed from ``since``
    on.

    Raises:
        InputError: a buyer or lender of the model has a name that is taken here.
    """
    given = in_emergency(inputs)
    before = frozenset(range(1, since))
    return replace(
        given,
        buyers=tuple(replace(x, closed=before) if x.name == FORCED else x for x in given.buyers),
        lenders=tuple(replace(x, closed=before) if x.name == MISSING else x for x in given.lenders),
    )


def decided_before(inputs: Inputs, base: Optimum, known: int, engine: Engine) -> Inputs:
    """``inputs`` in which the decisions of ``base`` stand up to the period before ``known``; of
    what notice had to be given by then, no more may be drawn or sold than ``base`` does.
    """
    if known <= 1:
        return inputs
    found = replay(inputs, base.decisions, engine)
    return going_on(inputs, base.decisions, known - 1, found)


def _replanned(
    inputs: Inputs, engine: Engine, planned: Mapping[Cell, float] | None, start: Solution
) -> Replanned:
    """The best plan, and of those as good the one nearest to what was ``planned`` (None: any).

    A series that the engines let amortise early does so in the program too. The solver begins from
    the basis of ``start``.
    """
    best = optimum(inputs, engine, start)
    for _ in range(ROUNDS):
        deals = amortised(best.inputs.deals, best.replay)
        if deals == best.inputs.deals:
            break
        best = optimum(replace(best.inputs, deals=deals), engine, best.solution)
    if planned is not None:
        best = _nearest(best, engine, planned)
    return Replanned(best, broken(best.book, best.solution), penalty(best.book, best.solution))


def amortised(deals: tuple[DealInputs, ...], found: Replay) -> tuple[DealInputs, ...]:
    """Series that revolve no longer than up to the close at which their trigger trips."""
    result = []
    for d in deals:
        run = found.deals.get(d.name)
        tripped = 0 if run is None else int(run.triggered[0])
        last = d.last_revolving
        result.append(replace(d, last_revolving=min(last, max(tripped, 1))) if tripped else d)
    return tuple(result)


def _nearest(best: Optimum, engine: Engine, planned: Mapping[Cell, float]) -> Optimum:
    """The nearest plan, if its notes are repaid in the same order and no other series amortises."""
    solution = nearest((best.book,), best.solution, planned)
    found = carried(best.book, solution, engine)
    same = repaid_by(best.inputs, found.replay) == repaid_by(best.inputs, best.replay)
    same = same and amortised(best.inputs.deals, found.replay) == amortised(
        best.inputs.deals, best.replay
    )
    return found if same else best
