"""``scfcap credit``: shows the three sources, writes a model that then runs, tests a forecast."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from scfcap.schema.load import load_model

HISTORY = """
[history]
kind = "status"
path = "status.csv"
default_days = 90
[history.columns]
loan_id = "loan"
date = "month"
balance = "balance"
days_past_due = "late"
segment = "segment"
origination_date = "made"
maturity_date = "due"
original_balance = "lent"
"""
STAGES = (0, 20, 50, 80, 100)
MONTH, DAY = np.timedelta64(1, "M"), np.timedelta64(1, "D")


def statuses(seed=3):
    """Month-end rows of 400 short orders and 300 credits, from 2018 to 2020."""
    random = np.random.default_rng(seed)
    ends = np.arange("2018-01", "2021-01", dtype="datetime64[M]")
    lines = ["loan,month,balance,late,segment,made,due,lent"]
    for k in range(700):
        segment, term, roll = ("order", 2, 0.05) if k < 400 else ("credit", 12, 0.03)
        start = int(random.integers(0, 30))
        made, due = ends[start], ends[start] + np.timedelta64(term, "M")
        lent, stage = round(float(random.lognormal(7, 0.5)), 2), 0
        for age in range(min(term + 5, len(ends) - start)):
            day = (ends[start + age] + MONTH).astype("datetime64[D]") - DAY
            if age and random.random() < (0.6 if stage else roll):
                stage += 1
            elif stage and age:
                stage -= 1
            over = age and stage == 0 and (age >= term or random.random() < 0.03)
            owed = 0.0 if over or (stage > 3 and age > 8) else lent
            fixed = f"{segment},{made}-01,{due}-01,{lent}"
            lines.append(f"X{k},{day},{owed},{STAGES[min(stage, 4)] if owed else 0},{fixed}")
            if owed == 0.0 or stage >= 4:
                break
    return "\n".join(lines) + "\n"


@pytest.fixture
def with_history(mini, model_text):
    """The small model with a history; its curves are to be estimated from it."""
    head, rest = model_text.split("[credit.segments.order]")
    rest = rest[rest.index("[scenarios.base]") :]
    credit = (
        '[credit]\nsource = "history"   # estimated\nseverity = 0.7  # no recovery in the file\n'
    )
    folder = mini(head + credit + HISTORY + "\n" + rest)
    (folder / "status.csv").write_text(statuses())
    return folder


def test_stated_curves_are_shown(scfcap, mini):
    done = scfcap("credit", mini())
    assert done.exit_code == 0
    assert "curves from the model" in done.stdout
    assert "default over the term" in done.stdout


def test_a_history_goes_into_the_model(scfcap, with_history):
    done = scfcap("credit", with_history, "--write")
    assert (done.exit_code, done.stderr.count("error")) == (0, 0)
    text = (with_history / "model.toml").read_text()
    assert 'source = "stated"   # estimated' in text
    assert "severity = 0.7  # no recovery in the file" in text
    assert re.search(r"(?m)^# cdr 0\.\d+ \(0[.\d]* to 0\.\d+\), 300 loans, history: Z ", text)
    assert "# severity 0.7, stated: taken from the model: no recovery on" in text
    assert (with_history / "model.toml.bak").read_text().count("[credit.segments") == 0
    credit = load_model(with_history).spec.credit
    assert credit.segments["order"].lifetime_default > 0
    assert credit.segments["credit"].cdr > 0


def test_what_is_written_gives_the_run_of_the_history(scfcap, with_history):
    before = json.loads(scfcap("run", with_history, "--out", "a", "--json").stdout)
    scfcap("credit", with_history, "--write")
    (with_history / "status.csv").unlink()  # what was estimated is needed no more
    after = json.loads(scfcap("run", with_history, "--out", "b", "--json").stdout)
    assert after["net_income"] == pytest.approx(before["net_income"], rel=1e-4)


def test_estimating_anew_from_a_model_that_states_all(scfcap, with_history):
    scfcap("credit", with_history, "--write")
    once = load_model(with_history).spec.credit
    again = scfcap("credit", with_history, "--from", "history", "--write", "--json")
    assert json.loads(again.stdout)["source"] == "the history status.csv"
    assert load_model(with_history).spec.credit == once


def test_tables_and_workbook(scfcap, with_history):
    done = scfcap("credit", with_history, "--out", "out", "--json")
    document = json.loads(done.stdout)
    assert set(document["segments"]) == {"order", "credit"}
    assert document["written"] is None
    rows = document["tables"]["lifetime"]
    assert {row["method"] for row in rows} == {"incidence by age", "roll rates", "closed vintages"}
    names = {"vintages.csv", "roll_rates.csv", "survival.csv", "credibility.csv", "credit.xlsx"}
    assert names <= {path.name for path in Path("out").iterdir()}
    book = openpyxl.load_workbook("out/credit.xlsx")
    assert {"Credit", "Survival", "Roll rates", "Recovery"} <= set(book.sheetnames)
    assert "Vintages" not in book.sheetnames  # thousands of rows: in the CSV file
    assert len(book["Survival"]._charts) == 1
    assert len(book["Static pools"]._charts) == 1


def test_a_backtest_is_shown(scfcap, with_history):
    done = scfcap("credit", with_history, "--backtest", "2019-12")
    assert done.exit_code == 0, done.stderr
    assert "Back-test: forecast less actual" in done.stdout
    assert "Predicted against actual" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("--backtest", "soon"), "soon"),
        (("--backtest", "2031-01"), "2031"),
        (("--from", "hearsay"), "hearsay"),
    ],
)
def test_bad_options_are_bad_input(scfcap, with_history, arguments, match):
    done = scfcap("credit", with_history, *arguments)
    assert done.exit_code == 2
    assert match in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def without_repaid(with_history):
    """The same history from a servicer that stops listing a loan once it is repaid."""
    lines = (with_history / "status.csv").read_text().splitlines()
    kept = [line for line in lines if line.split(",")[2] != "0.0"]
    assert len(kept) < len(lines)
    (with_history / "status.csv").write_text("\n".join(kept) + "\n")
    return with_history


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_curves_of_loans_that_vanish_are_not_written(scfcap, without_repaid):
    before = files_of(without_repaid)
    done = scfcap("credit", without_repaid, "--write", "--out", "out")
    assert done.exit_code == 2
    said = " ".join(done.stderr.split())
    assert "of 700 loans vanish from the history" in said
    assert "not written into the model" in said
    assert 'vanished = "repaid" in [history]' in said
    assert files_of(without_repaid) == before
    assert not Path("out").exists()


def test_a_caution_names_the_key(scfcap, without_repaid):
    shown = scfcap("credit", without_repaid)
    assert shown.exit_code == 0
    said = " ".join(shown.stdout.split())
    assert "loans vanish from the history" in said
    assert 'vanished = "repaid" in [history]' in said
    document = json.loads(scfcap("credit", without_repaid, "--json").stdout)
    assert [text[:8] for text in document["cautions"]] == ["CAUTION:"]
    assert document["segments"]["order"]["lifetime_default"] > 0.5


def test_what_is_not_listed_can_be_taken_as_repaid(scfcap, without_repaid):
    """The same figures as from the history that lists each loan at its end."""
    model, status = without_repaid / "model.toml", without_repaid / "status.csv"
    text = model.read_text()
    model.write_text(text.replace("default_days = 90", 'default_days = 90\nvanished = "repaid"'))
    part = status.read_text()
    status.write_text(statuses())
    full = json.loads(scfcap("credit", without_repaid, "--json").stdout)
    status.write_text(part)
    done = scfcap("credit", without_repaid, "--write", "--json")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["cautions"] == full["cautions"] == []
    for name, measure in (("order", "lifetime_default"), ("credit", "cdr"), ("order", "cpr")):
        wanted = full["segments"][name][measure]
        assert document["segments"][name][measure] == pytest.approx(wanted, rel=1e-9)
    assert load_model(without_repaid).spec.credit.source == "stated"


def test_curves_of_survivors_are_not_written(scfcap, with_history):
    """Without a segment of its own the history has that of the tape, which lists no ended loan."""
    model = with_history / "model.toml"
    model.write_text(model.read_text().replace('segment = "segment"\n', ""))
    before = files_of(with_history)
    shown = scfcap("credit", with_history)
    assert shown.exit_code == 0, shown.stderr
    assert "CAUTION" in shown.stdout
    done = scfcap("credit", with_history, "--write")
    assert done.exit_code == 2
    for text in (shown.stdout, done.stderr):
        assert "Map segment in [history.columns]" in " ".join(text.split())
    assert files_of(with_history) == before


def test_a_history_that_is_not_named(scfcap, mini):
    done = scfcap("credit", mini(), "--from", "history")
    assert done.exit_code == 2
    assert "[history]" in done.stderr


def test_a_shipped_model_is_not_written(scfcap):
    done = scfcap("credit", "alibaba-2013", "--write")
    assert done.exit_code == 2
    assert "scfcap init DIR --from alibaba-2013" in done.stderr


@pytest.mark.slow
def test_the_real_tape_goes_into_a_plan(scfcap, data_dir):
    """Estimated from outcomes and closed loans, written, run: the same plan."""
    tape = data_dir("superlender_microloans")
    assert scfcap("init", "mine", "--from", "superlender").exit_code == 0
    before = json.loads(scfcap("run", "mine", "--tape", tape, "--out", "a", "--json").stdout)
    done = scfcap("credit", "mine", "--tape", tape, "--write")
    assert "Next: scfcap run mine" in done.stdout
    assert load_model("mine").spec.credit.source == "stated"
    after = json.loads(scfcap("run", "mine", "--tape", tape, "--out", "b", "--json").stdout)
    assert after["net_income"] == pytest.approx(before["net_income"], rel=1e-4)
