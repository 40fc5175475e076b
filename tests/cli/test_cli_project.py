"""``scfcap project``: scenarios, paths, one loan, the folder it writes, what it refuses."""

from __future__ import annotations

import json

import openpyxl
import pandas as pd
import pytest

from scfcap.report.projection import ProjectionReport
from scfcap.report.sheets.checks import ALL_PASS
from scfcap.report.store import read_run


def test_it_shows_totals_and_periods(scfcap, mini):
    done = scfcap("project", mini())
    assert done.exit_code == 0, done.stderr
    for said in (
        "A small platform, as of 2020-12-31",
        "by scenario",
        "Scenario base, all segments",
        "By period with --scenario NAME or --out: stress",
    ):
        assert said in done.stdout, said
    alone = scfcap("project", mini(name="again"), "--scenario", "stress").stdout
    assert "Scenario stress, all segments" in alone
    assert "base" not in alone


def test_the_document_ties(scfcap, mini):
    document = json.loads(scfcap("project", mini(), "--json").stdout)
    assert document["scenarios"] == ["base", "stress"]
    assert document["paths"] == 0
    rows = pd.DataFrame(document["totals"]).set_index(["scenario", "segment"])
    for scenario in document["scenarios"]:
        mine = rows.loc[scenario]
        parts = mine.drop("all")
        for name in ("opening", "interest", "collections", "default", "loss", "closing"):
            assert mine.loc["all", name] == pytest.approx(parts[name].sum()), name
        whole = mine.loc["all"]
        paid = whole["scheduled"] + whole["prepaid"]
        assert whole["opening"] == pytest.approx(paid + whole["default"] + whole["closing"])
        assert whole["default"] == pytest.approx(
            whole["loss"] + whole["recovery"] + whole["receivable"]
        )
        assert whole["collections"] == pytest.approx(paid + whole["interest"] + whole["recovery"])
        periods = pd.DataFrame(document["cash_flows"])
        periods = periods[periods["scenario"] == scenario]
        assert periods["collections"].sum() == pytest.approx(whole["collections"])
        life = ((periods["scheduled"] + periods["prepaid"]) * periods["period"] / 12.0).sum() / paid
        assert whole["average_life"] == pytest.approx(life)
    stress, base = rows.loc[("stress", "all")], rows.loc[("base", "all")]
    assert stress["default"] > base["default"]


def test_paths_are_drawn_and_repeat(scfcap, mini):
    folder = mini()
    done = scfcap("project", folder, "--paths", 40, "--seed", 5)
    assert done.exit_code == 0, done.stderr
    assert "40 paths of seed 5" in done.stdout
    assert "worst 5%" in done.stdout
    first, again, other = (
        json.loads(scfcap("project", folder, "--paths", 40, "--seed", seed, "--json").stdout)
        for seed in (5, 5, 6)
    )
    assert first == again
    assert (first["paths"], first["seed"]) == (40, 5)
    assert first["distribution"] != other["distribution"]
    figures = pd.DataFrame(first["distribution"]).set_index(["measure", "segment"])
    whole = figures.loc[("collections", "all")]
    assert whole["worst"] <= whole["shortfall"] <= whole["mean"] <= whole["p99"]


