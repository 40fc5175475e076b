"""``scfcap compare`` of plans: the drivers are plans of their own, folders tell what they hold."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise

import pandas as pd
import pytest

import scfcap as package
from scfcap.api.compare_plans import compare_plans
from scfcap.api.plan_steps import GROUPS, NEUTRAL
from scfcap.errors import InputError
from scfcap.report.compare import Comparison
from scfcap.report.compare_plans import MEANING
from scfcap.report.projection import ProjectionReport
from scfcap.report.store import read_run
from scfcap.schema.model import Model as ModelSpec

BUSY = "demand.order.per_period=90000.0"
#: What b has otherwise, by the driver that it is, in the order of the drivers.
CHANGES = {
    "opening": ["opening.cash=9000.0"],
    "credit": ["credit.segments.order.lifetime_default=0.02"],
    "demand": ["demand.order.per_period=80000.0"],
    "lenders": ["lenders.bank-a.limit=3000.0", "lenders.bank-a.commitment_fee=0.02"],
    "policy": ["plan.liquidity_floor=2500.0", "plan.opex_rate=0.02"],
}


@pytest.fixture(scope="module")
def home(tmp_path_factory, write_model, model_text, plain_rows):
    return write_model(tmp_path_factory.mktemp("plans") / "mini", model_text, plain_rows())


@pytest.fixture(scope="module")
def pair(home):
    all_changes = [text for texts in CHANGES.values() for text in texts]
    return package.load(home, overrides=[BUSY]), package.load(home, overrides=[BUSY, *all_changes])


@pytest.fixture(scope="module")
def found(pair):
    return compare_plans(*pair)


@pytest.fixture(scope="module")
def folders(pair, tmp_path_factory):
    """Run folders of both plans."""
    place = tmp_path_factory.mktemp("folders")
    return [model.plan_report().save(place / name).folder for model, name in zip(
        pair, "ab", strict=True)]  # fmt: skip


def test_every_field_of_a_model_is_of_one_driver():
    placed = [field for fields in GROUPS.values() for field in fields] + list(NEUTRAL)
    assert sorted(placed) == sorted(ModelSpec.model_fields)
    assert list(GROUPS) == list(MEANING)


def test_each_driver_is_the_difference_of_two_plans_made_from_nothing(home, found):
    """Models loaded anew with one group of overrides more each, and solved without a start."""
    frame = found.drivers.set_index("driver")
    assert list(frame.index) == ["a", *CHANGES, "b"]
    objectives, said = [], [BUSY]
    for more in ([], *CHANGES.values()):
        said = [*said, *more]
        objectives.append(package.load(home, overrides=said).plan().objective)
    effects = [later - earlier for earlier, later in pairwise(objectives)]
    assert frame.loc[list(CHANGES), "objective"].tolist() == pytest.approx(effects, rel=1e-6)
    for name in ("objective", "net_income"):
        told = frame[name]
        assert told.iloc[:-1].sum() == pytest.approx(told.iloc[-1], abs=1e-9)
        assert (told.iloc[1:-1].abs() > 1.0).all()


def test_decisions_limits_and_prices_are_those_of_both_plans(pair, found):
    a, b = (model.plan().tables() for model in pair)
    made = [x["lending"].groupby("segment")["originated"].sum() for x in (a, b)]
    totals = found.totals[found.totals["action"] == "lend"].set_index("item")
    assert len(totals)
    for segment, row in totals.iterrows():
        assert row["a"] == pytest.approx(made[0][segment])
        assert row["b"] == pytest.approx(made[1][segment])
    assert found.decisions["change"].abs().is_monotonic_decreasing
    by_item = found.decisions.groupby(["channel", "action", "item"])["change"].sum()
    for row in found.totals.to_dict("records"):
        key = (row["channel"], row["action"], row["item"])
        assert by_item[key] == pytest.approx(row["change"], rel=1e-4)
    cash = found.prices.set_index("what").loc["net capital"]
    for side, tables in (("a", a), ("b", b)):
        priced = tables["prices"].set_index("what")["value"]
        assert cash[side] == priced["net capital"]
    for side, tables in (("periods_a", a), ("periods_b", b)):
        limits = tables["limits"]
        mine = limits[limits["binding"] & (limits["family"] == "demand")]
        told = found.limits[found.limits["limit"] == "loan demand order"]
        if len(told):
            assert told[side].iloc[0] == (mine["key"] == "order").sum()
    now = found.next
    for row in now.to_dict("records"):
        steps = [x["next"] for x in (a, b)]
        for side, frame in zip("ab", steps, strict=True):
            same = (frame["action"] == row["action"]) & (frame["item"] == row["item"])
            assert frame[same]["amount"].sum() == pytest.approx(row[side])


def test_folders_are_made_again_and_explained(found, folders):
    again = compare_plans(*folders)
    assert again.drivers["objective"].tolist() == pytest.approx(
        found.drivers["objective"].tolist(), rel=1e-6
    )
    assert "version" not in set(again.drivers["driver"])
    assert again.totals["change"].tolist() == pytest.approx(found.totals["change"].tolist())


def test_a_folder_without_its_inputs_is_shown_and_the_rest_said(folders, tmp_path):
    bare = shutil.copytree(folders[0], tmp_path / "bare")
    (bare / "projected_model.json").unlink()
    told = compare_plans(bare, folders[1])
    assert told.steps is None
    assert "Why the plans differ is not told: bare: it does not keep" in " ".join(told.cautions)
    assert list(told.drivers["driver"]) == ["a", "b"]
    assert len(told.totals)
    assert told.pictures() == {}


def test_another_scenario_of_a_folder_is_planned(folders, scfcap):
    done = scfcap("compare", folders[0], folders[0], "--scenario-b", "stress", "--json")
    assert done.exit_code == 0, done.stderr
    plans = json.loads(done.stdout)["plans"]
    drivers = pd.DataFrame(plans["drivers"]).set_index("driver")
    assert list(drivers.index) == ["a", "scenario", "b"]
    assert drivers.loc["scenario", "objective"] < 0.0
    assert any("The scenarios differ: base in a, stress in b" in x for x in plans["cautions"])
    wrong = scfcap("compare", folders[0], folders[0], "--scenario-b", "none")
    assert wrong.exit_code == 2


def test_what_does_not_go_together_is_one_step(home):
    """b's line asks for an eligibility set that a does not have: buyers come with the pool."""
    base = package.load(home, overrides=[BUSY])
    new = 'pool.eligibility.late.rules=[{test="days_past_due <= 0"}]'
    name = base.spec.buyers[0].name
    other = package.load(home, overrides=[BUSY, new, f'buyers.{name}.eligibility="late"'])
    gone = package.load(home, overrides=[BUSY])
    found = compare_plans(other, gone)
    text = " ".join(found.drivers["driver"])
    assert text in ("a opening buyers b", "a opening + buyers b")
    back = compare_plans(gone, other)
    assert back.drivers["objective"].iloc[1:-1].sum() == pytest.approx(
        -found.drivers["objective"].iloc[1:-1].sum(), abs=1e-6
    )


