"""What the prices of the rows charge a loan in a channel, and which rows charge it most.

A loan's net value in a channel is ``r_ic = v_ic - sum_r y_r a_r,ic``. The rows stay terms: no
matrix of loans by rows is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scfcap.compiled import compiled
from scfcap.funding.allocation.program import AllocationProgram, Row
from scfcap.quantities import FloatArray, IntArray

#: Rows that are named for a loan in a channel.
NAMED = 2
Rows = npt.NDArray[np.int32]
Parts = tuple[FloatArray, npt.NDArray[np.int32], FloatArray]
Terms = tuple[Rows, FloatArray, Rows, Rows, Rows, Rows]


@dataclass(frozen=True)
class Charges:
    """Of pairs of a loan and a channel, shape (pairs,).

    ``total``: ``sum_r y_r a_r,ic`` [currency]. ``row`` and ``amount``, shape (pairs, 2): the rows
    with the largest ``|y_r a_r,ic|`` and that product with its sign [currency]: above 0 the row
    charges the loan, below 0 it pays for it. Row -1, amount 0 where fewer touch the loan.
    """

    total: FloatArray
    row: Rows
    amount: FloatArray


@dataclass(frozen=True)
class Priced:
    """The rows that have a price, by channel, ready to be looked up.

    ``parts``: balance (loans,), codes (attributes, loans), numbers (numbers, loans). ``starts``:
    where the terms of a channel begin. ``terms`` by position: row, ``y_r`` times the weight,
    attribute and number (-1 none), and where its members begin and end in ``members``.
    """

    parts: Parts
    starts: IntArray
    terms: Terms
    members: Rows

    @classmethod
    def of(
        cls,
        program: AllocationProgram,
        dual: FloatArray,
        which: Callable[[Row], bool] = lambda _: True,
    ) -> Priced:
        """The rows of ``which`` under the prices ``dual``, shape (rows,)."""
        attributes, numbers = list(program.attributes), list(program.numbers)
        found: list[tuple[int, int, float, int, int, tuple[int, ...]]] = []
        for r, row in enumerate(program.rows):
            if dual[r] <= 0.0 or not which(row):
                continue
            found += [
                (
                    term.channel,
                    r,
                    float(dual[r]) * term.weight,
                    -1 if term.attribute is None else attributes.index(term.attribute),
                    -1 if term.number is None else numbers.index(term.number),
                    tuple(sorted(term.members)),
                )
                for term in row.terms
            ]
        found.sort(key=lambda part: part[:2])
        ends = np.cumsum([len(part[5]) for part in found], dtype=np.int32)
        columns = list(zip(*found, strict=True)) or [()] * 6
        channel = np.array(columns[0], dtype=np.int64)
        whole = [np.array(columns[k], dtype=np.int32) for k in (1, 3, 4)]
        begins = np.array([0, *ends[:-1]] if len(ends) else [], dtype=np.int32)
        stacked = np.zeros((len(attributes), len(program)), dtype=np.int32)
        for k, name in enumerate(attributes):
            stacked[k] = program.attributes[name].codes
        values = np.zeros((len(numbers), len(program)))
        for k, name in enumerate(numbers):
            values[k] = program.numbers[name]
        balance = np.ascontiguousarray(program.balance, dtype=np.float64)
        return cls(
            parts=(balance, stacked, values),
            starts=np.searchsorted(channel, np.arange(len(program.channels) + 1)).astype(np.int64),
            terms=(
                whole[0], np.array(columns[2], dtype=np.float64), whole[1], whole[2], begins, ends,
            ),
            members=np.array([m for part in found for m in part[5]], dtype=np.int32),
        )  # fmt: skip

    def charges(self, loans: IntArray, channels: IntArray) -> Charges:
        """Of the pairs of ``loans`` and ``channels``, positions in the program, shape (pairs,)."""
        at = (
            np.ascontiguousarray(loans, dtype=np.int64),
            np.ascontiguousarray(channels, dtype=np.int64),
        )
        return Charges(*_charges(at, self.parts, self.starts, self.terms, self.members))


@compiled
def _holds(code: int, first: int, last: int, members: Rows) -> bool:
    """Whether ``code`` is among ``members[first:last]``, which are in order."""
    while first < last:
        middle = (first + last) // 2
        if members[middle] < code:
            first = middle + 1
        elif members[middle] > code:
            last = middle
        else:
            return True
    return False


@compiled
def _charges(
    at: tuple[IntArray, IntArray], parts: Parts, starts: IntArray, terms: Terms, members: Rows
) -> tuple[FloatArray, Rows, FloatArray]:
    """Totals, and the rows of the largest amounts with these, the largest first."""
    balance, codes, numbers = parts
    row, weight, attribute, number, begin, end = terms
    count = len(at[0])
    total = np.zeros(count)
    named = np.full((count, 2), -1, dtype=np.int32)
    amount = np.zeros((count, 2))
    for k in range(count):
        i, c = at[0][k], at[1][k]
        t = starts[c]
        while t < starts[c + 1]:
            current, charge = row[t], 0.0
            while t < starts[c + 1] and row[t] == current:
                a, m = attribute[t], number[t]
                if a < 0 or _holds(codes[a, i], begin[t], end[t], members):
                    part = weight[t] * balance[i]
                    if m >= 0:
                        part *= numbers[m, i]
                    charge += part
                t += 1
            total[k] += charge
            if abs(charge) > abs(amount[k, 0]):
                amount[k, 1], named[k, 1] = amount[k, 0], named[k, 0]
                amount[k, 0], named[k, 0] = charge, current
            elif abs(charge) > abs(amount[k, 1]):
                amount[k, 1], named[k, 1] = charge, current
    return total, named, amount