def test_the_folder_holds_tables_charts_and_workbook(scfcap, mini, tmp_path, monkeypatch):
    out = tmp_path / "out"
    folder = mini()
    done = scfcap("project", folder, "--paths", 20, "--out", out, "--quiet")
    assert (done.exit_code, done.stdout) == (0, "")
    saved = read_run(out)
    parts = ("flows", "flow_totals", "flow_periods")
    drawn = ("periods", "totals", "paths")
    wanted = {f"cash_{name}" for name in parts} | {f"distribution_{name}" for name in drawn}
    assert {*wanted, "credit"} <= set(saved.tables)
    table = saved.tables["distribution_totals"]
    assert (table.units["p5"], table.units["mean"]) == ("CNY", "CNY")
    assert saved.tables["cash_flow_totals"].units["average_life"] == "years"
    yields = saved.tables["yields"]
    assert (yields.units["price"], yields.units["mortgage_yield"]) == ("CNY", "1/year")
    assert yields.frame["scenario"].tolist() == ["base", "stress"]
    assert yields.frame["mortgage_yield"].is_monotonic_decreasing
    names = {path.name for path in out.iterdir()}
    for name in ("run_off_base", "run_off_stress", "fan_collections", "fan_loss_cumulative"):
        assert {f"{name}.png", f"{name}.svg"} <= names
    book = openpyxl.load_workbook(out / "projection.xlsx", data_only=True)
    assert book.sheetnames == ["Cash flows", "Checks", "Data"]
    assert book["Data"].sheet_state == "hidden"
    assert book["Checks"]["C4"].value == ALL_PASS
    flows = saved.tables["cash_flows"].frame
    totals = pd.read_csv(out / "cash_flow_totals.csv").set_index(["scenario", "segment"])
    base = flows[flows["scenario"] == "base"]
    assert totals.loc[("base", "all"), "interest"] == pytest.approx(base["interest"].sum())
    again = tmp_path / "again"
    monkeypatch.setattr(ProjectionReport, "pictures", lambda _: {})
    assert scfcap("project", folder, "--paths", 20, "--out", again, "-q").exit_code == 0
    for path in sorted(again.rglob("*")):
        if path.is_file() and path.suffix != ".xlsx" and path.name != "manifest.json":
            assert path.read_bytes() == (out / path.relative_to(again)).read_bytes(), path


def test_one_loan_is_explained(scfcap, mini, tmp_path):
    folder = mini()
    out = tmp_path / "out"
    assert scfcap("project", folder, "--loan", "L003", "--out", out, "-q").exit_code == 0
    steps = pd.read_csv(out / "loan_steps.csv")
    assert len(steps) == len(read_run(out).tables["loan_steps"].frame) > 50
    done = scfcap("project", folder, "--loan", "L001")
    assert done.exit_code == 0, done.stderr
    for said in ("Loan L001, scenario base", "level payment", "survive x interest due",
                 "1 - exp(-hazard)", "Period 1, part that pays on time"):  # fmt: skip
        assert said in done.stdout, said
    document = json.loads(scfcap("project", folder, "--loan", "L001", "--json").stdout)
    assert document["loan_periods"][0]["opening"] == 840.0
    stress = scfcap("project", folder, "--loan", "L001", "--scenario", "stress", "--period", 2)
    assert "Period 2, part that pays on time" in stress.stdout
    assert "Period 1," not in stress.stdout
    assert "default multiple" in stress.stdout


def test_the_parts_of_a_line_are_named_for_what_they_are(scfcap, mini):
    """A line has no part "that pays drawn"."""
    line = ("C1", "credit", "revolving_line", "2020-11-15", "2021-11-15", 500.0, 400.0, 0.18)
    order = ("O1", "order", "order", "2020-12-15", "2021-01-15", 100.0, 100.0, 0.2)
    drawn = ("--set", "credit.segments.credit.draw_rate=0.5")
    done = scfcap("project", mini(rows=[line, order]), "--loan", "C1", *drawn)
    assert done.exit_code == 0, done.stderr
    for title in ("By period, part drawn", "Period 1, part drawn, step by step"):
        assert title in done.stdout
    assert "part that pays" not in done.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--scenario", "worst"), "worst; expected one of base, stress"),
        (("--loan", "L01"), "Did you mean"),
        (("--loan", "L001", "--scenario", "worst"), "one of base, stress"),
        (("--loan", "L001", "--scenario", "base", "--scenario", "stress"), "one scenario"),
        (("--loan", "L001", "--period", 999), "a period from 1 to"),
        (("--loan", "L001", "--paths", 9), "one of the two"),
        (("--period", 1), "no --loan"),
        (("--paths", 10_000_000), "from 2 to 1,000,000"),
    ],
)
def test_what_is_wrong_is_said(scfcap, mini, options, said):
    done = scfcap("project", mini(), *options)
    assert done.exit_code == 2
    assert said in done.stderr


def test_an_out_that_is_something_else_is_refused_first(scfcap, mini, tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    done = scfcap("project", mini(), "--out", tmp_path / "note.txt")
    assert done.exit_code == 2
    assert "a new folder" in done.stderr
