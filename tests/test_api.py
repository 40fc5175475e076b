"""The Python way in: stations in the order of the money, each computed once."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from datetime import date

import numpy as np
import pandas as pd
import pytest

import scfcap
from scfcap.api import LONGEST_TAIL
from scfcap.report.store import read_run

#: What to do under shocks is told by tests of its own, and takes as long as all the rest.
SMALL = {"tape.platform.loans": 1000, "plan.contingency": []}


@pytest.fixture(scope="module")
def model():
    return scfcap.load("alibaba-2013", overrides=SMALL)


@pytest.fixture(scope="module")
def run(model):
    return model.run()


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, scfcap; sys.exit(', '.join({'numpy', 'pandas'} & set(sys.modules)) or None)"
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == 0


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        scfcap.lode  # noqa: B018


def test_overrides_as_texts_and_as_a_mapping_are_the_same():
    texts = (
        "tape.platform.loans=1000",
        "as_of=2013-12-31",
        'title="A \\"b\\""',
        "report='treasury'",
    )
    mapping = {
        "tape.platform.loans": 1000, "as_of": date(2013, 12, 31), "title": 'A "b"',
        "report": "treasury",
    }  # fmt: skip
    one = scfcap.load("alibaba-2013", overrides=texts).loaded.spec
    other = scfcap.load("alibaba-2013", overrides=mapping).loaded.spec
    assert one == other
    assert one.title == 'A "b"'


def test_a_station_is_computed_once(model):
    assert model.tape() is model.tape()
    assert model.factors() is model.factors()
    assert model.plan() is model.plan()


def test_the_funding_set_follows_the_book():
    """Capital, lines, demand, series and limits move by one factor, loan amounts do not."""
    few = scfcap.load("alibaba-2013", overrides={"tape.platform.loans": 500})
    many = scfcap.load("alibaba-2013", overrides={"tape.platform.loans": 2000})
    factor = many.pool().total / few.pool().total
    assert factor == pytest.approx(4.0, rel=0.2)
    for one, other in zip(few.spec.lenders, many.spec.lenders, strict=True):
        assert other.limit == pytest.approx(one.limit * factor, rel=1e-12)
        assert [t.rate for t in other.tenors] == [t.rate for t in one.tenors]
    for name, demand in few.spec.demand.items():
        assert many.spec.demand[name].per_period == pytest.approx(demand.per_period * factor)
    assert few.spec.scaled(factor).securitization == pytest.approx(many.spec.securitization) or (
        few.spec.scaled(factor).securitization.programme_limit
        == pytest.approx(many.spec.securitization.programme_limit)
    )


def test_a_model_without_a_stated_book_is_taken_as_it_is(mini_model):
    assert mini_model.spec is mini_model.loaded.spec


def test_the_grid_is_long_enough_for_the_last_loan(model):
    grid, plan = model.grid, model.spec.plan
    assert len(grid) <= plan.periods + LONGEST_TAIL
    assert int(model.pool().maturity_day.max()) <= grid.days[-1]
    assert np.abs(model.factors().beyond).max() < 1e-9


def test_segments_without_loans_but_with_demand_have_curves(model):
    assert set(model.spec.demand) | set(model.pool().segments) == set(model.curves().segments)


def test_each_outstanding_series_is_run(model):
    names = [series.name for series in model.spec.securitization.series]
    assert list(model.deals()) == names
    frame = model.deals()[names[0]].to_frame()
    assert set(frame["scenario"]) == set(model.spec.scenarios)


def test_a_series_without_a_loan_on_the_tape_starts_from_its_cash(tmp_path):
    frame = scfcap.load("alibaba-2013", overrides=SMALL).tape().frame
    own = frame[frame["channel"].astype(str) == "own_capital"]
    path = tmp_path / "tape.parquet"
    own.assign(channel=own["channel"].astype(str)).to_parquet(path)
    deal = scfcap.load("alibaba-2013", tape=path).deals()["series-1"]
    assert deal.interest_collected[0, 0] == 0.0
    assert deal.purchases[0, 0] > 0.0


def test_progress_names_the_stations_in_order():
    told = []
    small = SMALL | {"tape.platform.loans": 300, "plan.periods": 2}
    scfcap.load("alibaba-2013", overrides=small).run(told.append)
    stations = ["tape", "pool", "credit", "cash flows", "cohorts", "deals", "plan", "contingency"]
    assert told == stations


def test_the_summary_has_ten_lines_and_the_headline_five(run):
    assert len(run.summary()) == 10
    assert len(run.headline()) == 5
    assert all(line and "\n" not in line for line in run.summary())
    assert "all" in run.summary()[-1]
    assert "hold" in run.summary()[-1]


@pytest.fixture(scope="module")
def saved(run, tmp_path_factory):
    return run.save(tmp_path_factory.mktemp("saved") / "out").folder


def test_the_dictionary_of_a_run_explains_every_column(saved):
    rows = list(csv.DictReader((saved / "dictionary.csv").read_text("utf-8-sig").splitlines()))
    tables = read_run(saved).tables
    assert {(row["table"], row["column"]) for row in rows} == {
        (name, column) for name, table in tables.items() for column in table.frame
    }
    assert [row for row in rows if not (row["meaning"] and row["type"])] == []
    stated = {(row["table"], row["column"]): row["unit"] for row in rows}
    for name, table in tables.items():
        assert {c: stated[name, c] for c in table.units} == dict(table.units)


def test_a_saved_run_reads_back_as_it_was(run, saved):
    back = read_run(saved)
    assert set(back.tables) == set(run.tables())
    for name in ("plan_limits", "cash_flows", "pool_summary"):
        frame = run.tables()[name].frame
        pd.testing.assert_frame_equal(back.tables[name].frame.astype(frame.dtypes), frame)
    assert back.result["objective"] == run.model.plan().objective
    assert back.manifest["digests"] == {
        "model": run.model.loaded.digest, "tape": run.model.tape().digest,
    }  # fmt: skip
    assert back.manifest["seed"] == run.model.loaded.spec.tape.platform.seed


def test_the_result_is_plain_and_holds_no_clock_nor_path(saved):
    text = (saved / "result.json").read_text()
    assert str(saved.parent) not in text
    assert "seconds" not in text
    assert set(json.loads(text)) >= {
        "schema_version", "status", "objective", "net_income", "pool", "prices", "binding_limits",
        "checks", "summary",
    }  # fmt: skip


def test_the_workbook_alone(run, tmp_path):
    path = run.to_excel(tmp_path / "plan.xlsx")
    assert path.stat().st_size > 10_000


def test_the_command_in_the_workbook_repeats_the_run(run):
    said = "--set tape.platform.loans=1000 --set 'plan.contingency=[]'"
    assert run.meta().command == f"scfcap run alibaba-2013 {said}"


def test_check_of_a_good_model_reads_the_tape_once(model):
    quality = model.check()
    assert not quality.refused
    assert quality.tape is model.tape()
    assert quality.document()["rejected"] == 0


@pytest.fixture
def mini_model(tmp_path):
    """A model of five bullets that states its amounts as they are."""
    text = """
