"""The program of a funding date: loans, channels, values, and rows by channel and attribute.

    max  sum_ic v_ic x_ic
    s.t. sum_c x_ic <= 1, with = 1 for a loan that must be placed; x_ic in {0, 1}, eligible c only
         sum_ic a_r,ic x_ic <= right_r        for each row r
         a_r,ic = b_i sum_k w_k [code_k(i) in members_k] number_k(i)   over its terms k of channel c

A row belongs to few channels and attributes, so that it is a few terms and no matrix: a loan's
price in a channel is some look-ups by its codes. A floor is a row with its signs turned, a share
the sum of a term on a group's members and one on all (``-share``), a weighted average a term on a
number and one on all (``-limit``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

from scfcap.errors import FaultError
from scfcap.quantities import BoolArray, FloatArray

#: In place of a channel: the loan is placed nowhere.
UNPLACED = -1
Codes = npt.NDArray[np.int32]
Choice = npt.NDArray[np.int16]
#: What a row limits; ``ticket``: the least that moves into a channel if any does.
Kind = Literal["least", "most", "share", "average", "cap", "churn", "cover", "ticket"]


@dataclass(frozen=True)
class Attribute:
    """A text of each loan by code: ``codes`` (loans,) into ``labels``, -1 where missing."""

    codes: Codes
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Term:
    """Part of a row on one channel: ``weight`` times a loan's balance, times ``number`` of it if
    named, where its code of ``attribute`` is among ``members``; of all loans without an attribute.
    """

    channel: int
    weight: float
    attribute: str | None = None
    members: tuple[int, ...] = ()
    number: str | None = None


@dataclass(frozen=True)
class Row:
    """``sum of terms <= right`` [currency].

    ``name`` is unique. ``stated``: the limit as its source states it (a share, a mean, an amount),
    for words; ``subject``: what it is on, such as a borrower's id.
    """

    name: str
    kind: Kind
    right: float
    terms: tuple[Term, ...]
    stated: float | None = None
    subject: str = ""


@dataclass(frozen=True)
class AllocationProgram:
    """Loans x channels at a funding date.

    ``balance`` (loans,) [currency], above 0. ``channels``: keys of places. ``value`` (loans,
    channels) [currency]: what a loan is worth there over its life, the cost of moving it taken
    off. ``eligible`` (loans, channels). ``must`` (loans,): it has to be placed; else it may stay
    unplaced, worth 0. ``today`` (loans,): present channel, -1 where it has none. ``numbers``
    (loans,) by name; finite wherever a row that asks for them can hold the loan. Where there are
    very many loans, ``loan_id`` may be pandas texts, and ``value`` worked out when asked for.
    """

    loan_id: npt.NDArray[np.object_]
    balance: FloatArray
    channels: tuple[str, ...]
    value: FloatArray
    eligible: BoolArray
    must: BoolArray
    today: Choice
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    numbers: Mapping[str, FloatArray] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()

    def __post_init__(self) -> None:
        shape = (len(self.balance), len(self.channels))
        if self.value.shape != shape or self.eligible.shape != shape:
            msg = f"values {self.value.shape}, eligible {self.eligible.shape}: not {shape}"
            raise FaultError(msg)
        if len({row.name for row in self.rows}) < len(self.rows):
            msg = "two rows of one name"
            raise FaultError(msg)

    def __len__(self) -> int:
        return len(self.balance)

    @cached_property
    def right(self) -> FloatArray:
        """Right sides, shape (rows,) [currency]."""
        return np.array([row.right for row in self.rows], dtype=np.float64)

    def coefficients(self, row: Row) -> FloatArray:
        """``a_r,ic`` of one row, shape (loans, channels) [currency]; ineligible ones included."""
        found = np.zeros((len(self), len(self.channels)))
        for term in row.terms:
            part = term.weight * self.balance
            if term.attribute is not None:
                attribute = self.attributes[term.attribute]
                inside = np.zeros(len(attribute.labels) + 1)
                inside[list(term.members)] = 1.0
                part = part * inside[attribute.codes]
            if term.number is not None:
                part = part * self.numbers[term.number]
            found[:, term.channel] += part
        return found

    def activity(self, choice: Choice) -> FloatArray:
        """Left sides of the rows where the loans are placed as ``choice`` says, shape (rows,).

        Plain sums, row by row: for small programs and for checks of faster ways.
        """
        placed = np.flatnonzero(choice != UNPLACED)
        at = choice[placed]
        return np.array(
            [float(self.coefficients(row)[placed, at].sum()) for row in self.rows],
            dtype=np.float64,
        )

    def worth(self, choice: Choice) -> float:
        """Value of a placement [currency], a plain sum."""
        placed = np.flatnonzero(choice != UNPLACED)
        return float(self.value[placed, choice[placed]].sum())


def matrix(program: AllocationProgram) -> tuple[sparse.csr_array, npt.NDArray[np.int64]]:
    """All rows over the eligible pairs as a sparse matrix, and each column's flat pair index.

    Shape (rows, pairs); for programs of up to some thousands of loans.
    """
    pairs = np.flatnonzero(program.eligible.ravel())
    parts = [
        sparse.csr_array(program.coefficients(r).ravel()[pairs][None, :]) for r in program.rows
    ]
    if not parts:
        return sparse.csr_array((0, len(pairs))), pairs
    return sparse.csr_array(sparse.vstack(parts)), pairs
