"""Plans carried out in worlds that they were not made for: what is possible, and what it costs.

The engines are the witnesses: what was clipped must be possible by their own flows, and money must
tie in a balance sheet that is put together here from those flows alone.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scfcap.axes import BANK_TRANSFER, OWN, place
from scfcap.deal.result import REVOLVING
from scfcap.errors import InputError
from scfcap.funding.carrying import (
    FORCED_PLACE,
    MISSING,
    CarriedOut,
    Carrier,
    carry_out,
    in_emergency,
)
from scfcap.funding.decisions import Decisions
from scfcap.funding.inputs import Inputs
from scfcap.funding.plan import Optimum, optimum
from scfcap.funding.possible import empty_decisions
from scfcap.funding.replay import Engine, Replay, replay
from scfcap.funding.variables import on_books

from .combined_platform import combined
from .small_platform import LAW, Platform, platform
from .variants import edited

BUYER = place(BANK_TRANSFER, "city-bank")
PERIODS = 5
#: Nobody lends, buys or places in a world that is shut.
SHUT = {
    "default_multiple": 4.0,
    "shocks": [
        {"kind": "bank_line_cut", "cut": 0.9, "from_period": 2},
        {"kind": "p2p_run_off", "share": 0.8, "cut": 0.9, "from_period": 2},
        {"kind": "market_shut", "cut": 0.5, "from_period": 1, "to_period": 4},
        {"kind": "outage", "days": 15, "from_period": 3},
    ],
}


@cache
def made(periods: int = PERIODS) -> tuple[Platform, Optimum]:
    p = platform(edited({"plan.periods": periods}), LAW)
    return p, optimum(p.inputs, p.engine)


@cache
def harsh(scenario: str = "stress") -> Platform:
    return platform(
        edited({"plan.periods": PERIODS, "plan.scenario": scenario, "scenarios.shut": SHUT}), LAW
    )


def equity(inputs: Inputs, decisions: Decisions, result: Replay, t: int) -> float:
    """What is owned less what is owed at the close of ``t``, from the engines' flows."""
    owned = float(result.cash[t])
    for where in on_books(inputs):
        flow = result.places[where]
        to_come = np.cumsum(flow.default - flow.credit_cost - flow.recovery)
        owned += float(flow.balance[t] + to_come[t])
    for name, deal in result.deals.items():
        if inputs.deal(name).closing <= t:
            owned += float(deal.cash[0, t - 1] + deal.reserve[0, t - 1])
            owned -= float(deal.balance[0, :, t - 1].sum() + deal.accrued[0, :, t - 1].sum())
    for x in inputs.lenders:
        owned -= float(x.open_balance[t])
        for (name, tenor, u), amount in decisions.draws.items():
            if name == x.name and u <= t < x.maturity(tenor).falls_due(u):
                owned -= amount
    if inputs.p2p is not None:
        owned -= float(inputs.p2p.open_balance[t])
        for u in range(1, t + 1):
            if inputs.p2p.maturity.falls_due(u) > t:
                owned -= float(decisions.placed[:, u].sum())
    return owned


def possible(found: CarriedOut) -> None:
    """Nothing that could not be: negative holdings, loans sold twice, draws above lines."""
    inputs, decisions, result = found.inputs, found.decisions, found.replay
    assert result.oversold <= 1e-9
    assert result.own.min() >= -1e-9
    assert all(flow.balance.min() >= -1e-9 for flow in result.places.values())
    assert (decisions.originated <= inputs.demand + 1e-9).all()
    for deal in result.deals.values():
        assert deal.short("purchases").max() <= 1e-6
        assert deal.cash.min() >= -1e-9
    for x in inputs.lenders:
        for t in inputs.periods:
            new = sum(a for (n, _, u), a in decisions.draws.items() if (n, u) == (x.name, t))
            if new > 0.0 and x.name != MISSING:
                balance = float(x.open_balance[t]) + sum(
                    a
                    for (n, tenor, u), a in decisions.draws.items()
                    if n == x.name and u <= t < x.maturity(tenor).falls_due(u)
                )
                assert balance <= x.line(t) + 1e-9
                assert t not in x.closed
    for b in inputs.buyers:
        assert (result.places[b.place].balance <= b.limit + 1e-9).all()
        if b.per_period is not None:
            assert result.places[b.place].received.max() <= b.per_period + 1e-9
    if inputs.p2p is not None:
        widths = [step.per_period for step in inputs.p2p.steps]
        assert (decisions.placed <= np.array(widths)[:, None] + 1e-9).all()
    assert result.cash.min() >= -1e-6
    for t in inputs.periods:
        assert equity(inputs, decisions, result, t) == pytest.approx(
            result.net_capital[t], abs=1e-8
        )


