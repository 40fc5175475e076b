"""One of many equal plans: the one that moves least money and acts late, or early.

Funding programs are full of ties. After the first solve the objective is held within
``max(1e-7 |z*|, 1e-6)`` money units of its optimum, and two further solves from its basis choose:

1. least turnover: all transfers, and every change of what a channel outside funds;
2. with that turnover, least ``sum(w * decision)``, where ``w`` falls with the period (late) or
   rises with it (early), times ``1 + h / 2``: ``h`` in [0, 1) is a digest of the column's names,
   its period left out, so that no two ways to act cost the same, in whatever order a model
   lists them.

The room left in a goal is what makes the choice stable: a rate that moves by next to nothing
does not break a tie. Room has a price, :data:`DEAR`, so that it is not spent on what earns
more than next to nothing: a limit that is worth something stays binding. Beyond :data:`LARGE`
columns one solve with perturbed costs chooses instead. Prices stay those of the first solve: a
later one changes what a dual means.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from scfcap.errors import SolverError
from scfcap.funding.at_work import solve
from scfcap.funding.program import TOLERANCE, Key, Program, Solution, Terms
from scfcap.funding.solution import FEASIBLE, excess, quiet
from scfcap.funding.variables import Book
from scfcap.quantities import FloatArray

How = Literal["passes", "perturbation", "none"]
When = Literal["late", "early"]

#: Columns above which costs are perturbed where the model does not say how to choose.
LARGE = 50_000
#: Room left in a goal that has been reached: share of it, and least [money units].
ROOM, LEAST = 1e-7, 1e-6
#: Price of a unit of room: what is worth less than 1 / DEAR for each unit moved is a tie.
DEAR = 1e7
#: Perturbation of a decision's cost, share of the largest cost; its seed.
PERTURBED, SEED = 1e-7, 0
#: Share by which the digest of its names moves the weight of a decision.
DIGEST = 0.5
#: Weight of cash that a series keeps while it repays notes: its waterfall keeps none.
KEPT = 10.0
_UNCHOSEN = "The plan is one of several that may be as good, as the solver found it"
#: The primal simplex of HiGHS: the first solution is feasible for the passes.
PRIMAL = 4
#: Dual feasibility tolerance of the passes, whose costs are 1 and more, and up to DEAR.
STEEP = 1e-7
#: Columns that follow from the others, and are nobody's decision.
_FOLLOWS = frozenset("HMKQNAREuz")


@dataclass(frozen=True)
class Choice:
    """How the plan was chosen among equals, and what it took.

    ``first`` is the first solution, in all. ``solution`` has the values chosen; its objective
    (the optimum), duals and reduced costs are the first's. ``given_up`` is what the values lack
    of the optimum, ``turnover`` what moves in the first solution and in the chosen one [money
    units]; ``seconds`` by pass. ``kept`` says why the first solution stayed, where another was
    looked for.
    """

    how: How
    first: Solution
    solution: Solution
    given_up: float = 0.0
    turnover: tuple[float, float] = (math.nan, math.nan)
    seconds: Mapping[str, float] = field(default_factory=dict)
    when: When = "late"
    kept: str = ""

    def says(self, currency: str, unit: float) -> str:
        """How the plan was chosen, in a sentence; ``unit`` is a money unit in currency."""
        if self.kept:
            return (
                f"The plan is one of several that may be as good: of the one chosen, {self.kept}."
            )
        if self.how == "none":
            return "The plan is one of several that may be as good."
        given = f"{currency} {abs(self.given_up) * unit:,.2f}"
        if self.how == "perturbation":
            return (
                f"Of plans as good, the one that costs perturbed by {PERTURBED:g} (seed {SEED}) "
                f"prefer; at true costs it is {given} from the optimum."
            )
        before, after = (f"{x * unit:,.0f}" for x in self.turnover)
        same = given.endswith(" 0.00")
        as_good = "as good to the cent" if same else f"within {given} of the optimum"
        return (
            f"Of all plans {as_good}, the one that moves least money "
            f"({currency} {after}; the first found {before}), and with that acts {self.when}."
        )


def choose(
    book: Book | Sequence[Book],
    first: Solution,
    how: How | None = None,
    when: When = "late",
) -> Choice:
    """The plan among all that are as good as ``first``; ``how`` absent: by size.

    Several books are those of scenarios in one program: turnover is that of all together, and a
    decision weighs the same whether it stands for one scenario or for a node of many. Integer
    columns stay where the first solve has them.

    Raises:
        SolverError: a pass ended without a proven optimum, or broke a row.
    """
    program = first.program
    books = tuple(book) if isinstance(book, Sequence) else (book,)
    how = how or ("perturbation" if program.shape[1] > LARGE else "passes")
    if how == "none":
        return Choice(how, first, first, when=when)
    run = _perturbed if how == "perturbation" else _passes
    x, seconds, turnover = run(books, first, when)
    value = math.fsum(program.costs() * x) + program.objective.constant
    chosen = replace(
        first,
        x=x,
        primal_residual=_kept(program, x, first),
    )
    return Choice(how, first, chosen, first.objective - value, turnover, seconds, when)


def room(goal: float) -> float:
    """How far a goal that has been reached may be missed by what comes after it [money units]."""
    return max(ROOM * abs(goal), LEAST)


def _kept(program: Program, x: FloatArray, first: Solution) -> float:
    worst = excess(program, x, first.fixed)
    if not worst <= FEASIBLE * max(1.0, float(np.abs(program.rows.right).max(initial=0.0))):
        msg = f"the plan chosen among equals breaks a limit by {worst:.3g}"
        raise SolverError(msg)
    return worst


def _passes(
    books: Sequence[Book], first: Solution, when: When
) -> tuple[FloatArray, dict[str, float], tuple[float, float]]:
    start = time.perf_counter()
    program = first.program
    again = Again(program, first)
    costs, count = program.costs(), program.shape[1]
    changes = [terms for book in books for terms in _changes(book)]
    sizes = again.either_way(changes)
    moved, idle = np.zeros(count), np.zeros(count)
    for book in books:
        for j, family, key in book.program.labelled():
            moved[j] = 1.0 if family == "Y" else 0.0
            idle[j] = KEPT if family == "Q" and _repaying(book, key) else 0.0
    moved = np.concatenate([moved, np.ones(2 * len(changes))])
    before = math.fsum(moved[:count] * first.x) + sizes
    again.at_least(costs, math.fsum(costs * first.x), room(first.objective))
    x = again.least(_sum(moved, idle))
    after = math.fsum(moved * x[: len(moved)])
    now = time.perf_counter()
    seconds = {"turnover": now - start}
    again.at_least(-moved, -after, room(after))
    x = again.least(_sum(_together(books, when), idle))
    seconds["timing"] = time.perf_counter() - now
    after = math.fsum(moved * x[: len(moved)])
    return again.tidy(x), seconds, (before, after)


def _sum(one: FloatArray, other: FloatArray) -> FloatArray:
    """Costs of columns, those of the longer array that the shorter has not as they are."""
    total = np.zeros(max(len(one), len(other)))
    total[: len(one)] += one
    total[: len(other)] += other
    return total


def _perturbed(
    books: Sequence[Book], first: Solution, when: When
) -> tuple[FloatArray, dict[str, float], tuple[float, float]]:
    start = time.perf_counter()
    program = first.program
    costs = program.costs()
    step = PERTURBED * max(float(np.abs(costs).max(initial=0.0)), LEAST)
    again = Again(program, first)
    again.model.setOptionValue("dual_feasibility_tolerance", TOLERANCE)
    x = again.tidy(again.least(step * _together(books, when, f"{SEED}") - costs))
    return x, {"perturbation": time.perf_counter() - start}, (math.nan, math.nan)


class Again:
    """The program of a solution in a HiGHS of its own, at the optimal basis, to solve again."""

    def __init__(self, program: Program, first: Solution) -> None:
        self.program, self.first = program, first
        self.room: list[int] = []
        source = first._model
        if source.getNumCol() != program.shape[1]:
            msg = "a program without an objective has no optimum to choose from"
            raise SolverError(msg)
        self.model: Any = type(source)()
        with quiet():
            self.model.setOptionValue("output_flag", False)
            self.model.passOptions(source.getOptions())
            self.model.setOptionValue("output_flag", False)
            self.model.setOptionValue("solver", "simplex")
            self.model.setOptionValue("simplex_strategy", PRIMAL)
            self.model.setOptionValue("dual_feasibility_tolerance", STEEP)
            self.model.passModel(source.getLp())
            self.model.setBasis(source.getBasis())

    def at_least(self, costs: FloatArray, goal: float, room: float) -> None:
        """A row that keeps a goal, but for its room: a column that :meth:`least` makes dear."""
        used = self.model.getNumCol()
        self.model.addCol(0.0, 0.0, room, 0, [], [])
        columns = np.flatnonzero(costs)
        self.model.addRow(
            goal,
            math.inf,
            len(columns) + 1,
            np.array([*columns, used], dtype=np.int32),
            np.array([*costs[columns], 1.0]),
        )
        self.room.append(used)

    def either_way(self, changes: Sequence[Terms]) -> float:
        """Two columns, up and down, for the size of each change; returns their sum as it is.

        The one that is used starts in the basis, so that the first solution stays feasible.
        """
        model, first, rows = self.model, self.model.getNumCol(), self.model.getNumRow()
        x, sizes = self.first.x, []
        for n, terms in enumerate(changes):
            up = first + 2 * n
            model.addCol(0.0, 0.0, math.inf, 0, [], [])
            model.addCol(0.0, 0.0, math.inf, 0, [], [])
            columns = np.array([*terms.coefficients, up, up + 1], dtype=np.int32)
            factors = np.array([*terms.coefficients.values(), -1.0, 1.0])
            model.addRow(-terms.constant, -terms.constant, len(columns), columns, factors)
            sizes.append(terms.value(x))
        basis = model.getBasis()
        of_columns, of_rows = list(basis.col_status), list(basis.row_status)
        kind = type(of_rows[0])
        for n, size in enumerate(sizes):
            of_columns[first + 2 * n + (size <= 0.0)] = kind.kBasic
            of_rows[rows + n] = kind.kLower
        basis.col_status, basis.row_status = of_columns, of_rows
        model.setBasis(basis)
        return math.fsum(map(abs, sizes))

    def least(self, costs: FloatArray) -> FloatArray:
        """Values at the least cost; columns beyond ``costs`` are free but for room.

        Raises:
            SolverError: there is no proven optimum.
        """
        count = self.model.getNumCol()
        whole = np.zeros(count)
        whole[: len(costs)] = costs
        whole[self.room] = DEAR
        self.model.changeColsCost(count, np.arange(count, dtype=np.int32), whole)
        with quiet():
            solve(self.model)
        ended = str(self.model.modelStatusToString(self.model.getModelStatus()))
        if ended != "Optimal":
            msg = f"choosing among equal plans ended with status {ended!r}"
            raise SolverError(msg)
        return np.array(self.model.getSolution().col_value, dtype=np.float64)

    def tidy(self, x: FloatArray) -> FloatArray:
        """Values of the program's own columns, those in no row as the first solve has them."""
        own = x[: self.program.shape[1]].copy()
        own[(own < 0.0) & (own > -1e-9)] = 0.0
        unused = self.program.unused
        own[unused] = self.first.x[unused]
        return own


