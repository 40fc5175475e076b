"""``scfcap plan --stability``: the verdict on the terminal and as JSON, and what is refused."""

from __future__ import annotations

import json

import pytest

DRAWN = (
    "--set", "plan.uncertainty.paths=3", "--set", "plan.uncertainty.drawn=20",
    "--set", "plan.uncertainty.weights.base=0.5",
)  # fmt: skip
FEW = ("--stability", "--seeds", "2", "--evaluation-paths", "4")


def test_the_verdict_is_told_with_each_draw(scfcap, mini):
    done = scfcap("plan", mini(), *DRAWN, *FEW)
    assert done.exit_code == 0, done.stderr
    assert "2 plans, each over another draw of 3 paths, expect CNY " in done.stdout
    assert "on 5 scenarios that none of them knew" in done.stdout
    assert "seed 0: expects CNY " in done.stdout
    assert "seed 1: expects CNY " in done.stdout


def test_json_holds_the_figures(scfcap, mini):
    done = scfcap("plan", mini(), *DRAWN, *FEW, "--json")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    outside = [row["outside_amount"] for row in document["seeds"]]
    mean = sum(outside) / 2.0
    assert document["spread"] == pytest.approx((max(outside) - min(outside)) / abs(mean))
    assert document["accepted"] is (document["spread"] <= 0.01)
    assert document["foresight_amount"] >= max(outside) - 1e-3
    assert document["scenarios"] == 5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--seeds", "3"), "--seeds: found no --stability beside it"),
        ((*FEW, "--out", "there"), "--out: found there beside --stability"),
        (FEW, "plan.uncertainty.paths: found none"),
    ],
)
def test_what_does_not_go_together_is_refused(scfcap, mini, options, said):
    done = scfcap("plan", mini(), *options)
    assert done.exit_code == 2
    assert said in done.stderr
