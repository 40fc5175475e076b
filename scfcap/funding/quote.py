"""What one more loan earns for a plan, and where it is funded, from the plan's prices.

The loan is a new column of the program, worth its reduced cost: what it brings itself, less what
the rows that it enters are worth. Where it goes and when is the best of all that a cohort of its
segment may do, by a small linear program over its own columns with the plan's duals ``y``:

    max (c - y A) q    subject to the rows of the loan alone, and made = 1

The basis ``B`` of the plan says how its decisions give way, ``x_B' = - B^-1 A q`` a unit: the
sources that move, and by the ratio test the amount up to which none of them meets a limit. Up to
it the value is exact, as the duals stay optimal. Where it is less than the loan, the program is
solved again with the loan in it, from the same basis. (G. Dantzig, *Linear Programming and
Extensions*, 1963, ch. 12; B. Jansen et al., EJOR 101 (1997) 15-28, on what one basis can tell.)

The loan comes with a demand of its own. What is owed and promised to others stays.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from scfcap.cashflow.cohorts import NewLoans
from scfcap.credit.curves import CurveSet
from scfcap.funding.inputs import Inputs
from scfcap.funding.naming import row_words
from scfcap.funding.program import Key, Program, Row, Terms
from scfcap.funding.quote_lines import Lines, cash_lines, column_words, value_lines
from scfcap.funding.quoted import Asked, Columns, loan_columns, one_scenario, without_loans
from scfcap.funding.solution import quiet, row_bounds
from scfcap.funding.warm import BASIC, Warm
from scfcap.quantities import FloatArray, IntArray

if TYPE_CHECKING:
    from scfcap.funding.plan import Plan

How = Literal["prices", "re-solve"]

#: A response below this per unit of loan is none [1].
STILL = 1e-9
#: A distance to a limit below this is none [money units].
TOUCHING = 1e-9
#: Value per unit of loan at which a rate earns nothing; most rates tried; the highest [1/year].
NOTHING, TRIES, HIGHEST = 1e-10, 12, 10.0


@dataclass(frozen=True)
class Stand:
    """A solved plan as quotes need it.

    ``x``, ``dual``, ``columns`` and ``rows`` are values, duals and basis (codes of HiGHS, 1 is
    basic) of ``program`` at its optimum. ``curves`` are of the plan's scenario alone, ``new`` what
    new loans of each segment are. ``value`` and ``cash`` are lines of the objective and of the
    company's cash by column.
    """

    inputs: Inputs
    curves: CurveSet
    new: Mapping[str, NewLoans]
    program: Program
    x: FloatArray
    dual: FloatArray
    columns: IntArray
    rows: IntArray
    fixed: Mapping[int, float]
    value: Lines
    cash: Lines

    @classmethod
    def of(cls, plan: Plan, curves: CurveSet, new: Mapping[str, NewLoans]) -> Stand:
        """Of a plan; ``curves`` are those that it was made from, in all scenarios."""
        first, inputs = plan.choice.first, plan.optimum.inputs
        warm = Warm(first.program, first)
        point = warm.solve()
        assert point is not None, "a solved program has an optimum"
        book, count = plan.optimum.book, first.program.shape[1]
        return cls(
            inputs=inputs,
            curves=one_scenario(curves, inputs.spec.plan.scenario),
            new=new,
            program=first.program,
            x=point.x[:count],
            dual=point.dual,
            columns=warm.basis()[0],
            rows=warm.basis()[1],
            fixed=first.fixed,
            value=value_lines(book),
            cash=cash_lines(book),
        )

    @cached_property
    def labels(self) -> dict[object, int]:
        """Rows by family and key."""
        rows = self.program.rows
        return {label: r for r, label in enumerate(zip(rows.family, rows.key, strict=True))}

    @cached_property
    def idle(self) -> frozenset[str]:
        """Families whose rows hold no loans."""
        return without_loans(self.program)

    @cached_property
    def matrix(self) -> sparse.csc_array:
        """Coefficients of the program."""
        return sparse.csc_array(self.program.matrix())

    @cached_property
    def activity(self) -> FloatArray:
        """What each row takes."""
        return np.asarray(self.matrix @ self.x)

    @cached_property
    def basic(self) -> tuple[IntArray, IntArray]:
        """Columns and rows of the basis."""
        return np.flatnonzero(self.columns == BASIC), np.flatnonzero(self.rows == BASIC)

    @cached_property
    def factor(self) -> Any:
        """The basis, factorised: structural columns, then the activities of basic rows."""
        columns, rows = self.basic
        size = self.matrix.shape[0]
        slack = sparse.csc_array(
            (-np.ones(len(rows)), (rows, np.arange(len(rows)))), shape=(size, len(rows))
        )
        return splu(sparse.csc_matrix(sparse.hstack([self.matrix[:, columns], slack])))

    @cached_property
    def limits(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Least and most of the basic columns, then of the basic rows' activities."""
        columns, rows = self.basic
        lower, upper = self.program.bounds(self.fixed)
        sense, right = self.program.rows.sense, self.program.rows.right
        sides = [row_bounds(sense[r], right[r]) for r in rows]
        low, high = np.array(sides).reshape(-1, 2).T
        return lower[columns], upper[columns], low, high

    def response(self, enters: FloatArray) -> FloatArray:
        """Change of the basic columns and rows where rows are entered by ``enters`` per unit."""
        return np.asarray(self.factor.solve(-enters))


