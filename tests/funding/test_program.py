"""The solver adapter: signs, statuses, and answers that must never be taken for a plan.

Everything here runs on whichever PuLP is installed; what differs between its versions is faked.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from scfcap.errors import FaultError, SolverError
from scfcap.funding import program as adapter
from scfcap.funding.plan import optimum
from scfcap.funding.program import (
    LabelError,
    NoOptimumError,
    Program,
    Row,
    Solution,
    Terms,
    elastic,
    solve,
)

from .small_platform import LAW, platform


def two_columns(right: float = 4.0) -> Program:
    """Maximise 3 x + 2 y subject to x + y <= right, x + 3 y <= 9, x <= 3: (3, 1), worth 11."""
    program = Program("two")
    x = program.column("x", 0, upper=3.0)
    y = program.column("y", 0)
    rows = [
        ("sum", Row(Terms().add(x).add(y), "<=", right)),
        ("mix", Row(Terms().add(x).add(y, 3.0), "<=", 9.0)),
    ]
    program.add_family("row", ["sum", "mix"], rows)
    program.objective = Terms().add(x, 3.0).add(y, 2.0)
    return program


def bounded(low: float, high: float, sense: str = ">=") -> Program:
    """Maximise x up to ``high``, with ``x sense low`` as a row."""
    program = Program("one")
    x = program.column("x", 0, upper=high)
    program.add_family("row", [0], [(0, Row(Terms().add(x), sense, low))])  # type: ignore[arg-type]
    program.objective = Terms().add(x)
    return program


def test_signs_by_hand():
    solution = solve(two_columns())
    assert solution.x == pytest.approx([3.0, 1.0])
    assert solution.objective == pytest.approx(11.0)
    assert solution.duals("row") == pytest.approx({"sum": 2.0, "mix": 0.0})
    assert solution.reduced_cost == pytest.approx([1.0, 0.0])
    assert solution.duality_gap == pytest.approx(0.0, abs=1e-12)
    assert solution.primal_residual == pytest.approx(0.0, abs=1e-12)


def test_constants_count_in_objective_and_shift():
    program = two_columns()
    program.objective.plus(100.0)
    solution = solve(program)
    assert solution.objective == pytest.approx(111.0)
    assert solution.shifted({program.rows_of("row")["sum"]: -1.0}) == pytest.approx(109.0)


def test_a_row_with_a_constant_moves_it_to_the_right():
    program = Program("constant")
    x = program.column("x", 0)
    program.add_family("row", [0], [(0, Row(Terms().add(x, 2.0).plus(3.0), "<=", 5.0))])
    program.objective = Terms().add(x)
    solution = solve(program)
    assert solution.x == pytest.approx([1.0])
    assert solution.duals("row") == pytest.approx({0: 0.5})
    assert program.sides(0, solution.x) == pytest.approx((5.0, 5.0))


def test_free_and_unused_columns():
    program = Program("columns")
    free = program.column("free", 0, lower=-math.inf)
    program.column("unused", 0, lower=2.0, upper=5.0)
    program.column("unused", 1, upper=7.0)
    program.add_family("row", [0], [(0, Row(Terms().add(free), ">=", -3.0))])
    program.objective = Terms().add(free, -1.0)
    solution = solve(program)
    assert solution.x == pytest.approx([-3.0, 2.0, 0.0])
    assert solution.objective == pytest.approx(3.0)
    assert solution.duals("row") == pytest.approx({0: -1.0})
    assert solution.reduced_cost == pytest.approx([0.0, 0.0, 0.0])


def test_a_program_without_rows():
    program = Program("bounds only")
    program.objective = Terms().add(program.column("x", 0, lower=1.0, upper=5.0), 2.0)
    solution = solve(program)
    assert (solution.x[0], solution.objective) == pytest.approx((5.0, 10.0))
    assert solution.reduced_cost == pytest.approx([2.0])


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_an_objective_that_is_not_finite_is_refused(bad):
    program = two_columns()
    program.objective.add(0, bad)
    with pytest.raises(LabelError, match="objective"):
        solve(program)


def test_infeasible_has_no_optimum():
    with pytest.raises(NoOptimumError) as caught:
        solve(bounded(2.0, 1.0))
    assert caught.value.condition == "Infeasible"
    assert isinstance(caught.value, FaultError)


def test_unbounded_has_no_optimum():
    with pytest.raises(NoOptimumError):
        solve(bounded(0.0, math.inf))


# A solver that stopped, by the words of each PuLP.


def old_pulp(monkeypatch: pytest.MonkeyPatch) -> None:
    """The status tables of PuLP 3."""
    names = {0: "Not Solved", 1: "Optimal", -1: "Infeasible", -2: "Unbounded", -3: "Undefined"}
    monkeypatch.setattr(adapter.pulp, "LpStatus", names, raising=False)
    monkeypatch.setattr(adapter.pulp, "LpSolutionOptimal", 1, raising=False)


@pytest.mark.parametrize(
    ("outcome", "solution", "condition"),
    [
        (1, 1, "Optimal"),
        (1, 2, "Stopped"),  # a time limit: PuLP 3 calls the status optimal
        (1, 0, "Stopped"),
        (0, 0, "Not Solved"),
        (-1, -1, "Infeasible"),
        (-2, -2, "Unbounded"),
        (-3, 0, "Undefined"),
    ],
)
def test_condition_by_the_old_interface(monkeypatch, outcome, solution, condition):
    old_pulp(monkeypatch)
    assert adapter._condition(SimpleNamespace(sol_status=solution), outcome) == condition


@pytest.mark.parametrize("name", ["Optimal", "TimeLimit", "IterationLimit", "Infeasible"])
def test_condition_by_the_new_interface(name):
    outcome = SimpleNamespace(has_solution=True, status=SimpleNamespace(name=name))
    assert adapter._condition(SimpleNamespace(), outcome) == name


STOPPED = ["Stopped", "Not Solved", "TimeLimit", "IterationLimit", "Interrupted", "NumericalError"]


@pytest.mark.parametrize("condition", STOPPED)
def test_a_stopped_solver_is_neither_optimal_nor_infeasible(monkeypatch, condition):
    monkeypatch.setattr(adapter, "run", lambda _: condition)
    with pytest.raises(SolverError, match=condition) as caught:
        solve(two_columns())
    assert not isinstance(caught.value, NoOptimumError)


def test_a_solver_that_really_stops_is_not_believed(monkeypatch):
    limits = {"simplex_iteration_limit": 1, "presolve": "off"}
    ample = adapter.highs
    monkeypatch.setattr(adapter, "highs", lambda p, fixed, o: ample(p, fixed, {**o, **limits}))
    with pytest.raises(SolverError) as caught:
        solve(two_columns())
    assert not isinstance(caught.value, NoOptimumError)


@pytest.mark.parametrize("condition", ["Stopped", "TimeLimit"])
def test_a_plan_that_stopped_is_not_called_infeasible(monkeypatch, condition):
    p = platform(regime=LAW)
    monkeypatch.setattr(adapter, "run", lambda _: condition)
    with pytest.raises(SolverError, match=condition):
        optimum(p.inputs, p.engine)


def said_first(monkeypatch: pytest.MonkeyPatch, condition: str) -> None:
    """Let the solver's first ending be another than the true one."""
    truth = adapter.run
    said = iter([condition])

    def told(model):
        ended = truth(model)
        return next(said, ended)

    monkeypatch.setattr(adapter, "run", told)


