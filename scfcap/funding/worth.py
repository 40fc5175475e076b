"""What planning with scenarios is worth: against a plan for their mean, and against foresight.

Source: J. R. Birge, The value of the stochastic solution in stochastic linear programs with fixed
recourse, Math. Program. 24 (1982) 314-325.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scfcap.funding.catalogue import build_program
from scfcap.funding.inputs import Inputs
from scfcap.funding.mean import mean_inputs
from scfcap.funding.naming import money
from scfcap.funding.nodes import Nodes, ScenarioProgram, decided_in
from scfcap.funding.program import Key, NoOptimumError, Program, Row, Terms, solve
from scfcap.funding.risk import risk_sentences, shortfalls_of
from scfcap.funding.variables import declare
from scfcap.quantities import FloatArray

if TYPE_CHECKING:
    from scfcap.funding.scenarios import ScenarioPlan

#: Amounts decided by label: (family, key).
Amounts = Mapping[tuple[str, Key], float]
#: Room around a decision that is held, for rounding: share of it, at least of one [money units].
ROOM = 1e-7
#: A value below this share of the plan's objective is none.
NIL = 1e-6


@dataclass(frozen=True)
class Held:
    """The best that scenarios come to with their first decisions held.

    ``objective`` [that of the program]; ``given_up``: what of the decisions had to give way, since
    they cannot be carried out in every scenario, summed over them [money units]. ``x`` are the
    values of all columns.
    """

    objective: float
    given_up: float
    x: FloatArray = field(default_factory=lambda: np.zeros(0), repr=False, compare=False)


def held_at(program: Program, columns: Mapping[int, float], solver: str) -> Held:
    """Solve a program with some columns held, or where that leaves no plan, as near as can be.

    ``columns`` are amounts by column. The program is changed: use it no more.

    Raises:
        NoOptimumError: there is no plan whatever these columns are.
    """
    own = program.columns
    before = {j: (own.lower[j], own.upper[j]) for j in columns}
    for j, amount in columns.items():
        own.lower[j], own.upper[j] = held_bounds(program, j, amount)
    try:
        found = solve(program, solver=solver)
        return Held(found.objective, 0.0, found.x)
    except NoOptimumError as error:
        if "nbounded" in error.condition and "nfeasible" not in error.condition:
            raise
    for j, (low, high) in before.items():
        own.lower[j], own.upper[j] = low, high
    return _nearest(program, columns, solver)


def held_bounds(program: Program, j: int, amount: float) -> tuple[float, float]:
    """Bounds of a column around an amount, within its own and with room for rounding."""
    low, high = program.columns.lower[j], program.columns.upper[j]
    room = 0.0 if j in program.columns.integer else ROOM * max(1.0, abs(amount))
    lower = min(max(amount - room, low), high)
    return lower, max(min(amount + room, high), lower)


def _nearest(program: Program, columns: Mapping[int, float], solver: str) -> Held:
    """First the least of what must give way, then the best with no more."""
    off, rows = Terms(), []
    for j, amount in columns.items():
        for sign in (1.0, -1.0):
            way = program.column("off", (j, sign))
            off.add(way)
            rows.append(((j, sign), Row(Terms().add(j, sign).add(way, -1.0), "<=", sign * amount)))
    program.add_family("held", [key for key, _ in rows], rows)
    aim, program.objective = program.objective, Terms().extend(off, -1.0)
    least = max(-solve(program, solver=solver).objective, 0.0)
    program.add_family("given_up", ["all"], [("all", Row(off, "<=", least * (1.0 + ROOM) + ROOM))])
    program.objective = aim
    found = solve(program, solver=solver)
    return Held(found.objective, least, found.x)


def root_columns(parts: Iterable[ScenarioProgram], together: int) -> dict[tuple[str, Key], int]:
    """Columns of decisions that all scenarios share, by label."""
    return {
        (family, key): j
        for part in parts
        for j, family, key in part.labelled()
        if part.decided.get(j, 0) == together
    }


@dataclass(frozen=True)
class Worth:
    """What planning with the scenarios is worth, all [money units].

    ``stochastic``: the plan for all of them. ``mean``: the plan for their mean as it sees itself,
    and ``carried`` what its first decisions come to in the scenarios, with the best after them.
    ``foresight``: each scenario known from the start.
    """

    stochastic: float
    mean: float
    carried: Held
    foresight: float

    @property
    def vss(self) -> float:
        """Value of the stochastic solution; never below zero."""
        return self.stochastic - self.carried.objective

    @property
    def evpi(self) -> float:
        """Expected value of perfect information; never below zero."""
        return self.foresight - self.stochastic


def worth_of(plan: ScenarioPlan) -> Worth:
    """What a plan over scenarios is worth, with the order of repayment that it found in each.

    First decisions are those that all scenarios share. With risk, all but the mean reckon with the
    shortfalls of all scenarios together.

    Raises:
        NoOptimumError: no plan for the mean keeps all limits.
    """
    inputs = {name: x.inputs for name, x in plan.optima.items()}
    if len(inputs) == 1:
        one = plan.objective
        return Worth(one, one, Held(one, 0.0), one)
    first = next(iter(inputs.values()))
    solver = first.spec.plan.solver
    shared, columns = _rooted(inputs, plan.weights, plan.nodes)
    expected, amounts = _mean_plan(inputs, plan.weights, set(columns), shared, columns)
    carried = held_at(shared, {j: amounts.get(label, 0.0) for label, j in columns.items()}, solver)
    return Worth(plan.objective, expected, carried, _foresight(inputs, plan.weights, solver))


def mean_decisions(plan: ScenarioPlan) -> dict[tuple[str, Key], float]:
    """What the plan for the mean of a plan's scenarios decides while they cannot be told apart.

    Raises:
        NoOptimumError: no plan for the mean keeps all limits.
    """
    inputs = {name: x.inputs for name, x in plan.optima.items()}
    shared, columns = _rooted(inputs, plan.weights, plan.nodes)
    return _mean_plan(inputs, plan.weights, set(columns), shared, columns)[1]


def _rooted(
    inputs: Mapping[str, Inputs], weights: Mapping[str, float], nodes: Nodes
) -> tuple[Program, dict[tuple[str, Key], int]]:
    """The program of all scenarios, and its columns that all share."""
    from scfcap.funding.scenarios import build_scenarios

    shared, books = build_scenarios(inputs, weights, nodes)
    parts = [x.program for x in books.values() if isinstance(x.program, ScenarioProgram)]
    return shared, root_columns(parts, len(inputs))


def _mean_plan(
    inputs: Mapping[str, Inputs],
    weights: Mapping[str, float],
    known: set[tuple[str, Key]],
    shared: Program,
    columns: Mapping[tuple[str, Key], int],
) -> tuple[float, dict[tuple[str, Key], float]]:
    """Objective and first decisions of the plan for the mean.

    What one of the scenarios does not know, and so nobody can decide at first, is not decided here
    either.
    """
    expected = mean_inputs(inputs, weights)
    book = declare(expected)
    when, last = decided_in(expected), _last_root(columns, expected)
    first = []
    for j, family, key in book.program.labelled():
        t = when(family, key)
        if t is None or t > last:
            continue
        first.append((j, (family, key)))
        at = columns.get((family, key))
        if (family, key) not in known or at is None or shared.columns.upper[at] <= 0.0:
            book.program.columns.upper[j] = book.program.columns.lower[j]
    solution = solve(build_program(book), solver=expected.spec.plan.solver)
    return solution.objective, {label: float(solution.x[j]) for j, label in first}


def _last_root(columns: Iterable[tuple[str, Key]], inputs: Inputs) -> int:
    when = decided_in(inputs)
    return max((when(family, key) or 0 for family, key in columns), default=0)


def _foresight(inputs: Mapping[str, Inputs], weights: Mapping[str, float], solver: str) -> float:
    """The best with each scenario known from the start: alone, or with one tail for all."""
    from scfcap.funding.scenarios import build_scenarios

    first = next(iter(inputs.values()))
    stated = first.spec.plan.uncertainty
    if stated is not None and stated.risk.counts:
        apart = Nodes.two_stage(len(inputs), first.horizon, 0)
        return solve(build_scenarios(inputs, weights, apart)[0], solver=solver).objective
    return math.fsum(
        weights[name] * solve(build_program(declare(x)), solver=solver).objective
        for name, x in inputs.items()
    )


# --- in words -------------------------------------------------------------------------------------


def worth_table(
    plan: ScenarioPlan, found: Worth | None = None, spread: float = 0.0
) -> pd.DataFrame:
    """What planning with the scenarios earns, in words.

    Columns: item, amount [currency], sentence; the last row is the mean of the worst shortfalls
    (CVaR), with its limit's dual. ``spread`` [money units] is what values differ by
    from one choice of scenarios to the next: a value within it is none.
    """
    worth = worth_of(plan) if found is None else found
    inputs = next(iter(plan.optima.values())).inputs
    unit = inputs.unit
    rows = [
        ("plan for all scenarios", worth.stochastic, f"What the plan expects{_weighed(inputs)}."),
        (
            "plan for their mean, as it sees itself",
            worth.mean,
            "What a plan for the mean of the scenarios would believe to reach.",
        ),
        (
            "plan for their mean, in the scenarios",
            worth.carried.objective,
            _carried(inputs, worth.carried),
        ),
        ("value of the stochastic solution", worth.vss, _vss(inputs, worth, spread)),
        (
            "plan with perfect foresight",
            worth.foresight,
            "What could be expected if it were known from the start what happens.",
        ),
        ("expected value of perfect information", worth.evpi, _evpi(inputs, worth)),
    ]
    missed = shortfalls_of(plan)
    if missed is not None:
        said = " ".join(risk_sentences(plan))
        rows.append(("mean of the worst shortfalls", missed.cvar, said))
    frame = pd.DataFrame(rows, columns=["item", "amount", "sentence"])
    frame["amount"] = np.asarray(frame["amount"], dtype=np.float64) * unit
    return frame


def _carried(inputs: Inputs, found: Held) -> str:
    said = "What its first decisions come to, with the best after them in each scenario."
    if found.given_up <= NIL:
        return said
    amount = money(inputs, found.given_up * inputs.unit)
    return f"{said} They cannot be carried out in every scenario: {amount} of them gives way."


def _vss(inputs: Inputs, worth: Worth, spread: float) -> str:
    least = NIL * max(1.0, abs(worth.stochastic))
    if worth.vss <= least:
        return "Planning with the scenarios earns nothing: the plan for the mean is as good."
    amount = money(inputs, worth.vss * inputs.unit)
    if worth.vss <= spread:
        room = money(inputs, spread * inputs.unit)
        return (
            f"Planning with the scenarios earns {amount} on average, within the {room} by which "
            f"the choice of scenarios moves the value: nothing, the plan for the mean is as good."
        )
    return (
        f"Planning with the scenarios earns {amount} on average over a plan for their mean"
        f"{_weighed(inputs)}."
    )


def _weighed(inputs: Inputs) -> str:
    """Where risk has a weight, amounts are less what it takes off, and not income alone."""
    stated = inputs.spec.plan.uncertainty
    risk = None if stated is None else stated.risk
    return "" if risk is None or not risk.weight else ", less what risk takes off"


def _evpi(inputs: Inputs, worth: Worth) -> str:
    if worth.evpi <= NIL * max(1.0, abs(worth.stochastic)):
        return "To know what happens would be worth nothing: nothing else would be decided first."
    amount = money(inputs, worth.evpi * inputs.unit)
    return f"To know what happens would be worth {amount} on average, and no more should be paid."
