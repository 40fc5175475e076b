"""The thin labelled layer over PuLP, and the door to its solvers. Nothing else imports PuLP.

A :class:`Program` is a set of labelled columns and of constraint families. A family is declared
with the labels of its rows; a missing, extra, repeated or NaN row raises and names family and
key. A limit that does not apply is declared absent, never NaN. Rows keep everything that is
data on the right, so that the dual of a row is the value of one more unit of that datum.

The door always minimises the negated objective and turns signs itself, because a maximised
program has opposite duals in PuLP 3 and 4. Only a proven optimum is accepted. A program with
integer columns has no duals: its prices are those of the linear program in which these columns
stay at their optimum.
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pulp as _pulp
from scipy import sparse

from scfcap.errors import InputError, Problem, SolverError
from scfcap.funding.at_work import at_work, seconds
from scfcap.funding.highs import UNLIMITED, begin, go_on, highs, run, values
from scfcap.funding.lp_text import lp_text
from scfcap.funding.relaxation import elastic
from scfcap.funding.rows import Absent, Columns, Key, LabelError, Row, Rows, Sense, Terms
from scfcap.funding.solution import Solution, agree, checked, quiet, row_bounds, whole
from scfcap.quantities import BoolArray, FloatArray

__all__ = [
    "TOLERANCE", "Absent", "Key", "LabelError", "NoOptimumError", "Program", "Row", "Sense",
    "Solution", "Terms", "available", "elastic", "lp_text", "row_bounds", "solve",
]  # fmt: skip

#: Typed in PuLP 4 and not in PuLP 3.
pulp: Any = _pulp
_EXPRESSION: Any = getattr(pulp.LpAffineExpression, "from_list", pulp.LpAffineExpression)


class Program:
    """Columns and rows under construction; maximises ``objective``."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.columns = Columns()
        self.rows = Rows()
        self.objective = Terms()
        self._column_index: dict[tuple[str, Key], int] = {}
        self._row_index: dict[tuple[str, Key], int] = {}
        self.absent: dict[tuple[str, Key], str] = {}

    def column(
        self,
        family: str,
        key: Key,
        *,
        lower: float = 0.0,
        upper: float = math.inf,
        integer: bool = False,
    ) -> int:
        """Declare one column and return its index; ``integer`` ones take whole values only.

        Raises:
            LabelError: the key stands already, or a bound is NaN.
        """
        label = (family, key)
        if label in self._column_index:
            msg = f"column {family}[{key}] is declared twice"
            raise LabelError(msg)
        if math.isnan(lower) or math.isnan(upper) or lower > upper:
            msg = f"column {family}[{key}] has bounds {lower} and {upper}"
            raise LabelError(msg)
        index = len(self.columns.family)
        self._column_index[label] = index
        self.columns.family.append(family)
        self.columns.key.append(key)
        self.columns.lower.append(lower)
        self.columns.upper.append(upper)
        if integer:
            self.columns.integer.append(index)
        return index

    def index(self) -> None:
        """Learn the labels of columns and rows that were put there whole."""
        columns, rows = self.columns, self.rows
        for known, table in ((self._column_index, columns), (self._row_index, rows)):
            labels = zip(table.family, table.key, strict=True)
            known.update({label: i for i, label in enumerate(labels)})

    def binary(self, family: str, key: Key) -> int:
        """Declare a column that is 0 or 1, and return its index."""
        return self.column(family, key, upper=1.0, integer=True)

    def find(self, family: str, key: Key) -> int | None:
        """Index of a column, or None where it does not exist."""
        return self._column_index.get((family, key))

    def labelled(self) -> Iterator[tuple[int, str, Key]]:
        """Index, family and key of each column that was declared here, in order."""
        return ((index, *label) for label, index in self._column_index.items())

    def labelled_rows(self) -> Iterator[tuple[int, str, Key]]:
        """Index, family and key of each row that was added here, in order."""
        return ((index, *label) for label, index in self._row_index.items())

    def rows_of(self, family: str) -> dict[Key, int]:
        """Row index by key of one family."""
        return {key: index for (name, key), index in self._row_index.items() if name == family}

    def add_family(
        self, family: str, expected: Iterable[Key], rows: Iterable[tuple[Key, Row | Absent]]
    ) -> None:
        """Add the rows of a family.

        Raises:
            LabelError: a key is missing, extra or repeated, a number is NaN, or a row has no
                variable and does not hold.
        """
        wanted = set(expected)
        seen: set[Key] = set()
        for key, row in rows:
            if key in seen or key not in wanted:
                why = "stands twice" if key in seen else "is not among the family's labels"
                msg = f"row {family}[{key}] {why}"
                raise LabelError(msg)
            seen.add(key)
            if isinstance(row, Absent):
                self.absent[family, key] = row.why
            else:
                self._add_row(family, key, row)
        if seen != wanted:
            missing = sorted(map(str, wanted - seen))
            msg = f"family {family} lacks {len(missing)} rows, first {missing[0]}"
            raise LabelError(msg)

    def _add_row(self, family: str, key: Key, row: Row) -> None:
        right = row.right - row.terms.constant
        terms = row.terms.coefficients
        if not math.isfinite(right) or not all(map(math.isfinite, terms.values())):
            msg = f"row {family}[{key}] holds a number that is not finite"
            raise LabelError(msg)
        if not terms:
            msg = f"row {family}[{key}] has no variable; declare it absent"
            raise LabelError(msg)
        self._row_index[family, key] = len(self.rows.family)
        self.rows.family.append(family)
        self.rows.key.append(key)
        self.rows.sense.append(row.sense)
        self.rows.right.append(right)
        self.rows.constant.append(row.terms.constant)
        self.rows.terms.append(terms)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.rows.family), len(self.columns.family)

    def sides(self, row: int, x: FloatArray) -> tuple[float, float]:
        """Use and limit of a row at ``x``: what counts against it, and what it allows.

        Terms with positive coefficients and constants are use, the others widen the limit.
        """
        use = max(self.rows.constant[row], 0.0)
        limit = self.rows.right[row] + self.rows.constant[row] - min(self.rows.constant[row], 0.0)
        for j, c in self.rows.terms[row].items():
            if c > 0.0:
                use += c * float(x[j])
            else:
                limit -= c * float(x[j])
        return use, limit

    def matrix(self) -> sparse.csr_array:
        """Coefficients, shape (rows, columns)."""
        counts = [len(t) for t in self.rows.terms]
        indptr = np.concatenate(([0], np.cumsum(counts)))
        total = int(indptr[-1])
        indices = np.fromiter((j for t in self.rows.terms for j in t), np.int64, total)
        data = np.fromiter((c for t in self.rows.terms for c in t.values()), np.float64, total)
        return sparse.csr_array((data, indices, indptr), shape=self.shape)

    @property
    def unused(self) -> BoolArray:
        """Columns in no row and not in the objective: the solver gives them no value."""
        unused = np.ones(self.shape[1], dtype=np.bool_)
        for terms in (self.objective.coefficients, *self.rows.terms):
            unused[list(terms)] = False
        return unused

    def bounds(self, fixed: Mapping[int, float] | None = None) -> tuple[FloatArray, FloatArray]:
        """Least and most of each column, shape (columns,) each; ``fixed`` columns stay there."""
        lower, upper = np.array(self.columns.lower), np.array(self.columns.upper)
        for j, value in (fixed or {}).items():
            lower[j] = upper[j] = value
        return lower, upper

    def copy(self, name: str) -> Program:
        """The same columns and rows under another name, without an objective."""
        twin = Program(name)
        columns, rows = self.columns, self.rows
        twin.columns = Columns(
            list(columns.family),
            list(columns.key),
            list(columns.lower),
            list(columns.upper),
            list(columns.integer),
        )
        twin.rows = Rows(
            list(rows.family),
            list(rows.key),
            list(rows.sense),
            list(rows.right),
            list(rows.constant),
            [dict(t) for t in rows.terms],
        )
        twin._column_index = dict(self._column_index)
        twin._row_index = dict(self._row_index)
        return twin

    def costs(self) -> FloatArray:
        """Objective coefficients of the maximisation, shape (columns,)."""
        c = np.zeros(self.shape[1])
        for j, value in self.objective.coefficients.items():
            c[j] = value
        return c


