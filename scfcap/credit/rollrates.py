"""Roll rates: how loans move between delinquency states from one month to the next.

A transition is counted where a loan is seen in two consecutive months; a gap in its months is no
transition and is counted as such. The matrix of monthly probabilities is the maximum likelihood
estimate, the shares of each row. States that absorb are never left: what a panel shows of leaving
them (a cured default, say) is counted, reported and left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2

from scfcap.compiled import compiled
from scfcap.credit.intervals import NONE_SEEN, Z95, effective, wilson_bounds
from scfcap.quantities import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Transitions:
    """Transitions by month of departure M and states S from, to.

    ``counts`` [M, S, S] loans, ``amounts`` [M, S, S] their balances at departure and ``squares``
    [M, S] the sums of squared balances. ``first``: month of the first row. ``gaps`` pairs of rows
    of one loan are more than a month apart. ``rows`` of the panel, ``loans`` in it.
    """

    states: tuple[str, ...]
    counts: IntArray
    amounts: FloatArray
    squares: FloatArray
    first: int
    gaps: int
    rows: int
    loans: int


def count_transitions(
    loan: IntArray,
    month: IntArray,
    state: IntArray,
    states: Sequence[str],
    balance: FloatArray | None = None,
) -> Transitions:
    """Count the transitions of a panel sorted by loan and month.

    Arrays of shape (rows,): ``loan`` any number of the loan, ``month`` a running month,
    ``state`` a code of ``states``, ``balance`` at the month's end (1 each without). Raises
    ValueError where rows are not sorted, a loan has two rows in a month, or a code is unknown.
    """
    size = len(states)
    first, last = (int(month.min()), int(month.max())) if len(month) else (0, 0)
    counts = np.zeros((last - first + 1, size, size), dtype=np.int64)
    amounts = np.zeros(counts.shape)
    squares = np.zeros(counts.shape[:2])
    weight = np.zeros(0) if balance is None else _plain(balance, np.float64)
    gaps, loans, fault = _count(
        *(_plain(loan, np.int32), _plain(month, np.int32), _plain(state, np.int8), weight),
        *(first, counts, amounts, squares),
    )
    if fault >= 0:
        msg = f"row {fault}: not sorted by loan and month, a month twice, or an unknown state"
        raise ValueError(msg)
    if balance is None:
        amounts, squares = counts.astype(np.float64), counts.sum(axis=2).astype(np.float64)
    return Transitions(
        tuple(states), counts, amounts, squares, first, int(gaps), len(loan), int(loans)
    )


def _plain(values: IntArray | FloatArray, kind: type) -> Any:
    """One layout only: a read-only or a strided array would be compiled for anew."""
    return np.require(values, kind, ["C", "W"])


@compiled
def _count(
    loan: IntArray,
    month: IntArray,
    state: IntArray,
    balance: FloatArray,
    first: int,
    counts: IntArray,
    amounts: FloatArray,
    squares: FloatArray,
) -> tuple[int, int, int]:
    """Fill the sums; returns gaps, loans, and the first faulty row or -1."""
    gaps, loans = 0, 0
    states, weighted = counts.shape[1], len(balance) > 0
    for row in range(len(loan)):
        if state[row] < 0 or state[row] >= states:
            return gaps, loans, row
        if row == 0 or loan[row] > loan[row - 1]:
            loans += 1
            continue
        step = month[row] - month[row - 1]
        if loan[row] < loan[row - 1] or step <= 0:
            return gaps, loans, row
        if step > 1:
            gaps += 1
            continue
        place, start, end = month[row - 1] - first, state[row - 1], state[row]
        counts[place, start, end] += 1
        if weighted:
            amount = balance[row - 1]
            amounts[place, start, end] += amount
            squares[place, start] += amount * amount
    return gaps, loans, -1


@dataclass(frozen=True)
class RollRates:
    """A matrix of monthly probabilities [S, S] with Wilson's 95% interval of each cell.

    ``observed`` [S, S] transitions (or amounts), ``number`` [S] (effective) loans that each row
    rests on. ``absorbing`` [S]; ``default`` is the absorbing state of defaults.
    ``left_absorbing`` transitions out of absorbing states are left out. A state in which no
    transition begins has a row of nan and is ``unseen``; what enters it is taken to stay.
    """

    states: tuple[str, ...]
    absorbing: BoolArray
    default: int
    observed: FloatArray
    number: FloatArray
    matrix: FloatArray
    low: FloatArray
    high: FloatArray
    left_absorbing: int

    @property
    def unseen(self) -> BoolArray:
        """States that do not absorb and in which no transition begins [S]."""
        return np.asarray(~self.absorbing & (self.number == 0))

    @property
    def chain(self) -> FloatArray:
        """The matrix with unseen states staying as they are [S, S]."""
        return np.where(self.unseen[:, None], np.eye(len(self.states)), self.matrix)

    @property
    def lifetime_default(self) -> FloatArray:
        """Probability that a loan in each state defaults in the end [S].

        From the fundamental matrix (I - Q)^-1 R of the states from which an end is reached; J. G.
        Kemeny and J. L. Snell, Finite Markov Chains (1960), 3.3. 1 and 0 for absorbing states.
        """
        matrix, open_ = self.chain, self._passing()
        found = np.zeros(len(self.states))
        found[self.default] = 1.0
        inner = matrix[np.ix_(open_, open_)]
        found[open_] = np.linalg.solve(np.eye(len(open_)) - inner, matrix[open_, self.default])
        return found

    @property
    def lifetime_error(self) -> FloatArray:
        """Standard error of ``lifetime_default`` [S], rows of the matrix independent multinomials.

        By the delta method, with N the fundamental matrix, b the lifetime default and n the number
        that each row rests on: sum over i of N[s, i]^2 (sum_j p[i, j] b[j]^2 - b[i]^2) / n[i].
        """
        matrix, open_ = self.chain, self._passing()
        b = self.lifetime_default
        visits = np.linalg.inv(np.eye(len(open_)) - matrix[np.ix_(open_, open_)])
        spread = matrix[open_] @ b**2 - b[open_] ** 2
        found = np.zeros(len(self.states))
        found[open_] = np.sqrt(visits**2 @ (np.maximum(spread, 0.0) / self.number[open_]))
        return found

    @property
    def lifetime_bounds(self) -> tuple[FloatArray, FloatArray]:
        """95% interval of ``lifetime_default`` [S].

        ± 1.96 standard errors where a path to default was seen. Where none was, from 0 to the
        highest chance that leaves none seen likely at 2.5%: with q[i] the chance of default in a
        month, N[s, i] the months spent and n[i] the departures seen in state i, the most that
        sum N[s, i] q[i] can be while sum n[i] q[i] <= -ln(0.025) (the rule of three, two-sided),
        and all of what comes to a state that nothing was seen to leave.
        """
        matrix, open_, value = self.chain, self._passing(), self.lifetime_default
        half = Z95 * self.lifetime_error
        low, high = np.clip(value - half, 0.0, 1.0), np.clip(value + half, 0.0, 1.0)
        most = np.where(self.absorbing, value, 1.0)
        visits = np.linalg.inv(np.eye(len(open_)) - matrix[np.ix_(open_, open_)])
        caught = ~self.absorbing
        caught[open_] = False
        stuck = visits @ matrix[np.ix_(open_, np.flatnonzero(caught))].sum(axis=1)
        missed = NONE_SEEN * (visits / self.number[open_]).max(axis=1, initial=0.0)
        most[open_] = np.minimum(stuck + missed, 1.0)
        seen = _reach(matrix)[:, self.default]
        return np.where(seen, low, np.where(self.absorbing, value, 0.0)), np.where(seen, high, most)

    @property
    def months_to_absorption(self) -> FloatArray:
        """Expected months until a loan in each state ends [S]; inf where it may never end."""
        matrix, open_ = self.chain, self._passing()
        found = np.where(self.absorbing, 0.0, np.inf)
        inner = matrix[np.ix_(open_, open_)]
        months = np.linalg.solve(np.eye(len(open_)) - inner, np.ones(len(open_)))
        caught = ~self.absorbing
        caught[open_] = False
        reach = _reach(matrix)[np.ix_(open_, np.flatnonzero(caught))].any(axis=1)
        found[open_] = np.where(reach, np.inf, months)
        return found

    def _passing(self) -> IntArray:
        """States that do not absorb and from which an absorbing one can be reached."""
        ends = _reach(self.chain)[:, self.absorbing].any(axis=1)
        return np.flatnonzero(ends & ~self.absorbing)

    def project(self, balance: FloatArray, months: int) -> FloatArray:
        """Balances by state [months + 1, S] from ``balance`` [S], by powers of the matrix."""
        path = np.empty((months + 1, len(self.states)))
        path[0] = balance
        for month in range(months):
            path[month + 1] = path[month] @ self.chain
        return path

    def to_frame(self) -> pd.DataFrame:
        """One row a cell that occurs: from, to, rate, low, high, observed, loans of the row."""
        start, end = np.nonzero(self.observed)
        names = np.array(self.states, dtype=object)
        return pd.DataFrame(
            {
                "from": names[start],
                "to": names[end],
                "rate": self.matrix[start, end],
                "low": self.low[start, end],
                "high": self.high[start, end],
                "observed": self.observed[start, end],
                "row_count": self.number[start],
            }
        )


def fit_matrix(
    counts: IntArray,
    absorbing: Sequence[int] = (-2, -1),
    default: int = -1,
    *,
    amounts: FloatArray | None = None,
    squares: FloatArray | None = None,
    states: Sequence[str] = (),
) -> RollRates:
    """Matrix of monthly roll rates by maximum likelihood from ``counts`` [S, S].

    With ``amounts`` [S, S] and their ``squares`` [S] the shares are of balances, and the intervals
    rest on the effective number of loans. ``absorbing`` and ``default`` are codes of states.
    """
    size = len(counts)
    ends = np.zeros(size, dtype=np.bool_)
    ends[list(absorbing)] = True
    left = counts[ends].sum() - counts[ends, np.flatnonzero(ends)].sum()
    observed = np.asarray(counts if amounts is None else amounts, dtype=np.float64).copy()
    total = observed.sum(axis=1)
    number = total if squares is None else effective(total, squares)
    matrix = observed / np.where(total > 0, total, np.nan)[:, None]
    low, high = wilson_bounds(matrix, np.broadcast_to(number[:, None], matrix.shape))
    for table in (matrix, low, high):
        table[ends] = np.eye(size)[ends]
    observed[ends] = 0.0
    return RollRates(
        states=tuple(states) or tuple(str(code) for code in range(size)),
        absorbing=ends,
        default=int(np.arange(size)[default]),
        observed=observed,
        number=np.where(ends, 0.0, number),
        matrix=matrix,
        low=low,
        high=high,
        left_absorbing=int(left),
    )


def roll_rates(
    transitions: Transitions,
    absorbing: Sequence[int] = (-2, -1),
    default: int = -1,
    *,
    by_amount: bool = False,
) -> RollRates:
    """The matrix over all months of ``transitions``, by count or by amount."""
    return fit_matrix(
        transitions.counts.sum(axis=0),
        absorbing,
        default,
        amounts=transitions.amounts.sum(axis=0) if by_amount else None,
        squares=transitions.squares.sum(axis=0) if by_amount else None,
        states=transitions.states,
    )


@dataclass(frozen=True)
class Homogeneity:
    """Likelihood ratio test that one matrix holds before and after ``month``.

    ``month`` is the first of the second half. The p-value is nan where a half is empty.
    """

    month: int
    statistic: float
    degrees: int
    p_value: float


def homogeneity(
    transitions: Transitions, absorbing: Sequence[int] = (-2, -1), month: int | None = None
) -> Homogeneity:
    """Are the roll rates the same in two halves? By default each half holds half the transitions.

    2 sum n ln(p_half / p), chi-square with one degree for each cell that occurs beyond the first
    of its row, in rows seen in both halves. T. W. Anderson and L. A. Goodman (1957), Annals of
    Mathematical Statistics 28, 89-110.
    """
    counts = transitions.counts.astype(np.float64)
    ends = np.zeros(counts.shape[1], dtype=np.bool_)
    ends[list(absorbing)] = True
    counts[:, ends] = 0.0
    running = np.cumsum(counts.sum(axis=(1, 2)))
    row = int(np.searchsorted(running, running[-1] / 2)) + 1
    row = row if month is None else month - transitions.first
    halves = np.stack([counts[:row].sum(axis=0), counts[row:].sum(axis=0)])
    whole = halves.sum(axis=0)
    both = (halves.sum(axis=2) > 0).all(axis=0)
    statistic = 2.0 * float((_likelihood(halves).sum(axis=0) - _likelihood(whole))[both].sum())
    degrees = int(np.maximum((whole[both] > 0).sum(axis=1) - 1, 0).sum())
    p_value = float(chi2.sf(statistic, degrees)) if degrees else float("nan")
    return Homogeneity(transitions.first + row, max(statistic, 0.0), degrees, p_value)


def _likelihood(counts: FloatArray) -> FloatArray:
    """Sum n ln(p) over each row of counts, p its shares; the last axis is summed."""
    total = counts.sum(axis=-1, keepdims=True)
    share = np.where(counts > 0, counts / np.where(total > 0, total, 1.0), 1.0)
    return np.asarray((counts * np.log(share)).sum(axis=-1))


def _reach(matrix: FloatArray) -> BoolArray:
    """Whether each state can come to each other one in any number of months [S, S]."""
    reach = (matrix > 0) | np.eye(len(matrix), dtype=np.bool_)
    for _ in range(len(matrix).bit_length()):
        reach = (reach.astype(np.int64) @ reach.astype(np.int64)) > 0
    return np.asarray(reach)