def _changes(book: Book) -> Iterator[Terms]:
    """Change in each period of what each channel outside funds."""
    inputs = book.inputs
    for t in inputs.periods:
        pairs = [
            (
                book.debt(x.name, t).plus(float(x.open_balance[t])),
                book.debt(x.name, t - 1).plus(float(x.open_balance[t - 1])),
            )
            for x in inputs.lenders
        ]
        holders = [b.place for b in inputs.buyers] + [x.place for x in inputs.partners]
        pairs += [(book.total(where, t), book.total(where, t - 1)) for where in holders]
        pairs += [(book.all_notes(d, t), book.all_notes(d, t - 1)) for d in inputs.deals]
        pairs.append((book.p2p_stock(t), book.p2p_stock(t - 1)))
        for now, before in pairs:
            change = now.extend(before, -1.0)
            if change.coefficients:
                yield change


def _repaying(book: Book, key: Key) -> bool:
    """Whether a series repays notes at the time of one of its cash columns."""
    name, t = key
    return int(t) > book.inputs.deal(str(name)).last_revolving


def _together(books: Sequence[Book], when: When, seed: str = "") -> FloatArray:
    """Weight of each column of the program that the books share; shape (columns,)."""
    weights = [_weights(book, when, seed) for book in books]
    return np.asarray(np.max(weights, axis=0))


