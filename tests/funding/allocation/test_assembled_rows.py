"""Rows of small funding dates by hand; which are left out; sets of the largest, found by cuts."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from scfcap.errors import InfeasibleError
from scfcap.funding.allocation.assembled import Target
from scfcap.funding.allocation.cuts import place
from tests.funding.allocation.small_date import (
    BANK,
    JOINT,
    LINE,
    OWN,
    SERIES,
    drafted,
    frame,
    model,
)

COST = {"cost": 0.05}


def _rows(allocation, rows, choice, **more):
    """Left and right sides by row of a placement."""
    found = drafted(model({"values": "stated", **allocation}), frame(rows), **more)
    program = found.assembled().program
    sides = zip(program.activity(np.array(choice, dtype=np.int16)), program.right, strict=True)
    return {row.name: side for row, side in zip(program.rows, sides, strict=True)}


FOUR = [
    {"balance": 10.0, "borrower_id": "A", "score": 500.0},
    {"balance": 20.0, "borrower_id": "A", "score": 600.0},
    {"balance": 30.0, "borrower_id": "B", "score": 700.0},
    {"balance": 40.0, "borrower_id": "C", "score": 650.0},
]


def test_denominators_by_hand():
    """A share is of what the channel holds after the placement; one ``of`` an amount is fixed."""
    limits = [
        {"name": "share", "column": "borrower_id", "share": 0.4},
        {"name": "after", "column": "borrower_id", "share": 0.4, "base": "after"},
        {"name": "of", "column": "borrower_id", "share": 0.2, "of": 100.0},
        {"name": "cap", "column": "borrower_id", "amount": 25.0},
        {"name": "two", "column": "borrower_id", "share": 0.6, "top": 2},
    ]
    found = _rows(
        {"channels": {BANK: {**COST, "concentrations": limits, "most": 90.0}}},
        FOUR,
        [1, 1, 1, 0],
    )
    # 60 in the bank: A has 30, B 30, C nothing.
    assert found[f"{BANK}: share: A"] == (pytest.approx(30 - 0.4 * 60), 0.0)
    assert found[f"{BANK}: after: B"] == (pytest.approx(30 - 0.4 * 60), 0.0)
    assert found[f"{BANK}: share: C"] == (pytest.approx(-0.4 * 60), 0.0)
    assert found[f"{BANK}: of: A"] == (30.0, 20.0)
    assert found[f"{BANK}: cap: A"] == (30.0, 25.0)
    # The two that can have most, C with 40 and A with 30 (before B, in the tape's order).
    assert found[f"{BANK}: two: A, C"] == (pytest.approx(30 - 0.6 * 60), 0.0)
    assert found[f"{BANK}: most"] == (60.0, 90.0)


def test_means_are_of_the_loans_whose_number_is_known():
    rows = [*FOUR, {"balance": 50.0, "channel": BANK}]
    mean = {"column": "score", "least": 620.0}
    found = _rows({"channels": {BANK: {**COST, "averages": [mean]}}}, rows, [1, 0, 0, 1, 1])
    # 10 of 500 and 40 of 650; the loan without a score was sold before.
    assert found[f"{BANK}: mean score, least"] == (pytest.approx(10 * 120 - 40 * 30), 0.0)


def test_a_joint_loan_counts_by_its_parts():
    """The company funds 0.3 of new joint loans; of old ones the tape has the partner's part."""
    rows = [*FOUR[:3], {"balance": 40.0, "channel": JOINT}]
    band = {"least": 1.0, "most": 50.0}
    found = _rows(
        {"channels": {JOINT: {**COST, **band}, OWN: {"least": 19.0, "most": 50.0}}},
        rows,
        [0, 1, 0, 1],
    )
    assert found[f"{JOINT}: most"] == (pytest.approx(0.7 * 20 + 40), 50.0)
    assert found[f"{OWN}: most"] == (pytest.approx(10 + 30 + 0.3 * 20), 50.0)
    assert found[f"{OWN}: least"] == (pytest.approx(-46.0), -19.0)