@dataclass(frozen=True)
class Answer:
    """What a loan does to the plan, per unit of it [money units].

    ``worth`` is the change of the objective, ``own`` the loan's columns, ``moves`` the change of
    the plan's. ``reach`` [money units] is the amount up to which the plan's prices hold: 0 where it
    is not known; ``next_limit`` binds then.
    """

    how: How
    columns: Columns
    worth: float
    own: FloatArray
    moves: FloatArray
    reach: float
    next_limit: str


@dataclass(frozen=True)
class Quoter:
    """Quotes from one solved plan."""

    stand: Stand

    def columns(self, asked: Asked) -> Columns:
        """The loan's columns in the plan's program."""
        stand = self.stand
        new = stand.new[asked.segment]
        inputs, curves = stand.inputs, stand.curves
        return loan_columns(inputs, curves, new, asked, stand.labels, stand.idle)

    def answer(self, asked: Asked) -> Answer | None:
        """By prices where they hold for the whole amount, else by a re-solve; None: no plan with
        this loan keeps all limits.
        """
        columns = self.columns(asked)
        found = self.by_prices(asked, columns)
        if found is not None and found.reach >= asked.amount / self.stand.inputs.unit:
            return found
        again = self.by_solving(asked, columns)
        if again is None or found is None:
            return again
        return replace(again, reach=found.reach, next_limit=found.next_limit)

    def by_prices(self, asked: Asked, columns: Columns) -> Answer | None:
        """From the duals and the basis; None where they cannot tell."""
        stand = self.stand
        reduced = columns.costs - columns.matrix.T @ stand.dual
        amount = asked.amount / stand.inputs.unit
        best = _continued(columns, reduced, stand, amount)
        if best is None:
            return None
        worth, own = best
        enters = np.asarray(columns.matrix @ own)
        response = stand.response(enters)
        count = len(stand.basic[0])
        moves = np.zeros(stand.program.shape[1])
        moves[stand.basic[0]] = response[:count]
        reach, limit = self._reach(response)
        closest = _own_reach(columns, own, moves, stand)
        if closest < reach:
            reach, limit = closest, "a limit on the loan itself"
        return Answer("prices", columns, worth, own, moves, reach, limit)

    def _reach(self, response: FloatArray) -> tuple[float, str]:
        """The ratio test: units of loan until a basic column or row meets a limit, and which."""
        stand = self.stand
        columns, rows = stand.basic
        lower, upper, low, high = stand.limits
        value = np.concatenate((stand.x[columns], stand.activity[rows]))
        room = np.where(
            response > 0.0, np.concatenate((upper, high)) - value,
            value - np.concatenate((lower, low)),
        )  # fmt: skip
        room = np.where(room > TOUCHING, room, 0.0)
        speed = np.abs(response)
        steps = np.full(len(speed), math.inf)
        np.divide(room, speed, out=steps, where=speed > STILL)
        k = int(np.argmin(steps)) if len(steps) else -1
        if k < 0 or not math.isfinite(steps[k]):
            return math.inf, ""
        program, inputs = stand.program, stand.inputs
        if k >= len(columns):
            return float(steps[k]), row_words(inputs, program, int(rows[k - len(columns)]))
        j = int(columns[k])
        family, key = program.columns.family[j], program.columns.key[j]
        return float(steps[k]), column_words(inputs, family, key)

    def by_solving(self, asked: Asked, columns: Columns) -> Answer | None:
        """The program with the loan in it, from the plan's basis; None where it has no optimum."""
        stand = self.stand
        program, count = stand.program, stand.program.shape[1]
        warm = Warm(program, fixed=stand.fixed)
        warm.begin(stand.columns, stand.rows)
        place = {label: j for j, label in enumerate(_column_labels(program))}
        rows = [
            warm.add_row(
                {place[x]: c for x, c in row.shared.items() if x in place},
                *row_bounds(row.sense, row.right),
            )
            for row in columns.rows
        ]
        matrix = columns.matrix
        added = []
        for q, cost in enumerate(columns.costs):
            part = slice(matrix.indptr[q], matrix.indptr[q + 1])
            terms = dict(
                zip(matrix.indices[part].tolist(), matrix.data[part].tolist(), strict=True)
            )
            terms |= {
                r: row.own[q] for r, row in zip(rows, columns.rows, strict=True) if q in row.own
            }
            added.append(warm.add_column(terms, 0.0, math.inf, float(cost)))
        with quiet():
            point = warm.solve()
        if point is None:
            return None
        amount = asked.amount / stand.inputs.unit
        moves = (point.x[:count] - stand.x) / amount
        own = point.x[added] / amount
        worth = math.fsum([*(program.costs() * moves), *(columns.costs * own)])
        return Answer("re-solve", columns, worth, own, moves, 0.0, "")

    def least_rate(self, asked: Asked) -> float | None:
        """Rate at which the loan earns nothing at the plan's prices [1/year]; None: above 1,000%.

        The value of a loan is linear in its rate as long as it is funded alike, and where
        instalments do not follow from the rate: the rate is found by secants. Zero where the loan
        earns something without any interest.
        """
        low, high = 0.0, max(asked.rate, 0.01)
        at_low, at_high = self._worth(asked, low), self._worth(asked, high)
        if at_low >= 0.0:
            return 0.0
        while at_high < 0.0:
            if high >= HIGHEST:
                return None
            low, at_low, high = high, at_high, min(2.0 * high, HIGHEST)
            at_high = self._worth(asked, high)
        for _ in range(TRIES):
            rate = low - at_low * (high - low) / (at_high - at_low)
            worth = self._worth(asked, rate)
            if abs(worth) <= NOTHING:
                return rate
            if worth < 0.0:
                low, at_low = rate, worth
            else:
                high, at_high = rate, worth
        return low - at_low * (high - low) / (at_high - at_low)

    def _worth(self, asked: Asked, rate: float) -> float:
        """Value per unit of the loan at another rate, by the plan's duals."""
        stand, other = self.stand, replace(asked, rate=rate)
        columns = self.columns(other)
        reduced = columns.costs - columns.matrix.T @ stand.dual
        found = _continued(columns, reduced, stand, asked.amount / stand.inputs.unit, sure=False)
        assert found is not None
        return found[0]


