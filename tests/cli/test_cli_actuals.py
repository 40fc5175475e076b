"""``scfcap compare MODEL --actuals FILE``: from a template to the next plan; what is refused."""

from __future__ import annotations

import json
import tomllib
from datetime import date, timedelta

import pytest

from scfcap.api import load
from scfcap.api.actuals import compare_actuals, plan_of
from scfcap.errors import InputError
from scfcap.report.actuals import ActualsReport
from scfcap.report.files import manifest
from scfcap.report.store import read_run, save_run
from scfcap.schema.load import load_actuals
from scfcap.schema.write import actuals_text

#: No sales, so that all loans stay in one place; amounts for half the book.
SCALED = ("--set", "buyers.bank-t.limit=0", "--set", "stated_for_book=20000.0")


@pytest.fixture(scope="module")
def built(tmp_path_factory, model_text, plain_rows, write_model):
    """A model folder, with its plan for two periods as a file of actuals beside it."""
    from typer.testing import CliRunner

    from scfcap.cli.main import app

    home = tmp_path_factory.mktemp("actuals")
    folder = write_model(home / "mini", model_text, plain_rows())
    done = CliRunner().invoke(
        app,
        ["compare", str(folder), *SCALED, "--actuals-template", str(home / "actuals.toml"),
         "--until", "2", "--quiet"],
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    return folder, home / "actuals.toml"


def _changed(built, tmp_path, name="changed.toml", **company):
    """The template with other figures of the company."""
    told, _ = load_actuals(built[1])
    told = told.model_copy(update={"company": told.company.model_copy(update=company)})
    path = tmp_path / name
    path.write_text(actuals_text(told), encoding="utf-8")
    return path


def test_a_template_compares_as_planned(scfcap, built):
    folder, file = built
    said = tomllib.loads(file.read_text(encoding="utf-8"))
    assert said["as_of"] == date(2021, 2, 28)
    assert file.read_text(encoding="utf-8").startswith("# What happened to mini from 2020-12-31")
    done = scfcap("compare", folder, *SCALED, "--actuals", file, "--to-end")
    assert done.exit_code == 0, done.stderr
    assert "as planned" in done.stdout
    assert "The model is stated for another book" in done.stdout
    assert "The new plan, 2021-02-28 to 2021-04-30" in done.stdout
    assert "loans are those of the old tape as projected" in done.stdout


def test_amounts_are_those_of_the_real_book(built):
    """The model states 5,000 of cash for a book of 20,000; the tape's is larger."""
    folder, file = built
    report = compare_actuals(folder, file, overrides=list(SCALED[1::2]), replan=False)
    book = 40 * 1000 + 50 * sum(range(40)) - 0.2 * sum(1000 + 50 * k for k in range(1, 40, 2))
    assert report.actual.opening.sum() == pytest.approx(book)
    assert report.actual.cash[0] == pytest.approx(5000.0 * book / 20000.0)
    assert report.scaled


def test_a_run_folder_holds_both_bridges_and_the_advice(scfcap, built, tmp_path, monkeypatch):
    drawn = ActualsReport.pictures
    monkeypatch.setattr(  # one is enough
        ActualsReport, "pictures", lambda report: dict([next(iter(drawn(report).items()))])
    )
    told, _ = load_actuals(built[1])
    cost = 100.0
    file = _changed(
        built,
        tmp_path,
        running_cost=tuple(x + cost for x in told.company.running_cost),
        cash=told.company.cash - 2 * cost,
        net_capital=told.company.net_capital - 2 * cost,
    )
    done = scfcap(
        "compare", built[0], *SCALED, "--actuals", file, "--out", tmp_path / "o", "--json"
    )
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    bridge = {row["driver"]: row for row in document["variance"]}
    for column in ("income", "cash"):
        assert bridge["running cost"][column] == pytest.approx(-2 * cost, abs=0.05)
        ends = document["net_income" if column == "income" else "closing_cash"]
        total = sum(row[column] for row in document["variance"])
        assert total == pytest.approx(ends["actual"] - ends["plan"], abs=1e-9)
    assert "most of it by running cost" in document["summary"][0]
    figures = _changed(built, tmp_path, net_capital=told.company.net_capital)
    plain = scfcap("compare", built[0], *SCALED, "--actuals", figures, "--no-replan", "--json")
    for said in json.loads(plain.stdout)["summary"]:
        assert said.endswith(", as planned."), said
    assert document["replan"]["begins"][0].startswith("Free cash at 2021-02-28: CNY ")
    assert "CNY 200 less than planned" in document["replan"]["begins"][0]
    changes = document["replan"]["changes"]
    assert any(text.startswith("New lending: CNY ") for text in changes)
    run = read_run(tmp_path / "o")
    assert run.tables["variance"].units == {"income": "CNY", "cash": "CNY"}
    assert {"variance_lines", "outturn", "advice", "advice_actions", "advice_limits"} <= set(
        run.tables
    )
    assert run.tables["plan_income"].frame["end"].min().date() == date(2021, 3, 31)
    assert (tmp_path / "o" / "bridge_income.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "o" / "variance.csv").is_file()


def test_a_run_folder_stands_for_its_model_where_nothing_has_changed(tmp_path):
    sets = ["tape.platform.loans=300"]
    model = load("alibaba-2013", overrides=sets)
    origin = manifest(model.provenance(model.tape()), {})
    save_run(tmp_path / "same", {}, origin, {})
    assert plan_of(tmp_path / "same").loaded.digest == model.loaded.digest
    with pytest.raises(InputError, match=r"--set for .*: found a run folder"):
        plan_of(tmp_path / "same", ["plan.periods=3"])
    other = {**origin, "digests": {**origin["digests"], "tape": "another"}}
    save_run(tmp_path / "other", {}, other, {})
    with pytest.raises(InputError, match="a run whose tape differ from those of alibaba-2013"):
        plan_of(tmp_path / "other")
    save_run(tmp_path / "own", {}, {**origin, "model": "my-own"}, {})
    with pytest.raises(InputError, match="Give the model's folder in place of the run folder"):
        plan_of(tmp_path / "own")


def test_the_tape_of_that_day_is_planned_on_where_it_agrees(scfcap, built, tmp_path):
    told, _ = load_actuals(built[1])
    day = told.as_of
    header = "loan_id,segment,loan_type,origination_date,maturity_date,original_balance," \
        "current_balance,rate"  # fmt: skip
    rows = [
        f"N{n},{row.segment},{'order' if row.segment == 'order' else 'level_payment'},"
        f"{day - timedelta(days=5)},{day + timedelta(days=60)},{row.closing},{row.closing},0.2"
        for n, row in enumerate(told.loans)
        if row.closing > 0.0
    ]
    tape = tmp_path / "tape.csv"
    tape.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    done = scfcap("compare", built[0], *SCALED, "--actuals", built[1], "--tape-b", tape)
    assert done.exit_code == 0, done.stderr
    assert "Borrowers behave in the new plan as in the old one." in done.stdout
    tape.write_text("\n".join([header, *rows[:-1], ""]), encoding="utf-8")
    done = scfcap("compare", built[0], *SCALED, "--actuals", built[1], "--tape-b", tape)
    assert done.exit_code == 2
    assert "while the tape of that day has 0.00" in done.stderr


def test_what_does_not_reconcile_is_refused(scfcap, built, tmp_path):
    told, _ = load_actuals(built[1])
    file = _changed(built, tmp_path, cash=told.company.cash + 12.0)
    done = scfcap("compare", built[0], *SCALED, "--actuals", file)
    assert done.exit_code == 2
    assert "changed.toml: company.cash" in done.stderr
    assert "12.0" in done.stderr
    assert "more than follows" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("other", "--actuals", "a.toml"), "B: found given beside --actuals"),
        ((), "expected what A is compared with: B, or --actuals FILE"),
        (("--actuals", "a.toml"), "a.toml"),
        (("--actuals-template", "a.toml", "--until", "9"), "a period of the plan, 1 to 4"),
        (("--actuals-template", "a.toml", "--scenario", "x"), "one of base, stress"),
    ],
)
def test_what_is_asked_must_fit(scfcap, built, arguments, said):
    done = scfcap("compare", built[0], *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
