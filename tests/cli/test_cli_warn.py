"""``scfcap warn``: lights on the screen, as JSON and as files, with and without a history."""

from __future__ import annotations

import json

import pandas as pd
import pytest

SMALL = (
    "--set", "tape.lives.loans=8_000", "--set", "warning.measure.platforms=2", "--set",
    "warning.measure.loans=3_000", "--set", "warning.measure.months=24",
)  # fmt: skip


@pytest.fixture
def shown(scfcap, tmp_path):
    done = scfcap("warn", "shops-2013", *SMALL, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    return done, tmp_path / "out"


def test_lights_and_their_worth(shown):
    done, folder = shown
    for word in ("roll 30", "buyer late share", "green", "Lights:", "By chance:", "Warned of:"):
        assert word in done.stdout
    assert {path.name for path in folder.iterdir()} >= {
        "lights.csv", "indicators.csv", "value.csv", "manifest.json", "result.json", "tables",
    }  # fmt: skip
    series = pd.read_csv(folder / "indicators.csv")
    assert set(series["light"]) <= {"green", "yellow", "red", "no value"}
    assert series["month_end"].max() == "2013-12-31"
    result = json.loads((folder / "result.json").read_text())
    assert sum(result["counts"].values()) == len(result["lights"])
    value = pd.read_csv(folder / "value.csv")
    assert (value["warned"] <= value["events"]).all()


def test_json_is_one_document(scfcap):
    done = scfcap("warn", "shops-2013", *SMALL, "--no-measure", "--json")
    found = json.loads(done.stdout)
    assert found["value"] is None
    assert found["measure"]["horizon"] == 6
    names = {row["indicator"] for row in found["lights"]}
    assert "lender_line_use" in names
    assert all(row["red"] is not None for row in found["lights"])


def test_a_model_without_history_says_so(scfcap, mini):
    done = scfcap("warn", mini())
    assert done.exit_code == 0
    assert "the model has no history" in done.stdout
    assert "By chance" not in done.stdout
    quiet = scfcap("warn", mini(name="again"), "--json")
    lights = json.loads(quiet.stdout)["lights"]
    assert {row["light"] for row in lights if row["indicator"] == "roll_30"} == {"no value"}


def test_a_bad_threshold_is_bad_input(scfcap, mini):
    done = scfcap("warn", mini(), "--set", "warning.roll_30={ yellow = 0.5, red = 0.1 }")
    assert done.exit_code == 2
    assert "red above yellow" in done.stderr


def test_thresholds_can_be_set_anew_and_pasted(scfcap, mini, model_text):
    sizes = ("--set", "warning.measure.loans=2_000", "--set", "warning.measure.months=24")
    done = scfcap("warn", mini(), "--calibrate", *sizes)
    assert done.exit_code == 0, done.stderr
    printed = done.stdout[done.stdout.index("[warning]   #") :].splitlines()
    lines = [line for line in printed if line.startswith("[") or " = {" in line]
    assert len(lines) == 11
    pasted = mini(model=model_text + "\n" + "\n".join(lines) + "\n", name="pasted")
    assert scfcap("warn", pasted).exit_code == 0
