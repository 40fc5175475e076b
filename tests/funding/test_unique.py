"""Of many equal plans one, whatever the order of the lists and the last digits of a rate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from scfcap.errors import SolverError
from scfcap.funding import plan as planning
from scfcap.funding import unique
from scfcap.funding.catalogue import build_program
from scfcap.funding.plan import Optimum, Plan, optimum, solve_plan
from scfcap.funding.program import Program, Row, Solution, Terms, solve
from scfcap.funding.unique import DIGEST, LARGE, Choice, choose, room
from scfcap.funding.variables import Book, declare

from .small_platform import LAW, MODEL, Platform, platform

#: Two lines at the same price, so that it is the same which one is drawn, and when.
TWINS = [
    {"name": "bank-a", "limit": 20.0e6, "tenors": [{"periods": 3, "rate": 0.06}]},
    {"name": "bank-b", "limit": 20.0e6, "tenors": [{"periods": 3, "rate": 0.06}]},
]


def twins(
    lenders: list[dict[str, Any]] = TWINS, more: Mapping[str, object] | None = None, **plan: Any
) -> Platform:
    """The small platform with these lines, and some settings of the plan changed."""
    settings = MODEL["plan"]
    assert isinstance(settings, dict)
    own = {"opening": {"net_capital": 66.0e6}, "plan": {**settings, **plan}}
    return platform({"lenders": lenders, **own, **(more or {})}, LAW)


@pytest.fixture(scope="module")
def first() -> tuple[Platform, Optimum]:
    p = twins()
    return p, optimum(p.inputs, p.engine)


@pytest.fixture(scope="module")
def chosen(first) -> Choice:
    return choose(first[1].book, first[1].solution, "passes")


def amounts(plan: Plan) -> dict[tuple[Any, ...], float]:
    """What the plan does, by names: lending, draws, transfers, series, P2P."""
    inputs, done = plan.optimum.inputs, plan.optimum.decisions
    found: dict[tuple[Any, ...], float] = {}
    for s, name in enumerate(inputs.segments):
        for t in inputs.periods:
            found["lent", name, t] = done.originated[s, t]
    for key, amount in done.draws.items():
        found["drawn", *key] = amount
    cohorts = inputs.cohorts
    for (j, where, t), amount in done.transfers.items():
        name = inputs.segments[int(cohorts.segment[j])]
        key = ("moved", name, int(cohorts.vintage[j]), where, t)
        found[key] = found.get(key, 0.0) + amount
    for name, amount in done.issued.items():
        found["issued", name] = amount
    for m, t in np.ndindex(*done.placed.shape):
        found["placed", m, t] = done.placed[m, t]
    return found


def farthest(one: Plan, other: Plan) -> float:
    """Largest difference of an amount [money units]."""
    a, b = amounts(one), amounts(other)
    return max(abs(a.get(key, 0.0) - b.get(key, 0.0)) for key in {*a, *b})


# By hand.


class Tiny:
    """One line over three periods: 10 owed at the end of 1 and of 3, anything up to 10 in 2."""

    def __init__(self) -> None:
        self.program = Program("tiny")
        self.program.objective.add(self.program.column("M", 0, upper=1.0))
        for t in (1, 2, 3):
            self.program.column("X", ("bank", 1, t))
            self.program.column("V", ("bank", t))
        rows = [(t, Row(self.debt("bank", t), "<=" if t == 2 else "=", 10.0)) for t in (1, 2, 3)]
        self.program.add_family("owed", [1, 2, 3], rows)
        rows = [(t, Row(self.debt("bank", t), ">=", 0.0)) for t in (1, 2, 3)]
        self.program.add_family("nothing_lent", [1, 2, 3], rows)
        line = SimpleNamespace(name="bank", open_balance=np.zeros(4))
        self.inputs = SimpleNamespace(
            periods=range(1, 4), horizon=3, lenders=[line], buyers=(), deals=(), partners=()
        )

    def debt(self, name: str, t: int) -> Terms:
        terms = Terms()
        for u in range(1, t + 1):
            terms.add(self.program.find("X", (name, 1, u)))
            terms.add(self.program.find("V", (name, u)), -1.0)
        return terms

    def p2p_stock(self, _: int) -> Terms:
        return Terms()


def tiny(first: list[float]) -> tuple[Any, Solution]:
    """The tiny program, and a first solution of our choosing (all are optimal)."""
    book = Tiny()
    found = solve(book.program)
    return book, replace(found, x=np.array(first))


#: Draws and repayments by period, in turn.
ROUND_TRIP = [1.0, 10.0, 0.0, 0.0, 10.0, 10.0, 0.0]
KEPT = [1.0, 10.0, 0.0, 0.0, 0.0, 0.0, 0.0]


def test_money_that_may_stay_is_not_sent_round():
    book, first = tiny(ROUND_TRIP)
    choice = choose(book, first, "passes")
    assert choice.turnover == pytest.approx((30.0, 10.0))
    assert choice.solution.x == pytest.approx(KEPT, abs=1e-6)
    assert choice.given_up == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("when", "period"), [("late", 3), ("early", 1)])
def test_it_is_done_when_it_is_told(when, period):
    """Ten to be drawn in whichever of three periods: turnover is the same."""
    book = Tiny()
    book.program = Program("when")
    book.program.objective.add(book.program.column("M", 0, upper=1.0))
    for t in (1, 2, 3):
        book.program.column("X", ("bank", 1, t))
    drawn = Terms()
    for t in (1, 2, 3):
        drawn.add(book.program.find("X", ("bank", 1, t)))
    book.program.add_family("draw", [0], [(0, Row(drawn, "=", 10.0))])
    first = solve(book.program)
    choice = choose(book, first, "passes", when)  # type: ignore[arg-type]
    assert choice.turnover[1] == pytest.approx(10.0)
    assert choice.solution.value("X", ("bank", 1, period)) == pytest.approx(10.0, abs=1e-6)


# What the passes promise.


def test_the_objective_keeps_its_room_and_the_prices_stay(first, chosen):
    solution = first[1].solution
    assert 0.0 <= chosen.given_up + 1e-9 <= room(solution.objective)
    program = solution.program
    worth = math.fsum(program.costs() * chosen.solution.x) + program.objective.constant
    assert worth == pytest.approx(solution.objective - chosen.given_up, abs=1e-12)
    assert chosen.solution.objective == solution.objective
    assert chosen.solution.dual is solution.dual
    assert chosen.solution.reduced_cost is solution.reduced_cost
    assert chosen.first is solution
    assert chosen.solution.primal_residual < 1e-6
    assert set(chosen.seconds) == {"turnover", "timing"}


def test_the_first_solution_solves_again_as_before(first, chosen):
    """The passes have a HiGHS of their own."""
    solution = first[1].solution
    row = solution.program.rows_of("cash_balance")[1]
    anew = solve(solution.program)
    assert chosen.how == "passes"
    assert solution.shifted({row: 0.5}) == pytest.approx(anew.shifted({row: 0.5}), abs=1e-9)


def written(book: Book, solution: Solution, turnover: float | None = None) -> tuple[float, float]:
    """Least turnover, or with it least weight, by scipy from matrices written anew."""
    program = solution.program
    rows, columns = program.shape
    changes = list(unique._changes(book))
    wide = columns + 2 * len(changes) + 2  # values; up and down; room of objective and turnover
    matrix = np.zeros((rows, wide))
    matrix[:, :columns] = program.matrix().toarray()
    sense, right = np.array(program.rows.sense), np.array(program.rows.right)
    size = np.zeros((len(changes), wide))
    for n, terms in enumerate(changes):
        size[n, list(terms.coefficients)] = list(terms.coefficients.values())
        size[n, columns + 2 * n : columns + 2 * n + 2] = -1.0, 1.0
    moved = np.zeros(wide)
    moved[:columns] = [family == "Y" for family in program.columns.family]
    moved[columns:-2] = 1.0
    earns = np.zeros(wide)
    earns[:columns] = program.costs()
    earns[-2] = 1.0
    least = math.fsum(program.costs() * solution.x)
    above, below = sense == ">=", sense == "<="
    upper = [matrix[below], -matrix[above], -earns[None, :]]
    limits = [right[below], -right[above], [-least]]
    costs = moved.copy()
    if turnover is not None:
        kept = moved.copy()
        kept[-1] = -1.0
        upper.append(kept[None, :])
        limits.append([turnover])
        costs[:] = 0.0
        costs[:columns] = unique._weights(book, "late")
    costs[-2:] = unique.DEAR
    bounds = [(None if low == -math.inf else low, None) for low in program.columns.lower]
    bounds += [(0.0, None)] * (2 * len(changes))
    bounds += [(0.0, room(solution.objective)), (0.0, room(turnover or 0.0))]
    answer = linprog(
        costs,
        A_ub=np.vstack(upper),
        b_ub=np.concatenate(limits),
        A_eq=np.vstack([matrix[sense == "="], size]),
        b_eq=np.concatenate([right[sense == "="], [-terms.constant for terms in changes]]),
        bounds=bounds,
        method="highs",
    )
    assert answer.status == 0
    return moved @ answer.x, costs[:columns] @ answer.x[:columns]


def test_turnover_is_the_least_and_then_the_weights(first, chosen):
    book, solution = first[1].book, first[1].solution
    turnover, _ = written(book, solution)
    assert chosen.turnover[1] == pytest.approx(turnover, rel=1e-6)
    saved = chosen.turnover[0] - chosen.turnover[1]
    assert saved > 1e2 * room(turnover), "there was something to choose"
    _, weight = written(book, solution, turnover)
    assert unique._weights(book, "late") @ chosen.solution.x == pytest.approx(weight, rel=1e-5)


def test_no_two_decisions_weigh_the_same(first):
    book = first[1].book
    weights = unique._weights(book, "late")
    families = np.array(book.program.columns.family)
    decided = ~np.isin(families, list("HMKQNARE"))
    assert len(set(weights[decided])) == decided.sum()
    assert (weights[~decided] == 0.0).all()
    early = unique._weights(book, "early")
    lent = [book.program.find("O", (0, t)) for t in book.inputs.periods]
    assert (np.diff(weights[lent]) < 0.0).all()
    assert (np.diff(early[lent]) > 0.0).all()
    share = book.inputs.horizon / (book.inputs.horizon + 1 - 3)
    draw = weights[book.program.find("X", ("bank-a", 3, 3))] * share
    assert 1.0 <= draw < 1.0 + DIGEST


# One plan, stable.


def test_any_order_of_the_lists_gives_the_same_plan():
    spec = twins()
    turned = {
        "demand": dict(reversed(list(MODEL["demand"].items()))),  # type: ignore[attr-defined]
        "buyers": list(MODEL["buyers"])[::-1],  # type: ignore[call-overload]
    }
    other = twins(TWINS[::-1], turned)
    one = solve_plan(spec.inputs, spec.engine, channels=False)
    two = solve_plan(other.inputs, other.engine, channels=False)
    assert one.choice.how == two.choice.how == "passes"
    assert farthest(one, two) < 1e-5


@pytest.mark.parametrize("name", ["bank-a", "bank-b"])
@pytest.mark.parametrize("by", [1e-9, -1e-9])
def test_a_rate_that_moves_by_next_to_nothing_moves_the_plan_as_little(name, by):
    """Without the passes the whole line would move to the other bank."""
    same = twins()
    lenders = [
        {**x, "tenors": [{"periods": 3, "rate": 0.06 + by * (x["name"] == name)}]} for x in TWINS
    ]
    near = twins(lenders)
    one = solve_plan(same.inputs, same.engine, channels=False)
    two = solve_plan(near.inputs, near.engine, channels=False)
    assert farthest(one, two) < 1e-3


def test_left_to_the_solver_the_plan_jumps():
    """What the passes are for: the line drawn is the cheaper one, by however little."""
    drawn = []
    for by in (1e-6, -1e-6):
        lenders = [
            {**x, "tenors": [{"periods": 3, "rate": 0.06 + by * (x["name"] == "bank-a")}]}
            for x in TWINS
        ]
        p = twins(lenders, unique="none")
        plan = solve_plan(p.inputs, p.engine, channels=False)
        done = plan.optimum.decisions.draws
        drawn.append(sum(v for (name, _, _), v in done.items() if name == "bank-a"))
    assert drawn[1] > drawn[0] + 1.0


def test_early_and_late_are_told(first):
    best = first[1]
    late = choose(best.book, best.solution, "passes", "late")
    early = choose(best.book, best.solution, "passes", "early")
    assert early.turnover[1] == pytest.approx(late.turnover[1], rel=1e-6)
    weights = unique._weights(best.book, "late")
    assert weights @ late.solution.x <= weights @ early.solution.x + 1e-6
    assert late.says("CNY", 1e6).endswith("acts late.")
    assert early.says("CNY", 1e6).endswith("acts early.")


# The other ways, and what the plan says.


def test_perturbed_costs_choose_and_are_taken_off_again(first):
    best = first[1]
    choice = choose(best.book, best.solution, "perturbation")
    assert set(choice.seconds) == {"perturbation"}
    costs = best.book.program.costs()
    worth = math.fsum(costs * choice.solution.x) + best.book.program.objective.constant
    assert worth == pytest.approx(best.solution.objective - choice.given_up, abs=1e-12)
    assert choice.solution.objective == best.solution.objective
    assert abs(choice.given_up) < 1e-4
    assert "1e-07 (seed 0)" in choice.says("CNY", 1e6)
    again = choose(best.book, solve(build_program(declare(best.inputs))), "perturbation")
    assert np.abs(again.solution.x - choice.solution.x).max() < 1e-6


def test_large_programs_are_perturbed_where_the_model_does_not_say(first, monkeypatch):
    best = first[1]
    assert best.book.program.shape[1] < LARGE
    assert choose(best.book, best.solution).how == "passes"
    monkeypatch.setattr(unique, "LARGE", 10)
    assert choose(best.book, best.solution).how == "perturbation"
    assert choose(best.book, best.solution, "passes").how == "passes"


def test_a_model_may_leave_it_to_the_solver(first):
    p = twins(unique="none")
    plan = solve_plan(p.inputs, p.engine, channels=False)
    assert plan.choice.how == "none"
    assert plan.optimum.solution.x.tolist() == first[1].solution.x.tolist()
    assert "one of several" in plan.choice.says("CNY", 1e6)


def test_the_plan_shows_the_choice_and_its_checks_hold():
    p = twins(indifferent="early")
    plan = solve_plan(p.inputs, p.engine, channels=False)
    assert plan.choice.when == "early"
    assert {"turnover", "timing", "unique"} <= set(plan.seconds)
    checks = plan.tables()["checks"]
    assert checks["ok"].all(), checks[~checks["ok"]]
    assert plan.optimum.solution.x is plan.choice.solution.x


def test_a_pass_that_ends_without_proof_leaves_the_first_plan(first, monkeypatch):
    def stopped(*_):
        msg = "ended with status 'Time limit reached'"
        raise SolverError(msg)

    monkeypatch.setattr(unique.Again, "least", stopped)
    p, best = first
    found, choice = planning._chosen(best, p.engine)
    assert found is best
    assert choice.how == "none"
    assert "Time limit reached" in choice.says("CNY", 1e6)


def test_a_plan_that_repays_notes_in_another_order_is_not_taken(first, monkeypatch):
    p, best = first
    real = planning.repaid_by

    def other(inputs, result):
        return real(inputs, result) if result is best.replay else ()

    monkeypatch.setattr(planning, "repaid_by", other)
    found, choice = planning._chosen(best, p.engine)
    assert found is best
    assert choice.how == "none"
    assert "another order" in choice.says("CNY", 1e6)
