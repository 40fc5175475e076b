"""``scfcap quote``: from the last run, what it says, and which runs it refuses."""

from __future__ import annotations

import json
import shutil

import pytest

import scfcap as package
from scfcap.api import load
from scfcap.api.quoting import PRICES, latest_run

LOAN = ("--amount", "500", "--tenor", "30", "--segment", "order")


@pytest.fixture(scope="module")
def planned(tmp_path_factory, model_text, plain_rows, write_model):
    """A model folder, and a run folder of its plan."""
    home = tmp_path_factory.mktemp("quote")
    model = write_model(home / "mini", model_text, plain_rows())
    load(model).plan_report().save(home / "run")
    return model, home / "run"


def test_a_quote_in_words_and_as_json(scfcap, planned):
    model, run = planned
    done = scfcap("quote", model, *LOAN, "--run", run, "--rate", 0.4, "--period", 2, "--verify")
    assert done.exit_code == 0
    first = done.stdout.splitlines()[0]
    assert first.startswith("A loan of CNY 500 of order for 30 days at 40% a year")
    for said in ("It goes:", "a year it would earn nothing", "Solved again with the loan"):
        assert said in done.stdout
    document = json.loads(
        scfcap("quote", model, *LOAN, "--run", run, "--rate", 0.4, "--period", 2, "--verify",
               "--json").stdout
    )  # fmt: skip
    assert document["value"] == pytest.approx(document["verified"], rel=1e-6, abs=1e-4)
    assert document["how"] == "prices"
    assert 0.0 <= document["least_rate"] < 0.4
    assert sum(x["amount"] for x in document["income"]) == pytest.approx(document["value"])
    assert document["period_end"] == "2021-02-28"


def test_python_gives_the_same(planned):
    model, run = planned
    stored = package.quote(model, "order", 500.0, 30, run=run, verify=True)
    from scfcap.api.run import Run

    at_once = Run(load(model), {}).quote("order", 500.0, 30, verify=True)
    assert stored.value == pytest.approx(at_once.value, rel=1e-9)
    assert stored.sentences == at_once.sentences


def test_the_latest_run_is_taken_and_without_one_the_command_is_named(scfcap, planned, tmp_path):
    model, run = planned
    done = scfcap("quote", model, *LOAN)
    assert done.exit_code == 2
    assert "scfcap run mini" in done.stderr
    below = tmp_path / "here" / "reports" / "out" / "mini"
    for name in ("2026-01-02_03-04-05", "2026-01-02_03-04-05_10", "2026-01-02_03-04-05_9"):
        shutil.copytree(run, below / name)
    assert latest_run(below).name.endswith("_10")
    assert scfcap("quote", model, *LOAN).exit_code == 0
    (below / "2026-01-02_03-04-05_10" / PRICES).write_bytes(b"no archive")
    done = scfcap("quote", model, *LOAN)
    assert done.exit_code == 2
    assert "not readable" in done.stderr


def test_a_run_of_other_inputs_is_refused(scfcap, planned, tmp_path):
    model, run = planned
    done = scfcap("quote", model, *LOAN, "--run", run, "--set", "plan.opex_rate=0.02")
    assert done.exit_code == 2
    assert "--set plan.opex_rate=0.02" in done.stderr
    moved = tmp_path / "moved"
    shutil.copytree(model, moved)
    tape = moved / "tape.csv"
    tape.write_text(tape.read_text().replace("L000", "M000"))
    done = scfcap("quote", moved, *LOAN, "--run", run)
    assert done.exit_code == 2
    assert "a run of another tape" in done.stderr
    assert "other model files" not in done.stderr
    text = moved / "model.toml"
    text.write_text(text.read_text().replace("cdr = 0.04", "cdr = 0.05"))
    done = scfcap("quote", moved, *LOAN, "--run", run)
    assert "2 problems" in done.stderr
    assert "other model files" in done.stderr
    assert "scfcap run moved" in done.stderr


def test_what_is_no_run_or_holds_no_prices_is_refused(scfcap, planned, tmp_path):
    model, run = planned
    done = scfcap("quote", model, *LOAN, "--run", tmp_path)
    assert done.exit_code == 2
    assert "no run folder" in done.stderr
    bare = tmp_path / "bare"
    shutil.copytree(run, bare)
    (bare / PRICES).unlink()
    done = scfcap("quote", model, *LOAN, "--run", bare)
    assert done.exit_code == 2
    assert "without a plan's prices" in done.stderr


def test_plans_that_give_no_quotes_say_why(scfcap, mini, model_text, tmp_path):
    lending = mini(model_text.replace("[plan]", '[plan]\nobjective = "max_lending"'))
    load(lending).plan_report().save(tmp_path / "lent")
    assert not (tmp_path / "lent" / PRICES).exists()
    done = scfcap("quote", lending, *LOAN, "--run", tmp_path / "lent")
    assert done.exit_code == 2
    assert "plan.objective" in done.stderr
    assert "max_income" in done.stderr
    said = "[plan.uncertainty]\nweights = { base = 0.7, stress = 0.3 }\n\n[opening]"
    uncertain = mini(model_text.replace("[opening]", said), name="uncertain")
    done = scfcap("quote", uncertain, *LOAN)
    assert done.exit_code == 2
    assert "a plan over several scenarios" in done.stderr


def test_bad_loans_are_refused_all_at_once(scfcap, planned):
    model, run = planned
    loan = ("--amount", 0, "--tenor", 99_999, "--segment", "oder", "--rate", 12)
    done = scfcap("quote", model, *loan, "--run", run)
    assert done.exit_code == 2
    assert "4 problems" in done.stderr
    assert "Did you mean order?" in done.stderr
    assert "Write 12% a year as 0.12" in done.stderr
    done = scfcap("quote", model, *LOAN, "--run", run, "--date", "2022-01-01")
    assert "a day after 2020-12-31 and up to 2021-04-30" in done.stderr
    assert scfcap("quote", model, *LOAN, "--run", run, "--date", "2021-03-05").exit_code == 0
