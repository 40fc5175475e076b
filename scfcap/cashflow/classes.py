"""Classes of loans that survive alike: same group, curve, clock and age, whatever they owe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scfcap.cashflow.loans import LoanArrays
from scfcap.compiled import compiled
from scfcap.quantities import FloatArray, IntArray

#: Columns of the keys of classes, in order.
_KEYS = (
    *("group", "curve", "start_day", "hazard_scale", "shape", "origin_day", "bucket"),
    *("runs_to", "loan_type", "rate", "draws", "draws_until", "alike"),
)


@dataclass(frozen=True)
class Classes:
    """Classes of loans, each array of shape (classes,); see :class:`LoanArrays`.

    ``start_day`` is 0 for loans outstanding at ``as_of``; ``origin_day`` and ``shape`` are 0
    where the curve does not go by age, ``bucket`` where it knows no delinquency and the loans have
    not defaulted.
    ``runs_to`` is the period (from 1) in which the loans mature. ``key`` [C, 13] holds all of them
    as integers, type and rate of the loans, and of lines that are drawn which pay in proportion;
    these and ``runs_to`` are 0 where they do not tell loans apart.
    """

    key: IntArray

    @property
    def group(self) -> IntArray:
        """Row of the result."""
        return self.key[:, 0]

    @property
    def curve(self) -> IntArray:
        """Segment of the curve set."""
        return self.key[:, 1]

    @property
    def start_day(self) -> IntArray:
        """Day on which the loans start, an offset from ``as_of``."""
        return self.key[:, 2]

    @property
    def hazard_scale(self) -> FloatArray:
        """Factor on the default intensity."""
        return np.ascontiguousarray(self.key[:, 3]).view(np.float64)

    @property
    def shape(self) -> IntArray:
        """Which curve by age."""
        return self.key[:, 4]

    @property
    def origin_day(self) -> IntArray:
        """Day on which the loans were made, an offset from ``as_of``."""
        return self.key[:, 5]

    @property
    def bucket(self) -> IntArray:
        """Delinquency at ``as_of``."""
        return self.key[:, 6]

    @property
    def runs_to(self) -> IntArray:
        """Period in which the loans mature, or 0."""
        return self.key[:, 7]

    @property
    def draws(self) -> IntArray:
        """Part of a line that is drawn further."""
        return self.key[:, 10]

    @property
    def draws_until(self) -> IntArray:
        """Day up to which it is."""
        return self.key[:, 11]

    def __len__(self) -> int:
        return len(self.key)


def classify(loans: LoanArrays, runs_to: IntArray | None = None) -> tuple[Classes, IntArray]:
    """Classes in the order of their first loans, and the class of each loan (loans,).

    With ``runs_to`` (loans,), the period in which each matures, loans of a class also end in one
    period and have one type and rate: what they owe by contract is in proportion.
    """
    none = np.zeros(len(loans), dtype=np.int64)
    contract = (none, none, none)
    if runs_to is not None:
        contract = (runs_to, loans.loan_type, loans.rate.view(np.int64))
    columns = (
        loans.group,
        loans.curve,
        np.maximum(loans.start_day, 0),
        np.asarray(loans.hazard_scale, dtype=np.float64).view(np.int64),
        loans.shape,
        loans.origin_day,
        loans.bucket,
        *contract,
        loans.draws,
        loans.draws_until,
        loans.alike,
    )
    # Most columns are the same for all loans of a pool: what tells them apart is soon hashed.
    telling = [m for m, column in enumerate(columns) if (column != column[:1]).any()]
    rows = np.stack([columns[m] for m in telling or [0]], axis=1)
    index, first = unique_rows(rows)
    return Classes(np.stack([column[first] for column in columns], axis=1)), index


@compiled
def unique_rows(rows: IntArray) -> tuple[IntArray, IntArray]:
    """Number of each row among the distinct ones, and where each of those stands first.

    ``rows`` [N, M]; distinct rows are numbered in the order of their first appearance.
    """
    count, width = rows.shape
    size = 64
    while size < 2 * count:
        size *= 2
    table = np.full(size, -1, dtype=np.int64)
    index = np.empty(count, dtype=np.int64)
    first = np.empty(count, dtype=np.int64)
    found = 0
    for i in range(count):
        code = np.uint64(0x9E3779B97F4A7C15)
        for m in range(width):
            code ^= np.uint64(rows[i, m])
            code *= np.uint64(0xFF51AFD7ED558CCD)
            code ^= code >> np.uint64(32)
        slot = np.int64(code & np.uint64(size - 1))
        while True:
            known = table[slot]
            if known < 0:
                table[slot] = found
                first[found] = i
                index[i] = found
                found += 1
                break
            same = True
            for m in range(width):
                if rows[first[known], m] != rows[i, m]:
                    same = False
                    break
            if same:
                index[i] = known
                break
            slot = (slot + 1) & (size - 1)
    return index, first[:found].copy()
