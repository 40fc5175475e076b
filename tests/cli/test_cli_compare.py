"""``scfcap compare``: models, folders, what it says and what it refuses."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256

import pandas as pd
import pytest

from scfcap.api import load
from scfcap.cashflow.driver_fields import DRIVERS
from scfcap.report.projection import ProjectionReport
from scfcap.report.store import read_run


@pytest.fixture(scope="module")
def built(tmp_path_factory, model_text, plain_rows, write_model):
    """Run folders of two states of the model: a, and b with other balances and curves."""
    home = tmp_path_factory.mktemp("compare")
    rows = plain_rows()
    changed = [[*row[:5], *(round(amount * 1.1, 2) for amount in row[5:7]), row[7]] for row in rows]
    other = model_text.replace("cdr = 0.04", "cdr = 0.08").replace("cpr = 0.2", "cpr = 0.1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ProjectionReport, "pictures", lambda _: {})
        for name, model, loans in (("a", model_text, rows), ("b", other, changed)):
            load(write_model(home / f"model-{name}", model, loans)).projection().save(home / name)
    return home


@pytest.fixture
def folders(built):
    """The two, not to be changed."""
    return built / "a", built / "b"


def _drivers(document):
    frame = pd.DataFrame(document["drivers"])
    return frame.set_index(["measure", "segment"])


def test_the_effects_add_up_to_what_the_folders_say(scfcap, folders):
    a, b = folders
    document = json.loads(scfcap("compare", a, b, "--json").stdout)
    frame = _drivers(document)
    for measure in ("collections", "interest", "default", "loss", "closing", "average_life"):
        row = frame.loc[(measure, "all")]
        assert row["version"] == 0.0
        assert row[list(DRIVERS)].sum() == pytest.approx(row["b"] - row["a"], abs=1e-9)
        for name, folder in (("a", a), ("b", b)):
            totals = read_run(folder).tables["cash_flow_totals"].frame
            own = totals.set_index(["scenario", "segment"]).loc[("base", "all"), measure]
            assert row[name] == pytest.approx(own)
    collections = frame.loc[("collections", "all")]
    assert collections["balance"] > 0.0 > collections["default"]
    assert frame.loc[("loss", "credit"), "default"] > 0.0
    assert frame.loc[("loss", "order"), "default"] == pytest.approx(0.0, abs=1e-9)
    fields = {row["field"]: (row["a"], row["b"]) for row in document["model_fields"]}
    assert fields["credit.segments.credit.cdr"] == ("0.04", "0.08")
    inputs = {(r["segment"], r["figure"]): r["change"] for r in document["inputs"]}
    assert inputs["credit", "default_rate"] == pytest.approx(0.04)
    assert inputs["all", "loans"] == 0.0
    by_period = pd.DataFrame(document["drivers_by_period"])
    assert by_period["change"].sum() == pytest.approx(collections["change"])


def test_it_says_what_changed(scfcap, folders):
    a, b = folders
    done = scfcap("compare", a, b)
    assert done.exit_code == 0, done.stderr
    for said in ("Collections: ", "balance +", "default -", "From a to b, by driver",
                 "Collections by segment", "Drivers, taken from b one after the other",
                 "What the loans and curves changed", "credit.segments.credit.cdr"):  # fmt: skip
        assert said in done.stdout, said
    same = scfcap("compare", a, a)
    assert "No cash flow differs." in same.stdout
    assert "CNY in both" in same.stdout


def test_it_writes_tables_and_bridges(scfcap, folders, tmp_path):
    a, b = folders
    out = tmp_path / "out"
    done = scfcap("compare", a, b, "--out", out, "-q")
    assert (done.exit_code, done.stdout) == (0, "")
    saved = read_run(out)
    assert set(saved.tables) == {"drivers", "drivers_order", "drivers_by_period", "inputs",
                                 "model_fields", "figures", "tables"}  # fmt: skip
    order = pd.read_csv(out / "drivers_order.csv")
    sums = order.groupby("measure")[["effect", "effect_reversed"]].sum()
    assert sums["effect"].to_numpy() == pytest.approx(sums["effect_reversed"].to_numpy())
    for measure in ("collections", "interest", "loss"):
        assert (out / f"bridge_{measure}.png").stat().st_size > 10_000
    table = saved.tables["tables"].frame.set_index("table")
    assert "interest" in table.loc["cash_flows", "differing"]


def test_models_are_compared_with_what_if(scfcap, mini):
    folder = mini()
    done = scfcap(
        "compare", folder, folder, "--set-b", "credit.segments.credit.severity=0.9", "--json"
    )
    document = json.loads(done.stdout)
    row = _drivers(document).loc[("loss", "all")]
    assert row["recovery"] == pytest.approx(row["change"])
    assert row["change"] > 0.0
    assert document["b"]["overrides"] == "credit.segments.credit.severity=0.9"
    both = scfcap("compare", folder, folder, "--set", "credit.segments.credit.severity=0.9")
    assert "No cash flow differs." in both.stdout


def test_tapes_are_compared(scfcap, mini, rows):
    folder = mini()
    fewer = mini(rows=rows[:30], name="fewer")
    done = scfcap("compare", folder, folder, "--tape-b", fewer / "tape.csv", "--json")
    document = json.loads(done.stdout)
    assert (document["a"]["loans"], document["b"]["loans"]) == ("40", "30")
    assert _drivers(document).loc[("collections", "all"), "balance"] < 0.0


def test_scenarios_are_compared(scfcap, mini):
    folder = mini()
    done = scfcap("compare", folder, folder, "--scenario-b", "stress", "--json")
    document = json.loads(done.stdout)
    assert (document["a"]["scenario"], document["b"]["scenario"]) == ("base", "stress")
    whole = _drivers(document).loc[("default", "all")]
    assert whole["default"] == pytest.approx(whole["change"])


def test_a_run_folder_keeps_what_is_compared(scfcap, mini, tmp_path):
    folder, out = mini(), tmp_path / "run"
    done = scfcap("run", folder, "--out", out, "-q")
    assert done.exit_code == 0, done.stderr
    document = json.loads(scfcap("compare", out, folder, "--json").stdout)
    assert (_drivers(document)["change"].abs() < 1e-6).all()
    assert document["model_fields"] == []


def test_what_another_version_computed_is_told_apart(scfcap, folders, tmp_path):
    a, b = folders[0], shutil.copytree(folders[1], tmp_path / "b")
    path = b / "tables" / "cash_flows.parquet"
    frame = pd.read_parquet(path)
    frame["interest"] *= 1.01
    frame.to_parquet(path)
    manifest = json.loads((b / "manifest.json").read_text())
    signed = {"bytes": path.stat().st_size, "sha256": sha256(path.read_bytes()).hexdigest()}
    manifest["files"]["tables/cash_flows.parquet"] = signed  # as that version would have written
    (b / "manifest.json").write_text(json.dumps(manifest))
    row = _drivers(json.loads(scfcap("compare", a, b, "--json").stdout)).loc[("interest", "all")]
    assert row["version"] == pytest.approx(row["b"] * 0.01 / 1.01)
    assert row[[*DRIVERS, "version"]].sum() == pytest.approx(row["b"] - row["a"])
    assert "version" in scfcap("compare", a, b).stdout


def test_a_folder_without_its_inputs_is_refused(scfcap, folders, tmp_path):
    for name in ("projected_model.json", "projected_pool.parquet"):
        spoilt = shutil.copytree(folders[0], tmp_path / name)
        (spoilt / name).unlink()
        done = scfcap("compare", spoilt, folders[1])
        assert done.exit_code == 2
        assert f"no {name}" in done.stderr
        (spoilt / name).write_text('{"model": 1}')
        done = scfcap("compare", folders[1], spoilt)
        assert done.exit_code == 2
        assert name in done.stderr


def test_what_is_wrong_is_said(scfcap, folders, mini, model_text):
    a, b = folders
    euro = mini(model=model_text.replace('"CNY"', '"EUR"'), name="euro")
    by_weeks = model_text.replace('frequency = "month"', 'frequency = "week"')
    assert by_weeks != model_text
    weekly = mini(model=by_weeks, name="week")
    for options, said in (
        ((a, "nowhere"), "nowhere"),
        ((a, euro), "amounts in one currency"),
        ((a, weekly), "periods of one length"),
        ((a, b, "--scenario", "worst"), "one of base, stress"),
        ((a, b, "--set-b", "plan.periods=3"), "a run folder"),
        ((a, b, "--tape", "tape.csv"), "stays as it was"),
    ):
        done = scfcap("compare", *options)
        assert done.exit_code == 2, options
        assert said in done.stderr
