"""Programs with integer columns: the optimum, and prices with these columns held.

Witnesses: two examples of Winston, Operations Research: Applications and Algorithms (4th ed.
2004), section 9.2 (Stockco, Gandhi Cloth), and enumeration of every binary by scipy.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from scfcap.errors import SolverError
from scfcap.funding import program as adapter
from scfcap.funding.program import LabelError, NoOptimumError, Program, Row, Terms, elastic, solve


def terms(columns: list[int], values: list[float]) -> Terms:
    found = Terms()
    for j, c in zip(columns, values, strict=True):
        found.add(j, c)
    return found


def test_stockco_chooses_its_investments():
    program = Program("Stockco")
    x = [program.binary("x", i) for i in range(1, 5)]
    budget = Row(terms(x, [5.0, 7.0, 4.0, 3.0]), "<=", 14.0)
    program.add_family("budget", [0], [(0, budget)])
    program.objective = terms(x, [16.0, 22.0, 12.0, 8.0])
    solution = solve(program)
    assert solution.objective == 42.0
    assert solution.x.tolist() == [0.0, 1.0, 1.0, 1.0]
    assert solution.fixed == {0: 0.0, 1: 1.0, 2: 1.0, 3: 1.0}


def gandhi() -> Program:
    """Gandhi Cloth: three kinds of machine with a fixed rent; answer 75, trousers only."""
    program = Program("Gandhi")
    x = [program.column("x", i) for i in range(3)]
    y = [program.binary("y", i) for i in range(3)]
    rows = [
        ("labour", Row(terms(x, [3.0, 2.0, 6.0]), "<=", 150.0)),
        ("cloth", Row(terms(x, [4.0, 3.0, 4.0]), "<=", 160.0)),
    ]
    program.add_family("stock", ["labour", "cloth"], rows)
    limits = [(i, Row(Terms().add(x[i]).add(y[i], -m), "<=", 0.0)) for i, m in enumerate(MOST)]
    program.add_family("machine", range(3), limits)
    program.objective = terms(x + y, [6.0, 4.0, 7.0, -200.0, -150.0, -100.0])
    return program


MOST = (40.0, 53.0, 25.0)


def test_gandhi_rents_one_machine_and_its_prices_hold_the_machines():
    program = gandhi()
    solution = solve(program)
    assert solution.objective == pytest.approx(75.0)
    assert solution.x == pytest.approx([0.0, 0.0, 25.0, 0.0, 0.0, 1.0])
    # With the third machine alone, 25 pieces use up its room or the labour, both at once.
    row = program.rows_of("stock")
    assert solution.shifted({row["labour"]: -6.0}) == pytest.approx(75.0 - 7.0)
    assert solution.shifted({row["labour"]: 60.0}) == pytest.approx(75.0)
    assert solution.shifted({row["cloth"]: 60.0}) == pytest.approx(75.0)
    assert solution.duals("stock")["cloth"] == pytest.approx(0.0)
    binding = solution.duals("stock")["labour"] * 6.0 + solution.duals("machine")[2]
    assert binding == pytest.approx(7.0)


def test_whole_numbers_beyond_one():
    """Maximise 5 x + 4 y, 6 x + 4 y <= 24, x + 2 y <= 6: (3, 1.5) unless whole, then (4, 0)."""
    program = Program("whole")
    x, y = (program.column(name, 0, integer=True) for name in "xy")
    rows = [
        (0, Row(terms([x, y], [6.0, 4.0]), "<=", 24.0)),
        (1, Row(terms([x, y], [1.0, 2.0]), "<=", 6.0)),
    ]
    program.add_family("row", [0, 1], rows)
    program.objective = terms([x, y], [5.0, 4.0])
    solution = solve(program)
    assert (solution.objective, solution.x.tolist()) == (20.0, [4.0, 0.0])


def test_a_program_without_integers_holds_nothing():
    program = Program("plain")
    program.objective = Terms().add(program.column("x", 0, upper=0.5))
    assert solve(program).fixed == {}


def test_an_integer_column_in_no_row_takes_the_nearest_to_none():
    program = gandhi()
    free = program.column("free", 0, lower=2.0, upper=5.0, integer=True)
    solution = solve(program)
    assert solution.x[free] == solution.fixed[free] == 2.0
    assert solution.objective == pytest.approx(75.0)


def test_no_whole_number_between_the_bounds():
    program = Program("between")
    x = program.column("x", 0, lower=0.2, upper=0.8, integer=True)
    program.add_family("row", [0], [(0, Row(Terms().add(x), "<=", 5.0))])
    program.objective = Terms().add(x)
    with pytest.raises(NoOptimumError) as caught:
        solve(program)
    assert caught.value.condition == "Infeasible"


def test_binaries_keep_their_kind_where_limits_may_give_way():
    program = Program("choice")
    x = program.binary("x", 0)
    program.add_family("row", [0], [(0, Row(Terms().add(x), "=", 0.4))])
    with pytest.raises(NoOptimumError):
        solve(program)
    loose, slacks = elastic(program, {0: 1.0})
    solution = solve(loose, check=False)
    assert solution.x[x] == 0.0
    assert sum(solution.x[j] for j in slacks[0]) == pytest.approx(0.4)


def test_a_binary_is_declared_once():
    program = gandhi()
    with pytest.raises(LabelError, match="twice"):
        program.binary("y", 0)


@pytest.mark.parametrize("condition", ["Stopped", "TimeLimit", "SolutionLimit", "Not Solved"])
def test_a_search_that_was_stopped_is_no_optimum(monkeypatch, condition):
    monkeypatch.setattr(adapter, "_condition", lambda *_: condition)
    with pytest.raises(SolverError, match=condition):
        solve(gandhi())


def test_an_answer_between_whole_numbers_is_refused(monkeypatch):
    """A solver that takes integer columns for continuous ones."""
    built = adapter._built

    def relaxed(program):
        twin = program.copy("continuous")
        twin.objective = program.objective
        twin.columns.integer.clear()
        return built(twin)

    monkeypatch.setattr(adapter, "_built", relaxed)
    with pytest.raises(SolverError, match="from a whole number"):
        solve(gandhi())


SMALL = st.integers(-5, 5).map(float)


@st.composite
def mixed(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Rows that all allow zero, over some binaries and some columns from 0 to 3."""
    binaries, columns = draw(st.integers(1, 4)), draw(st.integers(0, 3))
    n, m = binaries + columns, draw(st.integers(1, 3))
    matrix = np.array(draw(st.lists(st.lists(SMALL, min_size=n, max_size=n), min_size=m)))[:m]
    right = np.array(draw(st.lists(st.integers(0, 9).map(float), min_size=m, max_size=m)))
    return matrix, right, np.array(draw(st.lists(SMALL, min_size=n, max_size=n))), binaries