def _weights(book: Book, when: When, seed: str = "") -> FloatArray:
    """Weight of each column: its period, and a digest of its names; shape (columns,)."""
    columns = book.program.columns
    weights = np.zeros(len(columns.family))
    for j, family, key in book.program.labelled():
        if family not in _FOLLOWS and math.isfinite(columns.lower[j]):
            weights[j] = _weight(book, when, seed, family, key)
    return weights


def _weight(book: Book, when: When, seed: str, family: str, key: Key) -> float:
    horizon, parts = book.inputs.horizon, _named(book, family, key)
    t = parts[-1] if isinstance(parts[-1], int) else 1
    share = (horizon + 1 - t) / horizon if when == "late" else t / horizon
    names = "|".join(str(part) for part in parts if part is not t)
    text = f"{seed}|{family}|{names}".encode()
    digest = int.from_bytes(hashlib.sha256(text).digest()[:6], "big") / 2.0**48
    return max(share, 0.0) * (1.0 + DIGEST * digest)


def _named(book: Book, family: str, key: Key) -> list[Any]:
    """A column's key by names rather than places in a list, its period last where it has one."""
    inputs = book.inputs
    parts = list(key) if isinstance(key, tuple) else [key]
    if family in ("O", "OC"):
        parts[0] = inputs.segments[int(parts[0])]
    elif family == "Y":
        j, cohorts = int(parts[0]), inputs.cohorts
        segment = inputs.segments[int(cohorts.segment[j])]
        parts[0] = f"{segment}|{int(cohorts.vintage[j])}|{cohorts.origin[j]}"
    elif family == "P" and inputs.p2p is not None:
        parts[0] = f"{inputs.p2p.steps[int(parts[0])].rate:.6g}"
    elif family == "S":
        parts.append(int(inputs.deal(str(parts[0])).closing))
    return parts
