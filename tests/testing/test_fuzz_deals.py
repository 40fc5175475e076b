"""A small part of the campaign of random deals, with the code of the campaign."""

from __future__ import annotations

import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "benchmarks" / "campaigns"


def _campaign():
    sys.path.insert(0, str(FOLDER))
    try:
        import deals
        import deals_features
    finally:
        sys.path.remove(str(FOLDER))
    return deals, deals_features


deals, features = _campaign()
#: What sixteen deals reach; the rest is left to the campaign.
REACHED = (
    *("step purchase", "step write_off", "step line", "step transfer", "loans loans"),
    *("reached: a trigger trips", "reached: a call is made", "reached: interest is short"),
    *("reached: a line is drawn", "edge: whole cents", "edge: payment dates apart"),
)


def test_random_deals_hold_in_every_scenario():
    found = deals.Found()
    for number in range(16):
        found.add(deals.try_deal(number, seed=11, scenarios=8))
    assert found.failures == {}
    assert found.cases == 128
    assert [name for name in REACHED if not found.seen[name]] == []


def test_random_plans_replay_or_are_mended_as_told():
    found = deals.Found()
    for number in range(10):
        found.add(deals.try_plan(number, seed=5))
    assert found.failures == {}
    assert found.seen["optimal"] >= 2
    assert found.seen["infeasible, mended as told"] >= 1


def test_every_feature_has_one_name():
    for names in (features.DEAL_FEATURES, features.PLAN_FEATURES):
        assert len(set(names)) == len(names)


def test_a_failure_names_its_trial_and_what_raised(monkeypatch):
    def wrong(*_, **__):
        msg = "cash is gone"
        raise AssertionError(msg)

    monkeypatch.setattr(deals, "assert_deal_holds", wrong)
    found = deals.try_deal(3, seed=11, scenarios=2)
    assert list(found.failures) == ["deal 11/3"]
    assert found.failures["deal 11/3"].startswith("AssertionError at ")
    assert found.failures["deal 11/3"].endswith(": cash is gone")
