"""Shocks to a plan: what fails if nothing is done, the answer, the warning, what to hold ready.

The courses bound each other whatever the program: a plan that may do more is worth no less. What
is carried out is read here from the engines' paths alone.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from scfcap.credit.known import known_from, parts_from
from scfcap.credit.stated import Stated
from scfcap.funding.answer_actions import _gone, actions_of, first_to_do
from scfcap.funding.answer_tables import sentence, tables
from scfcap.funding.called import called_in, with_calls
from scfcap.funding.cells import decided
from scfcap.funding.contingency import (
    Contingency,
    Shock,
    contingency,
    decided_before,
)
from scfcap.funding.nearest import INDIFFERENT
from scfcap.funding.plan import Optimum, optimum
from scfcap.funding.readiness import Ready, held_ready
from scfcap.funding.replay import replay

from .small_platform import LAW, Platform, platform, small_pool
from .variants import edited

SHOCKS = {
    "hard": {
        "shocks": [
            {
                "kind": "borrower_stress",
                "from_period": 3,
                "default_multiple": 12.0,
                "severity_add": 0.1,
                "prepay_multiple": 0.3,
            },
            {"kind": "bank_line_cut", "cut": 0.8, "from_period": 3},
        ]
    },
    "told": {"shocks": [{"kind": "bank_line_cut", "cut": 1.0, "from_period": 2, "notice": 3}]},
    "shut": {"shocks": [{"kind": "market_shut", "from_period": 2}]},
    "called": {"shocks": [{"kind": "bank_line_cut", "cut": 1.0, "from_period": 4, "call": True}]},
    "idle": {"shocks": [{"kind": "market_shut", "from_period": 3, "to_period": 4}]},
    "late": {"shocks": [{"kind": "outage", "days": 3, "from_period": 11}]},
}
KNOWN = {"hard": 3, "told": 2, "shut": 2, "called": 4, "idle": 3}


def changed(scenario: str) -> dict[str, object]:
    changes: dict[str, object] = {
        "plan.periods": 6,
        "concentration": [],
        "lenders.0.notice_days": 5,
        "plan.scenario": scenario,
    }
    changes |= {f"scenarios.{name}": shock for name, shock in SHOCKS.items()}
    return edited(changes)


@cache
def under(scenario: str) -> Platform:
    return platform(changed(scenario), LAW, small_pool(150, 2))


@cache
def base() -> Optimum:
    p = under("base")
    return optimum(p.inputs, p.engine)


@cache
def shock(name: str) -> Shock:
    start = under("base").inputs
    world = replace(under(name).inputs, cash=start.cash, net_capital=start.net_capital)
    stress = under("base").engine.curves.stress
    world = with_calls(world, called_in(stress, name, world.horizon))
    return Shock(name, f"Shock {name}", world, KNOWN[name])


@cache
def found(name: str) -> Contingency:
    return contingency(base(), shock(name), under("base").engine)


@cache
def ready(name: str) -> Ready:
    made = held_ready(found(name), under("base").engine, 0.2)
    assert made is not None
    return made


def slack() -> float:
    """What a plan that is near to the base may lack of the best."""
    return 2.0 * INDIFFERENT * abs(base().solution.objective)


def test_a_shock_is_known_when_it_is_felt_or_announced():
    p = under("base")
    stress, told = p.engine.curves.stress, Stated("month", p.inputs.grid)
    for name, period in KNOWN.items():
        assert known_from(stress, p.spec.scenarios, told, name, "base") == period
    assert known_from(stress, p.spec.scenarios, told, "late", "base") is None
    assert parts_from(stress, "told", "base", 6) == 5
    assert parts_from(stress, "stress", "base", 6) == 1


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_more_knowledge_is_worth_no_less_and_acting_no_less_than_not(name):
    x = found(name)
    assert x.nothing.weighed <= x.answer.weighed + slack()
    assert x.answer.weighed <= x.foreseen.weighed + slack()
    assert x.foreseen.weighed <= base().solution.objective + slack()
    assert x.cost == pytest.approx(x.cost_foreseen + x.cost_late)


@pytest.mark.parametrize("name", ["hard", "shut"])
def test_shocks_that_hit_cost_something_and_acting_avoids_some_of_it(name):
    x = found(name)
    assert x.cost > 0.05
    assert x.answer.weighed > x.nothing.weighed + 0.05


@pytest.mark.parametrize("name", ["hard", "told", "shut", "called"])
def test_what_is_decided_before_the_shock_is_seen_is_the_plans(name):
    x, planned = found(name), base().decisions
    answer, upto = x.answer.optimum.decisions, x.known
    np.testing.assert_allclose(answer.originated[:, :upto], planned.originated[:, :upto], atol=1e-7)
    np.testing.assert_allclose(answer.placed[:, :upto], planned.placed[:, :upto], atol=1e-7)
    for mine, theirs in ((answer.draws, planned.draws), (answer.transfers, planned.transfers)):
        before = {key: a for key, a in mine.items() if key[-1] < upto}
        assert before == pytest.approx({key: a for key, a in theirs.items() if key[-1] < upto})
    assert all(cell.t >= upto for cell, a in x.actions().items() if abs(a) > 1e-6)


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_plan_and_actions_add_up_to_the_answer(name):
    x = found(name)
    planned = decided(x.base.inputs, x.base.decisions)
    for cell, amount in x.answer.cells().items():
        there = planned.get(cell, 0.0) + x.actions()[cell]
        assert there == pytest.approx(amount, abs=1e-9)
    told = sum(a for cell, a in x.actions().items() if cell.kind == "lend")
    lent = x.answer.optimum.decisions.originated.sum() - x.base.decisions.originated.sum()
    assert told == pytest.approx(lent)


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_the_engines_carry_answers_out(name):
    best = found(name).answer.optimum
    np.testing.assert_allclose(
        best.replay.cash,
        [best.inputs.cash, *(best.solution.value("M", t) for t in best.inputs.periods)],
        atol=1e-5,
    )
    assert best.replay.oversold <= 1e-6
    capital = [best.solution.value("K", t) for t in best.inputs.periods]
    np.testing.assert_allclose(best.replay.net_capital[1:], capital, atol=1e-5)


def test_what_fails_first_is_what_the_paths_say():
    """An independent scan: cash before what is raised for it, and the floor that cash must keep."""
    x = found("hard")
    course, plan = x.nothing.course, x.base.inputs.spec.plan
    lacking = {s.period: s.amount for s in course.shortfalls}
    floor = plan.liquidity_floor / x.base.inputs.unit
    short = [t for t in x.base.inputs.periods if course.replay.cash[t] < floor - 1e-6]
    first = x.nothing.first()
    assert first is not None
    assert first.period == min([*lacking, *short])
    if first.family == "cash":
        assert first.size == pytest.approx(lacking[first.period])
    replayed = replay(course.inputs, course.decisions, under("base").engine)
    np.testing.assert_allclose(replayed.cash, course.replay.cash, atol=1e-9)
    failures = tables([(x, None)])["contingency_failures"]
    assert (failures["first_date"].diff().dropna().dt.days >= 0).all()
    assert failures["first_date"].iloc[0].date() == x.base.inputs.grid.ends[first.period - 1]


def test_a_shock_that_changes_nothing_has_no_actions_and_costs_nothing():
    x = found("idle")
    assert x.actions() == pytest.approx(dict.fromkeys(x.actions(), 0.0), abs=1e-6)
    assert actions_of(x) == []
    assert first_to_do(actions_of(x)) is None
    assert x.cost == pytest.approx(0.0, abs=1e-6)
    assert x.cost_late == pytest.approx(0.0, abs=1e-6)
    assert x.avoided == pytest.approx(0.0, abs=1e-6)
    said = tables([(x, None)])["contingency"]["sentence"].iloc[0]
    assert "Nothing need be done otherwise." in said
    assert "It costs nothing." in said


def test_what_the_choice_among_equal_answers_gives_up_is_told_as_nothing():
    x = found("idle")
    least = INDIFFERENT * abs(x.base.solution.objective)
    for much, says in ((1.01, "It costs nothing."), (3.0, "It costs CNY ")):
        answer = replace(x.answer, weight=x.answer.weight - much * least)
        said = sentence(replace(x, answer=answer), [])
        assert says in said
        assert ("Doing nothing would cost CNY" in said) == (much > 2.0)
        assert "no limit fails" in said
        assert "limits broken" not in said


def test_a_line_that_is_called_is_repaid_by_then():
    x = found("called")
    lender = next(y for y in x.shock.inputs.lenders if y.name == "bank-a")
    for tenor, _ in lender.tenors:
        assert [lender.maturity(tenor).falls_due(u) for u in (1, 2, 3)] == [
            min(u + tenor, 4) for u in (1, 2, 3)
        ]
    best = x.answer.optimum
    for t in (4, 5, 6):
        assert best.book.debt("bank-a", t).value(best.solution.x) == pytest.approx(0.0, abs=1e-9)


def test_notes_are_lost_only_where_lenders_bring_less():
    x = found("hard")
    p2p = x.shock.inputs.p2p
    assert p2p is not None
    supply = sum(step.per_period for step in p2p.steps) * x.shock.inputs.units[4]
    assert supply > 0.0
    assert not _gone(x, "place", "notes", 4, supply)  # the shock is of borrowers and banks alone
    none = np.zeros(7)
    left = replace(p2p, renewed=none, fresh=none)
    fled = replace(x, shock=replace(x.shock, inputs=replace(x.shock.inputs, p2p=left)))
    assert _gone(fled, "place", "notes", 4, supply)


def test_no_more_is_drawn_where_notice_had_to_be_given_before():
    inputs = under("base").inputs
    long = inputs.spec.lenders[0].model_copy(update={"notice_days": 45})
    # Seen in March: notice for the close of March was due by 14 February.
    x = shock("hard")
    given = replace(x.inputs, spec=x.inputs.spec.model_copy(update={"lenders": (long,)}), soft=True)
    late = optimum(decided_before(given, base(), 3, under("base").engine), under("base").engine)
    drawn = sum(a for key, a in late.decisions.draws.items() if key[-1] == 3)
    planned = sum(a for key, a in base().decisions.draws.items() if key[-1] == 3)
    assert drawn <= planned + 1e-9
    assert planned > 1.0
    after = [late.book.program.find("X", ("bank-a", 6, t)) for t in (3, 4, 5)]
    uppers = [late.book.program.columns.upper[j] for j in after if j is not None]
    assert uppers == [planned, np.inf, np.inf]


@pytest.mark.parametrize("name", ["hard", "shut"])
def test_being_ready_is_worth_no_less_than_the_plan_and_its_answer(name):
    made = ready(name)
    assert made.close == KNOWN[name] - 1
    assert made.expected >= -slack()
    assert made.premium >= -slack()
    if made.nothing:
        assert all(planned == held for planned, held in made.held.values())
        assert made.premium == 0.0
    else:
        assert all(cell.t <= made.close for cell in made.ahead)
        assert made.saved + made.lighter > 0.0


def test_nothing_is_held_ready_for_what_changes_nothing_or_is_there_at_once():
    assert ready("idle").nothing
    x = replace(found("idle"), shock=replace(shock("idle"), known=1))
    assert held_ready(x, under("base").engine) is None


def test_the_tables_tell_every_shock_and_their_amounts_are_those_of_the_courses():
    names = ["hard", "shut", "idle"]
    made = tables([(found(name), ready(name)) for name in names])
    shocks, unit = made["contingency"], base().inputs.unit
    assert list(shocks["scenario"]) == names
    np.testing.assert_allclose(shocks["cost"], [found(n).cost * unit for n in names])
    np.testing.assert_allclose(shocks["cost"], shocks["cost_shock"] + shocks["cost_late"], atol=0.5)
    acts = made["contingency_actions"]
    assert set(acts["scenario"]) <= {"hard", "shut"}
    for name, mine in acts.groupby("scenario"):
        assert mine["first_date"].is_monotonic_increasing
        assert (mine["amount"] >= mine["first_amount"] - 0.01).all()
        seen = base().inputs.grid.ends[KNOWN[str(name)] - 1]
        assert (mine["first_date"].dt.date >= seen).all()
    lost = acts[(acts["scenario"] == "shut") & (acts["action"] == "not sold")]
    planned = {d: s for d, s in base().decisions.issued.items() if s > 1e-6}
    assert set(lost["item"]) == set(planned)
    assert lost.set_index("item")["amount"].to_dict() == pytest.approx(
        {d: s * unit for d, s in planned.items()}
    )
    cash = made["contingency_cash"]
    mine = cash[cash["scenario"] == "hard"]
    np.testing.assert_allclose(mine["cash_base"], base().replay.cash[1:] * unit)