#: HiGHS in process, the solver where none is named.
HIGHS = "highs"
#: Feasibility tolerance of rows, columns, reduced costs and integers: absolute, scaled by HiGHS.
TOLERANCE = 1e-9
#: Nonzeros up to which the dual simplex is asked first; beyond, the interior-point method with
#: crossover to a vertex.
SIMPLEX_UP_TO = 200_000
#: Steps of the simplex method from a given basis after which, or after as many as there are rows if
#: those are more, the solve begins from nothing: the basis was far from the optimum.
MOST_STEPS = 5_000
_TOLERANCES = {
    "primal_feasibility_tolerance": TOLERANCE,
    "dual_feasibility_tolerance": TOLERANCE,
}
_SIMPLEX = {"solver": "simplex"}
#: The interior-point method of HiGHS ends without crossing over to a vertex where it does not reach
#: its tolerances, and 1e-9 is often out of its reach. So it has HiGHS's own, and the simplex method
#: goes on from its vertex to :data:`TOLERANCE`.
_INTERIOR = {
    "solver": "ipm",
    "run_crossover": "on",
    "primal_feasibility_tolerance": 1e-7,
    "dual_feasibility_tolerance": 1e-7,
}
#: Branch and bound ends where bound and answer are the same.
_BRANCHING = {
    "mip_rel_gap": 0.0,
    "mip_abs_gap": TOLERANCE,
    "mip_feasibility_tolerance": TOLERANCE,
}
#: Conditions in which there is no optimum; "Undefined" is either of the other two.
_NO_OPTIMUM = ("Infeasible", "Unbounded", "Undefined")
#: Endings that prove nothing. The dual simplex has them for some infeasible programs; the
#: interior-point method, which is tried next, then tells.
_INCONCLUSIVE = ("Undefined", "Not Solved", "NotSolved", "NumericalError")


