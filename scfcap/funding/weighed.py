"""The plan over several scenarios as a plan to show: what is done in the one, worth in all.

Statements, limits and actions are those of the plan's own scenario, and duals there those if it
happens; prices are expected over all scenarios.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import nan

import pandas as pd

from scfcap.errors import InputError, Problem, SolverError
from scfcap.funding.data import Datum, all_data
from scfcap.funding.inputs import Inputs
from scfcap.funding.long_demand import no_long_demand
from scfcap.funding.naming import day_of, limit_name, money
from scfcap.funding.nodes import Nodes
from scfcap.funding.objective import objective_words
from scfcap.funding.plan import Optimum, Plan
from scfcap.funding.prices import NOTHING, Price
from scfcap.funding.ranging import Side
from scfcap.funding.replay import Engine
from scfcap.funding.risk import risk_cautions, risk_table
from scfcap.funding.scenarios import ScenarioPlan, in_scenario, solve_scenarios
from scfcap.funding.soft import broken, penalty
from scfcap.funding.statements import frame_of, limits
from scfcap.funding.tables import Tables
from scfcap.funding.terms import Term, TermPrice, all_terms, term_price_table, value_of
from scfcap.funding.unique import Choice, choose
from scfcap.funding.worth import worth_table


@dataclass(frozen=True)
class WeighedPlan(Plan):
    """A plan over ``scenarios``; ``optimum`` is what it does in the plan's own one."""

    scenarios: ScenarioPlan | None = None

    @property
    def all_scenarios(self) -> ScenarioPlan:
        """The optimum over the scenarios."""
        assert self.scenarios is not None
        return self.scenarios

    @property
    def objective(self) -> float:
        """What the plan is after, expected over the scenarios [currency]; without the prices of
        limits that give way on paths.
        """
        found = self.all_scenarios
        broken_at = sum(w * _penalty(found.optima[k]) for k, w in found.weights.items())
        return (found.objective + broken_at) * self.optimum.inputs.unit

    @cached_property
    def prices(self) -> tuple[Price, ...]:
        """What one more unit of each datum is worth, moved in every scenario; by the duals."""
        return expected_prices(self.all_scenarios, self.optimum.inputs)

    def _term_prices(self) -> pd.DataFrame:
        return term_price_table(
            expected_terms(self.all_scenarios, self.optimum.inputs), self.optimum.inputs
        )

    def _makers(self) -> Tables:
        tables = super()._makers()
        tables.add("long_demand", no_long_demand)
        tables.add("scenarios", lambda: scenario_table(self.all_scenarios))
        tables.add("together", lambda: together_table(self.all_scenarios))
        tables.add("risk", lambda: risk_table(self.all_scenarios))
        tables.add("uncertainty_value", lambda: worth_table(self.all_scenarios))
        return tables


def solve_weighed(
    inputs: Mapping[str, Inputs],
    weights: Mapping[str, float],
    nodes: Nodes,
    engine: Engine,
    shown: str,
) -> WeighedPlan:
    """The plan that is best on average, one of those that are as good, shown in scenario ``shown``.

    Raises:
        InputError: ``shown`` does not happen, or as :func:`solve_scenarios`.
        InfeasibleError: no plan keeps all limits in every scenario.
    """
    if weights.get(shown, 0.0) <= 0.0:
        raise InputError(
            Problem(
                "model.toml: plan.uncertainty.weights",
                f'no weight of "{shown}", the scenario in which the plan is shown',
                f"a probability of {shown}, above zero",
                f"Give {shown} a weight, or name another scenario: plan.scenario.",
            )
        )
    start = time.perf_counter()
    found = solve_scenarios(inputs, weights, nodes, engine)
    seconds = {"solve": time.perf_counter() - start, "channels": 0.0}
    start = time.perf_counter()
    found, choice = _chosen(found, engine, inputs[shown])
    seconds["unique"] = time.perf_counter() - start
    own = _if_it_happens(found.optima[shown], found.weights[shown])
    return WeighedPlan(own, (), seconds | dict(choice.seconds), choice, scenarios=found)


def _chosen(found: ScenarioPlan, engine: Engine, x: Inputs) -> tuple[ScenarioPlan, Choice]:
    """One of the plans that are as good, by a perturbation where the model does not say."""
    settings = x.spec.plan
    books = [y.book for y in found.optima.values()]
    how = settings.unique or "perturbation"
    try:
        choice = choose(books, found.solution, how, settings.indifferent)
    except SolverError as error:
        return found, Choice("none", found.solution, found.solution, kept=str(error))
    optima = {
        name: in_scenario(y.book, choice.solution, engine) for name, y in found.optima.items()
    }
    return replace(found, solution=choice.solution, optima=optima), choice


def _if_it_happens(found: Optimum, weight: float) -> Optimum:
    """The optimum with duals of its own rows, and reduced costs, per unit of its probability."""
    solution = found.solution
    return replace(
        found,
        solution=replace(
            solution, dual=solution.dual / weight, reduced_cost=solution.reduced_cost / weight
        ),
    )


def expected_prices(found: ScenarioPlan, shown: Inputs) -> tuple[Price, ...]:
    """Prices of all data, funds first, dearest first; of a datum that is moved in every scenario.

    By the duals alone, ``sum_k y_k``: they hold at the optimum, and nothing is solved again.
    """
    merged: dict[str, Datum] = {}
    for name, optimum in found.optima.items():
        for datum in all_data(optimum.inputs, optimum.book.program):
            weighed = replace(datum, constant=found.weights[name] * datum.constant)
            merged[datum.what] = _both(merged.get(datum.what), weighed)
    priced = [_price(datum, found, shown) for datum in merged.values()]
    kept = [p for p in priced if p.value != 0.0 or merged[p.what].named]
    return tuple(sorted(kept, key=lambda p: (not p.fund, -p.value, p.what)))


