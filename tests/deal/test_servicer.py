"""What a deal pays, and knows, when another party comes to service its loans."""

from __future__ import annotations

import numpy as np
import pytest

import scfcap
from scfcap.deal.engine import Surroundings, run_deal

from .dealing import deal_of, pool_of

TERMS = """
phases = [{ name = "usual" }, { name = "early", when = "originator_default" }]
day_count = "act/act-icma"
[fees.servicer]
rate = 0.12
to_originator = true
cap = 250.0
[fees.trustee]
amount = 12.0
[tranches.A]
balance = 500.0
[tranches.E]
kind = "equity"
balance = 500.0
[[waterfall.usual]]
pay = "fee"
to = ["servicer", "trustee"]
[[waterfall.usual]]
pay = "residual"
to = "E"
[[waterfall.early]]
pay = "fee"
to = ["servicer", "trustee"]
[[waterfall.early]]
pay = "principal"
to = "A"
"""


def test_a_successor_is_paid_more_within_the_cap_and_the_deal_turns():
    """By hand: 12% a year of 1,000, 900, 800, 700 is 10, 9, 8, 7 a month; from the third month
    three times as much, but at most 250 a year, 20.83 a month: 24 is cut, 21 is cut."""
    pool = pool_of([1000.0, 1000.0], [100.0, 100.0, 100.0, 700.0])
    around = Surroundings(
        originator_fails=np.array([0, 3]),
        servicer_fee=np.array([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 3.0, 3.0]]),
    )
    run = run_deal(deal_of(TERMS, 4), pool, around)
    assert run.fee_paid[:, 0, 0].tolist() == pytest.approx([10.0, 9.0, 8.0, 7.0])
    most = 250.0 / 12.0
    assert run.fee_paid[:, 0, 1].tolist() == pytest.approx([10.0, 9.0, most, most])
    assert run.fee_paid[:, 1].tolist() == pytest.approx(np.ones((4, 2)))
    assert run.phase.T.tolist() == [[0, 0, 0, 0], [0, 0, 1, 1]]
    assert run.of("principal", "A")[0].tolist() == [0.0] * 4
    assert run.of("principal", "A")[1].sum() == pytest.approx(500.0)


def test_chosen_scenarios_keep_their_servicer():
    around = Surroundings(
        {"a": np.array([[1.0, 2.0]]), "b": np.array([[1.0, 2.0], [3.0, 4.0]])},
        np.array([0, 3]),
        np.array([[1.0], [2.0]]),
    )
    rows = around.chosen(np.array([1, 1, 0]))
    assert rows.indices["a"].tolist() == [[1.0, 2.0]]
    assert rows.indices["b"].tolist() == [[3.0, 4.0], [3.0, 4.0], [1.0, 2.0]]
    assert rows.originator_fails.tolist() == [3, 3, 0]
    assert rows.servicer_fee.tolist() == [[2.0], [2.0], [1.0]]


def test_a_model_tells_its_deal_who_services(tmp_path):
    """The shipped scenario: twice the servicing fee from the sixth month; 1% of the pool a year."""
    (tmp_path / "model.toml").write_text(
        'base = "alibaba-2013"\n[scenarios.moved]\ninclude = ["servicer-change"]\n'
    )
    model = scfcap.load(tmp_path, overrides={"tape.platform.loans": 500})
    run = model.deal("new-series", ["base", "moved"])
    row = list(run.deal.spec.fees).index("servicer")
    opening = np.concatenate([run.closing.pool[:, None], run.of("pool")], axis=1)[:, :12]
    share = run.fee_paid[:12, row].T / opening
    assert share[0] == pytest.approx(0.01 / 12)
    assert share[1] == pytest.approx(np.repeat([0.01 / 12, 0.02 / 12], [5, 7]))
    assert run.of("recovery")[1].sum() == pytest.approx(run.of("recovery")[0].sum(), rel=0.05)