def test_a_pledge_covers_what_is_drawn_and_counts_on_the_own_book():
    rows = [{"balance": 4.0e6}, {"balance": 3.0e6}, {"balance": 2.0e6, "days_past_due": 1}]
    stated = {"channels": {BANK: COST, LINE: {}, OWN: {"most": 8.0e6}}}
    found = _rows(stated, rows, [2, 1, 0])
    assert found[f"{LINE}: cover"] == (pytest.approx(-0.8 * 4.0e6), -5.0e6)
    assert found[f"{OWN}: most"] == (6.0e6, 8.0e6)


def test_churn_counts_changes_and_not_first_places():
    rows = [
        {"balance": 10.0e6, "channel": OWN},
        {"balance": 20.0e6, "channel": LINE},
        {"balance": 40.0e6},
    ]
    stated = {"churn": 0.1, "channels": {BANK: COST, LINE: {}}}
    found = drafted(model({"values": "stated", **stated}), frame(rows)).assembled().program
    (row,) = [k for k, row in enumerate(found.rows) if row.name == "churn"]
    assert found.right[row] == pytest.approx(7.0e6)
    for choice, moved in (([0, 2, 1], 0.0), ([1, 2, 0], 10.0e6), ([1, 1, 2], 30.0e6)):
        assert found.activity(np.array(choice, dtype=np.int16))[row] == moved


def test_an_amount_of_the_plan_may_count_loans_by_what_will_stand():
    aims = {BANK: Target(least=20.0, most=40.0, wanted=30.0, number="standing")}
    spec = model({"values": "stated", "channels": {BANK: COST}})
    from scfcap.funding.allocation.assemble import draft
    from tests.funding.allocation.small_date import date_of

    given = date_of(spec, frame(FOUR), targets=aims)
    counts = {"standing": np.array([0.5, 0.5, 1.0, 0.0])}
    value = np.zeros((4, len(given.funders)))
    program = draft(given, value, counts=counts).assembled().program
    choice = np.where(np.arange(4) < 3, given.keys.index(BANK), 0).astype(np.int16)
    sides = dict(zip([row.name for row in program.rows], program.activity(choice), strict=True))
    assert sides[f"{BANK}: most"] == 45.0
    assert sides[f"{BANK}: least"] == -45.0


def test_a_cap_on_each_of_many_borrowers_leaves_few_rows():
    """20,000 borrowers of whom three can break the cap: three rows, and the optimum of all."""
    rng = np.random.default_rng(1)
    rows = [{"balance": float(b)} for b in rng.uniform(1.0, 9.0, 300)]
    rows += [{"balance": 60.0}, {"balance": 70.0}, {"balance": 80.0}]
    cap = {"column": "borrower_id", "amount": 50.0}
    found = drafted(
        model({"values": "stated", "channels": {BANK: {**COST, "concentrations": [cap]}}}),
        frame(rows),
    )
    told = found.assembled()
    assert [row.subject for row in told.program.rows] == ["B302", "B301", "B300"]
    assert told.counts["rows that cannot bind"] == 301  # 300 borrowers, and the buyer's limit
    assert [attribute.labels for attribute in told.program.attributes.values()] == [
        ("B300", "B301", "B302")
    ]


@pytest.mark.parametrize("seed", [0, 2, 4])
def test_the_largest_together_against_complete_enumeration(seed):
    """Two largest of seven names at most 45%: no placement of the 2^11 is better."""
    rng = np.random.default_rng(seed)
    count = 11
    names = rng.integers(0, 7, count)
    balance = rng.integers(10, 100, count).astype(float)
    rows = [{"balance": b, "borrower_id": f"N{k}"} for b, k in zip(balance, names, strict=True)]
    two = {"column": "borrower_id", "share": 0.45, "top": 2}
    spec = model({"values": "stated", "channels": {BANK: {**COST, "concentrations": [two]}}})
    gain = rng.uniform(0.5, 1.5, count) * balance
    value = np.stack([np.zeros(count), gain], axis=1)
    best = 0.0
    for chosen in itertools.product((False, True), repeat=count):
        inside = np.array(chosen)
        sums = np.sort(np.bincount(names[inside], balance[inside], minlength=7))[::-1]
        if sums[:2].sum() <= 0.45 * balance[inside].sum() + 1e-9:
            best = max(best, float(gain[inside].sum()))
    assembled, answer = place(drafted(spec, frame(rows), value))
    assert answer.value == pytest.approx(best)
    assert answer.bound >= best
    assert assembled.counts["rows added when broken"] > 0