def _column_labels(program: Program) -> list[tuple[str, Key]]:
    return list(zip(program.columns.family, program.columns.key, strict=True))


def _continued(
    columns: Columns, reduced: FloatArray, stand: Stand, amount: float, *, sure: bool = True
) -> tuple[float, FloatArray] | None:
    """Value per unit and columns of the best that can be done with the loan at the plan's prices.

    None where a row of the loan with a limit of its own binds, unless it need not be ``sure``:
    the value is then not linear in the amount.
    """
    program = Program("loan")
    for label in columns.labels:
        program.column(*label)
    count = len(columns.rows)
    program.add_family("loan", range(count), _unit_rows(columns, stand, amount))
    program.objective = Terms.of(range(len(reduced)), reduced)
    with quiet():
        point = Warm(program).solve()
    if point is None:
        return None
    for r, row in enumerate(columns.rows[1:], start=1):
        if sure and (row.right or row.shared) and abs(point.dual[r]) > STILL:
            return None
    return point.objective, point.x[: len(reduced)]


def _unit_rows(columns: Columns, stand: Stand, amount: float) -> Sequence[tuple[int, Row]]:
    """The loan's rows per unit of it, what the plan does standing as it does."""
    found = []
    for r, row in enumerate(columns.rows):
        right = row.right - sum(
            c * float(stand.x[j])
            for (family, key), c in row.shared.items()
            if (j := stand.program.find(family, key)) is not None
        )
        found.append((r, Row(Terms.of(list(row.own), np.array([*row.own.values()])), row.sense,
                             right / amount)))  # fmt: skip
    return found


def _own_reach(columns: Columns, own: FloatArray, moves: FloatArray, stand: Stand) -> float:
    """Units of loan up to which its rows with a limit of their own are kept."""
    least = math.inf
    find = stand.program.find
    for row in columns.rows[1:]:
        if not (row.right or row.shared):
            continue
        theirs = [(c, find(*x)) for x, c in row.shared.items()]
        known = [(c, j) for c, j in theirs if j is not None]
        room = row.right - sum(c * float(stand.x[j]) for c, j in known)
        speed = sum(c * float(own[q]) for q, c in row.own.items())
        speed += sum(c * float(moves[j]) for c, j in known)
        if row.sense == "=":
            return 0.0
        sign = 1.0 if row.sense == "<=" else -1.0
        if sign * speed > STILL:
            least = min(least, max(sign * room, 0.0) / (sign * speed))
    return least
