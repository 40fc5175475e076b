"""``scfcap plan --contingency``: what to do if a shock comes, and what it refuses."""

from __future__ import annotations

import json

import pytest

from scfcap.report.store import read_run

#: What the small model lacks: a bank that cuts its line with a month's notice.
CUT = (
    "--set",
    'scenarios.cut.shocks=[{kind="bank_line_cut", lender="bank-a", cut=1.0, from_period=2,'
    " notice=1}]",
    "--set",
    "demand.order.per_period=90000.0",
)


def test_it_says_what_to_do_first_and_what_fails_if_nothing_is_done(scfcap, mini):
    done = scfcap("plan", mini(), *CUT, "--contingency", "cut")
    assert done.exit_code == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "Cut (known in the period to 2021-02-28)." in said
    assert "cut: what to do" in said
    assert "It costs CNY" in said
    assert "Hold ready" in said
    assert "Watch lender line use of bank-a" in said
    assert "A line that is drawn up leaves nothing to draw before a cut." in said
    assert "contingency" in done.stderr


def test_json_has_the_shocks_the_actions_and_the_signs(scfcap, mini):
    done = scfcap("plan", mini(), *CUT, "--contingency", "all", "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)["contingency"]
    assert [row["scenario"] for row in found["shocks"]] == ["stress", "cut"]
    cut = found["shocks"][1]
    assert cut["cost"] == pytest.approx(cut["cost_shock"] + cut["cost_late"])
    assert cut["cost"] > 0.0
    lost = [row for row in found["actions"] if row["action"] == "not drawn"]
    assert {row["item"] for row in lost} == {"bank-a"}
    assert all(
        row["first_date"] >= "2021-02-28" for row in found["actions"] if row["scenario"] == "cut"
    )
    signs = {row["indicator"] for row in found["signs"] if row["scenario"] == "cut"}
    assert signs == {"covenant_headroom", "lender_line_use", "roll_30"}


def test_the_folder_holds_the_tables(scfcap, mini, tmp_path):
    done = scfcap("plan", mini(), *CUT, "--contingency", "cut", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    saved = read_run(tmp_path / "out").tables
    assert saved["plan_contingency"].units["cost"] == "CNY"
    assert len(saved["plan_contingency_failures"].frame) == len(
        saved["plan_contingency_failures"].frame.drop_duplicates(["scenario", "what"])
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("flood", ("a scenario flood", "one of stress")),
        ("base", ("scenarios.base", "the plan's own scenario")),
        ("calm", ("scenarios.calm", "nothing that is not in the base")),
    ],
)
def test_a_scenario_that_is_not_there_or_in_which_nothing_happens_is_refused(
    scfcap, mini, name, said
):
    done = scfcap("plan", mini(), "--set", 'scenarios.calm.title="Calm"', "--contingency", name)
    assert done.exit_code == 2
    for words in said:
        assert words in done.stderr
