"""Who decides in a back-test: rules that keep limits, decisions from grid to grid, measures."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from scfcap.funding.carrying import Carrier
from scfcap.funding.inputs import Inputs
from scfcap.funding.plan import Optimum, optimum
from scfcap.funding.rolling.measures import differences, interval, nervousness, worst_mean
from scfcap.funding.rolling.moving import on_grid
from scfcap.funding.rolling.policies import (
    CHEAPEST,
    Program,
    Rule,
    Sight,
    first_plan,
    intended,
    mix_of,
    with_forced_sales,
)
from scfcap.funding.rolling.rules import Raise, cheapest_first, fixed_mix, proportional
from scfcap.funding.rolling.treasury import Desk

from .small_platform import LAW, Platform, platform
from .variants import edited

PERIODS = 4


@cache
def made(periods: int = PERIODS, floor: float = 2.0e6) -> Platform:
    changes = {"plan.periods": periods, "plan.liquidity_floor": floor}
    return platform(edited(changes), LAW)


@cache
def best(periods: int = PERIODS) -> Optimum:
    p = made(periods)
    return optimum(p.inputs, p.engine)


def sight(p: Platform, t: int) -> Sight:
    """The world itself is what is expected."""
    return Sight(t, p.inputs, {"base": p.inputs}, {"base": 1.0}, p.engine)


def carried(p: Platform, source: Raise) -> Carrier:
    done, rule = Carrier(p.inputs, p.engine), Rule("rule", source)
    for t in p.inputs.periods:
        decided = rule.decide(sight(p, t), done)
        done.step(t, on_grid(decided.decisions, decided.inputs, done.inputs))
    return done


RULES = {
    "cheapest": cheapest_first,
    "proportional": proportional,
    "mix": fixed_mix({"bank_debt": 0.5, "p2p": 0.5}),
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_keeps_every_limit_where_what_it_expects_happens(name):
    """No straw man: it keeps law, contracts, promises and the floor, and earns three quarters of
    the best plan, which no rule can pass.
    """
    p = made()
    done = carried(p, RULES[name])
    found = done.result(PERIODS)
    assert found.breaches == found.shortfalls == ()
    assert [x for x in found.clipped if x.wished - x.done > 1e-6] == []
    gained = found.end_value - p.inputs.net_capital
    top = best().solution.objective
    assert 0.75 * top < gained <= top + 1e-6


def test_rules_go_where_they_say():
    """With little to raise: the cheapest source alone, all alike, or the mix as given."""
    p = made()
    desk = Desk.at(p.inputs, carrier_decisions(p), 1, p.engine)
    for source, check in (
        (cheapest_first, _cheapest),
        (proportional, _alike),
        (fixed_mix({"p2p": 0.25, "bank_debt": 0.75}), _mixed),
    ):
        tried = desk.lending(desk.demand())
        assert source(tried, 2.0) == pytest.approx(2.0, abs=1e-9)
        check(tried)


def carrier_decisions(p: Platform):
    return Carrier(p.inputs, p.engine).ledger.decisions()


def _cheapest(desk: Desk) -> None:
    used = [c for c in desk.channels if c.taken > 0.0]
    cost = max(c.cost for c in used)
    assert [c.name for c in desk.channels if c.cost < cost and c not in used] == []
    assert len(used) < len(desk.channels)


def _alike(desk: Desk) -> None:
    parts = [c.taken / c.room for c in desk.channels]
    assert parts == pytest.approx([parts[0]] * len(parts))
    assert 0.0 < parts[0] < 1.0


def _mixed(desk: Desk) -> None:
    raised = {g: sum(c.taken * c.cash for c in desk.channels if c.group == g)
              for g in ("p2p", "bank_debt")}  # fmt: skip
    assert raised == pytest.approx({"p2p": 0.5, "bank_debt": 1.5})


def test_the_program_made_anew_in_the_world_it_expects_is_the_plan():
    """Nothing new is learnt, so that planning again changes nothing that it is worth."""
    p = made()
    done, program = Carrier(p.inputs, p.engine), Program("program", False)
    for t in p.inputs.periods:
        decided = program.decide(sight(p, t), done)
        assert not decided.fell_back
        done.step(t, on_grid(decided.decisions, decided.inputs, done.inputs))
    found = done.result(PERIODS)
    assert found.breaches == found.shortfalls == ()
    gained = found.end_value - p.inputs.net_capital
    assert gained == pytest.approx(best().solution.objective, abs=1e-5)


def test_after_a_forced_sale_the_program_goes_on():
    """Loans that had to be sold and money that was missing stand in the program's past."""
    p = made()
    done = Carrier(p.inputs, p.engine)
    all_lent = done.ledger.decisions()
    all_lent.originated[:, 1] = p.inputs.demand[:, 1]
    done.step(1, all_lent)
    (short,) = done.shortfalls
    assert short.sold > 5.0
    decided = Program("program", False).decide(sight(p, 2), done)
    assert not decided.fell_back
    assert decided.decisions.originated[:, 1] == pytest.approx(p.inputs.demand[:, 1])
    done.step(2, on_grid(decided.decisions, decided.inputs, done.inputs))
    assert len(done.shortfalls) == 1
    rule = Rule(CHEAPEST, cheapest_first).decide(sight(p, 3), done)
    done.step(3, on_grid(rule.decisions, rule.inputs, done.inputs))
    assert done.replayed.cash[1:4].min() >= -1e-7


