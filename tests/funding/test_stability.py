"""First decisions judged on scenarios that were not planned for."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from scfcap.funding.inputs import Inputs
from scfcap.funding.nodes import Nodes
from scfcap.funding.plan import optimum
from scfcap.funding.replay import Engine
from scfcap.funding.scenarios import ScenarioPlan, solve_scenarios
from scfcap.funding.stability import Judged, Stability, first_decisions, judge

from .small_platform import LAW, platform, small_pool
from .test_scenario_worth import HARD, WEIGHTS
from .variants import edited


@cache
def worlds() -> tuple[dict[str, Inputs], Engine]:
    """Base and a stress over four months."""
    changes = {"plan.periods": 4, "scenarios.stress": HARD, "concentration": []}
    uncertain = {"weights": WEIGHTS, "shortfall": {"rate": 1.0}}
    found = {
        name: platform(
            edited({**changes, "plan.scenario": name, "plan.uncertainty": uncertain}),
            LAW,
            small_pool(100, 2),
        )
        for name in WEIGHTS
    }
    return {name: p.inputs for name, p in found.items()}, found["base"].engine


@cache
def planned(weight: float) -> ScenarioPlan:
    inputs, engine = worlds()
    weights = {"base": 1.0 - weight, "stress": weight}
    return solve_scenarios(inputs, weights, Nodes.two_stage(2, 4, 1), engine)


@cache
def judged() -> dict[str, Judged]:
    """Plans for three probabilities of the stress, and one that decides nothing, in each."""
    inputs, engine = worlds()
    plans = [*(first_decisions(planned(w), 1) for w in (0.1, 0.4, 0.9)), {}]
    return {name: judge(x, engine, plans, 1) for name, x in inputs.items()}


def test_on_its_own_scenarios_a_plan_comes_to_what_it_expects():
    """In-sample is out-of-sample where both sets are one; nobody does better than foresight."""
    found = judged()
    for n, weight in enumerate((0.1, 0.4, 0.9)):
        weights = {"base": 1.0 - weight, "stress": weight}
        value = sum(w * float(found[name].value[n]) for name, w in weights.items())
        assert value == pytest.approx(planned(weight).objective, rel=1e-6)
    for name, x in found.items():
        assert x.foresight == pytest.approx(
            optimum(worlds()[0][name], worlds()[1]).solution.objective, rel=1e-9
        )
        assert (x.value <= x.foresight + 1e-6).all()
        assert x.given_up[:3] == pytest.approx(0.0, abs=1e-6)
        # Nothing at all cannot be decided: 5% of 40 million are promised.
        assert x.given_up[3] > 2.0 - 1e-6


def test_a_plan_for_other_odds_is_no_better_at_these():
    found = judged()
    value = sum(w * found[name].value for name, w in WEIGHTS.items())
    assert value.argmax() == 1
    assert value[3] < value[1] - 0.1


def test_the_verdict_by_the_spread_of_what_decisions_come_to():
    inputs, _ = worlds()
    weights = list(WEIGHTS.values())

    def verdict(values: list[list[float]], inside: list[float]) -> Stability:
        nothing = np.zeros(len(inside))
        each = [Judged(np.array(v), nothing, nothing, 200.0) for v in values]
        return Stability.of(range(len(inside)), inside, each, weights, inputs["base"])

    same = verdict([[100.0, 100.4], [100.0, 100.4]], [100.1, 100.3])
    assert same.spread == pytest.approx(0.4)
    assert same.relative == pytest.approx(0.4 / 100.2)
    assert same.accepted
    assert same.sentences()[-1].startswith("Stable:")
    apart = verdict([[100.0, 102.0], [100.0, 102.0]], [101.0, 101.0])
    assert not apart.accepted
    assert "Not stable: the spread is above 1% of the value." in apart.sentences()[-1]
    hopeful = verdict([[100.0, 100.0], [100.0, 100.0]], [110.0, 110.0])
    assert hopeful.accepted
    assert "plans expect 10.0% more than they come to" in hopeful.sentences()[-1]
    assert not any("for the mean" in x for x in hopeful.sentences())
    mixed = verdict([[100.0, 100.0], [50.0, 50.0]], [80.0, 80.0])
    assert mixed.outside == pytest.approx([80.0, 80.0])


@pytest.mark.parametrize(
    ("mean", "said"),
    [(99.0, "planning with the paths earns CNY 1,200,000."), (100.0, "nothing beyond the spread")],
)
def test_a_plan_for_the_mean_is_as_good_within_the_spread(mean, said):
    nothing = np.zeros(3)
    each = [Judged(np.array([100.0, 100.4, mean]), nothing, nothing, 200.0)] * 2
    inputs = worlds()[0]["base"]
    found = Stability.of((0, 1), (100.0, 100.4), each, list(WEIGHTS.values()), inputs)
    assert found.outside == pytest.approx([100.0, 100.4])
    assert found.for_mean == pytest.approx(mean)
    assert any("plan for the mean" in x and said in x for x in found.sentences())