class NoOptimumError(SolverError):
    """The program is infeasible or unbounded; ``condition`` says which."""

    def __init__(self, condition: str) -> None:
        self.condition = condition
        super().__init__(f"the solver ended with status {condition!r}, not a proven optimum")


def solve(
    program: Program,
    *,
    solver: str = HIGHS,
    threads: int = 1,
    seed: int = 0,
    check: bool = True,
    start: Any = None,
    simplex_up_to: int | None = None,
) -> Solution:
    """Maximise ``program`` by HiGHS in process, or by another of PuLP's solvers by its name.

    Integer columns are found by branch and bound to a gap of none and then held, so that the
    values, duals and reduced costs returned are those of a linear program. Another solver's
    optimum must be that of HiGHS on this linear program, which gives duals and warm re-solves:
    few solvers give duals through PuLP, and some print eight digits. The linear program begins from
    the basis ``start`` where one is given (:func:`~scfcap.funding.start.basis_for`), which may
    change which of equal optima is found. Beyond ``simplex_up_to`` nonzeros (absent:
    :data:`SIMPLEX_UP_TO`) the interior-point method is asked first.

    Raises:
        InputError: no such solver, or it is not installed; says which are.
        NoOptimumError: infeasible or unbounded.
        SolverError: anything else that is not a proven optimum, or an answer that breaks the
            conditions of optimality.
        LabelError: a coefficient of the objective is not finite.
    """
    if not np.isfinite(program.costs()).all():
        msg = "the objective holds a number that is not finite"
        raise LabelError(msg)
    options = {"threads": threads, "random_seed": seed}
    name = _known(solver)
    found: FloatArray | None = None
    if program.columns.integer or name != HIGHS:
        found = _searched(program, name, options)
    fixed = {} if found is None else whole(program, found)
    try:
        x, dual, reduced, model = _linear(
            program,
            fixed,
            options,
            start,
            SIMPLEX_UP_TO if simplex_up_to is None else simplex_up_to,
        )
    except NoOptimumError as error:
        if found is None:
            raise
        msg = f"{name} has an optimum, and HiGHS ends as {error.condition!r}"
        raise SolverError(msg) from error
    if found is not None and check:
        agree(program, name, found, x)
    return checked(program, x, dual, reduced, fixed=fixed, check=check, solver=name, _model=model)


def available() -> list[str]:
    """Names of the solvers that are installed, HiGHS in process first."""
    with warnings.catch_warnings(), quiet():
        warnings.simplefilter("ignore")
        names = pulp.listSolvers(onlyAvailable=True)
    return [HIGHS, *sorted(name for name in names if name.lower() != HIGHS)]


def _known(solver: str) -> str:
    """The solver as PuLP spells it; ``highs`` is HiGHS in process."""
    if solver.lower() == HIGHS:
        return HIGHS
    installed = available()
    names = {name.lower(): name for name in installed}
    if solver.lower() in names:
        return names[solver.lower()]
    raise InputError(
        Problem(
            "model.toml: plan.solver",
            f"{solver!r}",
            f"a solver that is installed: {', '.join(installed)}",
            "Name one of these, or install the solver so that PuLP finds it.",
        )
    )


def _searched(program: Program, solver: str, options: Mapping[str, Any]) -> FloatArray:
    """Values at the optimum, integer columns whole, by branch and bound or by another solver."""
    problem, variables = _built(program)
    if solver == HIGHS:
        condition = _run(problem, {**options, **_BRANCHING})
        if condition in _INCONCLUSIVE:
            condition = _run(problem, {**options, **_BRANCHING, "presolve": "off"})
    else:
        condition = _run_other(problem, solver, int(options["threads"]))
    _accept(condition)
    unused = program.unused
    idle = np.clip(0.0, *program.bounds())
    return np.array(
        [idle[j] if unused[j] else v.varValue for j, v in enumerate(variables)], dtype=np.float64
    )


