"""Rows of a program as tables: a loan's price in a channel is some look-ups by its codes.

Per money of a loan, ``a_r,ic / b_i`` is a sum over *parts*, a part being a text attribute, a
number, both or neither: ``table[part, class of the loan, channel] * number of the loan``. Tables
are linear in the rows' prices, ``table = entries @ y``, and sums of placed money by part, class and
channel give the rows' left sides, ``entries.T @ sums``. Labels of an attribute that no row tells
apart are one class, so that tables stay small; a cell is one term's weight of a row, never the
rounded sum of two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import sparse

from scfcap.funding.allocation.blocks import blocks
from scfcap.funding.allocation.program import (
    UNPLACED,
    AllocationProgram,
    Choice,
    Codes,
    Row,
    Term,
)
from scfcap.quantities import BoolArray, FloatArray, IntArray

#: The attribute and the number of a part, None: all loans, or 1; and its copy, above 0 where terms
#: of one row and channel would meet in a cell.
Part = tuple[str | None, str | None, int]
Packed = npt.NDArray[np.uint16] | npt.NDArray[np.int32]
#: Loans above which values per money are worked out in each pass, instead of being held.
HELD = 2_000_000
#: Placed loans that are summed at a time.
AT_ONCE = 1_000_000
_Placed = list[tuple[int, Term, Part]]


@dataclass(frozen=True)
class Units:
    """Value per money (loans, channels), -inf where ineligible, of very many loans: not held but
    worked out of ``value`` (loans, channels) and ``balance`` (loans,) [currency] when asked for.
    """

    value: FloatArray
    balance: FloatArray
    eligible: BoolArray

    @property
    def shape(self) -> tuple[int, ...]:
        """Loans and channels."""
        return self.value.shape

    def __getitem__(self, loans: slice | IntArray) -> FloatArray:
        with np.errstate(over="ignore"):
            found = self.value[loans] / self.balance[loans, None]
        found[~self.eligible[loans]] = -np.inf
        return found


@dataclass(frozen=True)
class Structure:
    """A program's loans and rows as arrays for compiled kernels.

    ``unit`` (loans, channels): value per money, -inf where ineligible; ``balance`` (loans,)
    [currency]; ``must`` (loans,). ``codes`` (loans, attributes): class of each attribute that rows
    ask for; ``numbers`` (loans, numbers), 0 where missing. Parts: ``attribute`` and ``number`` are
    columns of those, -1 for none; ``start`` their first table line. ``entries`` (lines x channels,
    rows): a table's cells from prices. ``right`` (rows,) [currency].
    """

    unit: FloatArray | Units
    balance: FloatArray
    must: BoolArray
    codes: Packed
    numbers: FloatArray
    parts: tuple[Part, ...]
    attribute: IntArray
    number: IntArray
    start: IntArray
    lines: int
    entries: sparse.csr_array
    right: FloatArray

    def __len__(self) -> int:
        return len(self.balance)

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.unit.shape[1])

    @property
    def able(self) -> BoolArray:
        """Where loans may go, shape (loans, channels)."""
        found = np.empty(self.unit.shape, dtype=np.bool_)
        for loans in blocks(len(self)):
            np.greater(self.unit[loans], -np.inf, out=found[loans])
        return found

    @cached_property
    def total(self) -> float:
        """All balances [currency]."""
        return float(self.balance.sum())

    def table(self, y: FloatArray) -> FloatArray:
        """Prices per money by line and channel, from prices of rows."""
        return np.asarray((self.entries @ y).reshape(self.lines, self.channels))

    def left(self, sums: FloatArray) -> FloatArray:
        """Left sides of the rows [currency] from sums of placed money by line and channel."""
        return np.asarray(self._turned @ sums.ravel())

    @cached_property
    def _turned(self) -> sparse.csr_array:
        return sparse.csr_array(self.entries.T)

    def some(self, loans: IntArray, weight: float | FloatArray = 1.0) -> Structure:
        """A part of the loans, their balances times ``weight``."""
        return replace(
            self,
            unit=np.ascontiguousarray(self.unit[loans]),
            balance=self.balance[loans] * weight,
            must=self.must[loans],
            codes=self.codes[loans],
            numbers=np.ascontiguousarray(self.numbers[loans]),
        )

    def line(self, part: int, loans: IntArray | None = None) -> IntArray:
        """The table line in a part of each loan, or of ``loans``."""
        column = int(self.attribute[part])
        first = int(self.start[part])
        if column < 0:
            return np.full(len(self) if loans is None else len(loans), first, dtype=np.int64)
        codes = self.codes[:, column]
        return (codes if loans is None else codes[loans]).astype(np.int64) + first

    def times(self, part: int) -> FloatArray | None:
        """The number that a part multiplies by, shape (loans,); None: 1."""
        column = int(self.number[part])
        return None if column < 0 else self.numbers[:, column]

    def cells(
        self, loans: IntArray, channel: IntArray
    ) -> Iterator[tuple[IntArray, FloatArray | None]]:
        """By part, the table cell of each of ``loans`` in its ``channel``, and its number."""
        for part in range(len(self.parts)):
            times = self.times(part)
            cell = self.line(part, loans) * self.channels + channel
            yield cell, None if times is None else times[loans]


def placed_loans(choice: Choice) -> Iterator[tuple[IntArray, IntArray]]:
    """Loans that ``choice`` (loans,) places and their channels, some at a time."""
    there = np.flatnonzero(choice != UNPLACED)
    for some in blocks(len(there), AT_ONCE):
        yield there[some], choice[there[some]].astype(np.int64)


def structure(program: AllocationProgram) -> Structure:
    """Compile a program's rows."""
    terms = _placed(program.rows)
    parts = tuple(dict.fromkeys(part for _, _, part in terms))
    attributes = tuple(dict.fromkeys(name for name, _, _ in parts if name is not None))
    numbers = tuple(dict.fromkeys(name for _, name, _ in parts if name is not None))
    classes = {name: _classes(program, name, terms) for name in attributes}
    sizes = [1 if name is None else int(classes[name].max()) + 1 for name, _, _ in parts]
    start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    first = {part: int(at) for part, at in zip(parts, start[:-1], strict=True)}
    units = Units(program.value, program.balance, program.eligible)
    return Structure(
        unit=units if len(program) > HELD else units[slice(None)],
        balance=np.ascontiguousarray(program.balance, dtype=np.float64),
        must=np.ascontiguousarray(program.must),
        codes=_packed(program, classes),
        numbers=_numbers(program, numbers),
        parts=parts,
        attribute=np.array(
            [-1 if a is None else attributes.index(a) for a, _, _ in parts], np.int64
        ),
        number=np.array([-1 if n is None else numbers.index(n) for _, n, _ in parts], np.int64),
        start=start[:-1],
        lines=int(start[-1]),
        entries=_entries(program, terms, classes, first, int(start[-1])),
        right=program.right,
    )


