"""A run in a few rows, its ledger and one of its periods, against a deal worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from scfcap.deal.engine import run_deal
from scfcap.deal.explaining import explain_period
from scfcap.deal.ledger import ledger_frame, refuse_gaps, ties
from scfcap.deal.summary import classes_frame, closing_frame, events_frame, fees_frame
from scfcap.deal.wording import action, begins, described, limits, support
from scfcap.deal.wording import call as call_words
from scfcap.deal.wording import tranche as class_words
from scfcap.deal.wording import trigger as trigger_words
from scfcap.errors import InvariantError
from scfcap.schema.deal_parts import TrancheSpec, TriggerSpec

from .dealing import deal_of, pool_of, run, spec_of

# Closed on 31 March, so that April, May and June are a twelfth of a year each by 30/360.
TERMS = """
closing = 2019-03-31
legal_end = 2019-06-30
[accounts.reserve]
target = "if(notes > 0, 20, 0)"
initial = 20.0
[fees.trustee]
amount = 120.0
upfront = 3.0
[tranches.A]
balance = 800.0
coupon = 0.12
[tranches.E]
kind = "equity"
balance = 200.0
[[waterfall.amortising]]
pay = "fee"
to = "trustee"
[[waterfall.amortising]]
pay = "interest"
to = "A"
from = ["collection", "reserve"]
[[waterfall.amortising]]
pay = "principal"
to = "A"
up_to = "notes"
[[waterfall.amortising]]
pay = "account"
to = "reserve"
[[waterfall.amortising]]
pay = "residual"
to = "E"
from = ["collection", "reserve"]
when = "notes <= 0"
"""
#: By hand. April: 510 come in; fee 10, interest 800 * 1% = 8, the other 492 repay A: 308.
#: May: 305; fee 10, interest 3.08, principal 291.92: 16.08. June: 202; fee 10, interest 0.1608,
#: principal 16.08, and 175.7592 with the 20 of the reserve are left for the equity.
PRINCIPAL, INTEREST = [500.0, 300.0, 200.0], [10.0, 5.0, 2.0]


def traced(terms: str = TERMS, watch: tuple[str, ...] = ()):
    return run(terms, pool_of(1000.0, PRINCIPAL, INTEREST), 3, trace=True, watch=watch)


def test_classes_as_worked_out_by_hand():
    rows = classes_frame(traced()).set_index("tranche")
    a, e = rows.loc["A"], rows.loc["E"]
    assert a["interest_paid"] == pytest.approx(8.0 + 3.08 + 0.1608)
    assert a["principal_paid"] == pytest.approx(800.0)
    life = (492.0 * 1 + 291.92 * 2 + 16.08 * 3) / 800.0 / 12.0
    assert a["average_life"] == pytest.approx(life)
    assert (a["first_principal"].date(), a["last_principal"].date()) == (
        date(2019, 4, 30),
        date(2019, 6, 30),
    )
    assert (a["left"], a["most_interest_short"], a["dates_short"]) == (0.0, 0.0, 0)
    assert a["paid_in_full"]
    assert e["residual_received"] == pytest.approx(175.7592 + 20.0)
    assert np.isnan(e["average_life"])
    assert rows["share"].tolist() == [0.8, 0.2]


def test_no_life_is_told_of_a_class_that_is_not_repaid():
    row = classes_frame(run(TERMS, pool_of(1000.0, [500.0, 100.0, 0.0]), 3)).iloc[0]
    assert row["left"] > 200.0
    assert np.isnan(row["average_life"])
    assert not row["paid_in_full"]
    assert row["last_principal"].date() == date(2019, 5, 31)


def test_sources_are_uses_at_closing():
    frame = closing_frame(traced()).set_index(["side", "item"])["amount"]
    assert frame.to_dict() == {
        ("source", "class A"): 800.0,
        ("source", "class E"): 200.0,
        ("source", "originator's contribution"): 23.0,
        ("use", "loans"): 1000.0,
        ("use", "account reserve"): 20.0,
        ("use", "costs at closing"): 3.0,
    }


def test_the_ledger_by_hand():
    frame = ledger_frame(traced())
    assert frame["opening_cash"].tolist() == [20.0, 20.0, 20.0]
    assert frame["closing_cash"].tolist() == pytest.approx([20.0, 20.0, 0.0])
    assert frame["fees_paid"].tolist() == [10.0, 10.0, 10.0]
    assert frame["interest_paid"].tolist() == pytest.approx([8.0, 3.08, 0.1608])
    assert frame["residual_paid"].tolist() == pytest.approx([0.0, 0.0, 195.7592])
    assert frame["gap"].abs().max() < 1e-12


def test_what_leaves_to_nobody_named_is_accounted_for():
    unnamed = TERMS.replace('pay = "residual"\nto = "E"', 'pay = "residual"')
    done = traced(unnamed)
    assert done.of("released")[0].tolist() == pytest.approx([0.0, 0.0, 195.7592])
    assert done.of("residual").sum() == 0.0
    assert all(tie.holds for tie in refuse_gaps(done))


def test_proceeds_of_a_call_are_its_price_times_the_pool():
    called = TERMS + "[calls.early]\nfrom_date = 2019-05-31\nprice = 0.9\n"
    done = traced(called)
    assert done.called.tolist() == [2]
    assert done.of("sold")[0].tolist() == [0.0, 200.0, 0.0]
    assert done.of("proceeds")[0].tolist() == [0.0, 180.0, 0.0]
    assert all(tie.holds for tie in refuse_gaps(done))
    words = events_frame(done).set_index("kind").loc["call", "words"]
    assert words == "call (early): loans of 200 are sold for 180"


def test_a_call_is_named_once_its_date_has_come():
    later = '[calls.late]\nfrom_date = 2019-06-30\n[calls.low]\nwhen = "pool < 600"\n'
    made = traced(TERMS.replace("[[waterfall", later + "[[waterfall", 1))
    events = events_frame(made)
    call = events[events["kind"] == "call"].iloc[0]
    assert (call["period"], call["name"]) == (1, "low")


@pytest.mark.parametrize(
    ("spoilt", "name"),
    [
        ("fee_paid", "Every unit of cash is accounted for in each period"),
        ("tranche", "Each class is what it was less principal and losses"),
        ("trace", "What steps paid is what was received"),
        ("start", "Every unit of cash is accounted for in each period"),
    ],
)
def test_a_unit_that_is_missing_is_found(spoilt, name):
    good = traced()
    assert [tie.holds for tie in ties(good)] == [True] * 4
    assert max(tie.gap for tie in ties(good)) < 1e-9
    values = getattr(good, spoilt).copy()
    values[(0,) * values.ndim if spoilt != "trace" else (2, 0, 0, 0)] += 0.01
    bad = replace(good, **{spoilt: values})
    wrong = {tie.name: tie.gap for tie in ties(bad) if not tie.holds}
    assert wrong[name] == pytest.approx(0.01)
    with pytest.raises(InvariantError, match=r"scenario 1, period [12]: .*a gap of 0\.010000"):
        refuse_gaps(bad)


def test_fees_that_sources_cannot_pay_are_told_while_the_deal_lives():
    dear = traced(TERMS.replace("amount = 120.0", "amount = 4800.0"))  # 400 a month
    row = fees_frame(dear).iloc[0]
    # April pays 400 of 510; May 305 of 400, 95 stay owed; June 202 of 495, 293 stay owed.
    assert row["paid"] == pytest.approx(400.0 + 305.0 + 202.0)
    assert (row["most_short"], row["dates_short"]) == (pytest.approx(293.0), 2)
    assert row["first_short"].date() == date(2019, 5, 31)
    assert all(tie.holds for tie in refuse_gaps(dear))


def test_a_fee_that_accrues_after_the_deal_is_over_is_not_short():
    ended = run(TERMS.replace("legal_end = 2019-06-30\n", ""),
                pool_of(1000.0, [1000.0, 0.0, 0.0], [30.0, 0.0, 0.0]), 3, trace=True)  # fmt: skip
    assert ended.fee_owed[:, 0, 0].tolist() == [0.0, 10.0, 20.0]
    row = fees_frame(ended).iloc[0]
    assert (row["paid"], row["most_short"], row["dates_short"]) == (10.0, 0.0, 0)


PHASED = """
closing = 2019-03-31
legal_end = 2019-09-30
phases = [
    { name = "first", until = 2019-04-30 },
    { name = "second", when = "trigger.late", stays = false },
    { name = "third", when = "trigger.lost" },
]
[triggers.late]
test = "defaults > 5"
cure = "defaults < 3"
[triggers.lost]
test = "cumulative_default > 15"
when = "after payments"
[tranches.A]
balance = 90.0
[[waterfall.first]]
pay = "principal"
to = "A"
[[waterfall.second]]
pay = "principal"
to = "A"
[[waterfall.third]]
pay = "principal"
to = "A"
"""


def test_what_happens_is_told_in_words():
    done = run(PHASED, pool_of(100.0, [10.0] * 6, 0.0, [0.0, 6.0, 2.0, 8.0, 0.0, 0.0]), 6)
    frame = events_frame(done)
    told = list(zip(frame["period"], frame["kind"], frame["words"], strict=True))
    assert told == [
        (2, "trigger trips", "trigger late trips: defaults > 5"),
        (2, "phase begins", "second begins: first was to last until 2019-04-30"),
        (3, "trigger is cured", "late is cured: defaults < 3"),
        (4, "trigger trips", "trigger late trips: defaults > 5"),
        (4, "trigger trips", "trigger lost trips, once all was paid: cumulative_default > 15"),
        (5, "trigger is cured", "late is cured: defaults < 3"),
        (5, "phase begins", "third begins early: trigger.lost"),
        (6, "unpaid at the legal end", "legal end, and class A is owed 30"),
    ]


def test_one_period_by_hand():
    found = explain_period(traced(watch=("account.reserve", "notes", "final")), "1", 2)
    assert (found.date, found.payment, found.phase) == (date(2019, 5, 31), 2, "amortising")
    steps = found.steps.set_index("step")
    assert steps["due"].tolist() == pytest.approx([10.0, 3.08, 308.0, 0.0, 0.0])
    assert steps["available"].tolist() == pytest.approx([305.0, 315.0, 291.92, 0.0, 20.0])
    assert steps["paid"].tolist() == pytest.approx([10.0, 3.08, 291.92, 0.0, 0.0])
    assert steps["short"].tolist() == pytest.approx([0.0, 0.0, 16.08, 0.0, 0.0])
    assert steps["notes"].tolist() == pytest.approx([308.0, 308.0, 16.08, 16.08, 16.08])
    assert steps["account.reserve"].tolist() == [20.0] * 5
    assert steps["final"].tolist() == [False] * 5
    assert steps.loc["principal A", "limits"] == "at most notes"
    accounts = found.accounts.set_index("account")
    assert accounts.loc["collection"].tolist() == pytest.approx([0.0, 305.0, 0.0])
    assert accounts.loc["reserve"].tolist() == [20.0, 20.0, 20.0]
    a = found.classes.set_index("tranche").loc["A"]
    assert (a["opening"], a["closing"]) == (pytest.approx(308.0), pytest.approx(16.08))
    assert found.fees.iloc[0].tolist() == ["trustee", 10.0, 10.0, 0.0]
    last = explain_period(traced(watch=("final",)), "1", 3)
    assert last.steps["final"].all()
    assert last.words == ("class A is repaid",)


def test_a_period_that_is_not_there_or_was_not_traced():
    with pytest.raises(ValueError, match="no trace of period 4"):
        explain_period(traced(), "1", 4)
    untraced = run(TERMS, pool_of(1000.0, PRINCIPAL, INTEREST), 3)
    with pytest.raises(ValueError, match="no trace of period 1"):
        explain_period(untraced, "1", 1)


def test_between_payment_dates_only_the_steps_of_settlement_are_told():
    terms = TERMS.replace("legal_end = 2019-06-30", "") + (
        "[settlement]\npayment_every = 3\n"
        '[[settlement.steps.amortising]]\npay = "account"\nto = "reserve"\n'
    )
    done = traced(terms)
    assert explain_period(done, "1", 1).steps["step"].tolist() == ["account reserve"]
    assert not explain_period(done, "1", 1).pays
    assert len(explain_period(done, "1", 3).steps) == 5
    frame = done.steps_frame("1")
    assert frame["period"].tolist() == [1, 2, 3, 3, 3, 3, 3]


def test_cash_given_at_the_start_is_the_first_opening():
    deal = deal_of(TERMS, 3)
    done = run_deal(deal, pool_of(1000.0, PRINCIPAL, INTEREST), cash=np.array([[5.0], [20.0]]))
    assert ledger_frame(done)["opening_cash"].tolist()[0] == 25.0
    assert ties(done)[1].holds


def test_steps_in_words():
    spec = spec_of(
        TERMS
        + """
