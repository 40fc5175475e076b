"""``scfcap allocate``, then ``scfcap verify-allocation``: what one writes the other finds true."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ALLOCATION = """
[pool.eligibility.pledge]
rules = [{ test = 'segment == "credit"' }]

[pool.borrowing_base.line]
eligibility = "pledge"
lender = "bank-a"
drawn = 2000.0
otherwise = 0.7
advance_rates = [{ test = "rate > 0.19", rate = 0.5 }]

[pool.groups]
member = "loan_id"
links = [["L000", "L002"], ["L002", "L020"]]

[allocation]
values = "stated"
churn = 0.6
move_cost = 0.0002
frozen = 'loan_id == "L003"'
promised = [{ test = 'loan_id in ("L004", "L006")', channel = "bank_transfer:bank-t" }]

[allocation.channels.own_capital]
cost = 0.09

[allocation.channels."bank_transfer:bank-t"]
cost = 0.05
most = 20000.0
least = 5000.0
minimum_loan = 1100.0
averages = [{ column = "remaining_days", most = 200.0 }]
concentrations = [{ column = "group", share = 0.6 }]

[allocation.channels."bank_debt:bank-a"]
cost = 0.08
move_cost = 0.0001

[[allocation.limits]]
column = "borrower_id"
amount = 4000.0
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory, write_model, model_text, plain_rows) -> Path:
    """The small model with an allocation of all its parts."""
    return write_model(tmp_path_factory.mktemp("a") / "mini", model_text + ALLOCATION, plain_rows())


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory) -> Path:
    """The folder that allocate writes of it."""
    from scfcap.api import load

    out = tmp_path_factory.mktemp("b") / "out"
    load(model).allocation().save(out)
    return out


def _document(done) -> dict:
    assert done.exit_code in (0, 1), done.stderr
    return json.loads(done.stdout)


def test_all_that_allocate_writes_holds(scfcap, folder):
    found = _document(scfcap("verify-allocation", folder, "--json"))
    assert found["holds"], [check for check in found["checks"] if check["verdict"] == "false"]
    assert [x["check"] for x in found["checks"] if x["verdict"] != "holds"] == []
    assert (found["loans"], len(found["channels"])) == (40, 3)


def test_rows_left_out_of_the_program_are_checked_too(folder):
    """What cannot bind is not solved with, but stated: all sums of the model are there."""
    text = json.loads((folder / "limits.json").read_text(encoding="utf-8"))
    names = {limit["name"] for limit in text["limits"]}
    assert {"churn", "bank_transfer:bank-t: mean remaining_days, most", "bank_debt:bank-a: cover",
            "bank_transfer:bank-t: most", "bank_transfer:bank-t: least"} <= names  # fmt: skip
    assert {names["name"] for names in text["names"]} == {
        "bank_transfer:bank-t: each group", "each borrower_id",
    }  # fmt: skip


def test_an_allocation_after_another_holds_with_the_holders_given(scfcap, model, folder, tmp_path):
    from scfcap.api import load

    out = tmp_path / "next"
    load(model).allocation(before=folder).save(out)
    found = _document(scfcap("verify-allocation", out, "--json"))
    assert found["holds"], [check for check in found["checks"] if check["verdict"] == "false"]
    assert [x["check"] for x in found["checks"] if x["verdict"] == "given"] == ["today"]


def test_a_tape_that_changed_since_is_found(scfcap, model, folder, tmp_path):
    text = (model / "tape.csv").read_text(encoding="utf-8")
    changed = tmp_path / "tape.csv"
    changed.write_text(text.replace("L001,", "M001,"), encoding="utf-8")
    done = scfcap("verify-allocation", folder, "--tape", changed)
    assert done.exit_code == 1
    assert "loans: not outstanding on the tape: L001" in done.stdout
    assert "loans: 1 loans of the tape are left out" in done.stdout
