"""The engines against the program: they must agree, and must not agree with a wrong program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scfcap.axes import ORDER, OWN
from scfcap.credit.contagion import Network
from scfcap.credit.exposure import Exposures
from scfcap.funding import statements
from scfcap.funding.catalogue import build_program
from scfcap.funding.decisions import Decisions, decisions_of
from scfcap.funding.inputs import Inputs
from scfcap.funding.plan import Optimum, optimum
from scfcap.funding.program import Terms, solve
from scfcap.funding.replay import repaid_by, replay
from scfcap.funding.variables import declare
from scfcap.pool.payers import Payers
from scfcap.quantities import REPLAY_TOLERANCE

from .small_platform import LAW, Platform, platform, small_pool
from .variants import UNIT, edited

#: Months in which every series of the small platform still revolves.
REVOLVING = 7


@cache
def made(periods: int = 8) -> tuple[Platform, Optimum]:
    p = platform(edited({"plan.periods": periods}), LAW)
    return p, optimum(p.inputs, p.engine)


def checks_of(found: Optimum) -> pd.DataFrame:
    frames = statements.all_statements(found.book, found.solution)
    return statements.checks(found.book, found.solution, found.replay, frames)


def replay_fails(found: Optimum) -> bool:
    checks = checks_of(found)
    mine = checks[checks["check"].str.startswith("replay")]
    assert len(mine) > 5
    return not mine["ok"].all()


def test_the_optimum_replays():
    p, found = made()
    checks = checks_of(found)
    mine = checks[checks["check"].str.startswith("replay")]
    assert (mine["value"] <= REPLAY_TOLERANCE * p.inputs.net_capital * UNIT).all()
    # It does far better than it must: nothing of the plan depends on the path here.
    assert (mine["value"] < 1e-9 * p.inputs.net_capital * UNIT).all()


@pytest.mark.parametrize(
    "shock",
    [
        {},
        {"shocks": [{"kind": "outage", "days": 10, "from_period": 2}]},
        {"shocks": [{"kind": "core_failure", "core": "#1", "period": 3, "recovery": 0.4}]},
    ],
    ids=["plain", "outage", "core"],
)
def test_a_plan_on_diluted_orders_replays(shock):
    """Orders of which buyers leave 60% of one in three unpaid, with fees and half a recourse."""
    pool = small_pool()
    is_order = pool.loan_type == ORDER
    part = np.arange(len(pool)) % 3 == 0
    payers = Payers(
        amount=np.where(is_order, pool.balance / 0.8, 0.0),
        dilution=np.where(is_order & part, 0.6, 0.0),
        pay_day=np.where(is_order, pool.maturity_day + 3, 0)[:, None],
        fee=0.01,
        recourse=0.5,
    )
    pool = replace(pool, payers=payers)
    scenarios = {"base": shock}
    cores = Exposures(
        ("credit", "order"),
        ("CE1",),
        np.array([[0.0], [0.2]]),
        np.array([[0.0], [0.3]]),
        Network(("CE1",), np.eye(1)),
    )
    p = platform(edited({"plan.periods": 4, "scenarios": scenarios}), LAW, pool, cores)
    found = optimum(p.inputs, p.engine)
    checks = checks_of(found)
    mine = checks[checks["check"].str.startswith("replay")]
    assert (mine["value"] < 1e-9 * p.inputs.net_capital * UNIT).all()
    severity = p.inputs.severity[1]
    order = (p.inputs.cohorts.segment == 1) & (p.inputs.cohorts.vintage <= 0)
    assert p.inputs.path is not None
    assert p.inputs.path.loss[order].sum() > severity * p.inputs.cohorts.default[order].sum()


def test_replayed_paths_by_hand():
    p, found = made()
    x, result = found.solution, found.replay
    for t in p.inputs.periods:
        assert result.cash[t] == pytest.approx(x.value("M", t), abs=1e-8)
        assert result.net_capital[t] == pytest.approx(x.value("K", t), abs=1e-8)
    for d in p.inputs.deals:
        if d.state is None:
            assert result.contributions[d.name] == pytest.approx(x.value("E", d.name), abs=1e-8)


# A wrong factor must be found.


def corrupted(inputs: Inputs, field: str, j: int, t: int, factor: float) -> Inputs:
    values = getattr(inputs.cohorts, field).copy()
    assert values[j, t] > 0.0
    values[j, t] *= factor
    return replace(inputs, cohorts=replace(inputs.cohorts, **{field: values}))


def _old_and_new(p: Platform, found: Optimum) -> list[tuple[int, int]]:
    """A cohort that stands at ``as_of`` and one made in March, with a period of each."""
    cohorts = p.inputs.cohorts
    own = [
        j
        for j in range(len(cohorts))
        if cohorts.origin[j] == OWN and cohorts.vintage[j] <= 0 and cohorts.path[j, 2] > 0.3
    ]
    old = max(own, key=lambda j: cohorts.amount[j])
    new = p.inputs.new_cohort[0, 3]
    assert found.decisions.originated[0, 3] > 10.0
    return [(old, 2), (new, 5), (new, 3)]


@pytest.mark.parametrize(
    ("field", "error"), [("survive", 1e-3), ("repaid", 1e-3), ("interest", 0.05), ("default", 0.1)]
)
@pytest.mark.parametrize("which", [0, 1, 2], ids=["old", "new", "new in its own month"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_wrong_factor_of_one_cohort_and_month_is_found(field, error, which, sign):
    p, found = made()
    j, t = _old_and_new(p, found)[which]
    factor = 1.0 + sign * error
    wrong = corrupted(p.inputs, field, j, t, factor)
    assert replay_fails(optimum(wrong, p.engine))


def test_a_wrong_severity_or_lag_is_found():
    p, _ = made()
    severity = replace(p.inputs, severity=p.inputs.severity * 0.999)
    lag = replace(p.inputs, recovery_lag=p.inputs.recovery_lag + 1)
    for wrong in (severity, lag):
        found = optimum(wrong, p.engine)
        # Carried out with the true severity and lag, the decisions give other accounts.
        truth = replay(p.inputs, found.decisions, p.engine)
        assert replay_fails(replace(found, replay=truth))


@pytest.mark.parametrize("what", ["transfers", "draws", "originated", "placed", "issued"])
def test_decisions_that_are_not_the_plans_are_found(what):
    p, found = made()
    decisions = found.decisions
    value = getattr(decisions, what)
    if isinstance(value, Mapping):
        key = max(value, key=value.__getitem__)
        other: object = {**value, key: value[key] * 0.999}
    else:
        other = value.copy()
        where = np.unravel_index(value.argmax(), value.shape)
        other[where] *= 0.999
    wrong = replay(p.inputs, replace(decisions, **{what: other}), p.engine)
    assert replay_fails(replace(found, replay=wrong))


# Decisions that cannot be carried out.


def no_decisions(inputs: Inputs) -> Decisions:
    steps = 0 if inputs.p2p is None else len(inputs.p2p.steps)
    return Decisions(
        originated=np.zeros((len(inputs.segments), inputs.horizon + 1)),
        transfers={},
        draws={},
        placed=np.zeros((steps, inputs.horizon + 1)),
        issued={},
    )


def largest(inputs: Inputs) -> int:
    own = [j for j, origin in enumerate(inputs.cohorts.origin) if origin == OWN]
    opening = [j for j in own if inputs.cohorts.vintage[j] <= 0 and inputs.cohorts.path[j, 1] > 0.0]
    return max(opening, key=lambda j: inputs.cohorts.amount[j] * inputs.cohorts.path[j, 1])


BUYER = "bank_transfer:city-bank"


@pytest.mark.parametrize("excess", [0.0, 0.25])
def test_selling_more_than_is_held_is_reported(excess):
    p, _ = made()
    j = largest(p.inputs)
    held = float(p.inputs.cohorts.amount[j] * p.inputs.cohorts.path[j, 1])
    decisions = replace(no_decisions(p.inputs), transfers={(j, BUYER, 1): held + excess})
    result = replay(p.inputs, decisions, p.engine)
    assert result.oversold == pytest.approx(excess, abs=1e-9)


def test_selling_twice_is_reported():
    p, _ = made()
    j = largest(p.inputs)
    cohorts = p.inputs.cohorts
    first = float(cohorts.amount[j] * cohorts.path[j, 1])
    again = 0.5 * float(cohorts.amount[j] * cohorts.path[j, 2])
    sales = {(j, BUYER, 1): first, (j, "securitization:series-1", 2): again}
    result = replay(p.inputs, replace(no_decisions(p.inputs), transfers=sales), p.engine)
    assert result.oversold == pytest.approx(again, rel=1e-9)


@pytest.mark.parametrize(("made_in", "sold_in"), [(1, 2), (5, 4)])
def test_selling_loans_that_were_never_made_is_reported(made_in, sold_in):
    p, _ = made()
    sales = {(p.inputs.new_cohort[0, made_in], BUYER, sold_in): 5.0}
    result = replay(p.inputs, replace(no_decisions(p.inputs), transfers=sales), p.engine)
    assert result.oversold == 5.0


def test_selling_loans_that_the_vehicle_holds_is_reported():
    p, _ = made()
    cohorts = p.inputs.cohorts
    theirs = [j for j, origin in enumerate(cohorts.origin) if origin != OWN]
    j = max(theirs, key=lambda j: cohorts.amount[j] * cohorts.path[j, 1])
    result = replay(
        p.inputs, replace(no_decisions(p.inputs), transfers={(j, BUYER, 1): 0.5}), p.engine
    )
    assert result.oversold == pytest.approx(0.5)


def test_an_oversold_plan_does_not_pass():
    _, found = made()
    assert not replay_fails(found)
    sold_twice = replace(found.replay, oversold=1.0)
    checks = checks_of(replace(found, replay=sold_twice))
    assert list(checks.loc[~checks["ok"], "check"]) == ["replay: nothing is sold twice"]


def test_doing_nothing_by_hand():
    # No vehicle's terms, only own loans, the draw and running cost: cash by its definition.
    p, _ = made()
    inputs = p.inputs
    result = replay(inputs, no_decisions(inputs), p.engine)
    own = result.places[OWN]
    year = 1.0 / 12.0
    lender = inputs.lenders[0]
    managed = sum(place.balance[0] for place in result.places.values())
    fee = 0.01 * year * result.places["securitization:series-1"].balance[0]
    expected = (
        inputs.cash * (1.0 + 0.0035 * year)
        + own.interest[1]
        + own.principal[1]
        + fee
        - 5.0 * 0.07 * year
        - lender.commitment_fee * year * (lender.limit - 5.0)
        - 1.0 * year
        - 0.01 * managed * year
    )
    assert result.cash[1] == pytest.approx(expected, rel=1e-12)
    assert own.recovery[1] == 0.0, "recoveries lag"
    assert own.recovery[3] > 0.0


def test_loans_are_conserved_wherever_they_sit():
    _, found = made()
    places = found.replay.places.values()
    total = sum(place.balance for place in places)
    out = sum(place.principal + place.default for place in places)
    lent = found.decisions.originated.sum(axis=0)
    assert len(places) == 5
    assert np.diff(total) == pytest.approx((lent - out)[1:], abs=1e-9)


# Order of repayment.


def test_the_order_of_repayment_settles():
    p = platform(
        edited(
            {
                "securitization.amortising_periods": 6,
                "securitization.coupon_timing": "paid",
            }
        ),
        LAW,
    )
    first = p.inputs.deal("series-1").repaid_by
    found = optimum(p.inputs, p.engine)
    settled = found.inputs.deal("series-1").repaid_by
    assert first == (13, 13)
    assert settled < first
    assert repaid_by(found.inputs, found.replay) == found.inputs.deals
    assert not replay_fails(found)
    balance = found.replay.notes("series-1")
    for i, gone in enumerate(settled):
        assert balance[i, gone - 2] > 1e-6
        assert balance[i, gone - 1] == pytest.approx(0.0, abs=1e-9)


def test_an_amortising_series_repays_in_the_last_period_too():
    p = platform(
        edited({"securitization.revolving_periods": 3, "securitization.amortising_periods": 5}),
        LAW,
    )
    found = optimum(p.inputs, p.engine)
    notes = found.replay.notes("series-3")[0]
    assert p.inputs.deal("series-3").last_revolving < p.inputs.horizon
    assert notes[-1] < notes[-2]
    assert not replay_fails(found)


# Any decisions that the program allows, not optimal ones only.


@given(seed=st.integers(0, 10_000), share=st.sampled_from([0.2, 0.6, 1.0]))
@settings(max_examples=15, deadline=None)
def test_any_feasible_decisions_replay(seed, share):
    p, _ = made(REVOLVING)
    assert all(d.last_revolving >= REVOLVING for d in p.inputs.deals)
    book = declare(p.inputs)
    program = build_program(book)
    random = np.random.default_rng(seed)
    objective = Terms()
    for j, family in enumerate(program.columns.family):
        if family in ("O", "Y", "X", "P", "S") and random.random() < share:
            objective.add(j, float(random.normal()))
    program.objective = objective
    solution = solve(program)
    decisions = decisions_of(book, solution)
    found = Optimum(p.inputs, book, solution, decisions, replay(p.inputs, decisions, p.engine))
    checks = checks_of(found)
    assert checks["ok"].all(), checks[~checks["ok"]].to_string()
    mine = checks[checks["check"].str.startswith("replay")]
    assert mine["value"].max() < 1e-8 * p.inputs.net_capital * UNIT
