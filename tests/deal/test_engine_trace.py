"""What a run keeps of each step, and that what it shows adds up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scfcap.deal.assets import GivenAssets
from scfcap.deal.outcome import DealRun
from scfcap.errors import InvariantError
from scfcap.quantities import FloatArray

from .dealing import pool_of, run

TERMS: dict[str, Any] = {
    "day_count": "act/act-icma",
    "settlement": {
        "payment_every": 2,
        "steps": {
            "usual": [{"pay": "account", "to": "reserve", "name": "save"}],
            "grave": [{"pay": "principal", "to": "A", "name": "sweep"}],
        },
    },
    "phases": [{"name": "usual"}, {"name": "grave", "when": "defaults > 20"}],
    "accounts": {"reserve": {"initial": 6.0, "target": 10.0}},
    "fees": {"trustee": {"amount": 12.0}},
    "tranches": {
        "A": {"balance": 100.0, "coupon": 0.12},
        "E": {"kind": "equity", "balance": 20.0},
    },
    "waterfall": {
        "usual": [
            {"pay": "fee", "to": "trustee"},
            {"pay": "interest", "to": "A", "from": ["collection", "reserve"]},
            {"pay": "principal", "to": "A", "share": 0.5},
            {"pay": "residual", "to": "E", "when": "notes <= 0"},
        ],
        "grave": [
            {"pay": "interest", "to": "A", "from": ["collection", "reserve"]},
            {"pay": "principal", "to": "A"},
            {"pay": "fee", "to": "trustee", "name": "fee at the end"},
            {"pay": "residual", "to": "E", "when": "notes <= 0"},
        ],
    },
}
ASSETS: dict[str, Any] = {
    "start": [120.0, 120.0],
    "principal": [[5.0, 0.5, 20.0, 20.0, 20.0, 20.0], [5.0, 5.0, 5.0, 5.0, 5.0, 5.0]],
    "interest": 1.0,
    "default": [[0.0] * 6, [0.0, 0.0, 15.0, 10.0, 0.0, 0.0]],
}


def traced(**options: Any) -> DealRun:
    return run(TERMS, pool_of(**ASSETS), 6, **options)


def test_the_steps_of_a_date_by_hand() -> None:
    """Two months: 7.5 come in, of which 4 filled the reserve. 2 for the trustee, 1.5 and 0.5 of the
    reserve for interest of 2, and no principal.
    """
    result = traced(trace=True)
    frame = result.steps_frame("1", 2)
    assert frame["step"].tolist() == ["fee trustee", "interest A", "principal A", "residual E"]
    assert frame["from"].tolist()[:2] == ["collection", "collection, reserve"]
    assert frame["phase"].unique().tolist() == ["usual"]
    assert frame["due"].tolist() == pytest.approx([2.0, 2.0, 50.0, 0.0])
    assert frame["available"].tolist() == pytest.approx([3.5, 11.5, 0.0, 0.0])
    assert frame["paid"].tolist() == pytest.approx([2.0, 2.0, 0.0, 0.0])
    assert frame["short"].tolist() == pytest.approx([0.0, 0.0, 50.0, 0.0])
    between = result.steps_frame("1", 1)
    assert between["step"].tolist() == ["save"]
    assert between[["due", "available", "paid"]].to_numpy().tolist() == [[4.0, 6.0, 4.0]]


def test_the_steps_shown_are_those_of_the_phase() -> None:
    result = traced(trace=True)
    assert result.phase[:, 1].tolist() == [0, 0, 0, 1, 1, 1]
    names = result.steps_frame("2").groupby("period")["step"].agg(list)
    assert names[3] == ["save"]
    assert names[4] == ["interest A", "principal A", "fee at the end", "residual E"]
    assert names[5] == ["sweep"]
    assert result.trace is not None
    for phase, row in (("usual", 0), ("grave", 1)):
        rows = [s.row for s in (*result.deal.waterfall[phase], *result.deal.settlement[phase])]
        away = result.phase != row
        assert (result.trace[:, rows][:, :, away] == 0.0).all()


def test_steps_that_pay_out_add_up_to_what_left() -> None:
    result = traced(trace=True)
    assert result.trace is not None
    out = [s.row for s in result.deal.steps if s.spec.pay not in ("account", "transfer")]
    left = result.trace[2, out].sum(axis=0)
    held = np.concatenate([np.full((1, 2), 6.0), result.cash.sum(axis=1)])
    came = (result.of("interest") + result.of("principal_collected")).T
    np.testing.assert_allclose(left, held[:-1] + came - held[1:], atol=1e-12)
    for word, quantity in (("interest", "interest_paid"), ("principal", "principal")):
        rows = [s.row for s in result.deal.steps if s.spec.pay == word]
        np.testing.assert_allclose(
            result.trace[2, rows].sum(axis=0), result.of(quantity, "A").T, atol=1e-12
        )


def test_a_word_is_watched_after_each_step() -> None:
    words = ("account.collection", "balance.A", "paid.interest_A", "trigger.none", "fee.trustee")
    terms = TERMS | {"triggers": {"none": {"test": "pool < 0"}}}
    result = run(terms, pool_of(**ASSETS), 6, watch=words)
    frame = result.steps_frame("1", 2)
    assert frame["account.collection"].tolist() == pytest.approx([1.5, 0.0, 0.0, 0.0])
    assert frame["balance.A"].tolist() == [100.0] * 4
    assert frame["paid.interest_A"].tolist() == pytest.approx([0.0, 2.0, 2.0, 2.0])
    assert frame["trigger.none"].tolist() == [0.0] * 4
    assert frame["fee.trustee"].tolist() == pytest.approx([0.0, 0.0, 0.0, 0.0])


def test_tracing_changes_nothing() -> None:
    plain, kept = traced(), traced(trace=True)
    assert plain.trace is None
    for name in ("tranche", "whole", "cash", "fee_paid", "fee_owed", "phase"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(kept, name))
    with pytest.raises(ValueError, match="trace=True"):
        plain.steps_frame("1")


def test_tables_of_a_run_hold_its_figures() -> None:
    result = traced()
    rows = result.to_frame(["2"])
    one = rows[(rows["tranche"] == "A") & (rows["period"] == 4)].iloc[0]
    assert one["phase"] == "grave"
    assert one["principal"] == result.of("principal", "A")[1, 3]
    assert len(rows) == 2 * 6
    cash = result.cash_frame(["1"])
    assert cash["pays"].tolist() == [False, True] * 3
    assert cash["account reserve"].tolist() == result.cash[:, 1, 0].tolist()
    assert cash["fee trustee"].tolist() == result.fee_paid[:, 0, 0].tolist()
    assert cash["interest"].tolist() == [1.0] * 6


@pytest.mark.parametrize("brought", [-30.0, np.nan])
def test_loans_that_take_cash_are_refused(brought: float) -> None:
    """Nobody is paid less than nothing: the period and the scenario are named."""
    terms = {
        "tranches": {"A": {"balance": 50.0}},
        "waterfall": {"amortising": [{"pay": "principal", "to": "A"}]},
    }
    flows = [[10.0, 10.0], [10.0, brought]]
    assets = pool_of([100.0, 100.0], np.zeros((2, 2)), interest=flows)
    with pytest.raises(InvariantError, match="deal test, period 2, scenario 2: what the loans"):
        run(terms, assets, 2)


class Dear(GivenAssets):
    """Loans that cost more than is asked for: the engine does not let them."""

    def wish(self, period: int, cash: FloatArray) -> FloatArray:  # noqa: ARG002
        return cash + 5.0


def test_a_purchase_cannot_overdraw() -> None:
    none = np.zeros((1, 1))
    assets = Dear(np.array([100.0]), none + 9.0, none, none, none, none + 100.0)
    terms = {
        "tranches": {"A": {"balance": 50.0}},
        "waterfall": {"amortising": [{"pay": "purchase"}, {"pay": "principal", "to": "A"}]},
    }
    result = run(terms, assets, 1, trace=True)
    assert result.trace is not None
    assert result.trace[:, 0, 0, 0].tolist() == [14.0, 9.0, 9.0]
    assert result.cash.sum() == 0.0