def _both(one: Datum | None, other: Datum) -> Datum:
    if one is None:
        return other
    return replace(
        one,
        shifts=one.shifts | other.shifts,
        constant=one.constant + other.constant,
        size=max(one.size, other.size),
    )


def _price(datum: Datum, found: ScenarioPlan, inputs: Inputs) -> Price:
    dual = sum(s * float(found.solution.dual[r]) for r, s in datum.shifts.items())
    value = dual + datum.constant
    value = 0.0 if abs(value) < NOTHING else value
    more = f"{money(inputs, inputs.unit)} more of {datum.what} {datum.per}"
    words = objective_words(inputs)
    if value == 0.0:
        said = f"{more} would earn nothing on average of the scenarios."
    else:
        verb = words.more if value > 0.0 else words.less
        amount = money(inputs, abs(value) * inputs.unit)
        said = f"{more} {verb} {amount} on average of the scenarios."
    side = Side(nan)
    return Price(
        datum.what, datum.per, value, value, value, value, datum.shifts, said, datum.fund, side,
        side,
    )  # fmt: skip


def expected_terms(found: ScenarioPlan, inputs: Inputs) -> tuple[TermPrice, ...]:
    """Prices of rates, prices, shares, multiples and weights, moved in every scenario."""
    total: dict[str, tuple[Term, float]] = {}
    for name, optimum in found.optima.items():
        weight = found.weights[name]
        for term in all_terms(optimum.book):
            weighed = replace(
                term,
                costs={j: weight * c for j, c in term.costs.items()},
                constant=weight * term.constant,
            )
            before = total.get(term.what, (term, 0.0))[1]
            total[term.what] = (term, before + value_of(weighed, found.solution))
    told = []
    for term, value in total.values():
        worth = value * term.change
        worth = 0.0 if abs(worth) < NOTHING else worth
        said = f"{term.unit} more of {term.what} "
        if worth == 0.0:
            said += "changes nothing on average of the scenarios."
        else:
            verb = "earns" if worth > 0.0 else "costs"
            said += f"{verb} {money(inputs, abs(worth) * inputs.unit)} on average, at the margin."
        told.append(TermPrice(term.what, term.unit, worth, worth, worth, said))
    return tuple(sorted(told, key=lambda p: (-abs(p.value), p.what)))


def risk_told(plan: Plan) -> list[str]:
    """What to doubt of a plan over scenarios; of another nothing."""
    if not isinstance(plan, WeighedPlan):
        return []
    return [*risk_cautions(plan.all_scenarios), *gave_way(plan.all_scenarios)]


def scenario_table(found: ScenarioPlan) -> pd.DataFrame:
    """What the plan comes to in each scenario; amounts in currency.

    ``weight``; ``objective_amount`` there; ``net_capital_amount`` at the end; ``least_cash_amount``
    and when; ``lent_amount`` over the plan; ``shortfall_amount``, the most that is missing at a
    close; ``binding``, limits that bind in it and not in the plan's own scenario.
    """
    first = next(iter(found.optima.values()))
    own = _binding(found.optima.get(first.inputs.spec.plan.scenario, first))
    rows = []
    for name, x in found.optima.items():
        cash = [x.solution.value("M", t) for t in x.inputs.periods]
        low = min(range(len(cash)), key=cash.__getitem__)
        unit = x.inputs.unit
        missing = max((x.solution.value("u", t) for t in x.inputs.periods), default=0.0)
        only = [] if x is first else sorted(_binding(x) - own)
        rows.append(
            (name, found.weights[name], (x.solution.objective + _penalty(x)) * unit,
             x.solution.value("K", x.inputs.horizon) * unit, cash[low] * unit,
             day_of(x.inputs, low + 1), float(x.decisions.originated.sum()) * unit,
             missing * unit, ", ".join(only))
        )  # fmt: skip
    return frame_of(
        rows,
        ["scenario", "weight", "objective_amount", "net_capital_amount", "least_cash_amount",
         "least_cash_on", "lent_amount", "shortfall_amount", "binding"],
    )  # fmt: skip


def _penalty(x: Optimum) -> float:
    return penalty(x.book, x.solution) if x.inputs.soft else 0.0


def gave_way(found: ScenarioPlan) -> list[str]:
    """A sentence for each scenario in which limits give way, with the most that one does."""
    said = []
    for name, x in found.optima.items():
        gave = broken(x.book, x.solution) if x.inputs.soft else {}
        if not gave:
            continue
        (family, key), most = max(gave.items(), key=lambda each: each[1])
        names = sorted({limit_name(x.inputs, f, k) for f, k in gave})
        said.append(
            f"In {name}, of probability {found.weights[name]:.2%}, no plan keeps all limits: "
            f"{', '.join(names)} give way, {limit_name(x.inputs, family, key)} by "
            f"{money(x.inputs, most * x.inputs.unit)}."
        )
    return said


def _binding(x: Optimum) -> set[str]:
    """Limits that bind at some close, by name."""
    frame = limits(x.book, x.solution)
    frame = frame[frame["binding"].astype(bool)]
    return {f"{f} {k}".replace("_", " ") for f, k in frame[["family", "key"]].to_numpy()}


def together_table(found: ScenarioPlan) -> pd.DataFrame:
    """How many groups of scenarios decide apart in each period: 1 where nobody can tell yet."""
    inputs = next(iter(found.optima.values())).inputs
    rows = [
        (t, day_of(inputs, t), len({*found.nodes.index[:, t].tolist()})) for t in inputs.periods
    ]
    return frame_of(rows, ["period", "end", "groups"])
