"""The solver door: solvers by name, endings that prove nothing, and traps of PuLP's two versions.

Fake solvers are registered with PuLP as a real one is, and end as they are told to. What PuLP
itself does is pinned too, so that a version that behaves otherwise is noticed here.
"""

from __future__ import annotations

import math
import time
import warnings
from importlib.metadata import version
from types import ModuleType

import numpy as np
import pytest

from scfcap.errors import InfeasibleError, InputError, SolverError
from scfcap.funding import at_work
from scfcap.funding import program as adapter
from scfcap.funding.plan import optimum
from scfcap.funding.program import (
    LabelError,
    NoOptimumError,
    Program,
    Row,
    Terms,
    available,
    solve,
)

from .small_platform import LAW, MODEL, Platform, platform

pulp = adapter.pulp
NEW = int(version("pulp").split(".")[0]) >= 4
OPTIMAL, NOT_SOLVED, INFEASIBLE, UNBOUNDED = 1, 0, -1, -2
#: How PuLP 4 says that a time limit stopped a solver; PuLP 3 says "optimal", solution status 2.
TIME_LIMIT = -4 if NEW else OPTIMAL


def small(*, whole: bool = False) -> Program:
    """Maximise 3 x + 2 y, x + y <= 4, x + 3 y <= 9, x <= 2.5: 10.5, or 10 at (2, 2) if whole."""
    program = Program("small")
    x = program.column("x", 0, upper=2.5, integer=whole)
    y = program.column("y", 0, integer=whole)
    rows = [
        ("sum", Row(Terms().add(x).add(y), "<=", 4.0)),
        ("mix", Row(Terms().add(x).add(y, 3.0), "<=", 9.0)),
    ]
    program.add_family("row", ["sum", "mix"], rows)
    program.objective = Terms().add(x, 3.0).add(y, 2.0)
    return program


class Fake(pulp.LpSolver):
    """A solver that gives the values and the ending it was told."""

    name = "FAKE"
    values: tuple[float | None, ...] = ()
    status = OPTIMAL
    proof = 1
    error: Exception | None = None
    installed = True
    asked = 0

    def available(self) -> bool:
        return type(self).installed

    def actualSolve(self, lp, **_):  # noqa: N802
        kind = type(self)
        kind.asked += 1
        if kind.error is not None:
            raise kind.error
        names = [f"x{j:09d}" for j in range(len(kind.values))]
        lp.assignVarsVals(dict(zip(names, kind.values, strict=True)))
        if NEW:
            return self.buildStats(lp, kind.status, kind.proof in (1, 2), start=(0.0, 0.0))
        lp.assignStatus(kind.status, kind.proof)
        return kind.status


@pytest.fixture
def fake(monkeypatch):
    """Register a fake solver with PuLP."""

    def register(**attributes):
        kind = type("Fake", (Fake,), attributes)
        monkeypatch.setattr(pulp.apis, "_all_solvers", [*pulp.apis._all_solvers, kind])
        return kind

    return register


# A solver by its name.


def test_highs_in_process_is_there_and_comes_first():
    assert available()[0] == "highs"
    assert solve(small()).solver == solve(small(), solver="HiGHS").solver == "highs"


@pytest.mark.parametrize("name", ["FAKE", "fake"])
def test_another_solver_by_name(fake, name):
    kind = fake(values=(2.5, 1.5))
    solution = solve(small(), solver=name)
    assert (kind.asked, solution.solver) == (1, "FAKE")
    assert solution.objective == pytest.approx(10.5)
    # Duals and re-solves are HiGHS's, with the right signs: one more of the sum earns 2.
    assert solution.duals("row") == pytest.approx({"sum": 2.0, "mix": 0.0})
    assert solution.reduced_cost == pytest.approx([1.0, 0.0])
    row = solution.program.rows_of("row")["sum"]
    assert solution.shifted({row: 0.1}) == pytest.approx(10.7)