def test_missing_money_is_planned_at_what_a_forced_sale_costs():
    p = made()
    terms = with_forced_sales(p.inputs).spec.plan.uncertainty
    assert terms is not None
    month = float(p.inputs.grid.year_fractions.mean())
    assert terms.shortfall.rate * month == pytest.approx(0.36 * month + 0.15 / 0.85)


# From grid to grid.


def test_decisions_on_a_longer_grid_and_back_are_the_same():
    short, long = made(), made(6)
    decisions = best().decisions
    there = on_grid(decisions, short.inputs, long.inputs)
    back = on_grid(there, long.inputs, short.inputs)
    assert back.originated.tolist() == decisions.originated.tolist()
    assert back.placed.tolist() == decisions.placed.tolist()
    assert back.transfers == decisions.transfers
    assert back.draws == decisions.draws
    assert {k: v for k, v in back.issued.items() if v} == {
        k: v for k, v in decisions.issued.items() if v
    }
    for (j, where, t), amount in decisions.transfers.items():
        cohorts = short.inputs.cohorts
        label = (cohorts.segment[j], cohorts.vintage[j], cohorts.origin[j])
        others = long.inputs.cohorts
        (i,) = [
            i
            for i in range(len(others))
            if (others.segment[i], others.vintage[i], others.origin[i]) == label
        ]
        assert there.transfers[i, where, t] == amount


def test_what_lies_after_a_shorter_grid_is_left_out():
    long, short = made(6), made()
    cut = on_grid(best(6).decisions, long.inputs, short.inputs)
    assert max(t for _, _, t in cut.transfers) <= PERIODS
    assert all(t <= PERIODS for _, _, t in cut.draws)
    assert set(cut.issued) <= {d.name for d in short.inputs.deals}


def test_the_mix_of_a_plan_by_hand():
    found = first_plan(sight(made(), 1))
    assert found is not None
    shares = mix_of(found)
    assert sum(shares.values()) == pytest.approx(1.0)
    drawn, notes = sum(found.decisions.draws.values()), float(found.decisions.placed.sum())
    assert shares["bank_debt"] / shares["p2p"] == pytest.approx(drawn / notes)


# Measures.


