"""Trees of scenarios: groups by what has happened so far, and plans over them."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from scfcap.errors import InputError
from scfcap.funding.inputs import Inputs
from scfcap.funding.nodes import Nodes
from scfcap.funding.replay import Engine
from scfcap.funding.scenarios import ScenarioPlan, solve_scenarios
from scfcap.funding.trees import felt, tree, tree_of
from scfcap.schema.uncertainty import Uncertainty

from .small_platform import LAW, platform, small_pool
from .test_scenario_plans import decided_by
from .variants import edited

#: Defaults rise from the first month on, little or much; the line is cut in the fourth or not.
SHOCKS = {
    "base": {},
    "cut": {"shocks": [{"kind": "bank_line_cut", "cut": 0.9, "from_period": 4}]},
    "bad": {"default_multiple": 8.0, "severity_add": 0.2},
    "worse": {
        "default_multiple": 8.0,
        "severity_add": 0.2,
        "shocks": [{"kind": "bank_line_cut", "cut": 0.9, "from_period": 4}],
    },
}
WEIGHTS = {"base": 0.4, "cut": 0.2, "bad": 0.2, "worse": 0.2}


@cache
def worlds() -> tuple[dict[str, Inputs], Engine]:
    """Four scenarios over six months, without limits on shares."""
    uncertain = {"weights": WEIGHTS, "shortfall": {"rate": 1.0}}
    changes = {
        "plan.periods": 6, "scenarios": SHOCKS, "concentration": [], "plan.uncertainty": uncertain,
    }  # fmt: skip
    found = {
        name: platform(edited({**changes, "plan.scenario": name}), LAW, small_pool(100, 2))
        for name in SHOCKS
    }
    return {name: p.inputs for name, p in found.items()}, found["base"].engine


def nodes(**said: object) -> Nodes:
    return tree_of(Uncertainty(weights=WEIGHTS, **said), worlds()[0], WEIGHTS)


def test_groups_by_what_has_happened_so_far():
    """Two of four differ in what is repaid by the third month; lines differ later."""
    found = nodes(first_stage=2, branches=[4]).index
    assert found[:, :3].tolist() == [[0, 0, 0]] * 4
    for t in (3, 4):
        together = {tuple(np.flatnonzero(found[:, t] == g)) for g in set(found[:, t].tolist())}
        assert together == {(0, 1), (2, 3)}
    assert len({*found[:, 5].tolist()}) == 4


def test_as_many_groups_from_each_date_to_the_next():
    """Of eight paths two and four groups, 8^(1/3) and 8^(2/3), then all."""
    points = np.random.default_rng(3).random((8, 6, 2)) * 10.0
    found = tree(points, np.full(8, 0.125), 2, [3, 5]).index
    groups = [len({*found[:, t].tolist()}) for t in range(7)]
    assert groups == [1, 1, 1, 2, 4, 4, 8]


def test_scenarios_without_any_difference_so_far_never_part():
    """Of eight paths that are one of two up to period 3 there are two groups and not four."""
    points = np.random.default_rng(3).random((8, 6, 2)) * 10.0
    points[:, :3] = points[[0, 1] * 4, :3]
    found = tree(points, np.full(8, 0.125), 2, [3, 5]).index
    for t in (4, 5):
        together = {tuple(np.flatnonzero(found[:, t] == g)) for g in set(found[:, t].tolist())}
        assert together == {(0, 2, 4, 6), (1, 3, 5, 7)}


def test_groups_are_those_that_lie_nearest():
    """On a line: 0 and 1, 10 and 11, 20 and 21 are three groups of six."""
    line = np.array([0.0, 10.0, 20.0, 1.0, 11.0, 21.0])
    points = np.repeat(line[:, None, None], 3, axis=1)
    found = tree(points, np.full(6, 1.0 / 6.0), 1, [2]).index
    groups = {tuple(np.flatnonzero(found[:, 2] == g)) for g in set(found[:, 2].tolist())}
    assert groups == {(0, 3), (1, 4), (2, 5)}


def test_nothing_has_happened_before_the_first_period():
    """With no first stage, period 1 is still decided together until the first branch."""
    found = nodes(first_stage=0, branches=[2]).index
    assert (found[:, 1:3] == found[0, 1]).all()
    assert len({*found[:, 3].tolist()}) == 4


def test_what_is_felt_is_money_of_each_period():
    inputs = worlds()[0]
    base, cut = felt(inputs["base"]), felt(inputs["cut"])
    assert base.shape == cut.shape
    assert np.abs(base - cut)[:3].max() == 0.0
    assert np.abs(base - cut)[3:].max() == pytest.approx(13.5)
    assert np.abs(base - felt(inputs["bad"]))[0].max() > 0.01


@cache
def planned(*dates: int) -> ScenarioPlan:
    inputs, engine = worlds()
    first, *branches = dates
    found = nodes(first_stage=first, branches=branches)
    return solve_scenarios(inputs, WEIGHTS, found, engine)


def test_a_tree_lies_between_knowing_at_its_first_date_and_at_its_last():
    early, between, late = planned(1), planned(1, 4), planned(4)
    assert late.objective <= between.objective + 1e-7
    assert between.objective <= early.objective + 1e-7
    assert late.objective < early.objective - 1e-4


def test_nobody_decides_by_what_he_cannot_know_at_any_branch():
    plan = planned(1, 4)
    index, names = plan.nodes.index, list(WEIGHTS)
    for t in range(1, 7):
        for a, b in ((0, 1), (2, 3), (0, 2)):
            if index[a, t] == index[b, t]:
                one, other = (decided_by(plan, names[k], t) for k in (a, b))
                assert one == other
    assert decided_by(plan, "base", 6) != decided_by(plan, "cut", 6)


def test_a_branch_after_the_plan_is_refused():
    with pytest.raises(InputError, match="period 7; expected at most 6"):
        nodes(first_stage=1, branches=[7])
