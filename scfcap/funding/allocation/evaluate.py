"""The dual function of a program at given prices, over fixed blocks of loans in threads.

    g(y) = right y + sum_i max(0, max_c r_ic(y)) b_i                          (the dual)
    g_mu(y) = right y + sum_i mu b_i log(1 + sum_c exp(r_ic / mu))            (smoothed)

``0 <= g_mu - g <= mu log(channels + 1) sum b``; the gradient of g_mu is the right sides less the
left sides at the softmax placement (Y. Nesterov, Smooth minimization of non-smooth functions, Math.
Program. 103, 2005). Block sums are added in order: results do not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from scfcap.funding.allocation import kernels
from scfcap.funding.allocation.blocks import blocks
from scfcap.funding.allocation.program import Choice
from scfcap.funding.allocation.structure import Structure
from scfcap.quantities import FloatArray, IntArray

#: Loans in a block; blocks run beside each other.
BLOCK = 65_536
#: Numbers that second derivatives may take at a time.
_CELLS = 20_000_000
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Smoothed:
    """The smoothed dual at ``y`` [currency]: ``value``, the dual itself in ``sharp``, ``gradient``
    (rows,) [currency], ``lost``: what the softmax placement is worth less than the best at these
    prices, ``near``: loans that it splits.
    """

    y: FloatArray
    mu: float
    value: float
    sharp: float
    gradient: FloatArray
    lost: float
    near: IntArray
    table: FloatArray

    @property
    def gap(self) -> float:
        """At most this [currency] is still to gain, where the softmax placement keeps the rows."""
        return self.lost + float(np.abs(self.y * self.gradient).sum())


class Evaluator:
    """A structure's dual; ``count`` evaluations so far. Its threads end with :func:`evaluator`."""

    def __init__(self, structure: Structure, threads: ThreadPoolExecutor) -> None:
        self.structure = structure
        self.threads = threads
        self.count = 0

    def _arrays(self, loans: slice | IntArray) -> tuple[Any, ...]:
        """Some loans, and the parts, as the kernels go through them."""
        s = self.structure
        return (
            s.unit[loans], s.balance[loans], s.must[loans], s.codes[loans], s.numbers[loans],
            s.attribute, s.number, s.start,
        )  # fmt: skip

    def of(self, structure: Structure) -> Evaluator:
        """Another structure's, in the same threads."""
        return Evaluator(structure, self.threads)

    def smooth(self, y: FloatArray, mu: float) -> Smoothed:
        """The smoothed dual and its gradient; ``mu`` [1], value per money, above 0."""
        s = self.structure
        table = s.table(y)
        self.count += 1

        def one(low: int, high: int) -> tuple[Any, FloatArray, IntArray]:
            sums = np.zeros((s.lines, s.channels))
            near = np.empty(high - low, dtype=np.int64)
            arrays = self._arrays(slice(low, high))
            told = kernels.smooth(arrays, table, mu, 0, high - low, sums, near)
            return told[:3], sums, near[: told[3]] + low

        total, sums, near = np.zeros(3), np.zeros((s.lines, s.channels)), []
        for told, part, ties in self._blocks(one):
            total += told
            sums += part
            near.append(ties)
        fixed = float((s.right * y).sum())
        return Smoothed(
            y=y,
            mu=mu,
            value=float(total[0]) + fixed,
            sharp=float(total[1]) + fixed,
            gradient=s.right - s.left(sums),
            lost=float(total[2]),
            near=np.concatenate(near) if near else np.zeros(0, dtype=np.int64),
            table=table,
        )

    def hessian(self, at: Smoothed) -> FloatArray:
        """Second derivatives of the smoothed dual, shape (rows, rows) [currency]."""
        s = self.structure
        cells = s.lines * s.channels
        most = max(1, min(8, _CELLS // cells**2))
        halves = np.array_split(at.near, max(1, min(most, len(at.near) // 4096)))

        def one(near: IntArray) -> FloatArray:
            found = np.zeros((cells, cells))
            for some in blocks(len(near), BLOCK):
                loans = near[some]
                kernels.curve(self._arrays(loans), at.table, at.mu, np.arange(len(loans)), found)
            return found

        if len(halves) == 1:
            total = one(halves[0])
        else:
            total = np.zeros((cells, cells))
            for part in self.threads.map(one, halves):
                total += part
        return np.asarray(s.entries.T @ (s.entries.T @ total).T)

    def choose(self, y: FloatArray) -> tuple[Choice, FloatArray, Choice]:
        """Best channel of each loan at prices ``y``, by how much per money, and the next best.

        Each (loans,); -1: unplaced; -2 in the last: no other use, the margin is infinite.
        """
        s, table = self.structure, self.structure.table(y)
        choice, second = np.empty(len(s), np.int16), np.empty(len(s), np.int16)
        margin = np.empty(len(s))

        def one(low: int, high: int) -> None:
            some = slice(low, high)
            told = choice[some], margin[some], second[some]
            kernels.choose(self._arrays(some), table, 0, high - low, *told)

        list(self._blocks(one))
        return choice, margin, second

    def terms(self, value: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Each loan's term of the dual [currency], and the size of what it was made of."""
        s = self.structure
        table, gross = s.table(y), (abs(s.entries) @ np.abs(y)).reshape(s.lines, s.channels)
        found, size = np.empty(len(s)), np.empty(len(s))

        def one(low: int, high: int) -> None:
            some = slice(low, high)
            told = found[some], size[some]
            worth = np.ascontiguousarray(value[some], dtype=np.float64)
            kernels.terms(self._arrays(some), worth, table, gross, 0, high - low, *told)

        list(self._blocks(one))
        return found, size

    def _blocks(self, work: Callable[[int, int], _Result]) -> Iterator[_Result]:
        size = len(self.structure)
        if size <= BLOCK:
            yield work(0, size)
            return
        lows = range(0, size, BLOCK)
        yield from self.threads.map(work, lows, [min(low + BLOCK, size) for low in lows])


@contextmanager
def evaluator(structure: Structure) -> Iterator[Evaluator]:
    """An evaluator with threads of its own."""
    with ThreadPoolExecutor() as threads:
        yield Evaluator(structure, threads)
