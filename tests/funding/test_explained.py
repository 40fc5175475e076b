"""Infeasible plans explained: conflicts that are irreducible, levers that mend, one relaxation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scfcap.funding.catalogue import BY_NAME, build_program
from scfcap.funding.conflict import conflict, conflict_words
from scfcap.funding.diagnose import explain
from scfcap.funding.levers import levers, sooner
from scfcap.funding.presolve import plain_reasons
from scfcap.funding.program import NoOptimumError, Program, Row, Terms, solve
from scfcap.funding.relax import least_relaxation, relaxable
from scfcap.funding.variables import Book, declare
from scfcap.schema.regime import Regime

from .small_platform import LAW, platform
from .variants import BARE, edited, own_pool

#: Small platforms without a plan: changes, law, whether all loans stand on the own book.
STRAITS: dict[str, tuple[dict[str, Any], Regime | None, bool]] = {
    "promises on own funds": (
        {
            **BARE,
            "plan.periods": 3,
            "lenders": [],
            "demand.credit.minimum": 0.9,
            "demand.order.minimum": 0.9,
            "opening": {"cash": 3.0e6},
        },
        None,
        True,
    ),
    "floor and cover": (
        {"plan.periods": 3, "plan.liquidity_floor": 90.0e6, "plan.debt_cover": 3.0},
        LAW,
        False,
    ),
    "debt due": (
        {
            **BARE,
            "plan.periods": 3,
            "opening": {"cash": 1.0e6},
            "lenders.0.draws": [{"amount": 70e6, "rate": 0.07, "maturity": "2014-01-31"}],
        },
        None,
        True,
    ),
    "a share of the book": (
        {"plan.periods": 3, "demand.order.per_period": 0.0, "concentration.0.share": 0.5},
        None,
        False,
    ),
}


def book_of(changes: Mapping[str, Any], regime: Regime | None = None, own: bool = False) -> Book:
    p = platform(edited(changes), regime, own_pool() if own else None)
    book = declare(p.inputs)
    build_program(book)
    return book


def feasible(
    program: Program, shifts: Mapping[int, float] | None = None, freed: Iterable[int] = ()
) -> bool:
    """Whether a plan exists with right-hand sides moved and rows freed: solved from nothing."""
    right, sense = list(program.rows.right), list(program.rows.sense)
    for r, shift in (shifts or {}).items():
        program.rows.right[r] += shift
    for r in freed:
        program.rows.sense[r] = "<="
        program.rows.right[r] = 1e7
        if sense[r] == ">=":
            program.rows.sense[r], program.rows.right[r] = ">=", -1e7
    try:
        solve(program, check=False)
    except NoOptimumError:
        return False
    finally:
        program.rows.right, program.rows.sense = right, sense
    return True


def no_plan(name: str) -> Book:
    changes, regime, own = STRAITS[name]
    return book_of(changes, regime, own)


@pytest.mark.parametrize("name", STRAITS)
def test_a_conflict_holds_and_each_of_its_limits_is_needed(name):
    program = no_plan(name).program
    found = conflict(program)
    assert found is not None
    limits = {r for r, family in enumerate(program.rows.family) if BY_NAME[family].is_limit}
    assert set(found.rows) <= limits
    others = limits - set(found.rows)
    assert not feasible(program, freed=others)
    for r in found.rows:
        assert feasible(program, freed={*others, r}), (program.rows.family[r], program.rows.key[r])


@pytest.mark.parametrize("name", STRAITS)
def test_each_lever_alone_mends_and_a_thousandth_less_does_not(name):
    book = no_plan(name)
    found = levers(book.inputs, book.program)
    mending = [x for x in found if x.amount is not None]
    assert mending
    for x in found:
        shifts = x.lever.shifts
        if x.amount is None:
            far = min(x.lever.most, 1e5)
            assert not feasible(book.program, {r: far * s for r, s in shifts.items()}), x.lever.what
            continue
        assert x.amount > 0.0
        enough, less = x.amount * (1.0 + 1e-7), x.amount * 0.999
        assert feasible(book.program, {r: enough * s for r, s in shifts.items()}), x.lever.what
        assert not feasible(book.program, {r: less * s for r, s in shifts.items()}), x.lever.what


@pytest.mark.parametrize("name", STRAITS)
def test_the_error_tells_conflict_and_levers(name):
    book = no_plan(name)
    error = explain(book)
    text = str(error)
    assert "onflict" in text or "leaves" in text
    assert error.conflict
    assert {what for what, _ in error.levers} == {
        x.lever.what for x in levers(book.inputs, book.program)
    }
    helpless = [what for what, amount in error.levers if amount is None]
    assert len(helpless) < len(error.levers)


def by_hand() -> Program:
    """Two floors of 10 in two periods on one source of 6 a period: 4 lack in each.

    ``x[t] >= 10`` (policy), ``x[t] - y[t] <= 6`` with ``y[1] + y[2] <= 0`` (contracts).
    """
    program = Program("by hand")
    x = [program.column("M", t) for t in (1, 2)]
    y = [program.column("y", t) for t in (1, 2)]
    floors = [(t, Row(Terms().add(x[t - 1]), ">=", 10.0)) for t in (1, 2)]
    program.add_family("liquidity_floor", [1, 2], floors)
    lines = [(("a", t), Row(Terms().add(x[t - 1]).add(y[t - 1], -1.0), "<=", 6.0)) for t in (1, 2)]
    program.add_family("bank_debt", [("a", 1), ("a", 2)], lines)
    both = Row(Terms().add(y[0]).add(y[1]), "<=", 0.0)
    program.add_family("programme", ["programme"], [("programme", both)])
    return program


def test_policy_gives_way_by_hand():
    found = least_relaxation(by_hand())
    assert found is not None
    assert found.unique
    assert found.amounts == pytest.approx({0: 4.0, 1: 4.0})


def shared(limit: float) -> Program:
    """Cash that may be held over: floors of 10 in three periods, ``limit`` of sources in all.

    ``x1 + x2 + x3 <= limit`` is law; the floors give way by ``30 - limit`` in all, no matter where.
    """
    program = Program("shared")
    x = [program.column("M", t) for t in (1, 2, 3)]
    floors = [(t, Row(Terms().add(x[t - 1]), ">=", 10.0)) for t in (1, 2, 3)]
    program.add_family("liquidity_floor", [1, 2, 3], floors)
    total = Terms()
    for j in x:
        total.add(j)
    key = ("all", 1)
    program.add_family("leverage", [key], [(key, Row(total, "<=", limit))])
    return program


def test_one_of_several_relaxations_is_picked_as_asked():
    spread, early = (least_relaxation(shared(18.0), relax) for relax in ("spread", "early"))
    assert spread is not None
    assert early is not None
    assert not spread.unique
    assert not early.unique
    assert spread.amounts == pytest.approx({0: 4.0, 1: 4.0, 2: 4.0})
    assert early.amounts == pytest.approx({0: 10.0, 1: 2.0})


def test_the_scale_is_the_limit_itself():
    weights = relaxable(by_hand())
    assert weights[0] == pytest.approx(1.0 / 10.0)
    assert weights[2] == pytest.approx(100.0 / 6.0)
    assert weights[4] == pytest.approx(100.0)


def test_plain_reasons():
    cash = {"opening": {"cash": 10.0e6}}
    high = book_of(
        {**BARE, **cash, "plan.periods": 2, "plan.liquidity_floor": 500e6}, None, own=True
    )
    assert "liquidity floor of CNY 500,000,000 at 2014-01-31 is above all sources" in str(
        explain(high)
    )
    due = no_plan("debt due")
    assert any("What falls due by 2014-01-31" in x for x in plain_reasons(due.inputs, due.program))
    lending = book_of(
        {
            **BARE,
            **cash,
            "plan.periods": 2,
            "plan.liquidity_floor": 0.0,
            "demand.credit.per_period": 400e6,
            "demand.credit.minimum": 0.9,
        },
        None,
        own=True,
    )
    assert "Lending promised up to 2014-01-31 takes" in str(explain(lending))
    assert plain_reasons(*_kept()) == []


def _kept() -> tuple[Any, Program]:
    book = book_of({"plan.periods": 2})
    return book.inputs, book.program


def test_nothing_is_in_conflict_where_a_plan_exists():
    assert conflict(_kept()[1]) is None


def test_an_earlier_sale_that_mends_is_told():
    # Promised lending in February that only loans made in January and sold at once could pay for.
    changes = {
        **BARE,
        "plan.periods": 1,
        "plan.liquidity_floor": 0.0,
        "plan.debt_cover": 0.0,
        "lenders": [],
        "opening": {"cash": 1.0e6},
        "demand.credit.per_period": 60e6,
        "demand.credit.minimum": 1.0,
        "buyers": [
            {
                "name": "city-bank",
                "limit": 200e6,
                "min_seasoning": 5,
                "eligibility": "bank",
                "segments": ["credit"],
            }
        ],
    }
    book = book_of(changes, None, own=True)
    assert not feasible(book.program)
    told = sooner(book.inputs)
    assert len(told) == 1
    age = int(told[0].split(" at ")[1].split()[0])
    assert feasible(book_of({**changes, "buyers.0.min_seasoning": age}, None, own=True).program)
    assert not feasible(
        book_of({**changes, "buyers.0.min_seasoning": age + 1}, None, own=True).program
    )


@settings(
    max_examples=12, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip
@given(st.data())
def test_random_programs_without_a_plan(data):
    """Small networks of sources and needs drawn at random, each checked by brute force."""
    draw = data.draw
    count = draw(st.integers(2, 4))
    amount = st.integers(1, 20).map(float)
    program = Program("random")
    x = [[program.column("X", (i, t)) for t in (1, 2)] for i in range(count)]
    lines = [
        ((f"l{i}", t), Row(Terms().add(x[i][t - 1]), "<=", draw(amount)))
        for i in range(count)
        for t in (1, 2)
    ]
    program.add_family("bank_debt", [key for key, _ in lines], lines)
    floors = []
    for t in (1, 2):
        terms = Terms()
        for i in range(count):
            terms.add(x[i][t - 1], draw(st.sampled_from((0.5, 1.0))))
        floors.append((t, Row(terms, ">=", draw(st.integers(10, 90).map(float)))))
    program.add_family("liquidity_floor", [1, 2], floors)
    total = Terms()
    for row in x:
        total.add(row[0]).add(row[1], 0.7)
    program.add_family("leverage", [("all", 1)], [(("all", 1), Row(total, "<=", draw(amount)))])
    found = conflict(program)
    if feasible(program):
        assert found is None
        return
    assert found is not None
    others = set(range(program.shape[0])) - set(found.rows)
    assert not feasible(program, freed=others)
    assert all(feasible(program, freed={*others, r}) for r in found.rows)
    least = least_relaxation(program)
    assert least is not None
    for share, mends in ((1.0 + 1e-7, True), (0.999, False)):
        shifts = {
            r: share * a * (1.0 if program.rows.sense[r] == "<=" else -1.0)
            for r, a in least.amounts.items()
        }
        assert feasible(program, shifts) is mends


def test_the_conflict_in_words():
    book = no_plan("floor and cover")
    found = conflict(book.program)
    assert found is not None
    text = conflict_words(book.inputs, book.program, found)
    assert "the liquidity floor (CNY 90,000,000" in text
    assert "unfunded against" in text
    due = no_plan("debt due")
    found = conflict(due.program)
    assert found is not None
    text = conflict_words(due.inputs, due.program, found)
    assert "the credit line bank-a (CNY 15,000,000, 2014-0" in text
    assert "is lacking" in text