def test_a_step_without_a_plan_waits_for_the_next(home):
    """More must be lent than there is money for, until the owners pay more in."""
    promised = [BUSY, "demand.order.minimum=0.9"]
    rich = package.load(home, overrides=[*promised, "injections=[{date=2021-01-31, amount=9e4}]"])
    found = compare_plans(package.load(home, overrides=[BUSY]), rich)
    assert list(found.drivers["driver"]) == ["a", "demand + policy", "b"]
    assert any(text.startswith("demand + policy: one effect") for text in found.cautions)


def test_the_command_plans_models_where_asked(scfcap, home, tmp_path, monkeypatch):
    monkeypatch.setattr(Comparison, "pictures", lambda _: {})
    out = tmp_path / "out"
    done = scfcap(
        "compare", home, home, "--set", BUSY, "--set-b", "lenders.bank-a.limit=0.0", "--plans",
        "--out", out,
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    for said in (
        "Collections: ",
        "Net income, with the value of what stands at the end: CNY ",
        "From plan a to plan b, by driver",
        "What is decided otherwise, over the plan",
        "What changes in the next month",
        "Limits, in how many periods they bind",
        "What one more CNY of each is worth",
    ):
        assert said in done.stdout, said
    saved = read_run(out)
    assert {"plan_drivers", "plan_decisions", "plan_next_changed", "drivers"} <= set(saved.tables)
    assert (out / "plan_bridge_objective.png").stat().st_size > 10_000
    assert (out / "plan_drivers.csv").read_text().startswith("driver,objective,net_income")
    alone = scfcap("compare", home, home, "--set", BUSY, "--json")
    assert "plans" not in json.loads(alone.stdout)


def test_what_has_no_plan_is_refused(home, tmp_path, scfcap, monkeypatch):
    monkeypatch.setattr(ProjectionReport, "pictures", lambda _: {})
    flows = package.load(home).projection().save(tmp_path / "flows").folder
    with pytest.raises(InputError, match="a run folder without a plan"):
        compare_plans(flows, flows)
    done = scfcap("compare", flows, flows, "--plans")
    assert done.exit_code == 2
    assert scfcap("compare", flows, flows).exit_code == 0
