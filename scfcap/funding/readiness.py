"""What a plan would have held ready for a shock, what that costs and what it saves.

One plan for two worlds, the plan's own and the shock's, each with its probability: what is decided
before the shock is seen is decided alike in both. What it has at the last close before the shock
beyond the plan that knows of no shock is what is held ready.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from scfcap.axes import OWN
from scfcap.funding.cells import Cell, changes, decided
from scfcap.funding.contingency import Contingency, with_emergency
from scfcap.funding.inputs import Inputs
from scfcap.funding.nearest import INDIFFERENT, nearest
from scfcap.funding.nodes import Nodes
from scfcap.funding.plan import Optimum, carried
from scfcap.funding.replay import Engine
from scfcap.funding.scenarios import ScenarioPlan, solve_scenarios
from scfcap.funding.soft import penalty
from scfcap.funding.solution import Solution
from scfcap.funding.variables import Book

#: Probability of a shock of which the model states none.
PROBABILITY = 0.1


@dataclass(frozen=True)
class Ready:
    """A plan that is ready for a shock of ``probability``; money in money units.

    ``close`` is the last close before the shock is seen. ``held`` has for each thing that may be
    held ready how much the base plan has of it then, and how much this one; ``ahead`` what is
    decided otherwise up to then. ``premium`` is what it costs if the shock stays out, ``saved``
    what it saves in the shock against the answer of the plan that was not ready.
    """

    probability: float
    close: int
    held: Mapping[str, tuple[float, float]]
    ahead: Mapping[Cell, float]
    premium: float
    saved: float
    lighter: float
    """What broken limits weigh less in the shock."""

    @property
    def expected(self) -> float:
        """What being ready is worth on average, limits weighed [money units]."""
        saved = self.saved + self.lighter
        return self.probability * saved - (1.0 - self.probability) * self.premium

    @property
    def nothing(self) -> bool:
        """Whether the plan is ready as it is."""
        return not self.ahead


def held_ready(
    found: Contingency, engine: Engine, probability: float = PROBABILITY
) -> Ready | None:
    """What to hold ready; None where the shock is there in the first period.

    Raises:
        InfeasibleError: no plan keeps the limits in both worlds.
    """
    base, shock, close = found.base, found.shock, found.known - 1
    if close < 1:
        return None
    urgent = any(x.name not in _lenders(base.inputs) for x in found.answer.optimum.inputs.lenders)
    world = with_emergency(shock.inputs, shock.known) if urgent else shock.inputs
    # The order in which notes are repaid, and which series amortise early, are the answer's.
    world = replace(world, soft=True, deals=found.answer.optimum.inputs.deals)
    plan = solve_scenarios(
        {"as planned": base.inputs, shock.name: world},
        {"as planned": 1.0 - probability, shock.name: probability},
        Nodes.two_stage(2, base.inputs.horizon, close),
        engine,
    )
    planned = decided(base.inputs, base.decisions)
    calm, (book, hit) = _near(plan, planned, close, engine)
    now = decided(calm.inputs, calm.decisions)
    least = INDIFFERENT * abs(base.solution.objective)
    ahead = {
        cell: amount
        for cell, amount in changes(planned, now).items()
        if cell.t <= close and abs(amount) > least
    }
    before, after = dict(_levels(base, close)), dict(_levels(calm, close))
    ready = Ready(
        probability=probability,
        close=close,
        held={what: (amount, after.get(what, 0.0)) for what, amount in before.items()},
        ahead=ahead,
        premium=base.solution.objective - calm.solution.objective,
        saved=hit.objective + penalty(book, hit) - found.answer.worth,
        lighter=found.answer.weight - penalty(book, hit),
    )
    if ahead and ready.expected > least:
        return ready
    # The plan as it is, and its answer, are such a plan too.
    same = {what: (amount, amount) for what, amount in before.items()}
    return Ready(probability, close, same, {}, 0.0, 0.0, 0.0)


def _lenders(inputs: Inputs) -> set[str]:
    return {x.name for x in inputs.lenders}


def _near(
    plan: ScenarioPlan, planned: Mapping[Cell, float], close: int, engine: Engine
) -> tuple[Optimum, tuple[Book, Solution]]:
    """Of the plan of both worlds that differs least from the base up to the shock: the plan as it
    is carried out in the base, and its solution in the shock.
    """
    calm, hit = plan.optima.values()
    shared = nearest((calm.book, hit.book), plan.solution, planned, close)
    one, two = (
        replace(
            shared,
            program=book.program,
            objective=book.program.objective.value(shared.x),
        )
        for book in (calm.book, hit.book)
    )
    return carried(calm.book, one, engine), (hit.book, two)


def _levels(found: Optimum, t: int) -> Iterator[tuple[str, float]]:
    """What may be held ready at the close of ``t`` [money units]."""
    inputs, book, x = found.inputs, found.book, found.solution.x
    yield "cash", float(found.replay.cash[t])
    for lender in inputs.lenders:
        drawn = book.debt(lender.name, t).value(x) + float(lender.open_balance[t])
        yield f"undrawn line of {lender.name}", max(lender.line(t) - drawn, 0.0)
    if inputs.p2p is not None:
        yield "room for P2P notes", max(inputs.p2p.limit - book.p2p_stock(t).value(x), 0.0)
    own = np.array(
        [book.held(j, OWN, t).value(x) for j in range(len(inputs.cohorts))], dtype=np.float64
    )
    for rules in dict.fromkeys(inputs.rule_set(funder) for funder in inputs.funders):
        yield f"own loans that rules {rules} admit", float(inputs.eligible[rules] @ own)
    yield "loans made so far", float(found.decisions.originated[:, 1 : t + 1].sum())
