"""``scfcap ledger``: from the tape to the settlement, and the day after."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

STATED = """
[allocation]
values = "stated"

[allocation.channels.own_capital]
cost = 0.12

[allocation.channels."bank_transfer:bank-t"]
cost = 0.05
move_cost = 0.001
"""
BANK = "bank_transfer:bank-t"
FILE = Path("reports/out/mini/ledger.sqlite")


@pytest.fixture
def stated(mini, model_text):
    """The small model with stated costs."""
    return mini(model=model_text + STATED)


def test_from_the_tape_to_the_settlement(scfcap, stated, tmp_path):
    done = scfcap("ledger", stated)
    assert done.exit_code == 2
    assert "no ledger" in done.stderr
    assert "Open it with --open" in done.stderr

    done = scfcap("ledger", stated, "--open")
    assert done.exit_code == 0, done.stderr
    assert "The ledger has come to 2020-12-31: 40 loans" in done.stdout
    assert "--deliver RUN sends an allocation's lists" in done.stdout
    assert [path.name for path in FILE.parent.iterdir()] == ["ledger.sqlite"]
    assert sorted(path.name for path in stated.iterdir()) == ["model.toml", "tape.csv"]

    run = tmp_path / "run"
    assert scfcap("allocate", stated, "--ledger", "-q", "--out", run).exit_code == 0
    lists = pd.read_parquet(run / "tables" / "allocation.parquet")
    wanted = lists[lists["channel"] == BANK]
    assert len(wanted) > 2
    done = scfcap("ledger", stated, "--deliver", run)
    assert done.exit_code == 0, done.stderr
    assert "Delivery 1 is sent: hand reports/out/mini/ledger-deliveries/" in done.stdout
    assert "--confirm FILE" in done.stdout
    again = scfcap("ledger", stated, "--deliver", run)
    assert "Nothing is left to be sent." in again.stdout
    (file,) = FILE.with_name("ledger-deliveries").iterdir()
    sent = pd.read_csv(file)
    assert sent["balance"].sum() == pytest.approx(wanted["balance"].sum())

    # Of what is under way an allocation of the same day moves nothing.
    told = json.loads(scfcap("allocate", stated, "--ledger", "--json", "--out", run).stdout)
    assert {c["channel"]: c["loans"] for c in told["channels"]}[BANK] == len(wanted)
    assert "Nothing is left to be sent." in scfcap("ledger", stated, "--deliver", run).stdout

    refused = sent["loan_id"].iloc[0]
    sent["answer"] = ["refused"] + ["accepted"] * (len(sent) - 1)
    sent[["loan_id", "answer"]].to_csv(tmp_path / "answer.csv", index=False)
    done = scfcap("ledger", stated, "--confirm", tmp_path / "answer.csv")
    assert f"{len(sent) - 1} loans are accepted, 1 refused" in done.stdout
    assert "Delivery 1 is part-refused: " in done.stdout
    assert "--settle 1" in done.stdout
    done = scfcap("ledger", stated, "--confirm", tmp_path / "answer.csv")
    assert "nothing was changed" in done.stdout
    done = scfcap("ledger", stated, "--settle", 1)
    assert f"Delivery 1 is settled: {len(sent) - 1} loans" in done.stdout

    told = json.loads(scfcap("ledger", stated, "--json").stdout)
    held = {row["channel"]: row for row in told["holders"]}
    assert held[BANK]["loans"] == len(sent) - 1
    assert held["own_capital"]["loans"] == 41 - len(sent)
    history = scfcap("ledger", stated, "--loan", refused).stdout
    assert [w for w in ("opened", "proposed", "sent", "refused") if w in history][-1] == "refused"
    told = json.loads(scfcap("ledger", stated, "--trace", BANK, "--json").stdout)["trace"]
    assert told["price"] == told["balance"] == pytest.approx(held[BANK]["balance"])
    shown = scfcap("ledger", stated, "--trace", BANK, "--out", tmp_path / "out").stdout
    assert "to the cent" in shown
    trace = pd.read_csv(tmp_path / "out" / "trace.csv")
    assert len(trace) == len(sent) - 1
    moves = scfcap("ledger", stated, "--since", "2020-12-30").stdout
    assert "Changes of holder since 2020-12-30" in moves


def test_a_later_tape_is_rolled_to(scfcap, stated, mini, model_text, rows):
    assert scfcap("ledger", stated, "--open", "-q").exit_code == 0
    rows[0][6] = float(rows[0][6]) - 100.0
    del rows[1]
    later = mini(model=model_text.replace("2020-12-31", "2021-01-10"), rows=rows, name="later")
    done = scfcap("ledger", later, "--roll", "--file", FILE)
    assert done.exit_code == 0, done.stderr
    assert "The ledger has come to 2021-01-10" in done.stdout
    assert "principal 100.00, interest not told" in done.stdout
    assert "1 loans are no longer on the tape (L001 ...)" in done.stdout
    back = scfcap("ledger", later, "--file", FILE, "--on", "2020-12-31", "--json")
    now = scfcap("ledger", later, "--file", FILE, "--json")
    owed = [json.loads(x.stdout)["holders"][0]["balance"] for x in (back, now)]
    assert owed[0] - owed[1] == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--open", "--roll"), "several things to do"),
        (("--settle", 7), "no delivery 7"),
        (("--cancel", 7), "no delivery 7"),
        (("--loan", "X"), "no loan 'X'"),
        (("--trace", "own_capital"), "a series or buyer"),
        (("--deliver", "nowhere"), "no run folder"),
        (("--confirm", "none.csv"), "no such file"),
        (("--send", "--on", "2020-01-01"), "the day 2020-01-01"),
    ],
)
def test_what_cannot_be_done_is_said(scfcap, mini, options, said):
    folder = mini()
    assert scfcap("ledger", folder, "--open", "-q").exit_code == 0
    done = scfcap("ledger", folder, *options)
    assert done.exit_code == 2
    assert said in done.stderr


def test_without_a_ledger_an_allocation_cannot_begin_with_it(scfcap, stated, tmp_path):
    done = scfcap("allocate", stated, "--ledger")
    assert (done.exit_code, "no ledger" in done.stderr) == (2, True)
    done = scfcap("allocate", stated, "--ledger", "--before", tmp_path)
    assert (done.exit_code, "two beginnings" in done.stderr) == (2, True)