[[waterfall.amortising]]
pay = "principal"
to = ["A", "E"]
split = "in order"
share = 0.5
amount = 1000.0
keep = 7.5
by = "schedule"
from = ["collection", "reserve"]
when = "final"
"""
    )
    first, last = spec.waterfall["amortising"][0], spec.waterfall["amortising"][-1]
    assert (action(first), limits(first), support(first)) == ("pay fee trustee", (), "")
    assert action(last) == "repay A and E, in order"
    assert support(last) == "reserve helps"
    assert limits(last) == (
        "down to its schedule", "0.5 of what is due", "at most 1,000", "keeps 7.5 in collection",
        "if final",
    )  # fmt: skip
    lines = list(described("test", spec))
    assert lines[0] == "test; closes 2019-03-31, legal end 2019-06-30"
    assert "classes: A (800.00, 12.000%), E (200.00, equity)" in lines


def test_phases_triggers_and_calls_in_words():
    spec = spec_of(PHASED + '[calls.clean]\nwhen = "pool < 10"\nprice = 1.01\n')
    assert begins(spec.phases, 0) == ("from the closing",)
    assert begins(spec.phases, 1) == (
        "after 2019-04-30", "or at once if trigger.late", "and only as long as this holds",
    )  # fmt: skip
    assert begins(spec.phases, 2) == ("as soon as trigger.lost, from any phase before",)
    assert trigger_words(spec.triggers["late"]) == ("defaults > 5; cured by defaults < 3")
    assert trigger_words(spec.triggers["lost"]) == (
        "cumulative_default > 15; tested once all is paid, in force from the next date; never cured"
    )
    assert call_words(spec.calls["clean"]) == (
        "if pool < 10, at 101.0000% of the pool, and only if it pays all that is owed"
    )
    lines = list(described("test", spec))
    assert f"trigger late: {trigger_words(spec.triggers['late'])}" in lines
    assert f"call clean: {call_words(spec.calls['clean'])}" in lines


def test_a_trigger_of_several_dates_and_classes_that_bear_no_fixed_coupon_in_words():
    spec = TriggerSpec(
        test="defaults > 5", after=3, from_payment=7, cure="defaults < 3", cured_after=2
    )
    assert trigger_words(spec) == (
        "defaults > 5, on 3 payment dates in a row, from payment 7 on; "
        "cured by defaults < 3 on 2 dates in a row"
    )
    strip = TrancheSpec(kind="interest_only", coupon=0.0125, notional="balance.A")
    assert class_words(strip) == "interest only, 1.250% on balance.A"
    floater = TrancheSpec(kind="floating", share=0.4, index="LPR", margin=0.0225)
    assert class_words(floater) == "40.00% of the pool, LPR + 2.250%"


def test_lines_and_hedges_by_hand():
    """April brings nothing but 800 * 1.2%/12 = 0.8 of a swap; the line lends 7.2 of the interest
    of 8. May brings 520.8: the line gets 7.2 * 1.01 = 7.272, interest 8, and 505.528 repay A.
    """
    terms = """
