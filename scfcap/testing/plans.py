"""Random plans: variants of the small platform under random laws, books and shocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import numpy as np
from pydantic import ValidationError

from scfcap.axes import OWN
from scfcap.credit.exposure import Exposures
from scfcap.errors import InputError
from scfcap.funding.nodes import Nodes
from scfcap.funding.plan import Optimum, optimum
from scfcap.funding.scenarios import ScenarioPlan, solve_scenarios
from scfcap.pool.snapshot import Pool
from scfcap.schema.regime import Regime
from scfcap.testing.dice import Dice
from scfcap.testing.plan_parts import any_funding, any_policies
from scfcap.testing.platform import AS_OF, LAW, MODEL, Platform, edited, platform, small_pool
from scfcap.testing.pools import any_exposures
from scfcap.testing.scenarios import any_scenarios

#: Throws after which :func:`any_plan` gives up; the planner refuses few of its models.
_TRIES = 20
#: Places of opening loans that partners and buyers may have, beside the series.
PLACES = ("guaranteed_bank:bank-g", "joint_lending:bank-j", "bank_transfer:city-bank")


@dataclass(frozen=True)
class PlanTrial:
    """A model to be planned: ``changes`` of the small platform, under ``regime`` (None: none).

    ``weights`` are the probabilities of scenarios where the plan is made over several, decided
    together in ``shared`` periods.
    """

    changes: Mapping[str, Any]
    regime: Regime | None
    pool: Pool
    exposures: Exposures
    weights: Mapping[str, float] = field(default_factory=dict)
    shared: int = 1

    def platform(self, scenario: str | None = None) -> Platform:
        """The model with its inputs; in ``scenario``, or its own.

        Raises:
            InputError: the planner takes no such model.
        """
        more = {} if scenario is None else {"plan.scenario": scenario}
        changes = edited({**self.changes, **more})
        return platform(changes, self.regime, self.pool, self.exposures)

    def solve(self) -> Optimum:
        """The plan in the model's own scenario.

        Raises:
            InfeasibleError: no plan keeps all limits.
        """
        made = self.platform()
        return optimum(made.inputs, made.engine)

    def solve_all(self) -> ScenarioPlan:
        """The plan over all scenarios of ``weights``.

        Raises:
            InfeasibleError: no plan keeps all limits in every scenario.
        """
        made = {name: self.platform(name) for name in self.weights}
        first = next(iter(made.values()))
        nodes = Nodes.two_stage(len(made), first.inputs.horizon, self.shared)
        inputs = {name: each.inputs for name, each in made.items()}
        return solve_scenarios(inputs, dict(self.weights), nodes, first.engine)


def any_plan(dice: Dice, *, scenarios: bool | None = None) -> PlanTrial:
    """A plan of one to eight months that the planner takes; it may have no solution.

    ``scenarios``: whether it is made over several; None: in a fifth of the throws.

    Raises:
        AssertionError: no model that the planner takes was thrown.
    """
    refused = []
    for _ in range(_TRIES):
        trial = _any_plan(dice, scenarios)
        try:
            trial.platform()
        except (InputError, ValidationError) as error:
            refused.append(str(error))
            continue
        return trial
    msg = f"no model that the planner takes in {_TRIES} throws: {'; '.join(refused[-3:])}"
    raise AssertionError(msg)


def _any_plan(dice: Dice, scenarios: bool | None) -> PlanTrial:
    periods = int(dice.edge(2, 6, 1, 8))
    changes: dict[str, Any] = {"plan.periods": periods}
    if dice.chance(0.1):
        changes["plan.frequency"] = "week"
    changes |= any_funding(dice, AS_OF) | any_policies(dice, AS_OF, periods)
    pool = _book(dice, changes)
    funding = ["rate_shock"] if changes["lenders"] else []
    funding += ["bank_line_cut"] if changes["lenders"] else []
    funding += ["p2p_run_off"] if changes["p2p"] else []
    funding += ["market_shut"] if changes["securitization"] else []
    exposures = any_exposures(dice, pool)
    worlds = any_scenarios(dice, dice.whole(1, 3), periods, cores=exposures.cores[:3],
                           funding=funding, segments=pool.segments)  # fmt: skip
    changes["scenarios"] = worlds
    names = [*worlds]
    changes["plan.scenario"] = dice.one_of((names[0], names[-1]))
    several = dice.chance(0.2) if scenarios is None else scenarios
    weights: dict[str, float] = {}
    if several and len(names) > 1:
        share = dice.edge(0.1, 0.9, 0.5)
        weights = {names[0]: share, names[1]: 1.0 - share}
        changes["plan.scenario"] = names[0]
    return PlanTrial(changes, any_law(dice), pool, exposures, weights, dice.whole(0, periods))


def _book(dice: Dice, changes: Mapping[str, Any]) -> Pool:
    """A book of 2 to 300 loans; parts of it with the series, the partners and the buyer."""
    pool = small_pool(int(dice.edge(10, 150, 10, 300)), dice.whole(1, 10_000))
    place, places = pool.place.copy(), [*pool.places]
    if changes["securitization"] is None:
        place[:], places = 0, [OWN]
    there = {f"guaranteed_bank:{x['name']}" for x in changes["guaranteed"]}
    there |= {f"joint_lending:{x['name']}" for x in changes["joint"]}
    there |= {f"bank_transfer:{x['name']}" for x in changes["buyers"]}
    order = np.arange(len(pool))
    for k, name in enumerate(PLACES):
        if name in there and dice.chance(0.7):
            place[(place == 0) & (order % 27 == 9 * k)] = len(places)
            places.append(name)
    size = dice.edge(0.3, 2.0, 1.0)
    balance = np.where(place == 0, pool.balance * size, pool.balance)
    late = np.where(dice.numbers().random(len(pool)) < dice.edge(0.0, 0.3, 0.0), 20, 0)
    return replace(
        pool,
        places=tuple(places),
        place=place,
        balance=balance,
        original_balance=balance.copy(),
        days_past_due=late.astype(np.int64),
    )


def any_law(dice: Dice) -> Regime | None:
    """No law, or one with caps that bind or not, channels closed, a limit to one borrower."""
    if dice.chance(0.2):
        return None
    law = LAW.model_dump()
    first, second = law["caps"]
    first["multiple"] = dice.edge(0.05, 1.0, 0.0, 0.5)
    second["multiple"] = dice.edge(0.3, 4.0, 0.5, 2.3)
    second["base"] = dice.one_of(("net_assets", "net_capital"))
    sources = ("bank", "abs_third_party", "transfer_recourse", "transfer_clean", "p2p",
               "guaranteed", "joint_partner")  # fmt: skip
    second["weights"] = {name: dice.edge(0.0, 1.5, 0.0, 1.0) for name in sources}
    law["caps"] = (first, second)
    if dice.chance(0.2):
        shut = dice.one_of(("bank_debt", "bank_transfer", "securitization", "p2p"))
        until = {"end": AS_OF + timedelta(days=dice.whole(1, 200))} if dice.chance(0.4) else {}
        law["closed"] = [{"channels": [shut], "source": "random", **until}]
    if dice.chance(0.2):
        law["bank_lenders"] = {"most": dice.whole(0, 2), "source": "random"}
    if dice.chance(0.2):
        law["joint_share"] = {"least": dice.edge(0.0, 0.3, 0.0), "source": "random"}
    return Regime.model_validate(law)


__all__ = ["MODEL", "PLACES", "PlanTrial", "any_law", "any_plan"]