def test_a_feasible_plan_that_the_solver_calls_infeasible_is_a_fault(monkeypatch):
    p = platform(regime=LAW)
    said_first(monkeypatch, "Infeasible")
    with pytest.raises(SolverError, match="nothing has to give way"):
        optimum(p.inputs, p.engine)


@pytest.mark.parametrize("condition", ["Undefined", "Not Solved", "NotSolved", "NumericalError"])
def test_an_ending_that_proves_nothing_is_tried_by_another_method(monkeypatch, condition):
    said_first(monkeypatch, condition)
    solution = solve(two_columns())
    assert solution.x == pytest.approx([3.0, 1.0])
    assert solution.duals("row") == pytest.approx({"sum": 2.0, "mix": 0.0})
    said_first(monkeypatch, condition)
    with pytest.raises(NoOptimumError):
        solve(bounded(2.0, 1.0))


# An answer that does not check.


@pytest.mark.parametrize(
    ("part", "value"),
    [("x", 1e-3), ("x", math.nan), ("dual", 1e-2), ("reduced", 1e-2), ("dual", math.nan)],
)
def test_an_answer_that_does_not_check_is_refused(part, value):
    good = solve(two_columns())
    parts = {"x": good.x.copy(), "dual": good.dual.copy(), "reduced": good.reduced_cost.copy()}
    parts[part][0] += value

    def checked(*, check: bool) -> Solution:
        return adapter.checked(
            good.program, parts["x"], parts["dual"], parts["reduced"], check=check
        )

    with pytest.raises(SolverError, match="does not check"):
        checked(check=True)
    if math.isnan(value):
        with pytest.raises(SolverError, match="does not check"):
            checked(check=False)
    else:
        assert checked(check=False).program is good.program


