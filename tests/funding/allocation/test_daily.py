"""Funding dates one after another: what is earned is counted once, and moves follow their cost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scfcap.funding.allocation import outright
from scfcap.funding.allocation.daily import (
    BEST,
    GREEDY,
    PROPORTIONAL,
    WAYS,
    DailyRun,
    run_days,
)
from scfcap.funding.allocation.program import (
    AllocationProgram,
    Attribute,
    Choice,
    Row,
    Term,
)
from scfcap.funding.allocation.result import Allocation
from scfcap.funding.allocation.rules import greedy, proportional
from scfcap.funding.allocation.sample import OWN
from scfcap.funding.allocation.sample_days import (
    INSTALMENT,
    SampleDays,
    sample_days,
)
from scfcap.funding.allocation.solve import allocate

DATES = 3
KINDS = ("least", "most", "churn")


def course(loans: int = 60) -> SampleDays:
    """A course with limits on amounts and moves alone, which is solved outright in a moment."""
    made = sample_days("few", loans, DATES, seed=3)
    rows = tuple(row for row in made.every.rows if row.kind in KINDS)
    return replace(made, every=replace(made.every, rows=rows))


@pytest.fixture(scope="module")
def days() -> SampleDays:
    return course()


@pytest.fixture(scope="module")
def run(days: SampleDays) -> DailyRun:
    return run_days(days)


def test_balances_follow_the_instalments() -> None:
    """A level payment loan, instalment by instalment: interest first, the rest is principal."""
    made = sample_days("few", 20, 60, seed=5)
    first = int(made.days[40])
    balance, _ = made.stands(first)
    for i in np.flatnonzero(balance > 0.0):
        start, rate = made.every.balance[i], made.every.numbers["rate"][i]
        step = rate * INSTALMENT / 365.0
        number = -(-round(made.every.numbers["term_days"][i]) // INSTALMENT)
        payment = start * step / (1.0 - (1.0 + step) ** -number)
        owed = start
        for _ in range((first - int(made.comes[i])) // INSTALMENT):
            owed = owed * (1.0 + step) - payment
        assert balance[i] == pytest.approx(owed, abs=0.006)


def test_a_course_has_new_loans_and_loses_old_ones() -> None:
    made = course(1_000)
    first, last = (set(made.morning(d, made.held).loan.tolist()) for d in (0, DATES - 1))
    assert last - first
    assert first - last


def test_income_and_what_is_left_are_the_whole_value() -> None:
    """Loans that nobody moves and that do not end earn, day by day, what they were worth."""
    made = course(40)
    alive = replace(made, goes=np.full_like(made.goes, 10**6))
    stands = made.held >= 0

    def stay(program: AllocationProgram, start: object) -> Allocation:
        del start
        use = program.activity(program.today)
        return Allocation(program, program.today, use, np.nan, program.worth(program.today), use)

    def one_day(day: int) -> np.ndarray:
        morning = alive.morning(day, alive.held)
        rest = np.zeros(len(alive.held))
        on = np.flatnonzero(morning.program.today >= 0)
        at = morning.program.today[on]
        rest[morning.loan[on]] = morning.worth[on, at] / morning.program.balance[on]
        return rest

    found = run_days(alive, {"stay": stay}).by_way.iloc[0]
    long = stands & (alive.every.numbers["term_days"] > 20) & (alive.comes == 0)
    fell = (one_day(0) - one_day(DATES - 1))[long]
    span = (alive.days[DATES - 1] - alive.days[0]) / 365.0
    assert fell == pytest.approx((span * alive.worth[np.arange(len(stands)), alive.held])[long])
    assert found["move_cost"] == 0.0
    assert found["total"] == pytest.approx(found["income"] + found["left"])


def test_each_way_begins_where_it_ended(run: DailyRun, days: SampleDays) -> None:
    for way in WAYS:
        rows = run.by_day[run.by_day["way"] == way]
        assert len(rows) == DATES
        total = rows["income"].sum() - rows["move_cost"].sum()
        said = run.by_way.set_index("way").loc[way]
        assert said["total"] == pytest.approx(total + said["left"])
    assert len(run.sentences("CNY")) == 3
    rules = {name: WAYS[name] for name in (GREEDY, PROPORTIONAL)}
    again = run_days(days, rules).by_day.drop(columns="seconds")
    first = run.by_day[run.by_day["way"].isin(rules)].drop(columns="seconds")
    assert first.reset_index(drop=True).equals(again)


def test_the_allocation_earns_most_and_keeps_its_limits(run: DailyRun) -> None:
    by = run.by_way.set_index("way")
    assert by.loc[BEST, "broken"] == 0
    assert by.loc[BEST, "worst_gap"] < 0.01
    for way in (GREEDY, PROPORTIONAL):
        assert by.loc[BEST, "total"] > by.loc[way, "total"]


def test_with_no_churn_nothing_moves() -> None:
    made = course(120)
    rows = [row for row in made.every.rows if row.kind == "churn"]
    still = replace(made.every, rows=(replace(rows[0], right=0.0),))
    found = run_days(replace(made, every=still))
    assert (found.by_day["moves"] == 0).all()
    assert (found.by_day["placed"] > 0.0).all()


def priced(program: AllocationProgram, cost: float) -> AllocationProgram:
    """The program with another cost of moving, share of the balance."""
    stands = program.today >= 0
    moves = stands[:, None] & (program.today[:, None] != np.arange(len(program.channels)))
    return replace(program, value=program.value - cost * program.balance[:, None] * moves)


@pytest.mark.parametrize("way", [lambda p: allocate(p).choice, greedy], ids=["best", "greedy"])
def test_moves_fall_as_their_cost_rises(days: SampleDays, way: object) -> None:
    program = days.morning(0, days.held).program
    moved = []
    for cost in (0.0, 0.1):
        choice = way(priced(program, cost))  # type: ignore[operator]
        moved.append(float(program.balance[(program.today >= 0) & (choice != program.today)].sum()))
    assert moved == sorted(moved, reverse=True)
    assert moved[0] > moved[-1]


def test_a_loan_moves_only_for_more_than_it_costs(days: SampleDays) -> None:
    """At the prices of the rows a move gains, or the loan is one of the few between two places."""
    program = days.morning(0, days.held).program
    found = allocate(program)
    use = np.stack([program.coefficients(row) for row in program.rows])
    net = program.value - np.tensordot(found.dual, use, 1)
    stay = net[found.moved, program.today[found.moved]]
    goes = net[found.moved, found.choice[found.moved]]
    worse = (goes < stay - 1e-9 * program.balance[found.moved]).sum()
    assert len(found.moved) > 10
    assert worse <= len(program.rows)


@st.composite
def small(draw: st.DrawFn) -> AllocationProgram:
    """Some loans in three channels, with caps, a floor, a share and moves limited."""
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    loans = draw(st.integers(2, 9))
    balance = random.uniform(1.0, 10.0, loans).round(2)
    today: Choice = random.integers(-1, 3, loans).astype(np.int16)
    eligible = random.random((loans, 3)) < 0.8
    eligible[:, OWN] = True
    total = float(balance.sum())
    churn = tuple(Term(c, 1.0, "today", tuple(t for t in range(3) if t != c)) for c in range(3))
    rows = (
        Row("most", "most", 0.4 * total, (Term(1, 1.0),)),
        Row("most 2", "most", 0.5 * total, (Term(2, 1.0),)),
        Row("least", "least", -draw(st.sampled_from([0.0, 0.1])) * total, (Term(2, -1.0),)),
        Row("share", "share", 0.0, (Term(1, 1.0, "group", (0,)), Term(1, -0.5))),
        Row("churn", "churn", draw(st.sampled_from([0.0, 0.3, 1.0])) * total, churn),
    )
    groups = random.integers(0, 2, loans).astype(np.int32)
    return AllocationProgram(
        loan_id=np.arange(loans).astype(str).astype(object),
        balance=balance,
        channels=("own_capital", "bank_transfer:a", "securitization:b"),
        value=random.normal(0.5, 1.0, (loans, 3)) * balance[:, None],
        eligible=eligible,
        must=random.random(loans) < 0.3,
        today=today,
        attributes={
            "group": Attribute(groups, ("a", "b")),
            "today": Attribute(today.astype(np.int32), ("own", "a", "b")),
        },
        rows=rows,
    )


def enumerated(program: AllocationProgram) -> float:
    """The best value of any placement that keeps the rows, by trying all; -inf if none does."""
    options = [
        [*np.flatnonzero(program.eligible[i]), *([] if program.must[i] else [-1])]
        for i in range(len(program))
    ]
    use = np.stack([program.coefficients(row) for row in program.rows])
    best = -np.inf

    def go(i: int, left: np.ndarray, worth: float) -> None:
        nonlocal best
        if i == len(program):
            if (left >= -1e-9).all():
                best = max(best, worth)
            return
        for c in options[i]:
            if c < 0:
                go(i + 1, left, worth)
            else:
                go(i + 1, left - use[:, i, c], worth + program.value[i, c])

    go(0, program.right.copy(), 0.0)
    return best


@settings(max_examples=12, deadline=None, derandomize=True)
@given(small())
def test_no_rule_beats_the_best_nor_the_bound(program: AllocationProgram) -> None:
    best = enumerated(program)
    linear = outright.relaxed(program)
    found = {"regret": greedy(program), "value": greedy(program, "value")}
    found["proportional"] = proportional(program)
    for name, choice in found.items():
        activity, worth = program.activity(choice), program.worth(choice)
        if (activity <= program.right + 1e-9).all():
            assert worth <= best + 1e-9, name
            assert linear is not None
            assert worth <= linear[0] + 1e-6, name
        stuck = (choice >= 0) & program.must
        for row, left in zip(program.rows, activity, strict=True):
            if row.kind in ("most", "churn") and left > row.right + 1e-9:
                part = np.take_along_axis(
                    program.coefficients(row), np.maximum(choice, 0)[:, None].astype(int), 1
                )[:, 0]
                assert part[stuck].sum() > row.right, (name, row.name)
    if np.isfinite(best):
        answer = allocate(program)
        assert answer.value == pytest.approx(best, abs=1e-6)
        assert answer.bound >= best - 1e-9