def _linear(
    program: Program,
    fixed: Mapping[int, float],
    options: Mapping[str, Any],
    start: Any,
    simplex_up_to: int,
) -> tuple[FloatArray, FloatArray, FloatArray, Any]:
    """Values, duals, reduced costs and HiGHS itself, of the linear program with ``fixed`` held."""
    large = sum(map(len, program.rows.terms)) > simplex_up_to
    methods = (_INTERIOR, _SIMPLEX) if large else (_SIMPLEX, _INTERIOR)
    tried: list[tuple[Mapping[str, Any], Any]] = [(method, None) for method in methods]
    if start is not None:
        tried.insert(0, (_SIMPLEX, start))
    for method, basis in tried:
        model, condition = _by(program, fixed, {**options, **method}, basis)
        if condition not in (_INCONCLUSIVE if basis is None else (*_INCONCLUSIVE, "Stopped")):
            break
    _accept(condition)
    x, dual, reduced = values(model)
    x = np.where((x < 0.0) & (x > -TOLERANCE), 0.0, x)
    unused = program.unused
    x[unused] = np.clip(0.0, *program.bounds(fixed))[unused]
    reduced[unused] = 0.0
    return x, dual, reduced, model


def _by(
    program: Program, fixed: Mapping[int, float], options: Mapping[str, Any], start: Any
) -> tuple[Any, str]:
    """HiGHS with the program, handed over as arrays, and how it ended."""
    with _guarded(HIGHS):
        model = highs(program, fixed, {**_TOLERANCES, **options})
        if start is not None:
            begin(model, start, most=max(MOST_STEPS, program.shape[0]))
        condition = run(model)
        if start is not None:
            go_on(model, UNLIMITED)
        if condition == "Optimal" and options["solver"] == "ipm":
            go_on(model, {**_TOLERANCES, **_SIMPLEX})
            condition = run(model)
        return model, condition


def _built(program: Program) -> tuple[Any, list[Any]]:
    """The program in PuLP, its objective negated, and its variables in order.

    PuLP 3 hands columns over sorted by name: names are such that this is their order here too.
    """
    problem = pulp.LpProblem("program", pulp.LpMinimize)
    rows = program.rows
    kinds = [pulp.LpContinuous] * program.shape[1]
    for j in program.columns.integer:
        kinds[j] = pulp.LpInteger
    lower, upper = program.bounds()
    variables = [
        problem.add_variable(f"x{j:09d}", _bound(lower[j]), _bound(upper[j]), kind)
        for j, kind in enumerate(kinds)
    ]
    problem += (
        _EXPRESSION(
            [(variables[j], -c) for j, c in sorted(program.objective.coefficients.items())]
        ),
        "objective",
    )
    for r, terms in enumerate(rows.terms):
        expression = _EXPRESSION([(variables[j], c) for j, c in terms.items()])
        right = rows.right[r]
        if rows.sense[r] == "<=":
            problem += (expression <= right), f"r{r}"
        elif rows.sense[r] == ">=":
            problem += (expression >= right), f"r{r}"
        else:
            problem += (expression == right), f"r{r}"
    return problem, variables


def _run(problem: Any, options: Mapping[str, Any]) -> str:
    """Solve by HiGHS in process, and say how it ended."""
    limit = seconds()
    solver = pulp.HiGHS(
        msg=False,
        timeLimit=limit,
        **_TOLERANCES,
        **options,
    )
    with _guarded(HIGHS):
        return _condition(problem, at_work(lambda: problem.solve(solver), limit))


def _run_other(problem: Any, name: str, threads: int) -> str:
    """Solve by another solver, and say how it ended."""
    with _guarded(name), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        taken = inspect.signature(type(pulp.getSolver(name, msg=False)).__init__).parameters
        wanted = {"threads": threads, "gapRel": 0.0}
        options = {key: value for key, value in wanted.items() if key in taken}
        solver = pulp.getSolver(name, msg=False, **options)
        return _condition(problem, problem.solve(solver))


@contextmanager
def _guarded(name: str) -> Iterator[None]:
    """Keep a solver's banner off standard output, and say which one crashed."""
    try:
        with quiet():
            yield
    except (InputError, MemoryError):
        raise
    except Exception as error:  # what an interface to a solver raises is its own affair
        msg = f"the solver {name} failed: {type(error).__name__}: {error}"
        raise SolverError(msg) from error


def _accept(condition: str) -> None:
    """Refuse what is not a proven optimum."""
    if condition in _NO_OPTIMUM:
        raise NoOptimumError(condition)
    if condition != "Optimal":
        msg = f"the solver ended with status {condition!r}, not a proven optimum"
        raise SolverError(msg)


def _bound(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _condition(problem: Any, outcome: Any) -> str:
    """How the solver ended, "Optimal" only where it proved it; the same for PuLP 3 and 4."""
    if hasattr(outcome, "has_solution"):
        name = str(outcome.status.name)
        return "Stopped" if name == "Optimal" and not outcome.has_solution else name
    name = str(pulp.LpStatus.get(outcome, f"code {outcome}"))
    if name == "Optimal" and problem.sol_status != pulp.LpSolutionOptimal:
        return "Stopped"
    return name
