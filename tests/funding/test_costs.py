"""What the last unit of money may cost, why sources stay unused, and what is to be done when."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from scfcap.funding.actions import actions
from scfcap.funding.borrower import borrower_cost
from scfcap.funding.costs import Worths, break_even_rate, marginal_funding
from scfcap.funding.plan import Plan, solve_plan
from scfcap.schema.borrowing import BorrowerCost
from scfcap.schema.contract import ContractSpec
from scfcap.schema.plan import Lender

from .small_platform import AS_OF, LAW, MODEL, platform
from .test_plan import built, plan_of
from .variants import UNIT, edited, law


@pytest.mark.parametrize("name", ["law", "no law, much sold", "weeks", "stress"])
def test_break_even_rates_agree_with_what_is_drawn(name):
    """Complementary slackness: a draw that is made earns nothing beyond what its limits are worth.

    (break-even rate - rate + commitment fee) times the burden of a rate is the sum of the duals of
    the line and, by weight, of the caps over the periods in which the draw stands.
    """
    found = plan_of(name).optimum
    book, solution, inputs = found.book, found.solution, found.inputs
    worths = Worths.of(book, solution)
    line, caps = solution.duals("bank_debt"), solution.duals("leverage")
    seen = 0
    for (who, tenor, t), amount in found.decisions.draws.items():
        if amount < 1e-6 or t == inputs.horizon:  # what is drawn last pays no interest in the plan
            continue
        x = next(x for x in inputs.lenders if x.name == who)
        rate = x.rate(dict(x.tenors)[tenor], t) - x.commitment_fee
        even, burden = break_even_rate(book, worths, t, tenor)
        worth = 0.0
        for u in range(t, min(t + tenor - 1, inputs.horizon) + 1):
            worth += line.get((who, u), 0.0)
            worth += sum(
                dated.cap.weights.get(x.kind, 0.0) * caps.get((dated.cap.name, u), 0.0)
                for dated in inputs.caps
                if u in dated.periods
            )
        assert (even - rate) * burden == pytest.approx(worth, abs=1e-7)
        seen += 1
    assert seen > 2


@pytest.mark.parametrize(("t", "tenor"), [(1, 1), (1, 5), (3, 4), (4, 8), (2, 10)])
def test_money_at_its_break_even_rate_changes_nothing(t, tenor):
    """The program solved anew with a little money in ``t`` that is paid back with interest."""
    found = plan_of("law").optimum
    book, solution, inputs = found.book, found.solution, found.inputs
    row = book.program._row_index
    even, burden = break_even_rate(book, Worths.of(book, solution), t, tenor)
    step = 1e-5
    for rate, gain in ((even, 0.0), (even + 0.01, -0.01 * burden), (even - 0.01, 0.01 * burden)):
        shifts = {row["cash_balance", t]: step, row["cash_balance", t + tenor]: -step}
        for u in range(t + 1, t + tenor + 1):
            paid = step * rate * float(inputs.year[u])
            for family in ("cash_balance", "net_capital"):
                shifts[row[family, u]] = shifts.get(row[family, u], 0.0) - paid
        shifts[row["liquidity_floor", t + tenor - 1]] = step * inputs.spec.plan.debt_cover
        moved = solution.shifted(shifts)
        assert moved is not None
        assert (moved - solution.objective) / step == pytest.approx(gain, abs=2e-4)


def test_the_curve_holds_every_tenor_that_ends_within_the_horizon():
    found = plan_of("law").optimum
    curve = marginal_funding(found.book, found.solution)
    assert len(curve) == 11 * 12 // 2
    assert (curve["due"] > curve["end"]).all()
    assert np.isfinite(curve["rate"]).all()
    rate = break_even_rate(found.book, Worths.of(found.book, found.solution), 2, 5)[0]
    mine = curve[(curve["period"] == 2) & (curve["tenor"] == 5)]
    assert mine["rate"].item() == rate


def test_loans_sold_cost_what_they_would_have_brought():
    """Loans of a buyer by the replay: price in, all that they bring less the servicing fee out."""
    found = plan_of("no law, much sold")
    inputs, flows = found.optimum.inputs, found.optimum.replay.places["bank_transfer:city-bank"]
    fee = inputs.buyers[0].servicing_fee * inputs.year[1:] * flows.balance[:-1]
    given = (flows.interest + flows.principal + flows.recovery)[1:] - fee
    table = found.tables()["cost_of_funds"].set_index("item")
    row = table.loc["city-bank"]
    assert row["raised"] == pytest.approx(flows.received.sum() * UNIT, rel=1e-6)
    assert row["paid_back"] == pytest.approx(given.sum() * UNIT, rel=1e-6)


# Unused.


def dear(rate: float) -> Plan:
    """The small platform with P2P lenders until June, at a rate."""
    changes = {
        "p2p.steps": [{"per_period": 1.0e6, "rate": rate}],
        "p2p.open_to": date(2014, 6, 30),
    }
    p = platform(edited(changes), LAW)
    return solve_plan(p.inputs, p.engine, channels=False)


def test_a_dear_source_is_used_as_soon_as_its_rate_falls_by_what_is_said():
    plan = dear(0.6)
    assert plan.optimum.decisions.placed.sum() == 0.0
    row = plan.tables()["unused"].set_index("item").loc["P2P"]
    assert row["lost_per_unit"] > 0.0
    assert "4 months cost 60.00%, worth using below" in row["sentence"]
    used = [
        dear(0.6 - row["rate_change"] - shift).optimum.decisions.placed.sum() > 1e-9
        for shift in (-1e-4, 1e-4)
    ]
    assert used == [False, True]


@pytest.mark.parametrize(
    ("changes", "regime", "channel", "said"),
    [
        ({"lenders.0.limit": 0.0}, None, "bank_debt", "bank-a is not used: its line is 0."),
        ({"buyers.0.limit": 0.0}, None, "bank_transfer", "city-bank is not used: its limit is 0."),
        ({"p2p": None}, None, "p2p", "P2P is not used: the model has no P2P lender."),
        (
            {"p2p.limit": 0.0},
            None,
            "p2p",
            "P2P is not used: its limit is 0, or its window is shut.",
        ),
        ({}, law(closed_channels=["p2p"]), "p2p", "P2P is not used: p2p is closed by law (test"),
        (
            {"lenders.0.kind": "peer"},
            law(closed_channels=["peer"]),
            "bank_debt",
            "bank-a is not used: peer is closed by law (test law).",
        ),
    ],
)
def test_why_a_source_cannot_be_used(changes, regime, channel, said):
    p = platform(edited(changes), regime)
    table = solve_plan(p.inputs, p.engine, channels=False).tables()["unused"]
    mine = table[table["channel"] == channel]
    assert mine["sentence"].item().startswith(said)
    assert mine["lost_per_unit"].isna().all()


# Actions.


def test_actions_are_the_decisions_by_day():
    p, plan = built("law"), plan_of("law")
    table, decisions = plan.tables()["actions"], plan.optimum.decisions
    assert list(table["date"]) == sorted(table["date"])
    total = table.groupby("action")["amount"].sum()
    assert total["draw"] == pytest.approx(sum(decisions.draws.values()) * UNIT)
    assert total["transfer"] == pytest.approx(sum(decisions.transfers.values()) * UNIT)
    notes = 0.9 * sum(decisions.issued.values()) + decisions.placed.sum()
    assert total["issue"] == pytest.approx(notes * UNIT)
    older = table[table["detail"] == "older draw at 7.00%"]
    assert older["date"].tolist() == [pd.Timestamp(2014, 3, 31)]
    assert older["amount"].tolist() == [5.0e6]
    (first,) = {d for (_, tenor, t), d in decisions.draws.items() if (tenor, t) == (6, 1)}
    row = table[(table["action"] == "draw") & (table["date"] == "2014-01-31")]
    assert row["amount"].sum() == pytest.approx(first * UNIT)
    assert row["detail"].iloc[0] == "6 months at 7.25%, due 2014-07-31"
    assert not (table["action"] == "notify").any()
    assert not table["late"].any()
    assert p.inputs.horizon == 12


def test_notices_have_their_deadlines_and_those_that_are_past_are_marked():
    p, plan = built("law"), plan_of("law")
    spec = p.spec.model_copy(
        update={
            "lenders": (p.spec.lenders[0].model_copy(update={"notice_days": 45}),),
            "buyers": (p.spec.buyers[0].model_copy(update={"notice_days": 10}),),
        }
    )
    found = plan.optimum
    book = replace(found.book, inputs=replace(found.inputs, spec=spec))
    table = actions(book, found.solution, found.decisions)
    draws = table[table["action"] == "draw"]
    assert ((draws["date"] - draws["deadline"]).dt.days == 45).all()
    sales = table[(table["action"] == "transfer") & (table["channel"] == "bank_transfer")]
    assert ((sales["date"] - sales["deadline"]).dt.days == 10).all()
    told = table[table["action"] == "notify"]
    assert (told["date"] == told["deadline"]).all()
    assert len(told) == len(draws) + len(sales)
    assert told["amount"].sum() == pytest.approx(draws["amount"].sum() + sales["amount"].sum())
    late = draws[draws["late"]]
    assert late["date"].tolist() == [pd.Timestamp(2014, 1, 31)]
    assert late["deadline"].tolist() == [pd.Timestamp(AS_OF + timedelta(days=31 - 45))]


@pytest.mark.parametrize("days", [-1, 3661, "soon"])
def test_a_notice_is_a_number_of_days(days):
    bad = {**MODEL["lenders"][0], "notice_days": days}
    with pytest.raises(ValueError, match="notice_days"):
        Lender.model_validate(bad)


# Borrowers.

QUOTES = {
    "title": "t",
    "currency": "CNY",
    "claims": [{"name": "said", "place": "offline", "low": 0.11, "high": 0.23, "source": "s"}],
    "build_ups": [
        {
            "name": "corrected", "place": "offline", "benchmark": 0.0435, "markup_low": 0.1,
            "markup_high": 0.2, "fee_low": 0.01, "fee_high": 0.03, "source": "s",
        }
    ],
}  # fmt: skip


def test_what_borrowers_pay_by_hand():
    """4.35% * 1.1 + 1% is 5.785%, 4.35% * 1.2 + 3% is 8.22%; loans of the model at 18% and 21%."""
    new = dict(built("law").engine.new)
    new["order"] = replace(
        new["order"], contract=ContractSpec.model_validate({"upfront_fee": 0.01})
    )
    stated = BorrowerCost.model_validate(QUOTES)
    lent = {"credit": 30.0, "order": 10.0}
    table = borrower_cost({"q": stated}, "CNY", new, lent).set_index("item")
    assert table.loc["said", ["rate_low", "rate_high"]].tolist() == [0.11, 0.23]
    corrected = table.loc["corrected"]
    assert corrected["rate_low"] == pytest.approx(0.05785)
    assert corrected["rate_high"] == pytest.approx(0.0822)
    assert corrected["formula"] == "4.35% * (1 + 10%) + 1.0% to 4.35% * (1 + 20%) + 3.0%"
    credit, order = table.loc["new loans in credit"], table.loc["new loans in order"]
    assert credit["rate_mean"] == pytest.approx(0.21)
    terms, weight = new["order"].term_days, new["order"].weight
    expected = 0.18 + 0.01 * 365.0 * float(weight @ (1.0 / terms))
    assert order["rate_mean"] == pytest.approx(expected)
    assert order["rate_low"] == pytest.approx(0.18 + 3.65 / terms.max())
    mean = (30.0 * 0.21 + 10.0 * expected) / 40.0
    assert table.loc["this plan", "rate_mean"] == pytest.approx(mean)
    assert "said" not in set(borrower_cost({"q": stated}, "EUR", new, lent)["item"])


@pytest.mark.parametrize(
    ("where", "key", "value", "said"),
    [
        ("claims", "low", 0.3, "found 0.3 above high, 0.23"),
        ("build_ups", "markup_low", 0.3, "found 0.3 above markup_high, 0.2"),
        ("build_ups", "fee_low", 0.05, "found 0.05 above fee_high, 0.03"),
        ("build_ups", "place", "nowhere", "place"),
    ],
)
def test_bad_quotes_are_refused(where, key, value, said):
    bad = {**QUOTES, where: [{**QUOTES[where][0], key: value}]}
    with pytest.raises(ValueError, match=said):
        BorrowerCost.model_validate(bad)


def test_the_shipped_quotes_are_those_of_their_source():
    from scfcap.schema.load import borrower_costs, shipped

    stated = borrower_costs(shipped("models") / "alibaba-2013")["cn_2013"]
    assert [(c.low, c.high) for c in stated.claims] == [(0.11, 0.23), (0.10, 0.18)]
    assert stated.build_ups[0].low == pytest.approx(0.058, abs=5e-4)
    assert stated.build_ups[0].high == pytest.approx(0.082, abs=5e-4)
    assert date(2015, 10, 24).isoformat() in stated.build_ups[0].source
