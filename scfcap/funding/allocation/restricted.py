"""Loans whose channel prices leave open, as a small program of their own.

All other loans are at their best channel; what they use is taken off the right sides. The linear
relaxation of the rest has a vertex with at most as many split loans as rows bind, and better
prices. OPTIMISATION 3.3; the Shapley-Folkman bound of 3.5 says why few are split.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from scfcap.funding.allocation.core import Core, core_of
from scfcap.funding.allocation.evaluate import Evaluator
from scfcap.funding.allocation.program import UNPLACED, AllocationProgram, Attribute, Choice
from scfcap.funding.allocation.structure import Structure, placed_loans
from scfcap.quantities import FloatArray, IntArray

#: In place of a channel: the loan is not held anywhere.
FREE = -2
#: The largest loans, which are free whatever their margin: one may be more than a row has room for.
LARGEST = 200
#: What is kept back of each right side for rounding, as a part of all that the row is made of.
KEPT_BACK = 1e-13


@dataclass(frozen=True)
class Opened:
    """Free ``loans`` (positions in the program), their ``core``, and where all loans are best.

    ``choice`` (loans of the program,): the best channels at the prices, or where loans are held.
    """

    loans: IntArray
    core: Core
    choice: Choice

    def placed(self, at: IntArray) -> Choice:
        """All loans' channels where the free ones have the options ``at``."""
        choice = self.choice.copy()
        choice[self.loans] = self.core.channel[at]
        return choice


def opened(
    program: AllocationProgram, dual: Evaluator, y: FloatArray, count: int, start: Choice
) -> Opened:
    """The ``count`` loans whose best two uses are closest per money at prices ``y``, and the
    largest loans. ``start`` (loans,): where loans are held, or :data:`FREE`.
    """
    choice, margin, _ = dual.choose(y)
    choice = np.where(start == FREE, choice, start).astype(np.int16)
    margin = np.where(start == FREE, margin, np.inf)
    return _apart(program, dual, choice, margin, count)


def around(
    program: AllocationProgram, dual: Evaluator, y: FloatArray, count: int, start: Choice
) -> Opened:
    """As :func:`opened`, where the loans that are not free stay as ``start`` (loans,) has them;
    those that it has elsewhere than at their best are free.
    """
    best, margin, _ = dual.choose(y)
    margin = np.where((best != start) & np.isfinite(margin), 0.0, margin)
    return _apart(program, dual, start, margin, count)


def _apart(
    program: AllocationProgram, dual: Evaluator, choice: Choice, margin: FloatArray, count: int
) -> Opened:
    """The ``count`` loans of the least margin, and the largest, taken from all."""
    may = np.flatnonzero(np.isfinite(margin))
    near = may[_least(margin[may], count)]
    large = may[_least(-program.balance[may], LARGEST)]
    loans = np.union1d(near, large)
    fixed = choice.copy()
    fixed[loans] = UNPLACED
    left, size = activity(dual.structure, fixed)
    right = program.right - left - KEPT_BACK * (size + np.abs(program.right))
    return Opened(loans, core_of(restrict(program, loans, right)), choice)


def _least(values: FloatArray, count: int) -> IntArray:
    """Places of the ``count`` least values, ascending, equal ones in order."""
    if len(values) <= count:
        return np.argsort(values, kind="stable")
    some = np.flatnonzero(values <= np.partition(values, count - 1)[count - 1])
    return some[np.argsort(values[some], kind="stable")[:count]]


def activity(whole: Structure, choice: Choice) -> tuple[FloatArray, FloatArray]:
    """Left sides of the rows (rows,) [currency] in plain floats, and the size of what they sum."""
    cells = whole.lines * whole.channels
    sums, gross = np.zeros(cells), np.zeros(cells)
    for loans, channel in placed_loans(choice):
        balance = whole.balance[loans]
        for cell, times in whole.cells(loans, channel):
            money = balance if times is None else balance * times
            sums += np.bincount(cell, money, cells)
            gross += np.bincount(cell, np.abs(money), cells)
    shape = (whole.lines, whole.channels)
    return whole.left(sums.reshape(shape)), np.asarray(abs(whole.entries).T @ gross)


def restrict(program: AllocationProgram, loans: IntArray, right: FloatArray) -> AllocationProgram:
    """The program of some ``loans`` alone, with ``right`` sides (rows,) [currency] left to them."""
    return replace(
        program,
        loan_id=program.loan_id[loans],
        balance=program.balance[loans],
        value=program.value[loans],
        eligible=program.eligible[loans],
        must=program.must[loans],
        today=program.today[loans],
        attributes={
            name: Attribute(attribute.codes[loans], attribute.labels)
            for name, attribute in program.attributes.items()
        },
        numbers={name: number[loans] for name, number in program.numbers.items()},
        rows=tuple(
            replace(row, right=float(left)) for row, left in zip(program.rows, right, strict=True)
        ),
    )