def test_limits_that_loans_without_a_choice_break_get_no_worse():
    rows = [
        {"balance": 60.0, "channel": SERIES, "borrower_id": "A"},
        {"balance": 40.0, "channel": SERIES, "borrower_id": "B"},
        {"balance": 10.0, "borrower_id": "A"},
        {"balance": 10.0, "borrower_id": "C"},
    ]
    limit = {"column": "borrower_id", "share": 0.5}
    spec = model({"values": "stated", "channels": {SERIES: {**COST, "concentrations": [limit]}}})
    value = np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 5.0], [0.0, 1.0]])
    assembled, answer = place(drafted(spec, frame(rows), value))
    # A is 10 over half of 100. With 10 more of A it would be 15 over, and 10 with 10 of C too.
    assert assembled.program.channels == (OWN, SERIES)
    assert answer.choice.tolist() == [1, 1, 1, 1]
    assert assembled.cautions == (
        f"{SERIES}: each borrower_id: broken by 10.00 by loans that stay; others make it no worse.",
    )
    alone, kept = place(drafted(spec, frame(rows[:3]), value[:3]))
    assert kept.choice.tolist() == [1, 1, 0]
    assert alone.program.right[0] == pytest.approx(10.0)


def test_promised_loans_that_are_to_come_are_given_no_relief():
    """A mean and a share that they break alone are kept with others, whatever those are worth."""
    limits = {
        "averages": [{"column": "score", "least": 600.0}],
        "concentrations": [{"column": "borrower_id", "share": 0.5}],
    }
    promised = [{"test": "borrower_id == 'P'", "channel": BANK}]
    stated = {"values": "stated", "promised": promised, "channels": {BANK: {**COST, **limits}}}
    rows = [
        {"balance": 10.0, "borrower_id": "P", "score": 500.0},
        {"balance": 10.0, "borrower_id": "A", "score": 700.0},
        {"balance": 10.0, "borrower_id": "B", "score": 650.0},
    ]
    value = np.array([[0.0, 0.0], [5.0, 0.0], [5.0, 4.0]])
    # B alone would do for the share, not for the mean of 600; A does for both.
    assembled, answer = place(drafted(model(stated), frame(rows), value))
    assert answer.choice.tolist() == [1, 1, 0]
    assert assembled.cautions == ()


def test_a_promised_loan_is_not_said_to_have_no_place_beside_a_ticket():
    """P has 10 of the 15 that may come, above half: with or without a ticket that is what is told,
    not that P has no place while the channel is closed.
    """
    half = {"column": "borrower_id", "share": 0.5}
    promised = [{"test": "borrower_id == 'P'", "channel": BANK}]
    rows = [{"balance": 10.0, "borrower_id": "P"}, {"balance": 5.0, "borrower_id": "A"}]
    for ticket in (0.0, 1.0):
        channel = {**COST, "concentrations": [half], "minimum_ticket": ticket}
        spec = model({"values": "stated", "promised": promised, "channels": {BANK: channel}})
        with pytest.raises(InfeasibleError) as told:
            place(drafted(spec, frame(rows), np.zeros((2, 2))))
        assert not any("Let a channel have" in sentence for sentence in told.value.sentences)
        assert "no channel may have" not in str(told.value)


def test_an_amount_out_of_reach_is_infeasible_and_says_so():
    spec = model({"values": "stated", "channels": {BANK: {**COST, "least": 500.0}}})
    with pytest.raises(InfeasibleError) as told:
        drafted(spec, frame(FOUR))
    assert told.value.sentences == (
        f"{BANK}: least: at least 500.00 is asked for, and no more than 100.00 is to be had.",
    )
