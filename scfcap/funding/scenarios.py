"""One plan for several scenarios: decided once where nobody can tell them apart, replayed in each.

Scenarios have weights, their probabilities, and each its own inputs: cohorts' factors, demand,
lines, P2P supply, the end of a series' revolving. The objective is the weighted sum of theirs. A
scenario of weight zero does not happen and is left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from scfcap.errors import FaultError, InfeasibleError, InputError, Problem
from scfcap.funding.catalogue import build_program
from scfcap.funding.constraints import risk
from scfcap.funding.explain_scenarios import explain_scenarios
from scfcap.funding.inputs import Inputs
from scfcap.funding.nodes import Nodes, close_nodes, decided_in, views
from scfcap.funding.plan import ROUNDS, Optimum, carried
from scfcap.funding.program import Key, NoOptimumError, Program, Solution, solve
from scfcap.funding.replay import Engine, repaid_by
from scfcap.funding.start import basis_for
from scfcap.funding.variables import Book, declare
from scfcap.schema.uncertainty import WEIGHT_TOLERANCE

#: Nonzeros up to which the dual simplex is asked first: fewer than for one scenario. Two scenarios
#: of 45,000 nonzeros take it four times as long as the interior-point method.
SIMPLEX_UP_TO = 30_000


@dataclass(frozen=True)
class ScenarioPlan:
    """The optimum over scenarios; ``optima`` has for each its decisions, their replay, and terms.

    The solution of an optimum has the shared program's values and duals under the labels of its
    scenario; its objective is that of the scenario alone.
    """

    weights: Mapping[str, float]
    nodes: Nodes
    solution: Solution
    optima: Mapping[str, Optimum]

    @property
    def objective(self) -> float:
        """Expected objective [money units]."""
        return self.solution.objective

    def duals_if(self, family: str, scenario: str) -> dict[Key, float]:
        """Duals of a family if the scenario happens, by key: ``y_k / w_k``.

        Rows of a scenario stand in an objective that is weighted, so their duals carry the weight.
        """
        weight = self.weights[scenario]
        duals = self.optima[scenario].solution.duals(family)
        return {key: dual / weight for key, dual in duals.items()}

    def expected_duals(self, family: str) -> dict[Key, float]:
        """What one more unit of a datum is worth, moved in every scenario: ``sum_k y_k`` by key."""
        total: dict[Key, float] = {}
        for optimum in self.optima.values():
            for key, dual in optimum.solution.duals(family).items():
                total[key] = total.get(key, 0.0) + dual
        return total


def build_scenarios(
    inputs: Mapping[str, Inputs], weights: Mapping[str, float], nodes: Nodes
) -> tuple[Program, dict[str, Book]]:
    """One program for all scenarios, and the book of each.

    Each scenario's columns are declared and its families built as if it were alone; one scenario
    gives the very program of a plan without scenarios.

    Raises:
        FaultError: inputs and nodes do not fit together.
    """
    if len(inputs) == 1:
        name, alone = next(iter(inputs.items()))
        book = declare(alone)
        return build_program(book), {name: book}
    shared = Program("funding plan")
    _fit(inputs, nodes)
    parts = views(shared, {name: decided_in(x) for name, x in inputs.items()}, nodes)
    books = {name: declare(x, part) for (name, x), part in zip(inputs.items(), parts, strict=True)}
    close_nodes(parts)
    for name, book in books.items():
        shared.objective.extend(build_program(book).objective, weights[name])
    risk.together(shared, books, weights)
    return shared, books


def _fit(inputs: Mapping[str, Inputs], nodes: Nodes) -> None:
    first = next(iter(inputs.values()))
    if nodes.index.shape[1] != first.horizon + 1:
        msg = f"nodes of {nodes.index.shape[1] - 1} periods for plans of {first.horizon}"
        raise FaultError(msg)
    for name, x in inputs.items():
        same = x.grid.ends == first.grid.ends and x.unit == first.unit
        if not (same and x.segments == first.segments):
            msg = f"scenario {name} has another grid, unit or list of segments"
            raise FaultError(msg)


def solve_scenarios(
    inputs: Mapping[str, Inputs], weights: Mapping[str, float], nodes: Nodes, engine: Engine
) -> ScenarioPlan:
    """The plan that is best on average, replayed through the engines in each scenario.

    ``inputs``, ``weights`` and the rows of ``nodes`` are in one order. Engines project in the
    scenario of each inputs' ``plan.scenario``. As in a plan of one scenario, the order in which
    notes are repaid is brought in line with the waterfall, in each scenario.

    Raises:
        InputError: weights that are negative, do not sum to one, or name other scenarios.
        InfeasibleError: no plan keeps all limits in every scenario.
        FaultError: inputs and nodes do not fit together.
    """
    _check(inputs, weights)
    live = [k for k, name in enumerate(inputs) if weights[name] > 0.0]
    names = [list(inputs)[k] for k in live]
    chosen = {name: weights[name] for name in names}
    some = nodes.only(live)
    best = _solved({name: inputs[name] for name in names}, chosen, some, engine)
    for _ in range(ROUNDS):
        known = {name: x.inputs for name, x in best.optima.items()}
        again = {
            name: replace(x.inputs, deals=repaid_by(x.inputs, x.replay))
            for name, x in best.optima.items()
        }
        if all(again[name].deals == known[name].deals for name in names):
            break
        try:
            best = _solved(again, chosen, some, engine, best)
        except InfeasibleError:
            break
    return best


def _check(inputs: Mapping[str, Inputs], weights: Mapping[str, float]) -> None:
    problems = []
    if list(weights) != list(inputs):
        problems.append(
            Problem(
                "weights of scenarios",
                f"scenarios {', '.join(weights) or 'none'}",
                f"one weight for each of {', '.join(inputs) or 'none'}, in that order",
            )
        )
    for name, weight in weights.items():
        if not (math.isfinite(weight) and weight >= 0.0):
            problems.append(
                Problem(f"weight of scenario {name}", f"{weight:g}", "a number from 0 to 1")
            )
    total = sum(weights.values())
    if not problems and abs(total - 1.0) > WEIGHT_TOLERANCE:
        problems.append(
            Problem(
                "weights of scenarios",
                f"a sum of {total:.10g}",
                "1: each is the probability of its scenario",
                "Divide each by their sum.",
            )
        )
    if problems:
        raise InputError(problems)


def _solved(
    inputs: Mapping[str, Inputs],
    weights: Mapping[str, float],
    nodes: Nodes,
    engine: Engine,
    before: ScenarioPlan | None = None,
) -> ScenarioPlan:
    """The plan of one order of repayment; begins from the basis of the plan ``before``."""
    shared, books = build_scenarios(inputs, weights, nodes)
    start = before and basis_for(shared, before.solution.program, before.solution)
    solver = next(iter(inputs.values())).spec.plan.solver
    try:
        some = None if len(inputs) == 1 else SIMPLEX_UP_TO
        solution = solve(shared, solver=solver, start=start, simplex_up_to=some)
    except NoOptimumError as error:
        if "nbounded" in error.condition and "nfeasible" not in error.condition:
            raise
        raise explain_scenarios(inputs, shared) from None
    optima = {name: in_scenario(book, solution, engine) for name, book in books.items()}
    return ScenarioPlan(dict(weights), nodes, solution, optima)


def in_scenario(book: Book, shared: Solution, engine: Engine) -> Optimum:
    """What the solution is in one scenario: decisions, carried out by the engines in it."""
    mine = book.program.objective.value(shared.x)
    solution = replace(shared, program=book.program, objective=mine)
    return carried(book, solution, engine)