# The least relaxation.


def test_elastic_breaks_the_cheapest_row():
    program = bounded(2.0, math.inf)
    x = program.find("x", 0)
    program.add_family("cap", [0], [(0, Row(Terms().add(x), "<=", 0.5))])
    loose, slacks = elastic(program, {0: 1.0, 1: 10.0})
    solution = solve(loose, check=False)
    assert [solution.x[j] for j in slacks[0]] == pytest.approx([1.5])
    assert [solution.x[j] for j in slacks[1]] == pytest.approx([0.0])
    assert solution.objective == pytest.approx(-1.5)
    assert program.shape == (2, 1), "the program itself is left alone"
    assert program.rows.terms[0] == {x: 1.0}


def test_elastic_equations_give_way_on_both_sides():
    for right in (-2.0, 3.0):
        program = Program("equation")
        x = program.column("x", 0, upper=1.0)
        program.add_family("row", [0], [(0, Row(Terms().add(x), "=", right))])
        loose, slacks = elastic(program, {0: 1.0})
        solution = solve(loose, check=False)
        assert len(slacks[0]) == 2
        assert sum(solution.x[j] for j in slacks[0]) == pytest.approx(2.0)


# Any program, against another interface to a solver.

SMALL = st.integers(-5, 5).map(float)
#: In hundredths: nothing is so small that a solver's tolerance is the larger.
LIMIT = st.integers(0, 900).map(lambda x: x / 100.0)


@st.composite
def programs(draw: st.DrawFn) -> tuple[Program, np.ndarray, np.ndarray, np.ndarray]:
    """A bounded program whose rows all allow zero."""
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    cells = st.lists(SMALL, min_size=columns, max_size=columns)
    matrix = np.array(draw(st.lists(cells, min_size=rows, max_size=rows)))
    right = np.array(draw(st.lists(LIMIT, min_size=rows, max_size=rows)))
    costs = np.array(draw(cells))
    program = Program("random")
    for j in range(columns):
        program.column("x", j, upper=10.0)
    keys = [r for r in range(rows) if matrix[r].any()]
    program.add_family(
        "row", keys, [(r, Row(_terms(matrix[r]), "<=", float(right[r]))) for r in keys]
    )
    program.objective = _terms(costs)
    return program, matrix[keys], right[keys], costs


def _terms(values: np.ndarray) -> Terms:
    terms = Terms()
    for j, c in enumerate(values):
        terms.add(j, float(c))
    return terms


def _scipy(costs: np.ndarray, matrix: np.ndarray, right: np.ndarray) -> float:
    answer = linprog(-costs, A_ub=matrix, b_ub=right, bounds=(0.0, 10.0), method="highs")
    assert answer.status == 0
    return -answer.fun


@given(programs())
@settings(max_examples=60, deadline=None)
def test_any_program_has_the_optimum_and_the_duals_of_another_interface(case):
    program, matrix, right, costs = case
    solution = solve(program)
    assert solution.objective == pytest.approx(_scipy(costs, matrix, right), abs=1e-8)
    assert np.abs(solution.dual * (right - matrix @ solution.x)).max(initial=0.0) < 1e-8
    assert (solution.dual >= -1e-9).all()
    for r in range(len(right)):
        for step in (0.5, -min(0.5, right[r])):
            moved = right.copy()
            moved[r] += step
            anew = _scipy(costs, matrix, moved)
            assert solution.shifted({r: step}) == pytest.approx(anew, abs=1e-8)
            # The optimum is concave in a limit: a dual is a slope from above.
            assert anew <= solution.objective + step * solution.dual[r] + 1e-8


# Standard output belongs to the caller.

SCRIPT = """
import json
from scfcap.funding.program import Program, Row, Terms, solve
program = Program("two")
x = program.column("x", 0)
program.add_family("row", [0], [(0, Row(Terms().add(x), "<=", 4.0))])
program.objective = Terms().add(x, 3.0)
print("[", end="")
solution = solve(program)
print(json.dumps({"objective": solution.objective, "moved": solution.shifted({0: 1.0})}), end="]")
"""


def test_solving_prints_nothing():
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(run.stdout) == [{"objective": 12.0, "moved": 15.0}]
    assert run.stderr == ""
