"""``scfcap check --before``: what became of the loans of an earlier tape."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from scfcap.cli.main import app

HEAD = (
    "loan_id,segment,loan_type,origination_date,maturity_date,original_balance,current_balance,"
    "rate,days_past_due,status"
)
NOVEMBER = [
    "A,s,bullet,2013-10-01,2014-02-01,1000.00,1000.00,0.18,0,current",
    "B,s,bullet,2013-10-01,2014-01-01,500.50,500.50,0.18,0,current",
    "C,s,bullet,2013-09-01,2014-01-15,300.25,300.25,0.18,0,current",
    "D,s,bullet,2013-09-01,2014-01-15,70.00,70.00,0.18,0,current",
]
DECEMBER = [
    "A,s,bullet,2013-10-01,2014-02-01,1000.00,600.00,0.18,0,current",
    "C,s,bullet,2013-09-01,2014-01-15,300.25,300.25,0.20,95,default",
    "D,s,bullet,2013-09-01,2014-01-15,70.00,0.00,0.18,0,repaid",
    "E,s,bullet,2013-12-10,2014-03-01,250.00,250.00,0.18,0,current",
]
MODEL = """
name = "two-tapes"
title = "Two tapes"
currency = "CNY"
as_of = 2013-12-31
regime = "none"
[tape]
source = "file"
path = "december.csv"
[credit.segments.s]
cdr = 0.02
severity = 0.5
[scenarios.base]
[opening]
cash = 1000.0
[demand.s]
per_period = 100.0
new_loans = "tape"
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model.toml").write_text(MODEL, encoding="utf-8")
    for name, rows in (("november", NOVEMBER), ("december", DECEMBER)):
        (tmp_path / f"{name}.csv").write_text("\n".join([HEAD, *rows, ""]), encoding="utf-8")
    return tmp_path


def _check(folder, *more):
    earlier = ["--before", str(folder / "november.csv"), "--before-day", "2013-11-30"]
    return CliRunner().invoke(app, ["check", str(folder), *(more or earlier)])


def test_each_cent_is_in_one_item(folder):
    """By hand: 1,870.75 - 400.00 - 70.00 - 500.50 + 250.00 = 1,150.25."""
    earlier = ["--before", str(folder / "november.csv"), "--before-day", "2013-11-30"]
    found = _check(folder, *earlier, "--json")
    assert found.exit_code == 0, found.output
    moves = {r["item"]: r for r in json.loads(found.stdout)["roll_forward"]["movements"]}
    totals = {item: row["total"] for item, row in moves.items() if row["loans"]}
    assert totals["opening"] == 1870.75
    assert totals["instalments"] == -400.0
    assert totals["closed"] == -70.0
    assert totals["vanished"] == -500.5
    assert totals["new"] == 250.0
    assert totals["closing"] == 1150.25
    assert moves["defaulted"]["defaulted"] == 300.25


def test_it_is_shown_and_saved(folder):
    earlier = ["--before", str(folder / "november.csv"), "--before-day", "2013-11-30"]
    found = _check(folder, *earlier, "--out", str(folder / "out"))
    assert found.exit_code == 0, found.output
    assert "Balances from 2013-11-30 to 2013-12-31" in found.output
    assert "vanished" in found.output
    tables = folder / "out" / "tables"
    lost = pd.read_parquet(tables / "roll_forward_exceptions.parquet")
    assert lost[["item", "loan_id"]].to_numpy().tolist() == [["vanished", "B"]]
    changed = pd.read_parquet(tables / "roll_forward_changes.parquet")
    assert changed[["loan_id", "column"]].to_numpy().tolist() == [["C", "rate"]]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--before", "x.csv"], "--before-day"),
        (["--before-day", "2013-11-30"], "--before-day without --before"),
        (["--before", "none.csv", "--before-day", "2013-11-30"], "none.csv"),
        (["--before", "{}/november.csv", "--before-day", "2014-01-05"], "the earlier one first"),
    ],
)
def test_what_is_refused(folder, more, said):
    found = _check(folder, *(word.format(folder) for word in more))
    assert found.exit_code == 2
    assert said in " ".join(found.output.split())
