"""The thin labelled layer over PuLP, and the solver adapter. Nothing else imports PuLP.

A :class:`Program` is a set of labelled columns and of constraint families. A family is declared
with the labels of its rows; a missing, extra, repeated or NaN row raises and names family and
key. A limit that does not apply is declared absent, never NaN. Rows keep everything that is
data on the right, so that the dual of a row is the value of one more unit of that datum.

The adapter always minimises the negated objective and turns signs itself, because a maximised
program has opposite duals in PuLP 3 and 4. Only a proven optimum is accepted.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pulp
from scipy import sparse

from scfcap.errors import FaultError, SolverError
from scfcap.quantities import BoolArray, FloatArray

#: A row's or column's label: a name, a period, or a tuple of them.
Key = Any
Sense = Literal["<=", ">=", "="]

_EXPRESSION: Any = getattr(pulp.LpAffineExpression, "from_list", pulp.LpAffineExpression)


class LabelError(FaultError):
    """A row or column of the program breaks the rules of its family."""


class Terms:
    """A linear expression ``sum(coefficient * column) + constant`` under construction."""

    __slots__ = ("coefficients", "constant")

    def __init__(self) -> None:
        self.coefficients: dict[int, float] = {}
        self.constant = 0.0

    def add(self, column: int | None, coefficient: float = 1.0) -> Terms:
        """Add ``coefficient * column``; a column that does not exist counts zero."""
        if column is not None and coefficient != 0.0:
            self.coefficients[column] = self.coefficients.get(column, 0.0) + coefficient
        return self

    def plus(self, constant: float) -> Terms:
        """Add a constant."""
        self.constant += constant
        return self

    def extend(self, other: Terms, factor: float = 1.0) -> Terms:
        """Add ``factor * other``."""
        if factor != 0.0:
            mine, theirs = self.coefficients, other.coefficients
            if mine:
                for column, coefficient in theirs.items():
                    if coefficient != 0.0:
                        mine[column] = mine.get(column, 0.0) + factor * coefficient
            else:
                mine.update({j: factor * c for j, c in theirs.items() if c != 0.0})
            self.constant += factor * other.constant
        return self

    @classmethod
    def of(cls, columns: Sequence[int], coefficients: FloatArray, constant: float = 0.0) -> Terms:
        """``sum_n coefficients[n] * columns[n] + constant``, a column once; zeros are left out."""
        terms = cls()
        given = zip(columns, coefficients.tolist(), strict=True)
        terms.coefficients.update(
            given if coefficients.all() else {j: c for j, c in given if c != 0.0}
        )
        terms.constant = constant
        return terms

    def copy(self) -> Terms:
        """The same expression, to go on from."""
        terms = Terms()
        terms.coefficients.update(self.coefficients)
        terms.constant = self.constant
        return terms

    def value(self, x: FloatArray) -> float:
        """The expression at the column values ``x``."""
        return self.constant + math.fsum(c * x[j] for j, c in self.coefficients.items())


@dataclass(frozen=True)
class Row:
    """``terms sense right``; the constant of ``terms`` is moved to the right."""

    terms: Terms
    sense: Sense
    right: float = 0.0


@dataclass(frozen=True)
class Absent:
    """A row that does not apply, said on purpose."""

    why: str


@dataclass
class _Columns:
    family: list[str] = field(default_factory=list)
    key: list[Key] = field(default_factory=list)
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)


@dataclass
class _Rows:
    family: list[str] = field(default_factory=list)
    key: list[Key] = field(default_factory=list)
    sense: list[Sense] = field(default_factory=list)
    right: list[float] = field(default_factory=list)
    constant: list[float] = field(default_factory=list)
    terms: list[dict[int, float]] = field(default_factory=list)


class Program:
    """Columns and rows under construction; maximises ``objective``."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.columns = _Columns()
        self.rows = _Rows()
        self.objective = Terms()
        self._column_index: dict[tuple[str, Key], int] = {}
        self._row_index: dict[tuple[str, Key], int] = {}
        self.absent: dict[tuple[str, Key], str] = {}

    def column(self, family: str, key: Key, *, lower: float = 0.0, upper: float = math.inf) -> int:
        """Declare one column and return its index.

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
        return index

    def find(self, family: str, key: Key) -> int | None:
        """Index of a column, or None where it does not exist."""
        return self._column_index.get((family, key))

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

    def costs(self) -> FloatArray:
        """Objective coefficients of the maximisation, shape (columns,)."""
        c = np.zeros(self.shape[1])
        for j, value in self.objective.coefficients.items():
            c[j] = value
        return c


@dataclass(frozen=True)
class Solution:
    """A proven optimum of a :class:`Program`, in the sense of its maximisation.

    ``x`` column values; ``dual`` change of the objective per unit of a row's right-hand side;
    ``reduced_cost`` change of the objective per unit of a column forced up from its bound.
    """

    program: Program
    objective: float
    x: FloatArray
    dual: FloatArray
    reduced_cost: FloatArray
    primal_residual: float
    duality_gap: float
    _model: Any = field(repr=False, default=None)

    def value(self, family: str, key: Key) -> float:
        """Value of a column; zero where it does not exist."""
        index = self.program.find(family, key)
        return 0.0 if index is None else float(self.x[index])

    def duals(self, family: str) -> dict[Key, float]:
        """Duals of a family by key."""
        return {key: float(self.dual[i]) for key, i in self.program.rows_of(family).items()}

    def shifted(self, shifts: Mapping[int, float]) -> float | None:
        """Objective after moving the right-hand sides of rows, from the optimal basis.

        Returns None where the shifted program has no proven optimum. The program itself is
        left as it was.
        """
        rows = self.program.rows
        bounds = {r: _row_bounds(rows.sense[r], rows.right[r]) for r in shifts}
        with _quiet():
            for r, shift in shifts.items():
                low, high = bounds[r]
                self._model.changeRowBounds(r, low + shift, high + shift)
            self._model.run()
            optimal = "optimal" in str(self._model.getModelStatus()).lower()
            value = -float(self._model.getObjectiveValue()) if optimal else None
            for r, (low, high) in bounds.items():
                self._model.changeRowBounds(r, low, high)
        return None if value is None else value + self.program.objective.constant


def _row_bounds(sense: Sense, right: float) -> tuple[float, float]:
    low = right if sense in (">=", "=") else -math.inf
    high = right if sense in ("<=", "=") else math.inf
    return low, high


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


def solve(program: Program, *, threads: int = 1, seed: int = 0, check: bool = True) -> Solution:
    """Maximise ``program`` by HiGHS in process.

    Raises:
        NoOptimumError: infeasible or unbounded.
        SolverError: anything else that is not a proven optimum, or a solution whose residuals
            or duality gap are too large.
        LabelError: a coefficient of the objective is not finite.
    """
    if not np.isfinite(program.costs()).all():
        msg = "the objective holds a number that is not finite"
        raise LabelError(msg)
    problem = pulp.LpProblem("program", pulp.LpMinimize)
    columns, rows = program.columns, program.rows
    variables = [
        problem.add_variable(f"x{j}", _bound(columns.lower[j]), _bound(columns.upper[j]))
        for j in range(len(columns.family))
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
    condition = _run(problem, threads=threads, random_seed=seed)
    if condition in _INCONCLUSIVE:
        condition = _run(problem, threads=threads, random_seed=seed, solver="ipm")
    if condition in _NO_OPTIMUM:
        raise NoOptimumError(condition)
    if condition != "Optimal":
        msg = f"the solver ended with status {condition!r}, not a proven optimum"
        raise SolverError(msg)
    x = np.array([v.varValue for v in variables], dtype=np.float64)
    x = np.where((x < 0.0) & (x > -1e-9), 0.0, x)
    dual = -np.array([c.pi for c in problem.constraints()], dtype=np.float64)
    reduced = -np.array([v.dj for v in variables], dtype=np.float64)
    unused = program.unused
    x[unused] = np.clip(0.0, columns.lower, columns.upper)[unused]
    reduced[unused] = 0.0
    return _checked(program, x, dual, reduced, problem.solverModel, check=check)


def _run(problem: Any, **options: Any) -> str:
    """Solve, and say how it ended."""
    solver = pulp.HiGHS(
        msg=False,
        primal_feasibility_tolerance=1e-9,
        dual_feasibility_tolerance=1e-9,
        **options,
    )
    with _quiet():
        return _condition(problem, problem.solve(solver))


def _bound(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _condition(problem: Any, outcome: Any) -> str:
    """How the solver ended, "Optimal" only where it proved it; the same for PuLP 3 and 4."""
    if hasattr(outcome, "has_solution"):
        return str(outcome.status.name)
    name = str(pulp.LpStatus[outcome])
    if name == "Optimal" and problem.sol_status != pulp.LpSolutionOptimal:
        return "Stopped"
    return name


def _checked(
    program: Program,
    x: FloatArray,
    dual: FloatArray,
    reduced: FloatArray,
    model: Any,
    *,
    check: bool,
) -> Solution:
    matrix = program.matrix()
    right = np.asarray(program.rows.right)
    sense = np.asarray(program.rows.sense)
    slack = right - matrix @ x
    residual = np.where(sense == "<=", -slack, np.where(sense == ">=", slack, np.abs(slack)))
    worst = float(max(0.0, residual.max(initial=0.0)))
    costs = program.costs()
    objective = math.fsum(costs * x)
    lower = np.asarray(program.columns.lower)
    upper = np.asarray(program.columns.upper)
    bound = np.where(reduced > 0.0, upper, lower)
    bound = np.where(np.isfinite(bound), bound, 0.0)
    dual_objective = math.fsum(dual * right) + math.fsum(reduced * bound)
    gap = abs(objective - dual_objective) / max(1.0, abs(objective))
    allowed = 1e-6 * max(1.0, float(np.abs(right).max(initial=0.0)))
    if check and not (worst <= allowed and gap <= 1e-6):
        msg = f"the solver's answer does not check: residual {worst:.3g}, duality gap {gap:.3g}"
        raise SolverError(msg)
    return Solution(
        program, objective + program.objective.constant, x, dual, reduced, worst, gap, model
    )


def elastic(
    program: Program, weights: Mapping[int, float]
) -> tuple[Program, dict[int, tuple[int, ...]]]:
    """A copy in which the rows of ``weights`` may be broken at that price per unit.

    Returns the program (it maximises minus the total price) and, by row, its slack columns.
    """
    copy = Program(f"{program.name}, elastic")
    copy.columns = _Columns(
        list(program.columns.family),
        list(program.columns.key),
        list(program.columns.lower),
        list(program.columns.upper),
    )
    copy._column_index = dict(program._column_index)
    copy._row_index = dict(program._row_index)
    rows = program.rows
    copy.rows = _Rows(
        list(rows.family),
        list(rows.key),
        list(rows.sense),
        list(rows.right),
        list(rows.constant),
        [dict(t) for t in rows.terms],
    )
    slacks: dict[int, tuple[int, ...]] = {}
    for r, weight in weights.items():
        signs = {"<=": (-1.0,), ">=": (1.0,), "=": (1.0, -1.0)}[rows.sense[r]]
        added = []
        for sign in signs:
            j = copy.column("relaxation", (r, sign))
            copy.rows.terms[r][j] = sign
            copy.objective.add(j, -weight)
            added.append(j)
        slacks[r] = tuple(added)
    return copy, slacks


def lp_text(program: Program, families: Sequence[str] | None = None) -> str:
    """The program as readable text, one row a line, for golden files.

    Columns read ``family[key]``; coefficients are printed with up to 10 digits; rows and their
    terms are sorted by label.
    """
    lines = []
    names = [
        f"{f}[{_label(k)}]"
        for f, k in zip(program.columns.family, program.columns.key, strict=True)
    ]
    for (family, key), r in sorted(
        program._row_index.items(), key=lambda item: (item[0][0], _label(item[0][1]))
    ):
        if families is not None and family not in families:
            continue
        terms = sorted((names[j], c) for j, c in program.rows.terms[r].items())
        left = " ".join(f"{c:+.10g} {name}" for name, c in terms)
        lines.append(
            f"{family}[{_label(key)}]: {left} {program.rows.sense[r]} {program.rows.right[r]:.10g}"
        )
    return "\n".join(lines) + "\n"


def _label(key: Key) -> str:
    return ",".join(map(str, key)) if isinstance(key, tuple) else str(key)


@contextmanager
def _quiet() -> Iterator[None]:
    """Send the solver's C-level banner on file descriptor 1 nowhere."""
    sys.stdout.flush()
    try:
        saved = os.dup(1)
    except OSError:
        yield
        return
    devnull = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(devnull, 1)
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(devnull)
