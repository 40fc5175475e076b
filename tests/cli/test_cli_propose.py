"""``scfcap propose``: what it says, writes and refuses."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import scfcap as package
from scfcap.report.store import read_run

#: Demand that needs more money than there is.
BUSY = ("--set", "demand.order.per_period=90000.0")
OFFERS = """
[[proposals]]
name = "bank-x"
kind = "line"
amount = 6000.0
tenor = 2
rate = 0.09
commitment_fee = 0.005

[[proposals]]
name = "buyer-x"
kind = "buyer"
amount = 5000.0
eligibility = "bank"
"""


def test_it_says_what_to_pay_at_most_and_writes_it(scfcap, mini, tmp_path):
    out = tmp_path / "out"
    done = scfcap("propose", mini(), *BUSY, "--line", 5000, "--tenor", 3, "--out", out)
    assert done.exit_code == 0, done.stderr
    for said in (
        "A line of CNY 5,000 for 3 months is worth CNY ",
        "if it costs nothing, and should cost at most ",
        "it would be used from 2021-01-31 to ",
        "By what it costs, CNY",
        "By its size, CNY",
        "the credit line offer",
    ):
        assert said in done.stdout, said
    saved = read_run(out)
    assert set(saved.tables) == {"proposal_prices", "proposal_sizes"}
    frame = saved.tables["proposal_prices"].frame
    assert frame["rate"].is_monotonic_increasing
    assert frame["worth"].is_monotonic_decreasing
    assert frame["most"].iloc[-1] == 0.0
    assert frame["rate"].iloc[-2] == saved.result["break_even"]
    assert (out / "proposal_prices.csv").is_file()


def test_a_proposal_of_the_model_is_found_by_name(scfcap, mini, model_text):
    folder = mini(model=model_text + OFFERS)
    done = scfcap("propose", folder, "bank-x", *BUSY, "--json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["name"], told["kind"], told["amount"]) == ("bank-x", "line", 6000.0)
    assert told["most_commitment_fee"] > 0.0
    prices = pd.DataFrame(told["prices"])
    used = prices[prices["average"] > 0.0]
    assert (used["all_in"] >= used["rate"]).all()
    # the plan with such a line, made from nothing, earns what is told at the rate asked for
    line = '[{name="bank-a", limit=15000.0, tenors=[{periods=3, rate=0.08}]}, {name="bank-x", ' \
        'limit=6000.0, commitment_fee=0.005, tenors=[{periods=2, rate=0.09}]}]'  # fmt: skip
    said = ["demand.order.per_period=90000.0"]
    without = package.load(folder, overrides=said).plan().objective
    model = package.load(folder, overrides=[*said, f"lenders={line}"])
    assert told["objective"] == pytest.approx(without)
    report = package.load(folder, overrides=said).propose("bank-x")
    assert report.stated.worth * report.unit == pytest.approx(
        model.plan().objective - without, rel=1e-6
    )


def test_what_cannot_be_judged_is_refused(scfcap, mini, model_text):
    folder = mini(model=model_text + OFFERS)
    for words, said in (
        (("none",), "bank-x, buyer-x"),
        ((), "no name of a proposal"),
        (("--line", 1000), "the tenor of kind"),
        (("--line", 1000, "--buyer", 1000, "--tenor", 3), "--line, --buyer"),
        (("bank-x", "--line", 1000, "--tenor", 3), "the proposal bank-x"),
        (("--rate", 0.1), "terms alone"),
        (("--series", 1000, "--closing", "2021-02-28"), "without [securitization]"),
        (("--series", 1000, "--closing", "soon"), "a date such as"),
    ):
        done = scfcap("propose", folder, *words)
        assert (done.exit_code, done.stdout) == (2, ""), words
        assert said in done.stderr, words


def test_a_source_that_is_not_needed_is_worth_nothing(scfcap, mini):
    done = scfcap("propose", mini(), "--set", "demand={}", "--p2p", 1000, "--tenor", 2)
    assert done.exit_code == 0, done.stderr
    assert "is worth nothing over the 4 months, at any price." in done.stdout