@pytest.mark.parametrize("installed", available())
def test_every_solver_that_is_installed(installed):
    solution = solve(small(), solver=installed)
    assert solution.objective == pytest.approx(10.5)
    whole = solve(small(whole=True), solver=installed)
    assert (whole.objective, whole.fixed) == (10.0, {0: 2.0, 1: 2.0})
    with pytest.raises(NoOptimumError):
        solve(impossible(), solver=installed)


def test_an_unknown_solver_is_refused_and_the_installed_ones_are_told():
    with pytest.raises(InputError) as caught:
        solve(small(), solver="ABACUS")
    told = str(caught.value)
    assert "plan.solver" in told
    assert "'ABACUS'" in told
    assert ", ".join(available()) in told


def test_a_solver_that_is_not_installed_is_refused(fake):
    kind = fake(installed=False)
    with pytest.raises(InputError, match="FAKE"):
        solve(small(), solver="FAKE")
    assert kind.asked == 0
    assert "FAKE" not in available()


def by(solver: str) -> Platform:
    """The small platform, planned by ``solver``."""
    settings = MODEL["plan"]
    assert isinstance(settings, dict)
    return platform({"plan": {**settings, "solver": solver}}, regime=LAW)


# Only a proven optimum.


def impossible() -> Program:
    """X at least 2 and at most 1."""
    program = Program("impossible")
    x = program.column("x", 0, upper=1.0)
    program.add_family("row", [0], [(0, Row(Terms().add(x), ">=", 2.0))])
    program.objective = Terms().add(x)
    return program


def test_a_time_limit_is_no_proof(fake):
    """The best values so far, which happen to be the optimum, called optimal by PuLP 3."""
    for program in (small(), small(whole=True)):
        kind = fake(values=(2.0, 2.0), status=TIME_LIMIT, proof=2)
        with pytest.raises(SolverError, match="TimeLimit" if NEW else "Stopped") as caught:
            solve(program, solver="FAKE")
        assert not isinstance(caught.value, NoOptimumError)
        assert kind.asked == 1


def test_an_optimum_without_a_solution_is_none(fake):
    fake(values=(2.5, 1.5), status=OPTIMAL, proof=0)
    with pytest.raises(SolverError, match="Stopped"):
        solve(small(), solver="FAKE")


@pytest.mark.parametrize(
    ("status", "condition"), [(INFEASIBLE, "Infeasible"), (UNBOUNDED, "Unbounded")]
)
def test_no_optimum_by_another_solver(fake, status, condition):
    fake(values=(0.0, 0.0), status=status, proof=status)
    with pytest.raises(NoOptimumError) as caught:
        solve(small(), solver="FAKE")
    assert caught.value.condition == condition


def test_a_plan_called_infeasible_by_another_solver_is_not_believed(fake):
    kind = fake(status=INFEASIBLE, proof=INFEASIBLE)
    p = by("FAKE")
    with pytest.raises(SolverError, match="nothing has to give way"):
        optimum(p.inputs, p.engine)
    assert kind.asked == 1


def test_a_plan_called_unbounded_by_another_solver_is_a_fault(fake):
    fake(status=UNBOUNDED, proof=UNBOUNDED)
    p = by("FAKE")
    with pytest.raises(NoOptimumError, match="Unbounded") as caught:
        optimum(p.inputs, p.engine)
    assert not isinstance(caught.value, InfeasibleError)


@pytest.mark.parametrize("error", [OSError("gone"), KeyError("status"), pulp.PulpError("license")])
def test_a_solver_that_crashes(fake, error):
    fake(error=error)
    with pytest.raises(SolverError, match="FAKE failed"):
        solve(small(), solver="FAKE")


@pytest.mark.parametrize("error", [RuntimeError("abort"), KeyError("kSolutionLimit")])
def test_highs_that_crashes(monkeypatch, error):
    def crash(*_):
        raise error

    monkeypatch.setattr(pulp.HiGHS, "callSolver", crash)
    with pytest.raises(SolverError, match="highs failed"):
        solve(small(whole=True))
    monkeypatch.setattr(adapter, "run", crash)
    with pytest.raises(SolverError, match="highs failed"):
        solve(small())