# In its own world.


def test_in_its_own_world_the_plan_is_what_is_done():
    p, best = made(12)
    found = carry_out(p.inputs, best.decisions, p.engine)
    assert found.clipped == found.shortfalls == found.breaches == ()
    for name in ("cash", "net_capital"):
        assert getattr(found.replay, name) == pytest.approx(getattr(best.replay, name), abs=1e-6)
    assert found.decisions.originated == pytest.approx(best.decisions.originated, abs=1e-6)
    assert found.decisions.placed == pytest.approx(best.decisions.placed, abs=1e-6)
    for name in ("transfers", "draws", "issued"):
        mine, theirs = getattr(found.decisions, name), getattr(best.decisions, name)
        for key in {*mine, *theirs}:
            assert mine.get(key, 0.0) == pytest.approx(theirs.get(key, 0.0), abs=1e-6), key
    possible(found)


def test_what_stands_at_the_end_is_worth_what_the_program_says():
    p, best = made(12)
    found = carry_out(p.inputs, best.decisions, p.engine)
    gained = found.end_value - p.inputs.net_capital
    assert gained == pytest.approx(best.solution.objective, abs=1e-6)


def test_partners_covenants_and_pledges_too():
    p = combined()
    best = optimum(p.inputs, p.engine)
    assert best.decisions.booked
    found = carry_out(p.inputs, best.decisions, p.engine)
    assert found.clipped == found.shortfalls == found.breaches == ()
    assert found.replay.cash == pytest.approx(best.replay.cash, abs=1e-6)
    assert found.replay.net_capital == pytest.approx(best.replay.net_capital, abs=1e-6)


def test_carried_out_in_two_parts_it_is_the_same():
    _, best = made()
    q = harsh()
    whole = carry_out(q.inputs, best.decisions, q.engine)
    first = carry_out(q.inputs, best.decisions, q.engine, until=2)
    late = {k: v for k, v in best.decisions.transfers.items() if k[2] > 2}
    draws = {k: v for k, v in best.decisions.draws.items() if k[2] > 2}
    past = slice(0, 3)
    originated, placed = best.decisions.originated.copy(), best.decisions.placed.copy()
    originated[:, past] = first.decisions.originated[:, past]
    placed[:, past] = first.decisions.placed[:, past]
    joined = replace(
        best.decisions,
        originated=originated,
        placed=placed,
        transfers={**late, **first.decisions.transfers},
        draws={**draws, **first.decisions.draws},
        issued={**best.decisions.issued, **first.decisions.issued},
    )
    second = carry_out(first.inputs, joined, q.engine, since=3)
    assert second.replay.cash == pytest.approx(whole.replay.cash, abs=1e-9)
    assert second.replay.net_capital == pytest.approx(whole.replay.net_capital, abs=1e-9)
    assert second.end_value == pytest.approx(whole.end_value, abs=1e-9)
    assert second.breaches == pytest.approx(whole.breaches)


# In another.


@pytest.mark.parametrize("scenario", ["stress", "shut"])
def test_in_another_world_only_what_is_possible_is_done(scenario):
    _, best = made()
    q = harsh(scenario)
    found = carry_out(q.inputs, best.decisions, q.engine)
    possible(found)
    assert found.clipped
    assert found.replay.net_capital[-1] < best.replay.net_capital[-1]
    for x in found.clipped:
        assert 0.0 <= x.done < x.wished
    for t in (b.period for b in found.breaches):
        assert 1 <= t <= PERIODS
    assert [b.period for b in found.breaches] == sorted(b.period for b in found.breaches)


