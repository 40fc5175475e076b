"""``scfcap backtest``: many worlds, who goes through them, what it says, writes and refuses."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import scfcap as package
from scfcap.api.backtest_worlds import estimate, ground_of, sight_at, truth_of, unforeseen
from scfcap.api.backtesting import FAMILIES, PLANNED, TRUTH, Setting, rolling_backtest
from scfcap.credit.foreseen import both
from scfcap.errors import FaultError
from scfcap.funding.rolling.policies import FORESIGHT, PLANNER, POLICIES
from scfcap.report.store import read_run

SMALL = ("--seeds", 2, "--periods", 2, "--horizon", 2, "--scenarios", 4)
#: Demand that needs more money than there is.
BUSY = {"demand.order.per_period": 90000.0}


@pytest.fixture(scope="module")
def model(tmp_path_factory, write_model, model_text, plain_rows):
    folder = write_model(tmp_path_factory.mktemp("backtest") / "mini", model_text, plain_rows())
    return package.load(folder, overrides=BUSY)


@pytest.fixture(scope="module")
def ground(model):
    return ground_of(model, Setting(seeds=3, periods=2, horizon=2, scenarios=4))


@pytest.fixture(scope="module")
def report(model):
    return rolling_backtest(model, Setting(seeds=3, periods=2, horizon=2, scenarios=4))


def test_all_policies_go_through_the_same_worlds(report):
    frame = report.frame
    for seed, group in frame.groupby("seed"):
        assert tuple(group["policy"]) == POLICIES, seed
        assert len(set(group["family"])) == 1
    assert frame.groupby("seed")["family"].first().tolist() == list(FAMILIES)
    assert (frame["fell_back"] == 0).all()
    assert frame["served"].between(0.0, 1.0 + 1e-9).all()
    best = frame[frame["policy"] == FORESIGHT].set_index("seed")["value"]
    for policy, group in frame.groupby("policy"):
        lacks = best - group.set_index("seed")["value"]
        # Nobody who keeps all limits earns more than who knows what comes.
        kept = (group.set_index("seed").filter(like="breaches_").sum(axis=1) == 0) & (
            group.set_index("seed")["shortfall"] == 0.0
        )
        assert (lacks[kept] >= -1e-4 * report.net_capital).all(), policy


def test_differences_are_those_of_the_outcomes(report):
    frame, paired = report.frame, report.paired
    mine = frame[frame["policy"] == PLANNER].set_index("seed")["value"]
    for row in paired[(paired["measure"] == "value") & (paired["family"] == "all")].itertuples():
        theirs = frame[frame["policy"] == row.rival].set_index("seed")["value"]
        assert row.difference == pytest.approx((mine - theirs).mean())
        assert row.low <= row.difference <= row.high
        assert row.lost_share == pytest.approx((mine - theirs < -1e-7 * report.net_capital).mean())


def test_the_report_has_the_figures_of_the_run_alone(report):
    text = report.markdown()
    for row in report.summary.itertuples():
        assert f"{row.value / 1e6:,.2f}m" in text
        assert f"{row.served:.1%}" in text
    lost = report.paired[(report.paired["measure"] == "value") & (report.paired["seeds"] > 0)]
    assert all(f"{x:.0%}" in text for x in lost["lost_share"])
    assert text.startswith("# Rolling back-test of mini\n")
    options = " ".join(map(str, (*SMALL, "--seed", 0))).replace("--seeds 2", "--seeds 3")
    assert report.command() == f"scfcap backtest mini {options}"
    assert report.command() in text


def test_it_shows_and_saves_and_is_the_same_again(scfcap, mini, tmp_path, report):
    out = tmp_path / "run"
    sets = [x for k, v in BUSY.items() for x in ("--set", f"{k}={v}")]
    done = scfcap("backtest", mini(), *SMALL, *sets, "--out", out, "--json")
    assert done.exit_code == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["model"], said["seeds"], said["families"]) == ("mini", 2, list(FAMILIES))
    frame = read_run(out).tables["outcomes"].frame
    same = report.frame[report.frame["seed"] < 2]
    pd.testing.assert_frame_equal(frame, same, check_dtype=False, rtol=1e-9)
    text = (out / "backtest.md").read_text(encoding="utf-8")
    assert all(f"- {sentence}" in text for sentence in said["findings"])
    assert said["findings"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--seeds", 1), "seeds: found 1; expected two or more"),
        (("--horizon", 9), "horizon: found 9; expected 1 to 4, the plan's periods"),
        (("--periods", 0), "periods: found 0; expected 1 to 4"),
        (("--scenarios", 2), "scenarios: found 2; expected 3 to 19"),
        (("--family", "odd"), "family: found odd; expected of drawn, named, unforeseen"),
        (("--workers", 0), "workers: found 0; expected one or more"),
    ],
)
def test_what_is_refused(scfcap, mini, options, said):
    base = ["--seeds", 2, "--periods", 2, "--horizon", 2, "--scenarios", 4]
    done = scfcap("backtest", mini(), *base, *options)
    assert done.exit_code == 2
    assert said in done.stderr


def test_what_comes_is_not_known(ground):
    """Two worlds that are alike until the first close look alike at the second decision."""
    setting = Setting(seeds=3, periods=2, horizon=2, scenarios=4)
    truth = truth_of(ground, setting, 0, "drawn")
    seen = sight_at(ground, truth, 2, 3)
    other = truth_of(ground, setting, 5, "drawn")
    for name in ("default_multiple", "prepay_multiple", "severity_add", "held", "demand"):
        mine, theirs = getattr(truth.background, name), getattr(other.background, name).copy()
        theirs[..., :1] = mine[..., :1]
        object.__setattr__(truth.background, name, theirs)
    assert (truth.background.default_multiple[..., 1] > 0.0).all()
    again = sight_at(ground, truth, 2, 3)
    for name, x in seen.scenarios.items():
        np.testing.assert_array_equal(x.cohorts.survive, again.scenarios[name].cohorts.survive)
        np.testing.assert_array_equal(x.demand, again.scenarios[name].demand)


def test_an_estimate_is_shrunk_as_gamma_and_poisson_say(ground):
    """With prior 1/v loans and twice the expected defaults; nothing is known at the first date."""
    path = truth_of(ground, Setting(), 0, "drawn")
    happened = both(path.background, path.shock)
    happened.default_multiple[:] = 2.0
    one, _ = estimate(ground, happened, 1)
    assert (one == 1.0).all()
    found, _ = estimate(ground, happened, 3)
    memory = ground.draw.spec.persistence
    expected = ground.expected[:, 1] * memory + ground.expected[:, 2]
    prior = 1.0 / ground.prior
    assert found == pytest.approx((prior + 2.0 * expected) / (prior + expected))
    assert ((found > 1.0) & (found < 2.0)).all()


def test_the_unforeseen_is_in_no_scenario_of_the_planner(ground):
    shock = unforeseen(ground, 1)
    assert shock.held.max() > ground.drawn.held.max()
    assert shock.issue.min() < ground.drawn.issue.min()
    setting = Setting(seeds=3, periods=2)
    truth = truth_of(ground, setting, 2, "unforeseen")
    assert truth.no_buyers in (1, 2)
    same = unforeseen(ground, truth.no_buyers)
    for row in ("held", "issue"):
        getattr(ground.drawn, row)[0] = getattr(same, row)[0]
    try:
        with pytest.raises(FaultError, match="foreseen by none"):
            truth_of(ground, setting, 2, "unforeseen")
    finally:
        ground.drawn.held[0], ground.drawn.issue[0] = 0.0, 1.0


def test_seeds_of_what_happens_and_of_what_is_planned_for_are_apart(ground):
    assert TRUTH != PLANNED
    planned = ground.draw.paths(ground.curves, ground.curves.grid, 3)
    assert planned.seed == TRUTH
    assert not np.isclose(
        planned.stress.default_multiple[0, 0], ground.drawn.default_multiple[-1, 0]
    ).all()
