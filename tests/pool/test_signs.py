"""Signs of shocks: each kind has some, each is an indicator that is there, and stands as it is."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pandas as pd
import pytest

from scfcap.pool.signs import HEADROOM, NONE, SIGNS, signs
from scfcap.schema.scenario import Scenario, Shock
from scfcap.schema.warning import INDICATORS

KINDS = [get_args(kind.model_fields["kind"].annotation)[0] for kind in get_args(get_args(Shock)[0])]
LIGHTS = pd.DataFrame(
    {
        "indicator": ["lender_line_use", "lender_line_use", "roll_30"],
        "entity": ["bank-b", "bank-a", ""],
        "value": [0.97, 0.75, 0.001],
        "yellow": [0.8, 0.8, 0.0061],
        "red": [0.95, 0.95, 0.013],
        "light": ["red", "green", "green"],
        "trend": ["rising", "", "steady"],
    }
)
COVENANTS = pd.DataFrame(
    {
        "scenario": ["base", "base", "base", "cut"],
        "lender": ["bank-a", "bank-a", "bank-b", "bank-a"],
        "covenant": ["leverage", "past_due_share", "leverage", "leverage"],
        "period": [1, 1, 1, 1],
        "headroom_share": [0.4, 0.2, 0.1, 0.0],
    }
)


def cut(lender: str) -> dict[str, Scenario]:
    shock = {"kind": "bank_line_cut", "lender": lender, "cut": 1.0}
    return {"cut": Scenario.model_validate({"shocks": [shock]})}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_shock_has_signs_that_are_there(kind):
    assert SIGNS[kind]
    for sign in SIGNS[kind]:
        assert sign.indicator in {*INDICATORS, HEADROOM, NONE}
        assert sign.why.endswith(".")
        assert sign.source


def test_the_signs_of_a_cut_are_those_of_the_bank_that_cuts():
    found = signs(cut("bank-a"), LIGHTS, COVENANTS).set_index("indicator")
    assert found.loc["lender_line_use", "value"] == 0.75
    assert found.loc["lender_line_use", "light"] == "green"
    assert found.loc[HEADROOM, "entity"] == "bank-a: past_due_share"
    assert found.loc[HEADROOM, "value"] == 0.2
    worst = signs(cut("all"), LIGHTS, COVENANTS).set_index("indicator")
    assert worst.loc["lender_line_use", "entity"] == "bank-b"
    assert worst.loc[HEADROOM, "value"] == 0.1


def test_multiples_of_a_scenario_are_stress_of_borrowers_and_what_is_not_seen_is_empty():
    found = signs({"stress": Scenario(default_multiple=3.0)}, None)
    assert set(found["shock"]) == {"borrower_stress"}
    assert found["value"].isna().all()
    assert list(found["indicator"]) == [sign.indicator for sign in SIGNS["borrower_stress"]]


def test_the_lead_is_the_median_of_red_lights_where_it_was_measured():
    value = pd.DataFrame(
        {
            "indicator": ["buyer_late_share", "buyer_late_share", "roll_30"],
            "light": ["red", "yellow", "red"],
            "event": ["core failure", "core failure", "stress"],
            "lead_days": [62.0, 90.0, 31.0],
        }
    )
    shock = {"kind": "core_failure", "core": "#1"}
    failure = {"core": Scenario.model_validate({"shocks": [shock]})}
    found = signs(failure, None, None, value).set_index("indicator")["lead_days"]
    assert found["buyer_late_share"] == 62.0
    assert np.isnan(found["top_share"])