def enumerated(matrix, right, costs, binaries) -> float:
    best = -math.inf
    for chosen in itertools.product((0.0, 1.0), repeat=binaries):
        bounds = [(v, v) for v in chosen] + [(0.0, 3.0)] * (len(costs) - binaries)
        answer = linprog(-costs, A_ub=matrix, b_ub=right, bounds=bounds, method="highs")
        if answer.status == 0:
            best = max(best, -answer.fun)
    return best


@given(mixed())
@settings(max_examples=40, deadline=None)
def test_every_choice_enumerated_finds_no_better(case):
    matrix, right, costs, binaries = case
    program = Program("mixed")
    columns = [
        program.binary("x", j) if j < binaries else program.column("x", j, upper=3.0)
        for j in range(len(costs))
    ]
    keys = [r for r in range(len(right)) if matrix[r].any()]
    rows = [(r, Row(terms(columns, list(matrix[r])), "<=", right[r])) for r in keys]
    program.add_family("row", keys, rows)
    program.objective = terms(columns, list(costs))
    solution = solve(program)
    best = enumerated(matrix, right, costs, binaries)
    assert solution.objective == pytest.approx(best, abs=1e-7)
    assert set(solution.x[:binaries]) <= {0.0, 1.0}
    # The prices are of the program with its binaries held.
    for r, i in program.rows_of("row").items():
        moved = right.copy()
        moved[r] += 0.25
        bounds = [(v, v) for v in solution.x[:binaries]] + [(0.0, 3.0)] * (len(costs) - binaries)
        answer = linprog(-costs, A_ub=matrix, b_ub=moved, bounds=bounds, method="highs")
        assert solution.shifted({i: 0.25}) == pytest.approx(-answer.fun, abs=1e-7)
        assert -answer.fun <= solution.objective + 0.25 * solution.dual[i] + 1e-7