def test_the_worst_mean_by_hand_and_of_a_normal():
    assert worst_mean(np.array([0.0, 0.0, 0.0, 4.0, 1.0]), 0.8) == pytest.approx(4.0)
    # A tail of 0.8 of a value and more: 1.6 of 8 values, the largest and 0.6 of the next.
    assert worst_mean(np.array([8.0, 5, 0, 0, 0, 0, 0, 0]), 0.8) == pytest.approx((8 + 3) / 1.6)
    draws = norm.ppf((np.arange(100_000) + 0.5) / 100_000)
    exact = norm.pdf(norm.ppf(0.9)) / 0.1
    assert worst_mean(draws, 0.9) == pytest.approx(exact, rel=1e-3)


def outcomes(values: dict[str, list[float]], family: str = "drawn") -> pd.DataFrame:
    rows = [
        {"seed": n, "family": family, "policy": policy, "value": v}
        for policy, each in values.items()
        for n, v in enumerate(each)
    ]
    return pd.DataFrame(rows)


def test_paired_differences_by_hand():
    frame = outcomes({"mine": [3.0, 1.0, 2.0, 2.0], "theirs": [1.0, 2.0, 2.0, 1.0]})
    (row,) = differences(frame, "mine", "value", 0, 1e-9).to_dict("records")
    assert row["difference"] == pytest.approx(0.5)
    assert (row["lost_share"], row["won_share"], row["seeds"]) == (0.25, 0.5, 4)
    assert row["low"] < 0.5 < row["high"]


def test_an_interval_of_many_values_is_that_of_their_mean():
    """Against the central limit: 1.96 standard errors either way."""
    values = np.random.default_rng(3).exponential(2.0, 400)
    low, high = interval(values, 1)
    error = values.std(ddof=1) / np.sqrt(len(values))
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.25 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.35 * error)
    assert interval(values, 1) == (low, high)
    assert np.isnan(interval(values[:1], 1)).all()
    assert interval(np.ones(5), 1) == (1.0, 1.0)


def test_families_are_told_apart_and_together():
    first = outcomes({"mine": [1.0, 1.0], "theirs": [0.0, 0.5]})
    second = outcomes({"mine": [0.0, 0.0], "theirs": [1.0, 2.0]}, "named")
    second["seed"] += 2
    found = differences(pd.concat([first, second]), "mine", "value", 0, 1e-9)
    by = found.set_index("family")["difference"]
    assert by.to_dict() == pytest.approx({"drawn": 0.75, "named": -1.5, "all": -0.375})


def test_nervousness_by_hand():
    """Of 10 that were intended for the second and third period 4 are changed."""
    before = {("lending", "a", 1): 7.0, ("lending", "a", 2): 6.0, ("draws", "b", 3): 4.0}
    after = {("lending", "a", 2): 5.0, ("draws", "b", 3): 2.0, ("draws", "c", 3): 1.0,
             ("lending", "a", 4): 9.0}  # fmt: skip
    assert nervousness([before, after]) == pytest.approx(0.4)
    assert np.isnan(nervousness([{}, {}]))


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_what_is_intended_adds_up(seed):
    decisions, inputs = best().decisions, made().inputs
    factor = 0.5 + np.random.default_rng(seed).random()
    scaled = replace(decisions, originated=decisions.originated * factor)
    found = intended(inputs, scaled)
    lent = sum(a for (family, _, _), a in found.items() if family == "lending")
    assert lent == pytest.approx(float(scaled.originated.sum()))
    sold = sum(a for (family, _, _), a in found.items() if family == "sales")
    assert sold == pytest.approx(sum(decisions.transfers.values()))


def test_a_rule_keeps_the_floor_and_its_buffer():
    """A higher floor leaves less to lend, and cash stays above it."""
    low, high = (carried(made(PERIODS, f), cheapest_first) for f in (2.0e6, 6.0e6))

    def lent(done: Carrier) -> float:
        return float(done.ledger.originated.sum())

    assert lent(high) < lent(low)
    inputs: Inputs = high.inputs
    assert (high.replayed.cash[1:] >= inputs.liquidity_floor).all()