def _placed(rows: tuple[Row, ...]) -> _Placed:
    """Each term with its row and part."""
    found: _Placed = []
    for at, row in enumerate(rows):
        taken: dict[tuple[int, Part], set[int]] = {}
        for term in row.terms:
            members, copy = set(term.members) if term.attribute else {0}, 0
            while members & taken.setdefault(
                (term.channel, (term.attribute, term.number, copy)), set()
            ):
                copy += 1
            part = (term.attribute, term.number, copy)
            taken[term.channel, part] |= members
            found.append((at, term, part))
    return found


def _classes(program: AllocationProgram, name: str, terms: _Placed) -> Codes:
    """Class of each label of an attribute, the last place being that of missing ones.

    Classes are split by each set of members in turn, so that two labels share one exactly where
    they are in the same sets.
    """
    kind = np.zeros(len(program.attributes[name].labels) + 1, dtype=np.int64)
    used = 1
    for members in dict.fromkeys(t.members for _, t, _ in terms if t.attribute == name):
        inside = np.array(members, dtype=np.int64)
        old, place = np.unique(kind[inside], return_inverse=True)
        kind[inside] = used + place
        used += len(old)
    return np.unique(kind, return_inverse=True)[1].astype(np.int32)


def _packed(program: AllocationProgram, classes: Mapping[str, Codes]) -> Packed:
    most = max((int(each.max(initial=0)) for each in classes.values()), default=0)
    kind = np.uint16 if most < 2**16 else np.int32
    found = np.zeros((len(program), len(classes)), dtype=kind)
    for column, (name, each) in enumerate(classes.items()):
        found[:, column] = each[program.attributes[name].codes]
    return found


def _numbers(program: AllocationProgram, names: tuple[str, ...]) -> FloatArray:
    found = np.zeros((len(program), len(names)))
    for column, name in enumerate(names):
        given = program.numbers[name]
        found[:, column] = np.where(np.isfinite(given), given, 0.0)
    return found


def _entries(
    program: AllocationProgram,
    terms: _Placed,
    classes: Mapping[str, Codes],
    start: Mapping[Part, int],
    lines: int,
) -> sparse.csr_array:
    """``entries``: one cell for each class of a term's members."""
    channels = len(program.channels)
    cells, rows, weights = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0)]
    for at, term, part in terms:
        line = np.array([start[part]], dtype=np.int64)
        if term.attribute is not None:
            inside = classes[term.attribute][list(term.members)]
            line = line + np.unique(inside)
        cells.append(line * channels + term.channel)
        rows.append(np.full(len(line), at))
        weights.append(np.full(len(line), term.weight))
    where = (np.concatenate(cells), np.concatenate(rows))
    shape = (lines * channels, len(program.rows))
    return sparse.csr_array(sparse.coo_array((np.concatenate(weights), where), shape))
