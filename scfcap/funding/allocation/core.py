"""A few thousand loans with all their options, as arrays that loops in machine code go through.

An option of a loan is a channel that it may go to, or none where it may stay unplaced. Present
channels come first, so that of equal options the one without a move is found first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from scfcap.funding.allocation.program import UNPLACED, AllocationProgram, Choice, Term, matrix
from scfcap.quantities import FloatArray, IntArray


@dataclass(frozen=True)
class Core:
    """Options by loan, and what each uses of the rows.

    The options of loan l are ``first[l]`` to ``first[l + 1]``. ``channel``, ``loan``, ``worth``
    [currency] and ``balance`` [currency], 0 unplaced (options,). Option o uses ``amount``
    [currency] of ``row`` from ``start[o]`` to ``start[o + 1]``, rows ascending; and of all rows
    its balance times ``plain`` (channels, rows) of its channel, which is the part of terms without
    attribute and number. ``right`` (rows,) [currency] is left to them.
    """

    first: IntArray
    loan: IntArray
    channel: Choice
    worth: FloatArray
    balance: FloatArray
    start: IntArray
    row: IntArray
    amount: FloatArray
    plain: FloatArray
    right: FloatArray

    def __len__(self) -> int:
        return len(self.first) - 1

    def options(self, choice: Choice) -> IntArray:
        """The option of each loan at a channel (loans,); it has to be one of its own."""
        at = np.full(len(self), -1, dtype=np.int64)
        same = self.channel == choice[self.loan]
        at[self.loan[same]] = np.flatnonzero(same)
        return at

    def use(self, options: IntArray) -> FloatArray:
        """What options use together, shape (rows,) [currency]."""
        entry, _ = spread(self.start, options)
        special = np.bincount(self.row[entry], self.amount[entry], minlength=len(self.right))
        placed = options[self.channel[options] != UNPLACED]
        load = np.bincount(
            self.channel[placed], self.balance[placed], minlength=self.plain.shape[0]
        )
        return np.asarray(special + load @ self.plain)

    def sizes(self) -> FloatArray:
        """Largest coefficient of each row (rows,) [currency]; 1 where it has none."""
        largest = np.zeros(len(self.right))
        np.maximum.at(largest, self.row, np.abs(self.amount))
        plain = np.abs(self.plain).max(axis=0, initial=0.0) * self.balance.max(initial=0.0)
        largest = np.maximum(largest, plain)
        return np.where(largest > 0.0, largest, 1.0)

    def reduced(self, dual: FloatArray) -> FloatArray:
        """Worth less the price of what is used, shape (options,) [currency]."""
        sums = np.concatenate([[0.0], np.cumsum(self.amount * dual[self.row])])
        special = sums[self.start[1:]] - sums[self.start[:-1]]
        return np.asarray(self.worth - special - self.balance * (self.plain @ dual)[self.channel])


def spread(start: IntArray, items: IntArray) -> tuple[IntArray, IntArray]:
    """All positions from ``start[i]`` to ``start[i + 1]`` of the items, and each one's item."""
    count = start[items + 1] - start[items]
    position = np.repeat(start[items] - np.cumsum(count) + count, count)
    return position + np.arange(len(position)), np.repeat(np.arange(len(items)), count)


def core_of(program: AllocationProgram) -> Core:
    """All options of a program of some thousands of loans."""
    loans, channels = program.value.shape
    special = tuple(
        replace(row, terms=tuple(term for term in row.terms if not _plain(term)))
        for row in program.rows
    )
    rows, pairs = matrix(replace(program, rows=special))
    plain = np.zeros((channels, len(program.rows)))
    for r, stated in enumerate(program.rows):
        for term in filter(_plain, stated.terms):
            plain[term.channel, r] += term.weight
    may_stay = np.flatnonzero(~program.must)
    loan = np.concatenate([pairs // channels, may_stay])
    channel = np.concatenate([pairs % channels, np.full(len(may_stay), UNPLACED)])
    pair = np.concatenate([np.arange(len(pairs)), np.full(len(may_stay), -1)])
    moves = (channel != program.today[loan]).astype(np.int64)
    order = np.lexsort((np.where(channel == UNPLACED, channels, channel), moves, loan))
    loan, channel, pair = loan[order], channel[order], pair[order]
    columns = rows.tocsc()
    columns.sort_indices()
    count = np.where(pair >= 0, np.diff(columns.indptr)[pair], 0)
    start = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    entry = np.repeat(columns.indptr[pair].astype(np.int64) - start[:-1], count)
    entry += np.arange(len(entry))
    worth = np.where(channel >= 0, program.value[loan, channel], 0.0)
    return Core(
        first=np.searchsorted(loan, np.arange(loans + 1)).astype(np.int64),
        loan=loan.astype(np.int64),
        channel=channel.astype(np.int16),
        worth=worth,
        balance=np.where(channel >= 0, program.balance[loan], 0.0),
        start=start,
        row=columns.indices[entry].astype(np.int64),
        amount=columns.data[entry],
        plain=plain,
        right=program.right,
    )


def _plain(term: Term) -> bool:
    return term.attribute is None and term.number is None
