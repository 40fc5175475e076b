"""Loans that are tied at the prices, of which there are more than a search goes through.

Loans of one class may be worth the same per money, as those of a plan's cell are. At the optimum
such a class is split between channels, so that prices leave all of its loans undecided; where it
has a hundred thousand, one of their channels for all of them breaks rows by more than the free
loans of a relaxation can mend. They are then moved from channel to channel by the rules of a desk,
at next to no loss, until the rows are kept, and what room is left is filled.
"""

from __future__ import annotations

import numpy as np

from scfcap.funding.allocation.dual import spread
from scfcap.funding.allocation.evaluate import Evaluator
from scfcap.funding.allocation.program import UNPLACED, AllocationProgram, Choice
from scfcap.funding.allocation.restricted import KEPT_BACK, activity, restrict
from scfcap.funding.allocation.rules import mend
from scfcap.funding.allocation.running import desk, unit_of
from scfcap.funding.allocation.structure import Structure
from scfcap.quantities import FloatArray

#: Excess of a row from which ties are split, in balances of middling loans.
MANY = 3_000
#: What the best two uses of a tied loan may differ by, as a part of the spread of values per money.
TIED = 1e-2
#: How often each of them is asked whether it is worth more elsewhere.
PASSES = 4


def split_ties(program: AllocationProgram, dual: Evaluator, y: FloatArray, start: Choice) -> Choice:
    """``start`` (loans,) with tied loans at prices ``y`` (rows,) moved until rows are kept; as it
    is where no row is exceeded by much.
    """
    over = activity(dual.structure, start)[0] - program.right
    units = np.array([unit_of(row) for row in program.rows])
    if not (over > MANY * float(np.median(program.balance)) * units).any():
        return start
    margin = dual.choose(y)[1]
    tied = np.flatnonzero(margin <= TIED * spread(dual.structure))
    fixed = start.copy()
    fixed[tied] = UNPLACED
    left, size = activity(dual.structure, fixed)
    right = program.right - left - KEPT_BACK * (size + np.abs(program.right))
    part = restrict(program, tied, right)
    made = desk(part, start[tied])
    mend(made, net(dual.structure.some(tied), part.value, y))
    # What is left free of rows with a price: large loans first, small ones fill it up.
    large = np.argsort(-part.balance, kind="stable")
    for _ in range(PASSES):
        if not made.improve(large, part.value):
            break
    fixed[tied] = made.choice
    return fixed


def net(loans: Structure, value: FloatArray, y: FloatArray) -> FloatArray:
    """``value`` less what prices ``y`` (rows,) charge, -inf where a loan may not go; shape (loans,
    channels) [currency].
    """
    table = loans.table(y)
    price = np.zeros(value.shape)
    for part in range(len(loans.parts)):
        charged, times = table[loans.line(part)], loans.times(part)
        price += charged if times is None else charged * times[:, None]
    return np.where(loans.able, value - loans.balance[:, None] * price, -np.inf)