name = "five"
title = "Five loans"
currency = "EUR"
as_of = 2020-12-31
regime = "none"
opening = { cash = 10.0 }
tape = { source = "file", path = "tape.csv" }
[credit.segments.a]
cdr = 0.01
severity = 0.5
[scenarios.base]
[demand.a]
per_period = 10.0
new_loans = "tape"
"""
    (tmp_path / "model.toml").write_text(text)
    rows = "".join(f"{k},a,bullet,2020-12-01,2021-03-01,100,100,0.1\n" for k in range(5))
    head = "loan_id,segment,loan_type,origination_date,maturity_date,original_balance,"
    (tmp_path / "tape.csv").write_text(f"{head}current_balance,rate\n{rows}")
    return scfcap.load(tmp_path)


def test_a_model_without_outside_channels_runs(mini_model):
    run = mini_model.run()
    assert mini_model.deals() == {}
    assert run.meta().status == "optimal"
    assert len(run.summary()) == 8  # no limit is worth anything, which one line says


def test_a_saved_quality_report_of_a_refused_tape_has_no_totals_to_show(mini_model, tmp_path):
    tape = tmp_path / "tape.csv"
    tape.write_text(tape.read_text().replace(",100,0.1", ",-100,0.1"))
    quality = mini_model.check()
    assert quality.refused
    assert quality.tape is None
    saved = quality.save(tmp_path / "out")
    assert set(saved.tables) == {"tape_counts", "tape_findings"}
    assert len(pd.read_csv(tmp_path / "out" / "rejects.csv")) == 5