closing = 2019-03-31
[lines.liquidity]
commitment = 50.0
rate = 0.12
[hedges.swap]
notional = "balance.A"
receive_rate = 0.012
[tranches.A]
balance = 800.0
coupon = 0.12
[[waterfall.amortising]]
pay = "line"
to = "liquidity"
[[waterfall.amortising]]
pay = "interest"
to = "A"
from = ["collection", "liquidity"]
[[waterfall.amortising]]
pay = "principal"
to = "A"
[[waterfall.amortising]]
pay = "residual"
when = "notes <= 0"
"""
    pool = pool_of(1000.0, [0.0, 500.0, 500.0], [0.0, 20.0, 20.0])
    done = run(terms, pool, 3, trace=True, watch=("drawn.liquidity",))
    frame = ledger_frame(done)
    assert frame["hedge_received"].tolist()[:2] == pytest.approx([0.8, 0.8])
    assert frame["line_drawn"].tolist() == pytest.approx([7.2, 0.0, 0.0])
    assert frame["line_paid"].tolist() == pytest.approx([0.0, 7.272, 0.0])
    assert frame["principal_paid"].tolist()[1] == pytest.approx(505.528)
    assert all(tie.holds for tie in refuse_gaps(done))
    april, may = (explain_period(done, "1", period) for period in (1, 2))
    assert april.lines.iloc[0].tolist() == ["liquidity", 0.0, pytest.approx(7.2)]
    assert may.lines.iloc[0].tolist() == ["liquidity", pytest.approx(7.2), 0.0]
    assert april.steps["drawn.liquidity"].tolist() == pytest.approx([0.0, 7.2, 7.2, 7.2])
    flows = april.flows.set_index("figure")["amount"]
    assert flows["received from hedges"] == pytest.approx(0.8)
    assert flows["drawn on lines"] == pytest.approx(7.2)


def test_a_deal_that_stands_shows_what_it_holds_and_owes():
    """The deal by hand, from where it stands after April."""
    terms = (
        TERMS
        + """
[opening]
date = 2019-04-30
balances = { A = 308.0, E = 200.0 }
accounts = { reserve = 20.0 }
pool_at_closing = 1000.0
payments_made = 1
"""
    )
    pool = pool_of(500.0, PRINCIPAL[1:], INTEREST[1:])
    done = run(terms, pool, 2, trace=True)
    held = closing_frame(done).set_index(["side", "item"])["amount"]
    assert held.to_dict() == {
        ("holds", "loans"): 500.0,
        ("holds", "account reserve"): 20.0,
        ("owes", "class A"): 308.0,
        ("owes", "class E"): 200.0,
    }
    rows = classes_frame(done).set_index("tranche")
    assert rows.loc["A", "interest_paid"] == pytest.approx(3.08 + 0.1608)
    assert rows.loc["E", "residual_received"] == pytest.approx(195.7592)
    found = explain_period(done, "1", 1)
    assert (found.payment, found.phase_before) == (2, "amortising")
    assert found.accounts.set_index("account").loc["reserve", "last_close"] == 20.0
    assert all(tie.holds for tie in refuse_gaps(done))
    assert next(described("test", spec_of(terms))) == (
        "test; closes 2019-03-31, stands as of 2019-04-30, legal end 2019-06-30"
    )