def random_wishes(inputs: Inputs, seed: int) -> Decisions:
    """Wishes of any size, possible or not."""
    random = np.random.default_rng(seed)
    nothing = empty_decisions(inputs)
    shape, cohorts = nothing.originated.shape, inputs.cohorts
    some = [
        (j, x.place, t)
        for j in range(len(cohorts))
        for x in inputs.funders
        for t in inputs.periods
        if random.random() < 0.4
    ]
    sizes = {d.name: float(40.0 * random.random()) for d in inputs.deals if d.state is None}
    return replace(
        nothing,
        originated=random.random(shape) * inputs.demand.max() * 1.5,
        transfers={key: float(random.exponential(6.0)) for key in some},
        draws={
            (x.name, tenor, t): float(random.exponential(8.0))
            for x in inputs.lenders
            for tenor, _ in x.tenors
            for t in inputs.periods
        },
        placed=random.exponential(5.0, nothing.placed.shape),
        issued=sizes,
    )


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scenario=st.sampled_from(["base", "shut"]))
def test_whatever_is_wished_only_what_is_possible_is_done(seed, scenario):
    q = harsh(scenario)
    found = carry_out(q.inputs, random_wishes(q.inputs, seed), q.engine)
    possible(found)
    assert found.clipped


def test_a_series_that_trips_buys_no_more():
    """Four times the defaults of the trigger's threshold: it amortises, and cash repays notes."""
    changes = {
        "plan.periods": PERIODS,
        "plan.scenario": "worse",
        "scenarios.worse": {"default_multiple": 30.0},
    }
    q = platform(edited(changes), LAW)
    _, best = made()
    found = carry_out(q.inputs, best.decisions, q.engine)
    possible(found)
    (tripped,) = [b for b in found.breaches if b.family == "trigger" and b.item == "series-1"]
    deal = found.replay.deals["series-1"]
    assert tripped.period == deal.triggered[0] > 0
    assert tripped.use > tripped.limit
    later = range(tripped.period + 1, PERIODS + 1)
    where = q.inputs.deal("series-1").place
    assert all(found.replay.places[where].received[t] == 0.0 for t in later)
    assert (deal.phase[0, tripped.period :] != REVOLVING).all()


# Cash that is short.


def lent_too_much() -> tuple[Inputs, Engine, Decisions, Replay]:
    """All that is asked for in the first month is lent, and nothing raised for it."""
    p, _ = made()
    wish = empty_decisions(p.inputs)
    wish.originated[:, 1] = p.inputs.demand[:, 1]
    return p.inputs, p.engine, wish, replay(p.inputs, wish, p.engine)


def test_a_forced_sale_by_hand():
    """Own loans are sold at 85% for what lacks; the loss is booked, and what they would have paid
    is gone.
    """
    inputs, engine, wish, unmet = lent_too_much()
    lacking = -float(unmet.cash[1])
    assert lacking > 5.0
    found = carry_out(inputs, wish, engine)
    first = found.shortfalls[0]
    assert (first.period, first.borrowed, first.interest) == (1, 0.0, 0.0)
    assert first.amount == pytest.approx(lacking, abs=1e-9)
    assert first.sold == pytest.approx(lacking / 0.85, abs=1e-9)
    assert first.haircut == pytest.approx(0.15 * lacking / 0.85, abs=1e-9)
    result, plan = found.replay, inputs.spec.plan
    assert result.cash[1] == pytest.approx(0.0, abs=1e-9)
    assert result.net_capital[1] == pytest.approx(unmet.net_capital[1] - first.cost, abs=1e-9)
    assert result.places[FORCED_PLACE].balance[1] == pytest.approx(first.sold, abs=1e-9)
    gone = first.sold / unmet.places[OWN].balance[1]
    own = result.places[OWN]
    assert own.balance[1] == pytest.approx((1.0 - gone) * unmet.places[OWN].balance[1], abs=1e-9)
    assert own.principal[2] == pytest.approx((1.0 - gone) * unmet.places[OWN].principal[2])
    # In the second month: no interest on cash below zero, less collected, less to run.
    year = float(inputs.year[2])
    paid = unmet.places[OWN].interest[2] + unmet.places[OWN].principal[2]
    second = unmet.cash[2] + lacking * (1.0 + plan.cash_yield * year) - gone * paid
    second += plan.opex_rate * year * first.sold
    assert result.cash[2] == pytest.approx(second, abs=1e-9)
    possible(found)