@pytest.mark.parametrize(
    "values",
    [
        (math.nan, 1.5),
        (None, 1.5),
        (2.5, 1.4),  # feasible and worse
        (3.5, 1.5),  # as good as it looks, outside the limits
        (2.5, 1.5 + 1e-4),
    ],
)
def test_a_wrong_answer_is_refused(fake, values):
    fake(values=values)
    with pytest.raises(SolverError, match=r"does not check|failed"):
        solve(small(), solver="FAKE")


def test_whole_numbers_of_another_solver(fake):
    fake(values=(2.0, 2.0))
    solution = solve(small(whole=True), solver="FAKE")
    assert (solution.objective, solution.fixed) == (10.0, {0: 2.0, 1: 2.0})
    fake(values=(2.5, 1.5))
    with pytest.raises(SolverError, match="whole number"):
        solve(small(whole=True), solver="FAKE")
    fake(values=(2.0, 3.0))
    with pytest.raises(SolverError, match="HiGHS ends as 'Infeasible'"):
        solve(small(whole=True), solver="FAKE")


def market_split(rows: int = 5, columns: int = 40) -> Program:
    """A market split program (Cornuejols, Dawande 1998): feasible at once, hard to prove."""
    drawn = np.random.default_rng(7).integers(0, 100, (rows, columns)).astype(float)
    program = Program("market split")
    x = [program.binary("x", j) for j in range(columns)]
    lines = []
    for r in range(rows):
        terms = Terms()
        for j in x:
            terms.add(j, float(drawn[r, j]))
        for sign in (1.0, -1.0):
            slack = program.column("slack", (r, sign))
            terms.add(slack, sign)
            program.objective.add(slack, -1.0)
        lines.append((r, Row(terms, "=", math.floor(float(drawn[r].sum()) / 2.0))))
    program.add_family("row", range(rows), lines)
    return program


def test_a_search_that_really_runs_out_of_time_is_refused(monkeypatch):
    monkeypatch.setenv(at_work.VARIABLE, "0.5")
    begun = time.monotonic()
    with pytest.raises(InputError, match=r"no proven optimum within 0\.5 seconds"):
        solve(market_split())
    assert time.monotonic() - begun < 0.5 + at_work.GRACE, "HiGHS was waited for in vain"


# A plan by another solver.


def test_a_plan_by_another_solver_is_the_same_plan(fake):
    p = platform(regime=LAW)
    usual = optimum(p.inputs, p.engine)
    kind = fake(actualSolve=lambda _, lp, **__: pulp.HiGHS(msg=False).actualSolve(lp))
    named = by(kind.name)
    other = optimum(named.inputs, named.engine)
    assert other.solution.solver == kind.name
    assert other.solution.objective == usual.solution.objective
    assert other.solution.x.tolist() == usual.solution.x.tolist()


# What PuLP itself does, and what the door makes of it.


def raw(sense: int):
    """Maximise 3 x (or minimise -3 x), x <= 4, by PuLP alone."""
    problem = pulp.LpProblem("raw", sense)
    x = problem.add_variable("x", 0)
    problem += adapter._EXPRESSION([(x, 3.0 if sense == pulp.LpMaximize else -3.0)]), "objective"
    problem += (adapter._EXPRESSION([(x, 1.0)]) <= 4.0), "limit"
    with adapter.quiet():
        problem.solve(pulp.HiGHS(msg=False))
    return next(iter(problem.constraints())).pi


def test_duals_of_a_maximised_program_change_their_sign_between_versions():
    assert raw(pulp.LpMaximize) == (3.0 if NEW else -3.0)


def test_duals_of_a_minimised_program_have_the_sign_of_a_derivative():
    assert raw(pulp.LpMinimize) == -3.0


def test_duals_of_the_door_are_derivatives_of_the_maximum():
    program = Program("nudged")
    x = program.column("x", 0)
    program.add_family("limit", [0], [(0, Row(Terms().add(x), "<=", 4.0))])
    program.objective = Terms().add(x, 3.0)
    solution = solve(program)
    assert solution.duals("limit") == {0: 3.0}
    assert (solution.shifted({0: 1.0}) - solution.objective) == pytest.approx(3.0)


