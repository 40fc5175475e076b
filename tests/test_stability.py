"""``scfcap plan --stability``: plans over several draws, judged on paths of their own."""

from __future__ import annotations

import numpy as np
import pytest

import scfcap
from scfcap.api.stability import stability
from scfcap.errors import InputError


def model(**changes):
    return scfcap.load(
        "models/alibaba-2013",
        overrides={"tape.platform.loans": 300, "plan.periods": 3, **changes},
    )


def test_plans_over_two_draws():
    said: list[str] = []
    stated = {
        "plan.uncertainty.weights": {"stress": 0.1},
        "plan.uncertainty.paths": 3,
        "plan.uncertainty.drawn": 30,
    }
    found = stability(model(**stated), seeds=2, paths=6, tell=said.append)
    assert said == ["plan 1 of 2", "plan 2 of 2", "scenarios to 7 of 7"]
    assert found.seeds == (0, 1)
    assert found.paths == 7
    assert (found.outside <= found.foresight + 1e-6).all()
    assert np.isfinite(found.inside).all()
    assert list(found.table()["seed"]) == [0, 1]
    assert found.table()["outside_amount"].to_numpy() == pytest.approx(found.outside * 1e6)


def test_named_scenarios_depend_on_no_draw():
    with pytest.raises(InputError, match="named scenarios are chosen, and depend on no draw"):
        stability(model(**{"plan.uncertainty.weights": {"base": 1.0}}))
    with pytest.raises(InputError, match="at least 2, to compare"):
        stability(model(**{"plan.uncertainty.paths": 3}), seeds=1)
