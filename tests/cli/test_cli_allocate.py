"""``scfcap allocate``: what it shows, writes and refuses."""

from __future__ import annotations

import json

import pandas as pd
import pytest

STATED = """
[allocation]
values = "stated"
churn = 0.5

[allocation.channels.own_capital]
cost = 0.12

[allocation.channels."bank_transfer:bank-t"]
cost = 0.05
move_cost = 0.001
averages = [{ column = "rate", least = 0.185 }]
concentrations = [{ column = "borrower_id", top = 3, share = 0.4 }]
"""
BANK = "bank_transfer:bank-t"


@pytest.fixture
def stated(mini, model_text):
    """The small model with stated costs."""
    return mini(model=model_text + STATED)


def test_an_allocation_is_shown_saved_and_taken_up_again(scfcap, stated, tmp_path):
    done = scfcap("allocate", stated, "--out", tmp_path / "first")
    assert (done.exit_code, done.stdout.count("bank_transfer:bank-t") > 1) == (0, True), done.stderr
    assert "40 loans of CNY" in done.stdout
    assert "No placement that keeps the limits is worth more than" in done.stdout
    tables = {
        name: pd.read_parquet(tmp_path / "first" / "tables" / f"{name}.parquet")
        for name in ("allocation", "channels", "limits")
    }
    lists, channels, limits = tables.values()
    held = lists[lists["channel"] == BANK]["balance"].sum()
    row = channels.set_index("channel").loc[BANK]
    assert held == pytest.approx(row["after"])
    assert row["today"] + row["in"] - row["out"] == pytest.approx(row["after"])
    assert held <= 20000.0  # the buyer's limit
    assert (limits["slack"] >= -1e-6).all()
    told = json.loads((tmp_path / "first" / "result.json").read_text())
    assert told["bound"] >= told["value"] == pytest.approx(lists["value"].sum())
    assert told["all_rows_kept"]

    again = scfcap(
        "allocate", stated, "--before", tmp_path / "first", "--start", tmp_path / "first", "--json"
    )
    second = json.loads(again.stdout)
    assert second["before"] == "first"
    assert {c["channel"]: c["today"] for c in second["channels"]}[BANK] == pytest.approx(held)
    assert second["moved_loans"] == 0


def test_a_list_of_an_earlier_day_may_be_a_file(scfcap, stated, tmp_path):
    lists = tmp_path / "yesterday.csv"
    lists.write_text(f"loan_id,channel\nL000,{BANK}\nL001,own_capital\n")
    done = scfcap("allocate", stated, "--before", lists, "--json")
    told = {c["channel"]: c for c in json.loads(done.stdout)["channels"]}
    assert told[BANK]["today"] == pytest.approx(1000.0)
    lists.write_text("loan,channel\nL000,own_capital\n")
    done = scfcap("allocate", stated, "--before", lists)
    assert done.exit_code == 2
    assert "no column loan_id" in done.stderr


def test_an_amount_out_of_reach_is_infeasible(scfcap, stated):
    done = scfcap("allocate", stated, "--set", f'allocation.channels."{BANK}".least=50000')
    assert done.exit_code == 3
    assert "at least 50,000.00 is asked for, and no more than 39,000.00 is to be had" in done.stderr


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ('channels."bank_transfer:bank-x".cost', "0.1", "Did you mean bank_transfer:bank-t?"),
        (f'channels."{BANK}".eligibility', '"bnk"', "Did you mean bank?"),
        ("channels.own_capital.minimum_loan", "5.0", "loans that go nowhere else stay there"),
        ("promised", '[{ test = "rate > 1", channel = "p2p" }]', "one of the channels own_capital"),
        ("limits", '[{ column = "region", amount = 1.0, channels = ["x"] }]', '"x"'),
        ('channels."securitization:s"', "{ cost = 0.1 }", "securitization:s"),
        ("frozen", '"colour == 1"', "colour"),
    ],
)
def test_what_the_model_says_wrongly_is_bad_input(scfcap, stated, key, value, said):
    done = scfcap("allocate", stated, "--set", f"allocation.{key}={value}")
    assert done.exit_code == 2, done.stdout
    assert said in done.stderr
    assert "allocation" in done.stderr


def test_a_channel_without_its_cost_is_refused_where_values_are_stated(scfcap, mini, model_text):
    text = model_text + STATED.replace("cost = 0.05\n", "", 1)
    done = scfcap("allocate", mini(model=text))
    assert done.exit_code == 2
    assert "all-in cost" in done.stderr


def test_by_the_plan_the_lists_are_told_against_it(scfcap, mini):
    done = scfcap("allocate", mini(), "--json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    amounts = {c["channel"]: c for c in told["channels"]}
    assert amounts[BANK]["source"].startswith("the plan moves")
    assert any(line.startswith("The plan by cohorts says CNY") for line in told["summary"])
