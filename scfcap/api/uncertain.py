"""A plan under uncertainty: the inputs of each scenario, its weight, and who decides together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from scfcap.errors import InputError, Problem

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.cashflow.paths import ScenarioSet
    from scfcap.credit.curves import CurveSet
    from scfcap.funding.inputs import Inputs
    from scfcap.funding.nodes import Nodes
    from scfcap.funding.replay import Engine
    from scfcap.schema.uncertainty import Uncertainty


@dataclass(frozen=True)
class Worlds:
    """Scenarios of a plan, in one order: ``inputs`` and ``weights`` by name, ``nodes``, the engine.

    All start from one balance sheet, that of the plan's scenario. ``drawn`` is what Monte Carlo
    paths were reduced from (None: none were drawn).
    """

    inputs: Mapping[str, Inputs]
    weights: Mapping[str, float]
    nodes: Nodes
    engine: Engine
    drawn: ScenarioSet | None = None

    def told(self, currency: str) -> list[str]:
        """How far the paths kept are from all that were drawn; nothing where none were drawn."""
        if self.drawn is None:
            return []
        reduction = self.drawn.reduction
        return [
            f"{len(reduction.kept):,} paths stand for {len(reduction.nearest):,} drawn: their "
            f"distance is {currency} {reduction.distance:,.0f} of collections, lines and notes a "
            f"path, {reduction.relative:.0%} of what the best single path would leave."
        ]

    def table(self) -> pd.DataFrame:
        """The scenarios: name, weight, what it is (named, or a path)."""
        named = () if self.drawn is None else self.drawn.named
        kinds = [
            "named" if self.drawn is None or name in named else "path" for name in self.weights
        ]
        return pd.DataFrame(
            {"scenario": list(self.weights), "weight": list(self.weights.values()), "kind": kinds}
        )


def worlds(model: Model, uncertainty: Uncertainty | None = None) -> Worlds:
    """The scenarios of ``[plan.uncertainty]``, or of another one.

    Raises:
        InputError: the model states no uncertainty, or a scenario that it does not have.
    """
    stated = model.spec.plan.uncertainty if uncertainty is None else uncertainty
    if stated is None:
        raise InputError(
            Problem(
                "model.toml: plan.uncertainty",
                "nothing",
                "weights of named scenarios, a number of paths, or both",
                'Add [plan.uncertainty] with weights = { base = 0.8, stress = 0.2 }, or "paths".',
            )
        )
    drawn = None
    if stated.paths:
        drawn = model.scenario_set(
            stated.paths, count=stated.drawn, seed=stated.seed, named=stated.weights
        )
        names = drawn.curves.scenarios
        weights = dict(zip(names, map(float, drawn.weight), strict=True))
        curves = drawn.curves
    else:
        weights = dict(stated.weights)
        curves = chosen(model.curves(), tuple(weights))
    inputs, engine = inputs_under(model, curves)
    # A path is drawn, not stated: losses may break a limit in it whatever is done.
    inputs = {name: replace(x, soft=name not in stated.weights) for name, x in inputs.items()}
    nodes = nodes_of(stated, len(weights), inputs[next(iter(inputs))].horizon)
    if stated.branches:
        from scfcap.funding.trees import tree_of

        nodes = tree_of(stated, inputs, weights)
    return Worlds(inputs, weights, nodes, engine, drawn)


def nodes_of(stated: Uncertainty, scenarios: int, periods: int) -> Nodes:
    """Who decides together: all up to the end of the first stage, each alone after it.

    Raises:
        InputError: the first stage is longer than the plan.
    """
    from scfcap.funding.nodes import Nodes

    if stated.first_stage > periods:
        raise InputError(
            Problem(
                "model.toml: plan.uncertainty.first_stage",
                f"{stated.first_stage} periods",
                f"at most {periods}, the periods of the plan",
            )
        )
    return Nodes.two_stage(scenarios, periods, stated.first_stage)


def chosen(curves: CurveSet, names: tuple[str, ...]) -> CurveSet:
    """Curves of some scenarios, in the order of ``names``."""
    return curves.under(curves.stress.chosen([curves.scenarios.index(name) for name in names]))


def inputs_under(model: Model, curves: CurveSet) -> tuple[dict[str, Inputs], Engine]:
    """The program's inputs in each scenario of ``curves``, and the engine that carries plans out.

    Cohorts are projected once for all. The balance sheet at ``as_of`` is the one of the plan's own
    scenario in all: nothing has happened yet.
    """
    from scfcap.api.planning import inputs
    from scfcap.cashflow.cohorts import cohort_factors
    from scfcap.funding.provisions import opening_provisions
    from scfcap.funding.replay import Engine

    planned = curves.planned()
    new = model.new_loans()
    factors = cohort_factors(model.pool(), planned, new, len(model.plan_periods))
    start = model.inputs()
    found = {}
    for name in planned.scenarios:
        x = inputs(model, name, given=(factors, planned))
        provisions = x.provisions
        if provisions is not None:
            provisions = replace(provisions, opening=opening_provisions(start))
        found[name] = replace(
            x, cash=start.cash, net_capital=start.net_capital, provisions=provisions
        )
    return found, Engine(model.pool(), planned, new)