def test_an_infeasible_program_never_shows_a_value():
    with pytest.raises(NoOptimumError, match="Infeasible"):
        solve(impossible())


def test_two_rows_of_one_name_are_refused():
    program = small()
    row = Row(Terms().add(0), "<=", 1.0)
    with pytest.raises(LabelError, match="stands twice"):
        program.add_family("other", ["a"], [("a", row), ("a", row)])
    with pytest.raises(LabelError, match="twice"):
        program.column("x", 0)


@pytest.mark.parametrize("right", [math.nan, math.inf, -math.inf])
def test_a_limit_that_is_no_number_is_named(right):
    program = small()
    with pytest.raises(LabelError, match=r"bank_debt\[\('bank', 3\)\]"):
        program.add_family(
            "bank_debt", [("bank", 3)], [(("bank", 3), Row(Terms().add(0), "<=", right))]
        )


def test_names_that_pulp_would_merge_are_kept_apart():
    """PuLP writes all of these as one name; rows and columns are found by key."""
    keys = ["line-a[0]", "line_a_0_", "line a(0)", "line+a>0 ", "行 a"]
    program = Program("names")
    for n, key in enumerate(keys, start=1):
        x = program.column("draw-[x]", key)
        program.objective.add(x, float(n))
    rows = [(key, Row(Terms().add(j), "<=", float(10 * j + 1))) for j, key in enumerate(keys)]
    program.add_family("bank-line", keys, rows)
    solution = solve(program)
    for n, key in enumerate(keys, start=1):
        assert solution.duals("bank-line")[key] == float(n)
        assert solution.value("draw-[x]", key) == float(10 * (n - 1) + 1)


def test_the_door_reads_the_status_of_this_version():
    problem, _ = adapter._built(small())
    with adapter.quiet():
        outcome = problem.solve(pulp.HiGHS(msg=False))
    assert hasattr(outcome, "has_solution") == NEW
    assert hasattr(pulp, "LpStatus") != NEW
    assert adapter._condition(problem, outcome) == "Optimal"


def test_no_deprecated_way_of_building_is_used(fake):
    fake(values=(2.0, 2.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solve(small())
        solve(small(whole=True))
        solve(small(whole=True), solver="FAKE")


def test_types_of_pulp_are_kept_out():
    """PuLP 4 is typed and PuLP 3 is not: strict types must pass on both."""
    assert adapter.__annotations__["pulp"] == "Any"
    assert isinstance(adapter.pulp, ModuleType)


# How HiGHS is asked.


def test_tolerances_threads_seed_and_method(monkeypatch):
    asked = []
    real, arrays = pulp.HiGHS, adapter.highs

    def recorded(**options):
        asked.append(options)
        return real(**options)

    def handed(program, fixed, options):
        asked.append(options)
        return arrays(program, fixed, options)

    monkeypatch.setattr(adapter.pulp, "HiGHS", recorded)
    monkeypatch.setattr(adapter, "highs", handed)
    solve(small(), seed=5)
    monkeypatch.setattr(adapter, "SIMPLEX_UP_TO", 3)
    solution = solve(small())
    assert solution.duals("row") == pytest.approx({"sum": 2.0, "mix": 0.0})
    solve(small(whole=True))
    simplex, interior, search, held = asked
    for options in asked:
        # The interior-point method has HiGHS's own; simplex then goes on from its vertex.
        tolerance = 1e-7 if options.get("solver") == "ipm" else 1e-9
        assert options["primal_feasibility_tolerance"] == tolerance
        assert options["dual_feasibility_tolerance"] == tolerance
        assert options["threads"] == 1
    for side in ("primal", "dual"):
        told = solution._model.getOptionValue(f"{side}_feasibility_tolerance")
        assert told[1] == 1e-9
    assert (simplex["solver"], simplex["random_seed"]) == ("simplex", 5)
    assert (interior["solver"], interior["random_seed"]) == ("ipm", 0)
    assert interior["run_crossover"] == "on"
    assert (search["mip_rel_gap"], held["solver"]) == (0.0, "ipm")