def test_what_no_loan_brings_is_borrowed_until_the_next_close():
    """All own loans back P2P notes but a few: they are sold, and the rest is missing."""
    inputs, engine, wish, unmet = lent_too_much()
    assert inputs.p2p is not None
    own = float(unmet.places[OWN].balance[1])
    stands = np.full(inputs.horizon + 1, own - 2.0)
    p2p = replace(inputs.p2p, open_balance=stands)
    found = carry_out(replace(inputs, p2p=p2p), wish, engine, until=1)
    (only,) = found.shortfalls
    assert only.sold == pytest.approx(2.0, abs=1e-9)
    assert only.borrowed == pytest.approx(-float(unmet.cash[1]) - 0.85 * 2.0, abs=1e-9)
    year = float(inputs.year[2])
    assert only.interest == pytest.approx(0.36 * year * only.borrowed, rel=1e-12)
    assert found.decisions.draws == {(MISSING, 1, 1): pytest.approx(only.borrowed)}
    assert found.replay.cash[1] == pytest.approx(0.0, abs=1e-9)
    # Paid back at the next close, with interest.
    apart = (
        found.replay.cash[2]
        - replay(found.inputs, replace(found.decisions, draws={}), engine).cash[2]
    )
    carried = only.borrowed * inputs.spec.plan.cash_yield * year
    assert apart == pytest.approx(carried - only.interest, abs=1e-9)


def test_cash_below_the_floor_is_a_breach_and_no_shortfall():
    """Lending so much that half the floor is left: cash moves by a straight line with it."""
    inputs, engine, wish, unmet = lent_too_much()
    floor = inputs.liquidity_floor
    idle = float(replay(inputs, empty_decisions(inputs), engine).cash[1])
    part = (idle - 0.5 * floor) / (idle - float(unmet.cash[1]))
    wish.originated[:, 1] *= part
    found = carry_out(inputs, wish, engine, until=1)
    assert not found.shortfalls
    (short,) = [b for b in found.breaches if b.family == "liquidity_floor"]
    assert (short.period, short.kind) == (1, "policy")
    assert short.size == pytest.approx(0.5 * floor, abs=1e-9)


def test_a_cap_of_the_law_that_fails_is_told_and_nothing_undone():
    """A quarter of the base of the caps is left: what the plan raises stands above them."""
    p, best = made()
    poorer = replace(p.inputs, net_capital=p.inputs.net_capital / 4.0)
    found = carry_out(poorer, best.decisions, p.engine)
    law = [b for b in found.breaches if b.kind == "law"]
    assert {b.family for b in law} == {"leverage"}
    capital = found.replay.net_capital
    for b in law:
        multiple = {"bank": 0.2, "all": 2.0}[b.item]
        assert b.limit == pytest.approx(multiple * capital[b.period], abs=1e-9)
        assert b.use > b.limit
    assert law[0].period == 1
    assert found.decisions.draws == pytest.approx(best.decisions.draws)


def test_names_that_are_taken():
    p, _ = made()
    taken = replace(p.inputs, lenders=(replace(p.inputs.lenders[0], name=MISSING),))
    with pytest.raises(InputError, match="the name 'missing money'"):
        carry_out(taken, empty_decisions(p.inputs), p.engine)
    once = in_emergency(p.inputs)
    assert in_emergency(once) is once
    assert Carrier(once, p.engine).inputs is once
