"""The scenarios of a model's plan: named ones, Monte Carlo paths, what they start from."""

from __future__ import annotations

import pytest

import scfcap
from scfcap.errors import InputError
from scfcap.funding.opening import opening_assets, opening_liabilities


def model(**changes):
    return scfcap.load("models/alibaba-2013", overrides={"tape.platform.loans": 400, **changes})


def test_named_scenarios_have_their_weights_and_one_balance_sheet():
    m = model(**{"plan.periods": 3, "plan.uncertainty.weights": {"base": 0.7, "stress": 0.3}})
    w = m.worlds()
    assert dict(w.weights) == {"base": 0.7, "stress": 0.3}
    assert w.nodes.index.tolist() == [[0, 0, 0, 0], [0, 0, 1, 1]]
    start = m.inputs()
    for x in w.inputs.values():
        assert (x.cash, x.net_capital) == (start.cash, start.net_capital)
        owned = sum(opening_assets(x).values()) - sum(opening_liabilities(x).values())
        assert owned + x.cash == pytest.approx(x.net_capital, rel=1e-9)
    assert w.inputs["stress"].cohorts.default.sum() > w.inputs["base"].cohorts.default.sum()


def test_paths_have_what_the_named_leave():
    m = model(
        **{
            "plan.periods": 3,
            "plan.uncertainty.weights": {"stress": 0.1},
            "plan.uncertainty.paths": 4,
            "plan.uncertainty.drawn": 40,
            "plan.uncertainty.first_stage": 2,
        }
    )
    w = m.worlds()
    assert next(iter(w.weights)) == "stress"
    assert len(w.weights) == 5
    assert sum(w.weights.values()) == pytest.approx(1.0, abs=1e-12)
    assert w.weights["stress"] == pytest.approx(0.1)
    assert list(w.table()["kind"]) == ["named"] + ["path"] * 4
    assert [x.soft for x in w.inputs.values()] == [False, True, True, True, True]
    assert w.drawn is not None
    [said] = w.told("CNY")
    assert said.startswith("4 paths stand for 40 drawn")
    assert f"CNY {w.drawn.reduction.distance:,.0f} of" in said
    assert (w.nodes.index[:, 2] == 0).all()
    assert len({*w.nodes.index[:, 3].tolist()}) == 5


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"weights": {"base": 0.7}}, "a sum of 0.7"),
        ({"weights": {"base": 0.7, "strss": 0.3}}, "scenario strss"),
        ({"weights": {"base": 1.0}, "paths": 3}, "less than 1"),
        ({"weights": {"base": 1.0}, "branches": [1]}, "periods that rise"),
        ({"paths": 3, "drawn": 2}, "3 of 2 drawn"),
        ({"weights": {"base": 1.0}, "first_stage": 9}, "9 periods"),
    ],
)
def test_what_does_not_add_up_is_refused(changes, said):
    stated = {f"plan.uncertainty.{key}": value for key, value in changes.items()}
    with pytest.raises(InputError, match=said):
        model(**{"plan.periods": 3, **stated}).worlds()


def test_a_model_without_uncertainty_has_no_scenarios_to_weigh():
    with pytest.raises(InputError, match=r"plan\.uncertainty"):
        model().worlds()
